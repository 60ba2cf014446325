/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spreading, amplifying, repeating: properties over seeded random traces. A failure names its seed.
 * (SIM-2)
 */
#include <unistd.h>

#include "engine/random.h"
#include "tests/traces/rows.h"

#define SEEDS 200

/* A trace in our own format: `groups` stamps with 1 to `most` rows each; tokens_in numbers the rows
 * from 1. The stamps are kept in `stamps`, one per row. */
struct made {
	char *text;
	size_t length;
	size_t rows;
	uint64_t stamps[4096];
};

static void make(struct made *made, uint64_t seed, unsigned groups, unsigned most)
{
	FILE *file = open_memstream(&made->text, &made->length);
	uint64_t stamp = tr_below(tr_draw(seed, 0, TR_PURPOSE_TEST, 9), 5000);

	made->rows = 0;
	for (unsigned g = 0; g < groups; g++) {
		uint64_t rows = 1 + tr_below(tr_draw(seed, g, TR_PURPOSE_TEST, 0), most);

		for (uint64_t i = 0; i < rows; i++) {
			made->stamps[made->rows++] = stamp;
			fprintf(file,
				"{\"arrival_ns\":%llu,\"tokens_in\":%zu,\"tokens_out\":1,"
				"\"block_tokens\":1,\"blocks\":[%zu]}\n",
				(unsigned long long)stamp, made->rows, made->rows);
		}
		/* Tiny gaps too: more rows than nanoseconds to put them in. */
		stamp += 1 + tr_below(tr_draw(seed, g, TR_PURPOSE_TEST, 1),
				      g % 3 ? 1000000 : most / 2 + 1);
	}
	fclose(file);
}

static struct rows play(const struct made *made, const struct tr_trace_options *options)
{
	return read_bytes(TR_TRACE_TAILRACE, made->text, made->length, options);
}

/* The stamp after the one of row n, or one gap further where there is none. */
static uint64_t next_stamp(const struct made *made, size_t n)
{
	size_t before = n;

	for (size_t i = n + 1; i < made->rows; i++)
		if (made->stamps[i] > made->stamps[n])
			return made->stamps[i];
	while (before > 0 && made->stamps[before] == made->stamps[n])
		before--;
	if (made->stamps[before] == made->stamps[n])
		return made->stamps[n] + TR_SECOND;
	return made->stamps[n] + (made->stamps[n] - made->stamps[before]);
}

static bool is_alone(const struct made *made, size_t n)
{
	return (n == 0 || made->stamps[n - 1] != made->stamps[n]) &&
	       (n + 1 == made->rows || made->stamps[n + 1] != made->stamps[n]);
}

static void test_spread_rows_keep_their_order_and_stay_in_their_gap(void **state) /* SIM-2 */
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct tr_trace_options options = PLAIN;
		struct made made;
		struct rows rows;

		make(&made, seed, 1 + (unsigned)(seed % 40), 1 + (unsigned)(seed % 50));
		options.spread = true;
		options.seed = seed;
		rows = play(&made, &options);
		if (rows.count != made.rows || rows.end != 0)
			fail_msg("seed %llu: %zu rows of %zu; %s", (unsigned long long)seed,
				 rows.count, made.rows, rows.wrong);
		for (size_t i = 0; i < rows.count; i++) {
			uint64_t at = rows.rows[i].arrival;

			if (rows.rows[i].tokens_in != i + 1 || rows.rows[i].blocks[0] != i + 1 ||
			    at < made.stamps[i] || at >= next_stamp(&made, i) ||
			    (i > 0 && at < rows.rows[i - 1].arrival) ||
			    (is_alone(&made, i) && at != made.stamps[i]))
				fail_msg("seed %llu: row %zu at %llu, stamp %llu",
					 (unsigned long long)seed, i, (unsigned long long)at,
					 (unsigned long long)made.stamps[i]);
		}
		free_rows(&rows);
		free(made.text);
	}
}

static void test_spreading_is_even_and_seeded(void **state) /* SIM-2 */
{
	enum {
		ROWS = 1000
	};
	struct tr_trace_options options = {
		.spread = true, .seed = 5, .amplify_milli = 1000, .repeat = 1};
	struct made made = {.rows = 0};
	struct rows rows, again, other;
	unsigned differ = 0;
	FILE *file = open_memstream(&made.text, &made.length);

	(void)state;
	for (unsigned i = 0; i < ROWS; i++)
		fprintf(file, "{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n");
	fprintf(file, "{\"arrival_ns\":1000000000,\"tokens_in\":1,\"tokens_out\":1}\n");
	fclose(file);
	rows = play(&made, &options);
	again = play(&made, &options);
	options.seed = 6;
	other = play(&made, &options);
	for (unsigned i = 0; i < ROWS; i++) {
		/* One row in each thousandth of the gap. */
		assert_int_equal(rows.rows[i].arrival / (TR_SECOND / ROWS), i);
		assert_true(rows.rows[i].arrival == again.rows[i].arrival);
		differ += rows.rows[i].arrival != other.rows[i].arrival;
	}
	assert_true(differ > ROWS * 9 / 10);
	free_rows(&rows);
	free_rows(&again);
	free_rows(&other);
	free(made.text);
}

