/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walker by a small schema with every kind of field, and the documentation of every schema that
 * ships.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>
#include <jansson.h>

#include "engine/policy/load.h"
#include "engine/policy/schema.h"

struct feeding {
	tr_span_ns pause_ns;
	uint8_t strict;
	const struct tr_node *node;
};

struct cage {
	struct tr_row row;
	uint16_t beds;
	bool open;
	uint8_t mood;
	uint32_t foods;
	uint32_t neighbour;
	const char *keeper;
};

struct visit {
	struct tr_row row;
	uint32_t cage;
	uint64_t at_ns;
};

struct number_row {
	struct tr_row row;
	uint64_t value;
};

struct zoo {
	struct tr_rows cages;
	struct tr_rows visits;
	struct tr_rows sizes;
	struct tr_rows words;
	struct feeding feeding;
	struct feeding night;
	const char *motto;
	uint64_t entrance;
};

static const struct tr_table cage_table;
static const struct tr_reference to_cage = TR_REFERENCE_TO(struct zoo, cages, cage_table);
static const struct tr_word moods[] = {{"calm", 1, "sleeps"}, {"wild", 7, NULL}, {0}};
static const struct tr_word foods[] = {{"hay", 1, NULL}, {"fish", 2, NULL}, {"ants", 4, NULL}, {0}};

static const struct tr_schema_field cage_fields[] = {
	TR_INTEGER(struct cage, beds, "beds", 1, 9, "2", "beds", "How many sleep here."),
	TR_BOOL(struct cage, open, "open", "true", "Whether visitors see it."),
	TR_ENUM(struct cage, mood, "mood", moods, "wild", "How it behaves."),
	TR_FLAGS(struct cage, foods, "foods", foods, "[\"hay\"]", "What it eats."),
	TR_REFERENCE(struct cage, neighbour, "neighbour", &to_cage, NULL, "Who lives beside it."),
	TR_NAME(struct cage, keeper, "keeper", NULL, "Who feeds it."),
};
static const struct tr_table cage_table = TR_TABLE(struct cage, cage_fields, "cage");

static const struct tr_schema_field visit_fields[] = {
	TR_REFERENCE(struct visit, cage, "cage", &to_cage, NULL, "Where.", .required = true,
		     .star = true),
	TR_DURATION_S(struct visit, at_ns, "at_s", 0, 86400, "0", "When."),
};
static const struct tr_table visit_table = TR_TABLE(struct visit, visit_fields, "visit");

static const struct tr_schema_field number_fields[] = {
	TR_DECIMAL(struct number_row, value, "value", 2, 0, 1000, NULL, "m", "A size."),
};
static const struct tr_table number_table =
	TR_TABLE(struct number_row, number_fields, "size", .scalar = true);

static const struct tr_schema_field word_fields[] = {
	TR_ENUM(struct number_row, value, "value", moods, NULL, "A mood."),
};
static const struct tr_table word_table =
	TR_TABLE(struct number_row, word_fields, "mood", .scalar = true);

static const struct tr_schema_field feeding_fields[] = {
	TR_DURATION_MS(struct feeding, pause_ns, "pause_ms", 0, 60000, "1500", "Midday."),
	TR_BOOL(struct feeding, strict, "strict", "false", "Whether to be punctual."),
};
static const struct tr_table feeding_table = TR_TABLE(struct feeding, feeding_fields, "feeding");

static const struct tr_schema_field zoo_fields[] = {
	TR_MAP(struct zoo, cages, "cages", &cage_table, 1, 99, "The cages.",
	       .initial = "{\"owl\": {\"open\": false}}", .builtin = TR_BUILTIN_EACH),
	TR_LIST(struct zoo, visits, "visits", &visit_table, 0, 3, "Who comes when."),
	TR_LIST(struct zoo, sizes, "sizes", &number_table, 0, 9, "Sizes.", .initial = "[1.5, 2]"),
	TR_LIST(struct zoo, words, "words", &word_table, 0, 9, "Moods.", .set = true),
	TR_OBJECT(struct zoo, feeding, "feeding", &feeding_table, "By day."),
	TR_OBJECT(struct zoo, night, "night", &feeding_table, "By night.", .optional = true,
		  .node = offsetof(struct zoo, night.node)),
	TR_TEXT(struct zoo, motto, "motto", 1, 40, NULL, "Above the gate."),
	TR_DECIMAL(struct zoo, entrance, "entrance", 2, 0, 100000, "2.5", "EUR", "What it costs."),
};
static const struct tr_table zoo_table = TR_TABLE(struct zoo, zoo_fields, "zoo");
static const struct tr_schema zoo_schema = {.name = "zoo", .title = "Zoo", .root = &zoo_table};

