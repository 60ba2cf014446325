/* SPDX-License-Identifier: Apache-2.0 */
/* Who of the candidates gets the job. */
#ifndef TR_ENGINE_PICKER_H
#define TR_ENGINE_PICKER_H

#include "engine/choice.h"

/* Does it weigh every step of a chain at once, by scores? Else the first step that has anyone. */
bool tr_picker_is_wide(enum tr_picker picker);

/* The winner among d->eligible by d->picker, each candidate's measure filled in: smaller is better,
 * TR_MEASURE_OUT was passed over. NULL: there is nobody, or the picker found nobody
 * (`weighted` where no candidate has a weight, `consistent-hash` for a job without session and
 * prefix). For a wide picker the eligible have been scored. Linear in them, times at most 64 where
 * a quantile or a weighted draw is taken. */
const struct tr_choice *tr_picker_pick(struct tr_choosing *d, enum tr_pick *ret_pick);

#endif
