/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline is a short list that is read from end to end where a try is sent; nothing of it is
 * remembered but how many tries a counted fault has had. When a state of servers changes is the
 * fleet's affair, which has an entry in its queue for each end of a fault.
 */
#include "sim/server/fault.h"

#include <stdlib.h>
#include <string.h>

#include "engine/random.h"

#define PPM 1000000

const struct tr_fault_row tr_faults[TR_FAULT_COUNT] = {
#define X(NAME, word_, scope_, place_, cause_, keys_, needed_, text_)                              \
	[TR_FAULT_##NAME] = {.word = (word_),                                                      \
			     .text = (text_),                                                      \
			     .scope = TR_SCOPE_##scope_,                                           \
			     .place = TR_PLACE_##place_,                                           \
			     .cause = TR_CAUSE_##cause_,                                           \
			     .keys = (keys_),                                                      \
			     .needed = (needed_)},
	TR_FAULT_MAP(X)
#undef X
};

const char *const tr_fault_keys[TR_FAULT_KEY_COUNT] = {
#define K(name) [TR_FAULT_KEY_##name] = #name,
	TR_FAULT_KEY_MAP(K)
#undef K
};

enum tr_cause tr_fault_cause(uint32_t status)
{
	static const struct {
		uint16_t status;
		uint8_t cause;
	} rows[] = {
		{401, TR_CAUSE_CREDENTIALS}, {402, TR_CAUSE_CREDENTIALS},
		{403, TR_CAUSE_CREDENTIALS}, {429, TR_CAUSE_RATE_LIMITED},
		{503, TR_CAUSE_OVERLOADED},  {529, TR_CAUSE_OVERLOADED},
	};

	TR_ASSERT(status >= 400);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++)
		if (rows[i].status == status)
			return (enum tr_cause)rows[i].cause;
	return status < 500 ? TR_CAUSE_BAD_REQUEST : TR_CAUSE_SERVER_ERROR;
}

struct tr_timeline {
	uint64_t seed;
	uint32_t count;
	uint32_t server_count;
	struct tr_fault faults[TR_FAULTS_MAX];
	uint64_t met[TR_FAULTS_MAX]; /* tries that a fault with `first` has had */
	uint8_t *concerns;	     /* [fault][row] */
};

/* --------------------------------------------------------------------------------------- making */

struct tr_timeline *tr_timeline_new(uint64_t seed, tr_time_ns start, const struct tr_fault *faults,
				    uint32_t fault_count, uint32_t server_count)
{
	struct tr_timeline *timeline = calloc(1, sizeof *timeline);

	TR_ASSERT(fault_count <= TR_FAULTS_MAX);
	TR_ASSERT(server_count > 0);
	if (!timeline)
		return NULL;
	timeline->concerns = calloc((size_t)fault_count * server_count + 1, 1);
	if (!timeline->concerns) {
		free(timeline);
		return NULL;
	}
	timeline->seed = seed;
	timeline->count = fault_count;
	timeline->server_count = server_count;
	for (uint32_t i = 0; i < fault_count; i++) {
		uint8_t *concerns = timeline->concerns + (size_t)i * server_count;

		timeline->faults[i] = faults[i];
		timeline->faults[i].at = tr_add_sat(start, faults[i].at);
		timeline->faults[i].end = tr_add_sat(start, faults[i].end);
		TR_ASSERT(faults[i].at <= faults[i].end);
		if (!faults[i].rows)
			memset(concerns, 1, server_count);
		for (uint32_t j = 0; faults[i].rows && j < faults[i].row_count; j++) {
			TR_ASSERT(faults[i].rows[j] < server_count);
			concerns[faults[i].rows[j]] = 1;
		}
	}
	return timeline;
}

void tr_timeline_free(struct tr_timeline *timeline)
{
	if (!timeline)
		return;
	free(timeline->concerns);
	free(timeline);
}

uint32_t tr_timeline_count(const struct tr_timeline *timeline)
{
	return timeline->count;
}

const struct tr_fault *tr_timeline_at(const struct tr_timeline *timeline, uint32_t i)
{
	TR_ASSERT(i < timeline->count);
	return &timeline->faults[i];
}

bool tr_timeline_concerns(const struct tr_timeline *timeline, uint32_t i, uint32_t row)
{
	TR_ASSERT(row < timeline->server_count);
	return timeline->concerns[(size_t)i * timeline->server_count + row];
}

