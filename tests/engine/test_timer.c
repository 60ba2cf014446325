/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers against a plain list: set, move and stop at random, and what is due comes in the order
 * of (time, start), also after the heap was put together again from its rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/timer.h"
#include "tests/engine/stage.h"

#define ROWS 60

static struct tr_plan plan;
static struct tr_stage stage;

/* The reference: one entry for each owner's row. */
static struct entry {
	tr_time_ns time; /* TR_TIME_NEVER: stopped */
	uint64_t started;
} entries[TR_TIMER_OWNERS][ROWS];
static uint64_t starts, seed, step;

static uint64_t below(uint64_t which, uint64_t bound)
{
	return tr_below(tr_draw(seed, step, TR_PURPOSE_TEST, which), bound);
}

static void set_up(void)
{
	struct tr_limits limits = tr_stage_limits;

	/* Each owner has a timer for each of the rows. */
	limits.classes = TR_POLICY_CLASSES_MAX;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_stage_init(&stage, &limits, &plan.policy);
	starts = 0;
	for (int owner = 0; owner < TR_TIMER_OWNERS; owner++)
		for (int row = 0; row < ROWS; row++)
			entries[owner][row].time = TR_TIME_NEVER;
}

static void set(uint32_t owner, uint32_t row, tr_time_ns time)
{
	struct entry *entry = &entries[owner][row];

	tr_timer_set(stage.engine, (enum tr_timer_owner)owner, row, time);
	/* To set what is set already is no start. */
	if (entry->time != time)
		*entry = (struct entry){time, ++starts};
}

static struct entry *first(uint32_t *ret_owner, uint32_t *ret_row)
{
	struct entry *best = NULL;

	for (uint32_t owner = 0; owner < TR_TIMER_OWNERS; owner++)
		for (uint32_t row = 0; row < ROWS; row++) {
			struct entry *entry = &entries[owner][row];

			if (entry->time == TR_TIME_NEVER)
				continue;
			if (best && (entry->time > best->time ||
				     (entry->time == best->time && entry->started > best->started)))
				continue;
			best = entry;
			*ret_owner = owner;
			*ret_row = row;
		}
	return best;
}

static void take(tr_time_ns now)
{
	uint32_t owner = 0, row = 0, taken_row;
	enum tr_timer_owner taken_owner;
	struct entry *entry = first(&owner, &row);

	assert_int_equal(tr_timer_next(stage.engine), entry ? entry->time : TR_TIME_NEVER);
	if (!entry || entry->time > now) {
		assert_false(tr_timer_take(stage.engine, now, &taken_owner, &taken_row));
		return;
	}
	assert_true(tr_timer_take(stage.engine, now, &taken_owner, &taken_row));
	assert_int_equal(taken_owner, owner);
	assert_int_equal(taken_row, row);
	entry->time = TR_TIME_NEVER;
}

static void test_timers_are_a_sorted_list(void **state)
{
	(void)state;
	for (seed = 1; seed <= 20; seed++) {
		set_up();
		for (step = 0; step < 2000; step++) {
			uint32_t owner = (uint32_t)below(0, TR_TIMER_OWNERS);
			uint32_t row = (uint32_t)below(1, ROWS);
			uint64_t what = below(2, 10);

			if (what < 6)
				set(owner, row, step + below(3, 50));
			else if (what < 8)
				set(owner, row, TR_TIME_NEVER);
			else
				take(step);
			if (step % 100 == 0)
				assert_true(tr_timer_rebuild(stage.engine));
			if (step % 10 == 0)
				assert_true(tr_timer_rebuild(stage.engine));
		}
		while (stage.engine->core->timer_count)
			take(TR_TIME_NEVER - 1);
		take(TR_TIME_NEVER - 1);
		tr_stage_done(&stage);
	}
}

static void test_equal_times_fire_in_start_order(void **state)
{
	(void)state;
	set_up();
	for (uint32_t i = 0; i < ROWS; i++)
		set(i % TR_TIMER_OWNERS, i * 7 % ROWS, 1000);
	/* One that moved away and came back starts anew. */
	set(0, 0, 500);
	set(0, 0, 1000);
	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t row;
		enum tr_timer_owner owner;

		assert_true(tr_timer_take(stage.engine, 1000, &owner, &row));
		assert_int_equal(owner, (i + 1) % ROWS % TR_TIMER_OWNERS);
		assert_int_equal(row, (i + 1) % ROWS * 7 % ROWS);
	}
	tr_stage_done(&stage);
}

static void test_a_heap_that_rows_do_not_make_is_refused(void **state)
{
	struct tr_engine *e;

	(void)state;
	set_up();
	e = stage.engine;
	for (uint32_t i = 0; i < 10; i++)
		set(TR_TIMER_QUEUE, i, 100 + i);
	assert_true(tr_timer_rebuild(e));
	e->timer[3].place1 = e->timer[4].place1;
	assert_false(tr_timer_rebuild(e));
	e->timer[3].place1 = 4;
	assert_true(tr_timer_rebuild(e));
	e->timer[0].time = 999;
	assert_false(tr_timer_rebuild(e));
	e->timer[0].time = 100;
	e->core->timer_count = e->timer_slots + 1;
	assert_false(tr_timer_rebuild(e));
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_are_a_sorted_list),
		cmocka_unit_test(test_equal_times_fire_in_start_order),
		cmocka_unit_test(test_a_heap_that_rows_do_not_make_is_refused),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
