/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace sim: requests from a trace or a scenario through a policy, in virtual time.
 *
 * What the command line gives goes before what the scenario says, and the scenario before the
 * defaults. One case (a file with one seed, or options alone) is played here and shown as a page;
 * anything more (a folder, several paths, a file with `seeds`, or an option that speaks of many) is
 * a sweep (cli/sweep.c). Which of the two it is, the command line and the file decide, not how many
 * cases are found: the shape of the output can be relied on.
 *
 * Every output is made before the run, under a name of its own, and moved into place after it: a
 * failed run leaves nothing.
 */
#include "cli/sim.h"

#include <stdlib.h>
#include <string.h>

#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/pool.h"
#include "reports/junit.h"
#include "reports/progress.h"
#include "reports/summary.h"
#include "reports/terminal.h"

/* Steps between two looks at the clock. */
#define STEPS_AT_ONCE 4096
#define SCALE_MAX     100
#define PATHS_MAX     100000

static const struct tr_sim_values sim_defaults = {
	.seed = TR_CASE_NOT_GIVEN,
	.amplify_milli = TR_CASE_NOT_GIVEN,
	.repeat = TR_CASE_NOT_GIVEN,
	.limit = TR_CASE_NOT_GIVEN,
	.scale = 1,
	.spread = TR_CASE_SPREAD_NOT_GIVEN,
};

static const char *const spread_words[] = {"seeded", "none", NULL};

#define VALUE(member) offsetof(struct tr_sim_values, member)
static const struct tr_option sim_options[] = {
	{"policy", "FILE", "the policy (default: the scenario's)", TR_OPTION_TEXT, VALUE(policy), 0,
	 0, NULL},
	{"trace", "FORMAT:FILE",
	 "requests from azure:, mooncake:, arena:, burstgpt:, tailrace:, trr:", TR_OPTION_TEXT,
	 VALUE(trace), 0, 0, NULL},
	{"set", "NAME=VALUE", "a parameter of the scenario; many times", TR_OPTION_TEXTS,
	 VALUE(set), 0, 0, NULL},
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
	{"junit", "FILE", "write JUnit XML", TR_OPTION_TEXT, VALUE(junit), 0, 0, NULL},
	{"filter", "TEXT", "only files with this in their path", TR_OPTION_TEXT, VALUE(filter), 0,
	 0, NULL},
	{"list", NULL, "name the cases and play none", TR_OPTION_FLAG, VALUE(list), 0, 0, NULL},
	{"jobs", "N", "cases at once (default: the CPUs)", TR_OPTION_U64, VALUE(jobs), 1,
	 TR_POOL_JOBS_MAX, NULL},
	{"fail-fast", NULL, "end behind the first case that fails", TR_OPTION_FLAG,
	 VALUE(fail_fast), 0, 0, NULL},
	{"shard", "I/N", "every N-th case from the I-th; see tailrace merge", TR_OPTION_TEXT,
	 VALUE(shard), 0, 0, NULL},
	{"out", "DIR", "keep finished cases there, and take those that are", TR_OPTION_TEXT,
	 VALUE(out), 0, 0, NULL},
	{"quiet", NULL, "no summary and no progress", TR_OPTION_FLAG, VALUE(quiet), 0, 0, NULL},
};
#undef VALUE

/* -------------------------------------------------------------------- shared with cli/sweep.c */

struct tr_case_options tr_sim_case_options(const struct tr_sim_values *values, uint64_t seed)
{
	return (struct tr_case_options){
		.policy = values->policy,
		.trace = values->trace,
		.record = values->record,
		.seed = seed,
		.amplify_milli = values->amplify_milli,
		.repeat = values->repeat,
		.spread = (enum tr_case_spread)values->spread,
		.skip_bad = values->skip_bad,
		.requests_max = values->limit,
		.scale = values->scale,
	};
}

int tr_sim_check(const struct tr_sim_values *values, const struct tr_scenario *scenario,
		 struct tr_diagnostic *ret_diagnostic)
{
	bool trace = values->trace || scenario->source == TR_SOURCE_TRACE;
	bool reshaped = values->amplify_milli != TR_CASE_NOT_GIVEN ||
			values->repeat != TR_CASE_NOT_GIVEN ||
			values->spread != TR_CASE_SPREAD_NOT_GIVEN || values->skip_bad;

	if (!values->policy && !scenario->policy)
		return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL,
				   "a policy is missing: give --policy FILE or a scenario that "
				   "names one");
	if (!values->trace && scenario->source == TR_SOURCE_NONE)
		return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL,
				   "requests are missing: give --trace FORMAT:FILE or a scenario "
				   "with a trace or a workload");
	if (!trace && reshaped)
		return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL,
				   "--amplify, --repeat, --spread and --skip-bad need a trace; the "
				   "scenario has a workload");
	return 0;
}

