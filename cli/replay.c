/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace replay: does this program decide what the recorded one decided?
 *
 * Exit 0: everything compared was equal. 1: it differs, and the first difference is shown. 3: the
 * file is torn (unless allowed), corrupt, or not for this version.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/replay_difference.h"
#include "reports/progress.h"
#include "traces/replay.h"

struct replay_values {
	bool allow_torn;
	bool json;
	uint64_t from_snapshot;
};

static const struct replay_values replay_defaults = {.json = false};

static const struct tr_option replay_options[] = {
	{"allow-torn", NULL, "replay a torn file up to its last whole frame", TR_OPTION_FLAG,
	 offsetof(struct replay_values, allow_torn), 0, 0, NULL},
	{"from-snapshot", "N", "restore the N-th snapshot and begin there (default: the start)",
	 TR_OPTION_U64, offsetof(struct replay_values, from_snapshot), 1, UINT32_MAX, NULL},
	{"json", NULL, "print one JSON object", TR_OPTION_FLAG,
	 offsetof(struct replay_values, json), 0, 0, NULL},
};

static void show_progress(void *context, uint64_t bytes, uint64_t bytes_all, uint64_t events)
{
	struct tr_progress *progress = context;
	uint64_t permille = bytes_all > 0 ? tr_mul_div(bytes, 1000, bytes_all) : UINT32_MAX;

	if (tr_progress_due(progress))
		tr_progress_show(progress, events, "events", (uint32_t)permille, "");
}

/* ------------------------------------------------------------------------------------------ text
 */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_outside(const struct tr_replay_result *result)
{
	uint64_t outside = result->events_outside + result->events_lost;
	uint64_t all = outside + result->events;

	if (outside == 0)
		return;
	printf("  outside      %" PRIu64 " of %" PRIu64 " events (%" PRIu64 "%%) could not be "
	       "replayed: %" PRIu64 " lost in %" PRIu64 " gap%s, %" PRIu64
	       " recorded where no state was known, with %" PRIu64 " job%s submitted\n",
	       outside, all, tr_mul_div(outside, 100, all), result->events_lost, result->gaps,
	       plural(result->gaps), result->events_outside, result->jobs_outside,
	       plural(result->jobs_outside));
}

/* What was left out of the comparison, and why. */
static void print_notes(const struct tr_replay *replay)
{
	const struct tr_replay_result *result = tr_replay_result(replay);
	const struct tr_recording_header *header = tr_replay_header(replay);

	if (result->torn)
		printf("  torn         the end of the recording is missing; what is whole was "
		       "replayed, to event %" PRIu64 "\n",
		       result->events);
	print_outside(result);
	if (result->snapshots > 0 || result->restored > 0)
		printf("  snapshots    %" PRIu64 " compared, %" PRIu64 " restored\n",
		       result->snapshots, result->restored);
	if (!result->paths_compared)
		printf("  hashes       not compared: recorded with path version %u, this program "
		       "has %u\n",
		       header->path_version, TR_PATH_VERSION);
	if (!result->digests_compared)
		printf("  digests      not compared: recorded with state version %u, this program "
		       "has %u\n",
		       header->state_version, TR_STATE_VERSION);
	if (result->decisions_differ > 0)
		printf("  decisions    %" PRIu64
		       " event%s with the same actions and other decision "
		       "records, first event %" PRIu64 "\n",
		       result->decisions_differ, plural(result->decisions_differ),
		       result->decisions_differ_first);
}

static void print_text(const char *path, const struct tr_replay *replay)
{
	const struct tr_replay_result *result = tr_replay_result(replay);
	tr_time_ns start = tr_replay_header(replay)->start;
	char span[32];

	printf("%s: %" PRIu64 "/%" PRIu64 " jobs, ", path, result->jobs_equal, result->jobs);
	if (result->difference == TR_DIFFERENCE_NONE)
		printf("%s equal\n", result->paths_compared ? "path hash" : "actions");
	else if (result->difference == TR_DIFFERENCE_REFUSED ||
		 result->difference == TR_DIFFERENCE_ACTIONS ||
		 result->difference == TR_DIFFERENCE_CHAIN)
		printf("event %" PRIu64 " differs: %s\n", result->number,
		       tr_difference_text(result->difference));
	else
		printf("differs after event %" PRIu64 ": %s\n", result->number,
		       tr_difference_text(result->difference));
	printf("  events       %" PRIu64 " equal, %s of the recording's time\n", result->events,
	       tr_describe_span(tr_sub_sat(result->time, start), span, sizeof span));
	printf("  run hash     %016" PRIx64 "\n", result->chain);
	printf("  path hash    %016" PRIx64 "\n", result->path);
	print_notes(replay);
	if (result->difference != TR_DIFFERENCE_NONE)
		tr_replay_print_difference(stdout, replay);
}

/* ------------------------------------------------------------------------------------------ JSON
 */

static json_t *hash_json(uint64_t hash)
{
	return json_sprintf("%016" PRIx64, hash);
}

