/* SPDX-License-Identifier: Apache-2.0 */
/* Fading: the committed table is the right one, and values fade by it, smoothly and to nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/decay.h"
#include "engine/random.h"

/* Little-endian words; 2^2112 and powers of numbers of 34 bits fit. */
#define WORDS 72

static void power_64(uint64_t base, uint32_t ret_words[WORDS])
{
	memset(ret_words, 0, WORDS * sizeof *ret_words);
	ret_words[0] = 1;
	for (int i = 0; i < 64; i++) {
		tr_u128 carry = 0;

		for (int k = 0; k < WORDS; k++) {
			carry += (tr_u128)ret_words[k] * base;
			ret_words[k] = (uint32_t)carry;
			carry >>= 32;
		}
		assert_true(carry == 0);
	}
}

/* -1: words < 2^bit, 0: equal, 1: more. */
static int compare(const uint32_t words[WORDS], int bit)
{
	int top = -1, bits = 0;

	for (int i = 0; i < WORDS * 32; i++)
		if (words[i / 32] >> (i % 32) & 1) {
			top = i;
			bits++;
		}
	if (top != bit)
		return top < bit ? -1 : 1;
	return bits > 1;
}

static void test_each_entry_of_the_table_is_the_nearest_integer(void **state)
{
	uint32_t words[WORDS];

	(void)state;
	for (int i = 0; i <= TR_DECAY_STEPS; i++) {
		power_64(2 * tr_decay_table[i] - 1, words);
		assert_true(compare(words, 33 * 64 - i) <= 0);
		power_64(2 * tr_decay_table[i] + 1, words);
		assert_true(compare(words, 33 * 64 - i) > 0);
	}
}

static void test_whole_half_lives_are_shifts_and_the_end_is_nothing(void **state)
{
	static const uint64_t values[] = {0, 1, 2, 999, UINT32_MAX, UINT64_MAX};
	static const uint64_t half_lives[] = {1, 7, 5 * TR_SECOND, 30 * TR_DAY};

	(void)state;
	for (size_t v = 0; v < TR_ARRAY_LENGTH(values); v++)
		for (size_t h = 0; h < TR_ARRAY_LENGTH(half_lives); h++) {
			for (uint64_t n = 0; n < 64; n++)
				assert_true(tr_decay(values[v], n * half_lives[h], half_lives[h]) ==
					    values[v] >> n);
			assert_true(tr_decay(values[v], 64 * half_lives[h], half_lives[h]) == 0);
			assert_true(tr_decay(values[v], UINT64_MAX, half_lives[h]) == 0);
		}
	assert_true(tr_decay(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX / 2);
}

static void test_it_never_rises_with_age(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		uint64_t value = tr_draw(seed, 0, TR_PURPOSE_TEST, 0) >> (seed % 60);
		uint64_t half_life = 1 + (tr_draw(seed, 1, TR_PURPOSE_TEST, 0) >> (8 + seed % 50));
		uint64_t before = value, age = 0;

		for (uint64_t i = 0; i < 500; i++) {
			uint64_t now = tr_decay(value, age, half_life);

			assert_true(now <= before);
			before = now;
			age += tr_below(tr_draw(seed, 2, TR_PURPOSE_TEST, i), half_life / 8 + 2);
		}
	}
}

/* Between two entries the true curve is lowest below the chord in the middle: there, its square is
 * the product of the two. */
static void test_between_entries_it_is_off_by_less_than_one_in_65000(void **state)
{
	const uint64_t value = UINT64_C(1) << 60, half_life = 128;

	(void)state;
	for (uint64_t step = 0; step < TR_DECAY_STEPS; step++) {
		tr_u128 middle = tr_decay(value, 2 * step + 1, half_life) >> 8;
		tr_u128 product = (tr_u128)(tr_decay(value, 2 * step, half_life) >> 8) *
				  (tr_decay(value, 2 * step + 2, half_life) >> 8);

		assert_true(middle * middle >= product);
		assert_true((middle * middle - product) < product / 32500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_entry_of_the_table_is_the_nearest_integer),
		cmocka_unit_test(test_whole_half_lives_are_shifts_and_the_end_is_nothing),
		cmocka_unit_test(test_it_never_rises_with_age),
		cmocka_unit_test(test_between_entries_it_is_off_by_less_than_one_in_65000),
	};

	return cmocka_run_group_tests_name("decay", tests, NULL, NULL);
}
