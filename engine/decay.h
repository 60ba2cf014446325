/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was true once fades: a value loses half of itself in each half-life. Shifts halve whole
 * half-lives away; within one, a table of 2^(-i/64) is interpolated linearly, which is off by less
 * than 1 in 65,000 and never rises with age.
 */
#ifndef TR_ENGINE_DECAY_H
#define TR_ENGINE_DECAY_H

#include "engine/base.h"

#define TR_DECAY_STEPS 64

/* 2^(-i/64) in 1/2^32. */
extern const uint64_t tr_decay_table[TR_DECAY_STEPS + 1];

/* value x 2^(-age / half_life), rounded down; value itself at age 0, 0 in the end. half_life > 0.
 */
static inline uint64_t tr_decay(uint64_t value, tr_span_ns age, tr_span_ns half_life)
{
	/* Most of what is asked for was never there. */
	if (value == 0)
		return 0;

	/* In 1/2^16 of a step. */
	uint64_t place = tr_mul_div(age, (uint64_t)TR_DECAY_STEPS << 16, half_life);
	uint64_t halvings = place / ((uint64_t)TR_DECAY_STEPS << 16);
	uint64_t step = (place >> 16) % TR_DECAY_STEPS, within = place & 0xffff;

	if (halvings >= 64)
		return 0;

	uint64_t high = tr_decay_table[step], low = tr_decay_table[step + 1];
	uint64_t factor = high - ((high - low) * within >> 16);

	return (uint64_t)(((tr_u128)value * factor) >> 32) >> halvings;
}

#endif
