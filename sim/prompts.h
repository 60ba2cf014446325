/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What synthetic prompts have in common, so that caches matter without a trace: prompts that begin
 * with one of some shared texts (a system prompt, few-shot examples), and conversations, each turn
 * of which says again all that was said before.
 *
 * A conversation has one shared text and a number of turns that is geometric in the way an
 * exponential length is: 1 + floor(E x (mean - 1)). A request belongs to one of so many
 * conversations that go on at the same time, drawn evenly; it does not wait for the answer of the
 * turn before, for arrivals are open-loop. When a conversation has had its turns, or would become
 * too long, another begins in its place.
 */
#ifndef TR_SIM_PROMPTS_H
#define TR_SIM_PROMPTS_H

#include "engine/base.h"

/* Blocks of a prompt that are told; what lies behind them is the request's own. */
#define TR_PROMPTS_BLOCKS_MAX 4096

struct tr_arrival;

struct tr_conversation {
	uint64_t number; /* 1, 2, ... in order of beginning; 0: none has begun here */
	uint32_t shared; /* which shared text */
	uint32_t turns;	 /* left */
	uint32_t tokens; /* said so far, by both sides, with the shared text */
};

struct tr_prompts_options {
	uint32_t block_tokens; /* 0: nothing is known of prompts, and the rest stands idle */
	uint32_t shared;       /* texts, drawn evenly; 0: none */
	uint32_t shared_tokens;
	uint32_t conversation_count; /* at the same time; 0: each request is alone */
	uint32_t turns_milli;	     /* mean, thousandths, >= 1000 */
	uint32_t tokens_max;	     /* of a prompt that says things again */
	/* The caller's, conversation_count rows, needed as long as the prompts. */
	struct tr_conversation *conversations;
};

struct tr_prompts {
	struct tr_prompts_options options;
	uint64_t seed;
	uint64_t begun; /* conversations */
	uint64_t blocks[TR_PROMPTS_BLOCKS_MAX];
	uint32_t block_count;
	char session[32];
};

void tr_prompts_init(struct tr_prompts *ret, const struct tr_prompts_options *options,
		     uint64_t seed);

/*
 * The prompt of a request by its number: what the arrival has as tokens_in is new, and becomes the
 * whole. A conversation is the request's session. Returns the number under which tenant and profile
 * are to be drawn, for they do not change within a conversation.
 */
uint64_t tr_prompts_next(struct tr_prompts *prompts, uint64_t number, struct tr_arrival *arrival);

#endif
