/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures of rows and of what was played for them.
 */
#include "sim/calibrate/score.h"

#include <math.h>
#include <stdlib.h>

#include "sim/calibrate/order.h"

#define LATE_SHARE_MIN 0.1
#define LEVELS	       19 /* 5%..95% */

const struct tr_measure_kind tr_measure_kinds[TR_MEASURE_COUNT] = {
#define X(NAME, json, text, zero, scheduled) [TR_MEASURE_##NAME] = {json, text, zero, scheduled},
	TR_MEASURE_MAP(X)
#undef X
};

const double tr_score_shares[TR_SCORE_QUANTILES] = {0.5, 0.9, 0.99};

struct tr_scorer {
	const struct tr_measured *measured;
	uint32_t from;
	uint32_t count;
	double least; /* seconds that a time that may be 0 is compared to at least */
	/* Of each measure: what was measured, sorted; and room for what was simulated. */
	double *sorted[TR_MEASURE_COUNT];
	uint32_t counts[TR_MEASURE_COUNT];
	double *values;
};

bool tr_measure_applies(enum tr_measure measure, const struct tr_measured *measured)
{
	unsigned scheduled = tr_measure_kinds[measure].scheduled;

	return scheduled == 2 || scheduled == measured->scheduled;
}

struct times {
	tr_time_ns arrival, queued, scheduled, first, last;
	uint32_t tokens_out;
};

/* Below 0: the row has no such measure. */
static double value(enum tr_measure measure, const struct times *times)
{
	switch (measure) {
	case TR_MEASURE_E2E:
		return tr_fit_seconds(times->last - times->arrival);
	case TR_MEASURE_TPOT:
		if (times->tokens_out < 2)
			return -1;
		return tr_fit_seconds(times->last - times->first) / (times->tokens_out - 1);
	case TR_MEASURE_WAIT:
		return tr_fit_seconds(times->scheduled - times->queued);
	case TR_MEASURE_PREFILL:
		return tr_fit_seconds(times->first - times->scheduled);
	case TR_MEASURE_TTFT:
		return tr_fit_seconds(times->first - times->arrival);
	case TR_MEASURE_COUNT:
		break;
	}
	return -1;
}

static double measured_value(enum tr_measure measure, const struct tr_measured_row *row)
{
	return value(measure, &(struct times){row->arrival, row->queued, row->scheduled, row->first,
					      row->last, row->tokens_out});
}

static double played_value(enum tr_measure measure, const struct tr_measured_row *row,
			   const struct tr_played *played)
{
	if (!played->done)
		return -1;
	return value(measure, &(struct times){row->arrival, played->queued, played->scheduled,
					      played->first, played->last, row->tokens_out});
}

static double relative(const struct tr_scorer *scorer, enum tr_measure measure, double measured,
		       double simulated)
{
	double base = measured;

	if (tr_measure_kinds[measure].may_be_zero && base < scorer->least)
		base = scorer->least;
	return (simulated - measured) / (base > 1e-9 ? base : 1e-9);
}

void tr_scorer_free(struct tr_scorer *scorer)
{
	if (!scorer)
		return;
	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++)
		free(scorer->sorted[m]);
	free(scorer->values);
	free(scorer);
}

struct tr_scorer *tr_scorer_new(const struct tr_measured *measured, uint32_t from, uint32_t to)
{
	struct tr_scorer *scorer = calloc(1, sizeof *scorer);
	uint32_t count = to - from;

	TR_ASSERT(from < to);
	TR_ASSERT(to <= measured->count);
	if (!scorer)
		return NULL;
	scorer->measured = measured;
	scorer->from = from;
	scorer->count = count;
	scorer->values = malloc(count * sizeof *scorer->values);
	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++) {
		scorer->sorted[m] = malloc(count * sizeof *scorer->values);
		if (!scorer->sorted[m] || !scorer->values) {
			tr_scorer_free(scorer);
			return NULL;
		}
		for (uint32_t i = 0; tr_measure_applies(m, measured) && i < count; i++) {
			double x = measured_value(m, &measured->rows[from + i]);

			if (x >= 0)
				scorer->sorted[m][scorer->counts[m]++] = x;
		}
		tr_fit_sort(scorer->sorted[m], scorer->counts[m]);
	}
	scorer->least = 0.001;
	if (scorer->counts[TR_MEASURE_TPOT])
		scorer->least = tr_fit_quantile(scorer->sorted[TR_MEASURE_TPOT],
						scorer->counts[TR_MEASURE_TPOT], 0.5);
	return scorer;
}

