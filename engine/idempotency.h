/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency keys: which job has a key, for one window of time. */
#ifndef TR_ENGINE_IDEMPOTENCY_H
#define TR_ENGINE_IDEMPOTENCY_H

#include "engine/state.h"

/* The key under which a tenant's own key is kept, not 0: keys of two tenants do not meet. */
uint64_t tr_idempotency_key(const struct tr_engine *e, tr_name tenant, uint64_t key);

/* The job that took the key within the active policy's window, living or ended; NULL: none. O(1)
 * expected. */
const struct tr_idempotency *tr_idempotency_find(const struct tr_engine *e, uint64_t key);
/* How long until another key can be taken; 0: now. */
tr_span_ns tr_idempotency_wait(const struct tr_engine *e);
/* An admitted job takes a key that nobody has, where there is room. O(1) expected. */
void tr_idempotency_take(struct tr_engine *e, uint64_t key, uint64_t body, struct tr_job *job);
/* The job could not be stored: as if it had never come, its key is free again. O(1) expected. */
void tr_idempotency_give_back(struct tr_engine *e, const struct tr_job *job);

/* Before another policy, and so another window, is in force: what has run out by the present one
 * stays forgotten. O(keys that have run out). */
void tr_idempotency_forget(struct tr_engine *e);

/* Compute the index again. Returns false if the ring leaves its table or a key stands twice. */
bool tr_idempotency_rebuild(struct tr_engine *e);
/* NULL, or the first broken invariant. */
const char *tr_idempotency_verify(const struct tr_engine *e);

#endif
