/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which try meets which fault: counted, drawn, overlapping; and what a status means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/shape.h"

static void test_statuses_have_the_causes_that_the_engine_names(void **state)
{
	static const struct {
		uint16_t status;
		uint8_t cause;
	} rows[] = {
		{400, TR_CAUSE_BAD_REQUEST},  {401, TR_CAUSE_CREDENTIALS},
		{402, TR_CAUSE_CREDENTIALS},  {403, TR_CAUSE_CREDENTIALS},
		{404, TR_CAUSE_BAD_REQUEST},  {408, TR_CAUSE_BAD_REQUEST},
		{409, TR_CAUSE_BAD_REQUEST},  {413, TR_CAUSE_BAD_REQUEST},
		{422, TR_CAUSE_BAD_REQUEST},  {429, TR_CAUSE_RATE_LIMITED},
		{500, TR_CAUSE_SERVER_ERROR}, {502, TR_CAUSE_SERVER_ERROR},
		{503, TR_CAUSE_OVERLOADED},   {504, TR_CAUSE_SERVER_ERROR},
		{529, TR_CAUSE_OVERLOADED},
	};
	size_t count = 0;

	(void)state;
#define S(status) count++;
	TR_FAULT_STATUS_MAP(S)
#undef S
	assert_int_equal(count, TR_ARRAY_LENGTH(rows));
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++)
		assert_int_equal(tr_fault_cause(rows[i].status), rows[i].cause);
}

static uint32_t count_met(const struct tr_fault *faults, uint32_t count, uint32_t place,
			  uint32_t row1, tr_name server)
{
	struct tr_timeline *timeline = tr_timeline_new(7, T0, faults, count, 2);
	uint32_t met = 0;

	assert_non_null(timeline);
	for (uint64_t job = 1; job <= 10000; job++) {
		const struct tr_trial trial = {
			.server = server, .row = 0, .job_id = job, .tokens_out = 50};
		struct tr_meeting meeting;

		tr_timeline_meet(timeline, T0 + TR_SECOND, &trial, &meeting);
		met += meeting.at[place] == row1;
	}
	tr_timeline_free(timeline);
	return met;
}

static void test_faults_are_counted_and_drawn_as_said(void **state)
{
	struct tr_fault faults[2] = {window(TR_FAULT_ERRORS), window(TR_FAULT_RATE_LIMIT)};

	(void)state;
	assert_int_equal(count_met(faults, 2, TR_PLACE_ANSWER, 2, 42), 10000);
	/* The later one holds where it is drawn, the other where it is not. */
	faults[1].ppm = 200000;
	assert_in_range(count_met(faults, 2, TR_PLACE_ANSWER, 2, 42), 1880, 2120);
	assert_in_range(count_met(faults, 2, TR_PLACE_ANSWER, 1, 42), 7880, 8120);
	faults[1].first = 3;
	assert_int_equal(count_met(faults, 2, TR_PLACE_ANSWER, 2, 42), 3);
	/* Not yet, and no longer. */
	faults[1].at = TR_SECOND + 1;
	assert_int_equal(count_met(faults, 2, TR_PLACE_ANSWER, 2, 42), 0);
	faults[1].at = 0;
	faults[1].end = TR_SECOND;
	assert_int_equal(count_met(faults, 2, TR_PLACE_ANSWER, 2, 42), 0);
}

/* SIM-2 */
static void test_a_draw_depends_on_seed_fault_endpoint_job_and_try_alone(void **state)
{
	struct tr_fault faults[2] = {window(TR_FAULT_RESET), window(TR_FAULT_ERRORS)};
	struct tr_fault reversed[2];
	struct tr_timeline *a, *b;
	uint32_t differ[3] = {0};

	(void)state;
	faults[0].ppm = faults[1].ppm = 500000;
	faults[0].after_tokens = TR_FAULT_DRAWN;
	faults[1].id = 78;
	reversed[0] = faults[1];
	reversed[1] = faults[0];
	a = tr_timeline_new(7, T0, faults, 1, 1);
	b = tr_timeline_new(7, T0, reversed, 2, 1);
	for (uint64_t job = 1; job <= 1000; job++) {
		struct tr_trial trial = {.server = 42, .job_id = job, .tokens_out = 50};
		struct tr_meeting one, same, other;

		tr_timeline_meet(a, T0 + TR_SECOND, &trial, &one);
		tr_timeline_meet(b, T0 + 2 * TR_SECOND, &trial, &same);
		assert_int_equal(one.at[TR_PLACE_BREAK] != 0, same.at[TR_PLACE_BREAK] != 0);
		assert_int_equal(one.break_after, same.break_after);
		if (one.at[TR_PLACE_BREAK])
			assert_in_range(one.break_after, 1, 49);
		differ[0] += (one.at[TR_PLACE_BREAK] != 0) != (same.at[TR_PLACE_ANSWER] != 0);
		trial.tries = 1;
		tr_timeline_meet(a, T0 + TR_SECOND, &trial, &other);
		differ[1] += (one.at[TR_PLACE_BREAK] != 0) != (other.at[TR_PLACE_BREAK] != 0);
		trial.tries = 0;
		trial.server = 43;
		tr_timeline_meet(a, T0 + TR_SECOND, &trial, &other);
		differ[2] += (one.at[TR_PLACE_BREAK] != 0) != (other.at[TR_PLACE_BREAK] != 0);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(differ[i], 400, 600);
	tr_timeline_free(a);
	tr_timeline_free(b);
}

static void test_speeds_multiply_and_latencies_add(void **state)
{
	struct tr_fault faults[4] = {window(TR_FAULT_SLOW_DOWN), window(TR_FAULT_SLOW_DOWN),
				     window(TR_FAULT_LATENCY_SPIKE),
				     window(TR_FAULT_LATENCY_SPIKE)};
	const struct tr_trial trial = {.server = 42, .job_id = 1, .tokens_out = 5};
	struct tr_timeline *timeline;
	struct tr_meeting meeting;

	(void)state;
	faults[0].speed_permille = 500;
	faults[1].speed_permille = 300;
	faults[1].at = 2 * TR_SECOND;
	faults[2].span = 7;
	faults[3].span = 8;
	timeline = tr_timeline_new(7, T0, faults, 4, 1);
	assert_int_equal(tr_timeline_speed(timeline, T0, 0), 1000);
	assert_int_equal(tr_timeline_speed(timeline, T0 + TR_SECOND, 0), 500);
	assert_int_equal(tr_timeline_speed(timeline, T0 + 2 * TR_SECOND, 0), 150);
	assert_int_equal(tr_timeline_speed(timeline, T0 + 3 * TR_SECOND, 0), 1000);
	tr_timeline_meet(timeline, T0 + TR_SECOND, &trial, &meeting);
	assert_int_equal(meeting.latency, 15);
	tr_timeline_free(timeline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses_have_the_causes_that_the_engine_names),
		cmocka_unit_test(test_faults_are_counted_and_drawn_as_said),
		cmocka_unit_test(test_a_draw_depends_on_seed_fault_endpoint_job_and_try_alone),
		cmocka_unit_test(test_speeds_multiply_and_latencies_add),
	};

	return cmocka_run_group_tests_name("sim timeline", tests, NULL, NULL);
}
