/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recorder promises to its host: a whole file or none, an error that is not lost, names that
 * are known before they are used, and an index that stays small. RPL-1
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/random.h"
#include "tests/recording/host.h"
#include "traces/recording_frame.h"

static char folder[] = "/tmp/tailrace-recorder-XXXXXX";
static char path[128], partial[160], other[128];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/run.trr", folder);
	snprintf(partial, sizeof partial, "%s.%ld.partial", path, (long)getpid());
	snprintf(other, sizeof other, "%s/other.trr", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(partial);
	unlink(other);
	return rmdir(folder);
}

static bool exists(const char *name)
{
	struct stat status;

	return lstat(name, &status) == 0;
}

static const struct tr_recorder_options temporary = {.temporary = true};

static struct tr_recorder *create(const char *name, const struct tr_recorder_options *options)
{
	struct tr_policy policy = {.id = 5};
	struct tr_recording_header header;
	struct tr_recorder *recorder;
	struct tr_diagnostic diagnostic;

	tr_recording_header_init(&header, &tr_limits_default, &policy, 1, 1000);
	if (tr_recorder_create(name, &header, options, &recorder, &diagnostic) < 0)
		fail_msg("%s", diagnostic.message);
	tr_recorder_policy(recorder, 0, 5, "{}", 2);
	return recorder;
}

static void add_clocks(struct tr_recorder *recorder, uint64_t count, uint64_t chain)
{
	struct tr_event event = {.kind = TR_EVENT_CLOCK, .time = 2000, .observed = 2000};
	struct tr_actions actions = {.count = 0};

	for (uint64_t i = 0; i < count; i++)
		tr_recorder_event(recorder, &event, &actions, chain);
}

static const struct tr_recording_state totals_of_7 = {.chain = 7};

static void test_a_temporary_file_is_renamed_when_it_is_whole(void **state)
{
	struct tr_recording_survey survey;
	struct tr_diagnostic diagnostic;
	struct tr_recorder *recorder = create(path, &temporary);

	(void)state;
	add_clocks(recorder, 10, 7);
	tr_recorder_flush(recorder);
	assert_false(exists(path));
	assert_true(exists(partial));
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), 0);
	assert_true(exists(path));
	assert_false(exists(partial));
	tr_recorder_free(recorder);
	assert_true(exists(path));
	assert_int_equal(tr_recording_verify(path, &survey, &diagnostic), TR_RECORDING_END);
	assert_int_equal(survey.events, 10);
	unlink(path);
}

static void test_a_temporary_file_that_is_given_up_leaves_nothing(void **state)
{
	struct tr_recorder *recorder = create(path, &temporary);

	(void)state;
	add_clocks(recorder, 10, 7);
	tr_recorder_free(recorder);
	assert_false(exists(path));
	assert_false(exists(partial));
}

static void test_a_file_given_up_in_place_is_torn(void **state)
{
	struct tr_recording_survey survey;
	struct tr_diagnostic diagnostic;
	struct tr_recorder *recorder = create(path, NULL);

	(void)state;
	add_clocks(recorder, 10, 7);
	tr_recorder_free(recorder);
	assert_int_equal(tr_recording_verify(path, &survey, &diagnostic), TR_RECORDING_TORN);
	assert_int_equal(survey.events, 10);
	assert_int_equal(survey.frames[TR_FRAME_HEADER], 1);
	assert_int_equal(survey.frames[TR_FRAME_END], 0);
	unlink(path);
}

static void test_behind_a_link_the_file_is_replaced(void **state)
{
	struct tr_diagnostic diagnostic;
	struct tr_recorder *recorder;
	struct stat status;
	FILE *file = fopen(other, "w");

	(void)state;
	assert_non_null(file);
	fclose(file);
	assert_int_equal(symlink(other, path), 0);
	recorder = create(path, &temporary);
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), 0);
	tr_recorder_free(recorder);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(stat(other, &status), 0);
	assert_true(status.st_size > 0);
	unlink(path);
	unlink(other);
}