struct fixture {
	struct tr_document *document;
	struct tr_arena arena;
	struct zoo zoo;
	struct tr_diagnostic diagnostic;
	int err;
};

static void read_zoo(struct fixture *fixture, const char *text)
{
	memset(fixture, 0, sizeof *fixture);
	fixture->err = tr_document_parse("zoo", text, strlen(text), &fixture->document,
					 &fixture->diagnostic);
	if (!fixture->err)
		fixture->err = tr_schema_read(&zoo_schema, fixture->document, &fixture->arena,
					      &fixture->zoo, &fixture->diagnostic);
}

static void done(struct fixture *fixture)
{
	tr_document_free(fixture->document);
	tr_arena_done(&fixture->arena);
}

static const struct cage *cage_at(const struct fixture *fixture, uint32_t index)
{
	assert_true(index < fixture->zoo.cages.count);
	return &((const struct cage *)fixture->zoo.cages.items)[index];
}

static void test_every_kind_of_field_is_read(void **state)
{
	static const char text[] =
		"visits:\n"
		"  - {cage: wolf, at_s: 1.5}\n"
		"  - {cage: '*'}\n"
		"cages:\n"
		"  wolf: {beds: 3, open: false, mood: calm, foods: [ants, fish],\n"
		"         neighbour: bear, keeper: Ida}\n"
		"  bear: {}\n"
		"sizes: [10, 0.25, 10]\n"
		"words: [wild, calm]\n"
		"feeding: {pause_ms: 0.5, strict: true}\n"
		"night: {}\n"
		"motto: 'Please: do not feed'\n"
		"entrance: 12.34\n";
	struct fixture fixture;
	const struct visit *visits;
	const struct number_row *rows;

	(void)state;
	read_zoo(&fixture, text);
	assert_int_equal(fixture.err, 0);
	assert_int_equal(fixture.zoo.cages.count, 3);
	assert_string_equal(cage_at(&fixture, 0)->row.name, "bear");
	assert_string_equal(cage_at(&fixture, 1)->row.name, "owl");
	assert_null(cage_at(&fixture, 1)->row.node);
	assert_false(cage_at(&fixture, 1)->open);
	assert_string_equal(cage_at(&fixture, 2)->row.name, "wolf");
	assert_int_equal(cage_at(&fixture, 2)->row.node->key_line, 5);
	assert_int_equal(cage_at(&fixture, 2)->beds, 3);
	assert_int_equal(cage_at(&fixture, 2)->mood, 1);
	assert_int_equal(cage_at(&fixture, 2)->foods, 6);
	assert_int_equal(cage_at(&fixture, 2)->neighbour, 0);
	assert_string_equal(cage_at(&fixture, 2)->keeper, "Ida");
	visits = fixture.zoo.visits.items;
	assert_int_equal(fixture.zoo.visits.count, 2);
	assert_int_equal(visits[0].cage, 2);
	assert_int_equal(visits[0].at_ns, 1500000000);
	assert_null(visits[0].row.name);
	assert_int_equal(visits[1].cage, TR_STAR);
	rows = fixture.zoo.sizes.items;
	assert_int_equal(fixture.zoo.sizes.count, 3);
	assert_int_equal(rows[0].value, 1000);
	assert_int_equal(rows[1].value, 25);
	assert_int_equal(rows[2].value, 1000);
	rows = fixture.zoo.words.items;
	assert_int_equal(rows[0].value, 1);
	assert_int_equal(rows[1].value, 7);
	assert_int_equal(fixture.zoo.feeding.pause_ns, 500000);
	assert_int_equal(fixture.zoo.feeding.strict, 1);
	assert_non_null(fixture.zoo.night.node);
	assert_int_equal(fixture.zoo.night.pause_ns, 1500000000);
	assert_string_equal(fixture.zoo.motto, "Please: do not feed");
	assert_int_equal(fixture.zoo.entrance, 1234);
	done(&fixture);
}

