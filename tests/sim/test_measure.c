/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures against the ledger, against each other, and against a count of one's own that shares no
 * code with either. SIM-5
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/measure.h"
#include "tests/engine/policies.h"
#include "tests/sim/mixed.h"

#define SEEDS	    40
#define RECORDS_MAX 4096
#define WINDOWS	    7

/* ------------------------------------------------------------------------------------------ run */

struct record {
	tr_time_ns submitted;
	tr_time_ns ended;
	tr_name tenant;
	uint8_t outcome; /* 0: none */
	tr_span_ns e2e;
	uint32_t tokens_out;
};

/* A run, what was measured of it, and what was written down by hand. */
struct probe {
	struct mixed mixed;
	struct tr_occurrences *stream;
	struct tr_measures *measures;
	struct tr_result result;
	struct record records[RECORDS_MAX];
	uint32_t record_count;
	uint32_t record_of[1 << 16]; /* by slot of the handle */
	tr_name attempt_tenant[1 << 15];
	struct {
		tr_time_ns time;
		tr_name tenant;
		int step;
	} flights[8 * RECORDS_MAX];
	uint32_t flight_count;
};

static struct probe probe;

static void take(void *self, const struct tr_occurrence *occurrence)
{
	tr_measures_enter(((struct probe *)self)->measures, occurrence);
}

static void fly(tr_time_ns time, tr_name tenant, int step)
{
	assert_true(probe.flight_count < TR_ARRAY_LENGTH(probe.flights));
	probe.flights[probe.flight_count].time = time;
	probe.flights[probe.flight_count].tenant = tenant;
	probe.flights[probe.flight_count++].step = step;
}

static void land(tr_time_ns time, tr_attempt_handle attempt)
{
	fly(time, probe.attempt_tenant[attempt.slot1], -1);
}

/* By hand: who came, and how each ended. */
static void write_down(const struct tr_event *event, const struct tr_action *action)
{
	struct record *record;

	if (action->kind == TR_ACTION_JOB_ACCEPT || action->kind == TR_ACTION_JOB_REJECT) {
		assert_true(probe.record_count < RECORDS_MAX);
		record = &probe.records[probe.record_count++];
		*record = (struct record){.submitted = event->time,
					  .tenant = event->job_submit.tenant};
		if (action->kind == TR_ACTION_JOB_ACCEPT)
			probe.record_of[action->job_accept.job.slot1] = probe.record_count - 1;
	}
	if (action->kind == TR_ACTION_JOB_FINISH) {
		record = &probe.records[probe.record_of[action->job_finish.job.slot1]];
		record->ended = event->time;
		record->outcome = action->job_finish.outcome;
		record->e2e = action->job_finish.e2e;
		record->tokens_out = action->job_finish.tokens_out;
	}
	if (action->kind == TR_ACTION_ATTEMPT_DISPATCH) {
		record = &probe.records[probe.record_of[action->attempt_dispatch.job.slot1]];
		probe.attempt_tenant[action->attempt_dispatch.attempt.slot1] = record->tenant;
		fly(event->time, record->tenant, 1);
	}
	if (action->kind == TR_ACTION_ATTEMPT_ABORT)
		land(event->time, action->attempt_abort.attempt);
}

static void observe(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions)
{
	(void)self;
	if (event->kind == TR_EVENT_ATTEMPT_DONE)
		land(event->time, event->attempt_done.attempt);
	if (event->kind == TR_EVENT_ATTEMPT_FAILED)
		land(event->time, event->attempt_failed.attempt);
	for (uint32_t i = 0; i < actions->count; i++)
		write_down(event, &actions->items[i]);
	tr_occurrences_step(probe.stream, engine, event, actions);
}

static void begin(uint64_t seed)
{
	struct tr_limits limits;

	memset(&probe, 0, sizeof probe);
	mixed_init(&probe.mixed, seed);
	tr_run_limits(&probe.mixed.world.policy, &limits);
	probe.measures = tr_measures_new(&probe.mixed.world.policy);
	probe.stream = tr_occurrences_new(&probe.mixed.world.policy, &limits, true, take, &probe);
	assert_non_null(probe.measures);
	assert_non_null(probe.stream);
}

