/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy is drawn as a tree, then written: two draws of the same seed are the same tree, and a
 * different order or notation is only another way to write it.
 */
#include "tests/policy/build.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the headers above. */
#include <cmocka.h>

#include "engine/message.h"
#include "engine/policy/arena.h"
#include "engine/policy/text.h"
#include "engine/random.h"

enum shape {
	SHAPE_BARE, /* a number or a truth value */
	SHAPE_WORD,
	SHAPE_MAP,
	SHAPE_LIST, /* order matters */
	SHAPE_SET,
};

struct tree {
	enum shape shape;
	char text[64]; /* BARE, WORD */
	const char *key;
	uint32_t count;
	struct tree *children[40];
};

struct builder {
	struct tr_arena arena;
	struct tr_text text;
	uint64_t seed;
	uint64_t draws;
	uint64_t order;
	uint64_t order_draws;
	enum notation notation;
};

static uint64_t below(struct builder *builder, uint64_t bound)
{
	return tr_below(tr_draw(builder->seed, 1, TR_PURPOSE_TEST, builder->draws++), bound);
}

static bool often(struct builder *builder)
{
	return below(builder, 3) > 0;
}

static struct tree *add(struct builder *builder, struct tree *parent, const char *key,
			enum shape shape)
{
	struct tree *tree = tr_arena_new(&builder->arena, sizeof *tree);

	assert_non_null(tree);
	tree->shape = shape;
	tree->key = key ? tr_arena_copy(&builder->arena, key, strlen(key)) : NULL;
	if (parent) {
		assert_true(parent->count < TR_ARRAY_LENGTH(parent->children));
		parent->children[parent->count++] = tree;
	}
	return tree;
}

static void add_word(struct builder *builder, struct tree *parent, const char *key,
		     const char *word)
{
	struct tree *tree = add(builder, parent, key, SHAPE_WORD);

	(void)snprintf(tree->text, sizeof tree->text, "%s", word);
}

static void add_integer(struct builder *builder, struct tree *parent, const char *key, uint64_t low,
			uint64_t high)
{
	if (often(builder)) {
		struct tree *tree = add(builder, parent, key, SHAPE_BARE);

		(void)snprintf(tree->text, sizeof tree->text, "%" PRIu64,
			       low + below(builder, high - low + 1));
	}
}

static void add_decimal(struct builder *builder, struct tree *parent, const char *key,
			uint64_t high)
{
	if (often(builder)) {
		struct tree *tree = add(builder, parent, key, SHAPE_BARE);

		/* Zeros at the end are another way to write the same number. */
		(void)snprintf(tree->text, sizeof tree->text, "%" PRIu64 ".%" PRIu64 "%s",
			       1 + below(builder, high - 1), 1 + below(builder, 99),
			       builder->order % 2 ? "0" : "");
	}
}

static void add_bool(struct builder *builder, struct tree *parent, const char *key)
{
	if (often(builder)) {
		struct tree *tree = add(builder, parent, key, SHAPE_BARE);

		(void)snprintf(tree->text, sizeof tree->text, "%s",
			       below(builder, 2) ? "true" : "false");
	}
}

static const char *numbered(struct builder *builder, const char *stem, uint64_t number)
{
	char name[48];

	(void)snprintf(name, sizeof name, "%s%" PRIu64, stem, number);
	return tr_arena_copy(&builder->arena, name, strlen(name));
}

static void add_models(struct builder *builder, struct tree *root, uint64_t count)
{
	struct tree *models = add(builder, root, "models", SHAPE_MAP);

	for (uint64_t i = 0; i < count; i++) {
		struct tree *model = add(builder, models, numbered(builder, "m/", i), SHAPE_MAP);
		struct tree *endpoints = add(builder, model, "endpoints", SHAPE_MAP);
		uint64_t endpoint_count = 1 + below(builder, 4);

		for (uint64_t k = 0; k < endpoint_count; k++) {
			struct tree *endpoint = add(builder, endpoints,
						    numbered(builder, "e", i * 10 + k), SHAPE_MAP);

			add_integer(builder, endpoint, "slots", 1, 100);
			add_integer(builder, endpoint, "requests_per_minute", 0, 1000);
		}
		add_integer(builder, model, "quality", 0, 1000);
		add_integer(builder, model, "context_tokens", 1000, 1000000);
		if (often(builder)) {
			struct tree *price = add(builder, model, "price", SHAPE_MAP);

			add_decimal(builder, price, "input_usd_per_million", 10);
			add_decimal(builder, price, "output_usd_per_million", 30);
		}
		if (i + 1 < count && i + 5 > count && often(builder)) {
			struct tree *fallback = add(builder, model, "fallback", SHAPE_LIST);

			add_word(builder, fallback, NULL, numbered(builder, "m/", count - 1));
			if (i + 2 < count)
				add_word(builder, fallback, NULL, numbered(builder, "m/", i + 1));
		}
		if (often(builder)) {
			struct tree *list = add(builder, model, "capabilities", SHAPE_SET);

			add_word(builder, list, NULL, "tools");
			add_word(builder, list, NULL, "json");
		}
	}
}

static void add_tenants(struct builder *builder, struct tree *root, uint64_t models)
{
	struct tree *tenants = add(builder, root, "tenants", SHAPE_MAP);
	uint64_t count = 1 + below(builder, 5);

	for (uint64_t i = 0; i < count; i++) {
		struct tree *tenant = add(builder, tenants, numbered(builder, "t-", i), SHAPE_MAP);

		add_decimal(builder, tenant, "weight", 100);
		add_integer(builder, tenant, "budget_micro_usd_per_day", 0, 1000000000);
		if (often(builder)) {
			struct tree *list = add(builder, tenant, "models", SHAPE_SET);

			for (uint64_t k = 0; k < models; k++) {
				if (k == 0 || often(builder))
					add_word(builder, list, NULL, numbered(builder, "m/", k));
			}
		}
		if (often(builder))
			add_word(builder, tenant, "strategy", "cost-first");
	}
}

