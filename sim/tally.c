/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three tables of handlers by kind of occurrence: what is said of a request, what is said of the
 * moment, and whose level rises or falls.
 */
#include "sim/tally.h"

#include <string.h>

void tr_tally_init(struct tr_tally *tally, tr_time_ns from, tr_time_ns to)
{
	TR_ASSERT(from <= to);
	memset(tally, 0, sizeof *tally);
	tally->from = from;
	tally->to = to;
}

static void spread(struct tr_tally *tally, enum tr_spread_kind kind, tr_span_ns span)
{
	if (tally->spreads[kind])
		tr_histogram_add(tally->spreads[kind], span);
}

/* ------------------------------------------------------------------------------- of the request */

static void request_submit(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	(void)occurrence;
	tally->submitted++;
}

static void request_accept(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	(void)occurrence;
	tally->in_system++;
}

static void request_reject(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	tally->rejected++;
	tally->rejects[occurrence->subject.code]++;
}

static void request_times(struct tr_tally *tally, const struct tr_action_job_finish *finish)
{
	if (finish->attempts > 0) {
		spread(tally, TR_SPREAD_QUEUE, finish->queue);
		spread(tally, TR_SPREAD_PREDICTION_ERROR,
		       finish->queue > finish->predicted_start
			       ? finish->queue - finish->predicted_start
			       : finish->predicted_start - finish->queue);
	}
	if (finish->outcome != TR_OUTCOME_COMPLETED)
		return;
	spread(tally, TR_SPREAD_E2E, finish->e2e);
	if (finish->ttft == 0)
		return;
	spread(tally, TR_SPREAD_TTFT, finish->ttft);
	if (finish->tokens_out >= 2)
		spread(tally, TR_SPREAD_TPOT,
		       tr_sub_sat(finish->e2e, finish->ttft) / (finish->tokens_out - 1));
}

static void request_end(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	const struct tr_action_job_finish *finish = occurrence->finish;

	/* A column of those whom one endpoint answered did not see them come. */
	tally->in_system -= tally->in_system > 0;
	tally->completed += finish->outcome == TR_OUTCOME_COMPLETED;
	tally->failed += finish->outcome == TR_OUTCOME_FAILED;
	tally->canceled += finish->outcome == TR_OUTCOME_CANCELED;
	tally->expired += finish->outcome == TR_OUTCOME_EXPIRED;
	tally->good += occurrence->good;
	if (finish->outcome != TR_OUTCOME_COMPLETED)
		tally->causes[finish->outcome][finish->cause]++;
	request_times(tally, finish);
}

/* -------------------------------------------------------------------------------- of the moment */

static void moment_end(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	const struct tr_action_job_finish *finish = occurrence->finish;

	tally->completions += finish->outcome == TR_OUTCOME_COMPLETED;
	tally->goods += occurrence->good;
	tally->tokens_in += finish->tokens_in;
	tally->tokens_out += finish->tokens_out;
	tally->cost_micro_usd += finish->cost;
}

static void moment_dispatch(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	tally->warm += occurrence->warmth == TR_WARMTH_WARM;
	tally->cold += occurrence->warmth == TR_WARMTH_COLD;
}

static void moment_first_token(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	spread(tally, TR_SPREAD_ATTEMPT_TTFT, occurrence->since_dispatch);
}

static void moment_done(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	spread(tally, TR_SPREAD_ATTEMPT_TIME, occurrence->since_dispatch);
}

static void moment_failure(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	tally->attempt_failures[occurrence->subject.cause]++;
}

static void moment_abort(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	tally->attempt_aborts[occurrence->subject.cause]++;
}

/* --------------------------------------------------------------------------------------- levels */

/* Nothing changed up to now. */
static void level_carry(const struct tr_tally *tally, struct tr_level *level, tr_time_ns now)
{
	tr_time_ns begin = tr_max(level->since, tally->from), end = tr_min(now, tally->to);

	if (end > begin) {
		level->area += (tr_u128)level->now * (end - begin);
		level->max = tr_max(level->max, level->now);
	}
	level->since = now;
}