static void play(void)
{
	world_run_observed(&probe.mixed.world, observe, NULL, &probe.result);
	tr_measures_close(probe.measures, probe.result.start, probe.result.end);
}

static void end(void)
{
	tr_occurrences_free(probe.stream);
	tr_measures_free(probe.measures);
}

static struct tr_selection whole(void)
{
	return (struct tr_selection){.to = TR_TIME_NEVER};
}

static void want(enum tr_value_name name, struct tr_selection selection)
{
	assert_int_equal(tr_measures_want(probe.measures, &tr_values[name], &selection), 0);
}

/* UINT64_MAX: there is nothing to make it of. */
static uint64_t measured(enum tr_value_name name, struct tr_selection selection)
{
	uint64_t value;

	if (tr_measures_read(probe.measures, &tr_values[name], &selection, &value) < 0)
		return UINT64_MAX;
	return value;
}

/* ------------------------------------------------------------------------- what the ledger says */

static uint64_t count(uint64_t number)
{
	return number * TR_VALUE_UNIT;
}

static uint64_t percent(uint64_t part, uint64_t of)
{
	return of ? tr_mul_div(part, 100 * TR_VALUE_UNIT, of) : UINT64_MAX;
}

static uint64_t rate(const struct tr_result *result, uint64_t number)
{
	return tr_mul_div(number, TR_SECOND * TR_VALUE_UNIT, result->end - result->start);
}

static uint64_t some(uint64_t spread_count, uint64_t value)
{
	return spread_count ? value : UINT64_MAX;
}

static uint64_t answered(const struct tr_result *result)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < result->endpoint_count; i++)
		sum += result->endpoints[i].answered;
	return sum;
}

static uint64_t sum_of(const uint64_t *counts)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < TR_CAUSE_COUNT; i++)
		sum += counts[i];
	return sum;
}

static uint64_t utilization(const struct tr_result *result, const struct tr_policy *policy)
{
	uint64_t slots = 0;

	for (uint32_t i = 0; i < policy->endpoint_count; i++)
		slots += policy->endpoints[i].slots;
	return result->in_flight.mean_micro * 100 / slots;
}

#define SPREAD(lc, spread)                                                                         \
	case TR_VALUE_##lc##_p50_ms:                                                               \
		return some((spread).count, (spread).p50);                                         \
	case TR_VALUE_##lc##_p90_ms:                                                               \
		return some((spread).count, (spread).p90);                                         \
	case TR_VALUE_##lc##_p95_ms:                                                               \
		return some((spread).count, (spread).p95);                                         \
	case TR_VALUE_##lc##_p99_ms:                                                               \
		return some((spread).count, (spread).p99);                                         \
	case TR_VALUE_##lc##_max_ms:                                                               \
		return some((spread).count, (spread).max);                                         \
	case TR_VALUE_##lc##_mean_ms:                                                              \
		return some((spread).count, (spread).mean);
#define CASE(name, value)                                                                          \
	case TR_VALUE_##name:                                                                      \
		return value;
#define LEVEL(name)                                                                                \
	case TR_VALUE_##name##_max:                                                                \
		return count(r->name.max);                                                         \
	case TR_VALUE_##name##_mean:                                                               \
		return r->name.mean_micro;
#define SHARE(name, of)                                                                            \
	case TR_VALUE_##name##_share_percent:                                                      \
		return percent(of, of);

