/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a step leaves behind. Between two steps the engine is at rest: whoever could be placed has
 * been, so looking at every pool once more changes nothing; else somebody waits for an event that
 * may never come. And it comes to rest: at one instant only so many CLOCKs are due. Third, at any
 * instant no tenant has spent and reserved more than its budget.
 *
 * TR_SEEDS=n runs n seeds of each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/layout.h"
#include "engine/pool.h"
#include "tests/engine/lab.h"
#include "tests/engine/world.h"

/* CLOCKs at one instant. Each leaves dozens of actions, and there are fewer than 600 jobs. */
#define CLOCKS_MOST 64

static uint64_t seeds(uint64_t few)
{
	const char *given = getenv("TR_SEEDS");

	return given ? strtoull(given, NULL, 10) : getenv("TR_FULL") ? 20 * few : few;
}

/* ---- one look more ---- */

static uint8_t *kept;
static size_t kept_size;
static struct tr_actions poked;

/* Have the engine look at everybody who waits, and put it back as it was. Returns what it did: 0 is
 * right. */
static uint32_t poke(struct tr_engine *e, tr_time_ns now)
{
	struct tr_event clock = {.time = now, .observed = now, .kind = TR_EVENT_CLOCK};
	size_t size = tr_engine_size(&e->limits);

	if (size > kept_size) {
		kept = realloc(kept, size);
		kept_size = size;
	}
	memcpy(kept, (void *)e, size);
	tr_pool_mark_all(e);
	assert_int_equal(tr_engine_step(e, &clock, &poked), 0);
	memcpy((void *)e, kept, size);
	/* Who may be preempted follows the shares of classes, which any dispatch moves; that is
	 * looked at when a pool is, and marks none. */
	for (uint32_t i = 0; i < poked.count; i++)
		if (poked.items[i].kind == TR_ACTION_ATTEMPT_ABORT)
			return 0;
	return poked.count;
}

struct rest {
	tr_time_ns instant;
	uint32_t clocks;
	uint64_t looks;
};

static const char *look(struct tr_engine *e, struct rest *rest, tr_time_ns now, bool clock)
{
	if (now != rest->instant || !clock)
		rest->clocks = 0;
	rest->instant = now;
	if (rest->clocks++ > CLOCKS_MOST)
		return "the engine comes to rest";
	if (tr_engine_deadline(e) <= now)
		return NULL;
	rest->looks++;
	return poke(e, now) ? "nobody waits who could be placed" : NULL;
}

static void watch_world(struct tr_world *world, void *context)
{
	const char *wrong =
		look(world->engine, context, world->now, world->event.kind == TR_EVENT_CLOCK);

	if (!wrong)
		return;
	fprintf(stderr, "seed %llu, step %llu: broken: %s\n", (unsigned long long)world->seed,
		(unsigned long long)world->step, wrong);
	abort();
}

/* SCH-1 */
static void test_nobody_waits_who_could_be_placed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= seeds(40); seed++) {
		struct rest rest = {0};
		struct tr_world world;

		tr_world_init(&world, 5000 + seed);
		world.context = &rest;
		world.on_step = watch_world;
		for (int i = 0; i < 1200; i++)
			tr_world_step(&world);
		tr_world_drain(&world);
		assert_true(rest.looks > 100);
		tr_world_done(&world);
	}
}

/* ---- laboratories short of rows, with preemption and dear fallbacks ---- */

static struct tr_lab lab;

static void edit(struct tr_lab *l)
{
	l->limits.jobs = 512;
	l->limits.active = 4 + (uint32_t)(l->seed % 20);
	l->limits.attempts = l->limits.active + (uint32_t)(l->seed % 3);
	l->limits.models = 4;
	l->limits.endpoints = 16;
	l->limits.tenants = 8;
	l->limits.policies = 1;
	l->limits.sessions = 32;
	l->limits.prefixes = 128;
	l->limits.idempotency = 16;
	for (uint32_t i = 1; i < l->plan.policy.class_count; i++)
		if ((l->seed >> i) & 1)
			l->plan.classes[i].preempt = TR_PREEMPT_HARD;
	for (uint32_t i = 0; i < l->plan.policy.tenant_count; i++)
		l->plan.tenants[i].budget_micro_usd_per_day = 20000;
	l->plan.models[1].price_in *= 4;
	l->plan.models[1].price_out *= 4;
}

