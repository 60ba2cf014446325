/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of policy files. Everything that a policy may say stands here once, with its
 * range, default and meaning; reader, JSON Schema, reference page and canonical form follow.
 *
 * A key stands here only if the engine obeys it: a policy that promises what nothing does is worse
 * than one that is refused.
 */
#include "engine/policy/draft.h"
#include "engine/policy/load.h"

#define SPAN_MS_MAX	     UINT64_C(2592000000) /* 30 days */
#define TOKENS_MAX	     INT32_MAX
#define RATE_MAX	     UINT64_C(1000000000)
#define TOKEN_RATE_MAX	     UINT64_C(1000000000000)
#define PRICE_MICRO_USD_MAX  UINT64_C(1000000000000)
#define BUDGET_MICRO_USD_MAX UINT64_C(1000000000000000)

static const struct tr_table model_table;
static const struct tr_table class_table;
static const struct tr_table strategy_table;

static const struct tr_reference to_model = TR_REFERENCE_TO(struct tr_draft, models, model_table);
static const struct tr_reference to_class = TR_REFERENCE_TO(struct tr_draft, classes, class_table);
static const struct tr_reference to_strategy =
	TR_REFERENCE_TO(struct tr_draft, strategies, strategy_table);

static const struct tr_word capability_words[] = {
	{"audio", TR_CAPABILITY_AUDIO, "audio input or output"},
	{"embedding", TR_CAPABILITY_EMBEDDING, "embeddings"},
	{"json", TR_CAPABILITY_JSON, "JSON mode and response schemas"},
	{"logprobs", TR_CAPABILITY_LOGPROBS, "log probabilities"},
	{"tools", TR_CAPABILITY_TOOLS, "tool calls"},
	{"vision", TR_CAPABILITY_VISION, "image input"},
	{0},
};

#define X(name, ...) | TR_CAPABILITY_##name
_Static_assert((0 TR_CAPABILITY_MAP(X)) ==
		       (TR_CAPABILITY_AUDIO | TR_CAPABILITY_EMBEDDING | TR_CAPABILITY_JSON |
			TR_CAPABILITY_LOGPROBS | TR_CAPABILITY_TOOLS | TR_CAPABILITY_VISION),
	       "each capability has a word and is in the default");
#undef X
#define CAPABILITIES_ALL "[\"audio\", \"embedding\", \"json\", \"logprobs\", \"tools\", \"vision\"]"

#define X(name, yaml, text) {yaml, TR_PICKER_##name, text},
static const struct tr_word picker_words[] = {TR_PICKER_MAP(X){0}};
#undef X
#define X(name, yaml, text) {yaml, TR_FULL_##name, text},
static const struct tr_word full_words[] = {TR_FULL_MAP(X){0}};
#undef X
#define X(name, yaml, text) {yaml, TR_PREEMPT_##name, text},
static const struct tr_word preempt_words[] = {TR_PREEMPT_MAP(X){0}};
#undef X
#define X(name, yaml, text) {yaml, TR_ALL_OUT_##name, text},
static const struct tr_word all_out_words[] = {TR_ALL_OUT_MAP(X){0}};
#undef X

/* ------------------------------------------------------------------------------------- models */

static const struct tr_schema_field choice_fields[] = {
	TR_REFERENCE(struct tr_draft_choice, model, "model", &to_model, NULL, "A model."),
};
static const struct tr_table choice_table =
	TR_TABLE(struct tr_draft_choice, choice_fields, "model", .scalar = true);

static const struct tr_schema_field allowed_fields[] = {
	TR_REFERENCE(struct tr_draft_choice, model, "model", &to_model, NULL, "A model.",
		     .star = true),
};
static const struct tr_table allowed_table =
	TR_TABLE(struct tr_draft_choice, allowed_fields, "model", .scalar = true);

static const struct tr_schema_field price_fields[] = {
	TR_DECIMAL(struct tr_policy_model, price_in, "input_usd_per_million", 6, 0,
		   PRICE_MICRO_USD_MAX, "0", "USD", "Price of a million input tokens."),
	TR_DECIMAL(struct tr_policy_model, price_out, "output_usd_per_million", 6, 0,
		   PRICE_MICRO_USD_MAX, "0", "USD", "Price of a million output tokens."),
};
static const struct tr_table price_table =
	TR_TABLE(struct tr_policy_model, price_fields, "price",
		 .doc = "What a request costs, kept in micro-USD per million tokens.");

