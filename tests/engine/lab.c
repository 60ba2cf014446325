/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/lab_draw.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/random.h"

enum {
	STAGE_SENT,
	STAGE_CONNECTED,
	STAGE_STREAMING
};

uint64_t tr_lab_draw(const struct tr_lab *lab, uint64_t key, uint64_t what, uint64_t bound)
{
	return tr_below(tr_draw(lab->seed, key, TR_PURPOSE_TEST, what), bound);
}

void tr_lab_broken(const struct tr_lab *lab, const char *law)
{
	fprintf(stderr, "seed %llu, at +%llu.%06llu s: broken law: %s\n",
		(unsigned long long)lab->seed,
		(unsigned long long)((lab->now - TR_LAB_START) / TR_SECOND),
		(unsigned long long)((lab->now - TR_LAB_START) % TR_SECOND / 1000), law);
	abort();
}

void tr_lab_init(struct tr_lab *lab, uint64_t seed, const struct tr_lab_options *options)
{
	memset(lab, 0, sizeof *lab);
	lab->seed = seed;
	lab->now = TR_LAB_START;
	lab->limits = tr_stage_limits;
	lab->limits.active = 256;
	lab->limits.attempts = TR_LAB_ATTEMPTS;
	lab->limits.prefixes = 1u << 16;
	lab->limits.sessions = 4096;
	tr_lab_draw_policy(lab);
	if (options->plain)
		tr_lab_make_plain(&lab->plan);
	tr_lab_draw_traffic(lab, options);
	if (options->edit)
		options->edit(lab);
	if (options->silent_tenant)
		for (uint32_t i = 0; i < lab->job_count; i++)
			if (lab->jobs[i].tenant == options->silent_tenant - 1)
				lab->jobs[i].state = TR_LAB_ENDED;
	lab->engine = aligned_alloc(64, tr_engine_size(&lab->limits));
	TR_LAB_LAW(lab, lab->engine, "there is memory");
	TR_LAB_LAW(lab,
		   tr_engine_init(lab->engine, &lab->limits, &lab->plan.policy, seed, lab->now) ==
			   0,
		   "the engine takes the drawn policy");
}

void tr_lab_done(struct tr_lab *lab)
{
	free(lab->engine);
	lab->engine = NULL;
}

/* ---- the ledger ---- */

static struct tr_lab_attempt *attempt_with(struct tr_lab *lab, tr_attempt_handle handle)
{
	for (uint32_t i = 0; i < TR_LAB_ATTEMPTS; i++)
		if (lab->attempts[i].handle.slot1 == handle.slot1 &&
		    lab->attempts[i].handle.generation == handle.generation && handle.slot1)
			return &lab->attempts[i];
	return NULL;
}

static struct tr_lab_job *job_with(struct tr_lab *lab, uint64_t job_id)
{
	TR_LAB_LAW(lab, job_id >= 1 && job_id <= lab->job_count, "an action is about a known job");
	return &lab->jobs[job_id - 1];
}

static void attempt_gone(struct tr_lab *lab, struct tr_lab_attempt *attempt)
{
	struct tr_lab_job *job = &lab->jobs[attempt->job];

	TR_LAB_LAW(lab, job->in_flight > 0, "an attempt ends once");
	job->in_flight--;
	if (job->in_flight == 0 && job->state == TR_LAB_RUNNING)
		job->state = TR_LAB_BETWEEN;
	*attempt = (struct tr_lab_attempt){.job = 0};
}

static void take_accept(struct tr_lab *lab, const struct tr_action_job_accept *a)
{
	struct tr_lab_job *job = job_with(lab, a->job_id);

	TR_LAB_LAW(lab, job->state == TR_LAB_NEW, "a job is accepted once");
	job->state = a->hold == TR_HOLD_NONE ? TR_LAB_WAITING : TR_LAB_HELD;
	job->handle = a->job;
	job->entered = ++lab->entries;
	job->stream = job->submit.flags & TR_SUBMIT_STREAM;
	job->deadline = job->submit.deadline ? job->submit.deadline : TR_TIME_NEVER;
	for (uint32_t i = 0; i < lab->plan.policy.intent_count; i++)
		if (lab->plan.intents[i].name == job->submit.intent && !job->submit.deadline &&
		    lab->plan.intents[i].deadline_ns)
			job->deadline = lab->now + lab->plan.intents[i].deadline_ns;
}

