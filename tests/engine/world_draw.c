/* SPDX-License-Identifier: Apache-2.0 */
/* The random events of a world: sensible ones for the most part, wrong ones on purpose. */
#include "tests/engine/world_draw.h"

#include <stdio.h>
#include <stdlib.h>
#include "engine/random.h"
#include "tests/engine/caches.h"
#include "tests/engine/policies.h"

static tr_name one_of(struct tr_world *world, const tr_name *names, uint64_t count)
{
	return names[tr_world_below(world, count)];
}

static void submit(struct tr_world *world)
{
	const tr_name tenants[] = {0,
				   TR_NAME("acme"),
				   TR_NAME("tiny"),
				   TR_NAME("default"),
				   TR_NAME("stranger"),
				   TR_NAME("guest"),
				   TR_NAME("late")};
	const tr_name models[] = {0, TR_NAME("large"), TR_NAME("small"), TR_NAME("gpt"),
				  TR_NAME("nobody")};
	const tr_name intents[] = {0, 0, TR_NAME("batch"), TR_NAME("strict"), TR_NAME("odd")};
	const tr_name strategies[] = {0, 0, 1000, 1001, 1002, 1003, 77};
	struct tr_event_job_submit *ev = &world->event.job_submit;
	uint64_t odd = tr_world_below(world, 100);

	world->event.kind = TR_EVENT_JOB_SUBMIT;
	ev->job_id = world->next_job_id++;
	ev->tenant = one_of(world, tenants, 7);
	ev->model = one_of(world, models, 5);
	ev->intent = one_of(world, intents, 5);
	ev->strategy = one_of(world, strategies, 7);
	ev->tokens_in = 1 + (uint32_t)tr_world_below(world, 1500);
	ev->tokens_out_max = (uint32_t)tr_world_below(world, 3) * 100;
	ev->flags = (uint16_t)(tr_world_below(world, 4) == 0 ? tr_world_below(world, 16) : 0);
	ev->group_id = tr_world_below(world, 3) ? 1 + tr_world_below(world, 3) : 0;
	ev->needs = tr_world_below(world, 8) == 0 ? TR_CAPABILITY_VISION : 0;
	if (tr_world_below(world, 3) == 0)
		ev->deadline = world->now - TR_SECOND + tr_world_below(world, 6 * TR_SECOND);
	if (odd < 3)
		ev->tokens_in = odd == 0 ? 0 : 7000;
	if (odd == 3)
		ev->job_id = 1 + tr_world_below(world, world->next_job_id);
	if (odd == 4 || odd >= 75)
		ev->class_name = TR_NAME("batch");
	if (odd == 5)
		ev->class_name = TR_NAME("classless");
	if (odd == 6)
		ev->cost_limit = 1;
	if (odd == 7)
		ev->job_id = 0;
	if (tr_world_below(world, 4) == 0) {
		ev->idempotency_key = 1 + tr_world_below(world, 12);
		ev->body_hash = 1 + tr_world_below(world, 3) / 2;
	}
	tr_caches_draw(world, ev);
}

static struct tr_world_job *some_job(struct tr_world *world)
{
	return &world->jobs[tr_world_below(world, TR_WORLD_JOBS)];
}

static void about_job(struct tr_world *world)
{
	const struct tr_world_job *job = some_job(world);
	uint64_t what = tr_world_below(world, 12);

	if (what >= 10) {
		/* Once in a while no group, or no cause. */
		world->event.kind = TR_EVENT_JOB_CANCEL_GROUP;
		world->event.job_cancel_group.group_id = tr_world_below(world, 5);
		world->event.job_cancel_group.cause =
			(uint8_t)(TR_CAUSE_CANCEL_CLIENT + tr_world_below(world, 4));
		return;
	}
	for (int i = 0; i < TR_WORLD_JOBS && !job->job_id; i++)
		job = &world->jobs[i];
	if (job->persisting || what < 3) {
		world->event.kind = TR_EVENT_JOB_PERSISTED;
		world->event.job_persisted.job = job->handle;
		world->event.job_persisted.ok = tr_world_below(world, 8) != 0;
	} else if (what < 6) {
		world->event.kind = TR_EVENT_JOB_RELEASE;
		world->event.job_release.job = job->handle;
	} else {
		world->event.kind = TR_EVENT_JOB_CANCEL;
		world->event.job_cancel.job = job->handle;
		world->event.job_cancel.cause =
			(uint8_t)(TR_CAUSE_CANCEL_CLIENT + tr_world_below(world, 4));
	}
}

