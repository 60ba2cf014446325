/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario file as it is read, before it is checked: what sim/scenario/vocabulary.c fills.
 */
#ifndef TR_SIM_SCENARIO_VOCABULARY_H
#define TR_SIM_SCENARIO_VOCABULARY_H

#include "sim/scenario/assertion.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/vocabulary_faults.h"

/* Each may be left out, for there are layers of them. */
#define TR_PROFILE_FIELDS_MAP(X)                                                                   \
	X(slots)                                                                                   \
	X(connect_ns)                                                                              \
	X(ttft_base_ns)                                                                            \
	X(prefill_milli)                                                                           \
	X(tpot_ns)                                                                                 \
	X(service_noise_permille)                                                                  \
	X(endpoint_noise_permille)                                                                 \
	X(error_ppm)                                                                               \
	X(workers)                                                                                 \
	X(inside_max)                                                                              \
	X(full_status)                                                                             \
	X(full_retry_ns)                                                                           \
	X(limit_requests)                                                                          \
	X(limit_tokens)                                                                            \
	X(limit_interval)                                                                          \
	X(limit_reported)                                                                          \
	X(headers)

/* The same of what batches. X(name, member of struct tr_batch_profile) */
#define TR_BATCHING_FIELDS_MAP(X)                                                                  \
	X(sequences, sequences)                                                                    \
	X(batch_tokens, batch_tokens)                                                              \
	X(kv_blocks, kv_blocks)                                                                    \
	X(block_tokens, block_tokens)                                                              \
	X(kv_watermark, kv_watermark)                                                              \
	X(prefix_cache, prefix_cache)                                                              \
	X(order, order)                                                                            \
	X(steps_ahead, steps_ahead)                                                                \
	X(startup, startup_ns)                                                                     \
	X(step, cost.step_fs)                                                                      \
	X(prefill_token, cost.prefill_token_fs)                                                    \
	X(prefill_pair, cost.prefill_pair_fs)                                                      \
	X(sequence, cost.sequence_fs)                                                              \
	X(context_token, cost.context_token_fs)                                                    \
	X(mixed_context_token, cost.mixed_context_token_fs)                                        \
	X(first_token, cost.first_token_fs)                                                        \
	X(first_tokens, cost.first_tokens)

struct tr_draft_batching {
	const struct tr_node *node; /* NULL: nothing is said of it */
	struct tr_batch_profile profile;
	struct {
#define X(name, member) const struct tr_node *name;
		TR_BATCHING_FIELDS_MAP(X)
#undef X
	} given;
};

/* A profile file, or a layer of a fleet. */
struct tr_draft_profile {
	struct tr_row row;
	const char *title;
	const char *source;
	const char *path; /* of a profile file that lies under it */
	const struct tr_node *path_node;
	struct tr_draft_batching batching;
	struct tr_server_profile profile;
	struct {
#define X(field) const struct tr_node *field;
		TR_PROFILE_FIELDS_MAP(X)
#undef X
	} given; /* NULL: not */
};

/* No span of a server is longer: an hour. */
#define TR_VOCABULARY_SPAN_MS_MAX UINT64_C(3600000)

extern const struct tr_table tr_layer_table;

struct tr_scenario_fleet {
	struct tr_draft_profile all;
	struct tr_rows models;	  /* struct tr_draft_profile */
	struct tr_rows endpoints; /* struct tr_draft_profile */
	tr_span_ns signal_ns;
	tr_span_ns signal_age_ns;
	const struct tr_node *signal_age_node;
};

/* Quantiles of a token distribution; X(member, share of 10^6). */
#define TR_SIZES_FIELDS_MAP(X)                                                                     \
	X(min, 0)                                                                                  \
	X(p25, 250000)                                                                             \
	X(p50, 500000)                                                                             \
	X(p75, 750000)                                                                             \
	X(p90, 900000)                                                                             \
	X(p95, 950000)                                                                             \
	X(p99, 990000)                                                                             \
	X(max, 1000000)

struct tr_draft_sizes {
	const struct tr_node *node; /* NULL: not given at all */
	uint32_t fixed;		    /* 0: not given, for each */
#define X(member, share) uint32_t member;
	TR_SIZES_FIELDS_MAP(X)
#undef X
};

struct tr_draft_trace {
	const struct tr_node *node;
	const char *file;
	const struct tr_node *file_node;
	struct tr_trace_options options;
};

struct tr_draft_workload {
	const struct tr_node *node;
	struct tr_process process;
	const struct tr_node *burst_node;
	struct tr_draft_sizes tokens_in;
	struct tr_draft_sizes tokens_out;
	struct tr_draft_prefixes {
		const struct tr_node *node;
		struct tr_prompts_options options;
	} prefixes;
};

struct tr_draft_share {
	struct tr_row row;
	uint32_t weight;
};

struct tr_draft_labels {
	const char *model;
	const char *intent;
	const char *class_name;
	bool stream;
	bool async;
	uint32_t sessions;
	struct tr_rows tenants;	 /* struct tr_draft_share */
	struct tr_rows profiles; /* the same */
	struct tr_rows intents;	 /* the same */
};

struct tr_draft_requirement {
	struct tr_row row;
	const char *id;
};

/* `include` and `parameters` have done their work when a scenario is read by its table; they stand
 * there for who reads the page. */
struct tr_draft_file {
	struct tr_row row;
	const char *path;
};

struct tr_draft_parameter {
	struct tr_row row;
	const struct tr_node *value;
};

/* Beyond every seed: `seeds` says it, and the canonical form leaves `seed` out. */
#define TR_DRAFT_SEED_NONE UINT64_MAX

struct tr_draft_scenario {
	const char *title;
	struct tr_rows proves;	   /* struct tr_draft_requirement */
	struct tr_rows include;	   /* struct tr_draft_file */
	struct tr_rows parameters; /* struct tr_draft_parameter */
	const struct tr_node *policy;
	uint64_t seed;
	const struct tr_node *seed_node; /* NULL: not given */
	const struct tr_node *seeds;
	struct tr_draft_trace trace;
	struct tr_draft_workload workload;
	uint64_t requests;
	tr_span_ns duration_ns;
	struct tr_draft_labels labels;
	struct tr_scenario_fleet fleet;
	struct tr_rows faults; /* struct tr_draft_fault */
	tr_span_ns store_ns;
	tr_span_ns stop_ns;
	struct tr_rows assertions; /* struct tr_draft_assertion */
};

/* Take one key over, with its checks; each returns 0, or -1 and *ret_diagnostic. */
int tr_scenario_take_policy(struct tr_scenario *scenario, const struct tr_node *node,
			    struct tr_diagnostic *ret_diagnostic);
int tr_scenario_take_seeds(struct tr_scenario *scenario, struct tr_draft_scenario *draft,
			   struct tr_diagnostic *ret_diagnostic);
/* Take them into the scenario, checked but for the names of the policy. Returns 0, or -1. */
int tr_scenario_take_faults(struct tr_scenario *scenario, const struct tr_rows *drafts,
			    struct tr_diagnostic *ret_diagnostic);

#endif
