/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-5: what is remembered of sessions and prefixes, and what a client is told of it. Where a job
 * goes is decided here by taking the other endpoints down, so that no picker's taste comes in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/affinity.h"
#include "engine/random.h"
#include "engine/registry.h"
#include "tests/engine/stage.h"
#include "tests/engine/world.h"

#define M   TR_NAME("m")
#define TTL (10 * TR_SECOND)

#define ENDPOINTS 3

static struct tr_plan plan, next;
static struct tr_stage stage;

static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, ENDPOINTS, 4);
	tr_plan_tenant(&plan, TR_NAME("other"));
	plan.policy.affinity.session_ttl_ns = TTL;
	plan.policy.affinity.prefix_ttl_ns = TTL;
	plan.policy.retry.attempts = 2;
	plan.intents[0].hedge = 1;
	plan.policy.hedge = (struct tr_policy_hedge){TR_TEST_HEDGE, .attempts = 1};
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

/* Time passes, and the engine hears of it. */
static void wait_for(tr_span_ns span)
{
	tr_stage_wait(&stage, span);
	tr_stage_event(&stage, TR_EVENT_CLOCK);
	assert_int_equal(tr_stage_give(&stage), 0);
}

static tr_name name_of(uint32_t endpoint)
{
	return tr_plan_endpoint_name(M, endpoint);
}

/* Only this endpoint takes jobs. */
static void leave_only(uint32_t endpoint)
{
	for (uint32_t i = 0; i < ENDPOINTS; i++)
		assert_int_equal(
			tr_stage_lifecycle(&stage, name_of(i),
					   i == endpoint ? TR_LIFECYCLE_UP : TR_LIFECYCLE_DOWN),
			0);
}

/* What a job that looked like this would be told. */
static struct tr_affinity found(struct tr_event_job_submit submit)
{
	struct tr_job job = {0};
	struct tr_affinity ret;

	job.tenant = (uint16_t)tr_registry_find(&stage.engine->registry[TR_REGISTRY_TENANT],
						submit.tenant ? submit.tenant : TR_NAME("default"));
	job.policy = (uint8_t)stage.engine->core->active_policy;
	tr_affinity_admit(stage.engine, &job, &submit);
	tr_affinity_find(stage.engine, &job, &ret);
	return ret;
}

static struct tr_event_job_submit turn_of(uint64_t session)
{
	return (struct tr_event_job_submit){.session = session};
}

static tr_name home_of(uint64_t session)
{
	struct tr_affinity affinity = found(turn_of(session));

	return affinity.home == TR_NONE ? 0 : stage.engine->endpoint[affinity.home].name;
}

/* A prompt of a document, cut after so many blocks: prompts of one document begin alike. */
static struct tr_event_job_submit prompt(uint64_t document, uint32_t blocks)
{
	struct tr_event_job_submit submit = {.prefix_blocks = blocks};

	for (uint32_t depth = 1; depth <= blocks; depth++)
		if ((depth & (depth - 1)) == 0 || depth == blocks)
			(&submit.prefix0)[submit.prefix_count++] = tr_mix(document << 32 | depth);
	return submit;
}

static uint32_t seen_by(struct tr_event_job_submit submit, uint32_t endpoint)
{
	struct tr_affinity affinity = found(submit);

	return tr_affinity_seen(
		&affinity,
		tr_registry_find(&stage.engine->registry[TR_REGISTRY_ENDPOINT], name_of(endpoint)));
}

/* One job from submit to answer at the only endpoint there is; what was said of its caches. */
static enum tr_warmth serve(struct tr_event_job_submit submit)
{
	uint64_t job = tr_stage_submit(&stage, submit);
	uint8_t warmth = tr_stage_dispatch(&stage, job)->warmth;

	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 5), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->warmth, warmth);
	return (enum tr_warmth)warmth;
}

static enum tr_warmth serve_at(uint32_t endpoint, struct tr_event_job_submit submit)
{
	leave_only(endpoint);
	return serve(submit);
}

/* ---- sessions ---- */

