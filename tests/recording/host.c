/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event queue is an array that is searched for the earliest; a test has no need of more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/policy/load.h"
#include "engine/random.h"
#include "tests/recording/host.h"

#define PENDING_MAX 512
#define START	    (UINT64_C(1700000000) * TR_SECOND)

static const char policy_text[] = "models:\n"
				  "  chat:\n"
				  "    endpoints:\n"
				  "      a1: {slots: 2}\n"
				  "      a2: {slots: 3}\n"
				  "    fallback: [spare]\n"
				  "  spare:\n"
				  "    endpoints: {b1: {slots: 1}}\n"
				  "classes:\n"
				  "  main: {queue_limit: 6, queue_timeout_ms: 900}\n"
				  "default_model: chat\n"
				  "retry: {attempts: 1, backoff_ms: 50}\n"
				  "breaker: {consecutive: 2, open_ms: 300}\n";

static const char other_policy_text[] = "models:\n"
					"  chat:\n"
					"    endpoints:\n"
					"      a1: {slots: 1}\n"
					"      a3: {slots: 4}\n"
					"classes:\n"
					"  main: {queue_limit: 5}\n"
					"default_model: chat\n";

static const struct tr_limits limits = {
	.jobs = 64,
	.active = 32,
	.attempts = 64,
	.models = 4,
	.endpoints = 8,
	.classes = 2,
	.tenants = 8,
	.policies = 4,
	.sessions = 16,
	.prefixes = 64,
	.idempotency = 16,
};

struct host {
	const struct host_options *options;
	struct tr_policy_file *policy, *other;
	struct tr_engine *engine;
	struct tr_recorder *recorder;
	FILE *stream;
	char *bytes;
	size_t length;
	struct tr_event pending[PENDING_MAX];
	uint32_t pending_count;
	uint64_t draws;
	uint64_t events;
	uint64_t jobs;
	tr_time_ns now;
	tr_time_ns gap_from;
	struct tr_actions actions;
};

static uint64_t draw(struct host *host, uint64_t bound)
{
	return tr_below(tr_draw(host->options->seed, 1, TR_PURPOSE_TEST, host->draws++), bound);
}

static void load(const char *text, struct tr_policy_file **ret)
{
	struct tr_diagnostic diagnostic;
	char message[1024];

	if (tr_policy_load_text("policy", text, strlen(text), ret, &diagnostic) < 0)
		fail_msg("%s", tr_diagnostic_text(&diagnostic, message, sizeof message));
}

static void record_policy(struct host *host, uint32_t slot, const struct tr_policy_file *file)
{
	size_t length;
	const char *text = tr_policy_canonical(file, &length);

	tr_recorder_policy(host->recorder, slot, tr_policy_compiled(file)->id, text, length);
}

static void recorder_open(struct host *host)
{
	struct tr_recorder_options options = {.snapshot_each = host->options->snapshot_each};
	struct tr_recording_header header;
	struct tr_diagnostic diagnostic;

	tr_recording_header_init(&header, &limits, tr_policy_compiled(host->policy),
				 host->options->seed, START);
	header.decisions = !host->options->no_decisions;
	if (host->events > 0) {
		header.part = 1;
		header.first_event = host->events + 1;
	}
	assert_int_equal(tr_recorder_create_stream(host->stream, "test", &header, &options,
						   &host->recorder, &diagnostic),
			 0);
	record_policy(host, 0, host->policy);
	if (host->events > 0)
		tr_recorder_snapshot(host->recorder, host->engine);
}

/* ---------------------------------------------------------------------------------------- events
 */

static struct tr_event *later(struct host *host, enum tr_event_kind kind, tr_span_ns after)
{
	struct tr_event *event = &host->pending[host->pending_count++];

	assert_true(host->pending_count <= PENDING_MAX);
	memset(event, 0, sizeof *event);
	event->kind = (uint16_t)kind;
	event->time = host->now + after;
	event->observed = event->time - draw(host, 1000);
	return event;
}

static void on_dispatch(struct host *host, const struct tr_action_attempt_dispatch *dispatch)
{
	bool fails = draw(host, 100) < host->options->fail_percent;
	tr_span_ns first = 20 * TR_MS + draw(host, 100 * TR_MS);
	struct tr_event *event = later(host, TR_EVENT_ATTEMPT_CONNECTED, TR_MS);

	event->attempt_connected.attempt = dispatch->attempt;
	if (fails) {
		event = later(host, TR_EVENT_ATTEMPT_FAILED, first);
		event->attempt_failed.attempt = dispatch->attempt;
		event->attempt_failed.cause =
			draw(host, 2) ? TR_CAUSE_SERVER_ERROR : TR_CAUSE_RATE_LIMITED;
		event->attempt_failed.status = 500;
		return;
	}
	event = later(host, TR_EVENT_ATTEMPT_FIRST_TOKEN, first);
	event->attempt_first_token.attempt = dispatch->attempt;
	event = later(host, TR_EVENT_ATTEMPT_DONE, first + draw(host, 400 * TR_MS));
	event->attempt_done.attempt = dispatch->attempt;
	event->attempt_done.tokens_in = 100;
	event->attempt_done.tokens_out = (uint32_t)(1 + draw(host, 200));
}

