/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table for events, one for actions, and two tables of memory: who a job is, by the slot of its
 * handle, and who an attempt is, by that of its own. An attempt keeps a copy of what its job is,
 * for the job's slot may be another's before the step is over.
 *
 * A refused job was never in a class; it is taken for one of the class that it asked for: by name,
 * by profile, by intent, or by the policy's default.
 */
#include "sim/occurrence.h"

#include <stdlib.h>

struct known_job {
	struct tr_subject subject;
	tr_time_ns submitted;
};

struct known_attempt {
	struct tr_subject subject;
	tr_time_ns submitted;
	tr_time_ns dispatched;
};

struct tr_occurrences {
	const struct tr_policy *policy;
	tr_occurrence_sink *sink;
	void *self;
	bool objectives; /* the policy has any */
	struct known_job *jobs;
	struct known_attempt *attempts;
	uint32_t jobs_max;
	uint32_t attempts_max;
	uint32_t *limits; /* by row of the policy's endpoints, 0: not seen yet; NULL: not watched */
	uint64_t retries_denied;
	uint64_t hedges_denied;
};

#define X(uc, lc, selectors, text) [TR_OCCURRENCE_##uc] = {#lc, selectors, text},
const struct tr_occurrence_row tr_occurrence_rows[TR_OCCURRENCE_COUNT] = {TR_OCCURRENCE_MAP(X)};
#undef X

struct tr_occurrences *tr_occurrences_new(const struct tr_policy *policy,
					  const struct tr_limits *limits, bool limits_watched,
					  tr_occurrence_sink *sink, void *self)
{
	struct tr_occurrences *stream = calloc(1, sizeof *stream);
	const struct tr_policy_slo *slo = &policy->slo;

	TR_ASSERT(limits->jobs > 0);
	TR_ASSERT(limits->attempts > 0);
	if (!stream)
		return NULL;
	stream->policy = policy;
	stream->sink = sink;
	stream->self = self;
	stream->objectives = slo->ttft_ns || slo->tpot_ns || slo->e2e_ns;
	stream->jobs_max = limits->jobs;
	stream->attempts_max = limits->attempts;
	stream->jobs = calloc(limits->jobs, sizeof *stream->jobs);
	stream->attempts = calloc(limits->attempts, sizeof *stream->attempts);
	if (limits_watched)
		stream->limits = calloc(policy->endpoint_count, sizeof *stream->limits);
	if (!stream->jobs || !stream->attempts || (limits_watched && !stream->limits)) {
		tr_occurrences_free(stream);
		return NULL;
	}
	return stream;
}

void tr_occurrences_free(struct tr_occurrences *stream)
{
	if (!stream)
		return;
	free(stream->jobs);
	free(stream->attempts);
	free(stream->limits);
	free(stream);
}

/* ---------------------------------------------------------------------------------------- names */

/* The row of the class of a job that was refused; TR_NONE: of none. */
static uint32_t class_row_asked(const struct tr_policy *policy,
				const struct tr_event_job_submit *submit)
{
	uint32_t row = TR_NONE;

	for (uint32_t i = 0; i < policy->class_count && submit->class_name; i++)
		if (policy->classes[i].name == submit->class_name)
			return i;
	for (uint32_t i = 0; i < policy->intent_count && !submit->class_name; i++)
		if (submit->intent ? policy->intents[i].name == submit->intent
				   : i == policy->default_intent)
			row = policy->intents[i].class_row;
	for (uint32_t i = 0; i < policy->profile_count && row != TR_NONE; i++)
		if (submit->profile && policy->profiles[i].name == submit->profile &&
		    policy->profiles[i].class_row != TR_NONE)
			row = policy->profiles[i].class_row;
	return row;
}

/* The model behind what a request asked for; 0: none. */
static tr_name model_asked(const struct tr_policy *policy, tr_name asked)
{
	uint32_t row = asked ? policy->unknown_model : policy->default_model;

	for (uint32_t i = 0; i < policy->alias_count && asked; i++)
		if (policy->aliases[i].name == asked)
			row = policy->aliases[i].model;
	for (uint32_t i = 0; i < policy->model_count && asked; i++)
		if (policy->models[i].name == asked)
			row = i;
	return row == TR_NONE ? 0 : policy->models[row].name;
}