static const struct tr_schema_field endpoint_fields[] = {
	TR_INTEGER(struct tr_draft_endpoint, compiled.slots, "slots", 1, UINT16_MAX, "8",
		   "requests", "Requests it works on at once; more wait in the queue."),
	TR_INTEGER(struct tr_draft_endpoint, compiled.requests_per_minute, "requests_per_minute", 0,
		   RATE_MAX, "0", "requests/min", "Request rate kept towards it; 0: no limit."),
	TR_INTEGER(struct tr_draft_endpoint, compiled.tokens_per_minute, "tokens_per_minute", 0,
		   TOKEN_RATE_MAX, "0", "tokens/min",
		   "Token rate kept towards it, input and output; 0: no limit."),
	TR_INTEGER(struct tr_draft_endpoint, compiled.weight, "weight", 0, 1000, "100", NULL,
		   "Its share of draws with the picker `weighted`; 0: none."),
};
static const struct tr_table endpoint_table = TR_TABLE(
	struct tr_draft_endpoint, endpoint_fields, "endpoint",
	.doc = "One server or provider account that serves the model. Its name is unique "
	       "in the whole policy; its address stands in the deployment's configuration.");

static const struct tr_schema_field model_fields[] = {
	TR_INTEGER(struct tr_draft_model, compiled.quality, "quality", 0, 1000, "500", "per mille",
		   "How good its answers are beside the other models'; only differences count."),
	TR_INTEGER(struct tr_draft_model, compiled.context_tokens, "context_tokens", 1, TOKENS_MAX,
		   "131072", "tokens", "Longest input and output together."),
	TR_INTEGER(struct tr_draft_model, compiled.output_tokens, "output_tokens", 1, TOKENS_MAX,
		   "256", "tokens",
		   "Output predicted for a request that declares no maximum; at most "
		   "`context_tokens`."),
	TR_OBJECT(struct tr_draft_model, compiled, "price", &price_table, "What its tokens cost."),
	TR_FLAGS(struct tr_draft_model, compiled.capabilities, "capabilities", capability_words,
		 CAPABILITIES_ALL, "What it can do; a request that needs more passes it by."),
	TR_LIST(struct tr_draft_model, fallback, "fallback", &choice_table, 0,
		TR_POLICY_CHAIN_MAX - 1,
		"Models tried after it, in this order, each followed by its own fallbacks. The "
		"whole chain has at most 8 models and no cycle."),
	TR_INTEGER(struct tr_draft_model, compiled.queue_limit, "queue_limit", 0, 1 << 24, "0",
		   "requests",
		   "Requests of all classes that may wait for it; 0: only the classes' own "
		   "limits."),
	TR_MAP(struct tr_draft_model, endpoints, "endpoints", &endpoint_table, 1,
	       TR_POLICY_POOL_MAX, "The endpoints that serve it, by name.", .required = true),
};
static const struct tr_table model_table = TR_TABLE(struct tr_draft_model, model_fields, "model",
						    .doc = "A model that requests may name.");

/* ------------------------------------------------------------------- classes, tenants, intents */

static const struct tr_schema_field class_fields[] = {
	TR_INTEGER(struct tr_draft_class, compiled.priority, "priority", 0, 1000, "100", NULL,
		   "Classes of higher priority go first."),
	TR_INTEGER(struct tr_draft_class, compiled.floor_percent, "floor_percent", 0, 100, "0",
		   "percent",
		   "Share of dispatches it gets while it has waiting requests, whatever stands "
		   "above it. The floors of all classes add up to at most 100."),
	TR_INTEGER(struct tr_draft_class, compiled.queue_limit, "queue_limit", 1, 1 << 24, "4096",
		   "requests", "Requests that may wait, for each model."),
	TR_ENUM(struct tr_draft_class, compiled.full, "full", full_words, "reject",
		"What happens when one more request finds the queue full. Where the class's own "
		"limit is reached, only a request of the class can give up its place; where the "
		"model's is, one of the lowest class does, never one of a higher class than the "
		"newcomer's; but of that limit a class keeps the share that its floor is."),
	TR_ENUM(struct tr_draft_class, compiled.preempt, "preempt", preempt_words, "none",
		"What its waiting requests may do to those of classes of lower priority."),
	TR_INTEGER(struct tr_draft_class, compiled.retries, "retries", 0, 16, "16", "attempts",
		   "Retries of one of its requests; `retry.attempts` holds as well."),
	TR_DURATION_MS(struct tr_draft_class, compiled.sojourn_target_ns, "sojourn_target_ms", 0,
		       SPAN_MS_MAX, "0",
		       "Once even the shortest wait of an interval was longer than this, requests "
		       "that waited twice as long are shed; 0: never."),
	TR_DURATION_MS(struct tr_draft_class, compiled.sojourn_interval_ns, "sojourn_interval_ms",
		       1, SPAN_MS_MAX, "5000", "The interval of `sojourn_target_ms`."),
	TR_DURATION_MS(struct tr_draft_class, compiled.queue_timeout_ns, "queue_timeout_ms", 0,
		       SPAN_MS_MAX, "0", "Longest wait in the queue; 0: no limit."),
};
static const struct tr_table class_table = TR_TABLE(struct tr_draft_class, class_fields, "class",
						    .doc = "A priority class with its own queues.");

