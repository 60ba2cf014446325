/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-4, RTE-5: windows of latencies. What they say is compared with the sorted samples themselves,
 * over random samples at random times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/window.h"
#include "tests/engine/stage.h"

#define SAMPLES 4000

static struct tr_plan plan, next;
static struct tr_stage stage;

/* What was counted, oldest first. */
static struct {
	uint64_t turn;
	tr_span_ns span;
} samples[SAMPLES];
static uint32_t sample_count;

static void start(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 2, 8);
	plan.policy.health.window_ns = 10 * TR_SECOND;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	sample_count = 0;
}

/* The window is asked by itself, so its time is set by hand. */
static void now_is(tr_time_ns now)
{
	stage.engine->core->now = stage.now = now;
}

static uint64_t turn_now(void)
{
	return stage.now / tr_policy_active(stage.engine)->health.window_ns;
}

static void add(uint32_t window, tr_span_ns span)
{
	samples[sample_count].turn = turn_now();
	samples[sample_count++].span = span;
	tr_window_add(stage.engine, window, span);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The exact quantile of the samples of a turn and the one before, without the newest few of them.
 */
static tr_span_ns exact(uint64_t turn, uint32_t unseen, uint32_t percent, uint32_t *ret_count)
{
	static uint64_t sorted[SAMPLES];
	uint32_t count = 0;

	for (uint32_t i = 0; i + unseen < sample_count; i++)
		if (samples[i].turn + 1 >= turn)
			sorted[count++] = samples[i].span;
	*ret_count = count;
	if (count == 0)
		return 0;
	qsort(sorted, count, sizeof *sorted, ascending);
	return sorted[((uint64_t)count * percent + 99) / 100 - 1];
}

/* ---- cells ---- */

static void test_every_span_is_in_its_cell(void **state)
{
	tr_span_ns bottom = 0;

	(void)state;
	for (uint32_t cell = 0; cell < TR_LATENCY_CELLS - 1; cell++) {
		tr_span_ns top = tr_window_cell_top(cell);

		assert_int_equal(tr_window_cell(bottom), cell);
		assert_int_equal(tr_window_cell(top), cell);
		assert_true(cell == 0 || top + 1 - bottom <= bottom / 8);
		bottom = top + 1;
	}
	assert_true(bottom == UINT64_C(1) << 40);
	assert_int_equal(tr_window_cell(bottom), TR_LATENCY_CELLS - 1);
	assert_int_equal(tr_window_cell(UINT64_MAX), TR_LATENCY_CELLS - 1);
	assert_true(tr_window_cell_top(TR_LATENCY_CELLS - 1) == bottom);
}

/* ---- quantiles ---- */

static void test_an_empty_window_says_nothing(void **state)
{
	uint32_t count = 99;

	(void)state;
	start();
	assert_int_equal(tr_window_quantile(stage.engine, 0, 50, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(tr_window_tail(stage.engine, 0), 0);
	add(0, TR_SECOND);
	for (uint32_t percent = 1; percent <= 100; percent += 33)
		assert_int_equal(tr_window_quantile(stage.engine, 0, percent, &count),
				 tr_window_cell_top(tr_window_cell(TR_SECOND)));
	assert_int_equal(count, 1);
	/* Its neighbour has seen nothing. */
	assert_int_equal(tr_window_tail(stage.engine, 1), 0);
	tr_stage_done(&stage);
}

/* A sample counts in its turn and in the next, and never after. */
static void test_a_sample_counts_for_one_to_two_turns(void **state)
{
	static const tr_span_ns ages[] = {0, 1, 9 * TR_SECOND, 10 * TR_SECOND};
	tr_span_ns turn = 10 * TR_SECOND;
	uint32_t count;

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(ages); i++) {
		tr_time_ns began, added;

		start();
		began = (stage.now / turn + 1) * turn;
		added = tr_min(began + ages[i], began + turn - 1);
		now_is(added);
		add(0, TR_SECOND);
		now_is(began + 2 * turn - 1);
		assert_true(tr_window_tail(stage.engine, 0) >= TR_SECOND);
		tr_window_quantile(stage.engine, 0, 50, &count);
		assert_int_equal(count, 1);
		now_is(began + 2 * turn);
		assert_int_equal(tr_window_tail(stage.engine, 0), 0);
		assert_int_equal(tr_window_quantile(stage.engine, 0, 50, &count), 0);
		assert_int_equal(count, 0);
		/* What comes after silence finds an empty window, whichever half is its own. */
		now_is(began + (2 + i) * turn);
		add(0, 5 * TR_MS);
		tr_window_quantile(stage.engine, 0, 50, &count);
		assert_int_equal(count, 1);
		assert_true(tr_window_tail(stage.engine, 0) < 6 * TR_MS);
		assert_null(tr_engine_verify(stage.engine));
		tr_stage_done(&stage);
	}
}

/* The kept tail is that of all samples but a few of the newest. */
static void check_tail(uint64_t seed)
{
	uint32_t percent = tr_policy_active(stage.engine)->health.tail_percent;
	tr_span_ns tail = tr_window_tail(stage.engine, 0);
	uint32_t count, of_turn = 0;
	bool found = false;

	for (uint32_t i = 0; i < sample_count; i++)
		of_turn += samples[i].turn == samples[sample_count - 1].turn;
	for (uint32_t unseen = 0; unseen <= tr_min(15, of_turn / 32) && !found; unseen++) {
		tr_span_ns value = exact(turn_now(), unseen, percent, &count);

		found = tail == (count ? tr_window_cell_top(tr_window_cell(value)) : 0);
	}
	if (!found)
		fail_msg("seed %llu: the tail is not one of the newest", (unsigned long long)seed);
}

/* Two quantiles of one window over random samples, silences and bursts. */
static void test_quantiles_are_the_exact_ones_but_for_a_cell(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 400 : 40;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		uint64_t rare = tr_draw(seed, 0, TR_PURPOSE_TEST, 0) % 3;

		start();
		for (uint64_t i = 0; i < 1500; i++) {
			uint64_t draw = tr_draw(seed, 1, TR_PURPOSE_TEST, i);
			uint32_t percent = 1 + (uint32_t)(draw % 100), count, counted;
			tr_span_ns value;

			add(0, tr_draw(seed, 2, TR_PURPOSE_TEST, i) >> (22 + draw % 40));
			if (draw >> 20 & 3)
				continue;
			now_is(stage.now +
			       tr_draw(seed, 3, TR_PURPOSE_TEST, i) % TR_SECOND / (rare ? 20 : 1));
			if ((draw >> 24) % 200 == 0)
				now_is(stage.now + (draw >> 32) % (30 * TR_SECOND));
			value = exact(turn_now(), 0, percent, &count);
			if (tr_window_quantile(stage.engine, 0, percent, &counted) !=
				    (count ? tr_window_cell_top(tr_window_cell(value)) : 0) ||
			    count != counted)
				fail_msg("seed %llu: another quantile", (unsigned long long)seed);
			check_tail(seed);
		}
		assert_null(tr_engine_verify(stage.engine));
		tr_stage_done(&stage);
	}
}

/* ---- policies ---- */

static void activate_next(uint64_t id)
{
	next.policy.id = id;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
}

/* OPS-5: turns of another length cannot be compared with those before. */
static void test_windows_begin_anew_when_their_length_changes(void **state)
{
	static const tr_span_ns lengths[] = {3 * TR_SECOND, 3600 * TR_SECOND};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(lengths); i++) {
		uint32_t count;

		start();
		for (int k = 0; k < 50; k++)
			add(0, TR_SECOND);
		next = plan; /* its tables are still the plan's */
		next.policy.health.window_ns = lengths[i];
		activate_next(2);
		assert_int_equal(tr_window_tail(stage.engine, 0), 0);
		add(0, 5 * TR_MS);
		tr_window_quantile(stage.engine, 0, 99, &count);
		assert_int_equal(count, 1);
		now_is(stage.now + 2 * lengths[i]);
		assert_int_equal(tr_window_tail(stage.engine, 0), 0);
		assert_null(tr_engine_verify(stage.engine));
		tr_stage_done(&stage);
	}
}

