/* SPDX-License-Identifier: Apache-2.0 */
/*
 * There and back: 300 requests of a known server, fitted. Each number that the fit says it knows is
 * within 5% of the server's, and of each other one it says why not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/calibrate/verdict.h"
#include "tests/calibrate/known_server.h"

/* Worlds of a short run. */
#define QUICK 4

#define TERMS(...)                                                                                 \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define T(NAME) [TR_TERM_##NAME]

struct world {
	struct known_server server;
	const char *must_know[9]; /* at least these */
	const char *cannot_know[4];
};

/* Terms in seconds: an 8-billion model on a card with 1 TB/s, one of 32 billion with 1.8 TB/s. */
static const struct world worlds[] = {
	{{"memory is short",
	  {256, 2048, 2600, 1, 32,
	   TERMS(T(STEP) = 0.016, T(PREFILL) = 9e-5, T(SEQUENCE) = 2e-5, T(CONTEXT) = 1.3e-7)},
	  300,
	  100000,
	  {260, 1400},
	  {500, 800},
	  1},
	 {"kv_blocks", "batch_tokens", "steps_ahead", "prefill_token_ns"},
	 {"sequences"}},
	{{"places are short",
	  {64, 2048, 0, 1, 32,
	   TERMS(T(STEP) = 0.036, T(PREFILL) = 1.5e-4, T(SEQUENCE) = 1.5e-4, T(CONTEXT) = 1.2e-7,
		 T(MIXED) = 1.2e-7)},
	  300,
	  100000,
	  {100, 2400},
	  {30, 700},
	  2},
	 {"sequences", "batch_tokens", "steps_ahead", "prefill_token_ns"},
	 {"kv_blocks"}},
	{{"light load",
	  {256, 2048, 0, 1, 32,
	   TERMS(T(STEP) = 0.016, T(PREFILL) = 9e-5, T(SEQUENCE) = 2e-4, T(CONTEXT) = 1.2e-7)},
	  300,
	  600000,
	  {100, 2600},
	  {20, 500},
	  3},
	 {"base_us", "prefill_token_ns", "sequence_ns", "context_token_ps"},
	 {"sequences", "kv_blocks"}},
	{{"one at a time",
	  {256, 8192, 0, 1, 32, TERMS(T(STEP) = 0.010, T(PREFILL) = 5e-5)},
	  300,
	  20000000,
	  {100, 2000},
	  {20, 300},
	  5},
	 {"base_us", "prefill_token_ns"},
	 {"sequences", "kv_blocks", "batch_tokens"}},
	{{"not composed ahead, small steps",
	  {16, 512, 0, 0, 32,
	   TERMS(T(STEP) = 0.008, T(PREFILL) = 4e-5, T(SEQUENCE) = 1e-4, T(CONTEXT) = 1e-7)},
	  300,
	  120000,
	  {100, 3000},
	  {20, 400},
	  4},
	 {"sequences", "batch_tokens", "steps_ahead", "prefill_token_ns"},
	 {"kv_blocks"}},
};

struct number {
	const char *key;
	double is;
	double found;
	enum tr_known known;
};

static unsigned numbers(const struct tr_fit_model *is, const struct tr_fit_result *fit,
			struct number ret[4 + TR_TERM_COUNT])
{
	const struct tr_fit_model *found = &fit->model;
	const struct number counts[] = {
		{"sequences", is->sequences, found->sequences, fit->sequences},
		{"batch_tokens", is->batch_tokens, found->batch_tokens, fit->batch_tokens},
		{"kv_blocks", is->kv_blocks, found->kv_blocks, fit->kv_blocks},
		{"steps_ahead", is->steps_ahead, found->steps_ahead, fit->steps_ahead},
	};

	memcpy(ret, counts, sizeof counts);
	for (unsigned t = 0; t < TR_TERM_COUNT; t++)
		ret[4 + t] = (struct number){tr_term_key(t), is->terms[t], found->terms[t],
					     fit->terms[t]};
	return 4 + TR_TERM_COUNT;
}

static bool is_in(const char *key, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count && keys[i]; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static void check_number(const struct world *world, const struct number *number,
			 const struct tr_verdict *verdicts, unsigned verdict_count)
{
	bool said = false, good;

	for (unsigned v = 0; v < verdict_count; v++)
		said |= strcmp(verdicts[v].key, number->key) == 0;
	good = number->found >= 0.95 * number->is && number->found <= 1.05 * number->is;
	if (number->known == TR_KNOWN_FITTED) {
		good &= !is_in(number->key, world->cannot_know, 4);
		good &= !said;
	} else {
		good = said && !is_in(number->key, world->must_know, 9);
	}
	if (good)
		return;
	fail_msg("%s: %s is %.6g, found %.6g, which is %s%s", world->server.name, number->key,
		 number->is, number->found,
		 number->known == TR_KNOWN_FITTED ? "known" : "not known",
		 said ? ", with a reason" : "");
}

/* SIM-3 */
static void test_what_is_known_of_a_known_server_is_true(void **state)
{
	size_t world_count = getenv("TR_FULL") ? sizeof worlds / sizeof worlds[0] : QUICK;

	(void)state;
	for (size_t i = 0; i < world_count; i++) {
		struct tr_verdict verdicts[TR_VERDICTS_MAX];
		struct number all[4 + TR_TERM_COUNT];
		struct tr_fit_given given = {0};
		struct tr_measured measured;
		struct tr_fit_result fit;
		unsigned count;

		known_server_measure(&worlds[i].server, &measured);
		assert_int_equal(tr_fit(&measured, measured.count, &given, &fit), 0);
		count = tr_fit_verdicts(&measured, &fit, verdicts);
		for (unsigned n = 0; n < numbers(&worlds[i].server.model, &fit, all); n++)
			check_number(&worlds[i], &all[n], verdicts, count);
		tr_measured_done(&measured);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_of_a_known_server_is_true),
	};

	return cmocka_run_group_tests_name("calibrate roundtrip", tests, NULL, NULL);
}
