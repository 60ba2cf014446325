/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy file becomes: the compiled tables.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>

#include "engine/engine.h"
#include "engine/policy/draft.h"
#include "engine/policy/text.h"
#include "tests/policy/build.h"

#define SMALLEST "models: {m: {endpoints: {a: {}}}}\n"

static void test_the_smallest_policy_has_every_default(void **state)
{
	struct tr_policy_file *file = load(SMALLEST);
	const struct tr_policy *p = tr_policy_compiled(file);

	(void)state;
	assert_int_equal(p->model_count, 1);
	assert_int_equal(p->models[0].quality, 500);
	assert_int_equal(p->models[0].context_tokens, 131072);
	assert_int_equal(p->models[0].output_tokens, 256);
	assert_int_equal(p->models[0].price_in, 0);
	assert_int_equal(p->models[0].price_out, 0);
	assert_int_equal(p->models[0].capabilities, 63);
	assert_int_equal(p->models[0].chain_count, 1);
	assert_int_equal(p->models[0].chain[0], 0);
	assert_int_equal(p->endpoint_count, 1);
	assert_int_equal(p->endpoints[0].slots, 8);
	assert_int_equal(p->endpoints[0].requests_per_minute, 0);
	assert_int_equal(p->class_count, 2);
	assert_int_equal(p->classes[0].name, tr_name_of("batch", 5));
	assert_int_equal(p->classes[0].priority, 10);
	assert_int_equal(p->classes[0].floor_percent, 5);
	assert_int_equal(p->classes[1].name, tr_name_of("interactive", 11));
	assert_int_equal(p->classes[1].priority, 100);
	assert_int_equal(p->classes[1].queue_limit, 4096);
	assert_int_equal(p->classes[1].full, TR_FULL_REJECT);
	assert_int_equal(p->tenant_count, 1);
	assert_int_equal(p->default_tenant, 0);
	assert_int_equal(p->tenants[0].name, tr_name_of("default", 7));
	assert_int_equal(p->tenants[0].weight_milli, 1000);
	assert_int_equal(p->tenants[0].strategy, TR_NONE);
	assert_int_equal(p->tenants[0].models.bits[0], 1);
	assert_int_equal(p->strategy_count, 5);
	assert_int_equal(p->intent_count, 1);
	assert_int_equal(p->default_intent, 0);
	assert_int_equal(p->intents[0].class_row, 1);
	assert_int_equal(p->strategies[p->intents[0].strategy].picker, TR_PICKER_LEAST_OUTSTANDING);
	assert_int_equal(p->intents[0].cancelable, 1);
	assert_int_equal(p->intents[0].hedge, 0);
	assert_int_equal(p->intents[0].strict, 0);
	assert_int_equal(p->default_model, 0);
	assert_int_equal(p->unknown_model, TR_NONE);
	assert_int_equal(p->alias_count, 0);
	tr_policy_free(file);
}

static void test_the_smallest_policy_has_the_published_defaults_of_recovery(void **state)
{
	struct tr_policy_file *file = load(SMALLEST);
	const struct tr_policy *p = tr_policy_compiled(file);

	(void)state;
	assert_int_equal(p->breaker.window_ns, 60 * TR_SECOND);
	assert_int_equal(p->breaker.requests_min, 20);
	assert_int_equal(p->breaker.error_percent, 50);
	assert_int_equal(p->breaker.consecutive, 5);
	assert_int_equal(p->breaker.open_ns, 5 * TR_SECOND);
	assert_int_equal(p->breaker.open_ns_max, 60 * TR_SECOND);
	assert_int_equal(p->breaker.heal_ns, 60 * TR_SECOND);
	assert_int_equal(p->breaker.probes, 1);
	assert_int_equal(p->breaker.successes, 2);
	assert_int_equal(p->breaker.eject_percent, 50);
	assert_int_equal(p->retry.attempts, 2);
	assert_int_equal(p->retry.backoff_ns, 500 * TR_MS);
	assert_int_equal(p->retry.backoff_ns_max, 8 * TR_SECOND);
	assert_int_equal(p->retry.retry_after_ns_max, 60 * TR_SECOND);
	assert_int_equal(p->hedge.delay_ns, 0);
	assert_int_equal(p->hedge.attempts, 1);
	assert_int_equal(p->timeouts.connect_ns, 5 * TR_SECOND);
	assert_int_equal(p->timeouts.headers_ns, 0);
	assert_int_equal(p->timeouts.first_token_ns, 120 * TR_SECOND);
	assert_int_equal(p->timeouts.between_tokens_ns, 60 * TR_SECOND);
	assert_int_equal(p->timeouts.total_ns, 0);
	assert_int_equal(p->limits.tokens_in, 1048576);
	assert_int_equal(p->limits.tokens_out, 131072);
	assert_int_equal(p->slo.ttft_ns, 0);
	tr_policy_free(file);
}