static void test_what_is_left_out_takes_its_default(void **state)
{
	struct fixture fixture;

	(void)state;
	read_zoo(&fixture, "cages: {wolf: {}}");
	assert_int_equal(fixture.err, 0);
	assert_int_equal(cage_at(&fixture, 1)->beds, 2);
	assert_true(cage_at(&fixture, 1)->open);
	assert_int_equal(cage_at(&fixture, 1)->mood, 7);
	assert_int_equal(cage_at(&fixture, 1)->foods, 1);
	assert_int_equal(cage_at(&fixture, 1)->neighbour, TR_NONE);
	assert_null(cage_at(&fixture, 1)->keeper);
	assert_int_equal(fixture.zoo.visits.count, 0);
	assert_int_equal(fixture.zoo.sizes.count, 2);
	assert_int_equal(fixture.zoo.feeding.pause_ns, 1500000000);
	assert_null(fixture.zoo.night.node);
	assert_int_equal(fixture.zoo.night.pause_ns, 0);
	assert_null(fixture.zoo.motto);
	assert_int_equal(fixture.zoo.entrance, 250);
	done(&fixture);
}

static void test_the_first_error_in_the_file_is_the_one_reported(void **state)
{
	struct fixture fixture;

	(void)state;
	read_zoo(&fixture, "entrance: 5\ncages:\n  z: {beds: 77}\n  a: {beds: 88}\nfeeding: 3\n");
	assert_int_equal(fixture.err, -1);
	assert_int_equal(fixture.diagnostic.line, 3);
	assert_string_equal(fixture.diagnostic.key, "cages.z.beds");
	done(&fixture);
	/* Names are looked up last, again in the order of the file. */
	read_zoo(&fixture, "visits: [{cage: x}, {cage: y}]\n");
	assert_string_equal(fixture.diagnostic.key, "visits[0].cage");
	assert_string_equal(fixture.diagnostic.message, "no cage is named 'x'; there is owl");
	done(&fixture);
}

static void test_each_misfit_is_refused_with_what_would_be_right(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"visits: {}", "found a map; expected a list of maps, each a visit"},
		{"visits: [{cage: owl}, {cage: owl}, {cage: owl}, {cage: owl}]",
		 "found 4 entries; expected at most 3"},
		{"visits: [7]", "found '7'; expected a map of keys and values"},
		{"visits: [{}]", "the key 'cage' is missing"},
		{"sizes: [1, x]", "found 'x'; expected a number from 0 to 10"},
		{"sizes: [1.234]",
		 "found '1.234'; expected a number from 0 to 10 with at most 2 digits behind the "
		 "point"},
		{"words: [calm, wild, calm]", "'calm' stands already on line 1"},
		{"words: [[calm]]", "found a list; expected one of calm, wild"},
		{"cages: {a: {foods: hay}}",
		 "found 'hay'; expected a list of any of hay, fish, ants"},
		{"cages: {a: {foods: [hat]}}",
		 "found 'hat'; expected one of hay, fish, ants; did you mean 'hay'?"},
		{"cages: {a: {keeper: 'Ida B'}}",
		 "found the text \"Ida B\"; expected a name (1 to 100 of A-Z "
		 "a-z 0-9 . _ : / @ + ~ -, not beginning with '-')"},
		{"cages: {a: {open: True}}", "found 'True'; expected true or false"},
		{"cages: []", "found a list; expected a map with a cage under each name"},
		{"motto: ''", "found the text \"\"; expected a text of 1 to 40 bytes"},
		{"motto: \"a\\tb\"", "found a control character in a text"},
		{"night:",
		 "found nothing; expected a map of keys and values; {} takes every default"},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		struct fixture fixture;

		read_zoo(&fixture, cases[i].text);
		assert_int_equal(fixture.err, -1);
		assert_string_equal(fixture.diagnostic.message, cases[i].message);
		done(&fixture);
	}
}

static void test_the_canonical_form_leaves_out_only_what_has_no_value(void **state)
{
	struct fixture fixture;
	size_t length, nodes;
	char *text;

	(void)state;
	read_zoo(&fixture, "motto: 'a \"b\" \\'\nvisits: [{cage: '*'}]\n");
	assert_int_equal(fixture.err, 0);
	text = tr_schema_canonical(&zoo_schema, &fixture.zoo, &length, &nodes);
	assert_string_equal(text,
			    "{\"cages\":{\"owl\":{\"beds\":2,\"foods\":[\"hay\"],\"mood\":\"wild\","
			    "\"open\":false}},"
			    "\"entrance\":2.5,\"feeding\":{\"pause_ms\":1500,\"strict\":false},"
			    "\"motto\":\"a \\\"b\\\" \\\\\",\"sizes\":[1.5,2],"
			    "\"visits\":[{\"at_s\":0,\"cage\":\"*\"}],\"words\":[]}");
	assert_int_equal(length, strlen(text));
	free(text);
	done(&fixture);
}

