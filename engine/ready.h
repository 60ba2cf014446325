/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants that may be served now, the one whose turn it is first. */
#ifndef TR_ENGINE_READY_H
#define TR_ENGINE_READY_H

#include "engine/state.h"

/* Enter or leave the race as the queue's and its tenant's state demand. O(log tenants). */
void tr_ready_refresh(struct tr_engine *e, uint32_t q);
/* Leave the race whatever the state: the queue was looked at in vain. */
void tr_ready_remove(struct tr_engine *e, uint32_t q);
/* The queue whose turn it is; the backlog has one. */
uint32_t tr_ready_first(const struct tr_engine *e, uint32_t backlog);
/* The queue's counter changed: find its place again. */
void tr_ready_moved(struct tr_engine *e, uint32_t q);

/* Put the heaps together again from the rows' places; false if they make none. */
bool tr_ready_rebuild(struct tr_engine *e);

#endif
