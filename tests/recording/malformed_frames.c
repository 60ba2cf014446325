/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrong heads, headers, policies and names: what a recording begins with.
 */
#include "tests/recording/malformed.h"

/* ---------------------------------------------------------------------------------- wrong in heads
 */

static void lie_number(struct tr_frame_head *head)
{
	head->number++;
}

static void lie_recording(struct tr_frame_head *head)
{
	head->recording ^= 1;
}

static void lie_previous(struct tr_frame_head *head)
{
	head->previous ^= 1;
}

static void bad_number(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge_seal(forge, TR_FRAME_POLICY, 0, 1, lie_number);
}

static void bad_recording(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge_seal(forge, TR_FRAME_POLICY, 0, 1, lie_recording);
}

static void bad_previous(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge_seal(forge, TR_FRAME_POLICY, 0, 1, lie_previous);
}

static void bad_first_recording(struct forge *forge)
{
	forge_begin(forge);
	forge->p += tr_header_encode(&forge->header, forge->p);
	forge_seal(forge, TR_FRAME_HEADER, 0, 1, lie_recording);
}

/* Change a sealed head's bytes and seal it again: for what tr_frame_head_encode() refuses. */
static void reseal(struct forge *forge, size_t head_at, size_t at, uint32_t value, size_t bytes)
{
	uint8_t *head = forge->bytes + head_at;

	for (size_t i = 0; i < bytes; i++)
		head[at + i] = (uint8_t)(value >> (8 * i));
	tr_put_u64(head + TR_FRAME_HEAD_BYTES - 8, tr_frame_hash(head, TR_FRAME_HEAD_BYTES - 8));
}

static void bad_kind(struct forge *forge)
{
	size_t at;

	forge_header(forge);
	at = forge->length;
	forge_begin(forge);
	forge_frame(forge, TR_FRAME_POLICY);
	reseal(forge, at, 4, 99, 2);
}

static void bad_length(struct forge *forge)
{
	size_t at;

	forge_header(forge);
	at = forge->length;
	forge_begin(forge);
	forge_frame(forge, TR_FRAME_POLICY);
	reseal(forge, at, 8, UINT32_MAX, 4);
}

static void bad_check(struct forge *forge)
{
	forge_header(forge);
	forge_policy(forge);
	forge->bytes[forge->length - 20] ^= 1;
}

static void bad_flags(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge_seal(forge, TR_FRAME_POLICY, 4, 1, NULL);
}

static void bad_items(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge_seal(forge, TR_FRAME_POLICY, 0, 2, NULL);
}

/* ------------------------------------------------------------------------------------ wrong
 * headers */

