/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checked draft becomes the engine's tables: names become hashes, references become rows,
 * fallbacks become whole chains. Nothing is decided here; what could be wrong was found before,
 * but for one thing: two names with the same hash, which would be one name to the engine.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/message.h"
#include "engine/policy/draft.h"

struct compiler {
	const struct tr_draft *draft;
	const struct tr_document *document;
	struct tr_arena *arena;
	struct tr_diagnostic *diagnostic;
	struct tr_name_row *names;
	uint32_t name_count;
	uint32_t name_room;
};

static int out_of_memory(const struct compiler *compiler)
{
	return tr_schema_diagnose(compiler->diagnostic, compiler->document, NULL, NULL,
				  "not enough memory");
}

/* Remember a name; its text is already in the arena. */
static tr_name take_name(struct compiler *compiler, const struct tr_row *row)
{
	tr_name name = tr_name_of(row->name, strlen(row->name));

	TR_ASSERT(compiler->name_count < compiler->name_room);
	compiler->names[compiler->name_count++] = (struct tr_name_row){name, row->name};
	return name;
}

static int compare_names(const void *a, const void *b)
{
	const struct tr_name_row *left = a, *right = b;

	if (left->name != right->name)
		return left->name < right->name ? -1 : 1;
	return strcmp(left->text, right->text);
}

uint32_t tr_name_rows_sort(struct tr_name_row *rows, uint32_t count, uint32_t *ret_count)
{
	uint32_t kept = 0;

	qsort(rows, count, sizeof(*rows), compare_names);
	for (uint32_t i = 0; i < count; i++) {
		if (kept > 0 && rows[kept - 1].name == rows[i].name) {
			if (strcmp(rows[kept - 1].text, rows[i].text) != 0)
				return i;
			continue;
		}
		rows[kept++] = rows[i];
	}
	*ret_count = kept;
	return TR_NONE;
}

uint32_t tr_draft_chain(const struct tr_draft *draft, uint32_t model,
			uint32_t ret_chain[TR_POLICY_CHAIN_MAX])
{
	/* Models still to be taken, the next one on top. No cycle, and a model is only pushed
	 * where the chain has room, so this is deep enough. */
	uint32_t stack[TR_POLICY_CHAIN_MAX * TR_POLICY_CHAIN_MAX];
	uint32_t depth = 0, count = 0;

	stack[depth++] = model;
	while (depth > 0) {
		const struct tr_draft_model *next;
		const struct tr_draft_choice *entries;
		bool taken = false;
		uint32_t row = stack[--depth];

		for (uint32_t i = 0; i < count; i++)
			taken = taken || ret_chain[i] == row;
		if (taken)
			continue;
		if (count == TR_POLICY_CHAIN_MAX)
			return TR_POLICY_CHAIN_MAX + 1;
		ret_chain[count++] = row;
		next = &tr_draft_models(draft)[row];
		entries = next->fallback.items;
		TR_ASSERT(depth + next->fallback.count <= TR_ARRAY_LENGTH(stack));
		for (uint32_t i = next->fallback.count; i > 0; i--)
			stack[depth++] = entries[i - 1].model;
	}
	return count;
}

static int compile_models(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_model *drafts = tr_draft_models(compiler->draft);
	uint32_t count = compiler->draft->models.count, endpoint_count = 0, row = 0;
	struct tr_policy_model *models;
	struct tr_policy_endpoint *endpoints;

	for (uint32_t i = 0; i < count; i++)
		endpoint_count += drafts[i].endpoints.count;
	TR_ASSERT(endpoint_count <= TR_POLICY_ENDPOINTS_MAX);
	models = tr_arena_new(compiler->arena, sizeof(*models) * count);
	endpoints = tr_arena_new(compiler->arena, sizeof(*endpoints) * endpoint_count);
	if (!models || !endpoints)
		return out_of_memory(compiler);
	for (uint32_t i = 0; i < count; i++) {
		const struct tr_draft_endpoint *own = drafts[i].endpoints.items;

		models[i] = drafts[i].compiled;
		models[i].name = take_name(compiler, &drafts[i].row);
		models[i].first_endpoint = row;
		models[i].endpoint_count = drafts[i].endpoints.count;
		models[i].chain_count = tr_draft_chain(compiler->draft, i, models[i].chain);
		TR_ASSERT(models[i].chain_count <= TR_POLICY_CHAIN_MAX);
		for (uint32_t k = 0; k < drafts[i].endpoints.count; k++, row++) {
			endpoints[row] = own[k].compiled;
			endpoints[row].name = take_name(compiler, &own[k].row);
			endpoints[row].model = i;
		}
	}
	TR_ASSERT(row == endpoint_count);
	policy->models = models;
	policy->model_count = count;
	policy->endpoints = endpoints;
	policy->endpoint_count = endpoint_count;
	return 0;
}

static int compile_aliases(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_choice *drafts = compiler->draft->aliases.items;
	uint32_t count = compiler->draft->aliases.count;
	struct tr_policy_alias *aliases = tr_arena_new(compiler->arena, sizeof(*aliases) * count);

	if (!aliases)
		return out_of_memory(compiler);
	policy->default_model = compiler->draft->default_model;
	policy->unknown_model = TR_NONE;
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(drafts[i].row.name, "*") == 0) {
			policy->unknown_model = drafts[i].model;
			continue;
		}
		aliases[policy->alias_count++] = (struct tr_policy_alias){
			.name = take_name(compiler, &drafts[i].row), .model = drafts[i].model};
	}
	policy->aliases = aliases;
	return 0;
}

