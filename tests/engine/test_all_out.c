/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RES-1: when the breakers of a whole chain are out, the one that is due back first serves, if the
 * policy says so; for whom not, and what an answer through an open breaker proves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene.h"

#define M TR_NAME("m")
#define N TR_NAME("n")

/* Model m of two endpoints falls back to n, which has one. One fault opens a breaker. */
static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 2, 4);
	tr_plan_model(&plan, N, 1, 4);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.successes = 1;
	plan.policy.breaker.all_out = TR_ALL_OUT_SERVE;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 10 * TR_SECOND;
}

static tr_name m(uint32_t i)
{
	return tr_plan_endpoint_name(M, i);
}

static tr_name n(void)
{
	return tr_plan_endpoint_name(N, 0);
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static tr_name where(uint64_t job)
{
	const struct tr_action_attempt_dispatch *dispatch = tr_stage_dispatch(&stage, job);

	return dispatch ? dispatch->endpoint : 0;
}

static uint8_t breaker_of(tr_name endpoint)
{
	return tr_stage_endpoint(&stage, endpoint).breaker;
}

static tr_time_ns due(tr_name endpoint)
{
	return tr_stage_breaker(&stage, endpoint)->until;
}

static void set(tr_name endpoint, enum tr_lifecycle lifecycle)
{
	assert_int_equal(tr_stage_lifecycle(&stage, endpoint, lifecycle), 0);
}

/* One job for this endpoint alone. */
static uint64_t send_to(tr_name endpoint)
{
	const tr_name all[] = {m(0), m(1), n()};
	uint64_t job;

	for (int i = 0; i < 3; i++)
		if (all[i] != endpoint)
			set(all[i], TR_LIFECYCLE_DOWN);
	job = submit();
	assert_int_equal(where(job), endpoint);
	for (int i = 0; i < 3; i++)
		if (all[i] != endpoint)
			set(all[i], TR_LIFECYCLE_UP);
	return job;
}

static void trip(tr_name endpoint)
{
	tr_stage_fail(&stage, send_to(endpoint), TR_CAUSE_RESET, 0);
	assert_int_equal(breaker_of(endpoint), TR_BREAKER_OPEN);
}

static void trip_all(void)
{
	trip(m(0));
	trip(m(1));
	trip(n());
}

static tr_name sooner(void)
{
	return due(m(0)) < due(m(1)) ? m(0) : m(1);
}

static tr_name later(void)
{
	return due(m(0)) < due(m(1)) ? m(1) : m(0);
}

/* RES-1, RTE-3 */
static void test_the_one_that_is_due_back_first_serves_and_the_record_says_so(void **state)
{
	const struct tr_decision *decision = &stage.actions.decisions[0];
	uint64_t job;

	(void)state;
	set_up();
	start();
	trip_all();
	job = submit();
	assert_int_equal(where(job), sooner());
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_LEAST_BAD);
	assert_int_equal(decision->pick, TR_PICK_LEAST_BAD);
	assert_int_equal(decision->candidate_count, 3);
	assert_int_equal(tr_stage_candidate(&stage, 0, sooner())->filter, TR_FILTER_NONE);
	assert_int_equal(tr_stage_candidate(&stage, 0, sooner())->measure,
			 due(sooner()) - stage.now);
	assert_int_equal(tr_stage_candidate(&stage, 0, later())->filter, TR_FILTER_BREAKER);
	assert_int_equal(tr_stage_candidate(&stage, 0, later())->detail, due(later()) - stage.now);
	tr_stage_done(&stage);
}

/* RTE-3: an ordinary dispatch says how it was found, too. */
static void test_every_dispatch_says_how_its_endpoint_was_picked(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	start();
	job = submit();
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_TIE);
	job = submit();
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_BEST);
	set(m(0), TR_LIFECYCLE_DOWN);
	job = submit();
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_ONLY);
	tr_stage_done(&stage);
}

static void test_the_first_model_of_the_chain_serves_though_another_is_due_sooner(void **state)
{
	(void)state;
	set_up();
	start();
	trip(n());
	tr_stage_wait(&stage, 5 * TR_SECOND);
	trip(m(0));
	trip(m(1));
	assert_true(due(n()) < due(sooner()));
	assert_int_equal(where(submit()), sooner());
	tr_stage_done(&stage);
}

static void test_a_policy_that_waits_waits(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	plan.policy.breaker.all_out = TR_ALL_OUT_WAIT;
	start();
	trip_all();
	job = submit();
	assert_int_equal(where(job), 0);
	tr_stage_wait(&stage, 10 * TR_SECOND);
	assert_int_not_equal(where(job), 0);
	assert_int_not_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_LEAST_BAD);
	tr_stage_done(&stage);
}

