/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain is the engine's own mixer: h(0) = mix(tenant), h(n) = mix(h(n-1) xor mix(block n)).
 */
#include "sim/prefix.h"

#include "engine/random.h"
#include "sim/workload.h"

#define BLOCKS_MAX (UINT32_C(1) << (TR_PREFIX_MAX - 1))

void tr_prefix_chain(tr_name tenant, const uint64_t *blocks, uint32_t count, uint64_t *ret)
{
	uint64_t chain = tr_mix(tenant);

	for (uint32_t i = 0; i < count; i++) {
		chain = tr_mix(chain ^ tr_mix(blocks[i]));
		ret[i] = chain;
	}
}

uint8_t tr_prefix_pick(const uint64_t *chain, uint32_t count, uint64_t ret[TR_PREFIX_MAX])
{
	uint8_t filled = 0;

	TR_ASSERT(count <= BLOCKS_MAX);
	for (uint32_t depth = 1; depth < count; depth *= 2)
		ret[filled++] = chain[depth - 1];
	if (count)
		ret[filled++] = chain[count - 1];
	TR_ASSERT(filled <= TR_PREFIX_MAX);
	return filled;
}

void tr_prefix_give(uint64_t *blocks, uint32_t count, uint32_t block_tokens,
		    struct tr_arrival *arrival)
{
	tr_prefix_chain(arrival->tenant, blocks, count, blocks);
	arrival->prefix_blocks = count;
	arrival->prefix_count = tr_prefix_pick(blocks, count, arrival->prefix);
	arrival->prompt = (struct tr_prompt){blocks, count, block_tokens};
}
