/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tailrace calibrate` shows, as a text and as JSON.
 */
#ifndef TR_CLI_CALIBRATE_H
#define TR_CLI_CALIBRATE_H

#include <jansson.h>

#include "sim/calibrate/verdict.h"

/* Rows that were compared: the fitted ones, or those behind them. */
struct tr_calibration_part {
	uint32_t from;
	uint32_t to;	     /* not among them; equal: there are none */
	uint32_t impossible; /* rows that never fit into the KV memory, and were left out */
	struct tr_score scores[TR_MEASURE_COUNT];
};

enum {
	TR_CALIBRATION_FITTED,
	TR_CALIBRATION_UNSEEN,
	TR_CALIBRATION_PARTS
};

struct tr_calibration {
	const char *path;
	const struct tr_measured *measured;
	struct tr_fit_result fit;
	struct tr_calibration_part parts[TR_CALIBRATION_PARTS];
	unsigned verdict_count;
	struct tr_verdict verdicts[TR_VERDICTS_MAX];
};

/* On standard output. */
void tr_calibration_print(const struct tr_calibration *calibration);
/* NULL: no memory. */
json_t *tr_calibration_json(const struct tr_calibration *calibration);

#endif
