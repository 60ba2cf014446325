/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace trace info | verify: what a trace is like, and whether a recording is whole.
 *
 * All figures are exact; shares and rates are fixed point, rounded to the digits that are shown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/trace.h"
#include "engine/policy/number.h"
#include "engine/policy/text.h"
#include "traces/decimal.h"
#include "traces/recording.h"
#include "traces/survey.h"
#include "traces/write.h"

struct info_values {
	bool skip_bad;
	bool json;
};
static const struct info_values info_defaults = {.json = false};
static const struct tr_option info_options[] = {
	{"json", NULL, "print one JSON object", TR_OPTION_FLAG, offsetof(struct info_values, json),
	 0, 0, NULL},
	{"skip-bad", NULL, "count malformed rows and go on", TR_OPTION_FLAG,
	 offsetof(struct info_values, skip_bad), 0, 0, NULL},
};

/* What the survey knows, as the figures that are printed. */
struct figures {
	const char *spec;
	enum tr_trace_format format;
	struct tr_trace_counts counts;
	const struct tr_survey *survey;
	uint64_t span_milli;	/* seconds */
	uint64_t mean_milli;	/* rows a second */
	uint64_t empty_deci;	/* percent of the seconds without a row, in tenths */
	uint64_t shared_deci;	/* percent of the rows that share a stamp */
	uint64_t repeated_deci; /* percent of the blocks that repeat */
};

/* a of b in tenths of a percent, to the nearest. */
static uint64_t share_deci(uint64_t a, uint64_t b)
{
	return b ? (tr_mul_div(a, 2000, b) + 1) / 2 : 0;
}

/* A number as text, good for the length of one statement. */
struct number {
	char text[TR_NUMBER_TEXT_MAX];
};

static const char *show(struct number *number, uint64_t value, unsigned scale)
{
	return tr_number_text(value, scale, number->text);
}
#define SHOW(value, scale) show(&(struct number){{0}}, value, scale)

static void print_tokens(const char *name, const struct tr_tally *tokens)
{
	printf("  %-22s p50 %" PRIu64 ", p90 %" PRIu64 ", p99 %" PRIu64 ", max %" PRIu64
	       "; %" PRIu64 " in all\n",
	       name, tr_tally_quantile(tokens, 5000), tr_tally_quantile(tokens, 9000),
	       tr_tally_quantile(tokens, 9900), tokens->max, tokens->sum);
}

static const char *at_least(const struct tr_set *set)
{
	return set->full ? "more than " : "";
}

static void print_text(const struct figures *figures)
{
	const struct tr_survey *survey = figures->survey;
	char clock[TR_CLOCK_TEXT_MAX];

	printf("%s\n", figures->spec);
	printf("  %-22s %" PRIu64, "rows", survey->rows);
	if (survey->failed)
		printf(", %" PRIu64 " of them failed", survey->failed);
	if (survey->unseen)
		printf(", %" PRIu64 " of them with an output that was never seen", survey->unseen);
	printf("\n");
	if (figures->counts.skipped)
		printf("  %-22s %" PRIu64 "\n", "malformed rows", figures->counts.skipped);
	if (figures->counts.adjusted)
		printf("  %-22s %" PRIu64 " rows\n", "size 0 read as 1", figures->counts.adjusted);
	printf("  %-22s %s s", "span", SHOW(figures->span_milli, 3));
	if (tr_trace_format_dated(figures->format))
		printf(" from %s", tr_clock_format(survey->first, clock));
	printf("\n");
	printf("  %-22s mean %s, p99 %" PRIu64 ", max %" PRIu64 "; %s%% of the seconds empty\n",
	       "requests a second", SHOW(figures->mean_milli, 3),
	       tr_tally_quantile(&survey->seconds, 9900), survey->seconds.max,
	       SHOW(figures->empty_deci, 1));
	print_tokens("tokens in", &survey->tokens_in);
	print_tokens("tokens out", &survey->tokens_out);
	printf("  %-22s %s%" PRIu64 "\n", "tenants", at_least(&survey->tenants),
	       survey->tenants.count);
	printf("  %-22s %s%" PRIu64 "\n", "sessions", at_least(&survey->sessions),
	       survey->sessions.count);
	printf("  %-22s %s%" PRIu64 "\n", "models", at_least(&survey->models),
	       survey->models.count);
	printf("  %-22s %s%% of the rows\n", "share a stamp", SHOW(figures->shared_deci, 1));
	if (survey->blocks)
		printf("  %-22s %" PRIu64 ", %s%" PRIu64
		       " different; %s%% repeat a prefix (a cache that never forgets)\n",
		       "prefix blocks", survey->blocks, at_least(&survey->block_set),
		       survey->block_set.count, SHOW(figures->repeated_deci, 1));
}

