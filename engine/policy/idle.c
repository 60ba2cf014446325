/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that can have no effect beside the rest of the policy: whoever wrote such a one believes in
 * something that will not happen, so it is refused like a wrong name. A table of rules, each for a
 * key of a kind of row; a key that stands at its default says nothing and is let alone, which keeps
 * canonical forms loadable.
 *
 * Not refused: what merely never happens in practice (a limit above all traffic), and sections that
 * only wait for an intent to use them, since turning a switch must not take a second edit.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy/draft.h"
#include "engine/policy/load.h"
#include "engine/policy/walk.h"

/* ---- when is it idle ---- */

static bool is_not_prequal(const struct tr_draft *draft, const void *row)
{
	(void)draft;
	return ((const struct tr_draft_strategy *)row)->compiled.picker != TR_PICKER_PREQUAL;
}

static bool is_not_hash(const struct tr_draft *draft, const void *row)
{
	(void)draft;
	return ((const struct tr_draft_strategy *)row)->compiled.picker !=
	       TR_PICKER_CONSISTENT_HASH;
}

static bool nobody_draws_by_weight(const struct tr_draft *draft, const void *row)
{
	const struct tr_draft_strategy *strategies = draft->strategies.items;

	(void)row;
	for (uint32_t i = 0; i < draft->strategies.count; i++)
		if (strategies[i].compiled.picker == TR_PICKER_WEIGHTED)
			return false;
	return true;
}

static bool has_no_affinity(const struct tr_draft *draft, const void *row)
{
	(void)row;
	return draft->affinity.session_ttl_ns == 0 && draft->affinity.prefix_ttl_ns == 0;
}

static bool is_lowest(const struct tr_draft *draft, const void *row)
{
	const struct tr_draft_class *class = row, *classes = draft->classes.items;

	for (uint32_t i = 0; i < draft->classes.count; i++)
		if (classes[i].compiled.priority < class->compiled.priority)
			return false;
	return true;
}

/* Whose class's own limit is reached is refused; only a model's limit makes it shed. */
static bool sheds_nobody(const struct tr_draft *draft, const void *row)
{
	const struct tr_draft_class *class = row;

	if (class->compiled.full != TR_FULL_SHED_LOW_PRIORITY)
		return false;
	if (is_lowest(draft, row))
		return true;
	for (uint32_t i = 0; i < draft->models.count; i++)
		if (tr_draft_models(draft)[i].compiled.queue_limit)
			return false;
	return true;
}

static bool has_no_sojourn(const struct tr_draft *draft, const void *row)
{
	(void)draft;
	return ((const struct tr_draft_class *)row)->compiled.sojourn_target_ns == 0;
}

static bool has_no_hedges(const struct tr_draft *draft, const void *row)
{
	(void)row;
	return draft->hedge.delay_ns == 0 && draft->hedge.quantile_percent == 0;
}

/* ---- the rules ---- */

/* A member of the draft that makes the key idle while it is 0. */
#define SWITCH(member) offsetof(struct tr_draft, member), TR_MEMBER_WIDTH(struct tr_draft, member)

static const struct rule {
	const char *table;
	const char *key;
	bool (*is_idle)(const struct tr_draft *, const void *row); /* NULL: the switch says it */
	const char *why;
	size_t offset;
	unsigned width;
} rules[] = {
	{"endpoint", "weight", nobody_draws_by_weight, "no strategy has the picker weighted", 0, 0},
	{"strategy", "hot_percent", is_not_prequal, "only the picker prequal reads it", 0, 0},
	{"strategy", "bound_percent", is_not_hash, "only the picker consistent-hash reads it", 0,
	 0},
	{"class", "preempt", is_lowest, "no class has a lower priority", 0, 0},
	{"class", "full", sheds_nobody,
	 "it needs a class of lower priority, and a model with a queue_limit, for at the limit of "
	 "a class the newcomer is refused",
	 0, 0},
	{"class", "sojourn_interval_ms", has_no_sojourn, "sojourn_target_ms is 0", 0, 0},
	{"affinity", "load_percent", has_no_affinity, "session_ttl_ms and prefix_ttl_ms are 0", 0,
	 0},
	{"hedge", "attempts", has_no_hedges, "delay_ms and quantile_percent are 0", 0, 0},
	{"hedge", "budget_percent", has_no_hedges, "delay_ms and quantile_percent are 0", 0, 0},
	{"hedge", "cost_budget_percent", has_no_hedges, "delay_ms and quantile_percent are 0", 0,
	 0},
	{"weight", "session", NULL, "affinity.session_ttl_ms is 0",
	 SWITCH(affinity.session_ttl_ns)},
	{"weight", "prefix", NULL, "affinity.prefix_ttl_ms is 0", SWITCH(affinity.prefix_ttl_ns)},
	{"affinity", "session_turns", NULL, "session_ttl_ms is 0", SWITCH(affinity.session_ttl_ns)},
	{"bypass", "window_ms", NULL, "failures is 0", SWITCH(bypass.failures)},
	{"bypass", "cooldown_ms", NULL, "failures is 0", SWITCH(bypass.failures)},
	{"concurrency", "min", NULL, "adaptive is false", SWITCH(concurrency.adaptive)},
	{"breaker", "slow_percent", NULL, "slow_ms is 0", SWITCH(breaker.slow_ns)},
	{"retry", "budget_percent", NULL, "attempts is 0", SWITCH(retry.attempts)},
	{"retry", "budget_per_second", NULL, "attempts is 0", SWITCH(retry.attempts)},
};

