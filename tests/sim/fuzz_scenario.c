/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a scenario: refused with a message, or loaded; and what is loaded has a canonical
 * form that loads to itself. The first byte chooses the file's name, and so whether it must be
 * JSON.
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
	tr_scenario_free(again);
	tr_scenario_free(scenario);
	return 0;
}
