/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as a workload: rows become requests.
 *
 * Times are the trace's own where it has dates; where it counts from its own zero, that zero is
 * TR_WORKLOAD_EPOCH. A row that its trace calls failed fails at the first attempt too; what a later
 * attempt of it would have answered nobody has seen, so it gets the mean output of the rows before.
 */
#ifndef TR_SIM_REPLAYED_H
#define TR_SIM_REPLAYED_H

#include "sim/workload.h"
#include "traces/trace.h"

struct tr_replayed_options {
	uint64_t seed;
	uint64_t requests_max; /* at most so many, 0: all */
	tr_span_ns duration;   /* none at or after the first + duration, 0: all */
	struct tr_workload_labels labels;
};

struct tr_replayed {
	struct tr_replayed_options options;
	struct tr_trace *trace; /* the caller's */
	tr_span_ns offset;
	tr_time_ns first;
	uint64_t requests;
	uint64_t outputs; /* rows whose output is known, and the sum of it */
	uint64_t output_sum;
	struct tr_trace_row row;
};

void tr_replayed_init(struct tr_replayed *ret, struct tr_trace *trace,
		      const struct tr_replayed_options *options);
struct tr_workload tr_replayed_workload(struct tr_replayed *replayed);

#endif
