/* SPDX-License-Identifier: Apache-2.0 */
/* Backlogs that are too slow for too long. Everything here is O(1). */
#ifndef TR_ENGINE_SOJOURN_H
#define TR_ENGINE_SOJOURN_H

#include "engine/state.h"

/* A job (state QUEUED) is about to leave its queue to be dispatched: how long did it wait?
 * tr_waiting_dequeue() follows and sets the backlog's timer to what has been learnt. */
void tr_sojourn_measure(struct tr_engine *e, const struct tr_job *job);

/* The longest wait that a backlog bears now; TR_TIME_NEVER: any. */
tr_span_ns tr_sojourn_longest(const struct tr_engine *e, uint32_t backlog);
/* Has the job (state QUEUED) waited longer than that? */
bool tr_sojourn_over(const struct tr_engine *e, const struct tr_job *job);

/* The backlog is empty, or its class measures no more: what was measured is forgotten. */
void tr_sojourn_idle(struct tr_backlog *backlog);

#endif
