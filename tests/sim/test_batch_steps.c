/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jumping from change to change says what going step by step says: random scripts on random
 * servers, event by event. And the books of blocks and requests balance at every instant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/random.h"
#include "tests/sim/naive_batch.h"

#define T0     (UINT64_C(1700000000) * TR_SECOND)
#define HASHES 24

/* Hashes of a request: those of a common beginning, then its own. */
static uint64_t hashes[NAIVE_REQUESTS_MAX][HASHES];

struct dice {
	uint64_t seed;
	uint64_t n;
};

static uint64_t roll(struct dice *dice, uint64_t bound)
{
	return tr_below(tr_draw(dice->seed, 1, TR_PURPOSE_TEST, dice->n++), bound);
}

static void draw_profile(struct dice *dice, struct tr_batch_profile *ret)
{
	*ret = (struct tr_batch_profile){
		.cost = {.step_fs = 1 + roll(dice, 30) * 777777777777,
			 .prefill_token_fs = roll(dice, 2) * roll(dice, 200000000000),
			 .prefill_pair_fs = roll(dice, 2) * roll(dice, 1000000000),
			 .sequence_fs = roll(dice, 2) * roll(dice, 1000000000000),
			 .context_token_fs = roll(dice, 2) * roll(dice, 10000000000),
			 .mixed_context_token_fs = roll(dice, 2) * roll(dice, 10000000000),
			 .first_token_fs = roll(dice, 2) * roll(dice, 1000000000000),
			 .first_tokens = (uint32_t)roll(dice, 40)},
		.sequences = 1 + (uint32_t)roll(dice, 12),
		.block_tokens = 1 + (uint32_t)roll(dice, 20),
		.order = (uint8_t)roll(dice, TR_BATCH_ORDER_COUNT),
		.steps_ahead = (uint8_t)roll(dice, 2),
		.prefix_cache = roll(dice, 3) > 0,
	};
	ret->batch_tokens = ret->sequences + (uint32_t)roll(dice, 60);
	if (roll(dice, 5) > 0)
		ret->kv_blocks = 200 / ret->block_tokens + 1 + (uint32_t)roll(dice, 100);
	if (roll(dice, 4) == 0)
		ret->kv_watermark = (uint32_t)roll(dice, 8);
}

static void draw_request(struct dice *dice, uint32_t slot, struct tr_batch_request *ret)
{
	uint32_t common = (uint32_t)roll(dice, HASHES), family = (uint32_t)roll(dice, 3);

	*ret = (struct tr_batch_request){
		.key = slot,
		.tokens_in = 1 + (uint32_t)roll(dice, 120),
		.tokens_out = 1 + (uint32_t)roll(dice, roll(dice, 3) ? 70 : 3),
		.prompt = {.blocks = hashes[slot], .block_tokens = 1 + (uint32_t)roll(dice, 30)},
	};
	/* Members of a family have blocks of one size, or their hashes would mean other tokens. */
	if (roll(dice, 8))
		ret->prompt.block_tokens = 5 + 7 * family;
	ret->prompt.block_count =
		(ret->tokens_in + ret->prompt.block_tokens - 1) / ret->prompt.block_tokens;
	if (ret->prompt.block_count > HASHES || roll(dice, 4) == 0)
		ret->prompt.block_count = 0;
	for (uint32_t i = 0; i < HASHES; i++)
		hashes[slot][i] =
			1 + tr_mix(i < common ? 1000 * family + i : 100000 + 100 * slot + i);
	/* What fills no whole block is its own. */
	if (ret->prompt.block_count && ret->tokens_in % ret->prompt.block_tokens)
		hashes[slot][ret->prompt.block_count - 1] = 1 + tr_mix(777777 + slot);
}

static int by_time(const void *a, const void *b)
{
	const struct naive_op *left = a, *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return left->slot < right->slot ? -1 : left->slot > right->slot;
}

static void draw_script(uint64_t seed, struct naive_script *ret)
{
	struct dice dice = {.seed = seed};
	uint32_t requests = 1 + (uint32_t)roll(&dice, NAIVE_REQUESTS_MAX);
	tr_span_ns span = 1 + roll(&dice, 4 * TR_SECOND);

	*ret = (struct naive_script){.seed = seed, .stride = 1 + (uint32_t)roll(&dice, 20)};
	draw_profile(&dice, &ret->profile);
	for (uint32_t slot = 0; slot < requests; slot++) {
		struct naive_op op = {.time = T0 + roll(&dice, span), .slot = slot};

		/* Some at the same instant. */
		if (roll(&dice, 3) == 0)
			op.time = T0 + span / 2;
		draw_request(&dice, slot, &op.request);
		ret->ops[ret->op_count++] = op;
		if (roll(&dice, 4) == 0) {
			op.kind = NAIVE_LEAVE;
			op.time += 1 + roll(&dice, TR_SECOND);
			ret->ops[ret->op_count++] = op;
		}
	}
	for (uint64_t i = roll(&dice, 2) * roll(&dice, 6); i > 0; i--)
		ret->ops[ret->op_count++] = (struct naive_op){
			.time = T0 + roll(&dice, 2 * span),
			.kind = NAIVE_SPEED,
			.slot = NAIVE_REQUESTS_MAX - 1,
			.permille = (uint32_t)(roll(&dice, 4) ? 1 + roll(&dice, 3000) : 0),
		};
	/* It ends at some speed. */
	ret->ops[ret->op_count++] = (struct naive_op){.time = T0 + 2 * span,
						      .kind = NAIVE_SPEED,
						      .slot = NAIVE_REQUESTS_MAX - 1,
						      .permille = 1000};
	qsort(ret->ops, ret->op_count, sizeof ret->ops[0], by_time);
}

