/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers: a 4-ary heap of timer numbers ordered by (time, sequence).
 *
 * Every row that may wait (a queue, an active job, an attempt, an endpoint) owns exactly one timer,
 * whose number follows from the row, so nothing is allocated and nothing can leak; an owner that
 * waits for several things sets its timer to the earliest. The sequence is taken when a timer is
 * set: equal times fire in start order, whatever the shape of the heap.
 */
#include "engine/timer.h"

#define ARITY 4

static bool earlier(const struct tr_timer *a, const struct tr_timer *b)
{
	return a->time != b->time ? a->time < b->time : a->sequence < b->sequence;
}

static void place(struct tr_engine *e, uint32_t at, uint32_t number)
{
	e->timer_heap[at] = number;
	e->timer[number].place1 = at + 1;
}

static void sift_up(struct tr_engine *e, uint32_t at, uint32_t number)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / ARITY;

		if (!earlier(&e->timer[number], &e->timer[e->timer_heap[parent]]))
			break;
		place(e, at, e->timer_heap[parent]);
		at = parent;
	}
	place(e, at, number);
}

static void sift_down(struct tr_engine *e, uint32_t at, uint32_t number)
{
	uint32_t count = e->core->timer_count;

	for (;;) {
		uint32_t first = at * ARITY + 1;
		uint32_t best = first;

		if (first >= count)
			break;
		for (uint32_t i = first + 1; i < first + ARITY && i < count; i++)
			if (earlier(&e->timer[e->timer_heap[i]], &e->timer[e->timer_heap[best]]))
				best = i;
		if (!earlier(&e->timer[e->timer_heap[best]], &e->timer[number]))
			break;
		place(e, at, e->timer_heap[best]);
		at = best;
	}
	place(e, at, number);
}

static void sift(struct tr_engine *e, uint32_t at, uint32_t number)
{
	uint32_t parent = at ? (at - 1) / ARITY : 0;

	if (at && earlier(&e->timer[number], &e->timer[e->timer_heap[parent]]))
		sift_up(e, at, number);
	else
		sift_down(e, at, number);
}

static void stop(struct tr_engine *e, uint32_t number)
{
	struct tr_timer *timer = &e->timer[number];
	uint32_t at = timer->place1 - 1;

	TR_ASSERT(timer->place1 != 0);
	TR_ASSERT(e->timer_heap[at] == number);

	uint32_t last = e->timer_heap[--e->core->timer_count];

	*timer = (struct tr_timer){0};
	if (last != number)
		sift(e, at, last);
}

void tr_timer_set(struct tr_engine *e, enum tr_timer_owner owner, uint32_t row, tr_time_ns time)
{
	uint32_t number = e->timer_first[owner] + row;
	struct tr_timer *timer = &e->timer[number];

	TR_ASSERT(number < e->timer_slots);
	if (time == TR_TIME_NEVER) {
		if (timer->place1)
			stop(e, number);
		return;
	}
	if (timer->place1 && timer->time == time)
		return;
	timer->time = time;
	timer->sequence = ++e->core->timer_sequence;
	if (timer->place1)
		sift(e, timer->place1 - 1, number);
	else
		sift_up(e, e->core->timer_count++, number);
}

tr_time_ns tr_timer_next(const struct tr_engine *e)
{
	return e->core->timer_count ? e->timer[e->timer_heap[0]].time : TR_TIME_NEVER;
}

bool tr_timer_take(struct tr_engine *e, tr_time_ns now, enum tr_timer_owner *ret_owner,
		   uint32_t *ret_row)
{
	uint32_t owner = TR_TIMER_OWNERS - 1;

	if (tr_timer_next(e) > now)
		return false;

	uint32_t number = e->timer_heap[0];

	while (number < e->timer_first[owner])
		owner--;
	stop(e, number);
	*ret_owner = (enum tr_timer_owner)owner;
	*ret_row = number - e->timer_first[owner];
	return true;
}

bool tr_timer_rebuild(struct tr_engine *e)
{
	uint32_t found = 0;

	if (e->core->timer_count > e->timer_slots)
		return false;
	for (uint32_t i = 0; i < e->core->timer_count; i++)
		e->timer_heap[i] = TR_NONE;
	for (uint32_t number = 0; number < e->timer_slots; number++) {
		uint32_t place1 = e->timer[number].place1;

		if (!place1)
			continue;
		if (place1 > e->core->timer_count || e->timer_heap[place1 - 1] != TR_NONE)
			return false;
		e->timer_heap[place1 - 1] = number;
		found++;
	}
	if (found != e->core->timer_count)
		return false;
	for (uint32_t i = 1; i < found; i++)
		if (earlier(&e->timer[e->timer_heap[i]], &e->timer[e->timer_heap[(i - 1) / ARITY]]))
			return false;
	return true;
}
