/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-1 and SCH-2: shares of service. A pool of four slots is kept overloaded for a while by
 * tenants and classes that always have a job waiting; what each of them got is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/stage.h"

#define SLOTS	4
#define SOURCES 3

/* Somebody who sends. */
struct source {
	tr_name tenant, class;
	uint32_t tokens_in; /* of each of its jobs; output is 50 */
	uint32_t backlog;   /* jobs it keeps waiting; 0: it is idle */
	/* Counted. */
	uint64_t waiting, started, served;
};

static struct tr_plan plan;
static struct tr_stage stage;
static struct source sources[SOURCES];
static uint64_t running[SLOTS], source_of[1 << 14];
static uint32_t turn; /* the slot whose job ends next */

static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, SLOTS);
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	tr_plan_tenant(&plan, TR_NAME("a"));
	tr_plan_tenant(&plan, TR_NAME("b"));
	memset(sources, 0, sizeof sources);
	memset(running, 0, sizeof running);
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	stage.trusting = true;
}

/* Take up what was dispatched by the last step. */
static void follow(void)
{
	for (uint32_t i = 0; i < stage.actions.count; i++) {
		const struct tr_action *action = &stage.actions.items[i];
		uint64_t id = action->attempt_dispatch.job_id;
		uint32_t slot = 0;

		if (action->kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;
		while (running[slot])
			slot++;
		assert_true(slot < SLOTS);
		running[slot] = id;
		sources[source_of[id]].waiting--;
		sources[source_of[id]].started++;
		sources[source_of[id]].served += sources[source_of[id]].tokens_in + 2 * 50;
	}
}

/* Everybody tops up; then so many jobs end, the one in the next slot each time. */
static void serve(uint32_t jobs)
{
	for (uint32_t i = 0; i < jobs; i++) {
		uint64_t ends;

		for (uint32_t s = 0; s < SOURCES; s++)
			while (sources[s].waiting < sources[s].backlog) {
				assert_true(stage.next_job_id < TR_ARRAY_LENGTH(source_of));
				source_of[stage.next_job_id] = s;
				sources[s].waiting++;
				tr_stage_submit(&stage, (struct tr_event_job_submit){
								.tenant = sources[s].tenant,
								.class_name = sources[s].class,
								.tokens_in = sources[s].tokens_in});
				follow();
			}
		tr_stage_wait(&stage, 10 * TR_MS);
		turn = (turn + 1) % SLOTS;
		ends = running[turn];
		running[turn] = 0;
		if (ends) {
			tr_stage_complete(&stage, ends, 50);
			follow();
		}
	}
}

static void forget(void)
{
	for (int s = 0; s < SOURCES; s++)
		sources[s].started = sources[s].served = 0;
}

static void two_classes(uint32_t floor)
{
	set_up();
	plan.classes[1].floor_percent = floor;
	start();
	sources[0] = (struct source){.tenant = TR_NAME("a"),
				     .class = TR_NAME("interactive"),
				     .tokens_in = 100,
				     .backlog = 8};
	sources[1] = (struct source){
		.tenant = TR_NAME("b"), .class = TR_NAME("batch"), .tokens_in = 100, .backlog = 4};
}

/* SCH-1 */
static void test_batch_gets_its_floor_while_interactive_is_overloaded(void **state)
{
	static const uint32_t floors[] = {0, 5, 10, 25, 50};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(floors); i++) {
		uint64_t before;

		two_classes(floors[i]);
		serve(100);
		forget();
		for (int round = 0; round < 10; round++) {
			before = sources[1].started;
			serve(100);
			/* Not only in the end: in each hundred, within two jobs. */
			assert_in_range(sources[1].started - before + 2, floors[i], floors[i] + 4);
		}
		assert_in_range(sources[1].started + 10, 10 * floors[i], 10 * floors[i] + 20);
		tr_stage_done(&stage);
	}
}

/* SCH-1: the floor is a share while there is work for it, not a debt to be paid when work comes
 * back: interactive keeps its own share then, too. */
static void test_a_floor_is_not_saved_up_while_batch_is_idle(void **state)
{
	(void)state;
	two_classes(10);
	sources[1].backlog = 0;
	serve(900);
	sources[1].backlog = 4;
	forget();
	serve(50);
	/* Its due is 5; a burst of a few more is no harm. */
	assert_in_range(sources[1].started, 4, 15);
	tr_stage_done(&stage);
}

