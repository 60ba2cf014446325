/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Substitution works on the tree, not on the text: a value cannot bring keys, comments or lists
 * with it, and every scalar keeps the place where it stands.
 */
#include "sim/scenario/parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base.h"
#include "engine/policy/compose.h"
#include "engine/policy/schema.h"
#include "engine/policy/suggest.h"
#include "engine/policy/text.h"

#define KEY	   "parameters"
#define OPENING	   "${"
#define VALUE_MAX  4000
#define RESULT_MAX 8000 /* of a scalar with its parameters put in */

struct substituter {
	struct tr_parameters *parameters;
	char *last; /* the text made last; lives until the next */
};

/* -------------------------------------------------------------------------------- declarations */

static int refuse_value(const struct tr_node *node, const char *format,
			struct tr_diagnostic *ret_diagnostic)
{
	char key[192];

	(void)snprintf(key, sizeof key, KEY ".%.100s", node->key);
	return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, key, "%s", format);
}

static int declare(struct tr_parameters *parameters, const struct tr_node *node,
		   struct tr_diagnostic *ret_diagnostic)
{
	if (!tr_name_valid(node->key, node->key_length))
		return tr_diagnose(ret_diagnostic, node->file, node->key_line, node->key_column,
				   KEY,
				   "found the name '%.60s'; expected a name (1 to 100 of A-Z a-z "
				   "0-9 . _ : / @ + ~ -, not beginning with '-')",
				   node->key);
	if (parameters->count == TR_PARAMETERS_MAX)
		return refuse_value(node, "there are more parameters than can be taken",
				    ret_diagnostic);
	if (node->kind != TR_NODE_SCALAR)
		return refuse_value(node,
				    node->kind == TR_NODE_MAP
					    ? "found a map; expected a single value"
					    : "found a list; expected a single value",
				    ret_diagnostic);
	if (node->plain && node->length == 0)
		return refuse_value(node, "found nothing; expected a value; \"\" is an empty text",
				    ret_diagnostic);
	if (strstr(node->text, OPENING))
		return refuse_value(node, "a parameter's value cannot refer to another parameter",
				    ret_diagnostic);
	if (node->length > VALUE_MAX)
		return refuse_value(node, "expected at most 4000 bytes", ret_diagnostic);
	parameters->rows[parameters->count++] = (struct tr_parameter){
		.name = node->key,
		.value = node->text,
		.length = node->length,
		.plain = node->plain,
		.node = node,
	};
	return 0;
}

static struct tr_parameter *find(struct tr_parameters *parameters, const char *name, size_t length)
{
	for (uint32_t i = 0; i < parameters->count; i++) {
		struct tr_parameter *row = &parameters->rows[i];

		if (strlen(row->name) == length && memcmp(row->name, name, length) == 0)
			return row;
	}
	return NULL;
}

static int declare_all(struct tr_parameters *parameters, const struct tr_node *map,
		       struct tr_diagnostic *ret_diagnostic)
{
	if (map && map->kind != TR_NODE_MAP)
		return tr_diagnose(ret_diagnostic, map->file, map->line, map->column, KEY,
				   "expected a map with a value under each name");
	for (const struct tr_node *node = map ? map->first : NULL; node; node = node->next)
		if (declare(parameters, node, ret_diagnostic))
			return -1;
	return 0;
}

/* The last setting of a name counts. */
static void apply_settings(struct tr_parameters *parameters,
			   const struct tr_scenario_setting *settings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct tr_parameter *row =
			find(parameters, settings[i].name, strlen(settings[i].name));

		if (!row)
			continue;
		row->value = settings[i].value;
		row->length = strlen(settings[i].value);
		row->set = true;
	}
}

/* -------------------------------------------------------------------------------- substitution */

static int refuse_unknown(const struct tr_parameters *parameters, const struct tr_node *node,
			  const char *path, const char *name, size_t length,
			  struct tr_diagnostic *ret_diagnostic)
{
	struct tr_suggest suggest;
	char typed[TR_NAME_BYTES_MAX + 1];

	(void)snprintf(typed, sizeof typed, "%.*s", (int)tr_min(length, TR_NAME_BYTES_MAX), name);
	tr_suggest_begin(&suggest, typed);
	for (uint32_t i = 0; i < parameters->count; i++)
		tr_suggest_offer(&suggest, parameters->rows[i].name);
	if (suggest.best)
		return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, path,
				   "no parameter is named '%s'; did you mean '%s'?", typed,
				   suggest.best);
	return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, path,
			   "no parameter is named '%s'; '" KEY "' gives names and values", typed);
}

/* The parameter whose `${name}` stands at `at`; *ret_after: what stands behind it. NULL: refused.
 */
static struct tr_parameter *take(struct tr_parameters *parameters, const struct tr_node *node,
				 const char *path, const char *at, const char **ret_after,
				 struct tr_diagnostic *ret_diagnostic)
{
	const char *name = at + strlen(OPENING);
	const char *end = strchr(name, '}');
	struct tr_parameter *row;

