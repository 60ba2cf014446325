/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: among the classes of a pool, then among the tenants of a class. */
#ifndef TR_ENGINE_SCHEDULER_H
#define TR_ENGINE_SCHEDULER_H

#include "engine/state.h"

/* Dispatch what can be, as far as the step has room. */
void tr_scheduler_run(struct tr_engine *e);

/* The timer of a queue fired: end what is overdue, as far as the step has room. */
void tr_scheduler_queue_due(struct tr_engine *e, uint32_t queue);

#endif