/* Of the whole run. There is no default: a value without a line here does not compile. */
static uint64_t said(const struct tr_result *r, enum tr_value_name name)
{
	const struct tr_result_row *all = &r->all;

	switch (name) {
		CASE(submitted, count(all->submitted))
		CASE(completed, count(all->completed))
		CASE(rejected, count(all->rejected))
		CASE(failed, count(all->failed))
		CASE(canceled, count(all->canceled))
		CASE(expired, count(all->expired))
		CASE(in_system, count(all->in_system))
		CASE(good, count(all->good))
		CASE(completed_percent, percent(all->completed, all->submitted))
		CASE(rejected_percent, percent(all->rejected, all->submitted))
		CASE(failed_percent, percent(all->failed, all->submitted))
		CASE(canceled_percent, percent(all->canceled, all->submitted))
		CASE(expired_percent, percent(all->expired, all->submitted))
		CASE(good_percent, percent(all->good, all->submitted))
		SPREAD(ttft, all->ttft)
		SPREAD(tpot, all->tpot)
		SPREAD(e2e, all->e2e)
		SPREAD(queue, all->queue)
		SPREAD(prediction_error, all->prediction_error)
		CASE(attempts, count(r->attempts))
		CASE(retries, count(all->retries))
		CASE(hedges, count(all->hedges))
		CASE(retry_percent, percent(all->retries, r->attempts))
		CASE(hedge_percent, percent(all->hedges, r->attempts))
		CASE(attempts_per_request, tr_mul_div(r->attempts, TR_VALUE_UNIT, all->started))
		CASE(attempts_answered, count(answered(r)))
		CASE(attempt_failures, count(sum_of(r->attempt_failures)))
		CASE(attempt_failure_percent, percent(sum_of(r->attempt_failures), r->attempts))
		CASE(attempt_aborts, count(sum_of(r->attempt_aborts)))
		CASE(preemptions, count(all->preemptions))
		CASE(retries_denied, count(r->retries_denied))
		CASE(hedges_denied, count(r->hedges_denied))
		CASE(warm_attempts, count(all->warm))
		CASE(cold_attempts, count(all->cold))
		CASE(warm_percent, percent(all->warm, all->warm + all->cold))
		CASE(breaker_trips, count(r->breaker_trips))
		SPREAD(attempt_ttft, r->attempt_ttft)
		SPREAD(attempt_time, r->attempt_time)
		CASE(tokens_in, count(all->tokens_in))
		CASE(tokens_out, count(all->tokens_out))
		CASE(cost_usd, all->cost_micro_usd)
		CASE(goodput, rate(r, all->good))
		CASE(completed_per_second, rate(r, all->completed))
		CASE(submitted_per_second, rate(r, all->submitted))
		CASE(attempts_per_second, rate(r, r->attempts))
		CASE(tokens_out_per_second, rate(r, all->tokens_out))
		SHARE(submitted, all->submitted)
		SHARE(completed, all->completed)
		SHARE(attempts, r->attempts)
		SHARE(tokens_in, all->tokens_in)
		SHARE(tokens_out, all->tokens_out)
		SHARE(cost, all->cost_micro_usd)
		LEVEL(in_flight)
		LEVEL(waiting)
		LEVEL(in_system)
		CASE(utilization_percent, utilization(r, &probe.mixed.world.policy))
		CASE(virtual_seconds, (r->end - r->start) / 1000)
	case TR_VALUE_COUNT:
		break;
	}
	fail_msg("a value without a line in the ledger");
	return 0;
}

static void assert_near(const char *name, uint64_t seed, uint64_t got, uint64_t wanted,
			uint64_t slack)
{
	uint64_t far = got > wanted ? got - wanted : wanted - got;

	if (far > slack)
		fail_msg("seed %llu: %s is %llu, the ledger says %llu", (unsigned long long)seed,
			 name, (unsigned long long)got, (unsigned long long)wanted);
}

static void test_every_value_of_the_whole_run_is_the_ledgers(void **state)
{
	uint64_t known = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++)
			want((enum tr_value_name)i, whole());
		play();
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
			uint64_t got = measured((enum tr_value_name)i, whole());

			/* The ledger's means and percents of levels are rounded on their way. */
			assert_near(tr_values[i].name, seed, got,
				    said(&probe.result, (enum tr_value_name)i),
				    i == TR_VALUE_utilization_percent ? 100 : 0);
			known += got != UINT64_MAX && got > 0;
		}
		end();
	}
	/* Most of them mean something in most of the worlds. */
	assert_true(known > SEEDS * TR_VALUE_COUNT * 7 / 10);
}

