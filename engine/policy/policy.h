/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy: what the loader makes of a policy file and the engine copies at load.
 *
 * Rows of every table are sorted by name bytes (the loader does that), so the order of a file
 * changes nothing. References between rows are indexes; TR_NONE is "none". Everything is an
 * integer: spans in nanoseconds, money in micro-USD, shares in per mille or percent as the field
 * says.
 *
 * This header is the only thing in engine/policy/ that engine/ may include. Names' texts stay with
 * the loader (engine/policy/load.h): the engine knows names by hash alone.
 */
#ifndef TR_ENGINE_POLICY_H
#define TR_ENGINE_POLICY_H

#include "engine/base.h"

/* Hard caps of one policy. A file beyond them is a load error. */
#define TR_POLICY_MODELS_MAX	256
#define TR_POLICY_ENDPOINTS_MAX 1024
#define TR_POLICY_CLASSES_MAX	16
#define TR_POLICY_TENANTS_MAX	4096
/* Tenants an engine can know: those of the policy, and as many that no policy names. */
#define TR_ENGINE_TENANTS_MAX	 (2 * TR_POLICY_TENANTS_MAX)
#define TR_POLICY_STRATEGIES_MAX 64
#define TR_POLICY_INTENTS_MAX	 64
#define TR_POLICY_ALIASES_MAX	 256
#define TR_POLICY_CHAIN_MAX	 8   /* a model and its fallbacks */
#define TR_POLICY_POOL_MAX	 256 /* endpoints of one model */

/* What a request may need and a model may offer; bits of `needs` and `capabilities`.
 *   X(name, bit, text) */
#define TR_CAPABILITY_MAP(X)                                                                       \
	X(TOOLS, 0, "tool calls")                                                                  \
	X(JSON, 1, "JSON mode and response schemas")                                               \
	X(VISION, 2, "image input")                                                                \
	X(AUDIO, 3, "audio input or output")                                                       \
	X(EMBEDDING, 4, "embeddings")                                                              \
	X(LOGPROBS, 5, "log probabilities")

enum tr_capability {
#define X(name, bit, text) TR_CAPABILITY_##name = 1u << (bit),
	TR_CAPABILITY_MAP(X)
#undef X
};

/* How a strategy picks among the candidates that passed the filters.
 *   X(name, yaml, text) */
#define TR_PICKER_MAP(X)                                                                           \
	X(LEAST_OUTSTANDING, "least-outstanding", "fewest attempts in flight per slot")            \
	X(BEST_SCORE, "best-score", "smallest weighted penalty")                                   \
	X(ROUND_ROBIN, "round-robin", "the candidate that waited longest for its turn")            \
	X(RANDOM, "random", "any candidate, drawn by job id and attempt")

/* The terms of a score; each is a penalty of 0..1000, relative to the worst candidate.
 *   X(name, yaml, text) */
#define TR_TERM_MAP(X)                                                                             \
	X(LATENCY, "latency", "predicted time to the last token")                                  \
	X(COST, "cost", "predicted price of the request")                                          \
	X(QUALITY, "quality", "how far the model's quality is below the best candidate's")         \
	X(LOAD, "load", "share of the endpoint's slots in use")

/* What a full queue does with one more job. X(name, yaml, text) */
#define TR_FULL_MAP(X) X(REJECT, "reject", "the new job is refused with QUEUE_FULL")

#define X(name, ...) TR_PICKER_##name,
enum tr_picker {
	TR_PICKER_MAP(X) TR_PICKER_COUNT
};
#undef X
#define X(name, ...) TR_TERM_##name,
enum tr_term {
	TR_TERM_MAP(X) TR_TERM_COUNT
};
#undef X
#define X(name, ...) TR_FULL_##name,
enum tr_full {
	TR_FULL_MAP(X) TR_FULL_COUNT
};
#undef X

/* A set of models, one bit a row. */
struct tr_model_set {
	uint64_t bits[TR_POLICY_MODELS_MAX / 64];
};

struct tr_policy_model {
	tr_name name;
	uint64_t price_in;	 /* micro-USD per million input tokens, 0..10^12 */
	uint64_t price_out;	 /* micro-USD per million output tokens, 0..10^12 */
	uint32_t context_tokens; /* input + output, 1..2^31-1 */
	uint32_t output_tokens;	 /* predicted output where a request declares no maximum */
	uint32_t capabilities;	 /* bits of enum tr_capability */
	uint32_t quality;	 /* 0..1000, higher is better */
	uint32_t first_endpoint; /* row of the model's first endpoint; its endpoints are adjacent */
	uint32_t endpoint_count; /* 1..TR_POLICY_POOL_MAX */
	uint32_t chain_count;	 /* 1..TR_POLICY_CHAIN_MAX */
	uint32_t chain[TR_POLICY_CHAIN_MAX]; /* rows of models in order of trial; chain[0] is itself
					      */
};

/* Sorted by (model, name). A name is unique in the whole policy. */
struct tr_policy_endpoint {
	tr_name name;
	uint32_t model;		      /* row */
	uint32_t slots;		      /* attempts at once, 1..65535 */
	uint32_t requests_per_minute; /* 0: no limit */
	uint64_t tokens_per_minute;   /* 0: no limit */
};

