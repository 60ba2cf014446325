/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry keeps what outlives a policy: breakers, quotas, health, queues, each under its name.
 *
 * A change of policy is the moment at which entries come and go. (A tenant that no policy names
 * comes with its first job, and goes when its place is needed and nothing is left to remember of
 * it.) Entries that the new policy names take its values; entries it does not name go if nothing
 * refers to them, else they stay and are looked at again at the next change. An endpoint that stays
 * so is `removed`: it finishes what it has and gets no more. Since policies in use by running jobs
 * bind to slots, all bindings are computed anew afterwards.
 */
#include "engine/registry.h"

#include "engine/predict.h"
#include "engine/affinity.h"
#include "engine/quota.h"
#include "engine/random.h"
#include "engine/timer.h"
#include "engine/window.h"

static tr_name *name_at(const struct tr_registry *registry, uint32_t slot)
{
	return (tr_name *)(void *)(registry->rows + slot * registry->row_bytes);
}

uint32_t tr_registry_find(const struct tr_registry *registry, tr_name name)
{
	for (uint64_t at = tr_mix(name);; at++) {
		uint32_t slot1 = registry->index[at & registry->mask];

		if (!slot1)
			return TR_NONE;
		if (*name_at(registry, slot1 - 1) == name)
			return slot1 - 1;
	}
}

static void index_add(struct tr_registry *registry, uint32_t slot)
{
	uint64_t at = tr_mix(*name_at(registry, slot));

	while (registry->index[at & registry->mask])
		at++;
	registry->index[at & registry->mask] = (uint16_t)(slot + 1);
}

/* Entries are few and go rarely: an index is made anew rather than mended. */
static bool index_rebuild(struct tr_registry *registry)
{
	memset(registry->index, 0, (registry->mask + 1) * sizeof *registry->index);
	for (uint32_t slot = 0; slot < registry->limit; slot++) {
		tr_name name = *name_at(registry, slot);

		if (!name)
			continue;
		if (tr_registry_find(registry, name) != TR_NONE)
			return false;
		index_add(registry, slot);
	}
	return true;
}

uint32_t tr_registry_add(struct tr_registry *registry, tr_name name)
{
	TR_ASSERT(name != 0);
	TR_ASSERT(tr_registry_find(registry, name) == TR_NONE);
	for (uint32_t slot = 0; slot < registry->limit; slot++) {
		if (*name_at(registry, slot))
			continue;
		*name_at(registry, slot) = name;
		index_add(registry, slot);
		return slot;
	}
	return TR_NONE;
}

/* ---- what a policy's rows say of entries ---- */

static void tenant_values(struct tr_engine *e, uint32_t slot)
{
	const struct tr_policy *policy = tr_policy_active(e);
	uint32_t row1 = e->loaded[e->core->active_policy].row_of_slot[TR_REGISTRY_TENANT][slot];
	const struct tr_policy_tenant *row =
		&policy->tenants[row1 ? row1 - 1 : policy->default_tenant];
	struct tr_tenant *tenant = &e->tenant[slot];

	tr_time_ns now = e->core->now;

	tenant->requests_tat = tr_rate_convert(
		tenant->requests_tat, now, tenant->requests_per_minute, row->requests_per_minute);
	tenant->tokens_tat = tr_rate_convert(tenant->tokens_tat, now, tenant->tokens_per_minute,
					     row->tokens_per_minute);
	tenant->weight_milli = row->weight_milli;
	tenant->max_concurrent = row->max_concurrent;
	tenant->requests_per_minute = row->requests_per_minute;
	tenant->tokens_per_minute = row->tokens_per_minute;
	tenant->budget_micro_usd_per_day = row->budget_micro_usd_per_day;
}

static void class_values(struct tr_engine *e, uint32_t slot, const struct tr_policy_class *row)
{
	struct tr_class *class = &e->class[slot];

	class->queue_timeout = row->queue_timeout_ns;
	class->priority = row->priority;
	class->floor_percent = row->floor_percent;
	class->queue_limit = row->queue_limit;
	class->full = row->full;
	class->preempt = row->preempt;
	class->sojourn_target = row->sojourn_target_ns;
	class->sojourn_interval = row->sojourn_interval_ns;
}

static void model_values(struct tr_engine *e, uint32_t slot, const struct tr_policy_model *row)
{
	e->model[slot].queue_limit = row->queue_limit;
}

