/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form: one text for one meaning, so that its hash can be the meaning's id.
 *
 * It is written from the structs, not from the file, so nothing of the file's layout can reach it:
 * keys in byte order, rows by name, sets sorted, numbers in their shortest decimal form, defaults
 * filled in. What has no value ("none") is left out. It is JSON of this same vocabulary and can be
 * loaded again.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/text.h"
#include "engine/policy/walk.h"

struct writer {
	struct tr_text text;
	const void *root;
	size_t nodes;
};

static void write_value(struct writer *writer, const struct tr_schema_field *field,
			const void *base);

static const void *row_at(const struct tr_rows *rows, size_t size, uint32_t index)
{
	TR_ASSERT(index < rows->count);
	return (const char *)rows->items + size * index;
}

static const char *row_name(const void *row)
{
	struct tr_row head;

	memcpy(&head, row, sizeof head);
	return head.name;
}

/* Whether the field has no value, and so is left out. */
static bool is_none(const struct tr_schema_field *field, const void *base)
{
	const char *member = (const char *)base + field->offset;
	const void *pointer;

	/* It knows where it was given, if it was: then 0 is a value like any other. */
	if (field->node && !field->initial) {
		memcpy(&pointer, (const char *)base + field->node, sizeof(pointer));
		return pointer == NULL;
	}
	switch (field->kind) {
	case TR_KIND_INTEGER:
	case TR_KIND_DECIMAL:
		return tr_member_fetch(member, field->width) < field->min ||
		       tr_member_fetch(member, field->width) > field->max;
	case TR_KIND_ENUM:
		return !tr_word_valued(field->words, tr_member_fetch(member, field->width));
	case TR_KIND_NAME:
	case TR_KIND_TEXT:
	case TR_KIND_TREE:
		memcpy(&pointer, member, sizeof(pointer));
		return pointer == NULL;
	case TR_KIND_REFERENCE:
		return tr_member_fetch(member, field->width) == TR_NONE;
	case TR_KIND_OBJECT:
	case TR_KIND_BOOL:
	case TR_KIND_FLAGS:
	case TR_KIND_MAP:
	case TR_KIND_LIST:
		break;
	}
	return false;
}

static void write_object(struct writer *writer, const struct tr_table *table, const void *base)
{
	const char *last = "", *separator = "";

	tr_text_add(&writer->text, "{");
	writer->nodes++;
	for (size_t n = 0; n < table->field_count; n++) {
		const struct tr_schema_field *next = NULL;

		for (size_t i = 0; i < table->field_count; i++) {
			const struct tr_schema_field *field = &table->fields[i];

			if (strcmp(field->key, last) > 0 &&
			    (!next || strcmp(field->key, next->key) < 0))
				next = field;
		}
		TR_ASSERT(next);
		last = next->key;
		if (is_none(next, base))
			continue;
		tr_text_add(&writer->text, separator);
		tr_text_add_json(&writer->text, next->key);
		tr_text_add(&writer->text, ":");
		write_value(writer, next, base);
		separator = ",";
	}
	tr_text_add(&writer->text, "}");
}

static void write_rows(struct writer *writer, const struct tr_schema_field *field,
		       const void *member)
{
	const struct tr_table *table = field->table;
	bool map = field->kind == TR_KIND_MAP;
	struct tr_rows rows;

	memcpy(&rows, member, sizeof rows);
	tr_text_add(&writer->text, map ? "{" : "[");
	writer->nodes++;
	for (uint32_t i = 0; i < rows.count; i++) {
		const void *row = row_at(&rows, table->size, i);

		writer->nodes++;
		tr_text_add(&writer->text, i ? "," : "");
		if (map) {
			tr_text_add_json(&writer->text, row_name(row));
			tr_text_add(&writer->text, ":");
		}
		if (table->scalar)
			write_value(writer, &table->fields[0], row);
		else
			write_object(writer, table, row);
	}
	tr_text_add(&writer->text, map ? "}" : "]");
}

static void write_flags(struct writer *writer, const struct tr_schema_field *field, uint64_t flags)
{
	const char *last = "", *separator = "";
	const struct tr_word *next;

	tr_text_add(&writer->text, "[");
	do {
		next = NULL;
		for (const struct tr_word *word = field->words; word->word; word++) {
			if ((flags & word->value) && strcmp(word->word, last) > 0 &&
			    (!next || strcmp(word->word, next->word) < 0))
				next = word;
		}
		if (next) {
			writer->nodes++;
			tr_text_add(&writer->text, separator);
			tr_text_add_json(&writer->text, next->word);
			last = next->word;
			separator = ",";
		}
	} while (next);
	tr_text_add(&writer->text, "]");
}

static void write_reference(struct writer *writer, const struct tr_schema_field *field,
			    uint64_t index)
{
	struct tr_rows rows;

	if (index == TR_STAR) {
		tr_text_add_json(&writer->text, "*");
		return;
	}
	memcpy(&rows, (const char *)writer->root + field->reference->offset, sizeof rows);
	tr_text_add_json(&writer->text,
			 row_name(row_at(&rows, field->reference->table->size, (uint32_t)index)));
}

static void write_tree(struct writer *writer, const void *member)
{
	const struct tr_node *node;

	memcpy(&node, member, sizeof(node));
	writer->nodes += tr_tree_write(&writer->text, node);
}

static void write_value(struct writer *writer, const struct tr_schema_field *field,
			const void *base)
{
	const void *member = (const char *)base + field->offset;
	char digits[TR_NUMBER_TEXT_MAX];
	const char *string;
	uint64_t number = 0;

	if (field->width && field->kind != TR_KIND_NAME && field->kind != TR_KIND_TEXT &&
	    field->kind != TR_KIND_TREE)
		number = tr_member_fetch(member, field->width);
	writer->nodes++;
	switch (field->kind) {
	case TR_KIND_INTEGER:
	case TR_KIND_DECIMAL:
		tr_text_add(&writer->text, tr_number_text(number, field->scale, digits));
		break;
	case TR_KIND_BOOL:
		tr_text_add(&writer->text, number ? "true" : "false");
		break;
	case TR_KIND_ENUM:
		tr_text_add_json(&writer->text, tr_word_valued(field->words, number)->word);
		break;
	case TR_KIND_FLAGS:
		write_flags(writer, field, number);
		break;
	case TR_KIND_NAME:
	case TR_KIND_TEXT:
		memcpy(&string, member, sizeof(string));
		tr_text_add_json(&writer->text, string);
		break;
	case TR_KIND_REFERENCE:
		write_reference(writer, field, number);
		break;
	case TR_KIND_OBJECT:
		write_object(writer, field->table, member);
		break;
	case TR_KIND_MAP:
	case TR_KIND_LIST:
		write_rows(writer, field, member);
		break;
	case TR_KIND_TREE:
		write_tree(writer, member);
		break;
	}
}

char *tr_schema_canonical(const struct tr_schema *schema, const void *root, size_t *ret_length,
			  size_t *ret_nodes)
{
	struct writer writer = {.root = root};
	char *text;

	write_object(&writer, schema->root, root);
	text = tr_text_take(&writer.text, ret_length);
	if (text)
		*ret_nodes = writer.nodes;
	return text;
}
