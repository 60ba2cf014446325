/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes of a fit: the profile as text, and what the rows cannot tell, with the reason.
 */
#ifndef TR_SIM_CALIBRATE_VERDICT_H
#define TR_SIM_CALIBRATE_VERDICT_H

#include "engine/policy/text.h"
#include "sim/calibrate/fit.h"

#define TR_VERDICTS_MAX 24

/* Something that is not known. */
struct tr_verdict {
	const char *key; /* of the profile: "kv_blocks"; or of the rows: "scheduled_ts" */
	char why[320];
};

/* Returns how many there are, at most TR_VERDICTS_MAX. */
unsigned tr_fit_verdicts(const struct tr_measured *measured, const struct tr_fit_result *result,
			 struct tr_verdict ret[TR_VERDICTS_MAX]);

/* The key of a term in a profile: "base_us". */
const char *tr_term_key(enum tr_term term);
/* Its value as a profile has it, in the key's unit. Returns text, TR_NUMBER_TEXT_MAX bytes. */
const char *tr_term_text(const struct tr_fit_model *model, enum tr_term term, char *text);

/* A profile file, which tr_profile_load() reads. `title`, `source`: one line each. */
void tr_fit_profile_text(const struct tr_fit_result *result, const char *title, const char *source,
			 const struct tr_verdict *verdicts, unsigned verdict_count,
			 struct tr_text *text);

#endif
