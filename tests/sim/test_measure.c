/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures of the whole run against the ledger: every value that there is, and the rows of classes,
 * tenants and endpoints. SIM-5
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

#define SEEDS 40

static void test_every_value_of_the_whole_run_is_the_ledgers(void **state)
{
	uint64_t known = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		probe_begin(seed);
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++)
			probe_want((enum tr_value_name)i, probe_whole());
		probe_play();
		for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
			uint64_t got = probe_measured((enum tr_value_name)i, probe_whole());

			/* The ledger's means and percents of levels are rounded on their way. */
			probe_near(tr_values[i].name, seed, got,
				   probe_said(&probe.result, (enum tr_value_name)i),
				   i == TR_VALUE_utilization_percent ? 100 : 0);
			known += got != UINT64_MAX && got > 0;
		}
		probe_end();
	}
	/* Most of them mean something in most of the worlds. */
	assert_true(known > SEEDS * TR_VALUE_COUNT * 7 / 10);
}

/* ----------------------------------------------------------------------------- rows of the ledger
 */

static struct tr_selection of(struct tr_subject subject)
{
	return (struct tr_selection){.subject = subject, .to = TR_TIME_NEVER};
}

static const enum tr_value_name row_values[] = {
	TR_VALUE_submitted,   TR_VALUE_rejected,    TR_VALUE_completed,	   TR_VALUE_failed,
	TR_VALUE_expired,     TR_VALUE_in_system,   TR_VALUE_good,	   TR_VALUE_retries,
	TR_VALUE_hedges,      TR_VALUE_tokens_in,   TR_VALUE_tokens_out,   TR_VALUE_cost_usd,
	TR_VALUE_ttft_p95_ms, TR_VALUE_e2e_mean_ms, TR_VALUE_queue_max_ms, TR_VALUE_warm_attempts,
};

static const enum tr_value_name endpoint_values[] = {
	TR_VALUE_attempts,
	TR_VALUE_attempts_answered,
	TR_VALUE_attempt_failures,
	TR_VALUE_attempt_aborts,
	TR_VALUE_breaker_trips,
	TR_VALUE_in_flight_max,
	TR_VALUE_completed,
	TR_VALUE_tokens_out,
	TR_VALUE_cost_usd,
	TR_VALUE_attempt_ttft_p95_ms,
	TR_VALUE_attempt_time_mean_ms,
	TR_VALUE_attempts_share_percent,
	TR_VALUE_utilization_percent,
};

static uint64_t row_says(const struct tr_result_row *row, enum tr_value_name name)
{
	struct tr_result alone = {.all = *row, .end = 1};

	return probe_said(&alone, name);
}

static void assert_rows(const struct tr_result_row *rows, uint32_t rows_count, uint64_t seed,
			bool tenants)
{
	for (uint32_t i = 0; i < rows_count; i++) {
		struct tr_subject subject =
			tenants ? (struct tr_subject){.tenant = rows[i].name}
				: (struct tr_subject){.class_name = rows[i].name};

		/* Who has no name cannot be asked for. */
		for (size_t k = 0; rows[i].name && k < TR_ARRAY_LENGTH(row_values); k++)
			probe_near(tr_values[row_values[k]].name, seed,
				   probe_measured(row_values[k], of(subject)),
				   row_says(&rows[i], row_values[k]), 0);
	}
}

static uint64_t endpoint_says(const struct tr_result_endpoint *row, enum tr_value_name name)
{
	const uint64_t all[] = {
		probe_count(row->attempts),
		probe_count(row->answered),
		probe_count(row->failed),
		probe_count(row->aborted),
		probe_count(row->breaker_trips),
		probe_count(row->in_flight_max),
		probe_count(row->completed),
		probe_count(row->tokens_out),
		row->cost_micro_usd,
		probe_some(row->ttft.count, row->ttft.p95),
		probe_some(row->time.count, row->time.mean),
		probe_percent(row->attempts, probe.result.attempts),
		row->utilization_ppm * 100,
	};

	assert_int_equal(TR_ARRAY_LENGTH(all), TR_ARRAY_LENGTH(endpoint_values));
	for (size_t i = 0; i < TR_ARRAY_LENGTH(all); i++)
		if (endpoint_values[i] == name)
			return all[i];
	return 0;
}

