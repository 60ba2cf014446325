/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small host that drives the engine with random events: what every property is checked on.
 *
 * All randomness is keyed by (seed, step), so a seed is a world. The world keeps, from actions
 * alone, a ledger of its own of every job and attempt, and checks after each step that the engine
 * keeps its promises; it stops the test with the seed and the step at the first that is broken.
 */
#ifndef TR_TESTS_WORLD_H
#define TR_TESTS_WORLD_H

#include "engine/engine.h"

#define TR_WORLD_JOBS	  96
#define TR_WORLD_ATTEMPTS 64

struct tr_world_job {
	uint64_t job_id; /* 0: free */
	tr_job_handle handle;
	bool persisting;
	bool committed;
	bool stream;
	bool cancelable;
	uint64_t group_id;
	bool doomed; /* by the cancel of its group */
	tr_time_ns doomed_at;
	uint8_t preempted;
	tr_attempt_handle committed_attempt;
	tr_time_ns deadline;
};

struct tr_world_attempt {
	tr_attempt_handle handle; /* slot1 0: free */
	uint64_t job_id;
	tr_name endpoint;
	uint32_t tokens_out;
	uint8_t stage;
};

struct tr_world {
	uint64_t seed;
	uint64_t step;
	uint64_t draws;
	uint64_t next_job_id;
	tr_time_ns now;
	struct tr_limits limits;
	struct tr_engine *engine;
	struct tr_actions actions;
	struct tr_event event;
	uint64_t refused;
	uint64_t ended[TR_OUTCOME_COUNT];
	uint64_t rejected;
	uint64_t preempted;
	uint64_t doomed;
	struct tr_world_job jobs[TR_WORLD_JOBS];
	struct tr_world_attempt attempts[TR_WORLD_ATTEMPTS];
	/* Called after each taken event, if set. */
	void (*on_step)(struct tr_world *world, void *context);
	void *context;
};

/* A world on the busy policy. Free it with tr_world_done(). */
void tr_world_init(struct tr_world *world, uint64_t seed);
void tr_world_done(struct tr_world *world);

/* One random event (or the CLOCK that is due), its actions taken up and checked. */
void tr_world_step(struct tr_world *world);
/* Submit no more, answer everything, until nothing is left. Fails if that does not come about. */
void tr_world_drain(struct tr_world *world);

/* A uniform number below bound, keyed by (seed, step). */
uint64_t tr_world_below(struct tr_world *world, uint64_t bound);

#endif
