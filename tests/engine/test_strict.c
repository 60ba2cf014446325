/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-7: a strict route fails closed. Its job never leaves its model, waits for room but for
 * nobody's recovery, and however it fails, the step that says so carries the record of all its
 * candidates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/router.h"
#include "engine/state.h"
#include "tests/engine/stage.h"

#define M TR_NAME("m")
#define N TR_NAME("n")

static struct tr_plan plan, next;
static struct tr_stage stage;

/* Model m of two endpoints falls back to n, which has one. One fault opens a breaker. */
static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 2, 1);
	tr_plan_model(&plan, N, 1, 4);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.all_out = TR_ALL_OUT_SERVE;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 600 * TR_SECOND;
}

static tr_name m(uint32_t i)
{
	return tr_plan_endpoint_name(M, i);
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static uint64_t submit_strict(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_STRICT});
}

static tr_name where(uint64_t job)
{
	const struct tr_action_attempt_dispatch *dispatch = tr_stage_dispatch(&stage, job);

	return dispatch ? dispatch->endpoint : 0;
}

static void set(tr_name endpoint, enum tr_lifecycle lifecycle)
{
	assert_int_equal(tr_stage_lifecycle(&stage, endpoint, lifecycle), 0);
}

/* ---- the law, watched after every step ---- */

static struct {
	bool strict[8192];  /* by job id */
	uint32_t endpoints; /* of the model of all strict jobs */
	size_t failures;
} watched;

static const struct tr_decision *post_mortem(const struct tr_stage *at, uint64_t job)
{
	const struct tr_decision *found = NULL;

	for (uint32_t i = 0; i < at->actions.decision_count; i++) {
		const struct tr_decision *decision = &at->actions.decisions[i];

		if (decision->job_id != job || decision->pick != TR_PICK_NONE)
			continue;
		assert_null(found); /* said once */
		found = decision;
	}
	return found;
}

static void watch(struct tr_stage *at)
{
	struct tr_engine *e = at->engine;

	for (uint32_t i = 0; i < at->actions.count; i++) {
		const struct tr_action *action = &at->actions.items[i];
		const struct tr_action_job_finish *finish = &action->job_finish;
		const struct tr_decision *decision;

		if (action->kind != TR_ACTION_JOB_FINISH || !watched.strict[finish->job_id])
			continue;
		decision = post_mortem(at, finish->job_id);
		if (finish->outcome != TR_OUTCOME_FAILED && finish->outcome != TR_OUTCOME_EXPIRED) {
			assert_null(decision);
			continue;
		}
		assert_non_null(decision);
		assert_int_equal(decision->winner, TR_NONE);
		assert_int_equal(decision->ordinal, finish->attempts);
		assert_int_equal(decision->candidate_count + decision->omitted, watched.endpoints);
		for (uint32_t c = 0; c < decision->candidate_count; c++)
			assert_int_equal(
				at->actions.candidates[decision->first_candidate + c].chain_step,
				0);
		watched.failures++;
	}
	/* Nobody waits on a closed route when the step has done all it had to. */
	for (uint32_t i = 0; !e->core->dirty_models && i < e->limits.policies * e->limits.models;
	     i++)
		if (e->strict[i].oldest1)
			assert_false(tr_router_is_shut(e, &e->job[e->strict[i].oldest1 - 1]));
}

/* Every job is strict; model m has so many endpoints. */
static void start(uint32_t endpoints)
{
	memset(&watched, 0, sizeof watched);
	watched.endpoints = endpoints;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	stage.watch = watch;
}

static uint64_t watched_strict(struct tr_event_job_submit submitted)
{
	uint64_t job = submitted.job_id ? submitted.job_id : stage.next_job_id;

	watched.strict[job] = true;
	submitted.flags |= TR_SUBMIT_STRICT;
	return tr_stage_submit(&stage, submitted);
}

/* ---- closed ---- */

/* RTE-7 */
static void test_a_closed_route_fails_its_job_at_once(void **state)
{
	static const struct {
		enum tr_lifecycle lifecycle;
		enum tr_filter filter;
	} rows[] = {
		{TR_LIFECYCLE_DOWN, TR_FILTER_DOWN},
		{TR_LIFECYCLE_STARTING, TR_FILTER_STARTING},
		{TR_LIFECYCLE_DRAINING, TR_FILTER_DRAINING},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++)
		for (int by_intent = 0; by_intent < 2; by_intent++) {
			uint64_t job;

			set_up();
			plan.intents[0].strict = (uint8_t)by_intent;
			start(2);
			set(m(0), rows[i].lifecycle);
			set(m(1), rows[i].lifecycle);
			job = by_intent ? submit() : submit_strict();
			assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
			assert_int_equal(tr_stage_finish(&stage, job)->cause,
					 TR_CAUSE_ROUTE_CLOSED);
			assert_non_null(post_mortem(&stage, job));
			assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->filter,
					 rows[i].filter);
			assert_int_equal(tr_stage_candidate(&stage, 0, m(1))->filter,
					 rows[i].filter);
			assert_int_equal(stage.actions.decisions[0].candidate_count, 2);
			tr_stage_done(&stage);
		}
}

