/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simple model server. Every request has one entry in the fleet's event queue: its next event.
 * Taking that event says what comes after it, so a request costs as many steps of the queue as it
 * has events, however many tokens it makes.
 *
 *	phase       | its event                | then
 *	------------|--------------------------|-------------------------------------------
 *	CONNECT     | CONNECTED (or FAILED)    | START with a free slot, else WAITING
 *	WAITING     | none                     | START when its turn comes
 *	START       | HEADERS                  | FIRST, a time to first token later
 *	FIRST       | FIRST_TOKEN (or FAILED)  | STREAM
 *	STREAM      | PROGRESS                 | STREAM, until the last token
 *	            | DONE (or FAILED)         | gone
 *
 * An attempt that is to fail before its first token sends no headers: its START is skipped and the
 * error is its first answer. An abort leaves the queue's entry behind; it is known by its ticket.
 */
#include "sim/server/server.h"

#include <stdlib.h>

#include "sim/heap.h"
#include "sim/server/fate.h"

#define PROGRESS_TOKENS 32
#define PROGRESS_NS	(250 * TR_MS)
#define STATUS_OK	200
#define STATUS_ERROR	500
#define ATTEMPTS_LIMIT	(UINT32_C(1) << (TR_HEAP_PAYLOAD_BITS - 1))
#define TICKET_NONE	UINT64_MAX

const struct tr_server_profile tr_server_profile_default = {
	.connect_ns = 1 * TR_MS,
	.ttft_base_ns = 50 * TR_MS,
	.prefill_milli = 7000000,
	.tpot_ns = 45 * TR_MS,
	.service_noise_permille = 100,
	.endpoint_noise_permille = 50,
};

enum phase {
	PHASE_FREE,
	PHASE_CONNECT,
	PHASE_WAITING,
	PHASE_START,
	PHASE_FIRST,
	PHASE_STREAM,
};

struct attempt {
	uint64_t ticket; /* of its live entry in the queue */
	struct tr_fate fate;
	tr_time_ns first;   /* when the first token came */
	tr_span_ns silence; /* permitted, 0: any */
	uint32_t generation;
	uint32_t server;
	uint32_t tokens_in;
	uint32_t tokens_out;  /* to be made */
	uint32_t tokens_sent; /* reported so far */
	uint32_t before;      /* neighbours while it waits, TR_NONE: none */
	uint32_t behind;
	uint8_t phase;
};

struct server {
	tr_name name;
	struct tr_server_profile profile;
	uint32_t busy;
	uint32_t waiting;
	uint32_t head; /* attempt that waits longest */
	uint32_t tail;
};

struct tr_fleet {
	uint64_t seed;
	struct server *servers;
	struct attempt *attempts;
	uint32_t *index; /* row + 1 by name, open addressing */
	uint32_t index_mask;
	uint32_t server_count;
	uint32_t attempts_max;
	struct tr_heap queue;
};

/* ------------------------------------------------------------------------------------ the queue */

static bool is_live(void *self, const struct tr_heap_entry *entry)
{
	const struct tr_fleet *fleet = self;

	return fleet->attempts[tr_heap_payload(entry)].ticket == entry->ticket;
}

static void schedule(struct tr_fleet *fleet, uint32_t slot, tr_time_ns time)
{
	if (fleet->queue.count == fleet->queue.capacity)
		tr_heap_keep(&fleet->queue, is_live, fleet);
	fleet->attempts[slot].ticket = tr_heap_push(&fleet->queue, time, slot);
}

/* The root is always live, so that tr_fleet_next() can look at it. */
static void drop_stale(struct tr_fleet *fleet)
{
	const struct tr_heap_entry *top;

	while ((top = tr_heap_peek(&fleet->queue)) && !is_live(fleet, top))
		tr_heap_pop(&fleet->queue);
}

/* ------------------------------------------------------------------------------- making a fleet */

static void index_servers(struct tr_fleet *fleet)
{
	for (uint32_t row = 0; row < fleet->server_count; row++) {
		uint32_t place = (uint32_t)fleet->servers[row].name & fleet->index_mask;

		while (fleet->index[place]) {
			TR_ASSERT(fleet->servers[fleet->index[place] - 1].name !=
				  fleet->servers[row].name);
			place = (place + 1) & fleet->index_mask;
		}
		fleet->index[place] = row + 1;
	}
}

