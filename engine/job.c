/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a job.
 *
 *   new --> held --> queued --> running --> ended
 *    |       |         |        |  |  ^      ^
 *    |       |         |        v  |  |      |
 *    |       |         |  back-off |  |      |
 *    |       |         |        |  |  |      |
 *    |       |         |        v  v  |      |
 *    |       |         |      retry --+      |
 *    +-------+---------+--------+------------+
 *
 * Every way out goes through tr_job_end(), which settles what admission reserved (budget, token
 * rate, fair share, concurrency) exactly once and leaves the row free. A job that was refused never
 * had a row. The table of moves is data; a move it does not have is a programmer's error.
 */
#include "engine/job.h"

#include "engine/attempt.h"
#include "engine/predict.h"
#include "engine/group.h"
#include "engine/queue.h"
#include "engine/quota.h"
#include "engine/random.h"
#include "engine/registry.h"
#include "engine/strategy.h"
#include "engine/sojourn.h"
#include "engine/waiting.h"
#include "engine/pool.h"
#include "engine/timer.h"

#define NO TR_JOB_NO_MOVE
const uint8_t tr_job_moves[TR_JOB_STATES][TR_JOB_MOVES] = {
	/* HOLD, ENQUEUE, DISPATCH, BACK_OFF, RETRY, PREEMPT, END */
	[TR_JOB_FREE] = {TR_JOB_HELD, TR_JOB_QUEUED, NO, NO, NO, NO, NO},
	[TR_JOB_HELD] = {TR_JOB_HELD, TR_JOB_QUEUED, NO, NO, NO, NO, TR_JOB_FREE},
	[TR_JOB_QUEUED] = {NO, NO, TR_JOB_RUNNING, NO, NO, NO, TR_JOB_FREE},
	[TR_JOB_RUNNING] = {NO, NO, NO, TR_JOB_BACKOFF, TR_JOB_RETRY, TR_JOB_RETRY, TR_JOB_FREE},
	[TR_JOB_BACKOFF] = {NO, NO, NO, NO, TR_JOB_RETRY, NO, TR_JOB_FREE},
	[TR_JOB_RETRY] = {NO, NO, TR_JOB_RUNNING, NO, NO, NO, TR_JOB_FREE},
};
#undef NO

static struct tr_backlog *backlog_of(const struct tr_engine *e, const struct tr_job *job)
{
	return &e->backlog[tr_backlog_of(e, job->model, job->class_slot)];
}

static void move(struct tr_engine *e, struct tr_job *job, enum tr_job_move how)
{
	uint8_t to = tr_job_moves[job->state][how];

	TR_ASSERT(to != TR_JOB_NO_MOVE);
	e->class[job->class_slot].running -= job->state == TR_JOB_RUNNING;
	e->class[job->class_slot].running += to == TR_JOB_RUNNING;
	job->state = to;
}

/* ---- finding ---- */

struct tr_job *tr_job_at(const struct tr_engine *e, tr_job_handle handle)
{
	if (handle.slot1 == 0 || handle.slot1 > e->core->job_used)
		return NULL;

	struct tr_job *job = &e->job[handle.slot1 - 1];

	if (job->state == TR_JOB_FREE || job->generation != handle.generation)
		return NULL;
	return job;
}

struct tr_job *tr_job_find(const struct tr_engine *e, uint64_t job_id)
{
	uint32_t row = tr_index_find(&e->job_index, job_id);

	return row == TR_NONE ? NULL : &e->job[row];
}

bool tr_job_rebuild(struct tr_engine *e)
{
	tr_index_clear(&e->job_index);
	for (uint32_t row = 0; row < e->core->job_used; row++) {
		if (e->job[row].state == TR_JOB_FREE)
			continue;
		if (tr_job_find(e, e->job[row].job_id))
			return false;
		tr_index_insert(&e->job_index, row);
	}
	return true;
}

/* ---- path ---- */

uint64_t tr_job_path_start(uint64_t job_id)
{
	return tr_mix(job_id ^ TR_PATH_VERSION);
}

void tr_job_path(struct tr_job *job, uint32_t what, uint64_t whom, uint32_t which)
{
	job->path = tr_mix(tr_mix(job->path ^ ((uint64_t)what << 32 | which)) ^ whom);
}

/* ---- into the house ---- */

struct tr_job *tr_job_new(struct tr_engine *e)
{
	struct tr_core *core = e->core;
	struct tr_job *job;