/* ----------------------------------------------------------------------------- rows of the ledger
 */

static struct tr_selection of(struct tr_subject subject)
{
	return (struct tr_selection){.subject = subject, .to = TR_TIME_NEVER};
}

static const enum tr_value_name row_values[] = {
	TR_VALUE_submitted,   TR_VALUE_rejected,    TR_VALUE_completed,	   TR_VALUE_failed,
	TR_VALUE_expired,     TR_VALUE_in_system,   TR_VALUE_good,	   TR_VALUE_retries,
	TR_VALUE_hedges,      TR_VALUE_tokens_in,   TR_VALUE_tokens_out,   TR_VALUE_cost_usd,
	TR_VALUE_ttft_p95_ms, TR_VALUE_e2e_mean_ms, TR_VALUE_queue_max_ms, TR_VALUE_warm_attempts,
};

static const enum tr_value_name endpoint_values[] = {
	TR_VALUE_attempts,
	TR_VALUE_attempts_answered,
	TR_VALUE_attempt_failures,
	TR_VALUE_attempt_aborts,
	TR_VALUE_breaker_trips,
	TR_VALUE_in_flight_max,
	TR_VALUE_completed,
	TR_VALUE_tokens_out,
	TR_VALUE_cost_usd,
	TR_VALUE_attempt_ttft_p95_ms,
	TR_VALUE_attempt_time_mean_ms,
	TR_VALUE_attempts_share_percent,
	TR_VALUE_utilization_percent,
};

static uint64_t row_says(const struct tr_result_row *row, enum tr_value_name name)
{
	struct tr_result alone = {.all = *row, .end = 1};

	return said(&alone, name);
}

static void assert_rows(const struct tr_result_row *rows, uint32_t rows_count, uint64_t seed,
			bool tenants)
{
	for (uint32_t i = 0; i < rows_count; i++) {
		struct tr_subject subject =
			tenants ? (struct tr_subject){.tenant = rows[i].name}
				: (struct tr_subject){.class_name = rows[i].name};

		/* Who has no name cannot be asked for. */
		for (size_t k = 0; rows[i].name && k < TR_ARRAY_LENGTH(row_values); k++)
			assert_near(tr_values[row_values[k]].name, seed,
				    measured(row_values[k], of(subject)),
				    row_says(&rows[i], row_values[k]), 0);
	}
}

static uint64_t endpoint_says(const struct tr_result_endpoint *row, enum tr_value_name name)
{
	const uint64_t all[] = {
		count(row->attempts),
		count(row->answered),
		count(row->failed),
		count(row->aborted),
		count(row->breaker_trips),
		count(row->in_flight_max),
		count(row->completed),
		count(row->tokens_out),
		row->cost_micro_usd,
		some(row->ttft.count, row->ttft.p95),
		some(row->time.count, row->time.mean),
		percent(row->attempts, probe.result.attempts),
		row->utilization_ppm * 100,
	};

	assert_int_equal(TR_ARRAY_LENGTH(all), TR_ARRAY_LENGTH(endpoint_values));
	for (size_t i = 0; i < TR_ARRAY_LENGTH(all); i++)
		if (endpoint_values[i] == name)
			return all[i];
	return 0;
}

