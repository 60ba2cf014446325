/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/naive_batch.h"

#include <stdlib.h>
#include <string.h>

#include "engine/random.h"

enum place {
	NOWHERE,
	LINE,
	RUNNING,
	OUSTED, /* it lost its blocks while its last token was being made */
};

struct request {
	struct tr_batch_request given;
	enum place place;
	tr_time_ns queued;
	bool seen;     /* by a step's end */
	bool admitted; /* at least once */
	uint32_t entered;
	uint32_t preempted; /* number of its last preemption, 0: none */
	uint32_t made;	    /* tokens that are there */
	uint32_t flying;    /* tokens composed and not there yet */
	uint32_t want;
	uint32_t computed; /* tokens whose KV is composed */
	uint32_t blocks[NAIVE_BLOCKS_MAX];
	uint32_t block_count;
	uint32_t shared; /* of these in units, and the units */
	uint32_t units;
	bool unstorable;
	bool prompting; /* its prompt, and what it had made, are not computed yet */
};

struct block {
	uint64_t key; /* of the unit that it belongs to, 0: none */
	uint32_t users;
	uint32_t keeper; /* slot + 1 of who may reclaim it */
};

struct step {
	uint64_t fs;
	uint32_t count;
	uint32_t makes[NAIVE_REQUESTS_MAX]; /* slots that make a token */
};

struct naive {
	const struct naive_script *script;
	const struct tr_batch_profile *profile;
	struct request requests[NAIVE_REQUESTS_MAX];
	struct block blocks[NAIVE_BLOCKS_MAX];
	uint32_t queue[NAIVE_BLOCKS_MAX]; /* free blocks, next first */
	uint32_t free;
	uint32_t running[NAIVE_REQUESTS_MAX];
	uint32_t running_count;
	struct step steps[2]; /* composed: the one computed, and the one behind it */
	uint32_t step_count;
	tr_time_ns anchor; /* of the step that is computed: `done` of it was done */
	tr_u128 done;
	uint32_t permille;
	uint32_t op;
	uint32_t entered;
	uint32_t preempted;
	struct naive_events *events;
};

/* -------------------------------------------------------------------------------------- blocks */

static void queue_remove(struct naive *naive, uint32_t block)
{
	uint32_t at = 0;

	while (naive->queue[at] != block)
		at++;
	naive->free--;
	memmove(&naive->queue[at], &naive->queue[at + 1], (naive->free - at) * sizeof(uint32_t));
}

static uint32_t take_block(struct naive *naive)
{
	uint32_t block = naive->queue[0];
	uint64_t key = naive->blocks[block].key;

	TR_ASSERT(naive->free > 0);
	queue_remove(naive, block);
	for (uint32_t i = 0; key && i < naive->profile->kv_blocks; i++)
		if (naive->blocks[i].key == key)
			naive->blocks[i].key = 0;
	naive->blocks[block] = (struct block){.users = 1};
	return block;
}

static void drop_block(struct naive *naive, uint32_t block)
{
	if (--naive->blocks[block].users == 0)
		naive->queue[naive->free++] = block;
}

static uint32_t unit_end(const struct naive *naive, const struct request *request, uint32_t unit)
{
	uint64_t tokens = tr_min((uint64_t)(unit + 1) * request->given.prompt.block_tokens,
				 request->given.tokens_in);

	return (uint32_t)(tokens / naive->profile->block_tokens);
}

static uint32_t unit_size(const struct naive *naive, const struct request *request, uint32_t unit)
{
	return unit_end(naive, request, unit) - (unit ? unit_end(naive, request, unit - 1) : 0);
}

static uint32_t blocks_of_key(const struct naive *naive, uint64_t key, uint32_t *ret)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < naive->profile->kv_blocks; i++)
		if (naive->blocks[i].key == key)
			ret[count++] = i;
	return count;
}