struct tr_fleet *tr_fleet_new(uint64_t seed, const struct tr_server *servers, uint32_t server_count,
			      uint32_t attempts_max)
{
	struct tr_fleet *fleet = calloc(1, sizeof *fleet);
	uint32_t places = 4;

	TR_ASSERT(server_count > 0);
	TR_ASSERT(attempts_max > 0);
	TR_ASSERT(attempts_max <= ATTEMPTS_LIMIT);
	if (!fleet)
		return NULL;
	while (places < 2 * server_count)
		places *= 2;
	fleet->seed = seed;
	fleet->server_count = server_count;
	fleet->attempts_max = attempts_max;
	fleet->index_mask = places - 1;
	fleet->servers = calloc(server_count, sizeof *fleet->servers);
	fleet->attempts = calloc(attempts_max, sizeof *fleet->attempts);
	fleet->index = calloc(places, sizeof *fleet->index);
	/* Twice the attempts: sweeping out what aborts left behind is then cheap on average. */
	if (!fleet->servers || !fleet->attempts || !fleet->index ||
	    tr_heap_init(&fleet->queue, (size_t)2 * attempts_max) < 0) {
		tr_fleet_free(fleet);
		return NULL;
	}
	for (uint32_t row = 0; row < server_count; row++) {
		struct server *server = &fleet->servers[row];

		TR_ASSERT(servers[row].profile.prefill_milli > 0);
		*server = (struct server){.name = servers[row].name,
					  .profile = servers[row].profile,
					  .head = TR_NONE,
					  .tail = TR_NONE};
		if (server->profile.slots == 0)
			server->profile.slots = servers[row].slots;
		TR_ASSERT(server->profile.slots > 0);
	}
	for (uint32_t slot = 0; slot < attempts_max; slot++)
		fleet->attempts[slot].ticket = TICKET_NONE;
	index_servers(fleet);
	return fleet;
}

void tr_fleet_free(struct tr_fleet *fleet)
{
	if (!fleet)
		return;
	tr_heap_done(&fleet->queue);
	free(fleet->index);
	free(fleet->attempts);
	free(fleet->servers);
	free(fleet);
}

uint32_t tr_fleet_row(const struct tr_fleet *fleet, tr_name name)
{
	uint32_t place = (uint32_t)name & fleet->index_mask;

	for (; fleet->index[place]; place = (place + 1) & fleet->index_mask)
		if (fleet->servers[fleet->index[place] - 1].name == name)
			return fleet->index[place] - 1;
	return TR_NONE;
}

/* ------------------------------------------------------------------------------ slots and waiting
 */

static void enter(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now)
{
	struct attempt *attempt = &fleet->attempts[slot];

	fleet->servers[attempt->server].busy++;
	if (attempt->fate.fault == TR_FAULT_FIRST) {
		attempt->phase = PHASE_FIRST;
		schedule(fleet, slot, now + attempt->fate.ttft);
	} else {
		attempt->phase = PHASE_START;
		schedule(fleet, slot, now);
	}
}

static void wait_in_line(struct tr_fleet *fleet, uint32_t slot)
{
	struct attempt *attempt = &fleet->attempts[slot];
	struct server *server = &fleet->servers[attempt->server];

	attempt->phase = PHASE_WAITING;
	attempt->behind = TR_NONE;
	attempt->before = server->tail;
	if (server->tail == TR_NONE)
		server->head = slot;
	else
		fleet->attempts[server->tail].behind = slot;
	server->tail = slot;
	server->waiting++;
}

static void leave_line(struct tr_fleet *fleet, uint32_t slot)
{
	struct attempt *attempt = &fleet->attempts[slot];
	struct server *server = &fleet->servers[attempt->server];

	TR_ASSERT(server->waiting > 0);
	if (attempt->before == TR_NONE)
		server->head = attempt->behind;
	else
		fleet->attempts[attempt->before].behind = attempt->behind;
	if (attempt->behind == TR_NONE)
		server->tail = attempt->before;
	else
		fleet->attempts[attempt->behind].before = attempt->before;
	server->waiting--;
}