static void test_a_breaker_closes_a_route_too_and_says_for_how_long(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	start(2);
	set(m(1), TR_LIFECYCLE_DOWN);
	tr_stage_fail(&stage, watched_strict((struct tr_event_job_submit){0}), TR_CAUSE_RESET, 0);
	job = watched_strict((struct tr_event_job_submit){0});
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_ROUTE_CLOSED);
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->filter, TR_FILTER_BREAKER);
	assert_int_equal(tr_stage_candidate(&stage, 0, m(0))->detail,
			 tr_stage_breaker(&stage, m(0))->until - stage.now);
	tr_stage_done(&stage);
}

/* Also where nobody ever will: the route is what is closed. */
static void test_a_route_whose_endpoints_are_gone_is_closed(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	start(2);
	job = watched_strict((struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
	tr_plan_copy(&next, &plan, 2);
	next.endpoints[0].name = TR_NAME("x");
	next.endpoints[1].name = TR_NAME("y");
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(tr_stage_release(&stage, job), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_ROUTE_CLOSED);
	tr_stage_done(&stage);
}

/* RTE-7: while another of its model is fit it is served, and never by another model. */
static void test_a_strict_job_stays_with_its_model_and_waits_for_room_there(void **state)
{
	uint64_t first, second;

	(void)state;
	set_up();
	start(2);
	set(m(0), TR_LIFECYCLE_DOWN);
	first = submit_strict();
	assert_int_equal(where(first), m(1));
	/* One slot: room is worth waiting for. */
	second = submit_strict();
	assert_int_equal(where(second), 0);
	assert_null(tr_stage_finish(&stage, second));
	tr_stage_complete(&stage, first, 1);
	assert_int_equal(where(second), m(1));
	assert_int_equal(stage.actions.decisions[0].candidate_count, 2);
	tr_stage_fail(&stage, second, TR_CAUSE_RATE_LIMITED, TR_SECOND);
	/* A pause is, too. */
	second = submit_strict();
	assert_null(tr_stage_finish(&stage, second));
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(where(second), m(1));
	tr_stage_done(&stage);
}

/* ---- at once, wherever it waits ---- */

/* RTE-7: behind more jobs than the scheduler looks ahead, of other tenants and classes. */
static void test_a_route_that_closes_ends_all_who_wait_for_it(void **state)
{
	uint64_t running, first, last;

	(void)state;
	set_up();
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	start(2);
	stage.trusting = true;
	set(m(1), TR_LIFECYCLE_DOWN);
	set(tr_plan_endpoint_name(N, 0), TR_LIFECYCLE_DOWN);
	running = submit();
	assert_int_equal(where(running), m(0));
	for (int i = 0; i < 100; i++)
		submit();
	first = stage.next_job_id;
	for (int i = 0; i < 50; i++)
		last = watched_strict((struct tr_event_job_submit){
			.class_name = i % 2 ? TR_NAME("batch") : 0, .tenant = (tr_name)(i % 5)});
	for (uint64_t job = first; job <= last; job++)
		assert_null(tr_stage_finish(&stage, job));
	set(m(0), TR_LIFECYCLE_DRAINING);
	/* More than one step has room for: the rest is due at once. */
	assert_int_equal(tr_engine_deadline(stage.engine), stage.now);
	tr_stage_wait(&stage, 0);
	for (uint64_t job = first; job <= last; job++)
		assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_ROUTE_CLOSED);
	assert_int_equal(watched.failures, 50);
	tr_stage_done(&stage);
}

static void test_those_who_wait_do_not_hide_one_that_must_fail(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	start(2);
	set(m(0), TR_LIFECYCLE_DOWN);
	set(m(1), TR_LIFECYCLE_DOWN);
	set(tr_plan_endpoint_name(N, 0), TR_LIFECYCLE_DOWN);
	for (int i = 0; i < 40; i++)
		submit();
	job = watched_strict((struct tr_event_job_submit){0});
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_ROUTE_CLOSED);
	tr_stage_done(&stage);
}

