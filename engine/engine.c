/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door: one event in, actions out.
 *
 * A step has three parts. The check looks and may refuse; nothing has changed then. The handler
 * takes the event in. Then the scheduler places what can be placed, as far as the caller's array
 * has room; what is left makes the deadline due at once, and the host comes back with CLOCK. At the
 * end the chain takes up the event and everything that was answered.
 */
#include "engine/engine.h"

#include "engine/event.h"
#include "engine/health.h"
#include "engine/layout.h"
#include "engine/limit.h"
#include "engine/quota.h"
#include "engine/registry.h"
#include "engine/scheduler.h"
#include "engine/state.h"
#include "engine/strategy.h"
#include "engine/timer.h"

#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

/* ---- step ---- */

/* The chain after this step: a hash over the chain before, the event, and the actions. */
static uint64_t chain_next(const struct tr_engine *e, const struct tr_event *event,
			   const struct tr_actions *out)
{
	uint8_t bytes[8 + TR_EVENT_BYTES_MAX +
		      TR_ACTIONS_MAX * TR_ACTION_BYTES_MAX] TR_UNINITIALIZED;
	uint8_t *p = tr_put_u64(bytes, e->core->chain);

	p += tr_event_encode(event, p);
	for (uint32_t i = 0; i < out->count; i++)
		p += tr_action_encode(&out->items[i], p);
	return XXH3_64bits(bytes, (size_t)(p - bytes));
}

int tr_engine_step(struct tr_engine *e, const struct tr_event *event, struct tr_actions *out)
{
	int err;

	out->count = 0;
	out->decision_count = 0;
	out->candidate_count = 0;
	err = tr_event_check(e, event);
	if (err < 0)
		return err;
	e->event = event;
	e->out = out;
	e->core->now = event->time;
	e->core->events++;
	tr_event_handle(e, event);
	tr_scheduler_run(e);
	e->core->chain = chain_next(e, event, out);
	e->event = NULL;
	e->out = NULL;
	TR_ASSERT(out->count <= TR_ACTIONS_MAX);
	return 0;
}

tr_time_ns tr_engine_deadline(const struct tr_engine *e)
{
	if (e->core->dirty_models || e->core->doomed_group_jobs)
		return e->core->now;
	return tr_max(tr_timer_next(e), e->core->now);
}

/* ---- birth and policies ---- */

int tr_engine_init(struct tr_engine *e, const struct tr_limits *limits,
		   const struct tr_policy *policy, uint64_t seed, tr_time_ns now)
{
	size_t size = tr_engine_size(limits);
	int err;

	if (size == 0)
		return TR_E_LIMITS;
	err = tr_layout_policy_check(limits, policy);
	if (err < 0)
		return err;
	memset((void *)e, 0, size);
	e->limits = *limits;
	TR_ASSERT(tr_layout_divide(e, (uint8_t *)e) == size);
	e->core->seed = seed;
	e->core->now = now;
	tr_layout_policy_copy(e, 0, policy);
	tr_event_activate(e, 0);
	return 0;
}

static bool in_use(const struct tr_engine *e, uint32_t slot)
{
	return e->slot[slot].active || e->slot[slot].jobs;
}

int tr_engine_policy_place(struct tr_engine *e, const struct tr_policy *policy, uint32_t slot)
{
	int err = tr_layout_policy_check(&e->limits, policy);

	if (slot >= e->limits.policies)
		return TR_E_INVALID;
	if (err < 0)
		return err;
	if (in_use(e, slot))
		return e->loaded[slot].id == policy->id ? 0 : TR_E_STATE;
	tr_layout_policy_copy(e, slot, policy);
	return 0;
}