/* The attempt is gone; whoever waits longest takes its slot. */
static void release(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now)
{
	struct attempt *attempt = &fleet->attempts[slot];
	struct server *server = &fleet->servers[attempt->server];
	bool held = attempt->phase >= PHASE_START;

	if (attempt->phase == PHASE_WAITING)
		leave_line(fleet, slot);
	attempt->phase = PHASE_FREE;
	attempt->ticket = TICKET_NONE;
	if (!held)
		return;
	TR_ASSERT(server->busy > 0);
	server->busy--;
	if (server->head != TR_NONE && server->busy < server->profile.slots) {
		uint32_t next = server->head;

		leave_line(fleet, next);
		enter(fleet, next, now);
	}
}

/* ------------------------------------------------------------------------------------- the door */

void tr_fleet_start(struct tr_fleet *fleet, tr_time_ns now, const struct tr_server_request *request)
{
	uint32_t slot = request->attempt.slot1 - 1;
	struct attempt *attempt;

	TR_ASSERT(slot < fleet->attempts_max);
	TR_ASSERT(request->server < fleet->server_count);
	TR_ASSERT(request->tokens_out > 0);
	attempt = &fleet->attempts[slot];
	TR_ASSERT(attempt->phase == PHASE_FREE);
	*attempt = (struct attempt){
		.generation = request->attempt.generation,
		.server = request->server,
		.tokens_in = request->tokens_in,
		.tokens_out = request->tokens_out,
		.silence = request->silence_ns,
		.before = TR_NONE,
		.behind = TR_NONE,
		.phase = PHASE_CONNECT,
		.ticket = TICKET_NONE,
	};
	tr_fate_draw(fleet->seed, fleet->servers[request->server].name,
		     &fleet->servers[request->server].profile, request, &attempt->fate);
	schedule(fleet, slot, now + fleet->servers[request->server].profile.connect_ns);
}

void tr_fleet_abort(struct tr_fleet *fleet, tr_time_ns now, tr_attempt_handle handle)
{
	uint32_t slot = handle.slot1 - 1;

	TR_ASSERT(slot < fleet->attempts_max);
	TR_ASSERT(fleet->attempts[slot].phase != PHASE_FREE);
	TR_ASSERT(fleet->attempts[slot].generation == handle.generation);
	release(fleet, slot, now);
	drop_stale(fleet);
}

tr_time_ns tr_fleet_next(const struct tr_fleet *fleet)
{
	const struct tr_heap_entry *top = tr_heap_peek(&fleet->queue);

	return top ? top->time : TR_TIME_NEVER;
}

/* When the n-th token comes, n >= 1. */
static tr_time_ns token_time(const struct attempt *attempt, uint32_t n)
{
	return attempt->first + tr_min(tr_mul_div(attempt->fate.tpot, n - 1, 1), TR_FATE_SPAN_MAX);
}

static void schedule_stream(struct tr_fleet *fleet, uint32_t slot)
{
	struct attempt *attempt = &fleet->attempts[slot];
	tr_span_ns tpot = tr_max(attempt->fate.tpot, 1);
	uint64_t step = tr_max(PROGRESS_TOKENS, (PROGRESS_NS + tpot - 1) / tpot);
	uint64_t most = attempt->silence ? tr_max(attempt->silence / 2 / tpot, 1) : UINT64_MAX;
	uint64_t next = attempt->tokens_sent + tr_min(step, most);

	attempt->phase = PHASE_STREAM;
	if (next < attempt->fate.tokens_last) {
		attempt->tokens_sent = (uint32_t)next;
		schedule(fleet, slot, token_time(attempt, attempt->tokens_sent));
		return;
	}
	attempt->tokens_sent = attempt->fate.tokens_last;
	/* A broken stream ends where its next token was due. */
	schedule(fleet, slot,
		 token_time(attempt, attempt->fate.tokens_last +
					     (attempt->fate.fault == TR_FAULT_STREAM ? 1 : 0)));
}