	if (core->job_free1) {
		job = &e->job[core->job_free1 - 1];
		core->job_free1 = job->left1;
	} else if (core->job_used < e->limits.jobs) {
		job = &e->job[core->job_used++];
	} else {
		return NULL;
	}
	TR_ASSERT(job->state == TR_JOB_FREE);

	uint32_t generation = job->generation;

	memset(job, 0, sizeof *job);
	job->generation = generation;
	return job;
}

void tr_job_enter(struct tr_engine *e, struct tr_job *job)
{
	tr_index_insert(&e->job_index, tr_row_of_job(e, job));
	job->sequence = ++e->core->sequence;
	e->core->live_jobs++;
	e->tenant[job->tenant].live++;
	e->class[job->class_slot].live++;
	e->model[job->model].live++;
	e->slot[job->policy].jobs++;
	if (job->group_id)
		tr_group_join(e, job);
}

/* ---- moves ---- */

static void leave_hold(struct tr_engine *e, struct tr_job *job)
{
	TR_ASSERT(backlog_of(e, job)->held > 0);
	backlog_of(e, job)->held--;
	tr_queue_remove(e, job);
	tr_waiting_queue_timer(e, e->queue_count - 1);
}

void tr_job_hold(struct tr_engine *e, struct tr_job *job, enum tr_hold hold)
{
	bool entered = job->state == TR_JOB_HELD;

	move(e, job, TR_JOB_MOVE_HOLD);
	job->hold = (uint8_t)hold;
	if (entered)
		return;
	backlog_of(e, job)->held++;
	job->queued = e->core->now;
	tr_queue_push(e, job);
	tr_waiting_queue_timer(e, e->queue_count - 1);
}

void tr_job_enqueue(struct tr_engine *e, struct tr_job *job)
{
	if (job->state == TR_JOB_HELD)
		leave_hold(e, job);
	move(e, job, TR_JOB_MOVE_ENQUEUE);
	job->hold = TR_HOLD_NONE;
	tr_waiting_enqueue(e, job);
}

static void active_new(struct tr_engine *e, struct tr_job *job)
{
	struct tr_core *core = e->core;
	uint32_t row = core->active_free1 ? core->active_free1 - 1 : core->active_used++;
	struct tr_active *active = &e->active[row];

	TR_ASSERT(row < e->limits.active);
	if (core->active_free1)
		core->active_free1 = active->job1;
	memset(active, 0, sizeof *active);
	active->job1 = tr_row_of_job(e, job) + 1;
	active->first_dispatch = e->core->now;
	job->active1 = row + 1;
}

void tr_job_run(struct tr_engine *e, struct tr_job *job)
{
	if (job->state == TR_JOB_QUEUED) {
		uint64_t tokens = tr_fair_tokens(job->tokens_in, job->tokens_predicted);

		tr_sojourn_measure(e, job);
		tr_waiting_dequeue(e, job);
		active_new(e, job);
		tr_predict_started(e, job);
		tr_waiting_charge(e, job, tokens);
		tr_waiting_tenant_started(e, job->tenant);
	} else {
		tr_waiting_retry_remove(e, job);
		/* What a preempted dispatch gave back to its class. */
		if (tr_active_of(e, job)->last_cause == TR_CAUSE_PREEMPTED)
			tr_waiting_count(e, job);
	}
	move(e, job, TR_JOB_MOVE_DISPATCH);
}

void tr_job_back_off(struct tr_engine *e, struct tr_job *job, tr_time_ns until)
{
	struct tr_active *active = tr_active_of(e, job);

	TR_ASSERT(active->first_attempt1 == 0);
	TR_ASSERT(until > e->core->now);
	move(e, job, TR_JOB_MOVE_BACK_OFF);
	active->backoff_until = until;
	tr_job_timer(e, job);
}

void tr_job_retry(struct tr_engine *e, struct tr_job *job)
{
	struct tr_active *active = tr_active_of(e, job);

	TR_ASSERT(active->first_attempt1 == 0);
	move(e, job, TR_JOB_MOVE_RETRY);
	active->backoff_until = 0;
	tr_waiting_retry_add(e, job);
	tr_job_timer(e, job);
}

