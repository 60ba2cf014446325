/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of a run: every job in exactly one column, at every instant. The ledger reads events
 * and actions only, so it serves a simulation and a replay alike, and it holds its sums against the
 * engine's own after each step.
 *
 * Memory is fixed: quantiles come from log-linear histograms, and tenants beyond the table's cap
 * share one row.
 */
#ifndef TR_SIM_LEDGER_H
#define TR_SIM_LEDGER_H

#include "engine/engine.h"
#include "sim/result.h"

struct tr_ledger;

/* The policy is needed as long as the ledger; limits are the engine's. Returns NULL if there is no
 * memory. */
struct tr_ledger *tr_ledger_new(const struct tr_policy *policy, const struct tr_limits *limits);
void tr_ledger_free(struct tr_ledger *ledger);

/* Enter what one step did. A step observer: `self` is the ledger. O(actions). */
void tr_ledger_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions);

/* Jobs that have ended, and jobs submitted; for progress. */
uint64_t tr_ledger_ended(const struct tr_ledger *ledger);
uint64_t tr_ledger_submitted(const struct tr_ledger *ledger);

/* Add up. Everything of *ret is filled but the hashes, ids and the seed, which are zeroed. */
void tr_ledger_result(const struct tr_ledger *ledger, struct tr_result *ret);

#endif
