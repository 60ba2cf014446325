/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few ways in which a value is made of what a column has counted.
 */
#include "sim/value.h"

#include <string.h>

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

static int read_warmth(const struct tr_reading *reading, const struct tr_value *value,
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

const struct tr_value tr_values[TR_VALUE_COUNT] = {
#define X(name_, unit_, basis_, selectors_, text_, ...)                                            \
	[TR_VALUE_##name_] = {.name = #name_,                                                      \
			      .unit = (unit_),                                                     \
			      .text = (text_),                                                     \
			      .selectors = (selectors_),                                           \
			      .basis = TR_VALUE_##basis_,                                          \
			      .read = read_##__VA_ARGS__},
	TR_VALUE_MAP(X)
#undef X
};
