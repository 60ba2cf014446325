/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: among the classes of a pool, then among the tenants of a class. */
#ifndef TR_ENGINE_SCHEDULER_H
#define TR_ENGINE_SCHEDULER_H

#include "engine/state.h"

/* Dispatch what can be, as far as the step has room. */
void tr_scheduler_run(struct tr_engine *e);

/* The timer of a queue fired: end the jobs whose deadlines have come, as far as the step has room.
 */
void tr_scheduler_queue_due(struct tr_engine *e, uint32_t queue);
/* The timer of a backlog fired: end the jobs that have waited too long, the oldest first, as far as
 * the step has room. */
void tr_scheduler_backlog_due(struct tr_engine *e, uint32_t backlog);

#endif
