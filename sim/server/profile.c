/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that stands behind an endpoint about which nothing is said.
 */
#include "sim/server/profile.h"

const struct tr_server_profile tr_server_profile_default = {
	.connect_ns = 1 * TR_MS,
	.ttft_base_ns = 50 * TR_MS,
	.prefill_milli = 7000000,
	.tpot_ns = 45 * TR_MS,
	.service_noise_permille = 100,
	.endpoint_noise_permille = 50,
};

const struct tr_batch_profile tr_batch_profile_default = {
	.sequences = 256,
	.batch_tokens = 2048,
	.block_tokens = 16,
	.prefix_cache = true,
};