/* TR_NONE: no endpoint of this policy. */
static uint32_t endpoint_row(const struct tr_policy *policy, tr_name name)
{
	for (uint32_t i = 0; i < policy->endpoint_count; i++)
		if (policy->endpoints[i].name == name)
			return i;
	return TR_NONE;
}

static struct tr_subject server_of(const struct tr_policy *policy, tr_name endpoint)
{
	uint32_t row = endpoint_row(policy, endpoint);
	tr_name model = row == TR_NONE ? 0 : policy->models[policy->endpoints[row].model].name;

	return (struct tr_subject){.endpoint = endpoint, .model = model};
}

static struct known_job *job_of(struct tr_occurrences *stream, tr_job_handle job)
{
	TR_ASSERT(job.slot1 > 0);
	TR_ASSERT(job.slot1 <= stream->jobs_max);
	return &stream->jobs[job.slot1 - 1];
}

static struct known_attempt *attempt_of(struct tr_occurrences *stream, tr_attempt_handle attempt)
{
	TR_ASSERT(attempt.slot1 > 0);
	TR_ASSERT(attempt.slot1 <= stream->attempts_max);
	return &stream->attempts[attempt.slot1 - 1];
}

/* ---------------------------------------------------------------------------------------- tell */

static void tell(struct tr_occurrences *stream, const struct tr_occurrence *occurrence)
{
	stream->sink(stream->self, occurrence);
}

/* About no request. */
static void tell_of(struct tr_occurrences *stream, enum tr_occurrence_kind kind, tr_time_ns time,
		    struct tr_subject subject)
{
	tell(stream, &(struct tr_occurrence){
			     .kind = kind, .time = time, .submitted = time, .subject = subject});
}

static struct tr_occurrence of_attempt(const struct known_attempt *attempt,
				       enum tr_occurrence_kind kind, tr_time_ns time)
{
	return (struct tr_occurrence){
		.kind = kind,
		.time = time,
		.submitted = attempt->submitted,
		.subject = attempt->subject,
		.since_dispatch = time - attempt->dispatched,
	};
}

static void tell_attempt(struct tr_occurrences *stream, tr_attempt_handle handle,
			 enum tr_occurrence_kind kind, tr_time_ns time, uint8_t cause)
{
	struct tr_occurrence occurrence = of_attempt(attempt_of(stream, handle), kind, time);

	occurrence.subject.cause = cause;
	tell(stream, &occurrence);
}

/* ---------------------------------------------------------------------------------- events in */

static void on_first_token(struct tr_occurrences *stream, const struct tr_event *event)
{
	tell_attempt(stream, event->attempt_first_token.attempt, TR_OCCURRENCE_FIRST_TOKEN,
		     event->time, TR_CAUSE_NONE);
}

static void on_done(struct tr_occurrences *stream, const struct tr_event *event)
{
	tell_attempt(stream, event->attempt_done.attempt, TR_OCCURRENCE_ATTEMPT_DONE, event->time,
		     TR_CAUSE_NONE);
}

static void on_failed(struct tr_occurrences *stream, const struct tr_event *event)
{
	tell_attempt(stream, event->attempt_failed.attempt, TR_OCCURRENCE_ATTEMPT_FAILURE,
		     event->time, event->attempt_failed.cause);
}

static void on_signal(struct tr_occurrences *stream, const struct tr_event *event)
{
	tell_of(stream, TR_OCCURRENCE_SIGNAL, event->time,
		server_of(stream->policy, event->endpoint_signal.endpoint));
}

static void on_quota(struct tr_occurrences *stream, const struct tr_event *event)
{
	tell_of(stream, TR_OCCURRENCE_QUOTA, event->time,
		server_of(stream->policy, event->endpoint_quota.endpoint));
}

