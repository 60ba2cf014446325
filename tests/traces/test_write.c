/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written reads back the same in all that its format holds, and what it cannot hold is
 * counted. (SIM-2)
 */
#include "engine/random.h"
#include "tests/traces/rows.h"
#include "traces/write.h"

/* One of each kind of row, and awkward texts. */
static void make_row(uint64_t n, struct tr_trace_row *ret)
{
	static const char *const names[] = {"", "a", "b, \"c\"", "\xc3\xa9\\\"", "plain", "x y"};
	uint64_t bits = tr_draw(1, n, TR_PURPOSE_TEST, 0);

	*ret = (struct tr_trace_row){
		.arrival = n * 1234567891,
		.tokens_in = 1 + (uint32_t)(bits % 100000),
		.tokens_out = 1 + (uint32_t)(bits >> 32) % 5000,
	};
	strcpy(ret->tenant, names[n % 6]);
	strcpy(ret->session, names[n / 2 % 6]);
	strcpy(ret->model, names[n / 3 % 6]);
	if (n % 5 == 4) {
		ret->failed = true;
		ret->tokens_out = 0;
	}
	ret->unseen = n % 7 == 6;
	if (n % 3 == 2) {
		ret->block_tokens = n % 2 ? 512 : 16;
		ret->block_count = 1 + (uint32_t)(n % 4);
		for (uint32_t i = 0; i < ret->block_count; i++)
			ret->blocks[i] = tr_mix(n + i) >> (n % 2 ? 20 : 0);
	}
}

enum {
	ROWS = 420
};

static char *write_rows(enum tr_trace_format format, enum tr_trace_format from, uint64_t first,
			size_t *ret_length, struct tr_trace_writer *ret_writer)
{
	static struct tr_trace_row row;
	char *text;
	FILE *file = open_memstream(&text, ret_length);

	tr_trace_write_begin(ret_writer, format, file, from);
	for (uint64_t n = 0; n < ROWS; n++) {
		make_row(n, &row);
		row.arrival += first;
		tr_trace_write(ret_writer, &row);
	}
	fclose(file);
	return text;
}

static void check_format(enum tr_trace_format format, bool names, bool tenants, bool failed,
			 bool blocks_512, bool blocks_all)
{
	static const struct tr_trace_options plain = PLAIN;
	static struct tr_trace_row row;
	struct tr_trace_writer writer;
	size_t length;
	char *text = write_rows(format, TR_TRACE_TAILRACE, 0, &length, &writer);
	struct rows rows = read_bytes(format, text, length, &plain);

	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, ROWS);
	for (uint64_t n = 0; n < ROWS; n++) {
		const struct tr_trace_row *got = &rows.rows[n];

		make_row(n, &row);
		assert_true(got->arrival == row.arrival);
		assert_int_equal(got->tokens_in, row.tokens_in);
		assert_int_equal(got->failed, row.failed && failed);
		assert_int_equal(got->tokens_out, row.failed && !failed ? 1 : row.tokens_out);
		assert_string_equal(got->session, names ? row.session : "");
		assert_string_equal(got->model, names ? row.model : "");
		if (tenants)
			assert_string_equal(got->tenant,
					    row.tenant[0] || blocks_all ? row.tenant : "default");
		else
			assert_string_equal(got->tenant, "");
		if (blocks_all || (blocks_512 && row.block_tokens == 512)) {
			assert_int_equal(got->block_count, row.block_count);
			assert_int_equal(got->block_tokens, row.block_tokens);
			assert_memory_equal(got->blocks, row.blocks,
					    row.block_count * sizeof(row.blocks[0]));
		} else {
			assert_int_equal(got->block_count, 0);
		}
	}
	free_rows(&rows);
	free(text);
}

static void test_azure_comes_back(void **state) /* SIM-2 */
{
	(void)state;
	check_format(TR_TRACE_AZURE, false, false, false, false, false);
}

static void test_mooncake_comes_back(void **state) /* SIM-2 */
{
	(void)state;
	check_format(TR_TRACE_MOONCAKE, false, false, false, true, false);
}

static void test_arena_comes_back(void **state) /* SIM-2 */
{
	(void)state;
	check_format(TR_TRACE_ARENA, false, true, false, false, false);
}

static void test_burstgpt_comes_back(void **state) /* SIM-2 */
{
	(void)state;
	check_format(TR_TRACE_BURSTGPT, true, false, true, false, false);
}

