/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting: into a queue and out of it, with everything that is counted on the way.
 *
 * Jobs wait per pool (the model asked for), class and tenant. A queue has one timer, set to its
 * first deadline, and a backlog one for its oldest job, when that has waited as long as it may;
 * jobs have none. What a tenant was served is a virtual counter of weighted tokens (VTC, Sheng et
 * al., OSDI 2024): a tenant that comes back from idle is lifted to where the others are, and so is
 * a class's count of dispatches, so that rest is not saved up. A tenant at its concurrency cap
 * leaves the race until one of its jobs ends.
 *
 * Strict jobs stand in a list of their policy and model besides: when the route closes, they end,
 * wherever in their queues they are.
 *
 * Jobs that were dispatched before and wait for an endpoint again stand in a list of their own,
 * first come first served.
 */
#include "engine/waiting.h"

#include "engine/list.h"
#include "engine/pool.h"
#include "engine/queue.h"
#include "engine/ready.h"
#include "engine/router.h"
#include "engine/sojourn.h"
#include "engine/timer.h"

/* What one dispatch counts for floors: fine enough for a count that is halved again and again. */
#define FLOOR_DISPATCH 256
/* Dispatches remembered for floors: all counts are halved when their sum passes this. It is short,
 * because what a class had beyond its floor while there was plenty is held against it so long. */
#define FLOOR_WINDOW (128 * FLOOR_DISPATCH)

static uint32_t backlog_of_queue(const struct tr_engine *e, uint32_t q)
{
	return q / e->limits.tenants;
}

/* ---- strict ---- */

static struct tr_strict *strict_of(struct tr_engine *e, const struct tr_job *job)
{
	return &e->strict[job->policy * e->limits.models + job->model];
}

static void strict_add(struct tr_engine *e, struct tr_job *job)
{
	struct tr_strict *strict = strict_of(e, job);
	uint32_t row = tr_row_of_job(e, job);

	TR_LIST_ADD(e->job, row, strict_older1, strict_newer1, strict->oldest1, strict->newest1);
	e->model[job->model].waiting_strict++;
}

static void strict_remove(struct tr_engine *e, struct tr_job *job)
{
	struct tr_strict *strict = strict_of(e, job);
	uint32_t row = tr_row_of_job(e, job);

	TR_LIST_REMOVE(e->job, row, strict_older1, strict_newer1, strict->oldest1, strict->newest1);
	e->model[job->model].waiting_strict--;
}

/* ---- into and out of ---- */

void tr_waiting_queue_timer(struct tr_engine *e, uint32_t q)
{
	const struct tr_job *first = tr_queue_first(e, &e->queue[q]);

	tr_timer_set(e, TR_TIMER_QUEUE, q, first ? first->deadline : TR_TIME_NEVER);
}

tr_time_ns tr_waiting_backlog_due(const struct tr_engine *e, uint32_t backlog)
{
	const struct tr_backlog *row = &e->backlog[backlog];
	const struct tr_class *class = &e->class[backlog % e->limits.classes];
	tr_span_ns most = class->queue_timeout ? class->queue_timeout : TR_TIME_NEVER;

	if (row->too_slow)
		most = tr_min(most, tr_add_sat(tr_sojourn_longest(class), 1));
	if (!row->oldest1 || most == TR_TIME_NEVER)
		return TR_TIME_NEVER;
	return tr_add_sat(tr_backlog_oldest(e, row)->queued, most);
}

void tr_waiting_backlog_timer(struct tr_engine *e, uint32_t backlog)
{
	tr_time_ns at = tr_waiting_backlog_due(e, backlog);

	if (at != tr_timer_of(e, TR_TIMER_BACKLOG, backlog))
		tr_timer_set(e, TR_TIMER_BACKLOG, backlog, at);
}

uint64_t tr_waiting_dispatched(const struct tr_engine *e, uint32_t model)
{
	uint32_t first = tr_backlog_of(e, model, 0);
	uint64_t sum = 0;

	for (uint32_t c = 0; c < e->limits.classes; c++)
		sum += e->backlog[first + c].dispatched;
	return sum;
}