static void on_policy_activate(struct tr_occurrences *stream, const struct tr_event *event)
{
	tell_of(stream, TR_OCCURRENCE_POLICY_ACTIVATE, event->time, (struct tr_subject){0});
}

/* --------------------------------------------------------------------------------- actions out */

static void on_accept(struct tr_occurrences *stream, const struct tr_event *event,
		      const struct tr_action *action)
{
	const struct tr_event_job_submit *submit = &event->job_submit;
	struct known_job *job = job_of(stream, action->job_accept.job);

	TR_ASSERT(event->kind == TR_EVENT_JOB_SUBMIT);
	*job = (struct known_job){.submitted = event->time,
				  .subject = {.class_name = action->job_accept.class_name,
					      .tenant = submit->tenant,
					      .session = submit->session,
					      .model = model_asked(stream->policy, submit->model)}};
	tell_of(stream, TR_OCCURRENCE_SUBMIT, event->time, job->subject);
	tell_of(stream, TR_OCCURRENCE_ACCEPT, event->time, job->subject);
}

static void on_reject(struct tr_occurrences *stream, const struct tr_event *event,
		      const struct tr_action *action)
{
	const struct tr_event_job_submit *submit = &event->job_submit;
	uint32_t class_row = class_row_asked(stream->policy, submit);
	struct tr_subject subject = {
		.class_name = class_row == TR_NONE ? 0 : stream->policy->classes[class_row].name,
		.tenant = submit->tenant,
		.session = submit->session,
		.model = model_asked(stream->policy, submit->model),
	};

	TR_ASSERT(event->kind == TR_EVENT_JOB_SUBMIT);
	TR_ASSERT(action->job_reject.code < TR_REJECT_COUNT);
	tell_of(stream, TR_OCCURRENCE_SUBMIT, event->time, subject);
	subject.code = action->job_reject.code;
	tell_of(stream, TR_OCCURRENCE_REJECT, event->time, subject);
}

static void on_dispatch(struct tr_occurrences *stream, const struct tr_event *event,
			const struct tr_action *action)
{
	static const enum tr_occurrence_kind kinds[TR_ROLE_COUNT] = {
		[TR_ROLE_FIRST] = TR_OCCURRENCE_START,
		[TR_ROLE_RETRY] = TR_OCCURRENCE_RETRY,
		[TR_ROLE_HEDGE] = TR_OCCURRENCE_HEDGE,
		[TR_ROLE_AGAIN] = TR_OCCURRENCE_RESUME,
	};
	const struct tr_action_attempt_dispatch *dispatch = &action->attempt_dispatch;
	const struct known_job *job = job_of(stream, dispatch->job);
	struct known_attempt *attempt = attempt_of(stream, dispatch->attempt);
	struct tr_occurrence occurrence;

	TR_ASSERT(dispatch->role < TR_ROLE_COUNT);
	*attempt = (struct known_attempt){
		.subject = job->subject, .submitted = job->submitted, .dispatched = event->time};
	attempt->subject.endpoint = dispatch->endpoint;
	attempt->subject.model = dispatch->model;
	occurrence = of_attempt(attempt, TR_OCCURRENCE_DISPATCH, event->time);
	occurrence.warmth = dispatch->warmth;
	occurrence.first = dispatch->role == TR_ROLE_FIRST;
	tell(stream, &occurrence);
	occurrence.kind = kinds[dispatch->role];
	/* The request started, whatever endpoint it was sent to. */
	if (occurrence.first)
		occurrence.subject = job->subject;
	tell(stream, &occurrence);
}

