/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace sim: requests from a trace or a scenario through a policy, in virtual time.
 *
 * What the command line gives goes before what the scenario says, and the scenario before the
 * defaults. Every output is made before the run, under a name of its own, and moved into place
 * after it: a run of an hour does not end with a typing error, and a failed one leaves nothing.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/output.h"
#include "reports/json_file.h"
#include "reports/progress.h"
#include "reports/summary.h"
#include "reports/terminal.h"
#include "sim/ledger.h"
#include "sim/names.h"
#include "sim/replayed.h"
#include "sim/run.h"
#include "sim/scenario/result_json.h"
#include "sim/scenario/scenario.h"
#include "traces/recording.h"

/* Steps between two looks at the clock. */
#define STEPS_AT_ONCE 4096
/* Events between two snapshots in a recording: where a replay may begin. */
#define SNAPSHOT_EACH 1000000
#define NOT_GIVEN     UINT64_MAX
#define SCALE_MAX     100

enum spread {
	SPREAD_SEEDED,
	SPREAD_NONE,
	SPREAD_NOT_GIVEN,
};

struct sim_values {
	const char *policy;
	const char *trace;
	const char *record;
	const char *json;
	uint64_t seed;
	uint64_t amplify_milli;
	uint64_t scale;
	uint64_t repeat;
	uint64_t limit;
	unsigned spread;
	bool skip_bad;
	bool quiet;
};

static const struct sim_values sim_defaults = {
	.seed = NOT_GIVEN,
	.amplify_milli = NOT_GIVEN,
	.repeat = NOT_GIVEN,
	.limit = NOT_GIVEN,
	.scale = 1,
	.spread = SPREAD_NOT_GIVEN,
};

static const char *const spread_words[] = {"seeded", "none", NULL};

#define VALUE(member) offsetof(struct sim_values, member)
static const struct tr_option sim_options[] = {
	{"policy", "FILE", "the policy (default: the scenario's)", TR_OPTION_TEXT, VALUE(policy), 0,
	 0, NULL},
	{"trace", "FORMAT:FILE",
	 "requests from azure:, mooncake:, arena:, burstgpt:, tailrace:, trr:", TR_OPTION_TEXT,
	 VALUE(trace), 0, 0, NULL},
	{"seed", "N", "seed of every random draw (default 1)", TR_OPTION_U64, VALUE(seed), 0,
	 INT64_MAX, NULL},
	{"amplify", "K", "requests made of each row, such as 2.5 (default 1)", TR_OPTION_MILLI,
	 VALUE(amplify_milli), 1, TR_TRACE_AMPLIFY_MAX, NULL},
	{"scale-fleet", "K", "copies of each endpoint and its server (default 1)", TR_OPTION_U64,
	 VALUE(scale), 1, SCALE_MAX, NULL},
	{"repeat", "K", "times the trace is played (default 1)", TR_OPTION_U64, VALUE(repeat), 1,
	 TR_TRACE_REPEAT_MAX, NULL},
	{"spread", "HOW", "rows that share a time stamp: seeded over the gap, or none (seeded)",
	 TR_OPTION_CHOICE, VALUE(spread), 0, 0, spread_words},
	{"skip-bad", NULL, "count malformed rows and go on", TR_OPTION_FLAG, VALUE(skip_bad), 0, 0,
	 NULL},
	{"limit", "N", "stop after so many requests", TR_OPTION_U64, VALUE(limit), 1, INT64_MAX,
	 NULL},
	{"record", "FILE", "write a recording, for tailrace replay", TR_OPTION_TEXT, VALUE(record),
	 0, 0, NULL},
	{"json", "FILE", "write the result as JSON; '-' instead of the summary", TR_OPTION_TEXT,
	 VALUE(json), 0, 0, NULL},
	{"quiet", NULL, "no summary and no progress", TR_OPTION_FLAG, VALUE(quiet), 0, 0, NULL},
};
#undef VALUE