/* A class comes back from idle with its floor met: it has a share while it waits, and saves nothing
 * up while it does not. (One whose only job gave up its place to the newcomer was never idle.) */
static void floor_lift(struct tr_engine *e, uint32_t backlog)
{
	uint64_t floor = e->class[backlog % e->limits.classes].floor_percent;
	uint64_t others = tr_waiting_dispatched(e, backlog / e->limits.classes) -
			  e->backlog[backlog].dispatched;
	uint64_t met = floor < 100 ? others * floor / (100 - floor) : others;

	e->backlog[backlog].dispatched = (uint32_t)tr_max(e->backlog[backlog].dispatched, met);
}

void tr_waiting_enqueue(struct tr_engine *e, struct tr_job *job)
{
	uint32_t q = tr_queue_of(e, job);
	struct tr_queue *queue = &e->queue[q];
	uint32_t b = backlog_of_queue(e, q);
	struct tr_backlog *backlog = &e->backlog[b];

	TR_ASSERT(job->state == TR_JOB_QUEUED);
	if (!queue->root1)
		queue->service = tr_max(queue->service, backlog->virtual_service);
	if (!backlog->waiting && backlog->emptied != e->core->events)
		floor_lift(e, b);
	job->queued = e->core->now;
	tr_queue_push(e, job);
	backlog->waiting++;
	e->tenant[job->tenant].waiting++;
	e->model[job->model].waiting++;
	e->model[job->model].waiting_apart += tr_router_is_apart(e, job);
	if (job->flags & TR_JOB_STRICT)
		strict_add(e, job);
	tr_pool_mark(e, job->model);
	tr_ready_refresh(e, q);
	if (job->deadline < tr_timer_of(e, TR_TIMER_QUEUE, q))
		tr_timer_set(e, TR_TIMER_QUEUE, q, job->deadline);
	if (backlog->waiting == 1)
		tr_waiting_backlog_timer(e, b);
}

void tr_waiting_dequeue(struct tr_engine *e, struct tr_job *job)
{
	uint32_t q = tr_queue_of(e, job);
	uint32_t b = backlog_of_queue(e, q);
	struct tr_backlog *backlog = &e->backlog[b];

	TR_ASSERT(job->state == TR_JOB_QUEUED);
	TR_ASSERT(backlog->waiting > 0);
	tr_queue_remove(e, job);
	if (!--backlog->waiting) {
		backlog->emptied = e->core->events;
		tr_sojourn_idle(backlog);
	}
	e->tenant[job->tenant].waiting--;
	e->model[job->model].waiting--;
	e->model[job->model].waiting_apart -= tr_router_is_apart(e, job);
	if (job->flags & TR_JOB_STRICT)
		strict_remove(e, job);
	tr_ready_refresh(e, q);
	if (job->deadline == tr_timer_of(e, TR_TIMER_QUEUE, q))
		tr_waiting_queue_timer(e, q);
	tr_waiting_backlog_timer(e, b);
}

void tr_waiting_retry_add(struct tr_engine *e, struct tr_job *job)
{
	struct tr_model *model = &e->model[job->model];
	uint32_t row = tr_row_of_job(e, job);

	TR_ASSERT(job->state == TR_JOB_RETRY);
	TR_LIST_ADD(e->job, row, older1, newer1, model->retry_oldest1, model->retry_newest1);
	e->backlog[tr_backlog_of(e, job->model, job->class_slot)].retrying++;
	tr_pool_mark(e, job->model);
}

void tr_waiting_retry_remove(struct tr_engine *e, struct tr_job *job)
{
	struct tr_model *model = &e->model[job->model];
	uint32_t row = tr_row_of_job(e, job);

	TR_ASSERT(job->state == TR_JOB_RETRY);
	TR_LIST_REMOVE(e->job, row, older1, newer1, model->retry_oldest1, model->retry_newest1);
	e->backlog[tr_backlog_of(e, job->model, job->class_slot)].retrying--;
}

/* ---- caps ---- */

