/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network side of a try: what its client is told, and when.
 *
 *	stage      | what comes next
 *	-----------|--------------------------------------------------------------------
 *	CONNECT    | CONNECTED, or FAILED; it enters the computing
 *	CONNECTED  | HEADERS when it has a slot, or FAILED
 *	HEADERS    | FIRST_TOKEN, or FAILED
 *	STREAM     | PROGRESS at the tokens that are wanted; DONE, or FAILED
 *
 * A failure has its place in this order, drawn beforehand (fate.h): the answer is told as far as
 * that and no further.
 */
#include "sim/server/rooms.h"

#define PROGRESS_TOKENS 32
#define PROGRESS_NS	(250 * TR_MS)
#define STATUS_OK	200
#define STATUS_ERROR	500

static void fail(struct tr_fleet *fleet, uint32_t slot, enum tr_cause cause, struct tr_event *ret)
{
	const struct tr_try *try = &fleet->tries[slot];

	ret->kind = TR_EVENT_ATTEMPT_FAILED;
	ret->attempt_failed = (struct tr_event_attempt_failed){
		.attempt = {slot + 1, try->generation},
		.cause = (uint8_t)cause,
		.status = cause == TR_CAUSE_SERVER_ERROR ? STATUS_ERROR : 0,
		.tokens_out = try->stage == TR_STAGE_STREAM ? try->fate.tokens_last : 0,
	};
	tr_door_close(fleet, slot, ret->time);
}

void tr_door_take(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	TR_ASSERT(try->stage == TR_STAGE_CONNECT);
	if (try->fate.fault == TR_FAULT_CONNECT) {
		fail(fleet, slot, TR_CAUSE_CONNECT, ret);
		return;
	}
	ret->kind = TR_EVENT_ATTEMPT_CONNECTED;
	ret->attempt_connected.attempt = (tr_attempt_handle){slot + 1, try->generation};
	try->stage = TR_STAGE_CONNECTED;
	fleet->rooms[try->server].computing->enter(fleet, slot, ret->time);
}

static void tell_headers(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	ret->kind = TR_EVENT_ATTEMPT_HEADERS;
	ret->attempt_headers.attempt = (tr_attempt_handle){slot + 1, try->generation};
	ret->attempt_headers.status = STATUS_OK;
	try->stage = TR_STAGE_HEADERS;
}

/* Ask for the token at which the next report is due, or for the one at which the stream ends: its
 * last one, and where it breaks the one that no longer comes. */
static void want_next(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	const struct tr_computing *computing = fleet->rooms[try->server].computing;
	tr_span_ns pace = tr_max(computing->pace(fleet, slot), 1);
	uint64_t step = tr_max(PROGRESS_TOKENS, (PROGRESS_NS + pace - 1) / pace);
	uint64_t most = try->silence ? tr_max(try->silence / 2 / pace, 1) : UINT64_MAX;
	uint64_t next = try->tokens_told + tr_min(step, most);
	uint32_t last = try->fate.tokens_last;

	if (next >= last)
		next = last + (try->fate.fault == TR_FAULT_STREAM ? 1 : 0);
	computing->want(fleet, slot, (uint32_t)next);
}

static void tell_first(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->fate.fault == TR_FAULT_FIRST) {
		fail(fleet, slot, TR_CAUSE_SERVER_ERROR, ret);
		return;
	}
	TR_ASSERT(try->stage == TR_STAGE_HEADERS);
	ret->kind = TR_EVENT_ATTEMPT_FIRST_TOKEN;
	ret->attempt_first_token.attempt = (tr_attempt_handle){slot + 1, try->generation};
	try->stage = TR_STAGE_STREAM;
	try->tokens_told = 1;
	want_next(fleet, slot);
}

static void tell_progress(struct tr_fleet *fleet, uint32_t slot, uint32_t tokens,
			  struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	ret->kind = TR_EVENT_ATTEMPT_PROGRESS;
	ret->attempt_progress.attempt = (tr_attempt_handle){slot + 1, try->generation};
	ret->attempt_progress.tokens_out = tokens;
	try->tokens_told = tokens;
	want_next(fleet, slot);
}

static void tell_done(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	const struct tr_try *try = &fleet->tries[slot];

	ret->kind = TR_EVENT_ATTEMPT_DONE;
	ret->attempt_done = (struct tr_event_attempt_done){
		.attempt = {slot + 1, try->generation},
		.tokens_in = try->tokens_in,
		.tokens_out = try->tokens_out,
	};
	tr_door_close(fleet, slot, ret->time);
}

void tr_door_hear(struct tr_fleet *fleet, uint32_t slot, enum tr_made made, uint32_t tokens,
		  struct tr_event *ret)
{
	const struct tr_try *try = &fleet->tries[slot];

	if (made == TR_MADE_SCHEDULED)
		tell_headers(fleet, slot, ret);
	else if (try->stage != TR_STAGE_STREAM)
		tell_first(fleet, slot, ret);
	else if (tokens > try->fate.tokens_last)
		fail(fleet, slot, TR_CAUSE_RESET, ret);
	else if (made == TR_MADE_TOKENS)
		tell_progress(fleet, slot, tokens, ret);
	else
		tell_done(fleet, slot, ret);
}

void tr_door_close(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now)
{
	struct tr_try *try = &fleet->tries[slot];

	TR_ASSERT(try->stage != TR_STAGE_FREE);
	if (try->stage > TR_STAGE_CONNECT)
		fleet->rooms[try->server].computing->leave(fleet, slot, now);
	try->stage = TR_STAGE_FREE;
	try->tickets[TR_ENTRY_DOOR] = TR_TICKET_NONE;
}
