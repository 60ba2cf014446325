/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a server takes in. What can speak against a request that a worker has read, in this order:
 * an error of the timeline; the server's own rate limits, which count what was taken in within
 * fixed intervals of virtual time (all that waited comes back at once when one ends, as it does
 * with real providers); a server that holds as many as it may; a request too long to be computed.
 *
 * Tokens are counted as providers do who cannot know the answer: the prompt when it is taken in,
 * the answer when it is over.
 */
#include "sim/server/rooms.h"

#define STATUS_TOO_LONG	 400
#define STATUS_LIMITED	 429
#define STATUS_FULL	 503
#define INTERVAL_DEFAULT TR_MINUTE

static const struct tr_fault *error_of(const struct tr_fleet *fleet, const struct tr_try *try)
{
	uint16_t row1 = try->meeting.at[TR_PLACE_ANSWER];

	return row1 ? tr_timeline_at(fleet->timeline, row1 - 1U) : NULL;
}

static void refuse(struct tr_try *try, uint16_t status, tr_span_ns retry_after)
{
	try->status = status;
	try->cause = (uint8_t)tr_fault_cause(status);
	try->retry_after = retry_after;
}

/* The counts are those of the interval that this instant is in. Returns its end. */
static tr_time_ns turn_interval(const struct tr_fleet *fleet, struct tr_room *room)
{
	tr_span_ns length =
		room->profile.limit_interval ? room->profile.limit_interval : INTERVAL_DEFAULT;
	uint64_t interval = fleet->now / length;

	if (room->interval != interval) {
		room->interval = interval;
		room->requests = 0;
		room->tokens = 0;
	}
	return (interval + 1) * length;
}

static bool is_spent(const struct tr_room *room)
{
	const struct tr_server_profile *profile = &room->profile;

	return (profile->limit_requests && room->requests >= profile->limit_requests) ||
	       (profile->limit_tokens && room->tokens >= profile->limit_tokens);
}

bool tr_gate_refuses(struct tr_fleet *fleet, uint32_t slot)
{
	struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];
	const struct tr_server_profile *profile = &room->profile;
	const struct tr_fault *error = error_of(fleet, try);
	tr_time_ns end = turn_interval(fleet, room);

	if (error) {
		refuse(try, error->status, error->retry_after);
		try->gate = tr_add_sat(fleet->now, error->span);
		return true;
	}
	if (is_spent(room)) {
		refuse(try, STATUS_LIMITED, end - fleet->now);
		return true;
	}
	if (profile->inside_max && room->inside >= profile->inside_max) {
		refuse(try, profile->full_status ? profile->full_status : STATUS_FULL,
		       profile->full_retry_ns);
		return true;
	}
	if (!room->computing->fits(fleet, slot)) {
		refuse(try, STATUS_TOO_LONG, 0);
		return true;
	}
	room->requests++;
	room->tokens += try->tokens_in;
	room->inside++;
	return false;
}

void tr_gate_settle(struct tr_fleet *fleet, uint32_t slot)
{
	const struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];

	TR_ASSERT(room->inside > 0);
	room->inside--;
	(void)turn_interval(fleet, room);
	room->tokens += try->tokens_made;
}

bool tr_gate_quota(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret)
{
	const struct tr_try *try = &fleet->tries[slot];
	struct tr_room *room = &fleet->rooms[try->server];
	const struct tr_server_profile *profile = &room->profile;
	const struct tr_fault *error = error_of(fleet, try);
	struct tr_event_endpoint_quota quota = {.endpoint = room->name,
						.requests_remaining = UINT32_MAX,
						.tokens_remaining = UINT64_MAX};
	tr_span_ns left = turn_interval(fleet, room) - fleet->now;

	if (error) {
		quota.requests_remaining = error->requests_remaining;
		quota.requests_reset = error->requests_reset;
		quota.tokens_remaining = error->tokens_remaining;
		quota.tokens_reset = error->tokens_reset;
	} else if (profile->limit_reported && profile->limit_requests) {
		quota.requests_remaining =
			(uint32_t)tr_sub_sat(profile->limit_requests, room->requests);
		quota.requests_reset = left;
	}
	if (!error && profile->limit_reported && profile->limit_tokens) {
		quota.tokens_remaining = tr_sub_sat(profile->limit_tokens, room->tokens);
		quota.tokens_reset = left;
	}
	if (quota.requests_remaining == UINT32_MAX && quota.tokens_remaining == UINT64_MAX)
		return false;
	ret->kind = TR_EVENT_ENDPOINT_QUOTA;
	ret->endpoint_quota = quota;
	return true;
}
