/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list of fields makes a struct, its little-endian codec and its description.
 *
 * A list is a macro that applies F(type, name) to each field. The types are those below, nothing
 * else; so every event, action and row of engine state has a fixed byte form that is the same on
 * every machine, and none can be forgotten when a field is added.
 */
#ifndef TR_ENGINE_FIELD_H
#define TR_ENGINE_FIELD_H

#include <string.h>

#include "engine/base.h"

/* Type tags of fields. X(tag, C type, bytes) */
#define TR_FIELD_TYPE_MAP(X)                                                                       \
	X(u8, uint8_t, 1)                                                                          \
	X(u16, uint16_t, 2)                                                                        \
	X(u32, uint32_t, 4)                                                                        \
	X(u64, uint64_t, 8)                                                                        \
	X(time, tr_time_ns, 8)                                                                     \
	X(span, tr_span_ns, 8)                                                                     \
	X(name, tr_name, 8)                                                                        \
	X(hash, uint64_t, 8)                                                                       \
	X(job, tr_job_handle, 8)                                                                   \
	X(attempt, tr_attempt_handle, 8)

enum tr_field_type {
#define X(tag, ctype, bytes) TR_FIELD_##tag,
	TR_FIELD_TYPE_MAP(X)
#undef X
	TR_FIELD_COUNT
};

#define X(tag, ctype, bytes) typedef ctype tr_field_##tag;
TR_FIELD_TYPE_MAP(X)
#undef X

/* Use with a list: struct foo { FOO_FIELDS(TR_FIELD_DECLARE) }; */
#define TR_FIELD_DECLARE(tag, name) tr_field_##tag name;

static inline uint8_t *tr_put_u8(uint8_t *p, uint8_t v)
{
	*p = v;
	return p + 1;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TR_LE16(v) (v)
#define TR_LE32(v) (v)
#define TR_LE64(v) (v)
#else
#define TR_LE16(v) __builtin_bswap16(v)
#define TR_LE32(v) __builtin_bswap32(v)
#define TR_LE64(v) __builtin_bswap64(v)
#endif

#define TR_DEFINE_PUT_GET(bits)                                                                    \
	static inline uint8_t *tr_put_u##bits(uint8_t *p, uint##bits##_t v)                        \
	{                                                                                          \
		v = TR_LE##bits(v);                                                                \
		memcpy(p, &v, sizeof v);                                                           \
		return p + sizeof v;                                                               \
	}                                                                                          \
	static inline const uint8_t *tr_get_u##bits(const uint8_t *p, uint##bits##_t *ret)         \
	{                                                                                          \
		memcpy(ret, p, sizeof *ret);                                                       \
		*ret = TR_LE##bits(*ret);                                                          \
		return p + sizeof *ret;                                                            \
	}
TR_DEFINE_PUT_GET(16)
TR_DEFINE_PUT_GET(32)
TR_DEFINE_PUT_GET(64)
#undef TR_DEFINE_PUT_GET

static inline const uint8_t *tr_get_u8(const uint8_t *p, uint8_t *ret)
{
	*ret = *p;
	return p + 1;
}

#define tr_put_time tr_put_u64
#define tr_get_time tr_get_u64
#define tr_put_span tr_put_u64
#define tr_get_span tr_get_u64
#define tr_put_name tr_put_u64
#define tr_get_name tr_get_u64
#define tr_put_hash tr_put_u64
#define tr_get_hash tr_get_u64

static inline uint8_t *tr_put_job(uint8_t *p, tr_job_handle h)
{
	return tr_put_u32(tr_put_u32(p, h.slot1), h.generation);
}

static inline const uint8_t *tr_get_job(const uint8_t *p, tr_job_handle *ret)
{
	return tr_get_u32(tr_get_u32(p, &ret->slot1), &ret->generation);
}

static inline uint8_t *tr_put_attempt(uint8_t *p, tr_attempt_handle h)
{
	return tr_put_u32(tr_put_u32(p, h.slot1), h.generation);
}

static inline const uint8_t *tr_get_attempt(const uint8_t *p, tr_attempt_handle *ret)
{
	return tr_get_u32(tr_get_u32(p, &ret->slot1), &ret->generation);
}

/* A field as data. Messages are printed and compared field by field by walking their byte form: the
 * fields stand there in order, without padding. */
struct tr_field {
	const char *name;
	uint8_t type; /* enum tr_field_type */
};

/* Bytes of a field type in the byte form. */
static inline size_t tr_field_bytes(enum tr_field_type type)
{
	static const uint8_t sizes[TR_FIELD_COUNT] = {
#define X(tag, ctype, bytes) bytes,
		TR_FIELD_TYPE_MAP(X)
#undef X
	};

	return sizes[type];
}

#endif
