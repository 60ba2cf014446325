/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: class, then tenant, then deadline.
 *
 * For each marked pool (pool.h) it looks at who waits (waiting.h) until nobody can be placed:
 *
 *  - jobs that were dispatched before and wait for an endpoint again: what was begun is finished
 *    first, and they hold scarce rows;
 *  - class: one whose share of recent dispatches is below its floor goes first, the one furthest
 *    below before others; else the highest priority; equals by name;
 *  - tenant: the smallest virtual counter of weighted tokens, equals by name;
 *  - job: earliest deadline, then first come.
 *
 * Before all that, strict jobs whose routes are closed end: they wait for nobody's recovery.
 *
 * If a job can go nowhere for a reason of its own, its queue is put aside for this round and the
 * next tenant is asked, so that one job does not block a pool.
 */
#include "engine/scheduler.h"

#include "engine/attempt.h"
#include "engine/job.h"
#include "engine/pool.h"
#include "engine/queue.h"
#include "engine/ready.h"
#include "engine/record.h"
#include "engine/router.h"
#include "engine/waiting.h"

/* Jobs of a queue that are asked after its first one must wait for a reason of its own. */
#define LOOK_AHEAD 32

void tr_scheduler_queue_due(struct tr_engine *e, uint32_t q)
{
	const struct tr_queue *queue = &e->queue[q];

	while (queue->root1 && tr_step_has_room(e) && tr_record_has_room(e)) {
		struct tr_job *first = tr_queue_first(e, queue);
		struct tr_job *oldest = tr_queue_oldest(e, queue);
		tr_span_ns timeout = e->class[oldest->class_slot].queue_timeout;

		if (first->deadline <= e->core->now)
			tr_job_expire(e, first);
		else if (oldest->state == TR_JOB_QUEUED && timeout &&
			 tr_add_sat(oldest->queued, timeout) <= e->core->now)
			tr_job_end(e, oldest, TR_OUTCOME_EXPIRED, TR_CAUSE_QUEUE_TIMEOUT);
		else
			break;
	}
	tr_waiting_queue_timer(e, q);
}

/* ---- run ---- */

/* The class of a pool whose turn it is, as a backlog; TR_NONE: none has a ready tenant. */
static uint32_t pick_class(const struct tr_engine *e, uint32_t model)
{
	uint32_t best = TR_NONE, owed = TR_NONE;
	uint64_t owed_share = 0, sum = tr_waiting_dispatched(e, model);

	for (uint32_t c = 0; c < e->limits.classes; c++) {
		uint32_t b = tr_backlog_of(e, model, c);
		const struct tr_class *class = &e->class[c];

		if (!e->backlog[b].ready)
			continue;
		/* Dispatches per 10^6 and percent of floor: below 10^4 a floor is not met. */
		uint64_t share = class->floor_percent == 0
					 ? UINT64_MAX
					 : tr_mul_div(e->backlog[b].dispatched, 1000000,
						      tr_max(sum * class->floor_percent, 1));

		if (share < 10000 && (owed == TR_NONE || share < owed_share ||
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

static enum placing place_job(struct tr_engine *e, struct tr_job *job)
{
	enum tr_role role = job->state == TR_JOB_RETRY ? TR_ROLE_RETRY : TR_ROLE_FIRST;
	struct tr_route route;

	if (!tr_step_has_room(e) || !tr_record_has_room(e))
		return PLACING_NO_ROOM;
	/* Its timer is due at this very instant and has only not been heard yet. */
	if (job->deadline <= e->core->now) {
		tr_job_expire(e, job);
		return PLACING_ON;
	}
	if (!tr_attempt_has_rows(e, job)) {
		e->core->starved = 1;
		return PLACING_CLOSED;
	}
	switch (tr_router_route(e, job, role, &route)) {
	case TR_ROUTE_PLACED:
		tr_job_run(e, job);
		tr_attempt_dispatch(e, job, role, &route);
		return PLACING_ON;
	case TR_ROUTE_NEVER:
		/* One that has failed already failed for that; where it cannot go is the
		 * consequence. */
		tr_job_end(e, job, TR_OUTCOME_FAILED,
			   job->active1 ? (enum tr_cause)tr_active_of(e, job)->last_cause
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

static enum placing place_retries(struct tr_engine *e, uint32_t model)
{
	enum placing all = PLACING_ON;
	uint32_t next1;

	for (uint32_t job1 = e->model[model].retry_oldest1; job1; job1 = next1) {
		struct tr_job *job = &e->job[job1 - 1];
		enum placing placed;

		next1 = job->newer1;
		/* A strict one may have to fail where the others wait. */
		if (all == PLACING_CLOSED && !(job->flags & TR_JOB_STRICT))
			continue;
		placed = place_job(e, job);
		if (placed == PLACING_NO_ROOM)
			return placed;
		if (placed == PLACING_CLOSED)
			all = placed;
	}
	return all;
}

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
			if (job->deadline <= e->core->now)
				tr_job_expire(e, job);
			else
				tr_job_end(e, job, TR_OUTCOME_FAILED, TR_CAUSE_ROUTE_CLOSED);
		}
	}
	return true;
}

/* Place jobs of a pool until nobody can be placed (true) or the step has no room left (false). */
static bool pool_run(struct tr_engine *e, uint32_t model)
{
	uint32_t set_aside = 0;
	enum placing placed = end_shut(e, model) ? place_retries(e, model) : PLACING_NO_ROOM;

	while (placed != PLACING_CLOSED && placed != PLACING_NO_ROOM) {
		uint32_t backlog = pick_class(e, model);

		if (backlog == TR_NONE)
			break;

		uint32_t q = tr_ready_first(e, backlog);

		struct tr_job *job = tr_queue_first(e, &e->queue[q]);

		placed = place_job(e, job);
		for (uint32_t i = 0; i < LOOK_AHEAD && placed == PLACING_ASIDE; i++) {
			job = tr_queue_next(e, job);
			if (!job)
				break;
			placed = place_job(e, job);
		}
		if (placed == PLACING_ASIDE) {
			tr_ready_remove(e, q);
			e->aside[set_aside++] = q;
		}
	}
	while (set_aside > 0)
		tr_ready_refresh(e, e->aside[--set_aside]);
	/* Again: whoever was placed may have been the last probe. */
	return placed != PLACING_NO_ROOM && end_shut(e, model);
}

void tr_scheduler_run(struct tr_engine *e)
{
	uint32_t m;

	while ((m = tr_pool_next(e)) != TR_NONE) {
		if (tr_pool_wanted(&e->model[m]) && !pool_run(e, m))
			return;
		e->model[m].dirty = 0;
		e->core->dirty_models--;
	}
}
