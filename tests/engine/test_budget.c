/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many retries all jobs of a pool may have together. (The budgets of hedges: test_hedge.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/scene.h"

/* ---- shares ---- */

/* One endpoint with room for all; retries at once. */
static void set_up(uint32_t percent, uint32_t per_second)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 64);
	plan.policy.retry = (struct tr_policy_retry){
		.attempts = 16, .budget_percent = percent, .budget_per_second = per_second};
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

/* Submit one and let its first attempt fail; true: it was retried, and then answered. */
static bool is_retried(struct tr_event_job_submit what)
{
	uint64_t job = tr_stage_submit(&stage, what);

	tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0);
	if (tr_stage_finish(&stage, job)) {
		assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_FAILED);
		assert_int_equal(tr_stage_finish(&stage, job)->cause, TR_CAUSE_RESET);
		return false;
	}
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
	return true;
}

static uint32_t retried(uint32_t jobs, tr_name model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < jobs; i++)
		count += is_retried((struct tr_event_job_submit){.model = model});
	return count;
}

/* RES-2: Finagle's rule. */
static void test_a_budget_is_so_many_a_second_and_a_share(void **state)
{
	static const struct {
		uint32_t percent, per_second, jobs, retried;
	} rows[] = {
		{0, 0, 20, 0},	{0, 1, 20, 10},	 {0, 2, 30, 20},   {20, 0, 4, 0},    {20, 0, 5, 1},
		{20, 0, 40, 8}, {20, 1, 40, 18}, {100, 0, 40, 40}, {100, 9, 40, 40},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		set_up(rows[i].percent, rows[i].per_second);
		start();
		assert_int_equal(retried(rows[i].jobs, 0), rows[i].retried);
		assert_int_equal(tr_stage_counts(&stage).retries, rows[i].retried);
		assert_int_equal(tr_stage_counts(&stage).retries_denied,
				 rows[i].jobs - rows[i].retried);
		tr_stage_done(&stage);
	}
}

/* RES-2: what was spent comes back after ten seconds, and a jump of any size is fine. */
static void test_a_budget_looks_back_ten_seconds(void **state)
{
	static const tr_span_ns jumps[] = {10 * TR_SECOND, 11 * TR_SECOND, TR_DAY, 400 * TR_DAY};

	(void)state;
	set_up(0, 1);
	start();
	assert_int_equal(retried(11, 0), 10);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(jumps); i++) {
		tr_stage_wait(&stage, jumps[i] - 1);
		assert_int_equal(retried(1, 0), i > 0);
		tr_stage_wait(&stage, 1);
		assert_int_equal(retried(11, 0), i > 0 ? 9 : 10);
	}
	tr_stage_done(&stage);
}

static void test_a_pool_spends_its_own_budget(void **state)
{
	(void)state;
	set_up(0, 1);
	tr_plan_model(&plan, TR_NAME("n"), 1, 64);
	start();
	assert_int_equal(retried(20, TR_NAME("m")), 10);
	assert_int_equal(retried(20, TR_NAME("n")), 10);
	tr_stage_done(&stage);
}

/* What another rule forbids costs the pool nothing. */
static void test_only_what_is_retried_is_booked(void **state)
{
	(void)state;
	set_up(0, 1);
	start();
	for (int i = 0; i < 20; i++)
		tr_stage_fail(&stage, submit(), TR_CAUSE_BAD_REQUEST, 0);
	assert_int_equal(tr_stage_counts(&stage).retries_denied, 0);
	assert_int_equal(retried(20, 0), 10);
	tr_stage_done(&stage);
}

/* A dead key must not spend the retries of all: moving on from it is free. */
static void test_a_refused_key_costs_the_pool_nothing(void **state)
{
	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 2, 64);
	plan.policy.retry = (struct tr_policy_retry){.attempts = 16, .budget_per_second = 1};
	start();
	for (int i = 0; i < 20; i++) {
		uint64_t job = submit();

		tr_stage_fail(&stage, job, TR_CAUSE_CREDENTIALS, 0);
		assert_int_equal(tr_stage_dispatches(&stage, job), 2);
		assert_int_equal(tr_stage_complete(&stage, job, 1), 0);
	}
	assert_int_equal(tr_stage_counts(&stage).retries, 20);
	assert_int_equal(retried(20, 0), 10);
	tr_stage_done(&stage);
}

/* What a pool may spend is shared, so it is the active policy that says how much. */
static void test_a_budget_follows_the_active_policy(void **state)
{
	uint64_t old;

	(void)state;
	set_up(0, 1);
	start();
	old = submit();
	assert_int_equal(retried(12, 0), 10);
	plan.policy.id = 2;
	plan.policy.retry.budget_per_second = 2;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	tr_stage_fail(&stage, old, TR_CAUSE_RESET, 0);
	assert_int_equal(tr_stage_dispatches(&stage, old), 2);
	assert_int_equal(retried(12, 0), 9);
	tr_stage_done(&stage);
}

static void test_a_new_model_inherits_no_debts(void **state)
{
	(void)state;
	set_up(0, 1);
	tr_plan_model(&plan, TR_NAME("gone"), 1, 64);
	start();
	assert_int_equal(retried(12, TR_NAME("gone")), 10);
	assert_int_equal(retried(12, TR_NAME("m")), 10);
	plan.policy.id = 2;
	plan.policy.model_count = 0;
	plan.policy.endpoint_count = 0;
	tr_plan_model(&plan, TR_NAME("n"), 1, 64);
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	plan.policy.id = 3;
	tr_plan_model(&plan, TR_NAME("o"), 1, 64);
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(retried(12, TR_NAME("n")), 10);
	assert_int_equal(retried(12, TR_NAME("o")), 10);
	tr_stage_done(&stage);
}

