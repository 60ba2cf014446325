/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies that fail.
 *
 * A picker may find nobody although there are candidates: all weights are 0, or there is nothing to
 * hash. The job does not pay for that: `least-outstanding` decides in its place. But a strategy
 * that fails again and again is a fault of the policy which somebody must hear of, so failures are
 * counted for each strategy of each loaded policy, in each pool for itself (who shares no endpoint
 * with another must not feel its failures), in a rolling window of ten buckets. When
 * `bypass.failures` of them stand in `bypass.window_ms`, the strategy is put aside for
 * `bypass.cooldown_ms`: it is not asked, and one STRATEGY_CHANGE has said so. The first decision
 * after that asks it again with a clean window, and another STRATEGY_CHANGE says that.
 *
 * No timer: being asked again has no meaning before there is a question. What is decided under one
 * strategy is never held against another, nor against the same name in another policy.
 */
#include "engine/strategy.h"

#include "engine/rolling.h"

/* Rows of one strategy stand together, one for each model of its policy. */
static uint32_t place_of(const struct tr_engine *e, uint32_t slot, uint32_t strategy,
			 uint32_t model)
{
	return (slot * TR_POLICY_STRATEGIES_MAX + strategy) * e->limits.models + model;
}

static struct tr_strategy *row_of(const struct tr_engine *e, const struct tr_job *job)
{
	return &e->strategy[place_of(e, job->policy, job->strategy_row, job->model_row)];
}

static uint64_t bucket_now(const struct tr_engine *e, const struct tr_policy_bypass *bypass)
{
	return e->core->now / tr_max(bypass->window_ns / TR_STRATEGY_BUCKETS, 1);
}

/* Failures in the window that ends now. */
static uint32_t failures_in_window(const struct tr_strategy *row, uint64_t number)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < TR_STRATEGY_BUCKETS; i++)
		if (tr_rolling_counts(i, TR_STRATEGY_BUCKETS, row->bucket_number, number))
			sum += (&row->failures0)[i];
	return (uint32_t)tr_min(sum, UINT32_MAX);
}

static void failure_add(struct tr_strategy *row, uint64_t number)
{
	uint32_t *buckets = &row->failures0;
	uint32_t newest = tr_rolling_advance(buckets, sizeof *buckets, TR_STRATEGY_BUCKETS,
					     &row->bucket_number, number);

	buckets[newest] += buckets[newest] < UINT32_MAX;
	row->failures_ever++;
}

static void set_aside(struct tr_engine *e, const struct tr_job *job, tr_time_ns until)
{
	const struct tr_policy *policy = tr_policy_of(e, job);
	struct tr_strategy *row = row_of(e, job);
	struct tr_action_strategy_change *action =
		&tr_action_add(e, TR_ACTION_STRATEGY_CHANGE)->strategy_change;

	row->aside_until = until;
	memset(&row->failures0, 0, TR_STRATEGY_BUCKETS * sizeof row->failures0);
	action->policy_id = policy->id;
	action->strategy = policy->strategies[job->strategy_row].name;
	action->model = policy->models[job->model_row].name;
	action->until = until;
}

bool tr_strategy_is_aside(const struct tr_engine *e, const struct tr_job *job)
{
	return row_of(e, job)->aside_until > e->core->now;
}

void tr_strategy_decided(struct tr_engine *e, const struct tr_job *job, enum tr_bypass bypass)
{
	const struct tr_policy_bypass *rule = &tr_policy_of(e, job)->bypass;
	struct tr_strategy *row = row_of(e, job);
	uint64_t number = bucket_now(e, rule);

	TR_ASSERT((bypass == TR_BYPASS_ASIDE) == tr_strategy_is_aside(e, job));
	if (bypass == TR_BYPASS_ASIDE)
		return;
	if (row->aside_until)
		set_aside(e, job, 0);
	if (bypass == TR_BYPASS_NONE) {
		row->picks++;
		return;
	}
	failure_add(row, number);
	if (rule->failures && failures_in_window(row, number) >= rule->failures)
		set_aside(e, job, tr_add_sat(e->core->now, rule->cooldown_ns));
}

void tr_strategy_forget(struct tr_engine *e, uint32_t policy_slot)
{
	memset(&e->strategy[place_of(e, policy_slot, 0, 0)], 0,
	       (size_t)TR_POLICY_STRATEGIES_MAX * e->limits.models * sizeof *e->strategy);
}

void tr_strategy_view(const struct tr_engine *e, uint32_t policy_slot, uint32_t row,
		      struct tr_strategy_view *ret)
{
	const struct tr_policy_bypass *rule = &e->loaded[policy_slot].policy.bypass;

	*ret = (struct tr_strategy_view){0};
	for (uint32_t model = 0; model < e->limits.models; model++) {
		const struct tr_strategy *strategy =
			&e->strategy[place_of(e, policy_slot, row, model)];

		ret->picks += strategy->picks;
		ret->failures += strategy->failures_ever;
		ret->failures_now += failures_in_window(strategy, bucket_now(e, rule));
		if (strategy->aside_until > e->core->now)
			ret->aside_until = tr_max(ret->aside_until, strategy->aside_until);
	}
}

static const char *verify_row(const struct tr_engine *e, uint32_t slot, uint32_t i, uint32_t model)
{
	static const struct tr_strategy unused;
	const struct tr_strategy *row = &e->strategy[place_of(e, slot, i, model)];
	const struct tr_policy *policy = &e->loaded[slot].policy;
	bool in_use = e->slot[slot].active || e->slot[slot].jobs;
	uint64_t sum = 0;

	if (!in_use || i >= policy->strategy_count || model >= policy->model_count)
		return memcmp(row, &unused, sizeof unused) == 0
			       ? NULL
			       : "a strategy of nobody's is not empty";
	for (uint32_t b = 0; b < TR_STRATEGY_BUCKETS; b++)
		sum += (&row->failures0)[b];
	if (sum > row->failures_ever)
		return "a strategy failed more in its window than ever";
	if (row->bucket_number > bucket_now(e, &policy->bypass))
		return "a strategy has failed in the future";
	if (row->aside_until && !policy->bypass.failures)
		return "a strategy is put aside though none may be";
	return NULL;
}

const char *tr_strategy_verify(const struct tr_engine *e)
{
	const char *wrong = NULL;

	for (uint32_t slot = 0; slot < e->limits.policies && !wrong; slot++)
		for (uint32_t i = 0; i < TR_POLICY_STRATEGIES_MAX * e->limits.models && !wrong; i++)
			wrong = verify_row(e, slot, i / e->limits.models, i % e->limits.models);
	return wrong;
}
