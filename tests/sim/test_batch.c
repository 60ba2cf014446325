/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batching server against times worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/server/batch.h"

#define T0    (UINT64_C(1700000000) * TR_SECOND)
#define MS_FS UINT64_C(1000000000000)

/* A step takes 10 ms, 1 ms for each prompt token, 1 ms for each request that decodes. */
static const struct tr_batch_profile plain = {
	.cost = {.step_fs = 10 * MS_FS, .prefill_token_fs = MS_FS, .sequence_fs = MS_FS},
	.sequences = 4,
	.batch_tokens = 100,
	.block_tokens = 10,
	.prefix_cache = true,
};

static struct tr_batch *batch_of(const struct tr_batch_profile *profile)
{
	struct tr_batch *batch = tr_batch_new(profile, 7, 16);

	assert_non_null(batch);
	return batch;
}

static void enter(struct tr_batch *batch, uint64_t ms, uint32_t slot, uint32_t tokens_in,
		  uint32_t tokens_out)
{
	tr_batch_enter(batch, T0 + ms * TR_MS, slot,
		       &(struct tr_batch_request){
			       .key = slot, .tokens_in = tokens_in, .tokens_out = tokens_out});
}

/* The same with hashes of blocks of ten tokens. */
static void enter_hashed(struct tr_batch *batch, uint64_t ms, uint32_t slot, uint32_t tokens_in,
			 uint32_t tokens_out, const uint64_t *blocks)
{
	tr_batch_enter(batch, T0 + ms * TR_MS, slot,
		       &(struct tr_batch_request){.key = slot,
						  .tokens_in = tokens_in,
						  .tokens_out = tokens_out,
						  .prompt = {.blocks = blocks,
							     .block_count = (tokens_in + 9) / 10,
							     .block_tokens = 10}});
}

struct expected {
	uint64_t ms;
	uint8_t kind;
	uint32_t slot;
	uint32_t tokens;
};

/* All that is told next, up to the last row. */
static void expect(struct tr_batch *batch, const struct expected *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tr_batch_event event = {0};

		while (!tr_batch_take(batch, &event))
			assert_true(tr_batch_next(batch) != TR_TIME_NEVER);
		assert_int_equal((event.time - T0) / 1000, rows[i].ms * 1000);
		assert_int_equal(event.kind, rows[i].kind);
		assert_int_equal(event.slot, rows[i].slot);
		assert_int_equal(event.tokens, rows[i].tokens);
	}
}

#define EXPECT(batch, ...)                                                                         \
	do {                                                                                       \
		const struct expected rows[] = {__VA_ARGS__};                                      \
		expect(batch, rows, TR_ARRAY_LENGTH(rows));                                        \
	} while (0)

static void expect_silence(struct tr_batch *batch)
{
	struct tr_batch_event event;

	while (tr_batch_next(batch) != TR_TIME_NEVER)
		assert_false(tr_batch_take(batch, &event));
	tr_batch_free(batch);
}

/* SIM-3 */
static void test_a_request_takes_the_time_worked_out_by_hand(void **state)
{
	struct tr_batch *batch = batch_of(&plain);

	(void)state;
	/* 10 + 20 ms for the prompt, then 11 ms a token. */
	enter(batch, 5, 0, 20, 5);
	EXPECT(batch, {5, TR_BATCH_SCHEDULED, 0, 0}, {35, TR_BATCH_FIRST, 0, 1},
	       {79, TR_BATCH_DONE, 0, 5});
	expect_silence(batch);
}

static void test_a_token_that_is_wanted_is_told(void **state)
{
	struct tr_batch *batch = batch_of(&plain);

	(void)state;
	enter(batch, 0, 0, 20, 9);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1});
	tr_batch_want(batch, 0, 4);
	EXPECT(batch, {63, TR_BATCH_TOKENS, 0, 4});
	tr_batch_want(batch, 0, 8);
	/* Another one instead; and the last is told anyway. */
	tr_batch_want(batch, 0, 6);
	EXPECT(batch, {85, TR_BATCH_TOKENS, 0, 6}, {118, TR_BATCH_DONE, 0, 9});
	expect_silence(batch);
}

