/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages of a case, in order: policy, requests, run, recording. A stage that fails leaves the
 * rest untouched, and what was made is released as one.
 */
#include "sim/scenario/case.h"

#include <stdlib.h>
#include <string.h>

#include "sim/ledger.h"
#include "sim/names.h"
#include "sim/replayed.h"
#include "sim/run.h"
#include "sim/scenario/assert.h"
#include "sim/scenario/result_json.h"
#include "traces/recording.h"

/* Events between two snapshots in a recording: where a replay may begin. */
#define SNAPSHOT_EACH 1000000

struct tr_case {
	const struct tr_scenario *scenario;
	struct tr_case_options options;
	const char *policy_path;
	struct tr_policy_file *policy;
	struct tr_server *servers;
	struct tr_fault *faults;
	const char *trace_spec; /* NULL: synthetic requests */
	struct tr_trace *trace;
	struct tr_replayed replayed;
	struct tr_synthetic synthetic;
	struct tr_conversation *conversations;
	struct tr_workload inner;
	uint64_t requests_max;
	uint64_t seed;
	struct tr_limits limits;
	struct tr_run *run;
	struct tr_ledger *ledger;
	struct tr_assertions *assertions;
	struct tr_names names;
	struct tr_recorder *recorder;
};

static int out_of_memory(struct tr_diagnostic *ret_diagnostic)
{
	(void)tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL, "not enough memory");
	return TR_CASE_MEMORY;
}

static uint64_t given_or(uint64_t given, uint64_t otherwise)
{
	return given != TR_CASE_NOT_GIVEN ? given : otherwise;
}

/* -------------------------------------------------------------------------------------- inputs */

static int scale_policy(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_policy_file *scaled;

	if (tr_policy_scale(playing->policy, (unsigned)playing->options.scale, &scaled,
			    ret_diagnostic))
		return TR_CASE_INPUT;
	tr_policy_free(playing->policy);
	playing->policy = scaled;
	return 0;
}

static int open_policy(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	int err;

	playing->policy_path =
		playing->options.policy ? playing->options.policy : playing->scenario->policy;
	TR_ASSERT(playing->policy_path);
	err = playing->options.policy
		      ? tr_policy_load_file(playing->options.policy, &playing->policy,
					    ret_diagnostic)
		      : tr_scenario_policy(playing->scenario, &playing->policy, ret_diagnostic);
	if (err)
		return TR_CASE_INPUT;
	if (playing->options.scale > 1)
		err = scale_policy(playing, ret_diagnostic);
	if (!err && tr_scenario_servers(playing->scenario, playing->policy, &playing->servers,
					ret_diagnostic))
		err = TR_CASE_INPUT;
	if (!err && tr_scenario_faults(playing->scenario, playing->policy, &playing->faults,
				       ret_diagnostic))
		err = TR_CASE_INPUT;
	return err;
}

/* The options of the scenario's own trace, and over them what was given. */
static struct tr_trace_options trace_options(const struct tr_case *playing)
{
	const struct tr_case_options *given = &playing->options;
	struct tr_trace_options options = {.amplify_milli = 1000, .repeat = 1, .spread = true};

	if (!given->trace)
		options = playing->scenario->trace_options;
	options.seed = playing->seed;
	options.amplify_milli = (uint32_t)given_or(given->amplify_milli, options.amplify_milli);
	options.repeat = (uint32_t)given_or(given->repeat, options.repeat);
	if (given->spread != TR_CASE_SPREAD_NOT_GIVEN)
		options.spread = given->spread == TR_CASE_SPREAD_SEEDED;
	options.skip_bad |= given->skip_bad;
	return options;
}

static int open_trace(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_trace_options options = trace_options(playing);
	enum tr_trace_format format;
	const char *path;

	playing->trace_spec =
		playing->options.trace ? playing->options.trace : playing->scenario->trace;
	if (tr_trace_spec(playing->trace_spec, &format, &path, ret_diagnostic))
		return TR_CASE_USAGE;
	if (tr_trace_open(format, path, &options, &playing->trace, ret_diagnostic))
		return TR_CASE_INPUT;
	tr_replayed_init(&playing->replayed, playing->trace,
			 &(struct tr_replayed_options){
				 .seed = playing->seed,
				 .requests_max = playing->requests_max,
				 .duration = playing->scenario->duration,
				 .labels = playing->scenario->labels,
			 });
	playing->inner = tr_replayed_workload(&playing->replayed);
	return 0;
}

