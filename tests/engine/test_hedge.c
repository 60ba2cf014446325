/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rival of a silent attempt: when it is due, who may have one, what all may cost, and that the
 * loser is heard by nobody. The quantile of a pool is not measured here but said: the linker puts
 * the function below in the place of health's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/health.h"
#include "engine/random.h"
#include "tests/engine/scene_retry.h"

/* What is said of the pool, and what was asked. */
static struct {
	tr_span_ns quantile;
	uint32_t count;
	uint32_t model, percent;
} pool;

tr_span_ns __wrap_tr_health_pool_quantile(const struct tr_engine *e, uint32_t model,
					  uint32_t percent, uint32_t *ret_count);
tr_span_ns __wrap_tr_health_pool_quantile(const struct tr_engine *e, uint32_t model,
					  uint32_t percent, uint32_t *ret_count)
{
	(void)e;
	pool.model = model;
	pool.percent = percent;
	*ret_count = pool.count;
	return pool.quantile;
}

/* ---- one job ---- */

static void set_up_hedges(uint32_t attempts)
{
	set_up(4);
	plan.intents[0].hedge = 1;
	plan.policy.hedge.delay_ns = TR_SECOND;
	plan.policy.hedge.attempts = attempts;
	start();
	/* Traffic of which three hedges are a share. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(tr_stage_complete(&stage, submit(), 1), 0);
}

/* RES-3 */
static void test_a_hedge_loses_silently(void **state)
{
	tr_attempt_handle first, hedge;
	uint64_t job;

	(void)state;
	for (int winner = 0; winner < 2; winner++) {
		set_up_hedges(1);
		job = submit();
		first = tr_stage_dispatch(&stage, job)->attempt;
		tr_stage_wait(&stage, TR_SECOND - 1);
		assert_int_equal(tr_stage_dispatches(&stage, job), 1);
		tr_stage_wait(&stage, 1);
		assert_int_equal(tr_stage_dispatches(&stage, job), 2);
		assert_int_equal(tr_stage_dispatch(&stage, job)->role, TR_ROLE_HEDGE);
		assert_int_not_equal(stage.answers[1].action.attempt_dispatch.endpoint,
				     tr_stage_dispatch(&stage, job)->endpoint);
		hedge = tr_stage_dispatch(&stage, job)->attempt;
		tr_stage_event(&stage, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt =
			winner ? hedge : first;
		assert_int_equal(tr_stage_give(&stage), 0);
		assert_int_equal(stage.actions.count, 2);
		assert_int_equal(stage.actions.items[0].attempt_abort.attempt.slot1,
				 winner ? first.slot1 : hedge.slot1);
		assert_int_equal(stage.actions.items[0].attempt_abort.cause, TR_CAUSE_HEDGE_LOST);
		assert_int_equal(stage.actions.items[1].stream_commit.attempt.slot1,
				 winner ? hedge.slot1 : first.slot1);
		/* The loser is gone: nothing it says is heard. */
		tr_stage_event(&stage, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt =
			winner ? first : hedge;
		assert_int_equal(tr_stage_give(&stage), TR_E_STALE);
		tr_stage_wait(&stage, 10 * TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job), 2);
		tr_stage_done(&stage);
	}
}

/* RES-3 */
static void test_hedges_are_bounded(void **state)
{
	(void)state;
	for (uint32_t most = 0; most <= 3; most++) {
		uint64_t job;

		set_up_hedges(most);
		job = submit();
		tr_stage_wait(&stage, 20 * TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job), 1 + most);
		assert_int_equal(tr_stage_counts(&stage).hedges, most);
		tr_stage_done(&stage);
	}
}

static void test_only_an_intent_that_permits_it_is_hedged(void **state)
{
	uint64_t job;

	(void)state;
	set_up(2);
	plan.policy.hedge.delay_ns = TR_SECOND;
	plan.policy.hedge.attempts = 1;
	start();
	job = submit();
	tr_stage_wait(&stage, 5 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	tr_stage_done(&stage);
}

static void test_a_job_lives_while_one_of_its_attempts_does(void **state)
{
	tr_attempt_handle first;
	uint64_t job;

	(void)state;
	set_up_hedges(1);
	plan.policy.retry.attempts = 0;
	job = submit();
	first = tr_stage_dispatch(&stage, job)->attempt;
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_fail_attempt(&stage, first, TR_CAUSE_BAD_REQUEST), 0);
	assert_null(tr_stage_finish(&stage, job));
	assert_int_equal(tr_stage_complete(&stage, job, 3), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(tr_stage_finish(&stage, job)->hedges, 1);
	tr_stage_done(&stage);
}

static void test_a_canceled_job_aborts_its_hedges_too(void **state)
{
	uint64_t job;

	(void)state;
	set_up_hedges(3);
	job = submit();
	tr_stage_wait(&stage, 3 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 4);
	tr_stage_cancel(&stage, job, TR_CAUSE_CANCEL_CLIENT);
	assert_int_equal(stage.actions.count, 5);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(stage.actions.items[i].kind, TR_ACTION_ATTEMPT_ABORT);
	assert_int_equal(stage.actions.items[4].kind, TR_ACTION_JOB_FINISH);
	tr_stage_done(&stage);
}

static void test_a_failed_hedge_leaves_the_first_attempt_alone(void **state)
{
	tr_attempt_handle first;
	uint64_t job;

	(void)state;
	set_up_hedges(1);
	job = submit();
	first = tr_stage_dispatch(&stage, job)->attempt;
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	assert_int_equal(stage.actions.count, 0);
	tr_stage_wait(&stage, 10 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	tr_stage_event(&stage, TR_EVENT_ATTEMPT_DONE)->attempt_done =
		(struct tr_event_attempt_done){.attempt = first, .tokens_out = 5};
	assert_int_equal(tr_stage_give(&stage), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_COMPLETED);
	tr_stage_done(&stage);
}

/* When both have failed there is one retry, not two. */
static void test_a_job_whose_attempts_all_failed_is_retried_once(void **state)
{
	tr_attempt_handle first;
	uint64_t job;

	(void)state;
	set_up_hedges(1);
	job = submit();
	first = tr_stage_dispatch(&stage, job)->attempt;
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	assert_int_equal(tr_stage_fail_attempt(&stage, first, TR_CAUSE_RESET), 0);
	tr_stage_wait(&stage, 10 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 3);
	assert_int_equal(tr_stage_dispatch(&stage, job)->role, TR_ROLE_RETRY);
	assert_int_equal(tr_stage_counts(&stage).retries, 1);
	tr_stage_done(&stage);
}

static void test_a_job_that_has_answered_gets_no_hedge(void **state)
{
	uint64_t job;

	(void)state;
	set_up_hedges(1);
	job = submit();
	tr_stage_wait(&stage, TR_SECOND - 1);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	tr_stage_wait(&stage, 10 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	assert_int_equal(tr_stage_counts(&stage).hedges_denied, 0);
	tr_stage_done(&stage);
}

static void test_a_job_past_its_deadline_gets_no_hedge(void **state)
{
	uint64_t job;

	(void)state;
	set_up_hedges(1);
	job = tr_stage_submit(&stage,
			      (struct tr_event_job_submit){.deadline = stage.now + TR_SECOND});
	tr_stage_wait(&stage, 10 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 1);
	assert_int_equal(tr_stage_finish(&stage, job)->outcome, TR_OUTCOME_EXPIRED);
	tr_stage_done(&stage);
}

/* RES-3: the longer of delay and quantile, once enough is known of the pool. */
static void test_a_hedge_is_due_after_a_delay_or_a_quantile(void **state)
{
	static const struct {
		tr_span_ns delay, quantile;
		uint32_t percent, count;
		tr_span_ns due; /* 0: never */
	} rows[] = {
		{TR_SECOND, 0, 0, 0, TR_SECOND},
		{TR_SECOND, 3 * TR_SECOND, 0, 100, TR_SECOND},
		{TR_SECOND, 3 * TR_SECOND, 95, 20, 3 * TR_SECOND},
		{TR_SECOND, 3 * TR_SECOND, 95, 19, TR_SECOND},
		{TR_SECOND, 300 * TR_MS, 95, 20, TR_SECOND},
		{0, 3 * TR_SECOND, 95, 20, 3 * TR_SECOND},
		{0, 3 * TR_SECOND, 95, 19, 0},
		{0, 0, 95, 20, 0},
		{0, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		uint64_t job;

		set_up(2);
		plan.intents[0].hedge = 1;
		plan.policy.hedge.delay_ns = rows[i].delay;
		plan.policy.hedge.quantile_percent = rows[i].percent;
		plan.policy.hedge.attempts = 1;
		pool.quantile = rows[i].quantile;
		pool.count = rows[i].count;
		start();
		job = submit();
		tr_stage_wait(&stage, rows[i].due ? rows[i].due - 1 : 60 * TR_SECOND);
		assert_int_equal(tr_stage_dispatches(&stage, job), 1);
		tr_stage_wait(&stage, 1);
		assert_int_equal(tr_stage_dispatches(&stage, job), rows[i].due ? 2 : 1);
		tr_stage_done(&stage);
	}
}

/* Silence is long or short by the standards of who is asked, not of who was meant. */
static void test_the_quantile_is_that_of_the_model_which_serves(void **state)
{
	(void)state;
	set_up(1);
	tr_plan_model(&plan, TR_NAME("n"), 1, 4);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	plan.intents[0].hedge = 1;
	plan.policy.hedge.quantile_percent = 90;
	plan.policy.hedge.attempts = 1;
	start();
	submit();
	assert_int_equal(pool.percent, 90);
	uint32_t own = pool.model;

	tr_stage_lifecycle(&stage, plan.endpoints[0].name, TR_LIFECYCLE_DOWN);
	submit();
	assert_int_not_equal(pool.model, own);
	tr_stage_done(&stage);
}

/* ---- budgets ---- */

/* Two endpoints with room for all, a hedge after a second of silence. */
static void set_up_budget(uint32_t percent, uint32_t cost_percent)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 2, 256);
	plan.intents[0].hedge = 1;
	plan.policy.hedge = (struct tr_policy_hedge){.delay_ns = TR_SECOND,
						     .attempts = 1,
						     .budget_percent = percent,
						     .cost_budget_percent = cost_percent};
}

/* RES-3: a share of the first attempts, in number and in cost, and one always. */
static void test_hedges_are_a_share_of_first_attempts(void **state)
{
	static const struct {
		uint32_t percent, cost_percent, jobs, hedges;
	} rows[] = {
		{0, 100, 40, 0},  {100, 0, 40, 0},    {5, 100, 1, 1}, {5, 5, 1, 1},
		{5, 5, 20, 1},	  {5, 5, 39, 1},      {5, 5, 40, 2},  {10, 100, 40, 4},
		{100, 10, 40, 4}, {100, 100, 40, 40},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		set_up_budget(rows[i].percent, rows[i].cost_percent);
		start();
		for (uint32_t n = 0; n < rows[i].jobs; n++)
			submit();
		tr_stage_wait(&stage, 5 * TR_SECOND);
		assert_int_equal(tr_stage_counts(&stage).hedges, rows[i].hedges);
		assert_int_equal(tr_stage_counts(&stage).hedges_denied,
				 rows[i].jobs - rows[i].hedges);
		tr_stage_done(&stage);
	}
}

/* RES-3: where nothing has a price, cost says nothing. */
static void test_a_pool_without_prices_has_no_cost_budget(void **state)
{
	(void)state;
	for (uint32_t cost_percent = 0; cost_percent <= 1; cost_percent++) {
		set_up_budget(50, cost_percent);
		plan.models[0].price_in = plan.models[0].price_out = 0;
		start();
		for (int n = 0; n < 40; n++)
			submit();
		tr_stage_wait(&stage, 5 * TR_SECOND);
		assert_int_equal(tr_stage_counts(&stage).hedges, 20);
		tr_stage_done(&stage);
	}
}

/* RES-3: a large request is too dear to be sent twice where small ones are not. */
static void test_the_size_of_a_request_counts(void **state)
{
	uint64_t jobs[3];

	(void)state;
	set_up_budget(100, 10);
	tr_plan_intent(&plan, TR_NAME("patient"));
	start();
	for (int n = 0; n < 20; n++)
		tr_stage_submit(&stage, (struct tr_event_job_submit){.intent = TR_NAME("patient")});
	jobs[0] = submit();
	jobs[1] = tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_in = 2000});
	jobs[2] = submit();
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, jobs[0]), 2);
	assert_int_equal(tr_stage_dispatches(&stage, jobs[1]), 1);
	assert_int_equal(tr_stage_dispatches(&stage, jobs[2]), 2);
	tr_stage_done(&stage);
}

