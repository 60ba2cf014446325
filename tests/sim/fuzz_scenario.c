/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a scenario with all that it names: refused with a message, or loaded; what is loaded
 * has a canonical form that loads to itself, and its faults, laid on a policy, concern servers that
 * there are.
 *
 * The bytes are several files, parted by lines "%%": the scenario, called main.yaml or main.json as
 * the first byte decides, then 1.yaml, 2.yaml and so on. No other file is there, so nothing that
 * the bytes name is ever opened on the machine that runs this.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/scenario.h"

#define PARTING	  "\n%%\n"
#define PARTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct part {
	const char *text;
	size_t length;
};

struct parts {
	uint32_t count;
	struct part rows[PARTS_MAX];
};

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

static void split(const char *text, size_t length, struct parts *ret)
{
	ret->count = 0;
	for (;;) {
		const char *end = ret->count + 1 < PARTS_MAX
					  ? memmem(text, length, PARTING, strlen(PARTING))
					  : NULL;
		size_t taken = end ? (size_t)(end - text) + 1 : length;

		ret->rows[ret->count++] = (struct part){text, taken};
		if (!end)
			return;
		taken += strlen(PARTING) - 1;
		text += taken;
		length -= taken;
	}
}

static int load_part(void *self, const char *path, struct tr_document **ret,
		     struct tr_diagnostic *ret_diagnostic)
{
	const struct parts *parts = self;
	uint32_t index = 0;

	if (strncmp(path, "main.", 5) != 0) {
		if (path[0] < '1' || path[0] > '9' || strcmp(path + 1, ".yaml") != 0 ||
		    (uint32_t)(path[0] - '0') >= parts->count)
			return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "cannot be opened");
		index = (uint32_t)(path[0] - '0');
	}
	return tr_document_parse(path, parts->rows[index].text, parts->rows[index].length, ret,
				 ret_diagnostic);
}

static void check_refusal(const struct tr_diagnostic *diagnostic)
{
	require(diagnostic->message[0] != '\0');
	require(strlen(diagnostic->message) < sizeof diagnostic->message);
}

static void check_canonical(const struct tr_scenario *scenario)
{
	struct tr_scenario *again = NULL;
	struct tr_diagnostic diagnostic;

	require(tr_scenario_load_text("again", scenario->canonical, scenario->canonical_length,
				      &again, &diagnostic) == 0);
	require(scenario->canonical_length == again->canonical_length);
	require(memcmp(scenario->canonical, again->canonical, again->canonical_length) == 0);
	require(scenario->source == again->source);
	require(scenario->seed_count == again->seed_count);
	require(scenario->fault_count == again->fault_count);
	lay_on_policy(scenario);
	tr_scenario_free(again);
}

static void check_policy(const struct tr_scenario *scenario)
{
	struct tr_policy_file *policy = NULL;
	struct tr_diagnostic diagnostic;

	if (!scenario->policy)
		return;
	if (tr_scenario_policy(scenario, &policy, &diagnostic))
		check_refusal(&diagnostic);
	tr_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *name = length && bytes[0] % 2 ? "main.json" : "main.yaml";
	struct parts parts;
	const struct tr_scenario_files files = {load_part, &parts};
	const struct tr_scenario_setting settings[] = {{"rate", "3"}};
	const struct tr_scenario_reading reading = {
		.settings = settings, .setting_count = 1, .files = &files};
	struct tr_scenario *scenario = NULL;
	struct tr_diagnostic diagnostic;

	split((const char *)bytes, length, &parts);
	if (tr_scenario_load(name, &reading, &scenario, &diagnostic)) {
		require(!scenario);
		check_refusal(&diagnostic);
		return 0;
	}
	check_canonical(scenario);
	check_policy(scenario);
	tr_scenario_free(scenario);
	return 0;
}
