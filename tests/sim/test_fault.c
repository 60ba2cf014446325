/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each fault's shape in time, worked out by hand: what one try, or one server, shows to its client.
 * A kind without a shape here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/clock.h"
#include "sim/store.h"
#include "tests/sim/shape.h"

/* -------------------------------------------------------------------------------------- shapes */

static void shape_outage(void)
{
	const struct tr_fault fault = window(TR_FAULT_OUTAGE);
	struct tr_fleet *fleet = fleet_of(&plain, &fault, 1);

	/* What is connected goes on. */
	start_at(fleet, 980, 0, 1, 5);
	EXPECT(fleet, 999, CONNECTED(981, 1), HEADERS(981, 1));
	start_at(fleet, 999, 0, 2, 5);
	start_at(fleet, 1000, 0, 3, 5);
	EXPECT(fleet, 2000, CONNECTED(1000, 2), HEADERS(1000, 2), FAILED(1001, 3, 0, CONNECT),
	       FIRST(1041, 1), FIRST(1060, 2), DONE(1081, 1, 5), DONE(1100, 2, 5));
	start_at(fleet, 2999, 0, 4, 5);
	start_at(fleet, 3000, 0, 5, 5);
	EXPECT(fleet, 3001, FAILED(3000, 4, 0, CONNECT), CONNECTED(3001, 5), HEADERS(3001, 5));
	tr_fleet_free(fleet);
}

static void shape_blackhole(void)
{
	const struct tr_fault fault = window(TR_FAULT_BLACKHOLE);
	struct tr_fleet *fleet = fleet_of(&plain, &fault, 1);

	start_at(fleet, 1000, 0, 1, 5);
	expect(fleet, LATE, NULL, 0);
	tr_fleet_abort(fleet, T0 + LATE * TR_MS, (tr_attempt_handle){1, 1});
	start_at(fleet, LATE, 0, 1, 1);
	EXPECT(fleet, LATE + 100, CONNECTED(LATE + 1, 1), HEADERS(LATE + 1, 1), FIRST(LATE + 61, 1),
	       DONE(LATE + 61, 1, 1));
	tr_fleet_free(fleet);
}

static void expect_state(struct tr_fleet *fleet, uint64_t ms, enum tr_lifecycle lifecycle)
{
	struct tr_event event;

	assert_true(next_event(fleet, ms, &event));
	assert_int_equal(event.kind, TR_EVENT_ENDPOINT_STATE);
	assert_true(event.time == T0 + ms * TR_MS);
	assert_true(event.endpoint_state.endpoint == 42);
	assert_int_equal(event.endpoint_state.lifecycle, lifecycle);
}

/* Down at 1 s, starts again at 2 s, is there at 3 s. 43 is not concerned. */
static void shape_crash(void)
{
	static const uint32_t rows[] = {0};
	struct tr_fault fault = window(TR_FAULT_CRASH);
	struct tr_server_profile narrow = plain;
	struct tr_fleet *fleet;

	fault.reported = true;
	fault.span = TR_SECOND;
	fault.rows = rows;
	fault.row_count = 1;
	narrow.slots = 1;
	narrow.workers = 2;
	fleet = fleet_of(&narrow, &fault, 1);
	start_at(fleet, 900, 0, 1, 1000);
	start_at(fleet, 900, 0, 2, 1000);
	start_at(fleet, 900, 1, 3, 5);
	EXPECT(fleet, 999, CONNECTED(901, 1), CONNECTED(901, 2), CONNECTED(901, 3), HEADERS(901, 1),
	       HEADERS(901, 3), FIRST(961, 1), FIRST(961, 3));
	expect_state(fleet, 1000, TR_LIFECYCLE_DOWN);
	EXPECT(fleet, 1500, FAILED(1000, 1, 1, RESET), FAILED(1000, 2, 0, RESET), DONE(1001, 3, 5));
	start_at(fleet, 1500, 0, 1, 5);
	EXPECT(fleet, 1999, FAILED(1501, 1, 0, CONNECT));
	expect_state(fleet, 2000, TR_LIFECYCLE_STARTING);
	start_at(fleet, 2500, 0, 1, 5);
	EXPECT(fleet, 2999, FAILED(2501, 1, 0, CONNECT));
	expect_state(fleet, 3000, TR_LIFECYCLE_UP);
	start_at(fleet, 3000, 0, 1, 1);
	EXPECT(fleet, LATE, CONNECTED(3001, 1), HEADERS(3001, 1), FIRST(3061, 1), DONE(3061, 1, 1));
	tr_fleet_free(fleet);
}

