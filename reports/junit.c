/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads carry counts of what is inside them, so a suite's cases are written aside until the suite
 * is complete, and all suites until the end. A case takes some hundred bytes.
 *
 * Texts are XML 1.0: control characters, which it has no way to write, become '?'.
 */
#include "reports/junit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SUITE_NAME_MAX 4200

struct counts {
	unsigned tests;
	unsigned failures;
	unsigned errors;
	uint64_t time_ms;
};

/* A text that is written to as a stream. */
struct aside {
	FILE *stream;
	char *text;
	size_t length;
};

struct tr_junit {
	struct aside suites; /* whole ones */
	struct aside cases;  /* of the suite that is open */
	struct counts all;
	struct counts suite;
	bool open;
	char name[SUITE_NAME_MAX];
	bool failed;
};

static bool aside_open(struct aside *aside)
{
	aside->stream = open_memstream(&aside->text, &aside->length);
	return aside->stream != NULL;
}

static void aside_done(struct aside *aside)
{
	if (aside->stream)
		(void)fclose(aside->stream);
	free(aside->text);
	*aside = (struct aside){0};
}

/* ---------------------------------------------------------------------------------------- text */

static void write_escaped(FILE *stream, const char *text)
{
	static const struct {
		char character;
		const char *entity;
	} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};

	for (; *text; text++) {
		const char *entity = NULL;

		for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
			if (entities[i].character == *text)
				entity = entities[i].entity;
		if (entity)
			fputs(entity, stream);
		else
			fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stream);
	}
}

static void write_attribute(FILE *stream, const char *name, const char *value)
{
	fprintf(stream, " %s=\"", name);
	write_escaped(stream, value);
	fputc('"', stream);
}

static void write_counts(FILE *stream, const struct counts *counts)
{
	fprintf(stream, " tests=\"%u\" failures=\"%u\" errors=\"%u\"", counts->tests,
		counts->failures, counts->errors);
}

static void write_time(FILE *stream, uint64_t milliseconds)
{
	fprintf(stream, " time=\"%llu.%03llu\"", (unsigned long long)(milliseconds / 1000),
		(unsigned long long)(milliseconds % 1000));
}

static const char *text_of(const json_t *outcome, const char *key)
{
	const char *text = json_string_value(json_object_get(outcome, key));

	return text ? text : "";
}

/* --------------------------------------------------------------------------------------- cases */

/* "scenarios/day/x.yaml" is the class "scenarios.day.x", so that viewers fold by folder. */
static void write_class(FILE *stream, const char *path)
{
	size_t length = strlen(path);

	if (length > 5 && strcmp(path + length - 5, ".yaml") == 0)
		length -= 5;
	fputs(" classname=\"", stream);
	for (size_t i = 0; i < length; i++) {
		char character[2] = {path[i] == '/' ? '.' : path[i], '\0'};

		write_escaped(stream, character);
	}
	fputc('"', stream);
}

static uint64_t virtual_ms(const json_t *outcome)
{
	double seconds = json_number_value(json_object_get(outcome, "virtual_seconds"));

	return seconds > 0 ? (uint64_t)(seconds * 1000.0 + 0.5) : 0;
}

/* What an assertion says begins with the word for how it went, which its element says already. */
static const char *unmarked(const char *text)
{
	static const char mark[] = "FAIL ";

	return text + (strncmp(text, mark, strlen(mark)) == 0 ? strlen(mark) : 0);
}

static void write_failures(FILE *stream, const json_t *outcome)
{
	const json_t *assertion;
	size_t i;

	json_array_foreach(json_object_get(outcome, "assertions"), i, assertion)
	{
		if (json_is_true(json_object_get(assertion, "held")))
			continue;
		fputs("      <failure type=\"assertion\"", stream);
		write_attribute(stream, "message", unmarked(text_of(assertion, "text")));
		fputs("/>\n", stream);
	}
}

/* What keeps a case from having passed. */
static void write_trouble(struct tr_junit *junit, const json_t *outcome)
{
	const char *status = text_of(outcome, "status");
	FILE *stream = junit->cases.stream;

	if (strcmp(status, "failed") == 0) {
		junit->suite.failures++;
		write_failures(stream, outcome);
		return;
	}
	junit->suite.errors++;
	fputs("      <error", stream);
	write_attribute(stream, "type", status);
	write_attribute(stream, "message", text_of(outcome, "message"));
	fputs("/>\n", stream);
}

