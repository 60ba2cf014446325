/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
		fail_msg("%s", tr_diagnostic_text(&diagnostic, line, sizeof line));
	return scenario;
}

static const char policy_text[] = "models:\n"
				  "  big: {endpoints: {b1: {slots: 4}, b2: {slots: 6}}}\n"
				  "  small: {endpoints: {s1: {}}}\n"
				  "default_model: big\n";

static struct tr_policy_file *load_policy(void)
{
	struct tr_policy_file *policy = NULL;
	struct tr_diagnostic diagnostic;
	char line[1024];

	if (tr_policy_load_text("p.yaml", policy_text, strlen(policy_text), &policy, &diagnostic))
		fail_msg("%s", tr_diagnostic_text(&diagnostic, line, sizeof line));
	return policy;
}

static const struct tr_server *server_of(const struct tr_server *servers, uint32_t count,
					 const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (servers[i].name == tr_name_of(name, strlen(name)))
			return &servers[i];
	fail_msg("no server %s", name);
	return NULL;
}

/* SIM-5 */
static void test_servers_take_the_nearest_that_is_said_of_them(void **state)
{
	struct tr_scenario *scenario = load(
		"s.yaml", "fleet:\n"
			  "  default: {token_ms: 30, error_percent: 1.5}\n"
			  "  models: {big: {token_ms: 20, first_token_ms: 7.5}}\n"
			  "  endpoints: {b2: {token_ms: 10, slots: 3}, s1: {connect_ms: 0}}\n");
	struct tr_policy_file *policy = load_policy();
	struct tr_diagnostic diagnostic;
	struct tr_server *servers;
	const struct tr_server *server;
	uint32_t count = tr_policy_compiled(policy)->endpoint_count;

	(void)state;
	assert_int_equal(tr_scenario_servers(scenario, policy, &servers, &diagnostic), 0);
	server = server_of(servers, count, "b1");
	assert_true(server->profile.tpot_ns == 20 * TR_MS);
	assert_true(server->profile.ttft_base_ns == 7500000);
	assert_int_equal(server->profile.error_ppm, 15000);
	assert_int_equal(server->profile.slots, 0);
	assert_int_equal(server->slots, 4);
	server = server_of(servers, count, "b2");
	assert_true(server->profile.tpot_ns == 10 * TR_MS);
	assert_true(server->profile.ttft_base_ns == 7500000);
	assert_int_equal(server->profile.slots, 3);
	server = server_of(servers, count, "s1");
	assert_true(server->profile.tpot_ns == 30 * TR_MS);
	assert_true(server->profile.connect_ns == 0);
	assert_true(server->profile.ttft_base_ns == tr_server_profile_default.ttft_base_ns);
	free(servers);
	tr_policy_free(policy);
	tr_scenario_free(scenario);
}

static void test_copies_made_by_scaling_have_the_profile_of_the_original(void **state)
{
	struct tr_scenario *scenario =
		load("s.yaml", "fleet: {endpoints: {b1: {token_ms: 11}, b2: {token_ms: 12}}}\n");
	struct tr_policy_file *policy = load_policy(), *scaled;
	struct tr_diagnostic diagnostic;
	struct tr_server *servers;
	uint32_t count;

	(void)state;
	assert_int_equal(tr_policy_scale(policy, 3, &scaled, &diagnostic), 0);
	count = tr_policy_compiled(scaled)->endpoint_count;
	assert_int_equal(count, 9);
	assert_int_equal(tr_scenario_servers(scenario, scaled, &servers, &diagnostic), 0);
	assert_true(server_of(servers, count, "b1~3")->profile.tpot_ns == 11 * TR_MS);
	assert_true(server_of(servers, count, "b2~2")->profile.tpot_ns == 12 * TR_MS);
	assert_true(server_of(servers, count, "s1~2")->profile.tpot_ns == 45 * TR_MS);
	free(servers);
	tr_policy_free(scaled);
	tr_policy_free(policy);
	tr_scenario_free(scenario);
}

static void test_paths_are_taken_from_the_scenarios_folder(void **state)
{
	const char *text = "policy: policies/p.yaml\ntrace: {file: \"azure:t.csv\"}\n";
	struct tr_scenario *scenario = load("some/where/s.yaml", text);

	(void)state;
	assert_string_equal(scenario->policy, "some/where/policies/p.yaml");
	assert_string_equal(scenario->trace, "azure:some/where/t.csv");
	tr_scenario_free(scenario);
	scenario = load("s.yaml", text);
	assert_string_equal(scenario->policy, "policies/p.yaml");
	tr_scenario_free(scenario);
	scenario = load("a/s.yaml", "policy: /p.yaml\ntrace: {file: \"azure:-\"}\n");
	assert_string_equal(scenario->policy, "/p.yaml");
	assert_string_equal(scenario->trace, "azure:-");
	tr_scenario_free(scenario);
}

