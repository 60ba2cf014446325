/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of values, and the few ways in which one is made of what a column has counted.
 */
#include "sim/measure.h"

#include <string.h>

#include "sim/reading.h"

/* Percent of a whole, in millionths. */
#define PERCENT (100 * TR_VALUE_UNIT)

static uint64_t at(const struct tr_tally *tally, size_t offset)
{
	uint64_t number;

	memcpy(&number, (const char *)tally + offset, sizeof number);
	return number;
}

static int read_count(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	*ret = tr_mul_div(at(reading->tally, value->part), TR_VALUE_UNIT, 1);
	return 0;
}

/* It is counted in millionths already. */
static int read_micro(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	*ret = at(reading->tally, value->part);
	return 0;
}

static int read_percent(const struct tr_reading *reading, const struct tr_value *value,
			uint64_t *ret)
{
	uint64_t whole = at(reading->tally, value->whole);

	if (whole == 0)
		return -1;
	*ret = tr_mul_div(at(reading->tally, value->part), PERCENT, whole);
	return 0;
}

static int read_ratio(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	uint64_t whole = at(reading->tally, value->whole);

	if (whole == 0)
		return -1;
	*ret = tr_mul_div(at(reading->tally, value->part), TR_VALUE_UNIT, whole);
	return 0;
}

static int read_warm_percent(const struct tr_reading *reading, const struct tr_value *value,
			     uint64_t *ret)
{
	uint64_t known = reading->tally->warm + reading->tally->cold;

	(void)value;
	if (known == 0)
		return -1;
	*ret = tr_mul_div(reading->tally->warm, PERCENT, known);
	return 0;
}

static int read_share(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	uint64_t whole = at(reading->everybody, value->part);

	if (whole == 0)
		return -1;
	*ret = tr_mul_div(at(reading->tally, value->part), PERCENT, whole);
	return 0;
}

static int read_rate(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	if (reading->span == 0)
		return -1;
	*ret = tr_mul_div(at(reading->tally, value->part), TR_SECOND * TR_VALUE_UNIT,
			  reading->span);
	return 0;
}

static uint64_t sum_of(const uint64_t *counts, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += counts[i];
	return sum;
}

/* Counts by reason: one of them, or all. */
static uint64_t pick(const uint64_t *counts, uint32_t count, uint8_t reason)
{
	TR_ASSERT(reason < count);
	return tr_mul_div(reason ? counts[reason] : sum_of(counts, count), TR_VALUE_UNIT, 1);
}

static int read_rejects(const struct tr_reading *reading, const struct tr_value *value,
			uint64_t *ret)
{
	(void)value;
	*ret = pick(reading->tally->rejects, TR_REJECT_COUNT, reading->subject->code);
	return 0;
}

static int read_ends(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	*ret = pick(reading->tally->causes[value->outcome], TR_CAUSE_COUNT,
		    reading->subject->cause);
	return 0;
}

static int read_failures(const struct tr_reading *reading, const struct tr_value *value,
			 uint64_t *ret)
{
	(void)value;
	*ret = pick(reading->tally->attempt_failures, TR_CAUSE_COUNT, reading->subject->cause);
	return 0;
}

static int read_aborts(const struct tr_reading *reading, const struct tr_value *value,
		       uint64_t *ret)
{
	(void)value;
	*ret = pick(reading->tally->attempt_aborts, TR_CAUSE_COUNT, reading->subject->cause);
	return 0;
}

/* ------------------------------------------------------------------------------- spreads, levels
 */

static int read_quantile(const struct tr_reading *reading, const struct tr_value *value,
			 uint64_t *ret)
{
	const struct tr_histogram *histogram = reading->tally->spreads[value->kind];

	if (histogram->count == 0)
		return -1;
	/* A nanosecond is a millionth of a millisecond. */
	*ret = tr_histogram_quantile(histogram, value->permyriad);
	return 0;
}

static int read_max(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	const struct tr_histogram *histogram = reading->tally->spreads[value->kind];

	if (histogram->count == 0)
		return -1;
	*ret = histogram->max;
	return 0;
}

static int read_mean(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret)
{
	const struct tr_histogram *histogram = reading->tally->spreads[value->kind];

	if (histogram->count == 0)
		return -1;
	*ret = histogram->sum / histogram->count;
	return 0;
}