/* The next thing that happens to an attempt; wrong on purpose once in a while. */
void tr_world_about_attempt(struct tr_world *world, struct tr_world_attempt *attempt,
			    bool good_only)
{
	uint64_t roll = good_only ? 50 : tr_world_below(world, 100);
	struct tr_event *ev = &world->event;
	int stage = attempt->stage;

	if (roll < 6)
		stage = (int)tr_world_below(world, 4);
	if (roll >= 85) {
		ev->kind = TR_EVENT_ATTEMPT_FAILED;
		ev->attempt_failed.attempt = attempt->handle;
		ev->attempt_failed.cause =
			(uint8_t)(TR_CAUSE_CONNECT + tr_world_below(world, TR_CAUSE_BAD_REQUEST));
		ev->attempt_failed.tokens_out = attempt->tokens_out;
		ev->attempt_failed.retry_after =
			tr_world_below(world, 2) ? tr_world_below(world, 3 * TR_SECOND) : 0;
		return;
	}
	switch (stage) {
	case STAGE_NEW:
		ev->kind = TR_EVENT_ATTEMPT_CONNECTED;
		ev->attempt_connected.attempt = attempt->handle;
		break;
	case STAGE_CONNECTED:
		ev->kind = TR_EVENT_ATTEMPT_HEADERS;
		ev->attempt_headers.attempt = attempt->handle;
		ev->attempt_headers.status = 200;
		break;
	case STAGE_HEADERS:
		ev->kind = TR_EVENT_ATTEMPT_FIRST_TOKEN;
		ev->attempt_first_token.attempt = attempt->handle;
		break;
	default:
		if (roll < 40 && !good_only) {
			ev->kind = TR_EVENT_ATTEMPT_PROGRESS;
			ev->attempt_progress.attempt = attempt->handle;
			ev->attempt_progress.tokens_out = attempt->tokens_out +
							  (uint32_t)tr_world_below(world, 40) -
							  (roll < 3);
		} else {
			ev->kind = TR_EVENT_ATTEMPT_DONE;
			ev->attempt_done.attempt = attempt->handle;
			ev->attempt_done.tokens_out =
				attempt->tokens_out + 1 + (uint32_t)tr_world_below(world, 20);
		}
		break;
	}
}

static void about_quota(struct tr_world *world, tr_name name)
{
	struct tr_event_endpoint_quota *ev = &world->event.endpoint_quota;

	world->event.kind = TR_EVENT_ENDPOINT_QUOTA;
	ev->endpoint = name;
	ev->requests_remaining = (uint32_t)tr_world_below(world, 6) - 1; /* -1: not said */
	ev->requests_reset = tr_world_below(world, 3) * TR_SECOND;
	ev->tokens_remaining = tr_world_below(world, 4) * 1500 - 1;
	ev->tokens_reset = tr_world_below(world, 3) * TR_SECOND;
}

static void about_endpoint(struct tr_world *world)
{
	const tr_name names[] = {TR_NAME("l1"), TR_NAME("l2"), TR_NAME("l3"),  TR_NAME("s1"),
				 TR_NAME("s2"), TR_NAME("l9"), TR_NAME("none")};
	tr_name name = one_of(world, names, 7);
	struct tr_event *ev = &world->event;

	switch (tr_world_below(world, 6)) {
	case 0:
		ev->kind = TR_EVENT_ENDPOINT_SIGNAL;
		ev->endpoint_signal.endpoint = name;
		ev->endpoint_signal.running = (uint32_t)tr_world_below(world, 9);
		ev->endpoint_signal.waiting = (uint32_t)tr_world_below(world, 5);
		ev->endpoint_signal.kv_permille = (uint32_t)tr_world_below(world, 1100);
		break;
	case 1:
		ev->kind = TR_EVENT_FEEDBACK;
		ev->feedback.endpoint = name;
		ev->feedback.score = (uint32_t)tr_world_below(world, 1002);
		break;
	case 2:
		about_quota(world, name);
		break;
	default:
		ev->kind = TR_EVENT_ENDPOINT_STATE;
		ev->endpoint_state.endpoint = name;
		ev->endpoint_state.lifecycle =
			(uint8_t)(tr_world_below(world, 2) ? TR_LIFECYCLE_UP
							   : tr_world_below(world, 5));
		break;
	}
}

static void about_policy(struct tr_world *world)
{
	const struct tr_policy *policies[] = {tr_test_policy_busy(), tr_test_policy_edited()};
	const struct tr_policy *policy = policies[tr_world_below(world, 2)];
	uint32_t slot = 0;

	world->event.kind = TR_EVENT_POLICY_ACTIVATE;
	world->event.policy_activate.policy_id = policy->id;
	if (tr_engine_policy_load(world->engine, policy, &slot) < 0)
		slot = (uint32_t)tr_world_below(world, 4);
	world->event.policy_activate.slot = (uint8_t)slot;
}

void tr_world_draw_event(struct tr_world *world)
{
	uint64_t roll = tr_world_below(world, 100);
	struct tr_world_attempt *attempt =
		&world->attempts[tr_world_below(world, TR_WORLD_ATTEMPTS)];

	for (int i = 0; i < TR_WORLD_ATTEMPTS && !attempt->handle.slot1; i++)
		attempt = &world->attempts[i];
	memset(&world->event, 0, sizeof world->event);
	if (roll < 24)
		submit(world);
	else if (roll < 32)
		about_job(world);
	else if (roll < 90)
		tr_world_about_attempt(world, attempt, false);
	else if (roll < 95)
		about_endpoint(world);
	else if (roll < 96)
		about_policy(world);
	else
		world->event.kind =
			roll < 99 ? TR_EVENT_CLOCK : (uint16_t)tr_world_below(world, 30);
	world->event.observed = world->now - tr_world_below(world, 2 * TR_MS);
}