/* Connected at 981; 19 of 60 ms are worked at 1000; the rest at half speed, 82 ms; the tokens each
 * 20 ms. At 3000 what is left goes at the old speed. */
static void shape_slow_down(void)
{
	struct tr_fault fault = window(TR_FAULT_SLOW_DOWN);
	struct tr_fleet *fleet;

	fault.speed_permille = 500;
	fleet = fleet_of(&plain, &fault, 1);
	start_at(fleet, 980, 0, 1, 5);
	EXPECT(fleet, LATE, CONNECTED(981, 1), HEADERS(981, 1), FIRST(1082, 1), DONE(1162, 1, 5));
	tr_fleet_free(fleet);
	fleet = fleet_of(&plain, &fault, 1);
	/* Prompt 1002..1122; 93 tokens after the first until 2982, nine tenths of one at 3000. What
	 * was made is told when the speed changes, then each 32. */
	start_at(fleet, 1001, 0, 1, 100);
	EXPECT(fleet, LATE, CONNECTED(1002, 1), HEADERS(1002, 1), FIRST(1122, 1),
	       PROGRESS(1762, 1, 33), PROGRESS(2402, 1, 65), PROGRESS(3000, 1, 94),
	       DONE(3051, 1, 100));
	tr_fleet_free(fleet);
	fault.speed_permille = 0;
	fleet = fleet_of(&plain, &fault, 1);
	start_at(fleet, 980, 0, 1, 5);
	EXPECT(fleet, LATE, CONNECTED(981, 1), HEADERS(981, 1), FIRST(3041, 1), DONE(3081, 1, 5));
	tr_fleet_free(fleet);
}

static void shape_latency_spike(void)
{
	struct tr_fault fault = window(TR_FAULT_LATENCY_SPIKE);

	/* Computed from 1301 to 1401, behind the gate. */
	fault.span = 300 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1301, 1), HEADERS(1601, 1), FIRST(1601, 1), DONE(1601, 1, 5));
	/* What comes after the gate is not late. */
	fault.span = 70 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1071, 1), HEADERS(1141, 1), FIRST(1141, 1), DONE(1171, 1, 5));
}

static void shape_errors(void)
{
	struct tr_fault fault = window(TR_FAULT_ERRORS);
	struct tr_fleet *fleet;
	struct tr_event event;

	fault.status = 502;
	fault.span = 100 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), FAILED(1101, 1, 0, SERVER_ERROR));
	fault.status = 503;
	fault.span = 0;
	fault.retry_after = 2 * TR_SECOND;
	fleet = fleet_of(&plain, &fault, 1);
	start_at(fleet, 1000, 0, 1, 5);
	assert_true(next_event(fleet, LATE, &event));
	assert_true(next_event(fleet, LATE, &event));
	assert_int_equal(event.kind, TR_EVENT_ATTEMPT_FAILED);
	assert_int_equal(event.attempt_failed.cause, TR_CAUSE_OVERLOADED);
	assert_int_equal(event.attempt_failed.status, 503);
	assert_true(event.attempt_failed.retry_after == 2 * TR_SECOND);
	tr_fleet_free(fleet);
}

