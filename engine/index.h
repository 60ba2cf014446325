/* SPDX-License-Identifier: Apache-2.0 */
/* Find a row of a table by a 64-bit key that stands in it. */
#ifndef TR_ENGINE_INDEX_H
#define TR_ENGINE_INDEX_H

#include "engine/base.h"

#define TR_INDEX_ROWS_MAX (1u << 24)

struct tr_index_cell {
	uint32_t row1 : 25; /* 0: empty */
	uint32_t moved : 7; /* cells from its key's home; the most: so many or more */
};

/* There are mask + 1 cells, a power of two and more than there will ever be rows in it (twice as
 * many keeps probes short). Zeroed cells are an empty index. */
struct tr_index {
	struct tr_index_cell *cells;
	uint32_t mask;
	uint32_t count; /* of rows in it */
	/* Where keys stand: a u64 at `key_at` in each row of `row_bytes`. */
	const uint8_t *rows;
	uint32_t row_bytes;
	uint32_t key_at;
};

/* Bind an index, its cells and mask set, to the member `key` of the rows of a table. */
#define TR_INDEX_BIND(index, table, key)                                                           \
	do {                                                                                       \
		_Static_assert(sizeof(table)->key == sizeof(uint64_t), "a key is 64 bits");        \
		(index)->rows = (const uint8_t *)(table);                                          \
		(index)->row_bytes = (uint32_t)sizeof *(table);                                    \
		(index)->key_at = (uint32_t)offsetof(__typeof__(*(table)), key);                   \
	} while (0)

/* The row that has the key, or TR_NONE. Any key is good, 0 too. O(1) expected. */
uint32_t tr_index_find(const struct tr_index *index, uint64_t key);
/* Put a row (below TR_INDEX_ROWS_MAX) in. No row in the index may have its key. O(1) expected. */
void tr_index_insert(struct tr_index *index, uint32_t row);
/* Take out a row that is in, before its key changes. O(1) expected. */
void tr_index_remove(struct tr_index *index, uint32_t row);
/* Forget every row. O(cells). */
void tr_index_clear(struct tr_index *index);

#endif
