/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batching model of computing, as the fleet's rooms want it: each room with a `batching`
 * profile has a server of batch.h, whose slots are those of the tries. The room has one entry in
 * the queue, for what is next of its whole batch.
 *
 * Steps may become longer after somebody asked to be told of a token, so a try that streams has an
 * entry of its own, too, by which something is told whatever the pace (H8).
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

static void leave(struct tr_fleet *fleet, uint32_t slot)
{
	uint32_t row = fleet->tries[slot].server;

	tr_batch_leave(fleet->rooms[row].batch, fleet->now, slot);
	fleet->tries[slot].tickets[TR_ENTRY_COMPUTING] = TR_TICKET_NONE;
	reschedule(fleet, row);
}

/* Half of the silence that is permitted, after something was told. */
static void look_later(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->silence && try->tickets[TR_ENTRY_COMPUTING] == TR_TICKET_NONE)
		tr_fleet_schedule(fleet, TR_ENTRY_COMPUTING, slot,
				  tr_add_sat(try->batch_told, try->silence / 2));
}

static void want(struct tr_fleet *fleet, uint32_t slot, uint32_t token)
{
	struct tr_try *try = &fleet->tries[slot];

	tr_batch_want(fleet->rooms[try->server].batch, slot, token);
	try->batch_told = fleet->now;
	look_later(fleet, slot);
	reschedule(fleet, try->server);
}

/* It may have been silent for long enough. */
static bool look(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_batch *batch = fleet->rooms[try->server].batch;
	uint32_t made;

	if (fleet->now < tr_add_sat(try->batch_told, try->silence / 2)) {
		look_later(fleet, slot);
		return false;
	}
	made = tr_batch_made(batch, fleet->now, slot);
	if (made > try->tokens_made)
		return tr_door_hear(fleet, slot, TR_MADE_TOKENS, made, ret);
	want(fleet, slot, made + 1);
	return false;
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
		fleet->tries[event.slot].tickets[TR_ENTRY_COMPUTING] = TR_TICKET_NONE;
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
	.take = look,
	.speed = speed,
	.restart = restart,
	.load = load,
};