/* A time-out is the endpoint's fault; what else ends an attempt is not. */
static void on_abort(struct tr_occurrences *stream, const struct tr_event *event,
		     const struct tr_action *action)
{
	const struct tr_action_attempt_abort *abort = &action->attempt_abort;
	bool fault;

	TR_ASSERT(abort->cause < TR_CAUSE_COUNT);
	fault = tr_causes[abort->cause].verdict == TR_VERDICT_FAULT;
	tell_attempt(stream, abort->attempt,
		     fault ? TR_OCCURRENCE_ATTEMPT_FAILURE : TR_OCCURRENCE_ATTEMPT_ABORT,
		     event->time, abort->cause);
	if (abort->cause == TR_CAUSE_PREEMPTED)
		tell_attempt(stream, abort->attempt, TR_OCCURRENCE_PREEMPTION, event->time,
			     TR_CAUSE_NONE);
}

static void on_commit(struct tr_occurrences *stream, const struct tr_event *event,
		      const struct tr_action *action)
{
	tell_attempt(stream, action->stream_commit.attempt, TR_OCCURRENCE_STREAM_COMMIT,
		     event->time, TR_CAUSE_NONE);
}

static void on_finish(struct tr_occurrences *stream, const struct tr_event *event,
		      const struct tr_action *action)
{
	const struct tr_action_job_finish *finish = &action->job_finish;
	const struct known_job *job = job_of(stream, finish->job);
	struct tr_occurrence occurrence = {
		.kind = TR_OCCURRENCE_JOB_END,
		.time = event->time,
		.submitted = job->submitted,
		.subject = job->subject,
		.good = finish->outcome == TR_OUTCOME_COMPLETED &&
			(finish->slo_met || !stream->objectives),
		.finish = finish,
	};

	TR_ASSERT(finish->outcome > TR_OUTCOME_NONE);
	TR_ASSERT(finish->outcome < TR_OUTCOME_COUNT);
	TR_ASSERT(finish->cause < TR_CAUSE_COUNT);
	occurrence.subject.endpoint = finish->endpoint;
	occurrence.subject.outcome = finish->outcome;
	occurrence.subject.cause = finish->cause;
	tell(stream, &occurrence);
}

static void on_breaker_change(struct tr_occurrences *stream, const struct tr_event *event,
			      const struct tr_action *action)
{
	static const enum tr_occurrence_kind kinds[TR_BREAKER_COUNT] = {
		[TR_BREAKER_CLOSED] = TR_OCCURRENCE_BREAKER_CLOSE,
		[TR_BREAKER_OPEN] = TR_OCCURRENCE_BREAKER_OPEN,
		[TR_BREAKER_HALF_OPEN] = TR_OCCURRENCE_BREAKER_HALF_OPEN,
	};

	TR_ASSERT(action->breaker_change.to < TR_BREAKER_COUNT);
	tell_of(stream, kinds[action->breaker_change.to], event->time,
		server_of(stream->policy, action->breaker_change.endpoint));
}

static void on_health_change(struct tr_occurrences *stream, const struct tr_event *event,
			     const struct tr_action *action)
{
	static const enum tr_occurrence_kind kinds[TR_LIFECYCLE_COUNT] = {
		[TR_LIFECYCLE_UP] = TR_OCCURRENCE_ENDPOINT_UP,
		[TR_LIFECYCLE_STARTING] = TR_OCCURRENCE_ENDPOINT_STARTING,
		[TR_LIFECYCLE_DRAINING] = TR_OCCURRENCE_ENDPOINT_DRAINING,
		[TR_LIFECYCLE_DOWN] = TR_OCCURRENCE_ENDPOINT_DOWN,
	};

	TR_ASSERT(action->health_change.to < TR_LIFECYCLE_COUNT);
	tell_of(stream, kinds[action->health_change.to], event->time,
		server_of(stream->policy, action->health_change.endpoint));
}

static void on_strategy_change(struct tr_occurrences *stream, const struct tr_event *event,
			       const struct tr_action *action)
{
	tell_of(stream,
		action->strategy_change.until ? TR_OCCURRENCE_STRATEGY_ASIDE
					      : TR_OCCURRENCE_STRATEGY_BACK,
		event->time, (struct tr_subject){.model = action->strategy_change.model});
}

static void on_policy_release(struct tr_occurrences *stream, const struct tr_event *event,
			      const struct tr_action *action)
{
	(void)action;
	tell_of(stream, TR_OCCURRENCE_POLICY_RELEASE, event->time, (struct tr_subject){0});
}

