/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of scenario files. Everything that a scenario may say stands here once, with its
 * range, default and meaning; reader, JSON Schema, reference page and canonical form follow.
 */
#include "sim/scenario/vocabulary.h"

#define SPAN_MS_MAX TR_VOCABULARY_SPAN_MS_MAX
#define SPAN_S_MAX  UINT64_C(315360000) /* ten years */
#define TOKENS_MAX  INT32_MAX

/* --------------------------------------------------------------------------------------- fleet */

static const struct tr_schema_field fleet_fields[] = {
	TR_OBJECT(struct tr_scenario_fleet, all, "default", &tr_layer_table, "All servers."),
	TR_MAP(struct tr_scenario_fleet, models, "models", &tr_layer_table, 0, TR_POLICY_MODELS_MAX,
	       "The servers of a model of the policy, by the model's name."),
	TR_MAP(struct tr_scenario_fleet, endpoints, "endpoints", &tr_layer_table, 0,
	       TR_POLICY_ENDPOINTS_MAX, "The server of an endpoint of the policy, by its name."),
	TR_DURATION_MS(struct tr_scenario_fleet, signal_ns, "signal_ms", 0, SPAN_MS_MAX, "0",
		       "Between two reports of its load that each server makes; 0: none."),
	TR_DURATION_MS(struct tr_scenario_fleet, signal_age_ns, "signal_age_ms", 0, SPAN_MS_MAX,
		       "0", "How old a report is when it comes; at most `signal_ms`.",
		       .node = offsetof(struct tr_scenario_fleet, signal_age_node)),
};
static const struct tr_table fleet_table =
	TR_TABLE(struct tr_scenario_fleet, fleet_fields, "fleet",
		 .doc = "The machines behind the policy's endpoints.");

/* ------------------------------------------------------------------------------------ workload */

