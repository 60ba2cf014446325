/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/names.h"
#include "engine/affinity.h"
#include "sim/prefix.h"

static uint8_t prefix_of(tr_name tenant, const uint64_t *blocks, uint32_t count, uint64_t *ret)
{
	static uint64_t chain[32768];

	tr_prefix_chain(tenant, blocks, count, chain);
	return tr_prefix_pick(chain, count, ret);
}

static void test_the_first_names_are_kept_and_the_rest_forgotten(void **state)
{
	static struct tr_names names;
	char text[300];

	(void)state;
	for (uint64_t i = 1; i <= TR_NAMES_MAX + 10; i++) {
		(void)snprintf(text, sizeof text, "n%llu", (unsigned long long)i);
		tr_names_add(&names, i << 10, text);
		tr_names_add(&names, i << 10, "again");
	}
	assert_string_equal(tr_names_text(&names, 1 << 10), "n1");
	assert_string_equal(tr_names_text(&names, (uint64_t)TR_NAMES_MAX << 10), "n512");
	assert_null(tr_names_text(&names, (uint64_t)(TR_NAMES_MAX + 1) << 10));
	assert_null(tr_names_text(&names, 77));
	memset(&names, 0, sizeof names);
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	tr_names_add(&names, 5, text);
	assert_int_equal(strlen(tr_names_text(&names, 5)), TR_NAMES_TEXT_MAX - 1);
}

/* SCH-5 */
static void test_prefixes_are_hashed_at_powers_of_two_and_at_the_end(void **state)
{
	static const struct {
		uint32_t blocks;
		uint8_t hashes;
	} rows[] = {{0, 0}, {1, 1}, {2, 2},	{3, 3},	    {4, 3},
		    {5, 4}, {8, 4}, {4096, 13}, {32767, 16}};
	static uint64_t blocks[32768], hashes[TR_PREFIX_MAX];

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(blocks); i++)
		blocks[i] = i;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++)
		assert_int_equal(prefix_of(1, blocks, rows[i].blocks, hashes), rows[i].hashes);
}

/* SCH-5: the engine's depths are those that were hashed. */
static void test_each_hash_is_that_of_the_prompt_cut_at_its_depth(void **state)
{
	uint64_t blocks[70], whole[TR_PREFIX_MAX], cut[TR_PREFIX_MAX];

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(blocks); i++)
		blocks[i] = i * i;
	for (uint32_t count = 1; count <= TR_ARRAY_LENGTH(blocks); count++) {
		uint32_t hashes = prefix_of(1, blocks, count, whole);

		for (uint32_t i = 0; i < hashes; i++) {
			uint32_t depth = tr_affinity_depth(i, hashes, count);
			uint32_t last = prefix_of(1, blocks, depth, cut) - 1u;

			assert_true(whole[i] == cut[last]);
		}
	}
}

static void test_shared_blocks_share_hashes_within_a_tenant_alone(void **state)
{
	const uint64_t left[] = {7, 8, 9, 10, 11}, right[] = {7, 8, 9, 10, 12};
	uint64_t a[TR_PREFIX_MAX], b[TR_PREFIX_MAX], c[TR_PREFIX_MAX];

	(void)state;
	assert_int_equal(prefix_of(1, left, 5, a), 4);
	assert_int_equal(prefix_of(1, right, 5, b), 4);
	assert_int_equal(prefix_of(2, left, 5, c), 4);
	for (int i = 0; i < 3; i++) {
		assert_true(a[i] == b[i]);
		assert_true(a[i] != c[i]);
	}
	assert_true(a[3] != b[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_names_are_kept_and_the_rest_forgotten),
		cmocka_unit_test(test_prefixes_are_hashed_at_powers_of_two_and_at_the_end),
		cmocka_unit_test(test_each_hash_is_that_of_the_prompt_cut_at_its_depth),
		cmocka_unit_test(test_shared_blocks_share_hashes_within_a_tenant_alone),
	};

	return cmocka_run_group_tests_name("sim names", tests, NULL, NULL);
}
