/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the loader fails once. The linker puts the functions below in place of the
 * loader's malloc, calloc and realloc (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>

#include "engine/policy/schema.h"
#include "tests/policy/build.h"

static uint64_t countdown; /* the allocation that fails; 0: none */

static bool fails(void)
{
	return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

static void test_a_load_that_runs_out_of_memory_says_so_and_leaves_nothing(void **state)
{
	char *text = build_policy(5, 0, NOTATION_BLOCK);
	uint64_t failures = 0;

	(void)state;
	for (;;) {
		struct tr_policy_file *file = NULL;
		struct tr_diagnostic diagnostic;
		int err;

		countdown = failures + 1;
		err = tr_policy_load_text("x", text, strlen(text), &file, &diagnostic);
		if (err == 0) {
			countdown = 0;
			tr_policy_free(file);
			break;
		}
		failures++;
		assert_null(file);
		assert_string_equal(diagnostic.message, "not enough memory");
		assert_true(failures < 100000);
	}
	assert_true(failures > 20);
	free(text);
}

static void test_scaling_that_runs_out_of_memory_says_so_and_leaves_nothing(void **state)
{
	struct tr_policy_file *file = load("models: {m: {endpoints: {a: {}}}}"), *scaled = NULL;
	struct tr_diagnostic diagnostic;
	uint64_t failures = 0;

	(void)state;
	for (countdown = 1; tr_policy_scale(file, 3, &scaled, &diagnostic);
	     countdown = failures + 1) {
		failures++;
		assert_null(scaled);
		assert_string_equal(diagnostic.message, "not enough memory");
	}
	countdown = 0;
	assert_true(failures > 20);
	tr_policy_free(scaled);
	tr_policy_free(file);
}

static void test_a_page_that_runs_out_of_memory_is_not_made(void **state)
{
	static char *(*const makers[])(const struct tr_schema *) = {tr_schema_json,
								    tr_schema_reference};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(makers); i++) {
		uint64_t failures = 0;
		char *page;

		for (countdown = 1; !(page = makers[i](&tr_policy_schema));
		     countdown = failures + 1)
			failures++;
		countdown = 0;
		assert_true(failures > 2);
		free(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_load_that_runs_out_of_memory_says_so_and_leaves_nothing),
		cmocka_unit_test(test_scaling_that_runs_out_of_memory_says_so_and_leaves_nothing),
		cmocka_unit_test(test_a_page_that_runs_out_of_memory_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
