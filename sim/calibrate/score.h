/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a simulation is from what was measured.
 *
 * Errors are relative to what was measured. Engines stamp what they do at the ends of steps, so a
 * wait that is shorter than a step is noise of microseconds, of which a tenth means nothing: errors
 * of times that may be 0 are relative to the time per token (its median), where that is larger.
 */
#ifndef TR_SIM_CALIBRATE_SCORE_H
#define TR_SIM_CALIBRATE_SCORE_H

#include "sim/calibrate/play.h"

/* X(NAME, json, text, may be 0, needs scheduled_ts: 1; must have none: 0; either: 2) */
#define TR_MEASURE_MAP(X)                                                                          \
	X(E2E, "e2e", "end to end", false, 2)                                                      \
	X(TPOT, "tpot", "time per output token", false, 2)                                         \
	X(WAIT, "wait", "wait", true, 1)                                                           \
	X(PREFILL, "prefill", "prefill", true, 1)                                                  \
	X(TTFT, "ttft", "time to first token", true, 0)

enum tr_measure {
#define X(NAME, json, text, zero, scheduled) TR_MEASURE_##NAME,
	TR_MEASURE_MAP(X)
#undef X
	TR_MEASURE_COUNT
};

struct tr_measure_kind {
	const char *json;
	const char *text;
	bool may_be_zero;
	unsigned scheduled;
};
extern const struct tr_measure_kind tr_measure_kinds[TR_MEASURE_COUNT];
bool tr_measure_applies(enum tr_measure measure, const struct tr_measured *measured);

/* p50, p90, p99 */
#define TR_SCORE_QUANTILES 3
extern const double tr_score_shares[TR_SCORE_QUANTILES];

struct tr_score {
	uint32_t count; /* rows that were compared; 0: not such a measure */
	double measured[TR_SCORE_QUANTILES];
	double simulated[TR_SCORE_QUANTILES];
	double error[TR_SCORE_QUANTILES]; /* simulated - measured, relative */
};

struct tr_scorer;

/* Of rows from..to of what was measured; it must outlive the scorer. NULL: no memory. */
struct tr_scorer *tr_scorer_new(const struct tr_measured *measured, uint32_t from, uint32_t to);
void tr_scorer_free(struct tr_scorer *scorer);

/* played[i] belongs to row from + i. */
void tr_scorer_score(struct tr_scorer *scorer, const struct tr_played *played,
		     struct tr_score ret[TR_MEASURE_COUNT]);

/*
 * The mean of the relative errors of the rows, each at most 1, over all measures.
 * `end`: what happened later depends on requests that are not known; rows that end after it count
 * for as much of their time as was before.
 */
double tr_scorer_rows_off(const struct tr_scorer *scorer, const struct tr_played *played,
			  tr_time_ns end);
/* The mean of the relative errors of the 5th, 10th, ... 95th percentiles over all measures. */
double tr_scorer_levels_off(struct tr_scorer *scorer, const struct tr_played *played);

#endif
