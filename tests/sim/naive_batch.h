/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batching server once more, as one would write it down from its description: step after step,
 * block by block, everything looked at each time. What sim/server/batch.c does by sums and heaps is
 * held to it.
 */
#ifndef TR_TESTS_SIM_NAIVE_BATCH_H
#define TR_TESTS_SIM_NAIVE_BATCH_H

#include "sim/server/batch.h"

#define NAIVE_REQUESTS_MAX 64
#define NAIVE_BLOCKS_MAX   512
#define NAIVE_EVENTS_MAX   32768

enum naive_op_kind {
	NAIVE_ENTER,
	NAIVE_LEAVE, /* nothing, if it has left */
	NAIVE_SPEED,
};

struct naive_op {
	tr_time_ns time;
	enum naive_op_kind kind;
	uint32_t slot;
	uint32_t permille;
	struct tr_batch_request request;
};

/* A token is told of each `stride` after the last. */
struct naive_script {
	struct tr_batch_profile profile;
	uint64_t seed;
	uint32_t stride;
	uint32_t op_count; /* in order of time; slots are not used twice */
	struct naive_op ops[3 * NAIVE_REQUESTS_MAX];
};

struct naive_events {
	uint32_t count;
	struct tr_batch_event items[NAIVE_EVENTS_MAX];
	uint64_t preemptions;
	uint64_t cached_tokens;
};

/* Play a script to its end. What happens at the time of an operation happens after it. */
void naive_play(const struct naive_script *script, struct naive_events *ret);

#endif
