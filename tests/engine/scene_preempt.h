/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes of three classes, of which the highest preempts. To be included after cmocka.h. */
#ifndef TR_TESTS_SCENE_PREEMPT_H
#define TR_TESTS_SCENE_PREEMPT_H

#include "tests/engine/scene.h"

#define BATCH	    TR_NAME("batch")
#define INTERACTIVE TR_NAME("interactive")
#define URGENT	    TR_NAME("urgent")

static uint32_t batch, urgent; /* rows of classes */

/* One model; `urgent` above `interactive` above `batch`; a failure is retried at once. */
static inline void set_up(uint32_t endpoints, uint32_t slots, enum tr_preempt preempt)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), endpoints, slots);
	batch = tr_plan_class(&plan, BATCH, 10);
	urgent = tr_plan_class(&plan, URGENT, 200);
	plan.classes[urgent].preempt = preempt;
	plan.policy.retry.attempts = 9;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 0;
}

static inline uint64_t submit(tr_name class_name)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = class_name});
}

static inline bool runs(uint64_t job_id)
{
	return state_of(job_id) == TR_JOB_RUNNING;
}

static inline void complete(uint64_t job_id)
{
	assert_int_equal(tr_stage_complete(&stage, job_id, 10), 0);
}

#endif