static void test_numbers_arrive_in_the_engines_units(void **state)
{
	struct tr_policy_file *file = load(
		"models: {m: {price: {input_usd_per_million: 0.15, output_usd_per_million: 2.5},\n"
		"             endpoints: {a: {}}}}\n"
		"tenants: {t: {weight: 0.5}}\n"
		"slo: {tpot_ms: 12.5}\n");
	const struct tr_policy *p = tr_policy_compiled(file);

	(void)state;
	assert_int_equal(p->models[0].price_in, 150000);
	assert_int_equal(p->models[0].price_out, 2500000);
	assert_int_equal(p->tenants[1].weight_milli, 500);
	assert_int_equal(p->slo.tpot_ns, 12500000);
	tr_policy_free(file);
}

static void test_rows_are_sorted_by_name_and_endpoints_adjacent(void **state)
{
	struct tr_policy_file *file = load("models:\n"
					   "  z: {endpoints: {b: {slots: 1}, a: {slots: 2}}}\n"
					   "  a: {endpoints: {d: {slots: 3}, c: {slots: 4}}}\n");
	const struct tr_policy *p = tr_policy_compiled(file);
	static const uint32_t slots[] = {4, 3, 2, 1};

	(void)state;
	assert_int_equal(p->models[0].name, tr_name_of("a", 1));
	assert_int_equal(p->models[0].first_endpoint, 0);
	assert_int_equal(p->models[0].endpoint_count, 2);
	assert_int_equal(p->models[1].first_endpoint, 2);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(p->endpoints[i].slots, slots[i]);
		assert_int_equal(p->endpoints[i].model, i / 2);
	}
	tr_policy_free(file);
}

/* RTE-6 */
static void test_a_chain_goes_through_the_fallbacks_of_fallbacks_once_each(void **state)
{
	struct tr_policy_file *file = load("models:\n"
					   "  a: {fallback: [b, c], endpoints: {ea: {}}}\n"
					   "  b: {fallback: [d], endpoints: {eb: {}}}\n"
					   "  c: {fallback: [d, b], endpoints: {ec: {}}}\n"
					   "  d: {endpoints: {ed: {}}}\n");
	const struct tr_policy *p = tr_policy_compiled(file);
	static const uint32_t a[] = {0, 1, 3, 2}, c[] = {2, 3, 1};

	(void)state;
	assert_int_equal(p->models[0].chain_count, 4);
	assert_memory_equal(p->models[0].chain, a, sizeof a);
	assert_int_equal(p->models[2].chain_count, 3);
	assert_memory_equal(p->models[2].chain, c, sizeof c);
	assert_int_equal(p->models[3].chain_count, 1);
	tr_policy_free(file);
}