/* Whoever is fit and only has no room is waited for. */
static void test_one_that_is_merely_paused_or_busy_is_waited_for(void **state)
{
	uint64_t job;

	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		uint64_t taken;

		set_up();
		plan.endpoints[2].slots = 1;
		start();
		trip(m(0));
		trip(m(1));
		taken = submit();
		assert_int_equal(where(taken), n());
		if (!busy)
			tr_stage_fail(&stage, taken, TR_CAUSE_RATE_LIMITED, 2 * TR_SECOND);
		job = submit();
		assert_int_equal(where(job), 0);
		if (busy)
			tr_stage_complete(&stage, taken, 1);
		else
			tr_stage_wait(&stage, 2 * TR_SECOND);
		assert_int_equal(where(job), n());
		assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_ONLY);
		tr_stage_done(&stage);
	}
}

/* RTE-7 */
static void test_a_strict_job_is_not_served_by_the_least_bad(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	start();
	trip_all();
	job = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_STRICT});
	assert_int_equal(where(job), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_ROUTE_CLOSED);
	tr_stage_done(&stage);
}

/* RES-3 */
static void test_a_hedge_does_not_go_to_the_least_bad(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	plan.intents[0].hedge = 1;
	plan.policy.hedge =
		(struct tr_policy_hedge){TR_TEST_HEDGE, .delay_ns = TR_SECOND, .attempts = 1};
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 60 * TR_SECOND;
	start();
	trip(m(1));
	trip(n());
	job = submit();
	assert_int_equal(where(job), m(0));
	tr_stage_wait(&stage, 5 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	tr_stage_done(&stage);
}

static void test_the_least_bad_still_needs_a_slot_and_its_rate(void **state)
{
	uint64_t first, second, third;

	(void)state;
	set_up();
	plan.endpoints[0].slots = plan.endpoints[1].slots = 1;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 600 * TR_SECOND;
	start();
	trip_all();
	first = submit();
	second = submit();
	third = submit();
	assert_int_equal(where(first), sooner());
	assert_int_equal(where(second), later());
	/* Both are busy: that is no reason to serve from another model. */
	assert_int_equal(where(third), 0);
	tr_stage_fail(&stage, second, TR_CAUSE_RESET, 0);
	assert_int_equal(where(third), later());
	tr_stage_done(&stage);

	set_up();
	plan.models[0].chain_count = 1;
	plan.endpoints[0].requests_per_minute = plan.endpoints[1].requests_per_minute = 2;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 600 * TR_SECOND;
	start();
	trip(m(0));
	trip(m(1));
	submit();
	submit();
	third = submit();
	assert_int_equal(where(third), 0);
	tr_stage_wait(&stage, 30 * TR_SECOND - 1);
	assert_int_equal(where(third), 0);
	tr_stage_wait(&stage, 1);
	assert_int_equal(tr_stage_dispatch(&stage, third)->pick, TR_PICK_LEAST_BAD);
	tr_stage_done(&stage);
}

/* RES-1 */
static void test_an_answer_through_an_open_breaker_makes_it_half_open_at_once(void **state)
{
	tr_time_ns until;
	uint64_t job;

	(void)state;
	set_up();
	plan.policy.breaker.probes = 1;
	start();
	trip_all();
	until = due(sooner());
	job = submit();
	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	/* A fault proves what is known: it counts, and the cool-down is no longer for it. */
	assert_int_equal(breaker_of(sooner()), TR_BREAKER_OPEN);
	assert_int_equal(due(sooner()), until);
	assert_int_equal(tr_stage_counts(&stage).breaker_trips, 3);
	job = submit();
	tr_stage_complete(&stage, job, 1);
	assert_int_equal(breaker_of(where(job)), TR_BREAKER_HALF_OPEN);
	/* From now on it is probed as ever. */
	job = submit();
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_ONLY);
	tr_stage_complete(&stage, job, 1);
	assert_int_equal(breaker_of(where(job)), TR_BREAKER_CLOSED);
	tr_stage_done(&stage);
}

/* Its probes are out and all others are: it is due already, and serves beyond its quota. */
static void test_a_half_open_one_whose_probes_are_out_is_the_first_of_the_bad(void **state)
{
	uint64_t probe, job;
	tr_name half_open;

	(void)state;
	set_up();
	start();
	trip_all();
	job = submit();
	half_open = where(job);
	tr_stage_complete(&stage, job, 1);
	probe = submit();
	assert_int_equal(where(probe), half_open);
	job = submit();
	assert_int_equal(where(job), half_open);
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_LEAST_BAD);
	/* It is no probe: neither its fault nor its success moves the breaker. */
	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	assert_int_equal(breaker_of(half_open), TR_BREAKER_HALF_OPEN);
	tr_stage_complete(&stage, probe, 1);
	assert_int_equal(breaker_of(half_open), TR_BREAKER_CLOSED);
	tr_stage_done(&stage);
}

