/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each format as it is found in the wild, with its odd forms. What is refused, and with which
 * words, is in malformed/. (SIM-2)
 */
#include "tests/traces/rows.h"
#include "traces/lines.h"

static const struct tr_trace_options plain = PLAIN;
static const struct tr_trace_options lenient = {
	.skip_bad = true, .amplify_milli = 1000, .repeat = 1};

#define AZURE_HEAD "TIMESTAMP,ContextTokens,GeneratedTokens\n"
#define T0	   UINT64_C(1700158623979960000)

static void test_azure_rows_are_read(void **state) /* SIM-2 */
{
	struct rows rows = read_text(TR_TRACE_AZURE,
				     AZURE_HEAD "2023-11-16 18:17:03.9799600,4808,10\n"
						"2023-11-16 18:17:04.0319600,3180,8\n",
				     &plain);

	(void)state;
	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, 2);
	assert_int_equal(rows.rows[0].line, 2);
	assert_true(rows.rows[0].arrival == T0);
	assert_int_equal(rows.rows[0].tokens_in, 4808);
	assert_int_equal(rows.rows[0].tokens_out, 10);
	assert_false(rows.rows[0].failed);
	assert_string_equal(rows.rows[0].tenant, "");
	assert_int_equal(rows.rows[0].block_count, 0);
	assert_true(rows.rows[1].arrival == T0 + 52000000);
	free_rows(&rows);
}

/* The same two rows, written in every way that a CSV file may be written. */
static void test_csv_may_be_written_in_many_ways(void **state) /* SIM-2 */
{
	static const char *const texts[] = {
		AZURE_HEAD "2023-11-16 18:17:03.97996,5,1\n2023-11-16 18:17:04,6,2\n",
		AZURE_HEAD "2023-11-16 18:17:03.97996,5,1\n2023-11-16 18:17:04,6,2",
		"TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.97996,5,1\r\n"
		"2023-11-16 18:17:04,6,2\r\n",
		"TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.97996,5,1\r\n"
		"2023-11-16 18:17:04,6,2\r",
		"\xef\xbb\xbf" AZURE_HEAD
		"2023-11-16 18:17:03.97996,5,1\n2023-11-16 18:17:04,6,2\n",
		"\n" AZURE_HEAD
		"\n2023-11-16 18:17:03.97996,5,1\n  \n2023-11-16 18:17:04,6,2\n\n\n",
		"\"TIMESTAMP\",\"ContextTokens\",\"GeneratedTokens\"\n"
		"\"2023-11-16 18:17:03.97996\",\"5\",\"1\"\n2023-11-16 18:17:04,\"6\",2\n",
		"GeneratedTokens,ContextTokens,TIMESTAMP\n1,5,2023-11-16 18:17:03.97996\n"
		"2,6,2023-11-16 18:17:04\n",
		"id,TIMESTAMP,NumImages,ContextTokens,GeneratedTokens,note\n"
		"a,2023-11-16T18:17:03.97996Z,0,5,1,\"x, \"\"y\"\"\"\n"
		"b,2023-11-16 19:17:04+01:00,2,6,2,\n",
		AZURE_HEAD "2023-11-16 18:17:03.97996,5.0,1.0\n2023-11-16 18:17:04,6.0,2e0\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rows rows = read_text(TR_TRACE_AZURE, texts[i], &plain);

		if (rows.count != 2 || rows.end != 0)
			fail_msg("text %zu: %zu rows, %s", i, rows.count, rows.wrong);
		assert_true(rows.rows[0].arrival == T0);
		assert_true(rows.rows[1].arrival == UINT64_C(1700158624) * TR_SECOND);
		assert_int_equal(rows.rows[0].tokens_in, 5);
		assert_int_equal(rows.rows[1].tokens_in, 6);
		assert_int_equal(rows.rows[1].tokens_out, 2);
		free_rows(&rows);
	}
}

static void test_an_output_of_zero_is_read_as_one_and_counted(void **state) /* SIM-2 */
{
	struct rows azure =
		read_text(TR_TRACE_AZURE, AZURE_HEAD "2023-11-16 18:17:03,5,0\n", &plain);
	struct rows mooncake = read_text(
		TR_TRACE_MOONCAKE,
		"{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 0, \"hash_ids\": []}",
		&plain);

	(void)state;
	assert_int_equal(azure.count, 1);
	assert_int_equal(azure.rows[0].tokens_out, 1);
	assert_false(azure.rows[0].failed);
	assert_int_equal(azure.counts.adjusted, 1);
	assert_int_equal(mooncake.count, 1);
	assert_int_equal(mooncake.rows[0].tokens_out, 1);
	assert_int_equal(mooncake.rows[0].block_tokens, 0);
	assert_int_equal(mooncake.counts.adjusted, 1);
	free_rows(&azure);
	free_rows(&mooncake);
}

