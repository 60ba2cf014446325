/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terms of one model: play, gather equations, solve, and once more.
 */
#include "sim/calibrate/fit.h"

#include <stdlib.h>

#include "sim/calibrate/order.h"

#define DAMPING	    0.6
#define EARLY_MIN   20	 /* rows that ended early, for the others to be left out */
#define LATE_WEIGHT 0.02 /* of those, where there are fewer */
#define NO_LOSS	    1e9

/* ------------------------------------------------------------------------------------- the rows */

/* What was computed when the last was scheduled did not depend on who came later. */
static tr_time_ns end_of_known(const struct tr_measured *measured, uint32_t count)
{
	tr_time_ns end = 0;

	for (uint32_t i = 0; i < count; i++)
		end = tr_max(end, measured->scheduled ? measured->rows[i].scheduled
						      : measured->rows[i].first);
	return end;
}

/* The rows, and the same once more behind them. */
static void fill(struct tr_fitting *fitting)
{
	const struct tr_measured_row *rows = fitting->measured->rows;
	uint32_t count = fitting->count;
	double span = (double)(rows[count - 1].arrival - rows[0].arrival) * count / (count - 1);

	for (uint32_t i = 0; i < count; i++) {
		struct tr_play_entry entry = {rows[i].arrival, rows[i].tokens_in,
					      rows[i].tokens_out};

		fitting->free[i] = fitting->forced[i] = entry;
		if (fitting->measured->scheduled)
			fitting->forced[i].at = rows[i].scheduled;
		entry.at += (tr_span_ns)span;
		fitting->free[count + i] = fitting->forced[count + i] = entry;
		/* Who came later was scheduled later. */
		if (fitting->measured->scheduled)
			fitting->forced[count + i].at = tr_max(entry.at, fitting->end);
	}
}

static double median_token(const struct tr_measured_row *rows, uint32_t count, double *values)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		if (rows[i].tokens_out > 1)
			values[found++] = tr_fit_seconds(rows[i].last - rows[i].first) /
					  (rows[i].tokens_out - 1);
	return found ? tr_fit_median(values, found) : 0.001;
}

int tr_fitting_init(struct tr_fitting *fitting, const struct tr_measured *measured, uint32_t count,
		    const struct tr_fit_given *given)
{
	double *values = malloc(count * sizeof *values);
	uint32_t early = 0;

	*fitting = (struct tr_fitting){.measured = measured,
				       .count = count,
				       .total = 2 * count,
				       .given = *given,
				       .end = end_of_known(measured, count)};
	fitting->free = calloc(fitting->total, sizeof *fitting->free);
	fitting->forced = calloc(fitting->total, sizeof *fitting->forced);
	fitting->played = calloc(fitting->total, sizeof *fitting->played);
	fitting->equations = calloc(2 * (size_t)count, sizeof *fitting->equations);
	fitting->scorer = tr_scorer_new(measured, 0, count);
	if (!values || !fitting->free || !fitting->forced || !fitting->played ||
	    !fitting->equations || !fitting->scorer ||
	    tr_paces_measure(measured->rows, count, &fitting->paces) < 0) {
		free(values);
		tr_fitting_done(fitting);
		return -1;
	}
	fill(fitting);
	fitting->token = median_token(measured->rows, count, values);
	for (uint32_t i = 0; i < count; i++)
		early += measured->rows[i].tokens_out > 1 && measured->rows[i].last <= fitting->end;
	fitting->late = early < EARLY_MIN;
	free(values);
	return 0;
}

void tr_fitting_done(struct tr_fitting *fitting)
{
	tr_paces_done(&fitting->paces);
	tr_scorer_free(fitting->scorer);
	free(fitting->equations);
	free(fitting->played);
	free(fitting->forced);
	free(fitting->free);
	*fitting = (struct tr_fitting){0};
}

void tr_fitting_play(struct tr_fitting *fitting, const struct tr_fit_model *model,
		     const struct tr_play_entry *entries, const struct tr_paces *paces)
{
	fitting->plays++;
	if (tr_play(model, entries, fitting->total, paces, fitting->played) < 0)
		fitting->failed = true;
}

static bool all_done(const struct tr_fitting *fitting)
{
	for (uint32_t i = 0; i < fitting->count; i++)
		if (!fitting->played[i].done)
			return false;
	return true;
}

