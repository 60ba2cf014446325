/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The circuit breaker (Nygard, Release It!) of an endpoint: closed, open, half-open.
 *
 * Closed, it opens on so many faults in a row, or when the share of faults in a sliding window, or
 * that of answers whose first token came too late (resilience4j's slow-call rate), reaches a limit
 * and the window holds enough requests to judge. Open, it lets nothing through for a cool-down that
 * doubles with each trip in a row and is shortened by up to a quarter, drawn by (seed, endpoint,
 * trip), so that endpoints that fell together do not come back together. Then half-open: a few
 * probes at once; enough good ones close it, one bad or slow one opens it again.
 *
 * Only faults and slow answers count. Back-pressure pauses, a client's mistake and a cancelled
 * attempt say nothing of health: their columns of the table are empty. At most a share of a pool
 * may be out at once, but always one may: with nothing left to fail over to, a breaker that opens
 * makes an outage of a brown-out.
 *
 * Where all of a chain are out all the same, the policy may have the least bad one serve (Envoy's
 * panic routing, narrowed to one endpoint). An answer that comes through an open breaker is
 * evidence that the cool-down is too long, and makes it half-open at once; a fault there is counted
 * only.
 */
#include "engine/breaker.h"

#include "engine/random.h"
#include "engine/pool.h"
#include "engine/rolling.h"
#include "engine/timer.h"

/* What is not named here stays. Attempts that were under way when it opened come in late: they
 * prove nothing, nor do those of an earlier round of probes. One that was sent through an open
 * breaker was sent to find out: its success is evidence. */
const enum tr_breaker_move tr_breaker_moves[TR_BREAKER_COUNT][TR_VERDICT_COUNT][TR_BREAKER_WAYS] = {
	/*                             other, probe, least bad */
	[TR_BREAKER_CLOSED] =
		{
			[TR_VERDICT_SUCCESS] = {TR_BREAKER_COUNT_SUCCESS, TR_BREAKER_COUNT_SUCCESS,
						TR_BREAKER_COUNT_SUCCESS},
			[TR_VERDICT_SLOW] = {TR_BREAKER_COUNT_SLOW, TR_BREAKER_COUNT_SLOW,
					     TR_BREAKER_COUNT_SLOW},
			[TR_VERDICT_FAULT] = {TR_BREAKER_COUNT_FAULT, TR_BREAKER_COUNT_FAULT,
					      TR_BREAKER_COUNT_FAULT},
		},
	[TR_BREAKER_OPEN] =
		{
			[TR_VERDICT_SUCCESS] = {TR_BREAKER_STAY, TR_BREAKER_STAY,
						TR_BREAKER_EVIDENCE},
			[TR_VERDICT_SLOW] = {TR_BREAKER_STAY, TR_BREAKER_STAY, TR_BREAKER_NOTE},
			[TR_VERDICT_FAULT] = {TR_BREAKER_STAY, TR_BREAKER_STAY, TR_BREAKER_NOTE},
		},
	[TR_BREAKER_HALF_OPEN] =
		{
			[TR_VERDICT_SUCCESS] = {TR_BREAKER_STAY, TR_BREAKER_PROBE_GOOD,
						TR_BREAKER_STAY},
			[TR_VERDICT_SLOW] = {TR_BREAKER_STAY, TR_BREAKER_PROBE_BAD,
					     TR_BREAKER_STAY},
			[TR_VERDICT_FAULT] = {TR_BREAKER_STAY, TR_BREAKER_PROBE_BAD,
					      TR_BREAKER_STAY},
		},
};

static uint64_t bucket_now(const struct tr_engine *e)
{
	return e->core->now / e->core->bucket_span;
}

static struct tr_bucket *newest_bucket(struct tr_engine *e, uint32_t endpoint)
{
	struct tr_bucket *buckets = &e->bucket[endpoint * TR_BREAKER_BUCKETS];

	return &buckets[tr_rolling_advance(buckets, sizeof *buckets, TR_BREAKER_BUCKETS,
					   &e->endpoint[endpoint].bucket_number, bucket_now(e))];
}

struct tr_bucket tr_breaker_window(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_bucket *buckets = &e->bucket[endpoint * TR_BREAKER_BUCKETS];
	uint64_t newest = e->endpoint[endpoint].bucket_number, number = bucket_now(e);
	struct tr_bucket sum = {0};

	for (uint32_t row = 0; row < TR_BREAKER_BUCKETS; row++) {
		if (!tr_rolling_counts(row, TR_BREAKER_BUCKETS, newest, number))
			continue;
		sum.requests += buckets[row].requests;
		sum.faults += buckets[row].faults;
		sum.slow += buckets[row].slow;
	}
	return sum;
}

void tr_breaker_policy_changed(struct tr_engine *e)
{
	tr_span_ns span = tr_max(tr_policy_active(e)->breaker.window_ns / TR_BREAKER_BUCKETS, 1);

	if (span == e->core->bucket_span)
		return;
	/* Buckets of another length cannot be compared: the windows begin anew. */
	e->core->bucket_span = span;
	memset(e->bucket, 0, (size_t)e->limits.endpoints * TR_BREAKER_BUCKETS * sizeof *e->bucket);
	for (uint32_t i = 0; i < e->limits.endpoints; i++)
		e->endpoint[i].bucket_number = 0;
}

static void arm(struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_endpoint *ep = &e->endpoint[endpoint];
	tr_time_ns at = ep->wake_at ? ep->wake_at : TR_TIME_NEVER;

	if (ep->breaker == TR_BREAKER_OPEN)
		at = tr_min(at, ep->open_until);
	tr_timer_set(e, TR_TIMER_ENDPOINT, endpoint, at);
}

static void change(struct tr_engine *e, uint32_t endpoint, enum tr_breaker_state to,
		   tr_time_ns until)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];
	struct tr_action_breaker_change *action =
		&tr_action_add(e, TR_ACTION_BREAKER_CHANGE)->breaker_change;

	TR_ASSERT(ep->breaker != to);
	action->endpoint = ep->name;
	action->from = ep->breaker;
	action->to = (uint8_t)to;
	action->until = until;
	ep->breaker = (uint8_t)to;
	ep->open_until = until;
	ep->probe_successes = 0;
	ep->probes_out = 0;
	ep->consecutive = 0;
	if (to == TR_BREAKER_HALF_OPEN)
		ep->round = (uint8_t)(ep->round % UINT8_MAX + 1);
	arm(e, endpoint);
	/* Also when it opens: a strict job that waits for nobody else fails, and with all out one
	 * serves all the same. */
	tr_pool_endpoint_freed(e, endpoint);
}

