/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns by selection, found once more when they are read: few enough to be looked through.
 *
 * A selection's reasons (code, cause) do not make a column of their own, for a column has all of
 * them apart.
 */
#include "sim/measure.h"

#include <stdlib.h>

struct column {
	struct tr_selection selection;
	struct tr_tally tally;
};

struct tr_measures {
	const struct tr_policy *policy;
	struct column **columns;
	uint32_t count;
	uint32_t room;
	tr_time_ns start;
	tr_time_ns end;
};

struct tr_measures *tr_measures_new(const struct tr_policy *policy)
{
	struct tr_measures *measures = calloc(1, sizeof *measures);

	if (measures)
		measures->policy = policy;
	return measures;
}

void tr_measures_free(struct tr_measures *measures)
{
	if (!measures)
		return;
	for (uint32_t i = 0; i < measures->count; i++) {
		for (uint32_t k = 0; k < TR_SPREAD_COUNT; k++)
			free(measures->columns[i]->tally.spreads[k]);
		free(measures->columns[i]);
	}
	free(measures->columns);
	free(measures);
}

/* --------------------------------------------------------------------------------------- columns
 */

static bool same_names(const struct tr_subject *a, const struct tr_subject *b)
{
#define X(uc, member, key, text) &&a->member == b->member
	return true TR_SELECTOR_NAME_MAP(X);
#undef X
}

/* The column of a selection, NULL: there is none. */
static struct column *find(const struct tr_measures *measures, const struct tr_selection *selection)
{
	for (uint32_t i = 0; i < measures->count; i++) {
		const struct tr_selection *other = &measures->columns[i]->selection;

		if (other->from == selection->from && other->to == selection->to &&
		    same_names(&other->subject, &selection->subject))
			return measures->columns[i];
	}
	return NULL;
}

static struct column *add(struct tr_measures *measures, const struct tr_selection *selection)
{
	struct column *column = find(measures, selection);

	if (column)
		return column;
	if (measures->count == measures->room) {
		uint32_t room = 2 * measures->room + 8;
		struct column **columns =
			realloc(measures->columns, sizeof *measures->columns * room);

		if (!columns)
			return NULL;
		measures->columns = columns;
		measures->room = room;
	}
	column = calloc(1, sizeof *column);
	if (!column)
		return NULL;
	column->selection = *selection;
	column->selection.subject.code = 0;
	column->selection.subject.cause = 0;
	column->selection.subject.outcome = 0;
	tr_tally_init(&column->tally, selection->from, selection->to);
	measures->columns[measures->count++] = column;
	return column;
}

static struct tr_selection everybody_of(const struct tr_selection *selection)
{
	return (struct tr_selection){.from = selection->from, .to = selection->to};
}

int tr_measures_want(struct tr_measures *measures, const struct tr_value *value,
		     const struct tr_selection *selection)
{
	struct tr_selection everybody = everybody_of(selection);
	struct column *column = add(measures, selection);

	TR_ASSERT(selection->from <= selection->to);
	if (!column || (value->shared && !add(measures, &everybody)))
		return -1;
	column->tally.levels_wanted |= value->levels;
	for (uint32_t i = 0; i < TR_SPREAD_COUNT; i++) {
		struct tr_histogram **spread = &column->tally.spreads[i];

		if (!(value->spreads >> i & 1) || *spread)
			continue;
		*spread = calloc(1, sizeof **spread);
		if (!*spread)
			return -1;
	}
	return 0;
}

/* ----------------------------------------------------------------------------------------- enter
 */

bool tr_selection_is(const struct tr_selection *selection, const struct tr_occurrence *occurrence)
{
	const struct tr_subject *wanted = &selection->subject, *got = &occurrence->subject;

#define X(uc, member, key, text) &&(wanted->member == 0 || wanted->member == got->member)
	return true TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X);
#undef X
}

static bool is_within(const struct tr_selection *selection, tr_time_ns time)
{
	return time >= selection->from && time < selection->to;
}

void tr_measures_enter(struct tr_measures *measures, const struct tr_occurrence *occurrence)
{
	for (uint32_t i = 0; i < measures->count; i++) {
		struct column *column = measures->columns[i];

		if (tr_selection_is(&column->selection, occurrence))
			tr_tally_enter(&column->tally, occurrence,
				       is_within(&column->selection, occurrence->submitted),
				       is_within(&column->selection, occurrence->time));
	}
}

/* ------------------------------------------------------------------------------------------ read
 */

void tr_measures_close(struct tr_measures *measures, tr_time_ns start, tr_time_ns end)
{
	measures->start = start;
	measures->end = end;
	for (uint32_t i = 0; i < measures->count; i++)
		tr_tally_close(&measures->columns[i]->tally, end);
}

static uint64_t slots_of(const struct tr_policy *policy, const struct tr_subject *subject)
{
	uint64_t slots = 0;

	for (uint32_t i = 0; i < policy->endpoint_count; i++) {
		const struct tr_policy_endpoint *endpoint = &policy->endpoints[i];

		if ((subject->endpoint == 0 || subject->endpoint == endpoint->name) &&
		    (subject->model == 0 || subject->model == policy->models[endpoint->model].name))
			slots += endpoint->slots;
	}
	return slots;
}

int tr_measures_read(const struct tr_measures *measures, const struct tr_value *value,
		     const struct tr_selection *selection, uint64_t *ret)
{
	const struct tr_selection everybody = everybody_of(selection);
	const struct column *column = find(measures, selection);
	const struct column *all = value->shared ? find(measures, &everybody) : column;
	tr_time_ns from = tr_max(selection->from, measures->start);
	tr_time_ns to = tr_min(selection->to, measures->end);
	struct tr_reading reading;

	TR_ASSERT(column != NULL);
	TR_ASSERT(all != NULL);
	reading = (struct tr_reading){
		.tally = &column->tally,
		.everybody = &all->tally,
		.subject = &selection->subject,
		.slots = slots_of(measures->policy, &selection->subject),
		.span = tr_sub_sat(to, from),
	};
	return value->read(&reading, value, ret);
}
