/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/workload.h"

#define CONVERSATIONS 7

static struct tr_conversation rows[CONVERSATIONS];
static struct tr_synthetic synthetic;

static void begin(const struct tr_prompts_options *prompts)
{
	static const struct tr_workload_share tenants[] = {{"a", 1, 1}, {"b", 2, 1}};
	struct tr_synthetic_options options = {
		.seed = 5,
		.start = TR_WORKLOAD_EPOCH,
		.process = {.kind = TR_PROCESS_POISSON, .rate_micro = 1000000},
		.tokens_in = {.count = 2, .knots = {{0, 10}, {1000000, 90}}},
		.tokens_out = {.count = 1, .knots = {{0, 20}}},
		.requests_max = 2000,
		.labels = {.tenants = tenants, .tenant_count = 2},
		.prompts = *prompts,
	};

	options.prompts.conversations = rows;
	tr_synthetic_init(&synthetic, &options);
}

static bool next(struct tr_arrival *ret)
{
	struct tr_workload workload = tr_synthetic_workload(&synthetic);

	return workload.next(workload.self, ret, NULL) == 1;
}

/* What was said of a conversation before. */
struct memory {
	tr_name session;
	tr_name tenant;
	uint32_t tokens_in;
	uint32_t turns;
	uint64_t blocks[256];
};

/* SIM-2 */
static void test_a_turn_says_again_what_was_said_before(void **state)
{
	static struct memory memories[2048];
	uint32_t count = 0, again = 0;
	struct tr_arrival arrival;

	(void)state;
	begin(&(struct tr_prompts_options){.block_tokens = 16,
					   .conversation_count = CONVERSATIONS,
					   .turns_milli = 5000,
					   .tokens_max = 2000});
	while (next(&arrival)) {
		struct memory *memory = NULL;

		assert_int_equal(arrival.prompt.block_count, (arrival.tokens_in + 15) / 16);
		assert_int_equal(arrival.prompt.block_tokens, 16);
		assert_int_equal(arrival.prefix_blocks, arrival.prompt.block_count);
		for (uint32_t i = 0; i < count && !memory; i++)
			if (memories[i].session == arrival.session)
				memory = &memories[i];
		if (!memory) {
			memory = &memories[count++];
			memory->session = arrival.session;
			memory->tenant = arrival.tenant;
		} else {
			uint32_t full = memory->tokens_in / 16;

			/* Its prompt, its answer, and something new. */
			assert_true(arrival.tokens_in >= memory->tokens_in + 20 + 10);
			assert_true(arrival.tokens_in <= memory->tokens_in + 20 + 90);
			assert_true(arrival.tokens_in <= 2000);
			assert_true(arrival.tenant == memory->tenant);
			assert_memory_equal(arrival.prompt.blocks, memory->blocks,
					    full * sizeof(uint64_t));
			again++;
		}
		memory->tokens_in = arrival.tokens_in;
		memory->turns++;
		memcpy(memory->blocks, arrival.prompt.blocks,
		       arrival.prompt.block_count * sizeof(uint64_t));
	}
	/* 2,000 turns of conversations of 1 + floor(E x 4) turns: 4.5 on average, less what is cut.
	 */
	assert_in_range(count, 400, 520);
	assert_int_equal(again + count, 2000);
}

static void test_shared_texts_are_the_same_for_all_of_a_tenant(void **state)
{
	uint64_t first[2][3][2] = {0};
	struct tr_arrival arrival;
	uint32_t kinds = 0;

	(void)state;
	begin(&(struct tr_prompts_options){
		.block_tokens = 16, .shared = 3, .shared_tokens = 40, .tokens_max = 1000});
	while (next(&arrival)) {
		uint64_t(*texts)[2] = first[arrival.tenant - 1];
		uint32_t i = 0;

		assert_true(arrival.tokens_in >= 50);
		assert_true(arrival.session == 0);
		while (i < 3 && texts[i][0] && texts[i][0] != arrival.prompt.blocks[0])
			i++;
		assert_true(i < 3);
		if (!texts[i][0]) {
			texts[i][0] = arrival.prompt.blocks[0];
			texts[i][1] = arrival.prompt.blocks[1];
			kinds++;
		}
		/* 40 tokens fill two blocks; the third is the request's own. */
		assert_true(arrival.prompt.blocks[1] == texts[i][1]);
	}
	/* Chained from the tenant's name: each tenant has its own three. */
	assert_int_equal(kinds, 6);
}

static void test_without_prefixes_nothing_is_known_of_prompts(void **state)
{
	struct tr_arrival arrival;

	(void)state;
	begin(&(struct tr_prompts_options){0});
	assert_true(next(&arrival));
	assert_int_equal(arrival.prompt.block_count, 0);
	assert_int_equal(arrival.prefix_count, 0);
	assert_true(arrival.session == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_says_again_what_was_said_before),
		cmocka_unit_test(test_shared_texts_are_the_same_for_all_of_a_tenant),
		cmocka_unit_test(test_without_prefixes_nothing_is_known_of_prompts),
	};

	return cmocka_run_group_tests_name("sim prompts", tests, NULL, NULL);
}