/* SCH-5 */
static void test_a_fail_over_is_told_as_cold_and_moves_the_home(void **state)
{
	(void)state;
	set_up();
	start();
	assert_int_equal(serve_at(0, turn_of(5)), TR_WARMTH_UNKNOWN);
	assert_int_equal(home_of(5), name_of(0));
	assert_int_equal(serve_at(0, turn_of(5)), TR_WARMTH_WARM);
	assert_int_equal(serve_at(1, turn_of(5)), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), name_of(1));
	assert_int_equal(serve_at(1, turn_of(5)), TR_WARMTH_WARM);
	assert_int_equal(serve_at(1, turn_of(6)), TR_WARMTH_UNKNOWN);
	assert_int_equal(serve_at(1, (struct tr_event_job_submit){0}), TR_WARMTH_UNKNOWN);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_a_session_is_forgotten_after_its_time_to_live(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	start();
	leave_only(0);
	job = tr_stage_submit(&stage, turn_of(5));
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	/* A long answer: the session is in use until it ends. */
	wait_for(TTL + TR_SECOND);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 5), 0);
	assert_int_equal(home_of(5), name_of(0));
	wait_for(TTL - 1);
	assert_int_equal(home_of(5), name_of(0));
	wait_for(1);
	assert_int_equal(home_of(5), 0);
	/* Its caches are gone wherever it goes. */
	assert_int_equal(serve(turn_of(5)), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), name_of(0));
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_after_its_turns_a_session_is_free_but_still_warm(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	plan.policy.affinity.session_turns = 3;
	start();
	serve_at(0, turn_of(5));
	serve(turn_of(5));
	assert_int_equal(home_of(5), name_of(0));
	/* Turns are jobs: one that needed two attempts is one. */
	job = tr_stage_submit(&stage, turn_of(5));
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_CONNECT, 0), 0);
	wait_for(TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_equal(home_of(5), name_of(0));
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 5), 0);
	assert_int_equal(serve(turn_of(5)), TR_WARMTH_WARM);
	assert_int_equal(home_of(5), name_of(0));
	assert_int_equal(serve_at(1, turn_of(5)), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), name_of(1));
	tr_stage_done(&stage);
}

/* The attempt of a job with this role. */
static tr_attempt_handle attempt_of(uint64_t job, enum tr_role role)
{
	for (size_t i = stage.answer_count; i > 0; i--) {
		const struct tr_action *action = &stage.answers[i - 1].action;

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH &&
		    action->attempt_dispatch.job_id == job && action->attempt_dispatch.role == role)
			return action->attempt_dispatch.attempt;
	}
	fail();
	return (tr_attempt_handle){0};
}

