/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of frames, and the bounded reading of bytes that every payload is taken apart with.
 *
 * Head: u32 magic, u16 kind, u16 flags, u32 payload length, u32 items, u64 frame number, u64
 * recording id, u64 check of the head before, u64 payload hash, u64 check. All little-endian.
 */
#include "traces/recording_frame.h"

#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

#define CHECKED_BYTES (TR_FRAME_HEAD_BYTES - 8)

static const char *const frame_names[TR_FRAME_COUNT] = {[TR_FRAME_NONE] = "?",
#define X(name, text) [TR_FRAME_##name] = #name,
							TR_FRAME_MAP(X)
#undef X
};

const char *tr_frame_name(unsigned kind)
{
	return frame_names[kind < TR_FRAME_COUNT ? kind : TR_FRAME_NONE];
}

uint64_t tr_frame_hash(const void *bytes, size_t length)
{
	return XXH3_64bits(bytes, length);
}

void tr_frame_head_encode(struct tr_frame_head *head, uint8_t ret[TR_FRAME_HEAD_BYTES])
{
	uint8_t *p = tr_put_u32(ret, TR_FRAME_MAGIC);

	TR_ASSERT(head->kind > TR_FRAME_NONE);
	TR_ASSERT(head->kind < TR_FRAME_COUNT);
	TR_ASSERT(head->length <= TR_FRAME_PAYLOAD_MAX);
	p = tr_put_u16(p, head->kind);
	p = tr_put_u16(p, head->flags);
	p = tr_put_u32(p, head->length);
	p = tr_put_u32(p, head->items);
	p = tr_put_u64(p, head->number);
	p = tr_put_u64(p, head->recording);
	p = tr_put_u64(p, head->previous);
	p = tr_put_u64(p, head->payload_hash);
	TR_ASSERT(p == ret + CHECKED_BYTES);
	head->check = tr_frame_hash(ret, CHECKED_BYTES);
	tr_put_u64(p, head->check);
}

bool tr_frame_head_decode(const uint8_t bytes[TR_FRAME_HEAD_BYTES], struct tr_frame_head *ret)
{
	const uint8_t *p = bytes;
	uint32_t magic;

	p = tr_get_u32(p, &magic);
	p = tr_get_u16(p, &ret->kind);
	p = tr_get_u16(p, &ret->flags);
	p = tr_get_u32(p, &ret->length);
	p = tr_get_u32(p, &ret->items);
	p = tr_get_u64(p, &ret->number);
	p = tr_get_u64(p, &ret->recording);
	p = tr_get_u64(p, &ret->previous);
	p = tr_get_u64(p, &ret->payload_hash);
	tr_get_u64(p, &ret->check);
	return magic == TR_FRAME_MAGIC && ret->check == tr_frame_hash(bytes, CHECKED_BYTES);
}

const uint8_t *tr_take(struct tr_bytes *bytes, size_t length)
{
	const uint8_t *taken = bytes->at;

	TR_ASSERT(bytes->at <= bytes->end);
	if (bytes->bad || tr_bytes_left(bytes) < length) {
		bytes->bad = true;
		return NULL;
	}
	bytes->at += length;
	return taken;
}

#define DEFINE_TAKE(bits)                                                                          \
	uint##bits##_t tr_take_u##bits(struct tr_bytes *bytes)                                     \
	{                                                                                          \
		const uint8_t *p = tr_take(bytes, bits / 8);                                       \
		uint##bits##_t value = 0;                                                          \
                                                                                                   \
		if (p)                                                                             \
			tr_get_u##bits(p, &value);                                                 \
		return value;                                                                      \
	}
DEFINE_TAKE(8)
DEFINE_TAKE(16)
DEFINE_TAKE(32)
DEFINE_TAKE(64)

uint8_t *tr_put_varint(uint8_t *p, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*p++ = (uint8_t)(0x80 | (value & 0x7f));
	*p++ = (uint8_t)value;
	return p;
}

uint64_t tr_take_varint(struct tr_bytes *bytes, uint64_t max)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = tr_take_u8(bytes);
		uint64_t part = byte & 0x7f;

		/* A tenth byte holds one bit; a last byte of zero makes the form longer than it
		 * need be. */
		if (part << shift >> shift != part || (byte == 0 && shift > 0))
			break;
		value |= part << shift;
		if (byte < 0x80) {
			if (value > max)
				break;
			return value;
		}
	}
	bytes->bad = true;
	return 0;
}