bool tr_sim_is_input(const struct tr_sim_values *values, const struct tr_scenario *scenario,
		     const char *output)
{
	const char *trace = values->trace ? values->trace : scenario ? scenario->trace : NULL;
	const char *colon = trace ? strchr(trace, ':') : NULL;
	const char *const inputs[] = {
		scenario ? scenario->path : NULL,
		values->policy ? values->policy
		: scenario     ? scenario->policy
			       : NULL,
		colon ? colon + 1 : NULL,
	};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(inputs); i++)
		if (tr_output_same(output, inputs[i]))
			return true;
	return false;
}

int tr_sim_exit(int error)
{
	static const int codes[] = {
		[-TR_CASE_USAGE] = TR_EXIT_USAGE,
		[-TR_CASE_INPUT] = TR_EXIT_INPUT,
		[-TR_CASE_OUTPUT] = TR_EXIT_OUTPUT,
		[-TR_CASE_MEMORY] = TR_EXIT_OUTPUT,
	};

	TR_ASSERT(error < 0 && (size_t)-error < TR_ARRAY_LENGTH(codes));
	return codes[-error];
}

/* ------------------------------------------------------------------------------------- one case */

struct single {
	const struct tr_sim_values *values;
	struct tr_scenario *scenario;
	struct tr_case *playing;
	struct tr_whole_file json;
	struct tr_whole_file junit;
	uint64_t wall_ns;
	struct tr_diagnostic diagnostic;
};

static int fail(const struct single *single, int error)
{
	return tr_cli_fail_diagnostic(tr_sim_exit(error), &single->diagnostic);
}

static int check_outputs(const struct single *single)
{
	const struct tr_sim_values *values = single->values;
	const char *const outputs[] = {values->record, values->json, values->junit};
	static const char *const names[] = {"--record", "--json", "--junit"};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(outputs); i++) {
		if (tr_sim_is_input(values, single->scenario, outputs[i]))
			return tr_cli_fail(TR_EXIT_USAGE,
					   "%s: is read by this run, and cannot be its output",
					   outputs[i]);
		for (size_t k = 0; k < i; k++)
			if (outputs[i] && outputs[k] &&
			    (tr_output_same(outputs[i], outputs[k]) ||
			     strcmp(outputs[i], outputs[k]) == 0))
				return tr_cli_fail(TR_EXIT_USAGE, "%s and %s name the same file",
						   names[k], names[i]);
	}
	if (values->record && strcmp(values->record, "-") == 0)
		return tr_cli_fail(TR_EXIT_USAGE, "--record needs the name of a file");
	return TR_EXIT_OK;
}

static int open_case(struct single *single)
{
	const struct tr_sim_values *values = single->values;
	struct tr_case_options options = tr_sim_case_options(values, values->seed);
	int code, err;

	if (tr_sim_check(values, single->scenario, &single->diagnostic))
		return tr_cli_fail_diagnostic(TR_EXIT_USAGE, &single->diagnostic);
	code = check_outputs(single);
	if (code != TR_EXIT_OK)
		return code;
	err = tr_case_open(single->scenario, &options, &single->playing, &single->diagnostic);
	if (err)
		return fail(single, err);
	if (values->json && tr_output_open(values->json, &single->json) != TR_EXIT_OK)
		return TR_EXIT_OUTPUT;
	return values->junit ? tr_output_open(values->junit, &single->junit) : TR_EXIT_OK;
}

static int play(struct single *single)
{
	struct tr_progress progress;
	int more = 1;

	tr_progress_begin(&progress, single->values->quiet);
	while (more == 1) {
		more = tr_case_advance(single->playing, STEPS_AT_ONCE, &single->diagnostic);
		if (more >= 0 && tr_progress_due(&progress))
			tr_progress_show(&progress, tr_case_submitted(single->playing), "requests",
					 tr_case_share(single->playing), "");
	}
	tr_progress_end(&progress);
	single->wall_ns = tr_max(tr_progress_clock() - progress.began_ns, 1);
	if (more == 0)
		more = tr_case_finish(single->playing, &single->diagnostic);
	return more < 0 ? fail(single, more) : TR_EXIT_OK;
}

static json_t *make_outcome(struct single *single)
{
	const struct tr_case_file file = {.path = single->scenario->path,
					  .scenario = single->scenario};
	const struct tr_case_entry entry = {
		.seeded = true,
		.seed = single->values->seed != TR_CASE_NOT_GIVEN ? single->values->seed
								  : single->scenario->seed,
	};
	json_t *result = tr_case_json(single->playing, single->wall_ns);

	return result ? tr_outcome_of(&file, &entry, result) : NULL;
}

