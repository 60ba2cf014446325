/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults from the file to what a run gets: every kind can be written, every key takes effect, and
 * names become the servers they mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/scenario/scenario.h"

static struct tr_scenario *load(const char *name, const char *text)
{
	struct tr_scenario *scenario = NULL;
	struct tr_diagnostic diagnostic;
	char line[1024];

	if (tr_scenario_load_text(name, text, strlen(text), &scenario, &diagnostic))
		fail_msg("%s: %s", text, tr_diagnostic_text(&diagnostic, line, sizeof line));
	return scenario;
}

/* A value for each key, as a file has it. */
static const char *const values[TR_FAULT_KEY_COUNT] = {
	[TR_FAULT_KEY_start_ms] = "20",
	[TR_FAULT_KEY_reported] = "true",
	[TR_FAULT_KEY_speed_percent] = "0",
	[TR_FAULT_KEY_extra_ms] = "21",
	[TR_FAULT_KEY_status] = "529",
	[TR_FAULT_KEY_retry_after_ms] = "22",
	[TR_FAULT_KEY_after_ms] = "23",
	[TR_FAULT_KEY_requests_remaining] = "0",
	[TR_FAULT_KEY_requests_reset_ms] = "24",
	[TR_FAULT_KEY_tokens_remaining] = "25",
	[TR_FAULT_KEY_tokens_reset_ms] = "26",
	[TR_FAULT_KEY_hold_ms] = "27",
	[TR_FAULT_KEY_after_tokens] = "0",
	[TR_FAULT_KEY_token_ms] = "28",
	[TR_FAULT_KEY_by_ms] = "29",
	[TR_FAULT_KEY_direction] = "backward",
};

/* What the key became, in thousandths of a second where it is a span. */
static uint64_t taken(const struct tr_fault *fault, enum tr_fault_key key)
{
	switch (key) {
	case TR_FAULT_KEY_reported:
		return fault->reported;
	case TR_FAULT_KEY_speed_percent:
		return fault->speed_permille;
	case TR_FAULT_KEY_status:
		return fault->status;
	case TR_FAULT_KEY_retry_after_ms:
		return fault->retry_after / TR_MS;
	case TR_FAULT_KEY_requests_remaining:
		return fault->requests_remaining;
	case TR_FAULT_KEY_requests_reset_ms:
		return fault->requests_reset / TR_MS;
	case TR_FAULT_KEY_tokens_remaining:
		return fault->tokens_remaining;
	case TR_FAULT_KEY_tokens_reset_ms:
		return fault->tokens_reset / TR_MS;
	case TR_FAULT_KEY_after_tokens:
		return fault->after_tokens;
	case TR_FAULT_KEY_direction:
		return fault->backward;
	case TR_FAULT_KEY_start_ms:
	case TR_FAULT_KEY_extra_ms:
	case TR_FAULT_KEY_after_ms:
	case TR_FAULT_KEY_hold_ms:
	case TR_FAULT_KEY_token_ms:
	case TR_FAULT_KEY_by_ms:
	case TR_FAULT_KEY_COUNT:
		break;
	}
	return fault->span / TR_MS;
}

static uint64_t wanted(enum tr_fault_key key)
{
	if (key == TR_FAULT_KEY_reported || key == TR_FAULT_KEY_direction)
		return 1;
	return strtoull(values[key], NULL, 10);
}

/* A fault of this kind with these keys. */
static void write_fault(uint32_t kind, uint32_t keys, char *text, size_t size)
{
	bool of_servers =
		tr_faults[kind].scope == TR_SCOPE_TRY || tr_faults[kind].scope == TR_SCOPE_SERVER;
	size_t used = (size_t)snprintf(text, size, "faults:\n  - {kind: %s, at_s: 2, for_s: 1.5%s",
				       tr_faults[kind].word, of_servers ? ", all: true" : "");

	for (uint32_t key = 0; key < TR_FAULT_KEY_COUNT; key++)
		if (keys >> key & 1)
			used += (size_t)snprintf(text + used, size - used, ", %s: %s",
						 tr_fault_keys[key], values[key]);
	(void)snprintf(text + used, size - used, "}\n");
}

