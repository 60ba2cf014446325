/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace calibrate: a server profile from what was measured of a server.
 *
 * With --fit N, the profile is made of the first N requests alone, and the others say what it is
 * worth: all are simulated, and those not looked at are compared.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/calibrate.h"
#include "cli/command.h"
#include "cli/output.h"
#include "engine/policy/text.h"

struct values {
	const char *output;
	const char *json;
	const char *title;
	const char *endpoint;
	uint64_t fit;
	uint64_t sequences;
	uint64_t batch_tokens;
	uint64_t kv_blocks;
};
static const struct values defaults = {.fit = 0};

#define VALUE(member) offsetof(struct values, member)
static const struct tr_option options[] = {
	{.name = "output",
	 .argument = "FILE",
	 .text = "write the profile",
	 .kind = TR_OPTION_TEXT,
	 .offset = VALUE(output)},
	{.name = "fit",
	 .argument = "N",
	 .text = "fit to the first N requests and hold the profile to the others (default all, at "
		 "most 2000)",
	 .kind = TR_OPTION_U64,
	 .offset = VALUE(fit),
	 .min = TR_FIT_ROWS_MIN,
	 .max = TR_FIT_ROWS_MAX},
	{.name = "json",
	 .argument = "FILE",
	 .text = "write fit and residuals as JSON; - is standard output, instead of the text",
	 .kind = TR_OPTION_TEXT,
	 .offset = VALUE(json)},
	{.name = "title",
	 .argument = "TEXT",
	 .text = "title of the profile (default: the name of the input)",
	 .kind = TR_OPTION_TEXT,
	 .offset = VALUE(title)},
	{.name = "endpoint",
	 .argument = "NAME",
	 .text = "of a recording: the endpoint",
	 .kind = TR_OPTION_TEXT,
	 .offset = VALUE(endpoint)},
	{.name = "sequences",
	 .argument = "N",
	 .text = "the server's limit, where it is known (vLLM: max_num_seqs)",
	 .kind = TR_OPTION_U64,
	 .offset = VALUE(sequences),
	 .min = 1,
	 .max = TR_BATCH_SEQUENCES_MAX},
	{.name = "batch-tokens",
	 .argument = "N",
	 .text = "the same of tokens in a step (vLLM: max_num_batched_tokens)",
	 .kind = TR_OPTION_U64,
	 .offset = VALUE(batch_tokens),
	 .min = 16,
	 .max = TR_BATCH_TOKENS_MAX},
	{.name = "kv-blocks",
	 .argument = "N",
	 .text = "the same of KV memory, in blocks of 16 tokens (vLLM logs them when it starts)",
	 .kind = TR_OPTION_U64,
	 .offset = VALUE(kv_blocks),
	 .min = 1,
	 .max = TR_BATCH_KV_BLOCKS_MAX},
};

