/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a step holds, in the order of vLLM's scheduler: who decodes, the prompt that is under way,
 * the line. Composing is all that happens at a change; the steps between changes are not looked at.
 */
#include "sim/server/batch_state.h"

/* A step in the making. */
struct draft {
	uint64_t step;
	uint64_t prefill; /* prompt tokens */
	tr_u128 pairs;	  /* they attend to */
	uint32_t budget;  /* tokens left */
	bool preempted;	  /* somebody */
};

/* ------------------------------------------------------------------------------------- its time */

static uint64_t cut(tr_u128 fs)
{
	return fs > TR_STEP_FS_MAX ? TR_STEP_FS_MAX : (uint64_t)fs;
}

static void price(const struct tr_batch_cost *cost, const struct draft *draft, uint64_t decoding,
		  uint64_t context, struct tr_plan *ret)
{
	uint64_t tokens = draft->prefill + decoding;
	uint64_t per_context =
		cost->context_token_fs + (draft->prefill ? cost->mixed_context_token_fs : 0);
	tr_u128 fs = cost->step_fs;

	*ret = (struct tr_plan){0};
	if (tokens == 0)
		return;
	fs += (tr_u128)draft->prefill * cost->prefill_token_fs;
	fs += draft->pairs * cost->prefill_pair_fs;
	fs += (tr_u128)decoding * cost->sequence_fs;
	fs += (tr_u128)context * per_context;
	fs += (tr_u128)tr_min(tokens, cost->first_tokens) * cost->first_token_fs;
	ret->first = cut(fs);
	ret->slope = cut((tr_u128)decoding * cost->context_token_fs);
	ret->steady = draft->prefill == 0 && !draft->preempted;
	ret->work = (struct tr_batch_work){
		.steps = 1,
		.prefill_tokens = draft->prefill,
		.prefill_pairs = (uint64_t)draft->pairs,
		.sequences = decoding,
		.context_tokens = context,
		.mixed_context_tokens = draft->prefill ? context : 0,
		.first_tokens = tr_min(tokens, cost->first_tokens),
	};
}

/* ----------------------------------------------------------------------------------- preemption */

/* Who was admitted last loses its blocks. */
static void preempt(struct tr_batch *batch, struct draft *draft)
{
	uint32_t slot = batch->last;
	struct tr_seat *seat = &batch->seats[slot];

	TR_ASSERT(slot != TR_NONE);
	draft->preempted = true;
	batch->preempted++;
	tr_seat_release(batch, slot, seat->state != TR_SEAT_LAST);
	tr_seat_stop(batch, slot);
	switch ((enum tr_seat_state)seat->state) {
	case TR_SEAT_LAST:
		/* Its last token is under way and comes. */
		seat->state = TR_SEAT_OUSTED;
		return;
	case TR_SEAT_PREFILL:
		batch->prefilling = TR_NONE;
		break;
	case TR_SEAT_DECODE:
		tr_seat_rest(batch, slot);
		/* With the token that is under way. */
		seat->made = (uint32_t)(batch->composed - seat->origin);
		if (seat->tell_ticket != TR_SEAT_NO_TICKET && seat->tell_step > batch->composed) {
			seat->want = (uint32_t)(seat->tell_step - seat->origin);
			tr_seat_tell(batch, slot, TR_STEP_NEVER);
		}
		break;
	case TR_SEAT_FREE:
	case TR_SEAT_WAITING:
	case TR_SEAT_OUSTED:
		tr_panic("somebody is preempted who does not run", __FILE__, __LINE__);
	}
	tr_seat_wait(batch, slot, true);
}

/* --------------------------------------------------------------------------------------- prompts
 */

/* The prompt, and what it had made before, are computed in this step: it makes a token. */
static void finish_prefill(struct tr_batch *batch, uint32_t slot, uint64_t step)
{
	struct tr_seat *seat = &batch->seats[slot];
	uint32_t want = seat->made == 0 ? 1 : seat->want;

	seat->origin = step - seat->made - 1;
	if (want > seat->made && (want < seat->request.tokens_out || seat->made == 0))
		tr_seat_tell(batch, slot, seat->origin + want);
	seat->want = 0;
	tr_seat_decode(batch, slot);
}

