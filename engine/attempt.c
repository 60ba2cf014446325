/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One dispatch of a job to one endpoint.
 *
 * The endpoint's slot and rates are booked in the step that picked it, so a burst cannot herd, and
 * are given back in one place, tr_attempt_release(), on every way out. The first token of one
 * attempt commits the stream: its rivals are aborted, and retry, hedge and fallback are over for
 * the job.
 *
 * Before that, a failed attempt is retried if its cause permits: after an exponential back-off with
 * full jitter (Brooker, AWS Architecture Blog 2015) from draws keyed by job, or at once at another
 * endpoint where the cause lies in ours alone (credentials). A wish to be left alone (Retry-After)
 * is the endpoint's, not the job's: it pauses that endpoint, and the job may go elsewhere. The
 * job's policy and its class bound the retries of one job, the pool's budget those of all.
 *
 * A job that is silent for long gets a rival elsewhere if its intent permits (a hedge, after The
 * Tail at Scale): after a fixed delay, or a quantile of what the pool's answers took, whichever is
 * longer, and within the pool's budgets.
 *
 * Silence has a limit in each phase, and until the first token one for the whole wait, counted from
 * the dispatch: many servers send their headers with the first token only, and some hosts report no
 * phase at all.
 */
#include "engine/attempt.h"

#include "engine/affinity.h"
#include "engine/breaker.h"
#include "engine/budget.h"
#include "engine/health.h"
#include "engine/job.h"
#include "engine/limit.h"
#include "engine/list.h"
#include "engine/quota.h"
#include "engine/random.h"
#include "engine/pool.h"
#include "engine/predict.h"
#include "engine/timer.h"

/* Answers a pool must have given before a quantile of their times means anything. */
#define QUANTILE_ANSWERS_MIN 20

struct tr_attempt *tr_attempt_at(const struct tr_engine *e, tr_attempt_handle handle)
{
	if (handle.slot1 == 0 || handle.slot1 > e->core->attempt_used)
		return NULL;

	struct tr_attempt *attempt = &e->attempt[handle.slot1 - 1];

	if (attempt->state == TR_ATTEMPT_FREE || attempt->generation != handle.generation)
		return NULL;
	return attempt;
}

static struct tr_job *job_of(const struct tr_engine *e, const struct tr_attempt *attempt)
{
	return &e->job[attempt->job1 - 1];
}

/* ---- time-outs ---- */

/* What a silence is called that lasts too long. */
static const enum tr_cause silences[] = {
	[TR_ATTEMPT_FREE] = TR_CAUSE_NONE,
	[TR_ATTEMPT_DISPATCHED] = TR_CAUSE_TIMEOUT_CONNECT,
	[TR_ATTEMPT_CONNECTED] = TR_CAUSE_TIMEOUT_HEADERS,
	[TR_ATTEMPT_HEADERS] = TR_CAUSE_TIMEOUT_FIRST_TOKEN,
	[TR_ATTEMPT_STREAMING] = TR_CAUSE_TIMEOUT_BETWEEN_TOKENS,
};

/* When the attempt's present silence ends it, and as what. */
static tr_time_ns silence_ends(const struct tr_engine *e, const struct tr_attempt *attempt,
			       enum tr_cause *ret_cause)
{
	const struct tr_policy_timeouts *limits = &tr_policy_of(e, job_of(e, attempt))->timeouts;
	const tr_span_ns spans[] = {
		[TR_ATTEMPT_DISPATCHED] = limits->connect_ns,
		[TR_ATTEMPT_CONNECTED] = limits->headers_ns,
		[TR_ATTEMPT_STREAMING] = limits->between_tokens_ns,
	};
	tr_span_ns limit = spans[attempt->state];
	tr_time_ns at = limit ? tr_add_sat(attempt->phase, limit) : TR_TIME_NEVER;
	tr_time_ns first = limits->first_token_ns
				   ? tr_add_sat(attempt->dispatched, limits->first_token_ns)
				   : TR_TIME_NEVER;

	if (attempt->state == TR_ATTEMPT_STREAMING || at <= first) {
		*ret_cause = silences[attempt->state];
		return at;
	}
	*ret_cause = TR_CAUSE_TIMEOUT_FIRST_TOKEN;
	return first;
}

/* The attempt is in a phase from now on; each has its own limit. */
static void enter_phase(struct tr_engine *e, struct tr_attempt *attempt,
			enum tr_attempt_state state)
{
	enum tr_cause cause;