static void shape_rate_limit(void)
{
	struct tr_fault fault = window(TR_FAULT_RATE_LIMIT);
	struct tr_fleet *fleet;
	struct tr_event event;

	fault.status = 429;
	fault.first = 1;
	fault.requests_remaining = 0;
	fault.requests_reset = TR_SECOND;
	fleet = fleet_of(&plain, &fault, 1);
	start_at(fleet, 1000, 0, 1, 5);
	start_at(fleet, 1000, 0, 2, 1);
	assert_true(next_event(fleet, LATE, &event));
	assert_true(next_event(fleet, LATE, &event));
	assert_int_equal(event.attempt_connected.attempt.slot1, 2);
	assert_true(next_event(fleet, LATE, &event));
	assert_int_equal(event.kind, TR_EVENT_ENDPOINT_QUOTA);
	assert_true(event.endpoint_quota.endpoint == 42);
	assert_int_equal(event.endpoint_quota.requests_remaining, 0);
	assert_true(event.endpoint_quota.requests_reset == TR_SECOND);
	assert_true(event.endpoint_quota.tokens_remaining == UINT64_MAX);
	EXPECT(fleet, LATE, HEADERS(1001, 2), FAILED(1001, 1, 0, RATE_LIMITED), FIRST(1061, 2),
	       DONE(1061, 2, 1));
	tr_fleet_free(fleet);
}

static void shape_stall_headers(void)
{
	struct tr_fault fault = window(TR_FAULT_STALL_HEADERS);

	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(3000, 1), FIRST(3000, 1), DONE(3000, 1, 5));
	fault.span = 70 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1071, 1), FIRST(1071, 1), DONE(1101, 1, 5));
}

static void shape_stall_first_token(void)
{
	struct tr_fault fault = window(TR_FAULT_STALL_FIRST_TOKEN);

	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(3000, 1), DONE(3000, 1, 5));
	fault.span = 20 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1081, 1), DONE(1101, 1, 5));
}

/* Two tokens, told when they are there; nothing from where the third was due. */
static void shape_stall_stream(void)
{
	struct tr_fault fault = window(TR_FAULT_STALL_STREAM);

	fault.after_tokens = 2;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1),
		   PROGRESS(1071, 1, 2), DONE(3000, 1, 5));
	fault.span = 15 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1),
		   PROGRESS(1071, 1, 2), PROGRESS(1096, 1, 3), DONE(1101, 1, 5));
	fault.after_tokens = 0;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1076, 1), DONE(1101, 1, 5));
	/* All of it: what is held back is the end. */
	fault.after_tokens = 5;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1),
		   PROGRESS(1101, 1, 5), DONE(1116, 1, 5));
}

static void shape_break(enum tr_fault_kind kind, enum tr_cause cause)
{
	struct tr_fault fault = window(kind);
	struct expected rows[] = {CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1),
				  FAILED(1081, 1, 2, NONE)};
	struct expected before[] = {CONNECTED(1001, 1), HEADERS(1001, 1), FAILED(1061, 1, 0, NONE)};
	struct expected after[] = {CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1),
				   FAILED(1101, 1, 5, NONE)};

	before[2].cause = rows[3].cause = after[3].cause = (uint8_t)cause;
	expect_one(&fault, before, TR_ARRAY_LENGTH(before));
	if (kind == TR_FAULT_EMPTY)
		return;
	fault.after_tokens = 2;
	expect_one(&fault, rows, TR_ARRAY_LENGTH(rows));
	fault.after_tokens = 900;
	expect_one(&fault, after, 4);
}

static void shape_reset(void)
{
	shape_break(TR_FAULT_RESET, TR_CAUSE_RESET);
}

static void shape_malformed(void)
{
	shape_break(TR_FAULT_MALFORMED, TR_CAUSE_MALFORMED_ANSWER);
}

static void shape_empty(void)
{
	shape_break(TR_FAULT_EMPTY, TR_CAUSE_EMPTY_ANSWER);
}

static void shape_error_in_stream(void)
{
	shape_break(TR_FAULT_ERROR_IN_STREAM, TR_CAUSE_STREAM_ERROR);
}

