/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: class, then tenant, then deadline.
 *
 * Jobs wait per pool (the model asked for), class and tenant. When something gets better for a pool
 * it is marked dirty, and tr_scheduler_run() looks at its queues until nobody can be placed:
 *
 *  - class: one whose share of recent dispatches is below its floor goes first, the one furthest
 * below before others; else the highest priority; equals by name;
 *  - tenant: the smallest virtual counter of weighted tokens (VTC, Sheng et al., OSDI 2024), equals
 * by name; a tenant that comes back from idle is lifted to where the others are, so that rest is
 * not saved up; a tenant at its concurrency cap is not in the race;
 *  - job: earliest deadline, then first come.
 *
 * Jobs that were dispatched before and wait for an endpoint again go before all of these: what was
 * begun is finished first, and they hold scarce rows.
 *
 * If a job can go nowhere for a reason of its own, its queue is put aside for this round and the
 * next tenant is asked, so that one job does not block a pool. Waiting jobs have no timers: a queue
 * has one, set to its first deadline or time-out.
 */
#include "engine/scheduler.h"

#include "engine/attempt.h"
#include "engine/job.h"
#include "engine/queue.h"
#include "engine/ready.h"
#include "engine/router.h"
#include "engine/timer.h"

/* Dispatches remembered for floors: both counts are halved when the sum passes this. */
#define FLOOR_WINDOW 1024

/* The pool must be looked at before this step's end, or at once after it. */
static void mark(struct tr_engine *e, uint32_t model)
{
	e->core->dirty_models += !e->model[model].dirty;
	e->model[model].dirty = 1;
}

static uint32_t backlog_of_queue(const struct tr_engine *e, uint32_t q)
{
	return q / e->limits.tenants;
}

/* ---- into and out of ---- */

void tr_scheduler_queue_timer(struct tr_engine *e, uint32_t q)
{
	const struct tr_job *first = tr_queue_first(e, &e->queue[q]);
	const struct tr_job *oldest = tr_queue_oldest(e, &e->queue[q]);
	tr_time_ns at = first ? first->deadline : TR_TIME_NEVER;

	if (oldest && oldest->state == TR_JOB_QUEUED && e->class[oldest->class_slot].queue_timeout)
		at = tr_min(at,
			    tr_add_sat(oldest->queued, e->class[oldest->class_slot].queue_timeout));
	tr_timer_set(e, TR_TIMER_QUEUE, q, at);
}

/* Dispatches of all classes of a backlog's pool. */
static uint64_t pool_dispatched(const struct tr_engine *e, uint32_t backlog)
{
	uint32_t first = backlog / e->limits.classes * e->limits.classes;
	uint64_t sum = 0;

	for (uint32_t c = 0; c < e->limits.classes; c++)
		sum += e->backlog[first + c].dispatched;
	return sum;
}

/* A class comes back from idle with its floor met: it has a share while it waits, and saves nothing
 * up while it does not. */
static void floor_lift(struct tr_engine *e, uint32_t backlog)
{
	uint64_t floor = e->class[backlog % e->limits.classes].floor_percent;
	uint64_t others = pool_dispatched(e, backlog) - e->backlog[backlog].dispatched;
	uint64_t met = floor < 100 ? others * floor / (100 - floor) : others;

	e->backlog[backlog].dispatched = (uint32_t)tr_max(e->backlog[backlog].dispatched, met);
}

void tr_scheduler_enqueue(struct tr_engine *e, struct tr_job *job)
{
	uint32_t q = tr_queue_of(e, job);
	struct tr_queue *queue = &e->queue[q];
	struct tr_backlog *backlog = &e->backlog[backlog_of_queue(e, q)];

	TR_ASSERT(job->state == TR_JOB_QUEUED);
	if (!queue->root1)
		queue->service = tr_max(queue->service, backlog->virtual_service);
	if (!backlog->waiting)
		floor_lift(e, backlog_of_queue(e, q));
	job->queued = e->core->now;
	tr_queue_push(e, job);
	backlog->waiting++;
	e->tenant[job->tenant].waiting++;
	e->model[job->model].waiting++;
	e->model[job->model].waiting_wide += tr_router_is_wide(e, job);
	mark(e, job->model);
	tr_ready_refresh(e, q);
	tr_scheduler_queue_timer(e, q);
}

