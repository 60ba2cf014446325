/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing over the rows of a table.
 *
 * An index is derived: its cells hold row numbers, keys stay in the rows, and a restore puts it
 * together again. Removal leaves no tombstones: what follows the hole is moved up as far as its
 * home permits (Knuth, The Art of Computer Programming, 6.4, algorithm R), so an index that has
 * seen a million jobs come and go is as quick as a new one.
 *
 * A cell says how far from its home it stands: rows are many and far apart, and a probe or a
 * removal that had to look into each one on its way would cost more than all the rest.
 *
 * Refused: two rows with one key (the owner chains them itself), growth, and a key that changes
 * while its row is in.
 */
#include "engine/index.h"

#include <string.h>

#include "engine/random.h"

/* The largest values of a cell's members. */
#define MOVED_MOST 127u
#define ROW1_MOST  ((1u << 25) - 1)

static uint64_t key_of(const struct tr_index *index, uint32_t row)
{
	uint64_t key;

	memcpy(&key, index->rows + (size_t)row * index->row_bytes + index->key_at, sizeof key);
	return key;
}

static uint32_t home_of(const struct tr_index *index, uint64_t key)
{
	return (uint32_t)tr_mix(key) & index->mask;
}

/* Has the row of a cell this key? Only one that is as far from its home as the search is can. */
static bool is_of(const struct tr_index *index, struct tr_index_cell cell, uint32_t moved,
		  uint64_t key)
{
	return cell.moved == tr_min(moved, MOVED_MOST) && key_of(index, cell.row1 - 1) == key;
}

/* How far from its home the row in a cell stands. */
static uint32_t moved_at(const struct tr_index *index, uint32_t at)
{
	struct tr_index_cell cell = index->cells[at];

	if (cell.moved < MOVED_MOST)
		return cell.moved;
	return (at - home_of(index, key_of(index, cell.row1 - 1))) & index->mask;
}

static void place(struct tr_index *index, uint32_t at, uint32_t row1, uint32_t moved)
{
	index->cells[at].row1 = row1 & ROW1_MOST;
	index->cells[at].moved = tr_min(moved, MOVED_MOST) & MOVED_MOST;
}

uint32_t tr_index_find(const struct tr_index *index, uint64_t key)
{
	uint32_t home = home_of(index, key);

	for (uint32_t moved = 0;; moved++) {
		struct tr_index_cell cell = index->cells[(home + moved) & index->mask];

		if (!cell.row1)
			return TR_NONE;
		if (is_of(index, cell, moved, key))
			return cell.row1 - 1;
	}
}

void tr_index_insert(struct tr_index *index, uint32_t row)
{
	uint64_t key = key_of(index, row);
	uint32_t home = home_of(index, key), moved = 0;

	TR_ASSERT(row < TR_INDEX_ROWS_MAX);
	/* One cell stays empty, or a search for what is not there would not end. */
	TR_ASSERT(index->count < index->mask);
	for (; index->cells[(home + moved) & index->mask].row1; moved++)
		TR_ASSERT(!is_of(index, index->cells[(home + moved) & index->mask], moved, key));
	place(index, (home + moved) & index->mask, row + 1, moved);
	index->count++;
}

void tr_index_remove(struct tr_index *index, uint32_t row)
{
	uint32_t mask = index->mask;
	uint32_t hole = home_of(index, key_of(index, row));

	for (; index->cells[hole].row1 != row + 1; hole = (hole + 1) & mask)
		TR_ASSERT(index->cells[hole].row1 != 0);
	for (uint32_t at = (hole + 1) & mask; index->cells[at].row1; at = (at + 1) & mask) {
		uint32_t moved = moved_at(index, at), back = (at - hole) & mask;

		if (moved < back)
			continue;
		place(index, hole, index->cells[at].row1, moved - back);
		hole = at;
	}
	index->cells[hole] = (struct tr_index_cell){0};
	index->count--;
}

void tr_index_clear(struct tr_index *index)
{
	memset(index->cells, 0, ((size_t)index->mask + 1) * sizeof *index->cells);
	index->count = 0;
}
