/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of server profiles: in files of their own, and in the layers of a scenario's
 * `fleet`, which say the same and may name such a file.
 */
#include "sim/scenario/profile.h"
#include "sim/scenario/vocabulary.h"

#define X(NAME, word, text) {word, TR_HEADERS_##NAME, text},
static const struct tr_word headers_words[] = {TR_HEADERS_MAP(X){0}};
#undef X
static const struct tr_word full_words[] = {
	{"429", 429, NULL},
	{"503", 503, NULL},
	{"529", 529, NULL},
	{0},
};

#define GIVEN(member) .node = offsetof(struct tr_draft_profile, given.member)

/* ------------------------------------------------------------------------------------- batching */

#define BATCH_GIVEN(name) .node = offsetof(struct tr_draft_batching, given.name)
#define COEFFICIENT(member, name, key, scale, unit, doc)                                           \
	TR_DECIMAL(struct tr_draft_batching, profile.cost.member, key, scale, 0,                   \
		   TR_BATCH_TOKEN_FS_MAX, NULL, unit, doc, .initial_note = "0", BATCH_GIVEN(name))

static const struct tr_schema_field step_fields[] = {
	TR_DECIMAL(struct tr_draft_batching, profile.cost.step_fs, "base_us", 9, 1000000,
		   TR_BATCH_STEP_FS_MAX, NULL, "us",
		   "Each step, whatever it holds: above all the weights are read. Needed.",
		   .initial_note = "none", BATCH_GIVEN(step)),
	COEFFICIENT(prefill_token_fs, prefill_token, "prefill_token_ns", 6, "ns",
		    "Each prompt token in it."),
	COEFFICIENT(prefill_pair_fs, prefill_pair, "prefill_pair_ps", 3, "ps",
		    "Each pair of a prompt token and one that it attends to, itself included; "
		    "makes long prompts dearer than in proportion."),
	COEFFICIENT(sequence_fs, sequence, "sequence_ns", 6, "ns",
		    "Each request that decodes in it."),
	COEFFICIENT(context_token_fs, context_token, "context_token_ps", 3, "ps",
		    "Each token that these attend to."),
	COEFFICIENT(mixed_context_token_fs, mixed_context_token, "mixed_context_token_ps", 3, "ps",
		    "The same once more, in steps that hold prompt tokens, too."),
	COEFFICIENT(first_token_fs, first_token, "first_token_ns", 6, "ns",
		    "Each of the first `first_tokens` tokens in it, of whatever kind: a mixture "
		    "of experts reads more weights with them."),
	TR_INTEGER(struct tr_draft_batching, profile.cost.first_tokens, "first_tokens", 0,
		   TR_BATCH_TOKENS_MAX, NULL, "tokens", "How many these are.", .initial_note = "0",
		   BATCH_GIVEN(first_tokens)),
};
/* A part of the same struct. */
static const struct tr_table step_table =
	TR_TABLE(struct tr_draft_batching, step_fields, "step",
		 .doc = "What the parts of a step take; it takes their sum.");

#define X(NAME, word, text) {word, TR_BATCH_ORDER_##NAME, text},
static const struct tr_word order_words[] = {TR_BATCH_ORDER_MAP(X){0}};
#undef X

