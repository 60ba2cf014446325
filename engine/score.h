/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of a score: what speaks against a candidate. */
#ifndef TR_ENGINE_SCORE_H
#define TR_ENGINE_SCORE_H

#include "engine/choice.h"

/* Fill the raw values of a candidate, in units of each term, and keep the worst of all so far. */
void tr_score(struct tr_choosing *d, struct tr_choice *c);

/* A term's weighted penalty, 0..1000: its raw value against the worst candidate's. After all
 * candidates have been scored. */
uint16_t tr_score_penalty(const struct tr_choosing *d, const struct tr_choice *c, int term);

#endif
