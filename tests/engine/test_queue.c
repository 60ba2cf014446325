/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCH-3: the queues of a class against sorted arrays, over random pushes and removals: who is first
 * in a queue, who stands where, and how many there are; and of all of them together, who is oldest
 * and who newest.
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

#define JOBS	300
#define TENANTS 3

static struct tr_plan plan;
static struct tr_stage stage;

/* The reference: each tenant's jobs in the order of (deadline, sequence), and all in order of
 * entry.
 */
struct list {
	struct tr_job *jobs[JOBS];
	uint32_t count;
};
static struct list sorted[TENANTS], entered;
static uint64_t seed, step;

static uint64_t below(uint64_t which, uint64_t bound)
{
	return tr_below(tr_draw(seed, step, TR_PURPOSE_TEST, which), bound);
}

static bool before(const struct tr_job *a, const struct tr_job *b)
{
	return a->deadline < b->deadline ||
	       (a->deadline == b->deadline && a->sequence < b->sequence);
}

static void put_in(struct list *list, uint32_t at, struct tr_job *job)
{
	memmove(&list->jobs[at + 1], &list->jobs[at],
		(list->count++ - at) * sizeof(struct tr_job *));
	list->jobs[at] = job;
}

static void take_out(struct list *list, const struct tr_job *job)
{
	uint32_t at = 0;

	while (list->jobs[at] != job)
		at++;
	memmove(&list->jobs[at], &list->jobs[at + 1],
		(--list->count - at) * sizeof(struct tr_job *));
}

static void push(void)
{
	struct tr_job *job = tr_job_new(stage.engine);
	uint32_t at = 0;

	assert_non_null(job);
	job->job_id = ++stage.next_job_id;
	job->state = TR_JOB_QUEUED;
	job->tenant = (uint16_t)below(5, TENANTS);
	/* Few deadlines, so that many are equal; some have none. */
	job->deadline = below(0, 10) == 0 ? TR_TIME_NEVER : 1000 + below(1, 40);
	job->queued = step;
	tr_job_enter(stage.engine, job);
	tr_queue_push(stage.engine, job);
	while (at < sorted[job->tenant].count && before(sorted[job->tenant].jobs[at], job))
		at++;
	put_in(&sorted[job->tenant], at, job);
	put_in(&entered, entered.count, job);
}

/* The oldest of all, the newest, one of the middle, or the first of a queue. */
static void pull(void)
{
	const uint32_t places[] = {0, entered.count - 1, (uint32_t)below(3, entered.count)};
	uint64_t which = below(2, 4);
	struct tr_job *job = entered.jobs[places[which % 3]];

	if (which == 3)
		job = sorted[job->tenant].jobs[0];
	tr_queue_remove(stage.engine, job);
	take_out(&sorted[job->tenant], job);
	take_out(&entered, job);
	/* Out of the queue it must be good for another. */
	assert_int_equal(job->rank, 0);
	assert_int_equal(job->left1 | job->right1 | job->parent1 | job->older1 | job->newer1, 0);
	job->state = TR_JOB_FREE;
}

static void compare(void)
{
	struct tr_engine *e = stage.engine;
	struct tr_backlog *backlog = &e->backlog[0];

	for (uint32_t i = 0; i < entered.count; i++)
		assert_null(tr_queue_verify_job(e, entered.jobs[i]));
	for (uint32_t t = 0; t < TENANTS; t++) {
		const struct list *list = &sorted[t];

		assert_null(tr_queue_verify(e, t));
		assert_int_equal(e->queue[t].length, list->count);
		assert_ptr_equal(tr_queue_first(e, &e->queue[t]),
				 list->count ? list->jobs[0] : NULL);
		for (uint32_t i = 0; i < list->count; i++) {
			assert_int_equal(tr_queue_position(e, list->jobs[i]), i + 1);
			assert_ptr_equal(tr_queue_next(e, list->jobs[i]),
					 i + 1 < list->count ? list->jobs[i + 1] : NULL);
		}
	}
	/* What waiting.c counts. */
	backlog->waiting = entered.count;
	assert_null(tr_backlog_verify(e, 0));
	assert_ptr_equal(tr_backlog_oldest(e, backlog), entered.count ? entered.jobs[0] : NULL);
	assert_ptr_equal(tr_backlog_newest(e, backlog),
			 entered.count ? entered.jobs[entered.count - 1] : NULL);
}

/* SCH-3 */
static void test_a_queue_is_a_sorted_array_and_a_class_a_list_by_entry(void **state)
{
	(void)state;
	for (seed = 1; seed <= 30; seed++) {
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, TR_NAME("m"), 1, 1);
		tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
		for (step = 0; step < 1000; step++) {
			/* First it grows, then it shrinks. */
			uint64_t grow = step < 500 ? 6 : 4;

			if (entered.count == 0 || (entered.count < JOBS && below(4, 10) < grow))
				push();
			else
				pull();
			compare();
		}
		for (; entered.count; step++) {
			pull();
			compare();
		}
		tr_stage_done(&stage);
	}
}

/* ADM-1: nothing asks how long a job has been held, so it stands in no list by entry. */
static void test_held_jobs_have_a_queue_and_no_list(void **state)
{
	const struct tr_engine *e;
	struct tr_job *held;
	uint64_t id;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	e = stage.engine;
	tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	id = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
	held = tr_job_find(e, id);
	assert_ptr_equal(tr_queue_first(e, &e->queue[e->queue_count - 1]), held);
	assert_null(tr_backlog_oldest(e, &e->backlog[0]));
	assert_int_equal(tr_stage_release(&stage, id), 0);
	assert_int_equal(e->queue[e->queue_count - 1].length, 0);
	assert_ptr_equal(tr_backlog_oldest(e, &e->backlog[0]), held);
	tr_stage_done(&stage);
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
		cmocka_unit_test(test_a_queue_is_a_sorted_array_and_a_class_a_list_by_entry),
		cmocka_unit_test(test_held_jobs_have_a_queue_and_no_list),
		cmocka_unit_test(test_jobs_are_served_by_deadline_then_arrival),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
