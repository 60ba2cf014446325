/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public traces themselves, where they are found: rows, quantiles and rates as published. They
 * are not ours to ship, so each test is skipped, loudly, where its file is missing; in a CI that
 * must have them (CI=true) that is a failure. TAILRACE_TRACES names their folder. (SIM-2)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/survey.h"

struct real {
	enum tr_trace_format format;
	const char *file;
	uint64_t rows;
	uint64_t span_seconds;
	/* p50, p90, p99, max; the published p90 of one is interpolated, so 1/400 is allowed */
	uint64_t tokens_in[4];
	uint64_t tokens_out[4];
	uint64_t tenants;
	uint64_t second_p99; /* with the next two 0: not published */
	uint64_t second_max;
	uint64_t empty_percent;
	uint64_t repeated_permille; /* of the prefix blocks */
	uint64_t shared_percent;    /* rows that share a stamp */
};

static const struct real reals[] = {
	{TR_TRACE_AZURE,
	 "azure/AzureLLMInferenceTrace_code.csv",
	 8819,
	 3435,
	 {1469, 5186, 7436, 7437},
	 {13, 55, 252, 1899},
	 0,
	 28,
	 67,
	 73,
	 0,
	 0},
	{TR_TRACE_MOONCAKE,
	 "mooncake/conversation_trace.jsonl",
	 12031,
	 3536,
	 {6909, 27367, 85401, 126195},
	 {350, 597, 1120, 2000},
	 0,
	 0,
	 0,
	 0,
	 366,
	 100},
	{TR_TRACE_ARENA,
	 "vtc_arena/arena_tenants.csv",
	 1500,
	 600,
	 {40, 432, 902, 1021},
	 {211, 513, 785, 977},
	 27,
	 0,
	 0,
	 0,
	 0,
	 0},
};

static unsigned count;
static int failed;

static void check(const char *file, const char *what, uint64_t found, uint64_t wanted)
{
	uint64_t slack = wanted / 400;

	if (found <= wanted + slack && found + slack >= wanted) {
		printf("ok %u %s %s\n", ++count, file, what);
		return;
	}
	printf("not ok %u %s %s: found %llu, published %llu\n", ++count, file, what,
	       (unsigned long long)found, (unsigned long long)wanted);
	failed = 1;
}

/* Rows as the simulator plays them: spread, in order, as many as there are. */
static void check_play(const struct real *real, const char *path)
{
	struct tr_trace_options options = {
		.spread = true, .seed = 7, .amplify_milli = 1000, .repeat = 2};
	static struct tr_trace_row row;
	struct tr_diagnostic diagnostic;
	struct tr_trace *trace;
	tr_time_ns last = 0;
	uint64_t rows = 0, disorder = 0;

	if (tr_trace_open(real->format, path, &options, &trace, &diagnostic) < 0) {
		check(real->file, "opens for play", 1, 0);
		return;
	}
	while (tr_trace_next(trace, &row, &diagnostic) > 0) {
		disorder += row.arrival < last;
		last = row.arrival;
		rows++;
	}
	tr_trace_close(trace);
	check(real->file, "rows played twice", rows, 2 * real->rows);
	check(real->file, "rows out of order", disorder, 0);
}

static void check_survey(const struct real *real, const struct tr_survey *survey)
{
	static const char *const names_in[] = {"input p50", "input p90", "input p99"};
	static const char *const names_out[] = {"output p50", "output p90", "output p99"};
	static const uint32_t shares[] = {5000, 9000, 9900};

	check(real->file, "rows", survey->rows, real->rows);
	check(real->file, "span", (survey->last - survey->first) / TR_SECOND, real->span_seconds);
	for (unsigned i = 0; i < 3; i++) {
		check(real->file, names_in[i], tr_tally_quantile(&survey->tokens_in, shares[i]),
		      real->tokens_in[i]);
		check(real->file, names_out[i], tr_tally_quantile(&survey->tokens_out, shares[i]),
		      real->tokens_out[i]);
	}
	check(real->file, "input max", survey->tokens_in.max, real->tokens_in[3]);
	check(real->file, "output max", survey->tokens_out.max, real->tokens_out[3]);
	check(real->file, "tenants", survey->tenants.count, real->tenants);
	if (real->second_p99) {
		check(real->file, "p99 of a second", tr_tally_quantile(&survey->seconds, 9900),
		      real->second_p99);
		check(real->file, "fullest second", survey->seconds.max, real->second_max);
		check(real->file, "empty seconds",
		      survey->seconds.cells[0] * 100 / survey->seconds.count, real->empty_percent);
	}
	if (real->repeated_permille)
		check(real->file, "repeated blocks",
		      survey->blocks_repeated * 1000 / survey->blocks, real->repeated_permille);
	check(real->file, "shared stamps", survey->shared * 100 / survey->rows,
	      real->shared_percent);
}

static void run(const struct real *real, const char *folder)
{
	static struct tr_trace_row row;
	struct tr_survey *survey = tr_survey_new();
	struct tr_diagnostic diagnostic;
	struct tr_trace *trace;
	char path[4096], text[1024];
	const char *ci = getenv("CI");
	int got = -1;

	snprintf(path, sizeof(path), "%s/%s", folder, real->file);
	if (!survey || access(path, R_OK) < 0) {
		int must = ci && strcmp(ci, "true") == 0;

		printf("%sok %u %s%s not found\n", must ? "not " : "", ++count,
		       must ? "" : "# SKIP ", path);
		failed |= must;
		tr_survey_free(survey);
		return;
	}
	if (tr_trace_open(real->format, path, NULL, &trace, &diagnostic) == 0) {
		while ((got = tr_trace_next(trace, &row, &diagnostic)) > 0)
			tr_survey_add(survey, &row);
		tr_trace_close(trace);
	}
	if (got < 0) {
		printf("not ok %u %s\n", ++count,
		       tr_diagnostic_text(&diagnostic, text, sizeof(text)));
		failed = 1;
	} else {
		tr_survey_finish(survey);
		check_survey(real, survey);
		check_play(real, path);
	}
	tr_survey_free(survey);
}

/* test_real FOLDER: used where TAILRACE_TRACES is not set. */
int main(int argc, char **argv)
{
	const char *folder = getenv("TAILRACE_TRACES");

	if (!folder && argc > 1)
		folder = argv[1];
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
		run(&reals[i], folder ? folder : "../shared/traces");
	printf("1..%u\n", count);
	return failed;
}
