/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: a document on one side, a table on the other, a struct as the result.
 *
 * The file is read in its own order, so the first error reported is the first in the file; what it
 * leaves out is filled in afterwards. Defaults that are maps or lists are small documents of their
 * own and take the same way.
 */
#include "engine/policy/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/policy/suggest.h"
#include "engine/policy/walk.h"

size_t tr_walk_enter(struct tr_walk *walk, const char *key, uint32_t index)
{
	size_t before = walk->path_length;
	size_t room = sizeof walk->path - before;
	int length;

	if (*key)
		length = snprintf(walk->path + before, room, "%s%s", before ? "." : "", key);
	else
		length = snprintf(walk->path + before, room, "[%u]", index);
	TR_ASSERT(length > 0);
	walk->path_length = before + tr_min((uint64_t)length, room - 1);
	return before;
}

void tr_walk_leave(struct tr_walk *walk, size_t before)
{
	TR_ASSERT(before <= walk->path_length);
	walk->path_length = before;
	walk->path[before] = '\0';
}

int tr_walk_refuse_key(struct tr_walk *walk, const struct tr_node *node, const char *message)
{
	TR_ASSERT(!walk->builtin);
	return tr_diagnose(walk->diagnostic, node->file, node->key_line, node->key_column,
			   walk->path, "%s", message);
}

static int refuse_unknown(struct tr_walk *walk, const struct tr_table *table,
			  const struct tr_node *node)
{
	struct tr_suggest suggest;
	char message[480];
	size_t length;

	tr_suggest_begin(&suggest, node->key);
	for (size_t i = 0; i < table->field_count; i++)
		tr_suggest_offer(&suggest, table->fields[i].key);
	length = (size_t)snprintf(message, sizeof message, "unknown key '%.60s'", node->key);
	if (suggest.best) {
		(void)snprintf(message + length, sizeof message - length, "; did you mean '%s'?",
			       suggest.best);
		return tr_walk_refuse_key(walk, node, message);
	}
	for (size_t i = 0; i < table->field_count && length < sizeof message; i++)
		length += (size_t)snprintf(message + length, sizeof message - length, "%s%s",
					   i ? ", " : "; expected one of ", table->fields[i].key);
	return tr_walk_refuse_key(walk, node, message);
}

int tr_walk_fields(struct tr_walk *walk, const struct tr_table *table, const struct tr_node *node,
		   void *base)
{
	uint64_t seen = 0;

	TR_ASSERT(table->field_count >= 1);
	TR_ASSERT(table->field_count <= 64);
	for (const struct tr_node *child = node ? node->first : NULL; child; child = child->next) {
		const struct tr_schema_field *field = table->fields;
		const struct tr_schema_field *end = field + table->field_count;
		size_t before;

		while (field < end && strcmp(field->key, child->key) != 0)
			field++;
		if (field == end)
			return refuse_unknown(walk, table, child);
		seen |= UINT64_C(1) << (field - table->fields);
		before = tr_walk_enter(walk, child->key, 0);
		if (tr_walk_value(walk, field, child, base))
			return -1;
		tr_walk_leave(walk, before);
	}
	for (size_t i = 0; i < table->field_count; i++) {
		const struct tr_schema_field *field = &table->fields[i];
		size_t before;

		if (seen >> i & 1)
			continue;
		if (field->required)
			return tr_walk_refuse(walk, node, "the key '%s' is missing", field->key);
		before = tr_walk_enter(walk, field->key, 0);
		if (tr_walk_value(walk, field, NULL, base))
			return -1;
		tr_walk_leave(walk, before);
	}
	return 0;
}

static int read_flags(struct tr_walk *walk, const struct tr_schema_field *field,
		      const struct tr_node *node, void *member)
{
	struct tr_schema_field item = {
		.kind = TR_KIND_ENUM, .width = sizeof(uint64_t), .words = field->words};
	uint64_t flags = 0;
	uint32_t index = 0;

	if (node->kind != TR_NODE_LIST)
		return tr_walk_wrong(walk, field, node);
	for (const struct tr_node *child = node->first; child; child = child->next) {
		uint64_t flag = 0;
		size_t before = tr_walk_enter(walk, "", index++);

		if (child->kind != TR_NODE_SCALAR)
			return tr_walk_wrong(walk, &item, child);
		if (tr_scalar_read(
			    walk, &item,
			    &(struct tr_scalar){child->text, child->length, child->plain, child},
			    &flag))
			return -1;
		if (flags & flag)
			return tr_walk_refuse(walk, child, "'%s' stands already in the list",
					      child->text);
		flags |= flag;
		tr_walk_leave(walk, before);
	}
	tr_member_store(member, field->width, flags);
	return 0;
}

