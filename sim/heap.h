/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event queue: a 4-ary heap keyed (time, sequence), so equal times leave in the order in which
 * they came and nothing depends on the shape of the heap.
 *
 * An entry is 16 bytes: the time, and one word that holds the sequence above a small payload (a
 * slot number). The four children of a node share one cache line, and the places behind the last
 * entry hold an entry later than any, so a step down compares four children without asking how
 * many there are. It is the queue's speed that bounds a simulator, hence all of it is inline.
 *
 * What it refuses: growth (a full heap is a programmer's error), more than 2^40 pushes, payloads of
 * more than 24 bits, and time TR_TIME_NEVER. There is no removal: an owner who changes his mind
 * remembers the ticket of the entry that counts, skips others as they surface, and sweeps with
 * tr_heap_keep() when the heap is full of them.
 */
#ifndef TR_SIM_HEAP_H
#define TR_SIM_HEAP_H

#include "engine/base.h"

#define TR_HEAP_PAYLOAD_BITS 24
#define TR_HEAP_PAYLOAD_MAX  ((UINT32_C(1) << TR_HEAP_PAYLOAD_BITS) - 1)

struct tr_heap_entry {
	tr_time_ns time;
	uint64_t ticket; /* sequence << 24 | payload: never the same twice */
};

struct tr_heap {
	struct tr_heap_entry *entries; /* root at 0, children of i at 4i+1..4i+4 */
	size_t count;
	size_t capacity;
	uint64_t sequence;
	void *memory;
};

/* Room for `capacity` entries. Returns 0, or -1 if there is no memory. */
int tr_heap_init(struct tr_heap *heap, size_t capacity);
void tr_heap_done(struct tr_heap *heap);

/* Drop every entry for which keep() says false; the order of the others stays. O(n). */
void tr_heap_keep(struct tr_heap *heap, bool (*keep)(void *self, const struct tr_heap_entry *entry),
		  void *self);

static inline uint32_t tr_heap_payload(const struct tr_heap_entry *entry)
{
	return (uint32_t)(entry->ticket & TR_HEAP_PAYLOAD_MAX);
}

static inline bool tr_heap_before(struct tr_heap_entry a, struct tr_heap_entry b)
{
	/* One comparison without a branch, where (a.time < b.time || ...) would be guessed wrong
	 * every other time. */
	return ((tr_u128)a.time << 64 | a.ticket) < ((tr_u128)b.time << 64 | b.ticket);
}

/* Put `entry` in the place of the root and let it sink. */
static inline void tr_heap_sink(struct tr_heap *heap, struct tr_heap_entry entry)
{
	struct tr_heap_entry *entries = heap->entries;
	size_t count = heap->count, hole = 0, child = 1;

	while (child < count) {
		size_t left = child + tr_heap_before(entries[child + 1], entries[child]);
		size_t right = child + 2 + tr_heap_before(entries[child + 3], entries[child + 2]);
		size_t least = tr_heap_before(entries[right], entries[left]) ? right : left;

		if (!tr_heap_before(entries[least], entry))
			break;
		entries[hole] = entries[least];
		hole = least;
		child = 4 * hole + 1;
	}
	entries[hole] = entry;
}

static inline struct tr_heap_entry tr_heap_ticket(struct tr_heap *heap, tr_time_ns time,
						  uint32_t payload)
{
	TR_ASSERT(time != TR_TIME_NEVER);
	TR_ASSERT(payload <= TR_HEAP_PAYLOAD_MAX);
	TR_ASSERT(heap->sequence < UINT64_C(1) << (64 - TR_HEAP_PAYLOAD_BITS));
	return (struct tr_heap_entry){time, heap->sequence++ << TR_HEAP_PAYLOAD_BITS | payload};
}

/* Add an entry; returns its ticket. The heap must not be full. O(log n), O(1) on average. */
static inline uint64_t tr_heap_push(struct tr_heap *heap, tr_time_ns time, uint32_t payload)
{
	struct tr_heap_entry entry = tr_heap_ticket(heap, time, payload);
	struct tr_heap_entry *entries = heap->entries;
	size_t hole = heap->count;

	TR_ASSERT(heap->count < heap->capacity);
	heap->count++;
	while (hole > 0) {
		size_t parent = (hole - 1) / 4;

		if (!tr_heap_before(entry, entries[parent]))
			break;
		entries[hole] = entries[parent];
		hole = parent;
	}
	entries[hole] = entry;
	return entry.ticket;
}

/* The earliest entry; NULL when empty. Good until the next change. */
static inline const struct tr_heap_entry *tr_heap_peek(const struct tr_heap *heap)
{
	return heap->count ? &heap->entries[0] : NULL;
}

/* Take the earliest entry away. The heap must not be empty. */
static inline void tr_heap_pop(struct tr_heap *heap)
{
	struct tr_heap_entry last;

	TR_ASSERT(heap->count > 0);
	heap->count--;
	last = heap->entries[heap->count];
	heap->entries[heap->count] = (struct tr_heap_entry){TR_TIME_NEVER, UINT64_MAX};
	if (heap->count)
		tr_heap_sink(heap, last);
}

/* Take the earliest entry away and add another: cheaper than a pop and a push. Returns the new
 * ticket. The heap must not be empty. */
static inline uint64_t tr_heap_replace(struct tr_heap *heap, tr_time_ns time, uint32_t payload)
{
	struct tr_heap_entry entry = tr_heap_ticket(heap, time, payload);

	TR_ASSERT(heap->count > 0);
	tr_heap_sink(heap, entry);
	return entry.ticket;
}

#endif
