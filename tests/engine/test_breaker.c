/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RES-1: the circuit breaker, cell by cell of its table of moves, each reached through attempts
 * that really end; its thresholds, its window, its cool-down. What must never trip it is in
 * test_pause.c, slow answers are in test_slow.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene_breaker.h"

#define GOOD false
#define BAD  true

/* Time passes, and the engine is told. */
static void pass(tr_span_ns span)
{
	tr_stage_wait(&stage, span);
	tr_stage_event(&stage, TR_EVENT_CLOCK);
	assert_int_equal(tr_stage_give(&stage), 0);
}

/* A first token later than this is slow. */
#define SLOW (3 * TR_SECOND)

/* End a job in a way that brings the verdict about. */
static void end_as(uint64_t job, enum tr_verdict verdict)
{
	static const enum tr_cause causes[] = {
		[TR_VERDICT_FAULT] = TR_CAUSE_RESET,
		[TR_VERDICT_BACKPRESSURE] = TR_CAUSE_RATE_LIMITED,
		[TR_VERDICT_CLIENT] = TR_CAUSE_BAD_REQUEST,
	};
	int err;

	if (verdict == TR_VERDICT_SLOW)
		tr_stage_wait(&stage, SLOW + 1);
	if (verdict == TR_VERDICT_SUCCESS || verdict == TR_VERDICT_SLOW)
		err = tr_stage_complete(&stage, job, 1);
	else if (verdict == TR_VERDICT_NEUTRAL)
		err = tr_stage_cancel(&stage, job, TR_CAUSE_CANCEL_CLIENT);
	else
		err = tr_stage_fail(&stage, job, causes[verdict], 0);
	assert_int_equal(err, 0);
}

static void end(uint64_t job, bool bad)
{
	end_as(job, bad ? TR_VERDICT_FAULT : TR_VERDICT_SUCCESS);
}

static void one(bool bad)
{
	end(submit(), bad);
}

static void trip(void)
{
	for (uint32_t i = 0; i < plan.policy.breaker.consecutive; i++)
		one(BAD);
	assert_int_equal(breaker_of(0), TR_BREAKER_OPEN);
}

static void cool_down(void)
{
	tr_stage_wait(&stage, plan.policy.breaker.open_ns_max);
	assert_int_equal(breaker_of(0), TR_BREAKER_HALF_OPEN);
}

/* ---- the table ---- */

/* Each leaves an attempt in flight, as a probe, as the least bad or neither, with the breaker in
 * a state. */

static uint64_t closed_other(void)
{
	return submit();
}

static uint64_t closed_probe(void)
{
	uint64_t first, second;

	trip();
	cool_down();
	first = submit();
	second = submit();
	end(first, GOOD);
	return second;
}

static uint64_t open_other(void)
{
	uint64_t early = submit();

	trip();
	return early;
}

static uint64_t open_probe(void)
{
	uint64_t first, second;

	trip();
	cool_down();
	first = submit();
	second = submit();
	end(first, BAD);
	return second;
}

static uint64_t half_open_other(void)
{
	uint64_t early = open_other();

	cool_down();
	return early;
}

static uint64_t half_open_probe(void)
{
	trip();
	cool_down();
	return submit();
}

static uint64_t open_least_bad(void)
{
	trip();
	return submit();
}

/* Without a cool-down, in which every answer would become a slow one. */
static uint64_t half_open_least_bad(void)
{
	uint64_t job = open_least_bad();

	end(submit(), GOOD);
	return job;
}

static uint64_t closed_least_bad(void)
{
	uint64_t job = half_open_least_bad();

	end(submit(), GOOD);
	return job;
}

static const struct {
	enum tr_breaker_state state;
	enum tr_breaker_way way;
	uint64_t (*reach)(void);
} cells[] = {
	{TR_BREAKER_CLOSED, TR_BREAKER_AS_OTHER, closed_other},
	{TR_BREAKER_CLOSED, TR_BREAKER_AS_PROBE, closed_probe},
	{TR_BREAKER_CLOSED, TR_BREAKER_AS_LEAST_BAD, closed_least_bad},
	{TR_BREAKER_OPEN, TR_BREAKER_AS_OTHER, open_other},
	{TR_BREAKER_OPEN, TR_BREAKER_AS_PROBE, open_probe},
	{TR_BREAKER_OPEN, TR_BREAKER_AS_LEAST_BAD, open_least_bad},
	{TR_BREAKER_HALF_OPEN, TR_BREAKER_AS_OTHER, half_open_other},
	{TR_BREAKER_HALF_OPEN, TR_BREAKER_AS_PROBE, half_open_probe},
	{TR_BREAKER_HALF_OPEN, TR_BREAKER_AS_LEAST_BAD, half_open_least_bad},
};