/* The tenant's cap began or ceased to bind: its queues leave or join the race. */
static void tenant_refresh(struct tr_engine *e, uint32_t tenant)
{
	for (uint32_t b = 0; b < e->backlog_count && e->tenant[tenant].waiting; b++) {
		uint32_t q = b * e->limits.tenants + tenant;

		tr_ready_refresh(e, q);
		if (e->queue[q].ready1)
			tr_pool_mark(e, b / e->limits.classes);
	}
}

void tr_waiting_tenant_started(struct tr_engine *e, uint32_t tenant)
{
	struct tr_tenant *row = &e->tenant[tenant];

	row->running++;
	if (row->running == row->max_concurrent)
		tenant_refresh(e, tenant);
}

void tr_waiting_tenant_ended(struct tr_engine *e, uint32_t tenant)
{
	struct tr_tenant *row = &e->tenant[tenant];

	TR_ASSERT(row->running > 0);
	row->running--;
	if (row->running + 1 == row->max_concurrent)
		tenant_refresh(e, tenant);
}

void tr_waiting_policy_changed(struct tr_engine *e)
{
	for (uint32_t q = 0; q < e->queue_count - 1; q++) {
		if (!e->queue[q].root1)
			continue;
		tr_ready_refresh(e, q);
	}
	for (uint32_t b = 0; b < e->backlog_count; b++) {
		if (!e->class[b % e->limits.classes].sojourn_target)
			tr_sojourn_idle(&e->backlog[b]);
		tr_waiting_backlog_timer(e, b);
	}
	tr_pool_mark_all(e);
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

void tr_waiting_charge(struct tr_engine *e, const struct tr_job *job, uint64_t tokens)
{
	uint32_t q = home_of(e, job);
	uint64_t charge = weighted(e, job, tokens);
	struct tr_backlog *backlog = &e->backlog[backlog_of_queue(e, q)];

	backlog->virtual_service = tr_max(backlog->virtual_service, e->queue[q].service);
	tr_active_of(e, job)->service_charged = charge;
	service_set(e, q, tr_add_sat(e->queue[q].service, charge));
	tr_waiting_count(e, job);
}

void tr_waiting_count(struct tr_engine *e, const struct tr_job *job)
{
	uint32_t first = tr_backlog_of(e, job->model, 0);

	e->backlog[first + job->class_slot].dispatched += FLOOR_DISPATCH;
	if (tr_waiting_dispatched(e, job->model) <= FLOOR_WINDOW)
		return;
	for (uint32_t c = 0; c < e->limits.classes; c++)
		e->backlog[first + c].dispatched /= 2;
}

void tr_waiting_uncount(struct tr_engine *e, const struct tr_job *job)
{
	struct tr_backlog *backlog = &e->backlog[tr_backlog_of(e, job->model, job->class_slot)];

	backlog->dispatched -= (uint32_t)tr_min(backlog->dispatched, FLOOR_DISPATCH);
}

bool tr_waiting_is_owed(const struct tr_engine *e, uint32_t backlog, uint32_t less,
			uint64_t *ret_share)
{
	uint64_t floor = e->class[backlog % e->limits.classes].floor_percent;
	uint64_t sum;

	*ret_share = UINT64_MAX;
	if (!floor)
		return false;
	sum = tr_waiting_dispatched(e, backlog / e->limits.classes);
	/* Dispatches per 10^6 and percent of floor: below 10^4 a floor is not met. */
	*ret_share = tr_mul_div(
		tr_sub_sat(e->backlog[backlog].dispatched, (uint64_t)less * FLOOR_DISPATCH),
		1000000, tr_max(sum * floor, 1));
	return *ret_share < 10000;
}

void tr_waiting_settle(struct tr_engine *e, const struct tr_job *job, uint64_t used)
{
	uint32_t q = home_of(e, job);
	uint64_t service = e->queue[q].service;
	uint64_t charged = tr_active_of(e, job)->service_charged;
	uint64_t due = weighted(e, job, used);

	if (due >= charged)
		service = tr_add_sat(service, due - charged);
	else
		service = tr_sub_sat(service, charged - due);
	service_set(e, q, service);
}
