/* SPDX-License-Identifier: Apache-2.0 */
/* Which pools must be looked at. */
#ifndef TR_ENGINE_POOL_H
#define TR_ENGINE_POOL_H

#include "engine/state.h"

/* The pool must be looked at before this step's end, or at once after it. */
void tr_pool_mark(struct tr_engine *e, uint32_t model);
/* It is being looked at. What gets better meanwhile marks it anew. */
void tr_pool_unmark(struct tr_engine *e, uint32_t model);
/* Mark every pool in which somebody waits. */
void tr_pool_mark_all(struct tr_engine *e);
/* Something about the endpoint got better: mark every pool that may use it. */
void tr_pool_endpoint_freed(struct tr_engine *e, uint32_t endpoint);
/* A scarce row of the engine's own became free. */
void tr_pool_row_freed(struct tr_engine *e);

/* Does anybody wait in it? */
bool tr_pool_wanted(const struct tr_model *model);
/* The marked pool with the smallest name hash (where a model stands in its table is an accident);
 * TR_NONE: none is marked. */
uint32_t tr_pool_next(const struct tr_engine *e);

#endif
