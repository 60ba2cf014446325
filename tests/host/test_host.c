/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host written from docs/host.md alone, with a world of its own: five pretend servers, of which
 * one fails, one never says a word and one comes with a later policy. A thousand jobs go through
 * retries, hedges, time-outs, cancels, storing, a change of policy and a restore, and each must end
 * exactly once. H1 and so on are that page's rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/policy/load.h"

#define JOBS	 1000
#define START	 (UINT64_C(1700000000) * TR_SECOND)
#define EVENTS	 4096
#define SNAPSHOT (4u << 20)

static const char *const policies[2] = {
	"models: {chat: {endpoints: {fast: {slots: 8}, slow: {slots: 8}, broken: {slots: 2},"
	"                            mute: {slots: 2}}}}\n"
	"default_model: chat\n"
	"intents: {ask: {class: interactive, hedge: true, deadline_ms: 8000}}\n"
	"retry: {attempts: 3, backoff_ms: 50}\n"
	"hedge: {delay_ms: 700, budget_percent: 20, cost_budget_percent: 20}\n"
	"timeouts: {first_token_ms: 1500}\n"
	"breaker: {consecutive: 5, min_requests: 1000, open_ms: 200, max_open_ms: 300}\n",
	"models: {chat: {endpoints: {fast: {slots: 6}, late: {slots: 6}, broken: {slots: 1}}}}\n"
	"default_model: chat\n"
	"intents: {ask: {class: interactive, hedge: true, deadline_ms: 6000}}\n"
	"retry: {attempts: 2, backoff_ms: 20}\n"
	"hedge: {delay_ms: 400}\n",
};

static const struct server {
	const char *name;
	tr_span_ns answers; /* after so long; 0: never */
	bool fails;
} servers[] = {
	{"fast", 60 * TR_MS, false},  {"slow", 300 * TR_MS, false}, {"broken", 10 * TR_MS, true},
	{"late", 200 * TR_MS, false}, {"mute", 0, false},
};

struct job {
	tr_job_handle handle;
	uint32_t ended, commits, attempts;
	bool storing, stored, asynchronous;
};

static struct {
	struct tr_engine *engine;
	struct tr_limits limits;
	struct tr_actions actions;
	struct tr_policy_file *files[2];
	int file_of_slot[4]; /* + 1; H12 */
	tr_time_ns now;
	struct tr_event events[EVENTS]; /* to come */
	uint32_t event_count;
	struct job jobs[JOBS + 1];
	uint32_t submitted, canceled, released, outcomes[TR_OUTCOME_COUNT], rejected, stale;
} host;

/* ---- the world ---- */

static struct tr_event *later(enum tr_event_kind kind, tr_span_ns after)
{
	struct tr_event *event = &host.events[host.event_count++];

	assert_true(host.event_count < EVENTS);
	memset(event, 0, sizeof *event);
	event->kind = (uint16_t)kind;
	event->time = event->observed = host.now + after;
	return event;
}

static void serve(const struct tr_action_attempt_dispatch *dispatch)
{
	const struct server *server = servers;

	while (tr_name_of(server->name, strlen(server->name)) != dispatch->endpoint)
		assert_true(++server < servers + TR_ARRAY_LENGTH(servers));
	later(TR_EVENT_ATTEMPT_CONNECTED, TR_MS)->attempt_connected.attempt = dispatch->attempt;
	if (server->fails) {
		struct tr_event *event = later(TR_EVENT_ATTEMPT_FAILED, server->answers);

		event->attempt_failed.attempt = dispatch->attempt;
		event->attempt_failed.cause = TR_CAUSE_SERVER_ERROR;
		event->attempt_failed.status = 500;
	} else if (server->answers) {
		struct tr_event *event = later(TR_EVENT_ATTEMPT_DONE, 3 * server->answers);

		event->attempt_done.attempt = dispatch->attempt;
		event->attempt_done.tokens_out = 40;
		event = later(TR_EVENT_ATTEMPT_FIRST_TOKEN, server->answers);
		event->attempt_first_token.attempt = dispatch->attempt;
	}
}

/* All events about an attempt begin with its handle. */
static void forget(tr_attempt_handle attempt)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < host.event_count; i++) {
		const struct tr_event *event = &host.events[i];
		bool about = event->kind >= TR_EVENT_ATTEMPT_CONNECTED &&
			     event->kind <= TR_EVENT_ATTEMPT_FAILED;

		if (!about || event->attempt_done.attempt.slot1 != attempt.slot1 ||
		    event->attempt_done.attempt.generation != attempt.generation)
			host.events[kept++] = *event;
	}
	host.event_count = kept;
}

/* ---- the actions ---- */

static struct job *job_of(uint64_t job_id)
{
	assert_in_range(job_id, 1, JOBS);
	return &host.jobs[job_id];
}

