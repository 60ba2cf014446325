/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting jobs, in two orders at once.
 *
 * A queue (pool, class, tenant) is ordered by (deadline, sequence): a treap (Seidel and Aragon
 * 1996) for earliest deadline first, first come first served among equals, removal anywhere, and
 * the position a client is told. The heap priority of a node is a mix of the job's sequence number:
 * random enough for the expected O(log n), the same on every machine, and no field of its own.
 *
 * A node's rank is its place in its own subtree: 1 + the jobs below it on the left. What is hung
 * below on the right changes no rank, so a job that goes last, as most do, touches the job before
 * it and hardly another, however many wait.
 *
 * A backlog (pool, class) is ordered by entry: a doubly linked list of the jobs of all its tenants.
 * Age is what a class's limits look at: the queue time-out, the sojourn rule, and the job that
 * gives up its place. Held jobs have their queue, for their deadlines, and no list: nothing asks
 * how long they have been held.
 *
 * Both are intrusive in struct tr_job. Nothing here knows clocks, limits or why a job waits.
 */
#include "engine/queue.h"

#include "engine/list.h"
#include "engine/random.h"

static struct tr_job *at(const struct tr_engine *e, uint32_t row1)
{
	return row1 ? &e->job[row1 - 1] : NULL;
}

static uint32_t row1_of(const struct tr_engine *e, const struct tr_job *job)
{
	return job ? tr_row_of_job(e, job) + 1 : 0;
}

static uint64_t priority(const struct tr_job *job)
{
	return tr_mix(job->sequence);
}

static bool before(const struct tr_job *a, const struct tr_job *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
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
		parent->rank -= job->rank;
	} else {
		moved1 = job->left1;
		job->left1 = parent1;
		parent->right1 = moved1;
		job->rank += parent->rank;
	}
	if (moved1)
		at(e, moved1)->parent1 = parent1;
	parent->parent1 = job1;
}

/* Below whom a job that is in no tree goes, those before whom it goes being told; NULL: it is the
 * root. */
static struct tr_job *tree_descend(struct tr_engine *e, struct tr_queue *queue,
				   const struct tr_job *job)
{
	struct tr_job *parent = at(e, queue->last1);

	if (!parent || before(parent, job))
		return parent;
	for (uint32_t row1 = queue->root1; row1;) {
		bool left;

		parent = at(e, row1);
		left = before(job, parent);
		parent->rank += left;
		row1 = left ? parent->left1 : parent->right1;
	}
	return parent;
}

static void tree_insert(struct tr_engine *e, struct tr_queue *queue, struct tr_job *job)
{
	struct tr_job *parent = tree_descend(e, queue, job);
	uint32_t job1 = row1_of(e, job), parent1 = row1_of(e, parent);

	job->left1 = job->right1 = 0;
	job->parent1 = parent1;
	job->rank = 1;
	queue->length++;
	if (!parent)
		queue->root1 = job1;
	else if (before(job, parent))
		parent->left1 = job1;
	else
		parent->right1 = job1;
	/* Only where nothing is on that side can something be put. */
	if (parent1 == queue->last1 && (!parent || parent->right1 == job1))
		queue->last1 = job1;
	if (parent1 == queue->first1 && (!parent || parent->left1 == job1))
		queue->first1 = job1;
	while (job->parent1 && priority(job) < priority(at(e, job->parent1)))
		lift(e, queue, job);
}

/* The job before the last one. */
static struct tr_job *before_last(const struct tr_engine *e, const struct tr_job *last)
{
	struct tr_job *job = at(e, last->left1);

	while (job && job->right1)
		job = at(e, job->right1);
	return job ? job : at(e, last->parent1);
}

static void tree_remove(struct tr_engine *e, struct tr_queue *queue, struct tr_job *job)
{
	uint32_t job1 = row1_of(e, job), child1 = job1;

	if (queue->first1 == job1)
		queue->first1 = row1_of(e, tr_queue_next(e, job));
	if (queue->last1 == job1)
		queue->last1 = row1_of(e, before_last(e, job));
	/* Sink it below its children in heap order until it has one child at most. */
	while (job->left1 && job->right1) {
		struct tr_job *left = at(e, job->left1);
		struct tr_job *right = at(e, job->right1);

		lift(e, queue, priority(left) < priority(right) ? left : right);
	}
	for (struct tr_job *up = at(e, job->parent1); up; up = at(e, up->parent1)) {
		up->rank -= up->left1 == child1;
		child1 = row1_of(e, up);
	}
	replace(e, queue, job->parent1, job1, job->left1 ? job->left1 : job->right1);
	job->left1 = job->right1 = job->parent1 = 0;
	job->rank = 0;
	queue->length--;
}

/* ---- the list by entry ---- */

static struct tr_backlog *backlog_of(const struct tr_engine *e, const struct tr_job *job)
{
	return &e->backlog[tr_backlog_of(e, job->model, job->class_slot)];
}

static void list_append(struct tr_engine *e, struct tr_job *job)
{
	struct tr_backlog *backlog = backlog_of(e, job);
	uint32_t row = tr_row_of_job(e, job);

	TR_LIST_ADD(e->job, row, older1, newer1, backlog->oldest1, backlog->newest1);
}

static void list_remove(struct tr_engine *e, struct tr_job *job)
{
	struct tr_backlog *backlog = backlog_of(e, job);
	uint32_t row = tr_row_of_job(e, job);

	TR_LIST_REMOVE(e->job, row, older1, newer1, backlog->oldest1, backlog->newest1);
}