	if (!end) {
		(void)tr_diagnose(ret_diagnostic, node->file, node->line, node->column, path,
				  "found '${' without '}'; a parameter is written ${name}, and "
				  "'${' itself $${");
		return NULL;
	}
	row = find(parameters, name, (size_t)(end - name));
	if (!row) {
		(void)refuse_unknown(parameters, node, path, name, (size_t)(end - name),
				     ret_diagnostic);
		return NULL;
	}
	row->used = true;
	*ret_after = end + 1;
	return row;
}

/* A scalar of texts and parameters. */
static int put_in(struct substituter *substituter, const struct tr_node *node, const char *path,
		  struct tr_scalar_text *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_text text = {0};
	const char *at = node->text;
	int err = 0;

	while (*at && !err) {
		size_t plain = strcspn(at, "$");
		const struct tr_parameter *row;

		tr_text_addn(&text, at, plain);
		at += plain;
		if (strncmp(at, "$" OPENING, 3) == 0) {
			tr_text_add(&text, OPENING);
			at += 3;
		} else if (strncmp(at, OPENING, 2) == 0) {
			row = take(substituter->parameters, node, path, at, &at, ret_diagnostic);
			if (row)
				tr_text_addn(&text, row->value, row->length);
			err = row ? 0 : -1;
		} else if (*at) {
			tr_text_addn(&text, at++, 1);
		}
		if (!err && text.length > RESULT_MAX)
			err = tr_diagnose(ret_diagnostic, node->file, node->line, node->column,
					  path, "with its parameters the text is too long");
	}
	free(substituter->last);
	substituter->last = tr_text_take(&text, &ret->length);
	if (!substituter->last && !err)
		err = tr_diagnose(ret_diagnostic, node->file, 0, 0, NULL, "not enough memory");
	ret->text = substituter->last;
	ret->plain = node->plain;
	return err ? -1 : 1;
}

static int substitute(void *self, const struct tr_node *node, const char *path,
		      struct tr_scalar_text *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct substituter *substituter = self;
	const struct tr_parameter *row;
	const char *after;

	if (!strstr(node->text, OPENING))
		return 0;
	/* Nothing but one parameter: its value as it is. */
	if (strncmp(node->text, OPENING, 2) == 0 && strcspn(node->text, "}") + 1 == node->length) {
		row = take(substituter->parameters, node, path, node->text, &after, ret_diagnostic);
		if (!row)
			return -1;
		*ret = (struct tr_scalar_text){row->value, row->length, row->plain};
		return 1;
	}
	return put_in(substituter, node, path, ret, ret_diagnostic);
}

static int check_keys(const struct tr_node *node, struct tr_diagnostic *ret_diagnostic)
{
	for (const struct tr_node *child = node->first; child; child = child->next) {
		if (strstr(child->key, OPENING))
			return tr_diagnose(ret_diagnostic, child->file, child->key_line,
					   child->key_column, NULL,
					   "found a parameter in the key '%.60s'; parameters stand "
					   "for values",
					   child->key);
		if (check_keys(child, ret_diagnostic))
			return -1;
	}
	return 0;
}

static int check_used(const struct tr_parameters *parameters, const char *own_file,
		      struct tr_diagnostic *ret_diagnostic)
{
	for (uint32_t i = 0; i < parameters->count; i++) {
		const struct tr_parameter *row = &parameters->rows[i];

		if (row->used || (!row->set && strcmp(row->node->file, own_file) != 0))
			continue;
		return refuse_value(row->node,
				    row->set ? "it is set, but nothing uses this parameter"
					     : "nothing uses this parameter",
				    ret_diagnostic);
	}
	return 0;
}

int tr_parameters_resolve(struct tr_document *document, const struct tr_scenario_setting *settings,
			  uint32_t setting_count, struct tr_arena *arena,
			  const struct tr_parameters **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_parameters *parameters = tr_arena_new(arena, sizeof *parameters);
	struct substituter substituter = {.parameters = parameters};
	int err;

	if (!parameters)
		return tr_diagnose(ret_diagnostic, tr_document_name(document), 0, 0, NULL,
				   "not enough memory");
	if (declare_all(parameters, tr_node_child(tr_document_root(document), KEY), ret_diagnostic))
		return -1;
	apply_settings(parameters, settings, setting_count);
	tr_document_drop(document, KEY);
	if (check_keys(tr_document_root(document), ret_diagnostic))
		return -1;
	err = tr_document_rewrite(document, substitute, &substituter, ret_diagnostic);
	free(substituter.last);
	if (err || check_used(parameters, tr_document_name(document), ret_diagnostic))
		return -1;
	*ret = parameters;
	return 0;
}

char *tr_parameters_escape(char *text, size_t *length)
{
	struct tr_text escaped = {0};
	const char *at = text, *found = text ? strstr(text, OPENING) : NULL;

	if (!found)
		return text;
	for (; found; at = found, found = strstr(found + 1, OPENING)) {
		tr_text_addn(&escaped, at, (size_t)(found - at));
		tr_text_add(&escaped, "$");
	}
	tr_text_add(&escaped, at);
	free(text);
	return tr_text_take(&escaped, length);
}
