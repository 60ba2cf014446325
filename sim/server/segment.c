/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed sums of steps, and their inverse by bisection between two bounds that are nearly equal.
 */
#include "sim/server/segment.h"

/* Work of a nanosecond. */
static uint64_t rate(const struct tr_segment *segment)
{
	return TR_FS_PER_NS / TR_SPEED_NOMINAL * segment->permille;
}

static tr_u128 work(const struct tr_segment *segment, uint64_t k)
{
	tr_u128 pairs = (k & 1) ? (tr_u128)k * ((k - 1) / 2) : (tr_u128)(k / 2) * (k - 1);

	return (tr_u128)segment->first * k + pairs * segment->slope;
}

static tr_u128 done_at(const struct tr_segment *segment, tr_time_ns now)
{
	TR_ASSERT(now >= segment->anchor);
	return segment->done + (tr_u128)(now - segment->anchor) * rate(segment);
}

void tr_segment_begin(struct tr_segment *segment, tr_time_ns now, uint64_t first, uint64_t slope)
{
	TR_ASSERT(first > 0);
	TR_ASSERT(first <= TR_STEP_FS_MAX);
	segment->anchor = now;
	segment->done = 0;
	segment->first = first;
	segment->slope = slope;
}

void tr_segment_follow(struct tr_segment *segment, uint64_t k, uint64_t first, uint64_t slope)
{
	tr_time_ns end = tr_segment_end(segment, k);
	tr_u128 beyond = done_at(segment, end) - work(segment, k);

	tr_segment_begin(segment, end, first, slope);
	segment->done = beyond;
}

tr_time_ns tr_segment_end(const struct tr_segment *segment, uint64_t k)
{
	tr_u128 whole = work(segment, k), left, span;

	TR_ASSERT(k > 0);
	if (whole <= segment->done)
		return segment->anchor;
	if (segment->permille == 0)
		return TR_TIME_NEVER;
	left = whole - segment->done + rate(segment) - 1;
	span = left <= UINT64_MAX ? (uint64_t)left / rate(segment) : left / rate(segment);
	return span > UINT64_MAX ? TR_TIME_NEVER : tr_add_sat(segment->anchor, (uint64_t)span);
}

uint64_t tr_segment_step(const struct tr_segment *segment, tr_time_ns now)
{
	/* The end of step k is not before now exactly if work(k) > below. */
	tr_u128 done = done_at(segment, now), slack = tr_max(rate(segment), 1), most;
	tr_u128 below = done > slack ? done - slack : 0;
	uint64_t low, high;

	most = below / segment->first + 1;
	TR_ASSERT(most <= UINT64_MAX);
	high = (uint64_t)most;
	if (segment->slope == 0)
		return high;
	/* No step up to there is longer than the last of them. */
	low = (uint64_t)(below / (segment->first + (tr_u128)segment->slope * high)) + 1;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (work(segment, middle) > below)
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

void tr_segment_speed(struct tr_segment *segment, tr_time_ns now, uint32_t permille)
{
	TR_ASSERT(permille <= TR_SPEED_MAX);
	if (segment->first > 0) {
		segment->done = done_at(segment, now);
		segment->anchor = now;
	}
	segment->permille = permille;
}
