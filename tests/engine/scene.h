/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one plan and the one stage of a test program, under short names: what most of them begin
 * with. To be included once, by the program's source or by one of the headers beside this one, each
 * of which adds the set-up of one topic.
 */
#ifndef TR_TESTS_SCENE_H
#define TR_TESTS_SCENE_H

#include "engine/job.h"
#include "tests/engine/stage.h"

static struct tr_plan plan;
static struct tr_stage stage;

/* Begin a scene with the plan as it is now; tr_stage_done() ends it. */
static inline void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

/* FREE: it has ended. */
static inline enum tr_job_state state_of(uint64_t job_id)
{
	const struct tr_job *job = tr_job_find(stage.engine, job_id);

	return job ? (enum tr_job_state)job->state : TR_JOB_FREE;
}

#endif