/* Play all that was measured, and compare. Returns 0 or -1: no memory. */
static int compare(struct tr_calibration *calibration)
{
	const struct tr_measured *measured = calibration->measured;
	struct tr_play_entry *entries = calloc(measured->count, sizeof *entries);
	struct tr_played *played = calloc(measured->count, sizeof *played);
	int err = entries && played ? 0 : -1;

	for (uint32_t i = 0; err == 0 && i < measured->count; i++)
		entries[i] = (struct tr_play_entry){measured->rows[i].arrival,
						    measured->rows[i].tokens_in,
						    measured->rows[i].tokens_out};
	if (err == 0)
		err = tr_play(&calibration->fit.model, entries, measured->count, NULL, played);
	for (unsigned p = 0; err == 0 && p < TR_CALIBRATION_PARTS; p++) {
		struct tr_calibration_part *part = &calibration->parts[p];
		struct tr_scorer *scorer;

		if (part->from == part->to)
			continue;
		scorer = tr_scorer_new(measured, part->from, part->to);
		if (scorer)
			tr_scorer_score(scorer, played + part->from, part->scores);
		else
			err = -1;
		tr_scorer_free(scorer);
		for (uint32_t i = part->from; i < part->to; i++)
			part->impossible += !played[i].done;
	}
	free(played);
	free(entries);
	return err;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int write_profile(const struct tr_calibration *calibration, const char *title,
			 struct tr_whole_file *file, const char *path)
{
	struct tr_text text = {0}, source = {0};
	const char *name = base_name(calibration->path);
	size_t length;
	char *bytes, *line;

	tr_text_addf(&source, "%s, requests 1 to %" PRIu32 ", tailrace %s", name,
		     calibration->parts[TR_CALIBRATION_FITTED].to, TR_VERSION);
	line = tr_text_take(&source, &length);
	if (line)
		tr_fit_profile_text(&calibration->fit, title ? title : name, line,
				    calibration->verdicts, calibration->verdict_count, &text);
	bytes = tr_text_take(&text, &length);
	if (bytes)
		fwrite(bytes, 1, length, file->stream);
	free(line);
	free(bytes);
	return tr_output_finish(file, path);
}

static int write_all(const struct tr_calibration *calibration, const struct values *values,
		     struct tr_whole_file *profile, struct tr_whole_file *json)
{
	int code = TR_EXIT_OK;
	json_t *result;

	if (!values->json || strcmp(values->json, "-") != 0)
		tr_calibration_print(calibration);
	if (values->output)
		code = write_profile(calibration, values->title, profile, values->output);
	if (!values->json)
		return code;
	if (code != TR_EXIT_OK) {
		tr_whole_file_cancel(json);
		return code;
	}
	result = tr_calibration_json(calibration);
	code = tr_output_finish_json(json, values->json, result);
	json_decref(result);
	return code;
}

static int fit(struct tr_calibration *calibration, const struct values *values,
	       struct tr_measured *measured)
{
	const struct tr_fit_given given = {.sequences = (uint32_t)values->sequences,
					   .batch_tokens = (uint32_t)values->batch_tokens,
					   .kv_blocks = (uint32_t)values->kv_blocks};
	uint32_t count =
		(uint32_t)tr_min(values->fit ? values->fit : TR_FIT_ROWS_MAX, measured->count);

	if (measured->count < tr_max(values->fit, TR_FIT_ROWS_MIN))
		return tr_cli_fail(TR_EXIT_INPUT,
				   "%s: %" PRIu32 " requests are in it, and %" PRIu64 " are needed",
				   calibration->path, measured->count,
				   tr_max(values->fit, TR_FIT_ROWS_MIN));
	tr_measured_align(measured, count);
	calibration->parts[TR_CALIBRATION_FITTED].to = count;
	calibration->parts[TR_CALIBRATION_UNSEEN].from = count;
	calibration->parts[TR_CALIBRATION_UNSEEN].to = measured->count;
	if (tr_fit(measured, count, &given, &calibration->fit) < 0)
		return tr_cli_fail(TR_EXIT_INCONCLUSIVE,
				   "%s: no server was found that would behave so",
				   calibration->path);
	calibration->verdict_count =
		tr_fit_verdicts(measured, &calibration->fit, calibration->verdicts);
	if (compare(calibration) < 0)
		return tr_cli_fail(TR_EXIT_INPUT, "not enough memory");
	return TR_EXIT_OK;
}

static int run(const void *its_values, int argument_count, char **arguments)
{
	const struct values *values = its_values;
	struct tr_calibration calibration = {.path = arguments[0]};
	struct tr_whole_file profile = {0}, json = {0};
	struct tr_measured measured = {0};
	struct tr_diagnostic diagnostic;
	int code;

	(void)argument_count;
	if (tr_output_same(values->output, arguments[0]) ||
	    tr_output_same(values->json, arguments[0]))
		return tr_cli_fail(TR_EXIT_USAGE, "%s: is the input, and cannot be an output",
				   arguments[0]);
	if (tr_output_same(values->output, values->json))
		return tr_cli_fail(TR_EXIT_USAGE, "%s: is given for two outputs", values->json);
	if (tr_measured_read(arguments[0], values->endpoint, &measured, &diagnostic) < 0)
		return tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
	calibration.measured = &measured;
	code = values->output ? tr_output_open(values->output, &profile) : TR_EXIT_OK;
	if (code == TR_EXIT_OK && values->json)
		code = tr_output_open(values->json, &json);
	if (code == TR_EXIT_OK)
		code = fit(&calibration, values, &measured);
	if (code == TR_EXIT_OK) {
		code = write_all(&calibration, values, &profile, &json);
	} else {
		if (profile.stream)
			tr_whole_file_cancel(&profile);
		if (json.stream)
			tr_whole_file_cancel(&json);
	}
	tr_measured_done(&measured);
	return code;
}

const struct tr_command tr_command_calibrate = {
	.name = "calibrate",
	.summary = "make a server profile from measured request times",
	.usage = "FILE [OPTION...]",
	.example = "tailrace calibrate requests.jsonl -o profile.yaml",
	.details = "FILE has one JSON object a request: input_toks, output_toks, arrival_time, "
		   "queued_ts, scheduled_ts, first_token_ts, last_token_ts, in seconds "
		   "(docs/calibrate.md); or it is a recording (.trr). - is the standard input.\n"
		   "Without -o only the fit is shown. Exit code 5: nothing can be said.",
	.options = options,
	.option_count = TR_ARRAY_LENGTH(options),
	.values_size = sizeof(struct values),
	.defaults = &defaults,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run,
};
