/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a server profile: refused with a message, or loaded; what is loaded has a canonical
 * form that loads to itself and means the same, and a server can be made of it. The first byte
 * chooses the file's name, and so whether it must be JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/profile.h"

/* Of KV memory that is made for a try. */
#define BLOCKS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void make_server(const struct tr_server_profile *profile)
{
	struct tr_batch *batch;

	if (!profile->batches || profile->batching.kv_blocks > BLOCKS_MAX)
		return;
	batch = tr_batch_new(&profile->batching, 1, 1);
	if (batch && tr_batch_fits(batch, 1, 1))
		tr_batch_enter(batch, 0, 0,
			       &(struct tr_batch_request){.tokens_in = 1, .tokens_out = 1});
	tr_batch_free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *name = length && bytes[0] % 2 ? "fuzz.json" : "fuzz.yaml";
	struct tr_profile_file *file = NULL, *again = NULL;
	struct tr_server_profile profile, same;
	struct tr_diagnostic diagnostic;
	const char *canonical, *other;
	size_t size, other_size;

	if (tr_profile_load_text(name, (const char *)bytes, length, &file, &diagnostic)) {
		require(!file);
		require(diagnostic.message[0] != '\0');
		require(strlen(diagnostic.message) < sizeof diagnostic.message);
		return 0;
	}
	canonical = tr_profile_canonical(file, &size);
	require(tr_profile_load_text("again", canonical, size, &again, &diagnostic) == 0);
	other = tr_profile_canonical(again, &other_size);
	require(size == other_size);
	require(memcmp(canonical, other, size) == 0);
	memset(&profile, 0, sizeof profile);
	memset(&same, 0, sizeof same);
	tr_profile_server(file, &profile);
	tr_profile_server(again, &same);
	require(profile.batches == same.batches);
	require(profile.connect_ns == same.connect_ns);
	require(profile.batching.prefix_cache == same.batching.prefix_cache);
	require(profile.batching.kv_blocks == same.batching.kv_blocks);
	require(profile.batching.cost.step_fs == same.batching.cost.step_fs);
	make_server(&profile);
	tr_profile_free(again);
	tr_profile_free(file);
	return 0;
}