static void carry_out(const struct tr_action *action)
{
	switch ((enum tr_action_kind)action->kind) {
	case TR_ACTION_JOB_ACCEPT:
		job_of(action->job_accept.job_id)->handle = action->job_accept.job;
		break;
	case TR_ACTION_JOB_REJECT:
		job_of(action->job_reject.job_id)->ended++;
		host.rejected++;
		break;
	case TR_ACTION_JOB_PERSIST: /* H7 */
		job_of(action->job_persist.job_id)->storing = true;
		later(TR_EVENT_JOB_PERSISTED, 5 * TR_MS)->job_persisted =
			(struct tr_event_job_persisted){.job = action->job_persist.job, .ok = 1};
		break;
	case TR_ACTION_ATTEMPT_DISPATCH: { /* H5 */
		struct job *job = job_of(action->attempt_dispatch.job_id);

		assert_int_equal(job->ended, 0);
		assert_int_equal(job->commits, 0);
		assert_true(job->stored || !job->asynchronous);
		job->attempts++;
		serve(&action->attempt_dispatch);
		break;
	}
	case TR_ACTION_ATTEMPT_ABORT:
		forget(action->attempt_abort.attempt);
		break;
	case TR_ACTION_STREAM_COMMIT: /* H6 */
		job_of(action->stream_commit.job_id)->commits++;
		break;
	case TR_ACTION_JOB_FINISH:
		job_of(action->job_finish.job_id)->ended++;
		host.outcomes[action->job_finish.outcome]++;
		break;
	case TR_ACTION_POLICY_RELEASE: /* H12 */
		host.file_of_slot[action->policy_release.slot] = 0;
		host.released++;
		break;
	case TR_ACTION_BREAKER_CHANGE:
	case TR_ACTION_HEALTH_CHANGE:
	case TR_ACTION_STRATEGY_CHANGE:
	case TR_ACTION_NONE:
	case TR_ACTION_COUNT:
		break;
	}
}

static void give(const struct tr_event *event)
{
	int err = tr_engine_step(host.engine, event, &host.actions);
	const char *wrong = tr_engine_verify(host.engine);

	host.now = event->time;
	if (wrong)
		fail_msg("%s", wrong);
	if (err < 0) { /* H10: a job may end while it is stored, or before it is canceled */
		assert_int_equal(err, TR_E_STALE);
		assert_true(event->kind == TR_EVENT_JOB_PERSISTED ||
			    event->kind == TR_EVENT_JOB_CANCEL);
		host.stale++;
		return;
	}
	for (uint32_t i = 0; i < host.actions.count; i++)
		carry_out(&host.actions.items[i]);
}

/* The loop of the page, in virtual time; false: there is neither an event nor a deadline. */
static bool go_on(tr_time_ns until)
{
	tr_time_ns due = tr_engine_deadline(host.engine);
	uint32_t next = 0;
	struct tr_event event = {.time = due, .observed = due, .kind = TR_EVENT_CLOCK};

	for (uint32_t i = 1; i < host.event_count; i++)
		if (host.events[i].time < host.events[next].time)
			next = i;
	if (host.event_count && host.events[next].time < due) { /* H3 */
		if (host.events[next].time > until)
			return false;
		event = host.events[next];
		host.events[next] = host.events[--host.event_count];
	}
	if (event.time > until || event.time == TR_TIME_NEVER)
		return false;
	for (uint64_t id = 1; event.kind == TR_EVENT_JOB_PERSISTED && id <= JOBS; id++)
		if (host.jobs[id].handle.slot1 == event.job_persisted.job.slot1 &&
		    host.jobs[id].handle.generation == event.job_persisted.job.generation)
			host.jobs[id].stored = true;
	give(&event);
	return true;
}

/* ---- a life ---- */

static void begin(const struct tr_policy *policy)
{
	host.engine = aligned_alloc(64, tr_engine_size(&host.limits));
	assert_non_null(host.engine);
	assert_int_equal(tr_engine_init(host.engine, &host.limits, policy, 3, START), 0);
}

static void submit(uint64_t job_id)
{
	struct tr_event event = {.time = host.now, .observed = host.now};

	event.kind = TR_EVENT_JOB_SUBMIT;
	event.job_submit.job_id = job_id; /* H11 */
	event.job_submit.intent = tr_name_of("ask", 3);
	event.job_submit.tokens_in = 100 + (uint32_t)job_id;
	host.jobs[job_id].asynchronous = job_id % 7 == 0;
	event.job_submit.flags = host.jobs[job_id].asynchronous ? TR_SUBMIT_ASYNC : 0;
	give(&event);
	host.submitted++;
	if (job_id % 13 == 0 && host.jobs[job_id].handle.slot1) {
		struct tr_event *cancel = later(TR_EVENT_JOB_CANCEL, job_id % 3 * 50 * TR_MS);

		cancel->job_cancel.job = host.jobs[job_id].handle;
		cancel->job_cancel.cause = TR_CAUSE_CANCEL_CLIENT;
	}
}

