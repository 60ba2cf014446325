/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Double entry: an occurrence is entered under the whole run, its class, its tenant and its
 * endpoint, by the same code (sim/tally.h). What happened to a request stands in the rows of what
 * it was when it came, whatever names its end itself carries: the stream of occurrences remembers.
 *
 * A rejected job was never in a class of its own; it is entered in the class that it asked for, and
 * under "other" where it asked for none that exists.
 */
#include "sim/ledger.h"

#include <stdlib.h>

#include "sim/tally.h"

/* Spreads of a run, a class, a tenant; and of an endpoint. */
#define SPREADS_REQUEST                                                                            \
	(1u << TR_SPREAD_TTFT | 1u << TR_SPREAD_TPOT | 1u << TR_SPREAD_E2E |                       \
	 1u << TR_SPREAD_QUEUE | 1u << TR_SPREAD_PREDICTION_ERROR)
#define SPREADS_ATTEMPT (1u << TR_SPREAD_ATTEMPT_TTFT | 1u << TR_SPREAD_ATTEMPT_TIME)

/* Rows by name, in order of appearance; the last place is for all others. */
struct tally_table {
	struct tally_row {
		tr_name name;
		struct tr_tally tally;
	} * rows;
	uint32_t count;
	uint32_t max;	  /* rows but the last */
	uint32_t *places; /* row + 1 by name, open addressing */
	uint32_t place_mask;
	bool others;		      /* the last row is in use */
	struct tr_histogram *spreads; /* of all rows */
};

struct tr_ledger {
	const struct tr_policy *policy;
	struct tr_occurrences *stream;
	struct tr_tally all;
	struct tr_histogram spreads[TR_SPREAD_COUNT];
	struct tally_table classes;
	struct tally_table tenants;
	struct tally_table endpoints; /* those of the policy come first */
	bool objectives;
	uint64_t events;
	tr_time_ns start;
	tr_time_ns end;
};

/* --------------------------------------------------------------------------------------- tables */

static void give_spreads(struct tr_tally *tally, uint32_t wanted, struct tr_histogram **next)
{
	for (uint32_t i = 0; i < TR_SPREAD_COUNT; i++)
		if (wanted >> i & 1)
			tally->spreads[i] = (*next)++;
}

static int table_init(struct tally_table *table, uint32_t max, uint32_t spreads, uint32_t levels)
{
	size_t histograms = ((size_t)max + 1) * (unsigned)__builtin_popcount(spreads);
	struct tr_histogram *next;
	uint32_t places = 4;

	while (places < 2 * max)
		places *= 2;
	table->max = max;
	table->place_mask = places - 1;
	table->rows = calloc((size_t)max + 1, sizeof *table->rows);
	table->places = calloc(places, sizeof *table->places);
	/* Zeroed by the system page by page, so a row costs memory when it is first used. */
	table->spreads = calloc(histograms, sizeof *table->spreads);
	if (!table->rows || !table->places || !table->spreads)
		return -1;
	next = table->spreads;
	for (uint32_t i = 0; i <= max; i++) {
		tr_tally_init(&table->rows[i].tally, 0, TR_TIME_NEVER);
		table->rows[i].tally.levels_wanted = levels;
		give_spreads(&table->rows[i].tally, spreads, &next);
	}
	return 0;
}

static void table_done(struct tally_table *table)
{
	free(table->rows);
	free(table->places);
	free(table->spreads);
}

static struct tr_tally *table_others(struct tally_table *table)
{
	table->others = true;
	return &table->rows[table->max].tally;
}

static struct tr_tally *table_tally(struct tally_table *table, tr_name name)
{
	uint32_t place = (uint32_t)name & table->place_mask;

	for (; table->places[place]; place = (place + 1) & table->place_mask)
		if (table->rows[table->places[place] - 1].name == name)
			return &table->rows[table->places[place] - 1].tally;
	if (table->count == table->max)
		return table_others(table);
	table->rows[table->count].name = name;
	table->places[place] = ++table->count;
	return &table->rows[table->count - 1].tally;
}

/* -------------------------------------------------------------------------------------- entries */