static void level_step(struct tr_tally *tally, enum tr_level_kind kind, tr_time_ns now, int step)
{
	struct tr_level *level = &tally->levels[kind];

	if (!(tally->levels_wanted >> kind & 1))
		return;
	level_carry(tally, level, now);
	TR_ASSERT(step > 0 || level->now > 0);
	level->now += (uint64_t)(int64_t)step;
	if (now >= tally->from && now < tally->to)
		level->max = tr_max(level->max, level->now);
}

static void levels_enter(struct tr_tally *tally, const struct tr_occurrence *occurrence)
{
	static const struct {
		int8_t in_flight, waiting, in_system;
	} steps[TR_OCCURRENCE_COUNT] = {
		[TR_OCCURRENCE_ACCEPT] = {0, 1, 1},
		[TR_OCCURRENCE_START] = {0, -1, 0},
		[TR_OCCURRENCE_JOB_END] = {0, 0, -1},
		[TR_OCCURRENCE_DISPATCH] = {1, 0, 0},
		[TR_OCCURRENCE_ATTEMPT_DONE] = {-1, 0, 0},
		[TR_OCCURRENCE_ATTEMPT_FAILURE] = {-1, 0, 0},
		[TR_OCCURRENCE_ATTEMPT_ABORT] = {-1, 0, 0},
	};
	tr_time_ns now = occurrence->time;
	int waiting = steps[occurrence->kind].waiting;

	/* A request that ends without having been sent anywhere waited until now. */
	if (occurrence->kind == TR_OCCURRENCE_JOB_END && occurrence->finish->attempts == 0)
		waiting = -1;
	if (steps[occurrence->kind].in_flight)
		level_step(tally, TR_LEVEL_IN_FLIGHT, now, steps[occurrence->kind].in_flight);
	if (waiting)
		level_step(tally, TR_LEVEL_WAITING, now, waiting);
	if (steps[occurrence->kind].in_system)
		level_step(tally, TR_LEVEL_IN_SYSTEM, now, steps[occurrence->kind].in_system);
}

void tr_tally_close(struct tr_tally *tally, tr_time_ns end)
{
	for (uint32_t i = 0; i < TR_LEVEL_COUNT; i++)
		if (tally->levels_wanted >> i & 1)
			level_carry(tally, &tally->levels[i], end);
}

/* --------------------------------------------------------------------------------------- enter */

typedef void entry(struct tr_tally *, const struct tr_occurrence *);

void tr_tally_enter(struct tr_tally *tally, const struct tr_occurrence *occurrence, bool submitted,
		    bool happened)
{
	static entry *const requests[TR_OCCURRENCE_COUNT] = {
		[TR_OCCURRENCE_SUBMIT] = request_submit,
		[TR_OCCURRENCE_ACCEPT] = request_accept,
		[TR_OCCURRENCE_REJECT] = request_reject,
		[TR_OCCURRENCE_JOB_END] = request_end,
	};
	static entry *const moments[TR_OCCURRENCE_COUNT] = {
		[TR_OCCURRENCE_JOB_END] = moment_end,
		[TR_OCCURRENCE_DISPATCH] = moment_dispatch,
		[TR_OCCURRENCE_FIRST_TOKEN] = moment_first_token,
		[TR_OCCURRENCE_ATTEMPT_DONE] = moment_done,
		[TR_OCCURRENCE_ATTEMPT_FAILURE] = moment_failure,
		[TR_OCCURRENCE_ATTEMPT_ABORT] = moment_abort,
	};

	TR_ASSERT(occurrence->kind < TR_OCCURRENCE_COUNT);
	if (submitted && requests[occurrence->kind])
		requests[occurrence->kind](tally, occurrence);
	if (happened) {
		tally->counts[occurrence->kind]++;
		if (moments[occurrence->kind])
			moments[occurrence->kind](tally, occurrence);
	}
	if (tally->levels_wanted)
		levels_enter(tally, occurrence);
}