/* Everything one run holds. */
struct session {
	const struct sim_values *values;
	struct tr_scenario *scenario;
	const char *scenario_path;
	const char *policy_path;
	struct tr_policy_file *policy;
	struct tr_server *servers;
	struct tr_fault *faults;
	struct tr_trace *trace;
	const char *trace_spec;
	uint64_t requests_max;
	uint64_t seed;
	struct tr_replayed *replayed;
	struct tr_synthetic synthetic;
	struct tr_workload inner;
	struct tr_run *run;
	struct tr_ledger *ledger;
	struct tr_names names;
	struct tr_recorder *recorder;
	struct tr_whole_file json;
	uint64_t wall_ns;
	struct tr_diagnostic diagnostic;
};

/* --------------------------------------------------------------------------------------- inputs */

static int fail_memory(void)
{
	return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
}

static int fail_input(const struct session *session)
{
	return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &session->diagnostic);
}

static bool is_input(const struct session *session, const char *output)
{
	const char *trace =
		session->values->trace ? session->values->trace : session->scenario->trace;
	const char *colon = trace ? strchr(trace, ':') : NULL;
	const char *const inputs[] = {
		session->scenario_path,
		session->values->policy ? session->values->policy : session->scenario->policy,
		colon ? colon + 1 : NULL,
	};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(inputs); i++)
		if (tr_output_same(output, inputs[i]))
			return true;
	return false;
}

static int check_usage(const struct session *session)
{
	const struct sim_values *values = session->values;
	bool trace = values->trace || session->scenario->source == TR_SOURCE_TRACE;

	if (!values->policy && !session->scenario->policy)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "a policy is missing: give --policy FILE or a scenario that "
				   "names one");
	if (!values->trace && session->scenario->source == TR_SOURCE_NONE)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "requests are missing: give --trace FORMAT:FILE or a scenario "
				   "with a trace or a workload");
	if (!trace && (values->amplify_milli != NOT_GIVEN || values->repeat != NOT_GIVEN ||
		       values->spread != SPREAD_NOT_GIVEN || values->skip_bad))
		return tr_cli_fail(TR_EXIT_USAGE,
				   "--amplify, --repeat, --spread and --skip-bad need a trace; the "
				   "scenario has a workload");
	if (is_input(session, values->record) || is_input(session, values->json))
		return tr_cli_fail(
			TR_EXIT_USAGE, "%s: is read by this run, and cannot be its output",
			is_input(session, values->record) ? values->record : values->json);
	if (tr_output_same(values->record, values->json))
		return tr_cli_fail(TR_EXIT_USAGE, "--record and --json name the same file");
	if (values->record && strcmp(values->record, "-") == 0)
		return tr_cli_fail(TR_EXIT_USAGE, "--record needs the name of a file");
	return TR_EXIT_OK;
}

static int open_scenario(struct session *session)
{
	if (session->scenario_path) {
		if (tr_scenario_load_file(session->scenario_path, &session->scenario,
					  &session->diagnostic))
			return fail_input(session);
	} else {
		session->scenario = tr_scenario_default();
		if (!session->scenario)
			return fail_memory();
	}
	session->seed = session->values->seed != NOT_GIVEN ? session->values->seed
							   : session->scenario->seed;
	session->requests_max = session->values->limit != NOT_GIVEN
					? session->values->limit
					: session->scenario->requests_max;
	return check_usage(session);
}

static int open_policy(struct session *session)
{
	struct tr_policy_file *scaled;

	session->policy_path =
		session->values->policy ? session->values->policy : session->scenario->policy;
	if (tr_policy_load_file(session->policy_path, &session->policy, &session->diagnostic))
		return fail_input(session);
	if (session->values->scale > 1) {
		if (tr_policy_scale(session->policy, (unsigned)session->values->scale, &scaled,
				    &session->diagnostic))
			return fail_input(session);
		tr_policy_free(session->policy);
		session->policy = scaled;
	}
	if (tr_scenario_servers(session->scenario, session->policy, &session->servers,
				&session->diagnostic))
		return fail_input(session);
	if (tr_scenario_faults(session->scenario, session->policy, &session->faults,
			       &session->diagnostic))
		return fail_input(session);
	return TR_EXIT_OK;
}

