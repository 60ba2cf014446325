/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Double entry: a job is entered under the whole run, its class and its tenant, by the same code.
 * Where a job stands is kept by its handle's slot, so a finish finds the rows that its submission
 * was entered in, whatever names the finish itself carries.
 *
 * A rejected job was never in a class of its own; it is entered in the class that it asked for, by
 * name, by intent, or by the policy's default, and under "other" where it asked for none that
 * exists.
 */
#include "sim/ledger.h"

#include <stdlib.h>

#include "engine/histogram.h"

struct tally {
	struct tr_result_row row; /* all but the spreads */
	struct tr_histogram ttft;
	struct tr_histogram tpot;
	struct tr_histogram e2e;
	struct tr_histogram queue;
	struct tr_histogram prediction_error;
};

/* Rows by name, in order of appearance; the last place is for all others. */
struct tally_table {
	struct tally *tallies;
	uint32_t count;
	uint32_t max;	  /* rows but the last */
	uint32_t *places; /* row + 1 by name, open addressing */
	uint32_t place_mask;
	bool others; /* the last row is in use */
};

struct job_rows {
	uint32_t class_row;
	uint32_t tenant_row;
};

struct tr_ledger {
	const struct tr_policy *policy;
	struct tally all;
	struct tally_table classes;
	struct tally_table tenants;
	struct job_rows *jobs; /* by handle slot */
	uint32_t jobs_max;
	bool objectives;
	uint64_t events;
	uint64_t attempts;
	uint64_t breaker_trips;
	tr_time_ns start;
	tr_time_ns end;
	uint64_t rejects[TR_REJECT_COUNT];
	uint64_t causes[TR_OUTCOME_COUNT][TR_CAUSE_COUNT];
	uint64_t attempt_failures[TR_CAUSE_COUNT];
};

/* ------------------------------------------------------------------------------------ tables */

static int table_init(struct tally_table *table, uint32_t max)
{
	uint32_t places = 4;

	while (places < 2 * max)
		places *= 2;
	table->max = max;
	table->place_mask = places - 1;
	/* Zeroed by the system page by page, so a row costs memory when it is first used. */
	table->tallies = calloc((size_t)max + 1, sizeof *table->tallies);
	table->places = calloc(places, sizeof *table->places);
	return table->tallies && table->places ? 0 : -1;
}

static void table_done(struct tally_table *table)
{
	free(table->tallies);
	free(table->places);
}

static uint32_t table_others(struct tally_table *table)
{
	table->others = true;
	table->tallies[table->max].row.other = true;
	return table->max;
}

static uint32_t table_row(struct tally_table *table, tr_name name)
{
	uint32_t place = (uint32_t)name & table->place_mask;

	for (; table->places[place]; place = (place + 1) & table->place_mask)
		if (table->tallies[table->places[place] - 1].row.name == name)
			return table->places[place] - 1;
	if (table->count == table->max)
		return table_others(table);
	table->tallies[table->count].row.name = name;
	table->places[place] = ++table->count;
	return table->count - 1;
}

struct tr_ledger *tr_ledger_new(const struct tr_policy *policy, uint32_t jobs_max)
{
	struct tr_ledger *ledger = calloc(1, sizeof *ledger);
	const struct tr_policy_slo *slo = &policy->slo;

	TR_ASSERT(jobs_max > 0);
	if (!ledger)
		return NULL;
	ledger->policy = policy;
	ledger->jobs_max = jobs_max;
	ledger->objectives = slo->ttft_ns || slo->tpot_ns || slo->e2e_ns;
	ledger->jobs = calloc(jobs_max, sizeof *ledger->jobs);
	if (!ledger->jobs || table_init(&ledger->classes, TR_RESULT_CLASSES_MAX) < 0 ||
	    table_init(&ledger->tenants, TR_RESULT_TENANTS_MAX) < 0) {
		tr_ledger_free(ledger);
		return NULL;
	}
	return ledger;
}