static const struct tr_schema_field tenant_fields[] = {
	TR_DECIMAL(struct tr_draft_tenant, compiled.weight_milli, "weight", 3, 1, 1000000, "1",
		   NULL, "Its share of service beside the other tenants of a class."),
	TR_INTEGER(struct tr_draft_tenant, compiled.max_concurrent, "max_concurrent", 0, RATE_MAX,
		   "0", "requests", "Requests that may run at once; 0: no limit."),
	TR_INTEGER(struct tr_draft_tenant, compiled.requests_per_minute, "requests_per_minute", 0,
		   RATE_MAX, "0", "requests/min", "Request rate it may send; 0: no limit."),
	TR_INTEGER(struct tr_draft_tenant, compiled.tokens_per_minute, "tokens_per_minute", 0,
		   TOKEN_RATE_MAX, "0", "tokens/min",
		   "Token rate it may use, input and output; 0: no limit."),
	TR_INTEGER(struct tr_draft_tenant, compiled.budget_micro_usd_per_day,
		   "budget_micro_usd_per_day", 0, BUDGET_MICRO_USD_MAX, "0", "micro-USD",
		   "What it may spend from midnight to midnight UTC; 0: no limit."),
	TR_REFERENCE(struct tr_draft_tenant, compiled.strategy, "strategy", &to_strategy, NULL,
		     "Strategy for its requests in place of the intent's.",
		     .initial_note = "the intent's"),
	TR_INTEGER(struct tr_draft_tenant, compiled.tokens_in, "tokens_in", 1, TOKENS_MAX,
		   "2147483647", "tokens",
		   "Longest input of its requests; `limits.tokens_in` holds as well."),
	TR_INTEGER(struct tr_draft_tenant, compiled.tokens_out, "tokens_out", 1, TOKENS_MAX,
		   "2147483647", "tokens",
		   "Largest output its requests may ask for; `limits.tokens_out` holds as well."),
	TR_LIST(struct tr_draft_tenant, models, "models", &allowed_table, 1, TR_POLICY_MODELS_MAX,
		"Models it may use; `[\"*\"]` is every model.", .initial = "[\"*\"]", .set = true),
};
static const struct tr_table tenant_table = TR_TABLE(
	struct tr_draft_tenant, tenant_fields, "tenant",
	.doc = "Limits and share of a tenant. The row `default` holds for each tenant that "
	       "has none of its own, for each of them apart.");

