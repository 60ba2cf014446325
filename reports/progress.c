/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time left is what the share done so far took, scaled; it is shown once there is enough of it
 * to be worth reading.
 */
#include "reports/progress.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "reports/terminal.h"

#define SECOND	    UINT64_C(1000000000)
#define INTERVAL    (SECOND / 6)
#define PATIENCE    (SECOND / 2) /* runs shorter than this show nothing */
#define LEFT_PERMIL 20		 /* no guess before so much is done */
#define CLEAR	    "\r\033[K"

uint64_t tr_progress_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

void tr_progress_begin(struct tr_progress *progress, bool quiet)
{
	*progress = (struct tr_progress){.began_ns = tr_progress_clock()};
	if (!quiet && isatty(STDERR_FILENO))
		progress->stream = stderr;
	progress->shown_ns = progress->began_ns + PATIENCE - INTERVAL;
}

bool tr_progress_due(const struct tr_progress *progress)
{
	return progress->stream && tr_progress_clock() >= progress->shown_ns + INTERVAL;
}

static void show_left(FILE *stream, uint64_t left_s)
{
	if (left_s >= 3600)
		fprintf(stream, ", %" PRIu64 " h %02" PRIu64 " min left", left_s / 3600,
			left_s / 60 % 60);
	else if (left_s >= 60)
		fprintf(stream, ", %" PRIu64 " min %02" PRIu64 " s left", left_s / 60, left_s % 60);
	else
		fprintf(stream, ", %" PRIu64 " s left", left_s);
}

void tr_progress_show(struct tr_progress *progress, uint64_t count, const char *noun,
		      uint32_t permille, const char *more)
{
	char text[TR_NUMBER_WIDTH_MAX];
	uint64_t now = tr_progress_clock(), spent = now - progress->began_ns;
	FILE *stream = progress->stream;

	if (!stream || spent == 0)
		return;
	fputs(CLEAR, stream);
	if (permille <= 1000)
		fprintf(stream, "%3u %%  ", permille / 10);
	fprintf(stream, "%s %s", tr_number_grouped(count, text), noun);
	fprintf(stream, ", %s/s",
		tr_number_grouped((uint64_t)((double)count * (double)SECOND / (double)spent),
				  text));
	if (permille >= LEFT_PERMIL && permille <= 1000)
		show_left(stream, spent / permille * (1000 - permille) / SECOND);
	fprintf(stream, "%s", more);
	fflush(stream);
	progress->shown = true;
	progress->shown_ns = now;
}

void tr_progress_end(struct tr_progress *progress)
{
	if (!progress->stream || !progress->shown)
		return;
	fputs(CLEAR, progress->stream);
	fflush(progress->stream);
	progress->shown = false;
}
