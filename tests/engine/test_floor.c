/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-1 and SCH-2: shares of service. A pool of four slots, which ends a job each 10 ms, is kept
 * overloaded for a while by tenants and classes that always have a job waiting, or that send more
 * than can be served; what each of them got is counted.
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
	uint32_t backlog;   /* jobs it keeps waiting; 0: it is idle, or sends at a rate: */
	uint32_t rate;	    /* jobs each 10 ms, whatever becomes of them */
	/* Counted. */
	uint64_t waiting, started, served, lost;
	tr_span_ns longest; /* wait of a started one */
};

static struct tr_plan plan;
static struct tr_stage stage;
static struct source sources[SOURCES];
static uint64_t running[SLOTS], source_of[1 << 14];
static tr_time_ns sent[TR_ARRAY_LENGTH(source_of)];
static size_t heard;
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
	heard = 0;
}

static void take_dispatch(uint64_t id, tr_time_ns time)
{
	struct source *source = &sources[source_of[id]];
	uint32_t slot = 0;

	while (running[slot])
		slot++;
	assert_true(slot < SLOTS);
	running[slot] = id;
	source->waiting--;
	source->started++;
	source->served += source->tokens_in + 2 * 50;
	source->longest = tr_max(source->longest, time - sent[id]);
}

/* Take up what was answered since. */
static void follow(void)
{
	for (; heard < stage.answer_count; heard++) {
		const struct tr_answer *answer = &stage.answers[heard];
		const struct tr_action *action = &answer->action;

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH)
			take_dispatch(action->attempt_dispatch.job_id, answer->time);
		if (action->kind == TR_ACTION_JOB_REJECT ||
		    (action->kind == TR_ACTION_JOB_FINISH && !action->job_finish.attempts)) {
			uint64_t id = action->kind == TR_ACTION_JOB_REJECT
					      ? action->job_reject.job_id
					      : action->job_finish.job_id;

			sources[source_of[id]].waiting--;
			sources[source_of[id]].lost++;
		}
	}
}

static void send(uint32_t s)
{
	assert_true(stage.next_job_id < TR_ARRAY_LENGTH(source_of));
	source_of[stage.next_job_id] = s;
	sent[stage.next_job_id] = stage.now;
	sources[s].waiting++;
	tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = sources[s].tenant,
							     .class_name = sources[s].class,
							     .tokens_in = sources[s].tokens_in});
	follow();
}

/* Everybody tops up, or sends what he sends, and each in turn is the first to do so; then so many
 * jobs end, the one in the next slot each time. */
