/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated model servers behind one door: they are told what starts and what is aborted, and they
 * say when something will next come from them. They have no clock and decide nothing; virtual or
 * real time is their owner's affair, and so is who gets which request.
 *
 * What a client meets has two sides. The network side is the same for all: connecting, HTTP
 *workers, the server's own limits, the head of the answer, its tokens, and whatever of this a fault
 *spoils (fault.h). The computing side is a model of its own, here the simplest one that has the
 *right shape. A server has slots and a FIFO of requests beyond them. A request that has a slot
 *keeps it to the end:
 *
 *	time to first token = (base + input tokens / prefill rate) x noise
 *	time between tokens = time per output token x noise
 *	noise               = service noise of the request x noise of (request, endpoint, n-th try)
 *
 * Each noise is 1 - s + s E, with E exponential of mean 1 and s the given coefficient of variation:
 * mean 1, never negative, long to the right as latencies are; s = 1 is an exponential server, whose
 * queue is known in closed form. Requests do not slow each other down. The other model, where they
 *do, is batch.h; a server has it whose profile says so.
 *
 * Beside the faults of the timeline a try may fail by itself: with the given probability, in equal
 * shares at connect, before the first token, or in the middle of the stream (where there is only
 *one token: before it).
 */
#ifndef TR_SIM_SERVER_SERVER_H
#define TR_SIM_SERVER_SERVER_H

#include "engine/message.h"
#include "sim/server/fault.h"
#include "sim/server/profile.h"

/* One endpoint of a fleet. */
struct tr_server {
	tr_name name;
	uint32_t slots; /* > 0; what the profile's slots are where it says 0 */
	struct tr_server_profile profile;
};

struct tr_server_request {
	tr_attempt_handle attempt;
	uint64_t job_id;
	uint32_t server;     /* row of the fleet */
	uint32_t tries;	     /* of this job at this server before: 0, 1, ... */
	uint32_t tokens_in;  /* > 0 */
	uint32_t tokens_out; /* what it will answer, > 0 */
	tr_span_ns
		silence_ns; /* between tokens that the policy permits, 0: any; else one for all */
	bool fails;	    /* this try fails before the first token, whatever the draws say */
	struct tr_prompt prompt; /* its hashes are the caller's, until the attempt has ended */
};

struct tr_fleet;

struct tr_fleet_options {
	uint64_t seed;
	tr_time_ns start;		 /* the first instant, from which faults are counted */
	const struct tr_server *servers; /* copied; their names differ */
	uint32_t server_count;
	uint32_t attempts_max;	       /* at once, 1..2^22; their handles have slots 1.. */
	const struct tr_fault *faults; /* copied, without what they refer to */
	uint32_t fault_count;
	tr_span_ns signal;     /* between two load signals of a server, 0: there are none */
	tr_span_ns signal_age; /* how old they are when they come, at most `signal` */
};

/* Returns NULL if there is no memory. */
struct tr_fleet *tr_fleet_new(const struct tr_fleet_options *options);
void tr_fleet_free(struct tr_fleet *fleet);

/* The row of a server by its endpoint's name; TR_NONE: there is none. O(1). */
uint32_t tr_fleet_row(const struct tr_fleet *fleet, tr_name name);

/* A request is sent now. The attempt's slot must be free. O(log n). */
void tr_fleet_start(struct tr_fleet *fleet, tr_time_ns now,
		    const struct tr_server_request *request);

/* The connection is closed now: nothing more comes of the attempt, its place is free. The attempt
 * must be a started one that has not ended. */
void tr_fleet_abort(struct tr_fleet *fleet, tr_time_ns now, tr_attempt_handle attempt);

/* When the next event comes; TR_TIME_NEVER: nothing is running. O(1). */
tr_time_ns tr_fleet_next(const struct tr_fleet *fleet);

/*
 * Take the event of tr_fleet_next(), as the engine wants it: CONNECTED, HEADERS, FIRST_TOKEN,
 * PROGRESS (at the later of 32 tokens and 250 ms, but no later than half of the silence that is
 * permitted, if a token has come) and DONE, or FAILED; and of servers ENDPOINT_SIGNAL,
 * ENDPOINT_STATE, ENDPOINT_QUOTA. Returns false where there is nothing to tell, and *ret is no
 * event. O(log n).
 */
bool tr_fleet_take(struct tr_fleet *fleet, struct tr_event *ret);

/* Requests in a slot and waiting for one. */
void tr_fleet_load(const struct tr_fleet *fleet, uint32_t server, uint32_t *ret_running,
		   uint32_t *ret_waiting);

#endif
