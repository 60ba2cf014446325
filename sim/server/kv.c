/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in one array; the line of free blocks is a ring through row 0, its head behind it and its
 * tail before it. Units are found through a table of rows by key, open addressing with backward
 * shifts, so that nothing gathers in it. Rows are taken from a mark that rises and from a list of
 * those that were put back: memory is touched as it is needed.
 */
#include "sim/server/kv.h"

#include <stdlib.h>

#define LINE	     0
#define INDEX_PLACES 1024

enum kind {
	KIND_SPARE, /* the row is not in use */
	KIND_LOOSE,
	KIND_UNIT,
	KIND_KEPT,
};

struct row {
	uint64_t key;
	uint32_t blocks;
	uint32_t users; /* of a unit; 0: it stands in the line */
	uint32_t before;
	uint32_t behind;
	uint8_t kind;
};

struct tr_kv {
	uint32_t blocks;
	uint32_t free;
	struct row *rows;
	uint32_t rows_max;
	uint32_t mark;	 /* rows from here on were never used */
	uint32_t spares; /* first row put back, linked by `behind`; 0: none */
	uint32_t *index; /* row by key; 0: none. At least twice as many places as units */
	uint32_t index_mask;
	uint32_t units;
};

/* --------------------------------------------------------------------------------- rows, the line
 */

static uint32_t row_new(struct tr_kv *kv, enum kind kind, uint64_t key, uint32_t blocks)
{
	uint32_t row = kv->spares;

	if (row) {
		kv->spares = kv->rows[row].behind;
	} else {
		TR_ASSERT(kv->mark < kv->rows_max);
		row = kv->mark++;
	}
	kv->rows[row] = (struct row){.key = key, .blocks = blocks, .kind = (uint8_t)kind};
	return row;
}

static void row_free(struct tr_kv *kv, uint32_t row)
{
	kv->rows[row].kind = KIND_SPARE;
	kv->rows[row].behind = kv->spares;
	kv->spares = row;
}

/* Put a row into the line, in front of another; before LINE is the tail. */
static void link_before(struct tr_kv *kv, uint32_t row, uint32_t behind)
{
	uint32_t before = kv->rows[behind].before;

	kv->rows[row].before = before;
	kv->rows[row].behind = behind;
	kv->rows[before].behind = row;
	kv->rows[behind].before = row;
}

static void unlink_row(struct tr_kv *kv, uint32_t row)
{
	kv->rows[kv->rows[row].before].behind = kv->rows[row].behind;
	kv->rows[kv->rows[row].behind].before = kv->rows[row].before;
}

/* ---------------------------------------------------------------------------------- rows by key */

/* Where the key is, or the empty place where it would be. */
static uint32_t place_of(const struct tr_kv *kv, uint64_t key)
{
	uint32_t place = (uint32_t)key & kv->index_mask;

	while (kv->index[place] && kv->rows[kv->index[place]].key != key)
		place = (place + 1) & kv->index_mask;
	return place;
}

static void index_remove(struct tr_kv *kv, uint64_t key)
{
	uint32_t hole = place_of(kv, key);

	TR_ASSERT(kv->index[hole] != 0);
	for (uint32_t place = (hole + 1) & kv->index_mask; kv->index[place];
	     place = (place + 1) & kv->index_mask) {
		uint32_t home = (uint32_t)kv->rows[kv->index[place]].key & kv->index_mask;

		/* Stays, if its home lies behind the hole. */
		if (((place - home) & kv->index_mask) < ((place - hole) & kv->index_mask))
			continue;
		kv->index[hole] = kv->index[place];
		hole = place;
	}
	kv->index[hole] = 0;
	kv->units--;
}

/* Twice the places. There are as many units as the prompts' blocks are small, which nobody knows
 * before. */
static void index_grow(struct tr_kv *kv)
{
	uint32_t *old = kv->index, places = kv->index_mask + 1;

	kv->index = calloc(2 * (size_t)places, sizeof *kv->index);
	TR_ASSERT(kv->index != NULL);
	kv->index_mask = 2 * places - 1;
	for (uint32_t place = 0; place < places; place++)
		if (old[place])
			kv->index[place_of(kv, kv->rows[old[place]].key)] = old[place];
	free(old);
}

/* ----------------------------------------------------------------------------- making and clearing
 */

struct tr_kv *tr_kv_new(uint32_t blocks, uint32_t requests_max)
{
	struct tr_kv *kv = calloc(1, sizeof *kv);

	TR_ASSERT(blocks > 0);
	TR_ASSERT(blocks <= UINT32_C(1) << 24);
	if (!kv)
		return NULL;
	kv->blocks = blocks;
	kv->index_mask = INDEX_PLACES - 1;
	/* Each row but the ring and what was kept and is used up has a block of its own. */
	kv->rows_max = 1 + blocks + requests_max;
	kv->rows = calloc(kv->rows_max, sizeof *kv->rows);
	kv->index = calloc(INDEX_PLACES, sizeof *kv->index);
	if (!kv->rows || !kv->index) {
		tr_kv_free(kv);
		return NULL;
	}
	tr_kv_clear(kv);
	return kv;
}

void tr_kv_free(struct tr_kv *kv)
{
	if (!kv)
		return;
	free(kv->index);
	free(kv->rows);
	free(kv);
}