/* A strict job that waits to be retried fails where one before it in the list waits. */
static void test_a_retry_that_waits_does_not_hide_one_that_must_fail(void **state)
{
	uint64_t plain, strict;

	(void)state;
	set_up();
	plan.policy.retry.attempts = 3;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 1;
	start(2);
	set(tr_plan_endpoint_name(N, 0), TR_LIFECYCLE_DOWN);
	plain = submit();
	strict = watched_strict((struct tr_event_job_submit){0});
	set(m(0), TR_LIFECYCLE_DOWN);
	set(m(1), TR_LIFECYCLE_DOWN);
	tr_stage_fail(&stage, plain, TR_CAUSE_OVERLOADED, 0);
	tr_stage_fail(&stage, strict, TR_CAUSE_OVERLOADED, 0);
	tr_stage_wait(&stage, 1);
	assert_null(tr_stage_finish(&stage, plain));
	assert_int_equal(tr_stage_finish(&stage, strict)->cause, TR_CAUSE_ROUTE_CLOSED);
	tr_stage_done(&stage);
}

/* ---- every end ---- */

static void fails_by_retries(void)
{
	plan.policy.retry.attempts = 1;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 1;
	start(2);
	tr_stage_fail(&stage, watched_strict((struct tr_event_job_submit){0}), TR_CAUSE_OVERLOADED,
		      0);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_fail(&stage, 1, TR_CAUSE_OVERLOADED, 0);
}

static void fails_in_mid_stream(void)
{
	start(2);
	watched_strict((struct tr_event_job_submit){0});
	tr_stage_first_token(&stage, 1);
	tr_stage_fail(&stage, 1, TR_CAUSE_STREAM_ERROR, 0);
}

