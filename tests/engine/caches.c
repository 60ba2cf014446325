/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/caches.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/random.h"
#include "engine/registry.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "caches: broken: %s (%s:%d)\n", #condition, __FILE__,      \
				__LINE__);                                                         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void tr_caches_plan(struct tr_plan *plan)
{
	tr_plan_init(plan, 1);
	tr_plan_model(plan, TR_CACHES_MODEL, TR_CACHES_ENDPOINTS, 4);
	tr_plan_tenant(plan, TR_NAME("other"));
	plan->policy.affinity.session_ttl_ns = TR_CACHES_TTL;
	plan->policy.affinity.prefix_ttl_ns = TR_CACHES_TTL;
	plan->policy.retry.attempts = 2;
	plan->intents[0].hedge = 1;
	plan->policy.hedge = (struct tr_policy_hedge){TR_TEST_HEDGE, .attempts = 1};
}

tr_name tr_caches_endpoint(uint32_t i)
{
	return tr_plan_endpoint_name(TR_CACHES_MODEL, i);
}

void tr_caches_wait(struct tr_stage *stage, tr_span_ns span)
{
	tr_stage_wait(stage, span);
	tr_stage_event(stage, TR_EVENT_CLOCK);
	MUST(tr_stage_give(stage) == 0);
}

void tr_caches_only(struct tr_stage *stage, uint32_t endpoint)
{
	for (uint32_t i = 0; i < TR_CACHES_ENDPOINTS; i++)
		MUST(tr_stage_lifecycle(stage, tr_caches_endpoint(i),
					i == endpoint ? TR_LIFECYCLE_UP : TR_LIFECYCLE_DOWN) == 0);
}

struct tr_event_job_submit tr_caches_prompt(uint64_t document, uint32_t blocks)
{
	struct tr_event_job_submit submit = {.prefix_blocks = blocks};

	for (uint32_t depth = 1; depth <= blocks; depth++)
		if ((depth & (depth - 1)) == 0 || depth == blocks)
			(&submit.prefix0)[submit.prefix_count++] = tr_mix(document << 32 | depth);
	return submit;
}

void tr_caches_draw(struct tr_world *world, struct tr_event_job_submit *submit)
{
	/* Draws are taken in order: arguments have none. */
	uint64_t family = tr_world_below(world, 2);
	uint32_t blocks = 1 + (uint32_t)tr_world_below(world, 40);
	struct tr_event_job_submit drawn = tr_caches_prompt(family, blocks);

	if (tr_world_below(world, 2))
		submit->session = 1 + tr_world_below(world, 3);
	if (tr_world_below(world, 2))
		return;
	submit->prefix_blocks = drawn.prefix_blocks;
	submit->prefix_count = drawn.prefix_count;
	if (tr_world_below(world, 50) == 0)
		submit->prefix_count = TR_PREFIX_MAX + 1; /* refused */
	memcpy(&submit->prefix0, &drawn.prefix0, TR_PREFIX_MAX * sizeof submit->prefix0);
}

enum tr_warmth tr_caches_serve(struct tr_stage *stage, struct tr_event_job_submit submit)
{
	uint64_t job = tr_stage_submit(stage, submit);
	uint8_t warmth;

	MUST(tr_stage_dispatch(stage, job));
	warmth = tr_stage_dispatch(stage, job)->warmth;
	MUST(tr_stage_first_token(stage, job) == 0);
	MUST(tr_stage_complete(stage, job, 5) == 0);
	MUST(tr_stage_finish(stage, job)->warmth == warmth);
	return (enum tr_warmth)warmth;
}

struct tr_affinity tr_caches_found(const struct tr_stage *stage, struct tr_event_job_submit submit)
{
	const struct tr_engine *e = stage->engine;
	tr_name tenant = submit.tenant ? submit.tenant : TR_NAME("default");
	struct tr_job job = {0};
	struct tr_affinity ret;

	job.tenant = (uint16_t)tr_registry_find(&e->registry[TR_REGISTRY_TENANT], tenant);
	job.policy = (uint8_t)e->core->active_policy;
	tr_affinity_admit(e, &job, &submit);
	tr_affinity_find(e, &job, &ret);
	return ret;
}

uint32_t tr_caches_seen(const struct tr_stage *stage, struct tr_event_job_submit submit,
			uint32_t endpoint)
{
	struct tr_affinity affinity = tr_caches_found(stage, submit);

	return tr_affinity_seen(&affinity,
				tr_registry_find(&stage->engine->registry[TR_REGISTRY_ENDPOINT],
						 tr_caches_endpoint(endpoint)));
}
