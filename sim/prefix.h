/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A prompt's prefix as the engine sees it: chained hashes of its blocks at depths 1, 2, 4, 8, ...
 * and the last. Equal hashes at a depth mean equal blocks down to it; two prompts that share their
 * first 40 blocks agree at depths 1 to 32. The chain starts from the tenant's name, so that no
 * tenant can tell from a cache what another has asked.
 */
#ifndef TR_SIM_PREFIX_H
#define TR_SIM_PREFIX_H

#include "engine/message.h"

struct tr_arrival;

/* The chained hashes of `count` block ids (at most 2^15), one each; in place if ret is blocks. */
void tr_prefix_chain(tr_name tenant, const uint64_t *blocks, uint32_t count, uint64_t *ret);

/* Those of the engine's depths, at most TR_PREFIX_MAX; returns how many. */
uint8_t tr_prefix_pick(const uint64_t *chain, uint32_t count, uint64_t ret[TR_PREFIX_MAX]);

/* Give a request, whose tenant is known, a prompt of block ids. They are chained in place, and are
 * the arrival's as long as it is. */
void tr_prefix_give(uint64_t *blocks, uint32_t count, uint32_t block_tokens,
		    struct tr_arrival *arrival);

#endif
