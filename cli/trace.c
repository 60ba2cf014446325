/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace trace cat | convert | sample: rows of a trace, printed, written in another format, or
 * made up. (trace info and verify are in cli/trace_info.c.)
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/trace.h"
#include "engine/base.h"
#include "traces/sample.h"
#include "traces/whole_file.h"
#include "traces/write.h"

/* --------------------------------------------------------------------------- rows out of a trace
 */

enum {
	SPREAD_NONE,
	SPREAD_SEEDED
};
static const char *const spreads[] = {"none", "seeded", NULL};

struct play {
	bool skip_bad;
	unsigned spread;
	uint64_t seed;
	uint64_t amplify_milli;
	uint64_t repeat;
	uint64_t limit;
};

#define PLAY_DEFAULTS                                                                              \
	{                                                                                          \
		.seed = 1, .amplify_milli = 1000, .repeat = 1, .limit = UINT64_MAX                 \
	}

#define PLAY_OPTIONS(type)                                                                         \
	{"skip-bad",                                                                               \
	 NULL,                                                                                     \
	 "count malformed rows and go on",                                                         \
	 TR_OPTION_FLAG,                                                                           \
	 offsetof(struct type, play.skip_bad),                                                     \
	 0,                                                                                        \
	 0,                                                                                        \
	 NULL},                                                                                    \
		{"limit",                                                                          \
		 "N",                                                                              \
		 "stop after N rows",                                                              \
		 TR_OPTION_U64,                                                                    \
		 offsetof(struct type, play.limit),                                                \
		 1,                                                                                \
		 UINT64_MAX,                                                                       \
		 NULL},                                                                            \
		{"spread",                                                                         \
		 "HOW",                                                                            \
		 "rows of one stamp: seeded over the gap to the next, or none (default)",          \
		 TR_OPTION_CHOICE,                                                                 \
		 offsetof(struct type, play.spread),                                               \
		 0,                                                                                \
		 0,                                                                                \
		 spreads},                                                                         \
		{"seed",                                                                           \
		 "N",                                                                              \
		 "of the spreading and of fractions of --amplify (default 1)",                     \
		 TR_OPTION_U64,                                                                    \
		 offsetof(struct type, play.seed),                                                 \
		 0,                                                                                \
		 UINT64_MAX,                                                                       \
		 NULL},                                                                            \
		{"amplify",                                                                        \
		 "K",                                                                              \
		 "times as many rows, such as 2.5 (default 1)",                                    \
		 TR_OPTION_MILLI,                                                                  \
		 offsetof(struct type, play.amplify_milli),                                        \
		 1,                                                                                \
		 TR_TRACE_AMPLIFY_MAX,                                                             \
		 NULL},                                                                            \
	{                                                                                          \
		"repeat", "N", "the whole trace N times over (default 1)", TR_OPTION_U64,          \
			offsetof(struct type, play.repeat), 1, TR_TRACE_REPEAT_MAX, NULL           \
	}

static int play_open(const struct play *play, const char *spec, enum tr_trace_format *ret_format,
		     struct tr_trace **ret)
{
	struct tr_trace_options options = {
		.skip_bad = play->skip_bad,
		.spread = play->spread == SPREAD_SEEDED,
		.seed = play->seed,
		.amplify_milli = (uint32_t)play->amplify_milli,
		.repeat = (uint32_t)play->repeat,
	};
	struct tr_diagnostic diagnostic;
	const char *path;

	if (tr_trace_spec(spec, ret_format, &path, &diagnostic) < 0)
		return tr_cli_fail_diagnostic(TR_EXIT_USAGE, &diagnostic);
	if (tr_trace_open(*ret_format, path, &options, ret, &diagnostic) < 0)
		return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
	return TR_EXIT_OK;
}

/* All rows from one to the other. An output that fails ends it early, and tr_output_finish() says
 * so. */
static int play_rows(const struct play *play, struct tr_trace *trace,
		     struct tr_trace_writer *writer)
{
	struct tr_diagnostic diagnostic;
	struct tr_trace_row row;

	while (writer->rows < play->limit && !ferror(writer->file)) {
		int got = tr_trace_next(trace, &row, &diagnostic);

		if (got < 0)
			return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
		if (got == 0)
			break;
		tr_trace_write(writer, &row);
	}
	return TR_EXIT_OK;
}

void tr_trace_print_counts(const char *spec, struct tr_trace_counts counts)
{
	if (counts.skipped > 0)
		fprintf(stderr, "tailrace: %s: %" PRIu64 " malformed rows skipped\n", spec,
			counts.skipped);
	if (counts.adjusted > 0)
		fprintf(stderr, "tailrace: %s: %" PRIu64 " rows with a size of 0 read as 1\n", spec,
			counts.adjusted);
}

/* What the target format could not hold, on stderr. */
static void print_losses(const struct tr_trace_writer *writer)
{
	for (unsigned i = 0; i < TR_LOSS_COUNT; i++)
		if (writer->losses[i] > 0)
			fprintf(stderr,
				"tailrace: %s cannot hold %s: lost in %" PRIu64 " of %" PRIu64
				" rows\n",
				tr_trace_format_name(writer->format), tr_loss_texts[i],
				writer->losses[i], writer->rows);
}

