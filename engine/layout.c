/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block of memory, divided once.
 *
 * The same walk over the tables measures the block (base NULL) and sets the pointers, so that the
 * two cannot differ. Policies are copied into rows that stand here too: the engine keeps no pointer
 * to memory of its host.
 */
#include "engine/layout.h"

#define ALIGNMENT 64

const struct tr_limits tr_limits_default = {
	.jobs = 65536,
	.active = 8192,
	.attempts = 16384,
	.models = 64,
	.endpoints = 256,
	.classes = 8,
	.tenants = 256,
	.policies = 4,
	.sessions = 8192,
	.prefixes = 32768,
	.idempotency = 16384,
};

bool tr_layout_limits_good(const struct tr_limits *limits)
{
	const struct {
		uint32_t value, least, most;
	} ranges[] = {
		{limits->jobs, 1, 1u << 24},
		{limits->active, 1, limits->jobs},
		{limits->attempts, limits->active, 1u << 24},
		{limits->models, 1, TR_POLICY_MODELS_MAX},
		{limits->endpoints, 1, TR_POLICY_ENDPOINTS_MAX},
		{limits->classes, 1, TR_POLICY_CLASSES_MAX},
		{limits->tenants, 1, TR_ENGINE_TENANTS_MAX},
		{limits->policies, 1, TR_ENGINE_POLICIES_MAX},
		{limits->sessions, 1, 1u << 24},
		{limits->prefixes, 8, 1u << 24},
		{limits->idempotency, 1, 1u << 24},
	};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(ranges); i++)
		if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most)
			return false;
	return true;
}

struct divider {
	uint8_t *base;
	size_t used;
};

