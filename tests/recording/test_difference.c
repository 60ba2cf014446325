/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was changed is found, at the event where it was changed, and versions are explained. RPL-2
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/recording/replaying.h"

static const struct host_options busy = {.seed = 7, .jobs = 120, .fail_percent = 30};

/* ---------------------------------------------------------------------------------- differences */

static void test_a_changed_answer_is_the_first_difference(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	for (uint64_t event = 1; event <= 300; event += 13) {
		options.alter = event;
		host_record(&options, &recording);
		assert_true(recording.events > 300);
		assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_DIFFERS);
		assert_int_equal(result.difference, TR_DIFFERENCE_ACTIONS);
		assert_int_equal(result.number, event);
		assert_int_equal(result.events, event - 1);
		assert_true(result.jobs_equal < result.jobs);
		assert_int_equal(result.jobs, recording.jobs);
		free(recording.bytes);
	}
}

static void change_chain(void *context, uint64_t number, struct tr_event *event,
			 struct tr_actions *actions, uint64_t *chain)
{
	(void)event;
	(void)actions;
	if (number == *(const uint64_t *)context)
		*chain ^= 1;
}

static void test_a_changed_chain_value_is_found(void **state)
{
	uint64_t number = 77;
	struct host_edit edit = {.event = change_chain, .context = &number};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_DIFFERS);
	assert_int_equal(result.difference, TR_DIFFERENCE_CHAIN);
	assert_int_equal(result.number, 77);
	/* Of the last event, the totals say it too; nothing before them differs. */
	number = recording.events;
	free(changed.bytes);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_DIFFERS);
	assert_int_equal(result.number, recording.events);
	free(changed.bytes);
	free(recording.bytes);
}

static void change_event(void *context, uint64_t number, struct tr_event *event,
			 struct tr_actions *actions, uint64_t *chain)
{
	(void)actions;
	(void)chain;
	if (number != *(const uint64_t *)context)
		return;
	event->kind = TR_EVENT_JOB_RELEASE;
	event->job_release.job = (tr_job_handle){9, 99};
}

static void test_an_event_that_is_refused_is_a_difference(void **state)
{
	uint64_t number = 150;
	struct host_edit edit = {.event = change_event, .context = &number};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_DIFFERS);
	assert_int_equal(result.difference, TR_DIFFERENCE_REFUSED);
	assert_int_equal(result.number, 150);
	assert_int_equal(result.refusal, TR_E_STALE);
	free(changed.bytes);
	free(recording.bytes);
}

static void change_seed(void *context, struct tr_recording_header *header)
{
	(void)context;
	header->seed ^= 1;
}

static void test_another_seed_is_found(void **state)
{
	struct host_edit edit = {.header = change_seed};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_DIFFERS);
	free(changed.bytes);
	free(recording.bytes);
}

static void change_measure(void *context, uint64_t number, struct tr_event *event,
			   struct tr_actions *actions, uint64_t *chain)
{
	(void)number;
	(void)event;
	(void)chain;
	for (uint32_t i = 0; i < actions->candidate_count; i++) {
		actions->candidates[i].measure++;
		++*(uint64_t *)context;
	}
}

static void test_other_decision_records_are_counted_but_equal(void **state)
{
	uint64_t changes = 0;
	struct host_edit edit = {.event = change_measure, .context = &changes};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_true(changes > 0);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_EQUAL);
	assert_true(result.decisions_differ > 0);
	assert_true(result.decisions_differ_first > 0);
	free(changed.bytes);
	free(recording.bytes);
}

static void change_digest(void *context, struct tr_recording_state *totals)
{
	(void)context;
	totals->digest ^= 1;
}

static void change_counts(void *context, struct tr_recording_state *totals)
{
	(void)context;
	totals->counts.retries++;
}

static void test_other_totals_are_found(void **state)
{
	const struct host_edit edits[] = {{.totals = change_digest}, {.totals = change_counts}};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(edits); i++) {
		host_rewrite(&recording, &edits[i], &changed);
		assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_DIFFERS);
		assert_int_equal(result.difference, TR_DIFFERENCE_TOTALS);
		assert_int_equal(result.events, recording.events);
		free(changed.bytes);
	}
	free(recording.bytes);
}

/* ------------------------------------------------------------------------------------- policies */

static void change_header_policy(void *context, struct tr_recording_header *header)
{
	(void)context;
	header->policy_id = 77;
}

