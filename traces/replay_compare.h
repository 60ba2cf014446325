/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a recorded and a replayed answer are the same.
 */
#ifndef TR_TRACES_REPLAY_COMPARE_H
#define TR_TRACES_REPLAY_COMPARE_H

#include "engine/message.h"

/* The actions; `paths`: path hashes too. */
bool tr_actions_equal(const struct tr_actions *a, const struct tr_actions *b, bool paths);
/* The decision records, wherever their candidates stand. */
bool tr_decisions_equal(const struct tr_actions *a, const struct tr_actions *b);

#endif
