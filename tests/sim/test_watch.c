/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Occurrences and those who wait for them: what is told of a run, windows to the nanosecond, the
 * order of things. SIM-5
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/watch.h"
#include "tests/engine/policies.h"
#include "tests/sim/mixed.h"

/* --------------------------------------------------------------------------------------- watches
 */

static void happen(struct tr_watch *watch, enum tr_occurrence_kind kind, tr_time_ns time,
		   tr_name endpoint, uint64_t order)
{
	const struct tr_occurrence occurrence = {
		.kind = kind, .time = time, .subject = {.endpoint = endpoint}};

	tr_watch_enter(watch, &occurrence, order);
}

static struct tr_watch watch_of(enum tr_occurrence_kind kind, tr_name endpoint, tr_time_ns from,
				tr_time_ns to)
{
	return (struct tr_watch){
		.kind = kind,
		.selection = {.subject = {.endpoint = endpoint}, .from = from, .to = to}};
}

static void test_a_window_holds_its_beginning_and_not_its_end(void **state)
{
	struct tr_watch watch = watch_of(TR_OCCURRENCE_BREAKER_OPEN, 0, 100, 200);

	(void)state;
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 99, 1, 1);
	assert_int_equal(watch.count, 0);
	assert_int_equal(watch.outside, 1);
	assert_int_equal(watch.nearest, 99);
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 100, 1, 2);
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 199, 1, 3);
	assert_int_equal(watch.count, 2);
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 200, 1, 4);
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 300, 1, 5);
	assert_int_equal(watch.count, 2);
	assert_int_equal(watch.outside, 3);
	assert_int_equal(watch.nearest, 200);
}

static void test_only_what_is_selected_counts(void **state)
{
	struct tr_watch watch = watch_of(TR_OCCURRENCE_BREAKER_OPEN, 7, 0, TR_TIME_NEVER);

	(void)state;
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 1, 8, 1);
	happen(&watch, TR_OCCURRENCE_BREAKER_CLOSE, 2, 7, 2);
	assert_int_equal(watch.count + watch.outside, 0);
	happen(&watch, TR_OCCURRENCE_BREAKER_OPEN, 3, 7, 3);
	assert_int_equal(watch.count, 1);
	assert_int_equal(watch.first[0].time, 3);
}

static void test_the_first_times_are_kept_and_all_are_counted(void **state)
{
	struct tr_watch watch = watch_of(TR_OCCURRENCE_RETRY, 0, 0, TR_TIME_NEVER);

	(void)state;
	assert_int_equal(tr_watch_order(&watch, 0), 0);
	for (uint64_t i = 1; i <= 3 * TR_WATCH_FIRST_MAX; i++)
		happen(&watch, TR_OCCURRENCE_RETRY, 10 * i, 0, 5 * i);
	assert_int_equal(watch.count, 3 * TR_WATCH_FIRST_MAX);
	assert_int_equal(tr_watch_order(&watch, 0), 5);
	assert_int_equal(tr_watch_order(&watch, TR_WATCH_FIRST_MAX - 1), 5 * TR_WATCH_FIRST_MAX);
}

/* ----------------------------------------------------------------------------------- occurrences
 */

struct told {
	struct tr_occurrences *stream;
	uint64_t counts[TR_OCCURRENCE_COUNT];
	tr_time_ns last;
};

static void take(void *self, const struct tr_occurrence *occurrence)
{
	struct told *told = self;
	const struct tr_subject *subject = &occurrence->subject;
	uint32_t selectors = tr_occurrence_rows[occurrence->kind].selectors;

	told->counts[occurrence->kind]++;
	assert_true(occurrence->time >= told->last);
	assert_true(occurrence->submitted <= occurrence->time);
	told->last = occurrence->time;
	if (occurrence->kind == TR_OCCURRENCE_DISPATCH) {
		assert_true(subject->endpoint != 0);
		assert_true(subject->model != 0);
		assert_true(subject->class_name != 0);
	}
	/* What cannot be selected by is not there. */
	if (!(selectors & TR_SELECT_CODE))
		assert_int_equal(subject->code, 0);
	if (!(selectors & TR_SELECT_CAUSE))
		assert_int_equal(subject->cause, 0);
	if (!(selectors & TR_SELECT_ENDPOINT))
		assert_true(subject->endpoint == 0);
	if (!(selectors & TR_SELECT_CLASS))
		assert_true(subject->class_name == 0);
	assert_true((occurrence->kind == TR_OCCURRENCE_JOB_END) == (occurrence->finish != NULL));
}