	attempt->state = (uint8_t)state;
	attempt->phase = e->core->now;
	tr_timer_set(e, TR_TIMER_ATTEMPT, tr_row_of_attempt(e, attempt),
		     silence_ends(e, attempt, &cause));
}

/* Is it a probe of the round that is on? One of an earlier round comes late and proves nothing. */
static bool is_probe(const struct tr_endpoint *ep, const struct tr_attempt *attempt)
{
	return ep->breaker == TR_BREAKER_HALF_OPEN && attempt->probe && attempt->probe == ep->round;
}

static enum tr_breaker_way way_of(const struct tr_engine *e, const struct tr_attempt *attempt)
{
	if (attempt->least_bad)
		return TR_BREAKER_AS_LEAST_BAD;
	return is_probe(&e->endpoint[attempt->endpoint], attempt) ? TR_BREAKER_AS_PROBE
								  : TR_BREAKER_AS_OTHER;
}

/* ---- dispatch ---- */

bool tr_attempt_has_rows(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_core *core = e->core;
	bool attempt = core->attempt_free1 || core->attempt_used < e->limits.attempts;
	bool active = job->active1 || core->active_free1 || core->active_used < e->limits.active;

	return attempt && active;
}

static struct tr_attempt *row_take(struct tr_engine *e)
{
	struct tr_core *core = e->core;
	uint32_t row = core->attempt_free1 ? core->attempt_free1 - 1 : core->attempt_used++;
	struct tr_attempt *attempt = &e->attempt[row];
	uint32_t generation = attempt->generation;

	TR_ASSERT(row < e->limits.attempts);
	TR_ASSERT(attempt->state == TR_ATTEMPT_FREE);
	if (core->attempt_free1)
		core->attempt_free1 = attempt->job1;
	memset(attempt, 0, sizeof *attempt);
	attempt->generation = generation;
	return attempt;
}

static uint64_t predicted_cost(const struct tr_engine *e, const struct tr_job *job,
			       uint32_t model_row)
{
	return tr_price(&tr_policy_of(e, job)->models[model_row], job->tokens_in,
			job->tokens_predicted);
}

static void book(struct tr_engine *e, struct tr_attempt *attempt, const struct tr_job *job)
{
	struct tr_endpoint *ep = &e->endpoint[attempt->endpoint];
	uint64_t tokens = (uint64_t)job->tokens_in + job->tokens_predicted;

	/* What no rate took, no rate gives back. */
	attempt->tokens_booked = ep->tokens_per_minute ? (uint32_t)tr_min(tokens, UINT32_MAX) : 0;
	ep->in_flight++;
	e->model[ep->model].in_flight++;
	ep->last_dispatch = ++e->core->dispatches;
	tr_rate_take(&ep->requests_tat, e->core->now, 1, ep->requests_per_minute);
	tr_rate_take(&ep->tokens_tat, e->core->now, attempt->tokens_booked, ep->tokens_per_minute);
	tr_health_booked(e, attempt->endpoint, tokens);
	if (ep->breaker == TR_BREAKER_HALF_OPEN && !attempt->least_bad) {
		attempt->probe = ep->round;
		ep->probes_out++;
		/* Strict jobs of this pool may have nobody to wait for now. */
		tr_pool_endpoint_freed(e, attempt->endpoint);
	}
	TR_ASSERT(!ep->removed);
	if (attempt->role == TR_ROLE_FIRST)
		tr_budget_first(e, job->model, predicted_cost(e, job, attempt->model_row));
	if (attempt->role == TR_ROLE_HEDGE)
		tr_budget_hedge(e, job->model, predicted_cost(e, job, attempt->model_row));
	TR_ASSERT(ep->in_flight <= ep->slots);
}

static void tried_add(struct tr_active *active, uint16_t endpoint)
{
	(&active->tried0)[active->tried_count % TR_TRIED_MAX] = endpoint;
	/* Beyond the list's length it stays a ring: the count must not pass 255. */
	active->tried_count++;
	if (active->tried_count == 2 * TR_TRIED_MAX)
		active->tried_count = TR_TRIED_MAX;
}

/* Take back the newest note of an endpoint. The list is written anew, oldest first, so that a ring
 * is a plain list again. */
