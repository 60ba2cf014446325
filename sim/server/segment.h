/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of steps that follow each other, each longer than the one before by the same amount:
 * what a batch of decoding requests does, whose contexts grow by one token a step. The k-th end is
 * a closed sum, so a thousand steps cost as much as one:
 *
 *	work(k) = first x k + slope x k (k - 1) / 2
 *
 * Work is counted in femtoseconds, for a single token's share of attention is less than a
 * picosecond; a speed says how much work gets done in a nanosecond. A step is over at the first
 * nanosecond at which its work is done, and what was done beyond it is carried into the next, so
 * cutting a segment into pieces moves no end of a step.
 */
#ifndef TR_SIM_SERVER_SEGMENT_H
#define TR_SIM_SERVER_SEGMENT_H

#include "engine/base.h"

#define TR_FS_PER_NS UINT64_C(1000000)
/* Nominal speed, and the fastest. */
#define TR_SPEED_NOMINAL UINT32_C(1000)
#define TR_SPEED_MAX	 UINT32_C(1000000)
/* No step is longer: keeps every product far below 2^128. About 106 days. */
#define TR_STEP_FS_MAX (UINT64_C(1) << 63)

struct tr_segment {
	tr_time_ns anchor; /* at which `done` of the work was done */
	tr_u128 done;	   /* fs since the segment began */
	uint64_t first;	   /* fs of its first step, 1..TR_STEP_FS_MAX */
	uint64_t slope;	   /* fs by which a step is longer than the one before */
	uint32_t permille; /* speed, thousandths of the nominal; 0: stands still */
};

/* Begin at an instant with nothing done. Keeps the speed. */
void tr_segment_begin(struct tr_segment *segment, tr_time_ns now, uint64_t first, uint64_t slope);

/* Go on at the end of its k-th step with steps of other lengths. */
void tr_segment_follow(struct tr_segment *segment, uint64_t k, uint64_t first, uint64_t slope);

/* When k steps are over, k >= 1; TR_TIME_NEVER at standstill. Not before the anchor. O(1). */
tr_time_ns tr_segment_end(const struct tr_segment *segment, uint64_t k);

/* The step that is going on: the least k >= 1 whose end is not before now. `now` is not before the
 * anchor. O(log of how much the steps have grown). */
uint64_t tr_segment_step(const struct tr_segment *segment, tr_time_ns now);

/* From now on at another speed, 0..TR_SPEED_MAX. */
void tr_segment_speed(struct tr_segment *segment, tr_time_ns now, uint32_t permille);

#endif