static void no_recording(struct forge *forge)
{
	static const char text[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
				   "2023-11-16 18:17:03.9799600,4808,10\n";

	memcpy(forge->bytes, text, sizeof text - 1);
	forge->length = sizeof text - 1;
}

static void short_text(struct forge *forge)
{
	memcpy(forge->bytes, "hi\n", 3);
	forge->length = 3;
}

static void other_magic(struct forge *forge)
{
	forge_header(forge);
	forge->bytes[3] = '2';
}

static void not_a_header(struct forge *forge)
{
	forge_policy(forge);
}

static void second_header(struct forge *forge)
{
	forge_header(forge);
	forge_header(forge);
}

static void other_schema(struct forge *forge)
{
	forge->header.schema_version = TR_SCHEMA_VERSION + 1;
	forge_header(forge);
}

static void header_cut(struct forge *forge)
{
	forge_begin(forge);
	forge->p += tr_header_encode(&forge->header, forge->p) - 40;
	forge_frame(forge, TR_FRAME_HEADER);
}

static void header_long(struct forge *forge)
{
	forge_begin(forge);
	forge->p += tr_header_encode(&forge->header, forge->p);
	*forge->p++ = 0;
	forge_frame(forge, TR_FRAME_HEADER);
}

static void header_flag(struct forge *forge)
{
	forge->header.decisions = 2;
	forge_header(forge);
}

static void header_first_event(struct forge *forge)
{
	forge->header.first_event = 2;
	forge_header(forge);
}

static void header_environment(struct forge *forge)
{
	forge->header.environment.count = 1;
	memcpy(forge->header.environment.pairs[0].key, "a\033b", 4);
	forge_header(forge);
}

/* ------------------------------------------------------------------------- wrong policies and
 * names */

static void policy_empty(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge->p = tr_put_u64(tr_put_u64(forge->p, 5), 0);
	forge_frame(forge, TR_FRAME_POLICY);
}

static void policy_slot(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge->p = tr_put_u32(tr_put_u32(tr_put_u64(forge->p, 5), 4), 0);
	forge->p = tr_put_u8(forge->p, '{');
	forge_frame(forge, TR_FRAME_POLICY);
}

static void policy_reserved(struct forge *forge)
{
	forge_header(forge);
	forge_begin(forge);
	forge->p = tr_put_u32(tr_put_u32(tr_put_u64(forge->p, 5), 0), 1);
	forge->p = tr_put_u8(forge->p, '{');
	forge_frame(forge, TR_FRAME_POLICY);
}

static void policy_other(struct forge *forge)
{
	forge_header(forge);
	forge->header.policy_id++;
	forge_policy(forge);
}

static void name_other(struct forge *forge)
{
	forge_start(forge);
	forge_begin(forge);
	forge_name(forge, tr_name_of("ada", 3), "ada", 3);
	forge_name(forge, tr_name_of("ada", 3), "bob", 3);
	forge_seal(forge, TR_FRAME_NAMES, 0, 2, NULL);
}

static void name_cut(struct forge *forge)
{
	forge_start(forge);
	forge_begin(forge);
	forge_name(forge, tr_name_of("ada", 3), "ada", 300);
	forge_seal(forge, TR_FRAME_NAMES, 0, 1, NULL);
}

static void names_after(struct forge *forge)
{
	forge_start(forge);
	forge_begin(forge);
	forge_name(forge, tr_name_of("ada", 3), "ada", 3);
	forge_seal(forge, TR_FRAME_NAMES, 0, 0, NULL);
}

/* ------------------------------------------------------------------------------------------ table
 */

const struct malformed malformed_frames[] = {
	{"number", bad_number,
	 "corrupt: frame 1 at byte 148: its head has another frame number: a frame is missing or "
	 "moved"},
	{"recording", bad_recording,
	 "corrupt: frame 1 at byte 148: it belongs to another recording"},
	{"first-recording", bad_first_recording,
	 "corrupt: frame 0 at byte 0: it belongs to another recording"},
	{"previous", bad_previous,
	 "corrupt: frame 1 at byte 148: it does not follow the frame before it: one of the two is "
	 "from elsewhere"},
	{"kind", bad_kind, "corrupt: frame 1 at byte 148: its kind is unknown"},
	{"length", bad_length,
	 "corrupt: frame 1 at byte 148: its payload is longer than any frame may be"},
	{"check", bad_check,
	 "corrupt: frame 1 at byte 148: its head does not have the hash it says"},
	{"flags", bad_flags, "corrupt: frame 1 (POLICY) at byte 148: a reserved flag is set"},
	{"items", bad_items,
	 "corrupt: frame 1 (POLICY) at byte 148: it says to hold 2 things, and can hold one"},
	{"no-recording", no_recording,
	 "is no recording: frame 0 at byte 0 begins with 'TIME', not with 'TRR1'"},
	{"short-text", short_text,
	 "is no recording: frame 0 at byte 0 begins with 'hi?', not with 'TRR1'"},
	{"other-magic", other_magic,
	 "corrupt: frame 0 at byte 0: begins with 'TRR2', and this program reads 'TRR1'"},
	{"not-a-header", not_a_header,
	 "corrupt: frame 0 (POLICY) at byte 0: the first frame is not a header"},
	{"second-header", second_header, "corrupt: frame 1 (HEADER) at byte 148: a second header"},
	{"other-schema", other_schema,
	 "was recorded with schema version 3 and this program reads version 2; a newer program "
	 "made it"},
	{"header-cut", header_cut,
	 "corrupt: frame 0 (HEADER) at byte 0: the header ends too early"},
	{"header-long", header_long,
	 "corrupt: frame 0 (HEADER) at byte 0: the header has bytes after its end"},
	{"header-flag", header_flag,
	 "corrupt: frame 0 (HEADER) at byte 0: the header's flag for decision records is neither 0 "
	 "nor 1"},
	{"header-first-event", header_first_event,
	 "corrupt: frame 0 (HEADER) at byte 0: the header's first event is not where its part "
	 "begins"},
	{"header-environment", header_environment,
	 "corrupt: frame 0 (HEADER) at byte 0: the header's environment is not short printable "
	 "text"},
	{"policy-empty", policy_empty,
	 "corrupt: frame 1 (POLICY) at byte 148: the policy has no text"},
	{"policy-slot", policy_slot, "corrupt: frame 1 (POLICY) at byte 148: policy slot 4 of 4"},
	{"policy-reserved", policy_reserved,
	 "corrupt: frame 1 (POLICY) at byte 148: a reserved field is not zero"},
	{"policy-other", policy_other,
	 "corrupt: frame 1 (POLICY) at byte 148: the first policy is not the one the header names"},
	{"name-other", name_other,
	 "corrupt: frame 2 (NAMES) at byte 221: name 2 is not the text of its hash"},
	{"name-cut", name_cut,
	 "corrupt: frame 2 (NAMES) at byte 221: name 1 is cut short or too long"},
	{"names-after", names_after,
	 "corrupt: frame 2 (NAMES) at byte 221: there are bytes after the last name"},
};

const size_t malformed_frames_count = TR_ARRAY_LENGTH(malformed_frames);
