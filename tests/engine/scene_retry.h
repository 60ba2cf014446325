/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes of attempts that fail or are silent, and of what follows them. */
#ifndef TR_TESTS_SCENE_RETRY_H
#define TR_TESTS_SCENE_RETRY_H

#include "tests/engine/scene.h"

/* One model of so many endpoints of four slots; three retries. */
static inline void set_up(uint32_t endpoints)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, 4);
	plan.policy.retry.attempts = 3;
}

static inline uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

#endif
