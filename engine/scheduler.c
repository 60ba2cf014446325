/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: class, then tenant, then deadline.
 *
 * For each marked pool (pool.h) it looks at who waits (waiting.h) until nobody can be placed:
 *
 *  - jobs that were dispatched before and wait for an endpoint again: what was begun is finished
 *    first, and they hold scarce rows. Unless a class that preempts races above theirs: then they
 *    wait until its jobs are placed or cannot be, but for those whose class is owed its floor;
 *  - class: one whose share of recent dispatches is below its floor goes first, the one furthest
 *    below before others; else the highest priority; equals by name;
 *  - tenant: the smallest virtual counter of weighted tokens, equals by name;
 *  - job: earliest deadline, then first come.
 *
 * Before all that, strict jobs whose routes are closed end: they wait for nobody's recovery.
 *
 * If a job can go nowhere for a reason of its own, its queue is put aside for this round and the
 * next tenant is asked, so that one job does not block a pool. If nobody can be placed, still those
 * are asked whose class may take a slot from another (preempt.c).
 */
#include "engine/scheduler.h"

#include "engine/attempt.h"
#include "engine/job.h"
#include "engine/pool.h"
#include "engine/preempt.h"
#include "engine/queue.h"
#include "engine/ready.h"
#include "engine/record.h"
#include "engine/router.h"
#include "engine/sojourn.h"
#include "engine/waiting.h"

/* Jobs of a queue that are asked after its first one must wait for a reason of its own. */
#define LOOK_AHEAD 32

void tr_scheduler_queue_due(struct tr_engine *e, uint32_t q)
{
	struct tr_job *first = tr_queue_first(e, &e->queue[q]);

	while (first && first->deadline <= e->core->now && tr_step_has_room(e) &&
	       tr_record_has_room(e)) {
		tr_job_expire(e, first);
		first = tr_queue_first(e, &e->queue[q]);
	}
	tr_waiting_queue_timer(e, q);
}

void tr_scheduler_backlog_due(struct tr_engine *e, uint32_t b)
{
	tr_span_ns timeout = e->class[b % e->limits.classes].queue_timeout;

	while (tr_waiting_backlog_due(e, b) <= e->core->now && tr_step_has_room(e) &&
	       tr_record_has_room(e)) {
		struct tr_job *oldest = tr_backlog_oldest(e, &e->backlog[b]);

		/* Its queue's timer is due at this very instant and has only not been heard yet. */
		if (oldest->deadline <= e->core->now)
			tr_job_expire(e, oldest);
		else if (timeout && tr_add_sat(oldest->queued, timeout) <= e->core->now)
			tr_job_end(e, oldest, TR_OUTCOME_EXPIRED, TR_CAUSE_QUEUE_TIMEOUT);
		else
			tr_job_end(e, oldest, TR_OUTCOME_FAILED, TR_CAUSE_SOJOURN_SHED);
	}
	tr_waiting_backlog_timer(e, b);
}

/* ---- run ---- */

/* One look at a pool. */
struct look {
	uint32_t model;
	uint32_t below; /* retries of classes of lower priority than this wait ... */
	bool passed;	/* ... and some do */
	bool closed;	/* nobody can be placed; still asked are those who may take slots ... */
	uint64_t least; /* ... of at least this priority */
};

/* May the class still be asked? */
static bool is_asked(const struct look *look, const struct tr_class *class)
{
	return !look->closed ||
	       (class->preempt == TR_PREEMPT_HARD && class->priority >= look->least);
}

/* A job's answer was that nobody can be placed: who takes slots found none, nor do those below. */
static void look_close(const struct tr_engine *e, struct look *look, const struct tr_job *job)
{
	const struct tr_class *class = &e->class[job->class_slot];

	look->closed = true;
	if (class->preempt == TR_PREEMPT_HARD)
		look->least = tr_max(look->least, (uint64_t) class->priority + 1);
}

