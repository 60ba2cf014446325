/* SPDX-License-Identifier: Apache-2.0 */
/* All timers of the engine: one heap, one deadline for the host to watch. */
#ifndef TR_ENGINE_TIMER_H
#define TR_ENGINE_TIMER_H

#include "engine/state.h"

/* Start, move or (TR_TIME_NEVER) stop the one timer of an owner's row. Setting the time it already
 * has changes nothing. O(log n). */
void tr_timer_set(struct tr_engine *e, enum tr_timer_owner owner, uint32_t row, tr_time_ns time);

/* When the timer of an owner's row is due; TR_TIME_NEVER: it is stopped. */
static inline tr_time_ns tr_timer_of(const struct tr_engine *e, enum tr_timer_owner owner,
				     uint32_t row)
{
	const struct tr_timer *timer = &e->timer[e->timer_first[owner] + row];

	return timer->place1 ? timer->time : TR_TIME_NEVER;
}

/* When the first timer is due, or TR_TIME_NEVER. */
tr_time_ns tr_timer_next(const struct tr_engine *e);

/* Take the first timer that is due at `now`, stopped. Returns false if there is none. */
bool tr_timer_take(struct tr_engine *e, tr_time_ns now, enum tr_timer_owner *ret_owner,
		   uint32_t *ret_row);

/* Put the heap together again from the rows' places. Returns false if they do not make one. */
bool tr_timer_rebuild(struct tr_engine *e);

#endif
