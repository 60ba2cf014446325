/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single values: numbers, truth values, words, names, texts, references.
 *
 * The field decides what a scalar is, not its look; but its look must fit. A quoted "5" is no
 * number and a bare 5 is no name, because in JSON they would be different values and another reader
 * of the same YAML would see a difference too.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/suggest.h"
#include "engine/policy/walk.h"

void tr_member_store(void *member, unsigned width, uint64_t value)
{
	uint8_t u8 = (uint8_t)value;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;
	const void *source = width == 1	  ? (const void *)&u8
			     : width == 2 ? (const void *)&u16
			     : width == 4 ? (const void *)&u32
					  : (const void *)&value;

	TR_ASSERT(width == 1 || width == 2 || width == 4 || width == 8);
	TR_ASSERT(width == 8 || value >> (8 * width) == 0);
	memcpy(member, source, width);
}

uint64_t tr_member_fetch(const void *member, unsigned width)
{
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;

	TR_ASSERT(width == 1 || width == 2 || width == 4 || width == 8);
	memcpy(width == 1   ? (void *)&u8
	       : width == 2 ? (void *)&u16
	       : width == 4 ? (void *)&u32
			    : (void *)&u64,
	       member, width);
	return u64 | u32 | u16 | u8;
}

bool tr_name_valid(const char *text, size_t length)
{
	if (length == 0 || length > TR_NAME_BYTES_MAX || text[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9') && !(c && strchr("._:/@+~-", c)))
			return false;
	}
	return true;
}

const struct tr_word *tr_word_named(const struct tr_word *words, const char *text)
{
	for (; words->word; words++) {
		if (strcmp(words->word, text) == 0)
			return words;
	}
	return NULL;
}

const struct tr_word *tr_word_valued(const struct tr_word *words, uint64_t value)
{
	for (; words->word; words++) {
		if (words->value == value)
			return words;
	}
	return NULL;
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

bool tr_looks_like_number(const char *text)
{
	size_t whole, fraction = 0;

	text += *text == '-' || *text == '+';
	whole = digits(text);
	text += whole;
	if (*text == '.') {
		fraction = digits(text + 1);
		text += fraction + 1;
	}
	if (whole + fraction == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		if (digits(text) == 0)
			return false;
		text += digits(text);
	}
	return *text == '\0';
}

bool tr_means_something_else(const struct tr_scalar *scalar)
{
	static const char *const words[] = {"",	    "~",    "null",  "Null",  "NULL", "true",
					    "True", "TRUE", "false", "False", "FALSE"};

	if (!scalar->plain)
		return false;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(words); i++) {
		if (strcmp(scalar->text, words[i]) == 0)
			return true;
	}
	return tr_looks_like_number(scalar->text);
}

static int read_number(struct tr_walk *walk, const struct tr_schema_field *field,
		       const struct tr_scalar *scalar, void *member)
{
	char low[TR_NUMBER_TEXT_MAX], high[TR_NUMBER_TEXT_MAX];
	enum tr_number_error error = TR_NUMBER_NOT;
	uint64_t value = 0;

	if (scalar->plain)
		error = tr_number_parse(scalar->text, scalar->length, field->scale, &value);
	if (error == TR_NUMBER_FRACTION && field->scale > 0)
		return tr_walk_refuse(walk, scalar->node,
				      "found '%.60s'; expected a number from %s to %s with at most "
				      "%u digits behind the point",
				      scalar->text, tr_number_text(field->min, field->scale, low),
				      tr_number_text(field->max, field->scale, high), field->scale);
	if (error != TR_NUMBER_OK || value < field->min || value > field->max)
		return tr_walk_wrong(walk, field, scalar->node);
	tr_member_store(member, field->width, value);
	return 0;
}

static int read_bool(struct tr_walk *walk, const struct tr_schema_field *field,
		     const struct tr_scalar *scalar, void *member)
{
	bool yes = strcmp(scalar->text, "true") == 0;

	if (!scalar->plain || (!yes && strcmp(scalar->text, "false") != 0))
		return tr_walk_wrong(walk, field, scalar->node);
	tr_member_store(member, field->width, yes);
	return 0;
}

static int read_enum(struct tr_walk *walk, const struct tr_schema_field *field,
		     const struct tr_scalar *scalar, void *member)
{
	const struct tr_word *word = tr_word_named(field->words, scalar->text);
	struct tr_suggest suggest;
	char expected[320];

	if (word) {
		tr_member_store(member, field->width, word->value);
		return 0;
	}
	tr_suggest_begin(&suggest, scalar->text);
	for (word = field->words; word->word; word++)
		tr_suggest_offer(&suggest, word->word);
	if (!suggest.best)
		return tr_walk_wrong(walk, field, scalar->node);
	return tr_walk_refuse(walk, scalar->node, "found '%.60s'; expected %s; did you mean '%s'?",
			      scalar->text, tr_field_expected(field, expected, sizeof expected),
			      suggest.best);
}

static int read_name(struct tr_walk *walk, const struct tr_schema_field *field,
		     const struct tr_scalar *scalar, void *member)
{
	char *copy;

	if (tr_means_something_else(scalar) || !tr_name_valid(scalar->text, scalar->length))
		return tr_walk_wrong(walk, field, scalar->node);
	copy = tr_arena_copy(walk->arena, scalar->text, scalar->length);
	if (!copy)
		return tr_walk_out_of_memory(walk);
	memcpy(member, &copy, sizeof copy);
	return 0;
}

static int read_text(struct tr_walk *walk, const struct tr_schema_field *field,
		     const struct tr_scalar *scalar, void *member)
{
	char *copy;

	if (tr_means_something_else(scalar) || scalar->length < field->min ||
	    scalar->length > field->max)
		return tr_walk_wrong(walk, field, scalar->node);
	for (size_t i = 0; i < scalar->length; i++) {
		unsigned char c = (unsigned char)scalar->text[i];

		if (c < 0x20 || c == 0x7f)
			return tr_walk_refuse(walk, scalar->node,
					      "found a control character in a text");
	}
	copy = tr_arena_copy(walk->arena, scalar->text, scalar->length);
	if (!copy)
		return tr_walk_out_of_memory(walk);
	memcpy(member, &copy, sizeof copy);
	return 0;
}

static int read_reference(struct tr_walk *walk, const struct tr_schema_field *field,
			  const struct tr_scalar *scalar, void *member)
{
	struct tr_pending *pending;

	TR_ASSERT(field->width == sizeof(uint32_t));
	if (field->star && strcmp(scalar->text, "*") == 0) {
		tr_member_store(member, field->width, TR_STAR);
		return 0;
	}
	if (tr_means_something_else(scalar))
		return tr_walk_wrong(walk, field, scalar->node);
	pending = tr_arena_new(walk->arena, sizeof *pending);
	if (!pending)
		return tr_walk_out_of_memory(walk);
	pending->field = field;
	pending->node = walk->builtin ? NULL : scalar->node;
	pending->member = member;
	pending->path = tr_arena_copy(walk->arena, walk->path, walk->path_length);
	pending->name = tr_arena_copy(walk->arena, scalar->text, scalar->length);
	if (!pending->path || !pending->name)
		return tr_walk_out_of_memory(walk);
	*walk->pending_end = pending;
	walk->pending_end = &pending->next;
	tr_member_store(member, field->width, TR_NONE);
	return 0;
}

int tr_scalar_read(struct tr_walk *walk, const struct tr_schema_field *field,
		   const struct tr_scalar *scalar, void *member)
{
	static int (*const readers[])(struct tr_walk *, const struct tr_schema_field *,
				      const struct tr_scalar *, void *) = {
		[TR_KIND_INTEGER] = read_number,      [TR_KIND_DECIMAL] = read_number,
		[TR_KIND_BOOL] = read_bool,	      [TR_KIND_ENUM] = read_enum,
		[TR_KIND_NAME] = read_name,	      [TR_KIND_TEXT] = read_text,
		[TR_KIND_REFERENCE] = read_reference,
	};

	TR_ASSERT((size_t)field->kind < TR_ARRAY_LENGTH(readers));
	TR_ASSERT(readers[field->kind]);
	return readers[field->kind](walk, field, scalar, member);
}