static void add_rest(struct builder *builder, struct tree *root)
{
	struct tree *classes = add(builder, root, "classes", SHAPE_MAP);
	struct tree *intents = add(builder, root, "intents", SHAPE_MAP);
	struct tree *retry = add(builder, root, "retry", SHAPE_MAP);
	struct tree *slo = add(builder, root, "slo", SHAPE_MAP);

	for (uint64_t i = 0; i < 3; i++) {
		struct tree *class = add(builder, classes, numbered(builder, "c", i), SHAPE_MAP);
		struct tree *intent = add(builder, intents, numbered(builder, "i", i), SHAPE_MAP);

		add_integer(builder, class, "priority", 0, 1000);
		add_integer(builder, class, "floor_percent", 0, 33);
		add_decimal(builder, class, "queue_timeout_ms", 100000);
		if (often(builder))
			add_word(builder, intent, "class", numbered(builder, "c", i));
		add_bool(builder, intent, "strict");
		add_decimal(builder, intent, "deadline_ms", 100000);
	}
	add_integer(builder, retry, "attempts", 0, 16);
	add_decimal(builder, slo, "ttft_ms", 10000);
}

/* -------------------------------------------------------------------------------------- writing */

static void shuffle(struct builder *builder, struct tree *tree)
{
	if (tree->shape == SHAPE_LIST || builder->order == 0)
		return;
	for (uint32_t i = tree->count; i > 1; i--) {
		uint64_t other = tr_below(
			tr_draw(builder->order, 2, TR_PURPOSE_TEST, builder->order_draws++), i);
		struct tree *swap = tree->children[i - 1];

		tree->children[i - 1] = tree->children[other];
		tree->children[other] = swap;
	}
}

static void write_word(struct builder *builder, const char *word)
{
	bool quote = builder->notation == NOTATION_JSON || (builder->order + strlen(word)) % 3 == 0;

	if (quote)
		tr_text_add_json(&builder->text, word);
	else
		tr_text_add(&builder->text, word);
}

static void write_tree(struct builder *builder, struct tree *tree, unsigned depth)
{
	bool map = tree->shape == SHAPE_MAP;
	bool block = builder->notation == NOTATION_BLOCK && tree->count > 0;

	if (tree->shape == SHAPE_BARE) {
		tr_text_add(&builder->text, tree->text);
		return;
	}
	if (tree->shape == SHAPE_WORD) {
		write_word(builder, tree->text);
		return;
	}
	shuffle(builder, tree);
	if (!block)
		tr_text_add(&builder->text, map ? "{" : "[");
	for (uint32_t i = 0; i < tree->count; i++) {
		struct tree *child = tree->children[i];

		if (block)
			tr_text_addf(&builder->text, "\n%*s%s", (int)depth * 2, "",
				     map ? "" : "- ");
		else
			tr_text_add(&builder->text, i ? ", " : "");
		if (map) {
			write_word(builder, child->key);
			tr_text_add(&builder->text, ": ");
		}
		write_tree(builder, child, depth + 1);
	}
	if (!block)
		tr_text_add(&builder->text, map ? "}" : "]");
}

char *build_policy(uint64_t seed, uint64_t order, enum notation notation)
{
	struct builder builder = {.seed = seed, .order = order, .notation = notation};
	struct tree *root = add(&builder, NULL, NULL, SHAPE_MAP);
	uint64_t models = 1 + below(&builder, 6);
	char *text;

	add_models(&builder, root, models);
	add_tenants(&builder, root, models);
	add_rest(&builder, root);
	/* A flow map at the root would be JSON, so flow begins one level further in. */
	if (notation == NOTATION_FLOW) {
		shuffle(&builder, root);
		for (uint32_t i = 0; i < root->count; i++) {
			tr_text_addf(&builder.text, "%s: ", root->children[i]->key);
			write_tree(&builder, root->children[i], 1);
			tr_text_add(&builder.text, "\n");
		}
	} else {
		write_tree(&builder, root, 0);
	}
	text = tr_text_take(&builder.text, NULL);
	assert_non_null(text);
	tr_arena_done(&builder.arena);
	return text;
}

/* -------------------------------------------------------------------------------------- loading */

struct tr_policy_file *load_as(const char *name, const char *text, size_t length)
{
	struct tr_policy_file *file = NULL;
	struct tr_diagnostic diagnostic;
	char message[1024];

	if (tr_policy_load_text(name, text, length, &file, &diagnostic))
		fail_msg("%s", tr_diagnostic_text(&diagnostic, message, sizeof message));
	return file;
}

struct tr_policy_file *load(const char *text)
{
	return load_as("test.yaml", text, strlen(text));
}

void refuse(const char *text, const char *part)
{
	struct tr_policy_file *file = NULL;
	struct tr_diagnostic diagnostic;
	char message[1024];

	if (tr_policy_load_text("test.yaml", text, strlen(text), &file, &diagnostic) == 0)
		fail_msg("loaded, though it should have been refused with '%s'", part);
	assert_null(file);
	tr_diagnostic_text(&diagnostic, message, sizeof message);
	if (!strstr(message, part))
		fail_msg("refused with '%s' instead of '%s'", message, part);
}

uint32_t model_row(const struct tr_policy *policy, const char *name)
{
	for (uint32_t i = 0; i < policy->model_count; i++) {
		if (policy->models[i].name == tr_name_of(name, strlen(name)))
			return i;
	}
	return TR_NONE;
}
