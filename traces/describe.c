/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages in words. A message is encoded and its bytes are walked along its field list: the codec
 * is the one place that knows where a field is, and what it leaves out is left out here.
 */
#include <inttypes.h>
#include <stdio.h>

#include "traces/describe.h"

/* ---------------------------------------------------------------- numbers that stand for reasons
 */

struct reason_field {
	const char *kind; /* of the message; NULL: any */
	const char *field;
	const struct tr_reason *reasons;
	uint64_t count;
};

static const struct reason_field reason_fields[] = {
	{NULL, "cause", tr_causes, TR_CAUSE_COUNT},
	{NULL, "code", tr_rejects, TR_REJECT_COUNT},
	{NULL, "outcome", tr_outcomes, TR_OUTCOME_COUNT},
	{NULL, "role", tr_roles, TR_ROLE_COUNT},
	{NULL, "pick", tr_picks, TR_PICK_COUNT},
	{NULL, "hold", tr_holds, TR_HOLD_COUNT},
	{NULL, "lifecycle", tr_lifecycles, TR_LIFECYCLE_COUNT},
	{"BREAKER_CHANGE", "from", tr_breaker_states, TR_BREAKER_COUNT},
	{"BREAKER_CHANGE", "to", tr_breaker_states, TR_BREAKER_COUNT},
	{"HEALTH_CHANGE", "from", tr_lifecycles, TR_LIFECYCLE_COUNT},
	{"HEALTH_CHANGE", "to", tr_lifecycles, TR_LIFECYCLE_COUNT},
};

static const struct tr_reason *reason_of(const char *kind, const char *field, uint64_t number)
{
	for (size_t i = 0; i < TR_ARRAY_LENGTH(reason_fields); i++) {
		const struct reason_field *row = &reason_fields[i];

		if (strcmp(row->field, field) != 0 || (row->kind && strcmp(row->kind, kind) != 0))
			continue;
		return number < row->count ? &row->reasons[number] : NULL;
	}
	return NULL;
}

/* --------------------------------------------------------------------------------------- values */

static const uint8_t field_bytes[TR_FIELD_COUNT] = {
#define X(tag, ctype, bytes) [TR_FIELD_##tag] = bytes,
	TR_FIELD_TYPE_MAP(X)
#undef X
};

/* The fields of a kind that stand in these bytes, which begin after the kind's head. */
static size_t read_values(const struct tr_message_kind *kind, const uint8_t *p, const uint8_t *end,
			  struct tr_value *ret)
{
	size_t count = 0;

	TR_ASSERT(kind->field_count <= TR_DETAILS_MAX);
	for (; count < kind->field_count && p < end; count++) {
		struct tr_value *value = &ret[count];
		unsigned bytes = field_bytes[kind->fields[count].type];

		value->field = &kind->fields[count];
		value->number = 0;
		for (unsigned i = 0; i < bytes; i++)
			value->number |= (uint64_t)p[i] << (8 * i);
		value->reason = reason_of(kind->name, value->field->name, value->number);
		p += bytes;
	}
	TR_ASSERT(p == end);
	return count;
}

size_t tr_event_values(const struct tr_event *event, struct tr_value *ret)
{
	uint8_t bytes[TR_EVENT_BYTES_MAX];
	size_t length = tr_event_encode(event, bytes);

	/* u16 kind, u64 time, u64 observed */
	return read_values(&tr_event_kinds[event->kind], bytes + 18, bytes + length, ret);
}

size_t tr_action_values(const struct tr_action *action, struct tr_value *ret)
{
	uint8_t bytes[TR_ACTION_BYTES_MAX];
	size_t length = tr_action_encode(action, bytes);

	/* u16 kind */
	return read_values(&tr_action_kinds[action->kind], bytes + 2, bytes + length, ret);
}

/* ---------------------------------------------------------------------------------------- words */

/* Bytes of a UTF-8 character that may be shown, 0 if there is none here. Control characters, of C1
 * too, forms longer than need be and surrogates are not shown. */
static size_t shown_bytes(const unsigned char *p)
{
	uint32_t code;
	size_t length;

	if (p[0] < 0x80)
		return p[0] >= ' ' && p[0] != 0x7f;
	length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	code = p[0] & (0x7fu >> length);
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < 0xa0 || (length == 3 && code < 0x800) || (length == 4 && code < 0x10000) ||
	    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0;
	return length;
}

