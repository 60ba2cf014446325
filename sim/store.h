/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated store of asynchronous jobs: what it is given is stored after a constant delay, in
 * order, as a log does it. Faults of the timeline make it slower or fail.
 */
#ifndef TR_SIM_STORE_H
#define TR_SIM_STORE_H

#include "engine/message.h"
#include "sim/server/fault.h"

struct tr_store {
	struct tr_store_entry *entries; /* a ring, in order of time */
	size_t mask;			/* places - 1 */
	size_t first;
	size_t count;
	tr_span_ns delay;
	tr_time_ns last; /* when the last one is stored */
	struct tr_timeline *timeline;
};

/* `delay`: from JOB_PERSIST to JOB_PERSISTED. The timeline becomes the store's, also on failure.
 * Returns 0, or -1 if there is no memory. */
int tr_store_init(struct tr_store *store, tr_span_ns delay, struct tr_timeline *timeline);
void tr_store_done(struct tr_store *store);

/* The job is to be stored from now on. */
void tr_store_add(struct tr_store *store, tr_time_ns now, uint64_t job_id, tr_job_handle job);

/* When the next answer comes; TR_TIME_NEVER: none is awaited. */
tr_time_ns tr_store_next(const struct tr_store *store);

/* Take the answer of tr_store_next(): JOB_PERSISTED. */
void tr_store_take(struct tr_store *store, struct tr_event *ret);

#endif
