/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sojourn rule: under lasting overload some jobs end early, so that the others end in time.
 *
 * With more work than can be done, a queue in order of deadline (or of arrival, which is the same
 * where all ask for the same) grows until the wait is as long as the deadlines are, and from then
 * on serves nothing but jobs that are about to expire. The length of a queue does not tell this
 * from a burst that will be gone in a moment; the wait does. CoDel (Nichols and Jacobson, ACM Queue
 * 2012): a queue is bad when even the shortest wait of an interval was above a target. What is done
 * about it is folly's variant (Codel.cpp, for servers instead of routers): not one drop at growing
 * frequency, but every job that has waited longer than twice the target ends.
 *
 * Waits are measured when jobs are dispatched; those that expire, are canceled or are shed say
 * nothing about how fast the queue is. The verdict falls with the first dispatch after an
 * interval's end and holds until the next. A job that has waited too long ends when it is its turn,
 * or by its backlog's timer, the oldest first. An empty backlog is not slow, whatever was measured
 * before.
 *
 * The shortest wait is that of all tenants of the class: if one of them is served at once, the
 * backlog is not too slow, and a tenant that only waits for its own cap or for its own long queue
 * is left to its deadlines. Published values (5 ms, 100 ms) are for requests of milliseconds;
 * targets here are of the order of a model's time to answer, and twice the target and that time
 * together must fit into the deadlines.
 */
#include "engine/sojourn.h"

void tr_sojourn_measure(struct tr_engine *e, const struct tr_job *job)
{
	struct tr_backlog *backlog = &e->backlog[tr_backlog_of(e, job->model, job->class_slot)];
	const struct tr_class *class = &e->class[job->class_slot];
	tr_time_ns now = e->core->now;
	tr_span_ns wait = now - job->queued;

	TR_ASSERT(job->state == TR_JOB_QUEUED);
	TR_ASSERT(job->queued <= now);
	if (!class->sojourn_target)
		return;
	if (backlog->interval_end > now) {
		backlog->wait_min = tr_min(backlog->wait_min, wait);
		return;
	}
	if (backlog->interval_end)
		backlog->too_slow = backlog->wait_min > class->sojourn_target;
	backlog->interval_end = tr_add_sat(now, class->sojourn_interval);
	backlog->wait_min = wait;
}

bool tr_sojourn_over(const struct tr_engine *e, const struct tr_job *job)
{
	TR_ASSERT(job->state == TR_JOB_QUEUED);
	return e->backlog[tr_backlog_of(e, job->model, job->class_slot)].too_slow &&
	       e->core->now - job->queued > tr_sojourn_longest(&e->class[job->class_slot]);
}

void tr_sojourn_idle(struct tr_backlog *backlog)
{
	backlog->interval_end = 0;
	backlog->wait_min = 0;
	backlog->too_slow = 0;
}