static int open_workload(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_scenario *scenario = playing->scenario;
	struct tr_synthetic_options options;

	playing->seed = given_or(playing->options.seed, scenario->seed);
	playing->requests_max = given_or(playing->options.requests_max, scenario->requests_max);
	if (playing->options.trace || scenario->source == TR_SOURCE_TRACE)
		return open_trace(playing, ret_diagnostic);
	TR_ASSERT(scenario->source == TR_SOURCE_SYNTHETIC);
	options = (struct tr_synthetic_options){
		.seed = playing->seed,
		.start = TR_WORKLOAD_EPOCH,
		.process = scenario->process,
		.tokens_in = scenario->tokens_in,
		.tokens_out = scenario->tokens_out,
		.requests_max = playing->requests_max,
		.duration = scenario->duration,
		.labels = scenario->labels,
		.prompts = scenario->prompts,
	};
	playing->conversations = calloc(tr_max(options.prompts.conversation_count, 1),
					sizeof *playing->conversations);
	if (!playing->conversations)
		return out_of_memory(ret_diagnostic);
	options.prompts.conversations = playing->conversations;
	tr_synthetic_init(&playing->synthetic, &options);
	playing->inner = tr_synthetic_workload(&playing->synthetic);
	return 0;
}

/* ----------------------------------------------------------------------------------------- run */

static void take_name(struct tr_case *playing, tr_name name, const char *text)
{
	if (name == 0 || !text)
		return;
	if (playing->recorder)
		tr_recorder_name(playing->recorder, name, text, strlen(text));
	else if (!playing->run)
		tr_names_add(&playing->names, name, text); /* kept for the recorder to come */
}

static void take_names(struct tr_case *playing, const struct tr_arrival *arrival)
{
	take_name(playing, arrival->tenant, arrival->tenant_text);
	take_name(playing, arrival->session, arrival->session_text);
	take_name(playing, arrival->model, arrival->model_text);
	if (arrival->tenant && arrival->tenant_text)
		tr_names_add(&playing->names, arrival->tenant, arrival->tenant_text);
}

/* Names go to the recorder before the event that uses them: an arrival is fetched one event ahead.
 */
static int next_arrival(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_case *playing = self;
	int got = playing->inner.next(playing->inner.self, ret, ret_diagnostic);

	if (got > 0)
		take_names(playing, ret);
	return got;
}

static int make_run(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *policy = tr_policy_compiled(playing->policy);
	struct tr_run_options options = {
		.policy = policy,
		.limits = playing->limits,
		.seed = playing->seed,
		.workload = {.next = next_arrival, .self = playing},
		.servers = playing->servers,
		.server_count = policy->endpoint_count,
		.faults = playing->faults,
		.fault_count = playing->scenario->fault_count,
		.signal = playing->scenario->signal,
		.signal_age = playing->scenario->signal_age,
		.store_delay = playing->scenario->store_delay,
		.stop_after = playing->scenario->stop_after,
	};
	int err = tr_run_new(&options, &playing->run, ret_diagnostic);

	if (err == TR_RUN_MEMORY)
		return out_of_memory(ret_diagnostic);
	if (err == TR_RUN_POLICY)
		(void)tr_diagnose(ret_diagnostic, playing->policy_path, 0, 0, NULL,
				  "the policy does not fit the engine's limits");
	return err ? TR_CASE_INPUT : 0;
}

static int open_run(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *policy = tr_policy_compiled(playing->policy);
	int err;

	tr_run_limits(policy, &playing->limits);
	err = make_run(playing, ret_diagnostic);
	if (err)
		return err;
	if (tr_run_arrivals(playing->run) == 0) {
		(void)tr_diagnose(ret_diagnostic,
				  playing->trace_spec ? playing->trace_spec
						      : playing->scenario->path,
				  0, 0, NULL, "there are no requests in it");
		return TR_CASE_INPUT;
	}
	playing->ledger = tr_ledger_new(policy, &playing->limits);
	if (!playing->ledger)
		return out_of_memory(ret_diagnostic);
	tr_run_observe(playing->run, tr_ledger_step, playing->ledger);
	if (tr_assertions_new(playing->scenario, playing->policy, &playing->limits, playing->run,
			      &playing->assertions, ret_diagnostic))
		return TR_CASE_INPUT;
	return 0;
}

/* ----------------------------------------------------------------------------------- recording */

static void record_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
			const struct tr_actions *actions)
{
	struct tr_case *playing = self;

	tr_recorder_step(playing->recorder, engine, event, actions);
}

static int open_recorder(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *policy = tr_policy_compiled(playing->policy);
	struct tr_recorder_options options = {.temporary = true, .snapshot_each = SNAPSHOT_EACH};
	struct tr_recording_header header;
	const char *canonical;
	size_t length;

	if (!playing->options.record)
		return 0;
	tr_recording_header_init(&header, &playing->limits, policy, playing->seed,
				 tr_run_start(playing->run));
	if (tr_recorder_create(playing->options.record, &header, &options, &playing->recorder,
			       ret_diagnostic))
		return TR_CASE_OUTPUT;
	canonical = tr_policy_canonical(playing->policy, &length);
	tr_recorder_policy(playing->recorder, 0, policy->id, canonical, length);
	/* The first arrival was fetched before there was a recorder. */
	for (uint32_t i = 0; i < playing->names.count; i++)
		take_name(playing, playing->names.entries[i].name, playing->names.entries[i].text);
	tr_run_observe(playing->run, record_step, playing);
	return 0;
}

