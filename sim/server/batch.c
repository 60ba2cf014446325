/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a batching server: who enters and leaves, when something is next, and what is told.
 *
 * What happens at the end of step k, in this order: tokens that somebody wants to be told of; last
 * tokens, whose requests leave; the step that is due to be composed. Whoever enters or leaves
 * within a step cuts the segment at its end, so that the next one is composed with that in mind.
 */
#include "sim/server/batch_state.h"

#include <stdlib.h>

/* ------------------------------------------------------------------------------ making a server */

static int heaps_init(struct tr_batch *batch)
{
	/* Twice what can be live: then sweeping out what is stale is cheap on average. */
	size_t running = 2 * (size_t)batch->profile.sequences + 2;

	if (tr_heap_init(&batch->line, 2 * (size_t)batch->seats_max + 2) < 0)
		return -1;
	if (tr_heap_init(&batch->ends, running) < 0)
		return -1;
	return tr_heap_init(&batch->tells, 2 * running);
}

static void check_profile(const struct tr_batch_profile *profile)
{
	TR_ASSERT(profile->cost.step_fs > 0);
	TR_ASSERT(profile->cost.step_fs <= TR_BATCH_STEP_FS_MAX);
	TR_ASSERT(profile->sequences > 0);
	TR_ASSERT(profile->sequences <= TR_BATCH_SEQUENCES_MAX);
	TR_ASSERT(profile->batch_tokens >= profile->sequences);
	TR_ASSERT(profile->batch_tokens <= TR_BATCH_TOKENS_MAX);
	TR_ASSERT(profile->block_tokens > 0);
	TR_ASSERT(profile->block_tokens <= TR_BATCH_BLOCK_TOKENS_MAX);
	TR_ASSERT(profile->kv_blocks <= TR_BATCH_KV_BLOCKS_MAX);
	TR_ASSERT(profile->order < TR_BATCH_ORDER_COUNT);
	TR_ASSERT(profile->steps_ahead <= 1);
}

struct tr_batch *tr_batch_new(const struct tr_batch_profile *profile, uint64_t seed,
			      uint32_t requests_max)
{
	struct tr_batch *batch = calloc(1, sizeof *batch);

	check_profile(profile);
	TR_ASSERT(requests_max > 0);
	TR_ASSERT(requests_max <= TR_HEAP_PAYLOAD_MAX / 2);
	if (!batch)
		return NULL;
	batch->profile = *profile;
	batch->seed = seed;
	batch->seats_max = requests_max;
	batch->segment.permille = TR_SPEED_NOMINAL;
	batch->first = batch->last = batch->prefilling = TR_NONE;
	for (int list = 0; list < TR_SEAT_LISTS; list++)
		batch->lists[list].first = batch->lists[list].last = TR_NONE;
	batch->due = TR_TIME_NEVER;
	batch->seats = calloc(requests_max, sizeof *batch->seats);
	batch->growing = calloc(profile->block_tokens, sizeof *batch->growing);
	if (profile->kv_blocks)
		batch->kv = tr_kv_new(profile->kv_blocks, requests_max);
	if (!batch->seats || !batch->growing || (profile->kv_blocks && !batch->kv) ||
	    heaps_init(batch) < 0) {
		tr_batch_free(batch);
		return NULL;
	}
	return batch;
}

void tr_batch_free(struct tr_batch *batch)
{
	if (!batch)
		return;
	tr_heap_done(&batch->tells);
	tr_heap_done(&batch->ends);
	tr_heap_done(&batch->line);
	tr_kv_free(batch->kv);
	free(batch->growing);
	free(batch->seats);
	free(batch);
}

bool tr_batch_fits(const struct tr_batch *batch, uint32_t tokens_in, uint32_t tokens_out)
{
	uint64_t tokens = (uint64_t)tokens_in + tokens_out;

	if (tokens > TR_BATCH_REQUEST_TOKENS_MAX)
		return false;
	return !batch->kv || tr_seat_blocks(batch, tokens) <= batch->profile.kv_blocks;
}

/* ------------------------------------------------------------------------------ steps and segments
 */

