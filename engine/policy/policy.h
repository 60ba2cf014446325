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
#define TR_POLICY_PROFILES_MAX	 64
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
	X(RANDOM, "random", "any candidate, drawn by job id and attempt")                          \
	X(WEIGHTED, "weighted", "any candidate, drawn in proportion to the endpoints' weights")    \
	X(TWO_CHOICES, "two-choices", "the less loaded of two that are drawn")                     \
	X(PEAK_EWMA, "peak-ewma", "of two that are drawn, the smaller peak latency times load")    \
	X(PREQUAL, "prequal", "the fastest of those that are not hot, else the least loaded")      \
	X(CONSISTENT_HASH, "consistent-hash",                                                      \
	  "the first by hash of session or prefix whose load is within its bound")

/* The terms of a score; each is a penalty of 0..1000, relative to the worst candidate.
 *   X(name, yaml, text) */
#define TR_TERM_MAP(X)                                                                             \
	X(LATENCY, "latency", "the predicted time to the last token")                              \
	X(COST, "cost", "the predicted price of the request")                                      \
	X(QUALITY, "quality", "how far the model's quality is below 1000, as judged lately")       \
	X(LOAD, "load", "how full the endpoint is, by bookings and its own reports")               \
	X(TAIL, "tail", "how far the endpoint's slow requests are above the objective")            \
	X(SESSION, "session", "whether the session has a home and this is not it")                 \
	X(PREFIX, "prefix", "the share of the prompt that the endpoint has not seen lately")

/* What a full queue does with one more job. X(name, yaml, text) */
#define TR_FULL_MAP(X)                                                                             \
	X(REJECT, "reject", "the new job is refused with QUEUE_FULL")                              \
	X(DROP_LRU, "drop-lru", "the oldest waiting job of the lowest class gives up its place")   \
	X(SHED_LOW_PRIORITY, "shed-low-priority",                                                  \
	  "the newest waiting job of a lower class gives up its place, if there is one")

/* What a class may do to lower ones that are in its way. X(name, yaml, text) */
#define TR_PREEMPT_MAP(X)                                                                          \
	X(NONE, "none", "nothing: what was begun is finished first")                               \
	X(SOFT, "soft", "jobs of lower classes that wait for a retry let it go first")             \
	X(HARD, "hard", "the same, and a running job of a lower class gives up its slot")

/* What happens when the breakers of all candidates are open. X(name, yaml, text) */
#define TR_ALL_OUT_MAP(X)                                                                          \
	X(WAIT, "wait", "jobs wait until a breaker lets one through")                              \
	X(SERVE, "serve", "the one that is due back first serves, flagged in the record")

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
#define X(name, ...) TR_PREEMPT_##name,
enum tr_preempt {
	TR_PREEMPT_MAP(X) TR_PREEMPT_COUNT
};
#undef X
#define X(name, ...) TR_ALL_OUT_##name,
enum tr_all_out {
	TR_ALL_OUT_MAP(X) TR_ALL_OUT_COUNT
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
	uint32_t queue_limit;	 /* waiting jobs of all classes, 0: only the classes' own limits */
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
	uint32_t weight;	      /* share of draws, picker `weighted`, 0..1000 */
	uint32_t reserved;
};

struct tr_policy_class {
	tr_name name;
	tr_span_ns queue_timeout_ns; /* 0: none */
	uint32_t priority;	     /* 0..1000, higher goes first */
	uint32_t floor_percent; /* guaranteed share of dispatches while backlogged; sum <= 100 */
	uint32_t queue_limit;	/* waiting jobs of the class per model, 1..2^24 */
	uint32_t full;		/* enum tr_full */
	uint32_t preempt;	/* enum tr_preempt */
	uint32_t retries;	/* of one of its jobs, at most; 0..16 */
	uint32_t reserved;
	tr_span_ns sojourn_target_ns; /* shortest wait in an interval above this: shed; 0: never */
	tr_span_ns sojourn_interval_ns;
};

struct tr_policy_tenant {
	tr_name name;
	uint32_t weight_milli;		   /* share of service, thousandths, 1..10^6 */
	uint32_t max_concurrent;	   /* running jobs, 0: no limit */
	uint32_t requests_per_minute;	   /* 0: no limit */
	uint32_t strategy;		   /* row, TR_NONE: by intent */
	uint64_t tokens_per_minute;	   /* 0: no limit */
	uint64_t budget_micro_usd_per_day; /* 0: no limit */
	uint32_t tokens_in;		   /* longest input, at most the policy's limit */
	uint32_t tokens_out;		   /* largest declared output, the same */
	struct tr_model_set models;	   /* models it may use */
};