static int read_level_max(const struct tr_reading *reading, const struct tr_value *value,
			  uint64_t *ret)
{
	*ret = tr_mul_div(reading->tally->levels[value->kind].max, TR_VALUE_UNIT, 1);
	return 0;
}

static int read_level_mean(const struct tr_reading *reading, const struct tr_value *value,
			   uint64_t *ret)
{
	if (reading->span == 0)
		return -1;
	*ret = (uint64_t)(reading->tally->levels[value->kind].area * TR_VALUE_UNIT / reading->span);
	return 0;
}

static int read_utilization(const struct tr_reading *reading, const struct tr_value *value,
			    uint64_t *ret)
{
	tr_u128 room = (tr_u128)reading->slots * reading->span;

	if (room == 0)
		return -1;
	*ret = (uint64_t)(reading->tally->levels[value->kind].area * PERCENT / room);
	return 0;
}

static int read_seconds(const struct tr_reading *reading, const struct tr_value *value,
			uint64_t *ret)
{
	(void)value;
	*ret = reading->span / (TR_SECOND / TR_VALUE_UNIT);
	return 0;
}

/* ----------------------------------------------------------------------------------------- table
 */

#define REQUEST	    TR_SELECT_REQUEST
#define ANSWERED    TR_SELECT_ATTEMPT
#define ATTEMPT	    TR_SELECT_ATTEMPT
#define AT(member)  offsetof(struct tr_tally, member)
#define COUNTED(uc) offsetof(struct tr_tally, counts[TR_OCCURRENCE_##uc])

#define OF_REQUESTS(name_, unit_, selectors_, text_, ...)                                          \
	{                                                                                          \
		.name = (name_), .unit = (unit_), .text = (text_), .selectors = (selectors_),      \
		.basis = TR_VALUE_SUBMITTED, .read = __VA_ARGS__                                   \
	}
#define OF_MOMENTS(name_, unit_, selectors_, text_, ...)                                           \
	{                                                                                          \
		.name = (name_), .unit = (unit_), .text = (text_), .selectors = (selectors_),      \
		.basis = TR_VALUE_HAPPENED, .read = __VA_ARGS__                                    \
	}

/* Part of the submitted requests. */
#define PART(word, member_, text_)                                                                 \
	OF_REQUESTS(word "_percent", "percent", REQUEST, text_ ", of those submitted",             \
		    read_percent, .part = AT(member_), .whole = AT(submitted))
#define SHARE(word, unit_offset, selectors_, text_)                                                \
	OF_MOMENTS(word "_share_percent", "percent", selectors_, text_ ", of all in the window",   \
		   read_share, .part = unit_offset, .shared = true)
#define RATE(word, unit_, offset_, selectors_, text_)                                              \
	OF_MOMENTS(word, unit_, selectors_, text_, read_rate, .part = offset_)

