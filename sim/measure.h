/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any value of a result, over any part of a run: of a window, a class, a tenant, a session, a
 * model, an endpoint.
 *
 * Which values there are is one table; reader, messages and reference follow it. Each combination
 * of window and names is one column of the books (sim/tally.h), shared by all who ask for values of
 * it. Values are integers in millionths of their unit, rounded down, so that two machines agree on
 * whether a bound holds.
 *
 * A window is [from, to). Values of requests are of those that were submitted in it, whatever
 * became of them and when; all others are of what happened in it.
 */
#ifndef TR_SIM_MEASURE_H
#define TR_SIM_MEASURE_H

#include "sim/value.h"

/* What a value is asked of. Names 0: any. `from`, `to`: absolute; 0, TR_TIME_NEVER: the whole run.
 * code, cause: 0: any. */
struct tr_selection {
	struct tr_subject subject;
	tr_time_ns from;
	tr_time_ns to;
};

/* Whether an occurrence is about these names and reasons, each that the kind of occurrence has;
 * when it was is not asked. */
bool tr_selection_is(const struct tr_selection *selection, const struct tr_occurrence *occurrence);

struct tr_measures;

/* The policy is needed as long as the measures. NULL if there is no memory. */
struct tr_measures *tr_measures_new(const struct tr_policy *policy);
void tr_measures_free(struct tr_measures *measures);

/* A value will be asked of a selection; before the first entry. The selection may use the value's
 * selectors alone. Returns 0, or -1 if there is no memory. */
int tr_measures_want(struct tr_measures *measures, const struct tr_value *value,
		     const struct tr_selection *selection);

/* An occurrence. O(columns). */
void tr_measures_enter(struct tr_measures *measures, const struct tr_occurrence *occurrence);

/* The run is over; `start` and `end` are the times of its first and last event. Once. */
void tr_measures_close(struct tr_measures *measures, tr_time_ns start, tr_time_ns end);

/* A value that was wanted, in millionths of its unit. Returns 0 and *ret, or -1: there is nothing
 * that it could be made of (no request completed, no time passed). */
int tr_measures_read(const struct tr_measures *measures, const struct tr_value *value,
		     const struct tr_selection *selection, uint64_t *ret);

#endif
