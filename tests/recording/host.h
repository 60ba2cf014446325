/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest host of an engine: it draws some jobs, answers every dispatch after fixed times, and
 * records what happens into memory. Nothing is modelled; it is there so that recordings of real
 * decisions can be made in a test, with rejects, retries, tripped breakers and cancelled jobs.
 */
#ifndef TR_TESTS_RECORDING_HOST_H
#define TR_TESTS_RECORDING_HOST_H

#include "traces/recording.h"

struct host_options {
	uint64_t seed;
	uint32_t jobs;
	uint32_t fail_percent;	/* of the attempts */
	uint32_t snapshot_each; /* events, 0: none */
	uint32_t flush_each;	/* events, 0: none */
	uint64_t switch_policy; /* load and activate another policy after so many events, 0: no */
	uint64_t gap_begin;	/* the events after this one are lost, 0: none ... */
	uint64_t gap_events;	/* ... so many; then a snapshot */
	uint64_t rotate_at;	/* begin the file with a snapshot after so many events, 0: no */
	uint64_t alter;		/* change this event's answer before it is written, 0: none */
	bool no_decisions;
	bool unfinished; /* leave END away */
};

struct host_recording {
	uint8_t *bytes;
	size_t length;
	uint64_t events; /* of the run */
	uint64_t jobs;
	uint64_t chain;
	uint64_t path;
};

/* Ends the test if anything fails. The bytes are to be freed. */
void host_record(const struct host_options *options, struct host_recording *ret);

/* The recording written again, frame by frame, with the checks made anew. `edit` may change what is
 * about to be written; NULL: nothing. */
struct host_edit {
	void (*header)(void *context, struct tr_recording_header *header);
	void (*event)(void *context, uint64_t number, struct tr_event *event,
		      struct tr_actions *actions, uint64_t *chain);
	/* *text may be made to point elsewhere. */
	void (*policy)(void *context, uint64_t *id, const char **text, size_t *length);
	void (*totals)(void *context, struct tr_recording_state *totals);
	void *context;
};
void host_rewrite(const struct host_recording *from, const struct host_edit *edit,
		  struct host_recording *ret);

/* A file of the bytes, as the reader wants it. Never NULL. */
FILE *host_open(const uint8_t *bytes, size_t length);

#endif
