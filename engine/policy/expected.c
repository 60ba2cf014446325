/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a field takes and what was found instead, in words.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/walk.h"

/* Of a list of words in a message. */
#define WORDS_LENGTH_MAX 160

const char *tr_article(const char *noun)
{
	return noun[0] && strchr("aeio", noun[0]) ? "an" : "a";
}

static void add_words(const struct tr_word *words, char *text, size_t size)
{
	for (const struct tr_word *word = words; word->word; word++) {
		size_t length = strlen(text);

		/* The nearest of a long list is found by who knows what was typed. */
		if (length > WORDS_LENGTH_MAX && word[1].word) {
			(void)snprintf(text + length, size - length, ", ...");
			return;
		}
		(void)snprintf(text + length, size - length, "%s%s", word == words ? "" : ", ",
			       word->word);
	}
}

static void expect_list(const struct tr_schema_field *field, char *text, size_t size)
{
	char item[200];

	TR_ASSERT(field->table);
	if (!field->table->scalar) {
		(void)snprintf(text, size, "a list of maps, each %s %s",
			       tr_article(field->table->name), field->table->name);
		return;
	}
	(void)snprintf(text, size, "a list, each item %s",
		       tr_field_expected(&field->table->fields[0], item, sizeof item));
}

static void expect_shapes(unsigned shapes, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (const struct tr_shape_words *words = tr_shapes; words->shape; words++) {
		if ((shapes & words->shape) && length < size)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
						   length ? " or " : "", words->noun);
	}
}

const char *tr_field_expected(const struct tr_schema_field *field, char *text, size_t size)
{
	char low[TR_NUMBER_TEXT_MAX], high[TR_NUMBER_TEXT_MAX];
	const char *noun = field->table ? field->table->name : "";

	tr_number_text(field->min, field->scale, low);
	tr_number_text(field->max, field->scale, high);
	switch (field->kind) {
	case TR_KIND_INTEGER:
		(void)snprintf(text, size, "an integer from %s to %s", low, high);
		break;
	case TR_KIND_DECIMAL:
		(void)snprintf(text, size, "a number from %s to %s", low, high);
		break;
	case TR_KIND_BOOL:
		(void)snprintf(text, size, "true or false");
		break;
	case TR_KIND_ENUM:
		(void)snprintf(text, size, field->words[1].word ? "one of " : "");
		add_words(field->words, text, size);
		break;
	case TR_KIND_FLAGS:
		(void)snprintf(text, size, "a list of any of ");
		add_words(field->words, text, size);
		break;
	case TR_KIND_NAME:
		(void)snprintf(text, size,
			       "a name (1 to 100 of A-Z a-z 0-9 . _ : / @ + ~ -, "
			       "not beginning with '-')");
		break;
	case TR_KIND_TEXT:
		(void)snprintf(text, size, "a text of %s to %s bytes", low, high);
		break;
	case TR_KIND_REFERENCE:
		noun = field->reference->table->name;
		(void)snprintf(text, size, "the name of %s %s%s", tr_article(noun), noun,
			       field->star ? ", or \"*\"" : "");
		break;
	case TR_KIND_OBJECT:
		(void)snprintf(text, size, "a map of keys and values");
		break;
	case TR_KIND_MAP:
		(void)snprintf(text, size, "a map with %s %s under each name", tr_article(noun),
			       noun);
		break;
	case TR_KIND_LIST:
		expect_list(field, text, size);
		break;
	case TR_KIND_TREE:
		expect_shapes(field->shapes, text, size);
		break;
	}
	return text;
}

static const char *found(const struct tr_node *node, char *text, size_t size)
{
	if (node->kind != TR_NODE_SCALAR)
		(void)snprintf(text, size, node->kind == TR_NODE_MAP ? "a map" : "a list");
	else if (node->plain && node->length == 0)
		(void)snprintf(text, size, "nothing");
	else if (node->plain)
		(void)snprintf(text, size, "'%.60s'%s", node->text,
			       node->length > 60 ? " ..." : "");
	else
		(void)snprintf(text, size, "the text \"%.60s\"%s", node->text,
			       node->length > 60 ? " ..." : "");
	return text;
}

/* The way out of a frequent slip. */
static const char *cure(const struct tr_schema_field *field, const struct tr_node *node)
{
	bool text_wanted = field->kind == TR_KIND_NAME || field->kind == TR_KIND_TEXT ||
			   field->kind == TR_KIND_REFERENCE;
	bool map_wanted = field->kind == TR_KIND_MAP || field->kind == TR_KIND_OBJECT;
	bool number_wanted = field->kind == TR_KIND_INTEGER || field->kind == TR_KIND_DECIMAL;
	uint64_t number;

	if (node->kind != TR_NODE_SCALAR)
		return "";
	if (map_wanted && field->min == 0 && node->plain && node->length == 0)
		return "; {} takes every default";
	if (text_wanted && node->plain && strcmp(node->text, "null") != 0 &&
	    tr_name_valid(node->text, node->length))
		return "; write it in quotes if it is one";
	if (number_wanted && node->plain && node->text[0] >= '0' && node->text[0] <= '9' &&
	    tr_number_parse(node->text, node->length, 9, &number) == TR_NUMBER_NOT)
		return " in plain digits";
	if (number_wanted && !node->plain &&
	    tr_number_parse(node->text, node->length, field->scale, &number) == TR_NUMBER_OK)
		return "; write it without quotes";
	return "";
}

int tr_walk_wrong(struct tr_walk *walk, const struct tr_schema_field *field,
		  const struct tr_node *node)
{
	char what[96], expected[320];

	TR_ASSERT(node);
	return tr_walk_refuse(walk, node, "found %s; expected %s%s", found(node, what, sizeof what),
			      tr_field_expected(field, expected, sizeof expected),
			      cure(field, node));
}

int tr_walk_refuse(struct tr_walk *walk, const struct tr_node *node, const char *format, ...)
{
	char message[sizeof walk->diagnostic->message];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	/* A default that does not fit its own field is a mistake in the table. */
	TR_ASSERT(!walk->builtin);
	return tr_diagnose(walk->diagnostic, node ? node->file : tr_document_name(walk->document),
			   node ? node->line : 0, node ? node->column : 0, walk->path, "%s",
			   message);
}

int tr_walk_out_of_memory(struct tr_walk *walk)
{
	return tr_diagnose(walk->diagnostic, tr_document_name(walk->document), 0, 0, NULL,
			   "not enough memory");
}

int tr_schema_diagnose(struct tr_diagnostic *ret, const struct tr_document *document,
		       const struct tr_node *node, const char *key, const char *format, ...)
{
	char message[sizeof ret->message];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	return tr_diagnose(ret, node ? node->file : tr_document_name(document),
			   node ? node->line : 0, node ? node->column : 0, key, "%s", message);
}