static int open_trace(struct session *session)
{
	const struct sim_values *values = session->values;
	struct tr_trace_options options = {.amplify_milli = 1000, .repeat = 1, .spread = true};
	enum tr_trace_format format;
	const char *path;

	session->trace_spec = values->trace;
	if (!session->trace_spec) {
		session->trace_spec = session->scenario->trace;
		options = session->scenario->trace_options;
	}
	options.seed = session->seed;
	if (values->amplify_milli != NOT_GIVEN)
		options.amplify_milli = (uint32_t)values->amplify_milli;
	if (values->repeat != NOT_GIVEN)
		options.repeat = (uint32_t)values->repeat;
	if (values->spread != SPREAD_NOT_GIVEN)
		options.spread = values->spread == SPREAD_SEEDED;
	options.skip_bad |= values->skip_bad;
	if (tr_trace_spec(session->trace_spec, &format, &path, &session->diagnostic))
		return tr_cli_fail_diagnostic(TR_EXIT_USAGE, &session->diagnostic);
	if (tr_trace_open(format, path, &options, &session->trace, &session->diagnostic))
		return fail_input(session);
	session->replayed = malloc(sizeof *session->replayed);
	if (!session->replayed)
		return fail_memory();
	tr_replayed_init(session->replayed, session->trace,
			 &(struct tr_replayed_options){
				 .seed = session->seed,
				 .requests_max = session->requests_max,
				 .duration = session->scenario->duration,
				 .labels = session->scenario->labels,
			 });
	session->inner = tr_replayed_workload(session->replayed);
	return TR_EXIT_OK;
}

static int open_workload(struct session *session)
{
	const struct tr_scenario *scenario = session->scenario;

	if (session->values->trace || scenario->source == TR_SOURCE_TRACE)
		return open_trace(session);
	tr_synthetic_init(&session->synthetic, &(struct tr_synthetic_options){
						       .seed = session->seed,
						       .start = TR_WORKLOAD_EPOCH,
						       .process = scenario->process,
						       .tokens_in = scenario->tokens_in,
						       .tokens_out = scenario->tokens_out,
						       .requests_max = session->requests_max,
						       .duration = scenario->duration,
						       .labels = scenario->labels,
					       });
	session->inner = tr_synthetic_workload(&session->synthetic);
	return TR_EXIT_OK;
}

/* ------------------------------------------------------------------------------------------ run */

static void take_name(struct session *session, tr_name name, const char *text)
{
	if (name == 0 || !text)
		return;
	if (session->recorder)
		tr_recorder_name(session->recorder, name, text, strlen(text));
	else if (!session->run)
		tr_names_add(&session->names, name, text); /* kept for the recorder to come */
}

static void take_names(struct session *session, const struct tr_arrival *arrival)
{
	take_name(session, arrival->tenant, arrival->tenant_text);
	take_name(session, arrival->session, arrival->session_text);
	take_name(session, arrival->model, arrival->model_text);
	if (arrival->tenant && arrival->tenant_text)
		tr_names_add(&session->names, arrival->tenant, arrival->tenant_text);
}

/* Names go to the recorder before the event that uses them: an arrival is fetched one event ahead.
 */
static int next_arrival(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct session *session = self;
	int got = session->inner.next(session->inner.self, ret, ret_diagnostic);

	if (got > 0)
		take_names(session, ret);
	return got;
}

static void record_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
			const struct tr_actions *actions)
{
	struct session *session = self;

	tr_recorder_step(session->recorder, engine, event, actions);
}

