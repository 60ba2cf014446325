/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a scenario: refused with a message, or loaded; and what is loaded has a canonical
 * form that loads to itself; and its faults, laid on a policy, concern servers that there are. The
 * first byte chooses the file's name, and so whether it must be JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(int condition)
{
	if (!condition)
		abort();
}

static const char policy_text[] = "models:\n"
				  "  big: {endpoints: {b1: {slots: 4}, b1~2: {slots: 6}}}\n"
				  "  small: {endpoints: {s1: {}}}\n"
				  "default_model: big\n";

static void lay_on_policy(const struct tr_scenario *scenario)
{
	static struct tr_policy_file *policy;
	struct tr_diagnostic diagnostic;
	struct tr_fault *faults;

	if (!policy)
		require(tr_policy_load_text("p.yaml", policy_text, strlen(policy_text), &policy,
					    &diagnostic) == 0);
	if (tr_scenario_faults(scenario, policy, &faults, &diagnostic)) {
		require(diagnostic.message[0] != '\0');
		return;
	}
	for (uint32_t i = 0; i < scenario->fault_count; i++) {
		require(faults[i].at <= faults[i].end);
		require(faults[i].row_count <= tr_policy_compiled(policy)->endpoint_count);
		require(!faults[i].rows || faults[i].row_count > 0);
		for (uint32_t j = 0; faults[i].rows && j < faults[i].row_count; j++)
			require(faults[i].rows[j] < tr_policy_compiled(policy)->endpoint_count);
	}
	free(faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *name = length && bytes[0] % 2 ? "fuzz.json" : "fuzz.yaml";
	struct tr_scenario *scenario = NULL, *again = NULL;
	struct tr_diagnostic diagnostic;

	if (tr_scenario_load_text(name, (const char *)bytes, length, &scenario, &diagnostic)) {
		require(!scenario);
		require(diagnostic.message[0] != '\0');
		require(strlen(diagnostic.message) < sizeof diagnostic.message);
		return 0;
	}
	require(tr_scenario_load_text("again", scenario->canonical, scenario->canonical_length,
				      &again, &diagnostic) == 0);
	require(scenario->canonical_length == again->canonical_length);
	require(memcmp(scenario->canonical, again->canonical, again->canonical_length) == 0);
	require(scenario->source == again->source);
	require(scenario->fault_count == again->fault_count);
	lay_on_policy(scenario);
	tr_scenario_free(again);
	tr_scenario_free(scenario);
	return 0;
}
