/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-5: what is remembered of sessions, and what a client is told of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/registry.h"
#include "tests/engine/caches.h"
#include "tests/engine/world.h"

static struct tr_plan plan, next;
static struct tr_stage stage;

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static struct tr_event_job_submit turn_of(uint64_t session)
{
	return (struct tr_event_job_submit){.session = session};
}

static tr_name home_of(uint64_t session)
{
	struct tr_affinity affinity = tr_caches_found(&stage, turn_of(session));

	return affinity.home == TR_NONE ? 0 : stage.engine->endpoint[affinity.home].name;
}

static enum tr_warmth serve_at(uint32_t endpoint, struct tr_event_job_submit submit)
{
	tr_caches_only(&stage, endpoint);
	return tr_caches_serve(&stage, submit);
}

/* ---- sessions ---- */

/* SCH-5 */
static void test_a_fail_over_is_told_as_cold_and_moves_the_home(void **state)
{
	(void)state;
	tr_caches_plan(&plan);
	start();
	assert_int_equal(serve_at(0, turn_of(5)), TR_WARMTH_UNKNOWN);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	assert_int_equal(serve_at(0, turn_of(5)), TR_WARMTH_WARM);
	assert_int_equal(serve_at(1, turn_of(5)), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), tr_caches_endpoint(1));
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
	tr_caches_plan(&plan);
	start();
	tr_caches_only(&stage, 0);
	job = tr_stage_submit(&stage, turn_of(5));
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	/* A long answer: the session is in use until it ends. */
	tr_caches_wait(&stage, TR_CACHES_TTL + TR_SECOND);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 5), 0);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	tr_caches_wait(&stage, TR_CACHES_TTL - 1);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	tr_caches_wait(&stage, 1);
	assert_int_equal(home_of(5), 0);
	/* Its caches are gone wherever it goes. */
	assert_int_equal(tr_caches_serve(&stage, turn_of(5)), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_after_its_turns_a_session_is_free_but_still_warm(void **state)
{
	uint64_t job;

	(void)state;
	tr_caches_plan(&plan);
	plan.policy.affinity.session_turns = 3;
	start();
	serve_at(0, turn_of(5));
	tr_caches_serve(&stage, turn_of(5));
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	/* Turns are jobs: one that needed two attempts is one. */
	job = tr_stage_submit(&stage, turn_of(5));
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_CONNECT, 0), 0);
	tr_caches_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, job), 2);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(tr_stage_complete(&stage, job, 5), 0);
	assert_int_equal(tr_caches_serve(&stage, turn_of(5)), TR_WARMTH_WARM);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	assert_int_equal(serve_at(1, turn_of(5)), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), tr_caches_endpoint(1));
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

	tr_caches_only(&stage, 0);
	job = tr_stage_submit(&stage, turn_of(5));
	tr_stage_lifecycle(&stage, tr_caches_endpoint(1), TR_LIFECYCLE_UP);
	tr_caches_wait(&stage, TR_SECOND);
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
	tr_caches_plan(&plan);
	plan.policy.hedge.delay_ns = 100 * TR_MS;
	start();
	serve_at(0, turn_of(5));
	answered_by(hedged_job(), TR_ROLE_FIRST);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));

	uint64_t job = hedged_job();

	answered_by(job, TR_ROLE_HEDGE);
	assert_int_equal(home_of(5), tr_caches_endpoint(1));
	assert_int_equal(tr_stage_finish(&stage, job)->warmth, TR_WARMTH_COLD);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_an_attempt_that_fails_leaves_nothing_behind(void **state)
{
	struct tr_event_job_submit submit = tr_caches_prompt(1, 4);
	uint64_t job;

	(void)state;
	tr_caches_plan(&plan);
	plan.policy.retry.attempts = 0;
	start();
	tr_caches_only(&stage, 0);
	submit.session = 5;
	job = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_CONNECT, 0), 0);
	assert_int_equal(tr_stage_finish(&stage, job)->warmth, TR_WARMTH_UNKNOWN);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(tr_caches_found(&stage, submit).known, false);
	assert_int_equal(tr_caches_seen(&stage, submit, 0), 0);
	/* One that streamed has read the prompt, however it ended. */
	job = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	assert_int_equal(tr_caches_seen(&stage, submit, 0), 1000);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_of_too_many_sessions_the_one_used_longest_ago_goes(void **state)
{
	struct tr_limits limits = tr_stage_limits;

	(void)state;
	tr_caches_plan(&plan);
	limits.sessions = 3;
	tr_stage_init(&stage, &limits, &plan.policy);
	serve_at(0, turn_of(1));
	tr_caches_serve(&stage, turn_of(2));
	tr_caches_serve(&stage, turn_of(3));
	tr_caches_serve(&stage, turn_of(1));
	tr_caches_serve(&stage, turn_of(4));
	assert_int_equal(home_of(1), tr_caches_endpoint(0));
	assert_int_equal(home_of(2), 0);
	assert_int_equal(home_of(3), tr_caches_endpoint(0));
	assert_int_equal(home_of(4), tr_caches_endpoint(0));
	assert_int_equal(tr_caches_serve(&stage, turn_of(2)), TR_WARMTH_UNKNOWN);
	tr_stage_done(&stage);
}