/* Tokens at 1061, 1161, 1261, 1361, 1461; where silence is limited they are reported in time. */
static void shape_trickle(void)
{
	struct tr_fault fault = window(TR_FAULT_TRICKLE);
	struct tr_fleet *fleet;

	fault.span = 100 * TR_MS;
	EXPECT_ONE(&fault, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1), DONE(1461, 1, 5));
	fleet = fleet_of(&plain, &fault, 1);
	tr_fleet_start(fleet, T0 + TR_SECOND,
		       &(struct tr_server_request){.attempt = {1, 1},
						   .job_id = 1,
						   .tokens_in = 10,
						   .tokens_out = 5,
						   .silence_ns = 400 * TR_MS});
	EXPECT(fleet, LATE, CONNECTED(1001, 1), HEADERS(1001, 1), FIRST(1061, 1),
	       PROGRESS(1261, 1, 3), DONE(1461, 1, 5));
	tr_fleet_free(fleet);
}

/* ------------------------------------------------------------------------------------- signals */

/* One server, a report each 500 ms that is 100 ms old; 42 gets two requests at 200 ms, which need
 * 5 s each. */
static struct tr_fleet *reporting(const struct tr_fault *faults, uint32_t count)
{
	struct tr_server server = {.name = 42, .slots = 4, .profile = plain};
	struct tr_fleet *fleet;

	server.profile.slots = 1;
	server.profile.tpot_ns = 1000 * TR_MS;
	fleet = tr_fleet_new(&(struct tr_fleet_options){.seed = 7,
							.start = T0,
							.servers = &server,
							.server_count = 1,
							.attempts_max = 4,
							.faults = faults,
							.fault_count = count,
							.signal = 500 * TR_MS,
							.signal_age = 100 * TR_MS});
	assert_non_null(fleet);
	return fleet;
}

struct signal {
	uint64_t ms;
	uint64_t observed_ms;
	uint32_t running;
	uint32_t waiting;
};

static void expect_signals(const struct tr_fault *fault, const struct signal *rows, size_t count)
{
	struct tr_fleet *fleet = reporting(fault, fault ? 1 : 0);
	struct tr_event event;
	size_t i = 0;

	assert_false(next_event(fleet, 200, &event));
	start_at(fleet, 200, 0, 1, 2);
	start_at(fleet, 200, 0, 2, 9);
	while (next_event(fleet, 3200, &event)) {
		if (event.kind != TR_EVENT_ENDPOINT_SIGNAL)
			continue;
		assert_true(i < count);
		assert_int_equal((event.time - T0) / TR_MS, rows[i].ms);
		assert_int_equal((event.observed - T0) / TR_MS, rows[i].observed_ms);
		assert_int_equal(event.endpoint_signal.running, rows[i].running);
		assert_int_equal(event.endpoint_signal.waiting, rows[i].waiting);
		i++;
	}
	assert_int_equal(i, count);
	tr_fleet_free(fleet);
}

/* The first request is over at 1261, the second has its slot from then on. */
static void test_servers_report_their_load_as_it_was(void **state)
{
	const struct signal rows[] = {{600, 500, 1, 1},	  {1100, 1000, 1, 1}, {1600, 1500, 1, 0},
				      {2100, 2000, 1, 0}, {2600, 2500, 1, 0}, {3100, 3000, 1, 0}};

	(void)state;
	expect_signals(NULL, rows, TR_ARRAY_LENGTH(rows));
}

static void shape_signals_frozen(void)
{
	const struct tr_fault fault = window(TR_FAULT_SIGNALS_FROZEN);
	const struct signal rows[] = {{600, 500, 1, 1},	  {1100, 1000, 1, 1}, {1600, 1500, 1, 1},
				      {2100, 2000, 1, 1}, {2600, 2500, 1, 1}, {3100, 3000, 1, 0}};

	expect_signals(&fault, rows, TR_ARRAY_LENGTH(rows));
}

static void shape_signals_stale(void)
{
	const struct tr_fault fault = window(TR_FAULT_SIGNALS_STALE);
	const struct signal rows[] = {{600, 500, 1, 1},	 {1100, 500, 1, 1}, {1600, 500, 1, 1},
				      {2100, 500, 1, 1}, {2600, 500, 1, 1}, {3100, 3000, 1, 0}};

	expect_signals(&fault, rows, TR_ARRAY_LENGTH(rows));
}