void tr_ledger_free(struct tr_ledger *ledger)
{
	if (!ledger)
		return;
	table_done(&ledger->classes);
	table_done(&ledger->tenants);
	free(ledger->jobs);
	free(ledger);
}

/* ------------------------------------------------------------------------------------ entries */

#define ENTRY_ROWS 3

/* The rows that everything of a job is entered in. */
struct entry {
	struct tally *tallies[ENTRY_ROWS];
};

static struct entry entry_of(struct tr_ledger *ledger, struct job_rows rows)
{
	return (struct entry){{&ledger->all, &ledger->classes.tallies[rows.class_row],
			       &ledger->tenants.tallies[rows.tenant_row]}};
}

static struct entry entry_of_job(struct tr_ledger *ledger, tr_job_handle job)
{
	TR_ASSERT(job.slot1 > 0);
	TR_ASSERT(job.slot1 <= ledger->jobs_max);
	return entry_of(ledger, ledger->jobs[job.slot1 - 1]);
}

/* The row of a class of the policy; TR_NONE: nobody's. */
static uint32_t class_row_asked(const struct tr_policy *policy,
				const struct tr_event_job_submit *submit)
{
	uint32_t row = TR_NONE;

	for (uint32_t i = 0; i < policy->class_count && submit->class_name; i++)
		if (policy->classes[i].name == submit->class_name)
			return i;
	for (uint32_t i = 0; i < policy->intent_count && !submit->class_name; i++)
		if (submit->intent ? policy->intents[i].name == submit->intent
				   : i == policy->default_intent)
			row = policy->intents[i].class_row;
	for (uint32_t i = 0; i < policy->profile_count && row != TR_NONE; i++)
		if (submit->profile && policy->profiles[i].name == submit->profile &&
		    policy->profiles[i].class_row != TR_NONE)
			row = policy->profiles[i].class_row;
	return row;
}

/* The class that a refused job asked for: as the engine would have chosen it. */
static uint32_t class_asked(struct tr_ledger *ledger, const struct tr_event_job_submit *submit)
{
	uint32_t row = class_row_asked(ledger->policy, submit);

	if (row == TR_NONE)
		return table_others(&ledger->classes);
	return table_row(&ledger->classes, ledger->policy->classes[row].name);
}

static void on_accept(struct tr_ledger *ledger, const struct tr_event *event,
		      const struct tr_action *action)
{
	const struct tr_action_job_accept *accept = &action->job_accept;
	struct job_rows rows;
	struct entry entry;

	TR_ASSERT(event->kind == TR_EVENT_JOB_SUBMIT);
	TR_ASSERT(accept->job.slot1 > 0);
	TR_ASSERT(accept->job.slot1 <= ledger->jobs_max);
	rows.class_row = table_row(&ledger->classes, accept->class_name);
	rows.tenant_row = table_row(&ledger->tenants, event->job_submit.tenant);
	ledger->jobs[accept->job.slot1 - 1] = rows;
	entry = entry_of(ledger, rows);
	for (uint32_t i = 0; i < ENTRY_ROWS; i++) {
		struct tr_result_row *row = &entry.tallies[i]->row;

		row->submitted++;
		row->in_system++;
	}
}

static void on_reject(struct tr_ledger *ledger, const struct tr_event *event,
		      const struct tr_action *action)
{
	uint8_t code = action->job_reject.code;
	struct job_rows rows;
	struct entry entry;

	TR_ASSERT(event->kind == TR_EVENT_JOB_SUBMIT);
	TR_ASSERT(code < TR_REJECT_COUNT);
	rows.class_row = class_asked(ledger, &event->job_submit);
	rows.tenant_row = table_row(&ledger->tenants, event->job_submit.tenant);
	ledger->rejects[code]++;
	entry = entry_of(ledger, rows);
	for (uint32_t i = 0; i < ENTRY_ROWS; i++) {
		struct tr_result_row *row = &entry.tallies[i]->row;

		row->submitted++;
		row->rejected++;
	}
}

