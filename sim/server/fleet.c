/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is next. Every try has an entry in the fleet's event queue for what comes next of it; taking
 * that entry says what comes after, so a request costs as many steps of the queue as it has events,
 * however many tokens it makes. An abort leaves entries behind; they are known by their tickets.
 */
#include "sim/server/rooms.h"

#include <stdlib.h>

#define TRIES_LIMIT    (UINT32_C(1) << TR_ENTRY_SHIFT)
#define ENTRIES_OF_ONE 2

/* ------------------------------------------------------------------------------------ the queue */

static enum tr_entry kind_of(const struct tr_heap_entry *entry)
{
	return (enum tr_entry)(tr_heap_payload(entry) >> TR_ENTRY_SHIFT);
}

static uint32_t slot_of(const struct tr_heap_entry *entry)
{
	return tr_heap_payload(entry) & (TRIES_LIMIT - 1);
}

static bool is_live(void *self, const struct tr_heap_entry *entry)
{
	const struct tr_fleet *fleet = self;

	return fleet->tries[slot_of(entry)].tickets[kind_of(entry)] == entry->ticket;
}

void tr_fleet_schedule(struct tr_fleet *fleet, enum tr_entry entry, uint32_t slot, tr_time_ns time)
{
	if (fleet->queue.count == fleet->queue.capacity)
		tr_heap_keep(&fleet->queue, is_live, fleet);
	fleet->tries[slot].tickets[entry] =
		tr_heap_push(&fleet->queue, time, (uint32_t)entry << TR_ENTRY_SHIFT | slot);
}

/* The root is always live, so that tr_fleet_next() can look at it. */
static void drop_stale(struct tr_fleet *fleet)
{
	const struct tr_heap_entry *top;

	while ((top = tr_heap_peek(&fleet->queue)) && !is_live(fleet, top))
		tr_heap_pop(&fleet->queue);
}

/* ------------------------------------------------------------------------------- making a fleet */

static void index_rooms(struct tr_fleet *fleet)
{
	for (uint32_t row = 0; row < fleet->room_count; row++) {
		uint32_t place = (uint32_t)fleet->rooms[row].name & fleet->index_mask;

		while (fleet->index[place]) {
			TR_ASSERT(fleet->rooms[fleet->index[place] - 1].name !=
				  fleet->rooms[row].name);
			place = (place + 1) & fleet->index_mask;
		}
		fleet->index[place] = row + 1;
	}
}

static void furnish(struct tr_room *room, const struct tr_server *server)
{
	TR_ASSERT(server->profile.prefill_milli > 0);
	*room = (struct tr_room){.name = server->name,
				 .profile = server->profile,
				 .computing = &tr_computing_independent,
				 .line = {.head = TR_NONE, .tail = TR_NONE}};
	if (room->profile.slots == 0)
		room->profile.slots = server->slots;
	TR_ASSERT(room->profile.slots > 0);
}

struct tr_fleet *tr_fleet_new(uint64_t seed, const struct tr_server *servers, uint32_t server_count,
			      uint32_t attempts_max)
{
	struct tr_fleet *fleet = calloc(1, sizeof *fleet);
	uint32_t places = 4;

	TR_ASSERT(server_count > 0);
	TR_ASSERT(attempts_max > 0);
	TR_ASSERT(attempts_max <= TRIES_LIMIT);
	if (!fleet)
		return NULL;
	while (places < 2 * server_count)
		places *= 2;
	fleet->seed = seed;
	fleet->room_count = server_count;
	fleet->tries_max = attempts_max;
	fleet->index_mask = places - 1;
	fleet->rooms = calloc(server_count, sizeof *fleet->rooms);
	fleet->tries = calloc(attempts_max, sizeof *fleet->tries);
	fleet->index = calloc(places, sizeof *fleet->index);
	/* Twice what can be live: sweeping out what aborts left behind is then cheap on average. */
	if (!fleet->rooms || !fleet->tries || !fleet->index ||
	    tr_heap_init(&fleet->queue, (size_t)2 * ENTRIES_OF_ONE * attempts_max) < 0) {
		tr_fleet_free(fleet);
		return NULL;
	}
	for (uint32_t row = 0; row < server_count; row++)
		furnish(&fleet->rooms[row], &servers[row]);
	for (uint32_t slot = 0; slot < attempts_max; slot++)
		for (uint32_t entry = 0; entry < ENTRIES_OF_ONE; entry++)
			fleet->tries[slot].tickets[entry] = TR_TICKET_NONE;
	index_rooms(fleet);
	return fleet;
}