static void shape_signals_lost(void)
{
	const struct tr_fault fault = window(TR_FAULT_SIGNALS_LOST);
	const struct signal rows[] = {{600, 500, 1, 1}, {3100, 3000, 1, 0}};

	expect_signals(&fault, rows, TR_ARRAY_LENGTH(rows));
}

/* ------------------------------------------------------------------------------ clock and store */

static void shape_clock_jump(void)
{
	struct tr_fault faults[2] = {window(TR_FAULT_CLOCK_JUMP), window(TR_FAULT_CLOCK_JUMP)};
	struct tr_clock clock;

	faults[0].span = 10 * TR_SECOND;
	tr_clock_init(&clock, T0, faults, 1);
	assert_true(tr_clock_read(&clock, T0 + TR_SECOND - 1) == T0 + TR_SECOND - 1);
	assert_true(tr_clock_read(&clock, T0 + TR_SECOND) == T0 + 11 * TR_SECOND);
	assert_true(tr_clock_read(&clock, T0 + 3 * TR_SECOND) == T0 + 3 * TR_SECOND);
	/* What lies within the jump is due when it comes; what lies beyond, in its own time. */
	assert_true(tr_clock_due(&clock, T0, T0 + 5 * TR_SECOND) == T0 + TR_SECOND);
	assert_true(tr_clock_due(&clock, T0, T0 + 12 * TR_SECOND) == T0 + 2 * TR_SECOND);
	assert_true(tr_clock_due(&clock, T0, T0 + 14 * TR_SECOND) == T0 + 14 * TR_SECOND);
	assert_true(tr_clock_due(&clock, T0, TR_TIME_NEVER) == TR_TIME_NEVER);
	faults[0].backward = true;
	tr_clock_init(&clock, T0, faults, 1);
	assert_true(tr_clock_read(&clock, T0 + TR_SECOND) == T0 - 9 * TR_SECOND);
	assert_true(tr_clock_due(&clock, T0 + TR_SECOND, T0 + TR_SECOND) == T0 + 3 * TR_SECOND);
	/* Two that overlap add. */
	faults[1].at = 2 * TR_SECOND;
	faults[1].end = TR_TIME_NEVER;
	faults[1].span = TR_SECOND;
	tr_clock_init(&clock, T0, faults, 2);
	assert_true(tr_clock_read(&clock, T0 + 2 * TR_SECOND) == T0 - 7 * TR_SECOND);
	assert_true(tr_clock_read(&clock, T0 + 4 * TR_SECOND) == T0 + 5 * TR_SECOND);
}

/* When jobs stored at 900, 1000, 1500 and 3000 ms are stored, and whether. */
static void expect_stored(const struct tr_fault *fault, const uint64_t *stored_ms, const bool *ok)
{
	static const uint64_t times[] = {900, 1000, 1500, 3000};
	struct tr_store store;

	assert_int_equal(tr_store_init(&store, 20 * TR_MS, tr_timeline_new(7, T0, fault, 1, 1)), 0);
	assert_true(tr_store_next(&store) == TR_TIME_NEVER);
	for (uint32_t i = 0; i < 4; i++)
		tr_store_add(&store, T0 + times[i] * TR_MS, i + 1, (tr_job_handle){i + 1, 1});
	for (uint32_t i = 0; i < 4; i++) {
		struct tr_event event;

		assert_true(tr_store_next(&store) == T0 + stored_ms[i] * TR_MS);
		tr_store_take(&store, &event);
		assert_int_equal(event.kind, TR_EVENT_JOB_PERSISTED);
		assert_int_equal(event.job_persisted.job.slot1, i + 1);
		assert_int_equal(event.job_persisted.ok, ok[i]);
	}
	tr_store_done(&store);
}