/* The last step of the one who is first in the list of those who are done. */
static uint64_t done_next(const struct tr_batch *batch)
{
	uint32_t slot = batch->lists[TR_SEAT_DONE].first;

	return slot == TR_NONE ? TR_STEP_NEVER
			       : batch->seats[slot].origin + batch->seats[slot].request.tokens_out;
}

/* The next step whose end is of interest. */
static uint64_t step_next(struct tr_batch *batch)
{
	return tr_min(batch->until, tr_min(tr_seat_told_next(batch), done_next(batch)));
}

/* To be called after every change. */
static void set_due(struct tr_batch *batch)
{
	batch->due = TR_TIME_NEVER;
	batch->soon = step_next(batch);
	if (batch->lists[TR_SEAT_FRESH].first != TR_NONE)
		batch->due = batch->turned;
	else if (batch->phase == TR_BATCH_WAKE && batch->segment.permille > 0)
		batch->due = batch->turned;
	else if (batch->phase == TR_BATCH_RUN)
		batch->due = tr_segment_end(&batch->segment, batch->soon - batch->base);
}

/* Add the work of k steps, of which this is the first's; contexts grow by a token a step. */
static void add_work(struct tr_batch_work *sum, const struct tr_batch_work *first, uint64_t k)
{
	sum->steps += k;
	sum->prefill_tokens += k * first->prefill_tokens;
	sum->prefill_pairs += k * first->prefill_pairs;
	sum->sequences += k * first->sequences;
	sum->context_tokens += k * first->context_tokens;
	if (k > 1)
		sum->context_tokens += first->sequences * (k * (k - 1) / 2);
	sum->mixed_context_tokens += k * first->mixed_context_tokens;
	sum->first_tokens += k * first->first_tokens;
}

/* How far the segment can go without anything to compose anew. */
static uint64_t segment_limit(struct tr_batch *batch)
{
	uint64_t end = tr_seat_end_next(batch);
	uint64_t memory = batch->composed + tr_batch_steps_left(batch);

	return tr_min(end, memory) - batch->profile.steps_ahead;
}

/* The segment ends with step k, which is being computed or is over. Steps that are composed by then
 * take their blocks. */
static void cut_at(struct tr_batch *batch, uint64_t k)
{
	uint64_t composed;

	TR_ASSERT(k <= batch->until);
	TR_ASSERT(k > batch->base);
	batch->until = k;
	if (batch->steady && batch->next.first) {
		batch->next.first = batch->segment.first + batch->segment.slope * (k - batch->base);
		batch->next.work.context_tokens = batch->current.context_tokens +
						  batch->current.sequences * (k - batch->base);
	}
	composed = k + (batch->next.first ? 1 : 0);
	if (composed <= batch->composed)
		return;
	if (batch->kv)
		tr_kv_take(batch->kv,
			   (uint32_t)tr_batch_growth(batch, batch->composed + 1, composed));
	batch->composed = composed;
}

/* Whoever makes the last token in a composed step has no part in what is composed next. */
static void retire(struct tr_batch *batch)
{
	while (tr_seat_end_next(batch) <= batch->composed) {
		uint32_t slot = tr_heap_payload(tr_heap_peek(&batch->ends));

		tr_seat_rest(batch, slot);
		batch->seats[slot].state = TR_SEAT_LAST;
		tr_seat_append(batch, TR_SEAT_DONE, slot);
		tr_heap_pop(&batch->ends);
	}
}

