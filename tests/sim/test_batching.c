/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batching servers in a fleet: what their clients see of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/world.h"

#define T0    (UINT64_C(1700000000) * TR_SECOND)
#define MS_FS UINT64_C(1000000000000)

/* 1 ms to connect; a step takes 10 ms, 1 ms for each prompt token, 1 ms for each that decodes. */
static const struct tr_server_profile plain = {
	.connect_ns = TR_MS,
	.prefill_milli = 1000,
	.batches = true,
	.batching = {.cost = {.step_fs = 10 * MS_FS,
			      .prefill_token_fs = MS_FS,
			      .sequence_fs = MS_FS},
		     .sequences = 4,
		     .batch_tokens = 1000,
		     .block_tokens = 10,
		     .prefix_cache = true},
};

static struct tr_fleet *fleet_of(const struct tr_server_profile *profile)
{
	const struct tr_server server = {.name = 42, .slots = 1, .profile = *profile};
	struct tr_fleet *fleet = tr_fleet_new(&(struct tr_fleet_options){
		.seed = 7, .start = T0, .servers = &server, .server_count = 1, .attempts_max = 64});

	assert_non_null(fleet);
	return fleet;
}

static void start(struct tr_fleet *fleet, tr_time_ns now, uint32_t slot1, uint32_t tokens_in,
		  uint32_t tokens_out, tr_span_ns silence)
{
	tr_fleet_start(fleet, now,
		       &(struct tr_server_request){.attempt = {slot1, 1},
						   .job_id = slot1,
						   .tokens_in = tokens_in,
						   .tokens_out = tokens_out,
						   .silence_ns = silence});
}

static void take(struct tr_fleet *fleet, struct tr_event *ret)
{
	while (!tr_fleet_take(fleet, ret))
		assert_true(tr_fleet_next(fleet) != TR_TIME_NEVER);
}

static void expect(struct tr_fleet *fleet, uint64_t ms, uint16_t kind, uint32_t slot1,
		   uint32_t tokens)
{
	struct tr_event event;

	take(fleet, &event);
	assert_int_equal((event.time - T0) / 1000, 1000 * ms);
	assert_int_equal(event.kind, kind);
	assert_int_equal(event.attempt_connected.attempt.slot1, slot1);
	if (kind == TR_EVENT_ATTEMPT_PROGRESS)
		assert_int_equal(event.attempt_progress.tokens_out, tokens);
	if (kind == TR_EVENT_ATTEMPT_DONE)
		assert_int_equal(event.attempt_done.tokens_out, tokens);
	if (kind == TR_EVENT_ATTEMPT_FAILED)
		assert_int_equal(event.attempt_failed.status, tokens);
}

/* SIM-3 */
static void test_requests_slow_each_other_down(void **state)
{
	struct tr_fleet *fleet = fleet_of(&plain);

	(void)state;
	start(fleet, T0, 1, 20, 101, 0);
	start(fleet, T0, 2, 20, 11, 0);
	expect(fleet, 1, TR_EVENT_ATTEMPT_CONNECTED, 1, 0);
	expect(fleet, 1, TR_EVENT_ATTEMPT_CONNECTED, 2, 0);
	expect(fleet, 1, TR_EVENT_ATTEMPT_HEADERS, 1, 0);
	expect(fleet, 1, TR_EVENT_ATTEMPT_HEADERS, 2, 0);
	expect(fleet, 51, TR_EVENT_ATTEMPT_FIRST_TOKEN, 1, 0);
	expect(fleet, 51, TR_EVENT_ATTEMPT_FIRST_TOKEN, 2, 0);
	/* Ten steps of 12 ms; then steps of 11: 33 tokens are there at 171 + 22 x 11. */
	expect(fleet, 171, TR_EVENT_ATTEMPT_DONE, 2, 11);
	expect(fleet, 413, TR_EVENT_ATTEMPT_PROGRESS, 1, 33);
	tr_fleet_abort(fleet, T0 + 420 * TR_MS, (tr_attempt_handle){1, 1});
	while (tr_fleet_next(fleet) != TR_TIME_NEVER)
		assert_false(tr_fleet_take(fleet, &(struct tr_event){0}));
	tr_fleet_free(fleet);
}

/* H8: a long prompt comes when a token has just been reported, and makes the next steps long. */
static void test_progress_comes_before_the_engine_sees_silence(void **state)
{
	struct tr_server_profile profile = plain;
	struct tr_fleet *fleet;
	struct tr_event event = {0};
	tr_time_ns last = T0;
	uint32_t reports = 0;

	(void)state;
	profile.batching.batch_tokens = 100;
	fleet = fleet_of(&profile);
	start(fleet, T0, 1, 20, 200, TR_SECOND);
	while (tr_fleet_next(fleet) < T0 + 50 * TR_MS)
		(void)tr_fleet_take(fleet, &event);
	start(fleet, T0 + 50 * TR_MS, 2, 10000, 1, 0);
	last = T0 + 50 * TR_MS;
	while (event.kind != TR_EVENT_ATTEMPT_DONE || event.attempt_done.attempt.slot1 != 1) {
		take(fleet, &event);
		if (event.attempt_connected.attempt.slot1 != 1)
			continue;
		assert_true(event.time - last < TR_SECOND);
		last = event.time;
		reports++;
	}
	/* Some 100 steps of 110 ms, told of each half a second. */
	assert_in_range(reports, 20, 40);
	tr_fleet_free(fleet);
}

/* Half the silence that is permitted is a whole number of steps, so the room looks at who is silent
 * at the very end of a step, between the first who is told of it and the others. */
