/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for assertions and findings; inside sim/scenario/.
 */
#ifndef TR_SIM_SCENARIO_FINDING_H
#define TR_SIM_SCENARIO_FINDING_H

#include "engine/policy/number.h"
#include "sim/scenario/assert.h"
#include "sim/scenario/assertion.h"

/* Add to a text, as far as there is room. */
void tr_say(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Millionths as a decimal that can be told from the number that it stands beside. */
const char *tr_number_say(uint64_t number, uint64_t beside, char text[TR_NUMBER_TEXT_MAX]);

/* Add "ttft_p95_ms{class=interactive} from 60 s to 120 s". `about`, `window`: NULL: none. */
void tr_subject_say(const char *what, const struct tr_draft_about *about,
		    const struct tr_draft_window *window, char *text, size_t size);

#endif
