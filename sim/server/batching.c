/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batching model of computing, as the fleet's rooms want it: each room with a `batching`
 * profile has a server of batch.h, whose slots are those of the tries. The room has one entry in
 * the queue, for what is next of its whole batch.
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
	reschedule(fleet, row);
}

static void want(struct tr_fleet *fleet, uint32_t slot, uint32_t token)
{
	uint32_t row = fleet->tries[slot].server;

	tr_batch_want(fleet->rooms[row].batch, slot, token);
	reschedule(fleet, row);
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