static void change_policy(void)
{
	const struct tr_policy *policy = tr_policy_compiled(host.files[1]);
	struct tr_event event = {.time = host.now, .observed = host.now};
	uint32_t slot;

	assert_int_equal(tr_engine_policy_load(host.engine, policy, &slot), 0);
	event.kind = TR_EVENT_POLICY_ACTIVATE;
	event.policy_activate.policy_id = policy->id;
	event.policy_activate.slot = (uint8_t)slot;
	host.file_of_slot[slot] = 2;
	give(&event);
}

/* The engine dies, and another one goes on in its place. */
static void die_and_rise(void)
{
	static uint8_t bytes[SNAPSHOT];
	struct tr_snapshot_cursor cursor = {0};
	uint64_t digest = tr_engine_digest(host.engine);
	size_t used = 0, length, sizes[SNAPSHOT / TR_SNAPSHOT_CHUNK_MIN], chunks = 0;
	int more;

	do {
		more = tr_engine_snapshot(host.engine, &cursor, bytes + used, TR_SNAPSHOT_CHUNK_MIN,
					  &length);
		assert_in_range(more, 0, 1);
		sizes[chunks++] = length;
		used += length;
		assert_true(used + TR_SNAPSHOT_CHUNK_MIN <= sizeof bytes);
	} while (more);
	free(host.engine);
	begin(tr_policy_compiled(host.files[host.file_of_slot[0] ? host.file_of_slot[0] - 1 : 1]));
	for (uint32_t slot = 1; slot < host.limits.policies; slot++)
		if (host.file_of_slot[slot])
			assert_int_equal(
				tr_engine_policy_place(
					host.engine,
					tr_policy_compiled(host.files[host.file_of_slot[slot] - 1]),
					slot),
				0);
	memset(&cursor, 0, sizeof cursor);
	for (size_t i = 0, at = 0; i < chunks; at += sizes[i++])
		assert_int_equal(tr_engine_restore(host.engine, &cursor, bytes + at, sizes[i]),
				 i + 1 < chunks);
	assert_int_equal(tr_engine_digest(host.engine), digest);
}

/* RES-2, RES-3, JOB-1: and the page is enough to write this. */
static void test_every_job_of_a_third_host_ends_exactly_once(void **state)
{
	struct tr_diagnostic diagnostic;
	struct tr_counts counts;
	uint32_t retried = 0;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(tr_policy_load_text("policy", policies[i], strlen(policies[i]),
						     &host.files[i], &diagnostic),
				 0);
	host.limits = tr_limits_default;
	host.limits.jobs = 2048;
	host.limits.active = 64;
	host.limits.attempts = 128;
	host.limits.models = 2;
	host.limits.endpoints = 8;
	host.limits.classes = 4;
	host.limits.tenants = 4;
	host.limits.sessions = host.limits.prefixes = host.limits.idempotency = 16;
	host.now = START;
	begin(tr_policy_compiled(host.files[0]));
	host.file_of_slot[0] = 1;
	for (uint64_t job_id = 1; job_id <= JOBS; job_id++) {
		tr_time_ns at = START + job_id * 30 * TR_MS;

		while (go_on(at))
			;
		host.now = at;
		submit(job_id);
		if (job_id == 400)
			change_policy();
		if (job_id == 410 || job_id == 800)
			die_and_rise();
	}
	while (go_on(TR_TIME_NEVER - 1))
		;
	for (uint64_t job_id = 1; job_id <= JOBS; job_id++) {
		assert_int_equal(host.jobs[job_id].ended, 1);
		retried += host.jobs[job_id].attempts > 1;
	}
	tr_engine_counts(host.engine, &counts);
	assert_int_equal(counts.submitted, JOBS);
	assert_int_equal(counts.in_system, 0);
	assert_int_equal(counts.completed, host.outcomes[TR_OUTCOME_COMPLETED]);
	assert_int_equal(counts.rejected, host.rejected);
	assert_int_equal(host.released, 1);
	/* The world was not too kind. */
	assert_true(retried > 20);
	assert_true(counts.retries > 10);
	assert_true(counts.hedges > 5);
	assert_true(host.outcomes[TR_OUTCOME_CANCELED] > 20);
	assert_true(host.outcomes[TR_OUTCOME_COMPLETED] > JOBS / 2);
	assert_true(host.stale > 0);
	free(host.engine);
	tr_policy_free(host.files[0]);
	tr_policy_free(host.files[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_job_of_a_third_host_ends_exactly_once),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
