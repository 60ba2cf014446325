/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames and payloads as bytes, for the recorder and the reader alone. docs/recording.md draws the
 * layout; this is its code.
 *
 * A frame's head is checked by its own hash before any number in it is believed, so a damaged
 * length is found without reading that far. It carries the hash of its payload, and the check of
 * the head before it: frames form a chain in which none can be left out, moved, or brought in from
 * another file.
 */
#ifndef TR_TRACES_RECORDING_FRAME_H
#define TR_TRACES_RECORDING_FRAME_H

#include "traces/recording.h"

/* "TRR1" read as a little-endian number; the 1 is the version of the frame itself. */
#define TR_FRAME_MAGIC	    UINT32_C(0x31525254)
#define TR_FRAME_HEAD_BYTES 56

struct tr_frame_head {
	uint16_t kind;
	uint16_t flags;	    /* SNAPSHOT: enum tr_chunk_flag; else 0 */
	uint32_t length;    /* of the payload */
	uint32_t items;	    /* events, names, index entries; else 1 */
	uint64_t number;    /* of the frame, from 0 */
	uint64_t recording; /* id of the recording: the payload hash of its HEADER */
	uint64_t previous;  /* check of the head before, 0 in the first */
	uint64_t payload_hash;
	uint64_t check; /* of the bytes before it */
};

/* XXH3-64. */
uint64_t tr_frame_hash(const void *bytes, size_t length);
/* Fills head->check too. */
void tr_frame_head_encode(struct tr_frame_head *head, uint8_t ret[TR_FRAME_HEAD_BYTES]);
/* False if the check does not hold; *ret is filled all the same, to be mistrusted. */
bool tr_frame_head_decode(const uint8_t bytes[TR_FRAME_HEAD_BYTES], struct tr_frame_head *ret);