/* What was simulated, sorted, into scorer->values; returns how many. */
static uint32_t simulate(struct tr_scorer *scorer, enum tr_measure measure,
			 const struct tr_played *played)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < scorer->count; i++) {
		double x = played_value(measure, &scorer->measured->rows[scorer->from + i],
					&played[i]);

		if (x >= 0)
			scorer->values[count++] = x;
	}
	tr_fit_sort(scorer->values, count);
	return count;
}

void tr_scorer_score(struct tr_scorer *scorer, const struct tr_played *played,
		     struct tr_score ret[TR_MEASURE_COUNT])
{
	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++) {
		uint32_t count = scorer->counts[m] ? simulate(scorer, m, played) : 0;

		ret[m] = (struct tr_score){.count = count};
		for (unsigned q = 0; count > 0 && q < TR_SCORE_QUANTILES; q++) {
			ret[m].measured[q] = tr_fit_quantile(scorer->sorted[m], scorer->counts[m],
							     tr_score_shares[q]);
			ret[m].simulated[q] =
				tr_fit_quantile(scorer->values, count, tr_score_shares[q]);
			ret[m].error[q] =
				relative(scorer, m, ret[m].measured[q], ret[m].simulated[q]);
		}
	}
}

/* Mean error of the percentiles of a measure. */
static double levels_off(struct tr_scorer *scorer, enum tr_measure measure,
			 const struct tr_played *played)
{
	uint32_t count = simulate(scorer, measure, played);
	double sum = 0;

	if (count == 0)
		return 1;
	for (unsigned k = 1; k <= LEVELS; k++) {
		double share = k / (LEVELS + 1.0);
		double off = relative(
			scorer, measure,
			tr_fit_quantile(scorer->sorted[measure], scorer->counts[measure], share),
			tr_fit_quantile(scorer->values, count, share));

		sum += fabs(off);
	}
	return sum / LEVELS;
}

/* Which share of the row's time was before `end`. */
static double known(const struct tr_measured_row *row, tr_time_ns end)
{
	double share;

	if (row->last <= end)
		return 1;
	share = row->queued < end ? tr_fit_seconds(end - row->queued) /
					    tr_fit_seconds(row->last - row->queued)
				  : 0;
	return share > LATE_SHARE_MIN ? share : LATE_SHARE_MIN;
}

double tr_scorer_levels_off(struct tr_scorer *scorer, const struct tr_played *played)
{
	double sum = 0;
	unsigned measures = 0;

	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++) {
		if (scorer->counts[m] == 0)
			continue;
		measures++;
		sum += levels_off(scorer, m, played);
	}
	return sum / measures;
}

double tr_scorer_rows_off(const struct tr_scorer *scorer, const struct tr_played *played,
			  tr_time_ns end)
{
	double sum = 0, weights = 0;

	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++) {
		bool late = m == TR_MEASURE_E2E || m == TR_MEASURE_TPOT;

		for (uint32_t i = 0; scorer->counts[m] && i < scorer->count; i++) {
			const struct tr_measured_row *row =
				&scorer->measured->rows[scorer->from + i];
			double weight = late ? known(row, end) : 1, off;
			double measured = measured_value(m, row);

			if (measured < 0)
				continue;
			off = fabs(relative(scorer, m, measured, played_value(m, row, &played[i])));
			sum += weight * (off < 1 ? off : 1);
			weights += weight;
		}
	}
	return weights > 0 ? sum / weights : 0;
}