static uint64_t hedged_job(void)
{
	uint64_t job;

	leave_only(0);
	job = tr_stage_submit(&stage, turn_of(5));
	tr_stage_lifecycle(&stage, name_of(1), TR_LIFECYCLE_UP);
	wait_for(TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_equal(tr_stage_dispatch(&stage, job)->role, TR_ROLE_HEDGE);
	return job;
}

static void answered_by(uint64_t job, enum tr_role role)
{
	struct tr_event *event = tr_stage_event(&stage, TR_EVENT_ATTEMPT_DONE);

	event->attempt_done.attempt = attempt_of(job, role);
	event->attempt_done.tokens_out = 5;
	assert_int_equal(tr_stage_give(&stage), 0);
}

/* SCH-5 */
static void test_a_hedge_takes_the_home_only_if_it_wins(void **state)
{
	(void)state;
	set_up();
	plan.policy.hedge.delay_ns = 100 * TR_MS;
	start();
	serve_at(0, turn_of(5));
	answered_by(hedged_job(), TR_ROLE_FIRST);
	assert_int_equal(home_of(5), name_of(0));

	uint64_t job = hedged_job();

	answered_by(job, TR_ROLE_HEDGE);
	assert_int_equal(home_of(5), name_of(1));
	assert_int_equal(tr_stage_finish(&stage, job)->warmth, TR_WARMTH_COLD);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_an_attempt_that_fails_leaves_nothing_behind(void **state)
{
	struct tr_event_job_submit submit = prompt(1, 4);
	uint64_t job;

	(void)state;
	set_up();
	plan.policy.retry.attempts = 0;
	start();
	leave_only(0);
	submit.session = 5;
	job = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_CONNECT, 0), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->warmth, TR_WARMTH_UNKNOWN);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(found(submit).known, false);
	assert_int_equal(seen_by(submit, 0), 0);
	/* One that streamed has read the prompt, however it ended. */
	job = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	assert_int_equal(home_of(5), name_of(0));
	assert_int_equal(seen_by(submit, 0), 1000);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_of_too_many_sessions_the_one_used_longest_ago_goes(void **state)
{
	struct tr_limits limits = tr_stage_limits;

	(void)state;
	set_up();
	limits.sessions = 3;
	tr_stage_init(&stage, &limits, &plan.policy);
	serve_at(0, turn_of(1));
	serve(turn_of(2));
	serve(turn_of(3));
	serve(turn_of(1));
	serve(turn_of(4));
	assert_int_equal(home_of(1), name_of(0));
	assert_int_equal(home_of(2), 0);
	assert_int_equal(home_of(3), name_of(0));
	assert_int_equal(home_of(4), name_of(0));
	assert_int_equal(serve(turn_of(2)), TR_WARMTH_UNKNOWN);
	tr_stage_done(&stage);
}

#define MODEL_SESSIONS 7
#define MODEL_NAMES    40

/* SCH-5: the index, the list and the free rows against a list that is searched. */
static void test_sessions_are_those_of_a_naive_list(void **state)
{
	struct tr_limits limits = tr_stage_limits;

	(void)state;
	set_up();
	limits.sessions = MODEL_SESSIONS;
	for (uint64_t seed = 1; seed <= (getenv("TR_FULL") ? 200u : 10u); seed++) {
		uint64_t last[MODEL_NAMES] = {0}; /* use, 0: never or forgotten */
		uint32_t at[MODEL_NAMES] = {0};

		tr_stage_init(&stage, &limits, &plan.policy);
		for (uint64_t step = 1; step <= 300; step++) {
			uint64_t draw = tr_draw(seed, step, TR_PURPOSE_TEST, 0);
			uint32_t who = (uint32_t)tr_below(draw, MODEL_NAMES);
			uint32_t where = (uint32_t)(draw % ENDPOINTS), older = 0;

			serve_at(where, turn_of(who + 1));
			last[who] = step;
			at[who] = where;
			for (uint32_t i = 0; i < MODEL_NAMES; i++) {
				older = 0;
				for (uint32_t j = 0; j < MODEL_NAMES; j++)
					older += last[j] > last[i];
				if (older >= MODEL_SESSIONS)
					last[i] = 0;
			}
			for (uint32_t i = 0; i < MODEL_NAMES; i++)
				if (home_of(i + 1) != (last[i] ? name_of(at[i]) : 0))
					fail_msg("seed %llu, step %llu: session %u",
						 (unsigned long long)seed, (unsigned long long)step,
						 i + 1);
		}
		tr_stage_done(&stage);
	}
}

/* ---- prefixes ---- */

/* SCH-5 */
static void test_an_endpoint_has_seen_the_deepest_of_its_depths(void **state)
{
	(void)state;
	set_up();
	start();
	assert_int_equal(serve_at(0, prompt(1, 10)), TR_WARMTH_UNKNOWN);
	assert_int_equal(serve_at(1, prompt(1, 2)), TR_WARMTH_COLD);
	assert_int_equal(seen_by(prompt(1, 10), 0), 1000);
	assert_int_equal(seen_by(prompt(1, 10), 1), 200);
	assert_int_equal(seen_by(prompt(1, 10), 2), 0);
	/* Of 12 blocks the 10 are not a known depth: 8 are. */
	assert_int_equal(seen_by(prompt(1, 12), 0), 8 * 1000 / 12);
	assert_int_equal(seen_by(prompt(1, 9), 0), 8 * 1000 / 9);
	assert_int_equal(seen_by(prompt(1, 1), 1), 1000);
	assert_int_equal(seen_by(prompt(2, 10), 0), 0);
	/* Half of the prompt, or nothing is known. */
	assert_int_equal(serve_at(1, prompt(1, 16)), TR_WARMTH_COLD);
	assert_int_equal(serve_at(0, prompt(1, 16)), TR_WARMTH_WARM);
	assert_int_equal(serve_at(2, prompt(1, 40)), TR_WARMTH_UNKNOWN);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_depths_are_powers_of_two_and_the_last(void **state)
{
	(void)state;
	for (uint32_t blocks = 1; blocks <= 300; blocks++) {
		uint32_t count = prompt(1, blocks).prefix_count, i = 0;

		for (uint32_t depth = 1; depth <= blocks; depth++)
			if ((depth & (depth - 1)) == 0 || depth == blocks)
				assert_int_equal(tr_affinity_depth(i++, count, blocks), depth);
		assert_int_equal(i, count);
	}
	assert_int_equal(tr_affinity_depth(15, 16, 1u << 15), 1u << 15);
	assert_int_equal(tr_affinity_depth(14, 16, 20000), 1u << 14);
	assert_int_equal(tr_affinity_depth(15, 16, 20000), 20000);
	/* Longer than there are hashes for: the last is still the last. */
	assert_int_equal(tr_affinity_depth(15, 16, 100000), 100000);
}

/* SCH-5 */
static void test_a_prefix_is_forgotten_after_its_time_to_live(void **state)
{
	(void)state;
	set_up();
	start();
	serve_at(0, prompt(1, 4));
	wait_for(TTL / 2);
	serve(prompt(1, 2));
	wait_for(TTL / 2 - 1);
	assert_int_equal(seen_by(prompt(1, 4), 0), 1000);
	wait_for(1);
	assert_int_equal(seen_by(prompt(1, 4), 0), 500);
	wait_for(TTL / 2);
	assert_int_equal(seen_by(prompt(1, 4), 0), 0);
	tr_stage_done(&stage);
}

/* An endpoint answers a prompt, nobody asks how it came there. */
static void answer_by(uint32_t slot, struct tr_event_job_submit submit)
{
	struct tr_job job = {0};

	tr_affinity_admit(stage.engine, &job, &submit);
	tr_affinity_answered(stage.engine, &job, slot);
}

/* SCH-5 */
static void test_a_full_set_forgets_the_row_used_longest_ago(void **state)
{
	struct tr_affinity affinity;

	(void)state;
	set_up();
	plan.policy.endpoint_count = 0;
	plan.policy.model_count = 0;
	tr_plan_model(&plan, M, 40, 1);
	start();
	for (uint32_t slot = 0; slot <= TR_PREFIX_WAYS; slot++) {
		wait_for(TR_MS);
		answer_by(slot, prompt(1, 1));
		if (slot == 4)
			answer_by(0, prompt(1, 1));
	}
	affinity = found(prompt(1, 1));
	assert_int_equal(affinity.count, TR_PREFIX_WAYS);
	assert_int_equal(tr_affinity_seen(&affinity, 0), 1000);
	assert_int_equal(tr_affinity_seen(&affinity, 1), 0);
	for (uint32_t slot = 2; slot <= TR_PREFIX_WAYS; slot++)
		assert_int_equal(tr_affinity_seen(&affinity, slot), 1000);
	assert_null(tr_affinity_verify(stage.engine));
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_of_too_many_endpoints_the_shallowest_are_left_out(void **state)
{
	struct tr_limits limits = tr_stage_limits;
	struct tr_affinity affinity;
	uint32_t depth = 1;

	(void)state;
	set_up();
	plan.policy.endpoint_count = 0;
	plan.policy.model_count = 0;
	tr_plan_model(&plan, M, 40, 1);
	limits.prefixes = 1 << 14;
	tr_stage_init(&stage, &limits, &plan.policy);
	/* Eight endpoints at each of the depths 1, 2, 4, 8, 16: they are those seen in the end. */
	for (uint32_t group = 0; group < 5; group++, depth *= 2)
		for (uint32_t i = 0; i < 8; i++) {
			struct tr_event_job_submit last = {
				.prefix_blocks = depth,
				.prefix_count = 1,
				.prefix0 = tr_mix(UINT64_C(1) << 32 | depth)};

			answer_by(group * 8 + i, last);
		}
	affinity = found(prompt(1, 16));
	assert_int_equal(affinity.count, TR_ARRAY_LENGTH(affinity.seen));
	for (uint32_t i = 1; i < affinity.count; i++)
		assert_true(affinity.seen[i].permille <= affinity.seen[i - 1].permille);
	for (uint32_t slot = 0; slot < 40; slot++)
		assert_int_equal(tr_affinity_seen(&affinity, slot),
				 slot < 8 ? 0 : (1000u << (slot / 8)) / 16);
	tr_stage_done(&stage);
}

/* ---- both ---- */

/* SCH-5 */
static void test_tenants_do_not_see_each_others_caches(void **state)
{
	struct tr_event_job_submit mine = prompt(1, 4), theirs = mine;

	(void)state;
	set_up();
	start();
	mine.session = theirs.session = 5;
	theirs.tenant = TR_NAME("other");
	serve_at(0, mine);
	assert_false(found(theirs).known);
	assert_int_equal(found(theirs).count, 0);
	assert_int_equal(found(theirs).home, TR_NONE);
	assert_int_equal(serve(theirs), TR_WARMTH_UNKNOWN);
	assert_int_equal(serve(mine), TR_WARMTH_WARM);
	/* Who names no tenant is the default tenant. */
	mine.tenant = TR_NAME("default");
	assert_int_equal(serve(mine), TR_WARMTH_WARM);
	tr_stage_done(&stage);
}

/* CFG-2 */
static void test_an_endpoint_in_anothers_place_inherits_nothing(void **state)
{
	struct tr_event_job_submit submit = prompt(1, 4);
	uint32_t place;

	(void)state;
	set_up();
	start();
	submit.session = 5;
	serve_at(0, submit);
	place = tr_registry_find(&stage.engine->registry[TR_REGISTRY_ENDPOINT], name_of(0));
	next = plan;
	next.policy.id = 2;
	next.policy.endpoints = next.endpoints;
	next.endpoints[0].name = TR_NAME("another");
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(stage.engine->endpoint[place].name, TR_NAME("another"));
	assert_int_equal(found(submit).count, 0);
	assert_int_equal(found(submit).home, TR_NONE);
	assert_true(found(submit).known);
	/* Back under its name it is the session's home again, but its caches are not vouched for.
	 */
	plan.policy.id = 3;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(home_of(5), name_of(0));
	assert_int_equal(found(submit).count, 0);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_where_nothing_is_to_be_remembered_nothing_is(void **state)
{
	struct tr_event_job_submit submit = prompt(1, 4);

	(void)state;
	set_up();
	plan.policy.affinity.session_ttl_ns = 0;
	plan.policy.affinity.prefix_ttl_ns = 0;
	start();
	submit.session = 5;
	serve_at(0, submit);
	assert_int_equal(serve(submit), TR_WARMTH_UNKNOWN);
	assert_int_equal(stage.engine->core->session_used, 0);
	for (uint32_t i = 0; i <= stage.engine->prefix_mask; i++)
		assert_int_equal(stage.engine->prefix[i].used, 0);
	tr_stage_done(&stage);
}

/* RTE-5 */
static void test_what_is_remembered_is_in_the_snapshot(void **state)
{
	static uint8_t bytes[1 << 22];
	struct tr_snapshot_cursor cursor = {0};
	struct tr_event_job_submit submit = prompt(1, 4);
	struct tr_engine *twin;
	size_t length;

	(void)state;
	set_up();
	start();
	submit.session = 5;
	serve_at(1, submit);
	serve_at(2, turn_of(6));
	assert_int_equal(tr_engine_snapshot(stage.engine, &cursor, bytes, sizeof bytes, &length),
			 0);
	twin = aligned_alloc(64, tr_engine_size(&stage.limits));
	assert_int_equal(tr_engine_init(twin, &stage.limits, &plan.policy, 1, 1), 0);
	cursor = (struct tr_snapshot_cursor){0};
	assert_int_equal(tr_engine_restore(twin, &cursor, bytes, length), 0);
	free(stage.engine);
	stage.engine = twin;
	assert_int_equal(home_of(5), name_of(1));
	assert_int_equal(home_of(6), name_of(2));
	assert_int_equal(seen_by(submit, 1), 1000);
	tr_stage_done(&stage);
}

/* The books notice: a list, an index and a table that were tampered with. */
static void test_damage_is_noticed(void **state)
{
	struct tr_engine *e;
	struct tr_session kept;

	(void)state;
	set_up();
	start();
	serve_at(0, turn_of(5));
	serve(turn_of(6));
	serve(prompt(1, 1));
	e = stage.engine;
	assert_null(tr_engine_verify(e));
	kept = e->session[0];
	e->session[0].key ^= 1;
	assert_non_null(tr_engine_verify(e));
	e->session[0] = kept;
	e->session[0].newer1 = 0;
	assert_non_null(tr_engine_verify(e));
	e->session[0] = kept;
	e->session[0].used = e->core->now + 1;
	assert_non_null(tr_engine_verify(e));
	e->session[0] = kept;
	for (uint32_t i = 0; i <= e->prefix_mask; i++)
		if (e->prefix[i].used) {
			e->prefix[i].key ^= 1;
			assert_non_null(tr_engine_verify(e));
			e->prefix[i].key ^= 1;
			e->prefix[i].endpoint = 200;
			assert_non_null(tr_engine_verify(e));
			break;
		}
	tr_stage_done(&stage);
}

struct told {
	uint64_t of[3];
};

static void count_warmth(struct tr_world *world, void *context)
{
	struct told *told = context;

	for (uint32_t i = 0; i < world->actions.count; i++)
		if (world->actions.items[i].kind == TR_ACTION_ATTEMPT_DISPATCH)
			told->of[world->actions.items[i].attempt_dispatch.warmth]++;
}

/* The random worlds are worth something here: their conversations go on, and are torn. */
static void test_worlds_see_every_warmth(void **state)
{
	struct told told = {{0}};

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct tr_world world;

		tr_world_init(&world, seed);
		world.on_step = count_warmth;
		world.context = &told;
		for (int i = 0; i < 1200; i++)
			tr_world_step(&world);
		tr_world_done(&world);
	}
	assert_true(told.of[TR_WARMTH_UNKNOWN] > 100);
	assert_true(told.of[TR_WARMTH_WARM] > 20);
	assert_true(told.of[TR_WARMTH_COLD] > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fail_over_is_told_as_cold_and_moves_the_home),
		cmocka_unit_test(test_a_session_is_forgotten_after_its_time_to_live),
		cmocka_unit_test(test_after_its_turns_a_session_is_free_but_still_warm),
		cmocka_unit_test(test_a_hedge_takes_the_home_only_if_it_wins),
		cmocka_unit_test(test_an_attempt_that_fails_leaves_nothing_behind),
		cmocka_unit_test(test_of_too_many_sessions_the_one_used_longest_ago_goes),
		cmocka_unit_test(test_sessions_are_those_of_a_naive_list),
		cmocka_unit_test(test_an_endpoint_has_seen_the_deepest_of_its_depths),
		cmocka_unit_test(test_depths_are_powers_of_two_and_the_last),
		cmocka_unit_test(test_a_prefix_is_forgotten_after_its_time_to_live),
		cmocka_unit_test(test_a_full_set_forgets_the_row_used_longest_ago),
		cmocka_unit_test(test_of_too_many_endpoints_the_shallowest_are_left_out),
		cmocka_unit_test(test_tenants_do_not_see_each_others_caches),
		cmocka_unit_test(test_an_endpoint_in_anothers_place_inherits_nothing),
		cmocka_unit_test(test_where_nothing_is_to_be_remembered_nothing_is),
		cmocka_unit_test(test_what_is_remembered_is_in_the_snapshot),
		cmocka_unit_test(test_damage_is_noticed),
		cmocka_unit_test(test_worlds_see_every_warmth),
	};

	return cmocka_run_group_tests_name("affinity", tests, NULL, NULL);
}