static void observe(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions)
{
	tr_occurrences_step(((struct told *)self)->stream, engine, event, actions);
}

static void tell_world(struct world *world, struct told *told, struct tr_result *result)
{
	struct tr_limits limits;

	memset(told, 0, sizeof *told);
	tr_run_limits(&world->policy, &limits);
	told->stream = tr_occurrences_new(&world->policy, &limits, true, take, told);
	assert_non_null(told->stream);
	world_run_observed(world, observe, told, result);
	tr_occurrences_free(told->stream);
}

static void tell(uint64_t seed, struct told *told, struct tr_result *result)
{
	static struct mixed mixed;

	mixed_init(&mixed, seed);
	tell_world(&mixed.world, told, result);
}

#define COUNT(kind) told.counts[TR_OCCURRENCE_##kind]

static void test_what_is_told_adds_up(void **state)
{
	static struct tr_result result;
	struct told told;

	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		tell(seed, &told, &result);
		assert_int_equal(COUNT(SUBMIT), result.all.submitted);
		assert_int_equal(COUNT(SUBMIT), COUNT(ACCEPT) + COUNT(REJECT));
		assert_int_equal(COUNT(REJECT), result.all.rejected);
		assert_int_equal(COUNT(ACCEPT), COUNT(JOB_END) + result.all.in_system);
		assert_int_equal(COUNT(DISPATCH), result.attempts);
		assert_int_equal(COUNT(DISPATCH),
				 COUNT(START) + COUNT(RETRY) + COUNT(HEDGE) + COUNT(RESUME));
		assert_true(COUNT(START) <= COUNT(ACCEPT));
		assert_int_equal(COUNT(BREAKER_OPEN), result.breaker_trips);
		assert_true(COUNT(BREAKER_HALF_OPEN) <= COUNT(BREAKER_OPEN));
		assert_true(COUNT(BREAKER_CLOSE) <= COUNT(BREAKER_HALF_OPEN));
		assert_true(COUNT(DISPATCH) >=
			    COUNT(ATTEMPT_DONE) + COUNT(ATTEMPT_FAILURE) + COUNT(ATTEMPT_ABORT));
	}
}

static void test_most_kinds_happen_somewhere(void **state)
{
	static struct tr_result result;
	uint64_t all[TR_OCCURRENCE_COUNT] = {0}, kinds = 0;
	struct told told;

	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		tell(seed, &told, &result);
		for (uint32_t i = 0; i < TR_OCCURRENCE_COUNT; i++)
			all[i] += told.counts[i];
	}
	for (uint32_t i = 0; i < TR_OCCURRENCE_COUNT; i++)
		kinds += all[i] > 0;
	assert_true(kinds >= 18);
	assert_true(all[TR_OCCURRENCE_PREEMPTION] > 0);
	assert_true(all[TR_OCCURRENCE_HEDGE] > 0);
	assert_true(all[TR_OCCURRENCE_RESUME] > 0);
}

/* An endpoint that queues behind what the policy believes in is given less. */
static void test_limits_that_move_are_told(void **state)
{
	static struct world world;
	static struct tr_result result;
	struct told told;

	(void)state;
	world_init(&world, 1, 1, 64);
	world.servers[0].slots = 4;
	world.options.process.kind = TR_PROCESS_BURSTY;
	world.options.process.burst_milli = 4000;
	world.options.process.burst_ns = 5 * TR_SECOND;
	world.options.process.pause_ns = 15 * TR_SECOND;
	tell_world(&world, &told, &result);
	assert_int_equal(COUNT(LIMIT_UP) + COUNT(LIMIT_DOWN), 0);
	world.policy.concurrency.adaptive = 1;
	tell_world(&world, &told, &result);
	assert_true(COUNT(LIMIT_DOWN) > 0);
	assert_true(COUNT(LIMIT_UP) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_window_holds_its_beginning_and_not_its_end),
		cmocka_unit_test(test_only_what_is_selected_counts),
		cmocka_unit_test(test_the_first_times_are_kept_and_all_are_counted),
		cmocka_unit_test(test_what_is_told_adds_up),
		cmocka_unit_test(test_most_kinds_happen_somewhere),
		cmocka_unit_test(test_limits_that_move_are_told),
	};

	return cmocka_run_group_tests_name("sim watch", tests, NULL, NULL);
}
