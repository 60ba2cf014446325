/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/world_draw.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/random.h"
#include "tests/engine/caches.h"
#include "tests/engine/policies.h"

#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "seed %llu, step %llu: broken promise: %s (%s:%d)\n",      \
				(unsigned long long)world->seed, (unsigned long long)world->step,  \
				#condition, __FILE__, __LINE__);                                   \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

uint64_t tr_world_below(struct tr_world *world, uint64_t bound)
{
	return tr_below(tr_draw(world->seed, world->step, TR_PURPOSE_TEST, world->draws++), bound);
}

void tr_world_init(struct tr_world *world, uint64_t seed)
{
	memset(world, 0, sizeof *world);
	world->seed = seed;
	world->next_job_id = 1;
	world->now = 1700000000 * TR_SECOND;
	world->limits = (struct tr_limits){.jobs = 80,
					   .active = 12,
					   .attempts = 14,
					   .models = 3,
					   .endpoints = 8,
					   .classes = 3,
					   .tenants = 5,
					   .policies = 2,
					   .sessions = 6,
					   .prefixes = 16,
					   .idempotency = 8};
	world->engine = aligned_alloc(64, tr_engine_size(&world->limits));
	if (!world->engine)
		abort();
	int err = tr_engine_init(world->engine, &world->limits, tr_test_policy_busy(), seed,
				 world->now);
	PROMISE(err == 0);
}

void tr_world_done(struct tr_world *world)
{
	free(world->engine);
	world->engine = NULL;
}

/* ---- the world's ledger ---- */

static struct tr_world_job *job_with(struct tr_world *world, uint64_t job_id)
{
	for (int i = 0; i < TR_WORLD_JOBS; i++)
		if (world->jobs[i].job_id == job_id)
			return &world->jobs[i];
	return NULL;
}

static struct tr_world_attempt *attempt_with(struct tr_world *world, tr_attempt_handle handle)
{
	for (int i = 0; i < TR_WORLD_ATTEMPTS; i++)
		if (handle.slot1 && world->attempts[i].handle.slot1 == handle.slot1 &&
		    world->attempts[i].handle.generation == handle.generation)
			return &world->attempts[i];
	return NULL;
}

static void take_accept(struct tr_world *world, const struct tr_action_job_accept *action)
{
	struct tr_world_job *job = job_with(world, 0);

	PROMISE(job != NULL);
	PROMISE(!job_with(world, action->job_id));
	job->job_id = action->job_id;
	job->handle = action->job;
	job->persisting = action->hold == TR_HOLD_PERSIST;
	job->group_id = world->event.job_submit.group_id;
	job->stream = world->event.job_submit.flags & TR_SUBMIT_STREAM;
	job->cancelable = world->event.job_submit.intent != TR_NAME("batch");
}

static void take_dispatch(struct tr_world *world, const struct tr_action_attempt_dispatch *action)
{
	struct tr_world_job *job = job_with(world, action->job_id);
	struct tr_world_attempt *attempt = NULL;

	for (int i = 0; i < TR_WORLD_ATTEMPTS && !attempt; i++)
		if (!world->attempts[i].handle.slot1)
			attempt = &world->attempts[i];
	PROMISE(job != NULL);
	PROMISE(attempt != NULL);
	PROMISE(!job->committed);
	PROMISE(!job->persisting);
	PROMISE(!job->doomed);
	PROMISE(action->deadline > world->now);
	attempt->handle = action->attempt;
	attempt->job_id = action->job_id;
	attempt->endpoint = action->endpoint;
	attempt->tokens_out = 0;
	attempt->stage = STAGE_NEW;
	job->deadline = action->deadline;
}

static void take_commit(struct tr_world *world, const struct tr_action_stream_commit *action)
{
	struct tr_world_job *job = job_with(world, action->job_id);

	PROMISE(job != NULL);
	PROMISE(attempt_with(world, action->attempt) != NULL);
	PROMISE(!job->committed);
	job->committed = true;
	job->committed_attempt = action->attempt;
}

static void take_abort(struct tr_world *world, const struct tr_action_attempt_abort *action)
{
	struct tr_world_attempt *attempt = attempt_with(world, action->attempt);
	struct tr_world_job *job = job_with(world, action->job_id);

	PROMISE(attempt != NULL);
	PROMISE(attempt->job_id == action->job_id);
	if (action->cause == TR_CAUSE_PREEMPTED) {
		/* What was held back is discarded; what a client has read cannot be. */
		PROMISE(!job->stream || !job->committed);
		PROMISE(!job->doomed);
		job->committed = false;
		job->preempted++;
		world->preempted++;
	}
	*attempt = (struct tr_world_attempt){0};
}

static void take_finish(struct tr_world *world, const struct tr_action_job_finish *action)
{
	struct tr_world_job *job = job_with(world, action->job_id);

	PROMISE(job != NULL);
	PROMISE(action->outcome > TR_OUTCOME_NONE && action->outcome < TR_OUTCOME_COUNT);
	for (int i = 0; i < TR_WORLD_ATTEMPTS; i++)
		PROMISE(world->attempts[i].job_id != action->job_id);
	PROMISE(action->preempted == job->preempted);
	PROMISE(job->preempted <= 3);
	PROMISE(action->attempts > job->preempted || action->outcome != TR_OUTCOME_COMPLETED);
	world->ended[action->outcome]++;
	*job = (struct tr_world_job){0};
}

