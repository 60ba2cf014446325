/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each kind of event may be refused for, and what it does.
 *
 * Each has one check, which looks and changes nothing, and one handler, which can no longer fail;
 * both are found by the list in message.h, so a kind without them does not compile. An attempt's
 * events are checked against the states in which they may come: hosts may leave out connected and
 * headers (a reused connection has neither), but nothing comes twice or backwards.
 */
#include "engine/event.h"

#include "engine/attempt.h"
#include "engine/breaker.h"
#include "engine/group.h"
#include "engine/guard.h"
#include "engine/health.h"
#include "engine/idempotency.h"
#include "engine/job.h"
#include "engine/registry.h"
#include "engine/record.h"
#include "engine/router.h"
#include "engine/scheduler.h"
#include "engine/strategy.h"
#include "engine/pool.h"
#include "engine/waiting.h"
#include "engine/timer.h"

static int check_job_submit(const struct tr_engine *e, const struct tr_event_job_submit *ev)
{
	if (ev->job_id == 0 || ev->prefix_count > TR_PREFIX_MAX || (ev->flags & ~TR_SUBMIT_FLAGS))
		return TR_E_INVALID;
	if (ev->prefix_count > ev->prefix_blocks)
		return TR_E_INVALID;
	return tr_job_find(e, ev->job_id) ? TR_E_DUPLICATE : 0;
}

static void on_job_submit(struct tr_engine *e, const struct tr_event_job_submit *ev)
{
	tr_guard_submit(e, ev);
}

static int check_job_persisted(const struct tr_engine *e, const struct tr_event_job_persisted *ev)
{
	const struct tr_job *job = tr_job_at(e, ev->job);

	if (!job)
		return TR_E_STALE;
	if (ev->ok > 1)
		return TR_E_INVALID;
	return job->hold == TR_HOLD_PERSIST ? 0 : TR_E_STATE;
}

static void on_job_persisted(struct tr_engine *e, const struct tr_event_job_persisted *ev)
{
	struct tr_job *job = tr_job_at(e, ev->job);

	if (!ev->ok) {
		tr_idempotency_give_back(e, job);
		tr_job_end(e, job, TR_OUTCOME_FAILED, TR_CAUSE_PERSIST_FAILED);
	} else if (job->flags & TR_JOB_RELEASE_DUE) {
		tr_job_hold(e, job, TR_HOLD_RELEASE);
	} else {
		tr_job_enqueue(e, job);
	}
}

static int check_job_release(const struct tr_engine *e, const struct tr_event_job_release *ev)
{
	const struct tr_job *job = tr_job_at(e, ev->job);

	if (!job)
		return TR_E_STALE;
	return job->hold == TR_HOLD_RELEASE ? 0 : TR_E_STATE;
}

static void on_job_release(struct tr_engine *e, const struct tr_event_job_release *ev)
{
	tr_job_enqueue(e, tr_job_at(e, ev->job));
}

static int check_job_cancel(const struct tr_engine *e, const struct tr_event_job_cancel *ev)
{
	const struct tr_job *job = tr_job_at(e, ev->job);

	if (!job)
		return TR_E_STALE;
	if (ev->cause < TR_CAUSE_CANCEL_CLIENT || ev->cause > TR_CAUSE_CANCEL_OPERATOR)
		return TR_E_INVALID;
	/* What must be finished is finished, whether its client waits or not. */
	return (job->flags & TR_JOB_CANCELABLE) || ev->cause == TR_CAUSE_CANCEL_OPERATOR
		       ? 0
		       : TR_E_STATE;
}

static void on_job_cancel(struct tr_engine *e, const struct tr_event_job_cancel *ev)
{
	tr_job_end(e, tr_job_at(e, ev->job), TR_OUTCOME_CANCELED, (enum tr_cause)ev->cause);
}

