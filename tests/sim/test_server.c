/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model server against times worked out by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/server/fate.h"

#define T0 (UINT64_C(1700000000) * TR_SECOND)

/* 1 ms to connect; 50 ms and 1 ms for each prompt token to the first token; 10 ms a token. */
static const struct tr_server_profile plain = {
	.connect_ns = TR_MS,
	.ttft_base_ns = 50 * TR_MS,
	.prefill_milli = 1000000,
	.tpot_ns = 10 * TR_MS,
	.slots = 1,
};

static struct tr_fleet *fleet_of(const struct tr_server_profile *profile)
{
	struct tr_server server = {.name = 42, .slots = 1, .profile = *profile};
	struct tr_fleet *fleet = tr_fleet_new(&(struct tr_fleet_options){
		.seed = 7, .servers = &server, .server_count = 1, .attempts_max = 64});

	assert_non_null(fleet);
	return fleet;
}

static void start(struct tr_fleet *fleet, tr_time_ns now, uint32_t slot1, uint32_t tokens_in,
		  uint32_t tokens_out)
{
	tr_fleet_start(fleet, now,
		       &(struct tr_server_request){.attempt = {slot1, 1},
						   .job_id = slot1,
						   .tokens_in = tokens_in,
						   .tokens_out = tokens_out});
}

struct expected {
	uint64_t ms;
	uint16_t kind;
	uint32_t slot1;
	uint32_t tokens;
};

static void expect(struct tr_fleet *fleet, const struct expected *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tr_event event;
		tr_time_ns next = tr_fleet_next(fleet);

		assert_true(next == T0 + rows[i].ms * TR_MS);
		tr_fleet_take(fleet, &event);
		assert_true(event.time == next);
		assert_true(event.observed == next);
		assert_int_equal(event.kind, rows[i].kind);
		assert_int_equal(event.attempt_connected.attempt.slot1, rows[i].slot1);
		if (event.kind == TR_EVENT_ATTEMPT_PROGRESS)
			assert_int_equal(event.attempt_progress.tokens_out, rows[i].tokens);
		if (event.kind == TR_EVENT_ATTEMPT_DONE)
			assert_int_equal(event.attempt_done.tokens_out, rows[i].tokens);
		if (event.kind == TR_EVENT_ATTEMPT_FAILED)
			assert_int_equal(event.attempt_failed.tokens_out, rows[i].tokens);
	}
}

/* SIM-3 */
static void test_a_request_takes_the_time_worked_out_by_hand(void **state)
{
	struct tr_fleet *fleet = fleet_of(&plain);
	/* First token after 1 + 50 + 100 ms; then each 32 tokens, 320 ms; the 100th 990 ms later.
	 */
	const struct expected rows[] = {
		{1, TR_EVENT_ATTEMPT_CONNECTED, 1, 0},	   {1, TR_EVENT_ATTEMPT_HEADERS, 1, 0},
		{151, TR_EVENT_ATTEMPT_FIRST_TOKEN, 1, 0}, {471, TR_EVENT_ATTEMPT_PROGRESS, 1, 33},
		{791, TR_EVENT_ATTEMPT_PROGRESS, 1, 65},   {1111, TR_EVENT_ATTEMPT_PROGRESS, 1, 97},
		{1141, TR_EVENT_ATTEMPT_DONE, 1, 100},
	};

	(void)state;
	start(fleet, T0, 1, 100, 100);
	expect(fleet, rows, TR_ARRAY_LENGTH(rows));
	assert_true(tr_fleet_next(fleet) == TR_TIME_NEVER);
	tr_fleet_free(fleet);
}

