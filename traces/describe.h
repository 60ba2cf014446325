/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, actions and decision records in words and in JSON, made from the field lists of
 * engine/message.h: a field that is added there is shown here without a line of code.
 *
 * Names come from files that anybody may have written; what is given out here has no control
 * characters in it.
 */
#ifndef TR_TRACES_DESCRIBE_H
#define TR_TRACES_DESCRIBE_H

#include <jansson.h>

#include "engine/message.h"

/* How to turn a name hash into its text (NULL: not known), and what times are counted from. */
struct tr_describer {
	const char *(*name)(void *context, tr_name name);
	void *context;
	tr_time_ns start;
};

#define TR_DETAIL_TEXT_MAX 96
/* No message has more fields. */
#define TR_DETAILS_MAX 48

/* One field of a message in words. */
struct tr_detail {
	const char *name;
	char text[TR_DETAIL_TEXT_MAX];
};

/* The fields of a message, the kind's name left out, prefix hashes that are not filled too. Return
 * how many; ret has room for TR_DETAILS_MAX. `kind` must be one of its list. */
size_t tr_describe_event(const struct tr_describer *describer, const struct tr_event *event,
			 struct tr_detail *ret);
size_t tr_describe_action(const struct tr_describer *describer, const struct tr_action *action,
			  struct tr_detail *ret);

/* "a1"; "0x0123456789abcdef" if the text is not known; "-" for no name. Cut to size. Returns text.
 */
const char *tr_describe_name(const struct tr_describer *describer, tr_name name, char *text,
			     size_t size);
/* "3.2 s", "15 ms", "0". Returns text. */
const char *tr_describe_span(tr_span_ns span, char *text, size_t size);
/* "+12.345 s" from the start, "never". Returns text. */
const char *tr_describe_time(const struct tr_describer *describer, tr_time_ns time, char *text,
			     size_t size);

/* "job 12, attempt 0 (first attempt), strategy balanced (least-outstanding): a1, the only
 * candidate". Returns text. */
const char *tr_describe_decision(const struct tr_describer *describer,
				 const struct tr_decision *decision,
				 const struct tr_candidate *candidates, char *text, size_t size);
/* "out, breaker open for 3.2 s more"; "won: 1 of 8 slots taken, measure 125"; where nobody won,
 * "eligible, 1 of 8 slots taken". `index` is among the decision's candidates. Returns text. */
const char *tr_describe_candidate(const struct tr_describer *describer,
				  const struct tr_decision *decision,
				  const struct tr_candidate *candidate, uint32_t index, char *text,
				  size_t size);

/* As objects, to be released by the caller; NULL: out of memory. Names are texts (or "0x..."),
 * hashes 16 hex digits, handles "row/generation", reasons their names, times and spans nanoseconds,
 * a time of never null. Numbers above 2^53 - 1 are decimal texts; times alone are always numbers.
 */
json_t *tr_event_json(const struct tr_describer *describer, const struct tr_event *event);
json_t *tr_action_json(const struct tr_describer *describer, const struct tr_action *action);
json_t *tr_decision_json(const struct tr_describer *describer, const struct tr_decision *decision,
			 const struct tr_candidate *candidates);
/* {"actions": [...], "decisions": [...]} */
json_t *tr_actions_json(const struct tr_describer *describer, const struct tr_actions *actions);

/* ---------------------------------------------------------------------- for describe's own files
 */

/* A field with its value; of a handle, slot1 in the low half and the generation in the high. */
struct tr_value {
	const struct tr_field *field;
	uint64_t number;
	const struct tr_reason *reason; /* where the number is one of a list; else NULL */
};

size_t tr_event_values(const struct tr_event *event, struct tr_value *ret);
size_t tr_action_values(const struct tr_action *action, struct tr_value *ret);
/* The name's text, free of control characters and valid UTF-8, or NULL. */
const char *tr_describer_text(const struct tr_describer *describer, tr_name name);

#endif