/* The states in which an attempt may hear of each kind of event, as bits. */
static int check_attempt(const struct tr_engine *e, tr_attempt_handle handle, unsigned states)
{
	const struct tr_attempt *attempt = tr_attempt_at(e, handle);

	if (!attempt)
		return TR_E_STALE;
	return (states >> attempt->state) & 1 ? 0 : TR_E_STATE;
}

#define IN_DISPATCHED (1u << TR_ATTEMPT_DISPATCHED)
#define IN_CONNECTED  (IN_DISPATCHED | 1u << TR_ATTEMPT_CONNECTED)
#define IN_HEADERS    (IN_CONNECTED | 1u << TR_ATTEMPT_HEADERS)
#define IN_STREAMING  (1u << TR_ATTEMPT_STREAMING)

static int check_attempt_connected(const struct tr_engine *e,
				   const struct tr_event_attempt_connected *ev)
{
	return check_attempt(e, ev->attempt, IN_DISPATCHED);
}

static void on_attempt_connected(struct tr_engine *e, const struct tr_event_attempt_connected *ev)
{
	tr_attempt_connected(e, tr_attempt_at(e, ev->attempt));
}

static int check_attempt_headers(const struct tr_engine *e,
				 const struct tr_event_attempt_headers *ev)
{
	return check_attempt(e, ev->attempt, IN_CONNECTED);
}

static void on_attempt_headers(struct tr_engine *e, const struct tr_event_attempt_headers *ev)
{
	tr_attempt_headers(e, tr_attempt_at(e, ev->attempt));
}

static int check_attempt_first_token(const struct tr_engine *e,
				     const struct tr_event_attempt_first_token *ev)
{
	return check_attempt(e, ev->attempt, IN_HEADERS);
}

static void on_attempt_first_token(struct tr_engine *e,
				   const struct tr_event_attempt_first_token *ev)
{
	tr_attempt_first_token(e, tr_attempt_at(e, ev->attempt));
}

static int check_attempt_progress(const struct tr_engine *e,
				  const struct tr_event_attempt_progress *ev)
{
	int err = check_attempt(e, ev->attempt, IN_STREAMING);

	if (err)
		return err;
	return ev->tokens_out < tr_attempt_at(e, ev->attempt)->tokens_out ? TR_E_INVALID : 0;
}

static void on_attempt_progress(struct tr_engine *e, const struct tr_event_attempt_progress *ev)
{
	tr_attempt_progress(e, tr_attempt_at(e, ev->attempt), ev->tokens_out);
}

static int check_attempt_done(const struct tr_engine *e, const struct tr_event_attempt_done *ev)
{
	int err = check_attempt(e, ev->attempt, IN_HEADERS | IN_STREAMING);

	if (err)
		return err;
	return ev->tokens_out < tr_attempt_at(e, ev->attempt)->tokens_out ? TR_E_INVALID : 0;
}

static void on_attempt_done(struct tr_engine *e, const struct tr_event_attempt_done *ev)
{
	tr_attempt_done(e, tr_attempt_at(e, ev->attempt), ev->tokens_in, ev->tokens_out);
}

static int check_attempt_failed(const struct tr_engine *e, const struct tr_event_attempt_failed *ev)
{
	int err = check_attempt(e, ev->attempt, IN_HEADERS | IN_STREAMING);

	if (err)
		return err;
	if (ev->cause < TR_CAUSE_CONNECT || ev->cause > TR_CAUSE_BAD_REQUEST)
		return TR_E_INVALID;
	return ev->tokens_out < tr_attempt_at(e, ev->attempt)->tokens_out ? TR_E_INVALID : 0;
}

static void on_attempt_failed(struct tr_engine *e, const struct tr_event_attempt_failed *ev)
{
	struct tr_attempt *attempt = tr_attempt_at(e, ev->attempt);

	if (attempt->state == TR_ATTEMPT_STREAMING)
		attempt->tokens_out = ev->tokens_out;
	tr_attempt_failed(e, attempt, (enum tr_cause)ev->cause, ev->retry_after);
}

