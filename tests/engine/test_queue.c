/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-3: a queue against a sorted array, over random pushes and removals: who is first, who is
 * oldest, who stands where, and how many there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/job.h"
#include "engine/queue.h"
#include "engine/random.h"
#include "tests/engine/stage.h"

#define JOBS 300

static struct tr_plan plan;
static struct tr_stage stage;

/* The reference: jobs in the order of (deadline, sequence), and in order of entry. */
static struct tr_job *sorted[JOBS], *entered[JOBS];
static uint32_t count;
static uint64_t seed, step;

static uint64_t below(uint64_t which, uint64_t bound)
{
	return tr_below(tr_draw(seed, step, TR_PURPOSE_TEST, which), bound);
}

static struct tr_queue *queue_of(const struct tr_job *job)
{
	return &stage.engine->queue[tr_queue_of(stage.engine, job)];
}

static bool before(const struct tr_job *a, const struct tr_job *b)
{
	return a->deadline < b->deadline ||
	       (a->deadline == b->deadline && a->sequence < b->sequence);
}

static void take_out(struct tr_job **list, uint32_t at)
{
	memmove(&list[at], &list[at + 1], (count - at - 1) * sizeof(struct tr_job *));
}

static void push(void)
{
	struct tr_job *job = tr_job_new(stage.engine);
	uint32_t at = 0;

	assert_non_null(job);
	job->job_id = ++stage.next_job_id;
	job->state = TR_JOB_QUEUED;
	/* Few deadlines, so that many are equal; some have none. */
	job->deadline = below(0, 10) == 0 ? TR_TIME_NEVER : 1000 + below(1, 40);
	job->queued = step;
	tr_job_enter(stage.engine, job);
	tr_queue_push(stage.engine, job);
	while (at < count && before(sorted[at], job))
		at++;
	memmove(&sorted[at + 1], &sorted[at], (count - at) * sizeof(struct tr_job *));
	sorted[at] = job;
	entered[count++] = job;
}

static void pull(void)
{
	uint64_t which = below(2, 3);
	uint32_t at = which == 0 ? 0 : (uint32_t)below(3, count);
	struct tr_job *job = which == 1 ? entered[0] : sorted[at];
	uint32_t of_entry = 0;

	for (at = 0; sorted[at] != job; at++)
		;
	while (entered[of_entry] != job)
		of_entry++;
	tr_queue_remove(stage.engine, job);
	take_out(sorted, at);
	take_out(entered, of_entry);
	count--;
	/* Out of the queue it must be good for another. */
	assert_int_equal(job->size, 0);
	assert_int_equal(job->left1 | job->right1 | job->parent1 | job->older1 | job->newer1, 0);
	job->state = TR_JOB_FREE;
}

static void compare(struct tr_queue *queue)
{
	const struct tr_engine *e = stage.engine;

	assert_null(tr_queue_verify(e, (uint32_t)(queue - e->queue)));
	assert_int_equal(tr_queue_length(e, queue), count);
	assert_ptr_equal(tr_queue_first(e, queue), count ? sorted[0] : NULL);
	assert_ptr_equal(tr_queue_oldest(e, queue), count ? entered[0] : NULL);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(tr_queue_position(e, sorted[i]), i + 1);
}

/* SCH-3 */
static void test_a_queue_is_a_sorted_array(void **state)
{
	struct tr_queue *queue = NULL;

	(void)state;
	for (seed = 1; seed <= 30; seed++) {
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, TR_NAME("m"), 1, 1);
		tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
		count = 0;
		for (step = 0; step < 1000; step++) {
			/* First it grows, then it shrinks. */
			uint64_t grow = step < 500 ? 6 : 4;

			if (count == 0 || (count < JOBS && below(4, 10) < grow))
				push();
			else
				pull();
			queue = count ? queue_of(sorted[0]) : queue;
			compare(queue);
		}
		while (count) {
			pull();
			compare(queue);
		}
		tr_stage_done(&stage);
	}
}

/* SCH-3: through the front door, earliest deadline first and first come first served. */
static void test_jobs_are_served_by_deadline_then_arrival(void **state)
{
	static const uint64_t deadlines[] = {0, 50, 20, 0, 20, 90, 20, 50};
	static const uint32_t order[] = {2, 4, 6, 1, 7, 5, 0, 3};
	uint64_t first, ids[TR_ARRAY_LENGTH(deadlines)];

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	first = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	for (size_t i = 0; i < TR_ARRAY_LENGTH(deadlines); i++)
		ids[i] = tr_stage_submit(
			&stage,
			(struct tr_event_job_submit){
				.deadline =
					deadlines[i] ? stage.now + deadlines[i] * TR_SECOND : 0});
	tr_stage_complete(&stage, first, 1);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(order); i++) {
		assert_int_equal(stage.actions.items[1].attempt_dispatch.job_id, ids[order[i]]);
		tr_stage_complete(&stage, ids[order[i]], 1);
	}
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_queue_is_a_sorted_array),
		cmocka_unit_test(test_jobs_are_served_by_deadline_then_arrival),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
