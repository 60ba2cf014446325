/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each malformed recording gets its message, and what is only odd gets none. RPL-1
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/recording/host.h"
#include "tests/recording/malformed.h"

static void test_each_gets_its_message(void **state)
{
	const struct malformed *row = *state;
	struct forge *forge = forge_new();
	const struct tr_recording_item *item;
	struct tr_recording *recording = NULL;
	struct tr_diagnostic diagnostic = {.path = ""};
	enum tr_recording_status status;
	FILE *stream;

	row->make(forge);
	stream = host_open(forge->bytes, forge->length);
	status = tr_recording_open_stream(stream, row->name, &recording, &diagnostic);
	while (status == TR_RECORDING_ITEM)
		status = tr_recording_next(recording, &item, &diagnostic);
	assert_string_equal(diagnostic.message, row->message);
	assert_string_equal(diagnostic.path, row->name);
	assert_int_equal(status, strcmp(row->name, "other-schema") == 0 ? TR_RECORDING_FOREIGN
									: TR_RECORDING_CORRUPT);
	/* It says so again. */
	if (recording) {
		memset(&diagnostic, 0, sizeof diagnostic);
		assert_int_equal(tr_recording_next(recording, &item, &diagnostic), status);
		assert_string_equal(diagnostic.message, row->message);
		assert_null(tr_recording_totals(recording));
	}
	tr_recording_close(recording);
	fclose(stream);
	free(forge);
}

/* The forge is honest where it is not told to lie. */
static void test_the_pieces_are_right(void **state)
{
	struct forge *forge = forge_new();
	const struct tr_recording_item *item;
	struct tr_recording *recording;
	struct tr_diagnostic diagnostic;
	FILE *stream;

	(void)state;
	forge_start(forge);
	forge_begin(forge);
	forge_name(forge, tr_name_of("ada", 3), "ada", 3);
	forge_seal(forge, TR_FRAME_NAMES, 0, 1, NULL);
	forge_events(forge, 1, 3);
	forge_index(forge);
	forge_end(forge, 3, 3, 77);
	stream = host_open(forge->bytes, forge->length);
	assert_int_equal(tr_recording_open_stream(stream, "good", &recording, &diagnostic),
			 TR_RECORDING_ITEM);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(tr_recording_next(recording, &item, &diagnostic),
				 TR_RECORDING_ITEM);
	assert_string_equal(tr_recording_name(recording, tr_name_of("ada", 3)), "ada");
	assert_null(tr_recording_name(recording, tr_name_of("bob", 3)));
	assert_null(tr_recording_name(recording, 0));
	assert_int_equal(tr_recording_next(recording, &item, &diagnostic), TR_RECORDING_END);
	assert_int_equal(tr_recording_totals(recording)->event, 3);
	tr_recording_close(recording);
	fclose(stream);
	free(forge);
}

#define TESTS_MAX 100

static size_t add(struct CMUnitTest *tests, size_t at, const struct malformed *rows, size_t count)
{
	TR_ASSERT(at + count <= TESTS_MAX);
	for (size_t i = 0; i < count; i++)
		tests[at + i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = test_each_gets_its_message,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	return at + count;
}

int main(void)
{
	static struct CMUnitTest tests[TESTS_MAX] = {
		cmocka_unit_test(test_the_pieces_are_right),
	};
	size_t count = add(tests, 1, malformed_frames, malformed_frames_count);

	count = add(tests, count, malformed_events, malformed_events_count);
	/* The macro would take the whole array, of which only a part is filled. */
	return _cmocka_run_group_tests("malformed", tests, count, NULL, NULL);
}
