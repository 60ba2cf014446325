/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One meaning, one text, one id; and text that was spoilt never does harm.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>

#include "engine/random.h"
#include "tests/policy/build.h"

#define SEEDS 300

static void assert_same(uint64_t seed, const struct tr_policy_file *a,
			const struct tr_policy_file *b)
{
	if (strcmp(tr_policy_canonical(a, NULL), tr_policy_canonical(b, NULL)) != 0)
		fail_msg("seed %" PRIu64 ":\n%s\n%s", seed, tr_policy_canonical(a, NULL),
			 tr_policy_canonical(b, NULL));
	assert_int_equal(tr_policy_compiled(a)->id, tr_policy_compiled(b)->id);
	assert_int_not_equal(tr_policy_compiled(a)->id, 0);
}

static void test_the_canonical_form_loads_to_the_same_id(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		char *text = build_policy(seed, 0, NOTATION_BLOCK);
		struct tr_policy_file *file = load(text), *again;
		size_t length;
		const char *canonical = tr_policy_canonical(file, &length);

		again = load_as("x.json", canonical, length);
		assert_same(seed, file, again);
		tr_policy_free(again);
		tr_policy_free(file);
		free(text);
	}
}

static void test_order_and_notation_of_a_file_change_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		char *text = build_policy(seed, 0, NOTATION_JSON);
		struct tr_policy_file *file = load(text);

		free(text);
		for (uint64_t order = 1; order <= 6; order++) {
			struct tr_policy_file *other;

			text = build_policy(seed, seed * 10 + order, (enum notation)(order % 3));
			other = load(text);
			assert_same(seed, file, other);
			tr_policy_free(other);
			free(text);
		}
		tr_policy_free(file);
	}
}

static void test_different_policies_have_different_ids(void **state)
{
	uint64_t ids[SEEDS];

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		char *text = build_policy(seed, 0, NOTATION_FLOW);
		struct tr_policy_file *file = load(text);

		ids[seed - 1] = tr_policy_compiled(file)->id;
		for (uint64_t i = 0; i + 1 < seed; i++)
			assert_int_not_equal(ids[i], ids[seed - 1]);
		tr_policy_free(file);
		free(text);
	}
}

static uint64_t id_of(const char *text, size_t length)
{
	struct tr_policy_file *file = load_as("test.yaml", text, length);
	uint64_t id = tr_policy_compiled(file)->id;

	tr_policy_free(file);
	return id;
}

#define ID_OF(text) id_of(text, sizeof(text) - 1)

static void test_line_ends_comments_and_marks_change_nothing(void **state)
{
	uint64_t id = ID_OF("models:\n  m:\n    quality: 700\n    endpoints: {a: {}}\n");

	(void)state;
	assert_int_equal(id, ID_OF("models:\n  m:\n    quality: 700\n    endpoints: {a: {}}"));
	assert_int_equal(
		id, ID_OF("models:\r\n  m:\r\n    quality: 700\r\n    endpoints: {a: {}}\r\n"));
	assert_int_equal(id,
			 ID_OF("\xef\xbb\xbfmodels: {m: {quality: 700, endpoints: {a: {}}}}\n"));
	assert_int_equal(id, ID_OF("# c\n---\nmodels: {m: {quality: 700, endpoints: {a: {}}}} # c\n"
				   "...\n"));
	assert_int_equal(id, ID_OF("\n {\"models\":\n\t{\"m\": {\"quality\":700,\t\"endpoints\":{"
				   "\"a\":{}}}}}\n\t"));
	assert_int_equal(id, ID_OF("models: {m: {quality: 700.0, endpoints: {'a': {}}}}\n"));
	assert_int_not_equal(id, ID_OF("models: {m: {quality: 701, endpoints: {a: {}}}}\n"));
}

#define TWO "models: {m: {endpoints: {a: {}}}, n: {endpoints: {b: {}}}}\n"

static void test_a_default_written_out_changes_nothing(void **state)
{
	uint64_t id = ID_OF(TWO);

	(void)state;
	assert_int_equal(id, ID_OF(TWO "retry: {attempts: 2}\nslo: {}\naliases: {}\n"));
	assert_int_equal(id, ID_OF(TWO "tenants: {default: {models: [n, m]}}\n"));
	assert_int_equal(id, ID_OF(TWO "intents: {default: {class: interactive}}\n"));
	assert_int_equal(id, ID_OF(TWO "classes: {batch: {priority: 10, floor_percent: 5}, "
				       "interactive: {}}\n"));
	assert_int_not_equal(id, ID_OF(TWO "default_model: m\n"));
	assert_int_not_equal(id, ID_OF(TWO "tenants: {default: {models: [m]}}\n"));
}

static void test_the_order_of_a_chain_has_a_meaning(void **state)
{
	static const char format[] = "models:\n"
				     "  a: {fallback: [%s], endpoints: {ea: {}}}\n"
				     "  b: {endpoints: {eb: {}}}\n"
				     "  c: {endpoints: {ec: {}}}\n";
	char one[200], other[200];

	(void)state;
	(void)snprintf(one, sizeof one, format, "b, c");
	(void)snprintf(other, sizeof other, format, "c, b");
	assert_int_not_equal(id_of(one, strlen(one)), id_of(other, strlen(other)));
}

/* A fixed text and its id: the canonical form must not drift from release to release. */
static void test_the_id_of_the_smallest_policy_is_known(void **state)
{
	(void)state;
	assert_int_equal(ID_OF("models: {m: {endpoints: {a: {}}}}"), UINT64_C(0x58a64cfd73d3aa2f));
}

/* Flip, drop, double and swap bytes of valid files. */
static void test_spoilt_text_is_refused_or_loaded_but_never_harmful(void **state)
{
	uint32_t loaded = 0, refused = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 4000; seed++) {
		char *text = build_policy(seed % 50, seed, (enum notation)(seed % 3));
		size_t length = strlen(text);
		struct tr_policy_file *file = NULL;
		struct tr_diagnostic diagnostic;

		for (uint64_t n = 0; n <= seed % 3; n++) {
			uint64_t bits = tr_draw(seed, 3, TR_PURPOSE_TEST, n);
			size_t at = (size_t)tr_below(bits, length);

			switch (bits % 4) {
			case 0:
				text[at] = (char)(bits >> 8);
				break;
			case 1:
				memmove(text + at, text + at + 1, length - at);
				length--;
				break;
			case 2:
				length = at + 1;
				break;
			default:
				text[at] = text[length - at - 1];
				break;
			}
		}
		if (tr_policy_load_text("x", text, length, &file, &diagnostic)) {
			assert_null(file);
			assert_true(diagnostic.message[0] != '\0');
			refused++;
		} else {
			loaded++;
		}
		tr_policy_free(file);
		free(text);
	}
	/* Neither way may be the only one, or the test looks at nothing. */
	assert_true(loaded > 100);
	assert_true(refused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_canonical_form_loads_to_the_same_id),
		cmocka_unit_test(test_order_and_notation_of_a_file_change_nothing),
		cmocka_unit_test(test_different_policies_have_different_ids),
		cmocka_unit_test(test_line_ends_comments_and_marks_change_nothing),
		cmocka_unit_test(test_a_default_written_out_changes_nothing),
		cmocka_unit_test(test_the_order_of_a_chain_has_a_meaning),
		cmocka_unit_test(test_the_id_of_the_smallest_policy_is_known),
		cmocka_unit_test(test_spoilt_text_is_refused_or_loaded_but_never_harmful),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
