/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network side of a try: what its client is told, and when.
 *
 *	stage      | what comes next
 *	-----------|------------------------------------------------------------------------------
 *	CONNECT    | CONNECTED, or FAILED; then it stands on the doorstep
 *	DOORSTEP   | nothing until a worker reads it; then it is taken in, or REFUSED
 *	REFUSED    | FAILED with an error of the server's
 *	INSIDE     | HEADERS as its server sends them: taken in, with a slot, with the first token
 *	HEADERS    | FIRST_TOKEN
 *	STREAM     | PROGRESS as H8 wants it, up to the end of the answer: DONE, or FAILED
 *	CUT        | FAILED, at once
 *
 * Between what was computed and what is told stands a gate: nothing is told before its time.
 *Whatever holds an answer back (latency, a stall) shuts it; the computing goes on behind it, and
 *what was held back comes when it opens, one thing after the other at the same instant. An answer
 *that breaks is told as far as that (tokens_end) and ends there, where its next piece was due.
 */
#include "sim/server/rooms.h"

#define PROGRESS_TOKENS 32
#define PROGRESS_NS	(250 * TR_MS)
#define STATUS_OK	200
#define STATUS_ERROR	500
/* Beside enum tr_fault_place: what happens once on the way to the head of an answer. */
#define PASSED_LATENCY (TR_PLACE_COUNT + 1)
#define PASSED_QUOTA   (TR_PLACE_COUNT + 2)

static void wake(struct tr_fleet *fleet, uint32_t slot, tr_time_ns time)
{
	tr_fleet_schedule(fleet, TR_ENTRY_DOOR, slot, time);
}

/* True the first time. */
static bool pass(struct tr_try *try, uint32_t place)
{
	uint16_t bit = (uint16_t)(1U << place);
	bool first = !(try->passed & bit);

	try->passed |= bit;
	return first;
}

static const struct tr_fault *met(const struct tr_fleet *fleet, const struct tr_try *try,
				  enum tr_fault_place place)
{
	uint16_t row1 = try->meeting.at[place];

	return row1 ? tr_timeline_at(fleet->timeline, row1 - 1U) : NULL;
}

/* ------------------------------------------------------------------------------- in and out again
 */

/* The answer ends after so many tokens, unless something ends it earlier. */
static void break_at(struct tr_try *try, uint32_t tokens, enum tr_cause cause, uint16_t status)
{
	if (try->cause != TR_CAUSE_NONE && try->tokens_end <= tokens)
		return;
	try->tokens_end = tokens;
	try->cause = (uint8_t)cause;
	try->status = status;
}

void tr_door_open(struct tr_fleet *fleet, uint32_t slot, const struct tr_server_request *request)
{
	struct tr_try *try = &fleet->tries[slot];
	const struct tr_room *room = &fleet->rooms[try->server];
	const struct tr_trial trial = {.server = room->name,
				       .row = try->server,
				       .tries = request->tries,
				       .job_id = request->job_id,
				       .tokens_out = request->tokens_out};
	const struct tr_fault *fault;

	tr_fate_draw(fleet->seed, room->name, &room->profile, request, &try->fate);
	tr_timeline_meet(fleet->timeline, fleet->now, &trial, &try->meeting);
	try->tokens_end = try->tokens_out;
	if (try->fate.breaks == TR_BREAK_FIRST)
		break_at(try, 0, TR_CAUSE_SERVER_ERROR, STATUS_ERROR);
	if (try->fate.breaks == TR_BREAK_STREAM)
		break_at(try, try->fate.tokens_last, TR_CAUSE_RESET, 0);
	fault = met(fleet, try, TR_PLACE_BREAK);
	if (fault)
		break_at(try, try->meeting.break_after, tr_faults[fault->kind].cause, 0);
	try->stage = TR_STAGE_CONNECT;
	fault = met(fleet, try, TR_PLACE_CONNECT);
	if (!fault || fault->kind != TR_FAULT_BLACKHOLE)
		wake(fleet, slot,
		     tr_add_sat(fleet->now,
				tr_add_sat(room->profile.connect_ns, try->meeting.latency)));
}

/* A worker reads the request. */
static void take_in(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	room->workers++;
	if (tr_gate_refuses(fleet, slot)) {
		try->stage = TR_STAGE_REFUSED;
		try->tokens_end = 0;
		wake(fleet, slot, tr_max(try->gate, fleet->now));
		return;
	}
	try->stage = TR_STAGE_INSIDE;
	try->entered = true;
	room->computing->enter(fleet, slot);
	if (room->profile.headers == TR_HEADERS_ACCEPT)
		wake(fleet, slot, fleet->now);
}

