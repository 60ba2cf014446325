/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer log-linear histogram (the layout of HdrHistogram, Tene 2012): each power of two is cut
 * into 2^TR_HISTOGRAM_BITS equal cells, so a quantile is off by at most 1/2^TR_HISTOGRAM_BITS of
 * its value. Merging two is adding their cells, in any order.
 */
#ifndef TR_ENGINE_HISTOGRAM_H
#define TR_ENGINE_HISTOGRAM_H

#include "engine/base.h"

#define TR_HISTOGRAM_BITS 7
/* Values up to 2^48 - 1 (78 hours in ns); larger ones count as that. */
#define TR_HISTOGRAM_TOP   48
#define TR_HISTOGRAM_CELLS ((TR_HISTOGRAM_TOP - TR_HISTOGRAM_BITS + 1) << TR_HISTOGRAM_BITS)

/* All zeroes is an empty histogram. */
struct tr_histogram {
	uint64_t count;
	uint64_t sum; /* saturates */
	uint64_t max; /* exact */
	uint64_t cells[TR_HISTOGRAM_CELLS];
};

/* Count a value; one of 2^TR_HISTOGRAM_TOP and more falls into the last cell, its max stays exact.
 */
void tr_histogram_add(struct tr_histogram *histogram, uint64_t value);
/* Count everything that `from` counted. */
void tr_histogram_merge(struct tr_histogram *into, const struct tr_histogram *from);
/* The smallest recorded cell's upper bound (never above max) with at least permyriad/10000 of the
 * values at or below it; 0 when empty. permyriad 0..10000: 9500 is p95. */
uint64_t tr_histogram_quantile(const struct tr_histogram *histogram, uint32_t permyriad);

#endif