/* Bytes still to be read. A failed read takes nothing and keeps failing. */
struct tr_bytes {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

static inline size_t tr_bytes_left(const struct tr_bytes *bytes)
{
	return (size_t)(bytes->end - bytes->at);
}

uint8_t tr_take_u8(struct tr_bytes *bytes);
uint16_t tr_take_u16(struct tr_bytes *bytes);
uint32_t tr_take_u32(struct tr_bytes *bytes);
uint64_t tr_take_u64(struct tr_bytes *bytes);
/* `length` bytes in place, or NULL. */
const uint8_t *tr_take(struct tr_bytes *bytes, size_t length);

/* LEB128: seven bits a byte, low first. Only the shortest form of a number is taken. */
#define TR_VARINT_BYTES_MAX 10
uint8_t *tr_put_varint(uint8_t *p, uint64_t value);
uint64_t tr_take_varint(struct tr_bytes *bytes, uint64_t max);

/* ------------------------------------------------------------------------------------ payloads */

#define TR_HEADER_BYTES_MAX (128 + TR_RECORDING_ENVIRONMENT_MAX * 2 * TR_RECORDING_TEXT_MAX)
/* The versions, which stand first in every HEADER there will ever be. */
#define TR_HEADER_VERSIONS_BYTES 6

size_t tr_header_encode(const struct tr_recording_header *header, uint8_t *ret);
#define TR_RECORDING_FOREIGN_TEXT_MAX 480
/* Why a recording of another schema version is not read. Returns text. */
const char *tr_recording_foreign_text(uint16_t schema, char *text, size_t size);

/* NULL, or what is wrong. Of a foreign schema_version only the three versions are read. */
const char *tr_header_decode(const uint8_t *bytes, size_t length, struct tr_recording_header *ret);

#define TR_STATE_BYTES 144

uint8_t *tr_state_encode(const struct tr_recording_state *state, uint8_t *p);
void tr_state_take(struct tr_bytes *bytes, struct tr_recording_state *ret);

#define TR_POLICY_HEAD_BYTES   16		    /* u64 id, u32 slot, u32 zero; the text */
#define TR_SNAPSHOT_HEAD_BYTES (TR_STATE_BYTES + 4) /* state, u32 chunk; the chunk */
#define TR_SNAPSHOT_CHUNK      (256u << 10)
#define TR_GAP_BYTES	       24		     /* u64 lost, u64 from, u64 to */
#define TR_END_BYTES	       (TR_STATE_BYTES + 24) /* state, u64 events, u64 gaps, u64 lost */
#define TR_NAME_HEAD_BYTES     10		     /* u64 hash, u16 length; the text */
#define TR_EVENTS_HEAD_BYTES   8		     /* u64 number of the first; the records */

/* Frames of events are closed at this size. */
#define TR_EVENTS_BYTES 65536
#define TR_EVENTS_COUNT 65536

/* One event with all that belongs to it:
 * event, u64 chain, u8 actions, u8 decisions, the actions, the decisions. */
#define TR_CANDIDATE_BYTES_MAX 64
#define TR_DECISION_BYTES_MAX  (48 + TR_DECISION_CANDIDATES_MAX * TR_CANDIDATE_BYTES_MAX)
#define TR_RECORD_BYTES_MAX                                                                        \
	(TR_EVENT_BYTES_MAX + 10 + TR_ACTIONS_MAX * TR_ACTION_BYTES_MAX +                          \
	 TR_DECISIONS_MAX * TR_DECISION_BYTES_MAX)

size_t tr_record_encode(const struct tr_event *event, const struct tr_actions *actions,
			uint64_t chain, bool decisions, uint8_t *ret);
/* NULL, or what is wrong. Decodes only what encoding makes. */
const char *tr_record_take(struct tr_bytes *bytes, struct tr_event *ret_event,
			   struct tr_actions *ret_actions, uint64_t *ret_chain);

/* One decision and its candidates. ret has room for TR_DECISION_BYTES_MAX. */
size_t tr_decision_encode(const struct tr_decision *decision, const struct tr_candidate *candidates,
			  uint8_t *ret);
/* Appends to actions->decisions and ->candidates; first_candidate counts them up. */
const char *tr_decision_take(struct tr_bytes *bytes, struct tr_actions *actions);

/* --------------------------------------------------------------------------------------- index */

/*
 * Where every stride-th frame of a sort begins. When the table is full, every other row goes and
 * the stride doubles; so it stays small in a recording of any length, and a reader that notes the
 * same frames in the same way has, at the end, the same table.
 */
#define TR_INDEX_ROWS 1024

struct tr_index_row {
	uint64_t offset;
	uint64_t frame;
	uint64_t event; /* EVENTS: the first in the frame; SNAPSHOT: the last before it */
};

struct tr_index {
	uint64_t seen;
	uint64_t stride; /* 0 stands for 1 */
	uint32_t count;
	struct tr_index_row rows[TR_INDEX_ROWS];
};

enum tr_index_sort {
	TR_INDEX_EVENTS,
	TR_INDEX_SNAPSHOTS,
	TR_INDEX_COUNT
};

#define TR_INDEX_BYTES_MAX (TR_INDEX_COUNT * (12 + TR_INDEX_ROWS * 24))

void tr_index_note(struct tr_index *index, const struct tr_index_row *row);
/* Both tables as the payload of INDEX. ret has room for TR_INDEX_BYTES_MAX. */
size_t tr_index_encode(const struct tr_index tables[TR_INDEX_COUNT], uint8_t *ret);
uint32_t tr_index_items(const struct tr_index tables[TR_INDEX_COUNT]);

/* --------------------------------------------------------------------------------------- names */

/* Texts by name hash, up to the caps of recording.h. */
struct tr_name_table;

struct tr_name_table *tr_name_table_new(void);
/* Takes a copy. A name that is there stays; one too many is left out. False: out of memory. */
bool tr_name_table_add(struct tr_name_table *table, tr_name name, const char *text, size_t length);
const char *tr_name_table_find(const struct tr_name_table *table, tr_name name);
uint64_t tr_name_table_count(const struct tr_name_table *table);
void tr_name_table_free(struct tr_name_table *table);

#endif