static void test_progress_comes_no_oftener_than_each_250_ms(void **state)
{
	struct tr_server_profile fast = plain;
	struct tr_fleet *fleet;
	/* 4 ms a token: 63 tokens are the first to take 250 ms. */
	const struct expected rows[] = {
		{1, TR_EVENT_ATTEMPT_CONNECTED, 1, 0},	  {1, TR_EVENT_ATTEMPT_HEADERS, 1, 0},
		{52, TR_EVENT_ATTEMPT_FIRST_TOKEN, 1, 0}, {304, TR_EVENT_ATTEMPT_PROGRESS, 1, 64},
		{448, TR_EVENT_ATTEMPT_DONE, 1, 100},
	};

	(void)state;
	fast.tpot_ns = 4 * TR_MS;
	fleet = fleet_of(&fast);
	start(fleet, T0, 1, 1, 100);
	expect(fleet, rows, TR_ARRAY_LENGTH(rows));
	tr_fleet_free(fleet);
}

/* H8: 45 ms a token make 32 tokens take longer than an engine may wait; and if one token does, it
 * is reported when it comes. */
static void test_progress_comes_before_the_engine_sees_silence(void **state)
{
	static const struct {
		tr_span_ns silence;
		uint32_t tokens;
	} rows[] = {{0, 33}, {4 * TR_SECOND, 33}, {TR_SECOND, 12}, {TR_MS, 2}};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		struct tr_server_profile slow = plain;
		struct tr_fleet *fleet;
		struct tr_event event = {.kind = 0};

		slow.tpot_ns = 45 * TR_MS;
		fleet = fleet_of(&slow);
		tr_fleet_start(fleet, T0,
			       &(struct tr_server_request){.attempt = {1, 1},
							   .job_id = 1,
							   .tokens_in = 1,
							   .tokens_out = 100,
							   .silence_ns = rows[i].silence});
		while (event.kind != TR_EVENT_ATTEMPT_PROGRESS)
			tr_fleet_take(fleet, &event);
		assert_int_equal(event.attempt_progress.tokens_out, rows[i].tokens);
		tr_fleet_free(fleet);
	}
}

static void test_who_waits_longest_gets_the_free_slot(void **state)
{
	struct tr_fleet *fleet = fleet_of(&plain);
	const struct expected rows[] = {
		{1, TR_EVENT_ATTEMPT_CONNECTED, 3, 0},	  {1, TR_EVENT_ATTEMPT_CONNECTED, 1, 0},
		{1, TR_EVENT_ATTEMPT_CONNECTED, 2, 0},	  {1, TR_EVENT_ATTEMPT_HEADERS, 3, 0},
		{61, TR_EVENT_ATTEMPT_FIRST_TOKEN, 3, 0}, {71, TR_EVENT_ATTEMPT_DONE, 3, 2},
		{71, TR_EVENT_ATTEMPT_HEADERS, 1, 0},	  {131, TR_EVENT_ATTEMPT_FIRST_TOKEN, 1, 0},
		{131, TR_EVENT_ATTEMPT_DONE, 1, 1},	  {131, TR_EVENT_ATTEMPT_HEADERS, 2, 0},
	};
	uint32_t running, waiting;

	(void)state;
	start(fleet, T0, 3, 10, 2);
	start(fleet, T0, 1, 10, 1);
	start(fleet, T0, 2, 10, 1);
	expect(fleet, rows, 3);
	tr_fleet_load(fleet, 0, &running, &waiting);
	assert_int_equal(running, 1);
	assert_int_equal(waiting, 2);
	expect(fleet, rows + 3, TR_ARRAY_LENGTH(rows) - 3);
	tr_fleet_free(fleet);
}

static void test_an_abort_frees_the_slot_at_once_and_silences_the_attempt(void **state)
{
	struct tr_fleet *fleet = fleet_of(&plain);
	const struct expected before[] = {
		{1, TR_EVENT_ATTEMPT_CONNECTED, 1, 0},
		{1, TR_EVENT_ATTEMPT_CONNECTED, 2, 0},
		{1, TR_EVENT_ATTEMPT_CONNECTED, 3, 0},
		{1, TR_EVENT_ATTEMPT_HEADERS, 1, 0},
	};
	/* 2 left the line, 1 its slot at 30 ms; 3 is served from then on. */
	const struct expected after[] = {
		{30, TR_EVENT_ATTEMPT_HEADERS, 3, 0},
		{90, TR_EVENT_ATTEMPT_FIRST_TOKEN, 3, 0},
		{90, TR_EVENT_ATTEMPT_DONE, 3, 1},
	};

	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		start(fleet, T0, i, 10, 1);
	expect(fleet, before, TR_ARRAY_LENGTH(before));
	tr_fleet_abort(fleet, T0 + 20 * TR_MS, (tr_attempt_handle){2, 1});
	tr_fleet_abort(fleet, T0 + 30 * TR_MS, (tr_attempt_handle){1, 1});
	expect(fleet, after, TR_ARRAY_LENGTH(after));
	assert_true(tr_fleet_next(fleet) == TR_TIME_NEVER);
	tr_fleet_free(fleet);
}