struct tr_job *tr_backlog_oldest(const struct tr_engine *e, const struct tr_backlog *backlog)
{
	return at(e, backlog->oldest1);
}

struct tr_job *tr_backlog_newest(const struct tr_engine *e, const struct tr_backlog *backlog)
{
	return at(e, backlog->newest1);
}

/* ---- both ---- */

void tr_queue_push(struct tr_engine *e, struct tr_job *job)
{
	TR_ASSERT(job->rank == 0);
	TR_ASSERT(job->sequence != 0);
	tree_insert(e, &e->queue[tr_queue_of(e, job)], job);
	if (job->state == TR_JOB_QUEUED)
		list_append(e, job);
}

void tr_queue_remove(struct tr_engine *e, struct tr_job *job)
{
	TR_ASSERT(job->rank != 0);
	tree_remove(e, &e->queue[tr_queue_of(e, job)], job);
	if (job->state == TR_JOB_QUEUED)
		list_remove(e, job);
}

struct tr_job *tr_queue_first(const struct tr_engine *e, const struct tr_queue *queue)
{
	return at(e, queue->first1);
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

uint32_t tr_queue_position(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_queue *queue = &e->queue[tr_queue_of(e, job)];
	uint32_t position = job->rank;

	if (queue->last1 == row1_of(e, job))
		return queue->length;
	for (const struct tr_job *up = at(e, job->parent1); up; up = at(e, up->parent1)) {
		if (up->right1 == row1_of(e, job))
			position += up->rank;
		job = up;
	}
	return position;
}

/* ---- what must hold ---- */

static bool is_waiting(const struct tr_job *job)
{
	return job->state == TR_JOB_QUEUED || job->state == TR_JOB_HELD;
}

/* A child stands in the same queue, knows its parent, and may be below it. */
static bool child_good(const struct tr_engine *e, const struct tr_job *job, uint32_t child1)
{
	const struct tr_job *child = at(e, child1);

	return !child || (is_waiting(child) && tr_queue_of(e, child) == tr_queue_of(e, job) &&
			  child->parent1 == row1_of(e, job) && priority(child) >= priority(job));
}

const char *tr_queue_verify_job(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_job *left = at(e, job->left1), *right = at(e, job->right1);
	const struct tr_job *parent = at(e, job->parent1);
	uint32_t row1 = row1_of(e, job);

	if (!is_waiting(job))
		return "a job in a queue is not waiting";
	if (!child_good(e, job, job->left1) || (left && !before(left, job)))
		return "a queue's tree is out of order on the left";
	if (!child_good(e, job, job->right1) || (right && !before(job, right)))
		return "a queue's tree is out of order on the right";
	if (parent && (!is_waiting(parent) || (parent->left1 != row1 && parent->right1 != row1)))
		return "a waiting job's parent does not know it";
	if (!parent && e->queue[tr_queue_of(e, job)].root1 != row1)
		return "a waiting job is not in its queue's tree";
	return NULL;
}

/* Jobs in the tree below a node and with it: along its right edge each rank is what lies on the
 * left. */
static uint32_t size_of(const struct tr_engine *e, uint32_t row1)
{
	uint32_t size = 0;

	for (const struct tr_job *job = at(e, row1); job; job = at(e, job->right1))
		size += job->rank;
	return size;
}

const char *tr_queue_verify(const struct tr_engine *e, uint32_t number)
{
	const struct tr_queue *queue = &e->queue[number];
	const struct tr_job *root = at(e, queue->root1), *first = at(e, queue->first1);
	const struct tr_job *last = NULL;
	uint32_t seen = 0;

	if (root && (!is_waiting(root) || tr_queue_of(e, root) != number || root->parent1))
		return "a queue's root is another's job";
	if (first && (!is_waiting(first) || tr_queue_of(e, first) != number || first->left1))
		return "a queue's first job does not stand first";
	for (const struct tr_job *job = first; job; job = tr_queue_next(e, job)) {
		if (last && !before(last, job))
			return "a queue's tree is out of order";
		if (job->rank != 1 + size_of(e, job->left1))
			return "a queue's tree has a wrong rank";
		last = job;
		seen++;
	}
	if (queue->last1 != row1_of(e, last))
		return "a queue's last job does not stand last";
	return seen == queue->length ? NULL : "a queue has another length";
}

const char *tr_backlog_verify(const struct tr_engine *e, uint32_t number)
{
	const struct tr_backlog *backlog = &e->backlog[number];
	uint32_t seen = 0, before1 = 0;
	tr_time_ns entered = 0;

	for (uint32_t row1 = backlog->oldest1; row1; row1 = e->job[row1 - 1].newer1) {
		const struct tr_job *job = at(e, row1);

		if (job->state != TR_JOB_QUEUED)
			return "a job in a class's list does not wait";
		if (tr_backlog_of(e, job->model, job->class_slot) != number)
			return "a job is in another class's list";
		if (job->older1 != before1)
			return "a class's list is torn";
		if (job->queued < entered)
			return "a class's list is not in order of entry";
		if (++seen > backlog->waiting)
			return "a class's list is longer than what waits";
		before1 = row1;
		entered = job->queued;
	}
	if (backlog->newest1 != before1)
		return "a class's list has another end";
	return seen == backlog->waiting ? NULL : "a class's list is shorter than what waits";
}
