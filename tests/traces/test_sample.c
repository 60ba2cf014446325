/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator writes the same bytes everywhere, and traces of the published shape; the survey
 * finds what was put in. (SIM-2)
 */
#include "tests/traces/rows.h"
#include "traces/sample.h"
#include "traces/survey.h"

#ifndef SAMPLE_FILE
#define SAMPLE_FILE "scenarios/traces/sample.csv"
#endif

static char *make(enum tr_sample_shape shape, uint64_t rows, uint64_t seed, size_t *ret_length)
{
	char *text;
	FILE *file = open_memstream(&text, ret_length);

	tr_sample_write(file, shape, rows, seed);
	fclose(file);
	return text;
}

static void test_the_shipped_sample_is_what_the_command_writes(void **state) /* SIM-2 */
{
	static char shipped[1 << 20];
	size_t length, shipped_length;
	char *text = make(TR_SAMPLE_AZURE_CODE, 2000, 1, &length);
	FILE *file = fopen(SAMPLE_FILE, "rb");

	(void)state;
	assert_non_null(file);
	shipped_length = fread(shipped, 1, sizeof(shipped), file);
	fclose(file);
	assert_int_equal(shipped_length, length);
	assert_memory_equal(shipped, text, length);
	free(text);
}

static void test_another_seed_is_another_sample(void **state)
{
	size_t a_length, b_length;
	char *a = make(TR_SAMPLE_AZURE_CODE, 100, 1, &a_length);
	char *b = make(TR_SAMPLE_AZURE_CODE, 100, 2, &b_length);

	(void)state;
	assert_true(a_length != b_length || memcmp(a, b, a_length) != 0);
	free(a);
	free(b);
}

static struct tr_survey *survey_of(enum tr_trace_format format, const char *text, size_t length)
{
	struct tr_survey *survey = tr_survey_new();
	static struct tr_trace_row row;
	struct tr_diagnostic diagnostic;
	struct tr_trace *trace;

	assert_non_null(survey);
	assert_int_equal(tr_trace_open_stream(format, "t",
					      fmemopen((void *)(uintptr_t)text, length, "r"), NULL,
					      &trace, &diagnostic),
			 0);
	while (tr_trace_next(trace, &row, &diagnostic) > 0)
		tr_survey_add(survey, &row);
	tr_survey_finish(survey);
	tr_trace_close(trace);
	return survey;
}

static void about(const char *what, uint64_t found, uint64_t wanted, uint64_t percent)
{
	uint64_t slack = wanted * percent / 100 + (percent > 0);

	if (found > wanted + slack || found + slack < wanted)
		fail_msg("%s: %llu, published %llu", what, (unsigned long long)found,
			 (unsigned long long)wanted);
}

/* p50, p90, p99, max as published. */
struct published {
	enum tr_sample_shape shape;
	uint64_t tokens_in[4];
	uint64_t tokens_out[4];
	uint64_t rate_milli;
	uint64_t second_p99; /* 0: not published */
	uint64_t second_max;
	uint64_t empty_permille;
};

static const struct published published[] = {
	{TR_SAMPLE_AZURE_CODE, {1469, 5186, 7436, 7437}, {13, 55, 252, 1899}, 2570, 28, 67, 730},
	{TR_SAMPLE_MOONCAKE, {6909, 27367, 85401, 126195}, {350, 597, 1120, 2000}, 3401, 0, 0, 0},
	{TR_SAMPLE_ARENA, {40, 432, 902, 1021}, {211, 513, 785, 977}, 2500, 0, 0, 0},
};

static void check_shape(const struct published *p, uint64_t rows, uint64_t percent)
{
	static const uint32_t shares[] = {5000, 9000, 9900};
	size_t length;
	char *text = make(p->shape, rows, 1, &length);
	struct tr_survey *survey = survey_of(TR_TRACE_AZURE, text, length);

	assert_int_equal(survey->rows, rows);
	for (unsigned i = 0; i < 3; i++) {
		about("tokens in", tr_tally_quantile(&survey->tokens_in, shares[i]),
		      p->tokens_in[i], percent);
		about("tokens out", tr_tally_quantile(&survey->tokens_out, shares[i]),
		      p->tokens_out[i], percent);
	}
	assert_true(survey->tokens_in.max <= p->tokens_in[3]);
	assert_true(survey->tokens_out.max <= p->tokens_out[3]);
	about("rate", rows * 1000 / survey->seconds.count, p->rate_milli, percent);
	if (p->second_p99) {
		about("p99 of a second", tr_tally_quantile(&survey->seconds, 9900), p->second_p99,
		      percent);
		assert_true(survey->seconds.max <= p->second_max);
		about("empty seconds", survey->seconds.cells[0] * 1000 / survey->seconds.count,
		      p->empty_permille, percent);
	}
	if (p->shape == TR_SAMPLE_MOONCAKE)
		about("rows that share a stamp", survey->shared * 1000 / rows, 1000, 1);
	tr_survey_free(survey);
	free(text);
}

