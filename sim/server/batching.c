/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batching model of computing, as the fleet's rooms want it: each room with a `batching`
 * profile has a server of batch.h, whose slots are those of the tries. The room has one entry in
 * the queue, for what is next of its whole batch.
 *
 * Steps may become longer after somebody asked to be told of a token. So those that stream stand in
 * a line in the order in which they were told of last, and the room has a second entry, by which
 * something is told whatever the pace (H8). What is permitted is one silence for all of a run.
 */
#include "sim/server/rooms.h"

/* The entry follows what is next. */
static void reschedule(struct tr_fleet *fleet, uint32_t row)
{
	struct tr_room *room = &fleet->rooms[row];
	tr_time_ns next = tr_batch_next(room->batch);

	if (next == room->batch_due)
		return;
	room->batch_due = next;
	tr_fleet_schedule_room(fleet, row, TR_ROOM_BATCH, next);
}

static bool fits(const struct tr_fleet *fleet, uint32_t slot)
{
	const struct tr_try *try = &fleet->tries[slot];

	return tr_batch_fits(fleet->rooms[try->server].batch, try->tokens_in, try->tokens_out);
}

static void enter(struct tr_fleet *fleet, uint32_t slot)
{
	const struct tr_try *try = &fleet->tries[slot];
	const struct tr_batch_request request = {
		.key = try->job_id,
		.tokens_in = try->tokens_in,
		.tokens_out = try->tokens_out,
		.prompt = try->prompt,
	};

	tr_batch_enter(fleet->rooms[try->server].batch, fleet->now, slot, &request);
	reschedule(fleet, try->server);
}

static void forget_silence(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->batch_streams)
		tr_line_leave(fleet, &fleet->rooms[try->server].line, slot);
	try->batch_streams = false;
}

static void leave(struct tr_fleet *fleet, uint32_t slot)
{
	uint32_t row = fleet->tries[slot].server;

	tr_batch_leave(fleet->rooms[row].batch, fleet->now, slot);
	forget_silence(fleet, slot);
	reschedule(fleet, row);
}

/* ------------------------------------------------------------------------------ silence and tokens
 */

/* The room looks at who has been silent for longest when half of what is permitted is over. It does
 * not look again for every token that was told since: it finds nothing to do, and looks later. */
static void look_later(struct tr_fleet *fleet, uint32_t row)
{
	struct tr_room *room = &fleet->rooms[row];
	const struct tr_try *first;

	if (room->line.count == 0 || room->tickets[TR_ROOM_LOOK] != TR_TICKET_NONE)
		return;
	first = &fleet->tries[room->line.head];
	tr_fleet_schedule_room(fleet, row, TR_ROOM_LOOK,
			       tr_add_sat(first->batch_told, first->silence / 2));
}

static void want(struct tr_fleet *fleet, uint32_t slot, uint32_t token)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	tr_batch_want(room->batch, slot, token);
	forget_silence(fleet, slot);
	if (try->silence) {
		try->batch_told = fleet->now;
		try->batch_streams = true;
		tr_line_join(fleet, &room->line, slot);
		look_later(fleet, try->server);
	}
	reschedule(fleet, try->server);
}

bool tr_batching_look(struct tr_fleet *fleet, uint32_t row, struct tr_event *ret)
{
	struct tr_room *room = &fleet->rooms[row];
	uint32_t slot = room->line.head, made;
	bool told = false;

	if (slot != TR_NONE && fleet->now >= tr_add_sat(fleet->tries[slot].batch_told,
							fleet->tries[slot].silence / 2)) {
		made = tr_batch_made(room->batch, fleet->now, slot);
		if (made > fleet->tries[slot].tokens_made)
			told = tr_door_hear(fleet, slot, TR_MADE_TOKENS, made, ret);
		else
			want(fleet, slot, made + 1);
	}
	look_later(fleet, row);
	return told;
}

static tr_span_ns pace(const struct tr_fleet *fleet, uint32_t slot)
{
	tr_span_ns span = tr_batch_pace(fleet->rooms[fleet->tries[slot].server].batch);

	return span ? span : TR_FATE_SPAN_MAX;
}

bool tr_batching_take(struct tr_fleet *fleet, uint32_t row, struct tr_event *ret)
{
	static const enum tr_made made[TR_BATCH_EVENT_COUNT] = {
		[TR_BATCH_SCHEDULED] = TR_MADE_SCHEDULED,
		[TR_BATCH_FIRST] = TR_MADE_TOKENS,
		[TR_BATCH_TOKENS] = TR_MADE_TOKENS,
		[TR_BATCH_DONE] = TR_MADE_DONE,
	};
	struct tr_room *room = &fleet->rooms[row];
	struct tr_batch_event event;
	bool told = tr_batch_take(room->batch, &event);

	room->batch_due = TR_TIME_NEVER;
	if (told && event.kind == TR_BATCH_DONE)
		forget_silence(fleet, event.slot);
	if (told)
		told = tr_door_hear(fleet, event.slot, made[event.kind], event.tokens, ret);
	reschedule(fleet, row);
	return told;
}

static void speed(struct tr_fleet *fleet, uint32_t row, uint32_t permille)
{
	tr_batch_speed(fleet->rooms[row].batch, fleet->now, permille);
	reschedule(fleet, row);
}

static void restart(struct tr_fleet *fleet, uint32_t row)
{
	tr_batch_restart(fleet->rooms[row].batch, fleet->now);
	reschedule(fleet, row);
}

static void load(const struct tr_fleet *fleet, uint32_t row, struct tr_sample *ret)
{
	struct tr_batch_load load;

	tr_batch_load(fleet->rooms[row].batch, fleet->now, &load);
	ret->running = load.running;
	ret->waiting = load.waiting;
	ret->kv_permille = load.kv_blocks
				   ? (uint32_t)tr_mul_div(load.kv_blocks_used, 1000, load.kv_blocks)
				   : 0;
}

const struct tr_computing tr_computing_batching = {
	.fits = fits,
	.enter = enter,
	.leave = leave,
	.want = want,
	.pace = pace,
	.speed = speed,
	.restart = restart,
	.load = load,
};
