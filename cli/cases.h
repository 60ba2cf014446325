/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From paths to cases: a case is a scenario file with a seed.
 *
 * A folder stands for every *.yaml below it, in order of names, but for what begins with '.' and
 * for what lies in a folder named policies, profiles, parts or traces: what scenarios are made of.
 * Every other *.yaml must be a scenario. A file that is named itself is taken whatever it is
 * called.
 */
#ifndef TR_CLI_CASES_H
#define TR_CLI_CASES_H

#include "cli/sim.h"

#define TR_CASE_FILES_MAX 65536
#define TR_CASES_MAX	  (1u << 22)

/* A scenario file. */
struct tr_case_file {
	const char *path;
	struct tr_scenario *scenario;  /* NULL: it cannot be used */
	struct tr_diagnostic *problem; /* then: why; else NULL */
	uint64_t inputs; /* hash of all that its cases are made of, but for the seed */
};

struct tr_case_entry {
	uint32_t file;
	bool seeded; /* not so where the file cannot be used: it is one case then */
	uint64_t seed;
};

struct tr_cases {
	struct tr_case_file *files;
	struct tr_case_entry *entries;
	uint32_t file_count;
	uint32_t count;
	uint64_t hash; /* of the list: equal where all cases are equal, in order */
	uint64_t read; /* hash of the files that were read of late */
	struct tr_arena arena;
};

/* Find, load and list. Returns an enum tr_exit, with a line on stderr; a scenario that is bad is no
 * failure here but a case that will fail. *ret is to be released with tr_cases_done() then. */
int tr_cases_make(const struct tr_sim_values *values, int path_count, char **paths,
		  struct tr_cases *ret);
void tr_cases_done(struct tr_cases *cases);

/* Whether this is a folder. */
bool tr_cases_is_folder(const char *path);

/* Settings as --set gave them: NAME=VALUE each. Returns 2 with a line on stderr where one is none.
 */
int tr_cases_settings(const struct tr_sim_values *values,
		      struct tr_scenario_setting ret[TR_TEXTS_MAX]);
/* Refuse a setting whose name is a parameter of none of the scenarios. Returns an enum tr_exit. */
int tr_cases_check_settings(const struct tr_sim_values *values,
			    const struct tr_scenario *const *scenarios, uint32_t count);

#endif
