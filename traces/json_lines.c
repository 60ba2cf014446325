/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jansson says whether a line is JSON at all (duplicate keys are refused), but it takes decimals to
 * doubles. A decimal is therefore looked up again in the line's own text, which by then is known to
 * be a well-formed object, and goes from there straight to an integer. The one thing given up: a
 * decimal whose key is written with escapes is not found, and refused.
 */
#include "traces/json_lines.h"

#include <stdlib.h>
#include <string.h>

#include "engine/policy/suggest.h"
#include "traces/found.h"
#include "traces/lines.h"

static const char *skip_string(const char *at)
{
	for (at++; *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at + 1;
}

/* The text of a number that is a member of the line's outermost object; NULL if its key is written
 * with escapes. The line must be a well-formed object. */
static const char *number_text(const struct tr_json_member *member, size_t *ret_length)
{
	size_t name_length = strlen(member->name);
	unsigned depth = 0;
	bool key_next = false;

	for (const char *at = member->line, *end = at + member->length; at < end;) {
		const char *string = at;

		if (*at != '"') {
			depth += *at == '{' || *at == '[';
			depth -= *at == '}' || *at == ']';
			key_next = depth == 1 && (*at == '{' || *at == ',' || key_next);
			at++;
			continue;
		}
		at = skip_string(at);
		if (!key_next)
			continue;
		key_next = false;
		if ((size_t)(at - string) != name_length + 2 ||
		    memcmp(string + 1, member->name, name_length) != 0)
			continue;
		while (at < end && strchr(" \t\r:", *at))
			at++;
		string = at;
		while (at < end && strchr("+-.0123456789eE", *at))
			at++;
		*ret_length = (size_t)(at - string);
		return string;
	}
	return NULL;
}

bool tr_json_number(const struct tr_json_member *member, char text[TR_STAMP_MAX],
		    const char **ret_at, size_t *ret_length)
{
	if (json_is_real(member->value)) {
		*ret_at = number_text(member, ret_length);
		return *ret_at != NULL;
	}
	if (!json_is_integer(member->value))
		return false;
	*ret_length = (size_t)snprintf(text, TR_STAMP_MAX, "%" JSON_INTEGER_FORMAT,
				       json_integer_value(member->value));
	*ret_at = text;
	return true;
}

static enum tr_source_result bad_field(struct tr_source *source, const struct tr_json_field *field,
				       const struct tr_json_member *member,
				       struct tr_diagnostic *ret_diagnostic)
{
	char key[64], shown[TR_FOUND_MAX], number[TR_STAMP_MAX];
	const char *at = NULL;
	size_t length = 0;
	char *dump = NULL;

	snprintf(key, sizeof(key), "field '%s'", field->name);
	if (!member->value)
		return tr_source_bad(source, ret_diagnostic, key, "missing, expected %s",
				     field->expected);
	if (!tr_json_number(member, number, &at, &length)) {
		dump = json_dumps(member->value,
				  JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
		at = dump ? dump : "";
		length = strlen(at);
	}
	tr_source_bad(source, ret_diagnostic, key, "found %s, expected %s",
		      tr_found(at, length, shown), field->expected);
	free(dump);
	return TR_SOURCE_BAD;
}

static enum tr_source_result take_fields(struct tr_source *source,
					 const struct tr_json_format *format, const json_t *object,
					 const char *line, size_t length,
					 struct tr_diagnostic *ret_diagnostic)
{
	for (size_t i = 0; i < format->field_count; i++) {
		const struct tr_json_field *field = &format->fields[i];
		struct tr_json_member member = {field->name, json_object_get(object, field->name),
						line, length};

		if (!field->required && (!member.value || json_is_null(member.value)))
			continue;
		if (!member.value || !field->take(source, &member))
			return bad_field(source, field, &member, ret_diagnostic);
	}
	return TR_SOURCE_ROW;
}

/* In a closed format every member must be known. */
static enum tr_source_result check_names(struct tr_source *source,
					 const struct tr_json_format *format, json_t *object,
					 struct tr_diagnostic *ret_diagnostic)
{
	struct tr_suggest suggest;
	char shown[TR_FOUND_MAX];
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		bool known = false;

		tr_suggest_begin(&suggest, name);
		for (size_t i = 0; i < format->field_count && !known; i++) {
			known = strcmp(name, format->fields[i].name) == 0;
			tr_suggest_offer(&suggest, format->fields[i].name);
		}
		if (known)
			continue;
		return tr_source_bad(source, ret_diagnostic, "", "unknown field %s%s%s%s",
				     tr_found(name, strlen(name), shown),
				     suggest.best ? "; did you mean '" : "",
				     suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
	}
	return TR_SOURCE_ROW;
}

static enum tr_source_result bad_json(struct tr_source *source, json_error_t *error,
				      struct tr_diagnostic *ret_diagnostic)
{
	/* The text quotes the line. */
	for (char *p = error->text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return tr_source_bad(source, ret_diagnostic, "", "not a JSON object (column %d): %.120s",
			     error->column, error->text);
}

enum tr_source_result tr_json_next(struct tr_source *source, const struct tr_json_format *format,
				   struct tr_diagnostic *ret_diagnostic)
{
	enum tr_source_result result;
	json_error_t error;
	const char *line;
	size_t length;
	json_t *object;

	result = tr_source_line(source, &line, &length, ret_diagnostic);
	if (result != TR_SOURCE_ROW)
		return result;
	source->row.line = source->lines->number;
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return bad_json(source, &error, ret_diagnostic);
	if (!json_is_object(object))
		result = tr_source_bad(source, ret_diagnostic, "",
				       "found an array, expected an object in braces");
	if (result == TR_SOURCE_ROW && format->closed)
		result = check_names(source, format, object, ret_diagnostic);
	if (result == TR_SOURCE_ROW)
		result = take_fields(source, format, object, line, length, ret_diagnostic);
	if (result == TR_SOURCE_ROW && format->check)
		result = format->check(source, ret_diagnostic);
	json_decref(object);
	return result;
}