int tr_engine_policy_load(struct tr_engine *e, const struct tr_policy *policy, uint32_t *ret_slot)
{
	uint32_t chosen = TR_NONE;
	int err;

	for (uint32_t slot = 0; slot < e->limits.policies; slot++)
		if (in_use(e, slot) && e->loaded[slot].id == policy->id)
			chosen = slot;
	for (uint32_t slot = 0; slot < e->limits.policies && chosen == TR_NONE; slot++)
		if (!in_use(e, slot))
			chosen = slot;
	if (chosen == TR_NONE)
		return TR_E_POLICY_SLOTS_FULL;
	err = tr_engine_policy_place(e, policy, chosen);
	if (err < 0)
		return err;
	*ret_slot = chosen;
	return 0;
}

/* ---- views ---- */

uint64_t tr_engine_chain(const struct tr_engine *e)
{
	return e->core->chain;
}

uint64_t tr_engine_path(const struct tr_engine *e)
{
	return e->core->path;
}

void tr_engine_counts(const struct tr_engine *e, struct tr_counts *ret)
{
	const struct tr_core *core = e->core;

	*ret = (struct tr_counts){
		.submitted = core->submitted,
		.rejected = core->rejected,
		.completed = core->completed,
		.failed = core->failed,
		.canceled = core->canceled,
		.expired = core->expired,
		.in_system = core->live_jobs,
		.attempts = core->attempts,
		.retries = core->retries,
		.hedges = core->hedges,
		.breaker_trips = core->breaker_trips,
		.events = core->events,
		.retries_denied = core->retries_denied,
		.hedges_denied = core->hedges_denied,
	};
}

int tr_engine_endpoint(const struct tr_engine *e, tr_name name, struct tr_endpoint_view *ret)
{
	uint32_t slot = tr_registry_find(&e->registry[TR_REGISTRY_ENDPOINT], name);

	if (slot == TR_NONE)
		return TR_E_ENDPOINT_UNKNOWN;

	const struct tr_endpoint *ep = &e->endpoint[slot];

	*ret = (struct tr_endpoint_view){
		.in_flight = ep->in_flight,
		.slots = ep->slots,
		.breaker = ep->breaker,
		.lifecycle = ep->lifecycle,
		.removed = ep->removed,
		.ttft_ewma_ns = ep->ttft_ewma,
		.tpot_ewma_ns = ep->tpot_ewma,
		.limit = tr_limit_now(e, slot),
		.tail_ns = tr_health_tail(e, slot),
	};
	return 0;
}

int tr_engine_tenant(const struct tr_engine *e, tr_name name, struct tr_tenant_view *ret)
{
	uint32_t slot = tr_registry_find(&e->registry[TR_REGISTRY_TENANT], name);

	if (slot == TR_NONE)
		return TR_E_INVALID;

	const struct tr_tenant *tenant = &e->tenant[slot];

	*ret = (struct tr_tenant_view){
		.running = tenant->running,
		.waiting = tenant->waiting,
		.reserved_micro_usd = tenant->reserved_micro_usd,
		.spent_micro_usd = tr_spent_today(tenant, e->core->now),
	};
	return 0;
}

int tr_engine_model(const struct tr_engine *e, tr_name name, struct tr_model_view *ret)
{
	uint32_t slot = tr_registry_find(&e->registry[TR_REGISTRY_MODEL], name);

	if (slot == TR_NONE)
		return TR_E_INVALID;

	const struct tr_model *model = &e->model[slot];

	*ret = (struct tr_model_view){
		.waiting = model->waiting,
		.in_flight = model->in_flight,
		.service_ewma_ns = model->service_ewma,
		.prediction_error_ewma_ns = model->prediction_error,
	};
	return 0;
}

int tr_engine_strategy(const struct tr_engine *e, tr_name name, struct tr_strategy_view *ret)
{
	const struct tr_policy *policy = tr_policy_active(e);

	for (uint32_t row = 0; row < policy->strategy_count; row++) {
		if (policy->strategies[row].name != name)
			continue;
		tr_strategy_view(e, e->core->active_policy, row, ret);
		return 0;
	}
	return TR_E_INVALID;
}