static void endpoint_values(struct tr_engine *e, uint32_t slot,
			    const struct tr_policy_endpoint *row, uint32_t model)
{
	struct tr_endpoint *endpoint = &e->endpoint[slot];

	tr_time_ns now = e->core->now;

	endpoint->requests_tat =
		tr_rate_convert(endpoint->requests_tat, now, endpoint->requests_per_minute,
				row->requests_per_minute);
	endpoint->tokens_tat = tr_rate_convert(endpoint->tokens_tat, now,
					       endpoint->tokens_per_minute, row->tokens_per_minute);
	endpoint->model = (uint16_t)model;
	endpoint->slots = row->slots;
	endpoint->weight = row->weight;
	endpoint->requests_per_minute = row->requests_per_minute;
	endpoint->tokens_per_minute = row->tokens_per_minute;
	endpoint->removed = 0;
}

/* Forget what an entry left in tables that are not its own. */
static void entry_clear(struct tr_engine *e, enum tr_registry_kind kind, uint32_t slot)
{
	const struct tr_registry *registry = &e->registry[kind];

	if (kind == TR_REGISTRY_MODEL)
		e->core->dirty_models -= e->model[slot].dirty;
	if (kind == TR_REGISTRY_MODEL)
		memset(&e->spending[(size_t)slot * TR_SPENDING_BUCKETS], 0,
		       TR_SPENDING_BUCKETS * sizeof *e->spending);
	memset(registry->rows + slot * registry->row_bytes, 0, registry->row_bytes);
	if (kind == TR_REGISTRY_ENDPOINT)
		tr_window_clear(e, tr_window_of_endpoint(slot));
	if (kind == TR_REGISTRY_MODEL)
		tr_window_clear(e, tr_window_of_model(e, slot));
	if (kind == TR_REGISTRY_ENDPOINT)
		tr_timer_set(e, TR_TIMER_ENDPOINT, slot, TR_TIME_NEVER);
	if (kind == TR_REGISTRY_ENDPOINT)
		memset(&e->bucket[slot * TR_BREAKER_BUCKETS], 0,
		       TR_BREAKER_BUCKETS * sizeof *e->bucket);
	for (uint32_t b = 0; b < e->backlog_count && kind != TR_REGISTRY_ENDPOINT; b++) {
		struct tr_queue *queues = &e->queue[(size_t)b * e->limits.tenants];

		if (kind == TR_REGISTRY_TENANT) {
			TR_ASSERT(queues[slot].root1 == 0);
			queues[slot] = (struct tr_queue){0};
		} else if ((kind == TR_REGISTRY_CLASS ? b % e->limits.classes
						      : b / e->limits.classes) == slot) {
			TR_ASSERT(e->backlog[b].waiting == 0);
			memset(queues, 0, e->limits.tenants * sizeof *queues);
			e->backlog[b] = (struct tr_backlog){0};
		}
	}
}

/* An entry goes, its name with it. */
static void entry_drop(struct tr_engine *e, enum tr_registry_kind kind, uint32_t slot)
{
	bool unique;

	entry_clear(e, kind, slot);
	unique = index_rebuild(&e->registry[kind]);
	TR_ASSERT(unique);
}

/* A tenant that no policy in force names, that has no job, and about which nothing is left to
 * remember: neither a rate that is not full again nor money spent today. */
static bool forgettable(const struct tr_engine *e, uint32_t slot)
{
	const struct tr_tenant *tenant = &e->tenant[slot];
	const struct tr_loaded *active = &e->loaded[e->core->active_policy];
	tr_time_ns now = e->core->now;

	return tenant->live == 0 && !active->row_of_slot[TR_REGISTRY_TENANT][slot] &&
	       tenant->requests_tat <= now && tenant->tokens_tat <= now &&
	       (!tenant->budget_micro_usd_per_day || tr_spent_today(tenant, now) == 0);
}

/* A place for a new tenant: a free slot, else that of one that may be forgotten; TR_NONE: neither.
 */
static uint32_t tenant_place(const struct tr_engine *e)
{
	uint32_t place = TR_NONE;

	for (uint32_t slot = 0; slot < e->limits.tenants; slot++) {
		if (!e->tenant[slot].name)
			return slot;
		if (place == TR_NONE && forgettable(e, slot))
			place = slot;
	}
	return place;
}

/* Until a tenant may be forgotten, as far as that is known: one that has jobs may lose its last at
 * any moment, one that the policy names stays as long as that policy. */
static tr_span_ns remembered(const struct tr_engine *e, uint32_t slot)
{
	const struct tr_tenant *tenant = &e->tenant[slot];
	const struct tr_loaded *active = &e->loaded[e->core->active_policy];
	tr_time_ns now = e->core->now;
	tr_time_ns until = tr_max(tenant->requests_tat, tenant->tokens_tat);

	if (active->row_of_slot[TR_REGISTRY_TENANT][slot])
		return TR_MINUTE;
	if (tenant->live)
		return TR_SECOND;
	if (tenant->budget_micro_usd_per_day && tr_spent_today(tenant, now))
		until = tr_max(until, (now / TR_DAY + 1) * TR_DAY);
	return tr_sub_sat(until, now);
}