#define QUANTILE(member, doc)                                                                      \
	TR_INTEGER(struct tr_draft_sizes, member, #member, 1, TOKENS_MAX, NULL, "tokens", doc)

static const struct tr_schema_field sizes_fields[] = {
	QUANTILE(fixed, "The same for all; then nothing else may be given."),
	QUANTILE(min, "The smallest; needed with any of the others."),
	QUANTILE(p25, "A quarter have at most so many."),
	QUANTILE(p50, "The median."),
	QUANTILE(p75, "Three quarters have at most so many."),
	QUANTILE(p90, "Nine in ten have at most so many."),
	QUANTILE(p95, "95 in 100 have at most so many."),
	QUANTILE(p99, "99 in 100 have at most so many."),
	QUANTILE(max, "The largest; needed with any of the others."),
};
static const struct tr_table sizes_table =
	TR_TABLE(struct tr_draft_sizes, sizes_fields, "distribution",
		 .doc = "A distribution of token counts by its quantiles, straight lines between, "
			"rounded to the nearest whole token.");

#define X(NAME, word, text) {word, TR_PROCESS_##NAME, text},
static const struct tr_word process_words[] = {TR_PROCESS_MAP(X){0}};
#undef X
#define X(name, text) {text, TR_GAMMA_##name, NULL},
static const struct tr_word gamma_words[] = {TR_GAMMA_MAP(X){0}};
#undef X

static const struct tr_schema_field prefixes_fields[] = {
	TR_INTEGER(struct tr_draft_prefixes, options.block_tokens, "block_tokens", 1, 65536, "512",
		   "tokens", "Size of the blocks that prompts have in common."),
	TR_INTEGER(struct tr_draft_prefixes, options.shared, "shared_prompts", 0, 65536, "0",
		   "prompts",
		   "Texts with one of which each prompt, or conversation, begins, drawn evenly; 0: "
		   "none."),
	TR_INTEGER(struct tr_draft_prefixes, options.shared_tokens, "shared_tokens", 0, 1 << 20,
		   "1000", "tokens", "Length of these texts; it comes on top of `tokens_in`."),
	TR_INTEGER(struct tr_draft_prefixes, options.conversation_count, "conversations", 0,
		   TR_SCENARIO_SESSIONS_MAX, "0", "conversations",
		   "Conversations at the same time; each request is a turn of one, drawn evenly, "
		   "and its prompt all that was said before and `tokens_in` more. They are the "
		   "sessions. 0: each request is alone."),
	TR_DECIMAL(struct tr_draft_prefixes, options.turns_milli, "turns", 3, 1000, 1000000, "5",
		   "turns", "Of a conversation, on average."),
	TR_INTEGER(struct tr_draft_prefixes, options.tokens_max, "tokens_max", 1, 1 << 30, "32768",
		   "tokens", "A conversation whose prompt would become longer ends."),
};
static const struct tr_table prefixes_table =
	TR_TABLE(struct tr_draft_prefixes, prefixes_fields, "prefixes",
		 .doc = "What prompts have in common, so that caches have something to find.");

static const struct tr_schema_field workload_fields[] = {
	TR_ENUM(struct tr_draft_workload, process.kind, "arrivals", process_words, "poisson",
		"How requests come."),
	TR_DECIMAL(struct tr_draft_workload, process.rate_micro, "rate", 6, TR_RATE_MICRO_MIN,
		   TR_RATE_MICRO_MAX, NULL, "requests/s", "Mean rate.", .required = true),
	TR_ENUM(struct tr_draft_workload, process.shape, "shape", gamma_words, "0.5",
		"Shape of `gamma` gaps; below 1 is burstier than poisson."),
	TR_DECIMAL(struct tr_draft_workload, process.burst_milli, "burst_factor", 3, 1000, 1000000,
		   "4", NULL,
		   "`bursty`: rate within a burst over the mean rate. Times the share of time in "
		   "bursts it is at most 1; the pauses have what is left.",
		   .node = offsetof(struct tr_draft_workload, burst_node)),
	TR_DURATION_S(struct tr_draft_workload, process.burst_ns, "burst_s", 0, SPAN_S_MAX, "5",
		      "`bursty`: mean length of a burst, above 0."),
	TR_DURATION_S(struct tr_draft_workload, process.pause_ns, "pause_s", 0, SPAN_S_MAX, "15",
		      "`bursty`: mean length of a pause, above 0."),
	TR_DECIMAL(struct tr_draft_workload, process.swing_permille, "swing_percent", 1, 0, 1000,
		   "50", "percent", "`diurnal`: how far the rate swings around its mean."),
	TR_DURATION_S(struct tr_draft_workload, process.period_ns, "period_s", 1, SPAN_S_MAX,
		      "86400", "`diurnal`: length of a period; it begins at the mean, rising."),
	TR_OBJECT(struct tr_draft_workload, tokens_in, "tokens_in", &sizes_table, "Prompt sizes.",
		  .optional = true, .node = offsetof(struct tr_draft_workload, tokens_in.node),
		  .initial_note = "a coding service's: 3 to 7437, median 1469"),
	TR_OBJECT(struct tr_draft_workload, tokens_out, "tokens_out", &sizes_table, "Answer sizes.",
		  .optional = true, .node = offsetof(struct tr_draft_workload, tokens_out.node),
		  .initial_note = "a coding service's: 1 to 1899, median 13"),
	TR_OBJECT(struct tr_draft_workload, prefixes, "prefixes", &prefixes_table,
		  "What prompts have in common.", .optional = true,
		  .node = offsetof(struct tr_draft_workload, prefixes.node),
		  .initial_note = "nothing"),
};
static const struct tr_table workload_table = TR_TABLE(
	struct tr_draft_workload, workload_fields, "workload",
	.doc = "Synthetic requests. It needs an end: `requests` or `duration_s` of the scenario.");

static const struct tr_schema_field trace_fields[] = {
	TR_TEXT(struct tr_draft_trace, file, "file", 3, 4000, NULL,
		"FORMAT:PATH, such as `azure:code.csv`; from the scenario's folder.",
		.required = true, .node = offsetof(struct tr_draft_trace, file_node)),
	TR_DECIMAL(struct tr_draft_trace, options.amplify_milli, "amplify", 3, 1,
		   TR_TRACE_AMPLIFY_MAX, "1", NULL, "Requests made of each row, on average."),
	TR_INTEGER(struct tr_draft_trace, options.repeat, "repeat", 1, TR_TRACE_REPEAT_MAX, "1",
		   "times", "How often the whole trace is played, one after the other."),
	TR_BOOL(struct tr_draft_trace, options.spread, "spread", "true",
		"Whether rows that share a time stamp are spread over the gap to the next."),
	TR_BOOL(struct tr_draft_trace, options.skip_bad, "skip_bad", "false",
		"Whether malformed rows are counted and left out."),
};
static const struct tr_table trace_table =
	TR_TABLE(struct tr_draft_trace, trace_fields, "trace", .doc = "Recorded requests.");

static const struct tr_schema_field share_fields[] = {
	TR_INTEGER(struct tr_draft_share, weight, "weight", 1, 1000000, NULL, NULL,
		   "Its share of the requests beside the others'."),
};
static const struct tr_table tenant_table =
	TR_TABLE(struct tr_draft_share, share_fields, "tenant", .scalar = true);
static const struct tr_table named_profile_table =
	TR_TABLE(struct tr_draft_share, share_fields, "profile", .scalar = true);
static const struct tr_table named_intent_table =
	TR_TABLE(struct tr_draft_share, share_fields, "intent", .scalar = true);

static const struct tr_schema_field labels_fields[] = {
	TR_NAME(struct tr_draft_labels, model, "model", NULL, "The model asked for.",
		.initial_note = "the policy's default"),
	TR_NAME(struct tr_draft_labels, intent, "intent", NULL, "The intent.",
		.initial_note = "the policy's default"),
	TR_NAME(struct tr_draft_labels, class_name, "class", NULL, "The priority class.",
		.initial_note = "the intent's"),
	TR_BOOL(struct tr_draft_labels, stream, "stream", "true",
		"Whether clients read tokens as they come."),
	TR_BOOL(struct tr_draft_labels, async, "async", "false",
		"Whether requests are stored before they are queued."),
	TR_MAP(struct tr_draft_labels, tenants, "tenants", &tenant_table, 0,
	       TR_SCENARIO_TENANTS_MAX, "Tenants by name, drawn by weight."),
	TR_MAP(struct tr_draft_labels, profiles, "profiles", &named_profile_table, 0,
	       TR_POLICY_PROFILES_MAX,
	       "Profiles of the policy by name, drawn by weight: a mixture of classes and "
	       "strategies."),
	TR_MAP(struct tr_draft_labels, intents, "intents", &named_intent_table, 0,
	       TR_POLICY_INTENTS_MAX,
	       "Intents of the policy by name, drawn by weight, instead of `intent`: a mixture of "
	       "deadlines, too."),
	TR_INTEGER(struct tr_draft_labels, sessions, "sessions", 0, TR_SCENARIO_SESSIONS_MAX, "0",
		   "sessions",
		   "Sessions of each tenant, named `session-1` and so on, drawn evenly; 0: none."),
};
static const struct tr_table labels_table = TR_TABLE(
	struct tr_draft_labels, labels_fields, "labels",
	.doc = "What requests carry whose source does not say it; the two flags go to all.");

/* ------------------------------------------------------------------------------------ scenario */

static const struct tr_schema_field requirement_fields[] = {
	TR_TEXT(struct tr_draft_requirement, id, "id", 1, 20, NULL,
		"Three capital letters, a hyphen, a number."),
};
static const struct tr_table requirement_table =
	TR_TABLE(struct tr_draft_requirement, requirement_fields, "requirement", .scalar = true);

static const struct tr_schema_field file_fields[] = {
	TR_TEXT(struct tr_draft_file, path, "path", 1, 4000, NULL,
		"A file, from the folder of the one that names it."),
};
static const struct tr_table file_table =
	TR_TABLE(struct tr_draft_file, file_fields, "file", .scalar = true);

static const struct tr_schema_field parameter_fields[] = {
	TR_TREE(struct tr_draft_parameter, value, "value",
		TR_SHAPE_TEXT | TR_SHAPE_NUMBER | TR_SHAPE_BOOL, "What it stands for."),
};
static const struct tr_table parameter_table =
	TR_TABLE(struct tr_draft_parameter, parameter_fields, "parameter", .scalar = true);

static const struct tr_schema_field scenario_fields[] = {
	TR_TEXT(struct tr_draft_scenario, title, "title", 1, 200, NULL,
		"What goes wrong and what must hold, in a line."),
	TR_LIST(struct tr_draft_scenario, proves, "proves", &requirement_table, 0,
		TR_SCENARIO_PROVES_MAX, "The requirements that it stands for, such as `SIM-5`.",
		.set = true),
	TR_LIST(struct tr_draft_scenario, include, "include", &file_table, 0, TR_INCLUDE_FILES_MAX,
		"Scenario files that this one is laid over, from its own folder: maps are merged "
		"key by key, lists and single values are replaced, later files win, this one "
		"last."),
	TR_MAP(struct tr_draft_scenario, parameters, "parameters", &parameter_table, 0,
	       TR_PARAMETERS_MAX,
	       "Names and values; `${NAME}` stands for the value in any text, number or word. The "
	       "command line may give another value: `--set NAME=VALUE`."),
	TR_TREE(struct tr_draft_scenario, policy, "policy", TR_SHAPE_TEXT | TR_SHAPE_MAP,
		"The policy file, from the scenario's folder; or the policy itself as a map; or "
		"`{base: FILE, set: {...}}`, a file with something laid over it as `include` does. "
		"The command line may name another."),
	TR_INTEGER(struct tr_draft_scenario, seed, "seed", 0, INT64_MAX, "1", NULL,
		   "Of every random draw. The command line may give another.",
		   .node = offsetof(struct tr_draft_scenario, seed_node)),
	TR_TREE(struct tr_draft_scenario, seeds, "seeds", TR_SHAPE_TEXT | TR_SHAPE_LIST,
		"Several, each a case of its own: `1..50`, or a list; instead of `seed`."),
	TR_OBJECT(struct tr_draft_scenario, trace, "trace", &trace_table,
		  "Requests from a trace; instead of `workload`.", .optional = true,
		  .node = offsetof(struct tr_draft_scenario, trace.node)),
	TR_OBJECT(struct tr_draft_scenario, workload, "workload", &workload_table,
		  "Synthetic requests; instead of `trace`.", .optional = true,
		  .node = offsetof(struct tr_draft_scenario, workload.node)),
	TR_INTEGER(struct tr_draft_scenario, requests, "requests", 0, INT64_MAX, "0", "requests",
		   "At most so many requests; 0: no limit."),
	TR_DURATION_S(struct tr_draft_scenario, duration_ns, "duration_s", 0, SPAN_S_MAX, "0",
		      "No request comes later than this after the first moment; 0: no limit."),
	TR_OBJECT(struct tr_draft_scenario, labels, "labels", &labels_table,
		  "What requests carry."),
	TR_OBJECT(struct tr_draft_scenario, fleet, "fleet", &fleet_table, "The machines."),
	TR_LIST(struct tr_draft_scenario, faults, "faults", &tr_scenario_fault_table, 0,
		TR_FAULTS_MAX, "What goes wrong, and when."),
	TR_DURATION_MS(struct tr_draft_scenario, store_ns, "store_ms", 0, SPAN_MS_MAX, "1",
		       "How long storing an asynchronous request takes."),
	TR_DURATION_S(struct tr_draft_scenario, stop_ns, "stop_s", 0, SPAN_S_MAX, "0",
		      "Stop so long after the first request, whatever is still in the system; 0: "
		      "when all have ended."),
	TR_LIST(struct tr_draft_scenario, assertions, "assert", &tr_assertion_table, 0,
		TR_ASSERTIONS_MAX, "What must hold of the run."),
};
static const struct tr_table scenario_table =
	TR_TABLE(struct tr_draft_scenario, scenario_fields, "scenario");

const struct tr_schema tr_scenario_schema = {
	.name = "scenario",
	.title = "Scenario",
	.doc = "A scenario file says which policy meets which requests on which machines: "
	       "`tailrace sim FILE`. What the command line gives goes before what the file says.",
	.root = &scenario_table,
};
