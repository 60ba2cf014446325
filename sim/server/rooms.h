/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rooms of a fleet share, and the doors between them. Nobody outside sim/server/ reads it.
 *
 *	fleet.c        who is next: servers, tries, the event queue
 *	door.c         the network side of a try: connecting, headers, tokens out, failures
 *	gate.c         whom a server takes in: its own limits, and the errors of the timeline
 *	state.c        what happens to whole servers: the ends of faults, load signals
 *	independent.c  the computing side: a line, a slot, the first token, tokens, the last one
 *	batching.c     the other one: a batch that computes all of them together (batch.h)
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
#include "sim/server/batch.h"
#include "sim/server/fate.h"
#include "sim/server/fault.h"

#define TR_TICKET_NONE UINT64_MAX

/* Who is meant by an entry; above the number in its payload. */
enum tr_entry {
	TR_ENTRY_DOOR,	    /* of a try */
	TR_ENTRY_COMPUTING, /* of a try */
	TR_ENTRY_ROOM,	    /* row of the server x TR_ROOM_ENTRIES + enum tr_room_entry */
	TR_ENTRY_FAULT,	    /* row of the timeline x TR_EDGES + enum tr_edge */
};

#define TR_ENTRY_SHIFT (TR_HEAP_PAYLOAD_BITS - 2)

enum tr_room_entry {
	TR_ROOM_SIGNAL,
	TR_ROOM_BATCH,
	TR_ROOM_LOOK,
	TR_ROOM_ENTRIES,
};

/* What happens to servers at the ends of a fault. */
enum tr_edge {
	TR_EDGE_BEGIN,
	TR_EDGE_RESTART, /* of a crash: it starts again */
	TR_EDGE_END,
	TR_EDGES,
};

/* What has come out of a server's computing. */
enum tr_made {
	TR_MADE_SCHEDULED, /* it has a slot */
	TR_MADE_TOKENS,	   /* so many */
	TR_MADE_DONE,	   /* all of them; it has left */
};

/* How far a try has come, as its client was told. */
enum tr_stage {
	TR_STAGE_FREE,
	TR_STAGE_CONNECT,
	TR_STAGE_DOORSTEP, /* connected, waits for a worker */
	TR_STAGE_REFUSED,  /* taken in; its answer will be an error */
	TR_STAGE_INSIDE,   /* taken in; nothing of its answer was told */
	TR_STAGE_HEADERS,
	TR_STAGE_STREAM,
	TR_STAGE_CUT, /* its server has crashed */
};

/* First in, first out; links are in the tries. */
struct tr_line {
	uint32_t head; /* waits longest, TR_NONE: nobody */
	uint32_t tail;
	uint32_t count;
};

/* Of one try, while it is computed by itself. */
struct tr_independent_try {
	uint64_t first;	 /* when the first token comes, in its server's working time */
	uint32_t wanted; /* the token to be told of next */
	uint8_t phase;
};

struct tr_try {
	uint64_t tickets[2]; /* TR_ENTRY_DOOR, TR_ENTRY_COMPUTING */
	struct tr_fate fate;
	struct tr_meeting meeting;
	tr_span_ns silence;    /* permitted, 0: any */
	tr_time_ns gate;       /* nothing is told before */
	tr_time_ns first_told; /* when the first token was */
	uint64_t job_id;
	struct tr_prompt prompt; /* the caller's */
	tr_time_ns batch_told;	 /* while it streams from a batch: when it was told of last */
	tr_span_ns retry_after;
	uint32_t generation;
	uint32_t server;
	uint32_t tokens_in;
	uint32_t tokens_out;  /* to be made */
	uint32_t tokens_made; /* as far as was heard */
	uint32_t tokens_told;
	uint32_t tokens_end; /* told before it ends, well or badly */
	uint32_t cached;     /* of tokens_in */
	uint32_t before;     /* neighbours in a line, TR_NONE: none */
	uint32_t behind;
	uint16_t status; /* of the error that it ends with */
	uint8_t cause;	 /* the same, TR_CAUSE_NONE: it ends well */
	uint8_t stage;	 /* enum tr_stage */
	uint16_t passed; /* set of places at which it has been held up */
	bool entered;	 /* it is in the computing */
	bool scheduled;
	bool done;	    /* all is made */
	bool batch_streams; /* it stands in the line of its room */
	struct tr_independent_try alone;
};

struct tr_computing;

/* How fast a server works, and so its working time: it is the world's while nothing is wrong. */
struct tr_speed {
	uint32_t permille;
	tr_time_ns since;
	uint64_t work; /* working time then */
};

/* A sample of the load, on its way. */
struct tr_sample {
	tr_time_ns time;
	uint32_t running;
	uint32_t waiting;
	uint32_t kv_permille;
	bool under_way;
};

struct tr_room {
	tr_name name;
	struct tr_server_profile profile;
	const struct tr_computing *computing;
	uint64_t tickets[TR_ROOM_ENTRIES];
	uint32_t workers;	 /* that are busy */
	struct tr_line doorstep; /* connections that wait for one */
	uint32_t inside;	 /* requests that were taken in and are computed */
	/* Of its own rate limits. */
	uint64_t interval; /* number of the one that the counts are of */
	uint32_t requests;
	uint64_t tokens;
	struct tr_sample sample;
	/* Of the simple model: who waits; of the batching one: who streams, in the order in which
	 * they were told of last. */
	struct tr_line line;
	/* Of the simple model. */
	uint32_t busy; /* slots that are taken */
	struct tr_speed speed;
	/* Of the batching one. */
	struct tr_batch *batch;
	tr_time_ns batch_due; /* for when its entry stands */
};

