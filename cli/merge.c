/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace merge: the shards of a sweep as if it had never been cut.
 *
 * Shards belong together if they are of one version of the program and of one list of cases, told
 * by its hash. What is missing, given twice or foreign is refused before anything is written: half
 * a sweep looks like a whole one. The outcomes take the way that they take in a run, so every byte
 * is the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/sink.h"

#define SHARDS_MAX 100000

struct merge_values {
	const char *json;
	const char *junit;
	bool quiet;
};

struct shard_file {
	const char *path;
	json_t *root;
	const json_t *outcomes;
	const char *list;
	const char *version;
	uint64_t index; /* from 1 */
	uint64_t of;
	uint64_t cases;
};

static int refuse(const char *path, const char *message)
{
	return tr_cli_fail(TR_EXIT_INPUT, "%s: %s", path, message);
}

static bool take_number(const json_t *root, const char *key, uint64_t least, uint64_t *ret)
{
	const json_t *number = json_object_get(root, key);

	if (!json_is_integer(number) || json_integer_value(number) < (json_int_t)least ||
	    json_integer_value(number) > TR_CASES_MAX)
		return false;
	*ret = (uint64_t)json_integer_value(number);
	return true;
}

/* Cases that a shard has of all. */
static uint64_t share_of(const struct shard_file *shard)
{
	return shard->cases < shard->index ? 0 : (shard->cases - shard->index) / shard->of + 1;
}

static bool has_outcomes(const struct shard_file *shard)
{
	const json_t *outcome;
	size_t i;

	if (!json_is_array(shard->outcomes) || json_array_size(shard->outcomes) != share_of(shard))
		return false;
	json_array_foreach(shard->outcomes, i, outcome)
	{
		if (!json_is_string(json_object_get(outcome, "status")))
			return false;
	}
	return true;
}

static int load(const char *path, struct shard_file *ret)
{
	json_error_t error;
	const char *format;
	uint64_t version;

	ret->path = path;
	ret->root = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &error)
					   : json_load_file(path, 0, &error);
	if (!ret->root && error.line <= 0)
		return tr_cli_fail(TR_EXIT_INPUT, "%s: cannot be read: %s", path, error.text);
	if (!ret->root)
		return tr_cli_fail(TR_EXIT_INPUT, "%s:%d:%d: not valid JSON: %s", path, error.line,
				   error.column, error.text);
	format = json_string_value(json_object_get(ret->root, "format"));
	if (!format || strcmp(format, TR_SHARD_FORMAT) != 0)
		return refuse(path, "no shard: expected what tailrace sim --shard I/N --json FILE "
				    "writes");
	if (!take_number(ret->root, "version", 1, &version) || version != TR_SHARD_VERSION)
		return refuse(path, "a shard in a format that this version does not know");
	ret->version = json_string_value(json_object_get(ret->root, "tailrace"));
	ret->list = json_string_value(json_object_get(ret->root, "list"));
	ret->outcomes = json_object_get(ret->root, "outcomes");
	if (!ret->version || !ret->list || !take_number(ret->root, "shard", 1, &ret->index) ||
	    !take_number(ret->root, "of", 1, &ret->of) || ret->index > ret->of ||
	    !take_number(ret->root, "cases", 0, &ret->cases) || !has_outcomes(ret))
		return refuse(path, "a damaged shard: its head and its outcomes do not fit");
	return TR_EXIT_OK;
}

/* Whether a shard is of the same sweep as the first. */
static int check_kin(const struct shard_file *first, const struct shard_file *shard)
{
	TR_ASSERT(first->list && first->version);
	TR_ASSERT(shard->list && shard->version);
	if (strcmp(shard->version, first->version) != 0)
		return tr_cli_fail(TR_EXIT_INPUT,
				   "%s: made by tailrace %s, and %s by %s; they cannot be merged",
				   shard->path, shard->version, first->path, first->version);
	if (shard->of != first->of || shard->cases != first->cases ||
	    strcmp(shard->list, first->list) != 0)
		return tr_cli_fail(TR_EXIT_INPUT,
				   "%s: a shard of another sweep than %s: shard %" PRIu64
				   " of %" PRIu64 " of the %" PRIu64 " cases %s, not of %" PRIu64
				   " of the %" PRIu64 " cases %s",
				   shard->path, first->path, shard->index, shard->of, shard->cases,
				   shard->list, first->of, first->cases, first->list);
	return TR_EXIT_OK;
}