static void tried_remove(struct tr_active *active, uint16_t endpoint)
{
	uint16_t *list = &active->tried0, kept[TR_TRIED_MAX] = {0};
	uint32_t length = (uint32_t)tr_min(active->tried_count, TR_TRIED_MAX);
	uint32_t first = active->tried_count - length, gone = length, count = 0;

	for (uint32_t i = 0; i < length; i++)
		if (list[(first + i) % TR_TRIED_MAX] == endpoint)
			gone = i;
	for (uint32_t i = 0; i < length; i++)
		if (i != gone)
			kept[count++] = list[(first + i) % TR_TRIED_MAX];
	memcpy(list, kept, sizeof kept);
	active->tried_count = (uint8_t)count;
}

/* The endpoint's list of its attempts, by dispatch. */
static void link_to_endpoint(struct tr_engine *e, struct tr_attempt *attempt)
{
	struct tr_endpoint *ep = &e->endpoint[attempt->endpoint];
	uint32_t row = tr_row_of_attempt(e, attempt);

	TR_LIST_ADD(e->attempt, row, older1, newer1, ep->oldest_attempt1, ep->newest_attempt1);
}

static void unlink_from_endpoint(struct tr_engine *e, struct tr_attempt *attempt)
{
	struct tr_endpoint *ep = &e->endpoint[attempt->endpoint];
	uint32_t row = tr_row_of_attempt(e, attempt);

	TR_LIST_REMOVE(e->attempt, row, older1, newer1, ep->oldest_attempt1, ep->newest_attempt1);
}

static void say_dispatch(struct tr_engine *e, const struct tr_job *job,
			 const struct tr_attempt *attempt, enum tr_pick pick)
{
	struct tr_action_attempt_dispatch *action =
		&tr_action_add(e, TR_ACTION_ATTEMPT_DISPATCH)->attempt_dispatch;

	action->job_id = job->job_id;
	action->job = tr_job_handle_of(e, job);
	action->attempt = tr_attempt_handle_of(e, attempt);
	action->endpoint = e->endpoint[attempt->endpoint].name;
	action->model = tr_policy_of(e, job)->models[attempt->model_row].name;
	action->deadline = job->deadline;
	action->ordinal = attempt->ordinal;
	action->role = attempt->role;
	action->pick = (uint8_t)pick;
	action->warmth = attempt->warmth;
}

/* When the job gets its next hedge if this attempt, just sent, stays silent; 0: never. */
static tr_time_ns hedge_time(const struct tr_engine *e, const struct tr_job *job,
			     const struct tr_attempt *attempt)
{
	const struct tr_policy_hedge *hedge = &tr_policy_of(e, job)->hedge;
	tr_span_ns delay = hedge->delay_ns;

	if (!(job->flags & TR_JOB_HEDGEABLE) || tr_active_of(e, job)->hedges >= hedge->attempts)
		return 0;
	if (hedge->quantile_percent) {
		uint32_t count;
		tr_span_ns quantile = tr_health_pool_quantile(
			e, e->endpoint[attempt->endpoint].model, hedge->quantile_percent, &count);

		if (count >= QUANTILE_ANSWERS_MIN)
			delay = tr_max(delay, quantile);
	}
	return delay ? tr_add_sat(e->core->now, delay) : 0;
}

void tr_attempt_dispatch(struct tr_engine *e, struct tr_job *job, enum tr_role role,
			 const struct tr_route *route)
{
	struct tr_active *active = tr_active_of(e, job);
	struct tr_attempt *attempt = row_take(e);

	TR_ASSERT(job->state == TR_JOB_RUNNING);
	TR_ASSERT(active->committed1 == 0);
	attempt->job1 = tr_row_of_job(e, job) + 1;
	attempt->endpoint = (uint16_t)route->endpoint;
	attempt->model_row = (uint16_t)route->model_row;
	attempt->dispatched = e->core->now;
	attempt->ordinal = active->ordinal++;
	attempt->role = (uint8_t)role;
	attempt->warmth = (uint8_t)route->warmth;
	attempt->least_bad = route->pick == TR_PICK_LEAST_BAD;
	attempt->next1 = active->first_attempt1;
	active->first_attempt1 = tr_row_of_attempt(e, attempt) + 1;
	active->endpoint = e->endpoint[route->endpoint].name;
	active->model = tr_policy_of(e, job)->models[route->model_row].name;
	active->hedges = (uint8_t)(active->hedges + (role == TR_ROLE_HEDGE));
	tried_add(active, attempt->endpoint);
	link_to_endpoint(e, attempt);
	book(e, attempt, job);
	e->core->attempts++;
	e->core->retries += role == TR_ROLE_RETRY;
	e->core->hedges += role == TR_ROLE_HEDGE;
	active->hedge_at = hedge_time(e, job, attempt);
	tr_job_path(job, TR_ACTION_ATTEMPT_DISPATCH, active->endpoint,
		    (uint32_t)attempt->ordinal << 8 | role);
	enter_phase(e, attempt, TR_ATTEMPT_DISPATCHED);
	tr_job_timer(e, job);
	say_dispatch(e, job, attempt, route->pick);
}