static int open_recorder(struct session *session, const struct tr_limits *limits)
{
	const struct tr_policy *policy = tr_policy_compiled(session->policy);
	struct tr_recorder_options options = {.temporary = true, .snapshot_each = SNAPSHOT_EACH};
	struct tr_recording_header header;
	const char *canonical;
	size_t length;

	if (!session->values->record)
		return TR_EXIT_OK;
	tr_recording_header_init(&header, limits, policy, session->seed,
				 tr_run_start(session->run));
	if (tr_recorder_create(session->values->record, &header, &options, &session->recorder,
			       &session->diagnostic))
		return tr_cli_fail_diagnostic(TR_EXIT_OUTPUT, &session->diagnostic);
	canonical = tr_policy_canonical(session->policy, &length);
	tr_recorder_policy(session->recorder, 0, policy->id, canonical, length);
	/* The first arrival was fetched before there was a recorder. */
	for (uint32_t i = 0; i < session->names.count; i++)
		take_name(session, session->names.entries[i].name, session->names.entries[i].text);
	tr_run_observe(session->run, record_step, session);
	return TR_EXIT_OK;
}

static int fail_run(const struct session *session, int err)
{
	if (err == TR_RUN_WORKLOAD)
		return fail_input(session);
	if (err == TR_RUN_POLICY)
		return tr_cli_fail(TR_EXIT_INPUT, "%s: the policy does not fit the engine's limits",
				   session->policy_path);
	return fail_memory();
}

static int open_run(struct session *session)
{
	struct tr_run_options options = {
		.policy = tr_policy_compiled(session->policy),
		.seed = session->seed,
		.workload = {.next = next_arrival, .self = session},
		.servers = session->servers,
		.server_count = tr_policy_compiled(session->policy)->endpoint_count,
		.faults = session->faults,
		.fault_count = session->scenario->fault_count,
		.signal = session->scenario->signal,
		.signal_age = session->scenario->signal_age,
		.store_delay = session->scenario->store_delay,
		.stop_after = session->scenario->stop_after,
	};
	int err;

	tr_run_limits(options.policy, &options.limits);
	err = tr_run_new(&options, &session->run, &session->diagnostic);
	if (err < 0)
		return fail_run(session, err);
	if (tr_run_arrivals(session->run) == 0)
		return tr_cli_fail(TR_EXIT_INPUT, "%s: there are no requests in it",
				   session->trace_spec ? session->trace_spec
						       : session->scenario_path);
	session->ledger = tr_ledger_new(options.policy, options.limits.jobs);
	if (!session->ledger)
		return fail_memory();
	tr_run_observe(session->run, tr_ledger_step, session->ledger);
	if (session->values->json &&
	    tr_json_file_open(session->values->json, &session->json, &session->diagnostic))
		return tr_cli_fail_diagnostic(TR_EXIT_OUTPUT, &session->diagnostic);
	return open_recorder(session, &options.limits);
}

/* Thousandths of the requests that have come; above 1000: nobody knows. */
static uint32_t share_done(const struct session *session)
{
	uint64_t arrivals = tr_run_arrivals(session->run), done, all;

	if (session->requests_max)
		return (uint32_t)tr_min(tr_mul_div(arrivals, 1000, session->requests_max), 1000);
	if (session->trace) {
		tr_trace_progress(session->trace, &done, &all);
		return all ? (uint32_t)tr_min(tr_mul_div(done, 1000, all), 1000) : UINT32_MAX;
	}
	return (uint32_t)tr_min(tr_mul_div(tr_run_now(session->run) - tr_run_start(session->run),
					   1000, tr_max(session->scenario->duration, 1)),
				1000);
}

static int advance(struct session *session)
{
	struct tr_progress progress;
	const struct tr_diagnostic *error;
	int more = 1;

	tr_progress_begin(&progress, session->values->quiet);
	while (more == 1) {
		more = tr_run_advance(session->run, STEPS_AT_ONCE, &session->diagnostic);
		if (session->recorder && tr_recorder_error(session->recorder))
			break;
		if (tr_progress_due(&progress))
			tr_progress_show(&progress, tr_ledger_submitted(session->ledger),
					 "requests", share_done(session), "");
	}
	tr_progress_end(&progress);
	session->wall_ns = tr_progress_clock() - progress.began_ns;
	if (more < 0)
		return fail_input(session);
	error = session->recorder ? tr_recorder_error(session->recorder) : NULL;
	return error ? tr_cli_fail_diagnostic(TR_EXIT_OUTPUT, error) : TR_EXIT_OK;
}