static void test_values_of_a_class_a_tenant_an_endpoint_are_their_rows(void **state)
{
	const tr_name tenants[] = {TR_NAME("acme"), TR_NAME("tiny"), TR_NAME("zed")};
	const tr_name classes[] = {TR_NAME("batch"), TR_NAME("interactive")};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
		begin(seed);
		for (size_t k = 0; k < TR_ARRAY_LENGTH(row_values); k++) {
			for (size_t i = 0; i < TR_ARRAY_LENGTH(tenants); i++)
				want(row_values[k], of((struct tr_subject){.tenant = tenants[i]}));
			for (size_t i = 0; i < TR_ARRAY_LENGTH(classes); i++)
				want(row_values[k],
				     of((struct tr_subject){.class_name = classes[i]}));
		}
		for (uint32_t i = 0; i < probe.mixed.world.policy.endpoint_count; i++)
			for (size_t k = 0; k < TR_ARRAY_LENGTH(endpoint_values); k++)
				want(endpoint_values[k],
				     of((struct tr_subject){
					     .endpoint =
						     probe.mixed.world.policy.endpoints[i].name}));
		play();
		assert_rows(probe.result.tenants, probe.result.tenant_count, seed, true);
		assert_rows(probe.result.classes, probe.result.class_count, seed, false);
		for (uint32_t i = 0; i < probe.result.endpoint_count; i++) {
			const struct tr_result_endpoint *row = &probe.result.endpoints[i];

			assert_int_equal(row->attempts, row->answered + row->failed + row->aborted +
								row->in_flight);
			for (size_t k = 0; k < TR_ARRAY_LENGTH(endpoint_values); k++)
				assert_near(
					tr_values[endpoint_values[k]].name, seed,
					measured(endpoint_values[k],
						 of((struct tr_subject){.endpoint = row->name})),
					endpoint_says(row, endpoint_values[k]), 100);
		}
		end();
	}
}

/* --------------------------------------------------------------------------------------- windows
 */

/* The i-th of WINDOWS, which cover the run and touch each other. */
static struct tr_selection window(uint32_t i)
{
	struct tr_selection selection = whole();

	selection.from = i ? TR_WORKLOAD_EPOCH + 5 * i * TR_SECOND : 0;
	selection.to =
		i + 1 < WINDOWS ? TR_WORKLOAD_EPOCH + 5 * (i + 1) * TR_SECOND : TR_TIME_NEVER;
	return selection;
}

/* Values that add up over windows are counts of something. */
static bool adds_up(const struct tr_value *value)
{
	return !value->levels && !value->spreads && !strstr(value->name, "percent") &&
	       !strstr(value->name, "per_") && strcmp(value->name, "goodput") != 0 &&
	       strcmp(value->name, "virtual_seconds") != 0;
}

static void test_windows_add_up_to_the_run(void **state)
{
	uint32_t adding = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++)
			for (uint32_t k = 0; k < WINDOWS; k++)
				want((enum tr_value_name)i, window(k));
		play();
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
			enum tr_value_name name = (enum tr_value_name)i;
			bool largest = strstr(tr_values[i].name, "_max") != NULL;
			uint64_t sum = 0, most = 0;

			for (uint32_t k = 0; k < WINDOWS; k++) {
				uint64_t value = measured(name, window(k));

				value = value == UINT64_MAX ? 0 : value;
				sum += value;
				most = tr_max(most, value);
			}
			if (adds_up(&tr_values[i]))
				assert_near(tr_values[i].name, seed, sum, said(&probe.result, name),
					    0);
			else if (largest && said(&probe.result, name) != UINT64_MAX)
				assert_near(tr_values[i].name, seed, most,
					    said(&probe.result, name), 0);
			adding += adds_up(&tr_values[i]) || largest;
		}
		end();
	}
	assert_true(adding / SEEDS > 25);
}

/* -------------------------------------------------------------------------------- a count by hand
 */

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Most attempts at once of a tenant in [from, to). */
static uint64_t most_at_once(tr_name tenant, tr_time_ns from, tr_time_ns to)
{
	uint64_t now = 0, most = 0;
	uint32_t i = 0;

	for (; i < probe.flight_count && probe.flights[i].time < to; i++) {
		/* What was in flight when the window began is in it. */
		if (probe.flights[i].time > from)
			most = tr_max(most, now);
		if (probe.flights[i].tenant == tenant)
			now += (uint64_t)(int64_t)probe.flights[i].step;
		if (probe.flights[i].time >= from)
			most = tr_max(most, now);
	}
	return probe.result.end > from ? tr_max(most, now) : most;
}

