/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings made frame by frame, with every hash right and anything else as a test wants it.
 */
#ifndef TR_TESTS_RECORDING_FORGE_H
#define TR_TESTS_RECORDING_FORGE_H

#include "traces/recording_frame.h"

/* Writes frames as a recorder does, and lies where it is told to. */
struct forge {
	uint8_t bytes[1 << 16];
	size_t length;
	uint64_t number;
	uint64_t recording;
	uint64_t previous;
	uint8_t payload[1 << 14];
	uint8_t *p; /* end of the payload being made */
	struct tr_index indexes[TR_INDEX_COUNT];
	struct tr_recording_header header;
	struct tr_recording_state state;
};

/* Begin the payload of the next frame. */
void forge_begin(struct forge *forge);
/* Close the payload as a frame; `lie` may change the head before it is sealed. */
void forge_seal(struct forge *forge, unsigned kind, uint16_t flags, uint32_t items,
		void (*lie)(struct tr_frame_head *head));
/* Close it as a frame of one thing and no flags. */
void forge_frame(struct forge *forge, enum tr_frame_kind kind);
void forge_header(struct forge *forge);
void forge_policy(struct forge *forge);
/* HEADER and POLICY. */
void forge_start(struct forge *forge);
/* Begin a payload of events. */
void forge_events_begin(struct forge *forge, uint64_t first);
void forge_clock(struct forge *forge, tr_time_ns time, tr_time_ns observed);
void forge_events(struct forge *forge, uint64_t first, uint32_t count);
void forge_snapshot(struct forge *forge, uint32_t chunk, uint16_t flags);
void forge_gap(struct forge *forge, uint64_t lost, tr_time_ns from, tr_time_ns to);
void forge_index(struct forge *forge);
void forge_end(struct forge *forge, uint64_t last, uint64_t events, uint64_t chain);
void forge_name(struct forge *forge, tr_name name, const char *text, uint16_t length);
/* One with an honest header, the same in every build. To be freed. */
struct forge *forge_new(void);

#endif
