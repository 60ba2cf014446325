/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from elsewhere is copied, names of files once each, so that a document owns all that
 * it holds and its sources may go. The cap on nodes holds for what is composed as for what is read;
 * the depth cannot grow, for every node keeps its depth or loses some.
 */
#include "engine/policy/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base.h"
#include "engine/policy/inside.h"

#define PATH_MAX_BYTES 160

struct composer {
	struct tr_document *document;
	struct tr_diagnostic *diagnostic;
	/* The name last copied, and its copy: neighbors come from the same file. */
	const char *file;
	const char *file_copy;
};

static int out_of_memory(const struct composer *composer)
{
	return tr_diagnose(composer->diagnostic, composer->document->name, 0, 0, NULL,
			   "not enough memory");
}

static const char *copy_file(struct composer *composer, const char *file)
{
	if (composer->file != file) {
		composer->file_copy = tr_arena_copy(&composer->document->arena, file, strlen(file));
		composer->file = file;
	}
	return composer->file_copy;
}

/* NULL: refused. */
static struct tr_node *copy_tree(struct composer *composer, const struct tr_node *from)
{
	struct tr_arena *arena = &composer->document->arena;
	struct tr_node *node, **end;

	if (composer->document->nodes >= TR_DOCUMENT_NODES_MAX) {
		(void)tr_diagnose(composer->diagnostic, composer->document->name, 0, 0, NULL,
				  "with what it includes the file has more values than can be "
				  "taken");
		return NULL;
	}
	composer->document->nodes++;
	node = tr_arena_new(arena, sizeof *node);
	if (!node) {
		(void)out_of_memory(composer);
		return NULL;
	}
	*node = *from;
	node->first = node->next = NULL;
	node->file = copy_file(composer, from->file);
	node->key = tr_arena_copy(arena, from->key, from->key_length);
	node->text = from->text ? tr_arena_copy(arena, from->text, from->length) : NULL;
	if (!node->file || !node->key || (from->text && !node->text)) {
		(void)out_of_memory(composer);
		return NULL;
	}
	end = &node->first;
	for (const struct tr_node *child = from->first; child; child = child->next) {
		*end = copy_tree(composer, child);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	}
	return node;
}

int tr_document_extract(const struct tr_node *root, struct tr_document **ret,
			struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document = calloc(1, sizeof *document);
	struct composer composer = {.document = document, .diagnostic = ret_diagnostic};

	if (document)
		document->name = tr_arena_copy(&document->arena, root->file, strlen(root->file));
	if (!document || !document->name) {
		tr_document_free(document);
		return tr_diagnose(ret_diagnostic, root->file, 0, 0, NULL, "not enough memory");
	}
	document->root = copy_tree(&composer, root);
	if (!document->root) {
		tr_document_free(document);
		return -1;
	}
	*ret = document;
	return 0;
}

/* ----------------------------------------------------------------------------------- lay under */

static int compare_keys(const void *a, const void *b)
{
	const struct tr_node *const *left = a, *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

static struct tr_node *find(struct tr_node **sorted, uint32_t count, const struct tr_node *wanted)
{
	struct tr_node **found =
		bsearch(&wanted, sorted, count, sizeof(struct tr_node *), compare_keys);

	return found ? *found : NULL;
}

static int lay_under(struct composer *composer, struct tr_node *map, const struct tr_node *base)
{
	uint32_t count = 0, own = map->count;
	struct tr_node **sorted = malloc(sizeof(struct tr_node *) * ((size_t)own + 1));
	struct tr_node **end = &map->first;
	int err = 0;

	if (!sorted)
		return out_of_memory(composer);
	for (; *end; end = &(*end)->next)
		sorted[count++] = *end;
	TR_ASSERT(count == own);
	qsort(sorted, own, sizeof(struct tr_node *), compare_keys);
	for (const struct tr_node *child = base->first; child && !err; child = child->next) {
		struct tr_node *over = find(sorted, own, child);

		if (over && over->kind == TR_NODE_MAP && child->kind == TR_NODE_MAP) {
			err = lay_under(composer, over, child);
		} else if (!over) {
			*end = copy_tree(composer, child);
			err = *end ? 0 : -1;
			if (*end)
				end = &(*end)->next;
			map->count += err == 0;
		}
	}
	free(sorted);
	return err;
}

int tr_document_lay_under(struct tr_document *document, const struct tr_node *base,
			  struct tr_diagnostic *ret_diagnostic)
{
	struct composer composer = {.document = document, .diagnostic = ret_diagnostic};

	if (document->root->kind != TR_NODE_MAP || base->kind != TR_NODE_MAP)
		return 0;
	return lay_under(&composer, document->root, base);
}

void tr_document_drop(struct tr_document *document, const char *key)
{
	struct tr_node *root = document->root;

	if (root->kind != TR_NODE_MAP)
		return;
	for (struct tr_node **at = &root->first; *at; at = &(*at)->next) {
		if (strcmp((*at)->key, key) == 0) {
			*at = (*at)->next;
			root->count--;
			return;
		}
	}
}

/* ------------------------------------------------------------------------------------- rewrite */

struct rewriting {
	struct tr_document *document;
	tr_scalar_rewriter *rewriter;
	void *self;
	struct tr_diagnostic *diagnostic;
};

static int rewrite_scalar(const struct rewriting *rewriting, struct tr_node *node, const char *path)
{
	struct tr_scalar_text fresh = {0};
	char *copy;
	int changed =
		rewriting->rewriter(rewriting->self, node, path, &fresh, rewriting->diagnostic);

	if (changed <= 0)
		return changed;
	copy = tr_arena_copy(&rewriting->document->arena, fresh.text, fresh.length);
	if (!copy)
		return tr_diagnose(rewriting->diagnostic, node->file, 0, 0, NULL,
				   "not enough memory");
	node->text = copy;
	node->length = fresh.length;
	node->plain = fresh.plain;
	return 0;
}

static int rewrite(const struct rewriting *rewriting, struct tr_node *node, const char *path)
{
	uint32_t index = 0;

	if (node->kind == TR_NODE_SCALAR)
		return rewrite_scalar(rewriting, node, path);
	for (struct tr_node *child = node->first; child; child = child->next) {
		char inner[PATH_MAX_BYTES];

		if (node->kind == TR_NODE_MAP)
			(void)snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "",
				       child->key);
		else
			(void)snprintf(inner, sizeof inner, "%s[%u]", path, index++);
		if (rewrite(rewriting, child, inner))
			return -1;
	}
	return 0;
}

int tr_document_rewrite(struct tr_document *document, tr_scalar_rewriter *rewriter, void *self,
			struct tr_diagnostic *ret_diagnostic)
{
	const struct rewriting rewriting = {document, rewriter, self, ret_diagnostic};

	return rewrite(&rewriting, document->root, "");
}