static void test_a_look_at_the_end_of_a_step_takes_it_for_over(void **state)
{
	struct tr_server_profile profile = plain;
	struct tr_fleet *fleet;
	struct tr_event event;
	uint32_t done = 0;

	(void)state;
	profile.batching.cost = (struct tr_batch_cost){.step_fs = 25 * MS_FS};
	fleet = fleet_of(&profile);
	for (uint32_t slot1 = 1; slot1 <= 60; slot1++) {
		while (tr_fleet_next(fleet) < T0 + 20 * slot1 * TR_MS)
			if (tr_fleet_take(fleet, &event))
				done += event.kind == TR_EVENT_ATTEMPT_DONE;
		start(fleet, T0 + 20 * slot1 * TR_MS, slot1, 2, 1 + slot1 * 7 % 31, 50 * TR_MS);
	}
	while (tr_fleet_next(fleet) != TR_TIME_NEVER)
		if (tr_fleet_take(fleet, &event))
			done += event.kind == TR_EVENT_ATTEMPT_DONE;
	assert_int_equal(done, 60);
	tr_fleet_free(fleet);
}

static void test_what_can_never_fit_is_refused_at_once(void **state)
{
	struct tr_server_profile profile = plain;
	struct tr_fleet *fleet;

	(void)state;
	profile.batching.kv_blocks = 10;
	fleet = fleet_of(&profile);
	start(fleet, T0, 1, 90, 11, 0);
	expect(fleet, 1, TR_EVENT_ATTEMPT_CONNECTED, 1, 0);
	expect(fleet, 1, TR_EVENT_ATTEMPT_FAILED, 1, 400);
	start(fleet, T0 + 10 * TR_MS, 1, 90, 10, 0);
	expect(fleet, 11, TR_EVENT_ATTEMPT_CONNECTED, 1, 0);
	expect(fleet, 11, TR_EVENT_ATTEMPT_HEADERS, 1, 0);
	tr_fleet_free(fleet);
}

static void test_answers_say_how_much_was_cached(void **state)
{
	static const uint64_t blocks[] = {1, 2, 3};
	struct tr_server_profile profile = plain;
	struct tr_server_request request = {.attempt = {1, 1},
					    .job_id = 1,
					    .tokens_in = 30,
					    .tokens_out = 1,
					    .prompt = {blocks, 3, 10}};
	struct tr_fleet *fleet;
	struct tr_event event = {0};

	(void)state;
	profile.batching.kv_blocks = 100;
	fleet = fleet_of(&profile);
	for (uint32_t i = 0; i < 2; i++) {
		tr_fleet_start(fleet, T0 + i * TR_SECOND, &request);
		do
			take(fleet, &event);
		while (event.kind != TR_EVENT_ATTEMPT_DONE);
		assert_int_equal(event.attempt_done.tokens_cached, i ? 20 : 0);
	}
	tr_fleet_free(fleet);
}

static void world_of_batches(struct world *world, uint64_t seed)
{
	static struct tr_conversation conversations[40];

	world_init(world, seed, 3, 64);
	for (uint32_t i = 0; i < 3; i++) {
		world->servers[i].profile = plain;
		world->servers[i].profile.error_ppm = 20000;
		world->servers[i].profile.batching.kv_blocks = 150;
		world->servers[i].profile.batching.sequences = 16;
		world->servers[i].profile.batching.cost.prefill_token_fs = MS_FS / 10;
		world->servers[i].profile.batching.steps_ahead = i == 1;
	}
	world->options.requests_max = 3000;
	world->options.tokens_in = (struct tr_sizes){.count = 2, .knots = {{0, 5}, {1000000, 99}}};
	world->options.tokens_out = (struct tr_sizes){.count = 2, .knots = {{0, 1}, {1000000, 60}}};
	world->options.prompts = (struct tr_prompts_options){.block_tokens = 25,
							     .shared = 2,
							     .shared_tokens = 60,
							     .conversation_count = 40,
							     .turns_milli = 4000,
							     .tokens_max = 900,
							     .conversations = conversations};
}

struct seen {
	uint64_t cached;
	uint64_t done;
};

static void on_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions)
{
	struct seen *seen = self;

	(void)engine;
	(void)actions;
	if (event->kind != TR_EVENT_ATTEMPT_DONE)
		return;
	seen->done++;
	seen->cached += event->attempt_done.tokens_cached;
	assert_true(event->attempt_done.tokens_cached < event->attempt_done.tokens_in);
}

/* SIM-1, SIM-3 */
static void test_every_request_ends_and_the_same_seed_gives_the_same_run(void **state)
{
	static struct tr_result result, again;
	static struct world world;
	struct seen seen = {0}, twice = {0};

	(void)state;
	world_of_batches(&world, 11);
	world_run_observed(&world, on_step, &seen, &result);
	assert_int_equal(result.all.submitted, 3000);
	assert_int_equal(result.all.in_system, 0);
	assert_int_equal(result.all.completed + result.all.failed + result.all.expired +
				 result.all.rejected + result.all.canceled,
			 3000);
	assert_true(result.all.completed > 2900);
	assert_true(seen.cached > 30 * seen.done);
	world_of_batches(&world, 11);
	world_run_observed(&world, on_step, &twice, &again);
	assert_true(result.run_hash == again.run_hash);
	assert_true(seen.cached == twice.cached);
	world_of_batches(&world, 12);
	world_run(&world, &again);
	assert_true(result.run_hash != again.run_hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_slow_each_other_down),
		cmocka_unit_test(test_progress_comes_before_the_engine_sees_silence),
		cmocka_unit_test(test_a_look_at_the_end_of_a_step_takes_it_for_over),
		cmocka_unit_test(test_what_can_never_fit_is_refused_at_once),
		cmocka_unit_test(test_answers_say_how_much_was_cached),
		cmocka_unit_test(test_every_request_ends_and_the_same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests_name("sim batching", tests, NULL, NULL);
}