/* The last one comes after those before it, in order. */
static void shape_store_delay(void)
{
	struct tr_fault fault = window(TR_FAULT_STORE_DELAY);

	fault.span = 1800 * TR_MS;
	expect_stored(&fault, (const uint64_t[]){920, 2820, 3320, 3320},
		      (const bool[]){true, true, true, true});
}

static void shape_store_failure(void)
{
	struct tr_fault fault = window(TR_FAULT_STORE_FAILURE);

	expect_stored(&fault, (const uint64_t[]){920, 1020, 1520, 3020},
		      (const bool[]){true, false, false, true});
	fault.first = 1;
	expect_stored(&fault, (const uint64_t[]){920, 1020, 1520, 3020},
		      (const bool[]){true, false, true, true});
}

/* SIM-4 */
static void test_each_kind_has_its_shape_in_time(void **state)
{
	static void (*const shapes[TR_FAULT_COUNT])(void) = {
		[TR_FAULT_OUTAGE] = shape_outage,
		[TR_FAULT_BLACKHOLE] = shape_blackhole,
		[TR_FAULT_CRASH] = shape_crash,
		[TR_FAULT_SLOW_DOWN] = shape_slow_down,
		[TR_FAULT_LATENCY_SPIKE] = shape_latency_spike,
		[TR_FAULT_ERRORS] = shape_errors,
		[TR_FAULT_RATE_LIMIT] = shape_rate_limit,
		[TR_FAULT_STALL_HEADERS] = shape_stall_headers,
		[TR_FAULT_STALL_FIRST_TOKEN] = shape_stall_first_token,
		[TR_FAULT_STALL_STREAM] = shape_stall_stream,
		[TR_FAULT_RESET] = shape_reset,
		[TR_FAULT_MALFORMED] = shape_malformed,
		[TR_FAULT_EMPTY] = shape_empty,
		[TR_FAULT_ERROR_IN_STREAM] = shape_error_in_stream,
		[TR_FAULT_TRICKLE] = shape_trickle,
		[TR_FAULT_SIGNALS_FROZEN] = shape_signals_frozen,
		[TR_FAULT_SIGNALS_STALE] = shape_signals_stale,
		[TR_FAULT_SIGNALS_LOST] = shape_signals_lost,
		[TR_FAULT_CLOCK_JUMP] = shape_clock_jump,
		[TR_FAULT_STORE_DELAY] = shape_store_delay,
		[TR_FAULT_STORE_FAILURE] = shape_store_failure,
	};

	(void)state;
	for (uint32_t kind = 0; kind < TR_FAULT_COUNT; kind++) {
		if (!shapes[kind])
			fail_msg("nobody has worked out the shape of '%s'", tr_faults[kind].word);
		shapes[kind]();
	}
}

/* The stall holds back what the reset then cuts off; of two breaks the earlier one is met. */
static void test_faults_at_different_places_are_both_met(void **state)
{
	struct tr_fault faults[3] = {window(TR_FAULT_RESET), window(TR_FAULT_STALL_STREAM),
				     window(TR_FAULT_OUTAGE)};
	struct tr_fleet *fleet;

	(void)state;
	faults[0].after_tokens = 3;
	faults[1].after_tokens = 2;
	faults[1].span = 300 * TR_MS;
	faults[2].first = 1;
	fleet = fleet_of(&plain, faults, 3);
	start_at(fleet, 1000, 0, 1, 5);
	start_at(fleet, 1000, 0, 2, 5);
	EXPECT(fleet, LATE, FAILED(1001, 1, 0, CONNECT), CONNECTED(1001, 2), HEADERS(1001, 2),
	       FIRST(1061, 2), PROGRESS(1071, 2, 2), FAILED(1381, 2, 3, RESET));
	tr_fleet_free(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_has_its_shape_in_time),
		cmocka_unit_test(test_servers_report_their_load_as_it_was),
		cmocka_unit_test(test_faults_at_different_places_are_both_met),
	};

	return cmocka_run_group_tests_name("sim fault", tests, NULL, NULL);
}
