/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model server computes: continuous batching with chunked prefill, KV memory in blocks,
 * preemption by recomputing, and a prefix cache. One server, in its own time: no clock, no network,
 * no errors; those are the affair of who owns it.
 *
 * The server works in steps. A step computes one token of each request that is decoding, and with
 * what is left of its token budget a piece of the prompts of others:
 *
 *	time = step + P prefill_token + Q prefill_pair + n sequence + C context_token
 *	       + (C mixed_context_token, if P > 0) + min(P + n, first_tokens) first_token
 *
 *	P  prompt tokens in the step           Q  sum over them of the tokens each attends to
 *	n  requests decoding in the step       C  sum over them of the tokens each attends to
 *
 * The form is the usual roofline one (weights read once a step, operations per token, KV read per
 * token of context) as in Vidur (MLSys'24) and splitwise-sim (ISCA'24); the mixed term is what
 * measured vLLM runs have and neither of these. Who is in a step is decided as vLLM's scheduler
 * (v1/core/sched/scheduler.py) decides it:
 *
 *   1. Each decoding request gets one token, in order of admission. One that needs a KV block where
 *      none is free takes it from the request admitted last: that one loses its blocks and goes to
 *      the front of the line, to compute its prompt and what it had made once more.
 *   2. A prompt that is under way gets what the budget has left.
 *   3. Unless somebody was preempted, the line: its head is admitted while there is budget, a place
 *      among `sequences`, and room for all its prompt. Who cannot come in holds up all behind.
 *
 * With `steps_ahead` 1 a step is composed when the last but one has ended, while the last is being
 * computed (vLLM's asynchronous scheduling); with 0 when the last one has ended.
 *
 * KV blocks hold `block_tokens` tokens. A request's prompt may come with the hashes of its blocks,
 * which may be of another size (a trace's 512 beside 16): hash i stands for the KV blocks that end
 * within its tokens, all found and evicted together. Hashes are chained: equal ones mean equal
 * prompts up to there. Blocks that nobody uses any more stay known until they are needed, the
 * longest unused first and a request's last before its first. What is found is not computed again,
 * except for the last token. A preempted request finds its own blocks so. Answers are not found by
 * others: a trace does not say their hashes.
 *
 * Nothing is computed step by step where nothing changes: from change to change the times are
 * closed sums (segment.h). So a token costs next to nothing, whatever it says.
 */
#ifndef TR_SIM_SERVER_BATCH_H
#define TR_SIM_SERVER_BATCH_H

#include "sim/server/prompt.h"

/* Who is next in line. X(NAME, word, text) */
#define TR_BATCH_ORDER_MAP(X)                                                                      \
	X(FIFO, "fifo", "who came first")                                                          \
	X(LIFO, "lifo", "who came last")                                                           \
	X(SHORTEST, "shortest-prompt", "who has the fewest prompt tokens, then who came first")    \
	X(RANDOM, "random", "anybody, drawn by seed and request")

enum tr_batch_order {
#define X(NAME, word, text) TR_BATCH_ORDER_##NAME,
	TR_BATCH_ORDER_MAP(X)
#undef X
	TR_BATCH_ORDER_COUNT
};

#define TR_BATCH_SEQUENCES_MAX	  4096
#define TR_BATCH_TOKENS_MAX	  (UINT32_C(1) << 20)
#define TR_BATCH_KV_BLOCKS_MAX	  (UINT32_C(1) << 24)
#define TR_BATCH_BLOCK_TOKENS_MAX 1024
/* Of one request, prompt and answer. */
#define TR_BATCH_REQUEST_TOKENS_MAX (UINT32_C(1) << 30)
/* No coefficient of a step's time is more: an hour for what is of a step, a second for others. */
#define TR_BATCH_STEP_FS_MAX  (UINT64_C(3600) * 1000000000000000)
#define TR_BATCH_TOKEN_FS_MAX UINT64_C(1000000000000000)

/* What the parts of a step take, in femtoseconds. A sum beyond TR_STEP_FS_MAX is cut there. */
struct tr_batch_cost {
	uint64_t step_fs; /* each step; > 0 */
	uint64_t prefill_token_fs;
	uint64_t prefill_pair_fs; /* a prompt token and one that it attends to, itself included */
	uint64_t sequence_fs;
	uint64_t context_token_fs;
	uint64_t mixed_context_token_fs;
	uint64_t first_token_fs; /* for each of the first `first_tokens` of a step */
	uint32_t first_tokens;
};

struct tr_batch_profile {
	struct tr_batch_cost cost;
	uint32_t sequences;    /* requests admitted at once, 1..TR_BATCH_SEQUENCES_MAX */
	uint32_t batch_tokens; /* of a step, sequences..TR_BATCH_TOKENS_MAX */
	uint32_t block_tokens; /* of a KV block, 1..TR_BATCH_BLOCK_TOKENS_MAX */
	uint32_t kv_blocks; /* 1..TR_BATCH_KV_BLOCKS_MAX; 0: never full, then nothing is cached */
	uint32_t kv_watermark; /* blocks that admission leaves free while others run */
	uint8_t order;	       /* enum tr_batch_order */
	uint8_t steps_ahead;   /* 0 or 1 */
	bool prefix_cache;
	tr_span_ns startup_ns; /* from a restart to the first step */
};

struct tr_batch_request {
	uint64_t key;		 /* of its draws: the job's number */
	uint32_t tokens_in;	 /* > 0 */
	uint32_t tokens_out;	 /* it will make, > 0 */
	struct tr_prompt prompt; /* its hashes are the caller's, until the request has left */
};

/* X(NAME, text) */
#define TR_BATCH_EVENT_MAP(X)                                                                      \
	X(SCHEDULED, "admitted for the first time")                                                \
	X(FIRST, "its first token is there")                                                       \
	X(TOKENS, "the token that was asked for is there")                                         \
	X(DONE, "its last token is there; it has left")

enum tr_batch_event_kind {
#define X(NAME, text) TR_BATCH_##NAME,
	TR_BATCH_EVENT_MAP(X)
#undef X
	TR_BATCH_EVENT_COUNT
};

struct tr_batch_event {
	tr_time_ns time;
	tr_time_ns queued; /* SCHEDULED: when the server looked at it first, a step's end */
	uint32_t slot;
	uint32_t tokens; /* it has made so far; SCHEDULED: prompt tokens found in the cache */
	uint8_t kind;	 /* enum tr_batch_event_kind */
};

struct tr_batch_load {
	uint32_t running; /* admitted */
	uint32_t waiting;
	uint32_t kv_blocks_used; /* by admitted requests */
	uint32_t kv_blocks;
	uint64_t prompt_tokens; /* of all admitted so far, counted once each */
	uint64_t cached_tokens; /* of these found in the cache */
	uint64_t preemptions;
	uint64_t steps; /* that have ended */
};

/* What the time of steps is linear in, summed over steps: the sum of each field times its part of
 * struct tr_batch_cost is the time that they took at nominal speed. */
struct tr_batch_work {
	uint64_t steps;
	uint64_t prefill_tokens;
	uint64_t prefill_pairs;
	uint64_t sequences;
	uint64_t context_tokens;
	uint64_t mixed_context_tokens;
	uint64_t first_tokens;
};

struct tr_batch;

/* Fixed memory for at most `requests_max` (1..2^23) requests, running and waiting, with slots
 * 0..requests_max - 1. The profile is copied. NULL: there is no memory. */
struct tr_batch *tr_batch_new(const struct tr_batch_profile *profile, uint64_t seed,
			      uint32_t requests_max);
void tr_batch_free(struct tr_batch *batch);

/* Whether a request of so many tokens can ever be computed: prompt and answer fit into the KV
 * memory together. */
bool tr_batch_fits(const struct tr_batch *batch, uint32_t tokens_in, uint32_t tokens_out);

/* It joins the line. The slot is free, and the request fits. `now` here and below is not before
 * what was taken last and not after tr_batch_next(). O(log n). */
void tr_batch_enter(struct tr_batch *batch, tr_time_ns now, uint32_t slot,
		    const struct tr_batch_request *request);

/* It is aborted, at any time between entering and DONE. What it is part of is computed to the end
 * of the step. O(its blocks). */
void tr_batch_leave(struct tr_batch *batch, tr_time_ns now, uint32_t slot);

/* The token, counted from 1, to be told of next; it is not made yet. Holds for one event, is to be
 * called after FIRST or TOKENS; where it is not, or asks for the last one, only DONE is told. */
void tr_batch_want(struct tr_batch *batch, uint32_t slot, uint32_t token);

/* Tokens that it has made by now. */
uint32_t tr_batch_made(const struct tr_batch *batch, tr_time_ns now, uint32_t slot);

/* Time of the step that is being computed, the time per token of all in it; 0: there is none. */
tr_span_ns tr_batch_pace(const struct tr_batch *batch);

/* How fast it works from now on: 1000 as the profile says, 500 half as fast, 0 stands still. */
void tr_batch_speed(struct tr_batch *batch, tr_time_ns now, uint32_t permille);

/* The server was down and comes up: the cache is empty and nothing is computed before the start-up
 * is over. All its requests have left. New servers are up already. */
void tr_batch_restart(struct tr_batch *batch, tr_time_ns now);

/* When something is next to be taken; TR_TIME_NEVER: not before somebody enters. O(1). */
tr_time_ns tr_batch_next(const struct tr_batch *batch);

/* Take what is due at tr_batch_next(). False: the batch has changed, and there is nothing to tell.
 * O(log n) and what is admitted, preempted or evicted. */
bool tr_batch_take(struct tr_batch *batch, struct tr_batch_event *ret);

/* The work of all steps up to the last one whose end was taken, as it is at that end. O(1). */
void tr_batch_work(const struct tr_batch *batch, struct tr_batch_work *ret);

/* How things are at an instant. O(block_tokens). */
void tr_batch_load(const struct tr_batch *batch, tr_time_ns now, struct tr_batch_load *ret);

#endif