static const struct tr_schema_field weight_fields[] = {
#define X(name, yaml, text)                                                                        \
	TR_INTEGER(struct tr_policy_strategy, weights[TR_TERM_##name], yaml, 0, 1000, "0", NULL,   \
		   "Weighs " text "."),
	TR_TERM_MAP(X)
#undef X
};
static const struct tr_table weight_table =
	TR_TABLE(struct tr_policy_strategy, weight_fields, "weight",
		 .doc = "Each term is a penalty from 0 to 1000, relative to the worst candidate; "
			"the smallest weighted sum wins. Only `best-score` reads weights, and it "
			"needs one above 0.");

static const struct tr_schema_field strategy_fields[] = {
	TR_ENUM(struct tr_draft_strategy, compiled.picker, "picker", picker_words, "best-score",
		"How it picks among the endpoints that can take the request."),
	TR_OBJECT(struct tr_draft_strategy, compiled, "weights", &weight_table,
		  "What `best-score` weighs."),
	TR_INTEGER(struct tr_draft_strategy, compiled.hot_percent, "hot_percent", 1, 100, "84",
		   "percent",
		   "`prequal`: an endpoint is hot if its load is above this quantile of the "
		   "candidates'."),
	TR_INTEGER(struct tr_draft_strategy, compiled.bound_percent, "bound_percent", 100, 1000,
		   "125", "percent",
		   "`consistent-hash`: load of an endpoint, against the mean of the candidates', "
		   "above which the next in order is taken."),
};
static const struct tr_table strategy_table = TR_TABLE(
	struct tr_draft_strategy, strategy_fields, "strategy",
	.doc = "A way to choose an endpoint, to be named by intents, tenants and requests.");

static const struct tr_schema_field intent_fields[] = {
	TR_REFERENCE(struct tr_draft_intent, compiled.class_row, "class", &to_class, NULL,
		     "Class of its requests.",
		     .initial_note = "the class of highest priority; among equals the first name"),
	TR_REFERENCE(struct tr_draft_intent, compiled.strategy, "strategy", &to_strategy,
		     "least-outstanding", "Strategy of its requests."),
	TR_DURATION_MS(struct tr_draft_intent, compiled.deadline_ns, "deadline_ms", 0, SPAN_MS_MAX,
		       "0", "Deadline given to a request that brings none; 0: none."),
	TR_DURATION_MS(struct tr_draft_intent, compiled.deadline_ns_max, "max_deadline_ms", 0,
		       SPAN_MS_MAX, "0", "Longer deadlines are cut to this; 0: no cut."),
	TR_BOOL(struct tr_draft_intent, compiled.cancelable, "cancelable", "true",
		"Whether the client may cancel."),
	TR_BOOL(struct tr_draft_intent, compiled.hedge, "hedge", "false",
		"Whether a silent attempt may get a rival, as `hedge` says, which must then have "
		"a delay or a quantile."),
	TR_BOOL(struct tr_draft_intent, compiled.strict, "strict", "false",
		"Only the model that was named, no fallback."),
};
static const struct tr_table intent_table = TR_TABLE(
	struct tr_draft_intent, intent_fields, "intent",
	.doc = "What a kind of request wants. Requests that name no intent have the intent "
	       "`default`.");

static const struct tr_schema_field profile_fields[] = {
	TR_REFERENCE(struct tr_draft_profile, compiled.strategy, "strategy", &to_strategy, NULL,
		     "Strategy of its requests.",
		     .initial_note = "the tenant's, else the intent's"),
	TR_REFERENCE(struct tr_draft_profile, compiled.class_row, "class", &to_class, NULL,
		     "Class of its requests.", .initial_note = "the intent's"),
};
static const struct tr_table profile_table = TR_TABLE(
	struct tr_draft_profile, profile_fields, "profile",
	.doc = "A way to be served that a request may name. What the request itself asks for "
	       "goes before the profile, and the profile before the tenant and the intent.");

/* --------------------------------------------------------------------------- the single rows */

static const struct tr_schema_field admission_fields[] = {
	TR_INTEGER(struct tr_policy_admission, feasibility_percent, "feasibility_percent", 0, 1000,
		   "100", "percent",
		   "A request is refused if its deadline leaves less than this share of the time "
		   "that is predicted for it; 0: it is let in."),
	TR_DURATION_MS(struct tr_policy_admission, idempotency_ns, "idempotency_window_ms", 0,
		       SPAN_MS_MAX, "600000",
		       "How long an idempotency key is remembered; 0: keys mean nothing."),
};
static const struct tr_table admission_table =
	TR_TABLE(struct tr_policy_admission, admission_fields, "admission",
		 .doc = "Who is let in, beside what tenants and classes say.");

static const struct tr_schema_field affinity_fields[] = {
	TR_DURATION_MS(struct tr_policy_affinity, session_ttl_ns, "session_ttl_ms", 0, SPAN_MS_MAX,
		       "0",
		       "How long after its last request a session keeps its endpoint; 0: sessions "
		       "have none."),
	TR_INTEGER(struct tr_policy_affinity, session_turns, "session_turns", 0, 1000000, "0",
		   "requests", "Requests of a session at one endpoint; 0: no limit."),
	TR_DURATION_MS(struct tr_policy_affinity, prefix_ttl_ns, "prefix_ttl_ms", 0, SPAN_MS_MAX,
		       "0",
		       "How long an endpoint is thought to keep a prompt's prefix; 0: prefixes are "
		       "not remembered."),
	TR_INTEGER(struct tr_policy_affinity, load_percent, "load_percent", 100, 1000, "150",
		   "percent",
		   "Load of an endpoint, against the mean of the candidates', above which a "
		   "session or prefix no longer speaks for it."),
};
static const struct tr_table affinity_table =
	TR_TABLE(struct tr_policy_affinity, affinity_fields, "affinity",
		 .doc = "Where the caches are warm. `best-score` weighs it by the terms `session` "
			"and `prefix`; the other pickers prefer a session's endpoint.");

static const struct tr_schema_field bypass_fields[] = {
	TR_INTEGER(struct tr_policy_bypass, failures, "failures", 0, 1000000, "5", "decisions",
		   "Failures in the window that put it aside; 0: never."),
	TR_DURATION_MS(struct tr_policy_bypass, window_ns, "window_ms", 1, 3600000, "10000",
		       "Window in which failures count."),
	TR_DURATION_MS(struct tr_policy_bypass, cooldown_ns, "cooldown_ms", 1, 3600000, "10000",
		       "For so long it is not asked."),
};
static const struct tr_table bypass_table =
	TR_TABLE(struct tr_policy_bypass, bypass_fields, "bypass",
		 .doc = "A strategy that picks nobody although there are candidates has failed: "
			"`least-outstanding` picks in its place, and after some failures the "
			"strategy is put aside for a while.");

static const struct tr_schema_field concurrency_fields[] = {
	TR_BOOL(struct tr_policy_concurrency, adaptive, "adaptive", "false",
		"Whether the limit of an endpoint follows its latency and its back-pressure, below "
		"its slots."),
	TR_INTEGER(struct tr_policy_concurrency, least, "min", 1, UINT16_MAX, "1", "requests",
		   "The limit never falls below this."),
};
static const struct tr_table concurrency_table =
	TR_TABLE(struct tr_policy_concurrency, concurrency_fields, "concurrency",
		 .doc = "How many requests an endpoint gets at once, below its slots.");

static const struct tr_schema_field health_fields[] = {
	TR_DURATION_MS(struct tr_policy_health, window_ns, "window_ms", 100, 3600000, "60000",
		       "Window of the latency quantiles; a sample counts for one to two of them."),
	TR_INTEGER(struct tr_policy_health, tail_percent, "tail_percent", 50, 99, "95", "percent",
		   "The quantile that the term `tail` looks at."),
	TR_DURATION_MS(struct tr_policy_health, signal_half_life_ns, "signal_half_life_ms", 1,
		       SPAN_MS_MAX, "5000", "In this time a reported load loses half its weight."),
	TR_DURATION_MS(struct tr_policy_health, peak_half_life_ns, "peak_half_life_ms", 1,
		       SPAN_MS_MAX, "7000",
		       "In this time a latency peak loses half its height (`peak-ewma`)."),
	TR_DURATION_MS(struct tr_policy_health, feedback_half_life_ns, "feedback_half_life_ms", 1,
		       SPAN_MS_MAX, "3600000",
		       "In this time a judgement of answers loses half its weight."),
};
static const struct tr_table health_table =
	TR_TABLE(struct tr_policy_health, health_fields, "health",
		 .doc = "What is remembered of an endpoint's speed and load.");

static const struct tr_schema_field breaker_fields[] = {
	TR_DURATION_MS(struct tr_policy_breaker, window_ns, "window_ms", 100, 3600000, "60000",
		       "Sliding window in which outcomes count."),
	TR_INTEGER(struct tr_policy_breaker, requests_min, "min_requests", 1, 1000000, "20",
		   "requests", "Outcomes in the window before the error rate counts."),
	TR_INTEGER(struct tr_policy_breaker, error_percent, "error_percent", 1, 100, "50",
		   "percent", "Share of faults in the window that opens the breaker."),
	TR_INTEGER(struct tr_policy_breaker, consecutive, "consecutive", 0, 1000000, "5",
		   "requests", "Faults in a row that open it at once; 0: off."),
	TR_DURATION_MS(struct tr_policy_breaker, open_ns, "open_ms", 1, 3600000, "5000",
		       "First cool-down; it doubles with each opening in a row."),
	TR_DURATION_MS(struct tr_policy_breaker, open_ns_max, "max_open_ms", 1, 3600000, "60000",
		       "Longest cool-down; at least `open_ms`."),
	TR_DURATION_MS(struct tr_policy_breaker, heal_ns, "heal_ms", 0, SPAN_MS_MAX, "60000",
		       "Closed for so long, the next cool-down is the first again."),
	TR_INTEGER(struct tr_policy_breaker, probes, "probes", 1, 1000, "1", "requests",
		   "Requests let through at once while half-open."),
	TR_INTEGER(struct tr_policy_breaker, successes, "successes", 1, 1000, "2", "requests",
		   "Probes that must succeed to close it."),
	TR_DURATION_MS(struct tr_policy_breaker, slow_ns, "slow_ms", 0, SPAN_MS_MAX, "0",
		       "A first token that takes longer is a slow answer; 0: none is."),
	TR_INTEGER(struct tr_policy_breaker, slow_percent, "slow_percent", 1, 100, "80", "percent",
		   "Share of slow answers in the window that opens the breaker."),
	TR_ENUM(struct tr_policy_breaker, all_out, "all_out", all_out_words, "serve",
		"What happens when the breakers of all endpoints of a request's models are open. A "
		"strict request fails at once either way."),
	TR_INTEGER(struct tr_policy_breaker, eject_percent, "max_eject_percent", 0, 100, "50",
		   "percent",
		   "Share of a model's endpoints that breakers may take out at once; one may "
		   "always go."),
};
static const struct tr_table breaker_table =
	TR_TABLE(struct tr_policy_breaker, breaker_fields, "breaker",
		 .doc = "The circuit breaker of each endpoint. Faults of the endpoint count; its "
			"back-pressure (429, 503) and the client's own errors do not.");

static const struct tr_schema_field retry_fields[] = {
	TR_INTEGER(struct tr_policy_retry, attempts, "attempts", 0, 16, "2", "attempts",
		   "Retries after the first attempt."),
	TR_DURATION_MS(struct tr_policy_retry, backoff_ns, "backoff_ms", 0, 3600000, "500",
		       "First back-off; it doubles, and a draw between 0 and it is waited."),
	TR_DURATION_MS(struct tr_policy_retry, backoff_ns_max, "max_backoff_ms", 0, 3600000, "8000",
		       "Longest back-off; at least `backoff_ms`."),
	TR_DURATION_MS(struct tr_policy_retry, retry_after_ns_max, "max_retry_after_ms", 0,
		       SPAN_MS_MAX, "60000",
		       "Longest pause that an endpoint may ask for; a longer wish is cut to this."),
	TR_INTEGER(struct tr_policy_retry, budget_percent, "budget_percent", 0, 100, "20",
		   "percent",
		   "Retries of all requests for a model in 10 seconds, as a share of their first "
		   "attempts ..."),
	TR_INTEGER(struct tr_policy_retry, budget_per_second, "budget_per_second", 0, 1000000, "10",
		   "attempts/s",
		   "... and so many a second beside. Where both are spent, a request ends with the "
		   "failure it has."),
};
static const struct tr_table retry_table =
	TR_TABLE(struct tr_policy_retry, retry_fields, "retry",
		 .doc = "What happens after an attempt that failed before its first token.");

static const struct tr_schema_field hedge_fields[] = {
	TR_DURATION_MS(
		struct tr_policy_hedge, delay_ns, "delay_ms", 0, SPAN_MS_MAX, "0",
		"Silence after which a rival attempt starts; 0, and no quantile: no hedging."),
	TR_INTEGER(struct tr_policy_hedge, attempts, "attempts", 0, 3, "1", "attempts",
		   "Rival attempts of one request."),
	TR_INTEGER(struct tr_policy_hedge, quantile_percent, "quantile_percent", 0, 99, "0",
		   "percent",
		   "Instead of a fixed delay, this quantile of the model's times to the first "
		   "token, never less than `delay_ms`; 0, or while fewer than 20 are known: "
		   "`delay_ms` alone."),
	TR_INTEGER(struct tr_policy_hedge, budget_percent, "budget_percent", 0, 100, "5", "percent",
		   "Rival attempts of all requests for a model in 10 seconds, as a share of their "
		   "first attempts; one is always permitted; 0: none."),
	TR_INTEGER(struct tr_policy_hedge, cost_budget_percent, "cost_budget_percent", 0, 100, "5",
		   "percent",
		   "Their predicted cost in 10 seconds, as a share of that of first attempts; one "
		   "is always permitted; 0: none that costs anything. Models without a price cost "
		   "nothing."),
};
static const struct tr_table hedge_table =
	TR_TABLE(struct tr_policy_hedge, hedge_fields, "hedge",
		 .doc = "A second attempt elsewhere while the first is silent, for intents with "
			"`hedge: true`. The first token of either ends the other.");

static const struct tr_schema_field timeout_fields[] = {
	TR_DURATION_MS(struct tr_policy_timeouts, connect_ns, "connect_ms", 0, SPAN_MS_MAX, "5000",
		       "Longest wait for a connection; 0: no limit."),
	TR_DURATION_MS(struct tr_policy_timeouts, headers_ns, "headers_ms", 0, SPAN_MS_MAX, "0",
		       "Longest wait for the answer's headers; 0: no limit, since many servers "
		       "send them only with the first token."),
	TR_DURATION_MS(struct tr_policy_timeouts, first_token_ns, "first_token_ms", 0, SPAN_MS_MAX,
		       "120000",
		       "Longest wait for the first token, from the dispatch on; 0: no limit."),
	TR_DURATION_MS(struct tr_policy_timeouts, between_tokens_ns, "between_tokens_ms", 0,
		       SPAN_MS_MAX, "60000", "Longest silence between two tokens; 0: no limit."),
	TR_DURATION_MS(struct tr_policy_timeouts, total_ns, "total_ms", 0, SPAN_MS_MAX, "0",
		       "Longest life of a request from its admission, waiting included; 0: no "
		       "limit, since deadlines belong to intents."),
};
static const struct tr_table timeout_table =
	TR_TABLE(struct tr_policy_timeouts, timeout_fields, "timeouts",
		 .doc = "How long silence may last, each kind for itself. All but `total_ms` count "
			"for one attempt and are faults of its endpoint.");

static const struct tr_schema_field limit_fields[] = {
	TR_INTEGER(struct tr_policy_limits, tokens_in, "tokens_in", 1, TOKENS_MAX, "1048576",
		   "tokens", "Longest input of a request."),
	TR_INTEGER(struct tr_policy_limits, tokens_out, "tokens_out", 1, TOKENS_MAX, "131072",
		   "tokens", "Largest output a request may ask for."),
};
static const struct tr_table limit_table =
	TR_TABLE(struct tr_policy_limits, limit_fields, "limits",
		 .doc = "What every request must keep, whatever its tenant and model.");

static const struct tr_schema_field slo_fields[] = {
	TR_DURATION_MS(struct tr_policy_slo, ttft_ns, "ttft_ms", 0, SPAN_MS_MAX, "0",
		       "Time to the first token; 0: not part of the objective."),
	TR_DURATION_MS(struct tr_policy_slo, tpot_ns, "tpot_ms", 0, SPAN_MS_MAX, "0",
		       "Time per output token after the first; 0: not part of the objective."),
	TR_DURATION_MS(struct tr_policy_slo, e2e_ns, "e2e_ms", 0, SPAN_MS_MAX, "0",
		       "Time from arrival to the last token; 0: not part of the objective."),
};
static const struct tr_table slo_table =
	TR_TABLE(struct tr_policy_slo, slo_fields, "slo",
		 .doc = "The objective behind goodput: a request is good when it completes within "
			"all of these.");

/* ------------------------------------------------------------------------------------ the file */

#define BUILTIN_CLASSES                                                                            \
	"{\"batch\": {\"priority\": 10, \"floor_percent\": 5}, "                                   \
	"\"interactive\": {\"priority\": 100}}"
#define BUILTIN_STRATEGIES                                                                         \
	"{\n"                                                                                      \
	"  \"balanced\": {\"weights\": {\"latency\": 250, \"cost\": 250, \"quality\": 250, "       \
	"\"load\": 250}},\n"                                                                       \
	"  \"cost-first\": {\"weights\": {\"latency\": 100, \"cost\": 700, \"quality\": 100, "     \
	"\"load\": 100}},\n"                                                                       \
	"  \"latency-first\": {\"weights\": {\"latency\": 700, \"cost\": 50, \"quality\": 50, "    \
	"\"load\": 200}},\n"                                                                       \
	"  \"least-outstanding\": {\"picker\": \"least-outstanding\"},\n"                          \
	"  \"quality-first\": {\"weights\": {\"latency\": 100, \"cost\": 100, \"quality\": 700, "  \
	"\"load\": 100}}\n"                                                                        \
	"}"

static const struct tr_schema_field policy_fields[] = {
	TR_MAP(struct tr_draft, models, "models", &model_table, 1, TR_POLICY_MODELS_MAX,
	       "The models, by name.", .required = true),
	TR_MAP(struct tr_draft, aliases, "aliases", &choice_table, 0, TR_POLICY_ALIASES_MAX,
	       "Other names for models. The alias `\"*\"` is what an unknown name gets.",
	       .star = true),
	TR_REFERENCE(struct tr_draft, default_model, "default_model", &to_model, NULL,
		     "What a request that names no model gets.",
		     .initial_note = "the only model; else the target of the alias `\"*\"`; else "
				     "none, and such a request is refused"),
	TR_MAP(struct tr_draft, classes, "classes", &class_table, 1, TR_POLICY_CLASSES_MAX,
	       "Priority classes, by name.", .initial = BUILTIN_CLASSES),
	TR_MAP(struct tr_draft, tenants, "tenants", &tenant_table, 1, TR_POLICY_TENANTS_MAX,
	       "Tenants, by name. A row `default` is there unless the file has one.",
	       .initial = "{\"default\": {}}", .builtin = TR_BUILTIN_EACH),
	TR_MAP(struct tr_draft, strategies, "strategies", &strategy_table, 0,
	       TR_POLICY_STRATEGIES_MAX, "Strategies, by name.", .initial = BUILTIN_STRATEGIES,
	       .builtin = TR_BUILTIN_EACH),
	TR_MAP(struct tr_draft, intents, "intents", &intent_table, 0, TR_POLICY_INTENTS_MAX,
	       "Intents, by name. A row `default` is there unless the file has one.",
	       .initial = "{\"default\": {}}", .builtin = TR_BUILTIN_EACH),
	TR_MAP(struct tr_draft, profiles, "profiles", &profile_table, 0, TR_POLICY_PROFILES_MAX,
	       "Profiles, by name."),
	TR_OBJECT(struct tr_draft, admission, "admission", &admission_table, "Admission."),
	TR_OBJECT(struct tr_draft, affinity, "affinity", &affinity_table, "Affinity."),
	TR_OBJECT(struct tr_draft, bypass, "bypass", &bypass_table, "Strategies that fail."),
	TR_OBJECT(struct tr_draft, concurrency, "concurrency", &concurrency_table,
		  "Adaptive concurrency."),
	TR_OBJECT(struct tr_draft, health, "health", &health_table, "Health."),
	TR_OBJECT(struct tr_draft, breaker, "breaker", &breaker_table, "The circuit breakers."),
	TR_OBJECT(struct tr_draft, retry, "retry", &retry_table, "Retries."),
	TR_OBJECT(struct tr_draft, hedge, "hedge", &hedge_table, "Hedging."),
	TR_OBJECT(struct tr_draft, timeouts, "timeouts", &timeout_table, "Timeouts."),
	TR_OBJECT(struct tr_draft, limits, "limits", &limit_table, "Limits of any request."),
	TR_OBJECT(struct tr_draft, slo, "slo", &slo_table, "Service level objective."),
};
static const struct tr_table policy_table =
	TR_TABLE(struct tr_draft, policy_fields, "policy",
		 .doc = "Everything that changes decisions about requests, and nothing else.");

const struct tr_schema tr_policy_schema = {
	.name = "policy",
	.title = "Policy",
	.doc = "This page is generated from the tables that read policy files "
	       "(`tailrace check --reference policy`).\n\n"
	       "A policy is a YAML or JSON file. The smallest one is a model with an endpoint:\n\n"
	       "```yaml\nmodels: {chat: {endpoints: {a: {}}}}\n```\n\n"
	       "Reading is strict: an unknown key, a key given twice, a name that refers to "
	       "nothing, a value out of its range, an anchor or a tag is an error with its line "
	       "and column. Numbers are written in plain digits. Names are 1 to 100 of `A-Z a-z "
	       "0-9 . _ : / @ + ~ -` and do not begin with `-`; a name that looks like a number "
	       "is written in quotes. The order of keys means nothing. `tailrace check "
	       "--canonical` "
	       "prints a policy with every default filled in; the hash of that text is the "
	       "policy's id.",
	.root = &policy_table,
};