static void take_persisted(struct tr_world *world)
{
	for (int i = 0; i < TR_WORLD_JOBS; i++)
		if (world->jobs[i].handle.slot1 == world->event.job_persisted.job.slot1)
			world->jobs[i].persisting = false;
}

/* Who is in the group when the word comes, and may be canceled by who gives it. */
static void take_group_cancel(struct tr_world *world)
{
	const struct tr_event_job_cancel_group *ev = &world->event.job_cancel_group;

	for (int i = 0; i < TR_WORLD_JOBS; i++) {
		struct tr_world_job *job = &world->jobs[i];

		if (!job->job_id || job->group_id != ev->group_id || job->doomed ||
		    (!job->cancelable && ev->cause != TR_CAUSE_CANCEL_OPERATOR))
			continue;
		job->doomed = true;
		job->doomed_at = world->now;
		world->doomed++;
	}
}

static void take_actions(struct tr_world *world)
{
	const struct tr_actions *out = &world->actions;

	for (uint32_t i = 0; i < out->count; i++) {
		const struct tr_action *action = &out->items[i];

		switch (action->kind) {
		case TR_ACTION_JOB_ACCEPT:
			take_accept(world, &action->job_accept);
			break;
		case TR_ACTION_JOB_REJECT:
			PROMISE(!job_with(world, action->job_reject.job_id));
			PROMISE(action->job_reject.code != TR_REJECT_NONE);
			world->rejected++;
			break;
		case TR_ACTION_ATTEMPT_DISPATCH:
			take_dispatch(world, &action->attempt_dispatch);
			break;
		case TR_ACTION_ATTEMPT_ABORT:
			take_abort(world, &action->attempt_abort);
			break;
		case TR_ACTION_STREAM_COMMIT:
			take_commit(world, &action->stream_commit);
			break;
		case TR_ACTION_JOB_FINISH:
			take_finish(world, &action->job_finish);
			break;
		default:
			break;
		}
	}
}

/* What must hold between the world's ledger and the engine after every event. */
static void check_books(struct tr_world *world)
{
	const char *wrong = tr_engine_verify(world->engine);
	struct tr_counts counts;
	uint64_t live = 0;

	if (wrong)
		fprintf(stderr, "engine: %s\n", wrong);
	PROMISE(!wrong);
	tr_engine_counts(world->engine, &counts);
	for (int i = 0; i < TR_WORLD_JOBS; i++) {
		live += world->jobs[i].job_id != 0;
		PROMISE(!world->jobs[i].doomed || world->jobs[i].doomed_at == world->now);
	}
	PROMISE(live == counts.in_system);
	PROMISE(counts.rejected == world->rejected);
	PROMISE(counts.completed == world->ended[TR_OUTCOME_COMPLETED]);
	PROMISE(counts.failed == world->ended[TR_OUTCOME_FAILED]);
	PROMISE(counts.canceled == world->ended[TR_OUTCOME_CANCELED]);
	PROMISE(counts.expired == world->ended[TR_OUTCOME_EXPIRED]);
	for (int i = 0; i < TR_WORLD_ATTEMPTS; i++) {
		struct tr_endpoint_view view;

		if (!world->attempts[i].handle.slot1)
			continue;
		PROMISE(tr_engine_endpoint(world->engine, world->attempts[i].endpoint, &view) == 0);
		PROMISE(view.in_flight >= 1);
		PROMISE(view.removed || view.in_flight <= view.slots);
		PROMISE(view.limit >= 1);
		PROMISE(view.limit <= view.slots);
	}
}

/* Give the engine the world's event. Refused: nothing may have changed. */
static int give(struct tr_world *world)
{
	uint64_t chain = tr_engine_chain(world->engine);
	uint64_t digest = tr_engine_digest(world->engine);
	int err;

	world->event.time = world->now;
	if (world->event.observed > world->now || world->event.observed == 0)
		world->event.observed = world->now;
	err = tr_engine_step(world->engine, &world->event, &world->actions);
	if (err < 0) {
		world->refused++;
		PROMISE(world->actions.count == 0);
		PROMISE(tr_engine_chain(world->engine) == chain);
		PROMISE(tr_engine_digest(world->engine) == digest);
		return err;
	}
	PROMISE(tr_engine_chain(world->engine) != chain);
	if (world->event.kind == TR_EVENT_JOB_PERSISTED)
		take_persisted(world);
	if (world->event.kind == TR_EVENT_JOB_CANCEL_GROUP)
		take_group_cancel(world);
	take_actions(world);
	check_books(world);
	if (world->on_step)
		world->on_step(world, world->context);
	return 0;
}