/* What a move makes of the state and of the window's counts. */
static const struct {
	int to; /* -1: as before */
	uint32_t requests, faults, slow;
} effects[] = {
	[TR_BREAKER_STAY] = {-1, 0, 0, 0},
	[TR_BREAKER_COUNT_SUCCESS] = {-1, 1, 0, 0},
	[TR_BREAKER_COUNT_SLOW] = {-1, 1, 0, 1},
	[TR_BREAKER_COUNT_FAULT] = {-1, 1, 1, 0},
	[TR_BREAKER_PROBE_GOOD] = {TR_BREAKER_CLOSED, 0, 0, 0},
	[TR_BREAKER_PROBE_BAD] = {TR_BREAKER_OPEN, 0, 0, 0},
	[TR_BREAKER_EVIDENCE] = {TR_BREAKER_HALF_OPEN, 0, 0, 0},
	[TR_BREAKER_NOTE] = {-1, 1, 0, 0}, /* and what the verdict says */
};

#define STAY	   TR_BREAKER_STAY
#define NOTE	   TR_BREAKER_NOTE
#define COUNT_(uc) TR_BREAKER_COUNT_##uc
#define PROBE_(uc) TR_BREAKER_PROBE_##uc
#define ALL_(move)                                                                                 \
	{                                                                                          \
		move, move, move                                                                   \
	}

/* By verdict: neutral, success, fault, back-pressure, client, slow; each as another, as a probe, as
 * the least bad. */
static const enum tr_breaker_move expected[TR_BREAKER_COUNT][TR_VERDICT_COUNT][TR_BREAKER_WAYS] = {
	[TR_BREAKER_CLOSED] = {ALL_(STAY), ALL_(COUNT_(SUCCESS)), ALL_(COUNT_(FAULT)), ALL_(STAY),
			       ALL_(STAY), ALL_(COUNT_(SLOW))},
	[TR_BREAKER_OPEN] = {ALL_(STAY),
			     {STAY, STAY, TR_BREAKER_EVIDENCE},
			     {STAY, STAY, NOTE},
			     ALL_(STAY),
			     ALL_(STAY),
			     {STAY, STAY, NOTE}},
	[TR_BREAKER_HALF_OPEN] = {ALL_(STAY),
				  {STAY, PROBE_(GOOD), STAY},
				  {STAY, PROBE_(BAD), STAY},
				  ALL_(STAY),
				  ALL_(STAY),
				  {STAY, PROBE_(BAD), STAY}},
};

static void walk(size_t cell, enum tr_verdict verdict)
{
	enum tr_breaker_state state = cells[cell].state;
	enum tr_breaker_move move = expected[state][verdict][cells[cell].way];
	struct tr_bucket before, after;
	uint64_t job;

	set_up(1);
	plan.policy.breaker.probes = 2;
	plan.policy.breaker.slow_ns = SLOW;
	plan.policy.breaker.all_out = TR_ALL_OUT_SERVE;
	/* So long that a slow answer does not end it. */
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 60 * TR_SECOND;
	plan.policy.breaker.window_ns = 1000 * TR_SECOND;
	start();
	job = cells[cell].reach();
	assert_int_equal(breaker_of(0), state);
	before = window_of(0);
	end_as(job, verdict);
	assert_int_equal(tr_breaker_moves[state][verdict][cells[cell].way], move);
	assert_int_equal(breaker_of(0), effects[move].to < 0 ? (int)state : effects[move].to);
	after = window_of(0);
	if (move == TR_BREAKER_PROBE_GOOD)
		before = (struct tr_bucket){0}; /* closed, it begins with a clean window */
	if (move == TR_BREAKER_NOTE) {
		before.faults += verdict == TR_VERDICT_FAULT;
		before.slow += verdict == TR_VERDICT_SLOW;
	}
	assert_int_equal(after.requests, before.requests + effects[move].requests);
	assert_int_equal(after.faults, before.faults + effects[move].faults);
	assert_int_equal(after.slow, before.slow + effects[move].slow);
	tr_stage_done(&stage);
}

/* RES-1 */
static void test_every_cell_of_the_table_is_walked(void **state)
{
	(void)state;
	for (size_t cell = 0; cell < TR_ARRAY_LENGTH(cells); cell++)
		for (int verdict = 0; verdict < TR_VERDICT_COUNT; verdict++)
			walk(cell, (enum tr_verdict)verdict);
}

/* ---- thresholds ---- */

