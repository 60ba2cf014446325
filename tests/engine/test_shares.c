/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets how much while everybody waits: tenants by weight, classes at least their floor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/engine/lab.h"

#define JOBS 800

static uint64_t seeds(void)
{
	return getenv("TR_FULL") ? 10000 : 500;
}

static struct tr_lab lab;

struct served {
	uint64_t by[TR_LAB_TENANTS]; /* tenants: weighted tokens; classes: dispatches */
	uint64_t sum, largest;
	bool over; /* somebody has nothing left to wait for */
};

/* Everybody comes at once and nothing else limits them. */
static void crowd(struct tr_lab *l)
{
	struct tr_plan *plan = &l->plan;

	for (uint32_t i = 0; i < TR_LAB_TENANTS; i++) {
		struct tr_policy_tenant *tenant = &plan->tenants[i + 1];

		tenant->max_concurrent = tenant->requests_per_minute = 0;
		tenant->tokens_per_minute = tenant->budget_micro_usd_per_day = 0;
	}
	for (uint32_t i = 0; i < plan->policy.intent_count; i++)
		plan->intents[i].deadline_ns = 0;
	plan->models[0].queue_limit = 0;
	for (uint32_t i = 0; i < 3; i++)
		plan->classes[i].queue_limit = 1u << 20;
	for (uint32_t i = 0; i < l->job_count; i++) {
		struct tr_lab_job *job = &l->jobs[i];

		job->arrival = TR_LAB_START + 1 + i;
		job->model = 0;
		job->submit.model = TR_LAB_MODEL(0);
		job->submit.deadline = 0;
	}
}

static void one_class(struct tr_lab *l)
{
	crowd(l);
	for (uint32_t i = 0; i < l->job_count; i++) {
		l->jobs[i].class = 0;
		l->jobs[i].submit.class_name = TR_LAB_CLASS(0);
	}
}

/* ---- tenants ---- */

static bool all_tenants_wait(const struct tr_lab *l)
{
	for (uint32_t t = 0; t < TR_LAB_TENANTS; t++) {
		struct tr_tenant_view view;

		if (tr_engine_tenant(l->engine, TR_LAB_TENANT(t), &view) < 0 || view.waiting == 0)
			return false;
	}
	return true;
}

static void watch_tenants(struct tr_lab *l, void *context)
{
	struct served *served = context;

	if (l->next_job < l->job_count)
		return;
	served->over |= !all_tenants_wait(l);
	for (uint32_t i = 0; i < l->actions.count && !served->over; i++) {
		const struct tr_action *action = &l->actions.items[i];
		uint64_t tokens;

		if (action->kind != TR_ACTION_JOB_FINISH)
			continue;
		tokens = action->job_finish.tokens_in + 2 * (uint64_t)action->job_finish.tokens_out;
		served->by[l->jobs[action->job_finish.job_id - 1].tenant] += tokens;
		served->sum += tokens;
		served->largest = tr_max(served->largest, tokens);
	}
}

/* SCH-2: within max(5%, twice the largest request's service in the window) of its weight. */
static void test_backlogged_tenants_are_served_by_weight(void **state)
{
	static const struct tr_lab_options options = {
		.jobs = JOBS, .plain = true, .edit = one_class};
	uint64_t looked = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct served served = {0};
		uint64_t weights = 0;

		tr_lab_init(&lab, seed, &options);
		lab.watch = watch_tenants;
		lab.context = &served;
		tr_lab_run(&lab);
		for (uint32_t t = 0; t < TR_LAB_TENANTS; t++)
			weights += lab.plan.tenants[t + 1].weight_milli;
		for (uint32_t t = 0; t < TR_LAB_TENANTS && served.sum > 50000; t++) {
			/* In hundred-thousandths. */
			uint64_t share = served.by[t] * 100000 / served.sum;
			uint64_t due = lab.plan.tenants[t + 1].weight_milli * 100000 / weights;
			uint64_t most = tr_max(5000, 2 * served.largest * 100000 / served.sum);

			looked++;
			TR_LAB_LAW(&lab, share <= due + most && due <= share + most,
				   "a backlogged tenant is served by its weight");
		}
		tr_lab_done(&lab);
	}
	assert_true(looked > seeds());
}

/* ---- classes ---- */

static bool all_classes_wait(const struct tr_lab *l)
{
	bool waits[3] = {false};

	for (uint32_t i = 0; i < l->job_count; i++)
		if (l->jobs[i].state == TR_LAB_WAITING)
			waits[l->jobs[i].class] = true;
	return waits[0] && waits[1] && waits[2];
}

static void watch_classes(struct tr_lab *l, void *context)
{
	struct served *served = context;

	if (served->over)
		return;
	for (uint32_t i = 0; i < l->actions.count; i++)
		if (l->actions.items[i].kind == TR_ACTION_ATTEMPT_DISPATCH) {
			uint64_t id = l->actions.items[i].attempt_dispatch.job_id;

			served->by[l->jobs[id - 1].class]++;
			served->sum++;
		}
	if (l->actions.count && l->next_job == l->job_count)
		served->over = !all_classes_wait(l);
}

/* SCH-1: whatever stands above it, a backlogged class gets its floor, to two dispatches and a
 * percent. */
static void test_backlogged_classes_get_their_floors(void **state)
{
	static const struct tr_lab_options options = {
		.jobs = 400, .load_percent = 200, .plain = true, .edit = crowd};
	uint64_t looked = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct served served = {0};

		tr_lab_init(&lab, seed, &options);
		lab.watch = watch_classes;
		lab.context = &served;
		tr_lab_run(&lab);
		for (uint32_t c = 0; c < 3 && served.sum > 50; c++) {
			looked += lab.plan.classes[c].floor_percent > 0;
			TR_LAB_LAW(&lab,
				   (served.by[c] + 2) * 100 + served.sum >=
					   served.sum * lab.plan.classes[c].floor_percent,
				   "a backlogged class gets its floor");
		}
		tr_lab_done(&lab);
	}
	assert_true(looked > seeds() / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backlogged_tenants_are_served_by_weight),
		cmocka_unit_test(test_backlogged_classes_get_their_floors),
	};

	return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