/* -------------------------------------------------------------------------------------- meeting */

static uint64_t draw(const struct tr_timeline *timeline, const struct tr_fault *fault,
		     const struct tr_trial *trial, uint64_t n)
{
	uint64_t there = tr_mix(tr_mix(trial->server) ^ fault->id) ^ trial->job_id;

	return tr_draw(timeline->seed, there, TR_PURPOSE_TIMELINE, 2 * (uint64_t)trial->tries + n);
}

/* Whether the fault, which holds, gets this one. */
static bool gets(struct tr_timeline *timeline, uint32_t i, const struct tr_trial *trial)
{
	const struct tr_fault *fault = &timeline->faults[i];

	if (fault->first)
		return timeline->met[i]++ < fault->first;
	return tr_below(draw(timeline, fault, trial, 0), PPM) < fault->ppm;
}

static bool holds_at(const struct tr_fault *fault, tr_time_ns now)
{
	return fault->at <= now && now < fault->end;
}

/* Tokens before the place that was given or is drawn within the answer; of an answer of one token
 * it is before that. */
static uint32_t place_of(const struct tr_timeline *timeline, const struct tr_fault *fault,
			 const struct tr_trial *trial)
{
	if (fault->after_tokens != TR_FAULT_DRAWN)
		return (uint32_t)tr_min(fault->after_tokens, trial->tokens_out);
	if (trial->tokens_out == 1)
		return 0;
	return 1 + (uint32_t)tr_below(draw(timeline, fault, trial, 1), trial->tokens_out - 1);
}

void tr_timeline_meet(struct tr_timeline *timeline, tr_time_ns now, const struct tr_trial *trial,
		      struct tr_meeting *ret)
{
	*ret = (struct tr_meeting){.latency = 0};
	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct tr_fault *fault = &timeline->faults[i];
		const struct tr_fault_row *kind = &tr_faults[fault->kind];

		if (kind->scope != TR_SCOPE_TRY || !holds_at(fault, now) ||
		    !tr_timeline_concerns(timeline, i, trial->row) || !gets(timeline, i, trial))
			continue;
		if (kind->place == TR_PLACE_NONE)
			ret->latency = tr_add_sat(ret->latency, fault->span);
		else
			ret->at[kind->place] = (uint16_t)(i + 1);
		if (kind->place == TR_PLACE_BREAK)
			ret->break_after = place_of(timeline, fault, trial);
		if (kind->place == TR_PLACE_STREAM)
			ret->stall_after = place_of(timeline, fault, trial);
	}
}

bool tr_timeline_store(struct tr_timeline *timeline, tr_time_ns now, uint64_t job_id,
		       tr_span_ns *ret_extra)
{
	const struct tr_trial trial = {.job_id = job_id};
	tr_span_ns extra = 0;
	bool fails = false;

	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct tr_fault *fault = &timeline->faults[i];

		if (tr_faults[fault->kind].scope != TR_SCOPE_STORE || !holds_at(fault, now) ||
		    !gets(timeline, i, &trial))
			continue;
		if (fault->kind == TR_FAULT_STORE_FAILURE)
			fails = true;
		else
			extra = tr_add_sat(extra, fault->span);
	}
	*ret_extra = extra;
	return !fails;
}

/* ---------------------------------------------------------------------------- states of servers */

bool tr_timeline_holds(const struct tr_timeline *timeline, tr_time_ns now, uint32_t row,
		       enum tr_fault_kind kind)
{
	for (uint32_t i = 0; i < timeline->count; i++)
		if (timeline->faults[i].kind == kind && holds_at(&timeline->faults[i], now) &&
		    tr_timeline_concerns(timeline, i, row))
			return true;
	return false;
}

uint32_t tr_timeline_speed(const struct tr_timeline *timeline, tr_time_ns now, uint32_t row)
{
	uint64_t permille = 1000;

	for (uint32_t i = 0; i < timeline->count; i++)
		if (timeline->faults[i].kind == TR_FAULT_SLOW_DOWN &&
		    holds_at(&timeline->faults[i], now) && tr_timeline_concerns(timeline, i, row))
			permille = permille * timeline->faults[i].speed_permille / 1000;
	return (uint32_t)permille;
}
