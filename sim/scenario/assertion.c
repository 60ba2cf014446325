/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no single key can check: which keys go together, which value can be selected by what, and
 * where a window lies on the time line of the run.
 */
#include "sim/scenario/assertion.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/policy/suggest.h"

#define HASH_DIGITS 16
#define BOUND_SCALE 6

enum kind {
	KIND_VALUE = 1 << 0,
	KIND_EVENT = 1 << 1,
	KIND_ORDER = 1 << 2,
	KIND_HASH = 1 << 3,
};

struct check {
	const struct tr_document *document;
	const struct tr_fault *faults;
	uint32_t fault_count;
	struct tr_diagnostic *diagnostic;
	const struct tr_node *node; /* of the assertion */
	char path[64];
};

static int refuse(const struct check *check, const struct tr_node *node, const char *key,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(const struct check *check, const struct tr_node *node, const char *key,
		  const char *format, ...)
{
	char path[sizeof check->path + 64], message[400];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	(void)snprintf(path, sizeof path, "%s%s%s", check->path, *key ? "." : "", key);
	return tr_schema_diagnose(check->diagnostic, check->document, node ? node : check->node,
				  path, "%s", message);
}

/* ----------------------------------------------------------------------------------------- about
 */

static const struct {
	const char *key;
	uint32_t selector;
	size_t node;
} about_keys[] = {
#define X(uc, member, key, text)                                                                   \
	{key, TR_SELECT_##uc, offsetof(struct tr_draft_about, given.member)},
	TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X)
#undef X
};

static const struct tr_node *node_at(const void *base, size_t offset)
{
	const struct tr_node *node;

	memcpy(&node, (const char *)base + offset, sizeof node);
	return node;
}

uint32_t tr_about_given(const struct tr_draft_about *about)
{
	uint32_t given = 0;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(about_keys); i++)
		given |= node_at(about, about_keys[i].node) ? about_keys[i].selector : 0;
	return given;
}

static tr_name name_of(const char *text)
{
	return text ? tr_name_of(text, strlen(text)) : 0;
}

struct tr_subject tr_about_subject(const struct tr_draft_about *about)
{
	return (struct tr_subject){
#define X(uc, member, ...) .member = name_of(about->member),
		TR_SELECTOR_NAME_MAP(X)
#undef X
#define X(uc, member, ...) .member = about->member,
			TR_SELECTOR_REASON_MAP(X)
#undef X
	};
}

/* "class, tenant, session or model" */
static const char *selectors_text(uint32_t selectors, char *text, size_t size)
{
	size_t used = 0, left = 0;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(about_keys); i++)
		left += (selectors & about_keys[i].selector) != 0;
	(void)snprintf(text, size, "nothing");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(about_keys) && used < size; i++)
		if (selectors & about_keys[i].selector)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 about_keys[i].key,
						 --left > 1  ? ", "
						 : left == 1 ? " or "
							     : "");
	return text;
}

static int check_about(const struct check *check, const struct tr_draft_about *about,
		       const char *what, uint32_t selectors, const char *prefix)
{
	uint32_t wrong = tr_about_given(about) & ~selectors;
	char text[120], key[64];

	for (size_t i = 0; i < TR_ARRAY_LENGTH(about_keys); i++) {
		if (!(wrong & about_keys[i].selector))
			continue;
		(void)snprintf(key, sizeof key, "%s%s", prefix, about_keys[i].key);
		return refuse(check, node_at(about, about_keys[i].node), key,
			      "'%s' cannot be selected by %s; it can be by %s", what,
			      about_keys[i].key, selectors_text(selectors, text, sizeof text));
	}
	return 0;
}

/* ---------------------------------------------------------------------------------------- window
 */

static const struct tr_fault *find_fault(const struct check *check, const char *name)
{
	for (uint32_t i = 0; i < check->fault_count; i++)
		if (strcmp(check->faults[i].name, name) == 0)
			return &check->faults[i];
	return NULL;
}

