/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that are canceled together. */
#ifndef TR_ENGINE_GROUP_H
#define TR_ENGINE_GROUP_H

#include "engine/state.h"

/* A job with a group_id (not 0) enters its group, or leaves it or the list of the doomed. O(1)
 * expected. */
void tr_group_join(struct tr_engine *e, struct tr_job *job);
void tr_group_leave(struct tr_engine *e, struct tr_job *job);

/* Doom every job of the group that this cause (TR_CAUSE_CANCEL_*) may cancel; no actions. No group
 * of this id: nothing happens. Linear in the group. */
void tr_group_cancel(struct tr_engine *e, uint64_t group_id, enum tr_cause cause);
/* End doomed jobs, those doomed first before others, as far as the step has room. */
void tr_group_end_doomed(struct tr_engine *e);

/* Compute the index by group again. Returns false if the links make no groups. */
bool tr_group_rebuild(struct tr_engine *e);
/* NULL, or the first broken invariant of groups and of the doomed. */
const char *tr_group_verify(const struct tr_engine *e);

#endif