static void check_by_hand(uint64_t seed, struct tr_selection selection)
{
	static uint64_t times[RECORDS_MAX];
	uint64_t submitted = 0, completed = 0, tokens = 0, tokens_all = 0, slack;

	for (uint32_t i = 0; i < probe.record_count; i++) {
		const struct record *record = &probe.records[i];
		bool his = record->tenant == selection.subject.tenant;

		if (record->outcome && record->ended >= selection.from &&
		    record->ended < selection.to) {
			tokens += his ? record->tokens_out : 0;
			tokens_all += record->tokens_out;
		}
		if (!his || record->submitted < selection.from || record->submitted >= selection.to)
			continue;
		submitted++;
		if (record->outcome == TR_OUTCOME_COMPLETED)
			times[completed++] = record->e2e;
	}
	assert_near("submitted", seed, measured(TR_VALUE_submitted, selection), count(submitted),
		    0);
	assert_near("completed", seed, measured(TR_VALUE_completed, selection), count(completed),
		    0);
	assert_near("tokens_out_share_percent", seed,
		    measured(TR_VALUE_tokens_out_share_percent, selection),
		    percent(tokens, tokens_all), 0);
	assert_near("in_flight_max", seed, measured(TR_VALUE_in_flight_max, selection),
		    count(most_at_once(selection.subject.tenant, selection.from, selection.to)), 0);
	if (completed == 0)
		return;
	qsort(times, completed, sizeof times[0], compare);
	slack = times[(completed * 95 + 99) / 100 - 1];
	assert_true(measured(TR_VALUE_e2e_p95_ms, selection) >= slack);
	assert_near("e2e_p95_ms", seed, measured(TR_VALUE_e2e_p95_ms, selection), slack,
		    slack / 128 + 1);
}

static void test_windows_of_a_tenant_are_what_a_count_by_hand_says(void **state)
{
	const enum tr_value_name names[] = {TR_VALUE_submitted, TR_VALUE_completed,
					    TR_VALUE_tokens_out_share_percent,
					    TR_VALUE_in_flight_max, TR_VALUE_e2e_p95_ms};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		for (uint32_t k = 0; k < WINDOWS; k++) {
			struct tr_selection selection = window(k);

			selection.subject.tenant = TR_NAME("acme");
			for (size_t i = 0; i < TR_ARRAY_LENGTH(names); i++)
				want(names[i], selection);
		}
		play();
		for (uint32_t k = 0; k < WINDOWS; k++) {
			struct tr_selection selection = window(k);

			selection.subject.tenant = TR_NAME("acme");
			check_by_hand(seed, selection);
		}
		end();
	}
}

static void test_equal_selections_share_a_column_and_reasons_need_none(void **state)
{
	struct tr_selection reset = whole(), refused = whole();

	(void)state;
	begin(2);
	reset.subject.cause = TR_CAUSE_RESET;
	refused.subject.cause = TR_CAUSE_CONNECT;
	want(TR_VALUE_attempt_failures, whole());
	want(TR_VALUE_attempt_failures, reset);
	want(TR_VALUE_attempt_failures, refused);
	play();
	assert_int_equal(measured(TR_VALUE_attempt_failures, reset),
			 count(probe.result.attempt_failures[TR_CAUSE_RESET]));
	assert_int_equal(measured(TR_VALUE_attempt_failures, refused),
			 count(probe.result.attempt_failures[TR_CAUSE_CONNECT]));
	assert_true(measured(TR_VALUE_attempt_failures, reset) > 0);
	end();
}

static void test_names_are_found_and_differ(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
		assert_non_null(tr_values[i].read);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(tr_values[i].name, tr_values[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value_of_the_whole_run_is_the_ledgers),
		cmocka_unit_test(test_values_of_a_class_a_tenant_an_endpoint_are_their_rows),
		cmocka_unit_test(test_windows_add_up_to_the_run),
		cmocka_unit_test(test_windows_of_a_tenant_are_what_a_count_by_hand_says),
		cmocka_unit_test(test_equal_selections_share_a_column_and_reasons_need_none),
		cmocka_unit_test(test_names_are_found_and_differ),
	};

	return cmocka_run_group_tests_name("sim measure", tests, NULL, NULL);
}
