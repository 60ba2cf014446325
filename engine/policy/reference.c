/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference page of a kind of file in Markdown: one section per map, in the order in which the
 * tables name them, one line per key.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/text.h"
#include "engine/policy/walk.h"

/* Longer lists of words stand elsewhere. */
#define WORDS_INLINE_MAX 20

/* A text inside a Markdown table. */
static void add_cell(struct tr_text *text, const char *string)
{
	for (; *string; string++) {
		if (*string == '|')
			tr_text_add(text, "\\");
		tr_text_addn(text, string, 1);
	}
}

/* "text or map" */
static void add_shapes(struct tr_text *text, unsigned shapes)
{
	const char *separator = "";

	for (const struct tr_shape_words *words = tr_shapes; words->shape; words++) {
		const char *space = strchr(words->noun, ' ');

		if (!(shapes & words->shape))
			continue;
		tr_text_addf(text, "%s%s", separator,
			     strncmp(words->noun, "a ", 2) == 0 ? space + 1 : words->noun);
		separator = " or ";
	}
}

static void add_type(struct tr_text *text, const struct tr_schema_field *field)
{
	static const char *const names[] = {
		[TR_KIND_INTEGER] = "integer",	   [TR_KIND_DECIMAL] = "number",
		[TR_KIND_BOOL] = "true or false",  [TR_KIND_ENUM] = "word",
		[TR_KIND_FLAGS] = "list of words", [TR_KIND_NAME] = "name",
		[TR_KIND_TEXT] = "text",	   [TR_KIND_REFERENCE] = "name of ",
		[TR_KIND_OBJECT] = "map",	   [TR_KIND_MAP] = "map, name to ",
		[TR_KIND_LIST] = "list, each ",	   [TR_KIND_TREE] = "",
	};
	const char *noun = field->kind == TR_KIND_REFERENCE ? field->reference->table->name
			   : field->table		    ? field->table->name
							    : "";
	bool rows = field->kind == TR_KIND_LIST || field->kind == TR_KIND_MAP;

	TR_ASSERT(!rows || field->table);
	tr_text_add(text, names[field->kind]);
	if (field->kind == TR_KIND_REFERENCE)
		tr_text_addf(text, "%s %s%s", tr_article(noun), noun,
			     field->star ? ", or `\"*\"`" : "");
	else if (rows && field->table->scalar)
		add_type(text, &field->table->fields[0]);
	else if (rows)
		tr_text_addf(text, "%s %s", tr_article(noun), noun);
	if (field->kind == TR_KIND_TREE)
		add_shapes(text, field->shapes);
	if (field->kind == TR_KIND_DECIMAL)
		tr_text_addf(text, ", %u decimal%s", field->scale, field->scale == 1 ? "" : "s");
}

static unsigned count_words(const struct tr_word *words)
{
	unsigned count = 0;

	while (words && words[count].word)
		count++;
	return count;
}

static void add_range(struct tr_text *text, const struct tr_schema_field *field)
{
	char low[TR_NUMBER_TEXT_MAX], high[TR_NUMBER_TEXT_MAX];

	tr_number_text(field->min, field->scale, low);
	tr_number_text(field->max, field->scale, high);
	if (field->kind == TR_KIND_INTEGER || field->kind == TR_KIND_DECIMAL)
		tr_text_addf(text, "%s .. %s", low, high);
	else if (field->kind == TR_KIND_MAP || field->kind == TR_KIND_LIST)
		tr_text_addf(text, "%s .. %s entries", low, high);
	else if (field->kind == TR_KIND_TEXT)
		tr_text_addf(text, "%s .. %s bytes", low, high);
	if (count_words(field->words) > WORDS_INLINE_MAX) {
		tr_text_addf(text, "one of %u words", count_words(field->words));
		return;
	}
	for (const struct tr_word *word = field->words; word && word->word; word++)
		tr_text_addf(text, "%s`%s`", word == field->words ? "" : ", ", word->word);
}

static void add_default(struct tr_text *text, const struct tr_schema_field *field)
{
	if (field->required)
		tr_text_add(text, "required");
	else if (field->initial && strlen(field->initial) > 60)
		tr_text_add(text, "see below");
	else if (field->initial)
		tr_text_addf(text, "`%s`", field->initial);
	else if (field->initial_note)
		add_cell(text, field->initial_note);
	else if (field->kind == TR_KIND_MAP || field->kind == TR_KIND_OBJECT)
		tr_text_add(text, field->optional ? "none" : "`{}`");
	else if (field->kind == TR_KIND_LIST)
		tr_text_add(text, "`[]`");
	else
		tr_text_add(text, "none");
}

static void add_words(struct tr_text *text, const struct tr_schema_field *field)
{
	bool any = false;

	for (const struct tr_word *word = field->words; word && word->word; word++)
		any = any || word->doc;
	if (!any)
		return;
	tr_text_addf(text, "\nWords of `%s`:\n\n", field->key);
	for (const struct tr_word *word = field->words; word->word; word++)
		tr_text_addf(text, "* `%s`: %s\n", word->word, word->doc ? word->doc : "");
}

static void add_table(struct tr_text *text, const struct tr_table *table, const char *path)
{
	tr_text_add(text, "\n| key | type | unit | range | default | meaning |\n"
			  "|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < table->field_count; i++) {
		const struct tr_schema_field *field = &table->fields[i];

		tr_text_addf(text, "| `%s` | ", field->key);
		add_type(text, field);
		tr_text_addf(text, " | %s | ", field->unit ? field->unit : "");
		add_range(text, field);
		tr_text_add(text, " | ");
		add_default(text, field);
		tr_text_add(text, " | ");
		add_cell(text, field->doc ? field->doc : "");
		tr_text_add(text, " |\n");
	}
	for (size_t i = 0; i < table->field_count; i++) {
		const struct tr_schema_field *field = &table->fields[i];

		add_words(text, field);
		if (field->initial && strlen(field->initial) > 60)
			tr_text_addf(text, "\nDefault of `%s`%s:\n\n```json\n%s\n```\n", field->key,
				     field->builtin == TR_BUILTIN_EACH && field->kind == TR_KIND_MAP
					     ? ", each unless the file has its own of that name"
					     : "",
				     field->initial);
	}
	for (size_t i = 0; i < table->field_count; i++) {
		const struct tr_schema_field *field = &table->fields[i];
		char inner[160];

		if (!field->table || field->table->scalar)
			continue;
		(void)snprintf(inner, sizeof inner, "%s%s%s%s", path, *path ? "." : "", field->key,
			       field->kind == TR_KIND_MAP    ? ".NAME"
			       : field->kind == TR_KIND_LIST ? "[]"
							     : "");
		tr_text_addf(text, "\n## `%s`\n", inner);
		if (field->table->doc)
			tr_text_addf(text, "\n%s\n", field->table->doc);
		add_table(text, field->table, inner);
	}
}

char *tr_schema_reference(const struct tr_schema *schema)
{
	struct tr_text text = {0};

	tr_text_addf(&text, "# %s reference\n", schema->title);
	if (schema->doc)
		tr_text_addf(&text, "\n%s\n", schema->doc);
	tr_text_add(&text, "\n## The file\n");
	if (schema->root->doc)
		tr_text_addf(&text, "\n%s\n", schema->root->doc);
	add_table(&text, schema->root, "");
	return tr_text_take(&text, NULL);
}