/* Who failed the job is least bad only when there is no other. */
static void test_a_retry_goes_to_another_bad_one_first(void **state)
{
	tr_name first, second;
	uint64_t job;

	(void)state;
	set_up();
	plan.policy.retry.attempts = 3;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 1;
	plan.models[0].chain_count = 1;
	start();
	job = submit();
	first = where(job);
	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	tr_stage_wait(&stage, 1);
	second = where(job);
	assert_int_not_equal(second, first);
	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	tr_stage_wait(&stage, 1);
	/* Both were tried, and both are out. */
	assert_int_equal(where(job), sooner());
	assert_int_equal(tr_stage_dispatch(&stage, job)->pick, TR_PICK_LEAST_BAD);
	tr_stage_done(&stage);
}

/* SCH-1: the last way shuts while jobs wait for a slot there: they are looked at again. */
static void test_who_waits_is_served_when_the_last_breaker_opens(void **state)
{
	uint64_t taken, waits;

	(void)state;
	set_up();
	plan.endpoints[2].slots = 1;
	start();
	trip(m(0));
	trip(m(1));
	taken = submit();
	waits = submit();
	assert_int_equal(where(waits), 0);
	tr_stage_fail(&stage, taken, TR_CAUSE_RESET, 0);
	assert_int_equal(where(waits), sooner());
	tr_stage_done(&stage);
}

/* SCH-1: to one that can use less of the chain, all of it may be out while another only waits. */
static void test_who_waits_for_room_does_not_hold_up_one_to_whom_all_are_out(void **state)
{
	uint64_t waits, demanding;

	(void)state;
	set_up();
	plan.models[1].capabilities |= TR_CAPABILITY_VISION;
	start();
	trip(n());
	tr_stage_fail(&stage, send_to(m(0)), TR_CAUSE_RATE_LIMITED, 5 * TR_SECOND);
	tr_stage_fail(&stage, send_to(m(1)), TR_CAUSE_RATE_LIMITED, 5 * TR_SECOND);
	waits = submit();
	assert_int_equal(where(waits), 0);
	demanding = tr_stage_submit(&stage,
				    (struct tr_event_job_submit){.needs = TR_CAPABILITY_VISION});
	assert_int_equal(where(demanding), n());
	assert_int_equal(where(waits), 0);
	tr_stage_done(&stage);
}

/* OPS-5: breakers follow the active policy, and so does what happens when all are out. */
static void test_another_policy_may_let_them_serve(void **state)
{
	static struct tr_plan next;
	uint64_t job;

	(void)state;
	set_up();
	plan.policy.breaker.all_out = TR_ALL_OUT_WAIT;
	start();
	trip_all();
	job = submit();
	assert_int_equal(where(job), 0);
	tr_plan_copy(&next, &plan, 2);
	next.policy.breaker.all_out = TR_ALL_OUT_SERVE;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(where(job), sooner());
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_one_that_is_due_back_first_serves_and_the_record_says_so),
		cmocka_unit_test(test_every_dispatch_says_how_its_endpoint_was_picked),
		cmocka_unit_test(
			test_the_first_model_of_the_chain_serves_though_another_is_due_sooner),
		cmocka_unit_test(test_a_policy_that_waits_waits),
		cmocka_unit_test(test_one_that_is_merely_paused_or_busy_is_waited_for),
		cmocka_unit_test(test_a_strict_job_is_not_served_by_the_least_bad),
		cmocka_unit_test(test_a_hedge_does_not_go_to_the_least_bad),
		cmocka_unit_test(test_the_least_bad_still_needs_a_slot_and_its_rate),
		cmocka_unit_test(test_an_answer_through_an_open_breaker_makes_it_half_open_at_once),
		cmocka_unit_test(test_a_half_open_one_whose_probes_are_out_is_the_first_of_the_bad),
		cmocka_unit_test(test_a_retry_goes_to_another_bad_one_first),
		cmocka_unit_test(test_who_waits_is_served_when_the_last_breaker_opens),
		cmocka_unit_test(test_who_waits_for_room_does_not_hold_up_one_to_whom_all_are_out),
		cmocka_unit_test(test_another_policy_may_let_them_serve),
	};

	return cmocka_run_group_tests_name("all_out", tests, NULL, NULL);
}
