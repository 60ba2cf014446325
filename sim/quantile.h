/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random variates from tables of integers, so that every compiler and machine draws the same ones:
 * libm differs between machines in the last digit, and a last digit decides who arrives first.
 *
 * A table holds quantiles at unevenly spaced probabilities with straight lines between them. With v
 * the probability of the nearer tail (below the median that of being smaller, above it that of
 * being larger), [2^-1 > v >= 2^-17] is cut into 16 octaves of 16 cells each; the last cell, v <
 * 2^-17, ends at a finite value that gives it the mean of the whole tail behind it. So the tail is
 * cut at probabilities of 2^-17, where a straight line replaces it: extremes beyond one in a
 * million are not drawn, the mean is exact, variances are within 0.1%.
 *
 * The gamma distribution stands in a fixed set of shapes with mean 1: gaps between arrivals with
 * shape 1 are a Poisson process; the coefficient of variation is 1/sqrt(shape).
 */
#ifndef TR_SIM_QUANTILE_H
#define TR_SIM_QUANTILE_H

#include "engine/base.h"

#define TR_QUANTILE_OCTAVES   16
#define TR_QUANTILE_CELL_BITS 4
#define TR_QUANTILE_CELLS     (1 << TR_QUANTILE_CELL_BITS)
/* Of one half, from the end of its tail to the median. */
#define TR_QUANTILE_KNOTS (TR_QUANTILE_OCTAVES * TR_QUANTILE_CELLS + 2)

/* X(name, shape as written in a scenario) */
#define TR_GAMMA_MAP(X)                                                                            \
	X(0_1, "0.1")                                                                              \
	X(0_25, "0.25")                                                                            \
	X(0_5, "0.5")                                                                              \
	X(1, "1")                                                                                  \
	X(2, "2")                                                                                  \
	X(4, "4")                                                                                  \
	X(16, "16")

enum tr_gamma {
#define X(name, text) TR_GAMMA_##name,
	TR_GAMMA_MAP(X)
#undef X
	TR_GAMMA_COUNT
};

/* [shape][0: below, 1: above the median][from the end of the tail], units of 2^-24. */
extern const uint32_t tr_gamma_knots[TR_GAMMA_COUNT][2][TR_QUANTILE_KNOTS];

/* A variate with mean 1 from 64 uniform bits, in units of 2^-32. */
uint64_t tr_gamma_variate(enum tr_gamma shape, uint64_t bits);

/* The exponential distribution is the gamma distribution with shape 1. */
static inline uint64_t tr_exponential_variate(uint64_t bits)
{
	return tr_gamma_variate(TR_GAMMA_1, bits);
}

/* mean * variate, rounded down; saturates. */
static inline uint64_t tr_variate_scale(uint64_t mean, uint64_t variate)
{
	tr_u128 product = (tr_u128)mean * variate >> 32;

	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

/* A distribution of token counts: values at given cumulative probabilities, straight lines between,
 * rounded to the nearest count, which leaves the mean that of the lines. */
#define TR_SIZES_MAX 8

struct tr_sizes {
	uint32_t count; /* 1..TR_SIZES_MAX; 1: a constant */
	struct {
		uint32_t share; /* cumulative, of 10^6; the first 0, the last 10^6, increasing */
		uint32_t value; /* not decreasing */
	} knots[TR_SIZES_MAX];
};

/* A size from 64 uniform bits. */
uint32_t tr_sizes_variate(const struct tr_sizes *sizes, uint64_t bits);

#endif
