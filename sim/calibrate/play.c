/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server and a list of when it gets what.
 */
#include "sim/calibrate/play.h"

#include <stdlib.h>

#include "sim/calibrate/order.h"

struct play {
	struct tr_batch *batch;
	const struct tr_play_entry *entries;
	const struct tr_paces *paces;
	struct tr_played *rows;
	uint32_t *order; /* entries by time */
	uint32_t count;
	uint32_t entered;
	uint32_t left; /* done, or never sent */
	uint32_t paced;
};

static int by_time(const void *a, const void *b, void *entries)
{
	const struct tr_play_entry *sorting = entries;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	if (sorting[left].at != sorting[right].at)
		return sorting[left].at < sorting[right].at ? -1 : 1;
	return left < right ? -1 : left > right;
}

static void enter(struct play *play)
{
	uint32_t row = play->order[play->entered++];
	const struct tr_play_entry *entry = &play->entries[row];
	const struct tr_batch_request request = {
		.key = row, .tokens_in = entry->tokens_in, .tokens_out = entry->tokens_out};

	play->rows[row] = (struct tr_played){0};
	if (tr_batch_fits(play->batch, entry->tokens_in, entry->tokens_out))
		tr_batch_enter(play->batch, entry->at, row, &request);
	else
		play->left++;
}

static void take(struct play *play)
{
	struct tr_batch_event event;
	struct tr_played *row;

	if (!tr_batch_take(play->batch, &event))
		return;
	row = &play->rows[event.slot];
	if (event.kind == TR_BATCH_SCHEDULED) {
		row->queued = event.queued;
		row->scheduled = event.time;
		tr_batch_work(play->batch, &row->work_scheduled);
	} else if (event.kind == TR_BATCH_FIRST) {
		row->first = event.time;
		tr_batch_work(play->batch, &row->work_first);
	} else if (event.kind == TR_BATCH_DONE) {
		row->done = true;
		row->last = event.time;
		tr_batch_work(play->batch, &row->work_last);
		play->left++;
	}
}

/* The speed at which the server's only step takes as long as was measured. */
static void set_pace(struct play *play)
{
	const struct tr_pace *pace = &play->paces->items[play->paced++];
	double permille = 1000 * play->paces->least / pace->seconds + 0.5;

	tr_batch_speed(play->batch, pace->at, permille < 1 ? 1 : (uint32_t)permille);
}

static void run(struct play *play)
{
	while (play->left < play->count) {
		tr_time_ns due = tr_batch_next(play->batch), entry = TR_TIME_NEVER,
			   pace = TR_TIME_NEVER;

		if (play->entered < play->count)
			entry = play->entries[play->order[play->entered]].at;
		if (play->paces && play->paced < play->paces->count)
			pace = play->paces->items[play->paced].at;
		if (pace <= entry && pace <= due)
			set_pace(play);
		else if (entry <= due)
			enter(play);
		else
			take(play);
	}
}

int tr_play(const struct tr_fit_model *model, const struct tr_play_entry *entries, uint32_t count,
	    const struct tr_paces *paces, struct tr_played *ret)
{
	struct play play = {.entries = entries, .paces = paces, .rows = ret, .count = count};
	struct tr_batch_profile profile;
	struct tr_fit_model paced = *model;
	int err = -1;

	if (paces) {
		for (unsigned i = 0; i < TR_TERM_COUNT; i++)
			paced.terms[i] = 0;
		paced.terms[TR_TERM_STEP] = paces->least;
	}
	tr_fit_profile(&paced, &profile);
	play.batch = tr_batch_new(&profile, 0, count);
	play.order = malloc(count * sizeof *play.order);
	if (play.batch && play.order) {
		for (uint32_t i = 0; i < count; i++)
			play.order[i] = i;
		qsort_r(play.order, count, sizeof *play.order, by_time, (void *)entries);
		run(&play);
		err = 0;
	}
	free(play.order);
	tr_batch_free(play.batch);
	return err;
}

/* ------------------------------------------------------------------------------ measured pace */

static double per_token(const struct tr_measured_row *row)
{
	return tr_fit_seconds(row->last - row->first) / (row->tokens_out - 1);
}

/* Median of those answered at an instant, -1: of nobody. */
static double median_at(const struct tr_measured_row *rows, uint32_t count, tr_time_ns at,
			double *values)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		if (rows[i].tokens_out > 1 && rows[i].first <= at && at < rows[i].last)
			values[found++] = per_token(&rows[i]);
	return found ? tr_fit_median(values, found) : -1;
}

static int by_value(const void *a, const void *b)
{
	tr_time_ns left = *(const tr_time_ns *)a, right = *(const tr_time_ns *)b;

	return left < right ? -1 : left > right;
}

static void measure(const struct tr_measured_row *rows, uint32_t count, tr_time_ns *ends,
		    double *values, struct tr_paces *ret)
{
	uint32_t found = 0;
	double all;

	for (uint32_t i = 0; i < count; i++)
		if (rows[i].tokens_out > 1)
			values[found++] = per_token(&rows[i]);
	all = found ? tr_fit_median(values, found) : 0.001;
	ret->items[ret->count++] = (struct tr_pace){0, all};
	ret->least = all;
	for (uint32_t i = 0; i < count; i++) {
		ends[2 * i] = rows[i].first;
		ends[2 * i + 1] = rows[i].last;
	}
	qsort(ends, 2 * (size_t)count, sizeof *ends, by_value);
	for (uint32_t i = 0; i < 2 * count; i++) {
		double pace;

		if (i + 1 < 2 * count && ends[i + 1] == ends[i])
			continue;
		pace = median_at(rows, count, ends[i], values);
		pace = pace < 0 ? all : pace;
		ret->items[ret->count++] = (struct tr_pace){ends[i], pace};
		ret->least = pace < ret->least ? pace : ret->least;
	}
}

int tr_paces_measure(const struct tr_measured_row *rows, uint32_t count, struct tr_paces *ret)
{
	size_t ends_count = 2 * (size_t)count;
	tr_time_ns *ends = malloc(ends_count * sizeof *ends);
	double *values = malloc(count * sizeof *values);
	struct tr_paces paces = {.items = malloc((ends_count + 1) * sizeof *paces.items)};
	int err = -1;

	if (ends && values && paces.items) {
		measure(rows, count, ends, values, &paces);
		*ret = paces;
		err = 0;
	} else {
		free(paces.items);
	}
	free(values);
	free(ends);
	return err;
}

void tr_paces_done(struct tr_paces *paces)
{
	free(paces->items);
	*paces = (struct tr_paces){0};
}
