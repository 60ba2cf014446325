/* SPDX-License-Identifier: Apache-2.0 */
/* How much a pool may spend on second tries. Models by registry slot, money in micro-USD. */
#ifndef TR_ENGINE_BUDGET_H
#define TR_ENGINE_BUDGET_H

#include "engine/state.h"

/* A first attempt, or a hedge, of a job that queues for the model is sent, of so much predicted
 * cost: booked in the same step. */
void tr_budget_first(struct tr_engine *e, uint32_t model, uint64_t cost);
void tr_budget_hedge(struct tr_engine *e, uint32_t model, uint64_t cost);

/* Book one more retry of a job that queues for the model; false, and counted as denied, if the
 * window has no room for it. O(1). */
bool tr_budget_take_retry(struct tr_engine *e, uint32_t model);

/* May one more hedge of so much predicted cost be sent? Books nothing. O(1). */
bool tr_budget_may_hedge(const struct tr_engine *e, uint32_t model, uint64_t cost);

/* What was booked in the window: this second and the nine before it. */
void tr_budget_window(const struct tr_engine *e, uint32_t model, struct tr_spending *ret);

#endif
