/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock as a short list of steps; between two of them it goes as the world does.
 */
#include "sim/clock.h"

/* From this time of the world on the clock is `by` further ahead. */
static void add_step(struct tr_clock *clock, tr_time_ns at, int64_t by)
{
	uint32_t i = clock->count;

	if (at == TR_TIME_NEVER)
		return;
	TR_ASSERT(clock->count < TR_ARRAY_LENGTH(clock->steps));
	for (; i > 0 && clock->steps[i - 1].at > at; i--) {
		clock->steps[i] = clock->steps[i - 1];
		clock->steps[i].ahead += by;
	}
	clock->steps[i] = (struct tr_clock_step){at, by + (i ? clock->steps[i - 1].ahead : 0)};
	clock->count++;
}

void tr_clock_init(struct tr_clock *ret, tr_time_ns start, const struct tr_fault *faults,
		   uint32_t fault_count)
{
	ret->count = 0;
	for (uint32_t i = 0; i < fault_count; i++) {
		int64_t by = (int64_t)faults[i].span;

		if (faults[i].kind != TR_FAULT_CLOCK_JUMP)
			continue;
		if (faults[i].backward)
			by = -by;
		add_step(ret, tr_add_sat(start, faults[i].at), by);
		add_step(ret, tr_add_sat(start, faults[i].end), -by);
	}
}

static tr_time_ns ahead_of(tr_time_ns world, int64_t ahead)
{
	return ahead < 0 ? tr_sub_sat(world, (uint64_t)-ahead) : tr_add_sat(world, (uint64_t)ahead);
}

tr_time_ns tr_clock_read(const struct tr_clock *clock, tr_time_ns world)
{
	uint32_t i = clock->count;

	while (i > 0 && clock->steps[i - 1].at > world)
		i--;
	return i ? ahead_of(world, clock->steps[i - 1].ahead) : world;
}

tr_time_ns tr_clock_due(const struct tr_clock *clock, tr_time_ns world, tr_time_ns time)
{
	int64_t ahead = 0;
	uint32_t i = 0;

	if (time == TR_TIME_NEVER)
		return TR_TIME_NEVER;
	for (; i < clock->count && clock->steps[i].at <= world; i++)
		ahead = clock->steps[i].ahead;
	for (;; i++) {
		tr_time_ns due = tr_max(world, ahead_of(time, -ahead));

		if (i == clock->count || due < clock->steps[i].at)
			return due;
		world = clock->steps[i].at;
		ahead = clock->steps[i].ahead;
	}
}