static void release(struct naive *naive, uint32_t slot, bool keep)
{
	struct request *request = &naive->requests[slot];
	uint32_t full = request->computed / naive->profile->block_tokens;
	bool kept = false;

	if (naive->profile->kv_blocks == 0)
		return;
	for (uint32_t i = request->block_count; i-- > 0;) {
		if (i >= request->shared && i < full && keep && naive->profile->prefix_cache) {
			naive->blocks[request->blocks[i]].keeper = slot + 1;
			kept = true;
		}
		drop_block(naive, request->blocks[i]);
	}
	request->block_count = 0;
	request->shared = 0;
	request->unstorable = false;
	if (!kept)
		request->units = 0;
}

static void forget(struct naive *naive, uint32_t slot)
{
	for (uint32_t i = 0; i < naive->profile->kv_blocks; i++)
		if (naive->blocks[i].keeper == slot + 1)
			naive->blocks[i].keeper = 0;
}

/* What was computed can be found from now on. */
static void store(struct naive *naive, struct request *request)
{
	uint32_t same[NAIVE_BLOCKS_MAX];

	while (!request->unstorable && request->units < request->given.prompt.block_count) {
		uint64_t key = request->given.prompt.blocks[request->units];
		uint32_t size = unit_size(naive, request, request->units), known;
		uint32_t begin = request->shared;

		if (unit_end(naive, request, request->units) * naive->profile->block_tokens >
		    request->computed)
			return;
		known = blocks_of_key(naive, key, same);
		if (size && known && known != size) {
			request->unstorable = true;
			return;
		}
		for (uint32_t i = 0; known && i < size; i++)
			if (naive->blocks[same[i]].users++ == 0)
				queue_remove(naive, same[i]);
		for (uint32_t i = 0; i < size; i++) {
			if (known) {
				drop_block(naive, request->blocks[begin + i]);
				request->blocks[begin + i] = same[i];
			}
			naive->blocks[request->blocks[begin + i]].key = key;
		}
		request->shared += size;
		request->units++;
	}
}

/* Use what is there of a request that is admitted. With use false only the sums. */
static void find(struct naive *naive, uint32_t slot, bool use, uint32_t *ret_busy,
		 uint32_t *ret_tokens)
{
	struct request *request = &naive->requests[slot];
	uint32_t total = request->given.tokens_in + request->made + request->flying;
	uint32_t most = (total - 1) / naive->profile->block_tokens, same[NAIVE_BLOCKS_MAX];
	uint32_t units = 0, found[NAIVE_BLOCKS_MAX], count = 0, kept[NAIVE_BLOCKS_MAX], shared;
	uint32_t keepers = 0, hashes = request->given.prompt.block_count;

	*ret_busy = *ret_tokens = 0;
	if (naive->profile->kv_blocks == 0 || !naive->profile->prefix_cache)
		return;
	/* From the last in the queue: that is the first of its blocks. */
	for (uint32_t i = naive->free; i-- > 0;)
		if (naive->blocks[naive->queue[i]].keeper == slot + 1)
			kept[keepers++] = naive->queue[i];
	if (keepers)
		hashes = request->units;
	for (; units < hashes; units++) {
		uint32_t size = unit_size(naive, request, units);

		if (size == 0)
			continue;
		if (blocks_of_key(naive, request->given.prompt.blocks[units], same) != size)
			break;
		for (uint32_t i = 0; i < size; i++) {
			*ret_busy += naive->blocks[same[i]].users > 0;
			found[count++] = same[i];
		}
	}
	shared = count;
	for (uint32_t i = 0; units == hashes && i < keepers && count < most; i++)
		found[count++] = kept[i];
	*ret_tokens = (uint32_t)tr_min(count, most) * naive->profile->block_tokens;
	if (!use)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (naive->blocks[found[i]].users++ == 0)
			queue_remove(naive, found[i]);
		request->blocks[i] = found[i];
	}
	forget(naive, slot);
	request->block_count = count;
	request->shared = shared;
	request->units = units;
}