/* The class of a pool whose turn it is, as a backlog; TR_NONE: none has a ready tenant. */
static uint32_t pick_class(const struct tr_engine *e, const struct look *look)
{
	uint32_t best = TR_NONE, owed = TR_NONE;
	uint64_t owed_share = 0;

	for (uint32_t c = 0; c < e->limits.classes; c++) {
		uint32_t b = tr_backlog_of(e, look->model, c);
		const struct tr_class *class = &e->class[c];
		uint64_t share;

		if (!e->backlog[b].ready || !is_asked(look, class))
			continue;
		if (tr_waiting_is_owed(e, b, 0, &share) &&
		    (owed == TR_NONE || share < owed_share ||
		     (share == owed_share &&
		      class->name < e->class[owed % e->limits.classes].name))) {
			owed = b;
			owed_share = share;
		}
		if (best == TR_NONE ||
		    class->priority > e->class[best % e->limits.classes].priority ||
		    (class->priority == e->class[best % e->limits.classes].priority &&
		     class->name < e->class[best % e->limits.classes].name))
			best = b;
	}
	return owed != TR_NONE ? owed : best;
}

enum placing {
	PLACING_ON,	 /* done with this job; go on */
	PLACING_ASIDE,	 /* this job must wait; others may not */
	PLACING_CLOSED,	 /* nobody of the pool can be placed now */
	PLACING_NO_ROOM, /* the step is full; the pool stays dirty */
};

static enum tr_role role_of(const struct tr_engine *e, const struct tr_job *job)
{
	if (job->state != TR_JOB_RETRY)
		return TR_ROLE_FIRST;
	return tr_active_of(e, job)->last_cause == TR_CAUSE_PREEMPTED ? TR_ROLE_AGAIN
								      : TR_ROLE_RETRY;
}

/* Route the job, if need be at the cost of another. */
static enum tr_route_result route_job(struct tr_engine *e, const struct tr_job *job,
				      enum tr_role role, struct tr_route *ret_route)
{
	enum tr_route_result result = tr_router_route(e, job, role, ret_route);

	if (result == TR_ROUTE_PLACED || result == TR_ROUTE_NEVER || result == TR_ROUTE_SHUT ||
	    !tr_preempt_may(e, job))
		return result;
	return tr_preempt_make_room(e, job, ret_route) ? tr_router_route(e, job, role, ret_route)
						       : result;
}

static enum placing place_job(struct tr_engine *e, struct tr_job *job)
{
	enum tr_role role = role_of(e, job);
	struct tr_route route;

	if (!tr_step_has_room(e) || !tr_record_has_room(e))
		return PLACING_NO_ROOM;
	if (job->doomed) {
		tr_job_end(e, job, TR_OUTCOME_CANCELED, (enum tr_cause)job->doomed);
		return PLACING_ON;
	}
	/* Its timer is due at this very instant and has only not been heard yet. */
	if (job->deadline <= e->core->now) {
		tr_job_expire(e, job);
		return PLACING_ON;
	}
	if (job->state == TR_JOB_QUEUED && tr_sojourn_over(e, job)) {
		tr_job_end(e, job, TR_OUTCOME_FAILED, TR_CAUSE_SOJOURN_SHED);
		return PLACING_ON;
	}
	if (!tr_attempt_has_rows(e, job)) {
		e->core->starved = 1;
		return PLACING_CLOSED;
	}
	switch (route_job(e, job, role, &route)) {
	case TR_ROUTE_PLACED:
		tr_job_run(e, job);
		tr_attempt_dispatch(e, job, role, &route);
		return PLACING_ON;
	case TR_ROUTE_NEVER:
		/* One that has failed already failed for that; where it cannot go is the
		 * consequence. */
		tr_job_end(e, job, TR_OUTCOME_FAILED,
			   role == TR_ROLE_RETRY ? (enum tr_cause)tr_active_of(e, job)->last_cause
			   : job->flags & TR_JOB_STRICT ? TR_CAUSE_ROUTE_CLOSED
							: TR_CAUSE_NO_ENDPOINT);
		return PLACING_ON;
	case TR_ROUTE_SHUT:
		tr_job_end(e, job, TR_OUTCOME_FAILED, TR_CAUSE_ROUTE_CLOSED);
		return PLACING_ON;
	case TR_ROUTE_WAIT:
		return PLACING_ASIDE;
	case TR_ROUTE_CLOSED:
		/* Jobs of another policy may have other ways. */
		return e->slot[e->core->active_policy].jobs < e->core->live_jobs ? PLACING_ASIDE
										 : PLACING_CLOSED;
	case TR_ROUTE_CLOSED_STEP:
		return job->state == TR_JOB_RETRY || e->model[job->model].waiting_apart ||
				       e->slot[e->core->active_policy].jobs < e->core->live_jobs
			       ? PLACING_ASIDE
			       : PLACING_CLOSED;
	}
	return PLACING_CLOSED;
}

