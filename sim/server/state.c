/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to whole servers: the ends of faults that change a server's state, and the reports
 * of their load.
 *
 * An end of a fault concerns many servers at one instant; its entry comes once for each, because an
 * entry tells at most one thing. What holds in between is asked of the timeline, so overlapping
 * faults need no books.
 *
 * A load signal is a sample on its way: taken each interval, told when it has the given age.
 * Servers take turns within the interval, or all would be told at the same instant. A server that
 * is down says nothing.
 */
#include "sim/server/rooms.h"

static bool is_down(const struct tr_fleet *fleet, uint32_t row)
{
	return tr_timeline_holds(fleet->timeline, fleet->now, row, TR_FAULT_CRASH);
}

/* ------------------------------------------------------------------------------- ends of faults */

static tr_time_ns edge_time(const struct tr_fault *fault, enum tr_edge edge)
{
	if (edge == TR_EDGE_BEGIN)
		return fault->at;
	if (edge == TR_EDGE_END || fault->end == TR_TIME_NEVER)
		return fault->end;
	return fault->end - fault->span;
}

/* Only what changes a server's state is of interest. */
static bool has_edge(const struct tr_fault *fault, enum tr_edge edge)
{
	if (fault->kind == TR_FAULT_CRASH)
		return edge != TR_EDGE_RESTART || fault->span;
	return fault->kind == TR_FAULT_SLOW_DOWN && edge != TR_EDGE_RESTART;
}

/* A fault that ends when it begins is none. */
void tr_state_begin(struct tr_fleet *fleet)
{
	for (uint32_t i = 0; i < tr_timeline_count(fleet->timeline); i++) {
		const struct tr_fault *fault = tr_timeline_at(fleet->timeline, i);

		for (uint32_t edge = 0; edge < TR_EDGES && fault->at < fault->end; edge++)
			if (has_edge(fault, (enum tr_edge)edge))
				tr_fleet_schedule_edge(fleet, i * TR_EDGES + edge,
						       edge_time(fault, (enum tr_edge)edge));
	}
	for (uint32_t row = 0; fleet->signal && row < fleet->room_count; row++)
		tr_fleet_schedule_room(
			fleet, row, TR_ROOM_SIGNAL,
			fleet->start + tr_mul_div(fleet->signal, row + 1, fleet->room_count));
}

static void crash(struct tr_fleet *fleet, uint32_t row)
{
	for (uint32_t slot = 0; slot < fleet->tries_max; slot++)
		if (fleet->tries[slot].stage > TR_STAGE_CONNECT && fleet->tries[slot].server == row)
			tr_door_cut(fleet, slot);
}

/* What a host that hears of it says of a server that crashes. */
static bool report(const struct tr_fleet *fleet, const struct tr_fault *fault, uint32_t row,
		   enum tr_edge edge, struct tr_event *ret)
{
	static const uint8_t lifecycles[TR_EDGES] = {
		[TR_EDGE_BEGIN] = TR_LIFECYCLE_DOWN,
		[TR_EDGE_RESTART] = TR_LIFECYCLE_STARTING,
		[TR_EDGE_END] = TR_LIFECYCLE_UP,
	};

	if (!fault->reported)
		return false;
	ret->kind = TR_EVENT_ENDPOINT_STATE;
	ret->endpoint_state = (struct tr_event_endpoint_state){.endpoint = fleet->rooms[row].name,
							       .lifecycle = lifecycles[edge]};
	return true;
}

static bool change(struct tr_fleet *fleet, const struct tr_fault *fault, uint32_t row,
		   enum tr_edge edge, struct tr_event *ret)
{
	struct tr_room *room = &fleet->rooms[row];

	if (fault->kind == TR_FAULT_SLOW_DOWN) {
		room->computing->speed(fleet, row,
				       tr_timeline_speed(fleet->timeline, fleet->now, row));
		return false;
	}
	TR_ASSERT(fault->kind == TR_FAULT_CRASH);
	if (edge == TR_EDGE_BEGIN)
		crash(fleet, row);
	/* Another one may still hold it down. */
	if (edge == TR_EDGE_END && is_down(fleet, row))
		return false;
	return report(fleet, fault, row, edge, ret);
}

/* All at once: at the instant of the end a server may be connected to, before its own turn comes.
 */
static void restart(struct tr_fleet *fleet, uint32_t i)
{
	for (uint32_t row = 0; row < fleet->room_count; row++)
		if (tr_timeline_concerns(fleet->timeline, i, row) && !is_down(fleet, row))
			fleet->rooms[row].computing->restart(fleet, row);
}

bool tr_state_edge(struct tr_fleet *fleet, uint32_t number, struct tr_event *ret)
{
	uint32_t i = number / TR_EDGES, row = fleet->edge_rows[number];
	enum tr_edge edge = (enum tr_edge)(number % TR_EDGES);

	if (row == 0 && edge == TR_EDGE_END &&
	    tr_timeline_at(fleet->timeline, i)->kind == TR_FAULT_CRASH)
		restart(fleet, i);
	while (row < fleet->room_count && !tr_timeline_concerns(fleet->timeline, i, row))
		row++;
	if (row == fleet->room_count) {
		fleet->edge_rows[number] = 0;
		return false;
	}
	fleet->edge_rows[number] = row + 1;
	tr_fleet_schedule_edge(fleet, number, fleet->now);
	return change(fleet, tr_timeline_at(fleet->timeline, i), row, edge, ret);
}

/* -------------------------------------------------------------------------------------- signals */

static void take_sample(const struct tr_fleet *fleet, uint32_t row)
{
	struct tr_room *room = &fleet->rooms[row];
	struct tr_sample *sample = &room->sample;
	bool stale = tr_timeline_holds(fleet->timeline, fleet->now, row, TR_FAULT_SIGNALS_STALE);
	bool frozen = tr_timeline_holds(fleet->timeline, fleet->now, row, TR_FAULT_SIGNALS_FROZEN);

	sample->under_way = true;
	if (stale && sample->time)
		return;
	if (!frozen || !sample->time)
		room->computing->load(fleet, row, sample);
	sample->time = fleet->now;
}

bool tr_state_signal(struct tr_fleet *fleet, uint32_t row, struct tr_event *ret)
{
	struct tr_room *room = &fleet->rooms[row];
	struct tr_sample *sample = &room->sample;

	if (!sample->under_way) {
		take_sample(fleet, row);
		if (fleet->signal_age) {
			tr_fleet_schedule_room(fleet, row, TR_ROOM_SIGNAL,
					       fleet->now + fleet->signal_age);
			return false;
		}
	}
	sample->under_way = false;
	tr_fleet_schedule_room(fleet, row, TR_ROOM_SIGNAL,
			       fleet->now + fleet->signal - fleet->signal_age);
	if (is_down(fleet, row) ||
	    tr_timeline_holds(fleet->timeline, fleet->now, row, TR_FAULT_SIGNALS_LOST))
		return false;
	ret->kind = TR_EVENT_ENDPOINT_SIGNAL;
	ret->observed = sample->time;
	ret->endpoint_signal = (struct tr_event_endpoint_signal){
		.endpoint = room->name,
		.running = sample->running,
		.waiting = sample->waiting,
		.kv_permille = sample->kv_permille,
	};
	return true;
}
