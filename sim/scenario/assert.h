/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scenario asserts of its run: found out while it runs, judged at its end.
 *
 * A host makes the assertions of a scenario for a run before its first step, lets the run go to its
 * end, and judges once. Memory is fixed by the file: each assertion has its own counters, and equal
 * ones share theirs. That nothing is lost, and that the engine's state adds up, is judged whether
 * the file says so or not.
 *
 *	tr_assertions_new(scenario, policy, &limits, run, &assertions, &diagnostic);
 *	while (tr_run_advance(run, ...) == 1) ...
 *	failed = tr_assertions_judge(assertions, run);
 *	for (i = 0; i < tr_assertions_count(assertions); i++)
 *		puts(tr_finding_text(tr_assertions_finding(assertions, i), text, sizeof text));
 */
#ifndef TR_SIM_SCENARIO_ASSERT_H
#define TR_SIM_SCENARIO_ASSERT_H

#include <jansson.h>

#include "sim/run.h"
#include "sim/scenario/scenario.h"

struct tr_assertions;

/* Texts live as long as the assertions and their scenario. */
struct tr_finding {
	bool held;
	const char *file;   /* that has the assertion */
	unsigned line;	    /* 0: asserted of every run, no line says it */
	const char *name;   /* given in the file; NULL: none */
	char subject[480];  /* "ttft_p95_ms{class=interactive} from 60 s to 120 s" */
	char found[320];    /* "2310.4" */
	char expected[480]; /* "below 2000" */
};

/* Longest text of a finding, with its NUL. */
#define TR_FINDING_TEXT_MAX 2000

/* Whether the names that assertions select by are names of the policy, or of the scenario's labels.
 * Returns 0, or -1 and *ret_diagnostic. tr_assertions_new() checks the same. */
int tr_assertions_check(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
			struct tr_diagnostic *ret_diagnostic);

/*
 * Make the assertions of a scenario and observe a run that has not begun. Scenario, policy and run
 * are needed as long; limits are the run's. Returns 0 and *ret, to be freed, or -1 and
 * *ret_diagnostic: a name that nothing has, or no memory.
 */
int tr_assertions_new(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
		      const struct tr_limits *limits, struct tr_run *run,
		      struct tr_assertions **ret, struct tr_diagnostic *ret_diagnostic);
void tr_assertions_free(struct tr_assertions *assertions);

/* Judge the run as it stands when this is first called. Returns how many do not hold. */
uint32_t tr_assertions_judge(struct tr_assertions *assertions, const struct tr_run *run);

/* After the judgement, in order of the file, those of every run first. */
uint32_t tr_assertions_count(const struct tr_assertions *assertions);
const struct tr_finding *tr_assertions_finding(const struct tr_assertions *assertions, uint32_t i);

/* "FAIL scenarios/x.yaml:31: SUBJECT: found X, expected Y", or the same with "ok  "; a name stands
 * before the subject. Cut to size. Returns text. */
const char *tr_finding_text(const struct tr_finding *finding, char *text, size_t size);

/* The lists of values and events in Markdown, for the end of the scenario page; NULL when memory is
 * out; to be freed with free(). */
char *tr_assertions_reference(void);

/* The findings as a JSON array, a new reference; NULL when memory is out. */
json_t *tr_assertions_json(const struct tr_assertions *assertions);

#endif
