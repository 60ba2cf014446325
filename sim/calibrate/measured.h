/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was measured of a model server, one row a request: how much it was, and when it came, was
 * queued, was first scheduled, had its first and its last token.
 *
 * Two sources, told apart by their first bytes. JSON lines, as vLLM's own statistics and our bench
 * give them, times in seconds:
 *
 *	input_toks, output_toks          whole numbers, at least 1
 *	first_token_ts, last_token_ts    on the server's clock
 *	queued_ts                        when the server took it in; absent: arrival_time
 *	scheduled_ts                     when it was first computed; in all rows or in none
 *	arrival_time                     on any clock; absent: queued_ts
 *
 * Other members are passed over. And our own recordings (.trr): the attempts of one endpoint that
 * were answered whole, from dispatch to first token and end; when they were scheduled is not in
 * them.
 *
 * Refused, with its line: a member that is missing or of another kind, times that run backwards, a
 * row whose scheduled_ts is there where others have none. Nothing is read of a file with one bad
 * row.
 */
#ifndef TR_SIM_CALIBRATE_MEASURED_H
#define TR_SIM_CALIBRATE_MEASURED_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/base.h"
#include "engine/policy/diagnostic.h"

#define TR_MEASURED_ROWS_MAX   1000000
#define TR_MEASURED_TOKENS_MAX (1u << 24)

struct tr_measured_row {
	uint64_t line; /* in the file, from 1; of a recording: the event's number */
	/* ns; `arrival` on a clock of its own until tr_measured_align() */
	tr_time_ns arrival;
	tr_time_ns queued;
	tr_time_ns scheduled; /* 0 where it is not known */
	tr_time_ns first;
	tr_time_ns last;
	uint32_t tokens_in;
	uint32_t tokens_out;
};

struct tr_measured {
	struct tr_measured_row *rows; /* in order of arrival */
	uint32_t count;		      /* > 0 */
	bool scheduled;		      /* is known */
	bool recording;
	uint64_t left_out; /* attempts of a recording that were not answered whole */
};

/*
 * Read a file; "-" is the standard input. `endpoint` chooses one of a recording; NULL: it has only
 * one. Returns 0 and *ret, to be given to tr_measured_done(), or -1.
 */
int tr_measured_read(const char *path, const char *endpoint, struct tr_measured *ret,
		     struct tr_diagnostic *ret_diagnostic);
void tr_measured_done(struct tr_measured *measured);

/*
 * Put all times on one clock that begins with the first arrival: arrivals are moved so that among
 * the first `count` rows the one that was queued fastest was queued at once. Later rows do not
 * move the clock; one of them that would be queued before it arrives, arrives when it is queued.
 */
void tr_measured_align(struct tr_measured *measured, uint32_t count);

/* For the readers: a row more, in the caller's order. Returns 0 or -1 (no memory, too many). */
int tr_measured_add(struct tr_measured *measured, const struct tr_measured_row *row,
		    struct tr_diagnostic *ret_diagnostic);
int tr_measured_read_recording(FILE *stream, const char *path, const char *endpoint,
			       struct tr_measured *ret, struct tr_diagnostic *ret_diagnostic);

#endif