/* Six values of each spread. */
#define SPREAD(basis_, lc, uc, selectors_, text_)                                                  \
	QUANTILE(basis_, lc, uc, selectors_, text_, "p50", 5000),                                  \
		QUANTILE(basis_, lc, uc, selectors_, text_, "p90", 9000),                          \
		QUANTILE(basis_, lc, uc, selectors_, text_, "p95", 9500),                          \
		QUANTILE(basis_, lc, uc, selectors_, text_, "p99", 9900),                          \
		basis_(#lc "_max_ms", "ms", selectors_, text_, read_max, .kind = TR_SPREAD_##uc,   \
		       .spreads = 1u << TR_SPREAD_##uc),                                           \
		basis_(#lc "_mean_ms", "ms", selectors_, text_, read_mean, .kind = TR_SPREAD_##uc, \
		       .spreads = 1u << TR_SPREAD_##uc)
#define QUANTILE(basis_, lc, uc, selectors_, text_, word, permyriad_)                              \
	basis_(#lc "_" word "_ms", "ms", selectors_, text_, read_quantile, .kind = TR_SPREAD_##uc, \
	       .permyriad = permyriad_, .spreads = 1u << TR_SPREAD_##uc)

#define LEVEL(lc, uc, unit_, selectors_, text_)                                                    \
	OF_MOMENTS(#lc "_max", unit_, selectors_, text_ ": most at once", read_level_max,          \
		   .kind = TR_LEVEL_##uc, .levels = 1u << TR_LEVEL_##uc),                          \
		OF_MOMENTS(#lc "_mean", unit_, selectors_, text_ ": mean over time",               \
			   read_level_mean, .kind = TR_LEVEL_##uc, .levels = 1u << TR_LEVEL_##uc)

const struct tr_value tr_values[] = {
	OF_REQUESTS("submitted", "requests", REQUEST, "requests that came", read_count,
		    .part = AT(submitted)),
	OF_REQUESTS("completed", "requests", ANSWERED, "requests answered whole", read_count,
		    .part = AT(completed)),
	OF_REQUESTS("rejected", "requests", REQUEST | TR_SELECT_CODE, "requests refused",
		    read_rejects),
	OF_REQUESTS("failed", "requests", ANSWERED | TR_SELECT_CAUSE, "requests that failed",
		    read_ends, .outcome = TR_OUTCOME_FAILED),
	OF_REQUESTS("canceled", "requests", ANSWERED | TR_SELECT_CAUSE, "requests canceled",
		    read_ends, .outcome = TR_OUTCOME_CANCELED),
	OF_REQUESTS("expired", "requests", ANSWERED | TR_SELECT_CAUSE,
		    "requests out of time, or shed", read_ends, .outcome = TR_OUTCOME_EXPIRED),
	OF_REQUESTS("in_system", "requests", REQUEST,
		    "requests let in and not ended when the run did", read_count,
		    .part = AT(in_system)),
	OF_REQUESTS("good", "requests", ANSWERED,
		    "requests completed within every objective of the policy", read_count,
		    .part = AT(good)),
	PART("completed", completed, "requests answered whole"),
	PART("rejected", rejected, "requests refused"),
	PART("failed", failed, "requests that failed"),
	PART("canceled", canceled, "requests canceled"),
	PART("expired", expired, "requests out of time, or shed"),
	PART("good", good, "requests completed within every objective of the policy"),
	SPREAD(OF_REQUESTS, ttft, TTFT, ANSWERED, "time to first token of completed requests"),
	SPREAD(OF_REQUESTS, tpot, TPOT, ANSWERED,
	       "time per output token, after the first, of completed requests"),
	SPREAD(OF_REQUESTS, e2e, E2E, ANSWERED, "submission to end of completed requests"),
	SPREAD(OF_REQUESTS, queue, QUEUE, REQUEST,
	       "admission to first dispatch of requests that were sent"),
	SPREAD(OF_REQUESTS, prediction_error, PREDICTION_ERROR, REQUEST,
	       "how far that wait was from what was predicted at admission"),

	OF_MOMENTS("attempts", "attempts", ATTEMPT, "attempts sent", read_count,
		   .part = COUNTED(DISPATCH)),
	OF_MOMENTS("retries", "attempts", ATTEMPT, "attempts that were retries", read_count,
		   .part = COUNTED(RETRY)),
	OF_MOMENTS("hedges", "attempts", ATTEMPT, "attempts that were hedges", read_count,
		   .part = COUNTED(HEDGE)),
	OF_MOMENTS("retry_percent", "percent", ATTEMPT, "retries, of the attempts sent",
		   read_percent, .part = COUNTED(RETRY), .whole = COUNTED(DISPATCH)),
	OF_MOMENTS("hedge_percent", "percent", ATTEMPT, "hedges, of the attempts sent",
		   read_percent, .part = COUNTED(HEDGE), .whole = COUNTED(DISPATCH)),
	OF_MOMENTS("attempts_per_request", "attempts",
		   TR_SELECT_CLASS | TR_SELECT_TENANT | TR_SELECT_SESSION,
		   "attempts sent over requests that were sent for the first time", read_ratio,
		   .part = COUNTED(DISPATCH), .whole = COUNTED(START)),
	OF_MOMENTS("attempts_answered", "attempts", ATTEMPT, "attempts answered whole", read_count,
		   .part = COUNTED(ATTEMPT_DONE)),
	OF_MOMENTS("attempt_failures", "attempts", ATTEMPT | TR_SELECT_CAUSE,
		   "attempts that failed: their endpoint said so, or a time-out passed",
		   read_failures),
	OF_MOMENTS("attempt_failure_percent", "percent", ATTEMPT,
		   "failures of attempts, over attempts sent", read_percent,
		   .part = COUNTED(ATTEMPT_FAILURE), .whole = COUNTED(DISPATCH)),
	OF_MOMENTS("attempt_aborts", "attempts", ATTEMPT | TR_SELECT_CAUSE,
		   "attempts given up that had not failed", read_aborts),
	OF_MOMENTS("preemptions", "attempts", ATTEMPT,
		   "attempts given up for a job of a higher class", read_count,
		   .part = COUNTED(PREEMPTION)),
	OF_MOMENTS("retries_denied", "requests", TR_SELECT_NOTHING,
		   "requests that ended for want of a retry budget", read_count,
		   .part = COUNTED(RETRY_DENIED)),
	OF_MOMENTS("hedges_denied", "attempts", TR_SELECT_NOTHING,
		   "hedges that were due and not sent, for want of budget", read_count,
		   .part = COUNTED(HEDGE_DENIED)),
	OF_MOMENTS("warm_attempts", "attempts", ATTEMPT,
		   "attempts sent to where session or prefix is thought to be cached", read_count,
		   .part = AT(warm)),
	OF_MOMENTS("cold_attempts", "attempts", ATTEMPT,
		   "attempts sent to where it is not, though it is known", read_count,
		   .part = AT(cold)),
	OF_MOMENTS("warm_percent", "percent", ATTEMPT,
		   "warm attempts, of those of which it is known", read_warm_percent),
	OF_MOMENTS("breaker_trips", "times", TR_SELECT_SERVER, "openings of breakers", read_count,
		   .part = COUNTED(BREAKER_OPEN)),
	SPREAD(OF_MOMENTS, attempt_ttft, ATTEMPT_TTFT, ATTEMPT,
	       "dispatch to first token of attempts"),
	SPREAD(OF_MOMENTS, attempt_time, ATTEMPT_TIME, ATTEMPT,
	       "dispatch to end of attempts answered whole"),

	OF_MOMENTS("tokens_in", "tokens", ANSWERED, "input tokens of requests that ended",
		   read_count, .part = AT(tokens_in)),
	OF_MOMENTS("tokens_out", "tokens", ANSWERED, "output tokens of requests that ended",
		   read_count, .part = AT(tokens_out)),
	OF_MOMENTS("cost_usd", "USD", ANSWERED, "cost of requests that ended", read_micro,
		   .part = AT(cost_micro_usd)),
	RATE("goodput", "requests/s", AT(goods), ANSWERED,
	     "requests completed within every objective"),
	RATE("completed_per_second", "requests/s", AT(completions), ANSWERED,
	     "requests answered whole"),
	RATE("submitted_per_second", "requests/s", COUNTED(SUBMIT), REQUEST, "requests that came"),
	RATE("attempts_per_second", "attempts/s", COUNTED(DISPATCH), ATTEMPT, "attempts sent"),
	RATE("tokens_out_per_second", "tokens/s", AT(tokens_out), ANSWERED,
	     "output tokens of requests that ended"),
	SHARE("submitted", COUNTED(SUBMIT), REQUEST, "requests that came"),
	SHARE("completed", AT(completions), ANSWERED, "requests answered whole"),
	SHARE("attempts", COUNTED(DISPATCH), ATTEMPT, "attempts sent"),
	SHARE("tokens_in", AT(tokens_in), ANSWERED, "input tokens of requests that ended"),
	SHARE("tokens_out", AT(tokens_out), ANSWERED, "output tokens of requests that ended"),
	SHARE("cost", AT(cost_micro_usd), ANSWERED, "cost of requests that ended"),

	LEVEL(in_flight, IN_FLIGHT, "attempts", ATTEMPT, "attempts in flight"),
	LEVEL(waiting, WAITING, "requests", REQUEST, "requests let in and not yet sent"),
	LEVEL(in_system, IN_SYSTEM, "requests", REQUEST, "requests let in and not yet ended"),
	OF_MOMENTS("utilization_percent", "percent", ATTEMPT,
		   "slots in use, of the endpoint's, the model's, or all", read_utilization,
		   .kind = TR_LEVEL_IN_FLIGHT, .levels = 1u << TR_LEVEL_IN_FLIGHT),
	OF_MOMENTS("virtual_seconds", "s", TR_SELECT_NOTHING, "virtual time that passed",
		   read_seconds),
};
const uint32_t tr_value_count = TR_ARRAY_LENGTH(tr_values);

const struct tr_value *tr_value_named(const char *name)
{
	for (uint32_t i = 0; i < tr_value_count; i++)
		if (strcmp(tr_values[i].name, name) == 0)
			return &tr_values[i];
	return NULL;
}