static void test_mooncake_rows_are_read(void **state) /* SIM-2 */
{
	struct rows rows = read_text(
		TR_TRACE_MOONCAKE,
		"{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, "
		"\"hash_ids\": [0, 1, 9007199254740993]}\r\n"
		"\n"
		"{ \"hash_ids\":[0,7], \"x\":{\"timestamp\":5.5,\"a\":[{\"timestamp\":1e3}]}, "
		"\"s\":\"\\\"timestamp\\\":9\", \"timestamp\" : 27.5,\"output_length\":1,"
		"\"input_length\":513.0}\n"
		"{\"timestamp\":3.0000001e+3,\"input_length\":1,\"output_length\":2}",
		&plain);

	(void)state;
	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, 3);
	assert_int_equal(rows.rows[0].block_tokens, 512);
	assert_int_equal(rows.rows[0].block_count, 3);
	assert_true(rows.rows[0].blocks[2] == 9007199254740993);
	assert_int_equal(rows.rows[1].line, 3);
	assert_int_equal(rows.rows[1].arrival, 27500000);
	assert_int_equal(rows.rows[1].tokens_in, 513);
	assert_int_equal(rows.rows[1].blocks[1], 7);
	assert_true(rows.rows[2].arrival == 3000000100);
	assert_int_equal(rows.rows[2].block_count, 0);
	free_rows(&rows);
}

static void test_arena_rows_are_read(void **state) /* SIM-2 */
{
	struct rows rows = read_text(TR_TRACE_ARENA,
				     "arrival_s,tenant,prompt_tokens,output_tokens\n"
				     "0.0,dummy-lora-7b-rank-8-13,13,199\n"
				     "1e-05,\"Ac\"\"me, GmbH\",1,2\n"
				     "0.20793754160099873,\xc3\xa9t\xc3\xa9,36,137\n",
				     &plain);

	(void)state;
	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, 3);
	assert_string_equal(rows.rows[0].tenant, "dummy-lora-7b-rank-8-13");
	assert_int_equal(rows.rows[1].arrival, 10000);
	assert_string_equal(rows.rows[1].tenant, "Ac\"me, GmbH");
	assert_int_equal(rows.rows[2].arrival, 207937542);
	assert_string_equal(rows.rows[2].tenant, "\xc3\xa9t\xc3\xa9");
	free_rows(&rows);
}

static void test_burstgpt_rows_are_read(void **state) /* SIM-2 */
{
	struct rows one =
		read_text(TR_TRACE_BURSTGPT,
			  "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
			  "5,ChatGPT,472,18,490,Conversation log\n"
			  "45,GPT-4,1087,0,1087,API log\n"
			  "45,ChatGPT,0,0,0,Conversation log\n",
			  &plain);
	struct rows two =
		read_text(TR_TRACE_BURSTGPT,
			  "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens\n"
			  "19440110.0,1722ac82-0a46,43,GPT-4,906,446\n"
			  "19440161.25,,2,ChatGPT,36,29\n",
			  &plain);
	struct rows least = read_text(TR_TRACE_BURSTGPT,
				      "Response tokens,Request tokens,Timestamp\n1,2,3\n", &plain);

	(void)state;
	assert_string_equal(one.wrong, "");
	assert_int_equal(one.count, 3);
	assert_true(one.rows[0].arrival == 5 * TR_SECOND);
	assert_string_equal(one.rows[0].model, "ChatGPT");
	assert_false(one.rows[0].failed);
	/* No response tokens: the request failed; its size is kept where it is known. */
	assert_true(one.rows[1].failed);
	assert_int_equal(one.rows[1].tokens_in, 1087);
	assert_int_equal(one.rows[1].tokens_out, 0);
	assert_true(one.rows[2].failed);
	assert_int_equal(one.rows[2].tokens_in, 1);
	assert_int_equal(one.counts.adjusted, 1);

	assert_int_equal(two.count, 2);
	assert_string_equal(two.rows[0].session, "1722ac82-0a46");
	assert_string_equal(two.rows[1].session, "");
	assert_true(two.rows[1].arrival == UINT64_C(19440161250000000));

	assert_int_equal(least.count, 1);
	assert_int_equal(least.rows[0].tokens_in, 2);
	assert_string_equal(least.rows[0].model, "");
	free_rows(&one);
	free_rows(&two);
	free_rows(&least);
}

