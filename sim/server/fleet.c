/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is next. Every try has an entry in the fleet's event queue for what comes next of it; taking
 * that entry says what comes after, so a request costs as many steps of the queue as it has events,
 * however many tokens it makes. An abort leaves entries behind; they are known by their tickets.
 */
#include "sim/server/rooms.h"

#include <stdlib.h>

#define TRIES_LIMIT (UINT32_C(1) << TR_ENTRY_SHIFT)
#define TRY_ENTRIES 2

/* ------------------------------------------------------------------------------------ the queue */

static enum tr_entry kind_of(const struct tr_heap_entry *entry)
{
	return (enum tr_entry)(tr_heap_payload(entry) >> TR_ENTRY_SHIFT);
}

static uint32_t slot_of(const struct tr_heap_entry *entry)
{
	return tr_heap_payload(entry) & (TRIES_LIMIT - 1);
}

/* Where the entry's owner keeps its ticket; NULL: there is no other of it. */
static uint64_t *ticket_of(const struct tr_fleet *fleet, const struct tr_heap_entry *entry)
{
	enum tr_entry kind = kind_of(entry);
	uint32_t number = slot_of(entry);

	if (kind == TR_ENTRY_FAULT)
		return NULL;
	if (kind == TR_ENTRY_ROOM)
		return &fleet->rooms[number / TR_ROOM_ENTRIES].tickets[number % TR_ROOM_ENTRIES];
	return &fleet->tries[number].tickets[kind];
}

static bool is_live(void *self, const struct tr_heap_entry *entry)
{
	const uint64_t *ticket = ticket_of(self, entry);

	return !ticket || *ticket == entry->ticket;
}

static uint64_t push(struct tr_fleet *fleet, enum tr_entry kind, uint32_t number, tr_time_ns time)
{
	uint32_t payload = (uint32_t)kind << TR_ENTRY_SHIFT | number;

	if (time == TR_TIME_NEVER)
		return TR_TICKET_NONE;
	time = tr_max(time, fleet->now);
	/* In the place of the one that is being taken: cheaper than to take it out first. */
	if (fleet->taking) {
		fleet->taking = false;
		return tr_heap_replace(&fleet->queue, time, payload);
	}
	if (fleet->queue.count == fleet->queue.capacity)
		tr_heap_keep(&fleet->queue, is_live, fleet);
	return tr_heap_push(&fleet->queue, time, payload);
}

void tr_fleet_schedule(struct tr_fleet *fleet, enum tr_entry entry, uint32_t slot, tr_time_ns time)
{
	fleet->tries[slot].tickets[entry] = push(fleet, entry, slot, time);
}

void tr_fleet_schedule_room(struct tr_fleet *fleet, uint32_t row, enum tr_room_entry entry,
			    tr_time_ns time)
{
	fleet->rooms[row].tickets[entry] =
		push(fleet, TR_ENTRY_ROOM, row * TR_ROOM_ENTRIES + entry, time);
}

