/* SPDX-License-Identifier: Apache-2.0 */
/* Strategies that fail: counted, put aside for a while, asked again. */
#ifndef TR_ENGINE_STRATEGY_H
#define TR_ENGINE_STRATEGY_H

#include "engine/state.h"

/* Is the job's strategy put aside now? */
bool tr_strategy_is_aside(const struct tr_engine *e, const struct tr_job *job);
/* A decision about the job was made, and the strategy had this part in it. Leaves at most two
 * actions. */
void tr_strategy_decided(struct tr_engine *e, const struct tr_job *job, enum tr_bypass bypass);
/* The policy slot is free: nothing is remembered of its strategies. */
void tr_strategy_forget(struct tr_engine *e, uint32_t policy_slot);

/* A row of a policy slot as it stands now. */
void tr_strategy_view(const struct tr_engine *e, uint32_t policy_slot, uint32_t row,
		      struct tr_strategy_view *ret);
/* NULL, or what is wrong with the rows. */
const char *tr_strategy_verify(const struct tr_engine *e);

#endif
