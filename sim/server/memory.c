/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's KV blocks: what it finds, what it takes, and what it leaves behind.
 *
 * While its prompt is computed its blocks are counted with it; once it decodes they follow from the
 * step, and `growing` says how many blocks all of them together need in which step. Hash i of a
 * prompt stands for the KV blocks that end within its tokens, so no block belongs to two hashes,
 * and a hash whose tokens fill no block stands for none.
 */
#include "sim/server/batch_state.h"

uint32_t tr_seat_blocks(const struct tr_batch *batch, uint64_t tokens)
{
	uint32_t block = batch->profile.block_tokens;

	return (uint32_t)((tokens + block - 1) / block);
}

uint32_t tr_batch_free_blocks(const struct tr_batch *batch)
{
	return batch->kv ? tr_kv_free_blocks(batch->kv) : UINT32_MAX;
}

/* ---------------------------------------------------------------------------------- who decodes */

uint64_t tr_batch_growth(const struct tr_batch *batch, uint64_t from, uint64_t to)
{
	uint32_t block = batch->profile.block_tokens;
	uint64_t steps = to + 1 - from, growth = steps / block * batch->decoding;
	uint32_t place = (uint32_t)(from % block);

	for (uint64_t left = steps % block; left > 0; left--) {
		growth += batch->growing[place];
		place = place + 1 == block ? 0 : place + 1;
	}
	return growth;
}

uint64_t tr_batch_steps_left(const struct tr_batch *batch)
{
	uint32_t block = batch->profile.block_tokens, free = tr_batch_free_blocks(batch);
	uint64_t cycles, steps = 0;

	if (!batch->kv || batch->decoding == 0)
		return TR_STEP_NEVER / 2;
	/* In as many steps as a block has tokens everybody needs one block. */
	cycles = free / batch->decoding;
	if (cycles > 0)
		return cycles * block;
	for (uint64_t step = batch->composed + 1; batch->growing[step % block] <= free; step++) {
		free -= batch->growing[step % block];
		steps++;
	}
	return steps;
}

/* ------------------------------------------------------------------------------------- the cache
 */

/* KV blocks before unit `n` of a prompt. */
static uint32_t unit_begin(const struct tr_batch *batch, const struct tr_batch_request *request,
			   uint32_t n)
{
	uint64_t tokens = tr_min((uint64_t)n * request->prompt.block_tokens, request->tokens_in);

	return (uint32_t)(tokens / batch->profile.block_tokens);
}

static uint32_t unit_blocks(const struct tr_batch *batch, const struct tr_batch_request *request,
			    uint32_t n)
{
	return unit_begin(batch, request, n + 1) - unit_begin(batch, request, n);
}

void tr_seat_find(const struct tr_batch *batch, uint32_t slot, struct tr_found *ret)
{
	const struct tr_seat *seat = &batch->seats[slot];
	const struct tr_batch_request *request = &seat->request;
	uint32_t total = request->tokens_in + seat->made, block = batch->profile.block_tokens;
	/* What it kept lies behind the units that it held. */
	uint32_t kept = seat->kept == TR_NONE ? 0 : tr_kv_kept(batch->kv, seat->kept);
	uint32_t most = kept ? seat->units : request->prompt.block_count;
	uint32_t most_blocks = (total - 1) / block;

	*ret = (struct tr_found){0};
	if (!batch->kv || !batch->profile.prefix_cache)
		return;
	for (; ret->units < most; ret->units++) {
		uint32_t count = unit_blocks(batch, request, ret->units), unit;

		if (count == 0)
			continue;
		unit = tr_kv_find(batch->kv, request->prompt.blocks[ret->units], count);
		if (unit == TR_NONE)
			break;
		ret->shared += count;
		ret->busy += tr_kv_idle(batch->kv, unit) ? 0 : count;
	}
	if (kept && ret->units == most)
		ret->kept = (uint32_t)tr_min(kept, tr_sub_sat(most_blocks, ret->shared));
	ret->tokens = (uint32_t)tr_min(ret->shared + ret->kept, most_blocks) * block;
}