static int refuse_fault(const struct check *check, const struct tr_node *node, const char *key,
			const char *name)
{
	struct tr_suggest suggest;

	tr_suggest_begin(&suggest, name);
	for (uint32_t i = 0; i < check->fault_count; i++)
		tr_suggest_offer(&suggest, check->faults[i].name);
	return refuse(check, node, key, "there is no fault named '%s'%s%s%s", name,
		      suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
		      suggest.best ? "'?" : "");
}

/* What a window leans on. */
struct anchor {
	const char *key;
	const char *fault; /* NULL: the start of the run */
	const struct tr_node *node;
};

static int take_anchor(const struct check *check, const struct tr_draft_window *window,
		       const char *prefix, struct anchor *ret)
{
	const struct anchor anchors[] = {
		{"after", window->after, window->given.after},
		{"after_end", window->after_end, window->given.after_end},
		{"during", window->during, window->given.during},
		{"before", window->before, window->given.before},
	};
	struct anchor anchor = {"", NULL, NULL};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(anchors); i++) {
		char key[64];

		if (!anchors[i].fault)
			continue;
		(void)snprintf(key, sizeof key, "%s%s", prefix, anchors[i].key);
		if (anchor.fault)
			return refuse(check, anchors[i].node, key,
				      "found beside '%s'; expected one of them", anchor.key);
		if (!find_fault(check, anchors[i].fault))
			return refuse_fault(check, anchors[i].node, key, anchors[i].fault);
		anchor = anchors[i];
	}
	*ret = anchor;
	return 0;
}

/* Keys of the span that go with no anchor but some. */
static int check_span_keys(const struct check *check, const struct tr_draft_window *window,
			   const char *prefix, const struct anchor *anchor)
{
	char key[64];

	(void)snprintf(key, sizeof key, "%swithin_s", prefix);
	if (window->given.within_s && window->given.to_s)
		return refuse(check, window->given.within_s, key,
			      "found beside 'to_s'; expected one of them");
	if (window->given.within_s && window->during)
		return refuse(check, window->given.within_s, key,
			      "found beside 'during', which says how long the window is");
	(void)snprintf(key, sizeof key, "%sto_s", prefix);
	if (window->given.to_s && (window->during || window->before))
		return refuse(check, window->given.to_s, key,
			      "found beside '%s', which says where the window ends", anchor->key);
	(void)snprintf(key, sizeof key, "%sfrom_s", prefix);
	if (window->given.from_s && window->before)
		return refuse(check, window->given.from_s, key,
			      "found beside 'before'; 'within_s' says how long before");
	return 0;
}

static int check_window(const struct check *check, struct tr_draft_window *window,
			const char *prefix)
{
	const struct tr_fault *fault = NULL;
	struct anchor anchor = {"", NULL, NULL};
	tr_span_ns begin = 0;
	char key[64];

	if (take_anchor(check, window, prefix, &anchor) ||
	    check_span_keys(check, window, prefix, &anchor))
		return -1;
	if (anchor.fault)
		fault = find_fault(check, anchor.fault);
	(void)snprintf(key, sizeof key, "%s%s", prefix, anchor.key);
	if (window->after_end && fault->end == TR_TIME_NEVER)
		return refuse(check, anchor.node, key, "the fault '%s' has no end", anchor.fault);
	if (window->before) {
		window->from = window->given.within_s ? tr_sub_sat(fault->at, window->within_s) : 0;
		window->to = fault->at;
	} else {
		if (fault)
			begin = window->after_end ? fault->end : fault->at;
		window->from = begin + window->from_s;
		window->to = window->during	      ? fault->end
			     : window->given.to_s     ? begin + window->to_s
			     : window->given.within_s ? begin + window->within_s + 1
						      : TR_TIME_NEVER;
	}
	if (window->from >= window->to)
		return refuse(check,
			      window->given.to_s     ? window->given.to_s
			      : window->given.from_s ? window->given.from_s
						     : anchor.node,
			      *prefix ? "times" : "",
			      "the window is empty: it ends before it has begun");
	return 0;
}

/* ---------------------------------------------------------------------------------------- bounds
 */