/* ---- random scenes ---- */

#define SCENE_JOBS  32
#define SCENE_STEPS 400

struct scene_job {
	uint64_t id; /* 0: none */
	uint32_t retries;
	tr_time_ns failed; /* 0: it runs */
};

/* What happened, as somebody writes it down who only looks. */
struct scene {
	uint64_t seed, draws;
	struct scene_job jobs[SCENE_JOBS];
	tr_time_ns first[2 * SCENE_STEPS], granted[2 * SCENE_STEPS];
	uint32_t first_count, granted_count, denied;
};

static uint64_t below(struct scene *scene, uint64_t bound)
{
	return tr_below(tr_draw(scene->seed, 0, TR_PURPOSE_TEST, scene->draws++), bound);
}

/* Of the times, those of this second and the nine before it. */
static uint64_t recent(const tr_time_ns *times, uint32_t count)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		found += times[i] / TR_SECOND + 10 > stage.now / TR_SECOND;
	return found;
}

static void see_dispatch(struct scene *scene, const struct tr_action_attempt_dispatch *dispatch,
			 tr_time_ns time)
{
	const struct tr_policy_retry *retry = &plan.policy.retry;
	struct scene_job *job = scene->jobs;

	while (job->id != dispatch->job_id)
		assert_true(++job < scene->jobs + SCENE_JOBS);
	if (dispatch->role == TR_ROLE_FIRST) {
		scene->first[scene->first_count++] = time;
		return;
	}
	assert_int_equal(dispatch->role, TR_ROLE_RETRY);
	assert_int_not_equal(job->failed, 0);
	assert_true(time - job->failed <=
		    tr_min(retry->backoff_ns_max, retry->backoff_ns << (job->retries - 1)));
	assert_true(job->retries <= retry->attempts);
	job->failed = 0;
}

static void see(struct scene *scene, size_t since)
{
	for (size_t i = since; i < stage.answer_count; i++)
		if (stage.answers[i].action.kind == TR_ACTION_ATTEMPT_DISPATCH)
			see_dispatch(scene, &stage.answers[i].action.attempt_dispatch,
				     stage.answers[i].time);
}

static void fail_one(struct scene *scene, struct scene_job *job)
{
	const struct tr_policy_retry *retry = &plan.policy.retry;
	uint64_t most = (uint64_t)retry->budget_per_second * 10 +
			recent(scene->first, scene->first_count) * retry->budget_percent / 100;
	bool more = job->retries < retry->attempts;
	bool granted = more && recent(scene->granted, scene->granted_count) < most;

	scene->denied += more && !granted;
	if (granted) {
		scene->granted[scene->granted_count++] = stage.now;
		job->retries++;
		job->failed = stage.now;
	}
	tr_stage_fail(&stage, job->id, TR_CAUSE_CONNECT, 0);
	assert_int_equal(tr_stage_finish(&stage, job->id) == NULL, granted);
	if (!granted)
		*job = (struct scene_job){0};
}

static void scene_step(struct scene *scene)
{
	static const tr_span_ns spans[] = {TR_MS, 100 * TR_MS, TR_SECOND, 5 * TR_SECOND, TR_MINUTE};
	struct scene_job *job = &scene->jobs[below(scene, SCENE_JOBS)];
	size_t since = stage.answer_count;

	if (below(scene, 3) == 0)
		tr_stage_wait(
			&stage,
			below(scene, spans[below(scene, 100) ? below(scene, 3) : below(scene, 5)]));
	see(scene, since);
	since = stage.answer_count;
	if (!job->id) {
		job->id = stage.next_job_id;
		submit();
	} else if (!job->failed && below(scene, 4)) {
		fail_one(scene, job);
	} else if (!job->failed) {
		assert_int_equal(tr_stage_complete(&stage, job->id, 1), 0);
		*job = (struct scene_job){0};
	}
	see(scene, since);
}

/* RES-2: each delay within its bound, and each retry granted exactly while the budget lasts. */
static void test_retries_keep_all_bounds_whatever_happens(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 10000 : 500, granted = 0, denied = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct scene scene = {.seed = seed};

		print_message("# seed %llu\n", (unsigned long long)seed);
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, TR_NAME("m"), 2, 64);
		plan.policy.retry = (struct tr_policy_retry){
			.attempts = (uint32_t)below(&scene, 5),
			.backoff_ns = below(&scene, TR_SECOND),
			.backoff_ns_max = TR_SECOND + below(&scene, 3 * TR_SECOND),
			.budget_percent = (uint32_t)below(&scene, 101),
			.budget_per_second = (uint32_t)below(&scene, 3),
		};
		start();
		stage.now += below(&scene, TR_SECOND);
		stage.trusting = seed % 8 != 0;
		for (int i = 0; i < SCENE_STEPS; i++)
			scene_step(&scene);
		assert_int_equal(tr_stage_counts(&stage).retries_denied, scene.denied);
		granted += scene.granted_count;
		denied += scene.denied;
		tr_stage_done(&stage);
	}
	assert_true(granted > 10 * seeds);
	assert_true(denied > 10 * seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_budget_is_so_many_a_second_and_a_share),
		cmocka_unit_test(test_a_budget_looks_back_ten_seconds),
		cmocka_unit_test(test_a_pool_spends_its_own_budget),
		cmocka_unit_test(test_only_what_is_retried_is_booked),
		cmocka_unit_test(test_a_refused_key_costs_the_pool_nothing),
		cmocka_unit_test(test_a_budget_follows_the_active_policy),
		cmocka_unit_test(test_a_new_model_inherits_no_debts),
		cmocka_unit_test(test_retries_keep_all_bounds_whatever_happens),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
