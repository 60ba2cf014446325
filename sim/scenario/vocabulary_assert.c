/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asserted of a run, as scenario files say it. Values and events come from their own
 * lists (sim/value.h, sim/occurrence.h), reasons from the engine's.
 */
#include "sim/scenario/assertion.h"

#define SPAN_S_MAX UINT64_C(315360000) /* ten years */
/* Of a bound: 10^12 units. */
#define BOUND_MAX   (UINT64_C(1000000000000) * TR_VALUE_UNIT)
#define BOUND_SCALE 6

#define X(name, ...) {#name, TR_VALUE_##name + 1, NULL},
static const struct tr_word value_words[] = {TR_VALUE_MAP(X){0}};
#undef X
#define X(uc, lc, ...) {#lc, TR_OCCURRENCE_##uc + 1, NULL},
static const struct tr_word event_words[] = {TR_OCCURRENCE_MAP(X){0}};
#undef X

/* Reasons by name; the first of each list, NONE, is what is not given. */
#define X(name, ...) {#name, TR_REJECT_##name, NULL},
static const struct tr_word all_code_words[] = {TR_REJECT_MAP(X){0}};
#undef X
#define X(name, ...) {#name, TR_OUTCOME_##name, NULL},
static const struct tr_word all_outcome_words[] = {TR_OUTCOME_MAP(X){0}};
#undef X
#define X(name, ...) {#name, TR_CAUSE_##name, NULL},
static const struct tr_word all_cause_words[] = {TR_CAUSE_MAP(X){0}};
#undef X
_Static_assert(TR_REJECT_NONE == 0, "the first word is left out");
_Static_assert(TR_OUTCOME_NONE == 0, "the first word is left out");
_Static_assert(TR_CAUSE_NONE == 0, "the first word is left out");

static const struct tr_word hash_words[] = {
	{"path", TR_HASH_PATH, "decisions only, without times"},
	{"run", TR_HASH_RUN, "every event and action, with times"},
	{0},
};

/* ------------------------------------------------------------------------------- shared keys */

#define ABOUT_NAME(type, member, key, doc)                                                         \
	TR_NAME(type, about.member, key, NULL, doc, .node = offsetof(type, about.given.member))
#define ABOUT_WORD(type, member, key, words, doc)                                                  \
	TR_ENUM(type, about.member, key, words, NULL, doc,                                         \
		.node = offsetof(type, about.given.member))

#define ABOUT(type)                                                                                \
	ABOUT_NAME(type, class_name, "class", "Only those of this class."),                        \
		ABOUT_NAME(type, tenant, "tenant", "Only those of this tenant."),                  \
		ABOUT_NAME(type, session, "session", "Only those of this session."),               \
		ABOUT_NAME(                                                                        \
			type, model, "model",                                                      \
			"Of requests, only those that asked for this model; of attempts, those "   \
			"that were sent to it; of endpoints, its own."),                           \
		ABOUT_NAME(type, endpoint, "endpoint",                                             \
			   "Of attempts, only those sent to this endpoint; of requests, those "    \
			   "that it answered."),                                                   \
		ABOUT_WORD(type, code, "code", all_code_words + 1,                                 \
			   "Only refusals for this reason."),                                      \
		ABOUT_WORD(type, outcome, "outcome", all_outcome_words + 1,                        \
			   "Only requests that ended so."),                                        \
		ABOUT_WORD(type, cause, "cause", all_cause_words + 1,                              \
			   "Only what ended for this reason.")

#define WINDOW_SPAN(type, key, doc)                                                                \
	TR_DURATION_S(type, window.key, #key, 0, SPAN_S_MAX, NULL, doc,                            \
		      .node = offsetof(type, window.given.key))