/* What aborts leave in the queue is swept, or a fixed queue would overflow. */
static void test_endless_aborts_need_no_more_memory(void **state)
{
	struct tr_fleet *fleet = fleet_of(&plain);

	(void)state;
	start(fleet, T0, 64, 10, 1000000);
	for (uint32_t i = 0; i < 100000; i++) {
		start(fleet, T0, 1 + i % 60, 10, 10);
		tr_fleet_abort(fleet, T0, (tr_attempt_handle){1 + i % 60, 1});
	}
	assert_true(tr_fleet_next(fleet) == T0 + TR_MS);
	tr_fleet_free(fleet);
}

/* SIM-4 */
static void test_faults_come_as_often_and_where_they_should(void **state)
{
	struct tr_server_profile bad = plain;
	uint64_t faults[4] = {0};

	(void)state;
	bad.error_ppm = 300000;
	for (uint64_t job = 1; job <= 100000; job++) {
		struct tr_server_request request = {
			.job_id = job, .tokens_in = 10, .tokens_out = 100};
		struct tr_fate fate;

		tr_fate_draw(7, 42, &bad, &request, &fate);
		faults[fate.breaks]++;
		if (fate.breaks == TR_BREAK_STREAM)
			assert_in_range(fate.tokens_last, 1, 99);
		else
			assert_int_equal(fate.tokens_last, 100);
		if (fate.breaks == TR_BREAK_FIRST)
			assert_in_range(fate.ttft, 0, 60 * TR_MS);
		else
			assert_true(fate.ttft == 60 * TR_MS);
	}
	assert_in_range(faults[TR_BREAK_NONE], 69500, 70500);
	for (int fault = TR_BREAK_CONNECT; fault <= TR_BREAK_STREAM; fault++)
		assert_in_range(faults[fault], 9700, 10300);
}

static void test_each_fault_ends_the_attempt_with_its_cause(void **state)
{
	static const struct {
		uint8_t cause;
		uint16_t status;
	} wanted[] = {
		[TR_BREAK_CONNECT] = {TR_CAUSE_CONNECT, 0},
		[TR_BREAK_FIRST] = {TR_CAUSE_SERVER_ERROR, 500},
		[TR_BREAK_STREAM] = {TR_CAUSE_RESET, 0},
	};
	struct tr_server_profile bad = plain;
	bool seen[4] = {false};

	(void)state;
	bad.error_ppm = 1000000;
	for (uint32_t job = 1; job <= 50; job++) {
		struct tr_server_request request = {
			.attempt = {job, 9}, .job_id = job, .tokens_in = 10, .tokens_out = 100};
		struct tr_fleet *fleet = fleet_of(&bad);
		struct tr_fate fate;
		struct tr_event event;

		tr_fate_draw(7, 42, &bad, &request, &fate);
		seen[fate.breaks] = true;
		tr_fleet_start(fleet, T0, &request);
		do {
			tr_fleet_take(fleet, &event);
			if (fate.breaks == TR_BREAK_FIRST)
				assert_int_not_equal(event.kind, TR_EVENT_ATTEMPT_HEADERS);
		} while (event.kind != TR_EVENT_ATTEMPT_FAILED);
		assert_int_equal(event.attempt_failed.cause, wanted[fate.breaks].cause);
		assert_int_equal(event.attempt_failed.status, wanted[fate.breaks].status);
		assert_int_equal(event.attempt_failed.tokens_out,
				 fate.breaks == TR_BREAK_STREAM ? fate.tokens_last : 0);
		assert_true(tr_fleet_next(fleet) == TR_TIME_NEVER);
		tr_fleet_free(fleet);
	}
	assert_true(seen[TR_BREAK_CONNECT] && seen[TR_BREAK_FIRST] && seen[TR_BREAK_STREAM]);
}

