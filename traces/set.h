/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of 64-bit keys that grows to a cap and then only says what it knows: for counting what is
 * different in files of any size.
 */
#ifndef TR_TRACES_SET_H
#define TR_TRACES_SET_H

#include <stdbool.h>
#include <stdint.h>

/* All zeroes, but for the cap, is an empty set. */
struct tr_set {
	uint64_t cap; /* most keys kept, 1..2^40 */
	uint64_t count;
	uint64_t capacity; /* of slots, a power of two or 0 */
	uint64_t *slots;   /* 0: free */
	bool zero;	   /* the key 0 is in */
	bool full;	   /* keys were left out: the cap is reached, or there is no memory */
};

/* Put the key in; true if it was in already. O(1) on average. */
bool tr_set_put(struct tr_set *set, uint64_t key);
void tr_set_done(struct tr_set *set);

#endif