void tr_attempt_hedge(struct tr_engine *e, struct tr_job *job)
{
	struct tr_active *active = tr_active_of(e, job);
	struct tr_route route;

	active->hedge_at = 0;
	TR_ASSERT(active->first_token == 0);
	TR_ASSERT(active->first_attempt1 != 0);
	if (job->doomed)
		return;
	if (active->ordinal == UINT8_MAX || !tr_attempt_has_rows(e, job))
		return;
	/* Where it will go is not known yet: asked is for the model that was asked for, booked what
	 * the one that serves will cost. */
	if (!tr_budget_may_hedge(e, job->model, predicted_cost(e, job, job->model_row)))
		e->core->hedges_denied++;
	else if (tr_router_route(e, job, TR_ROLE_HEDGE, &route) == TR_ROUTE_PLACED)
		tr_attempt_dispatch(e, job, TR_ROLE_HEDGE, &route);
}

/* ---- end ---- */

static void unlink_from_job(struct tr_engine *e, struct tr_active *active,
			    const struct tr_attempt *attempt)
{
	uint32_t *link1 = &active->first_attempt1;

	while (*link1 != tr_row_of_attempt(e, attempt) + 1)
		link1 = &e->attempt[*link1 - 1].next1;
	*link1 = attempt->next1;
}

void tr_attempt_release(struct tr_engine *e, struct tr_attempt *attempt)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_active *active = tr_active_of(e, job);
	struct tr_endpoint *ep = &e->endpoint[attempt->endpoint];
	uint32_t row = tr_row_of_attempt(e, attempt);
	uint32_t endpoint = attempt->endpoint, generation = attempt->generation + 1;
	uint64_t used = 0;

	TR_ASSERT(ep->in_flight > 0);
	ep->in_flight--;
	e->model[ep->model].in_flight -= !ep->removed;
	if (is_probe(ep, attempt))
		ep->probes_out--;
	if (attempt->first_token) {
		const struct tr_policy_model *model =
			&tr_policy_of(e, job)->models[attempt->model_row];

		used = (uint64_t)job->tokens_in + attempt->tokens_out;
		active->cost_micro_usd =
			tr_add_sat(active->cost_micro_usd,
				   tr_price(model, job->tokens_in, attempt->tokens_out));
		active->tokens_out = attempt->tokens_out;
		tr_affinity_left(e, job, endpoint);
	}
	if (attempt->tokens_booked)
		tr_rate_settle(&ep->tokens_tat, attempt->tokens_booked, used,
			       ep->tokens_per_minute);
	unlink_from_job(e, active, attempt);
	unlink_from_endpoint(e, attempt);
	tr_timer_set(e, TR_TIMER_ATTEMPT, row, TR_TIME_NEVER);
	memset(attempt, 0, sizeof *attempt);
	attempt->generation = generation;
	attempt->job1 = e->core->attempt_free1;
	e->core->attempt_free1 = row + 1;
	tr_pool_endpoint_freed(e, endpoint);
	tr_pool_row_freed(e);
}

void tr_attempt_abort(struct tr_engine *e, struct tr_attempt *attempt, enum tr_cause cause)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_action_attempt_abort *action =
		&tr_action_add(e, TR_ACTION_ATTEMPT_ABORT)->attempt_abort;

	action->job_id = job->job_id;
	action->attempt = tr_attempt_handle_of(e, attempt);
	action->endpoint = e->endpoint[attempt->endpoint].name;
	action->ordinal = attempt->ordinal;
	action->cause = (uint8_t)cause;
	tr_job_path(job, TR_ACTION_ATTEMPT_ABORT, action->endpoint,
		    (uint32_t)attempt->ordinal << 8 | cause);
	tr_attempt_release(e, attempt);
}