static int compile_classes(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_class *drafts = compiler->draft->classes.items;
	uint32_t count = compiler->draft->classes.count;
	struct tr_policy_class *classes = tr_arena_new(compiler->arena, sizeof(*classes) * count);

	if (!classes)
		return out_of_memory(compiler);
	for (uint32_t i = 0; i < count; i++) {
		classes[i] = drafts[i].compiled;
		classes[i].name = take_name(compiler, &drafts[i].row);
	}
	policy->classes = classes;
	policy->class_count = count;
	return 0;
}

static void compile_allowed(const struct compiler *compiler, const struct tr_rows *list,
			    struct tr_model_set *set)
{
	const struct tr_draft_choice *models = list->items;

	for (uint32_t i = 0; i < compiler->draft->models.count; i++) {
		if (models[0].model == TR_STAR)
			set->bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
	for (uint32_t i = 0; i < list->count && models[i].model != TR_STAR; i++)
		set->bits[models[i].model / 64] |= UINT64_C(1) << (models[i].model % 64);
}

static int compile_tenants(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_tenant *drafts = compiler->draft->tenants.items;
	uint32_t count = compiler->draft->tenants.count;
	struct tr_policy_tenant *tenants = tr_arena_new(compiler->arena, sizeof(*tenants) * count);

	if (!tenants)
		return out_of_memory(compiler);
	policy->default_tenant = TR_NONE;
	for (uint32_t i = 0; i < count; i++) {
		tenants[i] = drafts[i].compiled;
		tenants[i].name = take_name(compiler, &drafts[i].row);
		compile_allowed(compiler, &drafts[i].models, &tenants[i].models);
		if (strcmp(drafts[i].row.name, "default") == 0)
			policy->default_tenant = i;
	}
	TR_ASSERT(policy->default_tenant != TR_NONE);
	policy->tenants = tenants;
	policy->tenant_count = count;
	return 0;
}

static int compile_strategies(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_strategy *drafts = compiler->draft->strategies.items;
	uint32_t count = compiler->draft->strategies.count;
	struct tr_policy_strategy *strategies =
		tr_arena_new(compiler->arena, sizeof(*strategies) * count);

	if (!strategies)
		return out_of_memory(compiler);
	for (uint32_t i = 0; i < count; i++) {
		strategies[i] = drafts[i].compiled;
		strategies[i].name = take_name(compiler, &drafts[i].row);
	}
	policy->strategies = strategies;
	policy->strategy_count = count;
	return 0;
}

static int compile_intents(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_intent *drafts = compiler->draft->intents.items;
	uint32_t count = compiler->draft->intents.count;
	struct tr_policy_intent *intents = tr_arena_new(compiler->arena, sizeof(*intents) * count);

	if (!intents)
		return out_of_memory(compiler);
	policy->default_intent = TR_NONE;
	for (uint32_t i = 0; i < count; i++) {
		intents[i] = drafts[i].compiled;
		intents[i].name = take_name(compiler, &drafts[i].row);
		TR_ASSERT(intents[i].class_row < compiler->draft->classes.count);
		if (strcmp(drafts[i].row.name, "default") == 0)
			policy->default_intent = i;
	}
	TR_ASSERT(policy->default_intent != TR_NONE);
	policy->intents = intents;
	policy->intent_count = count;
	return 0;
}

static int compile_profiles(struct compiler *compiler, struct tr_policy *policy)
{
	const struct tr_draft_profile *drafts = compiler->draft->profiles.items;
	uint32_t count = compiler->draft->profiles.count;
	struct tr_policy_profile *profiles =
		tr_arena_new(compiler->arena, sizeof(*profiles) * count);

	if (!profiles)
		return out_of_memory(compiler);
	for (uint32_t i = 0; i < count; i++) {
		profiles[i] = drafts[i].compiled;
		profiles[i].name = take_name(compiler, &drafts[i].row);
	}
	policy->profiles = profiles;
	policy->profile_count = count;
	return 0;
}

int tr_draft_compile(const struct tr_draft *draft, const struct tr_document *document,
		     struct tr_arena *arena, struct tr_policy *ret, struct tr_name_row **ret_names,
		     uint32_t *ret_name_count, struct tr_diagnostic *ret_diagnostic)
{
	static int (*const steps[])(struct compiler *, struct tr_policy *) = {
		compile_models,	    compile_aliases, compile_classes,  compile_tenants,
		compile_strategies, compile_intents, compile_profiles,
	};
	struct compiler compiler = {
		.draft = draft, .document = document, .arena = arena, .diagnostic = ret_diagnostic};
	struct tr_policy policy = {
		.admission = draft->admission,
		.affinity = draft->affinity,
		.bypass = draft->bypass,
		.concurrency = draft->concurrency,
		.health = draft->health,
		.breaker = draft->breaker,
		.retry = draft->retry,
		.hedge = draft->hedge,
		.timeouts = draft->timeouts,
		.limits = draft->limits,
		.slo = draft->slo,
	};
	uint32_t twin;

	compiler.name_room = TR_POLICY_ENDPOINTS_MAX + draft->models.count + draft->aliases.count +
			     draft->classes.count + draft->tenants.count + draft->strategies.count +
			     draft->intents.count + draft->profiles.count;
	compiler.names = tr_arena_new(arena, sizeof(*compiler.names) * compiler.name_room);
	if (!compiler.names)
		return out_of_memory(&compiler);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(steps); i++) {
		if (steps[i](&compiler, &policy))
			return -1;
	}
	twin = tr_name_rows_sort(compiler.names, compiler.name_count, ret_name_count);
	if (twin != TR_NONE)
		return tr_schema_diagnose(ret_diagnostic, document, NULL, NULL,
					  "the name '%s' has the same hash as another; choose "
					  "another name",
					  compiler.names[twin].text);
	*ret = policy;
	*ret_names = compiler.names;
	return 0;
}