static void test_tailrace_comes_back_whole(void **state) /* SIM-2 */
{
	(void)state;
	check_format(TR_TRACE_TAILRACE, true, true, true, true, true);
}

static void test_what_is_lost_is_counted(void **state) /* SIM-2 */
{
	struct tr_trace_writer azure, tailrace, mooncake;
	size_t length;

	(void)state;
	free(write_rows(TR_TRACE_AZURE, TR_TRACE_TAILRACE, 0, &length, &azure));
	free(write_rows(TR_TRACE_MOONCAKE, TR_TRACE_AZURE, 0, &length, &mooncake));
	free(write_rows(TR_TRACE_TAILRACE, TR_TRACE_AZURE, 0, &length, &tailrace));
	assert_int_equal(azure.losses[TR_LOSS_TENANT], ROWS / 6 * 5);
	assert_int_equal(azure.losses[TR_LOSS_FAILED], ROWS / 5);
	assert_int_equal(azure.losses[TR_LOSS_UNSEEN], ROWS / 7);
	assert_int_equal(azure.losses[TR_LOSS_BLOCKS], ROWS / 3);
	assert_int_equal(azure.losses[TR_LOSS_DATE], 0);
	/* Half of the rows with blocks have blocks of 512 tokens. */
	assert_int_equal(mooncake.losses[TR_LOSS_BLOCKS], ROWS / 6);
	assert_int_equal(mooncake.losses[TR_LOSS_DATE], ROWS);
	for (unsigned i = 0; i < TR_LOSS_COUNT; i++)
		assert_int_equal(tailrace.losses[i], 0);
}

static void test_dated_rows_count_from_the_first_where_dates_are_lost(void **state)
{
	static const struct tr_trace_options plain = PLAIN;
	const uint64_t first = UINT64_C(1700158623979960000);
	struct tr_trace_writer writer;
	struct rows rows;
	size_t length;
	char *text;

	(void)state;
	text = write_rows(TR_TRACE_ARENA, TR_TRACE_AZURE, first, &length, &writer);
	rows = read_bytes(TR_TRACE_ARENA, text, length, &plain);
	assert_int_equal(rows.rows[0].arrival, 0);
	assert_int_equal(rows.rows[3].arrival, 3703703673);
	free_rows(&rows);
	free(text);
	text = write_rows(TR_TRACE_AZURE, TR_TRACE_AZURE, first, &length, &writer);
	rows = read_bytes(TR_TRACE_AZURE, text, length, &plain);
	assert_true(rows.rows[0].arrival == first);
	free_rows(&rows);
	free(text);
}

/* Every format into every other and back: what both hold is still there. */
static void test_every_pair_of_formats_converts(void **state) /* SIM-2 */
{
	static const struct tr_trace_options plain = PLAIN;

	(void)state;
	for (unsigned a = 0; a < TR_TRACE_TRR; a++)
		for (unsigned b = 0; b < TR_TRACE_TRR; b++) {
			struct tr_trace_writer writer;
			struct rows first, second;
			size_t length;
			char *text = write_rows(a, TR_TRACE_TAILRACE, 0, &length, &writer);
			FILE *file;

			first = read_bytes(a, text, length, &plain);
			free(text);
			file = open_memstream(&text, &length);
			tr_trace_write_begin(&writer, b, file, a);
			for (size_t i = 0; i < first.count; i++)
				tr_trace_write(&writer, &first.rows[i]);
			fclose(file);
			second = read_bytes(b, text, length, &plain);
			if (second.count != ROWS || second.end != 0)
				fail_msg("%s to %s: %zu rows, %s", tr_trace_format_name(a),
					 tr_trace_format_name(b), second.count, second.wrong);
			for (size_t i = 0; i < ROWS; i++) {
				assert_true(second.rows[i].arrival == first.rows[i].arrival);
				assert_int_equal(second.rows[i].tokens_in, first.rows[i].tokens_in);
			}
			free_rows(&first);
			free_rows(&second);
			free(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_azure_comes_back),
		cmocka_unit_test(test_mooncake_comes_back),
		cmocka_unit_test(test_arena_comes_back),
		cmocka_unit_test(test_burstgpt_comes_back),
		cmocka_unit_test(test_tailrace_comes_back_whole),
		cmocka_unit_test(test_what_is_lost_is_counted),
		cmocka_unit_test(test_dated_rows_count_from_the_first_where_dates_are_lost),
		cmocka_unit_test(test_every_pair_of_formats_converts),
	};

	return cmocka_run_group_tests_name("write", tests, NULL, NULL);
}