void tr_kv_clear(struct tr_kv *kv)
{
	for (uint32_t row = 1; row < kv->mark; row++)
		if (kv->rows[row].kind == KIND_UNIT)
			index_remove(kv, kv->rows[row].key);
	kv->mark = 1;
	kv->spares = 0;
	kv->free = kv->blocks;
	kv->rows[LINE] = (struct row){.before = LINE, .behind = LINE};
	link_before(kv, row_new(kv, KIND_LOOSE, 0, kv->blocks), LINE);
}

uint32_t tr_kv_free_blocks(const struct tr_kv *kv)
{
	return kv->free;
}

/* -------------------------------------------------------------------------------- plain blocks */

/* The head of the line holds nothing known any more. */
static void evict(struct tr_kv *kv, uint32_t row)
{
	if (kv->rows[row].kind != KIND_UNIT)
		return;
	index_remove(kv, kv->rows[row].key);
	kv->rows[row].kind = KIND_LOOSE;
}

void tr_kv_take(struct tr_kv *kv, uint32_t count)
{
	TR_ASSERT(count <= kv->free);
	kv->free -= count;
	while (count > 0) {
		uint32_t head = kv->rows[LINE].behind;
		struct row *row = &kv->rows[head];

		TR_ASSERT(head != LINE);
		evict(kv, head);
		if (row->blocks > count) {
			row->blocks -= count;
			return;
		}
		count -= row->blocks;
		row->blocks = 0;
		unlink_row(kv, head);
		/* Who kept it still has the number of the row. */
		if (row->kind != KIND_KEPT)
			row_free(kv, head);
	}
}

void tr_kv_give(struct tr_kv *kv, uint32_t count)
{
	uint32_t tail = kv->rows[LINE].before;

	if (count == 0)
		return;
	kv->free += count;
	TR_ASSERT(kv->free <= kv->blocks);
	if (tail != LINE && kv->rows[tail].kind == KIND_LOOSE)
		kv->rows[tail].blocks += count;
	else
		link_before(kv, row_new(kv, KIND_LOOSE, 0, count), LINE);
}

/* --------------------------------------------------------------------------------------- units */

uint32_t tr_kv_find(const struct tr_kv *kv, uint64_t key, uint32_t blocks)
{
	uint32_t row = kv->index[place_of(kv, key)];

	return row && kv->rows[row].blocks == blocks ? row : TR_NONE;
}

bool tr_kv_idle(const struct tr_kv *kv, uint32_t unit)
{
	return kv->rows[unit].users == 0;
}

void tr_kv_hold(struct tr_kv *kv, uint32_t unit)
{
	struct row *row = &kv->rows[unit];

	TR_ASSERT(row->kind == KIND_UNIT);
	if (row->users++ > 0)
		return;
	TR_ASSERT(kv->free >= row->blocks);
	kv->free -= row->blocks;
	unlink_row(kv, unit);
}

void tr_kv_drop(struct tr_kv *kv, uint32_t unit)
{
	struct row *row = &kv->rows[unit];

	TR_ASSERT(row->kind == KIND_UNIT);
	TR_ASSERT(row->users > 0);
	if (--row->users > 0)
		return;
	kv->free += row->blocks;
	TR_ASSERT(kv->free <= kv->blocks);
	link_before(kv, unit, LINE);
}

bool tr_kv_store(struct tr_kv *kv, uint64_t key, uint32_t blocks)
{
	uint32_t place = place_of(kv, key), row = kv->index[place];

	TR_ASSERT(blocks > 0);
	if (row) {
		if (kv->rows[row].blocks != blocks)
			return false;
		tr_kv_hold(kv, row);
		tr_kv_give(kv, blocks);
		return true;
	}
	row = row_new(kv, KIND_UNIT, key, blocks);
	kv->rows[row].users = 1;
	kv->index[place] = row;
	kv->units++;
	if (2 * kv->units > kv->index_mask)
		index_grow(kv);
	return true;
}

/* -------------------------------------------------------------------------------- kept blocks */

uint32_t tr_kv_keep(struct tr_kv *kv, uint32_t count)
{
	uint32_t row = row_new(kv, KIND_KEPT, 0, count);

	TR_ASSERT(count > 0);
	kv->free += count;
	TR_ASSERT(kv->free <= kv->blocks);
	link_before(kv, row, LINE);
	return row;
}

uint32_t tr_kv_kept(const struct tr_kv *kv, uint32_t row)
{
	TR_ASSERT(kv->rows[row].kind == KIND_KEPT);
	return kv->rows[row].blocks;
}

void tr_kv_reclaim(struct tr_kv *kv, uint32_t row, uint32_t count)
{
	TR_ASSERT(count <= tr_kv_kept(kv, row));
	kv->rows[row].blocks -= count;
	kv->free -= count;
	if (count > 0 && kv->rows[row].blocks == 0)
		unlink_row(kv, row);
	tr_kv_forget(kv, row);
}

void tr_kv_forget(struct tr_kv *kv, uint32_t row)
{
	TR_ASSERT(kv->rows[row].kind == KIND_KEPT);
	/* An empty row has left the line when its last block was used. */
	if (kv->rows[row].blocks > 0)
		kv->rows[row].kind = KIND_LOOSE;
	else
		row_free(kv, row);
}
