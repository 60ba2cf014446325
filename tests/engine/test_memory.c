/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory is fixed at init: the engine is linked with an allocator that traps while it steps, and a
 * million jobs wait in the room that was promised for them.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/state.h"
#include "tests/engine/stage.h"

#define MILLION UINT32_C(1000000)

/* ---- the trap ---- */

static bool armed;
static volatile unsigned calls;

static void sprung(const char *what)
{
	calls++;
	if (!armed)
		return;
	armed = false;
	fprintf(stderr, "the engine called %s\n", what);
	abort();
}

/* The linker sends every call of the objects of this program here (--wrap). X(name, parameters,
 * arguments) */
#define ALLOCATORS(X)                                                                              \
	X(malloc, (size_t size), (size))                                                           \
	X(calloc, (size_t count, size_t size), (count, size))                                      \
	X(realloc, (void *memory, size_t size), (memory, size))                                    \
	X(aligned_alloc, (size_t alignment, size_t size), (alignment, size))
#define X(name, parameters, arguments)                                                             \
	void *__real_##name parameters;                                                            \
	void *__wrap_##name parameters;                                                            \
	void *__wrap_##name parameters                                                             \
	{                                                                                          \
		sprung(#name);                                                                     \
		return __real_##name arguments;                                                    \
	}
ALLOCATORS(X)
#undef X

/* ---- a crowd ---- */

struct crowd {
	struct tr_engine *engine;
	struct tr_event event;
	struct tr_actions actions;
	tr_time_ns now;
	uint64_t accepted, dispatched;
	tr_attempt_handle attempt; /* dispatched last */
};

static void crowd_step(struct crowd *crowd)
{
	crowd->event.time = crowd->event.observed = crowd->now;
	armed = true;
	assert_int_equal(tr_engine_step(crowd->engine, &crowd->event, &crowd->actions), 0);
	armed = false;
	for (uint32_t i = 0; i < crowd->actions.count; i++) {
		const struct tr_action *action = &crowd->actions.items[i];

		crowd->accepted += action->kind == TR_ACTION_JOB_ACCEPT;
		if (action->kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;
		crowd->dispatched++;
		crowd->attempt = action->attempt_dispatch.attempt;
	}
}

static void crowd_init(struct crowd *crowd, const struct tr_limits *limits)
{
	static struct tr_plan plan;

	memset(crowd, 0, sizeof *crowd);
	crowd->now = 1700000000 * TR_SECOND;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 4, 2);
	plan.classes[0].queue_limit = 1u << 24;
	for (uint32_t i = 0; i < 100; i++)
		tr_plan_tenant(&plan, 1000 + i);
	crowd->engine = aligned_alloc(64, tr_engine_size(limits));
	assert_non_null(crowd->engine);
	assert_int_equal(tr_engine_init(crowd->engine, limits, &plan.policy, 1, crowd->now), 0);
}

static void crowd_submit(struct crowd *crowd, uint64_t job_id)
{
	uint64_t draw = tr_draw(3, job_id, TR_PURPOSE_TEST, 0);

	crowd->now += 1000;
	crowd->event = (struct tr_event){.kind = TR_EVENT_JOB_SUBMIT};
	crowd->event.job_submit = (struct tr_event_job_submit){
		.job_id = job_id,
		.tenant = 1000 + draw % 100,
		.session = draw % 10007,
		.idempotency_key = job_id % 64 == 0 ? draw | 1 : 0,
		.tokens_in = 1 + (uint32_t)(draw % 4000),
		.deadline = crowd->now + TR_DAY + draw % TR_DAY,
	};
	crowd_step(crowd);
}

/* ---- promises ---- */

/* A million jobs wait, move up and leave, and nothing is allocated meanwhile. SCH-1 */
static void test_a_million_jobs_wait_in_the_room_they_were_given(void **state)
{
	struct tr_limits limits = tr_limits_default;
	struct crowd crowd;
	struct tr_counts counts;
	unsigned calls_before;

	(void)state;
	limits.jobs = MILLION + 8;
	crowd_init(&crowd, &limits);
	calls_before = calls;
	for (uint32_t i = 1; i <= MILLION + 8; i++)
		crowd_submit(&crowd, i);
	assert_int_equal(crowd.accepted, MILLION + 8);
	assert_int_equal(crowd.dispatched, 8);
	crowd_submit(&crowd, MILLION + 9);
	assert_int_equal(crowd.actions.items[0].kind, TR_ACTION_JOB_REJECT);
	assert_int_equal(crowd.actions.items[0].job_reject.code, TR_REJECT_JOB_TABLE_FULL);
	for (uint32_t i = 0; i < 1000; i++) {
		crowd.event = (struct tr_event){.kind = TR_EVENT_ATTEMPT_DONE};
		crowd.event.attempt_done.attempt = crowd.attempt;
		crowd.event.attempt_done.tokens_out = 10;
		crowd_step(&crowd);
	}
	assert_int_equal(crowd.dispatched, 1008);
	tr_engine_counts(crowd.engine, &counts);
	assert_int_equal(counts.in_system, MILLION + 8 - 1000);
	assert_int_equal(calls, calls_before);
	assert_null(tr_engine_verify(crowd.engine));
	free(crowd.engine);
}

/* What one more waiting job costs: its row, and its place in the index by id. */
static void test_a_waiting_job_takes_256_bytes(void **state)
{
	struct tr_limits small = tr_limits_default, large = tr_limits_default;

	(void)state;
	small.jobs = 1u << 16;
	large.jobs = 1u << 20;
	assert_true(sizeof(struct tr_job) <= 256 - 8);
	assert_true((tr_engine_size(&large) - tr_engine_size(&small)) / (large.jobs - small.jobs) <=
		    256);
}

/* The trap itself catches. */
static void test_the_trap_springs(void **state)
{
	unsigned before = calls;
	void *volatile memory = malloc(1);

	(void)state;
	free(memory);
	assert_int_equal(calls, before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_trap_springs),
		cmocka_unit_test(test_a_waiting_job_takes_256_bytes),
		cmocka_unit_test(test_a_million_jobs_wait_in_the_room_they_were_given),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