/* Step `until` is over, or nothing was computed before: compose, and go on. */
static void turn(struct tr_batch *batch)
{
	struct tr_plan plan = batch->next;
	uint64_t k = batch->until;

	add_work(&batch->work, &batch->current, k - batch->counted);
	batch->counted = k;
	batch->next = (struct tr_plan){0};
	if (plan.first == 0)
		tr_batch_compose(batch, &plan);
	if (plan.first == 0) {
		TR_ASSERT(batch->running == 0);
		TR_ASSERT(batch->waiting == 0);
		batch->phase = TR_BATCH_IDLE;
		return;
	}
	if (batch->profile.steps_ahead) {
		retire(batch);
		tr_batch_compose(batch, &batch->next);
	}
	if (batch->phase == TR_BATCH_RUN)
		tr_segment_follow(&batch->segment, k - batch->base, plan.first, plan.slope);
	else
		tr_segment_begin(&batch->segment, batch->turned, plan.first, plan.slope);
	batch->phase = TR_BATCH_RUN;
	batch->base = k;
	batch->current = plan.work;
	batch->steady = plan.steady;
	if (batch->profile.steps_ahead)
		batch->steady &= batch->next.steady &&
				 batch->next.work.sequences == plan.work.sequences &&
				 batch->next.work.context_tokens ==
					 plan.work.context_tokens + plan.work.sequences;
	batch->until = batch->steady ? segment_limit(batch) : k + 1;
	TR_ASSERT(batch->until > k);
}

/* ------------------------------------------------------------------------------------ who comes */

/* The step that is being computed now. */
static uint64_t step_now(const struct tr_batch *batch, tr_time_ns now)
{
	return batch->base + tr_segment_step(&batch->segment, now);
}

/* Compose anew at the end of this step. */
static void interrupt(struct tr_batch *batch, tr_time_ns now)
{
	if (batch->phase == TR_BATCH_RUN)
		cut_at(batch, tr_min(step_now(batch, now), batch->until));
}

static void wake(struct tr_batch *batch, tr_time_ns now)
{
	if (batch->phase == TR_BATCH_RUN)
		return;
	batch->phase = TR_BATCH_WAKE;
	batch->turned = tr_max(now, batch->ready);
}

void tr_batch_enter(struct tr_batch *batch, tr_time_ns now, uint32_t slot,
		    const struct tr_batch_request *request)
{
	struct tr_seat *seat;
	bool first_in = batch->profile.order != TR_BATCH_ORDER_FIFO || !batch->blocked;

	TR_ASSERT(now <= batch->due);
	TR_ASSERT(slot < batch->seats_max);
	TR_ASSERT(request->tokens_in > 0);
	TR_ASSERT(request->tokens_out > 0);
	TR_ASSERT(request->prompt.block_count == 0 || request->prompt.block_tokens > 0);
	TR_ASSERT(tr_batch_fits(batch, request->tokens_in, request->tokens_out));
	seat = &batch->seats[slot];
	TR_ASSERT(seat->state == TR_SEAT_FREE);
	*seat = (struct tr_seat){.request = *request,
				 .line_ticket = TR_SEAT_NO_TICKET,
				 .end_ticket = TR_SEAT_NO_TICKET,
				 .tell_ticket = TR_SEAT_NO_TICKET,
				 .kept = TR_NONE};
	batch->entered++;
	tr_seat_wait(batch, slot, false);
	wake(batch, now);
	if (batch->phase == TR_BATCH_WAKE) {
		seat->queued = batch->turned;
	} else {
		uint64_t step = tr_min(step_now(batch, now), batch->until);

		seat->queued = tr_segment_end(&batch->segment, step - batch->base);
		/* Nobody passes a head that cannot come in. */
		if (first_in)
			cut_at(batch, step);
	}
	set_due(batch);
}

void tr_batch_leave(struct tr_batch *batch, tr_time_ns now, uint32_t slot)
{
	struct tr_seat *seat = &batch->seats[slot];

	TR_ASSERT(now <= batch->due);
	TR_ASSERT(slot < batch->seats_max);
	TR_ASSERT(seat->state != TR_SEAT_FREE);
	interrupt(batch, now);
	if (seat->state == TR_SEAT_WAITING) {
		tr_seat_unwait(batch, slot);
		if (seat->kept != TR_NONE)
			tr_kv_forget(batch->kv, seat->kept);
	} else if (seat->state != TR_SEAT_OUSTED) {
		tr_seat_release(batch, slot, false);
		tr_seat_stop(batch, slot);
	}
	if (seat->state == TR_SEAT_DECODE)
		tr_seat_rest(batch, slot);
	if (batch->prefilling == slot)
		batch->prefilling = TR_NONE;
	tr_seat_tell(batch, slot, TR_STEP_NEVER);
	tr_seat_remove(batch, TR_SEAT_FRESH, slot);
	tr_seat_remove(batch, TR_SEAT_DONE, slot);
	seat->state = TR_SEAT_FREE;
	set_due(batch);
}

