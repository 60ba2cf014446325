/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simple model of computing: every request for itself. It waits in a FIFO line for a slot,
 *keeps the slot to the end, and nobody slows anybody down.
 *
 *	phase    | its entry is due            | then
 *	---------|-----------------------------|------------------------------------------------
 *	WAITING  | never                       | START when its turn comes
 *	START    | at once                     | scheduled; FIRST, a time to first token later
 *	FIRST    | at its first token          | STREAM
 *	STREAM   | at the token that is wanted | STREAM, until the last one
 *
 * A try that is to fail before its first token is never said to be scheduled: its error is the
 *first thing that comes of it.
 */
#include "sim/server/rooms.h"

enum phase {
	PHASE_OUTSIDE,
	PHASE_WAITING,
	PHASE_START,
	PHASE_FIRST,
	PHASE_STREAM,
};

static void begin(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now)
{
	struct tr_try *try = &fleet->tries[slot];
	bool fails = try->fate.fault == TR_FAULT_FIRST;

	fleet->rooms[try->server].busy++;
	try->alone.phase = fails ? PHASE_FIRST : PHASE_START;
	tr_fleet_schedule(fleet, TR_ENTRY_COMPUTING, slot, fails ? now + try->fate.ttft : now);
}

static void enter(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	TR_ASSERT(try->alone.phase == PHASE_OUTSIDE);
	if (room->busy < room->profile.slots) {
		begin(fleet, slot, now);
		return;
	}
	try->alone.phase = PHASE_WAITING;
	tr_line_join(fleet, &room->line, slot);
}

/* Whoever waits longest takes the slot. */
static void leave(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];
	bool held = try->alone.phase >= PHASE_START;

	TR_ASSERT(try->alone.phase != PHASE_OUTSIDE);
	if (!held)
		tr_line_leave(fleet, &room->line, slot);
	try->alone.phase = PHASE_OUTSIDE;
	try->tickets[TR_ENTRY_COMPUTING] = TR_TICKET_NONE;
	if (!held)
		return;
	TR_ASSERT(room->busy > 0);
	room->busy--;
	if (room->line.count && room->busy < room->profile.slots) {
		uint32_t next = room->line.head;

		tr_line_leave(fleet, &room->line, next);
		begin(fleet, next, now);
	}
}

/* When the n-th token comes, n >= 1. */
static tr_time_ns token_time(const struct tr_try *try, uint32_t n)
{
	return try->alone.first + tr_min(tr_mul_div(try->fate.tpot, n - 1, 1), TR_FATE_SPAN_MAX);
}

static void want(struct tr_fleet *fleet, uint32_t slot, uint32_t token)
{
	struct tr_try *try = &fleet->tries[slot];

	TR_ASSERT(try->alone.phase == PHASE_STREAM);
	TR_ASSERT(token <= try->tokens_out);
	try->alone.wanted = token;
	tr_fleet_schedule(fleet, TR_ENTRY_COMPUTING, slot, token_time(try, token));
}

static tr_span_ns pace(const struct tr_fleet *fleet, uint32_t slot)
{
	return fleet->tries[slot].fate.tpot;
}

static void take(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	switch ((enum phase)try->alone.phase) {
	case PHASE_START:
		try->alone.phase = PHASE_FIRST;
		tr_fleet_schedule(fleet, TR_ENTRY_COMPUTING, slot, ret->time + try->fate.ttft);
		tr_door_hear(fleet, slot, TR_MADE_SCHEDULED, 0, ret);
		break;
	case PHASE_FIRST:
		try->alone.phase = PHASE_STREAM;
		try->alone.first = ret->time;
		tr_door_hear(fleet, slot, TR_MADE_TOKENS, 1, ret);
		break;
	case PHASE_STREAM:
		tr_door_hear(fleet, slot,
			     try->alone.wanted == try->tokens_out ? TR_MADE_DONE : TR_MADE_TOKENS,
			     try->alone.wanted, ret);
		break;
	case PHASE_OUTSIDE:
	case PHASE_WAITING:
		TR_ASSERT(!"nothing is due of who has no slot");
	}
}

static void load(const struct tr_fleet *fleet, uint32_t row, uint32_t *ret_running,
		 uint32_t *ret_waiting)
{
	*ret_running = fleet->rooms[row].busy;
	*ret_waiting = fleet->rooms[row].line.count;
}

const struct tr_computing tr_computing_independent = {
	.enter = enter,
	.leave = leave,
	.want = want,
	.pace = pace,
	.take = take,
	.load = load,
};