/* ---- retries ---- */

/* The priority of the highest class that preempts and races in the pool; 0: none does. */
static uint32_t preempting(const struct tr_engine *e, uint32_t model)
{
	uint32_t highest = 0;

	for (uint32_t c = 0; c < e->limits.classes; c++)
		if (e->class[c].preempt != TR_PREEMPT_NONE &&
		    e->backlog[tr_backlog_of(e, model, c)].ready)
			highest = (uint32_t)tr_max(highest, e->class[c].priority);
	return highest;
}

/* Must retries of the class wait for a class that preempts? */
static bool yields(const struct tr_engine *e, const struct look *look, uint32_t c)
{
	uint64_t share;

	return e->class[c].priority < look->below &&
	       !tr_waiting_is_owed(e, tr_backlog_of(e, look->model, c), 0, &share);
}

/* Has any retry its turn? Notes whether some must wait. */
static bool retries_have_turn(const struct tr_engine *e, struct look *look)
{
	bool turn = false;

	look->passed = false;
	for (uint32_t c = 0; c < e->limits.classes; c++) {
		if (!e->backlog[tr_backlog_of(e, look->model, c)].retrying)
			continue;
		if (yields(e, look, c))
			look->passed = true;
		else
			turn |= is_asked(look, &e->class[c]);
	}
	return turn;
}

/* One retry. What goes before a class that preempts goes for its floor's sake, and counts in it. */
static enum placing place_retry(struct tr_engine *e, const struct look *look, struct tr_job *job)
{
	bool again = tr_active_of(e, job)->last_cause == TR_CAUSE_PREEMPTED;
	enum placing placed = place_job(e, job);

	if (placed == PLACING_ON && job->state == TR_JOB_RUNNING && !again &&
	    e->class[job->class_slot].priority < look->below)
		tr_waiting_count(e, job);
	return placed;
}

/* Place the retries that have their turn. Returns false if the step has no room left. */
static bool place_retries(struct tr_engine *e, struct look *look)
{
	uint32_t next1 = retries_have_turn(e, look) ? e->model[look->model].retry_oldest1 : 0;

	while (next1) {
		struct tr_job *job = &e->job[next1 - 1];
		enum placing placed = PLACING_ASIDE;

		next1 = job->newer1;
		if (yields(e, look, job->class_slot))
			look->passed = true;
		/* A strict one may have to fail where the others wait. */
		else if (is_asked(look, &e->class[job->class_slot]) || (job->flags & TR_JOB_STRICT))
			placed = place_retry(e, look, job);
		if (placed == PLACING_NO_ROOM)
			return false;
		if (placed == PLACING_CLOSED)
			look_close(e, look, job);
	}
	return true;
}

/* ---- pools ---- */

/* The slot of the policy in use with the next larger id: which slot it has is an accident. */
static uint32_t policy_after(const struct tr_engine *e, uint64_t id)
{
	uint32_t next = TR_NONE;

	for (uint32_t p = 0; p < e->limits.policies; p++)
		if (e->slot[p].jobs && e->slot[p].policy_id > id &&
		    (next == TR_NONE || e->slot[p].policy_id < e->slot[next].policy_id))
			next = p;
	return next;
}

/* End the strict jobs of a pool that have nobody to wait for; one of a policy speaks for all of it.
 * Returns false if the step has no room left. */