static void
test_a_policy_of_the_same_length_forgets_nothing_and_may_ask_another_percent(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 70; i++)
		add(0, i < 56 ? 10 * TR_MS : TR_SECOND);
	assert_true(tr_window_tail(stage.engine, 0) >= TR_SECOND);
	next = plan;
	activate_next(2);
	assert_true(tr_window_tail(stage.engine, 0) >= TR_SECOND);
	next.policy.health.tail_percent = 75;
	activate_next(3);
	assert_true(tr_window_tail(stage.engine, 0) < 12 * TR_MS);
	tr_stage_done(&stage);
}

/* An entry that takes the place of one that is gone begins with nothing. */
static void test_what_leaves_the_registry_leaves_no_window(void **state)
{
	uint32_t model = stage.limits.endpoints;

	(void)state;
	start();
	model = stage.limits.endpoints;
	for (uint32_t i = 0; i < 2; i++)
		add(i, TR_SECOND);
	add(model, TR_SECOND);
	tr_plan_init(&next, 2);
	tr_plan_model(&next, TR_NAME("other"), 2, 8);
	next.policy.health.window_ns = plan.policy.health.window_ns;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(tr_window_tail(stage.engine, i), 0);
	assert_int_equal(stage.engine->window[model].count0 + stage.engine->window[model].count1,
			 0);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_span_is_in_its_cell),
		cmocka_unit_test(test_an_empty_window_says_nothing),
		cmocka_unit_test(test_a_sample_counts_for_one_to_two_turns),
		cmocka_unit_test(test_quantiles_are_the_exact_ones_but_for_a_cell),
		cmocka_unit_test(test_windows_begin_anew_when_their_length_changes),
		cmocka_unit_test(
			test_a_policy_of_the_same_length_forgets_nothing_and_may_ask_another_percent),
		cmocka_unit_test(test_what_leaves_the_registry_leaves_no_window),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