static void test_a_token_of_a_step_that_was_told_of_is_made(void **state)
{
	struct tr_batch *batch = batch_of(&plain);

	(void)state;
	enter(batch, 0, 0, 20, 9);
	enter(batch, 0, 1, 20, 9);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {0, TR_BATCH_SCHEDULED, 1, 0},
	       {50, TR_BATCH_FIRST, 0, 1}, {50, TR_BATCH_FIRST, 1, 1});
	tr_batch_want(batch, 0, 4);
	EXPECT(batch, {86, TR_BATCH_TOKENS, 0, 4});
	/* At the very end of the step, for those whose token nobody asked for, too. */
	assert_int_equal(tr_batch_made(batch, T0 + 86 * TR_MS, 1), 4);
	tr_batch_want(batch, 1, 5);
	EXPECT(batch, {98, TR_BATCH_TOKENS, 1, 5}, {146, TR_BATCH_DONE, 0, 9},
	       {146, TR_BATCH_DONE, 1, 9});
	expect_silence(batch);
}

static void test_contexts_make_steps_longer_token_by_token(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.cost.context_token_fs = MS_FS;
	batch = batch_of(&profile);
	/* Steps of 11 ms and as many more as it attends to: 21, 22, 23, ... 120 tokens. */
	enter(batch, 0, 0, 20, 101);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1},
	       {30 + 100 * 11 + (21 + 120) * 100 / 2, TR_BATCH_DONE, 0, 101});
	expect_silence(batch);
}

static void test_prompts_are_cut_into_what_the_budget_permits(void **state)
{
	struct tr_batch *batch = batch_of(&plain);

	(void)state;
	/* 100 + 100 + 50 tokens; the other's first 50 come with the third piece, 30 more with its
	 * first token: 110, 110, 110, then 10 + 30 + 1. */
	enter(batch, 0, 0, 250, 3);
	enter(batch, 0, 1, 80, 1);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {220, TR_BATCH_SCHEDULED, 1, 0},
	       {330, TR_BATCH_FIRST, 0, 1}, {371, TR_BATCH_FIRST, 1, 1}, {371, TR_BATCH_DONE, 1, 1},
	       {382, TR_BATCH_DONE, 0, 3});
	expect_silence(batch);
}

static void test_who_decodes_is_served_before_prompts(void **state)
{
	struct tr_batch *batch = batch_of(&plain);

	(void)state;
	enter(batch, 0, 0, 20, 100);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1});
	/* Looked at when the step ends, at 41; then 99 tokens beside the one, and 21. */
	enter(batch, 31, 1, 120, 1);
	EXPECT(batch, {41, TR_BATCH_SCHEDULED, 1, 0}, {41 + 110 + 32, TR_BATCH_FIRST, 1, 1},
	       {183, TR_BATCH_DONE, 1, 1});
	/* 4 of its 100 tokens are there. */
	EXPECT(batch, {183 + 96 * 11, TR_BATCH_DONE, 0, 100});
	expect_silence(batch);
}

static void test_the_mixed_term_and_the_first_tokens_cost_what_they_say(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.cost.mixed_context_token_fs = MS_FS;
	profile.cost.first_token_fs = 2 * MS_FS;
	profile.cost.first_tokens = 3;
	profile.cost.prefill_pair_fs = MS_FS;
	batch = batch_of(&profile);
	/* 10 + 4 + 2 x 3 + (1 + 2 + 3 + 4) = 30; a token 10 + 1 + 2 = 13. */
	enter(batch, 0, 0, 4, 10);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1});
	/* Beside a prompt of one: 10 + 1 + 1 + 1 + 2 x 2 + its context, 4 + 2 tokens. */
	enter(batch, 40, 1, 1, 1);
	EXPECT(batch, {43, TR_BATCH_SCHEDULED, 1, 0}, {66, TR_BATCH_FIRST, 1, 1},
	       {66, TR_BATCH_DONE, 1, 1}, {66 + 7 * 13, TR_BATCH_DONE, 0, 10});
	expect_silence(batch);
}

