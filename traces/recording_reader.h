/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's state, shared by its two halves: recording_reader.c brings whole frames whose bytes
 * are proved, recording_payload.c takes them apart and checks that they make sense together.
 */
#ifndef TR_TRACES_RECORDING_READER_H
#define TR_TRACES_RECORDING_READER_H

#include "traces/recording_frame.h"

struct tr_recording {
	FILE *stream;
	bool owned;
	char *name;
	uint64_t size; /* of the file, 0: not known */
	enum tr_recording_status status;
	struct tr_diagnostic problem;

	/* Where the reader stands. */
	struct tr_frame_head head;	 /* of the frame in `payload` */
	uint64_t offset;		 /* where that frame begins */
	uint64_t next_offset;		 /* where the next one begins */
	uint64_t next_frame;		 /* its number */
	uint64_t frames[TR_FRAME_COUNT]; /* whole ones so far */
	uint8_t *payload;
	size_t payload_room;
	struct tr_bytes bytes; /* of the payload, not taken yet */
	uint32_t items_left;   /* events of an EVENTS frame */

	/* What frames must agree on. */
	struct tr_recording_header header;
	uint64_t recording;
	uint64_t previous;
	uint64_t number; /* of the last event, lost ones counted */
	uint64_t chain;
	bool chain_known;    /* false at the beginning and after a gap */
	bool state_known;    /* false after a gap, until a snapshot */
	bool in_snapshot;    /* a chunk is to follow */
	uint32_t next_chunk; /* its number */
	uint64_t events;
	uint64_t gaps;
	uint64_t lost;
	tr_time_ns time; /* of the last event */
	struct tr_index indexes[TR_INDEX_COUNT];
	struct tr_name_table *names;
	bool closed; /* END was read */
	struct tr_recording_state totals;

	/* What is given out. */
	struct tr_recording_item item;
	struct tr_event event;
	struct tr_actions actions;
	struct tr_recording_state state;
};

/* Keep the first problem and what kind it is, with the frame's number, kind and place. Returns the
 * status. */
enum tr_recording_status tr_recording_problem(struct tr_recording *recording,
					      enum tr_recording_status status, const char *format,
					      ...) __attribute__((format(printf, 3, 4)));

/* A frame has come whole: check that it may stand here, take it in. Returns ITEM if there is
 * something to give out, END if there is not and the next frame is wanted, or CORRUPT. */
enum tr_recording_status tr_recording_frame_begin(struct tr_recording *recording);
/* The next event of an EVENTS frame. Returns ITEM or CORRUPT. */
enum tr_recording_status tr_recording_frame_event(struct tr_recording *recording);

#endif
