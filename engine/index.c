/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing over the rows of a table.
 *
 * An index is derived: its cells hold row numbers, keys stay in the rows, and a restore puts it
 * together again. Removal leaves no tombstones: what follows the hole is moved up as far as its
 * home permits (Knuth, The Art of Computer Programming, 6.4, algorithm R), so an index that has
 * seen a million jobs come and go is as quick as a new one.
 *
 * Refused: two rows with one key (the owner chains them itself), growth, and a key that changes
 * while its row is in.
 */
#include "engine/index.h"

#include <string.h>

#include "engine/random.h"

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

uint32_t tr_index_find(const struct tr_index *index, uint64_t key)
{
	for (uint32_t at = home_of(index, key);; at = (at + 1) & index->mask) {
		uint32_t row1 = index->cells[at];

		if (!row1)
			return TR_NONE;
		if (key_of(index, row1 - 1) == key)
			return row1 - 1;
	}
}

void tr_index_insert(struct tr_index *index, uint32_t row)
{
	uint64_t key = key_of(index, row);
	uint32_t at = home_of(index, key);

	/* One cell stays empty, or a search for what is not there would not end. */
	TR_ASSERT(index->count < index->mask);
	for (; index->cells[at]; at = (at + 1) & index->mask)
		TR_ASSERT(key_of(index, index->cells[at] - 1) != key);
	index->cells[at] = row + 1;
	index->count++;
}

void tr_index_remove(struct tr_index *index, uint32_t row)
{
	uint32_t mask = index->mask;
	uint32_t hole = home_of(index, key_of(index, row));

	for (; index->cells[hole] != row + 1; hole = (hole + 1) & mask)
		TR_ASSERT(index->cells[hole] != 0);
	for (uint32_t at = (hole + 1) & mask; index->cells[at]; at = (at + 1) & mask) {
		uint32_t home = home_of(index, key_of(index, index->cells[at] - 1));

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		index->cells[hole] = index->cells[at];
		hole = at;
	}
	index->cells[hole] = 0;
	index->count--;
}

void tr_index_clear(struct tr_index *index)
{
	memset(index->cells, 0, ((size_t)index->mask + 1) * sizeof *index->cells);
	index->count = 0;
}
