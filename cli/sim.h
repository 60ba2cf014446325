/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tailrace sim` was told, as its parts share it: sim.c has the options and plays one case
 * here; sweep.c plays many in processes of their own.
 */
#ifndef TR_CLI_SIM_H
#define TR_CLI_SIM_H

#include <jansson.h>

#include "cli/command.h"
#include "sim/scenario/case.h"

struct tr_sim_values {
	/* Of each case. */
	struct tr_texts set;
	const char *policy;
	const char *trace;
	const char *record;
	uint64_t seed;
	uint64_t amplify_milli;
	uint64_t scale;
	uint64_t repeat;
	uint64_t limit;
	unsigned spread;
	bool skip_bad;
	/* Of all of them. */
	const char *filter;
	const char *shard;
	const char *out;
	const char *json;
	const char *junit;
	uint64_t jobs; /* 0: one for each CPU */
	bool fail_fast;
	bool list;
	bool quiet;
};

/* Which cases of all: every `of`-th, beginning with number `index` from 0. */
struct tr_shard {
	uint32_t index;
	uint32_t of;
};

/* The options of a case of this seed, or TR_CASE_NOT_GIVEN. */
struct tr_case_options tr_sim_case_options(const struct tr_sim_values *values, uint64_t seed);

/* Whether a scenario and the options make a whole: a policy, requests, and no option without
 * effect. Returns 0, or -1 and *ret_diagnostic. */
int tr_sim_check(const struct tr_sim_values *values, const struct tr_scenario *scenario,
		 struct tr_diagnostic *ret_diagnostic);

/* Whether an output of this name would go over what the scenario, or the options, read. */
bool tr_sim_is_input(const struct tr_sim_values *values, const struct tr_scenario *scenario,
		     const char *output);

/* The exit code for an enum tr_case_error. */
int tr_sim_exit(int error);

/* The cases of many files, or of one file with many seeds. Returns an enum tr_exit. */
int tr_sweep_run(const struct tr_sim_values *values, int path_count, char **paths);

#endif
