/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: among the classes of a pool, then among the tenants of a class. */
#ifndef TR_ENGINE_SCHEDULER_H
#define TR_ENGINE_SCHEDULER_H

#include "engine/state.h"

/* A job (state QUEUED) enters or leaves its queue, with all counts and timers. */
void tr_scheduler_enqueue(struct tr_engine *e, struct tr_job *job);
void tr_scheduler_dequeue(struct tr_engine *e, struct tr_job *job);

/* A job enters or leaves the list of those that wait for an endpoint again (state RETRY). */
void tr_scheduler_retry_add(struct tr_engine *e, struct tr_job *job);
void tr_scheduler_retry_remove(struct tr_engine *e, struct tr_job *job);

/* One more, or one less, of the tenant's jobs runs: at its cap its queues leave the race. */
void tr_scheduler_tenant_started(struct tr_engine *e, uint32_t tenant);
void tr_scheduler_tenant_ended(struct tr_engine *e, uint32_t tenant);
/* Something about the endpoint got better: look again at every pool that may use it. */
void tr_scheduler_endpoint_freed(struct tr_engine *e, uint32_t endpoint);
/* A scarce row of the engine's own became free. */
void tr_scheduler_row_freed(struct tr_engine *e);
/* Caps, time-outs, priorities may be others now: look at everything again. O(queues). */
void tr_scheduler_policy_changed(struct tr_engine *e);

/* A job left its queue to be dispatched: charge its tokens to its tenant's fair share, and the
 * dispatch to its class. */
void tr_scheduler_charge(struct tr_engine *e, const struct tr_job *job, uint32_t tokens);
/* Correct the charge when the true number is known. */
void tr_scheduler_settle(struct tr_engine *e, const struct tr_job *job, uint64_t charged,
			 uint64_t used);

/* Weighted tokens of a request: input 1, output 2 (VTC, Sheng et al., OSDI 2024). */
static inline uint64_t tr_fair_tokens(uint64_t tokens_in, uint64_t tokens_out)
{
	return tokens_in + 2 * tokens_out;
}

/* Work waits to be done now. */
bool tr_scheduler_pending(const struct tr_engine *e);
/* Dispatch what can be, as far as the step has room. */
void tr_scheduler_run(struct tr_engine *e);

/* Set a queue's timer to the first deadline or time-out in it. */
void tr_scheduler_queue_timer(struct tr_engine *e, uint32_t queue);
/* The timer of a queue fired: end what is overdue, as far as the step has room. */
void tr_scheduler_queue_due(struct tr_engine *e, uint32_t queue);

#endif