static void stand_on_doorstep(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	try->stage = TR_STAGE_DOORSTEP;
	if (room->profile.workers == 0 || room->workers < room->profile.workers)
		take_in(fleet, slot);
	else
		tr_line_join(fleet, &room->doorstep, slot);
}

/* Computing has nothing more to do with it. */
static void step_out(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	try->entered = false;
	tr_gate_settle(fleet, slot);
}

/* Wherever it stands, it stands there no more; its worker reads the next one. */
static void withdraw(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];
	uint32_t next = room->doorstep.head;

	if (try->stage == TR_STAGE_DOORSTEP)
		tr_line_leave(fleet, &room->doorstep, slot);
	if (try->entered) {
		room->computing->leave(fleet, slot);
		step_out(fleet, slot);
	}
	if (try->stage < TR_STAGE_REFUSED || try->stage == TR_STAGE_CUT)
		return;
	TR_ASSERT(room->workers > 0);
	room->workers--;
	if (next != TR_NONE) {
		tr_line_leave(fleet, &room->doorstep, next);
		take_in(fleet, next);
	}
}

void tr_door_close(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	TR_ASSERT(try->stage != TR_STAGE_FREE);
	withdraw(fleet, slot);
	try->stage = TR_STAGE_FREE;
	try->tickets[TR_ENTRY_DOOR] = TR_TICKET_NONE;
}

void tr_door_cut(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->stage == TR_STAGE_CUT)
		return;
	withdraw(fleet, slot);
	try->stage = TR_STAGE_CUT;
	try->cause = TR_CAUSE_RESET;
	try->status = 0;
	try->retry_after = 0;
	try->tokens_end = try->tokens_told;
	wake(fleet, slot, fleet->now);
}

/* ------------------------------------------------------------------------------- what is told */

static tr_attempt_handle handle_of(const struct tr_try *try, uint32_t slot)
{
	return (tr_attempt_handle){slot + 1, try->generation};
}

static bool fail(struct tr_fleet *fleet, uint32_t slot, enum tr_cause cause, struct tr_event *ret)
{
	const struct tr_try *try = &fleet->tries[slot];

	ret->kind = TR_EVENT_ATTEMPT_FAILED;
	ret->attempt_failed = (struct tr_event_attempt_failed){
		.attempt = handle_of(try, slot),
		.cause = (uint8_t)cause,
		.status = cause == try->cause ? try->status : 0,
		.tokens_out = try->stage >= TR_STAGE_STREAM ? try->tokens_end : 0,
		.retry_after = try->retry_after,
	};
	tr_door_close(fleet, slot);
	return true;
}

static bool tell_connect(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->fate.breaks == TR_BREAK_CONNECT || met(fleet, try, TR_PLACE_CONNECT) ||
	    tr_timeline_holds(fleet->timeline, fleet->now, try->server, TR_FAULT_CRASH))
		return fail(fleet, slot, TR_CAUSE_CONNECT, ret);
	ret->kind = TR_EVENT_ATTEMPT_CONNECTED;
	ret->attempt_connected.attempt = handle_of(try, slot);
	stand_on_doorstep(fleet, slot);
	return true;
}

/* Whether it has to wait at the gate. */
static bool is_shut(struct tr_fleet *fleet, uint32_t slot)
{
	tr_time_ns gate = fleet->tries[slot].gate;

	if (fleet->now >= gate)
		return false;
	wake(fleet, slot, gate);
	return true;
}

/* The same, where a stall may begin. */
static bool is_held(struct tr_fleet *fleet, uint32_t slot, enum tr_fault_place place)
{
	struct tr_try *try = &fleet->tries[slot];
	const struct tr_fault *stall = met(fleet, try, place);

	if (stall && pass(try, place))
		try->gate = tr_max(try->gate,
				   stall->span ? tr_add_sat(fleet->now, stall->span) : stall->end);
	return is_shut(fleet, slot);
}

/* The head of the answer, good or bad, has come as far as the network. */
static bool is_head_held(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];

	if (pass(try, PASSED_LATENCY))
		try->gate = tr_max(try->gate, tr_add_sat(fleet->now, try->meeting.latency));
	return is_held(fleet, slot, TR_PLACE_HEADERS);
}

