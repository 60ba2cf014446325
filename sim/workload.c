/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic requests. Every property of a request is its own keyed draw under the request's number,
 * so that changing the tenants changes no size, and changing the sizes moves no arrival.
 */
#include "sim/workload.h"

#include "engine/random.h"
#include "sim/prefix.h"

const struct tr_sizes tr_sizes_in_default = {
	5, {{0, 3}, {500000, 1469}, {900000, 5186}, {990000, 7436}, {1000000, 7437}}};
const struct tr_sizes tr_sizes_out_default = {
	5, {{0, 1}, {500000, 13}, {900000, 55}, {990000, 252}, {1000000, 1899}}};

/* A row, drawn by weight; NULL if there are none. */
static const struct tr_workload_share *draw_share(const struct tr_workload_share *rows,
						  uint32_t count, uint64_t bits)
{
	uint64_t sum = 0, place;

	for (uint32_t i = 0; i < count; i++)
		sum += rows[i].weight;
	place = tr_below(bits, sum);
	for (uint32_t i = 0; i < count; i++) {
		if (place < rows[i].weight)
			return &rows[i];
		place -= rows[i].weight;
	}
	TR_ASSERT(count == 0);
	return NULL;
}

void tr_workload_label(const struct tr_workload_labels *labels, uint64_t seed, uint64_t number,
		       struct tr_arrival *arrival)
{
	const struct tr_workload_share *row;

	arrival->flags |= labels->flags;
	if (!arrival->model) {
		arrival->model = labels->model;
		arrival->model_text = labels->model_text;
	}
	if (!arrival->intent)
		arrival->intent = labels->intent;
	if (!arrival->class_name)
		arrival->class_name = labels->class_name;
	row = draw_share(labels->tenants, labels->tenant_count,
			 tr_draw(seed, number, TR_PURPOSE_TENANT, 0));
	if (!arrival->tenant && row) {
		arrival->tenant = row->name;
		arrival->tenant_text = row->text;
	}
	row = draw_share(labels->profiles, labels->profile_count,
			 tr_draw(seed, number, TR_PURPOSE_PROFILE, 0));
	if (!arrival->profile && row)
		arrival->profile = row->name;
	row = draw_share(labels->intents, labels->intent_count,
			 tr_draw(seed, number, TR_PURPOSE_INTENT, 0));
	if (!arrival->intent && row)
		arrival->intent = row->name;
	if (!arrival->session && labels->session_count) {
		row = &labels->sessions[tr_below(tr_draw(seed, number, TR_PURPOSE_SESSION, 0),
						 labels->session_count)];
		arrival->session = row->name;
		arrival->session_text = row->text;
	}
}

void tr_synthetic_init(struct tr_synthetic *ret, const struct tr_synthetic_options *options)
{
	TR_ASSERT(options->requests_max > 0 || options->duration > 0);
	TR_ASSERT(options->tokens_in.knots[0].value > 0);
	TR_ASSERT(options->tokens_out.knots[0].value > 0);
	ret->options = *options;
	ret->requests = 0;
	tr_prompts_init(&ret->prompts, &options->prompts, options->seed);
	tr_process_start(&ret->clock, &options->process, options->seed, options->start);
}

static int synthetic_next(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_synthetic *synthetic = self;
	const struct tr_synthetic_options *options = &synthetic->options;
	uint64_t number = synthetic->requests + 1, seed = options->seed;
	tr_span_ns span = options->duration ? options->duration : TR_WORKLOAD_SPAN_MAX;
	tr_time_ns time;

	(void)ret_diagnostic;
	if (options->requests_max && synthetic->requests == options->requests_max)
		return 0;
	time = tr_process_next(&synthetic->clock, number);
	if (time - options->start >= tr_min(span, TR_WORKLOAD_SPAN_MAX))
		return 0;
	synthetic->requests = number;
	*ret = (struct tr_arrival){
		.time = time,
		.tokens_in = tr_sizes_variate(&options->tokens_in,
					      tr_draw(seed, number, TR_PURPOSE_TOKENS_IN, 0)),
		.tokens_out = tr_sizes_variate(&options->tokens_out,
					       tr_draw(seed, number, TR_PURPOSE_TOKENS_OUT, 0)),
	};
	if (options->prompts.block_tokens == 0) {
		tr_workload_label(&options->labels, seed, number, ret);
		return 1;
	}
	tr_workload_label(&options->labels, seed, tr_prompts_next(&synthetic->prompts, number, ret),
			  ret);
	tr_prefix_give(synthetic->prompts.blocks, synthetic->prompts.block_count,
		       options->prompts.block_tokens, ret);
	return 1;
}

struct tr_workload tr_synthetic_workload(struct tr_synthetic *synthetic)
{
	return (struct tr_workload){.next = synthetic_next, .self = synthetic};
}
