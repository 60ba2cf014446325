/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that a table does not look into: a policy inside a scenario, a list that may also be a
 * range. They are kept as nodes and written as JSON the way they were read.
 *
 * A bare scalar is written as what YAML takes it for, so that it is read again as the same: a
 * number stays one where JSON has it too, everything else is a string.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/walk.h"

/* Longer ones do not fit the integers of JSON readers. */
#define DIGITS_MAX 18

const struct tr_shape_words tr_shapes[] = {
	{TR_SHAPE_TEXT, "string", "a text"},	     {TR_SHAPE_NUMBER, "number", "a number"},
	{TR_SHAPE_BOOL, "boolean", "true or false"}, {TR_SHAPE_MAP, "object", "a map"},
	{TR_SHAPE_LIST, "array", "a list"},	     {0, NULL, NULL},
};

static bool is_bool(const struct tr_node *node)
{
	return node->plain && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0);
}

static bool is_number(const struct tr_node *node)
{
	uint64_t ignored;

	if (!node->plain || node->length > DIGITS_MAX)
		return false;
	return tr_number_parse(node->text, node->length, 9, &ignored) != TR_NUMBER_NOT;
}

static unsigned shape_of(const struct tr_node *node)
{
	const struct tr_scalar scalar = {node->text, node->length, node->plain, node};

	if (node->kind == TR_NODE_MAP)
		return TR_SHAPE_MAP;
	if (node->kind == TR_NODE_LIST)
		return TR_SHAPE_LIST;
	if (is_bool(node))
		return TR_SHAPE_BOOL;
	if (is_number(node))
		return TR_SHAPE_NUMBER;
	return tr_means_something_else(&scalar) ? 0 : TR_SHAPE_TEXT;
}

int tr_tree_read(struct tr_walk *walk, const struct tr_schema_field *field,
		 const struct tr_node *node, void *member)
{
	if (!(field->shapes & shape_of(node)))
		return tr_walk_wrong(walk, field, node);
	/* A default would not outlive its own document. */
	TR_ASSERT(!walk->builtin);
	memcpy(member, &node, sizeof(node));
	return 0;
}

static void write_scalar(struct tr_text *text, const struct tr_node *node)
{
	if (is_bool(node) || is_number(node))
		tr_text_add(text, node->text);
	else
		tr_text_add_json(text, node->text);
}

static int compare_keys(const void *a, const void *b)
{
	const struct tr_node *const *left = a, *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

static size_t write_map(struct tr_text *text, const struct tr_node *node)
{
	const struct tr_node **sorted =
		malloc(sizeof(struct tr_node *) * (node->count + (size_t)1));
	uint32_t count = 0;
	size_t values = 1;

	if (!sorted) {
		text->failed = true;
		return 0;
	}
	for (const struct tr_node *child = node->first; child; child = child->next)
		sorted[count++] = child;
	qsort(sorted, count, sizeof(struct tr_node *), compare_keys);
	tr_text_add(text, "{");
	for (uint32_t i = 0; i < count; i++) {
		tr_text_add(text, i ? "," : "");
		tr_text_add_json(text, sorted[i]->key);
		tr_text_add(text, ":");
		values += tr_tree_write(text, sorted[i]);
	}
	tr_text_add(text, "}");
	free(sorted);
	return values;
}

static size_t write_list(struct tr_text *text, const struct tr_node *node)
{
	size_t values = 1;

	tr_text_add(text, "[");
	for (const struct tr_node *child = node->first; child; child = child->next) {
		tr_text_add(text, child == node->first ? "" : ",");
		values += tr_tree_write(text, child);
	}
	tr_text_add(text, "]");
	return values;
}

size_t tr_tree_write(struct tr_text *text, const struct tr_node *node)
{
	if (node->kind == TR_NODE_MAP)
		return write_map(text, node);
	if (node->kind == TR_NODE_LIST)
		return write_list(text, node);
	write_scalar(text, node);
	return 1;
}