static void test_without_spreading_stamps_stay_as_they_are(void **state) /* SIM-2 */
{
	struct tr_trace_options options = {.seed = 3, .amplify_milli = 3000, .repeat = 1};
	struct made made;
	struct rows rows;

	(void)state;
	make(&made, 17, 30, 20);
	rows = play(&made, &options);
	assert_int_equal(rows.count, 3 * made.rows);
	for (size_t i = 0; i < rows.count; i++) {
		assert_int_equal(rows.rows[i].tokens_in, i / 3 + 1);
		assert_true(rows.rows[i].arrival == made.stamps[i / 3]);
	}
	free_rows(&rows);
	free(made.text);
}

/* A malformed row changes nothing about how the rows behind it are spread. */
static void test_draws_depend_on_the_line_alone(void **state)
{
	static const char good[] = "{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":5,\"tokens_in\":1,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":1000,\"tokens_in\":1,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":1000,\"tokens_in\":1,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":9000,\"tokens_in\":1,\"tokens_out\":1}\n";
	char bad[sizeof(good)];
	struct tr_trace_options options = {
		.skip_bad = true, .spread = true, .seed = 1, .amplify_milli = 1000, .repeat = 1};
	struct rows rows, fewer;

	(void)state;
	memcpy(bad, good, sizeof(bad));
	bad[2] = '?';
	rows = read_text(TR_TRACE_TAILRACE, good, &options);
	fewer = read_text(TR_TRACE_TAILRACE, bad, &options);
	assert_int_equal(rows.count, 5);
	assert_int_equal(fewer.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(fewer.rows[i].arrival == rows.rows[i + 1].arrival);
	free_rows(&rows);
	free_rows(&fewer);
}

static void test_amplifying_gives_the_promised_number_of_rows(void **state) /* SIM-2 */
{
	static const uint32_t factors[] = {1, 250, 999, 1000, 1001, 1500, 2500, 7000};

	(void)state;
	for (size_t f = 0; f < sizeof(factors) / sizeof(factors[0]); f++) {
		struct tr_trace_options options = {.spread = true, .seed = f, .repeat = 1};
		uint64_t wanted, slack;
		struct made made;
		struct rows rows;

		make(&made, 100 + f, 60, 60);
		options.amplify_milli = factors[f];
		rows = play(&made, &options);
		assert_int_equal(rows.end, 0);
		wanted = made.rows * factors[f] / 1000;
		slack = factors[f] % 1000 ? 120 : 0; /* > 5 sigma of 1,800 fair coins */
		if (rows.count > wanted + slack || rows.count + slack < wanted)
			fail_msg("factor %u: %zu rows of %zu", factors[f], rows.count, made.rows);
		for (size_t i = 0; i < rows.count; i++) {
			size_t n = rows.rows[i].tokens_in - 1;
			uint64_t at = rows.rows[i].arrival;

			assert_true(i == 0 || rows.rows[i - 1].tokens_in <= n + 1);
			assert_true(i == 0 || rows.rows[i - 1].arrival <= at);
			assert_true(at >= made.stamps[n] && at < next_stamp(&made, n));
		}
		free_rows(&rows);
		free(made.text);
	}
}

/* The very numbers, worked out apart from this code: a change of them changes every result. */
static void test_a_seed_gives_these_times_for_ever(void **state) /* SIM-2 */
{
	static const char text[] = "{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":0,\"tokens_in\":2,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":1000000,\"tokens_in\":3,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":5000000,\"tokens_in\":4,\"tokens_out\":1}\n";
	static const struct {
		uint32_t tokens_in;
		uint64_t arrival;
	} wanted[] = {{1, 169220},  {1, 398912},  {2, 599929},	{2, 634061},  {2, 881461},
		      {3, 2671961}, {3, 3772770}, {4, 5024597}, {4, 6714978}, {4, 8125504}};
	struct tr_trace_options options = {
		.spread = true, .seed = 7, .amplify_milli = 2500, .repeat = 1};
	struct rows rows = read_text(TR_TRACE_TAILRACE, text, &options);

	(void)state;
	assert_int_equal(rows.count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < rows.count; i++) {
		assert_int_equal(rows.rows[i].tokens_in, wanted[i].tokens_in);
		assert_int_equal(rows.rows[i].arrival, wanted[i].arrival);
	}
	free_rows(&rows);
}

static void test_copies_of_a_lone_row_are_spread(void **state)
{
	static const char text[] = "{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n"
				   "{\"arrival_ns\":4000,\"tokens_in\":2,\"tokens_out\":1}\n";
	struct tr_trace_options options = {
		.spread = true, .seed = 1, .amplify_milli = 4000, .repeat = 1};
	struct rows rows = read_text(TR_TRACE_TAILRACE, text, &options);

	(void)state;
	assert_int_equal(rows.count, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(rows.rows[i].arrival / 1000, i);
	free_rows(&rows);
}

static void test_repeating_plays_the_whole_again(void **state) /* SIM-2 */
{
	enum {
		TIMES = 4
	};

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct tr_trace_options options = PLAIN;
		uint64_t length, gap;
		struct made made;
		struct rows rows;

		make(&made, seed, 1 + (unsigned)(seed % 7), 1 + (unsigned)(seed % 5));
		options.repeat = TIMES;
		options.spread = seed % 2;
		rows = play(&made, &options);
		length = made.stamps[made.rows - 1] - made.stamps[0];
		gap = made.rows > 1 ? length / (made.rows - 1) : 0;
		gap = gap ? gap : length ? 1 : TR_SECOND;
		if (rows.count != TIMES * made.rows || rows.end != 0 ||
		    rows.counts.rows != made.rows)
			fail_msg("seed %llu: %zu rows; %s", (unsigned long long)seed, rows.count,
				 rows.wrong);
		for (size_t i = 0; i < rows.count; i++) {
			uint64_t shift = i / made.rows * (length + gap);
			size_t n = i % made.rows;

			assert_int_equal(rows.rows[i].tokens_in, n + 1);
			assert_true(i == 0 || rows.rows[i - 1].arrival <= rows.rows[i].arrival);
			assert_true(rows.rows[i].arrival >= made.stamps[n] + shift);
			if (!options.spread)
				assert_true(rows.rows[i].arrival == made.stamps[n] + shift);
			else if (i / made.rows < TIMES - 1)
				assert_true(rows.rows[i].arrival <
					    made.stamps[0] + shift + length + gap);
		}
		free_rows(&rows);
		free(made.text);
	}
}

static void test_a_trace_of_a_pipe_cannot_be_repeated(void **state)
{
	static const char row[] = "{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n";
	struct tr_trace_options options = PLAIN;

	(void)state;
	for (unsigned repeat = 1; repeat <= 2; repeat++) {
		struct rows rows;
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], row, sizeof(row) - 1), sizeof(row) - 1);
		close(ends[1]);
		options.repeat = repeat;
		rows = read_stream(TR_TRACE_TAILRACE, fdopen(ends[0], "r"), &options);
		if (repeat == 1)
			assert_int_equal(rows.count, 1);
		else
			assert_string_equal(rows.wrong,
					    "t: cannot be read twice; repeating needs a "
					    "file, not a pipe");
		free_rows(&rows);
	}
}