/* ------------------------------------------------------------------------------------ composing */

static uint32_t blocks_for(const struct naive *naive, uint32_t tokens)
{
	return (tokens + naive->profile->block_tokens - 1) / naive->profile->block_tokens;
}

static void running_remove(struct naive *naive, uint32_t slot)
{
	uint32_t at = 0;

	while (naive->running[at] != slot)
		at++;
	naive->running_count--;
	memmove(&naive->running[at], &naive->running[at + 1],
		(naive->running_count - at) * sizeof(uint32_t));
}

static uint32_t preempt_last(struct naive *naive)
{
	uint32_t slot = naive->running[naive->running_count - 1];
	struct request *request = &naive->requests[slot];
	bool last = request->made + request->flying == request->given.tokens_out;

	release(naive, slot, !last);
	running_remove(naive, slot);
	request->preempted = ++naive->preempted;
	request->computed = 0;
	request->place = last ? OUSTED : LINE;
	return slot;
}

/* Blocks for so many tokens, by preempting if need be. False: it was preempted itself. */
static bool room(struct naive *naive, uint32_t slot, uint32_t tokens, bool *preempted)
{
	struct request *request = &naive->requests[slot];

	while (naive->profile->kv_blocks && request->block_count < blocks_for(naive, tokens)) {
		if (naive->free) {
			request->blocks[request->block_count++] = take_block(naive);
			continue;
		}
		*preempted = true;
		if (preempt_last(naive) == slot)
			return false;
	}
	return true;
}

static uint64_t rank(const struct naive *naive, const struct request *request)
{
	switch ((enum tr_batch_order)naive->profile->order) {
	case TR_BATCH_ORDER_LIFO:
		return UINT32_MAX - request->entered;
	case TR_BATCH_ORDER_SHORTEST:
		return (uint64_t)request->given.tokens_in << 32 | request->entered;
	case TR_BATCH_ORDER_RANDOM:
		return tr_draw(naive->script->seed, request->given.key, TR_PURPOSE_LINE, 0);
	case TR_BATCH_ORDER_FIFO:
	case TR_BATCH_ORDER_COUNT:
		break;
	}
	return request->entered;
}

static uint32_t head(const struct naive *naive)
{
	uint32_t best = TR_NONE;

	for (uint32_t slot = 0; slot < NAIVE_REQUESTS_MAX; slot++) {
		const struct request *request = &naive->requests[slot], *other;

		if (request->place != LINE)
			continue;
		other = best == TR_NONE ? NULL : &naive->requests[best];
		if (!other || request->preempted > other->preempted ||
		    (request->preempted == other->preempted &&
		     rank(naive, request) < rank(naive, other)))
			best = slot;
	}
	return best;
}

static void emit(struct naive *naive, tr_time_ns now, uint32_t slot, uint8_t kind, uint32_t tokens,
		 tr_time_ns queued)
{
	TR_ASSERT(naive->events->count < NAIVE_EVENTS_MAX);
	naive->events->items[naive->events->count++] = (struct tr_batch_event){
		.time = now, .queued = queued, .slot = slot, .tokens = tokens, .kind = kind};
}

struct sums {
	uint64_t prefill, pairs, decoding, context, budget;
};

static void add_prompt(struct naive *naive, struct step *step, struct sums *sums, uint32_t slot,
		       uint32_t chunk)
{
	struct request *request = &naive->requests[slot];
	uint32_t total = request->given.tokens_in + request->made + request->flying;

	sums->prefill += chunk;
	for (uint32_t i = 0; i < chunk; i++)
		sums->pairs += request->computed + i + 1;
	request->computed += chunk;
	if (naive->profile->kv_blocks && naive->profile->prefix_cache)
		store(naive, request);
	if (request->computed == total) {
		step->makes[step->count++] = slot;
		request->flying++;
		request->prompting = false;
	}
}

