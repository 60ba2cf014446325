/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/lab.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/random.h"

enum {
	STAGE_SENT,
	STAGE_CONNECTED,
	STAGE_STREAMING
};

/* What a draw is for; numbers of one key space. */
enum {
	DRAW_POLICY,
	DRAW_ARRIVAL = 100,
	DRAW_SIZE,
	DRAW_OUTPUT,
	DRAW_TENANT,
	DRAW_MODEL,
	DRAW_INTENT,
	DRAW_CLASS,
	DRAW_FLAGS,
	DRAW_DEADLINE,
	DRAW_CANCEL,
	DRAW_SESSION,
	DRAW_GROUP,
	DRAW_KEY,
	DRAW_TROUBLE,
	DRAW_FATE = 1000, /* + ordinal, as the next */
	DRAW_TIME = 2000,
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

/* ---- policy ---- */

static void draw_classes(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;

	plan->policy.class_count = 0;
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t row = tr_plan_class(plan, TR_LAB_CLASS(i), 10 * (1 + i));
		struct tr_policy_class *class = &plan->classes[row];

		class->floor_percent = i < 2 ? (uint32_t)tr_lab_draw(lab, 0, (*n)++, 3) * 10 : 0;
		class->queue_limit = 5 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 60);
		class->full = (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_FULL_COUNT);
		class->preempt = i ? (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_PREEMPT_COUNT)
				   : TR_PREEMPT_NONE;
		class->queue_timeout_ns = tr_lab_draw(lab, 0, (*n)++, 3) * 5 * TR_SECOND;
		class->sojourn_target_ns = tr_lab_draw(lab, 0, (*n)++, 2) * TR_SECOND;
	}
}

static void draw_tenants(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;

	for (uint32_t i = 0; i < TR_LAB_TENANTS; i++) {
		struct tr_policy_tenant *tenant =
			&plan->tenants[tr_plan_tenant(plan, TR_LAB_TENANT(i))];

		tenant->weight_milli = 500 * (1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4));
		tenant->max_concurrent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 3;
		tenant->requests_per_minute =
			(uint32_t)tr_lab_draw(lab, 0, (*n)++, 4) == 0 ? 40 : 0;
		tenant->tokens_per_minute = tr_lab_draw(lab, 0, (*n)++, 4) == 0 ? 40000 : 0;
		tenant->budget_micro_usd_per_day = tr_lab_draw(lab, 0, (*n)++, 4) == 0 ? 60000 : 0;
	}
}

static void draw_models(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;
	uint32_t count = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 3);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t endpoints = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4);
		uint32_t slots = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4);
		uint32_t row = tr_plan_model(plan, TR_LAB_MODEL(i), endpoints, slots);

		plan->models[row].price_in = 1000000;
		plan->models[row].price_out = 3000000;
		plan->models[row].output_tokens = 100;
		plan->models[row].queue_limit = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 80;
	}
	if (count > 1 && tr_lab_draw(lab, 0, (*n)++, 2)) {
		plan->models[0].chain[1] = 1;
		plan->models[0].chain_count = 2;
	}
}

static void draw_intents(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;

	plan->policy.intent_count = 0;
	for (uint32_t i = 0; i < TR_LAB_INTENTS; i++) {
		struct tr_policy_intent *intent =
			&plan->intents[tr_plan_intent(plan, TR_LAB_INTENT(i))];

		intent->strategy = (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_PICKER_COUNT);
		intent->deadline_ns = tr_lab_draw(lab, 0, (*n)++, 3) * 8 * TR_SECOND;
		intent->hedge = i == 1;
		intent->strict = i == 2;
		intent->cancelable = i != 3;
	}
}

static void draw_rules(struct tr_lab *lab, uint64_t *n)
{
	struct tr_policy *p = &lab->plan.policy;

	p->breaker.requests_min = 6;
	p->breaker.consecutive = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 5);
	p->breaker.all_out = (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_ALL_OUT_COUNT);
	p->breaker.slow_ns = tr_lab_draw(lab, 0, (*n)++, 2) * 900 * TR_MS;
	p->retry.attempts = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4);
	p->retry.budget_percent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 3) * 20;
	p->retry.budget_per_second = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2);
	p->hedge.delay_ns = 300 * TR_MS;
	p->hedge.attempts = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2);
	p->hedge.quantile_percent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 90;
	p->hedge.budget_percent = 5 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 30);
	p->hedge.cost_budget_percent = 5 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 30);
	p->timeouts.first_token_ns = 2 * TR_SECOND;
	p->timeouts.between_tokens_ns = TR_SECOND;
	p->affinity.session_ttl_ns = tr_lab_draw(lab, 0, (*n)++, 2) * 10 * TR_SECOND;
	p->affinity.prefix_ttl_ns = tr_lab_draw(lab, 0, (*n)++, 2) * 10 * TR_SECOND;
	p->concurrency.adaptive = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2);
	p->admission.feasibility_percent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 100;
	p->admission.idempotency_ns = 5 * TR_SECOND;
}