/* RES-1 */
static void test_faults_in_a_row_open_it_and_a_success_between_does_not(void **state)
{
	(void)state;
	set_up(1);
	start();
	one(BAD);
	one(BAD);
	one(GOOD);
	one(BAD);
	one(BAD);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	one(BAD);
	assert_int_equal(breaker_of(0), TR_BREAKER_OPEN);
	assert_int_equal(tr_stage_breaker(&stage, endpoint(0))->from, TR_BREAKER_CLOSED);
	assert_int_equal(tr_stage_counts(&stage).breaker_trips, 1);
	tr_stage_done(&stage);
}

static void set_up_rate(void)
{
	set_up(1);
	plan.policy.breaker.consecutive = 0;
	plan.policy.breaker.requests_min = 10;
	plan.policy.breaker.error_percent = 40;
	start();
}

/* RES-1: below the volume no share is a share. */
static void test_an_error_rate_needs_a_volume(void **state)
{
	(void)state;
	set_up_rate();
	for (int i = 0; i < 9; i++)
		one(BAD);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	one(BAD);
	assert_int_equal(breaker_of(0), TR_BREAKER_OPEN);
	tr_stage_done(&stage);
}

static void test_an_error_rate_opens_at_its_percent_exactly(void **state)
{
	/* So many good ones, then bad ones until it opens: 4 of 10, 5 of 12, 8 of 20. */
	static const uint32_t rows[][2] = {{6, 4}, {7, 5}, {12, 8}};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		set_up_rate();
		for (uint32_t k = 0; k < rows[i][0]; k++)
			one(GOOD);
		for (uint32_t k = 0; k < rows[i][1]; k++) {
			assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
			one(BAD);
		}
		assert_int_equal(breaker_of(0), TR_BREAKER_OPEN);
		tr_stage_done(&stage);
	}
}

/* RES-1: what is older than the window is forgotten, a tenth at a time. */
static void test_the_window_slides(void **state)
{
	(void)state;
	set_up_rate();
	for (int second = 0; second < 20; second++) {
		one(second % 4 == 0 ? BAD : GOOD);
		assert_int_equal(window_of(0).requests, tr_min((uint64_t)second + 1, 10));
		/* One in four; in any ten seconds two or three. */
		if (second >= 9)
			assert_in_range(window_of(0).faults, 2, 3);
		pass(TR_SECOND);
	}
	/* A tenth falls out each second, also when nothing happens. */
	for (uint32_t left = 9; left > 0; left--) {
		assert_int_equal(window_of(0).requests, left);
		pass(TR_SECOND);
	}
	assert_int_equal(window_of(0).requests, 0);
	tr_stage_done(&stage);
}

/* OPS-5: a window of another length begins anew; it must go on sliding. */
static void test_the_window_slides_on_after_its_length_has_changed(void **state)
{
	static struct tr_plan next;
	static const tr_span_ns lengths[] = {60 * TR_SECOND, 2 * TR_SECOND};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(lengths); i++) {
		set_up_rate();
		one(BAD);
		pass(TR_SECOND);
		next = plan; /* its tables are still the plan's */
		next.policy.id = 2;
		next.policy.breaker.window_ns = lengths[i];
		assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
		one(BAD);
		pass(2 * lengths[i]);
		assert_int_equal(window_of(0).requests, 0);
		one(BAD);
		assert_int_equal(window_of(0).requests, 1);
		tr_stage_done(&stage);
	}
}

/* ---- cool-down ---- */

/* When the endpoint may be probed, from now. */
static tr_span_ns cooldown(void)
{
	return tr_stage_breaker(&stage, endpoint(0))->until - stage.now;
}

/* RES-1: doubling up to its bound, shortened by a quarter at most, starting small once healed. */
static void test_the_cool_down_grows_with_each_trip_and_heals(void **state)
{
	static const tr_span_ns whole[] = {1, 2, 4, 8, 8, 8};

	(void)state;
	set_up(1);
	start();
	trip();
	for (size_t i = 0; i < TR_ARRAY_LENGTH(whole); i++) {
		tr_span_ns span = cooldown();

		assert_in_range(span, whole[i] * TR_SECOND * 3 / 4, whole[i] * TR_SECOND);
		tr_stage_wait(&stage, span - 1);
		assert_int_equal(breaker_of(0), TR_BREAKER_OPEN);
		tr_stage_wait(&stage, 1);
		assert_int_equal(breaker_of(0), TR_BREAKER_HALF_OPEN);
		if (i + 1 < TR_ARRAY_LENGTH(whole))
			one(BAD);
	}
	/* Closed, and open again before it has healed: as long as ever. */
	one(GOOD);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	tr_stage_wait(&stage, plan.policy.breaker.heal_ns - 1);
	trip();
	assert_in_range(cooldown(), 6 * TR_SECOND, 8 * TR_SECOND);
	cool_down();
	one(GOOD);
	tr_stage_wait(&stage, plan.policy.breaker.heal_ns);
	trip();
	assert_in_range(cooldown(), TR_SECOND * 3 / 4, TR_SECOND);
	tr_stage_done(&stage);
}