void tr_seat_use(struct tr_batch *batch, uint32_t slot, const struct tr_found *found)
{
	struct tr_seat *seat = &batch->seats[slot];
	const struct tr_batch_request *request = &seat->request;

	for (uint32_t i = 0; i < found->units; i++) {
		uint32_t count = unit_blocks(batch, request, i);

		if (count)
			tr_kv_hold(batch->kv,
				   tr_kv_find(batch->kv, request->prompt.blocks[i], count));
	}
	if (seat->kept != TR_NONE)
		tr_kv_reclaim(batch->kv, seat->kept, found->kept);
	seat->kept = TR_NONE;
	seat->units = found->units;
	seat->shared = found->shared;
	seat->blocks = found->shared + found->kept;
	seat->computed = found->tokens;
}

/* ---------------------------------------------------------------------------- taking and giving */

/* What is computed of the prompt can be found by others from now on. */
static void store(struct tr_batch *batch, struct tr_seat *seat)
{
	const struct tr_batch_request *request = &seat->request;

	while (!seat->unstorable && seat->units < request->prompt.block_count) {
		uint32_t count = unit_blocks(batch, request, seat->units);
		uint64_t end = (uint64_t)unit_begin(batch, request, seat->units + 1) *
			       batch->profile.block_tokens;

		if (end > seat->computed)
			return;
		if (count && !tr_kv_store(batch->kv, request->prompt.blocks[seat->units], count)) {
			seat->unstorable = true;
			return;
		}
		seat->shared += count;
		seat->units++;
	}
}

void tr_seat_grow(struct tr_batch *batch, uint32_t slot, uint32_t computed)
{
	struct tr_seat *seat = &batch->seats[slot];
	uint32_t blocks = tr_seat_blocks(batch, computed);

	TR_ASSERT(seat->state == TR_SEAT_PREFILL);
	TR_ASSERT(computed > seat->computed);
	seat->computed = computed;
	if (!batch->kv)
		return;
	if (blocks > seat->blocks) {
		tr_kv_take(batch->kv, blocks - seat->blocks);
		seat->blocks = blocks;
	}
	if (batch->profile.prefix_cache)
		store(batch, seat);
}

/* Tokens whose KV is there after the last composed step. */
static uint64_t tokens_held(const struct tr_batch *batch, const struct tr_seat *seat)
{
	uint64_t step = batch->composed;

	if (seat->state == TR_SEAT_PREFILL)
		return seat->computed;
	if (seat->state == TR_SEAT_LAST)
		step = tr_min(step, seat->origin + seat->request.tokens_out);
	return seat->request.tokens_in + step - 1 - seat->origin;
}

void tr_seat_release(struct tr_batch *batch, uint32_t slot, bool keep)
{
	struct tr_seat *seat = &batch->seats[slot];
	const struct tr_batch_request *request = &seat->request;
	uint64_t tokens = tokens_held(batch, seat);
	uint32_t blocks =
		seat->state == TR_SEAT_PREFILL ? seat->blocks : tr_seat_blocks(batch, tokens);
	uint32_t own = blocks - seat->shared, kept = 0;

	TR_ASSERT(seat->kept == TR_NONE);
	if (!batch->kv)
		return;
	TR_ASSERT(blocks >= seat->shared);
	if (keep && batch->profile.prefix_cache)
		kept = (uint32_t)tr_sub_sat(tokens / batch->profile.block_tokens, seat->shared);
	/* The last block first, so that it is the first to be used by others. */
	tr_kv_give(batch->kv, own - kept);
	if (kept)
		seat->kept = tr_kv_keep(batch->kv, kept);
	for (uint32_t i = seat->units; i-- > 0;) {
		uint32_t count = unit_blocks(batch, request, i);

		if (count)
			tr_kv_drop(batch->kv,
				   tr_kv_find(batch->kv, request->prompt.blocks[i], count));
	}
	seat->shared = 0;
	seat->unstorable = false;
	if (!kept)
		seat->units = 0;
}
