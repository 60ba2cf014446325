/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of the simulated host, which may be wrong. The world has its own time, in which servers
 * work and requests arrive; the host reads a clock that jumps (faults of kind clock_jump), and the
 * engine knows no other.
 *
 * The engine's time never goes back (H1): where the clock has fallen behind what it has shown, the
 * host goes on with the last time until the clock has caught up. And a timer rings when the host's
 * clock says so: a jump forward makes all that lies within it due at once.
 */
#ifndef TR_SIM_CLOCK_H
#define TR_SIM_CLOCK_H

#include "sim/server/fault.h"

struct tr_clock_step {
	tr_time_ns at; /* in the world's time */
	int64_t ahead; /* what the clock shows beyond it from then on */
};

struct tr_clock {
	uint32_t count;
	struct tr_clock_step steps[2 * TR_FAULTS_MAX]; /* in order of time */
};

/* The jumps among the faults, counted from `start`. */
void tr_clock_init(struct tr_clock *ret, tr_time_ns start, const struct tr_fault *faults,
		   uint32_t fault_count);

/* What the clock shows at a time of the world. */
tr_time_ns tr_clock_read(const struct tr_clock *clock, tr_time_ns world);

/* The first time of the world, not before `world`, at which the clock shows `time` or later;
 * TR_TIME_NEVER for TR_TIME_NEVER. */
tr_time_ns tr_clock_due(const struct tr_clock *clock, tr_time_ns world, tr_time_ns time);

#endif
