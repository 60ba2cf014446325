/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as a workload. The recordings are written by hand: which jobs came, which were
 * refused, which were answered. (SIM-2, RPL-1)
 */
#include "engine/random.h"
#include "tests/traces/rows.h"
#include "traces/recording.h"

static const struct tr_trace_options plain = PLAIN;

struct written {
	char *bytes;
	size_t length;
	FILE *file;
	struct tr_recorder *recorder;
	tr_time_ns time;
	uint64_t chain;
};

static void begin(struct written *written)
{
	static const struct tr_recorder_options options = {.snapshot_each = 0};
	struct tr_recording_header header = {
		.schema_version = TR_SCHEMA_VERSION,
		.path_version = TR_PATH_VERSION,
		.state_version = TR_STATE_VERSION,
		.decisions = 1,
		.first_event = 1,
		.start = 1000,
		.policy_id = tr_name_of("{}", 2),
		.limits = tr_limits_default,
	};
	struct tr_diagnostic diagnostic;

	*written = (struct written){.time = 1000};
	written->file = open_memstream(&written->bytes, &written->length);
	assert_int_equal(tr_recorder_create_stream(written->file, "r.trr", &header, &options,
						   &written->recorder, &diagnostic),
			 0);
	tr_recorder_policy(written->recorder, 0, header.policy_id, "{}", 2);
}

static void put(struct written *written, const struct tr_event *event,
		const struct tr_actions *actions)
{
	static const struct tr_actions none;

	tr_recorder_event(written->recorder, event, actions ? actions : &none, ++written->chain);
}

static tr_name name(struct written *written, const char *text)
{
	tr_name hash = tr_name_of(text, strlen(text));

	tr_recorder_name(written->recorder, hash, text, strlen(text));
	return hash;
}

static struct tr_event submit(struct written *written, uint64_t job_id, uint32_t tokens_in)
{
	struct tr_event event = {.kind = TR_EVENT_JOB_SUBMIT};

	written->time += 10;
	event.time = event.observed = written->time;
	event.job_submit.job_id = job_id;
	event.job_submit.tokens_in = tokens_in;
	return event;
}

static void put_end(struct written *written, uint64_t job_id, uint8_t outcome, uint32_t tokens_out)
{
	static struct tr_actions actions;
	struct tr_event event = {.kind = TR_EVENT_CLOCK};

	written->time += 10;
	event.time = event.observed = written->time;
	memset(&actions, 0, sizeof(actions));
	actions.count = 1;
	actions.items[0].kind = TR_ACTION_JOB_FINISH;
	actions.items[0].job_finish.job_id = job_id;
	actions.items[0].job_finish.outcome = outcome;
	actions.items[0].job_finish.tokens_out = tokens_out;
	put(written, &event, &actions);
}

static struct rows end(struct written *written, size_t cut)
{
	struct tr_recording_state state = {.event = 0};
	struct tr_diagnostic diagnostic;
	struct rows rows;

	state.chain = written->chain;
	assert_int_equal(tr_recorder_finish(written->recorder, &state, &diagnostic), 0);
	tr_recorder_free(written->recorder);
	fclose(written->file);
	rows = read_bytes(TR_TRACE_TRR, written->bytes, written->length - cut, &plain);
	free(written->bytes);
	return rows;
}

static void test_rows_are_the_jobs_in_order_of_submission(void **state) /* SIM-2, RPL-1 */
{
	struct written written;
	struct tr_event event;
	struct rows rows;

	(void)state;
	begin(&written);
	event = submit(&written, 11, 100);
	event.job_submit.tenant = name(&written, "acme");
	event.job_submit.model = name(&written, "large");
	put(&written, &event, NULL);
	event = submit(&written, 12, 200);
	event.job_submit.tenant = 0x1234;
	put(&written, &event, NULL);
	event = submit(&written, 13, 300);
	event.job_submit.session = name(&written, "s-1");
	put(&written, &event, NULL);
	put_end(&written, 13, TR_OUTCOME_COMPLETED, 33);
	put_end(&written, 12, TR_OUTCOME_COMPLETED, 22);
	put_end(&written, 11, TR_OUTCOME_COMPLETED, 11);
	rows = end(&written, 0);
	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rows.rows[i].line, i + 1);
		assert_int_equal(rows.rows[i].arrival, 1010 + 10 * i);
		assert_int_equal(rows.rows[i].tokens_in, 100 * (i + 1));
		assert_int_equal(rows.rows[i].tokens_out, 11 * (i + 1));
		assert_false(rows.rows[i].unseen);
		assert_false(rows.rows[i].failed);
	}
	assert_string_equal(rows.rows[0].tenant, "acme");
	assert_string_equal(rows.rows[0].model, "large");
	assert_string_equal(rows.rows[0].session, "");
	/* A name whose text was not recorded is its hash. */
	assert_string_equal(rows.rows[1].tenant, "0x0000000000001234");
	assert_string_equal(rows.rows[2].session, "s-1");
	free_rows(&rows);
}