static void test_what_cannot_be_created_is_said_with_its_path(void **state)
{
	struct tr_policy policy = {.id = 5};
	struct tr_recording_header header;
	struct tr_recorder *recorder = NULL;
	struct tr_diagnostic diagnostic;

	(void)state;
	tr_recording_header_init(&header, &tr_limits_default, &policy, 1, 1000);
	assert_int_equal(tr_recorder_create(folder, &header, NULL, &recorder, &diagnostic), -1);
	assert_string_equal(diagnostic.path, folder);
	assert_string_equal(diagnostic.message,
			    "is a directory; a recording needs the name of a file");
	assert_int_equal(
		tr_recorder_create("/nowhere/run.trr", &header, &temporary, &recorder, &diagnostic),
		-1);
	assert_string_equal(diagnostic.path, "/nowhere/run.trr");
	assert_string_equal(diagnostic.message,
			    "cannot create the recording: No such file or directory");
	assert_null(recorder);
}

static void test_a_full_disk_is_said_at_the_end(void **state)
{
	struct tr_recorder *recorder = create("/dev/full", &temporary);
	struct tr_diagnostic diagnostic;

	(void)state;
	/* Enough for the stream's own buffer to be written. */
	add_clocks(recorder, 100000, 7);
	assert_non_null(tr_recorder_error(recorder));
	tr_recorder_name(recorder, tr_name_of("ada", 3), "ada", 3);
	tr_recorder_gap(recorder, 1, 3000, 3000);
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), -1);
	assert_string_equal(diagnostic.path, "/dev/full");
	assert_string_equal(diagnostic.message,
			    "cannot write the recording: No space left on device");
	tr_recorder_free(recorder);
	assert_true(exists("/dev/full"));
	/* Even if only the last bytes do not fit. */
	recorder = create("/dev/full", NULL);
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), -1);
	tr_recorder_free(recorder);
}

static void test_a_policy_too_long_is_refused(void **state)
{
	struct tr_recorder *recorder = create(path, &temporary);
	struct tr_diagnostic diagnostic;
	size_t length = TR_RECORDING_POLICY_MAX + 1;
	char *text = calloc(1, length);

	(void)state;
	assert_non_null(text);
	tr_recorder_policy(recorder, 1, 6, text, length - 1);
	assert_null(tr_recorder_error(recorder));
	tr_recorder_policy(recorder, 1, 6, text, length);
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "canonical text has 4194289 bytes"));
	tr_recorder_free(recorder);
	assert_false(exists(path));
	assert_false(exists(partial));
	free(text);
}

static void test_names_are_known_before_they_are_used(void **state)
{
	const struct tr_recording_item *item;
	struct tr_recorder *recorder = create(path, NULL);
	struct tr_recording *recording;
	struct tr_diagnostic diagnostic;
	struct tr_event event = {.kind = TR_EVENT_JOB_SUBMIT, .time = 2000, .observed = 2000};
	struct tr_actions actions = {.count = 0};
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t length = (size_t)snprintf(text, sizeof text, "tenant-%u", i % 9000);

		event.job_submit.job_id = i + 1;
		event.job_submit.tenant = tr_name_of(text, length);
		tr_recorder_name(recorder, event.job_submit.tenant, text, length);
		tr_recorder_event(recorder, &event, &actions, 7);
	}
	/* Not the text of its hash, with a NUL in it, too long: left out. */
	tr_recorder_name(recorder, 12345, "liar", 4);
	tr_recorder_name(recorder, tr_name_of("a\0b", 3), "a\0b", 3);
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), 0);
	tr_recorder_free(recorder);

	assert_int_equal(tr_recording_open(path, &recording, &diagnostic), TR_RECORDING_ITEM);
	while (tr_recording_next(recording, &item, &diagnostic) == TR_RECORDING_ITEM) {
		if (item->kind != TR_FRAME_EVENTS)
			continue;
		snprintf(text, sizeof text, "tenant-%u", (unsigned)((item->number - 1) % 9000));
		assert_string_equal(tr_recording_name(recording, item->event->job_submit.tenant),
				    text);
	}
	assert_non_null(tr_recording_totals(recording));
	assert_null(tr_recording_name(recording, 12345));
	assert_null(tr_recording_name(recording, tr_name_of("a\0b", 3)));
	tr_recording_close(recording);
	unlink(path);
}

static void test_the_index_of_many_frames_is_small_and_right(void **state)
{
	struct tr_recording_survey survey;
	struct tr_recorder *recorder = create(path, NULL);
	struct tr_diagnostic diagnostic;

	(void)state;
	for (unsigned i = 0; i < 5 * TR_INDEX_ROWS + 3; i++) {
		add_clocks(recorder, 1, 7);
		tr_recorder_flush(recorder);
	}
	assert_int_equal(tr_recorder_finish(recorder, &totals_of_7, &diagnostic), 0);
	tr_recorder_free(recorder);
	if (tr_recording_verify(path, &survey, &diagnostic) != TR_RECORDING_END)
		fail_msg("%s", diagnostic.message);
	assert_int_equal(survey.frames[TR_FRAME_EVENTS], 5 * TR_INDEX_ROWS + 3);
	unlink(path);
}

