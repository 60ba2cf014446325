/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking frames apart, and the rules between frames: HEADER stands first and alone; a policy stands
 * before the first event, in the first part of a run the header's own; a snapshot's chunks follow
 * each other; after a gap and in a later part a snapshot leads; INDEX and END stand last.
 *
 * The bytes have been proved by their hashes, so whatever is refused here was written wrongly or by
 * somebody with ill will. Both are corrupt.
 */
#include <stdarg.h>

#include "traces/recording_reader.h"

static enum tr_recording_status corrupt(struct tr_recording *recording, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum tr_recording_status corrupt(struct tr_recording *recording, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return tr_recording_problem(
		recording, TR_RECORDING_CORRUPT, "corrupt: frame %llu (%s) at byte %llu: %s",
		(unsigned long long)recording->head.number, tr_frame_name(recording->head.kind),
		(unsigned long long)recording->offset, text);
}

static enum tr_recording_status give(struct tr_recording *recording)
{
	recording->item.kind = (enum tr_frame_kind)recording->head.kind;
	recording->item.frame = recording->head.number;
	recording->item.offset = recording->offset;
	return TR_RECORDING_ITEM;
}

static void note(struct tr_recording *recording, enum tr_index_sort sort, uint64_t event)
{
	const struct tr_index_row row = {
		.offset = recording->offset,
		.frame = recording->head.number,
		.event = event,
	};

	tr_index_note(&recording->indexes[sort], &row);
}

/* ------------------------------------------------------------------------------ kinds of frames */

static enum tr_recording_status on_header(struct tr_recording *recording)
{
	struct tr_recording_header *header = &recording->header;
	const char *wrong =
		tr_header_decode(recording->bytes.at, tr_bytes_left(&recording->bytes), header);

	if (wrong)
		return corrupt(recording, "%s", wrong);
	if (header->schema_version != TR_SCHEMA_VERSION) {
		char text[TR_RECORDING_FOREIGN_TEXT_MAX];

		return tr_recording_problem(
			recording, TR_RECORDING_FOREIGN, "%s",
			tr_recording_foreign_text(header->schema_version, text, sizeof text));
	}
	recording->recording = recording->head.payload_hash;
	recording->number = header->first_event - 1;
	recording->time = header->start;
	recording->state_known = header->part == 0;
	return TR_RECORDING_END;
}

static enum tr_recording_status on_policy(struct tr_recording *recording)
{
	const struct tr_recording_header *header = &recording->header;
	struct tr_recording_item *item = &recording->item;
	uint32_t zero;

	item->policy_id = tr_take_u64(&recording->bytes);
	item->slot = tr_take_u32(&recording->bytes);
	zero = tr_take_u32(&recording->bytes);
	item->length = tr_bytes_left(&recording->bytes);
	item->bytes = tr_take(&recording->bytes, item->length);
	if (recording->bytes.bad || item->length == 0)
		return corrupt(recording, "the policy has no text");
	if (zero != 0)
		return corrupt(recording, "a reserved field is not zero");
	if (item->policy_id == 0)
		return corrupt(recording, "the policy's id is zero");
	if (item->slot >= header->limits.policies || item->slot >= TR_RECORDING_SLOTS_MAX)
		return corrupt(recording, "policy slot %u of %u", item->slot,
			       header->limits.policies);
	if (header->part == 0 && recording->frames[TR_FRAME_POLICY] == 0 &&
	    (item->slot != 0 || item->policy_id != header->policy_id))
		return corrupt(recording, "the first policy is not the one the header names");
	return give(recording);
}

static enum tr_recording_status on_names(struct tr_recording *recording)
{
	struct tr_bytes *bytes = &recording->bytes;

	for (uint32_t i = 0; i < recording->head.items; i++) {
		tr_name name = tr_take_u64(bytes);
		size_t length = tr_take_u16(bytes);
		const char *text = (const char *)tr_take(bytes, length);

		if (!text || length == 0 || length > TR_RECORDING_NAME_MAX)
			return corrupt(recording, "name %u is cut short or too long", i + 1);
		if (tr_name_of(text, length) != name || memchr(text, '\0', length))
			return corrupt(recording, "name %u is not the text of its hash", i + 1);
		if (!tr_name_table_add(recording->names, name, text, length))
			return tr_recording_problem(recording, TR_RECORDING_UNREADABLE,
						    "cannot be read: no memory for its names");
	}
	if (tr_bytes_left(bytes) > 0)
		return corrupt(recording, "there are bytes after the last name");
	return TR_RECORDING_END;
}

static enum tr_recording_status on_events(struct tr_recording *recording)
{
	uint64_t first = tr_take_u64(&recording->bytes);

	if (recording->bytes.bad || recording->head.items == 0)
		return corrupt(recording, "there are no events in it");
	if (recording->frames[TR_FRAME_POLICY] == 0)
		return corrupt(recording, "events before any policy");
	if (recording->header.part > 0 && recording->frames[TR_FRAME_SNAPSHOT] == 0)
		return corrupt(recording, "a later part of a run begins with events, not with a "
					  "snapshot");
	if (first != recording->number + 1)
		return corrupt(recording, "its first event has number %llu, after number %llu",
			       (unsigned long long)first, (unsigned long long)recording->number);
	note(recording, TR_INDEX_EVENTS, first);
	recording->items_left = recording->head.items;
	/* The events are given out one by one. */
	return TR_RECORDING_END;
}

enum tr_recording_status tr_recording_frame_event(struct tr_recording *recording)
{
	struct tr_recording_item *item = &recording->item;
	const struct tr_event *event = &recording->event;
	uint64_t number = recording->number + 1;
	const char *wrong = tr_record_take(&recording->bytes, &recording->event,
					   &recording->actions, &recording->chain);

	if (wrong)
		return corrupt(recording, "event %llu: %s", (unsigned long long)number, wrong);
	if (event->time < recording->time)
		return corrupt(recording, "event %llu is earlier than the one before it",
			       (unsigned long long)number);
	if (event->observed > event->time)
		return corrupt(recording, "event %llu was observed after its own time",
			       (unsigned long long)number);
	if (!recording->header.decisions && recording->actions.decision_count > 0)
		return corrupt(recording,
			       "event %llu has decision records, and the header says that none are "
			       "kept",
			       (unsigned long long)number);
	recording->items_left--;
	if (recording->items_left == 0 && tr_bytes_left(&recording->bytes) > 0)
		return corrupt(recording, "there are bytes after the last event");
	recording->number = number;
	recording->events++;
	recording->time = event->time;
	recording->chain_known = true;
	item->number = number;
	item->chain = recording->chain;
	item->event = event;
	item->actions = &recording->actions;
	return give(recording);
}

/* The first chunk says what state this is; it must be the one that the events led to. */
static const char *snapshot_wrong(const struct tr_recording *recording,
				  const struct tr_recording_state *state)
{
	if (recording->frames[TR_FRAME_POLICY] == 0)
		return "a snapshot before any policy";
	if (state->event != recording->number)
		return "the snapshot is of another event than the one before it";
	if (recording->chain_known && state->chain != recording->chain)
		return "the snapshot's chain value is not that of the event before it";
	return NULL;
}

static enum tr_recording_status on_snapshot(struct tr_recording *recording)
{
	struct tr_recording_item *item = &recording->item;
	struct tr_recording_state state;
	uint16_t flags = recording->head.flags;
	bool first = flags & TR_CHUNK_FIRST;
	uint32_t chunk;
	const char *wrong;

	memset(&state, 0, sizeof state);
	tr_state_take(&recording->bytes, &state);
	chunk = tr_take_u32(&recording->bytes);
	if (recording->bytes.bad)
		return corrupt(recording, "the snapshot is cut short");
	if (first == recording->in_snapshot)
		return corrupt(recording, first ? "a snapshot begins inside another"
						: "a snapshot's first chunk is missing");
	if (first) {
		wrong = snapshot_wrong(recording, &state);
		if (wrong)
			return corrupt(recording, "%s", wrong);
		recording->state = state;
		recording->next_chunk = 0;
		note(recording, TR_INDEX_SNAPSHOTS, state.event);
	}
	if (chunk != recording->next_chunk)
		return corrupt(recording, "chunk %u of a snapshot where %u is expected", chunk,
			       recording->next_chunk);
	if (memcmp(&state, &recording->state, sizeof state) != 0)
		return corrupt(recording, "a chunk of another snapshot");
	recording->next_chunk++;
	recording->in_snapshot = !(flags & TR_CHUNK_LAST);
	if (!recording->in_snapshot) {
		recording->chain = state.chain;
		recording->chain_known = true;
		recording->state_known = true;
	}
	item->flags = flags;
	item->state = &recording->state;
	item->length = tr_bytes_left(&recording->bytes);
	item->bytes = tr_take(&recording->bytes, item->length);
	return give(recording);
}

static enum tr_recording_status on_gap(struct tr_recording *recording)
{
	struct tr_recording_item *item = &recording->item;

	item->lost = tr_take_u64(&recording->bytes);
	item->from = tr_take_u64(&recording->bytes);
	item->to = tr_take_u64(&recording->bytes);
	if (recording->bytes.bad || tr_bytes_left(&recording->bytes) > 0)
		return corrupt(recording, "the gap has not the length of a gap");
	if (item->lost == 0 || item->lost > UINT64_MAX / 2 - recording->number)
		return corrupt(recording, "a gap of %llu events", (unsigned long long)item->lost);
	if (item->from > item->to || item->from < recording->time)
		return corrupt(recording, "the gap's times are not in order");
	recording->number += item->lost;
	recording->lost += item->lost;
	recording->gaps++;
	recording->time = item->to;
	recording->chain_known = false;
	recording->state_known = false;
	return give(recording);
}

static enum tr_recording_status on_index(struct tr_recording *recording)
{
	uint8_t expected[TR_INDEX_BYTES_MAX];
	size_t length = tr_index_encode(recording->indexes, expected);

	if (recording->head.items != tr_index_items(recording->indexes) ||
	    tr_bytes_left(&recording->bytes) != length ||
	    memcmp(recording->bytes.at, expected, length) != 0)
		return corrupt(recording, "the index is not that of the frames before it");
	return TR_RECORDING_END;
}

static enum tr_recording_status on_end(struct tr_recording *recording)
{
	struct tr_recording_state *totals = &recording->totals;
	uint64_t events, gaps, lost;

	tr_state_take(&recording->bytes, totals);
	events = tr_take_u64(&recording->bytes);
	gaps = tr_take_u64(&recording->bytes);
	lost = tr_take_u64(&recording->bytes);
	if (recording->bytes.bad || tr_bytes_left(&recording->bytes) > 0)
		return corrupt(recording, "the totals have not the length of totals");
	if (recording->frames[TR_FRAME_INDEX] != 1)
		return corrupt(recording, "the index before it is missing");
	if (totals->event != recording->number || events != recording->events ||
	    gaps != recording->gaps || lost != recording->lost)
		return corrupt(recording, "the totals are not those of the frames before them");
	if (recording->chain_known && totals->chain != recording->chain)
		return corrupt(recording, "the chain value is not that of the last event");
	recording->closed = true;
	return TR_RECORDING_END;
}

/* ------------------------------------------------------------------------------- the way there */

typedef enum tr_recording_status frame_handler(struct tr_recording *recording);

static const struct {
	frame_handler *handler;
	bool one_item; /* `items` must be 1 */
} frame_rules[TR_FRAME_COUNT] = {
	[TR_FRAME_HEADER] = {on_header, true},	   [TR_FRAME_POLICY] = {on_policy, true},
	[TR_FRAME_NAMES] = {on_names, false},	   [TR_FRAME_EVENTS] = {on_events, false},
	[TR_FRAME_SNAPSHOT] = {on_snapshot, true}, [TR_FRAME_GAP] = {on_gap, true},
	[TR_FRAME_INDEX] = {on_index, false},	   [TR_FRAME_END] = {on_end, true},
};

enum tr_recording_status tr_recording_frame_begin(struct tr_recording *recording)
{
	const struct tr_frame_head *head = &recording->head;
	unsigned flags = head->kind == TR_FRAME_SNAPSHOT ? TR_CHUNK_FIRST | TR_CHUNK_LAST : 0u;

	TR_ASSERT(head->kind > TR_FRAME_NONE);
	TR_ASSERT(head->kind < TR_FRAME_COUNT);
	TR_ASSERT(!recording->closed);
	if ((head->kind == TR_FRAME_HEADER) != (head->number == 0))
		return corrupt(recording, head->number == 0 ? "the first frame is not a header"
							    : "a second header");
	if (head->flags & ~flags)
		return corrupt(recording, "a reserved flag is set");
	if (frame_rules[head->kind].one_item && head->items != 1)
		return corrupt(recording, "it says to hold %u things, and can hold one",
			       head->items);
	if (recording->in_snapshot && head->kind != TR_FRAME_SNAPSHOT)
		return corrupt(recording, "it stands between the chunks of a snapshot");
	if (recording->frames[TR_FRAME_INDEX] > 0 && head->kind != TR_FRAME_END)
		return corrupt(recording, "it stands after the index");
	return frame_rules[head->kind].handler(recording);
}