static void add_running(struct naive *naive, struct step *step, struct sums *sums, bool *preempted)
{
	for (uint32_t i = 0; i < naive->running_count && sums->budget; i++) {
		uint32_t slot = naive->running[i];
		struct request *request = &naive->requests[slot];
		uint32_t known = request->given.tokens_in + request->made + request->flying;
		uint32_t count = (uint32_t)tr_min(known - request->computed, sums->budget);

		if (request->made + request->flying == request->given.tokens_out)
			continue;
		if (!room(naive, slot, request->computed + count, preempted))
			break;
		sums->budget -= count;
		if (request->prompting) {
			add_prompt(naive, step, sums, slot, count);
			continue;
		}
		sums->decoding++;
		sums->context += known;
		request->computed++;
		step->makes[step->count++] = slot;
		request->flying++;
	}
}

static void add_line(struct naive *naive, tr_time_ns now, struct step *step, struct sums *sums)
{
	uint32_t slot;

	while (sums->budget && naive->running_count < naive->profile->sequences &&
	       (slot = head(naive)) != TR_NONE) {
		struct request *request = &naive->requests[slot];
		uint32_t total = request->given.tokens_in + request->made + request->flying;
		uint32_t watermark = naive->running_count ? naive->profile->kv_watermark : 0;
		uint32_t busy, tokens, chunk;
		bool preempted = false;

		find(naive, slot, false, &busy, &tokens);
		if (naive->profile->kv_blocks &&
		    blocks_for(naive, total) - busy + watermark > naive->free)
			break;
		find(naive, slot, true, &busy, &tokens);
		request->computed = tokens;
		request->place = RUNNING;
		request->prompting = true;
		naive->running[naive->running_count++] = slot;
		if (!request->admitted) {
			emit(naive, now, slot, TR_BATCH_SCHEDULED, tokens, request->queued);
			naive->events->cached_tokens += tokens;
		}
		request->admitted = true;
		chunk = (uint32_t)tr_min(total - tokens, sums->budget);
		sums->budget -= chunk;
		TR_ASSERT(room(naive, slot, tokens + chunk, &preempted));
		TR_ASSERT(!preempted);
		add_prompt(naive, step, sums, slot, chunk);
	}
}

static bool compose(struct naive *naive, tr_time_ns now)
{
	const struct tr_batch_cost *cost = &naive->profile->cost;
	struct step *step = &naive->steps[naive->step_count];
	struct sums sums = {.budget = naive->profile->batch_tokens};
	bool preempted = false;

	*step = (struct step){0};
	add_running(naive, step, &sums, &preempted);
	if (!preempted)
		add_line(naive, now, step, &sums);
	if (sums.prefill + sums.decoding == 0)
		return false;
	step->fs = cost->step_fs + sums.prefill * cost->prefill_token_fs +
		   sums.pairs * cost->prefill_pair_fs + sums.decoding * cost->sequence_fs +
		   sums.context * cost->context_token_fs +
		   (sums.prefill ? sums.context * cost->mixed_context_token_fs : 0) +
		   tr_min(sums.prefill + sums.decoding, cost->first_tokens) * cost->first_token_fs;
	naive->step_count++;
	return true;
}

/* ----------------------------------------------------------------------------------------- time */

static uint64_t rate(const struct naive *naive)
{
	return TR_BATCH_TOKEN_FS_MAX / TR_SECOND / 1000 * naive->permille;
}

static tr_time_ns step_end(const struct naive *naive)
{
	tr_u128 left = naive->steps[0].fs;

	if (naive->step_count == 0)
		return TR_TIME_NEVER;
	if (left <= naive->done)
		return naive->anchor;
	if (naive->permille == 0)
		return TR_TIME_NEVER;
	left -= naive->done;
	return naive->anchor + (tr_time_ns)((left + rate(naive) - 1) / rate(naive));
}