static int take_equal_number(const struct check *check, struct tr_draft_bounds *bounds)
{
	const struct tr_node *node = bounds->equals;
	uint64_t number;

	if (!node)
		return 0;
	if (!node->plain ||
	    tr_number_parse(node->text, node->length, BOUND_SCALE, &number) != TR_NUMBER_OK)
		return refuse(check, node, "equals",
			      "found '%.60s'; expected a number with at most %d digits behind the "
			      "point",
			      node->text, BOUND_SCALE);
	bounds->equal = number;
	return 0;
}

static int take_hash(const struct check *check, struct tr_draft_bounds *bounds)
{
	const struct tr_node *node = bounds->equals;
	uint64_t hash = 0;
	bool good = node && node->length == HASH_DIGITS;

	if (!node)
		return refuse(check, NULL, "", "the key 'equals' is missing: what the hash is");
	for (size_t i = 0; good && i < HASH_DIGITS; i++)
		good = isxdigit((unsigned char)node->text[i]);
	if (!good || sscanf(node->text, "%16" SCNx64, &hash) != 1)
		return refuse(check, node, "equals",
			      "found '%.60s'; expected 16 hexadecimal digits", node->text);
	bounds->equal = hash;
	return 0;
}

static int check_bounds(const struct check *check, const struct tr_draft_bounds *bounds)
{
	const struct tr_draft_number *two = bounds->between.items;

	if (!bounds->given.between || (bounds->between.count == 0 && bounds->equals))
		return 0;
	if (bounds->between.count != 2)
		return refuse(check, bounds->given.between, "between",
			      "found %u of them; expected two numbers", bounds->between.count);
	if (two[0].number > two[1].number)
		return refuse(check, bounds->given.between, "between",
			      "the first is above the second, so that nothing is between");
	return 0;
}

static bool has_bound(const struct tr_draft_bounds *bounds)
{
#define X(key, words) || bounds->given.key
	return bounds->equals || bounds->between.count > 0 TR_BOUND_MAP(X);
#undef X
}

/* ------------------------------------------------------------------------------------- keys, kinds
 */

static const char *const kind_keys[] = {"value", "event", "order", "hash"};

/* Which keys mean something beside which kind of assertion. */
static const struct {
	const char *key;
	size_t node;
	unsigned kinds;
} key_rules[] = {
#define AT(member)		 offsetof(struct tr_draft_assertion, member)
#define X(uc, member, key, text) {key, AT(about.given.member), KIND_VALUE | KIND_EVENT},
	TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X)
#undef X
#define X(key) {#key, AT(window.given.key), KIND_VALUE | KIND_EVENT | KIND_ORDER},
		TR_WINDOW_KEY_MAP(X)
#undef X
#define X(key, words) {#key, AT(bounds.given.key), KIND_VALUE | KIND_EVENT},
			TR_BOUND_MAP(X)
#undef X
				{"equals", AT(bounds.equals), KIND_VALUE | KIND_EVENT | KIND_HASH},
	{"times", AT(times.node), KIND_VALUE},
#undef AT
};

static int check_keys(const struct check *check, const struct tr_draft_assertion *assertion,
		      unsigned kind)
{
	const char *word = kind_keys[__builtin_ctz(kind)];

	for (size_t i = 0; i < TR_ARRAY_LENGTH(key_rules); i++) {
		const struct tr_node *node = node_at(assertion, key_rules[i].node);

		if (node && !(key_rules[i].kinds & kind))
			return refuse(check, node, key_rules[i].key,
				      "'%s' means nothing beside '%s'", key_rules[i].key, word);
	}
	if (assertion->bounds.between.count && !(kind & (KIND_VALUE | KIND_EVENT)))
		return refuse(check, assertion->bounds.given.between, "between",
			      "'between' means nothing beside '%s'", word);
	if (assertion->bounds.never && (kind != KIND_EVENT || has_bound(&assertion->bounds)))
		return refuse(check, NULL, "never",
			      kind == KIND_EVENT ? "found beside a bound; expected one of them"
						 : "only an event can happen never");
	return 0;
}

