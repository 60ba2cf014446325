/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cold half of the event queue: its memory, and the sweep.
 *
 * Memory is laid out so that entry 1 stands on a cache line; then every group of four children
 * does. Four places behind the capacity keep the "later than any" entry for good.
 */
#include "sim/heap.h"

#include <stdlib.h>

#define LINE		 64
#define SENTINELS	 4
#define ENTRIES_PER_LINE (LINE / sizeof(struct tr_heap_entry))

int tr_heap_init(struct tr_heap *heap, size_t capacity)
{
	size_t places = (ENTRIES_PER_LINE - 1) + capacity + SENTINELS;
	size_t bytes = (places * sizeof(struct tr_heap_entry) + LINE - 1) / LINE * LINE;
	struct tr_heap_entry *memory;

	TR_ASSERT(capacity > 0);
	TR_ASSERT(capacity <= SIZE_MAX / sizeof(struct tr_heap_entry) / 2);
	memory = aligned_alloc(LINE, bytes);
	if (!memory)
		return -1;
	*heap = (struct tr_heap){
		.entries = memory + ENTRIES_PER_LINE - 1, .capacity = capacity, .memory = memory};
	for (size_t i = 0; i < capacity + SENTINELS; i++)
		heap->entries[i] = (struct tr_heap_entry){TR_TIME_NEVER, UINT64_MAX};
	return 0;
}

void tr_heap_done(struct tr_heap *heap)
{
	if (!heap)
		return;
	free(heap->memory);
	*heap = (struct tr_heap){0};
}

/* Let the entry at `hole` sink within the whole heap. */
static void sink_at(struct tr_heap *heap, size_t hole)
{
	struct tr_heap_entry *entries = heap->entries;
	struct tr_heap_entry entry = entries[hole];

	for (size_t child; (child = 4 * hole + 1) < heap->count;) {
		size_t least = child;

		for (size_t i = child + 1; i < child + 4; i++)
			if (tr_heap_before(entries[i], entries[least]))
				least = i;
		if (!tr_heap_before(entries[least], entry))
			break;
		entries[hole] = entries[least];
		hole = least;
	}
	entries[hole] = entry;
}

void tr_heap_keep(struct tr_heap *heap, bool (*keep)(void *self, const struct tr_heap_entry *entry),
		  void *self)
{
	size_t kept = 0;

	for (size_t i = 0; i < heap->count; i++)
		if (keep(self, &heap->entries[i]))
			heap->entries[kept++] = heap->entries[i];
	for (size_t i = kept; i < heap->count; i++)
		heap->entries[i] = (struct tr_heap_entry){TR_TIME_NEVER, UINT64_MAX};
	heap->count = kept;
	/* Keys are never equal, so the order of leaving does not depend on how this one is built.
	 */
	for (size_t i = kept / 4 + 1; i-- > 0;)
		if (i < kept)
			sink_at(heap, i);
}