static void on_actions(struct host *host)
{
	for (uint32_t i = 0; i < host->actions.count; i++) {
		const struct tr_action *action = &host->actions.items[i];

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH)
			on_dispatch(host, &action->attempt_dispatch);
		if (action->kind == TR_ACTION_JOB_ACCEPT && draw(host, 12) == 0) {
			struct tr_event *event =
				later(host, TR_EVENT_JOB_CANCEL, draw(host, 500 * TR_MS));

			event->job_cancel.job = action->job_accept.job;
			event->job_cancel.cause = TR_CAUSE_CANCEL_CLIENT;
		}
	}
}

/* Another answer than the engine's, such as another picker would have given. */
static void alter_answer(struct tr_actions *actions)
{
	for (uint32_t i = 0; i < actions->count; i++) {
		struct tr_action *action = &actions->items[i];

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH) {
			tr_name b1 = tr_name_of("b1", 2);

			action->attempt_dispatch.endpoint =
				action->attempt_dispatch.endpoint == b1 ? tr_name_of("b2", 2) : b1;
			return;
		}
	}
	actions->items[actions->count].kind = TR_ACTION_HEALTH_CHANGE;
	memset(&actions->items[actions->count].health_change, 0,
	       sizeof actions->items[0].health_change);
	actions->count++;
}

static void record(struct host *host, const struct tr_event *event)
{
	const struct host_options *options = host->options;
	struct tr_actions altered;

	if (options->rotate_at > 0 && host->events <= options->rotate_at) {
		if (host->events == options->rotate_at)
			recorder_open(host);
		return;
	}
	if (options->gap_begin > 0 && host->events > options->gap_begin &&
	    host->events <= options->gap_begin + options->gap_events) {
		if (host->events == options->gap_begin + 1)
			host->gap_from = event->time;
		if (host->events == options->gap_begin + options->gap_events) {
			tr_recorder_gap(host->recorder, options->gap_events, host->gap_from,
					event->time);
			tr_recorder_snapshot(host->recorder, host->engine);
		}
		return;
	}
	if (options->alter == host->events) {
		altered = host->actions;
		alter_answer(&altered);
		tr_recorder_step(host->recorder, host->engine, event, &altered);
		return;
	}
	tr_recorder_step(host->recorder, host->engine, event, &host->actions);
}

static void step(struct host *host, const struct tr_event *event)
{
	int err = tr_engine_step(host->engine, event, &host->actions);

	if (err == TR_E_STALE || err == TR_E_STATE)
		return;
	assert_int_equal(err, 0);
	host->now = event->time;
	host->events++;
	record(host, event);
	if (host->options->flush_each > 0 && host->events % host->options->flush_each == 0)
		tr_recorder_flush(host->recorder);
	on_actions(host);
}

static void submit_all(struct host *host)
{
	static const char *const tenants[] = {"ada", "ben", "cyd"};
	tr_span_ns at = 0;

	for (uint32_t i = 0; i < host->options->jobs; i++) {
		const char *tenant = tenants[draw(host, 3)];
		struct tr_event *event = later(host, TR_EVENT_JOB_SUBMIT, at);
		struct tr_event_job_submit *submit = &event->job_submit;

		event->observed = event->time;
		submit->job_id = i + 1;
		submit->tenant = tr_name_of(tenant, 3);
		submit->model = tr_name_of(draw(host, 20) ? "chat" : "nope", 4);
		submit->tokens_in = (uint32_t)(1 + draw(host, 2000));
		submit->tokens_out_max = 300;
		submit->prefix_blocks = submit->prefix_count = (uint8_t)draw(host, 4);
		for (uint32_t p = 0; p < submit->prefix_count; p++)
			(&submit->prefix0)[p] = draw(host, UINT64_MAX);
		at += draw(host, 120 * TR_MS);
		if (!host->options->rotate_at)
			tr_recorder_name(host->recorder, submit->tenant, tenant, 3);
	}
}

static void switch_policy(struct host *host)
{
	struct tr_event event = {.kind = TR_EVENT_POLICY_ACTIVATE};
	const struct tr_policy *policy = tr_policy_compiled(host->other);
	uint32_t slot;

	assert_int_equal(tr_engine_policy_load(host->engine, policy, &slot), 0);
	record_policy(host, slot, host->other);
	event.time = event.observed = host->now;
	event.policy_activate.policy_id = policy->id;
	event.policy_activate.slot = (uint8_t)slot;
	step(host, &event);
}

static uint32_t earliest(const struct host *host)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < host->pending_count; i++) {
		if (host->pending[i].time < host->pending[best].time)
			best = i;
	}
	return best;
}