static int copy_rows(const struct play *play, const char *spec, enum tr_trace_format to,
		     const char *name)
{
	struct tr_trace_writer writer;
	struct tr_whole_file output;
	struct tr_trace *trace;
	enum tr_trace_format from;
	int code = play_open(play, spec, &from, &trace);

	if (code != TR_EXIT_OK)
		return code;
	code = tr_output_open(name, &output);
	if (code != TR_EXIT_OK)
		goto end;
	tr_trace_write_begin(&writer, to, output.stream, from);
	code = play_rows(play, trace, &writer);
	if (code == TR_EXIT_OK)
		code = tr_output_finish(&output, name);
	else
		tr_whole_file_cancel(&output);
	if (code != TR_EXIT_OK)
		goto end;
	tr_trace_print_counts(spec, tr_trace_counts(trace));
	print_losses(&writer);
end:
	tr_trace_close(trace);
	return code;
}

/* ------------------------------------------------------------------------------------ the commands
 */

struct cat_values {
	struct play play;
};
static const struct cat_values cat_defaults = {.play = PLAY_DEFAULTS};
static const struct tr_option cat_options[] = {PLAY_OPTIONS(cat_values)};

static int run_cat(const void *values, int argument_count, char **arguments)
{
	const struct cat_values *cat = values;

	(void)argument_count;
	return copy_rows(&cat->play, arguments[0], TR_TRACE_TAILRACE, "-");
}

const struct tr_command tr_command_trace_cat = {
	.name = "trace cat",
	.summary = "print a trace's rows as JSON lines",
	.usage = "FORMAT:FILE [OPTION...]",
	.example = "tailrace trace cat azure:trace.csv --limit 3",
	.details = "FORMAT is azure, mooncake, arena, burstgpt, tailrace or trr. FILE may be - for "
		   "the "
		   "standard input.",
	.options = cat_options,
	.option_count = TR_ARRAY_LENGTH(cat_options),
	.values_size = sizeof(struct cat_values),
	.defaults = &cat_defaults,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_cat,
};

/* In the order of enum tr_trace_format, which ends with the one that cannot be written. */
static const char *const targets[] = {"azure", "mooncake", "arena", "burstgpt", "tailrace", NULL};
_Static_assert(TR_TRACE_TRR + 1 == TR_TRACE_FORMAT_COUNT &&
		       TR_ARRAY_LENGTH(targets) == TR_TRACE_FORMAT_COUNT,
	       "targets are the formats before trr");

struct convert_values {
	struct play play;
	unsigned to;
	const char *out;
};
static const struct convert_values convert_defaults = {
	.play = PLAY_DEFAULTS, .to = TR_TRACE_TAILRACE, .out = "-"};
static const struct tr_option convert_options[] = {
	{"to", "FORMAT", "azure, mooncake, arena, burstgpt or tailrace (default)", TR_OPTION_CHOICE,
	 offsetof(struct convert_values, to), 0, 0, targets},
	{"out", "FILE", "where to write (default - for stdout)", TR_OPTION_TEXT,
	 offsetof(struct convert_values, out), 0, 0, NULL},
	PLAY_OPTIONS(convert_values)};

static int run_convert(const void *values, int argument_count, char **arguments)
{
	const struct convert_values *convert = values;

	(void)argument_count;
	return copy_rows(&convert->play, arguments[0], (enum tr_trace_format)convert->to,
			 convert->out);
}

const struct tr_command tr_command_trace_convert = {
	.name = "trace convert",
	.summary = "write a trace in another format",
	.usage = "FORMAT:FILE --to FORMAT --out FILE [OPTION...]",
	.example = "tailrace trace convert mooncake:conversation.jsonl --to azure --out azure.csv",
	.details =
		"What the target cannot hold is said on stderr. FILE appears whole or not at all.",
	.options = convert_options,
	.option_count = TR_ARRAY_LENGTH(convert_options),
	.values_size = sizeof(struct convert_values),
	.defaults = &convert_defaults,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_convert,
};

static const char *const shapes[] = {
#define X(name, cli, text) cli,
	TR_SAMPLE_MAP(X)
#undef X
		NULL,
};

struct sample_values {
	uint64_t rows;
	uint64_t seed;
	unsigned shape;
	const char *out;
};
static const struct sample_values sample_defaults = {.rows = 2000, .seed = 1, .out = "-"};
static const struct tr_option sample_options[] = {
	{"rows", "N", "how many rows (default 2000)", TR_OPTION_U64,
	 offsetof(struct sample_values, rows), 1, TR_SAMPLE_ROWS_MAX, NULL},
	{"seed", "N", "another seed, another sample (default 1)", TR_OPTION_U64,
	 offsetof(struct sample_values, seed), 0, UINT64_MAX, NULL},
	{"shape", "SHAPE", "azure-code (default), mooncake or arena", TR_OPTION_CHOICE,
	 offsetof(struct sample_values, shape), 0, 0, shapes},
	{"out", "FILE", "where to write (default - for stdout)", TR_OPTION_TEXT,
	 offsetof(struct sample_values, out), 0, 0, NULL},
};

static int run_sample(const void *values, int argument_count, char **arguments)
{
	const struct sample_values *sample = values;
	struct tr_whole_file output;
	int code;

	(void)argument_count;
	(void)arguments;
	code = tr_output_open(sample->out, &output);
	if (code != TR_EXIT_OK)
		return code;
	tr_sample_write(output.stream, (enum tr_sample_shape)sample->shape, sample->rows,
			sample->seed);
	return tr_output_finish(&output, sample->out);
}

const struct tr_command tr_command_trace_sample = {
	.name = "trace sample",
	.summary = "make up a trace with the shape of a published one",
	.usage = "[OPTION...]",
	.example = "tailrace trace sample --rows 2000 --shape azure-code --out sample.csv",
	.details = "The rows are generated, in the Azure format. The same options give the same "
		   "bytes.",
	.options = sample_options,
	.option_count = TR_ARRAY_LENGTH(sample_options),
	.values_size = sizeof(struct sample_values),
	.defaults = &sample_defaults,
	.run = run_sample,
};