static void test_outputs_that_were_not_seen_are_marked(void **state) /* SIM-2, RPL-1 */
{
	static struct tr_actions refusal;
	struct written written;
	struct tr_event event;
	struct rows rows;

	(void)state;
	begin(&written);
	event = submit(&written, 1, 10);
	put(&written, &event, NULL);
	put_end(&written, 1, TR_OUTCOME_COMPLETED, 100);
	event = submit(&written, 2, 10);
	put(&written, &event, NULL);
	put_end(&written, 2, TR_OUTCOME_COMPLETED, 301);
	/* Refused at once; the mean so far is 200. */
	event = submit(&written, 3, 10);
	refusal.count = 1;
	refusal.items[0].kind = TR_ACTION_JOB_REJECT;
	refusal.items[0].job_reject.job_id = 3;
	put(&written, &event, &refusal);
	/* Cut off half way, and it had declared its most. */
	event = submit(&written, 4, 10);
	event.job_submit.tokens_out_max = 50;
	put(&written, &event, NULL);
	put_end(&written, 4, TR_OUTCOME_EXPIRED, 20);
	/* Still running when the recording ends. */
	event = submit(&written, 5, 0);
	put(&written, &event, NULL);
	rows = end(&written, 0);
	assert_int_equal(rows.end, 0);
	assert_int_equal(rows.count, 5);
	assert_false(rows.rows[1].unseen);
	assert_true(rows.rows[2].unseen);
	assert_int_equal(rows.rows[2].tokens_out, 200);
	assert_true(rows.rows[3].unseen);
	assert_int_equal(rows.rows[3].tokens_out, 50);
	assert_true(rows.rows[4].unseen);
	assert_int_equal(rows.rows[4].tokens_out, 200);
	assert_int_equal(rows.rows[4].tokens_in, 1);
	assert_int_equal(rows.counts.adjusted, 1);
	free_rows(&rows);
}

/* Many jobs, ended in a random order: the table of open jobs grows, and holes in it close. */
static void test_thousands_of_open_jobs_are_kept_apart(void **state)
{
	enum {
		JOBS = 5000
	};
	static uint64_t order[JOBS];
	struct written written;
	struct tr_event event;
	struct rows rows;

	(void)state;
	begin(&written);
	for (uint64_t i = 0; i < JOBS; i++) {
		event = submit(&written, tr_mix(i) | 1, (uint32_t)i + 1);
		put(&written, &event, NULL);
		order[i] = i;
	}
	for (uint64_t i = JOBS - 1; i > 0; i--) {
		uint64_t j = tr_below(tr_draw(1, i, TR_PURPOSE_TEST, 0), i + 1), k = order[i];

		order[i] = order[j];
		order[j] = k;
	}
	for (uint64_t i = 0; i < JOBS; i++)
		put_end(&written, tr_mix(order[i]) | 1, TR_OUTCOME_COMPLETED,
			(uint32_t)order[i] + 7);
	rows = end(&written, 0);
	assert_string_equal(rows.wrong, "");
	assert_int_equal(rows.count, JOBS);
	for (uint32_t i = 0; i < JOBS; i++) {
		assert_int_equal(rows.rows[i].tokens_in, i + 1);
		assert_int_equal(rows.rows[i].tokens_out, i + 7);
	}
	free_rows(&rows);
}

static void test_prompts_that_share_a_prefix_share_leading_blocks(void **state) /* SIM-2 */
{
	struct written written;
	struct tr_event event;
	struct rows rows;
	uint32_t same = 0;

	(void)state;
	begin(&written);
	/* Depths 1, 2, 4 and the last. */
	for (unsigned i = 0; i < 2; i++) {
		event = submit(&written, 1 + i, 700);
		event.job_submit.prefix_blocks = 7;
		event.job_submit.prefix_count = 4;
		event.job_submit.prefix0 = 100;
		event.job_submit.prefix1 = 200;
		event.job_submit.prefix2 = 300;
		event.job_submit.prefix3 = 400 + i;
		put(&written, &event, NULL);
		put_end(&written, 1 + i, TR_OUTCOME_COMPLETED, 5);
	}
	rows = end(&written, 0);
	assert_int_equal(rows.count, 2);
	assert_int_equal(rows.rows[0].block_count, 7);
	assert_int_equal(rows.rows[0].block_tokens, 100);
	while (same < 7 && rows.rows[0].blocks[same] == rows.rows[1].blocks[same])
		same++;
	assert_int_equal(same, 4);
	for (unsigned i = 1; i < 7; i++)
		assert_true(rows.rows[0].blocks[i] != rows.rows[0].blocks[i - 1]);
	free_rows(&rows);
}

static void test_a_torn_recording_gives_its_rows_and_then_says_so(void **state)
{
	struct tr_event event;
	struct written written;
	struct rows rows;

	(void)state;
	begin(&written);
	event = submit(&written, 1, 10);
	put(&written, &event, NULL);
	put_end(&written, 1, TR_OUTCOME_COMPLETED, 9);
	tr_recorder_flush(written.recorder);
	event = submit(&written, 2, 20);
	put(&written, &event, NULL);
	rows = end(&written, 3);
	assert_int_equal(rows.end, -1);
	assert_int_equal(rows.count, 2);
	assert_int_equal(rows.rows[0].tokens_out, 9);
	assert_non_null(strstr(rows.wrong, "torn"));
	free_rows(&rows);
}

static void test_what_is_no_recording_is_refused(void **state)
{
	struct rows rows =
		read_text(TR_TRACE_TRR, "TIMESTAMP,ContextTokens,GeneratedTokens\n", &plain);

	(void)state;
	assert_int_equal(rows.end, -1);
	assert_true(strlen(rows.wrong) > 10);
	free_rows(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_the_jobs_in_order_of_submission),
		cmocka_unit_test(test_outputs_that_were_not_seen_are_marked),
		cmocka_unit_test(test_thousands_of_open_jobs_are_kept_apart),
		cmocka_unit_test(test_prompts_that_share_a_prefix_share_leading_blocks),
		cmocka_unit_test(test_a_torn_recording_gives_its_rows_and_then_says_so),
		cmocka_unit_test(test_what_is_no_recording_is_refused),
	};

	return cmocka_run_group_tests_name("recorded", tests, NULL, NULL);
}
