/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places a request can stand in: line, running list, sums, lists of what is to be told.
 *
 * The line is a heap by rank, whatever its order; those who were preempted have ranks below all
 * others, the last of them the lowest. Entries of those who went elsewhere stay behind in the heaps
 * until they surface, known by their tickets.
 */
#include "engine/random.h"
#include "sim/server/batch_state.h"

#define RANK_ENTERED   (UINT64_C(1) << 62)
#define RANK_PREEMPTED (UINT64_C(1) << 61)

/* ------------------------------------------------------------------------------- running, decoding
 */

void tr_seat_run(struct tr_batch *batch, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];

	seat->behind = TR_NONE;
	seat->before = batch->last;
	if (batch->last == TR_NONE)
		batch->first = slot;
	else
		batch->seats[batch->last].behind = slot;
	batch->last = slot;
	batch->running++;
}

void tr_seat_stop(struct tr_batch *batch, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];

	TR_ASSERT(batch->running > 0);
	if (seat->before == TR_NONE)
		batch->first = seat->behind;
	else
		batch->seats[seat->before].behind = seat->behind;
	if (seat->behind == TR_NONE)
		batch->last = seat->before;
	else
		batch->seats[seat->behind].before = seat->before;
	batch->running--;
}

/* Where in `growing` it counts: the steps in which the KV before it fills whole blocks. */
static uint32_t growing_place(const struct tr_batch *batch, const struct tr_seat *seat)
{
	uint32_t block = batch->profile.block_tokens;

	return (uint32_t)((seat->origin + 2 + block - seat->request.tokens_in % block) % block);
}

static bool end_is_live(void *self, const struct tr_heap_entry *entry)
{
	const struct tr_batch *batch = self;

	return batch->seats[tr_heap_payload(entry)].end_ticket == entry->ticket;
}

void tr_seat_decode(struct tr_batch *batch, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];

	seat->state = TR_SEAT_DECODE;
	batch->decoding++;
	batch->context += seat->request.tokens_in - seat->origin;
	batch->growing[growing_place(batch, seat)]++;
	if (batch->ends.count == batch->ends.capacity)
		tr_heap_keep(&batch->ends, end_is_live, batch);
	seat->end_ticket =
		tr_heap_push(&batch->ends, seat->origin + seat->request.tokens_out, slot);
}

void tr_seat_rest(struct tr_batch *batch, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];

	TR_ASSERT(seat->state == TR_SEAT_DECODE);
	TR_ASSERT(batch->decoding > 0);
	batch->decoding--;
	batch->context -= seat->request.tokens_in - seat->origin;
	batch->growing[growing_place(batch, seat)]--;
	seat->end_ticket = TR_SEAT_NO_TICKET;
}

uint64_t tr_seat_end_next(struct tr_batch *batch)
{
	const struct tr_heap_entry *top;

	while ((top = tr_heap_peek(&batch->ends)) && !end_is_live(batch, top))
		tr_heap_pop(&batch->ends);
	return top ? top->time : TR_STEP_NEVER;
}

/* ------------------------------------------------------------------------------------- the line */

static bool wait_is_live(void *self, const struct tr_heap_entry *entry)
{
	const struct tr_batch *batch = self;

	return batch->seats[tr_heap_payload(entry)].line_ticket == entry->ticket;
}

static uint64_t rank_of(const struct tr_batch *batch, const struct tr_seat *seat)
{
	switch ((enum tr_batch_order)batch->profile.order) {
	case TR_BATCH_ORDER_LIFO:
		return RANK_ENTERED - batch->entered;
	case TR_BATCH_ORDER_SHORTEST:
		return RANK_ENTERED + seat->request.tokens_in;
	case TR_BATCH_ORDER_RANDOM:
		return RANK_ENTERED +
		       (tr_draw(batch->seed, seat->request.key, TR_PURPOSE_LINE, 0) >> 2);
	case TR_BATCH_ORDER_FIFO:
	case TR_BATCH_ORDER_COUNT:
		break;
	}
	return RANK_ENTERED + batch->entered;
}

void tr_seat_wait(struct tr_batch *batch, uint32_t slot, bool front)
{
	struct tr_seat *seat = &batch->seats[slot];
	uint64_t rank = front ? RANK_PREEMPTED - batch->preempted : rank_of(batch, seat);

	seat->state = TR_SEAT_WAITING;
	batch->waiting++;
	if (batch->line.count == batch->line.capacity)
		tr_heap_keep(&batch->line, wait_is_live, batch);
	seat->line_ticket = tr_heap_push(&batch->line, rank, slot);
}

void tr_seat_unwait(struct tr_batch *batch, uint32_t slot)
{
	TR_ASSERT(batch->seats[slot].state == TR_SEAT_WAITING);
	TR_ASSERT(batch->waiting > 0);
	batch->seats[slot].line_ticket = TR_SEAT_NO_TICKET;
	batch->waiting--;
}

uint32_t tr_seat_head(struct tr_batch *batch)
{
	const struct tr_heap_entry *top;

	while ((top = tr_heap_peek(&batch->line)) && !wait_is_live(batch, top))
		tr_heap_pop(&batch->line);
	return top ? tr_heap_payload(top) : TR_NONE;
}

/* ----------------------------------------------------------------------------- what is to be told
 */

void tr_seat_append(struct tr_batch *batch, enum tr_seat_list list, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];

	TR_ASSERT(!seat->listed[list]);
	seat->listed[list] = true;
	seat->next[list] = TR_NONE;
	if (batch->lists[list].first == TR_NONE)
		batch->lists[list].first = slot;
	else
		batch->seats[batch->lists[list].last].next[list] = slot;
	batch->lists[list].last = slot;
}

void tr_seat_remove(struct tr_batch *batch, enum tr_seat_list list, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];
	uint32_t before = TR_NONE;

	if (!seat->listed[list])
		return;
	seat->listed[list] = false;
	/* Nearly always the first. */
	for (uint32_t at = batch->lists[list].first; at != slot; at = batch->seats[at].next[list])
		before = at;
	if (before == TR_NONE)
		batch->lists[list].first = seat->next[list];
	else
		batch->seats[before].next[list] = seat->next[list];
	if (batch->lists[list].last == slot)
		batch->lists[list].last = before;
}

static bool tell_is_live(void *self, const struct tr_heap_entry *entry)
{
	const struct tr_batch *batch = self;

	return batch->seats[tr_heap_payload(entry)].tell_ticket == entry->ticket;
}

void tr_seat_tell(struct tr_batch *batch, uint32_t slot, uint64_t step)
{
	struct tr_seat *seat = &batch->seats[slot];

	seat->tell_ticket = TR_SEAT_NO_TICKET;
	if (step == TR_STEP_NEVER)
		return;
	if (batch->tells.count == batch->tells.capacity)
		tr_heap_keep(&batch->tells, tell_is_live, batch);
	seat->tell_ticket = tr_heap_push(&batch->tells, step, slot);
	seat->tell_step = step;
}

uint64_t tr_seat_told_next(struct tr_batch *batch)
{
	const struct tr_heap_entry *top;

	while ((top = tr_heap_peek(&batch->tells)) && !tell_is_live(batch, top))
		tr_heap_pop(&batch->tells);
	return top ? top->time : TR_STEP_NEVER;
}
