/* SPDX-License-Identifier: Apache-2.0 */
/* A waiting job of a class that preempts takes a slot from a job of a lower one. */
#ifndef TR_ENGINE_PREEMPT_H
#define TR_ENGINE_PREEMPT_H

#include "engine/router.h"
#include "engine/state.h"

/* May the waiting job's class take slots, and does anybody run from whom it could? O(classes). */
bool tr_preempt_may(const struct tr_engine *e, const struct tr_job *job);

/* The job was routed and must wait (`route` says how far the router looked): abort the attempt that
 * is to make room for it. Returns false, with nothing changed, if there is none; else the job can
 * be routed again. Leaves one action. Linear in the endpoints of the chain and in
 * TR_PREEMPT_LOOK attempts of each. */
bool tr_preempt_make_room(struct tr_engine *e, const struct tr_job *job,
			  const struct tr_route *route);

/* Attempts of one endpoint that are looked at, the newest first. */
#define TR_PREEMPT_LOOK 256

#endif