static void test_a_request_without_a_model_gets_the_documented_one(void **state)
{
	static const struct {
		const char *rest;
		uint32_t named, unknown;
	} cases[] = {
		{"", TR_NONE, TR_NONE},
		{"aliases: {\"*\": b}\n", 1, 1},
		{"aliases: {\"*\": b}\ndefault_model: a\n", 0, 1},
		{"default_model: b\n", 1, TR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		char text[300];
		struct tr_policy_file *file;

		(void)snprintf(text, sizeof text,
			       "models: {a: {endpoints: {x: {}}}, b: {endpoints: {y: {}}}}\n%s",
			       cases[i].rest);
		file = load(text);
		assert_int_equal(tr_policy_compiled(file)->default_model, cases[i].named);
		assert_int_equal(tr_policy_compiled(file)->unknown_model, cases[i].unknown);
		assert_int_equal(tr_policy_compiled(file)->alias_count, 0);
		tr_policy_free(file);
	}
}

static void test_own_classes_replace_the_built_in_ones_and_own_strategies_join_them(void **state)
{
	struct tr_policy_file *file = load(
		SMALLEST "classes: {low: {priority: 1}, high: {priority: 7}, top: {priority: 7}}\n"
			 "strategies: {mine: {picker: random}, balanced: {picker: round-robin}}\n"
			 "intents: {job: {class: low, strategy: mine}}\n");
	const struct tr_policy *p = tr_policy_compiled(file);

	(void)state;
	assert_int_equal(p->class_count, 3);
	assert_int_equal(p->strategy_count, 6);
	assert_int_equal(p->strategies[0].picker, TR_PICKER_ROUND_ROBIN);
	assert_int_equal(p->intent_count, 2);
	/* The highest priority; among equals the first name. */
	assert_int_equal(p->classes[p->intents[p->default_intent].class_row].name,
			 tr_name_of("high", 4));
	assert_int_equal(p->classes[p->intents[1].class_row].name, tr_name_of("low", 3));
	tr_policy_free(file);
}

static void test_a_tenant_may_use_the_models_it_names(void **state)
{
	struct tr_policy_file *file = load("models:\n"
					   "  a: {endpoints: {x: {}}}\n"
					   "  b: {endpoints: {y: {}}}\n"
					   "  c: {endpoints: {z: {}}}\n"
					   "tenants:\n"
					   "  some: {models: [c, a]}\n"
					   "  all: {}\n");
	const struct tr_policy *p = tr_policy_compiled(file);

	(void)state;
	assert_int_equal(p->tenants[0].models.bits[0], 7);
	assert_int_equal(p->default_tenant, 1);
	assert_int_equal(p->tenants[2].models.bits[0], 5);
	tr_policy_free(file);
}

static void test_every_name_can_be_read_back_from_its_hash(void **state)
{
	static const char *const names[] = {"m",	   "a",	      "fast",	   "batch",
					    "interactive", "default", "cost-first"};
	struct tr_policy_file *file = load(SMALLEST "aliases: {fast: m}\n");

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(names); i++)
		assert_string_equal(tr_policy_name(file, tr_name_of(names[i], strlen(names[i]))),
				    names[i]);
	assert_null(tr_policy_name(file, tr_name_of("nobody", 6)));
	assert_null(tr_policy_name(file, 0));
	assert_null(tr_policy_name(file, UINT64_MAX));
	tr_policy_free(file);
}

static void test_two_names_with_one_hash_are_noticed(void **state)
{
	struct tr_name_row same[] = {{7, "a"}, {5, "x"}, {7, "a"}, {5, "x"}};
	struct tr_name_row twins[] = {{7, "a"}, {5, "x"}, {7, "b"}};
	uint32_t count = 99;

	(void)state;
	assert_int_equal(tr_name_rows_sort(same, 4, &count), TR_NONE);
	assert_int_equal(count, 2);
	assert_int_equal(same[0].name, 5);
	count = 99;
	assert_int_not_equal(tr_name_rows_sort(twins, 3, &count), TR_NONE);
	assert_int_equal(count, 99);
}

/* ---------------------------------------------------------------------------------------- caps */

