/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of chunks, each filled from its start. Small requests share a chunk; one that is larger
 * than a chunk gets its own, put behind the one being filled so that its rest is not lost.
 */
#include "engine/policy/arena.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define ALIGNMENT   _Alignof(max_align_t)

struct tr_arena_chunk {
	struct tr_arena_chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

void *tr_arena_new(struct tr_arena *arena, size_t size)
{
	struct tr_arena_chunk *chunk = arena->chunks;
	size_t rounded;
	void *memory;

	if (size > SIZE_MAX / 2)
		return NULL;
	rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!chunk || chunk->size - chunk->used < rounded) {
		size_t bytes = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
		struct tr_arena_chunk *fresh = calloc(1, sizeof *fresh + bytes);

		if (!fresh)
			return NULL;
		fresh->size = bytes;
		if (chunk && rounded > CHUNK_BYTES) {
			fresh->next = chunk->next;
			chunk->next = fresh;
		} else {
			fresh->next = chunk;
			arena->chunks = fresh;
		}
		chunk = fresh;
	}
	TR_ASSERT(chunk->size - chunk->used >= rounded);
	memory = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return memory;
}

char *tr_arena_copy(struct tr_arena *arena, const char *text, size_t length)
{
	char *copy = tr_arena_new(arena, length + 1);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

void tr_arena_done(struct tr_arena *arena)
{
	while (arena->chunks) {
		struct tr_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
}