#define MODEL_SESSIONS 7
#define MODEL_NAMES    40

/* SCH-5: the index, the list and the free rows against a list that is searched. */
static void test_sessions_are_those_of_a_naive_list(void **state)
{
	struct tr_limits limits = tr_stage_limits;

	(void)state;
	tr_caches_plan(&plan);
	limits.sessions = MODEL_SESSIONS;
	for (uint64_t seed = 1; seed <= (getenv("TR_FULL") ? 200u : 10u); seed++) {
		uint64_t last[MODEL_NAMES] = {0}; /* use, 0: never or forgotten */
		uint32_t at[MODEL_NAMES] = {0};

		tr_stage_init(&stage, &limits, &plan.policy);
		for (uint64_t step = 1; step <= 300; step++) {
			uint64_t draw = tr_draw(seed, step, TR_PURPOSE_TEST, 0);
			uint32_t who = (uint32_t)tr_below(draw, MODEL_NAMES);
			uint32_t where = (uint32_t)(draw % TR_CACHES_ENDPOINTS), older = 0;

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
				if (home_of(i + 1) != (last[i] ? tr_caches_endpoint(at[i]) : 0))
					fail_msg("seed %llu, step %llu: session %u",
						 (unsigned long long)seed, (unsigned long long)step,
						 i + 1);
		}
		tr_stage_done(&stage);
	}
}

/* ---- both ---- */

/* SCH-5 */
static void test_tenants_do_not_see_each_others_caches(void **state)
{
	struct tr_event_job_submit mine = tr_caches_prompt(1, 4), theirs = mine;

	(void)state;
	tr_caches_plan(&plan);
	start();
	mine.session = theirs.session = 5;
	theirs.tenant = TR_NAME("other");
	serve_at(0, mine);
	assert_false(tr_caches_found(&stage, theirs).known);
	assert_int_equal(tr_caches_found(&stage, theirs).count, 0);
	assert_int_equal(tr_caches_found(&stage, theirs).home, TR_NONE);
	assert_int_equal(tr_caches_serve(&stage, theirs), TR_WARMTH_UNKNOWN);
	assert_int_equal(tr_caches_serve(&stage, mine), TR_WARMTH_WARM);
	/* Who names no tenant is the default tenant. */
	mine.tenant = TR_NAME("default");
	assert_int_equal(tr_caches_serve(&stage, mine), TR_WARMTH_WARM);
	tr_stage_done(&stage);
}

