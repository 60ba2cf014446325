/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue of waiting jobs, in two orders at once.
 *
 * By (deadline, sequence): a treap (Seidel and Aragon 1996) with subtree sizes, for earliest
 * deadline first, first come first served among equals, removal anywhere, and the position a client
 * is told. The heap priority of a node is a mix of the job's sequence number: random enough for the
 * expected O(log n), the same on every machine, and no field of its own. By entry: a doubly linked
 * list, whose oldest job is the first that a class's queue time-out can hit.
 *
 * Both are intrusive in struct tr_job. Nothing here knows clocks, limits or why a job waits.
 */
#include "engine/queue.h"

#include "engine/random.h"

static struct tr_job *at(const struct tr_engine *e, uint32_t row1)
{
	return row1 ? &e->job[row1 - 1] : NULL;
}

static uint32_t row1_of(const struct tr_engine *e, const struct tr_job *job)
{
	return job ? tr_row_of_job(e, job) + 1 : 0;
}

static uint32_t size_of(const struct tr_engine *e, uint32_t row1)
{
	return row1 ? e->job[row1 - 1].size : 0;
}

static uint64_t priority(const struct tr_job *job)
{
	return tr_mix(job->sequence);
}

static bool before(const struct tr_job *a, const struct tr_job *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

static void resize(const struct tr_engine *e, struct tr_job *job)
{
	job->size = 1 + size_of(e, job->left1) + size_of(e, job->right1);
}

/* Make `to` stand where `from` stood below `parent`, or at the root. */
static void replace(struct tr_engine *e, struct tr_queue *queue, uint32_t parent1, uint32_t from1,
		    uint32_t to1)
{
	struct tr_job *parent = at(e, parent1);

	if (!parent)
		queue->root1 = to1;
	else if (parent->left1 == from1)
		parent->left1 = to1;
	else
		parent->right1 = to1;
	if (to1)
		at(e, to1)->parent1 = parent1;
}

/* Rotate a node above its parent. */
static void lift(struct tr_engine *e, struct tr_queue *queue, struct tr_job *job)
{
	struct tr_job *parent = at(e, job->parent1);
	uint32_t job1 = row1_of(e, job);
	uint32_t parent1 = row1_of(e, parent);
	uint32_t moved1;

	TR_ASSERT(parent);
	replace(e, queue, parent->parent1, parent1, job1);
	if (parent->left1 == job1) {
		moved1 = job->right1;
		job->right1 = parent1;
		parent->left1 = moved1;
	} else {
		moved1 = job->left1;
		job->left1 = parent1;
		parent->right1 = moved1;
	}
	if (moved1)
		at(e, moved1)->parent1 = parent1;
	parent->parent1 = job1;
	resize(e, parent);
	resize(e, job);
}

static void tree_insert(struct tr_engine *e, struct tr_queue *queue, struct tr_job *job)
{
	struct tr_job *parent = NULL;

	job->left1 = job->right1 = job->parent1 = 0;
	job->size = 1;
	for (uint32_t row1 = queue->root1; row1;) {
		parent = at(e, row1);
		parent->size++;
		row1 = before(job, parent) ? parent->left1 : parent->right1;
	}
	job->parent1 = row1_of(e, parent);
	if (!parent)
		queue->root1 = row1_of(e, job);
	else if (before(job, parent))
		parent->left1 = row1_of(e, job);
	else
		parent->right1 = row1_of(e, job);
	while (job->parent1 && priority(job) < priority(at(e, job->parent1)))
		lift(e, queue, job);
}

static void tree_remove(struct tr_engine *e, struct tr_queue *queue, struct tr_job *job)
{
	/* Sink it below its children in heap order until it has one child at most. */
	while (job->left1 && job->right1) {
		struct tr_job *left = at(e, job->left1);
		struct tr_job *right = at(e, job->right1);

		lift(e, queue, priority(left) < priority(right) ? left : right);
	}
	replace(e, queue, job->parent1, row1_of(e, job), job->left1 ? job->left1 : job->right1);
	for (struct tr_job *up = at(e, job->parent1); up; up = at(e, up->parent1))
		up->size--;
	job->left1 = job->right1 = job->parent1 = 0;
	job->size = 0;
}

void tr_queue_push(struct tr_engine *e, struct tr_job *job)
{
	struct tr_queue *queue = &e->queue[tr_queue_of(e, job)];
	struct tr_job *newest = at(e, queue->newest1);

	TR_ASSERT(job->size == 0);
	TR_ASSERT(job->sequence != 0);
	tree_insert(e, queue, job);
	job->older1 = queue->newest1;
	job->newer1 = 0;
	if (newest)
		newest->newer1 = row1_of(e, job);
	else
		queue->oldest1 = row1_of(e, job);
	queue->newest1 = row1_of(e, job);
}

void tr_queue_remove(struct tr_engine *e, struct tr_job *job)
{
	struct tr_queue *queue = &e->queue[tr_queue_of(e, job)];

	TR_ASSERT(job->size != 0);
	tree_remove(e, queue, job);
	if (job->older1)
		at(e, job->older1)->newer1 = job->newer1;
	else
		queue->oldest1 = job->newer1;
	if (job->newer1)
		at(e, job->newer1)->older1 = job->older1;
	else
		queue->newest1 = job->older1;
	job->older1 = job->newer1 = 0;
}

struct tr_job *tr_queue_first(const struct tr_engine *e, const struct tr_queue *queue)
{
	struct tr_job *job = at(e, queue->root1);

	while (job && job->left1)
		job = at(e, job->left1);
	return job;
}

struct tr_job *tr_queue_next(const struct tr_engine *e, const struct tr_job *job)
{
	struct tr_job *next = at(e, job->right1);

	while (next && next->left1)
		next = at(e, next->left1);
	if (next)
		return next;
	for (next = at(e, job->parent1); next && next->right1 == row1_of(e, job);) {
		job = next;
		next = at(e, job->parent1);
	}
	return next;
}

struct tr_job *tr_queue_oldest(const struct tr_engine *e, const struct tr_queue *queue)
{
	return at(e, queue->oldest1);
}

uint32_t tr_queue_position(const struct tr_engine *e, const struct tr_job *job)
{
	uint32_t position = 1 + size_of(e, job->left1);

	for (const struct tr_job *up = at(e, job->parent1); up; up = at(e, up->parent1)) {
		if (up->right1 == row1_of(e, job))
			position += 1 + size_of(e, up->left1);
		job = up;
	}
	return position;
}

uint32_t tr_queue_length(const struct tr_engine *e, const struct tr_queue *queue)
{
	return size_of(e, queue->root1);
}

const char *tr_queue_verify(const struct tr_engine *e, uint32_t number)
{
	const struct tr_queue *queue = &e->queue[number];
	uint32_t listed = 0;
	tr_time_ns entered = 0;

	for (uint32_t row1 = queue->oldest1; row1; row1 = e->job[row1 - 1].newer1) {
		if (row1 > e->core->job_used)
			return "a queue's list leaves the table";
		const struct tr_job *job = &e->job[row1 - 1];

		if (job->state != TR_JOB_QUEUED && job->state != TR_JOB_HELD)
			return "a job in a queue is not waiting";
		if (tr_queue_of(e, job) != number)
			return "a job is in another queue than its own";
		if (job->queued < entered)
			return "a queue's list is not in order of entry";
		entered = job->queued;
		if (job->left1 > e->core->job_used || job->right1 > e->core->job_used ||
		    job->parent1 > e->core->job_used)
			return "a queue's tree leaves the table";
		const struct tr_job *left = at(e, job->left1), *right = at(e, job->right1);

		if (left &&
		    (left->parent1 != row1 || !before(left, job) || priority(left) < priority(job)))
			return "a queue's tree is out of order on the left";
		if (right && (right->parent1 != row1 || !before(job, right) ||
			      priority(right) < priority(job)))
			return "a queue's tree is out of order on the right";
		if (job->size != 1 + size_of(e, job->left1) + size_of(e, job->right1))
			return "a queue's tree has a wrong size";
		if (!job->parent1 && queue->root1 != row1)
			return "a queue's tree has two roots";
		if (++listed > e->core->live_jobs)
			return "a queue's list has a circle";
	}
	if (listed != tr_queue_length(e, queue))
		return "a queue's tree and list differ";
	return NULL;
}
