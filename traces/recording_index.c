/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INDEX payload, in constant memory.
 *
 * Per table: u64 stride, u32 rows, then the rows: u64 offset, u64 frame, u64 event.
 */
#include "traces/recording_frame.h"

void tr_index_note(struct tr_index *index, const struct tr_index_row *row)
{
	uint64_t stride = index->stride ? index->stride : 1;
	uint64_t ordinal = index->seen++;

	if (index->count == TR_INDEX_ROWS) {
		/* Row i is frame i * stride of its sort; keep the even ones. */
		for (uint32_t i = 0; i < TR_INDEX_ROWS / 2; i++)
			index->rows[i] = index->rows[2 * i];
		index->count = TR_INDEX_ROWS / 2;
		stride *= 2;
	}
	index->stride = stride;
	if (ordinal % stride == 0)
		index->rows[index->count++] = *row;
}

size_t tr_index_encode(const struct tr_index tables[TR_INDEX_COUNT], uint8_t *ret)
{
	uint8_t *p = ret;

	for (unsigned t = 0; t < TR_INDEX_COUNT; t++) {
		p = tr_put_u64(p, tables[t].stride);
		p = tr_put_u32(p, tables[t].count);
		for (uint32_t i = 0; i < tables[t].count; i++) {
			p = tr_put_u64(p, tables[t].rows[i].offset);
			p = tr_put_u64(p, tables[t].rows[i].frame);
			p = tr_put_u64(p, tables[t].rows[i].event);
		}
	}
	TR_ASSERT((size_t)(p - ret) <= TR_INDEX_BYTES_MAX);
	return (size_t)(p - ret);
}

uint32_t tr_index_items(const struct tr_index tables[TR_INDEX_COUNT])
{
	return tables[TR_INDEX_EVENTS].count + tables[TR_INDEX_SNAPSHOTS].count;
}