static const struct tr_schema_field batching_fields[] = {
	TR_INTEGER(struct tr_draft_batching, profile.sequences, "sequences", 1,
		   TR_BATCH_SEQUENCES_MAX, NULL, "requests",
		   "Requests that it computes at once; more wait in its line.",
		   .initial_note = "256", BATCH_GIVEN(sequences)),
	TR_INTEGER(struct tr_draft_batching, profile.batch_tokens, "batch_tokens", 1,
		   TR_BATCH_TOKENS_MAX, NULL, "tokens",
		   "Tokens of a step: one of each request that decodes, and pieces of prompts. At "
		   "least `sequences`.",
		   .initial_note = "2048", BATCH_GIVEN(batch_tokens)),
	TR_INTEGER(struct tr_draft_batching, profile.kv_blocks, "kv_blocks", 0,
		   TR_BATCH_KV_BLOCKS_MAX, NULL, "blocks",
		   "Its KV memory. 0: never full, and nothing is cached.", .initial_note = "0",
		   BATCH_GIVEN(kv_blocks)),
	TR_INTEGER(struct tr_draft_batching, profile.block_tokens, "block_tokens", 1,
		   TR_BATCH_BLOCK_TOKENS_MAX, NULL, "tokens", "Size of a block.",
		   .initial_note = "16", BATCH_GIVEN(block_tokens)),
	TR_INTEGER(struct tr_draft_batching, profile.kv_watermark, "kv_watermark_blocks", 0,
		   TR_BATCH_KV_BLOCKS_MAX, NULL, "blocks",
		   "Blocks that an admission leaves free while others run.", .initial_note = "0",
		   BATCH_GIVEN(kv_watermark)),
	TR_BOOL(struct tr_draft_batching, profile.prefix_cache, "prefix_cache", NULL,
		"Whether blocks that are no longer in use are found again while they last.",
		.initial_note = "`true`", BATCH_GIVEN(prefix_cache)),
	TR_ENUM(struct tr_draft_batching, profile.order, "order", order_words, NULL,
		"Who of the line is next.", .initial_note = "`fifo`", BATCH_GIVEN(order)),
	TR_INTEGER(struct tr_draft_batching, profile.steps_ahead, "steps_ahead", 0, 1, NULL,
		   "steps",
		   "0: a step is composed when the last one has ended. 1: when that one begins, as "
		   "vLLM's asynchronous scheduling does.",
		   .initial_note = "0", BATCH_GIVEN(steps_ahead)),
	TR_DURATION_MS(struct tr_draft_batching, profile.startup_ns, "startup_ms", 0,
		       TR_VOCABULARY_SPAN_MS_MAX, NULL, "From a restart to the first step.",
		       .initial_note = "0", BATCH_GIVEN(startup)),
	{.key = "step",
	 .kind = TR_KIND_OBJECT,
	 .offset = 0,
	 .table = &step_table,
	 .doc = "What a step takes."},
};
static const struct tr_table batching_table = TR_TABLE(
	struct tr_draft_batching, batching_fields, "batching",
	.doc = "Continuous batching. Slots, times per token and noise of the simple model have no "
	       "effect beside it.");

/* --------------------------------------------------------------------------------------- server */

#define LAYER_FIELDS 1
#define FILE_FIELDS  2

