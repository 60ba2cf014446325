/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was recorded replays to the same hash, from the start and from every snapshot. RPL-2
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/recording/replaying.h"

static const struct host_options busy = {.seed = 7, .jobs = 120, .fail_percent = 30};

static void test_a_recording_replays_to_equal_hashes(void **state)
{
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct host_options options = busy;

		options.seed = seed;
		host_record(&options, &recording);
		assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_EQUAL);
		assert_int_equal(result.events, recording.events);
		assert_int_equal(result.jobs, recording.jobs);
		assert_int_equal(result.jobs_equal, recording.jobs);
		assert_true(result.chain == recording.chain);
		assert_true(result.chain_recorded == recording.chain);
		assert_true(result.path == recording.path);
		assert_true(result.path_recorded == recording.path);
		assert_true(result.totals);
		assert_int_equal(result.decisions_differ, 0);
		free(recording.bytes);
	}
}

static void test_recording_twice_gives_the_same_bytes(void **state)
{
	struct host_recording first, second;

	(void)state;
	host_record(&busy, &first);
	host_record(&busy, &second);
	assert_int_equal(first.length, second.length);
	assert_memory_equal(first.bytes, second.bytes, first.length);
	free(first.bytes);
	free(second.bytes);
}

static void test_a_recording_without_jobs_replays(void **state)
{
	struct host_options options = {.seed = 1};
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	host_record(&options, &recording);
	assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_EQUAL);
	assert_int_equal(result.jobs, 0);
	assert_true(result.totals);
	free(recording.bytes);
}

static void test_decision_records_can_be_left_out(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording with, without;

	(void)state;
	host_record(&options, &with);
	options.no_decisions = true;
	host_record(&options, &without);
	assert_true(without.length < with.length);
	assert_int_equal(replay_recording(&without, NULL, &result), TR_REPLAY_EQUAL);
	assert_true(result.chain == with.chain);
	free(with.bytes);
	free(without.bytes);
}

static void test_a_policy_change_replays(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.switch_policy = 100;
	host_record(&options, &recording);
	assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_EQUAL);
	assert_int_equal(result.jobs_equal, recording.jobs);
	free(recording.bytes);
}

/* ------------------------------------------------------------------------------------ snapshots */

static void test_snapshots_on_the_way_are_compared(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.snapshot_each = 50;
	host_record(&options, &recording);
	assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_EQUAL);
	assert_int_equal(result.snapshots, recording.events / 50);
	assert_int_equal(result.restored, 0);
	free(recording.bytes);
}

static void test_every_snapshot_can_be_the_beginning(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.snapshot_each = 40;
	options.switch_policy = 130;
	host_record(&options, &recording);
	for (uint64_t n = 1; n <= recording.events / 40; n++) {
		struct tr_replay_options from = {.from_snapshot = n};

		assert_int_equal(replay_recording(&recording, &from, &result), TR_REPLAY_EQUAL);
		assert_int_equal(result.restored, 1);
		assert_int_equal(result.events, recording.events - 40 * n);
		assert_int_equal(result.events_outside, 40 * n);
		assert_true(result.chain == recording.chain);
		assert_true(result.path == recording.path);
		assert_int_equal(result.jobs_equal, result.jobs);
	}
	free(recording.bytes);
}

static void test_a_snapshot_that_is_not_there_is_refused(void **state)
{
	struct tr_replay_options from = {.from_snapshot = 3};
	struct host_options options = busy;
	struct tr_diagnostic diagnostic;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.snapshot_each = 150;
	host_record(&options, &recording);
	from.from_snapshot = recording.events / 150 + 1;
	assert_int_equal(
		replay_bytes(recording.bytes, recording.length, &from, &result, &diagnostic),
		TR_REPLAY_BAD);
	assert_non_null(strstr(diagnostic.message, "whole snapshots"));
	free(recording.bytes);
}

static void test_a_rotated_file_replays_from_its_snapshot(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.rotate_at = 200;
	host_record(&options, &recording);
	assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_EQUAL);
	assert_int_equal(result.restored, 1);
	assert_int_equal(result.events, recording.events - 200);
	assert_int_equal(result.events_outside, 0);
	assert_true(result.chain == recording.chain);
	free(recording.bytes);
}

static void test_after_a_gap_replay_resumes_at_the_snapshot(void **state)
{
	struct host_options options = busy;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.gap_begin = 120;
	options.gap_events = 30;
	host_record(&options, &recording);
	assert_int_equal(replay_recording(&recording, NULL, &result), TR_REPLAY_EQUAL);
	assert_int_equal(result.gaps, 1);
	assert_int_equal(result.spans, 2);
	assert_int_equal(result.events_lost, 30);
	assert_int_equal(result.events, recording.events - 30);
	assert_int_equal(result.jobs_equal, result.jobs);
	assert_true(result.jobs < recording.jobs);
	assert_true(result.chain == recording.chain);
	assert_true(result.path == recording.path);
	free(recording.bytes);
}

/* ----------------------------------------------------------------------------------------- torn */

static void test_a_torn_recording_replays_only_if_allowed(void **state)
{
	struct tr_replay_options allow = {.allow_torn = true};
	struct host_options options = busy;
	struct tr_diagnostic diagnostic;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	options.unfinished = true;
	host_record(&options, &recording);
	assert_int_equal(
		replay_bytes(recording.bytes, recording.length, NULL, &result, &diagnostic),
		TR_REPLAY_BAD);
	assert_true(result.torn);
	assert_int_equal(replay_recording(&recording, &allow, &result), TR_REPLAY_EQUAL);
	assert_true(result.torn);
	assert_false(result.totals);
	assert_int_equal(result.events, recording.events);
	assert_true(result.chain == recording.chain);
	free(recording.bytes);
}

static void test_without_a_whole_frame_nothing_is_replayed(void **state)
{
	struct tr_replay_options allow = {.allow_torn = true};
	struct tr_diagnostic diagnostic;
	struct tr_replay_result result;
	struct host_recording recording;

	(void)state;
	host_record(&busy, &recording);
	for (size_t length = 0; length < 800; length += 50) {
		assert_int_equal(
			replay_bytes(recording.bytes, length, &allow, &result, &diagnostic),
			TR_REPLAY_BAD);
		assert_non_null(strstr(diagnostic.message, "torn"));
	}
	free(recording.bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recording_replays_to_equal_hashes),
		cmocka_unit_test(test_recording_twice_gives_the_same_bytes),
		cmocka_unit_test(test_a_recording_without_jobs_replays),
		cmocka_unit_test(test_decision_records_can_be_left_out),
		cmocka_unit_test(test_a_policy_change_replays),
		cmocka_unit_test(test_snapshots_on_the_way_are_compared),
		cmocka_unit_test(test_every_snapshot_can_be_the_beginning),
		cmocka_unit_test(test_a_snapshot_that_is_not_there_is_refused),
		cmocka_unit_test(test_a_rotated_file_replays_from_its_snapshot),
		cmocka_unit_test(test_after_a_gap_replay_resumes_at_the_snapshot),
		cmocka_unit_test(test_a_torn_recording_replays_only_if_allowed),
		cmocka_unit_test(test_without_a_whole_frame_nothing_is_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