static void test_values_of_a_class_a_tenant_an_endpoint_are_their_rows(void **state)
{
	const tr_name tenants[] = {TR_NAME("acme"), TR_NAME("tiny"), TR_NAME("zed")};
	const tr_name classes[] = {TR_NAME("batch"), TR_NAME("interactive")};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
		probe_begin(seed);
		for (size_t k = 0; k < TR_ARRAY_LENGTH(row_values); k++) {
			for (size_t i = 0; i < TR_ARRAY_LENGTH(tenants); i++)
				probe_want(row_values[k],
					   of((struct tr_subject){.tenant = tenants[i]}));
			for (size_t i = 0; i < TR_ARRAY_LENGTH(classes); i++)
				probe_want(row_values[k],
					   of((struct tr_subject){.class_name = classes[i]}));
		}
		for (uint32_t i = 0; i < probe.mixed.world.policy.endpoint_count; i++)
			for (size_t k = 0; k < TR_ARRAY_LENGTH(endpoint_values); k++)
				probe_want(endpoint_values[k],
					   of((struct tr_subject){
						   .endpoint = probe.mixed.world.policy.endpoints[i]
								       .name}));
		probe_play();
		assert_rows(probe.result.tenants, probe.result.tenant_count, seed, true);
		assert_rows(probe.result.classes, probe.result.class_count, seed, false);
		for (uint32_t i = 0; i < probe.result.endpoint_count; i++) {
			const struct tr_result_endpoint *row = &probe.result.endpoints[i];

			assert_int_equal(row->attempts, row->answered + row->failed + row->aborted +
								row->in_flight);
			for (size_t k = 0; k < TR_ARRAY_LENGTH(endpoint_values); k++)
				probe_near(tr_values[endpoint_values[k]].name, seed,
					   probe_measured(
						   endpoint_values[k],
						   of((struct tr_subject){.endpoint = row->name})),
					   endpoint_says(row, endpoint_values[k]), 100);
		}
		probe_end();
	}
}

static void test_equal_selections_share_a_column_and_reasons_need_none(void **state)
{
	struct tr_selection reset = probe_whole(), refused = probe_whole();

	(void)state;
	probe_begin(2);
	reset.subject.cause = TR_CAUSE_RESET;
	refused.subject.cause = TR_CAUSE_CONNECT;
	probe_want(TR_VALUE_attempt_failures, probe_whole());
	probe_want(TR_VALUE_attempt_failures, reset);
	probe_want(TR_VALUE_attempt_failures, refused);
	probe_play();
	assert_int_equal(probe_measured(TR_VALUE_attempt_failures, reset),
			 probe_count(probe.result.attempt_failures[TR_CAUSE_RESET]));
	assert_int_equal(probe_measured(TR_VALUE_attempt_failures, refused),
			 probe_count(probe.result.attempt_failures[TR_CAUSE_CONNECT]));
	assert_true(probe_measured(TR_VALUE_attempt_failures, reset) > 0);
	probe_end();
}

static void test_names_are_found_and_differ(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
		assert_non_null(tr_values[i].read);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(tr_values[i].name, tr_values[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value_of_the_whole_run_is_the_ledgers),
		cmocka_unit_test(test_values_of_a_class_a_tenant_an_endpoint_are_their_rows),
		cmocka_unit_test(test_equal_selections_share_a_column_and_reasons_need_none),
		cmocka_unit_test(test_names_are_found_and_differ),
	};

	return cmocka_run_group_tests_name("sim measure", tests, NULL, NULL);
}
