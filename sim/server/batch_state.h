/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a batching server; for batch.c (who comes, goes and is told what), compose.c (what a
 * step holds) and seat.c (a request's places and blocks) alone.
 *
 * Steps are numbered 1, 2, ... and everything is written down by step, not by time: a decoding
 * request's n-th token is made in step origin + n, and only the segment knows when that ends. So
 * nobody needs to be touched while steps go by.
 */
#ifndef TR_SIM_SERVER_BATCH_STATE_H
#define TR_SIM_SERVER_BATCH_STATE_H

#include "sim/heap.h"
#include "sim/server/batch.h"
#include "sim/server/kv.h"
#include "sim/server/segment.h"

#define TR_STEP_NEVER	  (UINT64_MAX - 1)
#define TR_SEAT_NO_TICKET UINT64_MAX

/*
 *	state     | in the line | in the running list | in the sums of who decodes
 *	----------|-------------|---------------------|---------------------------
 *	FREE      |             |                     |
 *	WAITING   | x           |                     |
 *	PREFILL   |             | x                   |
 *	DECODE    |             | x                   | x  until its last token is composed
 *	LAST      |             | x                   |    its last token is being computed
 *	OUSTED    |             |                     |    the same, and it has lost its blocks
 */
enum tr_seat_state {
	TR_SEAT_FREE,
	TR_SEAT_WAITING,
	TR_SEAT_PREFILL,
	TR_SEAT_DECODE,
	TR_SEAT_LAST,
	TR_SEAT_OUSTED,
};

/* Requests about whom something is to be told, in order. */
enum tr_seat_list {
	TR_SEAT_FRESH, /* admitted for the first time */
	TR_SEAT_DONE,  /* LAST and OUSTED, in order of their last steps */
	TR_SEAT_LISTS,
};

/* A request. */
struct tr_seat {
	struct tr_batch_request request;
	tr_time_ns queued;
	uint64_t origin;      /* from its first token on: its n-th is made in step origin + n */
	uint64_t line_ticket; /* of its live entries; TR_SEAT_NO_TICKET: none */
	uint64_t end_ticket;
	uint64_t tell_ticket;
	uint64_t tell_step; /* where there is a tell_ticket */
	uint32_t made;	    /* WAITING, PREFILL: tokens made before */
	uint32_t want;	    /* token to be told of, where that is not entered yet; 0: none */
	uint32_t computed;  /* PREFILL: tokens whose KV is there after the last composed step */
	uint32_t blocks;    /* PREFILL: KV blocks it uses */
	uint32_t units;	    /* leading hashes whose units it holds, or held when it was preempted */
	uint32_t shared;    /* KV blocks in the units that it holds */
	uint32_t kept;	    /* WAITING: row of what it had; TR_NONE */
	uint32_t found;	    /* prompt tokens found in the cache when it was first admitted */
	uint32_t before;    /* neighbours in the running list; TR_NONE */
	uint32_t behind;
	uint32_t next[TR_SEAT_LISTS]; /* TR_NONE: the last */
	bool listed[TR_SEAT_LISTS];
	uint8_t state;	 /* enum tr_seat_state */
	bool admitted;	 /* at least once */
	bool unstorable; /* what follows in its prompt does not go into the cache */
};

/* What a composed step costs. */
struct tr_plan {
	uint64_t first; /* fs; 0: there is nothing to compute */
	uint64_t slope;
	struct tr_batch_work work;
	bool steady; /* the next is the same, if nobody comes or goes */
};

enum tr_batch_phase {
	TR_BATCH_IDLE,
	TR_BATCH_WAKE, /* begins at `turned` */
	TR_BATCH_RUN,
};

struct tr_batch {
	struct tr_batch_profile profile;
	uint64_t seed;
	uint32_t seats_max;
	struct tr_seat *seats;
	struct tr_kv *kv; /* NULL: never full */

	enum tr_batch_phase phase;
	tr_time_ns ready;  /* end of the start-up */
	tr_time_ns turned; /* when steps were composed last, or will be */
	tr_time_ns due;	   /* what tr_batch_next() says */
	struct tr_segment segment;
	uint64_t base;	     /* the step before the segment's first */
	uint64_t until;	     /* the segment's last, as far as is known */
	uint64_t soon;	     /* the next step whose end is of interest */
	uint64_t at;	     /* last step whose end was taken */
	bool steady;	     /* `next` goes on as the segment does */
	struct tr_plan next; /* steps_ahead: the step behind the segment's first (steady) or last */
	struct tr_batch_work work;    /* of steps up to `counted` */
	struct tr_batch_work current; /* of the segment's first step */
	uint64_t counted;
	uint64_t composed; /* steps up to here are composed, and their blocks are taken */

	/* Sums over who decodes. */
	uint32_t decoding;
	uint64_t context;  /* of tokens_in - origin, modulo 2^64 */
	uint32_t *growing; /* who needs a block in step s, by s modulo block_tokens */

	struct tr_heap line;  /* by rank */
	struct tr_heap ends;  /* DECODE, by last step */
	struct tr_heap tells; /* by step */
	struct {
		uint32_t first;
		uint32_t last;
	} lists[TR_SEAT_LISTS];
	uint32_t waiting;
	uint32_t running;
	uint32_t first; /* of the running list, in order of admission */
	uint32_t last;
	uint32_t prefilling; /* whose prompt is under way; then it is `last`. TR_NONE */
	bool blocked; /* the head of the line cannot come in before somebody leaves or grows */
	uint64_t entered;
	uint64_t preempted;
	uint64_t prompt_tokens;
	uint64_t cached_tokens;
};

/* ------------------------------------------------------------------------------- seat.c: places */

void tr_seat_run(struct tr_batch *batch, uint32_t slot);
void tr_seat_stop(struct tr_batch *batch, uint32_t slot);
/* Into the sums of who decodes, from the step after the last composed one on; and out of them. */
void tr_seat_decode(struct tr_batch *batch, uint32_t slot);
void tr_seat_rest(struct tr_batch *batch, uint32_t slot);
/* Into the line: at its front, or where the order puts it. */
void tr_seat_wait(struct tr_batch *batch, uint32_t slot, bool front);
void tr_seat_unwait(struct tr_batch *batch, uint32_t slot);
/* The head of the line; TR_NONE: nobody waits. */
uint32_t tr_seat_head(struct tr_batch *batch);
void tr_seat_append(struct tr_batch *batch, enum tr_seat_list list, uint32_t slot);
void tr_seat_remove(struct tr_batch *batch, enum tr_seat_list list, uint32_t slot);
/* To be told of after a step, instead of what was entered before; TR_STEP_NEVER: of nothing. */
void tr_seat_tell(struct tr_batch *batch, uint32_t slot, uint64_t step);
/* When something is told next; TR_STEP_NEVER. */
uint64_t tr_seat_told_next(struct tr_batch *batch);
/* The last step of the one who will be the first to end; TR_STEP_NEVER: nobody decodes. */
uint64_t tr_seat_end_next(struct tr_batch *batch);

/* ---------------------------------------------------------------------------- memory.c: KV blocks
 */

/* What an admission would find. */
struct tr_found {
	uint32_t units;	 /* leading hashes whose units are there */
	uint32_t shared; /* KV blocks in them */
	uint32_t busy;	 /* of these, in use by others */
	uint32_t kept;	 /* own blocks behind them that are still there */
	uint32_t tokens; /* computed thereby; at least one is left */
};

uint32_t tr_seat_blocks(const struct tr_batch *batch, uint64_t tokens);
/* More than anybody needs, where memory is never full. */
uint32_t tr_batch_free_blocks(const struct tr_batch *batch);
/* Blocks that who decodes needs in steps from..to. */
uint64_t tr_batch_growth(const struct tr_batch *batch, uint64_t from, uint64_t to);
/* Steps behind the last composed one for which free blocks are enough; perhaps a few more. */
uint64_t tr_batch_steps_left(const struct tr_batch *batch);

void tr_seat_find(const struct tr_batch *batch, uint32_t slot, struct tr_found *ret);
/* Use what was found. */
void tr_seat_use(struct tr_batch *batch, uint32_t slot, const struct tr_found *found);
/* Take blocks for tokens up to `computed`, and make known what they hold of the prompt. */
void tr_seat_grow(struct tr_batch *batch, uint32_t slot, uint32_t computed);
/* Give back all that it uses after the last composed step; `keep`: it may come back for it. */
void tr_seat_release(struct tr_batch *batch, uint32_t slot, bool keep);

/* ------------------------------------------------------------------------------------- compose.c
 */

/* Compose the step behind the last composed one. */
void tr_batch_compose(struct tr_batch *batch, struct tr_plan *ret);

#endif
