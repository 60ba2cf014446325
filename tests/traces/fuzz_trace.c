/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes, read as a trace of one format (FORMAT is defined by the build): whatever they are, the
 * reader ends with rows that keep their promises or with a diagnostic. The last byte chooses the
 * options as well, so that spreading, amplifying and repeating are driven too.
 *
 * And what was read, written in the same format and read again, is the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/decimal.h"
#include "traces/write.h"

#define ROWS_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_row(const struct tr_trace_row *row)
{
	must(row->tokens_in >= 1 && row->tokens_in <= TR_TRACE_TOKENS_MAX);
	must(row->tokens_out >= 1 || row->failed);
	must(row->tokens_out <= TR_TRACE_TOKENS_MAX);
	must(row->block_count <= TR_TRACE_BLOCKS_MAX);
	must(row->block_count == 0 || row->block_tokens > 0);
	must(strnlen(row->tenant, TR_TRACE_TEXT_MAX) < TR_TRACE_TEXT_MAX);
	must(strnlen(row->session, TR_TRACE_TEXT_MAX) < TR_TRACE_TEXT_MAX);
	must(strnlen(row->model, TR_TRACE_TEXT_MAX) < TR_TRACE_TEXT_MAX);
}

/* Read all; copy what is read to `writer` if there is one. Returns the rows. */
static uint64_t play(const void *bytes, size_t length, const struct tr_trace_options *options,
		     struct tr_trace_writer *writer, tr_time_ns *ret_last)
{
	static struct tr_trace_row row;
	struct tr_diagnostic diagnostic = {.line = 0};
	struct tr_trace *trace;
	uint64_t rows = 0;
	tr_time_ns last = 0;
	char text[1024];
	FILE *file = fmemopen((void *)(uintptr_t)bytes, length, "r");
	int got = 0;

	must(file != NULL);
	if (tr_trace_open_stream(FORMAT, "f", file, options, &trace, &diagnostic) < 0) {
		must(diagnostic.message[0] != '\0');
		return 0;
	}
	while (rows < ROWS_MAX && (got = tr_trace_next(trace, &row, &diagnostic)) > 0) {
		check_row(&row);
		must(row.arrival >= last);
		last = row.arrival;
		rows++;
		if (writer)
			tr_trace_write(writer, &row);
	}
	if (got < 0)
		must(tr_diagnostic_text(&diagnostic, text, sizeof(text))[0] != '\0');
	must(tr_trace_counts(trace).adjusted <= tr_trace_counts(trace).rows);
	tr_trace_close(trace);
	*ret_last = last;
	return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct tr_trace_options options = {.skip_bad = true, .amplify_milli = 1000, .repeat = 1};
	struct tr_trace_writer writer;
	tr_time_ns last = 0, last_again = 0;
	uint64_t rows;
	uint32_t choice;
	size_t written;
	char *text;
	FILE *file;

	if (length < 1)
		return 0;
	file = open_memstream(&text, &written);
	must(file != NULL);
	tr_trace_write_begin(&writer, FORMAT, file, FORMAT);
	rows = play(bytes, length, &options, &writer, &last);
	must(fclose(file) == 0);
	if (rows > 0) {
		must(play(text, written, &options, NULL, &last_again) == rows);
		must(last == last_again);
	}
	free(text);

	choice = bytes[length - 1];
	options.skip_bad = choice & 1;
	options.spread = choice & 2;
	options.seed = choice;
	options.amplify_milli = choice & 12 ? (choice & 12) * 321 : 1000;
	options.repeat = 1 + (choice >> 4) % 4;
	(void)play(bytes, length, &options, NULL, &last);
	return 0;
}
