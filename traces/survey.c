/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass, bounded memory: tables for sizes and for arrivals per second, sets with caps
 * for what is different. A silence of years costs one addition.
 */
#include "traces/survey.h"

#include <stdlib.h>
#include <string.h>

#include "engine/message.h"

struct tr_survey *tr_survey_new(void)
{
	struct tr_survey *survey = calloc(1, sizeof(*survey));

	if (!survey)
		return NULL;
	survey->tenants.cap = survey->sessions.cap = survey->models.cap = TR_SURVEY_NAMES_MAX;
	survey->block_set.cap = TR_SURVEY_BLOCKS_MAX;
	return survey;
}

void tr_survey_free(struct tr_survey *survey)
{
	if (!survey)
		return;
	tr_set_done(&survey->tenants);
	tr_set_done(&survey->sessions);
	tr_set_done(&survey->models);
	tr_set_done(&survey->block_set);
	free(survey);
}

static void close_second(struct tr_survey *survey)
{
	tr_tally_add(&survey->seconds, survey->second_rows, 1);
	survey->second_rows = 0;
}

static void close_stamp(struct tr_survey *survey)
{
	if (survey->stamp_rows > 1)
		survey->shared += survey->stamp_rows;
	survey->stamp_rows = 0;
}

static void add_time(struct tr_survey *survey, tr_time_ns arrival)
{
	uint64_t second;

	if (survey->rows == 0)
		survey->first = survey->last = arrival;
	TR_ASSERT(arrival >= survey->last);
	second = (arrival - survey->first) / TR_SECOND;
	if (second > survey->second) {
		close_second(survey);
		tr_tally_add(&survey->seconds, 0, second - survey->second - 1);
		survey->second = second;
	}
	if (arrival > survey->last)
		close_stamp(survey);
	survey->second_rows++;
	survey->stamp_rows++;
	survey->last = arrival;
}

static void add_name(struct tr_set *set, const char *text)
{
	if (text[0])
		tr_set_put(set, tr_name_of(text, strlen(text)));
}

static void add_blocks(struct tr_survey *survey, const struct tr_trace_row *row)
{
	bool leading = true;

	for (uint32_t i = 0; i < row->block_count; i++) {
		leading = tr_set_put(&survey->block_set, row->blocks[i]) && leading;
		survey->blocks_repeated += leading;
	}
	survey->blocks += row->block_count;
}

void tr_survey_add(struct tr_survey *survey, const struct tr_trace_row *row)
{
	add_time(survey, row->arrival);
	survey->rows++;
	survey->failed += row->failed;
	survey->unseen += row->unseen;
	tr_tally_add(&survey->tokens_in, row->tokens_in, 1);
	if (!row->failed)
		tr_tally_add(&survey->tokens_out, row->tokens_out, 1);
	add_name(&survey->tenants, row->tenant);
	add_name(&survey->sessions, row->session);
	add_name(&survey->models, row->model);
	add_blocks(survey, row);
}

void tr_survey_finish(struct tr_survey *survey)
{
	TR_ASSERT(survey->rows > 0);
	close_second(survey);
	close_stamp(survey);
}
