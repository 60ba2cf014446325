/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once: what one load makes lives and dies together, so nothing
 * on an error path can be forgotten. All zeroes is an empty arena.
 */
#ifndef TR_POLICY_ARENA_H
#define TR_POLICY_ARENA_H

#include <stddef.h>

struct tr_arena_chunk;

struct tr_arena {
	struct tr_arena_chunk *chunks; /* the newest first */
};

/* Zeroed memory, aligned for any type; NULL when memory is out. Size 0 gives a valid pointer. */
void *tr_arena_new(struct tr_arena *arena, size_t size);

/* A copy with a NUL behind it; NULL when memory is out. */
char *tr_arena_copy(struct tr_arena *arena, const char *text, size_t length);

/* Release everything. */
void tr_arena_done(struct tr_arena *arena);

#endif
