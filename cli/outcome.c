/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Fifteen digits give back every number of three decimals as it was written. */
#define LINE_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_PRESERVE_ORDER)

static const struct {
	const char *word;
	int code;
} statuses[] = {
#define X(name, word, code) {word, code},
	TR_CASE_STATUS_MAP(X)
#undef X
};

static json_t *text_or_null(const char *text)
{
	json_t *string = text ? json_string(text) : json_null();

	/* A path may be no UTF-8. */
	return string ? string : json_null();
}

json_t *tr_outcome_new(const struct tr_case_file *file, const struct tr_case_entry *entry,
		       enum tr_case_status status, const char *message)
{
	const struct tr_scenario *scenario = file->scenario;
	json_t *object = json_object(), *proves = json_array();

	for (uint32_t i = 0; scenario && i < scenario->proves_count; i++)
		json_array_append_new(proves, json_string(scenario->proves[i]));
	json_object_set_new(object, "scenario", text_or_null(file->path));
	json_object_set_new(object, "seed",
			    entry->seeded ? json_integer((json_int_t)entry->seed) : json_null());
	json_object_set_new(object, "title", text_or_null(scenario ? scenario->title : NULL));
	json_object_set_new(object, "proves", proves);
	json_object_set_new(object, "status", json_string(statuses[status].word));
	json_object_set_new(object, "message", text_or_null(message));
	return object;
}

static const json_t *assertions_of(const json_t *outcome)
{
	return json_object_get(outcome, "assertions");
}

static bool holds(const json_t *assertion)
{
	return json_is_true(json_object_get(assertion, "held"));
}

json_t *tr_outcome_of(const struct tr_case_file *file, const struct tr_case_entry *entry,
		      json_t *result)
{
	enum tr_case_status status = TR_STATUS_OK;
	const json_t *assertion;
	json_t *outcome;
	size_t i;

	json_array_foreach(assertions_of(result), i, assertion)
	{
		if (!holds(assertion))
			status = TR_STATUS_FAILED;
	}
	outcome = tr_outcome_new(file, entry, status, NULL);
	if (outcome && json_object_update_missing(outcome, result)) {
		json_decref(outcome);
		outcome = NULL;
	}
	json_decref(result);
	return outcome;
}

enum tr_case_status tr_outcome_status(const json_t *outcome)
{
	const char *word = json_string_value(json_object_get(outcome, "status"));

	for (unsigned i = 0; word && i < TR_STATUS_COUNT; i++)
		if (strcmp(statuses[i].word, word) == 0)
			return (enum tr_case_status)i;
	return TR_STATUS_DIED;
}

int tr_outcome_exit(enum tr_case_status status)
{
	return statuses[status].code;
}

const char *tr_outcome_name(const json_t *outcome, char *text, size_t size)
{
	const char *path = json_string_value(json_object_get(outcome, "scenario"));
	const json_t *seed = json_object_get(outcome, "seed");

	if (json_is_integer(seed))
		(void)snprintf(text, size, "%s seed %" JSON_INTEGER_FORMAT, path ? path : "?",
			       json_integer_value(seed));
	else
		(void)snprintf(text, size, "%s", path ? path : "?");
	return text;
}

/* Those that do not hold; their texts begin with the word for it, which stands above them already.
 */
static void print_failures(const json_t *outcome)
{
	static const char mark[] = "FAIL ";
	const json_t *assertion;
	size_t i;

	json_array_foreach(assertions_of(outcome), i, assertion)
	{
		const char *text = json_string_value(json_object_get(assertion, "text"));

		if (!holds(assertion) && text)
			printf("     %s\n",
			       text + (strncmp(text, mark, strlen(mark)) == 0 ? strlen(mark) : 0));
	}
}

void tr_outcome_print(const json_t *outcome, uint64_t wall_ns, bool colors)
{
	bool ok = tr_outcome_status(outcome) == TR_STATUS_OK;
	const char *message = json_string_value(json_object_get(outcome, "message"));
	const char *color = ok ? "\033[32m" : "\033[31m";
	char name[4200];

	printf("%s%s%s %s", colors ? color : "", ok ? "ok  " : "FAIL", colors ? "\033[0m" : "",
	       tr_outcome_name(outcome, name, sizeof name));
	if (wall_ns)
		printf("  %" PRIu64 ".%" PRIu64 " s", wall_ns / UINT64_C(1000000000),
		       wall_ns / 100000000 % 10);
	putchar('\n');
	if (message)
		printf("     %s\n", message);
	print_failures(outcome);
}

int tr_outcome_write(const json_t *outcome, FILE *stream)
{
	errno = 0;
	if (json_dumpf(outcome, stream, LINE_FLAGS) == 0)
		return 0;
	return errno ? errno : EIO;
}