static void fails_by_a_silent_attempt(void)
{
	plan.policy.timeouts.connect_ns = TR_SECOND;
	start(2);
	watched_strict((struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_SECOND);
}

static void expires_while_it_runs(void)
{
	plan.policy.timeouts.total_ns = TR_SECOND;
	start(2);
	watched_strict((struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_SECOND);
}

static void expires_in_back_off(void)
{
	plan.policy.retry.attempts = 1;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 10 * TR_SECOND;
	start(2);
	set(m(1), TR_LIFECYCLE_DOWN);
	watched_strict((struct tr_event_job_submit){.deadline = stage.now + 9 * TR_SECOND});
	tr_stage_fail(&stage, 1, TR_CAUSE_OVERLOADED, 0);
	tr_stage_wait(&stage, 10 * TR_SECOND);
}

static void expires_in_its_queue(void)
{
	plan.classes[0].queue_timeout_ns = TR_SECOND;
	start(2);
	submit();
	submit();
	watched_strict((struct tr_event_job_submit){0});
	tr_stage_wait(&stage, TR_SECOND);
}

static void expires_while_it_is_held(void)
{
	start(2);
	watched_strict((struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD,
						    .deadline = stage.now + TR_SECOND});
	tr_stage_wait(&stage, TR_SECOND);
}

static void fails_to_be_stored(void)
{
	start(2);
	watched_strict((struct tr_event_job_submit){.flags = TR_SUBMIT_ASYNC});
	tr_stage_persisted(&stage, 1, false);
}

/* RTE-7: in 100% of cases. */
static void test_however_it_fails_the_record_of_its_candidates_stands_beside(void **state)
{
	static void (*const ends[])(void) = {
		fails_by_retries,	  fails_in_mid_stream, fails_by_a_silent_attempt,
		expires_while_it_runs,	  expires_in_back_off, expires_in_its_queue,
		expires_while_it_is_held, fails_to_be_stored,
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(ends); i++) {
		set_up();
		ends[i]();
		assert_int_equal(watched.failures, 1);
		tr_stage_done(&stage);
	}
}

/* Records are larger than steps: what has no room for one waits for the next CLOCK. */
static void test_many_that_fail_at_once_fail_with_a_record_each(void **state)
{
	(void)state;
	for (uint32_t endpoints = 1; endpoints <= 100; endpoints += 33) {
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, M, endpoints, 1);
		start(endpoints);
		stage.trusting = true;
		for (uint32_t i = 0; i < endpoints; i++)
			submit();
		for (int i = 0; i < 60; i++)
			watched_strict(
				(struct tr_event_job_submit){.deadline = stage.now + TR_SECOND});
		tr_stage_wait(&stage, TR_SECOND);
		assert_int_equal(watched.failures, 60);
		tr_stage_done(&stage);
	}
}

/* ---- any scene ---- */

static uint64_t draws;
static uint64_t drawn_for;

static uint64_t below(uint64_t bound)
{
	return tr_below(tr_draw(drawn_for, 1, 1, ++draws), bound);
}

static void random_submit(void)
{
	struct tr_event_job_submit submitted = {
		.model = below(4) ? M : N,
		.deadline = below(3) ? 0 : stage.now + 1 + below(3 * TR_SECOND),
		.strategy = TR_PLAN_STRATEGY + below(TR_PICKER_COUNT),
		.class_name = below(2) ? TR_NAME("batch") : 0,
		.tenant = (tr_name)below(3),
		.flags = (uint16_t)(below(5) ? 0 : 1u << below(2)),
	};

	if (submitted.model == M && below(2))
		watched_strict(submitted);
	else
		tr_stage_submit(&stage, submitted);
}

/* Something happens to a job that was accepted of late; what cannot is refused. */
static void random_fate(void)
{
	static const enum tr_cause causes[] = {TR_CAUSE_RESET, TR_CAUSE_OVERLOADED,
					       TR_CAUSE_CREDENTIALS, TR_CAUSE_BAD_REQUEST};
	uint64_t job = stage.next_job_id - tr_min(stage.next_job_id, 1 + below(30));
	const struct tr_action_job_accept *accept = tr_stage_accept(&stage, job);

	if (!accept)
		return;
	switch (accept->hold ? below(3) : 3 + below(4)) {
	case 0:
		tr_stage_persisted(&stage, job, below(2));
		break;
	case 1:
		tr_stage_release(&stage, job);
		break;
	case 2:
		tr_stage_cancel(&stage, job, TR_CAUSE_CANCEL_CLIENT);
		break;
	case 3:
		if (tr_stage_dispatch(&stage, job))
			tr_stage_first_token(&stage, job);
		break;
	case 4:
		if (tr_stage_dispatch(&stage, job))
			tr_stage_complete(&stage, job, 1 + (uint32_t)below(2000));
		break;
	default:
		if (tr_stage_dispatch(&stage, job))
			tr_stage_fail(&stage, job, causes[below(4)], below(2) * TR_SECOND);
		break;
	}
}

static void random_world(uint64_t seed)
{
	drawn_for = seed;
	draws = 0;
	set_up();
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	plan.classes[0].queue_timeout_ns = 2 * TR_SECOND;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = TR_SECOND;
	plan.policy.breaker.consecutive = (uint32_t)below(3);
	plan.policy.breaker.all_out = (uint32_t)below(TR_ALL_OUT_COUNT);
	plan.policy.retry.attempts = 2;
	plan.policy.timeouts.first_token_ns = TR_SECOND;
	plan.policy.timeouts.total_ns = 4 * TR_SECOND;
	start(2);
	for (int i = 0; i < 300; i++) {
		switch (below(8)) {
		case 0:
			set(below(4) ? m((uint32_t)below(2)) : tr_plan_endpoint_name(N, 0),
			    (enum tr_lifecycle)(below(2) ? 0 : below(TR_LIFECYCLE_COUNT)));
			break;
		case 1:
			tr_stage_wait(&stage, below(TR_SECOND));
			break;
		case 2:
			if (below(10))
				break;
			tr_plan_copy(&next, &plan, 1 + below(2));
			next.policy.retry.attempts = next.policy.id == 1 ? 2 : 0;
			assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
			break;
		case 3:
		case 4:
			random_fate();
			break;
		default:
			random_submit();
		}
	}
	tr_stage_wait(&stage, 10 * TR_SECOND);
	tr_stage_done(&stage);
}

/* RTE-7 */
static void test_in_random_worlds_every_strict_failure_has_its_record(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 2000 : 60, failures = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		random_world(seed);
		failures += watched.failures;
	}
	assert_true(failures > 20 * seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_closed_route_fails_its_job_at_once),
		cmocka_unit_test(test_a_breaker_closes_a_route_too_and_says_for_how_long),
		cmocka_unit_test(test_a_route_whose_endpoints_are_gone_is_closed),
		cmocka_unit_test(test_a_strict_job_stays_with_its_model_and_waits_for_room_there),
		cmocka_unit_test(test_a_route_that_closes_ends_all_who_wait_for_it),
		cmocka_unit_test(test_those_who_wait_do_not_hide_one_that_must_fail),
		cmocka_unit_test(test_a_retry_that_waits_does_not_hide_one_that_must_fail),
		cmocka_unit_test(test_however_it_fails_the_record_of_its_candidates_stands_beside),
		cmocka_unit_test(test_many_that_fail_at_once_fail_with_a_record_each),
		cmocka_unit_test(test_in_random_worlds_every_strict_failure_has_its_record),
	};

	return cmocka_run_group_tests_name("strict", tests, NULL, NULL);
}