static void add_tokens(struct tr_text *text, const char *name, const struct tr_tally *tokens)
{
	tr_text_addf(text,
		     ",\"%s\":{\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
		     ",\"max\":%" PRIu64 ",\"sum\":%" PRIu64 "}",
		     name, tr_tally_quantile(tokens, 5000), tr_tally_quantile(tokens, 9000),
		     tr_tally_quantile(tokens, 9900), tokens->max, tokens->sum);
}

static void add_set(struct tr_text *text, const char *name, const struct tr_set *set)
{
	tr_text_addf(text, ",\"%s\":{\"different\":%" PRIu64 ",\"capped\":%s}", name, set->count,
		     set->full ? "true" : "false");
}

static void add_json(struct tr_text *text, const struct figures *figures)
{
	const struct tr_survey *survey = figures->survey;

	tr_text_add(text, "{\"trace\":");
	tr_text_add_json(text, figures->spec);
	tr_text_addf(text,
		     ",\"format\":\"%s\",\"rows\":%" PRIu64 ",\"bad_rows\":%" PRIu64
		     ",\"adjusted_rows\":%" PRIu64 ",\"failed_rows\":%" PRIu64
		     ",\"unseen_rows\":%" PRIu64,
		     tr_trace_format_name(figures->format), survey->rows, figures->counts.skipped,
		     figures->counts.adjusted, survey->failed, survey->unseen);
	tr_text_addf(text, ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64 ",\"span_seconds\":%s",
		     survey->first, survey->last, SHOW(figures->span_milli, 3));
	tr_text_addf(text,
		     ",\"requests_per_second\":{\"mean\":%s,\"p99\":%" PRIu64 ",\"max\":%" PRIu64
		     ",\"empty_percent\":%s}",
		     SHOW(figures->mean_milli, 3), tr_tally_quantile(&survey->seconds, 9900),
		     survey->seconds.max, SHOW(figures->empty_deci, 1));
	add_tokens(text, "tokens_in", &survey->tokens_in);
	add_tokens(text, "tokens_out", &survey->tokens_out);
	add_set(text, "tenants", &survey->tenants);
	add_set(text, "sessions", &survey->sessions);
	add_set(text, "models", &survey->models);
	tr_text_addf(text, ",\"shared_stamp_percent\":%s", SHOW(figures->shared_deci, 1));
	tr_text_addf(text,
		     ",\"prefix_blocks\":{\"count\":%" PRIu64 ",\"different\":%" PRIu64
		     ",\"capped\":%s,\"repeated\":%" PRIu64 ",\"repeated_percent\":%s}}\n",
		     survey->blocks, survey->block_set.count,
		     survey->block_set.full ? "true" : "false", survey->blocks_repeated,
		     SHOW(figures->repeated_deci, 1));
}

static int print_json(const struct figures *figures)
{
	struct tr_text text = {.bytes = NULL};
	char *bytes;
	size_t length;

	add_json(&text, figures);
	bytes = tr_text_take(&text, &length);
	if (!bytes)
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	fwrite(bytes, 1, length, stdout);
	free(bytes);
	return TR_EXIT_OK;
}

