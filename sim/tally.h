/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One column of the books: everything that is counted about the occurrences that are entered in it.
 * The ledger has one for the run, for each class, tenant and endpoint; a measure has one for what
 * it selects.
 *
 * What is counted of requests belongs to the time at which they were submitted, whatever became of
 * them and when; everything else belongs to the time at which it happened. Who enters an occurrence
 * says which of the two lies within the column's window. Levels (how many at once) must see every
 * occurrence, also those before the window, and cut by themselves.
 *
 * Memory is fixed; histograms, the bulk of it, are kept only where they are wanted.
 */
#ifndef TR_SIM_TALLY_H
#define TR_SIM_TALLY_H

#include "engine/histogram.h"
#include "sim/occurrence.h"

/* X(UPPER, lower, text) */
#define TR_SPREAD_MAP(X)                                                                           \
	X(TTFT, ttft, "completed requests: from submission to the first token")                    \
	X(TPOT, tpot, "completed requests of two tokens and more: time per token after the first") \
	X(E2E, e2e, "completed requests: from submission to the end")                              \
	X(QUEUE, queue, "requests that were sent: from admission to the first dispatch")           \
	X(PREDICTION_ERROR, prediction_error,                                                      \
	  "of that wait: how far it was from what was predicted at admission")                     \
	X(ATTEMPT_TTFT, attempt_ttft, "attempts: from dispatch to the first token")                \
	X(ATTEMPT_TIME, attempt_time, "attempts that were answered whole: from dispatch to the end")

enum tr_spread_kind {
#define X(uc, lc, text) TR_SPREAD_##uc,
	TR_SPREAD_MAP(X) TR_SPREAD_COUNT
#undef X
};

/* X(UPPER, lower, text): how many at once */
#define TR_LEVEL_MAP(X)                                                                            \
	X(IN_FLIGHT, in_flight, "attempts in flight")                                              \
	X(WAITING, waiting, "requests let in and not yet sent to any endpoint")                    \
	X(IN_SYSTEM, in_system, "requests let in and not yet ended")

enum tr_level_kind {
#define X(uc, lc, text) TR_LEVEL_##uc,
	TR_LEVEL_MAP(X) TR_LEVEL_COUNT
#undef X
};

struct tr_level {
	uint64_t now;
	uint64_t max;	  /* within the window */
	tr_time_ns since; /* `now` is what it is */
	tr_u128 area;	  /* ns x level, within the window, up to `since` */
};

struct tr_tally {
	/* By time of submission. submitted is the sum of the six behind it. */
	uint64_t submitted;
	uint64_t rejected;
	uint64_t completed;
	uint64_t failed;
	uint64_t canceled;
	uint64_t expired;
	uint64_t in_system;
	uint64_t good; /* completed within every objective of the policy; it may have none */
	uint64_t rejects[TR_REJECT_COUNT];
	uint64_t causes[TR_OUTCOME_COUNT][TR_CAUSE_COUNT]; /* of those that did not complete */
	/* By the time at which it happened. */
	uint64_t counts[TR_OCCURRENCE_COUNT];
	uint64_t attempt_failures[TR_CAUSE_COUNT];
	uint64_t attempt_aborts[TR_CAUSE_COUNT];
	uint64_t warm; /* attempts sent to where session or prefix is thought to be cached */
	uint64_t cold; /* ... and to where it is not, though it is known */
	uint64_t completions;
	uint64_t goods;
	uint64_t tokens_in; /* of ended jobs, as settled, for these three */
	uint64_t tokens_out;
	uint64_t cost_micro_usd;
	struct tr_level levels[TR_LEVEL_COUNT];
	uint32_t levels_wanted; /* bits of enum tr_level_kind; the others are not kept */
	tr_time_ns from;	/* the window, for levels: [from, to) */
	tr_time_ns to;
	struct tr_histogram *spreads[TR_SPREAD_COUNT]; /* NULL: not wanted */
};

/* All bits of either. */
#define TR_SPREADS_ALL ((1u << TR_SPREAD_COUNT) - 1)
#define TR_LEVELS_ALL  ((1u << TR_LEVEL_COUNT) - 1)

/* An empty column that wants neither spreads nor levels: its owner sets `spreads` (which stay the
 * owner's) and `levels_wanted` before the first entry. `from`, `to`: the window of levels; 0,
 * TR_TIME_NEVER: the whole run. */
void tr_tally_init(struct tr_tally *tally, tr_time_ns from, tr_time_ns to);

/* Enter an occurrence: what it says of a request if `submitted`, what it says of its own moment if
 * `happened`, levels in any case. O(1). */
void tr_tally_enter(struct tr_tally *tally, const struct tr_occurrence *occurrence, bool submitted,
		    bool happened);

/* Carry levels to the end of the run; once, after the last entry. */
void tr_tally_close(struct tr_tally *tally, tr_time_ns end);

#endif
