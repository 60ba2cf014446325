/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/output.h"
#include "reports/terminal.h"

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static void put(struct tr_sink *sink, const char *text)
{
	errno = 0;
	if (fputs(text, sink->json.stream) == EOF && !sink->error)
		sink->error = errno ? errno : EIO;
}

static void begin_json(struct tr_sink *sink)
{
	const struct tr_sink_options *options = &sink->options;
	char head[256];

	if (options->shard) {
		(void)snprintf(head, sizeof head,
			       "{\"format\":\"" TR_SHARD_FORMAT "\",\"version\":%d,"
			       "\"tailrace\":\"" TR_VERSION "\",\"shard\":%" PRIu32
			       ",\"of\":%" PRIu32 ",\"cases\":%" PRIu32 ",\"list\":\"%016" PRIx64
			       "\",\"outcomes\":",
			       TR_SHARD_VERSION, options->shard->index + 1, options->shard->of,
			       options->case_count, options->list_hash);
		put(sink, head);
	}
	put(sink, "[\n");
}

int tr_sink_open(const struct tr_sink_options *options, struct tr_sink *ret)
{
	*ret = (struct tr_sink){.options = *options};
	ret->lines = !options->quiet && !is_stdout(options->json) && !is_stdout(options->junit);
	if (options->json && tr_output_open(options->json, &ret->json) != TR_EXIT_OK)
		return TR_EXIT_OUTPUT;
	if (options->junit && tr_output_open(options->junit, &ret->junit_file) != TR_EXIT_OK) {
		tr_sink_cancel(ret);
		return TR_EXIT_OUTPUT;
	}
	if (options->junit && !(ret->junit = tr_junit_new())) {
		tr_sink_cancel(ret);
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	}
	if (options->json)
		begin_json(ret);
	return TR_EXIT_OK;
}

void tr_sink_take(struct tr_sink *sink, const json_t *outcome, uint64_t wall_ns)
{
	int error = 0;

	sink->statuses[tr_outcome_status(outcome)]++;
	if (sink->lines)
		tr_outcome_print(outcome, wall_ns, tr_terminal_colors(stdout));
	if (sink->junit)
		tr_junit_add(sink->junit, outcome);
	if (sink->options.json) {
		put(sink, sink->count ? ",\n" : "");
		error = tr_outcome_write(outcome, sink->json.stream);
	}
	if (error && !sink->error)
		sink->error = error;
	sink->count++;
}

static void print_counts(const struct tr_sink *sink, uint32_t not_run)
{
	const uint32_t *statuses = sink->statuses;
	const struct {
		uint32_t count;
		const char *text;
	} parts[] = {
		{statuses[TR_STATUS_FAILED], "failed"},
		{statuses[TR_STATUS_DIED], "died"},
		{statuses[TR_STATUS_BAD_INPUT] + statuses[TR_STATUS_NO_OUTPUT], "not playable"},
		{not_run, "not run"},
	};

	printf("%" PRIu32 " case%s: %" PRIu32 " ok", sink->count + not_run,
	       sink->count + not_run == 1 ? "" : "s", statuses[TR_STATUS_OK]);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(parts); i++)
		if (parts[i].count)
			printf(", %" PRIu32 " %s", parts[i].count, parts[i].text);
	putchar('\n');
}

static int finish_json(struct tr_sink *sink)
{
	int code = TR_EXIT_OK;

	if (!sink->options.json)
		return code;
	put(sink, sink->options.shard ? "\n]}\n" : "\n]\n");
	if (sink->error) {
		tr_whole_file_cancel(&sink->json);
		return tr_cli_fail(TR_EXIT_OUTPUT, "%s: cannot be written: %s", sink->options.json,
				   strerror(sink->error));
	}
	code = tr_output_finish(&sink->json, sink->options.json);
	sink->json = (struct tr_whole_file){0};
	return code;
}

static int finish_junit(struct tr_sink *sink)
{
	int error, code;

	if (!sink->junit)
		return TR_EXIT_OK;
	error = tr_junit_write(sink->junit, sink->junit_file.stream);
	if (error) {
		tr_whole_file_cancel(&sink->junit_file);
		return tr_cli_fail(TR_EXIT_OUTPUT, "%s: cannot be written: %s", sink->options.junit,
				   strerror(error));
	}
	code = tr_output_finish(&sink->junit_file, sink->options.junit);
	sink->junit_file = (struct tr_whole_file){0};
	return code;
}

int tr_sink_finish(struct tr_sink *sink, uint32_t not_run)
{
	int code = TR_EXIT_OK, json, junit;

	for (unsigned i = 0; i < TR_STATUS_COUNT; i++)
		if (sink->statuses[i])
			code = (int)tr_max((uint64_t)code, (uint64_t)tr_outcome_exit(i));
	if (sink->lines)
		print_counts(sink, not_run);
	json = finish_json(sink);
	junit = finish_junit(sink);
	tr_sink_cancel(sink);
	return json != TR_EXIT_OK || junit != TR_EXIT_OK ? TR_EXIT_OUTPUT : code;
}

void tr_sink_cancel(struct tr_sink *sink)
{
	tr_whole_file_cancel(&sink->json);
	tr_whole_file_cancel(&sink->junit_file);
	tr_junit_free(sink->junit);
	sink->junit = NULL;
}