/* The retries of one job: as many as its policy permits, and of that policy its class. */
static uint32_t retries_most(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_policy *policy = tr_policy_of(e, job);
	uint32_t class_row1 =
		e->loaded[job->policy].row_of_slot[TR_REGISTRY_CLASS][job->class_slot];

	TR_ASSERT(class_row1 != 0);
	return (uint32_t)tr_min(policy->retry.attempts, policy->classes[class_row1 - 1].retries);
}

void tr_attempt_preempt(struct tr_engine *e, struct tr_attempt *attempt)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_active *active = tr_active_of(e, job);
	uint16_t endpoint = attempt->endpoint;
	uint64_t cost = active->cost_micro_usd;

	TR_ASSERT(active->first_attempt1 == tr_row_of_attempt(e, attempt) + 1);
	TR_ASSERT(attempt->next1 == 0);
	tr_attempt_abort(e, attempt, TR_CAUSE_PREEMPTED);
	/* Admission reserved for one answer, and this is not the one that the tenant gets. */
	active->cost_micro_usd = cost;
	tried_remove(active, endpoint);
	tr_job_preempt(e, job);
}

/* Retry, or end the job: its last attempt is gone and nothing was committed. */
static void retry_or_end(struct tr_engine *e, struct tr_job *job, enum tr_cause cause)
{
	struct tr_active *active = tr_active_of(e, job);
	const struct tr_policy_retry *retry = &tr_policy_of(e, job)->retry;
	tr_span_ns delay = 0;

	if (job->doomed) {
		tr_job_end(e, job, TR_OUTCOME_CANCELED, (enum tr_cause)job->doomed);
		return;
	}
	if (tr_causes[cause].retry == TR_RETRY_NO || active->retries >= retries_most(e, job) ||
	    active->ordinal == UINT8_MAX) {
		tr_job_end(e, job, TR_OUTCOME_FAILED, cause);
		return;
	}
	if (tr_causes[cause].retry == TR_RETRY_YES) {
		tr_span_ns most = retry->backoff_ns;

		for (uint32_t i = 0; i < active->retries && most < retry->backoff_ns_max; i++)
			most = tr_add_sat(most, most);
		most = tr_min(most, retry->backoff_ns_max);
		delay = tr_below(
			tr_draw(e->core->seed, job->job_id, TR_PURPOSE_BACKOFF, active->retries),
			tr_add_sat(most, 1));
	}
	/* The budget is asked last: what another rule forbids must not spend it. A refused key is
	 * no load that could drown anybody, so moving on from it is free: or one dead key would
	 * spend the retries of all. */
	if (tr_add_sat(e->core->now, delay) >= job->deadline ||
	    (tr_causes[cause].retry == TR_RETRY_YES && !tr_budget_take_retry(e, job->model))) {
		tr_job_end(e, job, TR_OUTCOME_FAILED, cause);
		return;
	}
	active->retries++;
	if (delay)
		tr_job_back_off(e, job, tr_add_sat(e->core->now, delay));
	else
		tr_job_retry(e, job);
}

/* The attempt is over without an answer: tell health, give it back, go on with the job. */
static void attempt_lost(struct tr_engine *e, struct tr_attempt *attempt, enum tr_cause cause,
			 bool abort)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_active *active = tr_active_of(e, job);
	uint32_t endpoint = attempt->endpoint;
	enum tr_breaker_way way = way_of(e, attempt);
	bool committed = active->committed1 == tr_row_of_attempt(e, attempt) + 1;

	active->last_cause = (uint8_t)cause;
	if (abort)
		tr_attempt_abort(e, attempt, cause);
	else
		tr_attempt_release(e, attempt);
	tr_breaker_outcome(e, endpoint, (enum tr_verdict)tr_causes[cause].verdict, way);
	if (committed)
		tr_job_end(e, job, TR_OUTCOME_FAILED, cause);
	else if (!active->first_attempt1)
		retry_or_end(e, job, cause);
}

void tr_attempt_failed(struct tr_engine *e, struct tr_attempt *attempt, enum tr_cause cause,
		       tr_span_ns retry_after)
{
	const struct tr_policy_retry *retry = &tr_policy_active(e)->retry;

	if (tr_causes[cause].verdict == TR_VERDICT_BACKPRESSURE) {
		tr_limit_backpressure(e, attempt->endpoint, attempt->dispatched);
		tr_breaker_pause(e, attempt->endpoint,
				 tr_min(retry_after ? retry_after : retry->backoff_ns,
					retry->retry_after_ns_max));
	}
	attempt_lost(e, attempt, cause, false);
}