/* A request without a class asked for one that there is not. */
static void enter(void *self, const struct tr_occurrence *occurrence)
{
	const struct tr_subject *subject = &occurrence->subject;
	uint32_t selectors = tr_occurrence_rows[occurrence->kind].selectors;
	struct tr_ledger *ledger = self;

	tr_tally_enter(&ledger->all, occurrence, true, true);
	if (selectors & TR_SELECT_CLASS)
		tr_tally_enter(subject->class_name
				       ? table_tally(&ledger->classes, subject->class_name)
				       : table_others(&ledger->classes),
			       occurrence, true, true);
	if (selectors & TR_SELECT_TENANT)
		tr_tally_enter(table_tally(&ledger->tenants, subject->tenant), occurrence, true,
			       true);
	/* A request that nobody answered ended at no endpoint. */
	if (selectors & TR_SELECT_ENDPOINT && subject->endpoint)
		tr_tally_enter(table_tally(&ledger->endpoints, subject->endpoint), occurrence, true,
			       true);
}

struct tr_ledger *tr_ledger_new(const struct tr_policy *policy, const struct tr_limits *limits)
{
	struct tr_ledger *ledger = calloc(1, sizeof *ledger);
	const struct tr_policy_slo *slo = &policy->slo;

	if (!ledger)
		return NULL;
	ledger->policy = policy;
	ledger->objectives = slo->ttft_ns || slo->tpot_ns || slo->e2e_ns;
	ledger->stream = tr_occurrences_new(policy, limits, false, enter, ledger);
	if (!ledger->stream ||
	    table_init(&ledger->classes, TR_RESULT_CLASSES_MAX, SPREADS_REQUEST, 0) < 0 ||
	    table_init(&ledger->tenants, TR_RESULT_TENANTS_MAX, SPREADS_REQUEST, 0) < 0 ||
	    table_init(&ledger->endpoints, policy->endpoint_count, SPREADS_ATTEMPT,
		       1u << TR_LEVEL_IN_FLIGHT) < 0) {
		tr_ledger_free(ledger);
		return NULL;
	}
	tr_tally_init(&ledger->all, 0, TR_TIME_NEVER);
	ledger->all.levels_wanted = TR_LEVELS_ALL;
	for (uint32_t i = 0; i < TR_SPREAD_COUNT; i++)
		ledger->all.spreads[i] = &ledger->spreads[i];
	for (uint32_t i = 0; i < policy->endpoint_count; i++)
		(void)table_tally(&ledger->endpoints, policy->endpoints[i].name);
	return ledger;
}

void tr_ledger_free(struct tr_ledger *ledger)
{
	if (!ledger)
		return;
	tr_occurrences_free(ledger->stream);
	table_done(&ledger->classes);
	table_done(&ledger->tenants);
	table_done(&ledger->endpoints);
	free(ledger);
}

/* ---------------------------------------------------------------------------------------- step */

static void check_conservation(const struct tr_ledger *ledger, const struct tr_engine *engine)
{
	const struct tr_tally *all = &ledger->all;
	struct tr_counts counts;

	tr_engine_counts(engine, &counts);
	TR_ASSERT(all->submitted == all->rejected + all->completed + all->failed + all->canceled +
					    all->expired + all->in_system);
	TR_ASSERT(all->submitted == counts.submitted);
	TR_ASSERT(all->rejected == counts.rejected);
	TR_ASSERT(all->completed == counts.completed);
	TR_ASSERT(all->failed == counts.failed);
	TR_ASSERT(all->canceled == counts.canceled);
	TR_ASSERT(all->expired == counts.expired);
	TR_ASSERT(all->in_system == counts.in_system);
	TR_ASSERT(all->counts[TR_OCCURRENCE_DISPATCH] == counts.attempts);
	TR_ASSERT(all->counts[TR_OCCURRENCE_RETRY] == counts.retries);
	TR_ASSERT(all->counts[TR_OCCURRENCE_HEDGE] == counts.hedges);
}