/* The engine took an event about an attempt: the world remembers how far it is. */
static void attempt_moved(struct tr_world *world)
{
	static const uint8_t stages[TR_EVENT_COUNT] = {
		[TR_EVENT_ATTEMPT_CONNECTED] = STAGE_CONNECTED,
		[TR_EVENT_ATTEMPT_HEADERS] = STAGE_HEADERS,
		[TR_EVENT_ATTEMPT_FIRST_TOKEN] = STAGE_STREAMING,
		[TR_EVENT_ATTEMPT_PROGRESS] = STAGE_STREAMING,
	};
	const struct tr_event *ev = &world->event;
	/* Each of these begins with whom it is about. */
	struct tr_world_attempt *attempt =
		stages[ev->kind] ? attempt_with(world, ev->attempt_connected.attempt) : NULL;

	/* It may have been preempted in the very step that took its event. */
	if (!attempt)
		return;
	attempt->stage = stages[ev->kind];
	if (ev->kind == TR_EVENT_ATTEMPT_FIRST_TOKEN)
		attempt->tokens_out = 1;
	if (ev->kind == TR_EVENT_ATTEMPT_PROGRESS)
		attempt->tokens_out = ev->attempt_progress.tokens_out;
}

/* Attempts end with the host's own word; forget them before the actions are read. */
static struct tr_world_attempt ended_by(struct tr_world *world)
{
	const struct tr_event *ev = &world->event;
	struct tr_world_attempt *attempt = NULL, copy = {0};

	if (ev->kind == TR_EVENT_ATTEMPT_DONE)
		attempt = attempt_with(world, ev->attempt_done.attempt);
	if (ev->kind == TR_EVENT_ATTEMPT_FAILED)
		attempt = attempt_with(world, ev->attempt_failed.attempt);
	if (attempt) {
		copy = *attempt;
		*attempt = (struct tr_world_attempt){0};
	}
	return copy;
}

static void give_and_follow(struct tr_world *world)
{
	struct tr_world_attempt ended = ended_by(world);

	if (give(world) == 0) {
		attempt_moved(world);
	} else if (ended.handle.slot1) {
		for (int i = 0; i < TR_WORLD_ATTEMPTS; i++)
			if (!world->attempts[i].handle.slot1) {
				world->attempts[i] = ended;
				break;
			}
	}
}

/* What a provider says is left, or that it says nothing. */
/* Timers that are due come before anything later. */
static bool clock_if_due(struct tr_world *world, tr_time_ns next)
{
	tr_time_ns deadline = tr_engine_deadline(world->engine);

	if (deadline > next)
		return false;
	world->now = deadline;
	memset(&world->event, 0, sizeof world->event);
	world->event.kind = TR_EVENT_CLOCK;
	PROMISE(give(world) == 0);
	return true;
}

void tr_world_step(struct tr_world *world)
{
	tr_time_ns next;
	uint64_t times;

	world->step++;
	world->draws = 0;
	times = tr_world_below(world, 4);
	next = world->now + times * tr_world_below(world, 60 * TR_MS);
	if (clock_if_due(world, next))
		return;
	world->now = next;
	tr_world_draw_event(world);
	give_and_follow(world);
}

static void drain_step(struct tr_world *world)
{
	memset(&world->event, 0, sizeof world->event);
	for (int i = 0; i < TR_WORLD_ATTEMPTS; i++)
		if (world->attempts[i].handle.slot1) {
			tr_world_about_attempt(world, &world->attempts[i], true);
			give_and_follow(world);
			return;
		}
	for (int i = 0; i < TR_WORLD_JOBS; i++) {
		struct tr_world_job *job = &world->jobs[i];

		if (!job->job_id)
			continue;
		world->event.kind = job->persisting ? TR_EVENT_JOB_PERSISTED : TR_EVENT_JOB_RELEASE;
		world->event.job_persisted.job = job->handle;
		world->event.job_persisted.ok = 1;
		if (!job->persisting)
			world->event.job_release.job = job->handle;
		job->persisting = false;
		if (give(world) == 0)
			return;
		memset(&world->event, 0, sizeof world->event);
	}
	PROMISE(tr_engine_deadline(world->engine) != TR_TIME_NEVER);
	clock_if_due(world, TR_TIME_NEVER - 1);
}

void tr_world_drain(struct tr_world *world)
{
	const tr_name names[] = {TR_NAME("l1"), TR_NAME("l2"), TR_NAME("l3"),
				 TR_NAME("s1"), TR_NAME("s2"), TR_NAME("l9")};
	struct tr_counts counts;

	while (clock_if_due(world, world->now))
		world->step++;
	for (int i = 0; i < 6; i++) {
		memset(&world->event, 0, sizeof world->event);
		world->event.kind = TR_EVENT_ENDPOINT_STATE;
		world->event.endpoint_state.endpoint = names[i];
		give(world);
	}
	for (int i = 0; i < 5000; i++) {
		world->step++;
		world->draws = 0;
		while (clock_if_due(world, world->now))
			world->step++;
		tr_engine_counts(world->engine, &counts);
		if (counts.in_system == 0)
			return;
		drain_step(world);
	}
	PROMISE(false && "everything ends once nothing new comes in");
}
