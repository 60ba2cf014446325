/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a replay and its recording part, for people: recorded on the left, replayed on the right.
 */
#ifndef TR_CLI_REPLAY_DIFFERENCE_H
#define TR_CLI_REPLAY_DIFFERENCE_H

#include <stdio.h>

#include "traces/replay.h"

/* The event, both answers field by field and both decision records. There must be a difference. */
void tr_replay_print_difference(FILE *stream, const struct tr_replay *replay);

#endif
