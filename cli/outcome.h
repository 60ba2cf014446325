/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a case, as JSON: who it was, how it went, and where it ran its result. All that is
 * printed and written of cases is made of it, whoever played them: this process, a child, or
 * another machine.
 *
 * The keys: scenario, seed, title, proves, status, message; then those of the result
 * (sim/scenario/result_json.h), if there is one.
 */
#ifndef TR_CLI_OUTCOME_H
#define TR_CLI_OUTCOME_H

#include "cli/cases.h"

/* How a case can go. X(name, word, exit code) */
#define TR_CASE_STATUS_MAP(X)                                                                      \
	X(OK, "ok", TR_EXIT_OK)                                                                    \
	X(FAILED, "failed", TR_EXIT_FAILED)	  /* an assertion does not hold */                 \
	X(DIED, "died", TR_EXIT_FAILED)		  /* its process did, and did not say why */       \
	X(BAD_INPUT, "bad_input", TR_EXIT_INPUT)  /* it could not be played */                     \
	X(NO_OUTPUT, "no_output", TR_EXIT_OUTPUT) /* something could not be written, or no memory  \
						   */

enum tr_case_status {
#define X(name, word, code) TR_STATUS_##name,
	TR_CASE_STATUS_MAP(X)
#undef X
	TR_STATUS_COUNT
};

/* An outcome without a result. A new reference; NULL when memory is out. */
json_t *tr_outcome_new(const struct tr_case_file *file, const struct tr_case_entry *entry,
		       enum tr_case_status status, const char *message);
/* One with a result, which is released: OK or FAILED, as its assertions say. */
json_t *tr_outcome_of(const struct tr_case_file *file, const struct tr_case_entry *entry,
		      json_t *result);

enum tr_case_status tr_outcome_status(const json_t *outcome);
/* The exit code of a status. */
int tr_outcome_exit(enum tr_case_status status);

/* "scenarios/x.yaml seed 7"; returns text. */
const char *tr_outcome_name(const json_t *outcome, char *text, size_t size);

/* Print a line for it, and one for each thing that went wrong. wall_ns: how long it took; 0: not
 * said. */
void tr_outcome_print(const json_t *outcome, uint64_t wall_ns, bool colors);

/* Write it without a line break in it. Returns 0, or an errno. */
int tr_outcome_write(const json_t *outcome, FILE *stream);

#endif