static int check_endpoint(const struct tr_engine *e, tr_name name, uint32_t value, uint32_t most)
{
	if (value > most)
		return TR_E_INVALID;
	return tr_registry_find(&e->registry[TR_REGISTRY_ENDPOINT], name) == TR_NONE
		       ? TR_E_ENDPOINT_UNKNOWN
		       : 0;
}

static uint32_t endpoint_of(const struct tr_engine *e, tr_name name)
{
	return tr_registry_find(&e->registry[TR_REGISTRY_ENDPOINT], name);
}

static int check_endpoint_state(const struct tr_engine *e, const struct tr_event_endpoint_state *ev)
{
	return check_endpoint(e, ev->endpoint, ev->lifecycle, TR_LIFECYCLE_COUNT - 1);
}

static void on_endpoint_state(struct tr_engine *e, const struct tr_event_endpoint_state *ev)
{
	uint32_t slot = endpoint_of(e, ev->endpoint);
	struct tr_endpoint *ep = &e->endpoint[slot];

	if (ep->lifecycle == ev->lifecycle)
		return;

	struct tr_action_health_change *action =
		&tr_action_add(e, TR_ACTION_HEALTH_CHANGE)->health_change;

	action->endpoint = ep->name;
	action->from = ep->lifecycle;
	action->to = ev->lifecycle;
	ep->lifecycle = ev->lifecycle;
	if (ev->lifecycle == TR_LIFECYCLE_STARTING)
		ep->caches_since = tr_add_sat(e->core->now, 1);
	/* Also when it got worse: those who wait for nobody else must be told so. */
	tr_pool_endpoint_freed(e, slot);
}

static int check_endpoint_signal(const struct tr_engine *e,
				 const struct tr_event_endpoint_signal *ev)
{
	return check_endpoint(e, ev->endpoint, ev->kv_permille, 1000);
}

static void on_endpoint_signal(struct tr_engine *e, const struct tr_event_endpoint_signal *ev)
{
	tr_health_signal(e, endpoint_of(e, ev->endpoint), ev);
}

static int check_feedback(const struct tr_engine *e, const struct tr_event_feedback *ev)
{
	return check_endpoint(e, ev->endpoint, ev->score, 1000);
}

static void on_feedback(struct tr_engine *e, const struct tr_event_feedback *ev)
{
	tr_health_feedback(e, endpoint_of(e, ev->endpoint), ev->score);
}

static int check_policy_activate(const struct tr_engine *e,
				 const struct tr_event_policy_activate *ev)
{
	if (ev->slot >= e->limits.policies || e->loaded[ev->slot].id == 0 ||
	    e->loaded[ev->slot].id != ev->policy_id)
		return TR_E_POLICY_UNKNOWN;
	return tr_registry_fits(e, &e->loaded[ev->slot]) ? 0 : TR_E_LIMITS;
}

void tr_event_activate(struct tr_engine *e, uint32_t slot)
{
	e->core->active_policy = slot;
	e->slot[slot].active = 1;
	e->slot[slot].policy_id = e->loaded[slot].id;
	tr_registry_activate(e, slot);
	tr_breaker_policy_changed(e);
	tr_health_policy_changed(e);
	tr_waiting_policy_changed(e);
}

static void on_policy_activate(struct tr_engine *e, const struct tr_event_policy_activate *ev)
{
	uint32_t before = e->core->active_policy;

	if (before == ev->slot)
		return;
	tr_idempotency_forget(e);
	e->slot[before].active = 0;
	if (e->slot[before].jobs == 0) {
		struct tr_action_policy_release *action =
			&tr_action_add(e, TR_ACTION_POLICY_RELEASE)->policy_release;

		action->policy_id = e->slot[before].policy_id;
		action->slot = (uint8_t)before;
		e->slot[before] = (struct tr_slot){0};
		tr_strategy_forget(e, before);
	}
	tr_event_activate(e, ev->slot);
}

