/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to requests. A time below one year since the epoch cannot be a date of any trace, so it
 * counts from the trace's own zero.
 */
#include "sim/replayed.h"

#include <string.h>

#include "sim/prefix.h"

#define YEAR (UINT64_C(365) * TR_DAY)

void tr_replayed_init(struct tr_replayed *ret, struct tr_trace *trace,
		      const struct tr_replayed_options *options)
{
	memset(ret, 0, sizeof *ret);
	ret->options = *options;
	ret->trace = trace;
}

static uint32_t output_of(struct tr_replayed *replayed)
{
	const struct tr_trace_row *row = &replayed->row;

	if (row->failed) {
		uint64_t mean = replayed->outputs ? replayed->output_sum / replayed->outputs : 1;

		return (uint32_t)tr_max(mean, 1);
	}
	replayed->outputs++;
	replayed->output_sum += row->tokens_out;
	return row->tokens_out;
}

static tr_name name_of(const char *text)
{
	return text[0] ? tr_name_of(text, strlen(text)) : 0;
}

static const char *text_of(const char *text)
{
	return text[0] ? text : NULL;
}

static int replayed_next(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_replayed *replayed = self;
	const struct tr_replayed_options *options = &replayed->options;
	const struct tr_trace_row *row = &replayed->row;
	int got;

	if (options->requests_max && replayed->requests == options->requests_max)
		return 0;
	got = tr_trace_next(replayed->trace, &replayed->row, ret_diagnostic);
	if (got <= 0)
		return got;
	if (replayed->requests == 0) {
		replayed->offset = row->arrival < YEAR ? TR_WORKLOAD_EPOCH : 0;
		replayed->first = row->arrival;
	}
	if (options->duration && row->arrival - replayed->first >= options->duration)
		return 0;
	replayed->requests++;
	*ret = (struct tr_arrival){
		.time = tr_add_sat(row->arrival, replayed->offset),
		.tokens_in = row->tokens_in,
		.tokens_out = output_of(replayed),
		.failed = row->failed,
		.tenant = name_of(row->tenant),
		.session = name_of(row->session),
		.model = name_of(row->model),
		.tenant_text = text_of(row->tenant),
		.session_text = text_of(row->session),
		.model_text = text_of(row->model),
	};
	tr_workload_label(&options->labels, options->seed, replayed->requests, ret);
	tr_prefix_give(replayed->row.blocks, row->block_count, row->block_tokens, ret);
	return 1;
}

struct tr_workload tr_replayed_workload(struct tr_replayed *replayed)
{
	return (struct tr_workload){.next = replayed_next, .self = replayed};
}
