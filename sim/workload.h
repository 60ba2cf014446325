/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks for how much, when: the door through which requests come into a simulation, and the
 * synthetic source behind it. Traces come through the same door (sim/replayed.h); the core of the
 * simulator knows neither files nor readers.
 */
#ifndef TR_SIM_WORKLOAD_H
#define TR_SIM_WORKLOAD_H

#include "engine/message.h"
#include "sim/arrival.h"
#include "sim/prompts.h"
#include "sim/server/prompt.h"

struct tr_diagnostic;

/* One request. tokens_out is the truth that only the simulated server may know. */
struct tr_arrival {
	tr_time_ns time; /* since the epoch; not before the last one's */
	uint32_t tokens_in;
	uint32_t tokens_out; /* >= 1 */
	bool failed; /* its source saw it fail: the first attempt fails before the first token */
	uint8_t prefix_count;
	uint16_t flags; /* enum tr_submit_flag */
	uint32_t prefix_blocks;
	tr_name tenant; /* 0: not given, for each */
	tr_name session;
	tr_name model;
	tr_name intent;
	tr_name class_name;
	tr_name profile;
	uint64_t prefix[TR_PREFIX_MAX];
	/* Texts of the names that come from the source, NULL: none. They live until the next call.
	 */
	const char *tenant_text;
	const char *session_text;
	const char *model_text;
	/* All of the prompt's blocks; they live until the next call, who wants them longer copies.
	 */
	struct tr_prompt prompt;
};

struct tr_workload {
	/* The next request in order of time. Returns 1 and *ret, 0 at the end, -1 and a diagnostic.
	 */
	int (*next)(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic);
	void *self;
};

/* The epoch of workloads without dates: 2024-01-01T00:00:00Z, a Monday. */
#define TR_WORKLOAD_EPOCH (UINT64_C(1704067200) * TR_SECOND)
/* A synthetic workload is not longer than ten years. */
#define TR_WORKLOAD_SPAN_MAX (UINT64_C(3650) * TR_DAY)

/* One of the names that requests are given. */
struct tr_workload_share {
	const char *text;
	tr_name name;
	uint32_t weight; /* share of the requests, > 0 */
};

/* What is given to requests whose source names none of it. */
struct tr_workload_labels {
	const struct tr_workload_share *tenants;  /* drawn by weight; NULL: none */
	const struct tr_workload_share *profiles; /* the same */
	const struct tr_workload_share *intents;  /* the same, for requests without one */
	const struct tr_workload_share *sessions; /* drawn evenly, whatever their weights */
	uint32_t tenant_count;
	uint32_t profile_count;
	uint32_t intent_count;
	uint32_t session_count;
	uint16_t flags; /* given to all: enum tr_submit_flag */
	tr_name model;	/* 0: none, for each */
	tr_name intent;
	tr_name class_name;
	const char *model_text;
};

/* Label a request. What is drawn is drawn under the request's number, each for itself, so that more
 * profiles move no request to another tenant. O(tenants + profiles + intents). */
void tr_workload_label(const struct tr_workload_labels *labels, uint64_t seed, uint64_t number,
		       struct tr_arrival *arrival);

struct tr_synthetic_options {
	uint64_t seed;
	tr_time_ns start;
	struct tr_process process;
	struct tr_sizes tokens_in;
	struct tr_sizes tokens_out;
	uint64_t requests_max; /* at most so many, 0: no limit */
	tr_span_ns duration;   /* none at or after start + duration, 0: no limit */
	struct tr_workload_labels labels;
	struct tr_prompts_options prompts;
};

struct tr_synthetic {
	struct tr_synthetic_options options;
	struct tr_process_clock clock;
	struct tr_prompts prompts;
	uint64_t requests;
};

/* Sizes shaped like a coding service's (quantiles of the Azure LLM inference trace 2023, code). */
extern const struct tr_sizes tr_sizes_in_default;
extern const struct tr_sizes tr_sizes_out_default;

/* requests_max or duration must be given. */
void tr_synthetic_init(struct tr_synthetic *ret, const struct tr_synthetic_options *options);
struct tr_workload tr_synthetic_workload(struct tr_synthetic *synthetic);

#endif