/* In place by their index: a free place for each. Returns an enum tr_exit. */
static int sort_shards(const struct shard_file *shards, uint32_t count,
		       const struct shard_file **sorted)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct shard_file **place = &sorted[shards[i].index - 1];

		if (check_kin(&shards[0], &shards[i]) != TR_EXIT_OK)
			return TR_EXIT_INPUT;
		if (*place)
			return tr_cli_fail(
				TR_EXIT_INPUT, "%s: shard %" PRIu64 " of %" PRIu64 " again, as %s",
				shards[i].path, shards[i].index, shards[i].of, (*place)->path);
		*place = &shards[i];
	}
	for (uint64_t i = 0; i < shards[0].of; i++)
		if (!sorted[i])
			return tr_cli_fail(TR_EXIT_INPUT,
					   "shard %" PRIu64 " of %" PRIu64 " is missing", i + 1,
					   shards[0].of);
	return TR_EXIT_OK;
}

static int write_all(const struct merge_values *values, const struct shard_file *const *sorted)
{
	struct tr_sink_options options = {
		.json = values->json, .junit = values->junit, .quiet = values->quiet};
	struct tr_sink sink;
	uint64_t of;
	int code;

	TR_ASSERT(sorted && sorted[0]);
	of = sorted[0]->of;
	code = tr_sink_open(&options, &sink);
	if (code != TR_EXIT_OK)
		return code;
	for (uint64_t i = 0; i < sorted[0]->cases; i++) {
		const struct shard_file *shard = sorted[i % of];

		TR_ASSERT(shard);
		tr_sink_take(&sink, json_array_get(shard->outcomes, i / of), 0);
	}
	return tr_sink_finish(&sink, 0);
}

static int check_outputs(const struct merge_values *values, int count, char **paths)
{
	for (int i = 0; i < count; i++)
		if (tr_output_same(values->json, paths[i]) ||
		    tr_output_same(values->junit, paths[i]))
			return tr_cli_fail(TR_EXIT_USAGE,
					   "%s: is read by this run, and cannot be its output",
					   paths[i]);
	if (values->json && values->junit && strcmp(values->json, values->junit) == 0)
		return tr_cli_fail(TR_EXIT_USAGE, "--json and --junit name the same file");
	return TR_EXIT_OK;
}

static int merge_run(const void *values_, int argument_count, char **arguments)
{
	const struct merge_values *values = values_;
	struct shard_file *shards = calloc((size_t)argument_count + 1, sizeof *shards);
	const struct shard_file **sorted = NULL;
	int code = check_outputs(values, argument_count, arguments);

	TR_ASSERT(argument_count >= 1);
	if (!shards)
		return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	for (int i = 0; i < argument_count && code == TR_EXIT_OK; i++)
		code = load(arguments[i], &shards[i]);
	if (code == TR_EXIT_OK) {
		sorted = calloc(shards[0].of + 1, sizeof(struct shard_file *));
		code = sorted ? sort_shards(shards, (uint32_t)argument_count, sorted)
			      : tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
	}
	if (code == TR_EXIT_OK)
		code = write_all(values, (const struct shard_file *const *)sorted);
	for (int i = 0; i < argument_count; i++)
		json_decref(shards[i].root);
	free((void *)sorted);
	free(shards);
	return code;
}

static const struct tr_option merge_options[] = {
	{.name = "json",
	 .argument = "FILE",
	 .text = "write the outcomes as JSON; '-' instead of the lines",
	 .kind = TR_OPTION_TEXT,
	 .offset = offsetof(struct merge_values, json)},
	{.name = "junit",
	 .argument = "FILE",
	 .text = "write JUnit XML",
	 .kind = TR_OPTION_TEXT,
	 .offset = offsetof(struct merge_values, junit)},
	{.name = "quiet", .text = "no lines", .offset = offsetof(struct merge_values, quiet)},
};

static const struct merge_values merge_defaults = {0};

const struct tr_command tr_command_merge = {
	.name = "merge",
	.summary = "put the shards of a sweep together",
	.usage = "SHARD... [OPTION...]",
	.example = "tailrace merge shard-*.json --json all.json --junit all.xml",
	.details = "A SHARD is what tailrace sim --shard I/N --json SHARD wrote. All N are needed; "
		   "lines,\n"
		   "files and exit code are those of the sweep without --shard, to the byte.",
	.options = merge_options,
	.option_count = TR_ARRAY_LENGTH(merge_options),
	.values_size = sizeof(struct merge_values),
	.defaults = &merge_defaults,
	.arguments_min = 1,
	.arguments_max = SHARDS_MAX,
	.run = merge_run,
};