static void on_dispatch(struct tr_ledger *ledger, const struct tr_event *event,
			const struct tr_action *action)
{
	struct entry entry = entry_of_job(ledger, action->attempt_dispatch.job);
	uint8_t role = action->attempt_dispatch.role;

	(void)event;
	ledger->attempts++;
	for (uint32_t i = 0; i < ENTRY_ROWS; i++) {
		struct tr_result_row *row = &entry.tallies[i]->row;

		row->retries += role == TR_ROLE_RETRY;
		row->hedges += role == TR_ROLE_HEDGE;
		row->warm += action->attempt_dispatch.warmth == TR_WARMTH_WARM;
		row->cold += action->attempt_dispatch.warmth == TR_WARMTH_COLD;
	}
}

static void enter_times(struct tally *tally, const struct tr_action_job_finish *finish)
{
	if (finish->attempts > 0) {
		tr_histogram_add(&tally->queue, finish->queue);
		tr_histogram_add(&tally->prediction_error,
				 finish->queue > finish->predicted_start
					 ? finish->queue - finish->predicted_start
					 : finish->predicted_start - finish->queue);
	}
	if (finish->outcome != TR_OUTCOME_COMPLETED)
		return;
	tr_histogram_add(&tally->e2e, finish->e2e);
	if (finish->ttft == 0)
		return;
	tr_histogram_add(&tally->ttft, finish->ttft);
	if (finish->tokens_out >= 2)
		tr_histogram_add(&tally->tpot,
				 tr_sub_sat(finish->e2e, finish->ttft) / (finish->tokens_out - 1));
}

static void on_finish(struct tr_ledger *ledger, const struct tr_event *event,
		      const struct tr_action *action)
{
	const struct tr_action_job_finish *finish = &action->job_finish;
	struct entry entry = entry_of_job(ledger, finish->job);
	bool good =
		finish->outcome == TR_OUTCOME_COMPLETED && (finish->slo_met || !ledger->objectives);

	(void)event;
	TR_ASSERT(finish->outcome > TR_OUTCOME_NONE);
	TR_ASSERT(finish->outcome < TR_OUTCOME_COUNT);
	TR_ASSERT(finish->cause < TR_CAUSE_COUNT);
	if (finish->outcome != TR_OUTCOME_COMPLETED)
		ledger->causes[finish->outcome][finish->cause]++;
	for (uint32_t i = 0; i < ENTRY_ROWS; i++) {
		struct tr_result_row *row = &entry.tallies[i]->row;

		TR_ASSERT(row->in_system > 0);
		row->in_system--;
		row->completed += finish->outcome == TR_OUTCOME_COMPLETED;
		row->failed += finish->outcome == TR_OUTCOME_FAILED;
		row->canceled += finish->outcome == TR_OUTCOME_CANCELED;
		row->expired += finish->outcome == TR_OUTCOME_EXPIRED;
		row->good += good;
		row->preemptions += finish->preempted;
		row->tokens_in += finish->tokens_in;
		row->tokens_out += finish->tokens_out;
		row->cost_micro_usd += finish->cost;
		enter_times(entry.tallies[i], finish);
	}
}

static void on_breaker_change(struct tr_ledger *ledger, const struct tr_event *event,
			      const struct tr_action *action)
{
	(void)event;
	ledger->breaker_trips += action->breaker_change.to == TR_BREAKER_OPEN;
}

/* ---------------------------------------------------------------------------------------- step */