void tr_ledger_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions)
{
	struct tr_ledger *ledger = self;

	if (ledger->events++ == 0)
		ledger->start = event->time;
	ledger->end = event->time;
	tr_occurrences_step(ledger->stream, engine, event, actions);
	check_conservation(ledger, engine);
}

uint64_t tr_ledger_ended(const struct tr_ledger *ledger)
{
	return ledger->all.submitted - ledger->all.in_system;
}

uint64_t tr_ledger_submitted(const struct tr_ledger *ledger)
{
	return ledger->all.submitted;
}

/* -------------------------------------------------------------------------------------- result */

static struct tr_spread spread_of(const struct tr_tally *tally, enum tr_spread_kind kind)
{
	const struct tr_histogram *histogram = tally->spreads[kind];

	return (struct tr_spread){
		.count = histogram->count,
		.mean = histogram->count ? histogram->sum / histogram->count : 0,
		.p50 = tr_histogram_quantile(histogram, 5000),
		.p90 = tr_histogram_quantile(histogram, 9000),
		.p95 = tr_histogram_quantile(histogram, 9500),
		.p99 = tr_histogram_quantile(histogram, 9900),
		.max = histogram->max,
	};
}

static struct tr_result_row row_of(const struct tr_tally *tally)
{
	return (struct tr_result_row){
		.submitted = tally->submitted,
		.rejected = tally->rejected,
		.completed = tally->completed,
		.failed = tally->failed,
		.canceled = tally->canceled,
		.expired = tally->expired,
		.in_system = tally->in_system,
		.good = tally->good,
		.started = tally->counts[TR_OCCURRENCE_START],
		.retries = tally->counts[TR_OCCURRENCE_RETRY],
		.hedges = tally->counts[TR_OCCURRENCE_HEDGE],
		.preemptions = tally->counts[TR_OCCURRENCE_PREEMPTION],
		.warm = tally->warm,
		.cold = tally->cold,
		.tokens_in = tally->tokens_in,
		.tokens_out = tally->tokens_out,
		.cost_micro_usd = tally->cost_micro_usd,
		.ttft = spread_of(tally, TR_SPREAD_TTFT),
		.tpot = spread_of(tally, TR_SPREAD_TPOT),
		.e2e = spread_of(tally, TR_SPREAD_E2E),
		.queue = spread_of(tally, TR_SPREAD_QUEUE),
		.prediction_error = spread_of(tally, TR_SPREAD_PREDICTION_ERROR),
	};
}

static uint32_t rows_of(const struct tally_table *table, struct tr_result_row *ret)
{
	uint32_t count = 0;

	for (; count < table->count; count++) {
		ret[count] = row_of(&table->rows[count].tally);
		ret[count].name = table->rows[count].name;
	}
	if (!table->others)
		return count;
	ret[count] = row_of(&table->rows[table->max].tally);
	ret[count].other = true;
	return count + 1;
}

/* Levels stand as they were at the last entry; the run went on to its end. */
static struct tr_level level_of(const struct tr_ledger *ledger, const struct tr_tally *tally,
				enum tr_level_kind kind)
{
	struct tr_tally closed = *tally;

	tr_tally_close(&closed, ledger->end);
	return closed.levels[kind];
}

static struct tr_result_level result_level(const struct tr_ledger *ledger, enum tr_level_kind kind)
{
	struct tr_level level = level_of(ledger, &ledger->all, kind);
	tr_span_ns span = ledger->end - ledger->start;

	return (struct tr_result_level){
		.max = level.max,
		.mean_micro = span ? (uint64_t)(level.area * 1000000 / span) : 0,
	};
}

static uint64_t utilization_ppm(const struct tr_ledger *ledger, const struct tr_level *level,
				uint64_t slots)
{
	tr_u128 room = (tr_u128)slots * (ledger->end - ledger->start);

	return room ? (uint64_t)(level->area * 1000000 / room) : 0;
}