static void trip(struct tr_engine *e, uint32_t endpoint)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];
	const struct tr_policy_breaker *policy = &tr_policy_active(e)->breaker;
	tr_span_ns cooldown = policy->open_ns;

	if (ep->breaker == TR_BREAKER_CLOSED &&
	    tr_sub_sat(e->core->now, ep->closed_since) >= policy->heal_ns)
		ep->trips = 0;
	ep->trips++;
	for (uint32_t i = 1; i < ep->trips && cooldown < policy->open_ns_max; i++)
		cooldown = tr_add_sat(cooldown, cooldown);
	cooldown = tr_min(cooldown, policy->open_ns_max);
	cooldown -= tr_below(tr_draw(e->core->seed, ep->name, TR_PURPOSE_BREAKER, ep->trips_ever),
			     cooldown / 4 + 1);
	ep->trips_ever++;
	e->core->breaker_trips++;
	change(e, endpoint, TR_BREAKER_OPEN, tr_add_sat(e->core->now, tr_max(cooldown, 1)));
}

/* May this endpoint, one of its pool that is not out, go out? Linear in the pool, and asked only
 * when a threshold is passed. */
static bool may_eject(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_loaded *active = &e->loaded[e->core->active_policy];
	uint32_t row1 = active->row_of_slot[TR_REGISTRY_MODEL][e->endpoint[endpoint].model];

	TR_ASSERT(e->endpoint[endpoint].breaker == TR_BREAKER_CLOSED);
	if (e->endpoint[endpoint].removed || !row1)
		return true; /* nobody is sent there any more */

	const struct tr_policy_model *model = &active->policy.models[row1 - 1];
	uint32_t out = 0;

	for (uint32_t i = 0; i < model->endpoint_count; i++) {
		uint32_t slot1 =
			active->slot_of_row[TR_REGISTRY_ENDPOINT][model->first_endpoint + i];

		TR_ASSERT(slot1 != 0);
		out += e->endpoint[slot1 - 1].breaker != TR_BREAKER_CLOSED;
	}
	return out + 1 <=
	       tr_max(1, model->endpoint_count * active->policy.breaker.eject_percent / 100);
}

