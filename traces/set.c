/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing, at most half full. Only membership and the count come out, so the order of the
 * slots can show in no result.
 */
#include "traces/set.h"

#include <stdlib.h>

#include "engine/random.h"

#define CAPACITY_MIN 1024

static uint64_t slot_of(const uint64_t *slots, uint64_t capacity, uint64_t key)
{
	uint64_t slot = tr_mix(key) & (capacity - 1);

	while (slots[slot] && slots[slot] != key)
		slot = (slot + 1) & (capacity - 1);
	return slot;
}

static bool grow(struct tr_set *set)
{
	uint64_t capacity = tr_max(2 * set->capacity, CAPACITY_MIN);
	uint64_t *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return false;
	for (uint64_t i = 0; i < set->capacity; i++)
		if (set->slots[i])
			slots[slot_of(slots, capacity, set->slots[i])] = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->capacity = capacity;
	return true;
}

bool tr_set_put(struct tr_set *set, uint64_t key)
{
	uint64_t slot;

	TR_ASSERT(set->cap > 0);
	if (key == 0) {
		bool was = set->zero;

		set->zero = true;
		set->count += !was;
		return was;
	}
	if (set->capacity > 0 && set->slots[slot_of(set->slots, set->capacity, key)])
		return true;
	if (set->count >= set->cap || (2 * (set->count + 1) > set->capacity && !grow(set))) {
		set->full = true;
		return false;
	}
	slot = slot_of(set->slots, set->capacity, key);
	set->slots[slot] = key;
	set->count++;
	return false;
}

void tr_set_done(struct tr_set *set)
{
	if (!set)
		return;
	free(set->slots);
	set->slots = NULL;
	set->capacity = set->count = 0;
}
