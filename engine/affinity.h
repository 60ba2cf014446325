/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoint holds the caches of a session or a prefix. */
#ifndef TR_ENGINE_AFFINITY_H
#define TR_ENGINE_AFFINITY_H

#include "engine/state.h"

/* Rows of one set of prefixes: so many endpoints at most are known for one hash. */
#define TR_PREFIX_WAYS 8
/* An endpoint is warm for a prompt of which it has seen this share. The known depths are powers of
 * two, so the deepest below a prompt's length is never less than half of it. */
#define TR_AFFINITY_WARM_PERMILLE 500

/* What is known about one job while it is routed; made once per decision. */
struct tr_affinity {
	uint32_t home;	 /* registry slot of the endpoint its session is bound to; TR_NONE: none */
	uint32_t cached; /* where its session's cache is thought to be: home, bound or not */
	bool known;	 /* its session, or half of its prompt, is remembered */
	uint32_t count;	 /* endpoints that have seen part of its prompt, the deepest first */
	struct {
		uint32_t endpoint; /* registry slot */
		uint32_t permille; /* of the prompt's blocks, 1..1000 */
	} seen[32];
};

/* Depth in blocks of the i-th prefix hash of a prompt: 1, 2, 4, ... and for the last the prompt's
 * length. i < count <= TR_PREFIX_MAX. */
uint32_t tr_affinity_depth(uint32_t i, uint32_t count, uint32_t blocks);

/* Take from the submit what is to be remembered of session and prompt; the job's tenant is set. */
void tr_affinity_admit(const struct tr_engine *e, struct tr_job *job,
		       const struct tr_event_job_submit *submit);
/* Look up the job's session and prefix: at most one row, and one set for each hash. */
void tr_affinity_find(const struct tr_engine *e, const struct tr_job *job, struct tr_affinity *ret);
/* Share of the job's prompt that an endpoint has seen, in per mille. */
uint32_t tr_affinity_seen(const struct tr_affinity *affinity, uint32_t endpoint);
/* Whether an endpoint's caches are thought to be warm for the job. */
enum tr_warmth tr_affinity_warmth(const struct tr_affinity *affinity, uint32_t endpoint);

/* An endpoint gave the first token of the job's answer: its session is at home there, its prefix
 * is known there. */
void tr_affinity_answered(struct tr_engine *e, const struct tr_job *job, uint32_t endpoint);
/* The answer is over, whole or cut: the session was in use until now. */
void tr_affinity_left(struct tr_engine *e, const struct tr_job *job, uint32_t endpoint);

/* Endpoints have gone from the registry: forget the prefixes of slots that are nobody's. Linear in
 * the table of prefixes. Sessions remember names and need no such care. */
void tr_affinity_endpoints_dropped(struct tr_engine *e);
/* Compute the index of sessions again. Returns false if a session stands twice. */
bool tr_affinity_rebuild(struct tr_engine *e);
/* NULL, or what is wrong with sessions and prefixes. The registry and the index must be there. */
const char *tr_affinity_verify(const struct tr_engine *e);

#endif
