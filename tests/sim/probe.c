/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/probe.h"

/* ------------------------------------------------------------------------------------------ run */

struct probe probe;

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

void probe_begin(uint64_t seed)
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

void probe_play(void)
{
	world_run_observed(&probe.mixed.world, observe, NULL, &probe.result);
	tr_measures_close(probe.measures, probe.result.start, probe.result.end);
}

void probe_end(void)
{
	tr_occurrences_free(probe.stream);
	tr_measures_free(probe.measures);
}

struct tr_selection probe_whole(void)
{
	return (struct tr_selection){.to = TR_TIME_NEVER};
}

void probe_want(enum tr_value_name name, struct tr_selection selection)
{
	assert_int_equal(tr_measures_want(probe.measures, &tr_values[name], &selection), 0);
}

/* UINT64_MAX: there is nothing to make it of. */
uint64_t probe_measured(enum tr_value_name name, struct tr_selection selection)
{
	uint64_t value;

	if (tr_measures_read(probe.measures, &tr_values[name], &selection, &value) < 0)
		return UINT64_MAX;
	return value;
}

/* ------------------------------------------------------------------------- what the ledger says */

uint64_t probe_count(uint64_t number)
{
	return number * TR_VALUE_UNIT;
}

uint64_t probe_percent(uint64_t part, uint64_t of)
{
	return of ? tr_mul_div(part, 100 * TR_VALUE_UNIT, of) : UINT64_MAX;
}

static uint64_t rate(const struct tr_result *result, uint64_t number)
{
	return tr_mul_div(number, TR_SECOND * TR_VALUE_UNIT, result->end - result->start);
}

uint64_t probe_some(uint64_t spread_count, uint64_t value)
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
		return probe_some((spread).count, (spread).p50);                                   \
	case TR_VALUE_##lc##_p90_ms:                                                               \
		return probe_some((spread).count, (spread).p90);                                   \
	case TR_VALUE_##lc##_p95_ms:                                                               \
		return probe_some((spread).count, (spread).p95);                                   \
	case TR_VALUE_##lc##_p99_ms:                                                               \
		return probe_some((spread).count, (spread).p99);                                   \
	case TR_VALUE_##lc##_max_ms:                                                               \
		return probe_some((spread).count, (spread).max);                                   \
	case TR_VALUE_##lc##_mean_ms:                                                              \
		return probe_some((spread).count, (spread).mean);
#define CASE(name, value)                                                                          \
	case TR_VALUE_##name:                                                                      \
		return value;
#define LEVEL(name)                                                                                \
	case TR_VALUE_##name##_max:                                                                \
		return probe_count(r->name.max);                                                   \
	case TR_VALUE_##name##_mean:                                                               \
		return r->name.mean_micro;
#define SHARE(name, of)                                                                            \
	case TR_VALUE_##name##_share_percent:                                                      \
		return probe_percent(of, of);

/* Of the whole run. There is no default: a value without a line here does not compile. */
uint64_t probe_said(const struct tr_result *r, enum tr_value_name name)
{
	const struct tr_result_row *all = &r->all;

	switch (name) {
		CASE(submitted, probe_count(all->submitted))
		CASE(completed, probe_count(all->completed))
		CASE(rejected, probe_count(all->rejected))
		CASE(failed, probe_count(all->failed))
		CASE(canceled, probe_count(all->canceled))
		CASE(expired, probe_count(all->expired))
		CASE(in_system, probe_count(all->in_system))
		CASE(good, probe_count(all->good))
		CASE(completed_percent, probe_percent(all->completed, all->submitted))
		CASE(rejected_percent, probe_percent(all->rejected, all->submitted))
		CASE(failed_percent, probe_percent(all->failed, all->submitted))
		CASE(canceled_percent, probe_percent(all->canceled, all->submitted))
		CASE(expired_percent, probe_percent(all->expired, all->submitted))
		CASE(good_percent, probe_percent(all->good, all->submitted))
		SPREAD(ttft, all->ttft)
		SPREAD(tpot, all->tpot)
		SPREAD(e2e, all->e2e)
		SPREAD(queue, all->queue)
		SPREAD(prediction_error, all->prediction_error)
		CASE(attempts, probe_count(r->attempts))
		CASE(retries, probe_count(all->retries))
		CASE(hedges, probe_count(all->hedges))
		CASE(retry_percent, probe_percent(all->retries, r->attempts))
		CASE(hedge_percent, probe_percent(all->hedges, r->attempts))
		CASE(attempts_per_request, tr_mul_div(r->attempts, TR_VALUE_UNIT, all->started))
		CASE(attempts_answered, probe_count(answered(r)))
		CASE(attempt_failures, probe_count(sum_of(r->attempt_failures)))
		CASE(attempt_failure_percent,
		     probe_percent(sum_of(r->attempt_failures), r->attempts))
		CASE(attempt_aborts, probe_count(sum_of(r->attempt_aborts)))
		CASE(preemptions, probe_count(all->preemptions))
		CASE(retries_denied, probe_count(r->retries_denied))
		CASE(hedges_denied, probe_count(r->hedges_denied))
		CASE(warm_attempts, probe_count(all->warm))
		CASE(cold_attempts, probe_count(all->cold))
		CASE(warm_percent, probe_percent(all->warm, all->warm + all->cold))
		CASE(breaker_trips, probe_count(r->breaker_trips))
		SPREAD(attempt_ttft, r->attempt_ttft)
		SPREAD(attempt_time, r->attempt_time)
		CASE(tokens_in, probe_count(all->tokens_in))
		CASE(tokens_out, probe_count(all->tokens_out))
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

void probe_near(const char *name, uint64_t seed, uint64_t got, uint64_t wanted, uint64_t slack)
{
	uint64_t far = got > wanted ? got - wanted : wanted - got;

	if (far > slack)
		fail_msg("seed %llu: %s is %llu, the ledger says %llu", (unsigned long long)seed,
			 name, (unsigned long long)got, (unsigned long long)wanted);
}
