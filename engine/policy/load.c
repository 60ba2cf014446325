/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a policy file: text, document, draft, check, canonical form, id, compiled tables.
 *
 * Scaling goes the same way: the canonical form is read, endpoints are repeated, the result is
 * written canonically and loaded like any other file, so a scaled policy passes every check.
 */
#include "engine/policy/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/message.h"
#include "engine/policy/draft.h"

#define FACTOR_MAX 100

struct tr_policy_file {
	struct tr_arena arena; /* of the draft and the compiled tables */
	struct tr_policy policy;
	struct tr_name_row *names; /* by hash */
	uint32_t name_count;
	char *canonical;
	size_t canonical_length;
};

void tr_policy_free(struct tr_policy_file *file)
{
	if (!file)
		return;
	tr_arena_done(&file->arena);
	free(file->canonical);
	free(file);
}

static int out_of_memory(const char *name, struct tr_diagnostic *ret_diagnostic)
{
	return tr_diagnose(ret_diagnostic, name, 0, 0, NULL, "not enough memory");
}

/* The canonical form must be loadable itself: what fits only in a shorter notation is refused. */
static int write_canonical(const struct tr_draft *draft, const char *name,
			   struct tr_policy_file *file, struct tr_diagnostic *ret_diagnostic)
{
	size_t nodes = 0;

	file->canonical =
		tr_schema_canonical(&tr_policy_schema, draft, &file->canonical_length, &nodes);
	if (!file->canonical)
		return out_of_memory(name, ret_diagnostic);
	if (file->canonical_length > TR_POLICY_BYTES_MAX || nodes > TR_DOCUMENT_NODES_MAX)
		return tr_diagnose(ret_diagnostic, name, 0, 0, NULL,
				   "the policy is too large with its defaults filled in: %zu bytes "
				   "and %zu values; expected at most %u and %u",
				   file->canonical_length, nodes, TR_POLICY_BYTES_MAX,
				   TR_DOCUMENT_NODES_MAX);
	return 0;
}

int tr_policy_load_document(const struct tr_document *document, struct tr_policy_file **ret,
			    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_policy_file *file = calloc(1, sizeof *file);
	struct tr_draft draft;

	if (!file)
		return out_of_memory(tr_document_name(document), ret_diagnostic);
	if (tr_schema_read(&tr_policy_schema, document, &file->arena, &draft, ret_diagnostic))
		goto err;
	tr_draft_complete(&draft);
	if (tr_draft_check(&draft, document, ret_diagnostic))
		goto err;
	if (write_canonical(&draft, tr_document_name(document), file, ret_diagnostic))
		goto err;
	if (tr_draft_compile(&draft, document, &file->arena, &file->policy, &file->names,
			     &file->name_count, ret_diagnostic))
		goto err;
	file->policy.id = tr_name_of(file->canonical, file->canonical_length);
	TR_ASSERT(file->policy.id != 0);
	*ret = file;
	return 0;
err:
	tr_policy_free(file);
	return -1;
}

int tr_policy_load_text(const char *name, const char *text, size_t length,
			struct tr_policy_file **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;
	int err;

	if (tr_document_parse(name, text, length, &document, ret_diagnostic))
		return -1;
	err = tr_policy_load_document(document, ret, ret_diagnostic);
	tr_document_free(document);
	return err;
}

int tr_policy_load_file(const char *path, struct tr_policy_file **ret,
			struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;
	int err;

	if (tr_document_load(path, &document, ret_diagnostic))
		return -1;
	err = tr_policy_load_document(document, ret, ret_diagnostic);
	tr_document_free(document);
	return err;
}

const struct tr_policy *tr_policy_compiled(const struct tr_policy_file *file)
{
	return &file->policy;
}

const char *tr_policy_canonical(const struct tr_policy_file *file, size_t *ret_length)
{
	if (ret_length)
		*ret_length = file->canonical_length;
	return file->canonical;
}

const char *tr_policy_name(const struct tr_policy_file *file, tr_name name)
{
	uint32_t low = 0, high = file->name_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (file->names[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == file->name_count || file->names[low].name != name)
		return NULL;
	return file->names[low].text;
}

/* --------------------------------------------------------------------------------------- scale */

static int compare_endpoints(const void *a, const void *b)
{
	const struct tr_draft_endpoint *left = a, *right = b;

	return strcmp(left->row.name, right->row.name);
}

/* `factor` of each endpoint of one model; the first keeps its name. */
static int scale_model(struct tr_draft_model *model, unsigned factor, struct tr_arena *arena)
{
	const struct tr_draft_endpoint *old = model->endpoints.items;
	uint32_t count = model->endpoints.count * factor;
	struct tr_draft_endpoint *endpoints = tr_arena_new(arena, sizeof(*endpoints) * count);

	if (!endpoints)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		const char *name = old[i / factor].row.name;
		char copy[TR_NAME_BYTES_MAX + 8];
		int length;

		endpoints[i] = old[i / factor];
		if (i % factor == 0)
			continue;
		length = snprintf(copy, sizeof copy, "%s~%u", name, i % factor + 1);
		TR_ASSERT(length > 0 && (size_t)length < sizeof copy);
		endpoints[i].row.name = tr_arena_copy(arena, copy, (size_t)length);
		if (!endpoints[i].row.name)
			return -1;
	}
	qsort(endpoints, count, sizeof(*endpoints), compare_endpoints);
	model->endpoints = (struct tr_rows){endpoints, count};
	return 0;
}

int tr_policy_scale(const struct tr_policy_file *file, unsigned factor, struct tr_policy_file **ret,
		    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_arena arena = {0};
	struct tr_document *document = NULL;
	struct tr_draft draft;
	char name[64], *text = NULL;
	size_t length, nodes;
	int err = -1;

	(void)snprintf(name, sizeof name, "(policy with %u of each endpoint)", factor);
	if (factor < 1 || factor > FACTOR_MAX)
		return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL,
				   "found the factor %u; expected 1 to %d", factor, FACTOR_MAX);
	if (tr_document_parse(name, file->canonical, file->canonical_length, &document,
			      ret_diagnostic))
		goto out;
	if (tr_schema_read(&tr_policy_schema, document, &arena, &draft, ret_diagnostic))
		goto out;
	for (uint32_t i = 0; i < draft.models.count; i++) {
		if (scale_model(&tr_draft_models(&draft)[i], factor, &arena)) {
			out_of_memory(name, ret_diagnostic);
			goto out;
		}
	}
	text = tr_schema_canonical(&tr_policy_schema, &draft, &length, &nodes);
	if (!text) {
		out_of_memory(name, ret_diagnostic);
		goto out;
	}
	err = tr_policy_load_text(name, text, length, ret, ret_diagnostic);
	/* Places in a text that nobody has seen would only mislead. */
	if (err)
		ret_diagnostic->line = ret_diagnostic->column = 0;
out:
	free(text);
	tr_document_free(document);
	tr_arena_done(&arena);
	return err;
}