static void test_noise_has_mean_one_and_the_variation_given(void **state)
{
	struct tr_server_profile noisy = plain;
	double sum = 0, squares = 0, mean;

	(void)state;
	noisy.service_noise_permille = 300;
	for (uint64_t job = 1; job <= 200000; job++) {
		struct tr_server_request request = {
			.job_id = job, .tokens_in = 10, .tokens_out = 100};
		struct tr_fate fate;
		double x;

		tr_fate_draw(7, 42, &noisy, &request, &fate);
		x = (double)fate.tpot / 1e7;
		sum += x;
		squares += x * x;
	}
	mean = sum / 200000;
	assert_true(fabs(mean - 1) < 0.003);
	assert_true(fabs(sqrt(squares / 200000 - mean * mean) - 0.3) < 0.005);
}

static void test_a_fate_depends_on_seed_job_server_and_try_alone(void **state)
{
	struct tr_server_profile noisy = tr_server_profile_default;
	struct tr_server_request request = {.job_id = 5, .tokens_in = 10, .tokens_out = 100};
	struct tr_fate first, again, other;

	(void)state;
	noisy.error_ppm = 500000;
	tr_fate_draw(7, 42, &noisy, &request, &first);
	request.attempt = (tr_attempt_handle){9, 9};
	tr_fate_draw(7, 42, &noisy, &request, &again);
	assert_true(first.tpot == again.tpot);
	assert_true(first.ttft == again.ttft);
	assert_int_equal(first.breaks, again.breaks);
	request.tries = 1;
	tr_fate_draw(7, 42, &noisy, &request, &other);
	assert_true(first.tpot != other.tpot);
	request.tries = 0;
	tr_fate_draw(7, 43, &noisy, &request, &other);
	assert_true(first.tpot != other.tpot);
	tr_fate_draw(8, 42, &noisy, &request, &other);
	assert_true(first.tpot != other.tpot);
}

static void test_sizes_beyond_reason_do_not_overflow_time(void **state)
{
	struct tr_server_profile slow = plain;
	struct tr_fleet *fleet;
	struct tr_event event;
	tr_time_ns last = T0;

	(void)state;
	slow.tpot_ns = 3600 * TR_SECOND;
	slow.prefill_milli = 1;
	fleet = fleet_of(&slow);
	start(fleet, T0, 1, INT32_MAX, INT32_MAX);
	for (int i = 0; i < 100; i++) {
		tr_fleet_take(fleet, &event);
		assert_true(event.time >= last);
		assert_true(event.time < TR_TIME_NEVER);
		last = event.time;
	}
	tr_fleet_free(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_takes_the_time_worked_out_by_hand),
		cmocka_unit_test(test_progress_comes_no_oftener_than_each_250_ms),
		cmocka_unit_test(test_progress_comes_before_the_engine_sees_silence),
		cmocka_unit_test(test_who_waits_longest_gets_the_free_slot),
		cmocka_unit_test(test_an_abort_frees_the_slot_at_once_and_silences_the_attempt),
		cmocka_unit_test(test_endless_aborts_need_no_more_memory),
		cmocka_unit_test(test_faults_come_as_often_and_where_they_should),
		cmocka_unit_test(test_each_fault_ends_the_attempt_with_its_cause),
		cmocka_unit_test(test_noise_has_mean_one_and_the_variation_given),
		cmocka_unit_test(test_a_fate_depends_on_seed_job_server_and_try_alone),
		cmocka_unit_test(test_sizes_beyond_reason_do_not_overflow_time),
	};

	return cmocka_run_group_tests_name("sim server", tests, NULL, NULL);
}
