/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>

#include "engine/base.h"
#include "engine/policy/document.h"

#define BOM "\xef\xbb\xbf"

static struct tr_document *parse(const char *name, const char *text)
{
	struct tr_document *document = NULL;
	struct tr_diagnostic diagnostic;
	char message[1024];

	if (tr_document_parse(name, text, strlen(text), &document, &diagnostic))
		fail_msg("%s", tr_diagnostic_text(&diagnostic, message, sizeof message));
	return document;
}

static void test_every_key_and_value_knows_its_place(void **state)
{
	static const char *const texts[] = {
		"a: 1\nbb:\n  c: [x, \"y\"]\n",
		"a: 1\r\nbb:\r\n  c: [x, \"y\"]",
		BOM "a: 1\nbb:\n  c: [x, \"y\"]\n",
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(texts); i++) {
		struct tr_document *document = parse("x.yaml", texts[i]);
		const struct tr_node *root = tr_document_root(document);
		const struct tr_node *a = tr_node_child(root, "a");
		const struct tr_node *c = tr_node_child(tr_node_child(root, "bb"), "c");

		assert_int_equal(root->count, 2);
		assert_int_equal(a->key_line, 1);
		assert_int_equal(a->key_column, 1);
		assert_int_equal(a->line, 1);
		assert_int_equal(a->column, 4);
		assert_true(a->plain);
		assert_int_equal(c->kind, TR_NODE_LIST);
		assert_int_equal(c->key_line, 3);
		assert_int_equal(c->key_column, 3);
		assert_int_equal(c->count, 2);
		assert_string_equal(c->first->text, "x");
		assert_string_equal(c->first->next->text, "y");
		assert_false(c->first->next->plain);
		assert_int_equal(c->first->next->line, 3);
		assert_int_equal(c->first->next->column, 10);
		assert_null(tr_node_child(root, "c"));
		tr_document_free(document);
	}
}

static void test_json_indented_with_tabs_keeps_its_places(void **state)
{
	struct tr_document *document =
		parse("x.json", "\t{\r\n\t\t\"a\" :\t[1 ,\t2.5e0]\n\t}\t\n\n");
	const struct tr_node *a = tr_node_child(tr_document_root(document), "a");

	(void)state;
	assert_int_equal(a->key_line, 2);
	assert_int_equal(a->key_column, 3);
	assert_string_equal(a->first->next->text, "2.5e0");
	tr_document_free(document);
}

/* Parse what must be refused; returns the message, static. */
static const char *refusal(const char *text, size_t length)
{
	static struct tr_diagnostic diagnostic;
	struct tr_document *document = NULL;

	assert_int_equal(tr_document_parse("x", text, length, &document, &diagnostic), -1);
	assert_null(document);
	return diagnostic.message;
}

static void test_every_control_character_and_bad_byte_is_refused(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[] = {'a', ':', ' ', '"', (char)byte, '"', '\n'};
		bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';

		if (control || byte == 0x7f || byte >= 0x80)
			assert_non_null(strstr(refusal(text, sizeof text), "UTF-8"));
	}
}

static void test_invalid_utf8_is_refused(void **state)
{
	static const char *const texts[] = {
		"\xc0\x80",	    /* overlong */
		"\xe0\x80\x80",	    /* overlong */
		"\xed\xa0\x80",	    /* surrogate */
		"\xf4\x90\x80\x80", /* beyond U+10FFFF */
		"\xe2\x82",	    /* cut */
		"\xc2\x9b",	    /* C1 control */
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(texts); i++)
		assert_non_null(strstr(refusal(texts[i], strlen(texts[i])), "UTF-8"));
}