static char *many(const char *head, const char *format, unsigned count)
{
	struct tr_text text = {0};
	char *taken;

	tr_text_add(&text, head);
	for (unsigned i = 0; i < count; i++) {
		char row[128];
		const char *hash = strchr(format, '#'), *rest = format;

		/* Each '#' is the number of the row. */
		*row = '\0';
		for (; hash; rest = hash + 1, hash = strchr(rest, '#')) {
			size_t used = strlen(row);

			(void)snprintf(row + used, sizeof row - used, "%.*s%u", (int)(hash - rest),
				       rest, i);
		}
		tr_text_add(&text, row);
		tr_text_add(&text, rest);
	}
	taken = tr_text_take(&text, NULL);
	assert_non_null(taken);
	return taken;
}

static void test_caps_of_the_tables_hold(void **state)
{
	static const struct {
		const char *head, *row;
		unsigned most;
		const char *message;
	} cases[] = {
		{"models:\n", "  m#: {endpoints: {e#: {}}}\n", TR_POLICY_MODELS_MAX,
		 "found 257 entries; expected at most 256"},
		{"models:\n  m:\n    endpoints:\n", "      e#: {}\n", TR_POLICY_POOL_MAX,
		 "found 257 entries; expected at most 256"},
		{SMALLEST "tenants:\n  default: {}\n", "  t#: {}\n", TR_POLICY_TENANTS_MAX - 1,
		 "found 4097 entries; expected at most 4096"},
		{SMALLEST "classes:\n", "  c#: {}\n", TR_POLICY_CLASSES_MAX,
		 "found 17 entries; expected at most 16"},
		{SMALLEST "aliases:\n", "  x#: m\n", TR_POLICY_ALIASES_MAX,
		 "found 257 entries; expected at most 256"},
		/* The built-in rows count too. */
		{SMALLEST "strategies:\n", "  s#: {picker: random}\n", TR_POLICY_STRATEGIES_MAX - 5,
		 "found 65 entries; expected at most 64"},
		{SMALLEST "intents:\n", "  i#: {}\n", TR_POLICY_INTENTS_MAX - 1,
		 "found 65 entries; expected at most 64"},
		{"models:\n",
		 "  m#: {endpoints: {a#: {}, b#: {}, c#: {}, d#: {}, e#: {}, f#: {}, g#: {}, "
		 "h#: {}}}\n",
		 TR_POLICY_ENDPOINTS_MAX / 8, "found 1032 endpoints in all; expected at most 1024"},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		char *text = many(cases[i].head, cases[i].row, cases[i].most);
		struct tr_policy_file *file = load(text);
		struct tr_policy_file *again;
		size_t length;
		const char *canonical = tr_policy_canonical(file, &length);

		again = load_as("again", canonical, length);
		assert_int_equal(tr_policy_compiled(file)->id, tr_policy_compiled(again)->id);
		tr_policy_free(again);
		tr_policy_free(file);
		free(text);
		text = many(cases[i].head, cases[i].row, cases[i].most + 1);
		refuse(text, cases[i].message);
		free(text);
	}
}

/* -------------------------------------------------------------------------------------- engine */

static void test_whatever_loads_the_engine_takes(void **state)
{
	const struct tr_limits limits = {
		.jobs = 16,
		.active = 16,
		.attempts = 16,
		.models = 16,
		.endpoints = 64,
		.classes = TR_POLICY_CLASSES_MAX,
		.tenants = 16,
		.policies = 1,
		.sessions = 16,
		.prefixes = 16,
		.idempotency = 16,
	};
	size_t size = tr_engine_size(&limits);
	struct tr_engine *engine = aligned_alloc(64, (size + 63) / 64 * 64);

	(void)state;
	assert_true(size > 0);
	assert_non_null(engine);
	for (uint64_t seed = 1; seed <= 200; seed++) {
		char *text = build_policy(seed, 0, NOTATION_BLOCK);
		struct tr_policy_file *file = load(text);

		assert_int_equal(tr_engine_init(engine, &limits, tr_policy_compiled(file), seed, 0),
				 0);
		tr_policy_free(file);
		free(text);
	}
	free(engine);
}

