/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds whatever goes wrong: faults of every kind are drawn, in any number and overlapping, on
 * servers with any limits, under policies that time out, retry, hedge and cancel; and each attempt
 * ends exactly once, nothing comes of it afterwards, every request ends in one column, the engine's
 * own invariants hold, and the same seed is the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/policies.h"
#include "tests/sim/world.h"

#define SEEDS	     60
#define SEEDS_FULL   2000
#define FAULTS	     10
#define SERVERS	     3
#define ATTEMPTS     65536
#define VERIFY_STEPS 512

static uint64_t draw_state;

/* 0..bound-1. */
static uint32_t draw(uint32_t bound)
{
	return (uint32_t)tr_below(tr_mix(draw_state++), bound);
}

static void draw_fault(struct tr_fault *ret, uint32_t i)
{
	static const uint32_t rows[SERVERS] = {0, 1, 2};
	static const uint16_t statuses[] = {
#define S(status) status,
		TR_FAULT_STATUS_MAP(S)
#undef S
	};
	tr_span_ns length;
	uint32_t first_row;

	*ret = (struct tr_fault){.name = "f", .id = i + 1, .tokens_remaining = UINT64_MAX};
	ret->kind = (uint8_t)draw(TR_FAULT_COUNT);
	ret->at = draw(30000) * TR_MS;
	length = (1 + draw(20000)) * TR_MS;
	ret->end = draw(5) ? ret->at + length : TR_TIME_NEVER;
	first_row = draw(SERVERS);
	ret->rows = draw(3) ? rows + first_row : NULL;
	ret->row_count = 1 + draw(SERVERS - first_row);
	ret->first = draw(3) ? 0 : 1 + draw(20);
	ret->ppm = 100000 * (1 + draw(10));
	ret->reported = draw(2);
	ret->backward = draw(2);
	ret->status = statuses[draw(TR_ARRAY_LENGTH(statuses))];
	ret->speed_permille = draw(3) * 250;
	ret->after_tokens = draw(2) ? TR_FAULT_DRAWN : draw(12);
	ret->requests_remaining = draw(2) ? UINT32_MAX : draw(3);
	ret->requests_reset = (1 + draw(3000)) * TR_MS;
	ret->retry_after = draw(3000) * TR_MS;
	ret->span = (1 + draw(3000)) * TR_MS;
	/* A crash is not over before it has started again. */
	if (ret->kind == TR_FAULT_CRASH && ret->end != TR_TIME_NEVER)
		ret->end += ret->span;
}

/* Small enough that its KV memory fills up and requests are preempted; some do not fit at all. */
static void draw_batching(struct tr_batch_profile *ret)
{
	*ret = (struct tr_batch_profile){
		.cost = {.step_fs = UINT64_C(5000000000000),
			 .prefill_token_fs = UINT64_C(200000000000),
			 .sequence_fs = UINT64_C(300000000000)},
		.sequences = 1 + draw(6),
		.batch_tokens = 128,
		.block_tokens = 16,
	};
	ret->kv_blocks = draw(2) * (8 + draw(20));
	ret->steps_ahead = (uint8_t)draw(2);
	ret->prefix_cache = draw(2);
	ret->startup_ns = draw(2) * draw(3000) * TR_MS;
}

static void draw_server(struct tr_server_profile *profile)
{
	profile->batches = draw(2);
	if (profile->batches)
		draw_batching(&profile->batching);
	profile->error_ppm = draw(3) ? 0 : 100000;
	profile->workers = draw(2) ? 0 : 1 + draw(3);
	profile->inside_max = draw(2) ? 0 : 1 + draw(4);
	profile->limit_requests = draw(3) ? 0 : 1 + draw(20);
	profile->limit_tokens = draw(3) ? 0 : 1 + draw(2000);
	profile->limit_interval = (1 + draw(10)) * TR_SECOND;
	profile->limit_reported = draw(2);
	profile->headers = (uint8_t)draw(TR_HEADERS_COUNT);
	profile->service_noise_permille = draw(2) * 500;
}

static void draw_world(struct world *world, struct tr_fault *faults, uint64_t seed)
{
	world_init(world, seed, SERVERS, 1 + (uint32_t)(seed % 3));
	draw_state = seed << 32;
	for (uint32_t i = 0; i < FAULTS; i++)
		draw_fault(&faults[i], i);
	for (uint32_t i = 0; i < SERVERS; i++)
		draw_server(&world->servers[i].profile);
	world->faults = faults;
	world->fault_count = draw(FAULTS + 1);
	world->signal = draw(2) * 200 * TR_MS;
	world->signal_age = draw(2) * world->signal / 2;
	world->options.requests_max = 300;
	world->options.process.rate_micro = 2000000 + draw(15000000);
	world->options.tokens_out.knots[0].value = 1 + draw(60);
	world->options.labels.flags = (uint16_t)(draw(2) * TR_SUBMIT_STREAM);
	world->options.labels.flags |= (uint16_t)(draw(2) * TR_SUBMIT_ASYNC);
	world->class.queue_timeout_ns = 20 * TR_SECOND;
	world->policy.retry.attempts = (uint8_t)draw(4);
	world->policy.hedge = (struct tr_policy_hedge){
		TR_TEST_HEDGE, .delay_ns = draw(2) * 300 * TR_MS, .attempts = 1};
	world->intent.hedge = 1;
	world->policy.timeouts.connect_ns = draw(2) * TR_SECOND;
	world->policy.timeouts.headers_ns = draw(2) * 5 * TR_SECOND;
	world->policy.timeouts.first_token_ns = draw(2) * 8 * TR_SECOND;
	world->policy.timeouts.between_tokens_ns = draw(2) * 500 * TR_MS;
	/* Without it a hole swallows a job for ever. */
	world->policy.timeouts.total_ns = 40 * TR_SECOND;
}

