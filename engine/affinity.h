/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoint holds the caches of a session or a prefix. */
#ifndef TR_ENGINE_AFFINITY_H
#define TR_ENGINE_AFFINITY_H

#include "engine/state.h"

/* What is known about one job while it is routed; made once per decision. */
struct tr_affinity {
	uint32_t home;	/* registry slot of its session's endpoint; TR_NONE: it has none */
	bool known;	/* its session or prefix is remembered at all */
	uint32_t count; /* endpoints that have seen part of its prompt */
	struct {
		uint32_t endpoint; /* registry slot */
		uint32_t permille; /* of the prompt's blocks, 1..1000 */
	} seen[32];
};

/* Take from the submit what is to be remembered of session and prompt. */
void tr_affinity_admit(struct tr_job *job, const struct tr_event_job_submit *submit);
/* Look up the job's session and prefix. */
void tr_affinity_find(const struct tr_engine *e, const struct tr_job *job, struct tr_affinity *ret);
/* Share of the job's prompt that an endpoint has seen, in per mille. */
uint32_t tr_affinity_seen(const struct tr_affinity *affinity, uint32_t endpoint);
/* An attempt of the job goes to an endpoint: its session moves there, its prefix will be there.
 * Returns whether its caches are thought to be warm. */
enum tr_warmth tr_affinity_dispatched(struct tr_engine *e, const struct tr_job *job,
				      uint32_t endpoint);
/* Forget what an endpoint's slot was known for: it is another one's now. */
void tr_affinity_endpoint_dropped(struct tr_engine *e, uint32_t endpoint);
/* Compute the index of sessions again. Returns false if a session stands twice. */
bool tr_affinity_rebuild(struct tr_engine *e);

#endif
