/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte order mark is dropped; UTF-16 and other encodings fail the UTF-8 check, with the place.
 * Control characters are refused: what an editor does not show must not mean anything.
 *
 * JSON is read in the end by a YAML parser, for which it is nearly a subset. jansson decides first
 * whether it is JSON at all, with keys given twice refused; then tabs, which in JSON can only be
 * blanks, become spaces.
 */
#include "engine/policy/source.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base.h"
#include "engine/policy/document.h"

int tr_source_read(const char *path, char **ret_text, size_t *ret_length,
		   struct tr_diagnostic *ret_diagnostic)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "rbe");
	size_t length = 0, capacity = 0;
	char *text = NULL;
	int err = -1;

	if (!file)
		return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "cannot be opened: %s",
				   strerror(errno));
	for (;;) {
		size_t got;

		if (length == capacity) {
			char *larger;

			capacity = capacity ? capacity * 2 : (size_t)64 << 10;
			larger = realloc(text, capacity);
			if (!larger) {
				tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "not enough memory");
				goto out;
			}
			text = larger;
		}
		got = fread(text + length, 1, capacity - length, file);
		if (got == 0)
			break;
		length += got;
		if (length > TR_DOCUMENT_BYTES_MAX) {
			tr_diagnose(ret_diagnostic, path, 0, 0, NULL,
				    "the file is longer than %u MiB", TR_DOCUMENT_BYTES_MAX >> 20);
			goto out;
		}
	}
	if (ferror(file)) {
		tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "cannot be read: %s",
			    strerror(errno));
		goto out;
	}
	*ret_text = text;
	*ret_length = length;
	text = NULL;
	err = 0;
out:
	free(text);
	if (!standard)
		(void)fclose(file);
	return err;
}

/* Bytes of the UTF-8 character that starts here and is permitted in a file; 0: none. */
static size_t character(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		size_t bytes;
		uint32_t smallest;
	} forms[] = {
		{0xe0, 0xc0, 2, 0x80},
		{0xf0, 0xe0, 3, 0x800},
		{0xf8, 0xf0, 4, 0x10000},
	};

	if (*p < 0x80)
		return (*p >= 0x20 && *p != 0x7f) || *p == '\t' || *p == '\n' || *p == '\r';
	for (size_t i = 0; i < TR_ARRAY_LENGTH(forms); i++) {
		uint32_t code = *p & (uint32_t)(unsigned char)~forms[i].mask;

		if ((*p & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].bytes > left)
			return 0;
		for (size_t k = 1; k < forms[i].bytes; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (p[k] & 0x3fu);
		}
		if (code < forms[i].smallest || code > 0x10ffff)
			return 0;
		if ((code >= 0xd800 && code <= 0xdfff) || (code >= 0x80 && code <= 0x9f))
			return 0;
		return forms[i].bytes;
	}
	return 0;
}

static int check_characters(const char *name, const char *text, size_t length,
			    struct tr_diagnostic *ret_diagnostic)
{
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned line = 1, column = 1;

	for (size_t at = 0; at < length;) {
		size_t size = character(bytes + at, length - at);

		if (size == 0)
			return tr_diagnose(ret_diagnostic, name, line, column, NULL,
					   "found the byte 0x%02x; expected text in UTF-8",
					   (unsigned)bytes[at]);
		if (bytes[at] == '\n' ||
		    (bytes[at] == '\r' && (at + 1 == length || bytes[at + 1] != '\n'))) {
			line++;
			column = 1;
		} else {
			column++;
		}
		at += size;
	}
	return 0;
}

static bool is_named_json(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

static bool is_json(const char *name, const char *text, size_t length)
{
	size_t at = 0;

	if (is_named_json(name))
		return true;
	while (at < length && memchr(" \t\r\n", text[at], 4))
		at++;
	return at < length && text[at] == '{';
}

/* More brackets and commas than nodes can be: refused before jansson builds a tree of them. */
static bool is_crowded(const char *text, size_t length)
{
	size_t marks = 0;

	for (size_t i = 0; i < length; i++)
		marks += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return marks > TR_DOCUMENT_NODES_MAX;
}

static int check_json(const char *name, const char *text, size_t length,
		      struct tr_diagnostic *ret_diagnostic)
{
	json_error_t error;
	json_t *json;

	if (is_crowded(text, length))
		return tr_diagnose(ret_diagnostic, name, 0, 0, NULL,
				   "the file has more values than can be taken");
	json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return tr_diagnose(ret_diagnostic, name, error.line > 0 ? (unsigned)error.line : 1,
				   error.column > 0 ? (unsigned)error.column : 1, NULL,
				   "not valid JSON: %s%s", error.text,
				   is_named_json(name) ? ""
						       : "; a file that begins with '{' is JSON");
	json_decref(json);
	return 0;
}

int tr_source_prepare(const char *name, const char *text, size_t length, char **ret_text,
		      size_t *ret_length, struct tr_diagnostic *ret_diagnostic)
{
	bool json;
	char *copy;

	if (length > TR_DOCUMENT_BYTES_MAX)
		return tr_diagnose(ret_diagnostic, name, 0, 0, NULL,
				   "the file is longer than %u MiB", TR_DOCUMENT_BYTES_MAX >> 20);
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	if (check_characters(name, text, length, ret_diagnostic))
		return -1;
	json = is_json(name, text, length);
	if (json && check_json(name, text, length, ret_diagnostic))
		return -1;
	copy = malloc(length + 1);
	if (!copy)
		return tr_diagnose(ret_diagnostic, name, 0, 0, NULL, "not enough memory");
	for (size_t i = 0; i < length; i++)
		copy[i] = json && text[i] == '\t' ? ' ' : text[i];
	copy[length] = '\0';
	*ret_text = copy;
	*ret_length = length;
	return 0;
}