static void test_steps_ahead_are_composed_one_step_early(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;
	struct tr_batch_event event;

	(void)state;
	profile.steps_ahead = 1;
	profile.sequences = 2;
	batch = batch_of(&profile);
	enter(batch, 0, 0, 20, 5);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1});
	/* Comes in the step that ends at 41: the next is composed already, it is in the one behind
	 * that ends at 52: 10 + 1 + 20 ms. */
	enter(batch, 35, 1, 20, 1);
	assert_true(tr_batch_take(batch, &event));
	assert_int_equal(event.kind, TR_BATCH_SCHEDULED);
	assert_true(event.time == T0 + 41 * TR_MS);
	assert_true(event.queued == T0 + 41 * TR_MS);
	/* A third has a place from 83 on, when both others have ended. */
	enter(batch, 45, 2, 20, 1);
	EXPECT(batch, {83, TR_BATCH_FIRST, 1, 1}, {83, TR_BATCH_DONE, 1, 1},
	       {83, TR_BATCH_SCHEDULED, 2, 0}, {94, TR_BATCH_DONE, 0, 5},
	       {124, TR_BATCH_FIRST, 2, 1}, {124, TR_BATCH_DONE, 2, 1});
	expect_silence(batch);
}

/* Three blocks of ten: two prompts of ten, then each needs one more with its second token. */
static void test_who_came_last_is_preempted_when_memory_is_full(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;
	struct tr_batch_load load;

	(void)state;
	profile.kv_blocks = 3;
	profile.prefix_cache = false;
	batch = batch_of(&profile);
	enter(batch, 0, 0, 10, 4);
	enter(batch, 0, 1, 10, 4);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {0, TR_BATCH_SCHEDULED, 1, 0},
	       {30, TR_BATCH_FIRST, 0, 1}, {30, TR_BATCH_FIRST, 1, 1});
	tr_batch_load(batch, T0 + 30 * TR_MS, &load);
	assert_int_equal(load.running, 1);
	assert_int_equal(load.waiting, 1);
	assert_int_equal(load.preemptions, 1);
	assert_int_equal(load.kv_blocks_used, 2);
	/* The first has its four at 63. The other needs two blocks for prompt and token, so it
	 * waits until then; computes 11 tokens, then two more steps. */
	EXPECT(batch, {63, TR_BATCH_DONE, 0, 4}, {63 + 21 + 22, TR_BATCH_DONE, 1, 4});
	expect_silence(batch);
}

/* The same with a cache: its prompt's block is there still, so one token is computed anew. */
static void test_a_preempted_request_finds_its_blocks(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.kv_blocks = 4;
	batch = batch_of(&profile);
	enter(batch, 0, 0, 10, 14);
	enter(batch, 0, 1, 10, 14);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {0, TR_BATCH_SCHEDULED, 1, 0},
	       {30, TR_BATCH_FIRST, 0, 1}, {30, TR_BATCH_FIRST, 1, 1});
	/* Both have 20 tokens of KV after ten more steps of 12 ms. The first takes a third block,
	 * the other's last; needs three more steps of 11 ms. The other has made 11 tokens: 21, of
	 * which 10 are there: 10 + 11 ms, and two steps. */
	EXPECT(batch, {150 + 33, TR_BATCH_DONE, 0, 14}, {183 + 21 + 22, TR_BATCH_DONE, 1, 14});
	expect_silence(batch);
}

