/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for something to happen: how often it did in a window, and which of all things came
 * first.
 *
 * A watch keeps its first few times, not a log: memory is fixed, whatever the run does.
 */
#ifndef TR_SIM_WATCH_H
#define TR_SIM_WATCH_H

#include "sim/measure.h"

/* Times that are kept of a watch. */
#define TR_WATCH_FIRST_MAX 16

struct tr_watch {
	enum tr_occurrence_kind kind;
	struct tr_selection selection; /* reasons of 0: any */
	uint64_t count;		       /* in the window */
	uint64_t outside;	       /* of it, before or after */
	tr_time_ns nearest; /* of those: the first after the window, else the last before */
	struct {
		tr_time_ns time;
		uint64_t order; /* among all occurrences of the run, from 1 */
	} first[TR_WATCH_FIRST_MAX];
};

/* An occurrence, the order-th of the run. */
void tr_watch_enter(struct tr_watch *watch, const struct tr_occurrence *occurrence, uint64_t order);

/* When it happened for the n-th time (0 is the first) within the window, among all occurrences of
 * the run; 0: it did not. n < TR_WATCH_FIRST_MAX. */
uint64_t tr_watch_order(const struct tr_watch *watch, uint32_t n);

#endif
