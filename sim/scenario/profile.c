/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles in layers: built-in, file, what stands beside the file's name. A key that takes no
 * effect is an error: whoever wrote it believes that it does.
 */
#include "sim/scenario/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/vocabulary.h"

struct tr_profile_file {
	struct tr_document *document;
	struct tr_arena arena;
	struct tr_draft_profile draft;
	struct tr_server_profile profile; /* over the built-in one */
	char *canonical;
	size_t canonical_length;
};

static void key_under(const char *key, const char *name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s%s%s", key, key[0] ? "." : "", name);
}

/* --------------------------------------------------------------------------------------- layers */

static void lay_batching(const struct tr_draft_batching *draft, struct tr_batch_profile *profile)
{
#define X(name, member)                                                                            \
	if (draft->given.name)                                                                     \
		profile->member = draft->profile.member;
	TR_BATCHING_FIELDS_MAP(X)
#undef X
}

static void lay_own(const struct tr_draft_profile *draft, struct tr_server_profile *profile)
{
#define X(field)                                                                                   \
	if (draft->given.field)                                                                    \
		profile->field = draft->profile.field;
	TR_PROFILE_FIELDS_MAP(X)
#undef X
	if (!draft->batching.node)
		return;
	if (!profile->batches)
		profile->batching = tr_batch_profile_default;
	profile->batches = true;
	lay_batching(&draft->batching, &profile->batching);
}

/* What only the simple model knows. */
static int check_effect(const struct tr_draft_profile *draft, const char *key,
			struct tr_diagnostic *ret_diagnostic)
{
	const struct {
		const struct tr_node *node;
		const char *key;
	} rows[] = {
		{draft->given.slots, "slots"},
		{draft->given.ttft_base_ns, "first_token_ms"},
		{draft->given.prefill_milli, "prefill_tokens_per_second"},
		{draft->given.tpot_ns, "token_ms"},
		{draft->given.service_noise_permille, "service_noise_percent"},
		{draft->given.endpoint_noise_permille, "endpoint_noise_percent"},
	};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		char path[192];

		if (!rows[i].node)
			continue;
		key_under(key, rows[i].key, path, sizeof path);
		return tr_schema_diagnose(ret_diagnostic, NULL, rows[i].node, path,
					  "it has no effect on a server that has 'batching': "
					  "'batching' says how many requests it computes, and "
					  "'batching.step' how fast");
	}
	return 0;
}

int tr_profile_lay(const struct tr_draft_profile *layer, const struct tr_profile_file *file,
		   const char *key, struct tr_server_profile *profile,
		   struct tr_diagnostic *ret_diagnostic)
{
	if (file)
		lay_own(&file->draft, profile);
	lay_own(layer, profile);
	return profile->batches ? check_effect(layer, key, ret_diagnostic) : 0;
}

int tr_profile_check(const struct tr_server_profile *profile, const struct tr_node *node,
		     const char *key, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_batch_profile *batching = &profile->batching;
	char path[192];

	if (!profile->batches)
		return 0;
	key_under(key, "batching", path, sizeof path);
	if (batching->cost.step_fs == 0)
		return tr_schema_diagnose(
			ret_diagnostic, NULL, node, path,
			"the key 'step.base_us' is missing: nothing says how long "
			"a step takes; name a 'profile' that does, or give it");
	if (batching->batch_tokens < batching->sequences)
		return tr_schema_diagnose(ret_diagnostic, NULL, node, path,
					  "found 'batch_tokens' %u below 'sequences' %u; expected "
					  "at least a token for each",
					  batching->batch_tokens, batching->sequences);
	if (batching->kv_blocks && batching->kv_watermark >= batching->kv_blocks)
		return tr_schema_diagnose(ret_diagnostic, NULL, node, path,
					  "found 'kv_watermark_blocks' %u with 'kv_blocks' %u; "
					  "expected less than there are",
					  batching->kv_watermark, batching->kv_blocks);
	return 0;
}

/* ---------------------------------------------------------------------------------------- files */

static int read_file(struct tr_profile_file *file, struct tr_diagnostic *ret_diagnostic)
{
	size_t nodes;

	if (tr_schema_read(&tr_profile_schema, file->document, &file->arena, &file->draft,
			   ret_diagnostic))
		return -1;
	file->profile = tr_server_profile_default;
	if (tr_profile_lay(&file->draft, NULL, "", &file->profile, ret_diagnostic))
		return -1;
	if (tr_profile_check(&file->profile, file->draft.batching.node, "", ret_diagnostic))
		return -1;
	file->canonical = tr_schema_canonical(&tr_profile_schema, &file->draft,
					      &file->canonical_length, &nodes);
	if (!file->canonical)
		return tr_schema_diagnose(ret_diagnostic, file->document, NULL, NULL,
					  "not enough memory");
	return 0;
}

int tr_profile_load(struct tr_document *document, struct tr_profile_file **ret,
		    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_profile_file *file = calloc(1, sizeof *file);

	if (!file) {
		(void)tr_schema_diagnose(ret_diagnostic, document, NULL, NULL, "not enough memory");
		tr_document_free(document);
		return -1;
	}
	file->document = document;
	if (read_file(file, ret_diagnostic)) {
		tr_profile_free(file);
		return -1;
	}
	*ret = file;
	return 0;
}

int tr_profile_load_file(const char *path, struct tr_profile_file **ret,
			 struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;

	if (tr_document_load(path, &document, ret_diagnostic))
		return -1;
	return tr_profile_load(document, ret, ret_diagnostic);
}

int tr_profile_load_text(const char *name, const char *text, size_t length,
			 struct tr_profile_file **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;

	if (tr_document_parse(name, text, length, &document, ret_diagnostic))
		return -1;
	return tr_profile_load(document, ret, ret_diagnostic);
}

void tr_profile_free(struct tr_profile_file *file)
{
	if (!file)
		return;
	free(file->canonical);
	tr_document_free(file->document);
	tr_arena_done(&file->arena);
	free(file);
}

void tr_profile_server(const struct tr_profile_file *file, struct tr_server_profile *ret)
{
	*ret = file->profile;
}

const char *tr_profile_canonical(const struct tr_profile_file *file, size_t *ret_length)
{
	if (ret_length)
		*ret_length = file->canonical_length;
	return file->canonical;
}
