/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of whole runs, each by a ledger of its own: what was conserved, settled, capped, in what
 * order, in time, and untouched by strangers. TR_FULL=1 runs 10,000 seeds of each instead of 500.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/lab.h"

static uint64_t seeds(void)
{
	const char *given = getenv("TR_SEEDS");

	return given ? strtoull(given, NULL, 10) : getenv("TR_FULL") ? 10000 : 500;
}

static struct tr_lab lab;

/* Run every seed with one watcher; `end` looks at the finished run. */
static void over_seeds(uint64_t first, const struct tr_lab_options *options,
		       void (*watch)(struct tr_lab *, void *), void *context, size_t context_size,
		       void (*end)(struct tr_lab *, void *))
{
	for (uint64_t seed = first; seed < first + seeds(); seed++) {
		tr_lab_init(&lab, seed, options);
		if (context)
			memset(context, 0, context_size);
		lab.watch = watch;
		lab.context = context;
		tr_lab_run(&lab);
		if (end)
			end(&lab, context);
		TR_LAB_LAW(&lab, tr_engine_verify(lab.engine) == NULL,
			   "the books add up at the end");
		tr_lab_done(&lab);
	}
}

/* ---- conservation ---- */

struct buckets {
	uint64_t submitted, rejected, ended[TR_OUTCOME_COUNT];
};

static void watch_buckets(struct tr_lab *l, void *context)
{
	struct buckets *b = context;
	struct tr_counts c;

	b->submitted += l->event.kind == TR_EVENT_JOB_SUBMIT;
	for (uint32_t i = 0; i < l->actions.count; i++) {
		const struct tr_action *action = &l->actions.items[i];

		b->rejected += action->kind == TR_ACTION_JOB_REJECT;
		if (action->kind == TR_ACTION_JOB_FINISH)
			b->ended[action->job_finish.outcome]++;
	}
	tr_engine_counts(l->engine, &c);
	TR_LAB_LAW(l, c.submitted == b->submitted, "every submit is counted");
	TR_LAB_LAW(l, c.rejected == b->rejected, "every refusal is counted");
	TR_LAB_LAW(l,
		   c.completed == b->ended[TR_OUTCOME_COMPLETED] &&
			   c.failed == b->ended[TR_OUTCOME_FAILED] &&
			   c.canceled == b->ended[TR_OUTCOME_CANCELED] &&
			   c.expired == b->ended[TR_OUTCOME_EXPIRED],
		   "every end is counted in its bucket");
	TR_LAB_LAW(l,
		   c.submitted == c.rejected + c.completed + c.failed + c.canceled + c.expired +
					  c.in_system,
		   "submitted jobs are conserved");
}

/* JOB-1 */
static void test_every_bucket_is_conserved_at_every_instant(void **state)
{
	static const struct tr_lab_options options = {.jobs = 200};
	struct buckets buckets;

	(void)state;
	over_seeds(1, &options, watch_buckets, &buckets, sizeof buckets, NULL);
}

/* ---- settlement ---- */

static void end_settled(struct tr_lab *l, void *context)
{
	(void)context;
	for (uint32_t t = 0; t < TR_LAB_TENANTS; t++) {
		struct tr_tenant_view view;
		uint64_t cost = 0;

		if (tr_engine_tenant(l->engine, TR_LAB_TENANT(t), &view) < 0)
			continue;
		for (uint32_t i = 0; i < l->job_count; i++)
			if (l->jobs[i].tenant == t)
				cost += l->jobs[i].cost;
		TR_LAB_LAW(l, view.reserved_micro_usd == 0, "no reservation outlives its job");
		TR_LAB_LAW(l, view.running == 0, "no booking outlives its job");
		TR_LAB_LAW(l, view.waiting == 0, "nobody waits after the end");
		TR_LAB_LAW(l, view.spent_micro_usd == cost,
			   "what was spent is what jobs cost, once");
	}
	for (uint32_t i = 0; i < l->plan.policy.endpoint_count; i++) {
		struct tr_endpoint_view view;

		TR_LAB_LAW(l, tr_engine_endpoint(l->engine, l->plan.endpoints[i].name, &view) == 0,
			   "an endpoint is known");
		TR_LAB_LAW(l, view.in_flight == 0, "no endpoint keeps a ghost booking");
	}
}

/* GOV-1 */
static void test_quota_budget_and_concurrency_are_settled_exactly_once(void **state)
{
	static const struct tr_lab_options options = {.jobs = 200};

	(void)state;
	over_seeds(100000, &options, NULL, NULL, 0, end_settled);
}

/* ---- caps ---- */