static json_t *difference_json(const struct tr_replay *replay)
{
	const struct tr_replay_result *result = tr_replay_result(replay);
	const struct tr_describer *describer = tr_replay_describer(replay);
	json_t *object;

	if (result->difference == TR_DIFFERENCE_NONE)
		return json_null();
	object = json_pack("{s:s, s:I, s:o, s:o}", "what", tr_difference_text(result->difference),
			   "event", (json_int_t)result->number, "run_hash_recorded",
			   hash_json(result->chain_recorded), "run_hash_replayed",
			   hash_json(result->chain));
	if (result->refusal < 0)
		json_object_set_new(object, "refusal", json_string(tr_error_text(result->refusal)));
	if (result->event.kind != TR_EVENT_NONE) {
		json_object_set_new(object, "input", tr_event_json(describer, &result->event));
		json_object_set_new(object, "recorded",
				    tr_actions_json(describer, &result->recorded));
		json_object_set_new(object, "replayed",
				    tr_actions_json(describer, &result->replayed));
	}
	return object;
}

static json_t *replay_json(const char *path, const struct tr_replay *replay)
{
	const struct tr_replay_result *result = tr_replay_result(replay);
	bool equal = result->difference == TR_DIFFERENCE_NONE;

	return json_pack(
		"{s:s%, s:s, s:I, s:I, s:I, s:o, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:o}",
		"recording", path, strlen(path), "verdict", equal ? "equal" : "differs", "jobs",
		(json_int_t)result->jobs, "jobs_equal", (json_int_t)result->jobs_equal, "events",
		(json_int_t)result->events, "run_hash", hash_json(result->chain), "path_hash",
		hash_json(result->path), "torn", result->torn, "hashes_compared",
		result->paths_compared, "digests_compared", result->digests_compared, "gaps",
		(json_int_t)result->gaps, "events_outside", (json_int_t)result->events_outside,
		"events_lost", (json_int_t)result->events_lost, "jobs_outside",
		(json_int_t)result->jobs_outside, "snapshots_compared",
		(json_int_t)result->snapshots, "snapshots_restored", (json_int_t)result->restored,
		"decisions_differ", (json_int_t)result->decisions_differ, "difference",
		difference_json(replay));
}

static void print_json(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;

	/* Only a path that is no UTF-8 or the end of memory lead here. */
	puts(text ? text : "{\"verdict\": \"bad\", \"error\": \"the result makes no JSON\"}");
	free(text);
	json_decref(object);
}

/* --------------------------------------------------------------------------------------- command
 */

static int run_replay(const void *opaque, int argument_count, char **arguments)
{
	const struct replay_values *values = opaque;
	struct tr_progress progress;
	struct tr_replay_options options = {
		.allow_torn = values->allow_torn,
		.from_snapshot = values->from_snapshot,
		.progress = show_progress,
		.context = &progress,
	};
	struct tr_diagnostic diagnostic = {.path = ""};
	char text[1024];
	struct tr_replay *replay;
	enum tr_replay_verdict verdict;
	bool advise;

	TR_ASSERT(argument_count == 1);
	tr_progress_begin(&progress, false);
	verdict = tr_replay_run(arguments[0], &options, &replay, &diagnostic);
	tr_progress_end(&progress);
	if (verdict == TR_REPLAY_BAD || verdict == TR_REPLAY_FOREIGN) {
		bool foreign = verdict == TR_REPLAY_FOREIGN;

		if (values->json)
			print_json(json_pack("{s:s, s:s, s:s}", "recording", arguments[0],
					     "verdict", foreign ? "foreign" : "bad", "error",
					     tr_diagnostic_text(&diagnostic, text, sizeof text)));
		advise = replay && tr_replay_result(replay)->torn && !values->allow_torn;
		tr_replay_free(replay);
		if (advise)
			return tr_cli_fail(TR_EXIT_INPUT,
					   "%s\n(--allow-torn replays what is whole)",
					   tr_diagnostic_text(&diagnostic, text, sizeof text));
		return tr_cli_fail_diagnostic(foreign ? TR_EXIT_INCONCLUSIVE : TR_EXIT_INPUT,
					      &diagnostic);
	}
	if (values->json)
		print_json(replay_json(arguments[0], replay));
	else
		print_text(arguments[0], replay);
	tr_replay_free(replay);
	return verdict == TR_REPLAY_EQUAL ? TR_EXIT_OK : TR_EXIT_FAILED;
}

const struct tr_command tr_command_replay = {
	.name = "replay",
	.summary = "replay a recording and compare every decision with the recorded one",
	.usage = "RECORDING [OPTION...]",
	.example = "tailrace replay monday.trr",
	.details = "RECORDING may be - for the standard input.\n"
		   "Says 'N/N jobs, path hash equal', or shows the first event that is decided\n"
		   "otherwise: both answers and both decision records, side by side.",
	.options = replay_options,
	.option_count = TR_ARRAY_LENGTH(replay_options),
	.values_size = sizeof(struct replay_values),
	.defaults = &replay_defaults,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_replay,
};