static void *take(struct divider *divider, size_t count, size_t bytes)
{
	void *start = divider->base ? divider->base + divider->used : NULL;

	divider->used += (count * bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return start;
}

#define TAKE(pointer, count) ((pointer) = take(&divider, count, sizeof *(pointer)))

/* A power of two of at least twice the count: open addressing stays short. */
static uint32_t index_size(uint32_t count)
{
	uint32_t size = 16;

	while (size < 2 * count)
		size *= 2;
	return size;
}

static void divide_loaded(struct tr_engine *e, struct divider *whole, struct tr_loaded *loaded)
{
	struct divider divider = *whole;
	struct tr_policy *policy = &loaded->policy;

	TAKE(policy->models, e->limits.models);
	TAKE(policy->endpoints, e->limits.endpoints);
	TAKE(policy->classes, e->limits.classes);
	TAKE(policy->tenants, e->limits.tenants);
	TAKE(policy->strategies, TR_POLICY_STRATEGIES_MAX);
	TAKE(policy->intents, TR_POLICY_INTENTS_MAX);
	TAKE(policy->aliases, TR_POLICY_ALIASES_MAX);
	TAKE(policy->profiles, TR_POLICY_PROFILES_MAX);
	for (enum tr_registry_kind kind = 0; kind < TR_REGISTRY_KINDS; kind++) {
		TAKE(loaded->slot_of_row[kind], e->registry[kind].limit);
		TAKE(loaded->row_of_slot[kind], e->registry[kind].limit);
	}
	*whole = divider;
}

static void divide_registry(struct tr_engine *e, struct divider *whole)
{
	struct divider divider = *whole;
	const struct tr_registry kinds[TR_REGISTRY_KINDS] = {
		[TR_REGISTRY_MODEL] = {(uint8_t *)e->model, sizeof *e->model, e->limits.models, 0,
				       NULL},
		[TR_REGISTRY_ENDPOINT] = {(uint8_t *)e->endpoint, sizeof *e->endpoint,
					  e->limits.endpoints, 0, NULL},
		[TR_REGISTRY_CLASS] = {(uint8_t *)e->class, sizeof *e->class, e->limits.classes, 0,
				       NULL},
		[TR_REGISTRY_TENANT] = {(uint8_t *)e->tenant, sizeof *e->tenant, e->limits.tenants,
					0, NULL},
	};

	for (enum tr_registry_kind kind = 0; kind < TR_REGISTRY_KINDS; kind++) {
		struct tr_registry *registry = &e->registry[kind];

		*registry = kinds[kind];
		registry->mask = index_size(registry->limit) - 1;
		TAKE(registry->index, registry->mask + 1);
	}
	*whole = divider;
}

size_t tr_layout_divide(struct tr_engine *e, uint8_t *base)
{
	struct divider divider = {.base = base, .used = 0};

	take(&divider, 1, sizeof *e);
	e->backlog_count = e->limits.models * e->limits.classes;
	e->queue_count = e->backlog_count * e->limits.tenants + 1;
	e->timer_slots = 0;
	for (e->prefix_mask = 7; e->prefix_mask + 1 < e->limits.prefixes;)
		e->prefix_mask = 2 * e->prefix_mask + 1;
#define X(uc, lc, count)                                                                           \
	e->timer_first[TR_TIMER_##uc] = e->timer_slots;                                            \
	e->timer_slots += (count);
	TR_TIMER_OWNER_MAP(X)
#undef X
#define X(uc, lc, capacity, used) TAKE(e->lc, capacity);
	TR_TABLE_MAP(X)
#undef X
	TAKE(e->timer_heap, e->timer_slots);
	TAKE(e->ready_heap, e->queue_count);
	TAKE(e->aside, e->limits.classes * e->limits.tenants);
	e->job_index.mask = index_size(e->limits.jobs) - 1;
	TAKE(e->job_index.cells, e->job_index.mask + 1);
	TR_INDEX_BIND(&e->job_index, e->job, job_id);
	e->idempotency_index.mask = index_size(e->limits.idempotency) - 1;
	TAKE(e->idempotency_index.cells, e->idempotency_index.mask + 1);
	TR_INDEX_BIND(&e->idempotency_index, e->idempotency, key);
	e->group_index.mask = index_size(e->limits.jobs) - 1;
	TAKE(e->group_index.cells, e->group_index.mask + 1);
	TR_INDEX_BIND(&e->group_index, e->job, group_id);
	TAKE(e->reach, e->limits.models);
	e->session_index.mask = index_size(e->limits.sessions) - 1;
	TAKE(e->session_index.cells, e->session_index.mask + 1);
	TR_INDEX_BIND(&e->session_index, e->session, key);
	divide_registry(e, &divider);
	for (uint32_t i = 0; i < e->limits.policies; i++)
		divide_loaded(e, &divider, &e->loaded[i]);
	return divider.used;
}

size_t tr_engine_size(const struct tr_limits *limits)
{
	struct tr_engine e = {0};

	if (!tr_layout_limits_good(limits))
		return 0;
	e.limits = *limits;
	return tr_layout_divide(&e, NULL);
}

static bool row_good(uint32_t row, uint32_t count, bool none_good)
{
	return row < count || (none_good && row == TR_NONE);
}

static bool weights_good(const struct tr_policy_strategy *strategy)
{
	for (int t = 0; t < TR_TERM_COUNT; t++)
		if (strategy->weights[t] > 1000)
			return false;
	return true;
}

/* Values that others are divided by, or that must not refuse everything. */
static bool values_good(const struct tr_policy *p)
{
	bool good = p->bypass.window_ns && p->bypass.cooldown_ns && p->health.signal_half_life_ns &&
		    p->health.peak_half_life_ns && p->health.feedback_half_life_ns &&
		    p->health.window_ns && p->health.tail_percent >= 1 &&
		    p->health.tail_percent <= 99 && p->affinity.load_percent >= 100 &&
		    p->concurrency.least && p->breaker.slow_percent &&
		    p->breaker.all_out < TR_ALL_OUT_COUNT;

	for (uint32_t i = 0; i < p->class_count; i++)
		good = good && p->classes[i].full < TR_FULL_COUNT &&
		       p->classes[i].preempt < TR_PREEMPT_COUNT &&
		       p->classes[i].sojourn_interval_ns;
	for (uint32_t i = 0; i < p->tenant_count; i++)
		good = good && p->tenants[i].tokens_in && p->tenants[i].tokens_out;
	for (uint32_t i = 0; i < p->strategy_count; i++)
		good = good && p->strategies[i].bound_percent >= 100 &&
		       p->strategies[i].hot_percent >= 1 && p->strategies[i].hot_percent <= 100;
	return good;
}

static bool rows_good(const struct tr_policy *p)
{
	bool good = row_good(p->default_tenant, p->tenant_count, false) &&
		    row_good(p->default_intent, p->intent_count, false) &&
		    row_good(p->default_model, p->model_count, true) &&
		    row_good(p->unknown_model, p->model_count, true) && p->id != 0 &&
		    p->hedge.attempts < TR_JOB_ATTEMPTS_MAX;

	for (uint32_t i = 0; i < p->model_count; i++) {
		const struct tr_policy_model *model = &p->models[i];

		good = good && model->endpoint_count >= 1 &&
		       model->endpoint_count <= TR_POLICY_POOL_MAX &&
		       model->first_endpoint <= p->endpoint_count &&
		       model->endpoint_count <= p->endpoint_count - model->first_endpoint &&
		       model->chain_count >= 1 && model->chain_count <= TR_POLICY_CHAIN_MAX &&
		       model->chain[0] == i && model->name != 0 && model->quality <= 1000;
		for (uint32_t step = 0; good && step < model->chain_count; step++)
			good = row_good(model->chain[step], p->model_count, false);
	}
	for (uint32_t i = 0; i < p->endpoint_count; i++)
		good = good && p->endpoints[i].name != 0 && p->endpoints[i].slots != 0 &&
		       row_good(p->endpoints[i].model, p->model_count, false);
	for (uint32_t i = 0; i < p->class_count; i++)
		good = good && p->classes[i].name != 0;
	for (uint32_t i = 0; i < p->tenant_count; i++)
		good = good && p->tenants[i].name != 0 && p->tenants[i].weight_milli != 0 &&
		       row_good(p->tenants[i].strategy, p->strategy_count, true);
	for (uint32_t i = 0; i < p->strategy_count; i++)
		good = good && p->strategies[i].picker < TR_PICKER_COUNT &&
		       weights_good(&p->strategies[i]);
	for (uint32_t i = 0; i < p->intent_count; i++)
		good = good && row_good(p->intents[i].class_row, p->class_count, false) &&
		       row_good(p->intents[i].strategy, p->strategy_count, false);
	for (uint32_t i = 0; i < p->profile_count; i++)
		good = good && p->profiles[i].name != 0 &&
		       row_good(p->profiles[i].strategy, p->strategy_count, true) &&
		       row_good(p->profiles[i].class_row, p->class_count, true);
	for (uint32_t i = 0; i < p->alias_count; i++)
		good = good && row_good(p->aliases[i].model, p->model_count, false);
	return good;
}

int tr_layout_policy_check(const struct tr_limits *limits, const struct tr_policy *p)
{
	if (p->model_count > limits->models || p->endpoint_count > limits->endpoints ||
	    p->class_count > limits->classes || p->tenant_count > limits->tenants ||
	    p->strategy_count > TR_POLICY_STRATEGIES_MAX ||
	    p->intent_count > TR_POLICY_INTENTS_MAX || p->alias_count > TR_POLICY_ALIASES_MAX ||
	    p->profile_count > TR_POLICY_PROFILES_MAX)
		return TR_E_LIMITS;
	return rows_good(p) && values_good(p) ? 0 : TR_E_INVALID;
}

/* The engine's copy is written through pointers that are const for everyone else. */
#define COPY_ROWS(table, count)                                                                    \
	do {                                                                                       \
		if ((count) > 0)                                                                   \
			memcpy((void *)(uintptr_t)mine->table, policy->table,                      \
			       (count) * sizeof *mine->table);                                     \
	} while (0)

void tr_layout_policy_copy(struct tr_engine *e, uint32_t slot, const struct tr_policy *policy)
{
	struct tr_policy *mine = &e->loaded[slot].policy;
	struct tr_policy copy = *policy;

	TR_ASSERT(slot < e->limits.policies);
	TR_ASSERT(tr_layout_policy_check(&e->limits, policy) == 0);
	COPY_ROWS(models, policy->model_count);
	COPY_ROWS(endpoints, policy->endpoint_count);
	COPY_ROWS(classes, policy->class_count);
	COPY_ROWS(tenants, policy->tenant_count);
	COPY_ROWS(strategies, policy->strategy_count);
	COPY_ROWS(intents, policy->intent_count);
	COPY_ROWS(aliases, policy->alias_count);
	COPY_ROWS(profiles, policy->profile_count);
	copy.profiles = mine->profiles;
	copy.models = mine->models;
	copy.endpoints = mine->endpoints;
	copy.classes = mine->classes;
	copy.tenants = mine->tenants;
	copy.strategies = mine->strategies;
	copy.intents = mine->intents;
	copy.aliases = mine->aliases;
	*mine = copy;
	e->loaded[slot].id = policy->id;
}
