/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures over windows: they add up to the run, and are what a count says that shares no code with
 * them. SIM-5
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/engine/policies.h"
#include "tests/sim/probe.h"

#define SEEDS	40
#define WINDOWS 7

/* --------------------------------------------------------------------------------------- windows
 */

/* The i-th of WINDOWS, which cover the run and touch each other. */
static struct tr_selection window(uint32_t i)
{
	struct tr_selection selection = probe_whole();

	selection.from = i ? TR_WORKLOAD_EPOCH + 5 * i * TR_SECOND : 0;
	selection.to =
		i + 1 < WINDOWS ? TR_WORKLOAD_EPOCH + 5 * (i + 1) * TR_SECOND : TR_TIME_NEVER;
	return selection;
}

/* Values that add up over windows are counts of something. */
static bool adds_up(const struct tr_value *value)
{
	return !value->levels && !value->spreads && !strstr(value->name, "percent") &&
	       !strstr(value->name, "per_") && strcmp(value->name, "goodput") != 0 &&
	       strcmp(value->name, "virtual_seconds") != 0;
}

static void test_windows_add_up_to_the_run(void **state)
{
	uint32_t adding = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		probe_begin(seed);
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++)
			for (uint32_t k = 0; k < WINDOWS; k++)
				probe_want((enum tr_value_name)i, window(k));
		probe_play();
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
			enum tr_value_name name = (enum tr_value_name)i;
			bool largest = strstr(tr_values[i].name, "_max") != NULL;
			uint64_t sum = 0, most = 0;

			for (uint32_t k = 0; k < WINDOWS; k++) {
				uint64_t value = probe_measured(name, window(k));

				value = value == UINT64_MAX ? 0 : value;
				sum += value;
				most = tr_max(most, value);
			}
			if (adds_up(&tr_values[i]))
				probe_near(tr_values[i].name, seed, sum,
					   probe_said(&probe.result, name), 0);
			else if (largest && probe_said(&probe.result, name) != UINT64_MAX)
				probe_near(tr_values[i].name, seed, most,
					   probe_said(&probe.result, name), 0);
			adding += adds_up(&tr_values[i]) || largest;
		}
		probe_end();
	}
	assert_true(adding / SEEDS > 25);
}

/* -------------------------------------------------------------------------------- a count by hand
 */

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Most attempts at once of a tenant in [from, to). */
static uint64_t most_at_once(tr_name tenant, tr_time_ns from, tr_time_ns to)
{
	uint64_t now = 0, most = 0;
	uint32_t i = 0;

	for (; i < probe.flight_count && probe.flights[i].time < to; i++) {
		/* What was in flight when the window began is in it. */
		if (probe.flights[i].time > from)
			most = tr_max(most, now);
		if (probe.flights[i].tenant == tenant)
			now += (uint64_t)(int64_t)probe.flights[i].step;
		if (probe.flights[i].time >= from)
			most = tr_max(most, now);
	}
	return probe.result.end > from ? tr_max(most, now) : most;
}

static void check_by_hand(uint64_t seed, struct tr_selection selection)
{
	static uint64_t times[RECORDS_MAX];
	uint64_t submitted = 0, completed = 0, tokens = 0, tokens_all = 0, slack;

	for (uint32_t i = 0; i < probe.record_count; i++) {
		const struct record *record = &probe.records[i];
		bool his = record->tenant == selection.subject.tenant;

		if (record->outcome && record->ended >= selection.from &&
		    record->ended < selection.to) {
			tokens += his ? record->tokens_out : 0;
			tokens_all += record->tokens_out;
		}
		if (!his || record->submitted < selection.from || record->submitted >= selection.to)
			continue;
		submitted++;
		if (record->outcome == TR_OUTCOME_COMPLETED)
			times[completed++] = record->e2e;
	}
	probe_near("submitted", seed, probe_measured(TR_VALUE_submitted, selection),
		   probe_count(submitted), 0);
	probe_near("completed", seed, probe_measured(TR_VALUE_completed, selection),
		   probe_count(completed), 0);
	probe_near("tokens_out_share_percent", seed,
		   probe_measured(TR_VALUE_tokens_out_share_percent, selection),
		   probe_percent(tokens, tokens_all), 0);
	probe_near(
		"in_flight_max", seed, probe_measured(TR_VALUE_in_flight_max, selection),
		probe_count(most_at_once(selection.subject.tenant, selection.from, selection.to)),
		0);
	if (completed == 0)
		return;
	qsort(times, completed, sizeof times[0], compare);
	slack = times[(completed * 95 + 99) / 100 - 1];
	assert_true(probe_measured(TR_VALUE_e2e_p95_ms, selection) >= slack);
	probe_near("e2e_p95_ms", seed, probe_measured(TR_VALUE_e2e_p95_ms, selection), slack,
		   slack / 128 + 1);
}

static void test_windows_of_a_tenant_are_what_a_count_by_hand_says(void **state)
{
	const enum tr_value_name names[] = {TR_VALUE_submitted, TR_VALUE_completed,
					    TR_VALUE_tokens_out_share_percent,
					    TR_VALUE_in_flight_max, TR_VALUE_e2e_p95_ms};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		probe_begin(seed);
		for (uint32_t k = 0; k < WINDOWS; k++) {
			struct tr_selection selection = window(k);

			selection.subject.tenant = TR_NAME("acme");
			for (size_t i = 0; i < TR_ARRAY_LENGTH(names); i++)
				probe_want(names[i], selection);
		}
		probe_play();
		for (uint32_t k = 0; k < WINDOWS; k++) {
			struct tr_selection selection = window(k);

			selection.subject.tenant = TR_NAME("acme");
			check_by_hand(seed, selection);
		}
		probe_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows_add_up_to_the_run),
		cmocka_unit_test(test_windows_of_a_tenant_are_what_a_count_by_hand_says),
	};

	return cmocka_run_group_tests_name("sim measure windows", tests, NULL, NULL);
}