/* CFG-2 */
static void test_an_endpoint_in_anothers_place_inherits_nothing(void **state)
{
	struct tr_event_job_submit submit = tr_caches_prompt(1, 4);
	uint32_t place;

	(void)state;
	tr_caches_plan(&plan);
	start();
	submit.session = 5;
	serve_at(0, submit);
	place = tr_registry_find(&stage.engine->registry[TR_REGISTRY_ENDPOINT],
				 tr_caches_endpoint(0));
	next = plan;
	next.policy.id = 2;
	next.policy.endpoints = next.endpoints;
	next.endpoints[0].name = TR_NAME("another");
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	assert_int_equal(stage.engine->endpoint[place].name, TR_NAME("another"));
	assert_int_equal(tr_caches_found(&stage, submit).count, 0);
	assert_int_equal(tr_caches_found(&stage, submit).home, TR_NONE);
	assert_true(tr_caches_found(&stage, submit).known);
	/* Back under its name it is the session's home again, but its caches are not vouched for.
	 */
	plan.policy.id = 3;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	assert_int_equal(tr_caches_found(&stage, submit).count, 0);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_an_endpoint_that_starts_anew_has_nothing_cached(void **state)
{
	struct tr_event_job_submit submit = tr_caches_prompt(1, 4);
	uint64_t job;

	(void)state;
	tr_caches_plan(&plan);
	start();
	submit.session = 5;
	serve_at(0, submit);
	tr_caches_only(&stage, 1);
	/* Only out of reach. */
	tr_caches_only(&stage, 0);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	job = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_first_token(&stage, job), 0);
	tr_stage_lifecycle(&stage, tr_caches_endpoint(0), TR_LIFECYCLE_STARTING);
	/* What it was cut off in does not count as use. */
	assert_int_equal(tr_stage_fail(&stage, job, TR_CAUSE_RESET, 0), 0);
	tr_stage_lifecycle(&stage, tr_caches_endpoint(0), TR_LIFECYCLE_UP);
	assert_int_equal(home_of(5), 0);
	assert_int_equal(tr_caches_seen(&stage, submit, 0), 0);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_caches_serve(&stage, submit), TR_WARMTH_COLD);
	assert_int_equal(home_of(5), tr_caches_endpoint(0));
	assert_int_equal(tr_caches_serve(&stage, submit), TR_WARMTH_WARM);
	tr_stage_done(&stage);
}

/* SCH-5 */
static void test_where_nothing_is_to_be_remembered_nothing_is(void **state)
{
	struct tr_event_job_submit submit = tr_caches_prompt(1, 4);

	(void)state;
	tr_caches_plan(&plan);
	plan.policy.affinity.session_ttl_ns = 0;
	plan.policy.affinity.prefix_ttl_ns = 0;
	start();
	submit.session = 5;
	serve_at(0, submit);
	assert_int_equal(tr_caches_serve(&stage, submit), TR_WARMTH_UNKNOWN);
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
	struct tr_event_job_submit submit = tr_caches_prompt(1, 4);
	struct tr_engine *twin;
	size_t length;

	(void)state;
	tr_caches_plan(&plan);
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
	assert_int_equal(home_of(5), tr_caches_endpoint(1));
	assert_int_equal(home_of(6), tr_caches_endpoint(2));
	assert_int_equal(tr_caches_seen(&stage, submit, 1), 1000);
	tr_stage_done(&stage);
}

/* The books notice: a list, an index and a table that were tampered with. */
static void test_damage_is_noticed(void **state)
{
	struct tr_engine *e;
	struct tr_session kept;

	(void)state;
	tr_caches_plan(&plan);
	start();
	serve_at(0, turn_of(5));
	tr_caches_serve(&stage, turn_of(6));
	tr_caches_serve(&stage, tr_caches_prompt(1, 1));
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
		cmocka_unit_test(test_tenants_do_not_see_each_others_caches),
		cmocka_unit_test(test_an_endpoint_in_anothers_place_inherits_nothing),
		cmocka_unit_test(test_an_endpoint_that_starts_anew_has_nothing_cached),
		cmocka_unit_test(test_where_nothing_is_to_be_remembered_nothing_is),
		cmocka_unit_test(test_what_is_remembered_is_in_the_snapshot),
		cmocka_unit_test(test_damage_is_noticed),
		cmocka_unit_test(test_worlds_see_every_warmth),
	};

	return cmocka_run_group_tests_name("affinity", tests, NULL, NULL);
}