/* --------------------------------------------------------------------------------------- outputs
 */

static const char *name_text(void *self, tr_name name)
{
	const struct session *session = self;
	const char *text = tr_policy_name(session->policy, name);

	return text ? text : tr_names_text(&session->names, name);
}

static json_t *make_json(struct session *session)
{
	struct tr_result *result = malloc(sizeof *result);
	const struct tr_engine *engine = tr_run_engine(session->run);
	struct tr_result_origin origin = {
		.scenario = session->scenario_path,
		.policy = session->policy_path,
		.trace = session->trace_spec,
		.wall_ns = session->wall_ns,
		.name_of = name_text,
		.self = session,
	};
	json_t *json;

	if (!result)
		return NULL;
	tr_ledger_result(session->ledger, result);
	result->run_hash = tr_engine_chain(engine);
	result->path_hash = tr_engine_path(engine);
	result->policy_id = tr_policy_compiled(session->policy)->id;
	result->seed = session->seed;
	if (session->trace) {
		struct tr_trace_counts counts = tr_trace_counts(session->trace);

		origin.rows_skipped = counts.skipped;
		origin.rows_adjusted = counts.adjusted;
	} else {
		origin.arrivals = tr_process_words[session->scenario->process.kind];
	}
	json = tr_result_json(result, &origin);
	free(result);
	return json;
}

static int finish_recorder(struct session *session)
{
	struct tr_recording_state state = {0};

	if (!session->recorder)
		return TR_EXIT_OK;
	tr_recording_state_of(tr_run_engine(session->run), &state);
	if (tr_recorder_finish(session->recorder, &state, &session->diagnostic))
		return tr_cli_fail_diagnostic(TR_EXIT_OUTPUT, &session->diagnostic);
	return TR_EXIT_OK;
}

static int report(struct session *session)
{
	bool to_stdout = session->values->json && strcmp(session->values->json, "-") == 0;
	json_t *json = make_json(session);
	int code = TR_EXIT_OK;

	if (!json)
		return fail_memory();
	if (session->values->json &&
	    tr_json_file_finish(&session->json, session->values->json, json, &session->diagnostic))
		code = tr_cli_fail_diagnostic(TR_EXIT_OUTPUT, &session->diagnostic);
	if (code == TR_EXIT_OK && !session->values->quiet && !to_stdout)
		tr_summary_print(json, stdout, tr_terminal_colors(stdout));
	json_decref(json);
	return code;
}

static void session_done(struct session *session)
{
	tr_whole_file_cancel(&session->json);
	tr_recorder_free(session->recorder);
	tr_ledger_free(session->ledger);
	tr_run_free(session->run);
	tr_trace_close(session->trace);
	free(session->replayed);
	free(session->faults);
	free(session->servers);
	tr_policy_free(session->policy);
	tr_scenario_free(session->scenario);
	free(session);
}

static int sim_run(const void *values, int argument_count, char **arguments)
{
	static int (*const stages[])(struct session *) = {
		open_scenario, open_policy,	open_workload, open_run,
		advance,       finish_recorder, report,
	};
	struct session *session = calloc(1, sizeof *session);
	int code = TR_EXIT_OK;

	if (!session)
		return fail_memory();
	session->values = values;
	session->scenario_path = argument_count > 0 ? arguments[0] : NULL;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(stages) && code == TR_EXIT_OK; i++)
		code = stages[i](session);
	session_done(session);
	return code;
}

const struct tr_command tr_command_sim = {
	.name = "sim",
	.summary = "simulate a policy under requests from a trace or a scenario",
	.usage = "[SCENARIO] [OPTION...]",
	.example = "tailrace sim --policy scenarios/policies/demo.yaml --trace azure:code.csv",
	.details = "The same seed and inputs give the same run_hash on every machine.",
	.options = sim_options,
	.option_count = TR_ARRAY_LENGTH(sim_options),
	.values_size = sizeof(struct sim_values),
	.defaults = &sim_defaults,
	.arguments_min = 0,
	.arguments_max = 1,
	.run = sim_run,
};
