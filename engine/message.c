/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The byte form of events and actions, made from the field lists of message.h.
 *
 * Event:  u16 kind, u64 time, u64 observed, fields.     Action: u16 kind, fields.
 *
 * All little-endian, no padding, fixed length per kind, with one exception: of JOB_SUBMIT's sixteen
 * prefix hashes only the filled ones are written. Decoding accepts exactly what encoding makes.
 */
#include "engine/message.h"

#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

#define EVENT_HEAD_BYTES  18
#define ACTION_HEAD_BYTES 2

/* Encoded lengths. */
enum {
#define X(tag, ctype, bytes) BYTES_##tag = bytes,
	TR_FIELD_TYPE_MAP(X)
#undef X
#define ADD(tag, name) +BYTES_##tag
#define X(uc, lc)      event_##lc##_bytes = EVENT_HEAD_BYTES TR_EVENT_##uc##_FIELDS(ADD),
	TR_EVENT_MAP(X)
#undef X
#define X(uc, lc) action_##lc##_bytes = ACTION_HEAD_BYTES TR_ACTION_##uc##_FIELDS(ADD),
		TR_ACTION_MAP(X)
#undef X
#undef ADD
};

#define X(uc, lc)                                                                                  \
	_Static_assert((int)event_##lc##_bytes <= TR_EVENT_BYTES_MAX, "TR_EVENT_BYTES_MAX");
TR_EVENT_MAP(X)
#undef X
#define X(uc, lc)                                                                                  \
	_Static_assert((int)action_##lc##_bytes <= TR_ACTION_BYTES_MAX, "TR_ACTION_BYTES_MAX");
TR_ACTION_MAP(X)
#undef X

/* ---- descriptions ---- */

#define DESCRIBE(tag, field) {.name = #field, .type = TR_FIELD_##tag},
#define X(uc, lc)                                                                                  \
	static const struct tr_field event_##lc##_fields[] = {                                     \
		TR_EVENT_##uc##_FIELDS(DESCRIBE){.name = NULL}};
TR_EVENT_MAP(X)
#undef X
#define X(uc, lc)                                                                                  \
	static const struct tr_field action_##lc##_fields[] = {                                    \
		TR_ACTION_##uc##_FIELDS(DESCRIBE){.name = NULL}};
TR_ACTION_MAP(X)
#undef X
#undef DESCRIBE

#define ROW(side, UC, id, lc)                                                                      \
	[UC] = {.name = #id,                                                                       \
		.fields = side##_##lc##_fields,                                                    \
		.field_count = (uint16_t)(TR_ARRAY_LENGTH(side##_##lc##_fields) - 1),              \
		.bytes = (uint16_t)side##_##lc##_bytes},

#define X(uc, lc) ROW(event, TR_EVENT_##uc, uc, lc)
const struct tr_message_kind tr_event_kinds[TR_EVENT_COUNT] = {TR_EVENT_MAP(X)};
#undef X
#define X(uc, lc) ROW(action, TR_ACTION_##uc, uc, lc)
const struct tr_message_kind tr_action_kinds[TR_ACTION_COUNT] = {TR_ACTION_MAP(X)};
#undef X
#undef ROW

/* ---- encode and decode ---- */

#define PUT(tag, name) p = tr_put_##tag(p, body->name);
#define GET(tag, name) p = tr_get_##tag(p, &body->name);

#define DEFINE_BODY(side, list, lc)                                                                \
	static uint8_t *put_##side##_##lc(uint8_t *p, const struct tr_##side##_##lc *body)         \
	{                                                                                          \
		(void)body;                                                                        \
		list(PUT) return p;                                                                \
	}                                                                                          \
	static const uint8_t *get_##side##_##lc(const uint8_t *p, struct tr_##side##_##lc *body)   \
	{                                                                                          \
		(void)body;                                                                        \
		list(GET) return p;                                                                \
	}
#define X(uc, lc) DEFINE_BODY(event, TR_EVENT_##uc##_FIELDS, lc)
TR_EVENT_MAP(X)
#undef X
#define X(uc, lc) DEFINE_BODY(action, TR_ACTION_##uc##_FIELDS, lc)
TR_ACTION_MAP(X)
#undef X

/* Bytes of the prefix hashes that a JOB_SUBMIT leaves out. */
static size_t submit_unfilled_bytes(uint8_t prefix_count)
{
	return (size_t)(TR_PREFIX_MAX - prefix_count) * BYTES_hash;
}

size_t tr_event_encode(const struct tr_event *event, uint8_t *ret)
{
	uint8_t *p = ret;

	TR_ASSERT(event->kind > TR_EVENT_NONE);
	TR_ASSERT(event->kind < TR_EVENT_COUNT);
	p = tr_put_u16(p, event->kind);
	p = tr_put_u64(p, event->time);
	p = tr_put_u64(p, event->observed);
	switch ((enum tr_event_kind)event->kind) {
#define X(uc, lc)                                                                                  \
	case TR_EVENT_##uc:                                                                        \
		p = put_event_##lc(p, &event->lc);                                                 \
		break;
		TR_EVENT_MAP(X)
#undef X
	case TR_EVENT_NONE:
	case TR_EVENT_COUNT:
		break;
	}
	if (event->kind == TR_EVENT_JOB_SUBMIT) {
		TR_ASSERT(event->job_submit.prefix_count <= TR_PREFIX_MAX);
		p -= submit_unfilled_bytes(event->job_submit.prefix_count);
	}
	return (size_t)(p - ret);
}

size_t tr_action_encode(const struct tr_action *action, uint8_t *ret)
{
	uint8_t *p = tr_put_u16(ret, action->kind);

	TR_ASSERT(action->kind > TR_ACTION_NONE);
	TR_ASSERT(action->kind < TR_ACTION_COUNT);
	switch ((enum tr_action_kind)action->kind) {
#define X(uc, lc)                                                                                  \
	case TR_ACTION_##uc:                                                                       \
		p = put_action_##lc(p, &action->lc);                                               \
		break;
		TR_ACTION_MAP(X)
#undef X
	case TR_ACTION_NONE:
	case TR_ACTION_COUNT:
		break;
	}
	return (size_t)(p - ret);
}

/* The kind at the head of a message and the length it then must have; or an error. */
static int read_kind(const uint8_t *bytes, size_t length, const struct tr_message_kind *kinds,
		     uint16_t kind_count, uint16_t *ret_kind)
{
	uint16_t kind;

	if (length < 2)
		return TR_E_SHORT;
	tr_get_u16(bytes, &kind);
	if (kind == 0 || kind >= kind_count)
		return TR_E_KIND;
	*ret_kind = kind;
	return kinds[kind].bytes;
}

int tr_event_decode(const uint8_t *bytes, size_t length, struct tr_event *ret)
{
	uint8_t whole[TR_EVENT_BYTES_MAX] = {0};
	struct tr_event event;
	uint16_t kind = 0;
	int size = read_kind(bytes, length, tr_event_kinds, TR_EVENT_COUNT, &kind);

	if (size < 0)
		return size;
	if (kind == TR_EVENT_JOB_SUBMIT) {
		/* The count stands last before the hashes it counts. */
		size_t counted = (size_t)size - submit_unfilled_bytes(0);

		if (length < counted)
			return TR_E_SHORT;
		if (bytes[counted - 1] > TR_PREFIX_MAX)
			return TR_E_INVALID;
		size -= (int)submit_unfilled_bytes(bytes[counted - 1]);
	}
	if (length < (size_t)size)
		return TR_E_SHORT;
	memcpy(whole, bytes, (size_t)size);

	const uint8_t *p = whole + 2;

	memset(&event, 0, sizeof event);
	event.kind = kind;
	p = tr_get_u64(p, &event.time);
	p = tr_get_u64(p, &event.observed);
	switch ((enum tr_event_kind)kind) {
#define X(uc, lc)                                                                                  \
	case TR_EVENT_##uc:                                                                        \
		p = get_event_##lc(p, &event.lc);                                                  \
		break;
		TR_EVENT_MAP(X)
#undef X
	case TR_EVENT_NONE:
	case TR_EVENT_COUNT:
		break;
	}
	TR_ASSERT(p <= whole + sizeof whole);
	*ret = event;
	return size;
}

int tr_action_decode(const uint8_t *bytes, size_t length, struct tr_action *ret)
{
	struct tr_action action;
	uint16_t kind = 0;
	int size = read_kind(bytes, length, tr_action_kinds, TR_ACTION_COUNT, &kind);

	if (size < 0)
		return size;
	if (length < (size_t)size)
		return TR_E_SHORT;

	const uint8_t *p = bytes + 2;

	memset(&action, 0, sizeof action);
	action.kind = kind;
	switch ((enum tr_action_kind)kind) {
#define X(uc, lc)                                                                                  \
	case TR_ACTION_##uc:                                                                       \
		p = get_action_##lc(p, &action.lc);                                                \
		break;
		TR_ACTION_MAP(X)
#undef X
	case TR_ACTION_NONE:
	case TR_ACTION_COUNT:
		break;
	}
	TR_ASSERT(p == bytes + size);
	*ret = action;
	return size;
}

tr_name tr_name_of(const char *text, size_t length)
{
	uint64_t hash;

	if (length == 0)
		return 0;
	hash = XXH3_64bits(text, length);
	return hash == 0 ? 1 : hash;
}