void tr_batch_want(struct tr_batch *batch, uint32_t slot, uint32_t token)
{
	struct tr_seat *seat = &batch->seats[slot];

	TR_ASSERT(slot < batch->seats_max);
	TR_ASSERT(seat->state != TR_SEAT_FREE);
	seat->want = 0;
	tr_seat_tell(batch, slot, TR_STEP_NEVER);
	if (token >= seat->request.tokens_out) {
		set_due(batch);
		return;
	}
	if ((seat->state == TR_SEAT_WAITING || seat->state == TR_SEAT_PREFILL) &&
	    token > seat->made) {
		TR_ASSERT(seat->made > 0);
		seat->want = token;
	} else {
		TR_ASSERT(seat->origin + token > batch->at);
		tr_seat_tell(batch, slot, seat->origin + token);
	}
	set_due(batch);
}

uint32_t tr_batch_made(const struct tr_batch *batch, tr_time_ns now, uint32_t slot)
{
	const struct tr_seat *seat = &batch->seats[slot];
	bool decodes = seat->state != TR_SEAT_WAITING && seat->state != TR_SEAT_PREFILL;
	uint64_t over = batch->until;

	TR_ASSERT(slot < batch->seats_max);
	TR_ASSERT(seat->state != TR_SEAT_FREE);
	if (!decodes && seat->made == 0)
		return 0;
	if (batch->phase == TR_BATCH_RUN)
		over = tr_min(step_now(batch, now), over) - 1;
	/* At its very end a step is over for all as soon as it is for the first who is told. */
	over = tr_max(over, batch->at);
	return (uint32_t)tr_min(tr_sub_sat(over, seat->origin),
				decodes ? seat->request.tokens_out : seat->made);
}

tr_span_ns tr_batch_pace(const struct tr_batch *batch)
{
	uint64_t steps = tr_sub_sat(batch->at, batch->base);
	tr_u128 fs;

	if (batch->phase != TR_BATCH_RUN || batch->segment.permille == 0)
		return 0;
	fs = batch->segment.first + (tr_u128)batch->segment.slope * steps;
	fs /= TR_FS_PER_NS / TR_SPEED_NOMINAL * batch->segment.permille;
	return fs > UINT64_MAX ? UINT64_MAX : (tr_span_ns)tr_max((uint64_t)fs, 1);
}

void tr_batch_speed(struct tr_batch *batch, tr_time_ns now, uint32_t permille)
{
	TR_ASSERT(now <= batch->due);
	/* Who could not begin begins now. */
	if (batch->phase == TR_BATCH_WAKE && batch->segment.permille == 0)
		batch->turned = tr_max(batch->turned, now);
	tr_segment_speed(&batch->segment, now, permille);
	set_due(batch);
}

void tr_batch_restart(struct tr_batch *batch, tr_time_ns now)
{
	TR_ASSERT(batch->running == 0);
	TR_ASSERT(batch->waiting == 0);
	TR_ASSERT(batch->lists[TR_SEAT_DONE].first == TR_NONE);
	if (batch->kv)
		tr_kv_clear(batch->kv);
	if (batch->phase == TR_BATCH_RUN)
		cut_at(batch, tr_min(step_now(batch, now), batch->until));
	batch->composed = batch->until;
	batch->next = (struct tr_plan){0};
	batch->phase = TR_BATCH_IDLE;
	batch->ready = tr_add_sat(now, batch->profile.startup_ns);
	set_due(batch);
}

/* ------------------------------------------------------------------------------------ what is told
 */

tr_time_ns tr_batch_next(const struct tr_batch *batch)
{
	return batch->due;
}

