/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets of retries and hedges.
 *
 * A pool in trouble must not be drowned by its own second tries: when everything fails, three
 * attempts a job are three times the load at the worst moment. So retries are bounded for the pool,
 * not for the job alone, by the rule of Finagle's RetryBudget: in ten seconds at most a share of
 * the first attempts (its default: 20 %), and a few a second beside, so that a pool with little
 * traffic may retry too (its default: 10). As there, a retry is booked when it is decided, not when
 * it is sent: between the two lies its back-off, and failures that come together must see each
 * other.
 *
 * A hedge is extra load while nothing is wrong, so its share is small (Dean and Barroso, The Tail
 * at Scale, 2013: a few percent buy the tail), and since a request may be a thousand times another,
 * it is a share of money too. One hedge in ten seconds is always permitted where its percentages
 * are not 0: below twenty requests in ten seconds 5 % would be none, ever. A pool without prices
 * has no cost, and of 0 any share is enough for 0.
 *
 * The window is this second and the nine before it, a row each. The percentages are the active
 * policy's: what a pool may spend is shared by all who use it, whatever policy admitted them.
 */
#include "engine/budget.h"

#include "engine/rolling.h"

static struct tr_spending *newest_row(struct tr_engine *e, uint32_t model)
{
	struct tr_model *pool = &e->model[model];
	struct tr_spending *rows = &e->spending[(size_t)model * TR_SPENDING_BUCKETS];
	uint64_t number = e->core->now / TR_SECOND;

	TR_ASSERT(pool->spending_number <= number);
	return &rows[tr_rolling_advance(rows, sizeof *rows, TR_SPENDING_BUCKETS,
					&pool->spending_number, number)];
}

void tr_budget_window(const struct tr_engine *e, uint32_t model, struct tr_spending *ret)
{
	const struct tr_spending *rows = &e->spending[(size_t)model * TR_SPENDING_BUCKETS];
	uint64_t newest = e->model[model].spending_number, number = e->core->now / TR_SECOND;

	*ret = (struct tr_spending){0};
	for (uint32_t row = 0; row < TR_SPENDING_BUCKETS; row++) {
		if (!tr_rolling_counts(row, TR_SPENDING_BUCKETS, newest, number))
			continue;
		ret->cost = tr_add_sat(ret->cost, rows[row].cost);
		ret->hedge_cost = tr_add_sat(ret->hedge_cost, rows[row].hedge_cost);
		ret->dispatches += rows[row].dispatches;
		ret->retries += rows[row].retries;
		ret->hedges += rows[row].hedges;
	}
}

void tr_budget_first(struct tr_engine *e, uint32_t model, uint64_t cost)
{
	struct tr_spending *row = newest_row(e, model);

	row->dispatches++;
	row->cost = tr_add_sat(row->cost, cost);
}

void tr_budget_hedge(struct tr_engine *e, uint32_t model, uint64_t cost)
{
	struct tr_spending *row = newest_row(e, model);

	row->hedges++;
	row->hedge_cost = tr_add_sat(row->hedge_cost, cost);
}

bool tr_budget_take_retry(struct tr_engine *e, uint32_t model)
{
	const struct tr_policy_retry *retry = &tr_policy_active(e)->retry;
	struct tr_spending window;
	uint64_t most;

	tr_budget_window(e, model, &window);
	most = (uint64_t)retry->budget_per_second * TR_SPENDING_BUCKETS +
	       (uint64_t)window.dispatches * retry->budget_percent / 100;
	if (window.retries >= most) {
		e->core->retries_denied++;
		return false;
	}
	newest_row(e, model)->retries++;
	return true;
}

bool tr_budget_may_hedge(const struct tr_engine *e, uint32_t model, uint64_t cost)
{
	const struct tr_policy_hedge *hedge = &tr_policy_active(e)->hedge;
	struct tr_spending window;

	if (hedge->budget_percent == 0 || (cost && hedge->cost_budget_percent == 0))
		return false;
	tr_budget_window(e, model, &window);
	if (window.hedges == 0)
		return true;
	return window.hedges + UINT64_C(1) <=
		       (uint64_t)window.dispatches * hedge->budget_percent / 100 &&
	       tr_add_sat(window.hedge_cost, cost) <=
		       tr_mul_div(window.cost, hedge->cost_budget_percent, 100);
}