/* How a job is hedged is its own policy's, what a pool may spend the active one's. */
static void test_a_change_of_policy_changes_the_budget_alone(void **state)
{
	uint64_t old;

	(void)state;
	set_up_budget(100, 100);
	start();
	old = submit();
	plan.policy.id = 2;
	plan.policy.hedge.delay_ns = 5 * TR_SECOND;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, old), 2);
	assert_int_equal(tr_stage_cancel(&stage, old, TR_CAUSE_CANCEL_CLIENT), 0);
	old = submit();
	plan.policy.id = 3;
	plan.policy.hedge.budget_percent = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	tr_stage_wait(&stage, 10 * TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, old), 1);
	assert_int_equal(tr_stage_counts(&stage).hedges_denied, 1);
	tr_stage_done(&stage);
}

/* ---- random scenes ---- */

#define SCENE_JOBS 400

struct scene_job {
	uint64_t id, cost;
	tr_time_ns sent, hedged; /* 0: not hedged */
	bool over;
};

/* Should the engine send the hedge that is due? Counted anew from what was seen. */
static bool may_hedge(const struct scene_job *jobs, uint32_t count, uint64_t cost)
{
	const struct tr_policy_hedge *hedge = &plan.policy.hedge;
	uint64_t firsts = 0, hedges = 0, first_cost = 0, hedge_cost = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (jobs[i].sent / TR_SECOND + 10 > stage.now / TR_SECOND) {
			firsts++;
			first_cost += jobs[i].cost;
		}
		if (jobs[i].hedged / TR_SECOND + 10 > stage.now / TR_SECOND) {
			hedges++;
			hedge_cost += jobs[i].cost;
		}
	}
	if (!hedge->budget_percent || (cost && !hedge->cost_budget_percent))
		return false;
	return hedges == 0 || (hedges + 1 <= firsts * hedge->budget_percent / 100 &&
			       hedge_cost + cost <= first_cost * hedge->cost_budget_percent / 100);
}