static void test_a_prompt_that_does_not_fit_holds_up_the_line(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.kv_blocks = 5;
	batch = batch_of(&profile);
	assert_true(tr_batch_fits(batch, 46, 4));
	assert_false(tr_batch_fits(batch, 46, 5));
	enter(batch, 0, 0, 20, 5);
	enter(batch, 0, 1, 31, 1);
	enter(batch, 0, 2, 5, 1);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1},
	       {74, TR_BATCH_DONE, 0, 5}, {74, TR_BATCH_SCHEDULED, 1, 0},
	       {74, TR_BATCH_SCHEDULED, 2, 0}, {120, TR_BATCH_FIRST, 1, 1});
	tr_batch_leave(batch, T0 + 120 * TR_MS, 2);
	EXPECT(batch, {120, TR_BATCH_DONE, 1, 1});
	expect_silence(batch);
}

static void test_the_watermark_keeps_blocks_free(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.kv_blocks = 5;
	profile.kv_watermark = 4;
	batch = batch_of(&profile);
	/* The first comes in all the same, for nobody runs. */
	enter(batch, 0, 0, 20, 2);
	enter(batch, 0, 1, 10, 1);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1},
	       {41, TR_BATCH_DONE, 0, 2}, {41, TR_BATCH_SCHEDULED, 1, 0},
	       {61, TR_BATCH_FIRST, 1, 1}, {61, TR_BATCH_DONE, 1, 1});
	expect_silence(batch);
}

static void test_equal_prefixes_are_computed_once(void **state)
{
	static const uint64_t one[] = {1, 2, 3}, other[] = {1, 2, 4};
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;
	struct tr_batch_load load;

	(void)state;
	profile.kv_blocks = 6;
	batch = batch_of(&profile);
	/* In the same step: 30 tokens, then 9 beside 20 known ones; the block that is not full is
	 * nobody else's. */
	enter_hashed(batch, 0, 0, 30, 2, one);
	enter_hashed(batch, 0, 1, 29, 2, other);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {0, TR_BATCH_SCHEDULED, 1, 20},
	       {49, TR_BATCH_FIRST, 0, 1}, {49, TR_BATCH_FIRST, 1, 1});
	tr_batch_load(batch, T0 + 49 * TR_MS, &load);
	/* Two shared, two of the first, one of the other. */
	assert_int_equal(load.kv_blocks_used, 5);
	assert_int_equal(load.cached_tokens, 20);
	EXPECT(batch, {61, TR_BATCH_DONE, 0, 2}, {61, TR_BATCH_DONE, 1, 2});
	/* All of it is known, yet its last token is computed, with the block that it stands in. */
	enter_hashed(batch, 100, 2, 30, 1, one);
	EXPECT(batch, {100, TR_BATCH_SCHEDULED, 2, 20}, {120, TR_BATCH_FIRST, 2, 1},
	       {120, TR_BATCH_DONE, 2, 1});
	expect_silence(batch);
}

static void test_the_longest_unused_is_evicted_first(void **state)
{
	static const uint64_t a[] = {1, 2}, b[] = {3, 4}, c[] = {5, 6};
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.kv_blocks = 5;
	batch = batch_of(&profile);
	enter_hashed(batch, 0, 0, 20, 1, a);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1},
	       {30, TR_BATCH_DONE, 0, 1});
	enter_hashed(batch, 100, 1, 20, 1, b);
	EXPECT(batch, {100, TR_BATCH_SCHEDULED, 1, 0}, {130, TR_BATCH_FIRST, 1, 1},
	       {130, TR_BATCH_DONE, 1, 1});
	/* One block was never used; the other is the last one of `a`. */
	enter_hashed(batch, 200, 2, 20, 1, c);
	EXPECT(batch, {200, TR_BATCH_SCHEDULED, 2, 0}, {230, TR_BATCH_FIRST, 2, 1},
	       {230, TR_BATCH_DONE, 2, 1});
	enter_hashed(batch, 300, 3, 20, 1, a);
	EXPECT(batch, {300, TR_BATCH_SCHEDULED, 3, 10}, {320, TR_BATCH_FIRST, 3, 1},
	       {320, TR_BATCH_DONE, 3, 1});
	expect_silence(batch);
}

