/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of a score: what speaks against a candidate. */
#ifndef TR_ENGINE_SCORE_H
#define TR_ENGINE_SCORE_H

#include "engine/choice.h"

/* Fill the raw values of all eligible, in units of each term, and the worst of each: those terms
 * that the strategy gives a weight. */
void tr_score(struct tr_choosing *d);

/* A term's weighted penalty, 0..1000: its raw value against the worst candidate's. After
 * tr_score(). */
uint16_t tr_score_penalty(const struct tr_choosing *d, const struct tr_choice *c, int term);

/* Predicted time to the job's last token at a candidate: its means, and as much again for each time
 * its slots are full. 0: nothing measured. */
tr_span_ns tr_score_latency(const struct tr_choosing *d, const struct tr_choice *c);

#endif