static void test_large_samples_have_the_published_quantiles(void **state) /* SIM-2 */
{
	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		check_shape(&published[i], 100000, 5);
}

static void test_the_shipped_sample_has_the_published_quantiles(void **state) /* SIM-2 */
{
	(void)state;
	check_shape(&published[0], 2000, 10);
}

static void test_a_survey_counts_what_is_there(void **state) /* SIM-2 */
{
	static const char text[] =
		"{\"arrival_ns\":500,\"tokens_in\":10,\"tokens_out\":1,\"tenant\":\"a\","
		"\"block_tokens\":5,\"blocks\":[0,1]}\n"
		"{\"arrival_ns\":500,\"tokens_in\":20,\"tokens_out\":2,\"tenant\":\"b\","
		"\"session\":\"s\",\"block_tokens\":5,\"blocks\":[0,2,1]}\n"
		"{\"arrival_ns\":500,\"tokens_in\":30,\"failed\":true,\"model\":\"m\"}\n"
		"{\"arrival_ns\":1000000499,\"tokens_in\":2000000,\"tokens_out\":3,\"tenant\":"
		"\"a\","
		"\"block_tokens\":5,\"blocks\":[0,2,3]}\n"
		"{\"arrival_ns\":9000000000000000000,\"tokens_in\":40,\"tokens_out\":4}\n";
	struct tr_survey *survey = survey_of(TR_TRACE_TAILRACE, text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(survey->rows, 5);
	assert_int_equal(survey->failed, 1);
	assert_int_equal(survey->shared, 3);
	assert_int_equal(survey->tenants.count, 2);
	assert_int_equal(survey->sessions.count, 1);
	assert_int_equal(survey->models.count, 1);
	assert_int_equal(survey->blocks, 8);
	/* 0; then 0, 2. The 1 stood behind a new block and does not count. */
	assert_int_equal(survey->blocks_repeated, 3);
	assert_int_equal(survey->block_set.count, 4);
	assert_int_equal(survey->seconds.count, 9000000000);
	assert_int_equal(survey->seconds.max, 4);
	assert_int_equal(survey->seconds.cells[0], 9000000000 - 2);
	assert_int_equal(tr_tally_quantile(&survey->tokens_in, 4000), 20);
	assert_int_equal(tr_tally_quantile(&survey->tokens_in, 4001), 30);
	assert_int_equal(tr_tally_quantile(&survey->tokens_in, 9900), 2000000);
	assert_int_equal(survey->tokens_out.count, 4);
	tr_survey_free(survey);
	tr_survey_free(NULL);
}

static void test_a_set_stops_at_its_cap_and_says_so(void **state)
{
	struct tr_set set = {.cap = 1000};

	(void)state;
	for (uint64_t key = 0; key < 1000; key++)
		assert_false(tr_set_put(&set, key * UINT64_C(0x9e3779b97f4a7c15)));
	assert_false(set.full);
	assert_int_equal(set.count, 1000);
	assert_false(tr_set_put(&set, 12345));
	assert_true(set.full);
	assert_int_equal(set.count, 1000);
	for (uint64_t key = 0; key < 1000; key++)
		assert_true(tr_set_put(&set, key * UINT64_C(0x9e3779b97f4a7c15)));
	tr_set_done(&set);
	tr_set_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_shipped_sample_is_what_the_command_writes),
		cmocka_unit_test(test_another_seed_is_another_sample),
		cmocka_unit_test(test_large_samples_have_the_published_quantiles),
		cmocka_unit_test(test_the_shipped_sample_has_the_published_quantiles),
		cmocka_unit_test(test_a_survey_counts_what_is_there),
		cmocka_unit_test(test_a_set_stops_at_its_cap_and_says_so),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
