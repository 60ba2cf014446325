/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a prompt says, as far as anybody needs to know: hashes of its blocks of tokens. They are
 * chained, so that equal ones mean equal prompts down to there.
 */
#ifndef TR_SIM_SERVER_PROMPT_H
#define TR_SIM_SERVER_PROMPT_H

#include "engine/base.h"

struct tr_prompt {
	const uint64_t *blocks; /* from the first token on; NULL: nothing is known */
	uint32_t block_count;	/* may cover less than the prompt */
	uint32_t block_tokens;	/* of each but the last; > 0 where there are blocks */
};

#endif