static int print(struct figures *figures, bool json)
{
	const struct tr_survey *survey = figures->survey;
	uint64_t seconds = survey->seconds.count;

	figures->span_milli = (survey->last - survey->first) / TR_MS;
	figures->mean_milli = (tr_mul_div(survey->rows, 2000, seconds) + 1) / 2;
	figures->empty_deci = share_deci(survey->seconds.cells[0], seconds);
	figures->shared_deci = share_deci(survey->shared, survey->rows);
	figures->repeated_deci = share_deci(survey->blocks_repeated, survey->blocks);
	if (json)
		return print_json(figures);
	print_text(figures);
	return TR_EXIT_OK;
}

/* All rows into the survey. */
static int read_all(struct tr_trace *trace, struct tr_survey *survey)
{
	struct tr_diagnostic diagnostic;
	struct tr_trace_row row;
	int got;

	while ((got = tr_trace_next(trace, &row, &diagnostic)) > 0)
		tr_survey_add(survey, &row);
	if (got < 0)
		return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
	tr_survey_finish(survey);
	return TR_EXIT_OK;
}

static int run_info(const void *values, int argument_count, char **arguments)
{
	const struct info_values *info = values;
	struct tr_trace_options options = {
		.skip_bad = info->skip_bad, .amplify_milli = 1000, .repeat = 1};
	struct figures figures = {.spec = arguments[0]};
	struct tr_diagnostic diagnostic;
	struct tr_survey *survey;
	struct tr_trace *trace;
	const char *path;
	int code;

	(void)argument_count;
	if (tr_trace_spec(arguments[0], &figures.format, &path, &diagnostic) < 0)
		return tr_cli_fail_diagnostic(TR_EXIT_USAGE, &diagnostic);
	if (tr_trace_open(figures.format, path, &options, &trace, &diagnostic) < 0)
		return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
	survey = tr_survey_new();
	if (!survey) {
		tr_trace_close(trace);
		return tr_cli_fail(TR_EXIT_INPUT, "not enough memory");
	}
	code = read_all(trace, survey);
	if (code == TR_EXIT_OK) {
		figures.counts = tr_trace_counts(trace);
		figures.survey = survey;
		code = print(&figures, info->json);
	}
	tr_survey_free(survey);
	tr_trace_close(trace);
	return code;
}

const struct tr_command tr_command_trace_info = {
	.name = "trace info",
	.summary = "say what a trace is like: rows, rates, sizes, what is shared",
	.usage = "FORMAT:FILE [--json] [--skip-bad]",
	.example = "tailrace trace info azure:trace.csv",
	.details = "FORMAT is azure, mooncake, arena, burstgpt, tailrace or trr. FILE may be - for "
		   "the "
		   "standard input.",
	.options = info_options,
	.option_count = TR_ARRAY_LENGTH(info_options),
	.values_size = sizeof(struct info_values),
	.defaults = &info_defaults,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_info,
};

/* -------------------------------------------------------------------------------------- verify */

struct verify_values {
	bool json;
};
static const struct verify_values verify_defaults = {.json = false};
static const struct tr_option verify_options[] = {
	{"json", NULL, "print one JSON object", TR_OPTION_FLAG,
	 offsetof(struct verify_values, json), 0, 0, NULL},
};

static const char *status_name(enum tr_recording_status status)
{
	return status == TR_RECORDING_END	? "whole"
	       : status == TR_RECORDING_TORN	? "torn"
	       : status == TR_RECORDING_CORRUPT ? "corrupt"
	       : status == TR_RECORDING_FOREIGN ? "foreign"
						: "unreadable";
}