static void take_dispatch(struct tr_lab *lab, const struct tr_action_attempt_dispatch *a)
{
	struct tr_lab_job *job = job_with(lab, a->job_id);
	struct tr_lab_attempt *attempt = NULL;
	uint64_t id = a->job_id;

	for (uint32_t i = 0; i < TR_LAB_ATTEMPTS && !attempt; i++)
		if (!lab->attempts[i].handle.slot1)
			attempt = &lab->attempts[i];
	TR_LAB_LAW(lab, attempt, "attempts stay within their limit");
	*attempt = (struct tr_lab_attempt){
		.handle = a->attempt,
		.job = (uint32_t)(id - 1),
		.endpoint = a->endpoint,
		.role = a->role,
		.tokens_all = 20 + (uint32_t)tr_lab_draw(lab, id, DRAW_OUTPUT, 80),
		.next_at = lab->now + 5 * TR_MS,
		.fails = lab->trouble_at != TR_TIME_NEVER &&
			 tr_lab_draw(lab, id, DRAW_FATE + a->ordinal, 6) == 0,
	};
	if (!job->dispatches++)
		job->first_dispatch = lab->now;
	job->in_flight++;
	job->state = TR_LAB_RUNNING;
}

static void take_abort(struct tr_lab *lab, const struct tr_action_attempt_abort *a)
{
	struct tr_lab_attempt *attempt = attempt_with(lab, a->attempt);
	struct tr_lab_job *job = job_with(lab, a->job_id);

	TR_LAB_LAW(lab, attempt, "only what is in flight is aborted");
	if (a->cause == TR_CAUSE_PREEMPTED) {
		TR_LAB_LAW(lab, !job->committed || !job->stream,
			   "a stream the client reads is not taken back");
		job->committed = false;
	}
	attempt_gone(lab, attempt);
}

static void take_action(struct tr_lab *lab, const struct tr_action *action)
{
	struct tr_lab_job *job;

	switch (action->kind) {
	case TR_ACTION_JOB_ACCEPT:
		take_accept(lab, &action->job_accept);
		break;
	case TR_ACTION_JOB_REJECT:
		job = job_with(lab, action->job_reject.job_id);
		TR_LAB_LAW(lab, job->state == TR_LAB_NEW, "what is accepted is not rejected");
		job->state = TR_LAB_REJECTED;
		job->path = action->job_reject.path;
		break;
	case TR_ACTION_ATTEMPT_DISPATCH:
		take_dispatch(lab, &action->attempt_dispatch);
		break;
	case TR_ACTION_ATTEMPT_ABORT:
		take_abort(lab, &action->attempt_abort);
		break;
	case TR_ACTION_STREAM_COMMIT:
		job = job_with(lab, action->stream_commit.job_id);
		TR_LAB_LAW(lab, !job->committed, "a job commits once");
		TR_LAB_LAW(lab, attempt_with(lab, action->stream_commit.attempt),
			   "who commits is in flight");
		job->committed = true;
		break;
	case TR_ACTION_JOB_FINISH:
		job = job_with(lab, action->job_finish.job_id);
		TR_LAB_LAW(lab, job->state != TR_LAB_NEW && job->state < TR_LAB_ENDED,
			   "a job ends once");
		TR_LAB_LAW(lab, job->in_flight == 0, "a job ends after its attempts");
		job->state = TR_LAB_ENDED;
		job->outcome = action->job_finish.outcome;
		job->cost = action->job_finish.cost;
		job->path = action->job_finish.path;
		break;
	default:
		break;
	}
}

/* The event itself may end or move what the actions then speak of. */
static void take_event(struct tr_lab *lab)
{
	const struct tr_event *ev = &lab->event;

	if (ev->kind == TR_EVENT_ATTEMPT_DONE)
		attempt_gone(lab, attempt_with(lab, ev->attempt_done.attempt));
	if (ev->kind == TR_EVENT_ATTEMPT_FAILED)
		attempt_gone(lab, attempt_with(lab, ev->attempt_failed.attempt));
	if (ev->kind != TR_EVENT_JOB_PERSISTED)
		return;
	for (uint32_t i = 0; i < lab->job_count; i++)
		if (lab->jobs[i].state == TR_LAB_HELD &&
		    lab->jobs[i].handle.slot1 == ev->job_persisted.job.slot1) {
			lab->jobs[i].state = TR_LAB_WAITING;
			lab->jobs[i].entered = ++lab->entries;
		}
}