static void draw_policy(struct tr_lab *lab)
{
	uint64_t n = DRAW_POLICY;

	tr_plan_init(&lab->plan, lab->seed | 1);
	draw_models(lab, &n);
	draw_classes(lab, &n);
	draw_tenants(lab, &n);
	draw_intents(lab, &n);
	draw_rules(lab, &n);
}

/* Order is all there is: one class that matters, one way to go, nothing that fails. */
static void make_plain(struct tr_plan *plan)
{
	plan->policy.timeouts = (struct tr_policy_timeouts){.connect_ns = 0};
	plan->policy.concurrency.adaptive = 0;
	plan->policy.admission.feasibility_percent = 0;
	plan->models[0].chain_count = 1;
	for (uint32_t i = 0; i < plan->policy.class_count; i++) {
		plan->classes[i].full = TR_FULL_REJECT;
		plan->classes[i].preempt = TR_PREEMPT_NONE;
		plan->classes[i].sojourn_target_ns = 0;
		plan->classes[i].queue_timeout_ns = 0;
	}
	for (uint32_t i = 0; i < plan->policy.intent_count; i++)
		plan->intents[i].strategy = TR_PICKER_LEAST_OUTSTANDING;
}

/* ---- traffic ---- */

static uint32_t capacity(const struct tr_lab *lab)
{
	uint32_t slots = 0;

	for (uint32_t i = 0; i < lab->plan.policy.endpoint_count; i++)
		slots += lab->plan.endpoints[i].slots;
	return slots;
}

static void draw_job(struct tr_lab *lab, uint32_t i, const struct tr_lab_options *options)
{
	struct tr_lab_job *job = &lab->jobs[i];
	struct tr_event_job_submit *s = &job->submit;
	uint64_t id = i + 1;

	s->job_id = id;
	job->tenant = (uint32_t)tr_lab_draw(lab, id, DRAW_TENANT, TR_LAB_TENANTS);
	job->model = (uint32_t)tr_lab_draw(lab, id, DRAW_MODEL, lab->plan.policy.model_count);
	job->class = (uint32_t)tr_lab_draw(lab, id, DRAW_CLASS, 3);
	s->tenant = TR_LAB_TENANT(job->tenant);
	s->model = TR_LAB_MODEL(job->model);
	s->class_name = TR_LAB_CLASS(job->class);
	s->tokens_in = 1 + (uint32_t)tr_lab_draw(lab, id, DRAW_SIZE, 1000);
	s->tokens_out_max = 100;
	if (tr_lab_draw(lab, id, DRAW_DEADLINE, 3) == 0)
		s->deadline = job->arrival + TR_SECOND +
			      tr_lab_draw(lab, id, DRAW_DEADLINE + 50, 10 * TR_SECOND);
	if (options->plain) {
		s->flags = TR_SUBMIT_STREAM;
		s->intent = TR_LAB_INTENT(0);
		return;
	}
	s->intent = TR_LAB_INTENT(tr_lab_draw(lab, id, DRAW_INTENT, TR_LAB_INTENTS));
	s->flags = (uint16_t)(tr_lab_draw(lab, id, DRAW_FLAGS, 8) == 0 ? TR_SUBMIT_ASYNC : 0);
	s->flags |= tr_lab_draw(lab, id, DRAW_FLAGS + 50, 2) ? TR_SUBMIT_STREAM : 0;
	s->session = tr_lab_draw(lab, id, DRAW_SESSION, 12);
	s->group_id = tr_lab_draw(lab, id, DRAW_GROUP, 20);
	s->idempotency_key = tr_lab_draw(lab, id, DRAW_KEY, 10) == 0 ? 1 + id / 20 : 0;
	s->prefix_blocks = (uint32_t)tr_lab_draw(lab, id, DRAW_SESSION + 50, 3);
	s->prefix_count = (uint8_t)s->prefix_blocks;
	s->prefix0 = 77;
	s->prefix1 = 78 + s->session;
	if (tr_lab_draw(lab, id, DRAW_CANCEL, 10) == 0)
		job->cancel_at =
			job->arrival + tr_lab_draw(lab, id, DRAW_CANCEL + 50, 5 * TR_SECOND);
}

static void draw_traffic(struct tr_lab *lab, const struct tr_lab_options *options)
{
	uint64_t load =
		options->load_percent ? options->load_percent : 50 + tr_lab_draw(lab, 0, 90, 150);
	/* An answer takes about 0.7 s. */
	tr_span_ns gap = 700 * TR_MS * 100 / load / capacity(lab);
	tr_time_ns at = TR_LAB_START;

	lab->job_count = options->jobs ? options->jobs : 300;
	for (uint32_t i = 0; i < lab->job_count; i++) {
		at += 1 + tr_lab_draw(lab, i + 1, DRAW_ARRIVAL, 2 * gap);
		lab->jobs[i].arrival = at;
		draw_job(lab, i, options);
	}
	lab->trouble_at = options->plain ? TR_TIME_NEVER : TR_LAB_START + TR_SECOND;
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
	draw_policy(lab);
	if (options->plain)
		make_plain(&lab->plan);
	draw_traffic(lab, options);
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