void tr_scheduler_dequeue(struct tr_engine *e, struct tr_job *job)
{
	uint32_t q = tr_queue_of(e, job);

	TR_ASSERT(job->state == TR_JOB_QUEUED);
	tr_queue_remove(e, job);
	e->backlog[backlog_of_queue(e, q)].waiting--;
	e->tenant[job->tenant].waiting--;
	e->model[job->model].waiting--;
	e->model[job->model].waiting_wide -= tr_router_is_wide(e, job);
	tr_ready_refresh(e, q);
	tr_scheduler_queue_timer(e, q);
}

void tr_scheduler_retry_add(struct tr_engine *e, struct tr_job *job)
{
	struct tr_model *model = &e->model[job->model];
	uint32_t job1 = tr_row_of_job(e, job) + 1;

	TR_ASSERT(job->state == TR_JOB_RETRY);
	job->older1 = model->retry_newest1;
	job->newer1 = 0;
	if (job->older1)
		e->job[job->older1 - 1].newer1 = job1;
	else
		model->retry_oldest1 = job1;
	model->retry_newest1 = job1;
	mark(e, job->model);
}

void tr_scheduler_retry_remove(struct tr_engine *e, struct tr_job *job)
{
	struct tr_model *model = &e->model[job->model];

	TR_ASSERT(job->state == TR_JOB_RETRY);
	if (job->older1)
		e->job[job->older1 - 1].newer1 = job->newer1;
	else
		model->retry_oldest1 = job->newer1;
	if (job->newer1)
		e->job[job->newer1 - 1].older1 = job->older1;
	else
		model->retry_newest1 = job->older1;
	job->older1 = job->newer1 = 0;
}

void tr_scheduler_queue_due(struct tr_engine *e, uint32_t q)
{
	const struct tr_queue *queue = &e->queue[q];

	while (queue->root1 && tr_step_has_room(e)) {
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
	tr_scheduler_queue_timer(e, q);
}

/* ---- what woke whom ---- */

/* The tenant's cap began or ceased to bind: its queues leave or join the race. */
static void tenant_refresh(struct tr_engine *e, uint32_t tenant)
{
	for (uint32_t b = 0; b < e->backlog_count && e->tenant[tenant].waiting; b++) {
		uint32_t q = b * e->limits.tenants + tenant;

		tr_ready_refresh(e, q);
		if (e->queue[q].ready1)
			mark(e, b / e->limits.classes);
	}
}

void tr_scheduler_tenant_started(struct tr_engine *e, uint32_t tenant)
{
	struct tr_tenant *row = &e->tenant[tenant];

	row->running++;
	if (row->running == row->max_concurrent)
		tenant_refresh(e, tenant);
}

void tr_scheduler_tenant_ended(struct tr_engine *e, uint32_t tenant)
{
	struct tr_tenant *row = &e->tenant[tenant];

	TR_ASSERT(row->running > 0);
	row->running--;
	if (row->running + 1 == row->max_concurrent)
		tenant_refresh(e, tenant);
}

static bool wanted(const struct tr_model *model)
{
	return model->waiting || model->retry_oldest1;
}

void tr_scheduler_endpoint_freed(struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_model_set *reach = &e->reach[e->endpoint[endpoint].model];

	for (uint32_t word = 0; word < TR_ARRAY_LENGTH(reach->bits); word++)
		for (uint64_t bits = reach->bits[word]; bits; bits &= bits - 1) {
			uint32_t m = word * 64 + (uint32_t)__builtin_ctzll(bits);

			if (wanted(&e->model[m]))
				mark(e, m);
		}
}

static void mark_all(struct tr_engine *e)
{
	for (uint32_t m = 0; m < e->limits.models; m++)
		if (wanted(&e->model[m]))
			mark(e, m);
}

void tr_scheduler_policy_changed(struct tr_engine *e)
{
	for (uint32_t q = 0; q < e->queue_count - 1; q++) {
		if (!e->queue[q].root1)
			continue;
		tr_ready_refresh(e, q);
		tr_scheduler_queue_timer(e, q);
	}
	mark_all(e);
}

void tr_scheduler_row_freed(struct tr_engine *e)
{
	if (!e->core->starved)
		return;
	e->core->starved = 0;
	mark_all(e);
}

/* ---- fair shares ---- */

static uint64_t weighted(const struct tr_engine *e, const struct tr_job *job, uint64_t tokens)
{
	return tr_mul_div(tokens, 1000, e->tenant[job->tenant].weight_milli);
}

static uint32_t home_of(const struct tr_engine *e, const struct tr_job *job)
{
	return tr_backlog_of(e, job->model, job->class_slot) * e->limits.tenants + job->tenant;
}

/* A queue's counter changed: move it in its heap. */
static void service_set(struct tr_engine *e, uint32_t q, uint64_t service)
{
	e->queue[q].service = service;
	tr_ready_moved(e, q);
}

void tr_scheduler_charge(struct tr_engine *e, const struct tr_job *job, uint32_t tokens)
{
	uint32_t q = home_of(e, job);
	struct tr_backlog *backlog = &e->backlog[backlog_of_queue(e, q)];
	uint32_t first = backlog_of_queue(e, q) / e->limits.classes * e->limits.classes;

	backlog->virtual_service = tr_max(backlog->virtual_service, e->queue[q].service);
	service_set(e, q, tr_add_sat(e->queue[q].service, weighted(e, job, tokens)));
	backlog->dispatched++;
	if (pool_dispatched(e, first) <= FLOOR_WINDOW)
		return;
	for (uint32_t c = 0; c < e->limits.classes; c++)
		e->backlog[first + c].dispatched /= 2;
}

void tr_scheduler_settle(struct tr_engine *e, const struct tr_job *job, uint64_t charged,
			 uint64_t used)
{
	uint32_t q = home_of(e, job);
	uint64_t service = e->queue[q].service;

	if (used >= charged)
		service = tr_add_sat(service, weighted(e, job, used - charged));
	else
		service = tr_sub_sat(service, weighted(e, job, charged - used));
	service_set(e, q, service);
}

/* ---- run ---- */

/* The class of a pool whose turn it is, as a backlog; TR_NONE: none has a ready tenant. */
static uint32_t pick_class(const struct tr_engine *e, uint32_t model)
{
	uint32_t best = TR_NONE, owed = TR_NONE;
	uint64_t owed_share = 0, sum = pool_dispatched(e, tr_backlog_of(e, model, 0));

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

	if (!tr_step_has_room(e) || !tr_router_has_room(e))
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
					: TR_CAUSE_NO_ENDPOINT);
		return PLACING_ON;
	case TR_ROUTE_WAIT:
		return PLACING_ASIDE;
	case TR_ROUTE_CLOSED:
		return PLACING_CLOSED;
	case TR_ROUTE_CLOSED_STEP:
		return e->model[job->model].waiting_wide ? PLACING_ASIDE : PLACING_CLOSED;
	}
	return PLACING_CLOSED;
}