/* Row i of a thinned index is frame i * stride of its sort. */
static void test_the_index_keeps_every_stride_th_frame(void **state)
{
	static struct tr_index index;

	(void)state;
	memset(&index, 0, sizeof index);
	for (uint64_t n = 0; n < 9 * TR_INDEX_ROWS; n++) {
		const struct tr_index_row row = {.offset = n, .frame = n, .event = n};

		tr_index_note(&index, &row);
		assert_int_equal(index.count, n / index.stride + 1);
		assert_int_equal(index.rows[index.count - 1].frame,
				 (index.count - 1) * index.stride);
	}
	assert_int_equal(index.stride, 16);
	for (uint32_t i = 0; i < index.count; i++)
		assert_int_equal(index.rows[i].frame, i * 16);
}

static void test_a_survey_counts_what_is_there(void **state)
{
	const struct host_options options = {.seed = 2,
					     .jobs = 60,
					     .fail_percent = 20,
					     .snapshot_each = 100,
					     .gap_begin = 60,
					     .gap_events = 5};
	struct tr_recording_survey survey;
	struct tr_diagnostic diagnostic;
	struct host_recording recording;
	uint64_t events = 0, actions = 0;
	FILE *file = fopen(path, "wb");

	(void)state;
	host_record(&options, &recording);
	assert_non_null(file);
	assert_int_equal(fwrite(recording.bytes, 1, recording.length, file), recording.length);
	fclose(file);
	assert_int_equal(tr_recording_verify(path, &survey, &diagnostic), TR_RECORDING_END);
	assert_int_equal(survey.events, recording.events - 5);
	assert_int_equal(survey.lost, 5);
	assert_int_equal(survey.gaps, 1);
	assert_int_equal(survey.bytes, recording.length);
	assert_int_equal(survey.snapshots, 1 + survey.events / 100);
	assert_int_equal(survey.names, 3);
	assert_int_equal(survey.totals.event, recording.events);
	assert_true(survey.totals.chain == recording.chain);
	assert_true(survey.first < survey.last);
	assert_true(survey.decisions > 0);
	for (unsigned i = 0; i < TR_EVENT_COUNT; i++)
		events += survey.event_kinds[i];
	for (unsigned i = 0; i < TR_ACTION_COUNT; i++)
		actions += survey.action_kinds[i];
	assert_int_equal(events, survey.events);
	assert_int_equal(actions, survey.actions);
	free(recording.bytes);
	unlink(path);
}

static void test_what_cannot_be_read_is_said_with_its_path(void **state)
{
	struct tr_recording_survey survey;
	struct tr_diagnostic diagnostic;

	(void)state;
	assert_int_equal(tr_recording_verify("/nowhere.trr", &survey, &diagnostic),
			 TR_RECORDING_UNREADABLE);
	assert_string_equal(diagnostic.path, "/nowhere.trr");
	assert_string_equal(diagnostic.message, "cannot be opened: No such file or directory");
	assert_int_equal(tr_recording_verify(folder, &survey, &diagnostic),
			 TR_RECORDING_UNREADABLE);
	assert_string_equal(diagnostic.message, "cannot be read: Is a directory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_temporary_file_is_renamed_when_it_is_whole),
		cmocka_unit_test(test_a_temporary_file_that_is_given_up_leaves_nothing),
		cmocka_unit_test(test_a_file_given_up_in_place_is_torn),
		cmocka_unit_test(test_behind_a_link_the_file_is_replaced),
		cmocka_unit_test(test_what_cannot_be_created_is_said_with_its_path),
		cmocka_unit_test(test_a_full_disk_is_said_at_the_end),
		cmocka_unit_test(test_a_policy_too_long_is_refused),
		cmocka_unit_test(test_names_are_known_before_they_are_used),
		cmocka_unit_test(test_the_index_of_many_frames_is_small_and_right),
		cmocka_unit_test(test_the_index_keeps_every_stride_th_frame),
		cmocka_unit_test(test_a_survey_counts_what_is_there),
		cmocka_unit_test(test_what_cannot_be_read_is_said_with_its_path),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