/* Hashes of 25 tokens stand for two, three, two blocks of ten. */
static void test_hashes_stand_for_the_blocks_that_end_in_their_tokens(void **state)
{
	static const uint64_t blocks[] = {1, 2, 3};
	struct tr_batch_request request = {
		.tokens_in = 75,
		.tokens_out = 1,
		.prompt = {.blocks = blocks, .block_count = 3, .block_tokens = 25}};
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.kv_blocks = 20;
	batch = batch_of(&profile);
	tr_batch_enter(batch, T0, 0, &request);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {85, TR_BATCH_FIRST, 0, 1},
	       {85, TR_BATCH_DONE, 0, 1});
	request.prompt.block_count = 1;
	tr_batch_enter(batch, T0 + 100 * TR_MS, 1, &request);
	request.prompt.block_count = 2;
	tr_batch_enter(batch, T0 + 100 * TR_MS, 2, &request);
	request.prompt.block_count = 3;
	tr_batch_enter(batch, T0 + 100 * TR_MS, 3, &request);
	/* 55 and 25 tokens, then 20 for the third, of whose last block ten are computed anew. */
	EXPECT(batch, {100, TR_BATCH_SCHEDULED, 1, 20}, {100, TR_BATCH_SCHEDULED, 2, 50},
	       {100, TR_BATCH_SCHEDULED, 3, 70}, {195, TR_BATCH_FIRST, 1, 1});
	tr_batch_free(batch);
}

static void test_the_order_of_the_line_is_an_option(void **state)
{
	static const uint32_t orders[][3] = {
		[TR_BATCH_ORDER_FIFO] = {1, 2, 3},
		[TR_BATCH_ORDER_LIFO] = {3, 2, 1},
		[TR_BATCH_ORDER_SHORTEST] = {2, 3, 1},
		[TR_BATCH_ORDER_RANDOM] = {3, 1, 2},
	};

	(void)state;
	for (uint8_t order = 0; order < TR_BATCH_ORDER_COUNT; order++) {
		struct tr_batch_profile profile = plain;
		struct tr_batch_event event;
		struct tr_batch *batch;

		profile.sequences = 1;
		profile.order = order;
		batch = batch_of(&profile);
		enter(batch, 0, 0, 10, 1);
		while (!tr_batch_take(batch, &event))
			continue;
		enter(batch, 1, 1, 30, 1);
		enter(batch, 2, 2, 10, 1);
		enter(batch, 3, 3, 20, 1);
		for (uint32_t i = 0; i < 3; i++) {
			do
				while (!tr_batch_take(batch, &event))
					continue;
			while (event.kind != TR_BATCH_SCHEDULED);
			assert_int_equal(event.slot, orders[order][i]);
		}
		tr_batch_free(batch);
	}
}

static void test_a_slower_server_takes_longer_from_then_on(void **state)
{
	struct tr_batch *batch = batch_of(&plain);

	(void)state;
	enter(batch, 0, 0, 20, 5);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0});
	/* 10 of 30 ms done, 20 at half the speed; then nothing for a second; then at full speed. */
	tr_batch_speed(batch, T0 + 10 * TR_MS, 500);
	EXPECT(batch, {50, TR_BATCH_FIRST, 0, 1});
	assert_true(tr_batch_pace(batch) == 22 * TR_MS);
	tr_batch_speed(batch, T0 + 61 * TR_MS, 0);
	assert_true(tr_batch_next(batch) == TR_TIME_NEVER);
	assert_true(tr_batch_pace(batch) == 0);
	tr_batch_speed(batch, T0 + 1061 * TR_MS, 1000);
	/* 5.5 of the 44 ms were done. */
	enter(batch, 1062, 1, 1, 1);
	tr_batch_leave(batch, T0 + 1063 * TR_MS, 1);
	while (tr_batch_next(batch) < T0 + 1099 * TR_MS) {
		struct tr_batch_event event;

		assert_false(tr_batch_take(batch, &event));
	}
	assert_true(tr_batch_next(batch) == T0 + 1099 * TR_MS + 500000);
	tr_batch_free(batch);
}