tr_span_ns tr_registry_tenant_wait(const struct tr_engine *e, tr_name name)
{
	tr_span_ns least = TR_TIME_NEVER;

	if (tr_registry_find(&e->registry[TR_REGISTRY_TENANT], name) != TR_NONE ||
	    tenant_place(e) != TR_NONE)
		return 0;
	for (uint32_t slot = 0; slot < e->limits.tenants; slot++)
		least = tr_min(least, remembered(e, slot));
	return least;
}

uint32_t tr_registry_tenant(struct tr_engine *e, tr_name name)
{
	struct tr_registry *registry = &e->registry[TR_REGISTRY_TENANT];
	uint32_t slot = tr_registry_find(registry, name);
	uint32_t place;

	if (slot != TR_NONE)
		return slot;
	place = tenant_place(e);
	TR_ASSERT(place != TR_NONE);
	if (e->tenant[place].name)
		entry_drop(e, TR_REGISTRY_TENANT, place);
	slot = tr_registry_add(registry, name);
	tenant_values(e, slot);
	return slot;
}

/* ---- one kind a row ---- */

/* Does anything refer to the entry? */
static bool busy(const struct tr_engine *e, enum tr_registry_kind kind, uint32_t slot)
{
	switch (kind) {
	case TR_REGISTRY_MODEL:
		return e->model[slot].live != 0;
	case TR_REGISTRY_ENDPOINT:
		return e->endpoint[slot].in_flight != 0;
	case TR_REGISTRY_CLASS:
		return e->class[slot].live != 0;
	case TR_REGISTRY_TENANT:
		return e->tenant[slot].live != 0;
	case TR_REGISTRY_KINDS:
		break;
	}
	return true;
}

static uint32_t row_count(const struct tr_policy *policy, enum tr_registry_kind kind)
{
	const uint32_t counts[TR_REGISTRY_KINDS] = {
		[TR_REGISTRY_MODEL] = policy->model_count,
		[TR_REGISTRY_ENDPOINT] = policy->endpoint_count,
		[TR_REGISTRY_CLASS] = policy->class_count,
		[TR_REGISTRY_TENANT] = policy->tenant_count,
	};

	return counts[kind];
}

static tr_name row_name(const struct tr_policy *policy, enum tr_registry_kind kind, uint32_t row)
{
	switch (kind) {
	case TR_REGISTRY_MODEL:
		return policy->models[row].name;
	case TR_REGISTRY_ENDPOINT:
		return policy->endpoints[row].name;
	case TR_REGISTRY_CLASS:
		return policy->classes[row].name;
	case TR_REGISTRY_TENANT:
		return policy->tenants[row].name;
	case TR_REGISTRY_KINDS:
		break;
	}
	return 0;
}

bool tr_registry_fits(const struct tr_engine *e, const struct tr_loaded *loaded)
{
	for (enum tr_registry_kind kind = 0; kind < TR_REGISTRY_KINDS; kind++) {
		const struct tr_registry *registry = &e->registry[kind];
		uint32_t needed = row_count(&loaded->policy, kind);

		for (uint32_t slot = 0; slot < registry->limit; slot++) {
			tr_name name = *name_at(registry, slot);
			bool named = false;

			if (!name || !busy(e, kind, slot))
				continue;
			for (uint32_t row = 0; row < row_count(&loaded->policy, kind); row++)
				named |= row_name(&loaded->policy, kind, row) == name;
			needed += !named;
		}
		if (needed > registry->limit)
			return false;
	}
	return true;
}

/* ---- binding ---- */

static void bind(struct tr_engine *e, struct tr_loaded *loaded)
{
	for (enum tr_registry_kind kind = 0; kind < TR_REGISTRY_KINDS; kind++) {
		const struct tr_registry *registry = &e->registry[kind];

		memset(loaded->row_of_slot[kind], 0,
		       registry->limit * sizeof *loaded->row_of_slot[kind]);
		for (uint32_t row = 0; row < row_count(&loaded->policy, kind); row++) {
			uint32_t slot =
				tr_registry_find(registry, row_name(&loaded->policy, kind, row));

			loaded->slot_of_row[kind][row] = (uint16_t)(slot + 1);
			if (slot != TR_NONE)
				loaded->row_of_slot[kind][slot] = (uint16_t)(row + 1);
		}
	}
}

