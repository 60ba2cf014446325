/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index against a naive map: an array that is searched from end to end.
 *
 * Keys are chosen by where they are at home: in a handful of neighbouring cells around the end of
 * the table, so that nearly every probe collides, runs are longer than a cell can say, and they
 * wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/index.h"
#include "engine/random.h"

#define ROWS  192
#define CELLS 256

struct row {
	uint32_t before;
	uint64_t key;
	uint8_t after;
};

static struct row rows[ROWS];
static bool in[ROWS];
static struct tr_index_cell cells[CELLS];
static struct tr_index table;

static void begin(void)
{
	memset(rows, 0, sizeof rows);
	memset(in, 0, sizeof in);
	memset(cells, 0, sizeof cells);
	table = (struct tr_index){.cells = cells, .mask = CELLS - 1};
	TR_INDEX_BIND(&table, rows, key);
}

static uint32_t naive_find(uint64_t key)
{
	for (uint32_t row = 0; row < ROWS; row++)
		if (in[row] && rows[row].key == key)
			return row;
	return TR_NONE;
}

/* The n-th key whose home is one of `homes` cells from a first on. */
static uint64_t crowded_key(uint32_t first, uint32_t homes, uint64_t n)
{
	uint64_t key = 0;

	for (;; key++)
		if (((tr_mix(key) - first) & (CELLS - 1)) < homes && n-- == 0)
			return key;
}

static void agree(uint64_t most)
{
	uint32_t count = 0;

	for (uint32_t row = 0; row < ROWS; row++)
		count += in[row];
	assert_int_equal(table.count, count);
	for (uint64_t n = 0; n < most; n++) {
		uint64_t key = crowded_key(CELLS - 3, 5, n);

		assert_int_equal(tr_index_find(&table, key), naive_find(key));
	}
}

static void play(uint64_t seed, uint32_t steps)
{
	begin();
	for (uint32_t i = 0; i < steps; i++) {
		uint64_t draw = tr_draw(seed, i, TR_PURPOSE_TEST, 0);
		uint32_t row = (uint32_t)tr_below(draw, ROWS);
		uint64_t key = crowded_key(CELLS - 3, 5, draw % (ROWS + 8));

		if (in[row]) {
			tr_index_remove(&table, row);
			in[row] = false;
		} else if (naive_find(key) == TR_NONE) {
			rows[row].key = key;
			tr_index_insert(&table, row);
			in[row] = true;
		}
		agree(ROWS + 8);
	}
}

static void test_an_index_finds_what_a_search_through_all_rows_finds(void **state)
{
	const char *full = getenv("TR_FULL");
	uint64_t seeds = full ? 50 : 3;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		play(seed, 300);
	}
}

/* Removal leaves nothing behind: an emptied index has no cell in use, wherever the runs were. */
static void test_an_emptied_index_is_as_new(void **state)
{
	static const struct tr_index_cell zeroes[CELLS];

	(void)state;
	begin();
	for (uint32_t row = 0; row < ROWS; row++) {
		rows[row].key = crowded_key(CELLS - 3, 2, row);
		tr_index_insert(&table, row);
	}
	for (uint32_t i = 0; i < ROWS; i++)
		tr_index_remove(&table, i * 31 % ROWS);
	assert_int_equal(table.count, 0);
	assert_memory_equal(cells, zeroes, sizeof cells);
	for (uint32_t row = 0; row < ROWS; row++)
		assert_int_equal(tr_index_find(&table, rows[row].key), TR_NONE);
}

static void test_clear_forgets_every_row(void **state)
{
	(void)state;
	begin();
	rows[7].key = 0; /* a key like any other */
	tr_index_insert(&table, 7);
	assert_int_equal(tr_index_find(&table, 0), 7);
	tr_index_clear(&table);
	assert_int_equal(tr_index_find(&table, 0), TR_NONE);
	tr_index_insert(&table, 7);
	assert_int_equal(table.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_index_finds_what_a_search_through_all_rows_finds),
		cmocka_unit_test(test_an_emptied_index_is_as_new),
		cmocka_unit_test(test_clear_forgets_every_row),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