#define WINDOW_FAULT(type, key, doc)                                                               \
	TR_NAME(type, window.key, #key, NULL, doc, .node = offsetof(type, window.given.key))

#define WINDOW(type)                                                                               \
	WINDOW_SPAN(type, from_s,                                                                  \
		    "Where the window begins: after the start of the run, or of what `after`, "    \
		    "`after_end` or `during` name."),                                              \
		WINDOW_SPAN(type, to_s, "Where it ends, from the same; what is then is outside."), \
		WINDOW_SPAN(type, within_s,                                                        \
			    "The same, and what is then is inside. With `before`: how long "       \
			    "before."),                                                            \
		WINDOW_FAULT(type, after, "The window begins when this fault does."),              \
		WINDOW_FAULT(type, after_end, "The window begins when this fault ends."),          \
		WINDOW_FAULT(type, during, "The window is as long as this fault."),                \
		WINDOW_FAULT(type, before, "The window ends when this fault begins.")

/* ---------------------------------------------------------------------------------- assertions */

static const struct tr_schema_field times_fields[] = {
	TR_ENUM(struct tr_draft_times, value, "value", value_words, NULL, "The other value.",
		.required = true),
	ABOUT(struct tr_draft_times),
	WINDOW(struct tr_draft_times),
};
static const struct tr_table times_table =
	TR_TABLE(struct tr_draft_times, times_fields, "value",
		 .doc = "Bounds are this many times that value: `at_most: 1.2` is 1.2 times.");

static const struct tr_schema_field step_fields[] = {
	TR_ENUM(struct tr_draft_step, event, "event", event_words, NULL, "What happened.",
		.required = true),
	ABOUT(struct tr_draft_step),
};
static const struct tr_table step_table = TR_TABLE(struct tr_draft_step, step_fields, "event");

static const struct tr_schema_field number_fields[] = {
	TR_DECIMAL(struct tr_draft_number, number, "number", BOUND_SCALE, 0, BOUND_MAX, NULL, NULL,
		   "A number."),
};
static const struct tr_table number_table =
	TR_TABLE(struct tr_draft_number, number_fields, "number", .scalar = true);

#define BOUND(key, doc)                                                                            \
	TR_DECIMAL(struct tr_draft_assertion, bounds.key, #key, BOUND_SCALE, 0, BOUND_MAX, NULL,   \
		   NULL, doc, .node = offsetof(struct tr_draft_assertion, bounds.given.key))

static const struct tr_schema_field assertion_fields[] = {
	TR_NAME(struct tr_draft_assertion, name, "name", NULL, "What it is called in results."),
	TR_ENUM(struct tr_draft_assertion, value, "value", value_words, NULL,
		"A value of the result, with one bound or more."),
	TR_ENUM(struct tr_draft_assertion, event, "event", event_words, NULL,
		"Something happens; how often may be bounded, at least once is the default."),
	TR_LIST(struct tr_draft_assertion, order, "order", &step_table, 0, TR_ASSERTION_STEPS_MAX,
		"All of these happen, and for the first time in this order; an event that stands "
		"here for the n-th time is its n-th occurrence."),
	TR_ENUM(struct tr_draft_assertion, hash, "hash", hash_words, NULL,
		"A hash of the run `equals` 16 hexadecimal digits."),
	ABOUT(struct tr_draft_assertion),
	WINDOW(struct tr_draft_assertion),
	BOUND(below, "Less than this."),
	BOUND(above, "More than this."),
	BOUND(at_least, "This or more."),
	BOUND(at_most, "This or less."),
	TR_TREE(struct tr_draft_assertion, bounds.equals, "equals", TR_SHAPE_NUMBER | TR_SHAPE_TEXT,
		"Just this number; or a hash."),
	TR_LIST(struct tr_draft_assertion, bounds.between, "between", &number_table, 0, 2,
		"Two numbers: not less than the first, not more than the second.",
		.node = offsetof(struct tr_draft_assertion, bounds.given.between)),
	TR_BOOL(struct tr_draft_assertion, bounds.never, "never", "false",
		"The event does not happen."),
	TR_OBJECT(struct tr_draft_assertion, times, "times", &times_table,
		  "The bounds are so many times this value.", .optional = true,
		  .node = offsetof(struct tr_draft_assertion, times.node)),
};
const struct tr_table tr_assertion_table = TR_TABLE(
	struct tr_draft_assertion, assertion_fields, "assertion",
	.doc = "One thing that must hold of the run: a `value` with bounds, an `event`, an `order` "
	       "of events, or a `hash`. Which values and events there are, and what each can be "
	       "selected by, stands at the end of this page. A value that there is nothing to make "
	       "of (a percentile of no requests) holds no bound, and a window that begins after "
	       "the run has ended holds nothing.");