static void test_tailrace_rows_are_read(void **state) /* SIM-2 */
{
	struct rows rows =
		read_text(TR_TRACE_TAILRACE,
			  "{\"arrival_ns\":9223372036854775806,\"tokens_in\":1,\"tokens_out\":2,"
			  "\"tenant\":\"t\",\"session\":\"s\",\"model\":\"m\",\"unseen\":true,"
			  "\"block_tokens\":16,\"blocks\":[1,\"0xFFFFFFFFFFFFFFFF\",\"0x0\"]}\n"
			  "{\"arrival_ns\":9223372036854775807,\"tokens_in\":1,\"failed\":true,"
			  "\"tenant\":null}\n",
			  &plain);

	(void)state;
	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, 2);
	assert_true(rows.rows[0].arrival == INT64_MAX - UINT64_C(1));
	assert_string_equal(rows.rows[0].tenant, "t");
	assert_string_equal(rows.rows[0].session, "s");
	assert_string_equal(rows.rows[0].model, "m");
	assert_true(rows.rows[0].unseen);
	assert_int_equal(rows.rows[0].block_tokens, 16);
	assert_int_equal(rows.rows[0].block_count, 3);
	assert_true(rows.rows[0].blocks[1] == UINT64_MAX);
	assert_true(rows.rows[1].failed);
	assert_int_equal(rows.rows[1].tokens_out, 0);
	assert_string_equal(rows.rows[1].tenant, "");
	free_rows(&rows);
}

static void test_bad_rows_stop_the_trace_or_are_counted(void **state) /* SIM-2 */
{
	static const char text[] = AZURE_HEAD "2023-11-16 18:17:05,1,1\n"
					      "2023-11-16 18:17:06,x,1\n"
					      "2023-11-16 18:17:04,3,1\n"
					      "2023-11-16 18:17:05,4,1,1\n"
					      "\"2023-11-16 18:17:05,5,1\n"
					      "2023-11-16 18:17:05,6,1\n";
	struct rows strict = read_text(TR_TRACE_AZURE, text, &plain);
	struct rows rows = read_text(TR_TRACE_AZURE, text, &lenient);

	(void)state;
	assert_int_equal(strict.end, -1);
	assert_int_equal(strict.count, 1);
	assert_string_equal(strict.wrong,
			    "t:3: column 'ContextTokens': found 'x', expected a whole "
			    "number from 1 to 2147483647");
	assert_int_equal(rows.end, 0);
	assert_int_equal(rows.count, 2);
	assert_int_equal(rows.counts.rows, 2);
	assert_int_equal(rows.counts.skipped, 4);
	assert_int_equal(rows.rows[1].tokens_in, 6);
	assert_int_equal(rows.rows[1].line, 7);
	free_rows(&strict);
	free_rows(&rows);
}

static void test_a_trace_that_ended_stays_ended(void **state)
{
	static const char text[] = AZURE_HEAD "2023-11-16 18:17:05,1,1\nx,1,1\n";
	FILE *stream = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");
	struct tr_diagnostic first, second;
	struct tr_trace_row row;
	struct tr_trace *trace;

	(void)state;
	assert_int_equal(tr_trace_open_stream(TR_TRACE_AZURE, "t", stream, NULL, &trace, &first),
			 0);
	assert_int_equal(tr_trace_next(trace, &row, &first), 1);
	row.tokens_in = 4711;
	assert_int_equal(tr_trace_next(trace, &row, &first), -1);
	assert_int_equal(tr_trace_next(trace, &row, &second), -1);
	assert_memory_equal(&first, &second, sizeof(first));
	/* Untouched on failure. */
	assert_int_equal(row.tokens_in, 4711);
	tr_trace_close(trace);
	tr_trace_close(NULL);
}

static void test_the_longest_line_is_read_and_a_longer_one_is_bad(void **state)
{
	enum {
		CAP = 65536
	};
	static char text[2 * CAP];
	struct rows rows;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		size_t at = (size_t)sprintf(text, "TIMESTAMP,ContextTokens,GeneratedTokens,x\n");
		size_t line = (size_t)sprintf(text + at, "2023-11-16 18:17:05,1,1,");

		memset(text + at + line, 'x', CAP - line + (size_t)extra);
		at += CAP + (size_t)extra;
		at += (size_t)sprintf(text + at, "\n2023-11-16 18:17:06,2,1,\n");
		rows = read_bytes(TR_TRACE_AZURE, text, at, &lenient);
		assert_int_equal(rows.end, 0);
		assert_int_equal(rows.count, 2 - extra);
		assert_int_equal(rows.counts.skipped, extra);
		free_rows(&rows);
	}
}