static bool is_idle(const struct rule *rule, const struct tr_draft *draft, const void *row)
{
	if (rule->is_idle)
		return rule->is_idle(draft, row);
	return tr_member_fetch((const char *)draft + rule->offset, rule->width) == 0;
}

static const struct rule *rule_of(const struct tr_table *table, const char *key)
{
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rules); i++)
		if (strcmp(rules[i].table, table->name) == 0 && strcmp(rules[i].key, key) == 0)
			return &rules[i];
	return NULL;
}

/* ---- the walk ---- */

struct search {
	const struct tr_draft *draft;
	const struct tr_document *document;
	struct tr_diagnostic *diagnostic;
};

/* A row of the draft, and where it was given. */
struct place {
	const struct tr_table *table;
	const void *row;
	const struct tr_node *node; /* NULL: a built-in row */
	char path[256];
};

static int search_place(const struct search *search, const struct place *place);

static bool is_default(const struct tr_schema_field *field, const void *row)
{
	const struct tr_scalar scalar = {field->initial, strlen(field->initial), true, NULL};
	struct tr_walk walk = {0};
	uint64_t value = 0;

	TR_ASSERT(field->width <= sizeof value);
	if (tr_scalar_read(&walk, field, &scalar, &value))
		return false;
	return tr_member_fetch(&value, field->width) ==
	       tr_member_fetch((const char *)row + field->offset, field->width);
}

static int search_rows(const struct search *search, const struct place *place,
		       const struct tr_schema_field *field)
{
	struct tr_rows rows;

	memcpy(&rows, (const char *)place->row + field->offset, sizeof rows);
	for (uint32_t i = 0; i < rows.count; i++) {
		struct place inner = {.table = field->table};
		struct tr_row head;

		inner.row = (const char *)rows.items + field->table->size * i;
		memcpy(&head, inner.row, sizeof head);
		inner.node = head.node;
		(void)snprintf(inner.path, sizeof inner.path, "%.100s%s%s.%s", place->path,
			       *place->path ? "." : "", field->key, head.name);
		if (search_place(search, &inner))
			return -1;
	}
	return 0;
}

static int search_field(const struct search *search, const struct place *place,
			const struct tr_schema_field *field)
{
	const struct rule *rule = rule_of(place->table, field->key);
	const struct tr_node *node = tr_node_child(place->node, field->key);
	struct place inner = {.table = field->table};
	char path[320];

	(void)snprintf(path, sizeof path, "%s%s%s", place->path, *place->path ? "." : "",
		       field->key);
	if (field->kind == TR_KIND_MAP && !field->table->scalar)
		return search_rows(search, place, field);
	if (field->kind == TR_KIND_OBJECT) {
		inner.row = (const char *)place->row + field->offset;
		inner.node = node;
		(void)snprintf(inner.path, sizeof inner.path, "%.255s", path);
		return search_place(search, &inner);
	}
	if (!rule || is_default(field, place->row) || !is_idle(rule, search->draft, place->row))
		return 0;
	return tr_schema_diagnose(search->diagnostic, search->document, node ? node : place->node,
				  path, "it has no effect: %s", rule->why);
}

/* As deep as the tables are: three. */
static int search_place(const struct search *search, const struct place *place)
{
	for (size_t i = 0; i < place->table->field_count; i++)
		if (search_field(search, place, &place->table->fields[i]))
			return -1;
	return 0;
}

int tr_draft_check_idle(const struct tr_draft *draft, const struct tr_document *document,
			struct tr_diagnostic *ret_diagnostic)
{
	const struct search search = {draft, document, ret_diagnostic};
	const struct place root = {
		.table = tr_policy_schema.root, .row = draft, .node = tr_document_root(document)};

	return search_place(&search, &root);
}