static void watch_rest(struct tr_lab *l, void *context)
{
	const char *wrong = look(l->engine, context, l->now, l->event.kind == TR_EVENT_CLOCK);

	if (wrong)
		tr_lab_broken(l, wrong);
}

static void test_laboratories_come_to_rest(void **state)
{
	static const struct tr_lab_options options = {
		.jobs = 150, .load_percent = 180, .edit = edit};

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(160); seed++) {
		struct rest rest = {0};

		tr_lab_init(&lab, seed, &options);
		lab.context = &rest;
		lab.watch = watch_rest;
		tr_lab_run(&lab);
		assert_true(rest.looks > 100);
		tr_lab_done(&lab);
	}
}

static void watch_budgets(struct tr_lab *l, void *context)
{
	(void)context;
	for (uint32_t t = 0; t < TR_LAB_TENANTS; t++) {
		struct tr_tenant_view view;

		if (tr_engine_tenant(l->engine, TR_LAB_TENANT(t), &view) == 0)
			TR_LAB_LAW(l, view.spent_micro_usd + view.reserved_micro_usd <= 20000,
				   "nobody spends and reserves more than its budget");
	}
}

/* GOV-1: with honest hosts and declared lengths, whatever serves and whoever is preempted. */
static void test_no_budget_is_exceeded_at_any_instant(void **state)
{
	static const struct tr_lab_options options = {
		.jobs = 200, .load_percent = 180, .edit = edit};

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(300); seed++) {
		tr_lab_init(&lab, seed, &options);
		lab.watch = watch_budgets;
		tr_lab_run(&lab);
		tr_lab_done(&lab);
	}
}

/* A queue is put aside; the tenant reaches its cap, and falls below it as its retry ends; so the
 * queue races again and is put aside a second time, with all others: more than there are queues. */
static void test_a_queue_may_be_put_aside_twice_in_one_look(void **state)
{
	static struct tr_plan plan;
	struct tr_limits limits = tr_stage_limits;
	struct tr_stage stage;
	struct tr_event_job_submit small = {.tokens_in = 100};
	struct tr_event_job_submit large = {.tokens_in = 900};
	const tr_name classes[] = {TR_NAME("high"), TR_NAME("middle"), TR_NAME("interactive")};
	uint64_t first, failing, next, waiting[3];

	(void)state;
	limits.classes = 3;
	limits.tenants = 1;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	plan.models[0].output_tokens = 50;
	plan.endpoints[0].tokens_per_minute = 1000;
	plan.tenants[0].max_concurrent = 2;
	plan.policy.retry.attempts = 3;
	for (int i = 0; i < 2; i++) {
		uint32_t row = tr_plan_class(&plan, classes[i], 300 - 50 * (uint32_t)i);

		plan.classes[row].preempt = TR_PREEMPT_SOFT;
	}
	tr_stage_init(&stage, &limits, &plan.policy);
	first = tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_in = 450});
	tr_stage_complete(&stage, first, 50);
	failing = tr_stage_submit(&stage, small);
	small.class_name = classes[1];
	next = tr_stage_submit(&stage, small);
	for (int i = 0; i < 3; i++) {
		large.class_name = classes[i];
		waiting[i] = tr_stage_submit(&stage, large);
	}
	/* No other endpoint is left for it. */
	assert_int_equal(tr_stage_fail(&stage, failing, TR_CAUSE_CREDENTIALS, 0), 0);
	assert_int_equal(tr_stage_finish(&stage, failing)->outcome, TR_OUTCOME_FAILED);
	assert_int_equal(tr_stage_dispatches(&stage, next), 1);
	tr_stage_complete(&stage, next, 50);
	for (int i = 0; i < 3; i++) {
		tr_stage_wait(&stage, 2 * TR_MINUTE);
		assert_int_equal(tr_stage_dispatches(&stage, waiting[i]), 1);
		tr_stage_complete(&stage, waiting[i], 50);
	}
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_waits_who_could_be_placed),
		cmocka_unit_test(test_laboratories_come_to_rest),
		cmocka_unit_test(test_a_queue_may_be_put_aside_twice_in_one_look),
		cmocka_unit_test(test_no_budget_is_exceeded_at_any_instant),
	};
	int failed = cmocka_run_group_tests_name("rest", tests, NULL, NULL);

	free(kept);
	return failed;
}