static int write_junit(struct single *single, const json_t *outcome)
{
	struct tr_junit *junit = tr_junit_new();
	int error;

	if (!junit)
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	tr_junit_add(junit, outcome);
	error = tr_junit_write(junit, single->junit.stream);
	tr_junit_free(junit);
	if (error)
		return tr_cli_fail(TR_EXIT_OUTPUT, "%s: cannot be written: %s",
				   single->values->junit, strerror(error));
	return tr_output_finish(&single->junit, single->values->junit);
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static int report(struct single *single)
{
	const struct tr_sim_values *values = single->values;
	bool shown = !values->quiet && !is_stdout(values->json) && !is_stdout(values->junit);
	json_t *outcome = make_outcome(single);
	int code = TR_EXIT_OK;

	if (!outcome)
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	if (values->json)
		code = tr_output_finish_json(&single->json, values->json, outcome);
	if (code == TR_EXIT_OK && values->junit)
		code = write_junit(single, outcome);
	if (code == TR_EXIT_OK && shown)
		tr_summary_print(outcome, stdout, tr_terminal_colors(stdout));
	if (code == TR_EXIT_OK)
		code = tr_outcome_exit(tr_outcome_status(outcome));
	json_decref(outcome);
	return code;
}

static int play_single(const struct tr_sim_values *values, struct tr_scenario *scenario)
{
	static int (*const stages[])(struct single *) = {open_case, play, report};
	struct single single = {.values = values, .scenario = scenario};
	int code = TR_EXIT_OK;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(stages) && code == TR_EXIT_OK; i++)
		code = stages[i](&single);
	tr_whole_file_cancel(&single.json);
	tr_whole_file_cancel(&single.junit);
	tr_case_free(single.playing);
	return code;
}

/* -------------------------------------------------------------------------------------- command */

/* Options that speak of many cases make a sweep of one. */
static bool is_sweep(const struct tr_sim_values *values, int path_count, char **paths)
{
	return path_count > 1 || values->shard || values->out || values->list || values->filter ||
	       (path_count == 1 && tr_cases_is_folder(paths[0]));
}

static int run_sweep(const struct tr_sim_values *values, int path_count, char **paths)
{
	if (values->record)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "--record needs one scenario of one seed: give --seed N");
	if (path_count == 0)
		return tr_cli_fail(TR_EXIT_USAGE, "a scenario is missing: tailrace sim PATH...");
	if (values->shard && values->fail_fast)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "--fail-fast leaves cases out, and a shard must be whole");
	if (values->json && values->junit &&
	    (tr_output_same(values->json, values->junit) ||
	     strcmp(values->json, values->junit) == 0))
		return tr_cli_fail(TR_EXIT_USAGE, "--json and --junit name the same file");
	return tr_sweep_run(values, path_count, paths);
}

static int load_single(const struct tr_sim_values *values, const char *path,
		       struct tr_scenario **ret)
{
	struct tr_scenario_setting settings[TR_TEXTS_MAX];
	struct tr_scenario_reading reading = {.settings = settings,
					      .setting_count = values->set.count};
	struct tr_diagnostic diagnostic;
	int code = tr_cases_settings(values, settings);

	if (code != TR_EXIT_OK)
		return code;
	if (path && tr_scenario_load(path, &reading, ret, &diagnostic))
		return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
	if (!path)
		*ret = tr_scenario_default();
	if (!*ret)
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	return tr_cases_check_settings(values, (const struct tr_scenario *const *)ret, 1);
}

static int sim_run(const void *values_, int argument_count, char **arguments)
{
	const struct tr_sim_values *values = values_;
	struct tr_scenario *scenario = NULL;
	bool seeds;
	int code;

	if (is_sweep(values, argument_count, arguments))
		return run_sweep(values, argument_count, arguments);
	code = load_single(values, argument_count > 0 ? arguments[0] : NULL, &scenario);
	seeds = code == TR_EXIT_OK && scenario->seeds_given && values->seed == TR_CASE_NOT_GIVEN;
	if (code == TR_EXIT_OK && !seeds)
		code = play_single(values, scenario);
	tr_scenario_free(scenario);
	return seeds ? run_sweep(values, argument_count, arguments) : code;
}

const struct tr_command tr_command_sim = {
	.name = "sim",
	.summary = "play scenarios: a policy under requests, on simulated servers",
	.usage = "[PATH...] [OPTION...]",
	.example = "tailrace sim scenarios/ --junit results.xml",
	.details =
		"A PATH is a scenario, or a folder of them. One file with one seed is shown as a\n"
		"page, many cases as a line each. The same seed and inputs give the same run_hash.",
	.options = sim_options,
	.option_count = TR_ARRAY_LENGTH(sim_options),
	.values_size = sizeof(struct tr_sim_values),
	.defaults = &sim_defaults,
	.arguments_min = 0,
	.arguments_max = PATHS_MAX,
	.run = sim_run,
};
