/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/calibrate/measured.h"

#define GOOD                                                                                       \
	"{\"input_toks\": 100, \"output_toks\": 10, \"arrival_time\": 1787267980.5, "              \
	"\"queued_ts\": 5.25, \"scheduled_ts\": 5.5, \"first_token_ts\": 6, "                      \
	"\"last_token_ts\": 7.125}\n"

static int read_text(const char *text, struct tr_measured *ret, struct tr_diagnostic *diagnostic)
{
	char path[] = "/tmp/measured-XXXXXX";
	int file = mkstemp(path), err;

	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
	err = tr_measured_read(path, NULL, ret, diagnostic);
	unlink(path);
	return err;
}

/* SIM-3 */
static void test_times_are_taken_to_the_nanosecond(void **state)
{
	struct tr_measured measured;
	struct tr_diagnostic diagnostic;

	(void)state;
	assert_int_equal(read_text("\n" GOOD, &measured, &diagnostic), 0);
	assert_int_equal(measured.count, 1);
	assert_true(measured.scheduled);
	assert_int_equal(measured.rows[0].line, 2);
	assert_int_equal(measured.rows[0].arrival, UINT64_C(1787267980500000000));
	assert_int_equal(measured.rows[0].last, UINT64_C(7125000000));
	assert_int_equal(measured.rows[0].tokens_in, 100);
	tr_measured_done(&measured);
}

/* Two clocks become one: the row that was queued fastest was queued at once, and rows that are not
 * looked at do not move it. */
static void test_arrivals_are_put_on_the_servers_clock(void **state)
{
	static const char rows[] =
		"{\"input_toks\":1,\"output_toks\":1,\"arrival_time\":1000.0,\"queued_ts\":50.3,"
		"\"first_token_ts\":51,\"last_token_ts\":51}\n"
		"{\"input_toks\":1,\"output_toks\":1,\"arrival_time\":1001.0,\"queued_ts\":51.1,"
		"\"first_token_ts\":52,\"last_token_ts\":52}\n"
		"{\"input_toks\":1,\"output_toks\":1,\"arrival_time\":1002.0,\"queued_ts\":52.0,"
		"\"first_token_ts\":53,\"last_token_ts\":53}\n";
	struct tr_measured measured;
	struct tr_diagnostic diagnostic;

	(void)state;
	assert_int_equal(read_text(rows, &measured, &diagnostic), 0);
	assert_false(measured.scheduled);
	tr_measured_align(&measured, 2);
	assert_int_equal(measured.rows[0].arrival, 0);
	assert_int_equal(measured.rows[0].queued, 200 * TR_MS);
	assert_int_equal(measured.rows[1].arrival, measured.rows[1].queued);
	/* Queued sooner than the two: it arrives when it is queued. */
	assert_int_equal(measured.rows[2].arrival, measured.rows[2].queued);
	assert_int_equal(measured.rows[2].queued, 1900 * TR_MS);
	tr_measured_done(&measured);
}

struct wrong {
	const char *text;
	unsigned line;
	const char *key;
	const char *message;
};

#define ROW(rest) GOOD "{\"input_toks\":5,\"output_toks\":2," rest "}\n"
#define TIMES	  "\"queued_ts\":1,\"scheduled_ts\":2,\"first_token_ts\":3,\"last_token_ts\":4"

static const struct wrong wrongs[] = {
	{"", 0, "", "no request is in it"},
	{GOOD "{\n", 2, "", "is not JSON"},
	{GOOD "[1]\n", 2, "", "is not a JSON object"},
	{"{\"input_toks\":5,\"input_toks\":5}\n", 1, "", "duplicate"},
	{"{\"input_toks\":0,\"output_toks\":2," TIMES "}\n", 1, "field 'input_toks'",
	 "expected a whole number from 1"},
	{"{\"input_toks\":1.5,\"output_toks\":2," TIMES "}\n", 1, "field 'input_toks'",
	 "found '1.5'"},
	{"{\"input_toks\":5,\"first_token\":1}\n", 1, "field 'first_token_ts'",
	 "missing, expected seconds above 0; is it 'first_token'?"},
	{ROW("\"queued_ts\":\"soon\""), 2, "field 'queued_ts'", "expected seconds above 0"},
	{ROW("\"queued_ts\":-1"), 2, "field 'queued_ts'", "expected seconds above 0"},
	{ROW("\"queued_ts\":1,\"first_token_ts\":3"), 2, "field 'last_token_ts'", "missing"},
	{ROW("\"first_token_ts\":3,\"last_token_ts\":4"), 2, "field 'arrival_time'",
	 "so is 'queued_ts'"},
	{ROW("\"queued_ts\":1,\"first_token_ts\":3,\"last_token_ts\":4"), 2, "field 'scheduled_ts'",
	 "missing in this row"},
	{ROW("\"queued_ts\":2.5,\"scheduled_ts\":2,\"first_token_ts\":3,\"last_token_ts\":4"), 2,
	 "field 'scheduled_ts'", "is 500000 us before 'queued_ts'"},
	{ROW("\"queued_ts\":1,\"scheduled_ts\":2,\"first_token_ts\":1.9,\"last_token_ts\":4"), 2,
	 "field 'first_token_ts'", "is 100000 us before 'scheduled_ts'"},
	{ROW("\"queued_ts\":1,\"scheduled_ts\":2,\"first_token_ts\":4,\"last_token_ts\":4"), 2,
	 "field 'last_token_ts'", "is that of the first token"},
	{GOOD "{\"output_toks\":2," TIMES "}\n", 2, "field 'input_toks'", "missing"},
};

/* SIM-3 */
static void test_what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct tr_measured measured;
		struct tr_diagnostic diagnostic;

		assert_int_equal(read_text(wrongs[i].text, &measured, &diagnostic), -1);
		if (diagnostic.line != wrongs[i].line ||
		    strcmp(diagnostic.key, wrongs[i].key) != 0 ||
		    !strstr(diagnostic.message, wrongs[i].message))
			fail_msg("%zu: line %u, '%s', '%s'", i, diagnostic.line, diagnostic.key,
				 diagnostic.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_taken_to_the_nanosecond),
		cmocka_unit_test(test_arrivals_are_put_on_the_servers_clock),
		cmocka_unit_test(test_what_is_wrong_is_said_with_its_line),
	};

	return cmocka_run_group_tests_name("calibrate measured", tests, NULL, NULL);
}
