/* SPDX-License-Identifier: Apache-2.0 */
/* How the engine's one block of memory is divided. */
#ifndef TR_ENGINE_LAYOUT_H
#define TR_ENGINE_LAYOUT_H

#include "engine/state.h"

/* Copy a policy's rows into a slot's memory. The policy must have passed tr_layout_policy_check().
 */
void tr_layout_policy_copy(struct tr_engine *e, uint32_t slot, const struct tr_policy *policy);

/* 0, TR_E_LIMITS or TR_E_INVALID: do the rows fit, and does every index point into its table? */
int tr_layout_policy_check(const struct tr_limits *limits, const struct tr_policy *policy);

/* Set every pointer of a zeroed engine whose limits are set. Returns the bytes it takes. With a
 * NULL base nothing is written but e itself. */
size_t tr_layout_divide(struct tr_engine *e, uint8_t *base);

/* Are the limits within their ranges? */
bool tr_layout_limits_good(const struct tr_limits *limits);

#endif
