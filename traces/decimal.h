/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and times written as text, taken straight to integers: no floating point in between, so
 * the same text is the same number on every machine.
 */
#ifndef TR_TRACES_DECIMAL_H
#define TR_TRACES_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base.h"

/* Times of a trace end here: half of what 64 bits hold, the year 2262. */
#define TR_TRACE_TIME_MAX (UINT64_MAX / 2)

/*
 * A decimal such as 12, 0.20793754160099873, 1e-05 or 3.0E+2 as an integer in units of 10^-scale,
 * rounded to the nearest, halves up. *ret_exact (may be NULL) says whether nothing was lost.
 * Returns 0, or -1: not a decimal, negative, or above `max`. scale 0..18. O(length).
 */
int tr_decimal_parse(const char *text, size_t length, unsigned scale, uint64_t max, uint64_t *ret,
		     bool *ret_exact);

/*
 * A date and time of day such as 2023-11-16 18:17:03.9799600 as ns since the epoch. 'T' may stand
 * for the blank; the fraction may be absent; Z, +00:00 or another offset may follow, UTC is taken
 * without one. Returns 0, or -1: not of this form, no such day, before 1970 or after 2261.
 */
int tr_clock_parse(const char *text, size_t length, tr_time_ns *ret);

/* "2023-11-16 18:17:03.9799600": seven digits where they suffice, else nine. Returns text, which
 * has room for TR_CLOCK_TEXT_MAX bytes. */
#define TR_CLOCK_TEXT_MAX 40
const char *tr_clock_format(tr_time_ns time, char text[TR_CLOCK_TEXT_MAX]);

#endif