/* Time passes; each hedge that falls due is foretold. */
static void pass(struct scene_job *jobs, uint32_t count, tr_time_ns until, uint64_t *denied)
{
	while (tr_engine_deadline(stage.engine) <= until) {
		struct scene_job *due = NULL;
		bool expected;

		stage.now = tr_engine_deadline(stage.engine);
		for (uint32_t i = 0; i < count; i++)
			if (!jobs[i].over && jobs[i].sent + plan.policy.hedge.delay_ns == stage.now)
				due = &jobs[i];
		assert_non_null(due);
		expected = may_hedge(jobs, count, due->cost);
		tr_stage_event(&stage, TR_EVENT_CLOCK);
		assert_int_equal(tr_stage_give(&stage), 0);
		assert_int_equal(stage.actions.count, expected);
		*denied += !expected;
		due->hedged = expected ? stage.now : 0;
	}
	stage.now = until;
}

static uint64_t below(uint64_t seed, uint64_t *draws, uint64_t bound)
{
	return tr_below(tr_draw(seed, 0, TR_PURPOSE_TEST, (*draws)++), bound);
}

static void play(uint64_t seed, uint64_t *ret_hedges, uint64_t *ret_denied)
{
	struct scene_job jobs[SCENE_JOBS] = {0};
	uint64_t n = 0;

	set_up_budget((uint32_t)below(seed, &n, 30), (uint32_t)below(seed, &n, 60));
	plan.policy.hedge.delay_ns = 1 + below(seed, &n, 15 * TR_SECOND);
	start();
	stage.trusting = seed % 8 != 0;
	for (uint32_t i = 0; i < SCENE_JOBS; i++) {
		struct scene_job *ended = &jobs[below(seed, &n, i + 1)];
		uint64_t large = below(seed, &n, 20) ? 1000 : 50000;
		uint32_t tokens_in = 1 + (uint32_t)below(seed, &n, large);
		tr_span_ns span = below(seed, &n, 50) ? TR_SECOND : TR_MINUTE;

		pass(jobs, i, stage.now + 1 + below(seed, &n, span), ret_denied);
		if (ended->id && !ended->over) {
			assert_int_equal(tr_stage_complete(&stage, ended->id, 1), 0);
			ended->over = true;
		}
		jobs[i].sent = stage.now;
		jobs[i].cost = tokens_in + 2 * UINT64_C(50);
		jobs[i].id = tr_stage_submit(&stage,
					     (struct tr_event_job_submit){.tokens_in = tokens_in});
		assert_int_equal(tr_stage_dispatches(&stage, jobs[i].id), 1);
	}
	*ret_hedges += tr_stage_counts(&stage).hedges;
	tr_stage_done(&stage);
}