static bool take_fresh(struct tr_batch *batch, struct tr_batch_event *ret)
{
	uint32_t slot = batch->lists[TR_SEAT_FRESH].first;

	if (slot == TR_NONE)
		return false;
	tr_seat_remove(batch, TR_SEAT_FRESH, slot);
	ret->kind = TR_BATCH_SCHEDULED;
	ret->slot = slot;
	ret->tokens = batch->seats[slot].found;
	ret->queued = batch->seats[slot].queued;
	return true;
}

static void take_tell(struct tr_batch *batch, struct tr_batch_event *ret)
{
	uint32_t slot = tr_heap_payload(tr_heap_peek(&batch->tells));
	struct tr_seat *seat = &batch->seats[slot];

	tr_heap_pop(&batch->tells);
	seat->tell_ticket = TR_SEAT_NO_TICKET;
	ret->slot = slot;
	ret->tokens = (uint32_t)(batch->at - seat->origin);
	ret->kind = ret->tokens == 1 ? TR_BATCH_FIRST : TR_BATCH_TOKENS;
}

static void take_done(struct tr_batch *batch, struct tr_batch_event *ret)
{
	uint32_t slot = batch->lists[TR_SEAT_DONE].first;
	struct tr_seat *seat = &batch->seats[slot];

	cut_at(batch, batch->at);
	tr_seat_remove(batch, TR_SEAT_DONE, slot);
	if (seat->state != TR_SEAT_OUSTED) {
		tr_seat_release(batch, slot, false);
		tr_seat_stop(batch, slot);
	}
	seat->state = TR_SEAT_FREE;
	ret->kind = TR_BATCH_DONE;
	ret->slot = slot;
	ret->tokens = seat->request.tokens_out;
}

/* The end of a step. Returns whether there was something to tell. */
static bool take_end(struct tr_batch *batch, struct tr_batch_event *ret)
{
	bool told = true;

	batch->at = batch->soon;
	if (batch->at == batch->until) {
		cut_at(batch, batch->until);
		retire(batch);
	}
	if (tr_seat_told_next(batch) == batch->at)
		take_tell(batch, ret);
	else if (done_next(batch) == batch->at)
		take_done(batch, ret);
	else
		told = false;
	if (batch->at < batch->until ||
	    (told && (tr_seat_told_next(batch) == batch->at || done_next(batch) == batch->at)))
		return told;
	batch->turned = ret->time;
	turn(batch);
	return told || take_fresh(batch, ret);
}

bool tr_batch_take(struct tr_batch *batch, struct tr_batch_event *ret)
{
	bool told;

	TR_ASSERT(batch->due != TR_TIME_NEVER);
	*ret = (struct tr_batch_event){.time = batch->due};
	told = take_fresh(batch, ret);
	if (!told && batch->phase == TR_BATCH_WAKE) {
		turn(batch);
		told = take_fresh(batch, ret);
	} else if (!told) {
		told = take_end(batch, ret);
	}
	set_due(batch);
	return told;
}

void tr_batch_work(const struct tr_batch *batch, struct tr_batch_work *ret)
{
	*ret = batch->work;
	add_work(ret, &batch->current, tr_sub_sat(batch->at, batch->counted));
}

void tr_batch_load(const struct tr_batch *batch, tr_time_ns now, struct tr_batch_load *ret)
{
	uint64_t step = batch->until, composed = batch->composed;
	uint32_t used = 0;

	if (batch->phase == TR_BATCH_RUN)
		step = tr_min(step_now(batch, now), batch->until) - 1;
	if (batch->kv)
		used = batch->profile.kv_blocks - tr_kv_free_blocks(batch->kv);
	if (batch->kv && step + batch->profile.steps_ahead + 1 > composed && batch->steady)
		used += (uint32_t)tr_batch_growth(batch, composed + 1,
						  step + batch->profile.steps_ahead + 1);
	*ret = (struct tr_batch_load){
		.running = batch->running,
		.waiting = batch->waiting,
		.kv_blocks_used = used,
		.kv_blocks = batch->profile.kv_blocks,
		.prompt_tokens = batch->prompt_tokens,
		.cached_tokens = batch->cached_tokens,
		.preemptions = batch->preempted,
		.steps = step,
	};
}