static void run(struct host *host)
{
	while (host->pending_count > 0) {
		uint32_t next = earliest(host);
		tr_time_ns deadline = tr_engine_deadline(host->engine);
		struct tr_event event = {.kind = TR_EVENT_CLOCK};

		if (host->options->switch_policy > 0 &&
		    host->events == host->options->switch_policy) {
			switch_policy(host);
			continue;
		}
		if (deadline <= host->pending[next].time) {
			event.time = event.observed = tr_max(deadline, host->now);
			step(host, &event);
			continue;
		}
		event = host->pending[next];
		/* Order is kept, so that equal times come as they were made. */
		memmove(&host->pending[next], &host->pending[next + 1],
			(host->pending_count - next - 1) * sizeof event);
		host->pending_count--;
		step(host, &event);
	}
}

void host_record(const struct host_options *options, struct host_recording *ret)
{
	struct host *host = calloc(1, sizeof *host);
	size_t size = (tr_engine_size(&limits) + 63) & ~(size_t)63;
	struct tr_recording_state state;
	struct tr_diagnostic diagnostic;
	struct tr_counts counts;

	assert_non_null(host);
	assert_int_not_equal(size, 0);
	host->options = options;
	host->now = START;
	host->engine = aligned_alloc(64, size);
	host->stream = open_memstream(&host->bytes, &host->length);
	assert_non_null(host->engine);
	assert_non_null(host->stream);
	load(policy_text, &host->policy);
	load(other_policy_text, &host->other);
	assert_int_equal(tr_engine_init(host->engine, &limits, tr_policy_compiled(host->policy),
					options->seed, START),
			 0);
	if (!options->rotate_at)
		recorder_open(host);
	submit_all(host);
	run(host);
	tr_recording_state_of(host->engine, &state);
	if (!options->unfinished)
		assert_int_equal(tr_recorder_finish(host->recorder, &state, &diagnostic), 0);
	tr_recorder_free(host->recorder);
	fclose(host->stream);
	tr_engine_counts(host->engine, &counts);
	ret->bytes = (uint8_t *)host->bytes;
	ret->length = host->length;
	ret->events = host->events;
	ret->jobs = counts.submitted;
	ret->chain = tr_engine_chain(host->engine);
	ret->path = tr_engine_path(host->engine);
	tr_policy_free(host->policy);
	tr_policy_free(host->other);
	free(host->engine);
	free(host);
}

/* ------------------------------------------------------------------------------------- rewriting
 */

FILE *host_open(const uint8_t *bytes, size_t length)
{
	/* A stream of no bytes is no file for fmemopen() everywhere. */
	FILE *stream = length > 0 ? fmemopen((void *)(uintptr_t)bytes, length, "rb")
				  : fopen("/dev/null", "rb");

	assert_non_null(stream);
	return stream;
}

static void rewrite_policy(struct tr_recorder *recorder, const struct tr_recording_item *item,
			   const struct host_edit *edit)
{
	const char *text = (const char *)item->bytes;
	size_t length = item->length;
	uint64_t id = item->policy_id;

	if (edit && edit->policy)
		edit->policy(edit->context, &id, &text, &length);
	tr_recorder_policy(recorder, item->slot, id, text, length);
}

void host_rewrite(const struct host_recording *from, const struct host_edit *edit,
		  struct host_recording *ret)
{
	FILE *in = host_open(from->bytes, from->length);
	char *bytes = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&bytes, &length);
	const struct tr_recording_item *item;
	struct tr_recording_header header;
	struct tr_recording_state totals;
	struct tr_recording *recording;
	struct tr_recorder *recorder;
	struct tr_diagnostic diagnostic;
	uint64_t chain = 0;

	assert_non_null(out);
	assert_int_equal(tr_recording_open_stream(in, "test", &recording, &diagnostic),
			 TR_RECORDING_ITEM);
	header = *tr_recording_header(recording);
	if (edit && edit->header)
		edit->header(edit->context, &header);
	assert_int_equal(
		tr_recorder_create_stream(out, "test", &header, NULL, &recorder, &diagnostic), 0);
	while (tr_recording_next(recording, &item, &diagnostic) == TR_RECORDING_ITEM) {
		struct tr_event event;
		struct tr_actions actions;

		if (item->kind == TR_FRAME_POLICY)
			rewrite_policy(recorder, item, edit);
		if (item->kind != TR_FRAME_EVENTS)
			continue;
		event = *item->event;
		actions = *item->actions;
		chain = item->chain;
		if (edit && edit->event)
			edit->event(edit->context, item->number, &event, &actions, &chain);
		tr_recorder_event(recorder, &event, &actions, chain);
	}
	assert_non_null(tr_recording_totals(recording));
	totals = *tr_recording_totals(recording);
	totals.chain = chain;
	if (edit && edit->totals)
		edit->totals(edit->context, &totals);
	assert_int_equal(tr_recorder_finish(recorder, &totals, &diagnostic), 0);
	tr_recorder_free(recorder);
	tr_recording_close(recording);
	fclose(in);
	fclose(out);
	*ret = *from;
	ret->bytes = (uint8_t *)bytes;
	ret->length = length;
}