static void give(struct tr_lab *lab)
{
	lab->event.time = lab->event.observed = lab->now;
	if (tr_engine_step(lab->engine, &lab->event, &lab->actions) < 0)
		tr_lab_broken(lab, "the engine takes what a good host sends");
	take_event(lab);
	for (uint32_t i = 0; i < lab->actions.count; i++)
		take_action(lab, &lab->actions.items[i]);
	if (lab->watch)
		lab->watch(lab, lab->context);
}

/* ---- what happens ---- */

static struct tr_event *event(struct tr_lab *lab, enum tr_event_kind kind)
{
	memset(&lab->event, 0, sizeof lab->event);
	lab->event.kind = (uint16_t)kind;
	return &lab->event;
}

static tr_span_ns server_time(const struct tr_lab *lab, const struct tr_lab_attempt *attempt,
			      tr_span_ns mean)
{
	uint64_t ordinal = lab->jobs[attempt->job].dispatches;

	return mean / 2 +
	       tr_lab_draw(lab, attempt->job + 1, DRAW_TIME + 10 * ordinal + attempt->stage, mean);
}

static void attempt_next(struct tr_lab *lab, struct tr_lab_attempt *attempt)
{
	struct tr_lab_attempt copy = *attempt;

	if (attempt->fails && attempt->stage == STAGE_CONNECTED) {
		struct tr_event_attempt_failed *failed =
			&event(lab, TR_EVENT_ATTEMPT_FAILED)->attempt_failed;
		uint64_t cause = tr_lab_draw(lab, attempt->job + 1, DRAW_FATE + 500, 10);

		failed->attempt = attempt->handle;
		failed->cause = (uint8_t)(TR_CAUSE_CONNECT + cause);
		failed->retry_after = cause == TR_CAUSE_RATE_LIMITED ? 200 * TR_MS : 0;
	} else if (attempt->stage == STAGE_SENT) {
		event(lab, TR_EVENT_ATTEMPT_CONNECTED)->attempt_connected.attempt = attempt->handle;
		attempt->stage = STAGE_CONNECTED;
		attempt->next_at = lab->now + server_time(lab, &copy, 300 * TR_MS);
	} else if (attempt->stage == STAGE_CONNECTED) {
		event(lab, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt =
			attempt->handle;
		attempt->stage = STAGE_STREAMING;
		attempt->tokens = 1;
		attempt->next_at = lab->now + server_time(lab, &copy, 400 * TR_MS);
	} else {
		struct tr_event_attempt_done *done =
			&event(lab, TR_EVENT_ATTEMPT_DONE)->attempt_done;

		done->attempt = attempt->handle;
		done->tokens_out = attempt->tokens_all;
	}
	give(lab);
}

static void trouble(struct tr_lab *lab)
{
	uint64_t n = ++lab->troubles;
	uint64_t what = tr_lab_draw(lab, n, DRAW_TROUBLE, 8);
	tr_name endpoint = lab->plan
				   .endpoints[tr_lab_draw(lab, n, DRAW_TROUBLE + 50,
							  lab->plan.policy.endpoint_count)]
				   .name;

	lab->trouble_at = lab->now + TR_SECOND;
	if (lab->next_job == lab->job_count) {
		/* Nobody comes any more: what is down comes back, so that everything can end. */
		struct tr_event_endpoint_state *state =
			&event(lab, TR_EVENT_ENDPOINT_STATE)->endpoint_state;

		state->endpoint = lab->plan.endpoints[n % lab->plan.policy.endpoint_count].name;
	} else if (what < 2) {
		struct tr_event_job_cancel_group *group =
			&event(lab, TR_EVENT_JOB_CANCEL_GROUP)->job_cancel_group;

		group->group_id = 1 + n % 19;
		group->cause = what ? TR_CAUSE_CANCEL_OPERATOR : TR_CAUSE_CANCEL_CLIENT;
	} else if (what < 4) {
		struct tr_event_endpoint_state *state =
			&event(lab, TR_EVENT_ENDPOINT_STATE)->endpoint_state;

		state->endpoint = endpoint;
		state->lifecycle = n % 4 == 0 ? TR_LIFECYCLE_DOWN : TR_LIFECYCLE_UP;
	} else if (what < 6) {
		struct tr_event_endpoint_signal *signal =
			&event(lab, TR_EVENT_ENDPOINT_SIGNAL)->endpoint_signal;

		signal->endpoint = endpoint;
		signal->running = (uint32_t)(n % 7);
		signal->kv_permille = (uint32_t)(n * 37 % 1000);
	} else {
		struct tr_event_endpoint_quota *quota =
			&event(lab, TR_EVENT_ENDPOINT_QUOTA)->endpoint_quota;

		quota->endpoint = endpoint;
		quota->requests_remaining = (uint32_t)(n % 3);
		quota->requests_reset = TR_SECOND / 2;
		quota->tokens_remaining = UINT64_MAX;
	}
	give(lab);
}

/* When a job's client gives up; TR_TIME_NEVER: it does not, or may not. */
static tr_time_ns cancel_time(const struct tr_lab_job *job)
{
	bool lives = job->state >= TR_LAB_HELD && job->state < TR_LAB_ENDED;

	return lives && job->cancel_at && job->submit.intent != TR_LAB_INTENT(3) ? job->cancel_at
										 : TR_TIME_NEVER;
}

static tr_time_ns first_cancel(const struct tr_lab *lab)
{
	tr_time_ns first = TR_TIME_NEVER;

	for (uint32_t i = 0; i < lab->next_job; i++)
		first = tr_min(first, cancel_time(&lab->jobs[i]));
	return first;
}

/* Things a host does as soon as it can: store what is to be stored, cancel what is given up. */
static bool at_once(struct tr_lab *lab)
{
	for (uint32_t i = 0; i < lab->next_job; i++) {
		struct tr_lab_job *job = &lab->jobs[i];

		if (job->state == TR_LAB_HELD) {
			struct tr_event_job_persisted *persisted =
				&event(lab, TR_EVENT_JOB_PERSISTED)->job_persisted;

			persisted->job = job->handle;
			persisted->ok = 1;
			give(lab);
			return true;
		}
		if (cancel_time(job) <= lab->now) {
			struct tr_event_job_cancel *cancel =
				&event(lab, TR_EVENT_JOB_CANCEL)->job_cancel;

			cancel->job = job->handle;
			cancel->cause = TR_CAUSE_CANCEL_CLIENT;
			give(lab);
			return true;
		}
	}
	return false;
}

static struct tr_lab_attempt *first_attempt(struct tr_lab *lab)
{
	struct tr_lab_attempt *first = NULL;

	for (uint32_t i = 0; i < TR_LAB_ATTEMPTS; i++)
		if (lab->attempts[i].handle.slot1 &&
		    (!first || lab->attempts[i].next_at < first->next_at))
			first = &lab->attempts[i];
	return first;
}

static uint32_t live(const struct tr_lab *lab)
{
	struct tr_counts counts;

	tr_engine_counts(lab->engine, &counts);
	return (uint32_t)counts.in_system;
}

void tr_lab_run(struct tr_lab *lab)
{
	for (uint64_t step = 0; step < 1000000; step++) {
		struct tr_lab_attempt *attempt = first_attempt(lab);
		tr_time_ns arrival = lab->next_job < lab->job_count
					     ? lab->jobs[lab->next_job].arrival
					     : TR_TIME_NEVER;
		tr_time_ns deadline = tr_engine_deadline(lab->engine);
		tr_time_ns next = tr_min(arrival, attempt ? attempt->next_at : TR_TIME_NEVER);

		if (arrival == TR_TIME_NEVER && live(lab) == 0)
			return;
		next = tr_min(tr_min(next, lab->trouble_at), first_cancel(lab));
		if (deadline <= next) {
			TR_LAB_LAW(lab, deadline != TR_TIME_NEVER, "somebody is waited for");
			lab->now = tr_max(lab->now, deadline);
			event(lab, TR_EVENT_CLOCK);
			give(lab);
			continue;
		}
		lab->now = tr_max(lab->now, next);
		if (next == arrival) {
			struct tr_lab_job *job = &lab->jobs[lab->next_job++];

			if (job->state == TR_LAB_NEW) {
				event(lab, TR_EVENT_JOB_SUBMIT)->job_submit = job->submit;
				give(lab);
			}
		} else if (attempt && next == attempt->next_at) {
			attempt_next(lab, attempt);
		} else if (next == lab->trouble_at) {
			trouble(lab);
		}
		while (tr_engine_deadline(lab->engine) > lab->now && at_once(lab))
			continue;
	}
	tr_lab_broken(lab, "everything ends");
}
