/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a lab: what is drawn before it runs. */
#ifndef TR_TESTS_LAB_DRAW_H
#define TR_TESTS_LAB_DRAW_H

#include "tests/engine/lab.h"

/* What a draw is for; numbers of one key space. */
enum {
	DRAW_POLICY,
	DRAW_ARRIVAL = 100,
	DRAW_SIZE,
	DRAW_OUTPUT,
	DRAW_TENANT,
	DRAW_MODEL,
	DRAW_INTENT,
	DRAW_CLASS,
	DRAW_FLAGS,
	DRAW_DEADLINE,
	DRAW_CANCEL,
	DRAW_SESSION,
	DRAW_GROUP,
	DRAW_KEY,
	DRAW_TROUBLE,
	DRAW_FATE = 1000, /* + ordinal, as the next */
	DRAW_TIME = 2000,
};

void tr_lab_draw_policy(struct tr_lab *lab);
/* Order is all there is: one class that matters, one way to go, nothing that fails. */
void tr_lab_make_plain(struct tr_plan *plan);
void tr_lab_draw_traffic(struct tr_lab *lab, const struct tr_lab_options *options);

#endif