static int take_kind(const struct check *check, const struct tr_draft_assertion *assertion,
		     unsigned *ret)
{
	unsigned kind =
		(assertion->value ? KIND_VALUE : 0u) | (assertion->event ? KIND_EVENT : 0u) |
		(assertion->order.count ? KIND_ORDER : 0u) | (assertion->hash ? KIND_HASH : 0u);

	if (kind == 0)
		return refuse(check, NULL, "",
			      "it asserts nothing: expected one of value, event, order, hash");
	if (kind & (kind - 1))
		return refuse(check, NULL, "", "found '%s' beside '%s'; expected one of them",
			      kind_keys[__builtin_ctz(kind & (kind - 1))],
			      kind_keys[__builtin_ctz(kind)]);
	*ret = kind;
	return check_keys(check, assertion, kind);
}

/* ------------------------------------------------------------------------------------ assertions
 */

static int check_value(const struct check *check, struct tr_draft_assertion *assertion)
{
	const struct tr_value *value = &tr_values[assertion->value - 1], *other;
	struct tr_draft_times *times = &assertion->times;

	if (!has_bound(&assertion->bounds))
		return refuse(check, NULL, "",
			      "a bound is missing: expected below, above, at_least, at_most, "
			      "between or equals");
	if (check_about(check, &assertion->about, value->name, value->selectors, "") ||
	    check_window(check, &assertion->window, "") ||
	    take_equal_number(check, &assertion->bounds))
		return -1;
	if (!times->node)
		return 0;
	other = &tr_values[times->value - 1];
	if (strcmp(other->unit, value->unit) != 0)
		return refuse(check, times->node, "times",
			      "'%s' is in %s, '%s' in %s; expected two of one unit", value->name,
			      value->unit, other->name, other->unit);
	if (check_about(check, &times->about, other->name, other->selectors, "times."))
		return -1;
	return check_window(check, &times->window, "times.");
}

static int check_event(const struct check *check, struct tr_draft_assertion *assertion)
{
	const struct tr_occurrence_row *row = &tr_occurrence_rows[assertion->event - 1];

	if (check_about(check, &assertion->about, row->name, row->selectors, "") ||
	    check_window(check, &assertion->window, ""))
		return -1;
	return take_equal_number(check, &assertion->bounds);
}

static int check_order(const struct check *check, struct tr_draft_assertion *assertion)
{
	const struct tr_draft_step *steps = assertion->order.items;

	if (assertion->order.count < 2)
		return refuse(check, NULL, "order", "found one event; expected two or more");
	for (uint32_t i = 0; i < assertion->order.count; i++) {
		const struct tr_occurrence_row *row = &tr_occurrence_rows[steps[i].event - 1];
		char prefix[32];

		(void)snprintf(prefix, sizeof prefix, "order[%u].", i);
		if (check_about(check, &steps[i].about, row->name, row->selectors, prefix))
			return -1;
	}
	return check_window(check, &assertion->window, "");
}

static int check_hash(const struct check *check, struct tr_draft_assertion *assertion)
{
	return take_hash(check, &assertion->bounds);
}

int tr_assertions_take(const struct tr_document *document, struct tr_rows *rows,
		       const struct tr_fault *faults, uint32_t fault_count,
		       struct tr_diagnostic *ret_diagnostic)
{
	static int (*const checks[])(const struct check *, struct tr_draft_assertion *) = {
		check_value,
		check_event,
		check_order,
		check_hash,
	};
	struct tr_draft_assertion *assertions = rows->items;
	struct check check = {.document = document,
			      .faults = faults,
			      .fault_count = fault_count,
			      .diagnostic = ret_diagnostic};

	for (uint32_t i = 0; i < rows->count; i++) {
		unsigned kind = 0;

		check.node = assertions[i].row.node;
		(void)snprintf(check.path, sizeof check.path, "assert[%u]", i);
		if (take_kind(&check, &assertions[i], &kind) ||
		    check_bounds(&check, &assertions[i].bounds) ||
		    checks[__builtin_ctz(kind)](&check, &assertions[i]))
			return -1;
	}
	return 0;
}