/* A file's keys, between one that only a layer of a scenario has and those that only a file has. */
static const struct tr_schema_field profile_fields[] = {
	TR_TEXT(struct tr_draft_profile, path, "profile", 1, 4000, NULL,
		"A profile file, from the folder of the file that names it. What stands beside "
		"this key goes before what the file says.",
		.node = offsetof(struct tr_draft_profile, path_node)),
	TR_INTEGER(struct tr_draft_profile, profile.slots, "slots", 1, UINT16_MAX, NULL, "requests",
		   "Requests it works on at once; more wait in its line.",
		   .initial_note = "the policy's `slots`", GIVEN(slots)),
	TR_DURATION_MS(struct tr_draft_profile, profile.connect_ns, "connect_ms", 0,
		       TR_VOCABULARY_SPAN_MS_MAX, NULL, "From dispatch to connected.",
		       .initial_note = "1", GIVEN(connect_ns)),
	TR_DURATION_MS(struct tr_draft_profile, profile.ttft_base_ns, "first_token_ms", 0,
		       TR_VOCABULARY_SPAN_MS_MAX, NULL,
		       "Time to the first token of an empty prompt.", .initial_note = "50",
		       GIVEN(ttft_base_ns)),
	TR_DECIMAL(struct tr_draft_profile, profile.prefill_milli, "prefill_tokens_per_second", 3,
		   1000, UINT64_C(1000000000000), NULL, "tokens/s",
		   "Prompt tokens worked through a second.", .initial_note = "7000",
		   GIVEN(prefill_milli)),
	TR_DURATION_MS(struct tr_draft_profile, profile.tpot_ns, "token_ms", 0,
		       TR_VOCABULARY_SPAN_MS_MAX, NULL, "Time per output token after the first.",
		       .initial_note = "45", GIVEN(tpot_ns)),
	TR_DECIMAL(struct tr_draft_profile, profile.service_noise_permille, "service_noise_percent",
		   1, 0, 1000, NULL, "percent",
		   "Coefficient of variation of a request's own speed, the same wherever it runs; "
		   "100 is an exponential server.",
		   .initial_note = "10", GIVEN(service_noise_permille)),
	TR_DECIMAL(struct tr_draft_profile, profile.endpoint_noise_permille,
		   "endpoint_noise_percent", 1, 0, 1000, NULL, "percent",
		   "Coefficient of variation of a try's speed at this endpoint.",
		   .initial_note = "5", GIVEN(endpoint_noise_permille)),
	TR_DECIMAL(struct tr_draft_profile, profile.error_ppm, "error_percent", 4, 0, 1000000, NULL,
		   "percent",
		   "Tries that fail: a third each at connect, before the first token, and in the "
		   "middle of the stream.",
		   .initial_note = "0", GIVEN(error_ppm)),
	TR_INTEGER(struct tr_draft_profile, profile.workers, "workers", 0, UINT16_MAX, NULL,
		   "requests",
		   "HTTP workers: requests that it reads or answers at once. Further connections "
		   "stand, unread, before its line; 0: no limit.",
		   .initial_note = "0", GIVEN(workers)),
	TR_INTEGER(struct tr_draft_profile, profile.inside_max, "inside_max", 0, 1 << 24, NULL,
		   "requests",
		   "Requests that it holds, being served and waiting; more are refused. 0: no "
		   "limit.",
		   .initial_note = "0", GIVEN(inside_max)),
	TR_ENUM(struct tr_draft_profile, profile.full_status, "full_status", full_words, NULL,
		"How those are refused.", .initial_note = "503", GIVEN(full_status)),
	TR_DURATION_MS(struct tr_draft_profile, profile.full_retry_ns, "full_retry_after_ms", 0,
		       TR_VOCABULARY_SPAN_MS_MAX, NULL, "What it asks of them; 0: nothing.",
		       .initial_note = "0", GIVEN(full_retry_ns)),
	TR_INTEGER(struct tr_draft_profile, profile.limit_requests, "limit_requests", 0,
		   UINT32_MAX - 1, NULL, "requests",
		   "Its own rate limit: requests taken in within each interval. More get a 429 and "
		   "a `retry-after` to the interval's end. 0: none.",
		   .initial_note = "0", GIVEN(limit_requests)),
	TR_INTEGER(
		struct tr_draft_profile, profile.limit_tokens, "limit_tokens", 0, INT64_MAX, NULL,
		"tokens",
		"The same of tokens: prompts when they are taken in, answers when they are over.",
		.initial_note = "0", GIVEN(limit_tokens)),
	TR_DURATION_S(struct tr_draft_profile, profile.limit_interval, "limit_interval_s", 1, 86400,
		      NULL, "Length of the intervals.", .initial_note = "60",
		      GIVEN(limit_interval)),
	TR_BOOL(struct tr_draft_profile, profile.limit_reported, "limit_reported", NULL,
		"Whether its answers say what is left (`x-ratelimit-*`).",
		.initial_note = "`false`", GIVEN(limit_reported)),
	TR_ENUM(struct tr_draft_profile, profile.headers, "headers", headers_words, NULL,
		"When it says that it will answer.", .initial_note = "`slot`", GIVEN(headers)),
	TR_OBJECT(struct tr_draft_profile, batching, "batching", &batching_table,
		  "How it computes, where it computes all requests together.", .optional = true,
		  .node = offsetof(struct tr_draft_profile, batching.node)),
	TR_TEXT(struct tr_draft_profile, title, "title", 1, 200, NULL,
		"What machine it is, and what runs on it."),
	TR_TEXT(struct tr_draft_profile, source, "source", 1, 2000, NULL,
		"Where its numbers come from."),
};

const struct tr_table tr_layer_table = {
	.name = "server",
	.doc = "How a simulated server behaves. What is left out is taken from its profile file, "
	       "then from its model's entry, then from `default`, then from the built-in profile: "
	       "llama2-70b on eight A100 with tensor parallelism, as measured by splitwise-sim.",
	.size = sizeof(struct tr_draft_profile),
	.fields = profile_fields,
	.field_count = TR_ARRAY_LENGTH(profile_fields) - FILE_FIELDS,
};

static const struct tr_table file_table = {
	.name = "profile",
	.size = sizeof(struct tr_draft_profile),
	.fields = profile_fields + LAYER_FIELDS,
	.field_count = TR_ARRAY_LENGTH(profile_fields) - LAYER_FIELDS,
};

const struct tr_schema tr_profile_schema = {
	.name = "profile",
	.title = "Server profile",
	.doc = "A profile file says how a machine serves a model: `fleet: {default: {profile: "
	       "FILE}}` of a scenario, or any entry of its `models` and `endpoints`. What it "
	       "leaves "
	       "out is taken from the built-in profile: llama2-70b on eight A100 with tensor "
	       "parallelism, as measured by splitwise-sim.",
	.root = &file_table,
};