static void fail(struct tr_fleet *fleet, uint32_t slot, enum tr_cause cause, struct tr_event *ret)
{
	const struct attempt *attempt = &fleet->attempts[slot];

	ret->kind = TR_EVENT_ATTEMPT_FAILED;
	ret->attempt_failed = (struct tr_event_attempt_failed){
		.attempt = {slot + 1, attempt->generation},
		.cause = (uint8_t)cause,
		.status = cause == TR_CAUSE_SERVER_ERROR ? STATUS_ERROR : 0,
		.tokens_out = attempt->phase == PHASE_STREAM ? attempt->fate.tokens_last : 0,
	};
	release(fleet, slot, ret->time);
}

static void take_connect(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct attempt *attempt = &fleet->attempts[slot];
	const struct server *server = &fleet->servers[attempt->server];

	if (attempt->fate.fault == TR_FAULT_CONNECT) {
		fail(fleet, slot, TR_CAUSE_CONNECT, ret);
		return;
	}
	ret->kind = TR_EVENT_ATTEMPT_CONNECTED;
	ret->attempt_connected.attempt = (tr_attempt_handle){slot + 1, attempt->generation};
	attempt->ticket = TICKET_NONE;
	if (server->busy < server->profile.slots)
		enter(fleet, slot, ret->time);
	else
		wait_in_line(fleet, slot);
}

static void take_start(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct attempt *attempt = &fleet->attempts[slot];

	ret->kind = TR_EVENT_ATTEMPT_HEADERS;
	ret->attempt_headers.attempt = (tr_attempt_handle){slot + 1, attempt->generation};
	ret->attempt_headers.status = STATUS_OK;
	attempt->phase = PHASE_FIRST;
	schedule(fleet, slot, ret->time + attempt->fate.ttft);
}

static void take_first(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct attempt *attempt = &fleet->attempts[slot];

	if (attempt->fate.fault == TR_FAULT_FIRST) {
		fail(fleet, slot, TR_CAUSE_SERVER_ERROR, ret);
		return;
	}
	ret->kind = TR_EVENT_ATTEMPT_FIRST_TOKEN;
	ret->attempt_first_token.attempt = (tr_attempt_handle){slot + 1, attempt->generation};
	attempt->first = ret->time;
	attempt->tokens_sent = 1;
	schedule_stream(fleet, slot);
}

static void take_stream(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct attempt *attempt = &fleet->attempts[slot];
	tr_attempt_handle handle = {slot + 1, attempt->generation};

	if (attempt->tokens_sent < attempt->fate.tokens_last) {
		ret->kind = TR_EVENT_ATTEMPT_PROGRESS;
		ret->attempt_progress.attempt = handle;
		ret->attempt_progress.tokens_out = attempt->tokens_sent;
		schedule_stream(fleet, slot);
		return;
	}
	if (attempt->fate.fault == TR_FAULT_STREAM) {
		fail(fleet, slot, TR_CAUSE_RESET, ret);
		return;
	}
	ret->kind = TR_EVENT_ATTEMPT_DONE;
	ret->attempt_done = (struct tr_event_attempt_done){
		.attempt = handle,
		.tokens_in = attempt->tokens_in,
		.tokens_out = attempt->tokens_out,
	};
	release(fleet, slot, ret->time);
}

void tr_fleet_take(struct tr_fleet *fleet, struct tr_event *ret)
{
	static void (*const takes[])(struct tr_fleet *, uint32_t, struct tr_event *) = {
		[PHASE_CONNECT] = take_connect,
		[PHASE_START] = take_start,
		[PHASE_FIRST] = take_first,
		[PHASE_STREAM] = take_stream,
	};
	const struct tr_heap_entry *top = tr_heap_peek(&fleet->queue);
	uint32_t slot;
	uint8_t phase;

	TR_ASSERT(top != NULL);
	slot = tr_heap_payload(top);
	phase = fleet->attempts[slot].phase;
	TR_ASSERT(phase != PHASE_FREE);
	TR_ASSERT(phase != PHASE_WAITING);
	*ret = (struct tr_event){.time = top->time, .observed = top->time};
	tr_heap_pop(&fleet->queue);
	takes[phase](fleet, slot, ret);
	drop_stale(fleet);
}

void tr_fleet_load(const struct tr_fleet *fleet, uint32_t server, uint32_t *ret_running,
		   uint32_t *ret_waiting)
{
	TR_ASSERT(server < fleet->server_count);
	*ret_running = fleet->servers[server].busy;
	*ret_waiting = fleet->servers[server].waiting;
}