void tr_job_preempt(struct tr_engine *e, struct tr_job *job)
{
	struct tr_active *active = tr_active_of(e, job);

	TR_ASSERT(active->first_attempt1 == 0);
	TR_ASSERT(active->preempted < TR_PREEMPTIONS_MAX);
	/* Nothing of the answer stays, as if nobody had answered yet. */
	active->committed1 = 0;
	active->first_token = 0;
	active->tokens_out = 0;
	active->warmth = TR_WARMTH_UNKNOWN;
	active->hedge_at = 0;
	active->preempted++;
	active->last_cause = TR_CAUSE_PREEMPTED;
	e->core->preemptions++;
	move(e, job, TR_JOB_MOVE_PREEMPT);
	tr_waiting_uncount(e, job);
	tr_waiting_retry_add(e, job);
	tr_job_timer(e, job);
}

/* ---- timer ---- */

void tr_job_expire(struct tr_engine *e, struct tr_job *job)
{
	TR_ASSERT(job->deadline <= e->core->now);
	tr_job_end(e, job, TR_OUTCOME_EXPIRED,
		   (job->flags & TR_JOB_TOTAL) ? TR_CAUSE_TIMEOUT_TOTAL : TR_CAUSE_DEADLINE);
}

void tr_job_timer(struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_active *active = tr_active_of(e, job);
	tr_time_ns at = job->deadline;

	if (job->state == TR_JOB_BACKOFF)
		at = tr_min(at, active->backoff_until);
	if (job->state == TR_JOB_RUNNING && active->hedge_at)
		at = tr_min(at, active->hedge_at);
	tr_timer_set(e, TR_TIMER_ACTIVE, job->active1 - 1, at);
}

void tr_job_due(struct tr_engine *e, struct tr_job *job)
{
	struct tr_active *active = tr_active_of(e, job);
	tr_time_ns now = e->core->now;

	if (job->deadline <= now) {
		tr_job_expire(e, job);
		return;
	}
	if (job->state == TR_JOB_BACKOFF && active->backoff_until <= now) {
		tr_job_retry(e, job);
		return;
	}
	if (job->state == TR_JOB_RUNNING && active->hedge_at && active->hedge_at <= now)
		tr_attempt_hedge(e, job);
	tr_job_timer(e, job);
}

/* ---- end ---- */

/* Give back what admission took and charge what was used. Called once, from tr_job_end(). */
static void settle(struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_active *active = tr_active_of(e, job);
	struct tr_tenant *tenant = &e->tenant[job->tenant];
	uint64_t used =
		active && active->first_token ? (uint64_t)job->tokens_in + active->tokens_out : 0;

	TR_ASSERT(tenant->reserved_micro_usd >= job->reserved_micro_usd);
	tenant->reserved_micro_usd -= job->reserved_micro_usd;
	if (job->charged_tokens)
		tr_rate_settle(&tenant->tokens_tat, job->charged_tokens, used,
			       tenant->tokens_per_minute);
	if (!active)
		return;
	tenant->spent_micro_usd =
		tr_add_sat(tr_spent_today(tenant, e->core->now), active->cost_micro_usd);
	tenant->day = e->core->now / TR_DAY;
	tr_waiting_settle(e, job,
			  active->first_token ? tr_fair_tokens(job->tokens_in, active->tokens_out)
					      : 0);
	tr_waiting_tenant_ended(e, job->tenant);
}

static bool slo_met(const struct tr_engine *e, const struct tr_action_job_finish *finish)
{
	const struct tr_policy_slo *slo = &tr_policy_active(e)->slo;
	tr_span_ns tpot = finish->tokens_out > 1
				  ? tr_sub_sat(finish->e2e, finish->ttft) / (finish->tokens_out - 1)
				  : 0;

	return finish->outcome == TR_OUTCOME_COMPLETED &&
	       (!slo->ttft_ns || finish->ttft <= slo->ttft_ns) &&
	       (!slo->tpot_ns || tpot <= slo->tpot_ns) &&
	       (!slo->e2e_ns || finish->e2e <= slo->e2e_ns);
}

static void say_finish(struct tr_engine *e, const struct tr_job *job, enum tr_outcome outcome,
		       enum tr_cause cause)
{
	struct tr_action_job_finish *finish = &tr_action_add(e, TR_ACTION_JOB_FINISH)->job_finish;
	const struct tr_active *active = tr_active_of(e, job);