static void test_valid_utf8_is_kept(void **state)
{
	struct tr_document *document =
		parse("x", "a: \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"  # \xc3\xa9\nb: c\n");
	const struct tr_node *root = tr_document_root(document);

	(void)state;
	assert_string_equal(tr_node_child(root, "a")->text, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	tr_document_free(document);
}

static char *repeat(const char *begin, const char *unit, size_t times, const char *end,
		    size_t *ret_length)
{
	size_t head = strlen(begin), size = strlen(unit), tail = strlen(end);
	char *text = malloc(head + size * times + tail + 1);

	assert_non_null(text);
	memcpy(text, begin, head);
	for (size_t i = 0; i < times; i++)
		memcpy(text + head + size * i, unit, size);
	memcpy(text + head + size * times, end, tail + 1);
	*ret_length = head + size * times + tail;
	return text;
}

static void test_caps_hold_for_size_values_and_depth(void **state)
{
	static const struct {
		const char *begin, *unit, *end;
		size_t times;
		const char *message;
	} cases[] = {
		{"", "# comment\n", "", TR_DOCUMENT_BYTES_MAX / 10 + 1, "longer than 4 MiB"},
		{"[", "x,", "x]", TR_DOCUMENT_NODES_MAX, "more values"},
		{"{\"a\":[", "0,", "0]}", TR_DOCUMENT_NODES_MAX, "more values"},
		{"", "- \n", "", TR_DOCUMENT_NODES_MAX, "more values"},
		{"", "[", "", 1000000, "too deeply"},
		{"", "- ", "", 1000000, "too deeply"},
		{"", "{\"a\":", "", 200000, "JSON"},
		{"", "{a: ", "", 200000, "JSON"},
		{"a: ", "{a: ", "", 200000, "too deeply"},
		{"", "? ", "", 100000, "map or a list as a key"},
		{"a: \"", "x", "", 4000000, "not valid YAML"},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		size_t length;
		char *text = repeat(cases[i].begin, cases[i].unit, cases[i].times, cases[i].end,
				    &length);
		const char *message = refusal(text, length);

		if (!strstr(message, cases[i].message))
			fail_msg("case %zu: '%s'", i, message);
		free(text);
	}
}

static void test_depth_up_to_the_cap_is_read(void **state)
{
	char text[2 * TR_DOCUMENT_DEPTH_MAX + 1] = "";

	(void)state;
	memset(text, '[', TR_DOCUMENT_DEPTH_MAX);
	memset(text + TR_DOCUMENT_DEPTH_MAX, ']', TR_DOCUMENT_DEPTH_MAX);
	tr_document_free(parse("x", text));
}

static void test_of_many_keys_given_twice_the_first_in_the_file_is_reported(void **state)
{
	struct tr_document *document = NULL;
	struct tr_diagnostic diagnostic;
	const char *text = "z: 1\ny: 1\nz: 2\na: 1\ny: 2\na: 2\nz: 3\n";

	(void)state;
	assert_int_equal(tr_document_parse("x", text, strlen(text), &document, &diagnostic), -1);
	assert_int_equal(diagnostic.line, 3);
	assert_string_equal(diagnostic.message, "the key 'z' stands already on line 1");
}

static void test_a_diagnostic_is_cut_between_characters(void **state)
{
	struct tr_diagnostic diagnostic;
	char name[600] = "", text[2048];

	(void)state;
	for (size_t i = 0; i + 3 < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	assert_int_equal(tr_diagnose(&diagnostic, name, 3, 4, name, "%s%s", "x", name), -1);
	assert_int_equal(strlen(diagnostic.path) % 2, 0);
	assert_int_equal(strlen(diagnostic.key) % 2, 0);
	assert_int_equal(strlen(diagnostic.message) % 2, 1);
	tr_diagnostic_text(&diagnostic, text, sizeof text);
	assert_non_null(strstr(text, ":3:4: "));
	tr_diagnose(&diagnostic, NULL, 0, 7, NULL, "a\x1b[31m\xc2\x9b");
	assert_string_equal(tr_diagnostic_text(&diagnostic, text, sizeof text), "a?[31m??");
	assert_int_equal(diagnostic.column, 0);
}

static void test_a_file_that_cannot_be_read_says_why(void **state)
{
	struct tr_document *document = NULL;
	struct tr_diagnostic diagnostic;

	(void)state;
	assert_int_equal(tr_document_load("/nonexistent/x", &document, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "No such file"));
	assert_int_equal(tr_document_load("/", &document, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "directory"));
	assert_int_equal(tr_document_load("/dev/zero", &document, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "longer than"));
	assert_null(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_and_value_knows_its_place),
		cmocka_unit_test(test_json_indented_with_tabs_keeps_its_places),
		cmocka_unit_test(test_every_control_character_and_bad_byte_is_refused),
		cmocka_unit_test(test_invalid_utf8_is_refused),
		cmocka_unit_test(test_valid_utf8_is_kept),
		cmocka_unit_test(test_caps_hold_for_size_values_and_depth),
		cmocka_unit_test(test_depth_up_to_the_cap_is_read),
		cmocka_unit_test(test_of_many_keys_given_twice_the_first_in_the_file_is_reported),
		cmocka_unit_test(test_a_diagnostic_is_cut_between_characters),
		cmocka_unit_test(test_a_file_that_cannot_be_read_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