const char *tr_describer_text(const struct tr_describer *describer, tr_name name)
{
	const char *text = describer->name ? describer->name(describer->context, name) : NULL;

	if (!text)
		return NULL;
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t length = shown_bytes(p);

		if (length == 0)
			return NULL;
		p += length;
	}
	return text;
}

const char *tr_describe_name(const struct tr_describer *describer, tr_name name, char *text,
			     size_t size)
{
	const char *known = name ? tr_describer_text(describer, name) : "-";

	if (known)
		snprintf(text, size, "%s", known);
	else
		snprintf(text, size, "0x%016" PRIx64, name);
	return text;
}

const char *tr_describe_span(tr_span_ns span, char *text, size_t size)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{TR_SECOND, "s"}, {TR_MS, "ms"}, {1000, "us"}, {1, "ns"}};
	size_t u = 0;
	char digits[24] = "";

	if (span == 0) {
		snprintf(text, size, "0");
		return text;
	}
	if (span == TR_TIME_NEVER) {
		snprintf(text, size, "for ever");
		return text;
	}
	while (span < units[u].ns)
		u++;
	if (units[u].ns > 1) {
		/* Three digits after the point, without the zeroes at their end. */
		snprintf(digits, sizeof digits, ".%03" PRIu64,
			 span % units[u].ns / (units[u].ns / 1000));
		for (size_t i = 3; i > 0 && digits[i] == '0'; i--)
			digits[i] = '\0';
		if (digits[1] == '\0')
			digits[0] = '\0';
	}
	snprintf(text, size, "%" PRIu64 "%s %s", span / units[u].ns, digits, units[u].unit);
	return text;
}

const char *tr_describe_time(const struct tr_describer *describer, tr_time_ns time, char *text,
			     size_t size)
{
	uint64_t since = time - describer->start;

	if (time == TR_TIME_NEVER)
		snprintf(text, size, "never");
	else if (time == 0)
		snprintf(text, size, "-");
	else if (time < describer->start)
		snprintf(text, size, "%" PRIu64 " ns", time);
	else
		snprintf(text, size, "+%" PRIu64 ".%09" PRIu64 " s", since / TR_SECOND,
			 since % TR_SECOND);
	return text;
}

static void describe_value(const struct tr_describer *describer, const struct tr_value *value,
			   struct tr_detail *ret)
{
	ret->name = value->field->name;
	if (value->reason) {
		snprintf(ret->text, sizeof ret->text, "%s", value->reason->name);
		return;
	}
	switch ((enum tr_field_type)value->field->type) {
	case TR_FIELD_name:
		tr_describe_name(describer, value->number, ret->text, sizeof ret->text);
		break;
	case TR_FIELD_time:
		tr_describe_time(describer, value->number, ret->text, sizeof ret->text);
		break;
	case TR_FIELD_span:
		tr_describe_span(value->number, ret->text, sizeof ret->text);
		break;
	case TR_FIELD_hash:
		if (value->number == 0)
			snprintf(ret->text, sizeof ret->text, "-");
		else
			snprintf(ret->text, sizeof ret->text, "%016" PRIx64, value->number);
		break;
	case TR_FIELD_job:
	case TR_FIELD_attempt:
		snprintf(ret->text, sizeof ret->text, "%u/%u", (uint32_t)value->number,
			 (uint32_t)(value->number >> 32));
		break;
	case TR_FIELD_u8:
	case TR_FIELD_u16:
	case TR_FIELD_u32:
	case TR_FIELD_u64:
	case TR_FIELD_COUNT:
		snprintf(ret->text, sizeof ret->text, "%" PRIu64, value->number);
		break;
	}
}

static size_t describe_values(const struct tr_describer *describer, const struct tr_value *values,
			      size_t count, struct tr_detail *ret)
{
	for (size_t i = 0; i < count; i++)
		describe_value(describer, &values[i], &ret[i]);
	return count;
}

size_t tr_describe_event(const struct tr_describer *describer, const struct tr_event *event,
			 struct tr_detail *ret)
{
	struct tr_value values[TR_DETAILS_MAX];

	return describe_values(describer, values, tr_event_values(event, values), ret);
}

size_t tr_describe_action(const struct tr_describer *describer, const struct tr_action *action,
			  struct tr_detail *ret)
{
	struct tr_value values[TR_DETAILS_MAX];

	return describe_values(describer, values, tr_action_values(action, values), ret);
}
