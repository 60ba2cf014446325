/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that wait: into and out of their queues, their tenants' caps, their fair shares. */
#ifndef TR_ENGINE_WAITING_H
#define TR_ENGINE_WAITING_H

#include "engine/state.h"

/* A job (state QUEUED) enters or leaves its queue, with all counts and timers. */
void tr_waiting_enqueue(struct tr_engine *e, struct tr_job *job);
void tr_waiting_dequeue(struct tr_engine *e, struct tr_job *job);

/* A job enters or leaves the list of those that wait for an endpoint again (state RETRY). */
void tr_waiting_retry_add(struct tr_engine *e, struct tr_job *job);
void tr_waiting_retry_remove(struct tr_engine *e, struct tr_job *job);

/* One more, or one less, of the tenant's jobs runs: at its cap its queues leave the race. */
void tr_waiting_tenant_started(struct tr_engine *e, uint32_t tenant);
void tr_waiting_tenant_ended(struct tr_engine *e, uint32_t tenant);
/* Caps, time-outs, priorities may be others now: look at everything again. O(queues). */
void tr_waiting_policy_changed(struct tr_engine *e);

/* A job left its queue to be dispatched: charge its tokens to its tenant's fair share, and the
 * dispatch to its class. Its active row remembers the charge. */
void tr_waiting_charge(struct tr_engine *e, const struct tr_job *job, uint64_t tokens);
/* One more of a job's dispatches counts for the floor of its class, or one does no longer. */
void tr_waiting_count(struct tr_engine *e, const struct tr_job *job);
void tr_waiting_uncount(struct tr_engine *e, const struct tr_job *job);
/* Correct the charge when the true number is known. What was charged is given back by the weight
 * that it was charged by, whatever the tenant's weight has become. */
void tr_waiting_settle(struct tr_engine *e, const struct tr_job *job, uint64_t used);

/* Weighted tokens of a request: input 1, output 2 (VTC, Sheng et al., OSDI 2024). */
static inline uint64_t tr_fair_tokens(uint64_t tokens_in, uint64_t tokens_out)
{
	return tokens_in + 2 * tokens_out;
}

/* Set a queue's timer to the first deadline in it. */
void tr_waiting_queue_timer(struct tr_engine *e, uint32_t queue);
/* Set a backlog's timer to when its oldest job has waited too long. */
void tr_waiting_backlog_timer(struct tr_engine *e, uint32_t backlog);
/* That time: by the class's queue time-out or the sojourn rule; TR_TIME_NEVER: by neither. */
tr_time_ns tr_waiting_backlog_due(const struct tr_engine *e, uint32_t backlog);

/* Is the class of this backlog below its floor, after `less` fewer of its dispatches? The smaller
 * *ret_share, the further. O(classes). */
bool tr_waiting_is_owed(const struct tr_engine *e, uint32_t backlog, uint32_t less,
			uint64_t *ret_share);

/* Recent dispatches of all classes of a pool. */
uint64_t tr_waiting_dispatched(const struct tr_engine *e, uint32_t model);

#endif