/* -------------------------------------------------------------- what no message says by itself */

/* Limits move on first tokens and on failures, of the attempt's own endpoint. */
static void look_at_limit(struct tr_occurrences *stream, const struct tr_engine *engine,
			  const struct tr_event *event)
{
	tr_name endpoint = 0;
	struct tr_endpoint_view view;
	uint32_t row, before;

	if (event->kind == TR_EVENT_ATTEMPT_FIRST_TOKEN)
		endpoint = attempt_of(stream, event->attempt_first_token.attempt)->subject.endpoint;
	else if (event->kind == TR_EVENT_ATTEMPT_FAILED)
		endpoint = attempt_of(stream, event->attempt_failed.attempt)->subject.endpoint;
	row = endpoint ? endpoint_row(stream->policy, endpoint) : TR_NONE;
	if (row == TR_NONE || tr_engine_endpoint(engine, endpoint, &view) < 0)
		return;
	before = stream->limits[row] ? stream->limits[row] : stream->policy->endpoints[row].slots;
	stream->limits[row] = view.limit;
	if (view.limit != before)
		tell_of(stream,
			view.limit > before ? TR_OCCURRENCE_LIMIT_UP : TR_OCCURRENCE_LIMIT_DOWN,
			event->time, server_of(stream->policy, endpoint));
}

static void look_at_budgets(struct tr_occurrences *stream, const struct tr_engine *engine,
			    const struct tr_event *event)
{
	struct tr_counts counts;

	tr_engine_counts(engine, &counts);
	for (; stream->retries_denied < counts.retries_denied; stream->retries_denied++)
		tell_of(stream, TR_OCCURRENCE_RETRY_DENIED, event->time, (struct tr_subject){0});
	for (; stream->hedges_denied < counts.hedges_denied; stream->hedges_denied++)
		tell_of(stream, TR_OCCURRENCE_HEDGE_DENIED, event->time, (struct tr_subject){0});
}

void tr_occurrences_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
			 const struct tr_actions *actions)
{
	static void (*const events[TR_EVENT_COUNT])(struct tr_occurrences *,
						    const struct tr_event *) = {
		[TR_EVENT_ATTEMPT_FIRST_TOKEN] = on_first_token,
		[TR_EVENT_ATTEMPT_DONE] = on_done,
		[TR_EVENT_ATTEMPT_FAILED] = on_failed,
		[TR_EVENT_ENDPOINT_SIGNAL] = on_signal,
		[TR_EVENT_ENDPOINT_QUOTA] = on_quota,
		[TR_EVENT_POLICY_ACTIVATE] = on_policy_activate,
	};
	static void (*const acts[TR_ACTION_COUNT])(struct tr_occurrences *, const struct tr_event *,
						   const struct tr_action *) = {
		[TR_ACTION_JOB_ACCEPT] = on_accept,
		[TR_ACTION_JOB_REJECT] = on_reject,
		[TR_ACTION_ATTEMPT_DISPATCH] = on_dispatch,
		[TR_ACTION_ATTEMPT_ABORT] = on_abort,
		[TR_ACTION_STREAM_COMMIT] = on_commit,
		[TR_ACTION_JOB_FINISH] = on_finish,
		[TR_ACTION_BREAKER_CHANGE] = on_breaker_change,
		[TR_ACTION_HEALTH_CHANGE] = on_health_change,
		[TR_ACTION_STRATEGY_CHANGE] = on_strategy_change,
		[TR_ACTION_POLICY_RELEASE] = on_policy_release,
	};
	struct tr_occurrences *stream = self;

	if (events[event->kind])
		events[event->kind](stream, event);
	if (stream->limits)
		look_at_limit(stream, engine, event);
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct tr_action *action = &actions->items[i];

		if (acts[action->kind])
			acts[action->kind](stream, event, action);
	}
	look_at_budgets(stream, engine, event);
}
