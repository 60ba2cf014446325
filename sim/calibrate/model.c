/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the numbers of a fit to those of a server.
 */
#include "sim/calibrate/model.h"

#define FS_PER_SECOND 1e15

/* To five digits, which is more than any fit knows. */
static uint64_t rounded(uint64_t value)
{
	uint64_t unit = 1;

	while (value / unit >= 100000)
		unit *= 10;
	return (value + unit / 2) / unit * unit;
}

/* To the nearest, within what a profile takes. Not a number is the least. */
static uint64_t femtoseconds(double seconds, uint64_t least, uint64_t most)
{
	double fs = seconds * FS_PER_SECOND + 0.5;

	if (!(fs > (double)least))
		return least;
	return fs < (double)most ? rounded((uint64_t)fs) : most;
}

void tr_fit_profile(const struct tr_fit_model *model, struct tr_batch_profile *ret)
{
	*ret = (struct tr_batch_profile){
		.sequences = (uint32_t)tr_min(model->sequences, model->batch_tokens),
		.batch_tokens = model->batch_tokens,
		.block_tokens = TR_FIT_BLOCK_TOKENS,
		.kv_blocks = model->kv_blocks,
		.order = TR_BATCH_ORDER_FIFO,
		.steps_ahead = (uint8_t)model->steps_ahead,
		.prefix_cache = true,
		.cost.first_tokens = model->first_tokens,
	};
#define X(NAME, work, field, text)                                                                 \
	ret->cost.field = femtoseconds(model->terms[TR_TERM_##NAME], 0, TR_BATCH_TOKEN_FS_MAX);
	TR_TERM_MAP(X)
#undef X
	/* A microsecond, for a step of no time would not end. */
	ret->cost.step_fs =
		femtoseconds(model->terms[TR_TERM_STEP], 1000000000, TR_BATCH_STEP_FS_MAX);
}

void tr_fit_regressors(const struct tr_batch_work *work, double ret[TR_TERM_COUNT])
{
#define X(NAME, field, cost, text) ret[TR_TERM_##NAME] = (double)work->field;
	TR_TERM_MAP(X)
#undef X
}
