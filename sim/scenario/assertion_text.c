/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions and what came of them in words, the same on every machine: times in seconds, numbers
 * in their units with three decimals, or with six where three would hide a difference.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/policy/number.h"
#include "sim/scenario/finding.h"

void tr_say(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	if (length + 1 >= size)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

/* A span in seconds. */
static const char *seconds(tr_span_ns span, char text[TR_NUMBER_TEXT_MAX])
{
	return tr_number_text(span, 9, text);
}

const char *tr_number_say(uint64_t number, uint64_t beside, char text[TR_NUMBER_TEXT_MAX])
{
	uint64_t thousandths = number / 1000;

	/* 2000.0004 is not below 2000, and should not look as if it were equal. */
	if (number != beside && thousandths == beside / 1000)
		return tr_number_text(number, 6, text);
	return tr_number_text(thousandths, 3, text);
}

static void say_about(const struct tr_draft_about *about, char *text, size_t size)
{
	const struct {
		const char *key;
		const char *word;
	} parts[] = {
#define X(uc, member, key, text) {key, about->member},
		TR_SELECTOR_NAME_MAP(X)
#undef X
			{"code", about->code ? tr_rejects[about->code].name : NULL},
		{"outcome", about->outcome ? tr_outcomes[about->outcome].name : NULL},
		{"cause", about->cause ? tr_causes[about->cause].name : NULL},
	};
	bool any = false;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(parts); i++) {
		if (!parts[i].word)
			continue;
		tr_say(text, size, "%s%s=%s", any ? "," : "{", parts[i].key, parts[i].word);
		any = true;
	}
	if (any)
		tr_say(text, size, "}");
}

static void say_window(const struct tr_draft_window *window, char *text, size_t size)
{
	char from[TR_NUMBER_TEXT_MAX], to[TR_NUMBER_TEXT_MAX], within[TR_NUMBER_TEXT_MAX];

	seconds(window->from_s, from);
	seconds(window->to_s, to);
	seconds(window->within_s, within);
	if (window->before && window->given.within_s) {
		tr_say(text, size, " in the last %s s before %s", within, window->before);
		return;
	}
	if (window->given.from_s)
		tr_say(text, size, " from %s s", from);
	if (window->given.to_s)
		tr_say(text, size, " to %s s", to);
	if (window->given.within_s)
		tr_say(text, size, " within %s s", within);
	if (window->after)
		tr_say(text, size, " after %s", window->after);
	if (window->after_end)
		tr_say(text, size, " after the end of %s", window->after_end);
	if (window->during)
		tr_say(text, size, " during %s", window->during);
	if (window->before)
		tr_say(text, size, " before %s", window->before);
}

void tr_subject_say(const char *what, const struct tr_draft_about *about,
		    const struct tr_draft_window *window, char *text, size_t size)
{
	tr_say(text, size, "%s", what);
	if (about)
		say_about(about, text, size);
	if (window)
		say_window(window, text, size);
}

const char *tr_finding_text(const struct tr_finding *finding, char *text, size_t size)
{
	text[0] = '\0';
	tr_say(text, size, "%s %s", finding->held ? "ok  " : "FAIL", finding->file);
	if (finding->line)
		tr_say(text, size, ":%u", finding->line);
	tr_say(text, size, ": ");
	if (finding->name)
		tr_say(text, size, "%s: ", finding->name);
	tr_say(text, size, "%s: found %s, expected %s", finding->subject, finding->found,
	       finding->expected);
	return text;
}

static json_t *string(const char *text)
{
	json_t *ret = text ? json_string(text) : json_null();

	return ret ? ret : json_null();
}

json_t *tr_assertions_json(const struct tr_assertions *assertions)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < tr_assertions_count(assertions); i++) {
		const struct tr_finding *finding = tr_assertions_finding(assertions, i);
		json_t *object = json_object();
		char text[TR_FINDING_TEXT_MAX];

		json_object_set_new(object, "held", json_boolean(finding->held));
		json_object_set_new(object, "text",
				    string(tr_finding_text(finding, text, sizeof text)));
		json_object_set_new(object, "name", string(finding->name));
		json_object_set_new(object, "file", string(finding->file));
		json_object_set_new(object, "line", json_integer(finding->line));
		json_object_set_new(object, "subject", string(finding->subject));
		json_object_set_new(object, "found", string(finding->found));
		json_object_set_new(object, "expected", string(finding->expected));
		json_array_append_new(array, object);
	}
	return array;
}