/* Is a count of the window's outcomes too large a share of them? */
static bool too_many(const struct tr_engine *e, struct tr_bucket window, uint32_t count,
		     uint32_t percent)
{
	return window.requests >= tr_policy_active(e)->breaker.requests_min &&
	       (uint64_t)count * 100 >= (uint64_t)window.requests * percent;
}

static bool too_many_faults(const struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_policy_breaker *policy = &tr_policy_active(e)->breaker;
	struct tr_bucket window = tr_breaker_window(e, endpoint);

	if (policy->consecutive && e->endpoint[endpoint].consecutive >= policy->consecutive)
		return true;
	return too_many(e, window, window.faults, policy->error_percent);
}

static bool too_many_slow(const struct tr_engine *e, uint32_t endpoint)
{
	struct tr_bucket window = tr_breaker_window(e, endpoint);

	return too_many(e, window, window.slow, tr_policy_active(e)->breaker.slow_percent);
}

enum tr_verdict tr_breaker_verdict(const struct tr_engine *e, tr_span_ns ttft)
{
	tr_span_ns slow = tr_policy_active(e)->breaker.slow_ns;

	return slow && ttft > slow ? TR_VERDICT_SLOW : TR_VERDICT_SUCCESS;
}

void tr_breaker_outcome(struct tr_engine *e, uint32_t endpoint, enum tr_verdict verdict,
			enum tr_breaker_way way)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	TR_ASSERT(verdict < TR_VERDICT_COUNT);
	switch (tr_breaker_moves[ep->breaker][verdict][way]) {
	case TR_BREAKER_STAY:
		break;
	case TR_BREAKER_COUNT_SUCCESS:
		newest_bucket(e, endpoint)->requests++;
		ep->consecutive = 0;
		break;
	case TR_BREAKER_COUNT_SLOW:
		newest_bucket(e, endpoint)->requests++;
		newest_bucket(e, endpoint)->slow++;
		ep->consecutive = 0;
		if (too_many_slow(e, endpoint) && may_eject(e, endpoint))
			trip(e, endpoint);
		break;
	case TR_BREAKER_COUNT_FAULT:
		newest_bucket(e, endpoint)->requests++;
		newest_bucket(e, endpoint)->faults++;
		ep->consecutive++;
		if (too_many_faults(e, endpoint) && may_eject(e, endpoint))
			trip(e, endpoint);
		break;
	case TR_BREAKER_PROBE_GOOD:
		if (++ep->probe_successes < tr_policy_active(e)->breaker.successes)
			break;
		memset(&e->bucket[endpoint * TR_BREAKER_BUCKETS], 0,
		       TR_BREAKER_BUCKETS * sizeof *e->bucket);
		ep->closed_since = e->core->now;
		change(e, endpoint, TR_BREAKER_CLOSED, 0);
		break;
	case TR_BREAKER_PROBE_BAD:
		trip(e, endpoint);
		break;
	case TR_BREAKER_EVIDENCE:
		change(e, endpoint, TR_BREAKER_HALF_OPEN, 0);
		break;
	case TR_BREAKER_NOTE:
		newest_bucket(e, endpoint)->requests++;
		newest_bucket(e, endpoint)->faults += verdict == TR_VERDICT_FAULT;
		newest_bucket(e, endpoint)->slow += verdict == TR_VERDICT_SLOW;
		break;
	}
}

void tr_breaker_wake(struct tr_engine *e, uint32_t endpoint, tr_time_ns at)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	TR_ASSERT(at > e->core->now);
	if (ep->wake_at && ep->wake_at <= at)
		return;
	ep->wake_at = at;
	arm(e, endpoint);
}

void tr_breaker_pause(struct tr_engine *e, uint32_t endpoint, tr_span_ns pause)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	ep->paused_until = tr_max(ep->paused_until, tr_add_sat(e->core->now, pause));
	if (ep->paused_until > e->core->now)
		tr_breaker_wake(e, endpoint, ep->paused_until);
}

void tr_breaker_timer(struct tr_engine *e, uint32_t endpoint)
{
	struct tr_endpoint *ep = &e->endpoint[endpoint];

	if (ep->wake_at && ep->wake_at <= e->core->now)
		ep->wake_at = 0;
	if (ep->breaker == TR_BREAKER_OPEN && ep->open_until <= e->core->now)
		change(e, endpoint, TR_BREAKER_HALF_OPEN, 0);
	else
		tr_pool_endpoint_freed(e, endpoint);
	arm(e, endpoint);
}
