/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rooms of a fleet share, and the doors between them. Nobody outside sim/server/ reads it.
 *
 *	fleet.c        who is next: servers, tries, the event queue
 *	door.c         the network side of a try: connecting, headers, tokens out, failures
 *	independent.c  the computing side: a line, a slot, the first token, tokens, the last one
 *
 * A try is an attempt as its server sees it. The network side asks by struct tr_computing and is
 * told by tr_door_hear(); the computing side knows no network, so that a try may fail on the way in
 * or out whatever computes it, and another model of computing is another struct tr_computing.
 *
 * A try has at most two entries in the queue: the next thing that its network side does by itself,
 * and the next thing that is computed. An entry whose ticket is no longer remembered is stale.
 */
#ifndef TR_SIM_SERVER_ROOMS_H
#define TR_SIM_SERVER_ROOMS_H

#include "sim/heap.h"
#include "sim/server/fate.h"

#define TR_TICKET_NONE UINT64_MAX

/* Who is meant by an entry; above the slot in its payload. */
enum tr_entry {
	TR_ENTRY_DOOR,
	TR_ENTRY_COMPUTING,
};

#define TR_ENTRY_SHIFT (TR_HEAP_PAYLOAD_BITS - 2)

/* What has come out of a server's computing. */
enum tr_made {
	TR_MADE_NOTHING,
	TR_MADE_SCHEDULED, /* it has a slot */
	TR_MADE_TOKENS,	   /* so many */
	TR_MADE_DONE,	   /* all of them */
};

/* How far a try has come, as its client was told. */
enum tr_stage {
	TR_STAGE_FREE,
	TR_STAGE_CONNECT,
	TR_STAGE_CONNECTED,
	TR_STAGE_HEADERS,
	TR_STAGE_STREAM,
};

/* First in, first out; links are in the tries. */
struct tr_line {
	uint32_t head; /* waits longest, TR_NONE: nobody */
	uint32_t tail;
	uint32_t count;
};

/* Of one try, while it is computed by itself. */
struct tr_independent_try {
	tr_time_ns first; /* when the first token came */
	uint32_t wanted;  /* the token to be told of next */
	uint8_t phase;
};

struct tr_try {
	uint64_t tickets[2]; /* by enum tr_entry */
	struct tr_fate fate;
	tr_span_ns silence; /* permitted, 0: any */
	uint32_t generation;
	uint32_t server;
	uint32_t tokens_in;
	uint32_t tokens_out;  /* to be made */
	uint32_t tokens_told; /* so far */
	uint32_t before;      /* neighbours in a line, TR_NONE: none */
	uint32_t behind;
	uint8_t stage; /* enum tr_stage */
	struct tr_independent_try alone;
};

struct tr_computing;

struct tr_room {
	tr_name name;
	struct tr_server_profile profile;
	const struct tr_computing *computing;
	uint32_t busy; /* slots that are taken */
	struct tr_line line;
};

struct tr_fleet {
	uint64_t seed;
	struct tr_room *rooms; /* by row of the server */
	struct tr_try *tries;  /* by slot of the attempt's handle */
	uint32_t *index;       /* row + 1 by name, open addressing */
	uint32_t index_mask;
	uint32_t room_count;
	uint32_t tries_max;
	struct tr_heap queue;
};

/* One model of computing. All of a try that has entered and has not left. */
struct tr_computing {
	/* It joins the line now. */
	void (*enter)(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now);
	/* It is gone: over, aborted, failed. Its place goes to the next. */
	void (*leave)(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now);
	/* After the first token: tell of this one (2.. of tokens_out) when it is made. */
	void (*want)(struct tr_fleet *fleet, uint32_t slot, uint32_t token);
	/* Time per token as things are now. */
	tr_span_ns (*pace)(const struct tr_fleet *fleet, uint32_t slot);
	/* An entry of TR_ENTRY_COMPUTING has come; its time is in ret->time. */
	void (*take)(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret);
	/* Requests in a slot and waiting for one. */
	void (*load)(const struct tr_fleet *fleet, uint32_t row, uint32_t *ret_running,
		     uint32_t *ret_waiting);
};

extern const struct tr_computing tr_computing_independent;

/* A try's entry of this kind stands at this time and no other. O(log n). */
void tr_fleet_schedule(struct tr_fleet *fleet, enum tr_entry entry, uint32_t slot, tr_time_ns time);

/* A line's last, and out of it from any place. O(1). */
void tr_line_join(struct tr_fleet *fleet, struct tr_line *line, uint32_t slot);
void tr_line_leave(struct tr_fleet *fleet, struct tr_line *line, uint32_t slot);

/* The network side: an entry of TR_ENTRY_DOOR has come, or something was computed; ret has the time
 * and becomes what the client sees. tokens: made so far. */
void tr_door_take(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret);
void tr_door_hear(struct tr_fleet *fleet, uint32_t slot, enum tr_made made, uint32_t tokens,
		  struct tr_event *ret);
/* The try is over: nothing of it is left anywhere. */
void tr_door_close(struct tr_fleet *fleet, uint32_t slot, tr_time_ns now);

#endif