/* What is left of the provider's limits stands in the head of the answer, so it is told first. */
static bool tell_quota(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	if (!pass(&fleet->tries[slot], PASSED_QUOTA) || !tr_gate_quota(fleet, slot, ret))
		return false;
	wake(fleet, slot, fleet->now);
	return true;
}

static bool tell_refusal(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	if (is_head_held(fleet, slot))
		return false;
	return tell_quota(fleet, slot, ret) ||
	       fail(fleet, slot, (enum tr_cause)fleet->tries[slot].cause, ret);
}

static bool tell_cut(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	return fail(fleet, slot, TR_CAUSE_RESET, ret);
}

static bool is_head_due(const struct tr_room *room, const struct tr_try *try)
{
	switch ((enum tr_headers)room->profile.headers) {
	case TR_HEADERS_ACCEPT:
		return true;
	case TR_HEADERS_SLOT:
		return try->scheduled;
	case TR_HEADERS_FIRST_TOKEN:
	case TR_HEADERS_COUNT:
		break;
	}
	return try->tokens_made > 0;
}

static bool tell_head(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];
	bool refused = try->tokens_made > 0 && try->tokens_end == 0 && try->status;

	if (!refused && !is_head_due(&fleet->rooms[try->server], try))
		return false;
	if (is_head_held(fleet, slot))
		return false;
	if (tell_quota(fleet, slot, ret))
		return true;
	if (refused)
		return fail(fleet, slot, (enum tr_cause)try->cause, ret);
	ret->kind = TR_EVENT_ATTEMPT_HEADERS;
	ret->attempt_headers.attempt = handle_of(try, slot);
	ret->attempt_headers.status = STATUS_OK;
	try->stage = TR_STAGE_HEADERS;
	if (try->tokens_made)
		wake(fleet, slot, fleet->now);
	return true;
}

/* ----------------------------------------------------------------------------------- the stream */

/* Pieces of the answer: its tokens, and its end. */
static uint32_t pieces_made(const struct tr_try *try)
{
	return try->tokens_made + (try->done ? 1 : 0);
}

/* After how many tokens a stall is still to come; TR_NONE: there is none. */
static uint32_t stall_after(const struct tr_try *try)
{
	bool ahead = try->meeting.at[TR_PLACE_STREAM] && !(try->passed & 1U << TR_PLACE_STREAM);

	return ahead ? try->meeting.stall_after : TR_NONE;
}

/* Tokens from one report to the next, at a pace. H8. */
static uint64_t stride(const struct tr_try *try, tr_span_ns pace)
{
	uint64_t step = tr_max(PROGRESS_TOKENS, (PROGRESS_NS + pace - 1) / pace);

	return try->silence ? tr_min(step, tr_max(try->silence / 2 / pace, 1)) : step;
}

/* Ask for the piece at which the next report is due, or something happens. */
static void want_next(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	const struct tr_computing *computing = fleet->rooms[try->server].computing;
	uint32_t made = try->tokens_made, end = try->tokens_end, stall = stall_after(try);
	uint64_t next = made + stride(try, tr_max(computing->pace(fleet, slot), 1));

	if (next >= end)
		next = end + (try->cause != TR_CAUSE_NONE ? 1 : 0);
	if (stall != TR_NONE && made <= stall)
		next = tr_min(next, made < stall ? stall : stall + 1);
	next = tr_max(next, (uint64_t)made + 1);
	computing->want(fleet, slot, (uint32_t)tr_min(next, try->tokens_out));
}

/* So many tokens have been told now. */
static void report(struct tr_fleet *fleet, uint32_t slot, uint32_t tokens)
{
	struct tr_try *try = &fleet->tries[slot];

	try->tokens_told = tokens;
	if (pieces_made(try) > tokens)
		wake(fleet, slot, fleet->now);
}

static bool tell_end(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	const struct tr_try *try = &fleet->tries[slot];

	if (try->cause != TR_CAUSE_NONE)
		return fail(fleet, slot, (enum tr_cause)try->cause, ret);
	ret->kind = TR_EVENT_ATTEMPT_DONE;
	ret->attempt_done = (struct tr_event_attempt_done){
		.attempt = handle_of(try, slot),
		.tokens_in = try->tokens_in,
		.tokens_out = try->tokens_out,
		.tokens_cached = try->cached,
	};
	tr_door_close(fleet, slot);
	return true;
}

