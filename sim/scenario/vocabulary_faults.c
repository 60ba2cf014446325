/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of faults. A fault is one flat map, whatever its kind; which keys go with which
 * kind is the table's affair (sim/server/fault.h) and is checked behind the reader.
 */
#include "sim/scenario/vocabulary_faults.h"

#include "engine/policy/policy.h"

#define SPAN_MS_MAX UINT64_C(864000000) /* ten days */
#define SPAN_S_MAX  UINT64_C(315360000) /* ten years */
#define COUNT_MAX   UINT64_C(1000000000)

#define GIVEN(member) .node = offsetof(struct tr_draft_fault, given.member)
#define NODE(member)  .node = offsetof(struct tr_draft_fault, member)
/* A span above 0, in milliseconds. */
#define SPAN(member, ...)                                                                          \
	TR_DECIMAL(struct tr_draft_fault, member, #member, 6, 1, SPAN_MS_MAX *TR_MS, NULL, "ms",   \
		   __VA_ARGS__, GIVEN(member))

#define X(NAME, word, scope, place, cause, keys, needed, text) {word, TR_FAULT_##NAME, text},
static const struct tr_word kind_words[] = {TR_FAULT_MAP(X){0}};
#undef X

#define S(status) {#status, status, NULL},
static const struct tr_word status_words[] = {TR_FAULT_STATUS_MAP(S){0}};
#undef S
static const struct tr_word direction_words[] = {
	{"forward", 0, NULL},
	{"backward", 1, NULL},
	{0},
};

static const struct tr_schema_field name_fields[] = {
	TR_NAME(struct tr_draft_fault_name, name, "name", NULL, "A name of the policy."),
};
static const struct tr_table name_table =
	TR_TABLE(struct tr_draft_fault_name, name_fields, "name", .scalar = true);

static const struct tr_schema_field fault_fields[] = {
	TR_NAME(struct tr_draft_fault, name, "name", NULL, "What assertions call it.",
		.initial_note = "`fault-1` and so on, by its place in the list", NODE(name_node)),
	TR_ENUM(struct tr_draft_fault, kind, "kind", kind_words, NULL,
		"What is wrong; [faults.md](faults.md) has each kind with its own keys.",
		.required = true),
	TR_DURATION_S(struct tr_draft_fault, at_ns, "at_s", 0, SPAN_S_MAX, "0",
		      "From so long after the first request."),
	TR_DECIMAL(struct tr_draft_fault, for_ns, "for_s", 9, 1, SPAN_S_MAX *TR_SECOND, NULL, "s",
		   "For so long.", .initial_note = "to the end of the run", NODE(for_node)),
	TR_LIST(struct tr_draft_fault, endpoints, "endpoints", &name_table, 1,
		TR_POLICY_ENDPOINTS_MAX,
		"The endpoints that it concerns, all at once. A copy `a1~2` is concerned where "
		"`a1` is.",
		.set = true, NODE(endpoints_node)),
	TR_LIST(struct tr_draft_fault, models, "models", &name_table, 1, TR_POLICY_MODELS_MAX,
		"All endpoints of these models; instead of `endpoints`.", .set = true,
		NODE(models_node)),
	TR_BOOL(struct tr_draft_fault, all, "all", NULL, "All endpoints; instead of `endpoints`.",
		.initial_note = "`false`", NODE(all_node)),
	TR_INTEGER(struct tr_draft_fault, first, "first", 1, COUNT_MAX, NULL, "tries",
		   "Only the first so many, over all endpoints concerned.",
		   .initial_note = "every one", NODE(first_node)),
	TR_DECIMAL(struct tr_draft_fault, percent_ppm, "percent", 4, 1, 1000000, NULL, "percent",
		   "Only such a share of them, drawn; instead of `first`.",
		   .initial_note = "every one", NODE(percent_node)),
	SPAN(start_ms, "How long starting again takes after `for_s`.", .initial_note = "0"),
	TR_BOOL(struct tr_draft_fault, reported, "reported", NULL,
		"Whether the host hears of it at once, and says so to the engine: down, starting, "
		"up.",
		.initial_note = "`false`", GIVEN(reported)),
	TR_DECIMAL(struct tr_draft_fault, speed_percent, "speed_percent", 1, 0, 1000, NULL,
		   "percent", "Of the speed of its profile.", GIVEN(speed_percent)),
	SPAN(extra_ms, "What is added."),
	TR_ENUM(struct tr_draft_fault, status, "status", status_words, NULL, "HTTP status.",
		GIVEN(status)),
	SPAN(retry_after_ms, "What the answer asks for (`retry-after`).",
	     .initial_note = "nothing"),
	SPAN(after_ms, "From taking the request in to the error.", .initial_note = "0"),
	TR_INTEGER(struct tr_draft_fault, requests_remaining, "requests_remaining", 0, COUNT_MAX,
		   NULL, "requests", "What the answer says is left (`x-ratelimit-*`).",
		   .initial_note = "not said", GIVEN(requests_remaining)),
	SPAN(requests_reset_ms, "When that is whole again; goes with it."),
	TR_INTEGER(struct tr_draft_fault, tokens_remaining, "tokens_remaining", 0, COUNT_MAX, NULL,
		   "tokens", "The same of tokens.", .initial_note = "not said",
		   GIVEN(tokens_remaining)),
	SPAN(tokens_reset_ms, "When that is whole again; goes with it."),
	SPAN(hold_ms, "How long it is held back.", .initial_note = "to the fault's end"),
	TR_INTEGER(struct tr_draft_fault, after_tokens, "after_tokens", 0, COUNT_MAX, NULL,
		   "tokens", "How much of the answer comes before it; at most all of it.",
		   .initial_note = "as the kind says", GIVEN(after_tokens)),
	SPAN(token_ms, "Between two tokens."),
	SPAN(by_ms, "How far."),
	TR_ENUM(struct tr_draft_fault, direction, "direction", direction_words, NULL, "Where to.",
		.initial_note = "`forward`", GIVEN(direction)),
};
const struct tr_table tr_scenario_fault_table = TR_TABLE(
	struct tr_draft_fault, fault_fields, "fault",
	.doc = "What goes wrong, when, and for whom: exactly one of `endpoints`, `models` and "
	       "`all`, or none of them where the fault is the store's or the clock's. Which keys "
	       "go "
	       "with which kind, and what holds where two faults overlap, is in "
	       "[faults.md](faults.md).");