static void serve(uint32_t jobs)
{
	for (uint32_t i = 0; i < jobs; i++) {
		uint64_t ends;

		for (uint32_t first = 0; first < SOURCES; first++) {
			uint32_t s = (i + first) % SOURCES;

			for (uint32_t n = 0; n < sources[s].rate; n++)
				send(s);
			while (sources[s].waiting < sources[s].backlog)
				send(s);
		}
		tr_stage_wait(&stage, 10 * TR_MS);
		follow();
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
		sources[s].started = sources[s].served = sources[s].lost = sources[s].longest = 0;
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

/* Interactive sends twice what can be served, batch as much as can be. */
static void two_senders(enum tr_full full, uint32_t floor, uint32_t limit)
{
	set_up();
	plan.classes[1].floor_percent = floor;
	plan.classes[0].full = plan.classes[1].full = (uint32_t)full;
	plan.classes[0].queue_limit = plan.classes[1].queue_limit = limit;
	sources[0] = (struct source){.tenant = TR_NAME("a"),
				     .class = TR_NAME("interactive"),
				     .tokens_in = 100,
				     .rate = 2};
	sources[1] = (struct source){
		.tenant = TR_NAME("b"), .class = TR_NAME("batch"), .tokens_in = 100, .rate = 1};
}

/* SCH-1: whatever is done with a full queue. A queue of so many places that moves at the floor's
 * pace bounds the wait. */
static void test_at_twice_the_capacity_floors_hold_and_the_wait_is_bounded(void **state)
{
	static const uint32_t floors[] = {5, 10, 25};

	(void)state;
	for (uint32_t i = 0; i < TR_ARRAY_LENGTH(floors) * TR_FULL_COUNT; i++) {
		uint32_t floor = floors[i % TR_ARRAY_LENGTH(floors)], limit = 20;
		tr_span_ns pace = 1000 * TR_MS / floor;

		two_senders((enum tr_full)(i / TR_ARRAY_LENGTH(floors)), floor, limit);
		start();
		serve(600);
		forget();
		serve(1000);
		assert_in_range(sources[1].started + 10, 10 * floor, 10 * floor + 20);
		assert_in_range(sources[1].longest, 1, (limit + 2) * pace);
		assert_true(sources[0].lost > 900);
		assert_true(sources[1].lost > 700);
		assert_null(tr_engine_verify(stage.engine));
		tr_stage_done(&stage);
	}
}

/* SCH-1: a class of one place, whose only job gives it up to each newcomer, is never idle. */
static void test_a_class_of_one_place_keeps_its_floor(void **state)
{
	static const uint32_t floors[] = {5, 10, 25, 50};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(floors); i++) {
		two_senders(TR_FULL_DROP_LRU, floors[i], 1);
		start();
		serve(100);
		forget();
		serve(1000);
		assert_in_range(sources[1].started + 10, 10 * floors[i], 10 * floors[i] + 20);
		/* The newest question is the one that is asked. */
		assert_in_range(sources[1].longest, 0, 10 * TR_MS);
		tr_stage_done(&stage);
	}
}

/* SCH-1: what is shed for its wait costs no floor either, and the rule bounds the wait. */
static void test_floors_hold_while_queues_are_shed_by_wait(void **state)
{
	(void)state;
	two_senders(TR_FULL_REJECT, 10, 4096);
	for (int c = 0; c < 2; c++) {
		plan.classes[c].sojourn_target_ns = 200 * TR_MS;
		plan.classes[c].sojourn_interval_ns = 500 * TR_MS;
	}
	start();
	serve(300);
	forget();
	serve(1000);
	assert_in_range(sources[1].started + 10, 100, 120);
	assert_in_range(sources[0].longest, 1, 400 * TR_MS);
	assert_in_range(sources[1].longest, 1, 400 * TR_MS);
	assert_in_range(sources[0].lost, 1000, 1200);
	assert_in_range(sources[1].lost, 800, 1000);
	tr_stage_done(&stage);
}

/* SCH-1: a class above that takes places of a shared limit from batch leaves it its floor. */
static void test_a_shared_limit_does_not_take_a_floor(void **state)
{
	(void)state;
	for (enum tr_full full = TR_FULL_DROP_LRU; full < TR_FULL_COUNT; full++) {
		two_senders(full, 10, 4096);
		plan.models[0].queue_limit = 40;
		start();
		serve(600);
		assert_in_range(sources[0].waiting + sources[1].waiting, 39, 40);
		forget();
		serve(1000);
		assert_in_range(sources[1].started + 10, 100, 120);
		/* Its share is four places. */
		assert_in_range(sources[1].longest, 1, (4 + 2) * 100 * TR_MS);
		tr_stage_done(&stage);
	}
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
		cmocka_unit_test(test_at_twice_the_capacity_floors_hold_and_the_wait_is_bounded),
		cmocka_unit_test(test_a_class_of_one_place_keeps_its_floor),
		cmocka_unit_test(test_floors_hold_while_queues_are_shed_by_wait),
		cmocka_unit_test(test_a_shared_limit_does_not_take_a_floor),
		cmocka_unit_test(test_backlogged_tenants_share_by_weight_in_tokens),
		cmocka_unit_test(test_who_returns_from_idle_shares_from_there),
		cmocka_unit_test(test_a_third_tenant_takes_a_third),
		cmocka_unit_test(test_a_capped_tenant_leaves_the_rest_to_others),
	};

	return cmocka_run_group_tests_name("floor", tests, NULL, NULL);
}