static bool tell_first(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];

	if (try->tokens_made == 0 || is_held(fleet, slot, TR_PLACE_FIRST) ||
	    (stall_after(try) == 0 && is_held(fleet, slot, TR_PLACE_STREAM)))
		return false;
	/* An error can no longer be the head of the answer. */
	if (try->tokens_end == 0)
		return fail(fleet, slot,
			    try->status ? TR_CAUSE_STREAM_ERROR : (enum tr_cause)try->cause, ret);
	ret->kind = TR_EVENT_ATTEMPT_FIRST_TOKEN;
	ret->attempt_first_token = (struct tr_event_attempt_first_token){
		.attempt = handle_of(try, slot), .tokens_cached = try->cached};
	try->stage = TR_STAGE_STREAM;
	try->first_told = fleet->now;
	report(fleet, slot, 1);
	return true;
}

/* When the n-th piece may be told where tokens trickle. */
static bool is_trickling(struct tr_fleet *fleet, uint32_t slot, uint64_t n)
{
	const struct tr_try *try = &fleet->tries[slot];
	const struct tr_fault *trickle = met(fleet, try, TR_PLACE_PACE);
	tr_time_ns due;

	if (!trickle)
		return false;
	due = tr_add_sat(try->first_told, tr_mul_div(trickle->span, n - 1, 1));
	if (fleet->now >= due)
		return false;
	wake(fleet, slot, due);
	return true;
}

/* The next report: all that was made, or where tokens trickle as much as may be told at once. */
static uint32_t next_report(const struct tr_fleet *fleet, const struct tr_try *try)
{
	const struct tr_fault *trickle = met(fleet, try, TR_PLACE_PACE);
	uint64_t tokens = tr_min(try->tokens_made, try->tokens_end);

	tokens = tr_min(tokens, stall_after(try));
	if (trickle)
		tokens = tr_min(tokens, try->tokens_told + stride(try, tr_max(trickle->span, 1)));
	return (uint32_t)tokens;
}

static bool tell_stream(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];
	uint32_t pieces = pieces_made(try), tokens = next_report(fleet, try);
	bool stalls = pieces > stall_after(try), ends = !stalls && pieces > try->tokens_end;

	if (is_shut(fleet, slot))
		return false;
	if (stalls && try->tokens_told == stall_after(try))
		return !is_held(fleet, slot, TR_PLACE_STREAM) && tell_stream(fleet, slot, ret);
	if (ends && tokens == try->tokens_end)
		return !is_trickling(fleet, slot,
				     (uint64_t)tokens + (try->cause != TR_CAUSE_NONE ? 1 : 0)) &&
		       tell_end(fleet, slot, ret);
	if (tokens <= try->tokens_told || is_trickling(fleet, slot, tokens))
		return false;
	ret->kind = TR_EVENT_ATTEMPT_PROGRESS;
	ret->attempt_progress.attempt = handle_of(try, slot);
	ret->attempt_progress.tokens_out = tokens;
	report(fleet, slot, tokens);
	return true;
}

/* ---------------------------------------------------------------------------------------- doors */

bool tr_door_take(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	static bool (*const tells[])(struct tr_fleet *, uint32_t, struct tr_event *) = {
		[TR_STAGE_CONNECT] = tell_connect, [TR_STAGE_REFUSED] = tell_refusal,
		[TR_STAGE_INSIDE] = tell_head,	   [TR_STAGE_HEADERS] = tell_first,
		[TR_STAGE_STREAM] = tell_stream,   [TR_STAGE_CUT] = tell_cut,
	};
	enum tr_stage stage = (enum tr_stage)fleet->tries[slot].stage;

	TR_ASSERT(stage != TR_STAGE_FREE);
	TR_ASSERT(stage != TR_STAGE_DOORSTEP);
	return tells[stage](fleet, slot, ret);
}

bool tr_door_hear(struct tr_fleet *fleet, uint32_t slot, enum tr_made made, uint32_t tokens,
		  struct tr_event *ret)
{
	struct tr_try *try = &fleet->tries[slot];
	bool told;

	TR_ASSERT(try->entered);
	if (made == TR_MADE_SCHEDULED) {
		try->scheduled = true;
		try->cached = tokens;
		return tr_door_take(fleet, slot, ret);
	}
	try->tokens_made = tokens;
	try->done = made == TR_MADE_DONE;
	if (try->done)
		step_out(fleet, slot);
	told = tr_door_take(fleet, slot, ret);
	if (try->stage != TR_STAGE_FREE && !try->done)
		want_next(fleet, slot);
	return told;
}