static void check_conservation(const struct tr_ledger *ledger, const struct tr_engine *engine)
{
	const struct tr_result_row *row = &ledger->all.row;
	struct tr_counts counts;

	tr_engine_counts(engine, &counts);
	TR_ASSERT(row->submitted == row->rejected + row->completed + row->failed + row->canceled +
					    row->expired + row->in_system);
	TR_ASSERT(row->submitted == counts.submitted);
	TR_ASSERT(row->rejected == counts.rejected);
	TR_ASSERT(row->completed == counts.completed);
	TR_ASSERT(row->failed == counts.failed);
	TR_ASSERT(row->canceled == counts.canceled);
	TR_ASSERT(row->expired == counts.expired);
	TR_ASSERT(row->in_system == counts.in_system);
	TR_ASSERT(row->retries == counts.retries);
	TR_ASSERT(row->hedges == counts.hedges);
}

void tr_ledger_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions)
{
	static void (*const entries[TR_ACTION_COUNT])(struct tr_ledger *, const struct tr_event *,
						      const struct tr_action *) = {
		[TR_ACTION_JOB_ACCEPT] = on_accept,
		[TR_ACTION_JOB_REJECT] = on_reject,
		[TR_ACTION_ATTEMPT_DISPATCH] = on_dispatch,
		[TR_ACTION_JOB_FINISH] = on_finish,
		[TR_ACTION_BREAKER_CHANGE] = on_breaker_change,
	};
	struct tr_ledger *ledger = self;

	if (ledger->events++ == 0)
		ledger->start = event->time;
	ledger->end = event->time;
	if (event->kind == TR_EVENT_ATTEMPT_FAILED)
		ledger->attempt_failures[event->attempt_failed.cause]++;
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct tr_action *action = &actions->items[i];

		if (entries[action->kind])
			entries[action->kind](ledger, event, action);
	}
	check_conservation(ledger, engine);
}

uint64_t tr_ledger_ended(const struct tr_ledger *ledger)
{
	return ledger->all.row.submitted - ledger->all.row.in_system;
}

uint64_t tr_ledger_submitted(const struct tr_ledger *ledger)
{
	return ledger->all.row.submitted;
}

/* -------------------------------------------------------------------------------------- result */

static struct tr_spread spread_of(const struct tr_histogram *histogram)
{
	return (struct tr_spread){
		.count = histogram->count,
		.p50 = tr_histogram_quantile(histogram, 5000),
		.p95 = tr_histogram_quantile(histogram, 9500),
		.p99 = tr_histogram_quantile(histogram, 9900),
		.max = histogram->max,
	};
}

static struct tr_result_row row_of(const struct tally *tally)
{
	struct tr_result_row row = tally->row;

	row.ttft = spread_of(&tally->ttft);
	row.tpot = spread_of(&tally->tpot);
	row.e2e = spread_of(&tally->e2e);
	row.queue = spread_of(&tally->queue);
	row.prediction_error = spread_of(&tally->prediction_error);
	return row;
}

static uint32_t rows_of(const struct tally_table *table, struct tr_result_row *ret)
{
	uint32_t count = 0;

	for (; count < table->count; count++)
		ret[count] = row_of(&table->tallies[count]);
	if (table->others)
		ret[count++] = row_of(&table->tallies[table->max]);
	return count;
}

void tr_ledger_result(const struct tr_ledger *ledger, struct tr_result *ret)
{
	*ret = (struct tr_result){
		.start = ledger->start,
		.end = ledger->end,
		.events = ledger->events,
		.attempts = ledger->attempts,
		.breaker_trips = ledger->breaker_trips,
		.objectives = ledger->objectives,
		.all = row_of(&ledger->all),
	};
	for (uint32_t i = 0; i < TR_REJECT_COUNT; i++)
		ret->rejects[i] = ledger->rejects[i];
	for (uint32_t i = 0; i < TR_CAUSE_COUNT; i++) {
		ret->attempt_failures[i] = ledger->attempt_failures[i];
		for (uint32_t outcome = 0; outcome < TR_OUTCOME_COUNT; outcome++)
			ret->causes[outcome][i] = ledger->causes[outcome][i];
	}
	ret->class_count = rows_of(&ledger->classes, ret->classes);
	ret->tenant_count = rows_of(&ledger->tenants, ret->tenants);
}