/* A piece of its prompt, as large as budget permits. Returns whether there are blocks for it. */
static bool add_chunk(struct tr_batch *batch, struct draft *draft, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];
	uint32_t total = seat->request.tokens_in + seat->made, before = seat->computed;
	uint32_t chunk = (uint32_t)tr_min(total - before, draft->budget);
	uint32_t blocks = tr_seat_blocks(batch, (uint64_t)before + chunk);

	TR_ASSERT(chunk > 0);
	if (tr_sub_sat(blocks, seat->blocks) > tr_batch_free_blocks(batch))
		return false;
	tr_seat_grow(batch, slot, before + chunk);
	draft->prefill += chunk;
	draft->pairs += (tr_u128)chunk * before + (tr_u128)chunk * (chunk + 1) / 2;
	draft->budget -= chunk;
	if (seat->computed == total)
		finish_prefill(batch, slot, draft->step);
	batch->prefilling = seat->computed == total ? TR_NONE : slot;
	return true;
}

static void go_on_with_prompt(struct tr_batch *batch, struct draft *draft)
{
	if (batch->prefilling == TR_NONE || draft->budget == 0)
		return;
	TR_ASSERT(batch->prefilling == batch->last);
	if (!add_chunk(batch, draft, batch->prefilling))
		preempt(batch, draft);
}

/* ------------------------------------------------------------------------------------- admission
 */

/* The head of the line comes in, if there is room for all of its prompt. */
static bool admit(struct tr_batch *batch, struct draft *draft, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];
	uint32_t total = seat->request.tokens_in + seat->made;
	uint32_t watermark = batch->running ? batch->profile.kv_watermark : 0;
	struct tr_found found;
	bool fresh = !seat->admitted, begun;

	tr_seat_find(batch, slot, &found);
	if ((uint64_t)tr_seat_blocks(batch, total) - found.busy + watermark >
	    tr_batch_free_blocks(batch))
		return false;
	tr_seat_unwait(batch, slot);
	tr_seat_use(batch, slot, &found);
	tr_seat_run(batch, slot);
	seat->state = TR_SEAT_PREFILL;
	seat->admitted = true;
	if (fresh) {
		seat->found = found.tokens;
		batch->prompt_tokens += seat->request.tokens_in;
		batch->cached_tokens += found.tokens;
		tr_seat_append(batch, TR_SEAT_FRESH, slot);
	}
	begun = add_chunk(batch, draft, slot);
	TR_ASSERT(begun);
	return true;
}

static void admit_line(struct tr_batch *batch, struct draft *draft)
{
	bool all = true;

	while (all && draft->budget > 0 && batch->running < batch->profile.sequences) {
		uint32_t head = tr_seat_head(batch);

		if (head == TR_NONE)
			break;
		all = admit(batch, draft, head);
	}
	batch->blocked = batch->waiting > 0;
}

void tr_batch_compose(struct tr_batch *batch, struct tr_plan *ret)
{
	uint64_t step = batch->composed + 1, context;
	uint32_t place = (uint32_t)(step % batch->profile.block_tokens), decoding;
	struct draft draft = {.step = step};

	while (batch->growing[place] > tr_batch_free_blocks(batch))
		preempt(batch, &draft);
	if (batch->kv)
		tr_kv_take(batch->kv, batch->growing[place]);
	decoding = batch->decoding;
	context = batch->context + (uint64_t)decoding * (step - 1);
	draft.budget = batch->profile.batch_tokens - decoding;
	/* What is computed from here on counts for this step. */
	batch->composed = step;
	go_on_with_prompt(batch, &draft);
	if (!draft.preempted)
		admit_line(batch, &draft);
	price(&batch->profile.cost, &draft, decoding, context, ret);
	if (ret->first == 0)
		batch->composed = step - 1;
}
