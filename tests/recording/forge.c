/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of a good recording, to be put together well or badly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/recording/forge.h"

void forge_begin(struct forge *forge)
{
	forge->p = forge->payload;
}

void forge_seal(struct forge *forge, unsigned kind, uint16_t flags, uint32_t items,
		void (*lie)(struct tr_frame_head *head))
{
	struct tr_frame_head head = {.kind = (uint16_t)(kind ? kind : 1), .flags = flags};

	head.length = (uint32_t)(forge->p - forge->payload);
	head.items = items;
	head.number = forge->number++;
	head.payload_hash = tr_frame_hash(forge->payload, head.length);
	if (head.number == 0)
		forge->recording = head.payload_hash;
	head.recording = forge->recording;
	head.previous = forge->previous;
	if (lie)
		lie(&head);
	tr_frame_head_encode(&head, forge->bytes + forge->length);
	forge->previous = head.check;
	forge->length += TR_FRAME_HEAD_BYTES;
	memcpy(forge->bytes + forge->length, forge->payload, (size_t)(forge->p - forge->payload));
	forge->length += (size_t)(forge->p - forge->payload);
	assert_true(forge->length < sizeof forge->bytes);
}

void forge_frame(struct forge *forge, enum tr_frame_kind kind)
{
	forge_seal(forge, kind, 0, 1, NULL);
}

/* -------------------------------------------------------------------------- pieces that are right
 */

void forge_header(struct forge *forge)
{
	forge_begin(forge);
	forge->p += tr_header_encode(&forge->header, forge->p);
	forge_frame(forge, TR_FRAME_HEADER);
}

void forge_policy(struct forge *forge)
{
	forge_begin(forge);
	forge->p = tr_put_u64(forge->p, forge->header.policy_id);
	forge->p = tr_put_u64(forge->p, 0);
	forge->p = tr_put_u8(forge->p, '{');
	forge_frame(forge, TR_FRAME_POLICY);
}

void forge_start(struct forge *forge)
{
	forge_header(forge);
	forge_policy(forge);
}

void forge_events_begin(struct forge *forge, uint64_t first)
{
	forge_begin(forge);
	forge->p = tr_put_u64(forge->p, first);
}

void forge_clock(struct forge *forge, tr_time_ns time, tr_time_ns observed)
{
	struct tr_event event = {.kind = TR_EVENT_CLOCK, .time = time, .observed = observed};
	struct tr_actions actions = {.count = 0};

	forge->p += tr_record_encode(&event, &actions, 77, true, forge->p);
}

void forge_events(struct forge *forge, uint64_t first, uint32_t count)
{
	struct tr_index_row row = {.offset = forge->length, .frame = forge->number, .event = first};

	tr_index_note(&forge->indexes[TR_INDEX_EVENTS], &row);
	forge_events_begin(forge, first);
	for (uint32_t i = 0; i < count; i++)
		forge_clock(forge, 1000 + first + i, 1000);
	forge_seal(forge, TR_FRAME_EVENTS, 0, count, NULL);
}

void forge_snapshot(struct forge *forge, uint32_t chunk, uint16_t flags)
{
	forge_begin(forge);
	forge->p = tr_state_encode(&forge->state, forge->p);
	forge->p = tr_put_u32(forge->p, chunk);
	forge->p = tr_put_u8(forge->p, 0xaa);
	forge_seal(forge, TR_FRAME_SNAPSHOT, flags, 1, NULL);
}

void forge_gap(struct forge *forge, uint64_t lost, tr_time_ns from, tr_time_ns to)
{
	forge_begin(forge);
	forge->p = tr_put_u64(tr_put_u64(tr_put_u64(forge->p, lost), from), to);
	forge_frame(forge, TR_FRAME_GAP);
}

void forge_index(struct forge *forge)
{
	forge_begin(forge);
	forge->p += tr_index_encode(forge->indexes, forge->p);
	forge_seal(forge, TR_FRAME_INDEX, 0, tr_index_items(forge->indexes), NULL);
}

void forge_end(struct forge *forge, uint64_t last, uint64_t events, uint64_t chain)
{
	forge_begin(forge);
	forge->state.event = last;
	forge->state.chain = chain;
	forge->p = tr_state_encode(&forge->state, forge->p);
	forge->p = tr_put_u64(tr_put_u64(tr_put_u64(forge->p, events), 0), 0);
	forge_frame(forge, TR_FRAME_END);
}

void forge_name(struct forge *forge, tr_name name, const char *text, uint16_t length)
{
	forge->p = tr_put_u16(tr_put_u64(forge->p, name), length);
	memcpy(forge->p, text, strlen(text));
	forge->p += strlen(text);
}

struct forge *forge_new(void)
{
	struct forge *forge = calloc(1, sizeof *forge);
	struct tr_policy policy = {.id = 5};
	struct tr_limits limits = {.policies = 4};

	assert_non_null(forge);
	tr_recording_header_init(&forge->header, &limits, &policy, 1, 1000);
	/* Of every build the same. */
	forge->header.environment.count = 0;
	forge->state.event = 0;
	return forge;
}
