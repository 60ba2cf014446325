/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No byte of a recording is unchecked, and torn is never taken for corrupt nor the other way round.
 * RPL-1
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/random.h"
#include "tests/recording/host.h"
#include "traces/recording_frame.h"
#include "traces/replay.h"

#define ROUNDS	   1000
#define FRAMES_MAX 512

/* Where the frames of a good recording begin; the last entry is its end. */
struct frames {
	size_t at[FRAMES_MAX];
	uint32_t events[FRAMES_MAX];
	unsigned count;
};

static void find_frames(const struct host_recording *recording, struct frames *ret)
{
	size_t at = 0;

	ret->count = 0;
	while (at < recording->length) {
		struct tr_frame_head head;

		assert_true(ret->count < FRAMES_MAX - 1);
		assert_true(tr_frame_head_decode(recording->bytes + at, &head));
		assert_int_equal(head.number, ret->count);
		ret->events[ret->count] = head.kind == TR_FRAME_EVENTS ? head.items : 0;
		ret->at[ret->count++] = at;
		at += TR_FRAME_HEAD_BYTES + head.length;
	}
	assert_int_equal(at, recording->length);
	ret->at[ret->count] = at;
}

static unsigned frame_of(const struct frames *frames, size_t at)
{
	unsigned frame = 0;

	while (frames->at[frame + 1] <= at)
		frame++;
	return frame;
}

/* Read a file to its end or to the first problem. */
static enum tr_recording_status read_all(const uint8_t *bytes, size_t length, uint64_t *ret_events,
					 struct tr_diagnostic *ret_diagnostic)
{
	FILE *stream = host_open(bytes, length);
	const struct tr_recording_item *item;
	struct tr_recording *recording = NULL;
	enum tr_recording_status status =
		tr_recording_open_stream(stream, "test.trr", &recording, ret_diagnostic);

	*ret_events = 0;
	while (status == TR_RECORDING_ITEM) {
		status = tr_recording_next(recording, &item, ret_diagnostic);
		if (status == TR_RECORDING_ITEM && item->kind == TR_FRAME_EVENTS)
			++*ret_events;
	}
	tr_recording_close(recording);
	fclose(stream);
	return status;
}

static enum tr_replay_verdict replay(const uint8_t *bytes, size_t length, bool allow_torn,
				     struct tr_replay_result *ret)
{
	const struct tr_replay_options options = {.allow_torn = allow_torn};
	FILE *stream = host_open(bytes, length);
	struct tr_diagnostic diagnostic;
	struct tr_replay *made;
	enum tr_replay_verdict verdict =
		tr_replay_run_stream(stream, "test.trr", &options, &made, &diagnostic);

	memset(ret, 0, sizeof *ret);
	if (made)
		*ret = *tr_replay_result(made);
	tr_replay_free(made);
	fclose(stream);
	return verdict;
}

static void assert_names_frame(const struct tr_diagnostic *diagnostic, unsigned frame)
{
	char text[32];
	const char *found;

	snprintf(text, sizeof text, "frame %u", frame);
	found = strstr(diagnostic->message, text);
	if (!found || (found[strlen(text)] >= '0' && found[strlen(text)] <= '9'))
		fail_msg("'%s' does not name frame %u", diagnostic->message, frame);
}

static struct host_recording small, large;
static struct frames small_frames, large_frames;

static int record_both(void **state)
{
	const struct host_options small_options = {.seed = 3, .jobs = 4, .flush_each = 9};
	const struct host_options large_options = {.seed = 4,
						   .jobs = 100,
						   .fail_percent = 20,
						   .snapshot_each = 150,
						   .flush_each = 40,
						   .switch_policy = 90,
						   .gap_begin = 210,
						   .gap_events = 20};

	(void)state;
	host_record(&small_options, &small);
	host_record(&large_options, &large);
	find_frames(&small, &small_frames);
	find_frames(&large, &large_frames);
	return 0;
}

static int free_both(void **state)
{
	(void)state;
	free(small.bytes);
	free(large.bytes);
	return 0;
}

