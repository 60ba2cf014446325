/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KV memory in blocks. A block is in use by running requests, or it is free. What a free block held
 * stays known until the block is needed: free blocks stand in one line, and the one that has been
 * there longest is used first, as in vLLM's block pool (v1/core/kv_cache_utils.py).
 *
 * Blocks are counted, not numbered. The line consists of rows of blocks that go together:
 *
 *	loose	what they held is of no use to anybody
 *	unit	the KV of some prompt tokens, known by the hash of the prompt up to there; several
 *		requests may use it at once, and then it is not in the line
 *	kept	what a preempted request had computed, to be reclaimed by it; it shrinks from the
 *end
 *
 * A unit is evicted as a whole; what is not needed of it stands loose at the head of the line.
 */
#ifndef TR_SIM_SERVER_KV_H
#define TR_SIM_SERVER_KV_H

#include "engine/base.h"

struct tr_kv;

/* `blocks` of them, all free; 1..2^24. Room for what `requests_max` requests keep. Its index grows
 * with the units that are known. */
struct tr_kv *tr_kv_new(uint32_t blocks, uint32_t requests_max);
void tr_kv_free(struct tr_kv *kv);
/* All blocks are free, and nothing is known. */
void tr_kv_clear(struct tr_kv *kv);

/* Free blocks, with those that hold something known. O(1). */
uint32_t tr_kv_free_blocks(const struct tr_kv *kv);

/* Use `count` free blocks, at most all there are. O(rows that are used up). */
void tr_kv_take(struct tr_kv *kv, uint32_t count);
/* Give used blocks back; what they hold is forgotten. O(1). */
void tr_kv_give(struct tr_kv *kv, uint32_t count);

/* The unit of a key with just so many blocks, or TR_NONE. O(1). */
uint32_t tr_kv_find(const struct tr_kv *kv, uint64_t key, uint32_t blocks);
/* Whether nobody uses it: its blocks are among the free ones. */
bool tr_kv_idle(const struct tr_kv *kv, uint32_t unit);
/* Use a unit, and stop using it. */
void tr_kv_hold(struct tr_kv *kv, uint32_t unit);
void tr_kv_drop(struct tr_kv *kv, uint32_t unit);
/* Used blocks become a unit that their user holds. Where one of this key is known already it is
 * held instead and the blocks are given back; false: the known one has other blocks, and nothing
 * was done. */
bool tr_kv_store(struct tr_kv *kv, uint64_t key, uint32_t blocks);

/* Give back used blocks, 1 or more, that may be reclaimed; the row to do it with. */
uint32_t tr_kv_keep(struct tr_kv *kv, uint32_t count);
/* How many of them are still there. */
uint32_t tr_kv_kept(const struct tr_kv *kv, uint32_t row);
/* Use the first `count` of them again, at most all that are there. The row is no more. */
void tr_kv_reclaim(struct tr_kv *kv, uint32_t row, uint32_t count);
/* Nobody will reclaim them. The row is no more. */
void tr_kv_forget(struct tr_kv *kv, uint32_t row);

#endif