/* RES-3 */
static void test_hedges_keep_both_budgets_whatever_happens(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 10000 : 500, hedges = 0, denied = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		play(seed, &hedges, &denied);
	}
	assert_true(hedges > 5 * seeds);
	assert_true(denied > 5 * seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hedge_loses_silently),
		cmocka_unit_test(test_hedges_are_bounded),
		cmocka_unit_test(test_only_an_intent_that_permits_it_is_hedged),
		cmocka_unit_test(test_a_job_lives_while_one_of_its_attempts_does),
		cmocka_unit_test(test_a_canceled_job_aborts_its_hedges_too),
		cmocka_unit_test(test_a_failed_hedge_leaves_the_first_attempt_alone),
		cmocka_unit_test(test_a_job_whose_attempts_all_failed_is_retried_once),
		cmocka_unit_test(test_a_job_that_has_answered_gets_no_hedge),
		cmocka_unit_test(test_a_job_past_its_deadline_gets_no_hedge),
		cmocka_unit_test(test_a_hedge_is_due_after_a_delay_or_a_quantile),
		cmocka_unit_test(test_the_quantile_is_that_of_the_model_which_serves),
		cmocka_unit_test(test_hedges_are_a_share_of_first_attempts),
		cmocka_unit_test(test_a_pool_without_prices_has_no_cost_budget),
		cmocka_unit_test(test_the_size_of_a_request_counts),
		cmocka_unit_test(test_a_change_of_policy_changes_the_budget_alone),
		cmocka_unit_test(test_hedges_keep_both_budgets_whatever_happens),
	};

	return cmocka_run_group_tests_name("hedge", tests, NULL, NULL);
}