static void write_case(struct tr_junit *junit, const json_t *outcome)
{
	const json_t *seed = json_object_get(outcome, "seed");
	FILE *stream = junit->cases.stream;

	fputs("    <testcase", stream);
	if (json_is_integer(seed))
		fprintf(stream, " name=\"seed %" JSON_INTEGER_FORMAT "\"",
			json_integer_value(seed));
	else
		fputs(" name=\"load\"", stream);
	write_class(stream, text_of(outcome, "scenario"));
	write_time(stream, virtual_ms(outcome));
	junit->suite.tests++;
	junit->suite.time_ms += virtual_ms(outcome);
	if (strcmp(text_of(outcome, "status"), "ok") == 0) {
		fputs("/>\n", stream);
		return;
	}
	fputs(">\n", stream);
	write_trouble(junit, outcome);
	fputs("    </testcase>\n", stream);
}

/* -------------------------------------------------------------------------------------- suites */

static void write_properties(FILE *stream, const json_t *outcome)
{
	const json_t *proves = json_object_get(outcome, "proves");
	const char *title = text_of(outcome, "title");
	const json_t *id;
	size_t i;

	if (!*title && json_array_size(proves) == 0)
		return;
	fputs("    <properties>\n", stream);
	if (*title) {
		fputs("      <property name=\"title\"", stream);
		write_attribute(stream, "value", title);
		fputs("/>\n", stream);
	}
	json_array_foreach(proves, i, id)
	{
		fputs("      <property name=\"proves\"", stream);
		write_attribute(stream, "value", json_string_value(id));
		fputs("/>\n", stream);
	}
	fputs("    </properties>\n", stream);
}

static void begin_suite(struct tr_junit *junit, const json_t *outcome)
{
	junit->open = true;
	junit->suite = (struct counts){0};
	(void)snprintf(junit->name, sizeof junit->name, "%s", text_of(outcome, "scenario"));
	junit->failed |= !aside_open(&junit->cases);
	if (!junit->failed)
		write_properties(junit->cases.stream, outcome);
}

static void end_suite(struct tr_junit *junit)
{
	FILE *stream = junit->suites.stream;

	if (!junit->open || junit->failed)
		return;
	junit->open = false;
	junit->failed |= fflush(junit->cases.stream) != 0;
	fputs("  <testsuite", stream);
	write_attribute(stream, "name", junit->name);
	write_counts(stream, &junit->suite);
	fputs(" skipped=\"0\"", stream);
	write_time(stream, junit->suite.time_ms);
	fputs(">\n", stream);
	fputs(junit->cases.text, stream);
	fputs("  </testsuite>\n", stream);
	aside_done(&junit->cases);
	junit->all.tests += junit->suite.tests;
	junit->all.failures += junit->suite.failures;
	junit->all.errors += junit->suite.errors;
	junit->all.time_ms += junit->suite.time_ms;
}

struct tr_junit *tr_junit_new(void)
{
	struct tr_junit *junit = calloc(1, sizeof *junit);

	if (junit && !aside_open(&junit->suites)) {
		free(junit);
		return NULL;
	}
	return junit;
}

void tr_junit_free(struct tr_junit *junit)
{
	if (!junit)
		return;
	aside_done(&junit->suites);
	aside_done(&junit->cases);
	free(junit);
}

void tr_junit_add(struct tr_junit *junit, const json_t *outcome)
{
	if (junit->open && strcmp(junit->name, text_of(outcome, "scenario")) != 0)
		end_suite(junit);
	if (!junit->open && !junit->failed)
		begin_suite(junit, outcome);
	if (!junit->failed)
		write_case(junit, outcome);
}

int tr_junit_write(struct tr_junit *junit, FILE *stream)
{
	end_suite(junit);
	if (junit->failed || fflush(junit->suites.stream) != 0)
		return ENOMEM;
	errno = 0;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tailrace sim\"",
	      stream);
	write_counts(stream, &junit->all);
	write_time(stream, junit->all.time_ms);
	fputs(">\n", stream);
	fputs(junit->suites.text, stream);
	fputs("</testsuites>\n", stream);
	if (ferror(stream))
		return errno ? errno : EIO;
	return 0;
}