static bool end_shut(struct tr_engine *e, uint32_t model)
{
	uint64_t id = 0;

	while (e->model[model].waiting_strict) {
		uint32_t p = policy_after(e, id);
		const struct tr_strict *strict;

		if (p == TR_NONE)
			break;
		strict = &e->strict[p * e->limits.models + model];
		id = e->slot[p].policy_id;
		while (strict->oldest1) {
			struct tr_job *job = &e->job[strict->oldest1 - 1];

			if (!tr_router_is_shut(e, job))
				break;
			if (!tr_step_has_room(e) || !tr_record_has_room(e))
				return false;
			if (job->doomed)
				tr_job_end(e, job, TR_OUTCOME_CANCELED, (enum tr_cause)job->doomed);
			else if (job->deadline <= e->core->now)
				tr_job_expire(e, job);
			else
				tr_job_end(e, job, TR_OUTCOME_FAILED, TR_CAUSE_ROUTE_CLOSED);
		}
	}
	return true;
}

/* Ask the tenant whose turn it is in a class, and behind its first job a few more. */
static enum placing place_queued(struct tr_engine *e, struct look *look, uint32_t q)
{
	struct tr_job *job = tr_queue_first(e, &e->queue[q]);
	enum placing placed = place_job(e, job);

	for (uint32_t i = 0; i < LOOK_AHEAD && placed == PLACING_ASIDE; i++) {
		struct tr_job *next = tr_queue_next(e, job);

		if (!next)
			break;
		job = next;
		placed = place_job(e, job);
	}
	if (placed == PLACING_CLOSED)
		look_close(e, look, job);
	return placed;
}

/* The last retries: who was to go before them has been asked. Those that were preempted in this
 * look may have other ways than the slot that they gave. */
static bool place_rest(struct tr_engine *e, struct look *look, uint64_t preemptions)
{
	bool room = true;

	*look = (struct look){.model = look->model, .passed = look->passed};
	while (room && (look->passed || preemptions != e->core->preemptions)) {
		preemptions = e->core->preemptions;
		room = place_retries(e, look);
	}
	return room;
}

/* A queue leaves the race for the rest of this look. One that came back into it meanwhile, as its
 * tenant fell below its cap, leaves it once more: so the list may be too short. */
static uint32_t put_aside(struct tr_engine *e, uint32_t q, uint32_t count)
{
	tr_ready_remove(e, q);
	if (count == e->limits.classes * e->limits.tenants)
		return count;
	e->aside[count] = q;
	return count + 1;
}

static void let_race_again(struct tr_engine *e, uint32_t model, uint32_t count)
{
	uint32_t queues = e->limits.classes * e->limits.tenants;
	bool full = count == queues; /* then it may lack some */

	TR_ASSERT(count <= queues);
	while (count-- > 0)
		tr_ready_refresh(e, full ? model * queues + count : e->aside[count]);
}

/* Place jobs of a pool until nobody can be placed (true) or the step has no room left (false). */
static bool pool_run(struct tr_engine *e, uint32_t model)
{
	struct look look = {.model = model, .below = preempting(e, model)};
	uint64_t preemptions = e->core->preemptions;
	uint32_t set_aside = 0;
	bool room = end_shut(e, model) && place_retries(e, &look);

	while (room) {
		bool passed = look.passed || e->core->preemptions != preemptions;
		uint32_t below = passed ? preempting(e, model) : look.below;

		if (below < look.below) {
			look.below = below;
			room = place_retries(e, &look);
			continue;
		}

		uint32_t backlog = pick_class(e, &look);

		if (backlog == TR_NONE)
			break;

		uint32_t q = tr_ready_first(e, backlog);
		enum placing placed = place_queued(e, &look, q);

		if (placed == PLACING_ASIDE)
			set_aside = put_aside(e, q, set_aside);
		room = placed != PLACING_NO_ROOM;
	}
	let_race_again(e, model, set_aside);
	/* Again: whoever was placed may have been the last probe. */
	return room && place_rest(e, &look, preemptions) && end_shut(e, model);
}

void tr_scheduler_run(struct tr_engine *e)
{
	uint32_t m;

	while ((m = tr_pool_next(e)) != TR_NONE) {
		/* Unmarked before the look: what gets better while it lasts is looked at again. */
		tr_pool_unmark(e, m);
		if (tr_pool_wanted(&e->model[m]) && !pool_run(e, m)) {
			tr_pool_mark(e, m);
			return;
		}
	}
}