static void watch_caps(struct tr_lab *l, void *context)
{
	uint32_t running[TR_LAB_TENANTS] = {0}, waiting[4][3] = {{0}};

	(void)context;
	for (uint32_t i = 0; i < l->next_job; i++) {
		const struct tr_lab_job *job = &l->jobs[i];

		running[job->tenant] +=
			job->state == TR_LAB_RUNNING || job->state == TR_LAB_BETWEEN;
		waiting[job->model][job->class] +=
			job->state == TR_LAB_WAITING || job->state == TR_LAB_HELD;
	}
	for (uint32_t t = 0; t < TR_LAB_TENANTS; t++) {
		const struct tr_policy_tenant *row = &l->plan.tenants[t + 1];
		struct tr_tenant_view view;

		TR_LAB_LAW(l, !row->max_concurrent || running[t] <= row->max_concurrent,
			   "a tenant's concurrency holds");
		if (row->budget_micro_usd_per_day &&
		    tr_engine_tenant(l->engine, TR_LAB_TENANT(t), &view) == 0)
			TR_LAB_LAW(l,
				   view.spent_micro_usd + view.reserved_micro_usd <=
					   row->budget_micro_usd_per_day,
				   "a tenant's budget holds");
	}
	for (uint32_t m = 0; m < l->plan.policy.model_count; m++) {
		uint32_t sum = 0;

		for (uint32_t c = 0; c < 3; c++) {
			TR_LAB_LAW(l, waiting[m][c] <= l->plan.classes[c].queue_limit,
				   "a class's queue stays within its limit");
			sum += waiting[m][c];
		}
		TR_LAB_LAW(l,
			   !l->plan.models[m].queue_limit || sum <= l->plan.models[m].queue_limit,
			   "a model's queue stays within its limit");
	}
	for (uint32_t i = 0; i < l->plan.policy.endpoint_count; i++) {
		uint32_t in_flight = 0;

		for (uint32_t a = 0; a < TR_LAB_ATTEMPTS; a++)
			in_flight += l->attempts[a].handle.slot1 &&
				     l->attempts[a].endpoint == l->plan.endpoints[i].name;
		TR_LAB_LAW(l, in_flight <= l->plan.endpoints[i].slots, "an endpoint's slots hold");
	}
}

/* SCH-4, ADM-1 */
static void test_caps_and_budgets_hold_at_every_instant(void **state)
{
	static const struct tr_lab_options options = {.jobs = 120, .load_percent = 250};

	(void)state;
	over_seeds(200000, &options, watch_caps, NULL, 0, NULL);
}

/* ---- order ---- */

static void watch_order(struct tr_lab *l, void *context)
{
	(void)context;
	for (uint32_t i = 0; i < l->actions.count; i++) {
		const struct tr_action *action = &l->actions.items[i];
		const struct tr_lab_job *job;

		if (action->kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;
		job = &l->jobs[action->attempt_dispatch.job_id - 1];
		for (uint32_t k = 0; k < l->next_job; k++) {
			const struct tr_lab_job *other = &l->jobs[k];

			if (other->state != TR_LAB_WAITING || other->tenant != job->tenant ||
			    other->class != job->class || other->model != job->model)
				continue;
			TR_LAB_LAW(l, other->deadline >= job->deadline,
				   "the earliest deadline of a tenant's class goes first");
			TR_LAB_LAW(l,
				   other->deadline > job->deadline || other->entered > job->entered,
				   "first come goes first among equal deadlines");
		}
	}
}

/* SCH-3 */
static void test_deadlines_then_arrival_order_a_tenants_class(void **state)
{
	static const struct tr_lab_options options = {
		.jobs = 200, .load_percent = 250, .plain = true};

	(void)state;
	over_seeds(300000, &options, watch_order, NULL, 0, NULL);
}

/* ---- time ---- */

static void watch_time(struct tr_lab *l, void *context)
{
	(void)context;
	for (uint32_t i = 0; i < l->actions.count; i++) {
		const struct tr_action *action = &l->actions.items[i];

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH)
			TR_LAB_LAW(l, action->attempt_dispatch.deadline > l->now,
				   "nothing is dispatched at or after its deadline");
	}
	for (uint32_t i = 0; i < l->next_job; i++)
		if (l->jobs[i].state >= TR_LAB_HELD && l->jobs[i].state < TR_LAB_ENDED)
			TR_LAB_LAW(l, l->jobs[i].deadline >= l->now,
				   "nothing lives past its deadline");
}

/* ADM-4, RES-4 */
static void test_nothing_happens_after_a_deadline(void **state)
{
	static const struct tr_lab_options options = {.jobs = 150, .load_percent = 200};

	(void)state;
	over_seeds(400000, &options, watch_time, NULL, 0, NULL);
}

/* ---- rivals ---- */

static void watch_rivals(struct tr_lab *l, void *context)
{
	(void)context;
	for (uint32_t i = 0; i < l->actions.count; i++) {
		const struct tr_action *action = &l->actions.items[i];

		if (action->kind == TR_ACTION_STREAM_COMMIT)
			TR_LAB_LAW(l, l->jobs[action->stream_commit.job_id - 1].in_flight <= 1,
				   "who commits is alone in the same step");
		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH)
			TR_LAB_LAW(l, !l->jobs[action->attempt_dispatch.job_id - 1].committed,
				   "a committed job gets no more attempts");
	}
}

/* RES-3 */
static void test_a_loser_never_commits(void **state)
{
	static const struct tr_lab_options options = {.jobs = 150};

	(void)state;
	over_seeds(500000, &options, watch_rivals, NULL, 0, NULL);
}

/* ---- budgets of extra attempts ---- */

