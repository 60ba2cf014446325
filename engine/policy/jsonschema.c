/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON Schema (draft 2020-12) of a kind of file, for editors that complete and check while one
 * types. It says what a table can say; checks across fields and references stay with the loader.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/text.h"
#include "engine/policy/walk.h"

struct writer {
	struct tr_text text;
	unsigned depth;
	bool first; /* nothing stands in the innermost braces yet */
};

static void write_field(struct writer *writer, const struct tr_schema_field *field, bool item);

static void break_line(struct writer *writer)
{
	tr_text_add(&writer->text, "\n");
	for (unsigned i = 0; i < writer->depth; i++)
		tr_text_add(&writer->text, "  ");
}

/* The key of the next member. */
static void begin(struct writer *writer, const char *key)
{
	if (!writer->first)
		tr_text_add(&writer->text, ",");
	writer->first = false;
	break_line(writer);
	tr_text_add_json(&writer->text, key);
	tr_text_add(&writer->text, ": ");
}

static void open_brace(struct writer *writer)
{
	tr_text_add(&writer->text, "{");
	writer->depth++;
	writer->first = true;
}

static void close_brace(struct writer *writer)
{
	writer->depth--;
	if (!writer->first)
		break_line(writer);
	tr_text_add(&writer->text, "}");
	writer->first = false;
}

static void member_string(struct writer *writer, const char *key, const char *value)
{
	begin(writer, key);
	tr_text_add_json(&writer->text, value);
}

static void member_raw(struct writer *writer, const char *key, const char *value)
{
	begin(writer, key);
	tr_text_add(&writer->text, value);
}

static void member_number(struct writer *writer, const char *key, uint64_t value, unsigned scale)
{
	char digits[TR_NUMBER_TEXT_MAX];

	member_raw(writer, key, tr_number_text(value, scale, digits));
}

static void member_words(struct writer *writer, const struct tr_word *words)
{
	begin(writer, "enum");
	tr_text_add(&writer->text, "[");
	for (const struct tr_word *word = words; word->word; word++) {
		tr_text_add(&writer->text, word == words ? "" : ", ");
		tr_text_add_json(&writer->text, word->word);
	}
	tr_text_add(&writer->text, "]");
}

static void write_object(struct writer *writer, const struct tr_table *table)
{
	bool required = false;

	member_string(writer, "type", "object");
	begin(writer, "properties");
	open_brace(writer);
	for (size_t i = 0; i < table->field_count; i++) {
		begin(writer, table->fields[i].key);
		write_field(writer, &table->fields[i], false);
		required = required || table->fields[i].required;
	}
	close_brace(writer);
	if (required) {
		const char *separator = "";

		begin(writer, "required");
		tr_text_add(&writer->text, "[");
		for (size_t i = 0; i < table->field_count; i++) {
			if (!table->fields[i].required)
				continue;
			tr_text_add(&writer->text, separator);
			tr_text_add_json(&writer->text, table->fields[i].key);
			separator = ", ";
		}
		tr_text_add(&writer->text, "]");
	}
	member_raw(writer, "additionalProperties", "false");
}

static void write_rows(struct writer *writer, const struct tr_schema_field *field)
{
	bool map = field->kind == TR_KIND_MAP;

	member_string(writer, "type", map ? "object" : "array");
	member_number(writer, map ? "minProperties" : "minItems", field->min, 0);
	member_number(writer, map ? "maxProperties" : "maxItems", field->max, 0);
	if (map) {
		begin(writer, "propertyNames");
		open_brace(writer);
		member_string(writer, "pattern",
			      field->star ? "^\\*$|" TR_NAME_PATTERN : TR_NAME_PATTERN);
		close_brace(writer);
	} else if (field->set) {
		member_raw(writer, "uniqueItems", "true");
	}
	begin(writer, map ? "additionalProperties" : "items");
	if (field->table->scalar) {
		write_field(writer, &field->table->fields[0], true);
		return;
	}
	open_brace(writer);
	if (field->table->doc)
		member_string(writer, "description", field->table->doc);
	write_object(writer, field->table);
	close_brace(writer);
}

static void write_flags(struct writer *writer, const struct tr_schema_field *field)
{
	member_string(writer, "type", "array");
	member_raw(writer, "uniqueItems", "true");
	begin(writer, "items");
	open_brace(writer);
	member_words(writer, field->words);
	close_brace(writer);
}

static void write_shapes(struct writer *writer, unsigned shapes)
{
	const char *separator = "";

	begin(writer, "type");
	tr_text_add(&writer->text, "[");
	for (const struct tr_shape_words *words = tr_shapes; words->shape; words++) {
		if (!(shapes & words->shape))
			continue;
		tr_text_add(&writer->text, separator);
		tr_text_add_json(&writer->text, words->json);
		separator = ", ";
	}
	tr_text_add(&writer->text, "]");
}

static void write_constraints(struct writer *writer, const struct tr_schema_field *field)
{
	switch (field->kind) {
	case TR_KIND_INTEGER:
	case TR_KIND_DECIMAL:
		member_string(writer, "type",
			      field->kind == TR_KIND_INTEGER ? "integer" : "number");
		member_number(writer, "minimum", field->min, field->scale);
		member_number(writer, "maximum", field->max, field->scale);
		break;
	case TR_KIND_BOOL:
		member_string(writer, "type", "boolean");
		break;
	case TR_KIND_ENUM:
		member_words(writer, field->words);
		break;
	case TR_KIND_FLAGS:
		write_flags(writer, field);
		break;
	case TR_KIND_NAME:
	case TR_KIND_REFERENCE:
		member_string(writer, "type", "string");
		member_string(writer, "pattern",
			      field->star ? "^\\*$|" TR_NAME_PATTERN : TR_NAME_PATTERN);
		break;
	case TR_KIND_TEXT:
		member_string(writer, "type", "string");
		member_number(writer, "minLength", field->min ? 1 : 0, 0);
		member_number(writer, "maxLength", field->max, 0);
		break;
	case TR_KIND_OBJECT:
		write_object(writer, field->table);
		break;
	case TR_KIND_MAP:
	case TR_KIND_LIST:
		write_rows(writer, field);
		break;
	case TR_KIND_TREE:
		write_shapes(writer, field->shapes);
		break;
	}
}

static bool is_word(enum tr_kind kind)
{
	return kind == TR_KIND_ENUM || kind == TR_KIND_NAME || kind == TR_KIND_TEXT ||
	       kind == TR_KIND_REFERENCE;
}

static void write_field(struct writer *writer, const struct tr_schema_field *field, bool item)
{
	open_brace(writer);
	if (field->doc && !item)
		member_string(writer, "description", field->doc);
	write_constraints(writer, field);
	if (field->initial && is_word(field->kind))
		member_string(writer, "default", field->initial);
	else if (field->initial)
		member_raw(writer, "default", field->initial);
	else if (field->kind == TR_KIND_OBJECT && !field->optional && !field->required)
		member_raw(writer, "default", "{}");
	close_brace(writer);
}

char *tr_schema_json(const struct tr_schema *schema)
{
	struct writer writer = {0};

	open_brace(&writer);
	member_string(&writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
	member_string(&writer, "title", schema->title);
	if (schema->root->doc)
		member_string(&writer, "description", schema->root->doc);
	write_object(&writer, schema->root);
	close_brace(&writer);
	tr_text_add(&writer.text, "\n");
	return tr_text_take(&writer.text, NULL);
}