static void print_recording(const char *path, enum tr_recording_status status,
			    const struct tr_recording_survey *survey)
{
	printf("%s: %s\n", path, status_name(status));
	printf("  %-22s %" PRIu64 ", %" PRIu64 " actions, %" PRIu64 " decisions\n", "events",
	       survey->events, survey->actions, survey->decisions);
	printf("  %-22s %" PRIu64 "\n", "jobs submitted", survey->event_kinds[TR_EVENT_JOB_SUBMIT]);
	printf("  %-22s %s s\n", "span", SHOW((survey->last - survey->first) / TR_MS, 3));
	printf("  %-22s %" PRIu64 " bytes in whole frames\n", "size", survey->bytes);
	printf("  %-22s", "frames");
	for (unsigned kind = 1; kind < TR_FRAME_COUNT; kind++)
		if (survey->frames[kind])
			printf(" %s %" PRIu64, tr_frame_name(kind), survey->frames[kind]);
	printf("\n");
	if (survey->gaps)
		printf("  %-22s %" PRIu64 ", %" PRIu64 " events lost\n", "gaps", survey->gaps,
		       survey->lost);
	if (survey->frames[TR_FRAME_END])
		printf("  %-22s %016" PRIx64 "\n  %-22s %016" PRIx64 "\n", "run hash",
		       survey->totals.chain, "path hash", survey->totals.path);
}

static int print_recording_json(const char *path, enum tr_recording_status status,
				const struct tr_recording_survey *survey)
{
	struct tr_text text = {.bytes = NULL};
	size_t length;
	char *bytes;

	tr_text_add(&text, "{\"recording\":");
	tr_text_add_json(&text, path);
	tr_text_addf(&text,
		     ",\"status\":\"%s\",\"bytes\":%" PRIu64 ",\"events\":%" PRIu64
		     ",\"actions\":%" PRIu64 ",\"decisions\":%" PRIu64 ",\"submitted\":%" PRIu64,
		     status_name(status), survey->bytes, survey->events, survey->actions,
		     survey->decisions, survey->event_kinds[TR_EVENT_JOB_SUBMIT]);
	tr_text_addf(&text,
		     ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64 ",\"snapshots\":%" PRIu64
		     ",\"gaps\":%" PRIu64 ",\"events_lost\":%" PRIu64 ",\"names\":%" PRIu64,
		     survey->first, survey->last, survey->snapshots, survey->gaps, survey->lost,
		     survey->names);
	if (survey->frames[TR_FRAME_END])
		tr_text_addf(&text,
			     ",\"run_hash\":\"%016" PRIx64 "\",\"path_hash\":\"%016" PRIx64 "\"",
			     survey->totals.chain, survey->totals.path);
	tr_text_add(&text, "}\n");
	bytes = tr_text_take(&text, &length);
	if (!bytes)
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	fwrite(bytes, 1, length, stdout);
	free(bytes);
	return TR_EXIT_OK;
}

static int run_verify(const void *values, int argument_count, char **arguments)
{
	const struct verify_values *verify = values;
	const char *path = arguments[0];
	struct tr_recording_survey *survey = calloc(1, sizeof(*survey));
	enum tr_recording_status status;
	struct tr_diagnostic diagnostic;
	int code = TR_EXIT_OK;

	(void)argument_count;
	if (!survey)
		return tr_cli_fail(TR_EXIT_INPUT, "not enough memory");
	if (strncmp(path, "trr:", 4) == 0)
		path += 4;
	status = tr_recording_verify(path, survey, &diagnostic);
	if (verify->json)
		code = print_recording_json(path, status, survey);
	else if (survey->frames[TR_FRAME_HEADER])
		print_recording(path, status, survey);
	free(survey);
	if (status == TR_RECORDING_END)
		return code;
	return tr_cli_fail_diagnostic(
		status == TR_RECORDING_FOREIGN ? TR_EXIT_INCONCLUSIVE : TR_EXIT_INPUT, &diagnostic);
}

const struct tr_command tr_command_trace_verify = {
	.name = "trace verify",
	.summary = "check that a recording is whole, without replaying it",
	.usage = "FILE.trr [--json]",
	.example = "tailrace trace verify run.trr",
	.details =
		"FILE.trr may be - for the standard input.\n"
		"A torn recording (it ends too early) and a corrupt one both exit 3; the text says "
		"which it is. One of another schema version exits 5.",
	.options = verify_options,
	.option_count = TR_ARRAY_LENGTH(verify_options),
	.values_size = sizeof(struct verify_values),
	.defaults = &verify_defaults,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_verify,
};
