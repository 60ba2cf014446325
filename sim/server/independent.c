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
 * A slow server has a working time that goes slower than the world's; all of a try's times are of
 *that clock, so a change of speed moves what has not come yet and nothing else.
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

/* ------------------------------------------------------------------------------- working time */

static uint64_t work_at(const struct tr_speed *speed, tr_time_ns now)
{
	return speed->work + tr_mul_div(now - speed->since, speed->permille, 1000);
}

/* When that much has been worked, as things are. */
static tr_time_ns time_of(const struct tr_speed *speed, uint64_t work)
{
	tr_u128 span;

	if (speed->permille == 0)
		return TR_TIME_NEVER;
	if (work <= speed->work)
		return speed->since;
	span = ((tr_u128)(work - speed->work) * 1000 + speed->permille - 1) / speed->permille;
	return speed->since + (tr_span_ns)(span < TR_FATE_SPAN_MAX ? span : TR_FATE_SPAN_MAX);
}

/* When the n-th token comes, n >= 1. */
static uint64_t token_work(const struct tr_try *try, uint32_t n)
{
	return try->alone.first + tr_min(tr_mul_div(try->fate.tpot, n - 1, 1), TR_FATE_SPAN_MAX);
}

static void due_at(struct tr_fleet *fleet, uint32_t slot, uint64_t work)
{
	const struct tr_room *room = &fleet->rooms[fleet->tries[slot].server];

	tr_fleet_schedule(fleet, TR_ENTRY_COMPUTING, slot, time_of(&room->speed, work));
}

/* ------------------------------------------------------------------------------ line and slots */

static void begin(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	room->busy++;
	try->alone.first = work_at(&room->speed, fleet->now) + try->fate.ttft;
	if (try->fate.breaks == TR_BREAK_FIRST) {
		try->alone.phase = PHASE_FIRST;
		due_at(fleet, slot, try->alone.first);
	} else {
		try->alone.phase = PHASE_START;
		tr_fleet_schedule(fleet, TR_ENTRY_COMPUTING, slot, fleet->now);
	}
}

static bool fits(const struct tr_fleet *fleet, uint32_t slot)
{
	(void)fleet;
	(void)slot;
	return true;
}

static void enter(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	TR_ASSERT(try->alone.phase == PHASE_OUTSIDE);
	if (room->busy < room->profile.slots) {
		begin(fleet, slot);
		return;
	}
	try->alone.phase = PHASE_WAITING;
	tr_line_join(fleet, &room->line, slot);
}

/* Whoever waits longest takes the slot. */
static void leave(struct tr_fleet *fleet, uint32_t slot)
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
		begin(fleet, next);
	}
}

/* ------------------------------------------------------------------------------------- tokens */

static void want(struct tr_fleet *fleet, uint32_t slot, uint32_t token)
{
	struct tr_try *try = &fleet->tries[slot];

	TR_ASSERT(try->alone.phase == PHASE_STREAM);
	TR_ASSERT(token <= try->tokens_out);
	try->alone.wanted = token;
	due_at(fleet, slot, token_work(try, token));
}

static tr_span_ns pace(const struct tr_fleet *fleet, uint32_t slot)
{
	const struct tr_try *try = &fleet->tries[slot];
	uint32_t permille = fleet->rooms[try->server].speed.permille;

	return permille ? tr_mul_div(try->fate.tpot, 1000, permille) : TR_FATE_SPAN_MAX;
}

static bool take(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->alone.phase == PHASE_START) {
		try->alone.phase = PHASE_FIRST;
		due_at(fleet, slot, try->alone.first);
		return tr_door_hear(fleet, slot, TR_MADE_SCHEDULED, 0, ret);
	}
	if (try->alone.phase == PHASE_FIRST) {
		try->alone.phase = PHASE_STREAM;
		return tr_door_hear(fleet, slot, TR_MADE_TOKENS, 1, ret);
	}
	TR_ASSERT(try->alone.phase == PHASE_STREAM);
	if (try->alone.wanted < try->tokens_out)
		return tr_door_hear(fleet, slot, TR_MADE_TOKENS, try->alone.wanted, ret);
	leave(fleet, slot);
	return tr_door_hear(fleet, slot, TR_MADE_DONE, try->tokens_out, ret);
}

/* ------------------------------------------------------------------------------------- server */

/* What has been made at the old speed is told of at once, so that nobody thinks it silent since the
 * last report; then the next reports come at the new one. */
static void change_pace(struct tr_fleet *fleet, uint32_t slot, uint64_t work)
{
	struct tr_try *try = &fleet->tries[slot];
	uint64_t made;

	if (try->alone.phase == PHASE_FIRST)
		due_at(fleet, slot, try->alone.first);
	if (try->alone.phase != PHASE_STREAM)
		return;
	made = 1 + (work - try->alone.first) / tr_max(try->fate.tpot, 1);
	want(fleet, slot,
	     (uint32_t)tr_min(try->alone.wanted, tr_max(made, (uint64_t)try->tokens_made + 1)));
}

static void speed(struct tr_fleet *fleet, uint32_t row, uint32_t permille)
{
	struct tr_room *room = &fleet->rooms[row];
	uint64_t work = work_at(&room->speed, fleet->now);

	if (room->speed.permille == permille)
		return;
	room->speed = (struct tr_speed){permille, fleet->now, work};
	for (uint32_t slot = 0; slot < fleet->tries_max; slot++)
		if (fleet->tries[slot].entered && fleet->tries[slot].server == row)
			change_pace(fleet, slot, work);
}

static void restart(struct tr_fleet *fleet, uint32_t row)
{
	TR_ASSERT(fleet->rooms[row].busy == 0);
	TR_ASSERT(fleet->rooms[row].line.count == 0);
}

static void load(const struct tr_fleet *fleet, uint32_t row, struct tr_sample *ret)
{
	const struct tr_room *room = &fleet->rooms[row];

	ret->running = room->busy;
	ret->waiting = room->line.count;
	ret->kv_permille = 0;
}

const struct tr_computing tr_computing_independent = {
	.fits = fits,
	.enter = enter,
	.leave = leave,
	.want = want,
	.pace = pace,
	.take = take,
	.speed = speed,
	.restart = restart,
	.load = load,
};