static void test_the_kind_of_a_file_is_told_by_its_keys(void **state)
{
	struct fixture fixture;

	(void)state;
	read_zoo(&fixture, "models: {}\ncages: {}\nmotto: x\n");
	assert_int_equal(tr_schema_match(&zoo_schema, fixture.document), 2);
	assert_int_equal(tr_schema_match(&tr_policy_schema, fixture.document), 1);
	done(&fixture);
}

/* ------------------------------------------------------------------------------- documentation */

static void check_number_text(const struct tr_schema_field *field, const json_t *value)
{
	if (field->kind == TR_KIND_INTEGER) {
		assert_true(json_is_integer(value));
		assert_true((uint64_t)json_integer_value(value) >= field->min);
		assert_true((uint64_t)json_integer_value(value) <= field->max);
	} else {
		assert_true(json_is_number(value));
	}
}

/* Walk a table and its JSON Schema side by side. */
static void check_table(const struct tr_table *table, const json_t *schema, const char *reference)
{
	const json_t *properties = json_object_get(schema, "properties");
	json_t *strict = json_object_get(schema, "additionalProperties");

	assert_string_equal(json_string_value(json_object_get(schema, "type")), "object");
	assert_true(json_is_false(strict));
	assert_int_equal(json_object_size(properties), table->field_count);
	for (size_t i = 0; i < table->field_count; i++) {
		const struct tr_schema_field *field = &table->fields[i];
		const json_t *property = json_object_get(properties, field->key);
		const json_t *initial = json_object_get(property, "default");
		bool number = field->kind == TR_KIND_INTEGER || field->kind == TR_KIND_DECIMAL;
		char line[80];

		assert_non_null(property);
		assert_non_null(field->doc);
		assert_string_equal(json_string_value(json_object_get(property, "description")),
				    field->doc);
		(void)snprintf(line, sizeof line, "| `%s` |", field->key);
		assert_non_null(strstr(reference, line));
		assert_non_null(strstr(reference, field->doc));
		assert_true(field->min <= field->max);
		/* A default is given, or there is a word on why not. */
		if (field->initial)
			assert_non_null(initial);
		if (number && !field->required)
			assert_non_null(field->initial);
		if (number && initial)
			check_number_text(field, initial);
		if (field->kind == TR_KIND_REFERENCE && !field->required && !field->initial)
			assert_non_null(field->initial_note);
		if (field->kind == TR_KIND_OBJECT)
			check_table(field->table, property, reference);
		if (field->kind == TR_KIND_MAP && !field->table->scalar)
			check_table(field->table, json_object_get(property, "additionalProperties"),
				    reference);
	}
}

/* API-5 */
static void test_every_key_of_a_policy_is_in_schema_and_reference_with_its_default(void **state)
{
	char *schema_text = tr_schema_json(&tr_policy_schema);
	char *reference = tr_schema_reference(&tr_policy_schema);
	json_error_t error;
	json_t *schema;

	(void)state;
	assert_non_null(schema_text);
	assert_non_null(reference);
	schema = json_loads(schema_text, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(schema);
	check_table(tr_policy_schema.root, schema, reference);
	json_decref(schema);
	free(schema_text);
	free(reference);
}

static void test_a_schema_with_every_kind_is_valid_json(void **state)
{
	char *text = tr_schema_json(&zoo_schema);
	json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	(void)state;
	assert_non_null(schema);
	json_decref(schema);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_field_is_read),
		cmocka_unit_test(test_what_is_left_out_takes_its_default),
		cmocka_unit_test(test_the_first_error_in_the_file_is_the_one_reported),
		cmocka_unit_test(test_each_misfit_is_refused_with_what_would_be_right),
		cmocka_unit_test(test_the_canonical_form_leaves_out_only_what_has_no_value),
		cmocka_unit_test(test_the_kind_of_a_file_is_told_by_its_keys),
		cmocka_unit_test(
			test_every_key_of_a_policy_is_in_schema_and_reference_with_its_default),
		cmocka_unit_test(test_a_schema_with_every_kind_is_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
