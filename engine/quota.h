/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates and budgets.
 *
 * A rate of N a minute is a generic cell rate algorithm (ITU-T I.371): one time stamp, the
 * theoretical arrival time (TAT), and a burst of one minute's allowance. Taking n moves the stamp
 * n/N minutes on; it may run at most a minute ahead of now. So at most N pass at once, and over any
 * span t at most N * (t/minute + 1). What is larger than a whole minute's allowance passes when the
 * rate is untouched.
 */
#ifndef TR_ENGINE_QUOTA_H
#define TR_ENGINE_QUOTA_H

#include "engine/state.h"

/* The span that `count` units take of a rate, saturating. per_minute 0 is "no limit": 0. */
static inline tr_span_ns tr_rate_span(uint64_t count, uint64_t per_minute)
{
	return per_minute ? tr_mul_div(count, TR_MINUTE, per_minute) : 0;
}

/* How long to wait until `count` units may be taken; 0: now. */
static inline tr_span_ns tr_rate_wait(tr_time_ns tat, tr_time_ns now, uint64_t count,
				      uint64_t per_minute)
{
	if (per_minute == 0 || tat <= now)
		return 0;

	tr_time_ns next = tr_add_sat(tat, tr_rate_span(count, per_minute));

	return tr_sub_sat(tr_min(tr_sub_sat(next, TR_MINUTE), tat), now);
}

/* Take `count` units whether or not they were there; what is too much delays the next. */
static inline void tr_rate_take(tr_time_ns *tat, tr_time_ns now, uint64_t count,
				uint64_t per_minute)
{
	if (per_minute)
		*tat = tr_add_sat(tr_max(*tat, now), tr_rate_span(count, per_minute));
}

/* Correct an earlier take of `taken` to `used`. */
static inline void tr_rate_settle(tr_time_ns *tat, uint64_t taken, uint64_t used,
				  uint64_t per_minute)
{
	if (used >= taken)
		*tat = tr_add_sat(*tat, tr_rate_span(used - taken, per_minute));
	else
		*tat = tr_sub_sat(*tat, tr_rate_span(taken - used, per_minute));
}

/* The stamp under another rate: what was taken too early stays as many units, not as much time. */
static inline tr_time_ns tr_rate_convert(tr_time_ns tat, tr_time_ns now, uint64_t before,
					 uint64_t after)
{
	if (before == after || tat <= now)
		return tat;
	return before && after ? tr_add_sat(now, tr_mul_div(tat - now, before, after)) : 0;
}

/* Price of a request in micro-USD, rounded up. */
static inline uint64_t tr_price(const struct tr_policy_model *model, uint64_t tokens_in,
				uint64_t tokens_out)
{
	tr_u128 sum = (tr_u128)model->price_in * tokens_in +
		      (tr_u128)model->price_out * tokens_out + 999999;

	/* A division of 128 bits is a call, and hardly ever needed. */
	return sum <= UINT64_MAX ? (uint64_t)sum / 1000000 : (uint64_t)(sum / 1000000);
}

/* What a tenant has spent today; another day begins at midnight UTC with nothing spent. */
static inline uint64_t tr_spent_today(const struct tr_tenant *tenant, tr_time_ns now)
{
	return tenant->day == now / TR_DAY ? tenant->spent_micro_usd : 0;
}

#endif
