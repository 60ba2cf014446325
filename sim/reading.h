/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a value is read from: between sim/measure.c, which keeps the columns, and sim/value.c, which
 * knows how each value is made of one.
 */
#ifndef TR_SIM_READING_H
#define TR_SIM_READING_H

#include "sim/tally.h"

struct tr_reading {
	const struct tr_tally *tally;
	const struct tr_tally *everybody; /* of the same window; for shares */
	const struct tr_subject *subject; /* reasons that are asked for */
	uint64_t slots;			  /* of the endpoints that are meant */
	tr_span_ns span;		  /* of the window that the run has covered */
};

#endif