/* What the steps of a run have shown of each attempt's slot. */
struct books {
	struct {
		uint32_t generation;
		uint16_t last; /* kind of event; 0: it has ended, or never was */
	} attempts[ATTEMPTS];
	uint64_t dispatched;
	uint64_t ended;
	uint64_t steps;
	tr_time_ns time;
};

static void close_attempt(struct books *books, tr_attempt_handle handle)
{
	assert_int_equal(books->attempts[handle.slot1].generation, handle.generation);
	assert_true(books->attempts[handle.slot1].last != 0);
	books->attempts[handle.slot1].last = 0;
	books->ended++;
}

/* H5: in this order, each once but progress. */
static void note_event(struct books *books, const struct tr_event *event)
{
	tr_attempt_handle handle = event->attempt_connected.attempt;

	switch (event->kind) {
	case TR_EVENT_ATTEMPT_CONNECTED:
	case TR_EVENT_ATTEMPT_HEADERS:
	case TR_EVENT_ATTEMPT_FIRST_TOKEN:
	case TR_EVENT_ATTEMPT_PROGRESS:
		assert_int_equal(books->attempts[handle.slot1].generation, handle.generation);
		assert_true(books->attempts[handle.slot1].last != 0);
		assert_true(books->attempts[handle.slot1].last < event->kind ||
			    event->kind == TR_EVENT_ATTEMPT_PROGRESS);
		books->attempts[handle.slot1].last = event->kind;
		break;
	case TR_EVENT_ATTEMPT_DONE:
	case TR_EVENT_ATTEMPT_FAILED:
		close_attempt(books, handle);
		break;
	default:
		break;
	}
}

static void note_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
		      const struct tr_actions *actions)
{
	struct books *books = self;

	assert_true(event->time >= books->time);
	assert_true(event->observed <= event->time);
	books->time = event->time;
	note_event(books, event);
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct tr_action *action = &actions->items[i];
		tr_attempt_handle handle;

		if (action->kind == TR_ACTION_ATTEMPT_ABORT)
			close_attempt(books, action->attempt_abort.attempt);
		if (action->kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;
		handle = action->attempt_dispatch.attempt;
		assert_true(handle.slot1 < ATTEMPTS);
		assert_int_equal(books->attempts[handle.slot1].last, 0);
		books->attempts[handle.slot1].generation = handle.generation;
		books->attempts[handle.slot1].last = 1;
		books->dispatched++;
	}
	if (books->steps++ % VERIFY_STEPS == 0 && tr_engine_verify(engine))
		fail_msg("%s", tr_engine_verify(engine));
}

/* SIM-4, SIM-1 */
static void test_whatever_goes_wrong_each_attempt_ends_exactly_once(void **state)
{
	static struct world world;
	static struct tr_fault faults[FAULTS];
	static struct tr_result result, again;
	static struct books books;
	uint64_t seeds = getenv("TR_FULL") ? SEEDS_FULL : SEEDS;
	uint64_t failures = 0, completed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		draw_world(&world, faults, seed);
		memset(&books, 0, sizeof books);
		world_run_observed(&world, note_step, &books, &result);
		if (books.dispatched != books.ended || result.all.in_system != 0)
			fail_msg("seed %llu: %llu attempts, %llu ends, %llu jobs left",
				 (unsigned long long)seed, (unsigned long long)books.dispatched,
				 (unsigned long long)books.ended,
				 (unsigned long long)result.all.in_system);
		assert_int_equal(result.all.submitted, 300);
		assert_int_equal(result.all.submitted,
				 result.all.rejected + result.all.completed + result.all.failed +
					 result.all.canceled + result.all.expired);
		world_run(&world, &again);
		assert_memory_equal(&result, &again, sizeof result);
		completed += result.all.completed;
		for (uint32_t cause = 0; cause < TR_CAUSE_COUNT; cause++)
			failures += result.attempt_failures[cause];
	}
	/* The worlds are neither ruins nor idylls. */
	assert_true(completed > 50 * seeds);
	assert_true(failures > 10 * seeds);
}

/* A fault that holds for nobody, never, or of nothing changes no run. SIM-2 */
static void test_a_fault_that_concerns_nobody_changes_nothing(void **state)
{
	static struct world world;
	static struct tr_fault faults[FAULTS];
	static struct tr_result without, with;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		draw_world(&world, faults, seed);
		world.fault_count = 0;
		world_run(&world, &without);
		for (uint32_t i = 0; i < FAULTS; i++)
			faults[i].end = faults[i].at;
		world.fault_count = FAULTS;
		world_run(&world, &with);
		assert_true(with.run_hash == without.run_hash);
		for (uint32_t i = 0; i < FAULTS; i++) {
			faults[i].at = 3600 * TR_SECOND;
			faults[i].end = TR_TIME_NEVER;
		}
		world_run(&world, &with);
		assert_true(with.run_hash == without.run_hash);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whatever_goes_wrong_each_attempt_ends_exactly_once),
		cmocka_unit_test(test_a_fault_that_concerns_nobody_changes_nothing),
	};

	return cmocka_run_group_tests_name("sim fault laws", tests, NULL, NULL);
}