static enum placing place_retries(struct tr_engine *e, uint32_t model)
{
	uint32_t next1;

	for (uint32_t job1 = e->model[model].retry_oldest1; job1; job1 = next1) {
		struct tr_job *job = &e->job[job1 - 1];
		enum placing placed;

		next1 = job->newer1;
		placed = place_job(e, job);
		if (placed == PLACING_CLOSED || placed == PLACING_NO_ROOM)
			return placed;
	}
	return PLACING_ON;
}

/* Place jobs of a pool until nobody can be placed (true) or the step has no room left (false). */
static bool pool_run(struct tr_engine *e, uint32_t model)
{
	uint32_t set_aside = 0;
	enum placing placed = place_retries(e, model);

	while (placed != PLACING_CLOSED && placed != PLACING_NO_ROOM) {
		uint32_t backlog = pick_class(e, model);

		if (backlog == TR_NONE)
			break;

		uint32_t q = tr_ready_first(e, backlog);

		placed = place_job(e, tr_queue_first(e, &e->queue[q]));
		if (placed == PLACING_ASIDE) {
			tr_ready_remove(e, q);
			e->aside[set_aside++] = q;
		}
	}
	while (set_aside > 0)
		tr_ready_refresh(e, e->aside[--set_aside]);
	return placed != PLACING_NO_ROOM;
}

bool tr_scheduler_pending(const struct tr_engine *e)
{
	return e->core->dirty_models != 0;
}

/* The marked pool with the smallest name hash: where a model stands in its table is an accident. */
static uint32_t next_marked(const struct tr_engine *e)
{
	uint32_t next = TR_NONE;

	for (uint32_t m = 0; m < e->limits.models; m++)
		if (e->model[m].dirty &&
		    (next == TR_NONE || e->model[m].name < e->model[next].name))
			next = m;
	return next;
}

void tr_scheduler_run(struct tr_engine *e)
{
	while (e->core->dirty_models) {
		uint32_t m = next_marked(e);

		if (wanted(&e->model[m]) && !pool_run(e, m))
			return;
		e->model[m].dirty = 0;
		e->core->dirty_models--;
	}
}
