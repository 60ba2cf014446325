/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world in which everything happens: the busy policy on servers that fail, requests of every
 * class, tenant, model and session, some that nobody can serve.
 */
#ifndef TR_TESTS_SIM_MIXED_H
#define TR_TESTS_SIM_MIXED_H

#include "tests/sim/world.h"

struct mixed {
	struct world world;
	uint64_t number;
	uint64_t seed;
};

/* Drawn from the seed; 600 requests, 120 s at most. The policy is shared: one world at a time. */
void mixed_init(struct mixed *mixed, uint64_t seed);

#endif