struct tr_fleet {
	uint64_t seed;
	tr_time_ns now; /* of what was taken or asked last */
	tr_time_ns start;
	tr_span_ns signal;     /* between load signals, 0: there are none */
	tr_span_ns signal_age; /* when they arrive */
	struct tr_room *rooms; /* by row of the server */
	struct tr_try *tries;  /* by slot of the attempt's handle */
	struct tr_timeline *timeline;
	uint32_t edge_rows[TR_FAULTS_MAX * TR_EDGES]; /* the next server */
	uint32_t *index;			      /* row + 1 by name, open addressing */
	uint32_t index_mask;
	uint32_t room_count;
	uint32_t tries_max;
	struct tr_heap queue;
	bool taking; /* the queue's first entry is taken, and still stands there */
};

/* One model of computing. `slot`: of a try that has entered and has not left. */
struct tr_computing {
	/* Whether it can be computed at all, before it enters. */
	bool (*fits)(const struct tr_fleet *fleet, uint32_t slot);
	/* It joins the line now. */
	void (*enter)(struct tr_fleet *fleet, uint32_t slot);
	/* It is gone: aborted or failed, not done. Its place goes to the next. */
	void (*leave)(struct tr_fleet *fleet, uint32_t slot);
	/* After the first token: tell of this one (2.. of tokens_out) when it is made; the later
	 * word holds. */
	void (*want)(struct tr_fleet *fleet, uint32_t slot, uint32_t token);
	/* Time per token as things are now. */
	tr_span_ns (*pace)(const struct tr_fleet *fleet, uint32_t slot);
	/* An entry of TR_ENTRY_COMPUTING has come. Returns whether there is something to tell.
	 * NULL: it makes none. */
	bool (*take)(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret);
	/* It works so fast from now on, thousandths of what its profile says. */
	void (*speed)(struct tr_fleet *fleet, uint32_t row, uint32_t permille);
	/* It starts with nothing in memory; all have left. */
	void (*restart)(struct tr_fleet *fleet, uint32_t row);
	/* Requests in a slot and waiting for one, and how full its memory is. */
	void (*load)(const struct tr_fleet *fleet, uint32_t row, struct tr_sample *ret);
};

extern const struct tr_computing tr_computing_independent;
extern const struct tr_computing tr_computing_batching;

/* An entry of TR_ROOM_BATCH, and of TR_ROOM_LOOK, has come. */
bool tr_batching_take(struct tr_fleet *fleet, uint32_t row, struct tr_event *ret);
bool tr_batching_look(struct tr_fleet *fleet, uint32_t row, struct tr_event *ret);

/* A try's entry of this kind stands at this time, but not in the past, and at no other; for
 * TR_TIME_NEVER there is none. O(log n). */
void tr_fleet_schedule(struct tr_fleet *fleet, enum tr_entry entry, uint32_t slot, tr_time_ns time);
/* The same for an entry of a server, and for an end of a fault. */
void tr_fleet_schedule_room(struct tr_fleet *fleet, uint32_t row, enum tr_room_entry entry,
			    tr_time_ns time);
void tr_fleet_schedule_edge(struct tr_fleet *fleet, uint32_t number, tr_time_ns time);

/* A line's last, and out of it from any place. O(1). */
void tr_line_join(struct tr_fleet *fleet, struct tr_line *line, uint32_t slot);
void tr_line_leave(struct tr_fleet *fleet, struct tr_line *line, uint32_t slot);

/* The network side: a try comes, an entry of TR_ENTRY_DOOR has come, something was computed
 * (tokens: made so far; SCHEDULED: of the prompt, found in the cache). Where they return true,
 * *ret, which has the time, became what the client sees. */
void tr_door_open(struct tr_fleet *fleet, uint32_t slot, const struct tr_server_request *request);
bool tr_door_take(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret);
bool tr_door_hear(struct tr_fleet *fleet, uint32_t slot, enum tr_made made, uint32_t tokens,
		  struct tr_event *ret);
/* Its server has crashed: what is left of it is its failure, which is due now. */
void tr_door_cut(struct tr_fleet *fleet, uint32_t slot);
/* The try is over: nothing of it is left anywhere. */
void tr_door_close(struct tr_fleet *fleet, uint32_t slot);

/* Whom a server takes in (gate.c). Takes in the try, or says why not: true, and the try's error is
 * filled in. */
bool tr_gate_refuses(struct tr_fleet *fleet, uint32_t slot);
/* The answer is over: its tokens count. */
void tr_gate_settle(struct tr_fleet *fleet, uint32_t slot);
/* What the try's answer says of the provider's limits; false: nothing. */
bool tr_gate_quota(struct tr_fleet *fleet, uint32_t slot, struct tr_event *ret);

/* Faults and signals of whole servers (state.c): the entries are put into the queue, and one of
 * them has come. */
void tr_state_begin(struct tr_fleet *fleet);
bool tr_state_edge(struct tr_fleet *fleet, uint32_t number, struct tr_event *ret);
bool tr_state_signal(struct tr_fleet *fleet, uint32_t row, struct tr_event *ret);

#endif