void tr_fleet_free(struct tr_fleet *fleet)
{
	if (!fleet)
		return;
	tr_heap_done(&fleet->queue);
	free(fleet->index);
	free(fleet->tries);
	free(fleet->rooms);
	free(fleet);
}

uint32_t tr_fleet_row(const struct tr_fleet *fleet, tr_name name)
{
	uint32_t place = (uint32_t)name & fleet->index_mask;

	for (; fleet->index[place]; place = (place + 1) & fleet->index_mask)
		if (fleet->rooms[fleet->index[place] - 1].name == name)
			return fleet->index[place] - 1;
	return TR_NONE;
}

/* ---------------------------------------------------------------------------------------- lines */

void tr_line_join(struct tr_fleet *fleet, struct tr_line *line, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	try->behind = TR_NONE;
	try->before = line->tail;
	if (line->tail == TR_NONE)
		line->head = slot;
	else
		fleet->tries[line->tail].behind = slot;
	line->tail = slot;
	line->count++;
}

void tr_line_leave(struct tr_fleet *fleet, struct tr_line *line, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	TR_ASSERT(line->count > 0);
	if (try->before == TR_NONE)
		line->head = try->behind;
	else
		fleet->tries[try->before].behind = try->behind;
	if (try->behind == TR_NONE)
		line->tail = try->before;
	else
		fleet->tries[try->behind].before = try->before;
	line->count--;
}

/* ----------------------------------------------------------------------------- the fleet's doors
 */

void tr_fleet_start(struct tr_fleet *fleet, tr_time_ns now, const struct tr_server_request *request)
{
	uint32_t slot = request->attempt.slot1 - 1;
	struct tr_room *room;
	struct tr_try *try;

	TR_ASSERT(slot < fleet->tries_max);
	TR_ASSERT(request->server < fleet->room_count);
	TR_ASSERT(request->tokens_out > 0);
	try = &fleet->tries[slot];
	room = &fleet->rooms[request->server];
	TR_ASSERT(try->stage == TR_STAGE_FREE);
	*try = (struct tr_try){
		.generation = request->attempt.generation,
		.server = request->server,
		.tokens_in = request->tokens_in,
		.tokens_out = request->tokens_out,
		.silence = request->silence_ns,
		.before = TR_NONE,
		.behind = TR_NONE,
		.stage = TR_STAGE_CONNECT,
		.tickets = {TR_TICKET_NONE, TR_TICKET_NONE},
	};
	tr_fate_draw(fleet->seed, room->name, &room->profile, request, &try->fate);
	tr_fleet_schedule(fleet, TR_ENTRY_DOOR, slot, now + room->profile.connect_ns);
}

void tr_fleet_abort(struct tr_fleet *fleet, tr_time_ns now, tr_attempt_handle handle)
{
	uint32_t slot = handle.slot1 - 1;

	TR_ASSERT(slot < fleet->tries_max);
	TR_ASSERT(fleet->tries[slot].stage != TR_STAGE_FREE);
	TR_ASSERT(fleet->tries[slot].generation == handle.generation);
	tr_door_close(fleet, slot, now);
	drop_stale(fleet);
}

tr_time_ns tr_fleet_next(const struct tr_fleet *fleet)
{
	const struct tr_heap_entry *top = tr_heap_peek(&fleet->queue);

	return top ? top->time : TR_TIME_NEVER;
}

void tr_fleet_take(struct tr_fleet *fleet, struct tr_event *ret)
{
	const struct tr_heap_entry *top = tr_heap_peek(&fleet->queue);
	struct tr_try *try;
	enum tr_entry kind;
	uint32_t slot;

	TR_ASSERT(top != NULL);
	kind = kind_of(top);
	slot = slot_of(top);
	try = &fleet->tries[slot];
	TR_ASSERT(try->stage != TR_STAGE_FREE);
	*ret = (struct tr_event){.time = top->time, .observed = top->time};
	tr_heap_pop(&fleet->queue);
	try->tickets[kind] = TR_TICKET_NONE;
	if (kind == TR_ENTRY_DOOR)
		tr_door_take(fleet, slot, ret);
	else
		fleet->rooms[try->server].computing->take(fleet, slot, ret);
	drop_stale(fleet);
}

void tr_fleet_load(const struct tr_fleet *fleet, uint32_t server, uint32_t *ret_running,
		   uint32_t *ret_waiting)
{
	TR_ASSERT(server < fleet->room_count);
	fleet->rooms[server].computing->load(fleet, server, ret_running, ret_waiting);
}
