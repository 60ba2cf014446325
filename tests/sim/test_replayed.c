/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/replayed.h"

static struct tr_trace *open_text(enum tr_trace_format format, const char *text)
{
	FILE *stream = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	struct tr_diagnostic diagnostic = {0};
	struct tr_trace *trace = NULL;

	assert_non_null(stream);
	if (tr_trace_open_stream(format, "text", stream, NULL, &trace, &diagnostic))
		fail_msg("%s", diagnostic.message);
	return trace;
}

static const char azure[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
			    "2023-11-16 18:17:03.9799600,4808,10\n"
			    "2023-11-16 18:17:04.0319600,3180,8\n";
static const char arena[] = "arrival_s,tenant,prompt_tokens,output_tokens\n"
			    "0.5,left,13,199\n"
			    "1.5,right,36,137\n"
			    "9.5,left,36,137\n";
static const char mooncake[] =
	"{\"timestamp\": 0, \"input_length\": 2000, \"output_length\": 5, \"hash_ids\": [1,2,3]}\n"
	"{\"timestamp\": 9, \"input_length\": 2000, \"output_length\": 5, \"hash_ids\": [1,2,4]}\n";

/* SIM-2 */
static void test_a_dated_trace_keeps_its_dates(void **state)
{
	struct tr_trace *trace = open_text(TR_TRACE_AZURE, azure);
	static struct tr_replayed replayed;
	struct tr_workload workload;
	struct tr_arrival arrival;

	(void)state;
	tr_replayed_init(&replayed, trace, &(struct tr_replayed_options){.seed = 1});
	workload = tr_replayed_workload(&replayed);
	assert_int_equal(workload.next(workload.self, &arrival, NULL), 1);
	/* 2023-11-16 18:17:03 is 1700158623 s after the epoch. */
	assert_true(arrival.time == UINT64_C(1700158623) * TR_SECOND + 979960000);
	assert_int_equal(arrival.tokens_in, 4808);
	assert_int_equal(arrival.tokens_out, 10);
	assert_true(arrival.tenant == 0);
	assert_int_equal(workload.next(workload.self, &arrival, NULL), 1);
	assert_int_equal(workload.next(workload.self, &arrival, NULL), 0);
	tr_trace_close(trace);
}

static void test_a_trace_of_its_own_zero_begins_at_the_documented_epoch(void **state)
{
	struct tr_trace *trace = open_text(TR_TRACE_ARENA, arena);
	static struct tr_replayed replayed;
	struct tr_workload workload;
	struct tr_arrival arrival;
	unsigned count = 0;

	(void)state;
	tr_replayed_init(&replayed, trace,
			 &(struct tr_replayed_options){.seed = 1, .duration = 5 * TR_SECOND});
	workload = tr_replayed_workload(&replayed);
	while (workload.next(workload.self, &arrival, NULL) == 1) {
		assert_true(arrival.time == TR_WORKLOAD_EPOCH + count * TR_SECOND + 500 * TR_MS);
		assert_string_equal(arrival.tenant_text, count ? "right" : "left");
		assert_true(arrival.tenant ==
			    tr_name_of(arrival.tenant_text, strlen(arrival.tenant_text)));
		count++;
	}
	assert_int_equal(count, 2);
	tr_trace_close(trace);
}

static void test_labels_fill_what_a_row_leaves_open(void **state)
{
	const struct tr_workload_share tenants[] = {{"only", 77, 1}};
	const struct tr_workload_share profiles[] = {{"fast", 78, 1}};
	const struct tr_workload_share sessions[] = {{"session-1", 79, 1}};
	struct tr_replayed_options options = {
		.seed = 1,
		.requests_max = 1,
		.labels = {.tenants = tenants,
			   .profiles = profiles,
			   .sessions = sessions,
			   .tenant_count = 1,
			   .profile_count = 1,
			   .session_count = 1,
			   .model = 5,
			   .intent = 6,
			   .class_name = 7,
			   .flags = TR_SUBMIT_STREAM},
	};
	static struct tr_replayed replayed;
	struct tr_workload workload;
	struct tr_arrival arrival;
	struct tr_trace *trace = open_text(TR_TRACE_AZURE, azure);

	(void)state;
	tr_replayed_init(&replayed, trace, &options);
	workload = tr_replayed_workload(&replayed);
	assert_int_equal(workload.next(workload.self, &arrival, NULL), 1);
	assert_true(arrival.tenant == 77);
	assert_true(arrival.model == 5);
	assert_true(arrival.intent == 6);
	assert_true(arrival.class_name == 7);
	assert_true(arrival.profile == 78);
	assert_true(arrival.session == 79);
	assert_string_equal(arrival.session_text, "session-1");
	assert_int_equal(arrival.flags, TR_SUBMIT_STREAM);
	assert_int_equal(workload.next(workload.self, &arrival, NULL), 0);
	tr_trace_close(trace);
	trace = open_text(TR_TRACE_ARENA, arena);
	tr_replayed_init(&replayed, trace, &options);
	assert_int_equal(workload.next(workload.self, &arrival, NULL), 1);
	assert_string_equal(arrival.tenant_text, "left");
	tr_trace_close(trace);
}

static void test_prefix_blocks_become_chained_hashes(void **state)
{
	struct tr_trace *trace = open_text(TR_TRACE_MOONCAKE, mooncake);
	static struct tr_replayed replayed;
	struct tr_workload workload;
	struct tr_arrival first, second;

	(void)state;
	tr_replayed_init(&replayed, trace, &(struct tr_replayed_options){.seed = 1});
	workload = tr_replayed_workload(&replayed);
	assert_int_equal(workload.next(workload.self, &first, NULL), 1);
	assert_int_equal(workload.next(workload.self, &second, NULL), 1);
	assert_int_equal(first.prefix_blocks, 3);
	assert_int_equal(first.prefix_count, 3);
	assert_true(first.prefix[0] == second.prefix[0]);
	assert_true(first.prefix[1] == second.prefix[1]);
	assert_true(first.prefix[2] != second.prefix[2]);
	tr_trace_close(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dated_trace_keeps_its_dates),
		cmocka_unit_test(test_a_trace_of_its_own_zero_begins_at_the_documented_epoch),
		cmocka_unit_test(test_labels_fill_what_a_row_leaves_open),
		cmocka_unit_test(test_prefix_blocks_become_chained_hashes),
	};

	return cmocka_run_group_tests_name("sim replayed", tests, NULL, NULL);
}