/* Endpoints that fell together do not come back together. */
static void test_cool_downs_are_jittered_by_endpoint(void **state)
{
	tr_time_ns until[8];
	uint32_t different = 0;

	(void)state;
	set_up(8);
	plan.policy.breaker.consecutive = 1;
	start();
	for (int i = 0; i < 8; i++)
		one(BAD);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(breaker_of(i), TR_BREAKER_OPEN);
		until[i] = tr_stage_breaker(&stage, endpoint(i))->until;
		different += i > 0 && until[i] != until[i - 1];
	}
	assert_int_equal(different, 7);
	tr_stage_done(&stage);
}

/* ---- half-open ---- */

/* RES-1 */
static void test_half_open_lets_so_many_probes_through_and_closes_after_enough(void **state)
{
	uint64_t probes[3], waits;

	(void)state;
	set_up(1);
	plan.policy.breaker.probes = 3;
	plan.policy.breaker.successes = 3;
	start();
	trip();
	cool_down();
	for (int i = 0; i < 3; i++) {
		probes[i] = submit();
		assert_int_equal(tr_stage_dispatches(&stage, probes[i]), 1);
	}
	waits = submit();
	assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
	end(probes[0], GOOD);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
	end(probes[1], GOOD);
	assert_int_equal(breaker_of(0), TR_BREAKER_HALF_OPEN);
	end(probes[2], GOOD);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	tr_stage_done(&stage);
}

/* A probe that ends without a verdict gives its place to another. */
static void test_a_canceled_probe_gives_its_place_back(void **state)
{
	uint64_t probe, waits;

	(void)state;
	set_up(1);
	start();
	trip();
	cool_down();
	probe = submit();
	waits = submit();
	assert_int_equal(tr_stage_cancel(&stage, probe, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(breaker_of(0), TR_BREAKER_HALF_OPEN);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
	end(waits, GOOD);
	assert_int_equal(breaker_of(0), TR_BREAKER_CLOSED);
	tr_stage_done(&stage);
}

/* Whoever waits is served when the cool-down ends, without any other event. */
static void test_the_end_of_a_cool_down_wakes_who_waits(void **state)
{
	uint64_t waits;

	(void)state;
	set_up(1);
	start();
	trip();
	waits = submit();
	assert_int_equal(tr_stage_dispatches(&stage, waits), 0);
	tr_stage_wait(&stage, TR_SECOND);
	assert_int_equal(tr_stage_dispatches(&stage, waits), 1);
	tr_stage_done(&stage);
}

/* ---- how much of a pool ---- */

/* RES-1: at most the share, but always one. */
static void test_no_more_of_a_pool_is_ejected_than_its_share(void **state)
{
	static const struct {
		uint32_t endpoints, percent, most;
	} rows[] = {{1, 0, 1},	{4, 0, 1},  {4, 25, 1},	 {4, 49, 1},
		    {4, 50, 2}, {5, 50, 2}, {4, 100, 4}, {10, 30, 3}};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		uint32_t out = 0;

		set_up(rows[i].endpoints);
		plan.policy.breaker.consecutive = 1;
		plan.policy.breaker.eject_percent = rows[i].percent;
		plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = TR_MINUTE;
		start();
		for (uint32_t k = 0; k < 3 * rows[i].endpoints; k++)
			if (tr_stage_dispatch(&stage, submit()))
				tr_stage_fail(&stage, stage.next_job_id - 1, TR_CAUSE_RESET, 0);
		for (uint32_t k = 0; k < rows[i].endpoints; k++)
			out += breaker_of(k) != TR_BREAKER_CLOSED;
		assert_int_equal(out, rows[i].most);
		tr_stage_done(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell_of_the_table_is_walked),
		cmocka_unit_test(test_faults_in_a_row_open_it_and_a_success_between_does_not),
		cmocka_unit_test(test_an_error_rate_needs_a_volume),
		cmocka_unit_test(test_an_error_rate_opens_at_its_percent_exactly),
		cmocka_unit_test(test_the_window_slides),
		cmocka_unit_test(test_the_window_slides_on_after_its_length_has_changed),
		cmocka_unit_test(test_the_cool_down_grows_with_each_trip_and_heals),
		cmocka_unit_test(test_cool_downs_are_jittered_by_endpoint),
		cmocka_unit_test(
			test_half_open_lets_so_many_probes_through_and_closes_after_enough),
		cmocka_unit_test(test_a_canceled_probe_gives_its_place_back),
		cmocka_unit_test(test_the_end_of_a_cool_down_wakes_who_waits),
		cmocka_unit_test(test_no_more_of_a_pool_is_ejected_than_its_share),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
