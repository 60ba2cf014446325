/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job goes: filter, score, pick. */
#ifndef TR_ENGINE_ROUTER_H
#define TR_ENGINE_ROUTER_H

#include "engine/state.h"

enum tr_route_result {
	TR_ROUTE_PLACED,      /* ret_route says where, a decision recorded */
	TR_ROUTE_WAIT,	      /* nobody can take this job now */
	TR_ROUTE_CLOSED,      /* nor can any other job of the pool go anywhere */
	TR_ROUTE_CLOSED_STEP, /* nor any that goes down the chain step by step; others may */
	TR_ROUTE_NEVER,	      /* nobody ever will; a decision recorded, but for a strict job */
	TR_ROUTE_SHUT,	      /* strict, and nobody of its route is fit: to wait is not for it */
};

struct tr_route {
	uint32_t endpoint;  /* registry slot */
	uint32_t model_row; /* in the job's policy */
	enum tr_pick pick;
	enum tr_warmth warmth;
	/* Of one that must wait: steps of the chain that were looked at, and whether endpoints
	 * tried before were candidates again. */
	uint32_t seen;
	bool again;
};

/* Choose an endpoint for the job's next attempt. Books nothing. The step must have room for a
 * decision (tr_record_has_room). Linear in the endpoints of the job's chain. */
enum tr_route_result tr_router_route(struct tr_engine *e, const struct tr_job *job,
				     enum tr_role role, struct tr_route *ret_route);

/* Has a strict job that is queued nobody to wait for? The same for all of its policy and model. */
bool tr_router_is_shut(struct tr_engine *e, const struct tr_job *job);

/* Record what a next attempt of a job that ends now would have found: every candidate with its
 * filter, nobody picked. The step must have room for a decision. */
void tr_router_post_mortem(struct tr_engine *e, const struct tr_job *job);

/* Has the job other ways than one that goes down the same chain step by step: because it weighs the
 * whole chain at once, or because some model of the chain can never serve it? The same as long as
 * it is queued. */
bool tr_router_is_apart(const struct tr_engine *e, const struct tr_job *job);

#endif
