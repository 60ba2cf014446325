/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrong events, snapshots, gaps and ends: what a recording goes on with.
 */
#include "tests/recording/malformed.h"

/* ----------------------------------------------------------------------------------- wrong events
 */

static void events_first(struct forge *forge)
{
	forge_header(forge);
	forge_events(forge, 1, 1);
}

static void events_number(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 2);
	forge_events(forge, 4, 1);
}

static void events_none(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 0);
}

static void events_back(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 1000);
	forge_clock(forge, 1999, 1000);
	forge_seal(forge, TR_FRAME_EVENTS, 0, 2, NULL);
}

static void events_observed(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2001);
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void events_fewer(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge_seal(forge, TR_FRAME_EVENTS, 0, 2, NULL);
}

static void events_more(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge_clock(forge, 2000, 2000);
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void event_kind(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge->p = tr_put_u16(forge->p, TR_EVENT_COUNT);
	memset(forge->p, 0, 64);
	forge->p += 64;
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void action_count(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge->p[-2] = TR_ACTIONS_MAX + 1;
	memset(forge->p, 0, 8192);
	forge->p += 8192;
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void action_kind(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge->p[-2] = 1;
	forge->p = tr_put_u16(forge->p, 0);
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void decision_count(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge->p[-1] = TR_DECISIONS_MAX + 1;
	for (unsigned i = 0; i <= TR_DECISIONS_MAX; i++) {
		memset(forge->p, 0, 24);
		forge->p += 24;
	}
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void decision_unwanted(struct forge *forge)
{
	forge->header.decisions = 0;
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge->p[-1] = 1;
	memset(forge->p, 0, 24);
	forge->p += 24;
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

static void candidate_bits(struct forge *forge)
{
	forge_start(forge);
	forge_events_begin(forge, 1);
	forge_clock(forge, 2000, 2000);
	forge->p[-1] = 1;
	memset(forge->p, 0, 23);
	forge->p += 23;
	*forge->p++ = 1;    /* candidates */
	*forge->p++ = 0x80; /* a bit that stands for nothing */
	memset(forge->p, 0, 10);
	forge->p += 10;
	forge_seal(forge, TR_FRAME_EVENTS, 0, 1, NULL);
}

/* --------------------------------------------------------------------------- wrong snapshots, gaps
 */

static void part_without_snapshot(struct forge *forge)
{
	forge->header.part = 3;
	forge->header.first_event = 100;
	forge_start(forge);
	forge_events(forge, 100, 1);
}

static void snapshot_middle(struct forge *forge)
{
	forge_start(forge);
	forge_snapshot(forge, 0, 0);
}

static void snapshot_twice(struct forge *forge)
{
	forge_start(forge);
	forge_snapshot(forge, 0, TR_CHUNK_FIRST);
	forge_snapshot(forge, 0, TR_CHUNK_FIRST);
}

static void snapshot_order(struct forge *forge)
{
	forge_start(forge);
	forge_snapshot(forge, 0, TR_CHUNK_FIRST);
	forge_snapshot(forge, 2, TR_CHUNK_LAST);
}

static void snapshot_mixed(struct forge *forge)
{
	forge_start(forge);
	forge_snapshot(forge, 0, TR_CHUNK_FIRST);
	forge->state.digest++;
	forge_snapshot(forge, 1, TR_CHUNK_LAST);
}

static void snapshot_open(struct forge *forge)
{
	forge_start(forge);
	forge_snapshot(forge, 0, TR_CHUNK_FIRST);
	forge_events(forge, 1, 1);
}

static void snapshot_event(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 2);
	forge->state.event = 1;
	forge_snapshot(forge, 0, TR_CHUNK_FIRST | TR_CHUNK_LAST);
}

static void snapshot_chain(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 2);
	forge->state.event = 2;
	forge->state.chain = 76;
	forge_snapshot(forge, 0, TR_CHUNK_FIRST | TR_CHUNK_LAST);
}

static void snapshot_cut(struct forge *forge)
{
	forge_start(forge);
	forge_begin(forge);
	forge->p += 100;
	forge_seal(forge, TR_FRAME_SNAPSHOT, TR_CHUNK_FIRST | TR_CHUNK_LAST, 1, NULL);
}

static void gap_of_nothing(struct forge *forge)
{
	forge_start(forge);
	forge_gap(forge, 0, 2000, 3000);
}

static void gap_of_everything(struct forge *forge)
{
	forge_start(forge);
	forge_gap(forge, UINT64_MAX, 2000, 3000);
}

static void gap_back(struct forge *forge)
{
	forge_start(forge);
	forge_gap(forge, 1, 3000, 2000);
}

static void gap_long(struct forge *forge)
{
	forge_start(forge);
	forge_begin(forge);
	forge->p += TR_GAP_BYTES + 1;
	forge_frame(forge, TR_FRAME_GAP);
}

/* ------------------------------------------------------------------------------------- wrong ends
 */

static void index_other(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 1);
	forge->indexes[TR_INDEX_EVENTS].rows[0].offset++;
	forge_index(forge);
}

static void after_index(struct forge *forge)
{
	forge_start(forge);
	forge_index(forge);
	forge_events(forge, 1, 1);
}

static void end_without_index(struct forge *forge)
{
	forge_start(forge);
	forge_end(forge, 0, 0, 0);
}

static void end_totals(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 2);
	forge_index(forge);
	forge_end(forge, 2, 3, 77);
}

static void end_chain(struct forge *forge)
{
	forge_start(forge);
	forge_events(forge, 1, 2);
	forge_index(forge);
	forge_end(forge, 2, 2, 78);
}

static void end_long(struct forge *forge)
{
	forge_start(forge);
	forge_index(forge);
	forge_begin(forge);
	forge->p += TR_END_BYTES + 1;
	forge_frame(forge, TR_FRAME_END);
}

/* ------------------------------------------------------------------------------------------ table
 */

const struct malformed malformed_events[] = {
	{"events-first", events_first,
	 "corrupt: frame 1 (EVENTS) at byte 148: events before any policy"},
	{"events-number", events_number,
	 "corrupt: frame 3 (EVENTS) at byte 341: its first event has number 4, after number 2"},
	{"events-none", events_none,
	 "corrupt: frame 2 (EVENTS) at byte 221: there are no events in it"},
	{"events-back", events_back,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 2 is earlier than the one before it"},
	{"events-observed", events_observed,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1 was observed after its own time"},
	{"events-fewer", events_fewer,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 2: an event that is cut short"},
	{"events-more", events_more,
	 "corrupt: frame 2 (EVENTS) at byte 221: there are bytes after the last event"},
	{"event-kind", event_kind,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1: an event of unknown kind"},
	{"action-count", action_count,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1: more actions than an event can have"},
	{"action-kind", action_kind,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1: an action of unknown kind"},
	{"decision-count", decision_count,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1: more decision records than an event can "
	 "have"},
	{"decision-unwanted", decision_unwanted,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1 has decision records, and the header says "
	 "that none are kept"},
	{"candidate-bits", candidate_bits,
	 "corrupt: frame 2 (EVENTS) at byte 221: event 1: a candidate that is cut short or not in "
	 "its one form"},
	{"part-without-snapshot", part_without_snapshot,
	 "corrupt: frame 2 (EVENTS) at byte 221: a later part of a run begins with events, not "
	 "with a snapshot"},
	{"snapshot-middle", snapshot_middle,
	 "corrupt: frame 2 (SNAPSHOT) at byte 221: a snapshot's first chunk is missing"},
	{"snapshot-twice", snapshot_twice,
	 "corrupt: frame 3 (SNAPSHOT) at byte 426: a snapshot begins inside another"},
	{"snapshot-order", snapshot_order,
	 "corrupt: frame 3 (SNAPSHOT) at byte 426: chunk 2 of a snapshot where 1 is expected"},
	{"snapshot-mixed", snapshot_mixed,
	 "corrupt: frame 3 (SNAPSHOT) at byte 426: a chunk of another snapshot"},
	{"snapshot-open", snapshot_open,
	 "corrupt: frame 3 (EVENTS) at byte 426: it stands between the chunks of a snapshot"},
	{"snapshot-event", snapshot_event,
	 "corrupt: frame 3 (SNAPSHOT) at byte 341: the snapshot is of another event than the one "
	 "before it"},
	{"snapshot-chain", snapshot_chain,
	 "corrupt: frame 3 (SNAPSHOT) at byte 341: the snapshot's chain value is not that of the "
	 "event before it"},
	{"snapshot-cut", snapshot_cut,
	 "corrupt: frame 2 (SNAPSHOT) at byte 221: the snapshot is cut short"},
	{"gap-of-nothing", gap_of_nothing, "corrupt: frame 2 (GAP) at byte 221: a gap of 0 events"},
	{"gap-of-everything", gap_of_everything,
	 "corrupt: frame 2 (GAP) at byte 221: a gap of 18446744073709551615 events"},
	{"gap-back", gap_back,
	 "corrupt: frame 2 (GAP) at byte 221: the gap's times are not in order"},
	{"gap-long", gap_long,
	 "corrupt: frame 2 (GAP) at byte 221: the gap has not the length of a gap"},
	{"index-other", index_other,
	 "corrupt: frame 3 (INDEX) at byte 313: the index is not that of the frames before it"},
	{"after-index", after_index,
	 "corrupt: frame 3 (EVENTS) at byte 301: it stands after the index"},
	{"end-without-index", end_without_index,
	 "corrupt: frame 2 (END) at byte 221: the index before it is missing"},
	{"end-totals", end_totals,
	 "corrupt: frame 4 (END) at byte 445: the totals are not those of the frames before them"},
	{"end-chain", end_chain,
	 "corrupt: frame 4 (END) at byte 445: the chain value is not that of the last event"},
	{"end-long", end_long,
	 "corrupt: frame 3 (END) at byte 301: the totals have not the length of totals"},
};

const size_t malformed_events_count = TR_ARRAY_LENGTH(malformed_events);
