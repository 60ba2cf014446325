/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that were measured, sent to a simulated server at given times.
 */
#ifndef TR_SIM_CALIBRATE_PLAY_H
#define TR_SIM_CALIBRATE_PLAY_H

#include "sim/calibrate/measured.h"
#include "sim/calibrate/model.h"

struct tr_play_entry {
	tr_time_ns at;
	uint32_t tokens_in;
	uint32_t tokens_out;
};

struct tr_played {
	bool done; /* false: it can never fit into the KV memory, and was not sent */
	tr_time_ns queued;
	tr_time_ns scheduled;
	tr_time_ns first;
	tr_time_ns last;
	/* The server's work up to these instants. */
	struct tr_batch_work work_scheduled;
	struct tr_batch_work work_first;
	struct tr_batch_work work_last;
};

/* How fast tokens came, as it was measured: from `at` on one each `seconds`. */
struct tr_pace {
	tr_time_ns at;
	double seconds;
};

struct tr_paces {
	struct tr_pace *items; /* in order of time, the first at 0 */
	uint32_t count;
	double least; /* of them */
};

/*
 * Play to the end. entries[i] becomes ret[i]; their times are in any order, equal ones as they
 * stand. With `paces` a step takes what was measured at its time, whatever the model's terms say.
 * Returns 0, or -1 if there is no memory.
 */
int tr_play(const struct tr_fit_model *model, const struct tr_play_entry *entries, uint32_t count,
	    const struct tr_paces *paces, struct tr_played *ret);

/*
 * The measured pace: between any two ends of answers the median of what the requests took per
 * token that were answered then; where none was, the median of all. 0, or -1: no memory.
 */
int tr_paces_measure(const struct tr_measured_row *rows, uint32_t count, struct tr_paces *ret);
void tr_paces_done(struct tr_paces *paces);

#endif