static int check_clock(const struct tr_engine *e, const struct tr_event_clock *ev)
{
	(void)e;
	(void)ev;
	return 0;
}

static int check_job_cancel_group(const struct tr_engine *e,
				  const struct tr_event_job_cancel_group *ev)
{
	(void)e;
	if (ev->group_id == 0 || ev->cause < TR_CAUSE_CANCEL_CLIENT ||
	    ev->cause > TR_CAUSE_CANCEL_OPERATOR)
		return TR_E_INVALID;
	return 0;
}

static void on_job_cancel_group(struct tr_engine *e, const struct tr_event_job_cancel_group *ev)
{
	tr_group_cancel(e, ev->group_id, (enum tr_cause)ev->cause);
	tr_group_end_doomed(e);
}

static int check_endpoint_quota(const struct tr_engine *e, const struct tr_event_endpoint_quota *ev)
{
	return check_endpoint(e, ev->endpoint, 0, 0);
}

static void on_endpoint_quota(struct tr_engine *e, const struct tr_event_endpoint_quota *ev)
{
	tr_health_quota(e, endpoint_of(e, ev->endpoint), ev);
}

static void on_queue_due(struct tr_engine *e, uint32_t row)
{
	tr_scheduler_queue_due(e, row);
}

static void on_backlog_due(struct tr_engine *e, uint32_t row)
{
	tr_scheduler_backlog_due(e, row);
}

static void on_active_due(struct tr_engine *e, uint32_t row)
{
	tr_job_due(e, &e->job[e->active[row].job1 - 1]);
}

static void on_attempt_due(struct tr_engine *e, uint32_t row)
{
	tr_attempt_due(e, &e->attempt[row]);
}

static void on_endpoint_due(struct tr_engine *e, uint32_t row)
{
	tr_breaker_timer(e, row);
}

static void on_clock(struct tr_engine *e, const struct tr_event_clock *ev)
{
	static void (*const due[TR_TIMER_OWNERS])(struct tr_engine *, uint32_t) = {
#define X(uc, lc, count) [TR_TIMER_##uc] = on_##lc##_due,
		TR_TIMER_OWNER_MAP(X)
#undef X
	};
	enum tr_timer_owner owner;
	uint32_t row;

	(void)ev;
	tr_group_end_doomed(e);
	while (tr_step_has_room(e) && tr_record_has_room(e) &&
	       tr_timer_take(e, e->core->now, &owner, &row))
		due[owner](e, row);
}

/* ---- by kind ---- */

int tr_event_check(const struct tr_engine *e, const struct tr_event *event)
{
	if (event->kind == TR_EVENT_NONE || event->kind >= TR_EVENT_COUNT)
		return TR_E_KIND;
	if (event->time < e->core->now || event->time == TR_TIME_NEVER ||
	    event->observed > event->time)
		return TR_E_TIME;
	if (event->time > tr_engine_deadline(e))
		return TR_E_CLOCK_DUE;
	switch ((enum tr_event_kind)event->kind) {
#define X(uc, lc)                                                                                  \
	case TR_EVENT_##uc:                                                                        \
		return check_##lc(e, &event->lc);
		TR_EVENT_MAP(X)
#undef X
	case TR_EVENT_NONE:
	case TR_EVENT_COUNT:
		break;
	}
	return TR_E_KIND;
}

void tr_event_handle(struct tr_engine *e, const struct tr_event *event)
{
	switch ((enum tr_event_kind)event->kind) {
#define X(uc, lc)                                                                                  \
	case TR_EVENT_##uc:                                                                        \
		on_##lc(e, &event->lc);                                                            \
		break;
		TR_EVENT_MAP(X)
#undef X
	case TR_EVENT_NONE:
	case TR_EVENT_COUNT:
		break;
	}
}