void tr_fleet_schedule_edge(struct tr_fleet *fleet, uint32_t number, tr_time_ns time)
{
	(void)push(fleet, TR_ENTRY_FAULT, number, time);
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

/* Returns 0, or -1 if there is no memory. */
static int furnish(struct tr_room *room, const struct tr_server *server,
		   const struct tr_fleet_options *options)
{
	TR_ASSERT(server->profile.prefill_milli > 0);
	*room = (struct tr_room){.name = server->name,
				 .profile = server->profile,
				 .computing = &tr_computing_independent,
				 .doorstep = {.head = TR_NONE, .tail = TR_NONE},
				 .line = {.head = TR_NONE, .tail = TR_NONE},
				 .speed = {.permille = 1000},
				 .batch_due = TR_TIME_NEVER};
	for (uint32_t entry = 0; entry < TR_ROOM_ENTRIES; entry++)
		room->tickets[entry] = TR_TICKET_NONE;
	if (room->profile.slots == 0)
		room->profile.slots = server->slots;
	TR_ASSERT(room->profile.slots > 0);
	if (!server->profile.batches)
		return 0;
	room->computing = &tr_computing_batching;
	room->batch = tr_batch_new(&server->profile.batching, options->seed ^ server->name,
				   options->attempts_max);
	return room->batch ? 0 : -1;
}

/* Returns 0, or -1 if there is no memory. */
static int make_room(struct tr_fleet *fleet, const struct tr_fleet_options *options)
{
	size_t entries = (size_t)TRY_ENTRIES * options->attempts_max +
			 (size_t)TR_ROOM_ENTRIES * options->server_count +
			 (size_t)TR_EDGES * options->fault_count;
	uint32_t places = 4;

	while (places < 2 * options->server_count)
		places *= 2;
	fleet->index_mask = places - 1;
	fleet->rooms = calloc(options->server_count, sizeof *fleet->rooms);
	fleet->tries = calloc(options->attempts_max, sizeof *fleet->tries);
	fleet->index = calloc(places, sizeof *fleet->index);
	fleet->timeline = tr_timeline_new(options->seed, options->start, options->faults,
					  options->fault_count, options->server_count);
	if (!fleet->rooms || !fleet->tries || !fleet->index || !fleet->timeline)
		return -1;
	/* Twice what can be live: sweeping out what aborts left behind is then cheap on average. */
	return tr_heap_init(&fleet->queue, 2 * entries);
}

struct tr_fleet *tr_fleet_new(const struct tr_fleet_options *options)
{
	struct tr_fleet *fleet = calloc(1, sizeof *fleet);

	TR_ASSERT(options->server_count > 0);
	TR_ASSERT(options->server_count * TR_ROOM_ENTRIES <= TRIES_LIMIT);
	TR_ASSERT(options->attempts_max > 0);
	TR_ASSERT(options->attempts_max <= TRIES_LIMIT);
	TR_ASSERT(options->signal_age <= options->signal);
	if (!fleet || make_room(fleet, options) < 0) {
		tr_fleet_free(fleet);
		return NULL;
	}
	fleet->seed = options->seed;
	fleet->start = options->start;
	fleet->now = options->start;
	fleet->signal = options->signal;
	fleet->signal_age = options->signal_age;
	fleet->room_count = options->server_count;
	fleet->tries_max = options->attempts_max;
	for (uint32_t row = 0; row < fleet->room_count; row++)
		if (furnish(&fleet->rooms[row], &options->servers[row], options) < 0) {
			tr_fleet_free(fleet);
			return NULL;
		}
	for (uint32_t slot = 0; slot < fleet->tries_max; slot++)
		for (uint32_t entry = 0; entry < TRY_ENTRIES; entry++)
			fleet->tries[slot].tickets[entry] = TR_TICKET_NONE;
	index_rooms(fleet);
	tr_state_begin(fleet);
	return fleet;
}

void tr_fleet_free(struct tr_fleet *fleet)
{
	if (!fleet)
		return;
	for (uint32_t row = 0; row < fleet->room_count; row++)
		tr_batch_free(fleet->rooms[row].batch);
	tr_heap_done(&fleet->queue);
	tr_timeline_free(fleet->timeline);
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

	TR_ASSERT(slot < fleet->tries_max);
	TR_ASSERT(request->server < fleet->room_count);
	TR_ASSERT(request->tokens_out > 0);
	TR_ASSERT(now >= fleet->now);
	TR_ASSERT(fleet->tries[slot].stage == TR_STAGE_FREE);
	fleet->now = now;
	fleet->tries[slot] = (struct tr_try){
		.generation = request->attempt.generation,
		.server = request->server,
		.tokens_in = request->tokens_in,
		.tokens_out = request->tokens_out,
		.silence = request->silence_ns,
		.job_id = request->job_id,
		.prompt = request->prompt,
		.before = TR_NONE,
		.behind = TR_NONE,
		.tickets = {TR_TICKET_NONE, TR_TICKET_NONE},
	};
	tr_door_open(fleet, slot, request);
}

void tr_fleet_abort(struct tr_fleet *fleet, tr_time_ns now, tr_attempt_handle handle)
{
	uint32_t slot = handle.slot1 - 1;

	TR_ASSERT(slot < fleet->tries_max);
	TR_ASSERT(fleet->tries[slot].stage != TR_STAGE_FREE);
	TR_ASSERT(fleet->tries[slot].generation == handle.generation);
	TR_ASSERT(now >= fleet->now);
	fleet->now = now;
	tr_door_close(fleet, slot);
	drop_stale(fleet);
}

tr_time_ns tr_fleet_next(const struct tr_fleet *fleet)
{
	const struct tr_heap_entry *top = tr_heap_peek(&fleet->queue);

	return top ? top->time : TR_TIME_NEVER;
}

static bool take(struct tr_fleet *fleet, enum tr_entry kind, uint32_t number, struct tr_event *ret)
{
	static bool (*const takes[TR_ROOM_ENTRIES])(struct tr_fleet *, uint32_t,
						    struct tr_event *) = {
		[TR_ROOM_SIGNAL] = tr_state_signal,
		[TR_ROOM_BATCH] = tr_batching_take,
		[TR_ROOM_LOOK] = tr_batching_look,
	};

	switch (kind) {
	case TR_ENTRY_DOOR:
		return tr_door_take(fleet, number, ret);
	case TR_ENTRY_COMPUTING:
		return fleet->rooms[fleet->tries[number].server].computing->take(fleet, number,
										 ret);
	case TR_ENTRY_ROOM:
		return takes[number % TR_ROOM_ENTRIES](fleet, number / TR_ROOM_ENTRIES, ret);
	case TR_ENTRY_FAULT:
		break;
	}
	return tr_state_edge(fleet, number, ret);
}

bool tr_fleet_take(struct tr_fleet *fleet, struct tr_event *ret)
{
	const struct tr_heap_entry *top = tr_heap_peek(&fleet->queue);
	enum tr_entry kind;
	uint32_t number;
	uint64_t *ticket;
	bool told;

	TR_ASSERT(top != NULL);
	kind = kind_of(top);
	number = slot_of(top);
	ticket = ticket_of(fleet, top);
	TR_ASSERT(top->time >= fleet->now);
	fleet->now = top->time;
	*ret = (struct tr_event){.time = top->time, .observed = top->time};
	fleet->taking = true;
	if (ticket)
		*ticket = TR_TICKET_NONE;
	told = take(fleet, kind, number, ret);
	if (fleet->taking)
		tr_heap_pop(&fleet->queue);
	fleet->taking = false;
	drop_stale(fleet);
	return told;
}

void tr_fleet_load(const struct tr_fleet *fleet, uint32_t server, uint32_t *ret_running,
		   uint32_t *ret_waiting)
{
	struct tr_sample sample;

	TR_ASSERT(server < fleet->room_count);
	fleet->rooms[server].computing->load(fleet, server, &sample);
	*ret_running = sample.running;
	*ret_waiting = sample.waiting;
}
