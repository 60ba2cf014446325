/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row is 33 KB for the sake of the longest prompts, but seldom uses 1 KB of it; so a waiting row
 * is stored up to its last block, padded to eight bytes.
 */
#include "traces/group.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4096

static size_t row_size(const struct tr_trace_row *row)
{
	TR_ASSERT(row->block_count <= TR_TRACE_BLOCKS_MAX);
	return offsetof(struct tr_trace_row, blocks) + row->block_count * sizeof(row->blocks[0]);
}

void tr_trace_row_copy(struct tr_trace_row *ret, const struct tr_trace_row *row)
{
	memcpy(ret, row, row_size(row));
}

int tr_group_add(struct tr_group *group, const struct tr_trace_row *row)
{
	size_t size = row_size(row);

	if (size > TR_TRACE_GROUP_BYTES_MAX - group->used)
		return -1;
	if (size > group->capacity - group->used) {
		size_t capacity = tr_max(2 * group->capacity, CAPACITY_MIN);
		unsigned char *bytes;

		while (capacity < group->used + size)
			capacity *= 2;
		bytes = realloc(group->bytes, capacity);
		if (!bytes)
			return -1;
		group->bytes = bytes;
		group->capacity = capacity;
	}
	memcpy(group->bytes + group->used, row, size);
	group->used += size;
	return 0;
}

bool tr_group_take(struct tr_group *group, struct tr_trace_row *ret)
{
	const struct tr_trace_row *row = (const void *)(group->bytes + group->taken);

	TR_ASSERT(group->taken <= group->used);
	if (group->taken == group->used)
		return false;
	tr_trace_row_copy(ret, row);
	group->taken += row_size(row);
	return true;
}

void tr_group_clear(struct tr_group *group)
{
	group->used = 0;
	group->taken = 0;
}

void tr_group_done(struct tr_group *group)
{
	if (!group)
		return;
	free(group->bytes);
	*group = (struct tr_group){0};
}