void tr_attempt_due(struct tr_engine *e, struct tr_attempt *attempt)
{
	enum tr_cause cause;

	TR_ASSERT(silence_ends(e, attempt, &cause) <= e->core->now);
	TR_ASSERT(cause != TR_CAUSE_NONE);
	attempt_lost(e, attempt, cause, true);
}

/* ---- progress ---- */

void tr_attempt_connected(struct tr_engine *e, struct tr_attempt *attempt)
{
	enter_phase(e, attempt, TR_ATTEMPT_CONNECTED);
}

void tr_attempt_headers(struct tr_engine *e, struct tr_attempt *attempt)
{
	enter_phase(e, attempt, TR_ATTEMPT_HEADERS);
}

/* The attempt has answered: its rivals are aborted, the job is its own. */
static void commit(struct tr_engine *e, struct tr_attempt *attempt)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_active *active = tr_active_of(e, job);
	struct tr_endpoint *ep = &e->endpoint[attempt->endpoint];
	uint32_t mine1 = tr_row_of_attempt(e, attempt) + 1;

	TR_ASSERT(active->committed1 == 0);
	active->committed1 = mine1;
	/* 0 is "none yet". */
	active->first_token = tr_max(e->event->observed, 1);
	active->hedge_at = 0;
	active->endpoint = ep->name;
	active->model = tr_policy_of(e, job)->models[attempt->model_row].name;
	active->warmth = attempt->warmth;
	attempt->first_token = active->first_token;
	tr_affinity_answered(e, job, attempt->endpoint);
	tr_health_first_token(e, attempt->endpoint,
			      tr_sub_sat(e->event->observed, attempt->dispatched));
	tr_predict_first_token(e, job, tr_sub_sat(e->event->observed, attempt->dispatched));
	for (uint32_t next1 = active->first_attempt1; next1;) {
		struct tr_attempt *rival = &e->attempt[next1 - 1];

		next1 = rival->next1;
		if (rival != attempt)
			tr_attempt_abort(e, rival, TR_CAUSE_HEDGE_LOST);
	}
	tr_job_path(job, TR_ACTION_STREAM_COMMIT, ep->name, attempt->ordinal);
	tr_job_timer(e, job);
}

void tr_attempt_first_token(struct tr_engine *e, struct tr_attempt *attempt)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_action_stream_commit *action;

	commit(e, attempt);
	attempt->tokens_out = 1;
	enter_phase(e, attempt, TR_ATTEMPT_STREAMING);
	action = &tr_action_add(e, TR_ACTION_STREAM_COMMIT)->stream_commit;
	action->job_id = job->job_id;
	action->job = tr_job_handle_of(e, job);
	action->attempt = tr_attempt_handle_of(e, attempt);
	action->ordinal = attempt->ordinal;
}

void tr_attempt_progress(struct tr_engine *e, struct tr_attempt *attempt, uint32_t tokens_out)
{
	TR_ASSERT(attempt->state == TR_ATTEMPT_STREAMING);
	attempt->tokens_out = tokens_out;
	enter_phase(e, attempt, TR_ATTEMPT_STREAMING);
}

void tr_attempt_done(struct tr_engine *e, struct tr_attempt *attempt, uint32_t tokens_in,
		     uint32_t tokens_out)
{
	struct tr_job *job = job_of(e, attempt);
	struct tr_endpoint *ep = &e->endpoint[attempt->endpoint];
	uint32_t endpoint = attempt->endpoint;
	enum tr_breaker_way way = way_of(e, attempt);
	enum tr_verdict verdict;
	tr_span_ns tpot = 0;

	if (attempt->state != TR_ATTEMPT_STREAMING)
		commit(e, attempt); /* an answer in one piece */
	verdict = tr_breaker_verdict(e, tr_sub_sat(attempt->first_token, attempt->dispatched));
	attempt->tokens_out = tokens_out;
	if (tokens_in)
		job->tokens_in = tokens_in;
	if (tokens_out > 1) {
		tpot = tr_sub_sat(e->event->observed, attempt->first_token) / (tokens_out - 1);
		ep->tpot_ewma = tr_ewma(ep->tpot_ewma, tpot);
	}
	tr_predict_served(e, job, tr_sub_sat(e->event->observed, attempt->dispatched), tpot);
	tr_attempt_release(e, attempt);
	tr_breaker_outcome(e, endpoint, verdict, way);
	tr_job_end(e, job, TR_OUTCOME_COMPLETED, TR_CAUSE_NONE);
}
