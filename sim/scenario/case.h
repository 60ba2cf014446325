/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One case: a scenario, what is laid over it, and a seed, played to the end.
 *
 * What the options give goes before what the scenario says, and the scenario before the defaults.
 * Every input is opened, and the recording begun, before the first step; so a run of an hour does
 * not end with a typing error.
 *
 *	tr_case_open(scenario, &options, &playing, &diagnostic);
 *	while ((more = tr_case_advance(playing, 4096, &diagnostic)) == 1)
 *		...
 *	tr_case_finish(playing, &diagnostic);
 *	json = tr_case_json(playing, wall_ns);
 */
#ifndef TR_SIM_SCENARIO_CASE_H
#define TR_SIM_SCENARIO_CASE_H

#include <jansson.h>

#include "sim/scenario/scenario.h"

/* A number that the options leave to the scenario. */
#define TR_CASE_NOT_GIVEN UINT64_MAX

enum tr_case_spread {
	TR_CASE_SPREAD_SEEDED,
	TR_CASE_SPREAD_NONE,
	TR_CASE_SPREAD_NOT_GIVEN,
};

/* What goes before the scenario; NULL and TR_CASE_NOT_GIVEN: nothing does. */
struct tr_case_options {
	const char *policy; /* path */
	const char *trace;  /* "FORMAT:PATH" */
	const char *record; /* path of the recording to write; NULL: none */
	uint64_t seed;
	uint64_t amplify_milli; /* of the trace, for these four */
	uint64_t repeat;
	enum tr_case_spread spread;
	bool skip_bad;
	uint64_t requests_max;
	uint64_t scale; /* of each endpoint and its server; 1: as the policy has them */
};

/* Whose fault it is. */
enum tr_case_error {
	TR_CASE_USAGE = -1,  /* an option cannot be understood */
	TR_CASE_INPUT = -2,  /* a file is missing or bad */
	TR_CASE_OUTPUT = -3, /* the recording cannot be written */
	TR_CASE_MEMORY = -4,
};

struct tr_case;

/* Open what it reads and make the run. The scenario, which has a policy and requests or is given
 * them by the options, and the options' texts are needed as long as the case. Returns 0 and *ret,
 * or an enum tr_case_error and *ret_diagnostic. */
int tr_case_open(const struct tr_scenario *scenario, const struct tr_case_options *options,
		 struct tr_case **ret, struct tr_diagnostic *ret_diagnostic);

/* At most `steps` steps. Returns 1 if there is more to do, 0 when the run is over, or an enum
 * tr_case_error: the case can then not go on. */
int tr_case_advance(struct tr_case *playing, uint64_t steps, struct tr_diagnostic *ret_diagnostic);

/* Close the recording, if there is one. Returns 0 or an enum tr_case_error. */
int tr_case_finish(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic);

/* The result of a run that is over, as sim/scenario/result_json.h has it. wall_ns: how long it
 * took; 0: a result that is the same for every run, without times of this machine. A new reference;
 * NULL when memory is out. */
json_t *tr_case_json(struct tr_case *playing, uint64_t wall_ns);

/* Requests that have come so far. */
uint64_t tr_case_submitted(const struct tr_case *playing);
/* Thousandths of the requests that have come; above 1000: nobody knows. */
uint32_t tr_case_share(const struct tr_case *playing);

/* Release; a recording that is not finished is removed. NULL is permitted. */
void tr_case_free(struct tr_case *playing);

#endif