/* A job that gave up its slot is dispatched again, which is nobody's retry; one whose key was
 * refused moves on, which costs nothing. */
static void watch_free_moves(struct tr_lab *l, void *context)
{
	uint64_t *moves = context;

	*moves += l->event.kind == TR_EVENT_ATTEMPT_FAILED &&
		  l->event.attempt_failed.cause == TR_CAUSE_CREDENTIALS;
	for (uint32_t i = 0; i < l->actions.count; i++)
		*moves += l->actions.items[i].kind == TR_ACTION_ATTEMPT_ABORT &&
			  l->actions.items[i].attempt_abort.cause == TR_CAUSE_PREEMPTED;
}

static void end_extra(struct tr_lab *l, void *context)
{
	const struct tr_policy *p = &l->plan.policy;
	struct tr_counts c;
	uint64_t seconds = (l->now - TR_LAB_START) / TR_SECOND + 11;
	uint64_t first;
	const uint64_t *moves = context;

	tr_engine_counts(l->engine, &c);
	first = c.attempts - c.retries - c.hedges;
	/* Each pool has its own budget; windows of ten seconds may overlap in two. */
	TR_LAB_LAW(l,
		   c.retries <=
			   2 * first * p->retry.budget_percent / 100 +
				   p->model_count * (p->retry.budget_per_second * seconds + 1) +
				   *moves,
		   "retries stay within their budget");
	TR_LAB_LAW(l,
		   c.hedges <= 2 * first * p->hedge.budget_percent / 100 + p->model_count * seconds,
		   "hedges stay within their budget");
}

/* RES-2, RES-3 */
static void test_retries_and_hedges_stay_within_their_budgets(void **state)
{
	static const struct tr_lab_options options = {.jobs = 300};
	uint64_t moves;

	(void)state;
	over_seeds(600000, &options, watch_free_moves, &moves, sizeof moves, end_extra);
}

/* ---- isolation ---- */

struct trail {
	uint64_t path[TR_LAB_JOBS];
	tr_time_ns dispatched[TR_LAB_JOBS];
	uint8_t outcome[TR_LAB_JOBS];
};

/* Tenants 0 and 1 live in one model and class, the others in another. */
static void apart(struct tr_lab *l)
{
	l->plan.models[0].chain_count = 1;
	for (uint32_t i = 0; i < l->job_count; i++) {
		struct tr_lab_job *job = &l->jobs[i];
		uint32_t side = job->tenant < 2 ? 0 : 1;

		job->model = side;
		job->class = side;
		job->submit.model = TR_LAB_MODEL(side);
		job->submit.class_name = TR_LAB_CLASS(side);
		job->submit.group_id = job->submit.group_id * 2 + side;
	}
}

static void run_apart(uint64_t seed, uint32_t silent, struct trail *ret)
{
	const struct tr_lab_options options = {
		.jobs = 150, .load_percent = 150, .silent_tenant = silent, .edit = apart};

	tr_lab_init(&lab, seed, &options);
	tr_lab_run(&lab);
	for (uint32_t i = 0; i < lab.job_count; i++) {
		ret->path[i] = lab.jobs[i].path;
		ret->dispatched[i] = lab.jobs[i].first_dispatch;
		ret->outcome[i] = lab.jobs[i].outcome;
	}
	tr_lab_done(&lab);
}

/* Whether a third tenant is there or not: who shares nothing with it is served the same. SCH-2 */
static void test_who_shares_nothing_is_not_influenced(void **state)
{
	static struct trail with, without;
	uint64_t compared = 0;

	(void)state;
	for (uint64_t seed = 700000; seed < 700000 + seeds(); seed++) {
		if (tr_below(tr_draw(seed, 0, TR_PURPOSE_TEST, 0), 3) == 0)
			continue; /* one model only: there is no apart */
		run_apart(seed, 0, &with);
		run_apart(seed, 3, &without);
		for (uint32_t i = 0; i < lab.job_count; i++) {
			if (lab.jobs[i].tenant > 1)
				continue;
			compared++;
			TR_LAB_LAW(&lab, with.path[i] == without.path[i],
				   "a stranger changes no decision");
			TR_LAB_LAW(&lab, with.dispatched[i] == without.dispatched[i],
				   "a stranger changes no time");
			TR_LAB_LAW(&lab, with.outcome[i] == without.outcome[i],
				   "a stranger changes no outcome");
		}
	}
	assert_true(compared > seeds());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bucket_is_conserved_at_every_instant),
		cmocka_unit_test(test_quota_budget_and_concurrency_are_settled_exactly_once),
		cmocka_unit_test(test_caps_and_budgets_hold_at_every_instant),
		cmocka_unit_test(test_deadlines_then_arrival_order_a_tenants_class),
		cmocka_unit_test(test_nothing_happens_after_a_deadline),
		cmocka_unit_test(test_a_loser_never_commits),
		cmocka_unit_test(test_retries_and_hedges_stay_within_their_budgets),
		cmocka_unit_test(test_who_shares_nothing_is_not_influenced),
	};

	return cmocka_run_group_tests_name("laws", tests, NULL, NULL);
}
