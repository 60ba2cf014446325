/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenes about sessions and prefixes. Where a job goes is decided by taking the other endpoints
 * down, so that no picker's taste comes in.
 */
#ifndef TR_TESTS_CACHES_H
#define TR_TESTS_CACHES_H

#include "engine/affinity.h"
#include "tests/engine/stage.h"
#include "tests/engine/world.h"

#define TR_CACHES_MODEL	    TR_NAME("m")
#define TR_CACHES_ENDPOINTS 3
#define TR_CACHES_TTL	    (10 * TR_SECOND)

/* A model with so many endpoints of four slots, a tenant `other` beside the default one; sessions
 * and prefixes live for TR_CACHES_TTL; two retries, hedges once they are given a delay. */
void tr_caches_plan(struct tr_plan *plan);
tr_name tr_caches_endpoint(uint32_t i);

/* Time passes, and the engine hears of it. */
void tr_caches_wait(struct tr_stage *stage, tr_span_ns span);
/* Only this endpoint takes jobs. */
void tr_caches_only(struct tr_stage *stage, uint32_t endpoint);
/* A prompt of a document, cut after so many blocks: prompts of one document begin alike. */
struct tr_event_job_submit tr_caches_prompt(uint64_t document, uint32_t blocks);
/* Give a world's random submit a session, one of a few that go on, and a prompt that begins as
 * others do; or neither. */
void tr_caches_draw(struct tr_world *world, struct tr_event_job_submit *submit);
/* One job from submit to answer; what was said of its caches at dispatch, which must be what its
 * finish says. */
enum tr_warmth tr_caches_serve(struct tr_stage *stage, struct tr_event_job_submit submit);

/* What a job that looked like this would be routed by. */
struct tr_affinity tr_caches_found(const struct tr_stage *stage, struct tr_event_job_submit submit);
/* What an endpoint has seen of it, in per mille. */
uint32_t tr_caches_seen(const struct tr_stage *stage, struct tr_event_job_submit submit,
			uint32_t endpoint);

#endif