static void test_a_restarted_server_is_cold_and_takes_its_time(void **state)
{
	static const uint64_t blocks[] = {1, 2};
	struct tr_batch_profile profile = plain;
	struct tr_batch *batch;

	(void)state;
	profile.kv_blocks = 10;
	profile.startup_ns = 500 * TR_MS;
	batch = batch_of(&profile);
	enter_hashed(batch, 0, 0, 20, 5, blocks);
	EXPECT(batch, {0, TR_BATCH_SCHEDULED, 0, 0}, {30, TR_BATCH_FIRST, 0, 1});
	tr_batch_leave(batch, T0 + 40 * TR_MS, 0);
	tr_batch_restart(batch, T0 + 40 * TR_MS);
	assert_true(tr_batch_next(batch) == TR_TIME_NEVER);
	enter_hashed(batch, 100, 1, 20, 1, blocks);
	EXPECT(batch, {540, TR_BATCH_SCHEDULED, 1, 0}, {570, TR_BATCH_FIRST, 1, 1},
	       {570, TR_BATCH_DONE, 1, 1});
	enter_hashed(batch, 600, 2, 20, 1, blocks);
	EXPECT(batch, {600, TR_BATCH_SCHEDULED, 2, 10});
	tr_batch_free(batch);
}

/* SIM-3: some thirty years of steps in a handful of looks. */
static void test_a_million_tokens_cost_no_more_than_ten(void **state)
{
	struct tr_batch_profile profile = plain;
	struct tr_batch_event event = {0};
	struct tr_batch *batch;
	uint32_t takes = 0;

	(void)state;
	profile.kv_blocks = 300000;
	profile.cost.context_token_fs = MS_FS;
	batch = batch_of(&profile);
	enter(batch, 0, 0, 10, 1000000);
	enter(batch, 0, 1, 10, 999999);
	while (tr_batch_next(batch) != TR_TIME_NEVER) {
		(void)tr_batch_take(batch, &event);
		takes++;
	}
	assert_int_equal(event.tokens, 1000000);
	assert_true(takes < 20);
	tr_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_takes_the_time_worked_out_by_hand),
		cmocka_unit_test(test_a_token_that_is_wanted_is_told),
		cmocka_unit_test(test_a_token_of_a_step_that_was_told_of_is_made),
		cmocka_unit_test(test_contexts_make_steps_longer_token_by_token),
		cmocka_unit_test(test_prompts_are_cut_into_what_the_budget_permits),
		cmocka_unit_test(test_who_decodes_is_served_before_prompts),
		cmocka_unit_test(test_the_mixed_term_and_the_first_tokens_cost_what_they_say),
		cmocka_unit_test(test_steps_ahead_are_composed_one_step_early),
		cmocka_unit_test(test_who_came_last_is_preempted_when_memory_is_full),
		cmocka_unit_test(test_a_preempted_request_finds_its_blocks),
		cmocka_unit_test(test_a_prompt_that_does_not_fit_holds_up_the_line),
		cmocka_unit_test(test_the_watermark_keeps_blocks_free),
		cmocka_unit_test(test_equal_prefixes_are_computed_once),
		cmocka_unit_test(test_the_longest_unused_is_evicted_first),
		cmocka_unit_test(test_hashes_stand_for_the_blocks_that_end_in_their_tokens),
		cmocka_unit_test(test_the_order_of_the_line_is_an_option),
		cmocka_unit_test(test_a_slower_server_takes_longer_from_then_on),
		cmocka_unit_test(test_a_restarted_server_is_cold_and_takes_its_time),
		cmocka_unit_test(test_a_million_tokens_cost_no_more_than_ten),
	};

	return cmocka_run_group_tests_name("sim batch", tests, NULL, NULL);
}
