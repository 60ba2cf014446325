/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has changed between versions of the recording format: why a recording of another version is
 * not replayed. A row is added with each TR_SCHEMA_VERSION and none is ever changed.
 *
 * Events are read with the fields of this version alone. Replaying those of an older one would mean
 * to guess the fields it did not have, and to decide by defaults its policy did not know; whatever
 * came out would prove nothing.
 */
#include <stdio.h>

#include "traces/recording_frame.h"

static const struct version {
	uint16_t schema;
	const char *product; /* that first wrote it */
	const char *changes; /* against the version before, as clauses */
} versions[] = {
	{1, "0.1.0", "the first"},
	{2, "0.2.0",
	 "requests name profiles, groups and providers' allowances are events, policies have more "
	 "keys and so other ids, decisions weigh more terms"},
};

_Static_assert(sizeof versions / sizeof versions[0] == TR_SCHEMA_VERSION,
	       "each schema version has a row that says what changed");

const char *tr_recording_foreign_text(uint16_t schema, char *text, size_t size)
{
	int length;

	if (schema == 0 || schema > TR_SCHEMA_VERSION) {
		(void)snprintf(text, size,
			       "was recorded with schema version %u and this program reads version "
			       "%u; a newer program made it",
			       schema, TR_SCHEMA_VERSION);
		return text;
	}
	length =
		snprintf(text, size,
			 "was recorded with schema version %u (tailrace %s) and this program reads "
			 "version %u; it cannot be compared",
			 schema, versions[schema - 1].product, TR_SCHEMA_VERSION);
	for (unsigned i = schema; i < TR_SCHEMA_VERSION && length > 0 && (size_t)length < size; i++)
		length += snprintf(text + length, size - (size_t)length, "; since version %u %s",
				   versions[i].schema, versions[i].changes);
	return text;
}
