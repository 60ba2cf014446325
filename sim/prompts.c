/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks have ids by what they say: which place of which shared text or of which conversation. What
 * does not fill a block is not said again in the same shape, so its id has the prompt's length in
 * it.
 */
#include "sim/prompts.h"

#include <stdio.h>
#include <string.h>

#include "engine/random.h"
#include "sim/workload.h"

/* Who says it. */
enum voice {
	VOICE_SHARED = 1,
	VOICE_CONVERSATION,
	VOICE_END,
};

/* Draws of one key. */
enum {
	DRAW_PLACE,
	DRAW_TURNS,
	DRAW_SHARED,
};

/* Keeps the draws of conversations apart from those of requests, and their labels, too. */
#define CONVERSATION_KEY (UINT64_C(1) << 48)

void tr_prompts_init(struct tr_prompts *ret, const struct tr_prompts_options *options,
		     uint64_t seed)
{
	TR_ASSERT(options->conversation_count == 0 || options->turns_milli >= 1000);
	memset(ret, 0, sizeof *ret);
	ret->options = *options;
	ret->seed = seed;
	for (uint32_t i = 0; i < options->conversation_count; i++)
		options->conversations[i] = (struct tr_conversation){0};
}

static uint64_t draw(const struct tr_prompts *prompts, uint64_t key, uint64_t n)
{
	return tr_draw(prompts->seed, key, TR_PURPOSE_PROMPT, n);
}

static void begin(struct tr_prompts *prompts, struct tr_conversation *conversation)
{
	const struct tr_prompts_options *options = &prompts->options;
	uint64_t number = ++prompts->begun, key = CONVERSATION_KEY + number;
	uint64_t variate = tr_exponential_variate(draw(prompts, key, DRAW_TURNS));
	uint64_t more = tr_variate_scale(options->turns_milli - 1000, variate) / 1000;

	*conversation = (struct tr_conversation){
		.number = number,
		.shared = (uint32_t)tr_below(draw(prompts, key, DRAW_SHARED), options->shared),
		.turns = 1 + (uint32_t)tr_min(more, UINT32_MAX - 1),
		.tokens = options->shared ? options->shared_tokens : 0,
	};
}

static uint64_t block_id(enum voice voice, uint64_t who, uint64_t place)
{
	return tr_mix(tr_mix(tr_mix((uint64_t)voice) ^ who) ^ place);
}

static void fill_blocks(struct tr_prompts *prompts, const struct tr_conversation *conversation,
			uint32_t tokens)
{
	uint32_t size = prompts->options.block_tokens;
	uint32_t shared = prompts->options.shared ? prompts->options.shared_tokens / size : 0;
	uint32_t full = tokens / size, count = full + (tokens % size ? 1 : 0);

	prompts->block_count = (uint32_t)tr_min(count, TR_PROMPTS_BLOCKS_MAX);
	for (uint32_t i = 0; i < prompts->block_count; i++) {
		if (i < shared)
			prompts->blocks[i] = block_id(VOICE_SHARED, conversation->shared, i);
		else if (i < full)
			prompts->blocks[i] = block_id(VOICE_CONVERSATION, conversation->number, i);
		else
			prompts->blocks[i] = block_id(VOICE_END, conversation->number, tokens);
	}
}

uint64_t tr_prompts_next(struct tr_prompts *prompts, uint64_t number, struct tr_arrival *arrival)
{
	const struct tr_prompts_options *options = &prompts->options;
	struct tr_conversation alone = {0}, *conversation = &alone;
	uint64_t tokens;

	if (options->conversation_count)
		conversation = &options->conversations[tr_below(draw(prompts, number, DRAW_PLACE),
								options->conversation_count)];
	if (conversation->turns == 0 ||
	    (uint64_t)conversation->tokens + arrival->tokens_in > options->tokens_max)
		begin(prompts, conversation);
	tokens = (uint64_t)conversation->tokens + arrival->tokens_in;
	arrival->tokens_in = (uint32_t)tr_min(tokens, INT32_MAX);
	fill_blocks(prompts, conversation, arrival->tokens_in);
	conversation->turns--;
	conversation->tokens = (uint32_t)tr_min(tokens + arrival->tokens_out, INT32_MAX);
	if (!options->conversation_count)
		return number;
	(void)snprintf(prompts->session, sizeof prompts->session, "conversation-%llu",
		       (unsigned long long)conversation->number);
	arrival->session = tr_name_of(prompts->session, strlen(prompts->session));
	arrival->session_text = prompts->session;
	return CONVERSATION_KEY + conversation->number;
}
