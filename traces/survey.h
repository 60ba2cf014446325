/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace is like: how much, how bursty, how large, how much shared.
 */
#ifndef TR_TRACES_SURVEY_H
#define TR_TRACES_SURVEY_H

#include "traces/set.h"
#include "traces/tally.h"
#include "traces/trace.h"

/* Most different tenants, sessions and models (each) and prefix blocks that are told apart. */
#define TR_SURVEY_NAMES_MAX  (1u << 20)
#define TR_SURVEY_BLOCKS_MAX (1u << 23)
struct tr_survey {
	uint64_t rows;
	uint64_t failed;
	uint64_t unseen;
	uint64_t shared; /* rows that share their stamp with another */
	tr_time_ns first, last;
	struct tr_tally tokens_in;
	struct tr_tally tokens_out; /* of rows that did not fail */
	struct tr_tally seconds;    /* by arrivals, counted from the first row */
	uint64_t second;	    /* the current one */
	uint64_t second_rows;	    /* in it so far */
	uint64_t stamp_rows;	    /* of the last stamp so far */
	struct tr_set tenants, sessions, models;
	struct tr_set block_set;
	uint64_t blocks;
	uint64_t blocks_repeated; /* leading blocks that an earlier row had: hits of a cache that
				     never forgets */
};

/* Returns NULL if there is no memory. */
struct tr_survey *tr_survey_new(void);
void tr_survey_add(struct tr_survey *survey, const struct tr_trace_row *row);
/* After the last row, once. */
void tr_survey_finish(struct tr_survey *survey);
void tr_survey_free(struct tr_survey *survey);

#endif