/* What a batch says of itself cannot be otherwise. */
static void check_load(const struct tr_batch *batch, tr_time_ns now,
		       const struct naive_script *script, uint32_t inside)
{
	struct tr_batch_load load;

	tr_batch_load(batch, now, &load);
	assert_true(load.running <= script->profile.sequences);
	assert_true(load.kv_blocks_used <= load.kv_blocks);
	assert_true(load.cached_tokens <= load.prompt_tokens);
	/* Who was ousted stands nowhere until its token is there. */
	assert_true(load.running + load.waiting <= inside);
	if (inside == 0)
		assert_int_equal(load.kv_blocks_used, 0);
}

static void play(const struct naive_script *script, struct naive_events *ret)
{
	struct tr_batch *batch = tr_batch_new(&script->profile, script->seed, NAIVE_REQUESTS_MAX);
	bool inside[NAIVE_REQUESTS_MAX] = {false};
	uint32_t count = 0, op = 0;
	tr_time_ns now = T0;
	struct tr_batch_load load;

	assert_non_null(batch);
	ret->count = 0;
	while (op < script->op_count || tr_batch_next(batch) != TR_TIME_NEVER) {
		struct tr_batch_event event;

		if (op < script->op_count && script->ops[op].time <= tr_batch_next(batch)) {
			const struct naive_op *next = &script->ops[op++];

			now = next->time;
			if (next->kind == NAIVE_SPEED) {
				tr_batch_speed(batch, now, next->permille);
			} else if (next->kind == NAIVE_ENTER) {
				tr_batch_enter(batch, now, next->slot, &next->request);
				inside[next->slot] = true;
				count++;
			} else if (inside[next->slot]) {
				tr_batch_leave(batch, now, next->slot);
				inside[next->slot] = false;
				count--;
			}
			continue;
		}
		assert_true(tr_batch_next(batch) >= now);
		now = tr_batch_next(batch);
		if (tr_batch_take(batch, &event)) {
			assert_true(ret->count < NAIVE_EVENTS_MAX);
			assert_true(inside[event.slot]);
			ret->items[ret->count++] = event;
			if (event.kind == TR_BATCH_DONE) {
				inside[event.slot] = false;
				count--;
			} else if (event.kind != TR_BATCH_SCHEDULED) {
				tr_batch_want(batch, event.slot, event.tokens + script->stride);
			}
		}
		check_load(batch, now, script, count);
	}
	assert_int_equal(count, 0);
	tr_batch_load(batch, now, &load);
	ret->preemptions = load.preemptions;
	ret->cached_tokens = load.cached_tokens;
	tr_batch_free(batch);
}

static int by_event(const void *a, const void *b)
{
	const struct tr_batch_event *left = a, *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	if (left->slot != right->slot)
		return left->slot < right->slot ? -1 : 1;
	return left->kind < right->kind ? -1 : left->kind > right->kind;
}

static void print_event(const char *what, const struct naive_events *events, uint32_t i)
{
	const struct tr_batch_event *event = &events->items[i];

	if (i < events->count)
		fprintf(stderr, "  %s: %llu ns, slot %u, kind %u, tokens %u, queued %llu\n", what,
			(unsigned long long)(event->time - T0), event->slot, event->kind,
			event->tokens,
			(unsigned long long)(event->queued ? event->queued - T0 : 0));
}

static void compare(uint64_t seed, struct naive_events *jumped, struct naive_events *stepped,
		    bool queued)
{
	qsort(jumped->items, jumped->count, sizeof jumped->items[0], by_event);
	qsort(stepped->items, stepped->count, sizeof stepped->items[0], by_event);
	for (uint32_t i = 0; i < jumped->count || i < stepped->count; i++) {
		const struct tr_batch_event *a = &jumped->items[i], *b = &stepped->items[i];

		if (i < jumped->count && i < stepped->count && by_event(a, b) == 0 &&
		    a->tokens == b->tokens && (!queued || a->queued == b->queued))
			continue;
		fprintf(stderr, "seed %llu, event %u:\n", (unsigned long long)seed, i);
		print_event("jumping", jumped, i);
		print_event("step by step", stepped, i);
		fail();
	}
	assert_int_equal(jumped->preemptions, stepped->preemptions);
	assert_int_equal(jumped->cached_tokens, stepped->cached_tokens);
}

static struct naive_script script;
static struct naive_events jumped, stepped, again;

/* SIM-3 */
static void test_jumping_says_what_going_step_by_step_says(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 40000 : 1500, preempted = 0, cached = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		uint32_t speeds = 0;

		draw_script(seed, &script);
		for (uint32_t i = 0; i < script.op_count; i++)
			speeds += script.ops[i].kind == NAIVE_SPEED;
		play(&script, &jumped);
		naive_play(&script, &stepped);
		compare(seed, &jumped, &stepped, speeds == 1);
		preempted += jumped.preemptions;
		cached += jumped.cached_tokens;
	}
	/* The worlds are worth something. */
	assert_true(preempted > seeds);
	assert_true(cached > 100 * seeds);
}

/* SIM-1 */
static void test_the_same_script_has_the_same_events(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		draw_script(seed, &script);
		play(&script, &jumped);
		play(&script, &again);
		assert_int_equal(jumped.count, again.count);
		assert_memory_equal(jumped.items, again.items,
				    jumped.count * sizeof jumped.items[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jumping_says_what_going_step_by_step_says),
		cmocka_unit_test(test_the_same_script_has_the_same_events),
	};

	return cmocka_run_group_tests_name("sim batch steps", tests, NULL, NULL);
}