static void test_undamaged_it_is_whole(void **state)
{
	struct tr_diagnostic diagnostic;
	struct tr_replay_result result;
	uint64_t events;

	(void)state;
	assert_int_equal(read_all(small.bytes, small.length, &events, &diagnostic),
			 TR_RECORDING_END);
	assert_int_equal(events, small.events);
	assert_int_equal(read_all(large.bytes, large.length, &events, &diagnostic),
			 TR_RECORDING_END);
	assert_int_equal(events, large.events - 20);
	assert_int_equal(replay(large.bytes, large.length, false, &result), TR_REPLAY_EQUAL);
}

static void flip_and_read(const struct host_recording *recording, const struct frames *frames,
			  size_t at, uint8_t bits)
{
	struct tr_diagnostic diagnostic;
	uint64_t events;

	recording->bytes[at] ^= bits;
	if (read_all(recording->bytes, recording->length, &events, &diagnostic) !=
	    TR_RECORDING_CORRUPT)
		fail_msg("a flip of 0x%02x in byte %zu is not corrupt: %s", bits, at,
			 diagnostic.message);
	assert_names_frame(&diagnostic, frame_of(frames, at));
	recording->bytes[at] ^= bits;
}

static void test_every_bit_of_a_file_is_checked(void **state)
{
	(void)state;
	for (size_t at = 0; at < small.length; at++) {
		for (unsigned bit = 0; bit < 8; bit++)
			flip_and_read(&small, &small_frames, at, (uint8_t)(1u << bit));
		flip_and_read(&small, &small_frames, at, 0xff);
	}
}

static void test_random_flips_are_corrupt_and_name_the_frame(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t bits = tr_draw(5, i, TR_PURPOSE_TEST, 0);
		size_t at = (size_t)tr_below(bits, large.length);

		flip_and_read(&large, &large_frames, at, (uint8_t)(1 + bits % 255));
	}
}

static void test_random_flips_never_replay_equal(void **state)
{
	struct tr_replay_result result;

	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t bits = tr_draw(6, i, TR_PURPOSE_TEST, 0);
		size_t at = (size_t)tr_below(bits, large.length);
		uint8_t flip = (uint8_t)(1 + bits % 255);

		large.bytes[at] ^= flip;
		assert_int_equal(replay(large.bytes, large.length, i % 2, &result), TR_REPLAY_BAD);
		large.bytes[at] ^= flip;
	}
}

/* Events of the frames that are whole in the first `length` bytes. */
static uint64_t whole_events(const struct frames *frames, size_t length)
{
	uint64_t events = 0;

	for (unsigned i = 0; i < frames->count && frames->at[i + 1] <= length; i++)
		events += frames->events[i];
	return events;
}

static void cut_and_read(const struct host_recording *recording, const struct frames *frames,
			 size_t length)
{
	struct tr_diagnostic diagnostic;
	uint64_t events;

	if (read_all(recording->bytes, length, &events, &diagnostic) != TR_RECORDING_TORN)
		fail_msg("cut at %zu it is not torn: %s", length, diagnostic.message);
	assert_int_equal(events, whole_events(frames, length));
	if (length > 0)
		assert_names_frame(&diagnostic, frame_of(frames, length));
}

static void test_cut_anywhere_it_is_torn(void **state)
{
	(void)state;
	for (size_t length = 0; length < small.length; length++)
		cut_and_read(&small, &small_frames, length);
	for (uint64_t i = 0; i < ROUNDS; i++)
		cut_and_read(&large, &large_frames,
			     (size_t)tr_below(tr_draw(7, i, TR_PURPOSE_TEST, 0), large.length));
}

static void test_cut_anywhere_what_is_whole_replays_equal(void **state)
{
	struct tr_replay_result result, refused;
	unsigned equal = 0;

	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t bits = tr_draw(8, i, TR_PURPOSE_TEST, 0);
		size_t length = (size_t)tr_below(bits, large.length);
		uint64_t whole = whole_events(&large_frames, length);

		assert_int_equal(replay(large.bytes, length, false, &refused), TR_REPLAY_BAD);
		if (replay(large.bytes, length, true, &result) == TR_REPLAY_BAD) {
			assert_int_equal(whole, 0);
			continue;
		}
		assert_int_equal(result.difference, TR_DIFFERENCE_NONE);
		assert_true(result.torn);
		assert_int_equal(result.events + result.events_outside, whole);
		equal++;
	}
	assert_true(equal > ROUNDS / 2);
}

