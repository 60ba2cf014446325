/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Malformed files and the exact words with which they are refused. Each file FORMAT/NAME.csv or
 * .jsonl has its words in FORMAT/NAME.expected: the first error, and then what reading with bad
 * rows skipped comes to. TR_UPDATE=1 rewrites them. (SIM-2)
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/trace.h"

#define CASES_MIN 20

static unsigned count;
static int failed;

static void ok(int good, const char *format, const char *name)
{
	printf("%sok %u %s %s\n", good ? "" : "not ", ++count, format, name);
	failed |= !good;
}

/* One line of what a file comes to. */
static void read_all(enum tr_trace_format format, const char *path, const char *name, bool skip_bad,
		     char *ret, size_t size)
{
	struct tr_trace_options options = {
		.skip_bad = skip_bad, .spread = true, .amplify_milli = 1000, .repeat = 1};
	static struct tr_trace_row row;
	struct tr_diagnostic diagnostic;
	struct tr_trace_counts counts;
	struct tr_trace *trace;
	FILE *file = fopen(path, "rb");
	int got;

	if (!file) {
		snprintf(ret, size, "cannot be opened");
		return;
	}
	if (tr_trace_open_stream(format, name, file, &options, &trace, &diagnostic) < 0) {
		tr_diagnostic_text(&diagnostic, ret, size);
		return;
	}
	do {
		got = tr_trace_next(trace, &row, &diagnostic);
	} while (got > 0);
	counts = tr_trace_counts(trace);
	if (got < 0)
		tr_diagnostic_text(&diagnostic, ret, size);
	else
		snprintf(ret, size, "%llu good, %llu skipped", (unsigned long long)counts.rows,
			 (unsigned long long)counts.skipped);
	tr_trace_close(trace);
}

/* Lines of text as comments of TAP. */
static void comment(const char *what, const char *text)
{
	printf("# %s:\n", what);
	while (*text) {
		int length = (int)strcspn(text, "\n");

		printf("#   %.*s\n", length, text);
		text += length + (text[length] == '\n');
	}
}

static int compare(const char *path, const char *text)
{
	char expected[4096] = "";
	FILE *file = fopen(path, getenv("TR_UPDATE") ? "w" : "r");

	if (!file)
		return 0;
	if (getenv("TR_UPDATE")) {
		fputs(text, file);
		return fclose(file) == 0;
	}
	expected[fread(expected, 1, sizeof(expected) - 1, file)] = '\0';
	fclose(file);
	if (strcmp(expected, text) == 0)
		return 1;
	comment("found", text);
	comment("expected", expected);
	return 0;
}

static void run_case(enum tr_trace_format format, const char *folder, const char *name)
{
	char path[4096], expected[4096], strict[1024], lenient[1024], text[4096];
	const char *dot = strrchr(name, '.');

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(expected, sizeof(expected), "%s/%.*s.expected", folder, (int)(dot - name), name);
	read_all(format, path, name, false, strict, sizeof(strict));
	read_all(format, path, name, true, lenient, sizeof(lenient));
	snprintf(text, sizeof(text), "%s\nskipping bad rows: %s\n", strict, lenient);
	ok(compare(expected, text), tr_trace_format_name(format), name);
}

static int is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && (strcmp(dot, ".csv") == 0 || strcmp(dot, ".jsonl") == 0);
}

int main(int argc, char **argv)
{
	for (unsigned format = 0; argc == 2 && format < TR_TRACE_TRR; format++) {
		struct dirent **entries;
		char folder[2048];
		int cases;

		snprintf(folder, sizeof(folder), "%s/%s", argv[1], tr_trace_format_name(format));
		cases = scandir(folder, &entries, is_case, alphasort);
		for (int i = 0; i < cases; i++) {
			run_case(format, folder, entries[i]->d_name);
			free(entries[i]);
		}
		if (cases >= 0)
			free(entries);
		ok(cases >= CASES_MIN, tr_trace_format_name(format), "has 20 malformed files");
	}
	printf("1..%u\n", count);
	return failed || count == 0;
}