static void test_a_trace_that_would_not_end_is_refused(void **state)
{
	static const char text[] =
		"{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n"
		"{\"arrival_ns\":4000000000000000000,\"tokens_in\":1,\"tokens_out\":1}\n";
	struct tr_trace_options options = {.amplify_milli = 1000, .repeat = 2};
	struct rows rows = read_text(TR_TRACE_TAILRACE, text, &options);

	(void)state;
	assert_int_equal(rows.end, -1);
	assert_string_equal(rows.wrong, "t: round 2 of 2 would end after the year 2262");
	free_rows(&rows);
}

static void test_too_many_rows_of_one_stamp_are_refused(void **state)
{
	static const char row[] = "{\"arrival_ns\":0,\"tokens_in\":1,\"tokens_out\":1}\n";
	struct tr_trace_options options = {.spread = true, .amplify_milli = 1000, .repeat = 1};

	(void)state;
	for (unsigned extra = 0; extra < 2; extra++) {
		size_t count = TR_TRACE_GROUP_ROWS_MAX + extra, length;
		struct tr_diagnostic diagnostic;
		static struct tr_trace_row got;
		struct tr_trace *trace;
		char *text;
		FILE *file = open_memstream(&text, &length);
		int end;

		for (size_t i = 0; i < count; i++)
			fwrite(row, 1, sizeof(row) - 1, file);
		fclose(file);
		assert_int_equal(tr_trace_open_stream(TR_TRACE_TAILRACE, "t",
						      fmemopen(text, length, "r"), &options, &trace,
						      &diagnostic),
				 0);
		while ((end = tr_trace_next(trace, &got, &diagnostic)) > 0)
			count--;
		assert_int_equal(end, extra ? -1 : 0);
		if (!extra)
			assert_int_equal(count, 0);
		else
			assert_int_equal(diagnostic.line, TR_TRACE_GROUP_ROWS_MAX + 1);
		tr_trace_close(trace);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread_rows_keep_their_order_and_stay_in_their_gap),
		cmocka_unit_test(test_spreading_is_even_and_seeded),
		cmocka_unit_test(test_without_spreading_stamps_stay_as_they_are),
		cmocka_unit_test(test_draws_depend_on_the_line_alone),
		cmocka_unit_test(test_amplifying_gives_the_promised_number_of_rows),
		cmocka_unit_test(test_a_seed_gives_these_times_for_ever),
		cmocka_unit_test(test_copies_of_a_lone_row_are_spread),
		cmocka_unit_test(test_repeating_plays_the_whole_again),
		cmocka_unit_test(test_a_trace_of_a_pipe_cannot_be_repeated),
		cmocka_unit_test(test_a_trace_that_would_not_end_is_refused),
		cmocka_unit_test(test_too_many_rows_of_one_stamp_are_refused),
	};

	return cmocka_run_group_tests_name("play", tests, NULL, NULL);
}
