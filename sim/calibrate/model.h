/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batching server as a fit sees it: a few whole numbers that say who is in a step, and the parts
 * of a step's time, which the time is linear in.
 *
 * Here, and nowhere else in sim/, numbers are floating point: addition to division and the square
 * root alone, which IEEE 754 defines to the bit, so that a fit is the same on every machine.
 * Nothing of it gets out but rounded.
 */
#ifndef TR_SIM_CALIBRATE_MODEL_H
#define TR_SIM_CALIBRATE_MODEL_H

#include "sim/server/batch.h"

/* The parts of a step's time. X(NAME, field of tr_batch_work, field of tr_batch_cost, text) */
#define TR_TERM_MAP(X)                                                                             \
	X(STEP, steps, step_fs, "step")                                                            \
	X(PREFILL, prefill_tokens, prefill_token_fs, "prompt token")                               \
	X(SEQUENCE, sequences, sequence_fs, "sequence that decodes")                               \
	X(CONTEXT, context_tokens, context_token_fs, "token of their contexts")                    \
	X(MIXED, mixed_context_tokens, mixed_context_token_fs, "the same beside a prompt, more")   \
	X(PAIR, prefill_pairs, prefill_pair_fs, "pair of prompt tokens")                           \
	X(FIRST, first_tokens, first_token_fs, "each of the first tokens of a step")

enum tr_term {
#define X(NAME, work, cost, text) TR_TERM_##NAME,
	TR_TERM_MAP(X)
#undef X
	TR_TERM_COUNT
};

/* Tokens of a step that TR_TERM_FIRST counts, to begin with. */
#define TR_FIT_FIRST_TOKENS 32
/* What vLLM uses, and nothing in the rows tells. */
#define TR_FIT_BLOCK_TOKENS 16

struct tr_fit_model {
	uint32_t sequences; /* TR_FIT_OPEN: as many as come */
	uint32_t batch_tokens;
	uint32_t kv_blocks;   /* 0: never full */
	uint32_t steps_ahead; /* 0 or 1 */
	uint32_t first_tokens;
	double terms[TR_TERM_COUNT]; /* seconds */
};

#define TR_FIT_OPEN 1024

void tr_fit_profile(const struct tr_fit_model *model, struct tr_batch_profile *ret);
/* Sums of work as the regressors of a time. */
void tr_fit_regressors(const struct tr_batch_work *work, double ret[TR_TERM_COUNT]);

/* Nanoseconds as seconds. */
static inline double tr_fit_seconds(tr_time_ns time)
{
	return (double)time / 1e9;
}

#endif
