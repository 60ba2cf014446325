/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays of recordings in memory.
 */
#ifndef TR_TESTS_RECORDING_REPLAYING_H
#define TR_TESTS_RECORDING_REPLAYING_H

#include "tests/recording/host.h"
#include "traces/replay.h"

/* *ret is zeroed if the file has not even a header. options may be NULL. */
enum tr_replay_verdict replay_bytes(const uint8_t *bytes, size_t length,
				    const struct tr_replay_options *options,
				    struct tr_replay_result *ret,
				    struct tr_diagnostic *ret_diagnostic);
/* The same of a recording that must not be bad. */
enum tr_replay_verdict replay_recording(const struct host_recording *recording,
					const struct tr_replay_options *options,
					struct tr_replay_result *ret);

#endif