/* A file with one endless line takes no more memory than a line: the reader says so and ends. */
static void test_a_file_without_line_ends_is_refused(void **state)
{
	enum {
		SIZE = 40 << 20
	};
	char *text = malloc(SIZE);
	struct rows rows;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', SIZE);
	rows = read_bytes(TR_TRACE_MOONCAKE, text, SIZE, &lenient);
	assert_int_equal(rows.end, -1);
	assert_string_equal(rows.wrong, "t: no rows: all 1 are malformed");
	free_rows(&rows);
	rows = read_bytes(TR_TRACE_ARENA, text, SIZE, &lenient);
	assert_string_equal(rows.wrong, "t:1: the line is longer than 65536 bytes");
	free_rows(&rows);
	free(text);
}

/* Whatever pieces the operating system hands out, the lines are the same. */
static void test_lines_do_not_depend_on_how_the_bytes_come(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "a\r\n\n\r\nbb\nccc\r\rd\r\nlast";
	static const char *const wanted[] = {"a", "", "", "bb", "ccc\r\rd", "last"};

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		FILE *file = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");
		struct tr_lines lines;
		const char *line;
		size_t length, n = 0;

		setvbuf(file, NULL, piece == 1 ? _IONBF : _IOFBF, piece);
		assert_int_equal(tr_lines_init(&lines, file, 8 + piece), 0);
		while (tr_lines_next(&lines, &line, &length) == TR_LINES_LINE) {
			assert_true(n < 6);
			assert_int_equal(length, strlen(wanted[n]));
			assert_memory_equal(line, wanted[n], length);
			n++;
		}
		assert_int_equal(n, 6);
		assert_int_equal(lines.bytes, sizeof(text) - 1);
		tr_lines_done(&lines);
		fclose(file);
	}
}

static void test_specs_name_a_format_and_a_file(void **state)
{
	struct tr_diagnostic diagnostic;
	enum tr_trace_format format;
	const char *path;

	(void)state;
	assert_int_equal(tr_trace_spec("burstgpt:a:b", &format, &path, &diagnostic), 0);
	assert_int_equal(format, TR_TRACE_BURSTGPT);
	assert_string_equal(path, "a:b");
	assert_int_equal(tr_trace_spec("azuer:f", &format, &path, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "did you mean 'azure'?"));
	assert_int_equal(tr_trace_spec("file.csv", &format, &path, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "FORMAT:FILE"));
	assert_int_equal(tr_trace_spec("azure:", &format, &path, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "names no file"));
	assert_int_equal(tr_trace_spec("", &format, &path, &diagnostic), -1);
	assert_int_equal(format, TR_TRACE_BURSTGPT);
}

static void test_options_out_of_range_are_refused(void **state)
{
	static const struct tr_trace_options wrong[] = {
		{.amplify_milli = 0, .repeat = 1},
		{.amplify_milli = TR_TRACE_AMPLIFY_MAX + 1, .repeat = 1},
		{.amplify_milli = 1000, .repeat = 0},
		{.amplify_milli = 1000, .repeat = TR_TRACE_REPEAT_MAX + 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct rows rows = read_text(TR_TRACE_AZURE, AZURE_HEAD "2023-11-16 18:17:05,1,1\n",
					     &wrong[i]);

		assert_int_equal(rows.end, -1);
		assert_non_null(strstr(rows.wrong, "expected 1 to"));
		free_rows(&rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_azure_rows_are_read),
		cmocka_unit_test(test_csv_may_be_written_in_many_ways),
		cmocka_unit_test(test_an_output_of_zero_is_read_as_one_and_counted),
		cmocka_unit_test(test_mooncake_rows_are_read),
		cmocka_unit_test(test_arena_rows_are_read),
		cmocka_unit_test(test_burstgpt_rows_are_read),
		cmocka_unit_test(test_tailrace_rows_are_read),
		cmocka_unit_test(test_bad_rows_stop_the_trace_or_are_counted),
		cmocka_unit_test(test_a_trace_that_ended_stays_ended),
		cmocka_unit_test(test_the_longest_line_is_read_and_a_longer_one_is_bad),
		cmocka_unit_test(test_a_file_without_line_ends_is_refused),
		cmocka_unit_test(test_lines_do_not_depend_on_how_the_bytes_come),
		cmocka_unit_test(test_specs_name_a_format_and_a_file),
		cmocka_unit_test(test_options_out_of_range_are_refused),
	};

	return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
