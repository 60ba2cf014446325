/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on stderr that says how far a long run is: about six times a second, only where a
 * terminal shows it, gone when the run is over.
 */
#ifndef TR_REPORTS_PROGRESS_H
#define TR_REPORTS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct tr_progress {
	FILE *stream; /* NULL: nothing is shown */
	uint64_t began_ns;
	uint64_t shown_ns;
	bool shown;
};

/* Nanoseconds of a clock that never goes back. */
uint64_t tr_progress_clock(void);

/* Begin; shows nothing if `quiet` or stderr is no terminal. */
void tr_progress_begin(struct tr_progress *progress, bool quiet);

/* Whether it is time for another line. Cheap. */
bool tr_progress_due(const struct tr_progress *progress);

/* Show it: `count` things called `noun` done, `permille` of all there is to do (above 1000: not
 * known), and what the caller adds. */
void tr_progress_show(struct tr_progress *progress, uint64_t count, const char *noun,
		      uint32_t permille, const char *more);

/* Clear the line. */
void tr_progress_end(struct tr_progress *progress);

#endif