/* --------------------------------------------------------------------------------------- scale */

static void test_scaling_repeats_each_endpoint_under_new_names(void **state)
{
	struct tr_policy_file *file =
		load("models: {m: {endpoints: {b: {slots: 3}, a: {slots: 5}}}}");
	struct tr_policy_file *scaled = NULL;
	struct tr_diagnostic diagnostic;
	static const char *const names[] = {"a", "a~2", "a~3", "b", "b~2", "b~3"};
	const struct tr_policy *p;

	(void)state;
	assert_int_equal(tr_policy_scale(file, 3, &scaled, &diagnostic), 0);
	p = tr_policy_compiled(scaled);
	assert_int_equal(p->endpoint_count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_string_equal(tr_policy_name(scaled, p->endpoints[i].name), names[i]);
		assert_int_equal(p->endpoints[i].slots, i < 3 ? 5 : 3);
	}
	assert_int_not_equal(p->id, tr_policy_compiled(file)->id);
	tr_policy_free(scaled);
	assert_int_equal(tr_policy_scale(file, 1, &scaled, &diagnostic), 0);
	assert_int_equal(tr_policy_compiled(scaled)->id, tr_policy_compiled(file)->id);
	tr_policy_free(scaled);
	tr_policy_free(file);
}

static void test_scaling_beyond_a_cap_is_refused(void **state)
{
	char *text = many("models:\n  m:\n    endpoints:\n", "      e#: {}\n", 100);
	struct tr_policy_file *file = load(text), *scaled = NULL;
	struct tr_diagnostic diagnostic;
	char name[TR_NAME_BYTES_MAX + 1] = "", line[200];

	(void)state;
	assert_int_equal(tr_policy_scale(file, 3, &scaled, &diagnostic), -1);
	assert_string_equal(diagnostic.message, "found 300 entries; expected at most 256");
	assert_int_equal(diagnostic.line, 0);
	assert_int_equal(tr_policy_scale(file, 0, &scaled, &diagnostic), -1);
	assert_int_equal(tr_policy_scale(file, 101, &scaled, &diagnostic), -1);
	assert_null(scaled);
	tr_policy_free(file);
	free(text);
	/* A name that is already taken, and one that becomes too long. */
	file = load("models: {m: {endpoints: {a: {}, a~2: {}}}}");
	assert_int_equal(tr_policy_scale(file, 2, &scaled, &diagnostic), -1);
	tr_policy_free(file);
	memset(name, 'e', sizeof name - 1);
	(void)snprintf(line, sizeof line, "models: {m: {endpoints: {%s: {}}}}", name);
	file = load(line);
	assert_int_equal(tr_policy_scale(file, 2, &scaled, &diagnostic), -1);
	assert_non_null(strstr(diagnostic.message, "expected a name"));
	tr_policy_free(file);
	assert_null(scaled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_smallest_policy_has_every_default),
		cmocka_unit_test(test_the_smallest_policy_has_the_published_defaults_of_recovery),
		cmocka_unit_test(test_numbers_arrive_in_the_engines_units),
		cmocka_unit_test(test_rows_are_sorted_by_name_and_endpoints_adjacent),
		cmocka_unit_test(test_a_chain_goes_through_the_fallbacks_of_fallbacks_once_each),
		cmocka_unit_test(test_a_request_without_a_model_gets_the_documented_one),
		cmocka_unit_test(
			test_own_classes_replace_the_built_in_ones_and_own_strategies_join_them),
		cmocka_unit_test(test_a_tenant_may_use_the_models_it_names),
		cmocka_unit_test(test_every_name_can_be_read_back_from_its_hash),
		cmocka_unit_test(test_two_names_with_one_hash_are_noticed),
		cmocka_unit_test(test_caps_of_the_tables_hold),
		cmocka_unit_test(test_whatever_loads_the_engine_takes),
		cmocka_unit_test(test_scaling_repeats_each_endpoint_under_new_names),
		cmocka_unit_test(test_scaling_beyond_a_cap_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