static void test_every_kind_takes_every_key_of_its_own_and_no_other(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < TR_FAULT_COUNT; kind++) {
		const struct tr_fault_row *row = &tr_faults[kind];
		struct tr_scenario *scenario, *again;
		char text[512];

		assert_int_equal(row->needed & ~row->keys, 0);
		write_fault(kind, row->keys, text, sizeof text);
		scenario = load("s.yaml", text);
		assert_int_equal(scenario->fault_count, 1);
		assert_int_equal(scenario->faults[0].kind, kind);
		assert_true(scenario->faults[0].at == 2 * TR_SECOND);
		assert_true(scenario->faults[0].end ==
			    3500 * TR_MS + (kind == TR_FAULT_CRASH ? 20 * TR_MS : 0));
		assert_string_equal(scenario->faults[0].name, "fault-1");
		for (uint32_t key = 0; key < TR_FAULT_KEY_COUNT; key++)
			if (row->keys >> key & 1)
				assert_true(taken(&scenario->faults[0], (enum tr_fault_key)key) ==
					    wanted((enum tr_fault_key)key));
		/* The canonical form says 0, too. */
		again = load("again.json", scenario->canonical);
		assert_string_equal(again->canonical, scenario->canonical);
		tr_scenario_free(again);
		tr_scenario_free(scenario);
		for (uint32_t key = 0; key < TR_FAULT_KEY_COUNT; key++) {
			struct tr_diagnostic diagnostic;

			if (row->keys >> key & 1)
				continue;
			write_fault(kind, row->keys | UINT32_C(1) << key, text, sizeof text);
			assert_int_equal(tr_scenario_load_text("s.yaml", text, strlen(text),
							       &scenario, &diagnostic),
					 -1);
			assert_non_null(strstr(diagnostic.message, row->word));
		}
	}
}

static void test_what_is_not_said_of_a_fault_is_the_whole_of_it(void **state)
{
	struct tr_scenario *scenario =
		load("s.yaml", "faults:\n"
			       "  - {kind: reset, all: true}\n"
			       "  - {kind: malformed, all: true, first: 7}\n"
			       "  - {name: x, kind: rate_limit, all: true, percent: 2.5}\n");

	(void)state;
	assert_true(scenario->faults[0].at == 0);
	assert_true(scenario->faults[0].end == TR_TIME_NEVER);
	assert_int_equal(scenario->faults[0].ppm, 1000000);
	assert_int_equal(scenario->faults[0].first, 0);
	assert_int_equal(scenario->faults[0].after_tokens, TR_FAULT_DRAWN);
	assert_int_equal(scenario->faults[1].first, 7);
	assert_int_equal(scenario->faults[1].after_tokens, 0);
	assert_int_equal(scenario->faults[2].ppm, 25000);
	assert_int_equal(scenario->faults[2].status, 429);
	assert_int_equal(scenario->faults[2].requests_remaining, UINT32_MAX);
	assert_string_equal(scenario->faults[2].name, "x");
	assert_true(scenario->faults[2].id == tr_name_of("x", 1));
	tr_scenario_free(scenario);
}

/* Names of the servers that a fault concerns, in order. */
static void expect_rows(const struct tr_policy_file *policy, const struct tr_fault *fault,
			const char *names)
{
	char text[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < fault->row_count; i++)
		used += (size_t)snprintf(
			text + used, sizeof text - used, "%s ",
			tr_policy_name(policy,
				       tr_policy_compiled(policy)->endpoints[fault->rows[i]].name));
	assert_string_equal(text, names);
}

static void test_names_become_the_servers_they_mean(void **state)
{
	static const char policy_text[] = "models:\n"
					  "  big: {endpoints: {b1: {}, b11: {}, b2: {}}}\n"
					  "  small: {endpoints: {s1: {}}}\n"
					  "default_model: big\n";
	struct tr_scenario *scenario = load("s.yaml", "faults:\n"
						      "  - {kind: outage, endpoints: [s1, b1]}\n"
						      "  - {kind: outage, models: [big]}\n"
						      "  - {kind: outage, all: true}\n"
						      "  - {kind: store_failure}\n");
	struct tr_policy_file *policy, *scaled;
	struct tr_diagnostic diagnostic;
	struct tr_fault *faults;

	(void)state;
	assert_int_equal(tr_policy_load_text("p.yaml", policy_text, strlen(policy_text), &policy,
					     &diagnostic),
			 0);
	assert_int_equal(tr_scenario_faults(scenario, policy, &faults, &diagnostic), 0);
	expect_rows(policy, &faults[0], "b1 s1 ");
	expect_rows(policy, &faults[1], "b1 b11 b2 ");
	assert_null(faults[2].rows);
	assert_null(faults[3].rows);
	free(faults);
	assert_int_equal(tr_policy_scale(policy, 2, &scaled, &diagnostic), 0);
	assert_int_equal(tr_scenario_faults(scenario, scaled, &faults, &diagnostic), 0);
	expect_rows(scaled, &faults[0], "b1 b1~2 s1 s1~2 ");
	free(faults);
	tr_policy_free(scaled);
	tr_policy_free(policy);
	tr_scenario_free(scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_takes_every_key_of_its_own_and_no_other),
		cmocka_unit_test(test_what_is_not_said_of_a_fault_is_the_whole_of_it),
		cmocka_unit_test(test_names_become_the_servers_they_mean),
	};

	return cmocka_run_group_tests_name("sim scenario fault", tests, NULL, NULL);
}
