/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window that rolls with time: rows in a ring, one for each bucket of a fixed length, and the
 * number of the newest (time / length), which its owner keeps. The row of bucket n is n % count.
 * Rows are emptied when something is written after them; what is only read says which rows still
 * count, so that reading changes nothing.
 */
#ifndef TR_ENGINE_ROLLING_H
#define TR_ENGINE_ROLLING_H

#include <string.h>

#include "engine/base.h"

/* Bring the window to a bucket: the rows that fell out of it are zeroed, and the newest one's place
 * in the ring is returned. A number below the newest, which time cannot bring, moves nothing. */
static inline uint32_t tr_rolling_advance(void *rows, size_t row_size, uint32_t count,
					  uint64_t *newest, uint64_t number)
{
	uint64_t passed = tr_min(tr_sub_sat(number, *newest), count);

	for (uint64_t i = 0; i < passed; i++)
		memset((char *)rows + (number - i) % count * row_size, 0, row_size);
	*newest = tr_max(*newest, number);
	return (uint32_t)(*newest % count);
}

/* Is a row's bucket one of the last `count` when it is `number` now? `newest`: as it was written
 * last, which may be long ago. */
static inline bool tr_rolling_counts(uint32_t row, uint32_t count, uint64_t newest, uint64_t number)
{
	uint64_t age = (newest + count - row) % count;

	return tr_sub_sat(number, newest) < count - age;
}

#endif
