/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A result as JSON: what is written with --json, and all that reports are made of.
 *
 * Times are milliseconds with at most three decimals, hashes 16 hex digits in a string, money
 * micro-USD. Only wall_seconds and events_per_second differ between two runs of the same inputs.
 */
#ifndef TR_SIM_SCENARIO_RESULT_JSON_H
#define TR_SIM_SCENARIO_RESULT_JSON_H

#include <jansson.h>

#include "sim/result.h"

/* What a result does not know of itself. Texts may be NULL. */
struct tr_result_origin {
	const char *scenario;  /* path */
	const char *policy;    /* path */
	const char *trace;     /* "azure:PATH" */
	const char *arrivals;  /* "poisson", for synthetic ones */
	uint64_t rows_skipped; /* of the trace */
	uint64_t rows_adjusted;
	uint64_t wall_ns; /* 0: left out, with what is made of it */
	/* The text of a name, or NULL. */
	const char *(*name_of)(void *self, tr_name name);
	void *self;
};

/* A new reference; NULL when memory is out. */
json_t *tr_result_json(const struct tr_result *result, const struct tr_result_origin *origin);

#endif