/* A crash can leave a damaged byte and a cut at once: damage in what is there is seen. */
static void test_a_damaged_head_that_is_cut_is_corrupt(void **state)
{
	size_t at = small_frames.at[2];
	struct tr_diagnostic diagnostic;
	uint64_t events;

	(void)state;
	for (size_t in_head = 0; in_head < 40; in_head++) {
		if (in_head >= 4 && in_head < 16)
			continue; /* not known before the head is whole */
		small.bytes[at + in_head] ^= 0x20;
		assert_int_equal(read_all(small.bytes, at + in_head + 1, &events, &diagnostic),
				 TR_RECORDING_CORRUPT);
		assert_names_frame(&diagnostic, 2);
		small.bytes[at + in_head] ^= 0x20;
	}
}

/* Frames that are good in themselves, in another place. */
static void test_frames_cannot_be_moved_left_out_or_brought_in(void **state)
{
	const struct host_options twin_options = {.seed = 3, .jobs = 5, .flush_each = 9};
	struct host_recording twin;
	struct frames frames;
	unsigned parted = 0;
	struct tr_diagnostic diagnostic;
	uint64_t events;
	uint8_t *bytes = malloc(small.length * 2);

	(void)state;
	assert_non_null(bytes);
	for (unsigned i = 1; i < small_frames.count; i++) {
		size_t at = small_frames.at[i], next = small_frames.at[i + 1];

		/* Left out. */
		memcpy(bytes, small.bytes, at);
		memcpy(bytes + at, small.bytes + next, small.length - next);
		if (next < small.length)
			assert_int_equal(
				read_all(bytes, small.length - (next - at), &events, &diagnostic),
				TR_RECORDING_CORRUPT);
		/* Twice. */
		memcpy(bytes, small.bytes, next);
		memcpy(bytes + next, small.bytes + at, small.length - at);
		assert_int_equal(read_all(bytes, small.length + (next - at), &events, &diagnostic),
				 TR_RECORDING_CORRUPT);
		assert_names_frame(&diagnostic, i + 1);
	}
	/* The same header, another run: once the two have parted, no frame of one fits the other.
	 */
	host_record(&twin_options, &twin);
	find_frames(&twin, &frames);
	assert_memory_equal(twin.bytes, small.bytes, small_frames.at[1]);
	while (frames.at[parted + 1] == small_frames.at[parted + 1] &&
	       memcmp(twin.bytes, small.bytes, frames.at[parted + 1]) == 0)
		parted++;
	assert_true(parted + 2 < small_frames.count);
	for (unsigned i = parted + 1; i < small_frames.count; i++) {
		size_t at = small_frames.at[i];
		size_t length = frames.at[i + 1] - frames.at[i];

		assert_true(at + length <= small.length * 2);
		memcpy(bytes, small.bytes, at);
		memcpy(bytes + at, twin.bytes + frames.at[i], length);
		assert_int_equal(read_all(bytes, at + length, &events, &diagnostic),
				 TR_RECORDING_CORRUPT);
		assert_names_frame(&diagnostic, i);
	}
	free(twin.bytes);
	free(bytes);
}

static void test_bytes_after_the_end_are_corrupt(void **state)
{
	uint8_t *bytes = malloc(small.length + 1);
	struct tr_diagnostic diagnostic;
	uint64_t events;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, small.bytes, small.length);
	bytes[small.length] = 0;
	assert_int_equal(read_all(bytes, small.length + 1, &events, &diagnostic),
			 TR_RECORDING_CORRUPT);
	assert_non_null(strstr(diagnostic.message, "after the END frame"));
	free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undamaged_it_is_whole),
		cmocka_unit_test(test_every_bit_of_a_file_is_checked),
		cmocka_unit_test(test_random_flips_are_corrupt_and_name_the_frame),
		cmocka_unit_test(test_random_flips_never_replay_equal),
		cmocka_unit_test(test_cut_anywhere_it_is_torn),
		cmocka_unit_test(test_cut_anywhere_what_is_whole_replays_equal),
		cmocka_unit_test(test_a_damaged_head_that_is_cut_is_corrupt),
		cmocka_unit_test(test_frames_cannot_be_moved_left_out_or_brought_in),
		cmocka_unit_test(test_bytes_after_the_end_are_corrupt),
	};

	return cmocka_run_group_tests(tests, record_both, free_both);
}