double tr_fitting_loss(struct tr_fitting *fitting, const struct tr_fit_model *model)
{
	tr_fitting_play(fitting, model, fitting->free, NULL);
	if (fitting->failed || !all_done(fitting))
		return NO_LOSS;
	return tr_scorer_rows_off(fitting->scorer, fitting->played, fitting->end) +
	       tr_scorer_levels_off(fitting->scorer, fitting->played);
}

/* -------------------------------------------------------------------------------- the equations */

/* The time between two instants of a row, and the work that was done in it. */
static void add(struct tr_equation *equation, double time, double weight,
		const struct tr_batch_work *from, const struct tr_batch_work *to)
{
	double before[TR_TERM_COUNT];

	*equation = (struct tr_equation){.time = time, .weight = weight};
	tr_fit_regressors(from, before);
	tr_fit_regressors(to, equation->x);
	for (unsigned i = 0; i < TR_TERM_COUNT; i++)
		equation->x[i] -= before[i];
}

/* How much the decoding of a row counts; 0: not at all. */
static double decode_weight(const struct tr_fitting *fitting, const struct tr_measured_row *row,
			    const struct tr_played *played)
{
	uint64_t steps = played->work_last.steps - played->work_first.steps;
	double share;

	/* One that was preempted waited for others. */
	if (row->tokens_out < 2 || row->last == row->first || steps != row->tokens_out - 1)
		return 0;
	if (row->last <= fitting->end)
		return 1;
	share = row->first < fitting->end ? tr_fit_seconds(fitting->end - row->first) /
						    tr_fit_seconds(row->last - row->first)
					  : 0;
	share = share * share * share * share;
	return fitting->late && share < LATE_WEIGHT ? LATE_WEIGHT : share;
}

/* From the schedule to the first token, where the schedule is not measured from what was simulated;
 * 0: it cannot be used. */
static double prefill_time(const struct tr_fitting *fitting, const struct tr_measured_row *row,
			   const struct tr_played *played)
{
	tr_time_ns from = fitting->measured->scheduled ? row->scheduled : played->scheduled;

	return row->first > from && row->first <= fitting->end ? tr_fit_seconds(row->first - from)
							       : 0;
}

uint32_t tr_fitting_gather(struct tr_fitting *fitting)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < fitting->count; i++) {
		const struct tr_measured_row *row = &fitting->measured->rows[i];
		const struct tr_played *played = &fitting->played[i];
		double weight, time;

		if (!played->done)
			continue;
		time = prefill_time(fitting, row, played);
		if (time > 0)
			add(&fitting->equations[found++], time, 1, &played->work_scheduled,
			    &played->work_first);
		weight = decode_weight(fitting, row, played);
		if (weight > 1e-6)
			add(&fitting->equations[found++], tr_fit_seconds(row->last - row->first),
			    weight, &played->work_first, &played->work_last);
	}
	return found;
}

double tr_fitting_terms(struct tr_fitting *fitting, struct tr_fit_model *model, unsigned rounds,
			bool afresh, double hopeless)
{
	struct tr_fit_model next = *model, best = *model;
	struct tr_solution solution;
	double loss = tr_fitting_loss(fitting, model);
	unsigned bad = 0, patience = rounds > 6 ? 3 : 1;

	for (unsigned round = 0; round < rounds && bad <= patience; round++) {
		/* The first two are far off, one from the other. */
		double damping = afresh && round < 2 ? 1 : DAMPING, now;

		tr_fitting_play(fitting, &next, fitting->forced,
				afresh && round == 0 ? &fitting->paces : NULL);
		if (fitting->failed ||
		    tr_solve(fitting->equations, tr_fitting_gather(fitting), &solution) < 0)
			break;
		for (unsigned i = 0; i < TR_TERM_COUNT; i++)
			next.terms[i] += damping * (solution.terms[i] - next.terms[i]);
		now = tr_fitting_loss(fitting, &next);
		bad = now < loss * 0.999 ? 0 : bad + 1;
		if (bad == 0) {
			loss = now;
			best = next;
		}
		if (round == 1 && loss > hopeless)
			break;
	}
	*model = best;
	return loss;
}

int tr_fitting_judge(struct tr_fitting *fitting, const struct tr_fit_model *model,
		     struct tr_solution *ret)
{
	tr_fitting_play(fitting, model, fitting->forced, NULL);
	return fitting->failed ? -1
			       : tr_solve_judge(fitting->equations, tr_fitting_gather(fitting),
						model->terms, ret);
}