/* SCH-1: strict priority otherwise. */
static void test_without_load_above_it_batch_has_everything(void **state)
{
	(void)state;
	two_classes(10);
	sources[0].backlog = 0;
	serve(100);
	assert_in_range(sources[1].started, 100, 110);
	tr_stage_done(&stage);
}

static void two_tenants(uint32_t weight_a, uint32_t weight_b)
{
	set_up();
	plan.tenants[1].weight_milli = weight_a;
	plan.tenants[2].weight_milli = weight_b;
	start();
	sources[0] = (struct source){.tenant = TR_NAME("a"), .tokens_in = 900, .backlog = 4};
	sources[1] = (struct source){.tenant = TR_NAME("b"), .tokens_in = 100, .backlog = 4};
}

/* SCH-2: tokens, not jobs, by weight; the jobs of one are five times as large as the other's. */
static void test_backlogged_tenants_share_by_weight_in_tokens(void **state)
{
	static const uint32_t weights[][2] = {{1000, 1000}, {3000, 1000}, {1000, 4000}, {500, 250}};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(weights); i++) {
		uint64_t wanted, got;

		two_tenants(weights[i][0], weights[i][1]);
		serve(100);
		forget();
		serve(1000);
		wanted = UINT64_C(1000) * weights[i][0] / (weights[i][0] + weights[i][1]);
		got = 1000 * sources[0].served / (sources[0].served + sources[1].served);
		/* 5% of it, either way. */
		assert_in_range(got, wanted * 95 / 100, wanted * 105 / 100);
		tr_stage_done(&stage);
	}
}

/* SCH-2: rest is not saved up, and is no punishment either. */
static void test_who_returns_from_idle_shares_from_there(void **state)
{
	(void)state;
	two_tenants(1000, 1000);
	sources[0].tokens_in = 100;
	sources[1].backlog = 0;
	serve(500);
	sources[1].backlog = 4;
	forget();
	serve(40);
	assert_in_range(sources[0].started, 16, 24);
	assert_in_range(sources[1].started, 16, 24);
	tr_stage_done(&stage);
}

/* SCH-2: whoever comes first from idle after a long run of another is not behind it for ever. */
static void test_a_third_tenant_takes_a_third(void **state)
{
	(void)state;
	two_tenants(1000, 1000);
	sources[0].tokens_in = 100;
	serve(300);
	sources[2] = (struct source){.tenant = TR_NAME("stranger"), .tokens_in = 100, .backlog = 4};
	forget();
	serve(300);
	for (int s = 0; s < SOURCES; s++)
		assert_in_range(sources[s].started, 95, 105);
	tr_stage_done(&stage);
}

/* SCH-4: a cap holds at every instant, and what it leaves goes to others. */
static void test_a_capped_tenant_leaves_the_rest_to_others(void **state)
{
	(void)state;
	set_up();
	plan.tenants[1].max_concurrent = 1;
	start();
	sources[0] = (struct source){.tenant = TR_NAME("a"), .tokens_in = 100, .backlog = 4};
	sources[1] = (struct source){.tenant = TR_NAME("b"), .tokens_in = 100, .backlog = 4};
	for (int i = 0; i < 300; i++) {
		serve(1);
		assert_true(tr_stage_tenant(&stage, TR_NAME("a")).running <= 1);
		assert_int_equal(tr_stage_endpoint(&stage, plan.endpoints[0].name).in_flight,
				 SLOTS);
	}
	assert_in_range(sources[0].started, 60, 90);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_gets_its_floor_while_interactive_is_overloaded),
		cmocka_unit_test(test_a_floor_is_not_saved_up_while_batch_is_idle),
		cmocka_unit_test(test_without_load_above_it_batch_has_everything),
		cmocka_unit_test(test_backlogged_tenants_share_by_weight_in_tokens),
		cmocka_unit_test(test_who_returns_from_idle_shares_from_there),
		cmocka_unit_test(test_a_third_tenant_takes_a_third),
		cmocka_unit_test(test_a_capped_tenant_leaves_the_rest_to_others),
	};

	return cmocka_run_group_tests_name("floor", tests, NULL, NULL);
}