	finish->job_id = job->job_id;
	finish->job = tr_job_handle_of(e, job);
	finish->path = job->path;
	finish->policy_id = tr_policy_of(e, job)->id;
	finish->tenant = e->tenant[job->tenant].name;
	finish->class_name = e->class[job->class_slot].name;
	finish->model = tr_policy_of(e, job)->models[job->model_row].name;
	finish->predicted_start = job->predicted_start;
	finish->outcome = (uint8_t)outcome;
	finish->cause = (uint8_t)cause;
	finish->e2e = tr_sub_sat(e->event->observed, job->submitted);
	finish->queue = tr_sub_sat(active ? active->first_dispatch : e->core->now, job->submitted);
	if (active) {
		finish->cost = active->cost_micro_usd;
		finish->endpoint = active->endpoint;
		finish->model = active->model ? active->model : finish->model;
		finish->tokens_out = active->tokens_out;
		finish->attempts = active->ordinal;
		finish->hedges = active->hedges;
		finish->warmth = active->warmth;
		finish->preempted = active->preempted;
		finish->tokens_in = active->first_token ? job->tokens_in : 0;
		if (active->first_token)
			finish->ttft = tr_sub_sat(active->first_token, job->submitted);
	}
	finish->slo_met = slo_met(e, finish);
}

/* A policy whose last job has gone, and which is not the active one, gives back its slot. */
static void policy_release(struct tr_engine *e, uint32_t slot)
{
	TR_ASSERT(e->slot[slot].jobs > 0);
	if (--e->slot[slot].jobs || e->slot[slot].active)
		return;

	struct tr_action_policy_release *action =
		&tr_action_add(e, TR_ACTION_POLICY_RELEASE)->policy_release;

	action->policy_id = e->slot[slot].policy_id;
	action->slot = (uint8_t)slot;
	e->slot[slot] = (struct tr_slot){0};
	tr_strategy_forget(e, slot);
	tr_registry_policy_released(e);
}

static void free_rows(struct tr_engine *e, struct tr_job *job)
{
	struct tr_core *core = e->core;
	uint32_t generation = job->generation + 1;

	if (job->active1) {
		struct tr_active *active = tr_active_of(e, job);
		uint32_t active1 = job->active1;

		tr_timer_set(e, TR_TIMER_ACTIVE, active1 - 1, TR_TIME_NEVER);
		memset(active, 0, sizeof *active);
		active->job1 = core->active_free1;
		core->active_free1 = active1;
		tr_pool_row_freed(e);
	}
	memset(job, 0, sizeof *job);
	job->generation = generation;
	job->left1 = core->job_free1;
	core->job_free1 = tr_row_of_job(e, job) + 1;
}

void tr_job_end(struct tr_engine *e, struct tr_job *job, enum tr_outcome outcome,
		enum tr_cause cause)
{
	struct tr_active *active = tr_active_of(e, job);
	uint64_t *const buckets[TR_OUTCOME_COUNT] = {
		[TR_OUTCOME_COMPLETED] = &e->core->completed,
		[TR_OUTCOME_FAILED] = &e->core->failed,
		[TR_OUTCOME_CANCELED] = &e->core->canceled,
		[TR_OUTCOME_EXPIRED] = &e->core->expired,
	};

	TR_ASSERT(outcome > TR_OUTCOME_NONE);
	TR_ASSERT(outcome < TR_OUTCOME_COUNT);
	while (active && active->first_attempt1)
		tr_attempt_abort(e, &e->attempt[active->first_attempt1 - 1], cause);
	/* A strict job does not fail without saying what it could not have. */
	if ((job->flags & TR_JOB_STRICT) &&
	    (outcome == TR_OUTCOME_FAILED || outcome == TR_OUTCOME_EXPIRED))
		tr_router_post_mortem(e, job);
	if (job->state == TR_JOB_HELD)
		leave_hold(e, job);
	else if (job->state == TR_JOB_QUEUED)
		tr_waiting_dequeue(e, job);
	else if (job->state == TR_JOB_RETRY)
		tr_waiting_retry_remove(e, job);
	tr_job_path(job, TR_ACTION_JOB_FINISH, 0, (uint32_t)outcome << 8 | (uint32_t)cause);
	settle(e, job);
	say_finish(e, job, outcome, cause);
	e->core->path += job->path;
	++*buckets[outcome];
	e->core->live_jobs--;
	e->tenant[job->tenant].live--;
	e->class[job->class_slot].live--;
	e->model[job->model].live--;
	tr_index_remove(&e->job_index, tr_row_of_job(e, job));
	if (job->group_id)
		tr_group_leave(e, job);
	policy_release(e, job->policy);
	move(e, job, TR_JOB_MOVE_END);
	free_rows(e, job);
}