static int read_object(struct tr_walk *walk, const struct tr_schema_field *field,
		       const struct tr_node *node, void *member)
{
	if (node && node->kind != TR_NODE_MAP)
		return tr_walk_wrong(walk, field, node);
	return tr_walk_fields(walk, field->table, node, member);
}

static bool is_container(enum tr_kind kind)
{
	return kind == TR_KIND_FLAGS || kind == TR_KIND_OBJECT || kind == TR_KIND_MAP ||
	       kind == TR_KIND_LIST;
}

static int read_container(struct tr_walk *walk, const struct tr_schema_field *field,
			  const struct tr_node *node, const struct tr_node *builtin, void *member)
{
	if (field->kind == TR_KIND_OBJECT)
		return read_object(walk, field, node, member);
	if (field->kind == TR_KIND_FLAGS)
		return read_flags(walk, field, node, member);
	return tr_walk_rows(walk, field, node, builtin, member);
}

/* Read a default that is a list or a map: a small document of its own. */
static int read_initial(struct tr_walk *walk, const struct tr_schema_field *field,
			const struct tr_node *node, void *member)
{
	bool adds = field->kind == TR_KIND_MAP && field->builtin == TR_BUILTIN_EACH;
	struct tr_document *initial;
	struct tr_diagnostic ignored;
	bool outer = walk->builtin;
	int err;

	err = tr_document_parse("default", field->initial, strlen(field->initial), &initial,
				&ignored);
	if (err)
		return tr_walk_out_of_memory(walk);
	if (adds) {
		err = read_container(walk, field, node, tr_document_root(initial), member);
	} else {
		TR_ASSERT(!node);
		walk->builtin = true;
		err = read_container(walk, field, tr_document_root(initial), NULL, member);
		walk->builtin = outer;
	}
	tr_document_free(initial);
	return err;
}

int tr_walk_value(struct tr_walk *walk, const struct tr_schema_field *field,
		  const struct tr_node *node, void *base)
{
	void *member = (char *)base + field->offset;
	bool adds = field->kind == TR_KIND_MAP && field->builtin == TR_BUILTIN_EACH;

	if (field->node) {
		const struct tr_node *remembered = walk->builtin ? NULL : node;

		memcpy((char *)base + field->node, &remembered, sizeof(struct tr_node *));
	}
	if (is_container(field->kind)) {
		if (field->initial && (!node || adds))
			return read_initial(walk, field, node, member);
		if (!node && (field->kind != TR_KIND_OBJECT || field->optional))
			return 0;
		return read_container(walk, field, node, NULL, member);
	}
	if (field->kind == TR_KIND_TREE)
		return node ? tr_tree_read(walk, field, node, member) : 0;
	if (node) {
		if (node->kind != TR_NODE_SCALAR)
			return tr_walk_wrong(walk, field, node);
		return tr_scalar_read(
			walk, field,
			&(struct tr_scalar){node->text, node->length, node->plain, node}, member);
	}
	if (field->initial) {
		bool text = field->kind == TR_KIND_NAME || field->kind == TR_KIND_TEXT ||
			    field->kind == TR_KIND_REFERENCE;
		struct tr_scalar scalar = {field->initial, strlen(field->initial), !text, NULL};

		return tr_scalar_read(walk, field, &scalar, member);
	}
	if (field->kind == TR_KIND_REFERENCE)
		tr_member_store(member, field->width, TR_NONE);
	return 0;
}

int tr_schema_read(const struct tr_schema *schema, const struct tr_document *document,
		   struct tr_arena *arena, void *ret, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_schema_field root = {.kind = TR_KIND_OBJECT, .table = schema->root};
	struct tr_walk walk = {.document = document, .arena = arena, .diagnostic = ret_diagnostic};

	walk.pending_end = &walk.pending;
	memset(ret, 0, schema->root->size);
	if (read_object(&walk, &root, tr_document_root(document), ret))
		return -1;
	return tr_walk_resolve(&walk, ret);
}

uint32_t tr_schema_match(const struct tr_schema *schema, const struct tr_document *document)
{
	const struct tr_node *root = tr_document_root(document);
	uint32_t count = 0;

	for (size_t i = 0; i < schema->root->field_count; i++)
		count += tr_node_child(root, schema->root->fields[i].key) != NULL;
	return count;
}
