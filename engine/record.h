/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a decision: why this endpoint, or why none. */
#ifndef TR_ENGINE_RECORD_H
#define TR_ENGINE_RECORD_H

#include "engine/choice.h"

/* Room for one more decision record in this step. */
bool tr_record_has_room(const struct tr_engine *e);

/* Write down what was decided; winner NULL: nobody. */
void tr_record(const struct tr_choosing *d, enum tr_role role, enum tr_pick how,
	       const struct tr_choice *winner);

#endif