static void reach_add(struct tr_engine *e, const struct tr_loaded *loaded)
{
	const uint16_t *slots = loaded->slot_of_row[TR_REGISTRY_MODEL];

	for (uint32_t row = 0; row < loaded->policy.model_count; row++) {
		const struct tr_policy_model *model = &loaded->policy.models[row];

		for (uint32_t step = 0; step < model->chain_count; step++)
			if (slots[row] && slots[model->chain[step]])
				tr_model_set_add(&e->reach[slots[model->chain[step]] - 1],
						 slots[row] - 1u);
	}
}

static void bind_all(struct tr_engine *e)
{
	memset(e->reach, 0, e->limits.models * sizeof *e->reach);
	for (uint32_t i = 0; i < e->limits.policies; i++) {
		if (!e->slot[i].active && e->slot[i].jobs == 0)
			continue;
		bind(e, &e->loaded[i]);
		reach_add(e, &e->loaded[i]);
	}
}

/* Drop entries that the policy does not name and nobody refers to. A tenant's rates and the money
 * it spent today are remembered over a change of policy, unless room is needed (`all`). */
static void drop_unnamed(struct tr_engine *e, const struct tr_loaded *loaded,
			 enum tr_registry_kind kind, bool all)
{
	struct tr_registry *registry = &e->registry[kind];
	bool unique, dropped = false;

	for (uint32_t slot = 0; slot < registry->limit; slot++) {
		bool named = loaded->row_of_slot[kind][slot] != 0;

		if (!*name_at(registry, slot) || named || busy(e, kind, slot))
			continue;
		if (kind == TR_REGISTRY_TENANT && !all && !forgettable(e, slot))
			continue;
		entry_clear(e, kind, slot);
		dropped = true;
	}
	if (dropped && kind == TR_REGISTRY_ENDPOINT)
		tr_affinity_endpoints_dropped(e);
	unique = index_rebuild(registry);
	TR_ASSERT(unique);
}

static void add_named(struct tr_engine *e, struct tr_loaded *loaded, enum tr_registry_kind kind,
		      tr_name name)
{
	uint32_t slot = tr_registry_add(&e->registry[kind], name);

	if (slot == TR_NONE) {
		bind(e, loaded); /* names added so far must stay */
		drop_unnamed(e, loaded, kind, true);
		slot = tr_registry_add(&e->registry[kind], name);
	}
	TR_ASSERT(slot != TR_NONE);
}

void tr_registry_activate(struct tr_engine *e, uint32_t policy_slot)
{
	struct tr_loaded *loaded = &e->loaded[policy_slot];
	const struct tr_policy *policy = &loaded->policy;

	TR_ASSERT(e->slot[policy_slot].active);
	TR_ASSERT(e->core->active_policy == policy_slot);
	bind(e, loaded);
	for (enum tr_registry_kind kind = 0; kind < TR_REGISTRY_KINDS; kind++) {
		drop_unnamed(e, loaded, kind, false);
		for (uint32_t row = 0; row < row_count(policy, kind); row++)
			if (!loaded->slot_of_row[kind][row])
				add_named(e, loaded, kind, row_name(policy, kind, row));
	}
	bind_all(e);
	for (uint32_t slot = 0; slot < e->limits.endpoints; slot++)
		e->endpoint[slot].removed = e->endpoint[slot].name != 0;
	for (uint32_t row = 0; row < policy->endpoint_count; row++)
		endpoint_values(
			e, loaded->slot_of_row[TR_REGISTRY_ENDPOINT][row] - 1u,
			&policy->endpoints[row],
			loaded->slot_of_row[TR_REGISTRY_MODEL][policy->endpoints[row].model] - 1u);
	tr_predict_policy_changed(e);
	for (uint32_t row = 0; row < policy->model_count; row++)
		model_values(e, loaded->slot_of_row[TR_REGISTRY_MODEL][row] - 1u,
			     &policy->models[row]);
	for (uint32_t row = 0; row < policy->class_count; row++)
		class_values(e, loaded->slot_of_row[TR_REGISTRY_CLASS][row] - 1u,
			     &policy->classes[row]);
	for (uint32_t slot = 0; slot < e->limits.tenants; slot++)
		if (e->tenant[slot].name)
			tenant_values(e, slot);
}

void tr_registry_policy_released(struct tr_engine *e)
{
	bind_all(e);
}

bool tr_registry_rebuild(struct tr_engine *e)
{
	for (enum tr_registry_kind kind = 0; kind < TR_REGISTRY_KINDS; kind++)
		if (!index_rebuild(&e->registry[kind]))
			return false;
	bind_all(e);
	return true;
}