static void change_policy_id(void *context, uint64_t *id, const char **text, size_t *length)
{
	(void)context;
	(void)text;
	(void)length;
	*id = 77;
}

static void change_policy_text(void *context, uint64_t *id, const char **text, size_t *length)
{
	(void)context;
	(void)id;
	*text = "{\"modells\": {}}";
	*length = strlen(*text);
}

static void test_a_policy_that_is_not_its_id_is_explained(void **state)
{
	struct host_edit edit = {.header = change_header_policy, .policy = change_policy_id};
	struct host_recording recording, changed;
	struct tr_diagnostic diagnostic;
	struct tr_replay_result result;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_bytes(changed.bytes, changed.length, NULL, &result, &diagnostic),
			 TR_REPLAY_BAD);
	assert_non_null(strstr(diagnostic.message,
			       "frame 1 (POLICY): was recorded with id 000000000000004d, and this "
			       "version makes "));
	free(changed.bytes);
	edit = (struct host_edit){.policy = change_policy_text};
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_bytes(changed.bytes, changed.length, NULL, &result, &diagnostic),
			 TR_REPLAY_BAD);
	assert_non_null(
		strstr(diagnostic.message,
		       "frame 1 (POLICY): this version does not take the recorded policy: "));
	assert_non_null(strstr(diagnostic.message, "unknown key 'modells'"));
	free(changed.bytes);
	free(recording.bytes);
}

static void change_limits(void *context, struct tr_recording_header *header)
{
	header->limits = *(const struct tr_limits *)context;
}

static void test_limits_that_make_no_engine_are_explained(void **state)
{
	struct tr_limits limits = tr_limits_default;
	struct host_edit edit = {.header = change_limits, .context = &limits};
	struct host_recording recording, changed;
	struct tr_diagnostic diagnostic;
	struct tr_replay_result result;

	(void)state;
	limits.jobs = UINT32_MAX;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_bytes(changed.bytes, changed.length, NULL, &result, &diagnostic),
			 TR_REPLAY_BAD);
	assert_string_equal(diagnostic.message,
			    "the header's limits make no engine of this version");
	free(changed.bytes);
	free(recording.bytes);
}

/* ------------------------------------------------------------------------------------- versions */

static void change_path_version(void *context, struct tr_recording_header *header)
{
	(void)context;
	header->path_version++;
}

static void change_paths(void *context, uint64_t number, struct tr_event *event,
			 struct tr_actions *actions, uint64_t *chain)
{
	(void)context;
	(void)number;
	(void)event;
	*chain ^= UINT64_C(0x5555);
	for (uint32_t i = 0; i < actions->count; i++) {
		if (actions->items[i].kind == TR_ACTION_JOB_FINISH)
			actions->items[i].job_finish.path ^= 7;
		if (actions->items[i].kind == TR_ACTION_JOB_REJECT)
			actions->items[i].job_reject.path ^= 7;
	}
}

static void test_across_path_versions_actions_alone_are_compared(void **state)
{
	struct host_edit edit = {.header = change_path_version, .event = change_paths};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_EQUAL);
	assert_false(result.paths_compared);
	assert_int_equal(result.jobs_equal, recording.jobs);
	free(changed.bytes);
	free(recording.bytes);
}

static void change_state_version(void *context, struct tr_recording_header *header)
{
	(void)context;
	header->state_version++;
}

static void test_across_state_versions_digests_are_skipped(void **state)
{
	struct host_edit edit = {.header = change_state_version};
	struct tr_replay_result result;
	struct host_recording recording, changed;

	(void)state;
	host_record(&busy, &recording);
	host_rewrite(&recording, &edit, &changed);
	assert_int_equal(replay_recording(&changed, NULL, &result), TR_REPLAY_EQUAL);
	assert_false(result.digests_compared);
	assert_true(result.totals);
	free(changed.bytes);
	free(recording.bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_changed_answer_is_the_first_difference),
		cmocka_unit_test(test_a_changed_chain_value_is_found),
		cmocka_unit_test(test_an_event_that_is_refused_is_a_difference),
		cmocka_unit_test(test_another_seed_is_found),
		cmocka_unit_test(test_other_decision_records_are_counted_but_equal),
		cmocka_unit_test(test_other_totals_are_found),
		cmocka_unit_test(test_a_policy_that_is_not_its_id_is_explained),
		cmocka_unit_test(test_limits_that_make_no_engine_are_explained),
		cmocka_unit_test(test_across_path_versions_actions_alone_are_compared),
		cmocka_unit_test(test_across_state_versions_digests_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
