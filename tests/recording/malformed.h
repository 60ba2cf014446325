/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of malformed recordings; a new way to be wrong is a new row.
 */
#ifndef TR_TESTS_RECORDING_MALFORMED_H
#define TR_TESTS_RECORDING_MALFORMED_H

#include "tests/recording/forge.h"

struct malformed {
	const char *name;
	void (*make)(struct forge *forge);
	const char *message;
};

extern const struct malformed malformed_frames[];
extern const size_t malformed_frames_count;
extern const struct malformed malformed_events[];
extern const size_t malformed_events_count;

#endif