static void look_at_new(struct naive *naive, tr_time_ns now)
{
	for (uint32_t slot = 0; slot < NAIVE_REQUESTS_MAX; slot++) {
		struct request *request = &naive->requests[slot];

		if (request->place == LINE && !request->seen) {
			request->seen = true;
			request->queued = now;
		}
	}
}

/* Compose what may be composed at this instant. */
static void compose_all(struct naive *naive, tr_time_ns now)
{
	look_at_new(naive, now);
	while (naive->step_count <= naive->profile->steps_ahead)
		if (!compose(naive, now))
			return;
}

static void end_step(struct naive *naive)
{
	tr_time_ns now = step_end(naive);
	struct step step = naive->steps[0];

	naive->done += (tr_u128)(now - naive->anchor) * rate(naive);
	naive->done -= step.fs;
	naive->anchor = now;
	naive->steps[0] = naive->steps[1];
	naive->step_count--;
	for (uint32_t i = 0; i < step.count; i++) {
		uint32_t slot = step.makes[i];
		struct request *request = &naive->requests[slot];

		if (request->place == NOWHERE)
			continue;
		request->made++;
		request->flying--;
		if (request->made == 1 || request->made == request->want) {
			emit(naive, now, slot,
			     request->made == 1 ? TR_BATCH_FIRST : TR_BATCH_TOKENS, request->made,
			     0);
			request->want = request->made + naive->script->stride;
			if (request->want >= request->given.tokens_out)
				request->want = 0;
		}
	}
	for (uint32_t i = 0; i < step.count; i++) {
		uint32_t slot = step.makes[i];
		struct request *request = &naive->requests[slot];

		if (request->place == NOWHERE || request->made < request->given.tokens_out)
			continue;
		emit(naive, now, slot, TR_BATCH_DONE, request->made, 0);
		if (request->place == RUNNING) {
			release(naive, slot, false);
			running_remove(naive, slot);
		}
		request->place = NOWHERE;
	}
	compose_all(naive, now);
}

static void apply(struct naive *naive, const struct naive_op *op)
{
	struct request *request = &naive->requests[op->slot];

	switch (op->kind) {
	case NAIVE_ENTER:
		*request = (struct request){.given = op->request, .place = LINE};
		request->entered = ++naive->entered;
		break;
	case NAIVE_LEAVE:
		if (request->place == RUNNING) {
			release(naive, op->slot, false);
			running_remove(naive, op->slot);
		}
		if (request->place == LINE)
			forget(naive, op->slot);
		request->place = NOWHERE;
		break;
	case NAIVE_SPEED:
		if (naive->step_count) {
			naive->done += (tr_u128)(op->time - naive->anchor) * rate(naive);
			naive->anchor = op->time;
		}
		naive->permille = op->permille;
		break;
	}
}

void naive_play(const struct naive_script *script, struct naive_events *ret)
{
	struct naive *naive = calloc(1, sizeof *naive);

	TR_ASSERT(naive != NULL);
	naive->script = script;
	naive->profile = &script->profile;
	naive->permille = 1000;
	naive->events = ret;
	naive->free = script->profile.kv_blocks;
	for (uint32_t i = 0; i < naive->free; i++)
		naive->queue[i] = i;
	ret->count = 0;
	ret->cached_tokens = 0;
	while (naive->op < script->op_count || naive->step_count) {
		tr_time_ns end = step_end(naive);

		if (naive->op < script->op_count && script->ops[naive->op].time <= end) {
			const struct naive_op *op = &script->ops[naive->op++];

			apply(naive, op);
			/* All that happens at this instant first. */
			if (naive->op < script->op_count && script->ops[naive->op].time == op->time)
				continue;
			if (naive->step_count == 0 && naive->permille > 0) {
				naive->anchor = op->time;
				naive->done = 0;
				compose_all(naive, op->time);
			}
			continue;
		}
		TR_ASSERT(end != TR_TIME_NEVER);
		end_step(naive);
	}
	ret->preemptions = naive->preempted;
	free(naive);
}