static struct tr_result_endpoint endpoint_of(const struct tr_ledger *ledger,
					     const struct tr_tally *tally, uint64_t slots)
{
	struct tr_level level = level_of(ledger, tally, TR_LEVEL_IN_FLIGHT);
	struct tr_result_endpoint ret = {
		.attempts = tally->counts[TR_OCCURRENCE_DISPATCH],
		.answered = tally->counts[TR_OCCURRENCE_ATTEMPT_DONE],
		.failed = tally->counts[TR_OCCURRENCE_ATTEMPT_FAILURE],
		.aborted = tally->counts[TR_OCCURRENCE_ATTEMPT_ABORT],
		.in_flight = level.now,
		.in_flight_max = level.max,
		.slots = slots,
		.utilization_ppm = utilization_ppm(ledger, &level, slots),
		.breaker_trips = tally->counts[TR_OCCURRENCE_BREAKER_OPEN],
		.completed = tally->completed,
		.tokens_in = tally->tokens_in,
		.tokens_out = tally->tokens_out,
		.cost_micro_usd = tally->cost_micro_usd,
		.ttft = spread_of(tally, TR_SPREAD_ATTEMPT_TTFT),
		.time = spread_of(tally, TR_SPREAD_ATTEMPT_TIME),
	};

	for (uint32_t i = 0; i < TR_CAUSE_COUNT; i++)
		ret.failures[i] = tally->attempt_failures[i];
	return ret;
}

static void endpoints_of(const struct tr_ledger *ledger, struct tr_result *ret)
{
	const struct tally_table *table = &ledger->endpoints;
	uint32_t count = 0;

	for (; count < table->count; count++) {
		ret->endpoints[count] = endpoint_of(ledger, &table->rows[count].tally,
						    ledger->policy->endpoints[count].slots);
		ret->endpoints[count].name = table->rows[count].name;
	}
	if (table->others) {
		ret->endpoints[count] = endpoint_of(ledger, &table->rows[table->max].tally, 0);
		ret->endpoints[count++].other = true;
	}
	ret->endpoint_count = count;
}

static uint64_t slots_of(const struct tr_policy *policy)
{
	uint64_t slots = 0;

	for (uint32_t i = 0; i < policy->endpoint_count; i++)
		slots += policy->endpoints[i].slots;
	return slots;
}

void tr_ledger_result(const struct tr_ledger *ledger, struct tr_result *ret)
{
	const struct tr_tally *all = &ledger->all;
	struct tr_level in_flight = level_of(ledger, all, TR_LEVEL_IN_FLIGHT);

	*ret = (struct tr_result){
		.start = ledger->start,
		.end = ledger->end,
		.events = ledger->events,
		.attempts = all->counts[TR_OCCURRENCE_DISPATCH],
		.breaker_trips = all->counts[TR_OCCURRENCE_BREAKER_OPEN],
		.retries_denied = all->counts[TR_OCCURRENCE_RETRY_DENIED],
		.hedges_denied = all->counts[TR_OCCURRENCE_HEDGE_DENIED],
		.in_flight = result_level(ledger, TR_LEVEL_IN_FLIGHT),
		.waiting = result_level(ledger, TR_LEVEL_WAITING),
		.in_system = result_level(ledger, TR_LEVEL_IN_SYSTEM),
		.attempt_ttft = spread_of(all, TR_SPREAD_ATTEMPT_TTFT),
		.attempt_time = spread_of(all, TR_SPREAD_ATTEMPT_TIME),
		.utilization_ppm = utilization_ppm(ledger, &in_flight, slots_of(ledger->policy)),
		.objectives = ledger->objectives,
		.all = row_of(all),
	};
	for (uint32_t i = 0; i < TR_REJECT_COUNT; i++)
		ret->rejects[i] = all->rejects[i];
	for (uint32_t i = 0; i < TR_CAUSE_COUNT; i++) {
		ret->attempt_failures[i] = all->attempt_failures[i];
		ret->attempt_aborts[i] = all->attempt_aborts[i];
		for (uint32_t outcome = 0; outcome < TR_OUTCOME_COUNT; outcome++)
			ret->causes[outcome][i] = all->causes[outcome][i];
	}
	ret->class_count = rows_of(&ledger->classes, ret->classes);
	ret->tenant_count = rows_of(&ledger->tenants, ret->tenants);
	endpoints_of(ledger, ret);
}