struct tr_policy_class {
	tr_name name;
	tr_span_ns queue_timeout_ns; /* 0: none */
	uint32_t priority;	     /* 0..1000, higher goes first */
	uint32_t floor_percent; /* guaranteed share of dispatches while backlogged; sum <= 100 */
	uint32_t queue_limit;	/* waiting jobs of the class per model, 1..2^24 */
	uint32_t full;		/* enum tr_full */
};

struct tr_policy_tenant {
	tr_name name;
	uint32_t weight_milli;		   /* share of service, thousandths, 1..10^6 */
	uint32_t max_concurrent;	   /* running jobs, 0: no limit */
	uint32_t requests_per_minute;	   /* 0: no limit */
	uint32_t strategy;		   /* row, TR_NONE: by intent */
	uint64_t tokens_per_minute;	   /* 0: no limit */
	uint64_t budget_micro_usd_per_day; /* 0: no limit */
	struct tr_model_set models;	   /* models it may use */
};

struct tr_policy_strategy {
	tr_name name;
	uint32_t picker;		 /* enum tr_picker */
	uint32_t weights[TR_TERM_COUNT]; /* 0..1000 each */
};

struct tr_policy_intent {
	tr_name name;
	tr_span_ns deadline_ns;	    /* given to jobs that bring none; 0: none */
	tr_span_ns deadline_ns_max; /* longer ones are cut to this; 0: no cut */
	uint32_t class_row;
	uint32_t strategy;  /* row */
	uint8_t cancelable; /* the client may cancel */
	uint8_t hedge;	    /* hedging permitted */
	uint8_t strict;	    /* only the named model, no fallback */
	uint8_t reserved;
};

struct tr_policy_alias {
	tr_name name;
	uint32_t model; /* row */
	uint32_t reserved;
};

struct tr_policy_breaker {
	tr_span_ns window_ns; /* sliding window, TR_BREAKER_BUCKETS buckets */
	tr_span_ns open_ns;   /* first cool-down; doubles at each trip in a row */
	tr_span_ns open_ns_max;
	tr_span_ns heal_ns;	/* closed for so long: the cool-down starts small again */
	uint32_t requests_min;	/* in the window before the rate counts */
	uint32_t error_percent; /* 1..100 */
	uint32_t consecutive;	/* faults in a row that trip at once; 0: off */
	uint32_t probes;	/* attempts at once while half-open */
	uint32_t successes;	/* probes that must succeed to close */
	uint32_t eject_percent; /* share of a pool that may be out at once, 0..100 */
};

struct tr_policy_retry {
	tr_span_ns backoff_ns; /* first back-off; full jitter */
	tr_span_ns backoff_ns_max;
	tr_span_ns retry_after_ns_max; /* longest pause an endpoint may ask for; more is cut */
	uint32_t attempts;	       /* retries after the first attempt, 0..16 */
	uint32_t reserved;
};

struct tr_policy_hedge {
	tr_span_ns delay_ns; /* silence before a second attempt; 0: no hedging */
	uint32_t attempts;   /* extra attempts of a job, 0..3 */
	uint32_t reserved;
};

struct tr_policy_timeouts {
	tr_span_ns connect_ns; /* 0: none, for each */
	tr_span_ns headers_ns;
	tr_span_ns first_token_ns;
	tr_span_ns between_tokens_ns;
	tr_span_ns total_ns; /* of the job, from its admission */
};

struct tr_policy_limits {
	uint32_t tokens_in;  /* longest input */
	uint32_t tokens_out; /* largest declared output */
};

struct tr_policy_slo {
	tr_span_ns ttft_ns; /* 0: not part of the objective, for each */
	tr_span_ns tpot_ns;
	tr_span_ns e2e_ns;
};

/* The whole, pointing into memory of the loader; the engine copies all of it. */
struct tr_policy {
	uint64_t id; /* XXH3-64 of the canonical form, never 0 */
	uint32_t model_count;
	uint32_t endpoint_count;
	uint32_t class_count;
	uint32_t tenant_count;
	uint32_t strategy_count;
	uint32_t intent_count;
	uint32_t alias_count;
	uint32_t default_tenant; /* row used by tenants that have none of their own */
	uint32_t default_intent; /* row for jobs that name no intent */
	uint32_t default_model;	 /* row for jobs that name no model, TR_NONE: refused */
	uint32_t unknown_model;	 /* row for unknown names (alias "*"), TR_NONE: refused */
	uint32_t reserved;
	const struct tr_policy_model *models;
	const struct tr_policy_endpoint *endpoints;
	const struct tr_policy_class *classes;
	const struct tr_policy_tenant *tenants;
	const struct tr_policy_strategy *strategies;
	const struct tr_policy_intent *intents;
	const struct tr_policy_alias *aliases;
	struct tr_policy_breaker breaker;
	struct tr_policy_retry retry;
	struct tr_policy_hedge hedge;
	struct tr_policy_timeouts timeouts;
	struct tr_policy_limits limits;
	struct tr_policy_slo slo;
};

#endif
