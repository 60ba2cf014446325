/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What faults of servers do to those that batch: to their caches, their start and their pace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/shape.h"

/* A step takes 10 ms, and one is enough for the prompt; starting up takes 500 ms. */
static struct tr_fleet *batching(const struct tr_fault *fault)
{
	struct tr_server_profile profile = plain;

	profile.batches = true;
	profile.batching = (struct tr_batch_profile){
		.cost = {.step_fs = UINT64_C(10000000000000)},
		.sequences = 4,
		.batch_tokens = 128,
		.block_tokens = 16,
		.kv_blocks = 64,
		.prefix_cache = true,
		.startup_ns = 500 * TR_MS,
	};
	return fleet_of(&profile, fault, 1);
}

static void start_prompt(struct tr_fleet *fleet, uint64_t ms, uint32_t tokens_out)
{
	static const uint64_t blocks[] = {11, 12, 13, 14};
	struct tr_event event;

	while (tr_fleet_next(fleet) < T0 + ms * TR_MS)
		assert_false(tr_fleet_take(fleet, &event));
	tr_fleet_start(
		fleet, T0 + ms * TR_MS,
		&(struct tr_server_request){.attempt = {1, 1},
					    .job_id = 1,
					    .tokens_in = 64,
					    .tokens_out = tokens_out,
					    .prompt = {blocks, TR_ARRAY_LENGTH(blocks), 16}});
}

/* Tokens of the prompt that were found in the cache, and when the first token came. */
static uint32_t cached_at(struct tr_fleet *fleet, uint64_t ms)
{
	struct tr_event event;

	do
		assert_true(next_event(fleet, LATE, &event));
	while (event.kind != TR_EVENT_ATTEMPT_FIRST_TOKEN);
	assert_int_equal((event.time - T0) / TR_MS, ms);
	return event.attempt_first_token.tokens_cached;
}

static void test_a_crash_empties_the_cache_and_starting_up_takes_its_time(void **state)
{
	struct tr_fault fault = window(TR_FAULT_CRASH);
	struct tr_fleet *fleet = batching(&fault);

	(void)state;
	start_prompt(fleet, 500, 2);
	assert_int_equal(cached_at(fleet, 511), 0);
	EXPECT(fleet, 599, DONE(521, 1, 2));
	start_prompt(fleet, 600, 2);
	assert_int_equal(cached_at(fleet, 611), 48);
	EXPECT(fleet, 899, DONE(621, 1, 2));
	start_prompt(fleet, 900, 500);
	assert_int_equal(cached_at(fleet, 911), 48);
	EXPECT(fleet, 2999, FAILED(1000, 1, 1, RESET));
	start_prompt(fleet, 3000, 2);
	assert_int_equal(cached_at(fleet, 3510), 0);
	EXPECT(fleet, LATE, DONE(3520, 1, 2));
	tr_fleet_free(fleet);
}

/* Both servers are there again at 3000; who connects in that nanosecond is served by either. */
static void test_who_connects_at_the_end_of_a_crash_is_served(void **state)
{
	const struct tr_fault fault = window(TR_FAULT_CRASH);
	struct tr_fleet *fleet = fleet_of(&plain, &fault, 1);

	(void)state;
	start_at(fleet, 2999, 0, 1, 1);
	start_at(fleet, 2999, 1, 2, 1);
	EXPECT(fleet, LATE, CONNECTED(3000, 1), CONNECTED(3000, 2), HEADERS(3000, 1),
	       HEADERS(3000, 2), FIRST(3060, 1), FIRST(3060, 2), DONE(3060, 1, 1),
	       DONE(3060, 2, 1));
	tr_fleet_free(fleet);
	fleet = batching(&fault);
	start_at(fleet, 2999, 0, 1, 1);
	start_at(fleet, 2999, 1, 2, 1);
	EXPECT(fleet, LATE, CONNECTED(3000, 1), CONNECTED(3000, 2), HEADERS(3500, 1),
	       HEADERS(3500, 2), FIRST(3510, 1), FIRST(3510, 2), DONE(3510, 1, 1),
	       DONE(3510, 2, 1));
	tr_fleet_free(fleet);
}

static void test_a_slow_batch_is_slow_for_what_it_has_begun(void **state)
{
	struct tr_fault fault = window(TR_FAULT_SLOW_DOWN);
	struct tr_fleet *fleet;
	struct tr_event event;

	(void)state;
	fault.speed_permille = 500;
	fleet = batching(&fault);
	start_prompt(fleet, 909, 120);
	while (next_event(fleet, LATE, &event) && event.kind != TR_EVENT_ATTEMPT_DONE)
		continue;
	assert_int_equal(event.kind, TR_EVENT_ATTEMPT_DONE);
	/* 120 steps from 910: 9 to 1000, 100 to 3000, 11 more. */
	assert_int_equal((event.time - T0) / TR_MS, 3110);
	tr_fleet_free(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_crash_empties_the_cache_and_starting_up_takes_its_time),
		cmocka_unit_test(test_who_connects_at_the_end_of_a_crash_is_served),
		cmocka_unit_test(test_a_slow_batch_is_slow_for_what_it_has_begun),
	};

	return cmocka_run_group_tests_name("sim fault_batching", tests, NULL, NULL);
}