struct tr_policy_strategy {
	tr_name name;
	uint32_t picker;		 /* enum tr_picker */
	uint32_t weights[TR_TERM_COUNT]; /* 0..1000 each */
	uint32_t hot_percent;		 /* prequal: hot above this quantile of load, 1..100 */
	uint32_t bound_percent;		 /* consistent-hash: load against the mean, 100..1000 */
};

/* How a request is to be treated, by a name of its own. It goes before the tenant's choice. */
struct tr_policy_profile {
	tr_name name;
	uint32_t strategy;  /* row, TR_NONE: not chosen here */
	uint32_t class_row; /* the same */
};

/* Who may be let in. */
struct tr_policy_admission {
	tr_span_ns idempotency_ns;    /* how long a key is remembered; 0: keys mean nothing */
	uint32_t feasibility_percent; /* of the predicted time that a deadline must leave; 0: off */
	uint32_t reserved;
};

/* When a strategy that finds no candidate is passed over. */
struct tr_policy_bypass {
	tr_span_ns window_ns;	/* in which failures count */
	tr_span_ns cooldown_ns; /* for so long it is not asked */
	uint32_t failures;	/* in the window; 0: never bypassed */
	uint32_t reserved;
};

struct tr_policy_affinity {
	tr_span_ns session_ttl_ns; /* 0: sessions are not remembered */
	tr_span_ns prefix_ttl_ns;  /* 0: prefixes are not remembered */
	uint32_t session_turns;	   /* jobs of a session at one endpoint, 0: no limit */
	uint32_t load_percent;	   /* load against the mean above which a home is left, 100..1000 */
};

/* Adaptive concurrency of an endpoint. */
struct tr_policy_concurrency {
	uint32_t adaptive; /* 0: slots are the only limit */
	uint32_t least;	   /* 1..65535; never more than slots */
};

struct tr_policy_health {
	tr_span_ns signal_half_life_ns;	  /* of reported load */
	tr_span_ns peak_half_life_ns;	  /* of the peak latency */
	tr_span_ns feedback_half_life_ns; /* of judgements */
	tr_span_ns window_ns;		  /* of the latency histograms */
	uint32_t tail_percent;		  /* the quantile of the term `tail`, 50..99 */
	uint32_t reserved;
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
	uint32_t slow_percent;	/* share of slow successes in the window that trips, 1..100 */
	uint32_t all_out;	/* enum tr_all_out */
	tr_span_ns slow_ns;	/* a first token later than this is slow; 0: none is */
};

struct tr_policy_retry {
	tr_span_ns backoff_ns; /* first back-off; full jitter */
	tr_span_ns backoff_ns_max;
	tr_span_ns retry_after_ns_max; /* longest pause an endpoint may ask for; more is cut */
	uint32_t attempts;	       /* retries after the first attempt, 0..16 */
	uint32_t budget_percent;       /* retries per dispatches of the pool, 0..100 ... */
	uint32_t budget_per_second;    /* ... and so many more, 0..10^6 */
	uint32_t reserved;
};

struct tr_policy_hedge {
	tr_span_ns delay_ns;	      /* silence before a second attempt; 0: the quantile alone */
	uint32_t attempts;	      /* extra attempts of a job, 0..3 */
	uint32_t quantile_percent;    /* of the pool's first tokens, as delay; both 0: no hedge */
	uint32_t budget_percent;      /* hedges per dispatches of the pool, 0..100 */
	uint32_t cost_budget_percent; /* their predicted cost per cost of the pool, 0..100 */
};

struct tr_policy_timeouts {
	tr_span_ns connect_ns; /* 0: none, for each */
	tr_span_ns headers_ns;
	tr_span_ns first_token_ns; /* from the dispatch */
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
	uint32_t profile_count;
	uint32_t default_tenant; /* row used by tenants that have none of their own */
	uint32_t default_intent; /* row for jobs that name no intent */
	uint32_t default_model;	 /* row for jobs that name no model, TR_NONE: refused */
	uint32_t unknown_model;	 /* row for unknown names (alias "*"), TR_NONE: refused */
	const struct tr_policy_model *models;
	const struct tr_policy_endpoint *endpoints;
	const struct tr_policy_class *classes;
	const struct tr_policy_tenant *tenants;
	const struct tr_policy_strategy *strategies;
	const struct tr_policy_intent *intents;
	const struct tr_policy_alias *aliases;
	const struct tr_policy_profile *profiles;
	struct tr_policy_admission admission;
	struct tr_policy_affinity affinity;
	struct tr_policy_bypass bypass;
	struct tr_policy_concurrency concurrency;
	struct tr_policy_health health;
	struct tr_policy_breaker breaker;
	struct tr_policy_retry retry;
	struct tr_policy_hedge hedge;
	struct tr_policy_timeouts timeouts;
	struct tr_policy_limits limits;
	struct tr_policy_slo slo;
};

#endif
