/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays of recordings in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/recording/replaying.h"

enum tr_replay_verdict replay_bytes(const uint8_t *bytes, size_t length,
				    const struct tr_replay_options *options,
				    struct tr_replay_result *ret,
				    struct tr_diagnostic *ret_diagnostic)
{
	static const struct tr_replay_options none;
	FILE *stream = host_open(bytes, length);
	struct tr_replay *replay;
	enum tr_replay_verdict verdict = tr_replay_run_stream(
		stream, "test.trr", options ? options : &none, &replay, ret_diagnostic);

	if (replay)
		*ret = *tr_replay_result(replay);
	else
		memset(ret, 0, sizeof *ret);
	tr_replay_free(replay);
	fclose(stream);
	return verdict;
}

enum tr_replay_verdict replay_recording(const struct host_recording *recording,
					const struct tr_replay_options *options,
					struct tr_replay_result *ret)
{
	struct tr_diagnostic diagnostic;
	char text[1024];
	enum tr_replay_verdict verdict =
		replay_bytes(recording->bytes, recording->length, options, ret, &diagnostic);

	if (verdict == TR_REPLAY_BAD)
		fail_msg("%s", tr_diagnostic_text(&diagnostic, text, sizeof text));
	return verdict;
}
