/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes of a pool whose endpoints have breakers. */
#ifndef TR_TESTS_SCENE_BREAKER_H
#define TR_TESTS_SCENE_BREAKER_H

#include "engine/breaker.h"
#include "tests/engine/scene.h"

/* One model of so many endpoints of twenty slots; three faults in a row open a breaker, one good
 * probe closes it. */
static inline void set_up(uint32_t endpoints)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, 20);
	plan.policy.breaker.consecutive = 3;
	plan.policy.breaker.successes = 1;
}

static inline uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static inline tr_name endpoint(uint32_t i)
{
	return tr_plan_endpoint_name(TR_NAME("m"), i);
}

static inline uint8_t breaker_of(uint32_t i)
{
	return tr_stage_endpoint(&stage, endpoint(i)).breaker;
}

/* Endpoints stand in the registry in the order of the plan's rows. */
static inline struct tr_bucket window_of(uint32_t i)
{
	return tr_breaker_window(stage.engine, i);
}

#endif