static void test_every_key_takes_effect(void **state)
{
	struct tr_scenario *scenario =
		load("s.yaml", "seed: 9\nrequests: 12\nduration_s: 3.5\nstore_ms: 2\nstop_s: 8\n"
			       "workload:\n  arrivals: bursty\n  rate: 2.25\n  burst_factor: 1.5\n"
			       "  burst_s: 2\n  pause_s: 3\n"
			       "  tokens_in: {fixed: 5}\n"
			       "  tokens_out: {min: 1, p50: 10, p95: 20, max: 30}\n"
			       "labels:\n  model: m\n  intent: i\n  class: c\n  stream: false\n"
			       "  async: true\n  tenants: {b: 2, a: 1}\n"
			       "  profiles: {slow: 1, fast: 9}\n  sessions: 3\n");

	(void)state;
	assert_int_equal(scenario->seed, 9);
	assert_int_equal(scenario->source, TR_SOURCE_SYNTHETIC);
	assert_int_equal(scenario->requests_max, 12);
	assert_true(scenario->duration == 3500 * TR_MS);
	assert_true(scenario->store_delay == 2 * TR_MS);
	assert_true(scenario->stop_after == 8 * TR_SECOND);
	assert_int_equal(scenario->process.kind, TR_PROCESS_BURSTY);
	assert_int_equal(scenario->process.rate_micro, 2250000);
	assert_int_equal(scenario->process.burst_milli, 1500);
	assert_true(scenario->process.burst_ns == 2 * TR_SECOND);
	assert_int_equal(scenario->tokens_in.count, 1);
	assert_int_equal(scenario->tokens_in.knots[0].value, 5);
	assert_int_equal(scenario->tokens_out.count, 4);
	assert_int_equal(scenario->tokens_out.knots[2].share, 950000);
	assert_int_equal(scenario->tokens_out.knots[2].value, 20);
	assert_true(scenario->labels.model == tr_name_of("m", 1));
	assert_true(scenario->labels.intent == tr_name_of("i", 1));
	assert_true(scenario->labels.class_name == tr_name_of("c", 1));
	assert_int_equal(scenario->labels.flags, TR_SUBMIT_ASYNC);
	assert_int_equal(scenario->labels.tenant_count, 2);
	assert_string_equal(scenario->labels.tenants[0].text, "a");
	assert_int_equal(scenario->labels.tenants[1].weight, 2);
	assert_int_equal(scenario->labels.profile_count, 2);
	assert_true(scenario->labels.profiles[0].name == tr_name_of("fast", 4));
	assert_int_equal(scenario->labels.profiles[0].weight, 9);
	assert_int_equal(scenario->labels.session_count, 3);
	assert_string_equal(scenario->labels.sessions[2].text, "session-3");
	assert_true(scenario->labels.sessions[2].name == tr_name_of("session-3", 9));
	tr_scenario_free(scenario);
	scenario = load("s.yaml", "trace: {file: \"azure:a\", amplify: 2.5, repeat: 3, "
				  "spread: false, skip_bad: true}\n");
	assert_int_equal(scenario->source, TR_SOURCE_TRACE);
	assert_int_equal(scenario->trace_options.amplify_milli, 2500);
	assert_int_equal(scenario->trace_options.repeat, 3);
	assert_false(scenario->trace_options.spread);
	assert_true(scenario->trace_options.skip_bad);
	tr_scenario_free(scenario);
}

static void test_an_absent_scenario_says_what_an_empty_one_says(void **state)
{
	struct tr_scenario *scenario = tr_scenario_default();

	(void)state;
	assert_non_null(scenario);
	assert_int_equal(scenario->source, TR_SOURCE_NONE);
	assert_int_equal(scenario->seed, 1);
	assert_int_equal(scenario->labels.flags, TR_SUBMIT_STREAM);
	assert_true(scenario->store_delay == TR_MS);
	tr_scenario_free(scenario);
}

static void test_the_canonical_form_loads_to_itself(void **state)
{
	struct tr_scenario *scenario =
		load("s.yaml", "requests: 5\nworkload: {rate: 3, tokens_in: {fixed: 9}}\n"
			       "fleet: {endpoints: {b: {slots: 2}}}\n");
	struct tr_scenario *again = load("s.json", scenario->canonical);

	(void)state;
	assert_string_equal(again->canonical, scenario->canonical);
	assert_int_equal(again->tokens_in.knots[0].value, 9);
	tr_scenario_free(again);
	tr_scenario_free(scenario);
}

/* What is left out is taken from another layer; an explicit 0 goes before it. */
static void test_the_canonical_form_says_of_servers_only_what_the_file_says(void **state)
{
	struct tr_scenario *scenario = load("s.yaml", "fleet: {endpoints: {b: {slots: 2}}}\n");

	(void)state;
	assert_non_null(strstr(scenario->canonical, "{\"b\":{\"slots\":2}}"));
	tr_scenario_free(scenario);
	scenario = load("s.yaml", "fleet: {endpoints: {b: {token_ms: 0}}}\n");
	assert_non_null(strstr(scenario->canonical, "{\"b\":{\"token_ms\":0}}"));
	tr_scenario_free(scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers_take_the_nearest_that_is_said_of_them),
		cmocka_unit_test(test_copies_made_by_scaling_have_the_profile_of_the_original),
		cmocka_unit_test(test_paths_are_taken_from_the_scenarios_folder),
		cmocka_unit_test(test_every_key_takes_effect),
		cmocka_unit_test(test_an_absent_scenario_says_what_an_empty_one_says),
		cmocka_unit_test(test_the_canonical_form_loads_to_itself),
		cmocka_unit_test(test_the_canonical_form_says_of_servers_only_what_the_file_says),
	};

	return cmocka_run_group_tests_name("sim scenario", tests, NULL, NULL);
}
