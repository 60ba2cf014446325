/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a world: what may happen next in it. */
#ifndef TR_TESTS_WORLD_DRAW_H
#define TR_TESTS_WORLD_DRAW_H

#include "tests/engine/world.h"

/* Attempts the world believes to be at each stage. */
enum {
	STAGE_NEW,
	STAGE_CONNECTED,
	STAGE_HEADERS,
	STAGE_STREAMING
};

/* Fill world->event with something that may happen now, or may not. */
void tr_world_draw_event(struct tr_world *world);
/* The next thing that happens to an attempt; unless good_only, wrong on purpose once in a while. */
void tr_world_about_attempt(struct tr_world *world, struct tr_world_attempt *attempt,
			    bool good_only);

#endif