/* ---------------------------------------------------------------------------------------- play */

int tr_case_open(const struct tr_scenario *scenario, const struct tr_case_options *options,
		 struct tr_case **ret, struct tr_diagnostic *ret_diagnostic)
{
	static int (*const stages[])(struct tr_case *, struct tr_diagnostic *) = {
		open_policy,
		open_workload,
		open_run,
		open_recorder,
	};
	struct tr_case *playing = calloc(1, sizeof *playing);
	int err = 0;

	if (!playing)
		return out_of_memory(ret_diagnostic);
	playing->scenario = scenario;
	playing->options = *options;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(stages) && !err; i++)
		err = stages[i](playing, ret_diagnostic);
	if (err) {
		tr_case_free(playing);
		return err;
	}
	*ret = playing;
	return 0;
}

int tr_case_advance(struct tr_case *playing, uint64_t steps, struct tr_diagnostic *ret_diagnostic)
{
	int more = tr_run_advance(playing->run, steps, ret_diagnostic);
	const struct tr_diagnostic *error =
		playing->recorder ? tr_recorder_error(playing->recorder) : NULL;

	if (more < 0)
		return TR_CASE_INPUT;
	if (!error)
		return more;
	*ret_diagnostic = *error;
	return TR_CASE_OUTPUT;
}

int tr_case_finish(struct tr_case *playing, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_recording_state state = {0};

	if (!playing->recorder)
		return 0;
	tr_recording_state_of(tr_run_engine(playing->run), &state);
	return tr_recorder_finish(playing->recorder, &state, ret_diagnostic) ? TR_CASE_OUTPUT : 0;
}

uint64_t tr_case_submitted(const struct tr_case *playing)
{
	return tr_ledger_submitted(playing->ledger);
}

uint32_t tr_case_share(const struct tr_case *playing)
{
	uint64_t arrivals = tr_run_arrivals(playing->run), done, all;

	if (playing->requests_max)
		return (uint32_t)tr_min(tr_mul_div(arrivals, 1000, playing->requests_max), 1000);
	if (playing->trace) {
		tr_trace_progress(playing->trace, &done, &all);
		return all ? (uint32_t)tr_min(tr_mul_div(done, 1000, all), 1000) : UINT32_MAX;
	}
	return (uint32_t)tr_min(tr_mul_div(tr_run_now(playing->run) - tr_run_start(playing->run),
					   1000, tr_max(playing->scenario->duration, 1)),
				1000);
}

/* -------------------------------------------------------------------------------------- result */

static const char *name_text(void *self, tr_name name)
{
	const struct tr_case *playing = self;
	const char *text = tr_policy_name(playing->policy, name);

	return text ? text : tr_names_text(&playing->names, name);
}

json_t *tr_case_json(struct tr_case *playing, uint64_t wall_ns)
{
	struct tr_result *result = malloc(sizeof *result);
	const struct tr_engine *engine = tr_run_engine(playing->run);
	struct tr_result_origin origin = {
		.scenario = playing->scenario->path,
		.policy = playing->policy_path,
		.trace = playing->trace_spec,
		.wall_ns = wall_ns,
		.name_of = name_text,
		.self = playing,
	};
	json_t *json;

	if (!result)
		return NULL;
	tr_ledger_result(playing->ledger, result);
	result->run_hash = tr_engine_chain(engine);
	result->path_hash = tr_engine_path(engine);
	result->policy_id = tr_policy_compiled(playing->policy)->id;
	result->seed = playing->seed;
	if (playing->trace) {
		struct tr_trace_counts counts = tr_trace_counts(playing->trace);

		origin.rows_skipped = counts.skipped;
		origin.rows_adjusted = counts.adjusted;
	} else {
		origin.arrivals = tr_process_words[playing->scenario->process.kind];
	}
	json = tr_result_json(result, &origin);
	free(result);
	tr_assertions_judge(playing->assertions, playing->run);
	if (json)
		json_object_set_new(json, "assertions", tr_assertions_json(playing->assertions));
	return json;
}

void tr_case_free(struct tr_case *playing)
{
	if (!playing)
		return;
	tr_recorder_free(playing->recorder);
	tr_assertions_free(playing->assertions);
	tr_ledger_free(playing->ledger);
	tr_run_free(playing->run);
	tr_trace_close(playing->trace);
	free(playing->conversations);
	free(playing->faults);
	free(playing->servers);
	tr_policy_free(playing->policy);
	free(playing);
}
