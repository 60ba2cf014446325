/* SPDX-License-Identifier: Apache-2.0 */
/* Backlogs that are too slow for too long. Everything here is O(1). */
#ifndef TR_ENGINE_SOJOURN_H
#define TR_ENGINE_SOJOURN_H

#include "engine/state.h"

/* A job (state QUEUED) is about to leave its queue to be dispatched: how long did it wait?
 * tr_waiting_dequeue() follows and sets the backlog's timer to what has been learnt. */
void tr_sojourn_measure(struct tr_engine *e, const struct tr_job *job);

/* The longest wait that a backlog of the class bears while it is too slow: twice the target. */
static inline tr_span_ns tr_sojourn_longest(const struct tr_class *class)
{
	return tr_add_sat(class->sojourn_target, class->sojourn_target);
}

/* Is the job's (state QUEUED) backlog too slow, and has it waited longer than that? */
bool tr_sojourn_over(const struct tr_engine *e, const struct tr_job *job);

/* The backlog is empty, or its class measures no more: what was measured is forgotten. */
void tr_sojourn_idle(struct tr_backlog *backlog);

#endif
