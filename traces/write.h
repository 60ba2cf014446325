/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows written as a trace file of any of the formats but recordings.
 */
#ifndef TR_TRACES_WRITE_H
#define TR_TRACES_WRITE_H

#include "traces/trace.h"

/* What a format may be unable to hold. X(name, text) */
#define TR_LOSS_MAP(X)                                                                             \
	X(TENANT, "tenants")                                                                       \
	X(SESSION, "sessions")                                                                     \
	X(MODEL, "models")                                                                         \
	X(FAILED, "failures (written as an output of at least 1)")                                 \
	X(UNSEEN, "the mark of outputs that were never seen")                                      \
	X(BLOCKS, "prefix blocks")                                                                 \
	X(DATE, "dates (times are counted from the first row)")

enum tr_loss {
#define X(name, text) TR_LOSS_##name,
	TR_LOSS_MAP(X)
#undef X
	TR_LOSS_COUNT
};

extern const char *const tr_loss_texts[TR_LOSS_COUNT];

struct tr_trace_writer {
	enum tr_trace_format format;
	FILE *file;			/* the caller's */
	bool dated;			/* rows come with dates */
	uint64_t rows;			/* written */
	tr_time_ns zero;		/* what is taken off every arrival */
	uint64_t losses[TR_LOSS_COUNT]; /* rows that lost this */
};

/* Whether rows of a format come with dates, so that other formats count from the first of them. */
bool tr_trace_format_dated(enum tr_trace_format format);
/* Whether a format can be written: all but TRR. */
bool tr_trace_format_written(enum tr_trace_format format);

/* Write the head. `from` is the format the rows come from. Errors of writing stay in the file, to
 * be asked for with ferror(). */
void tr_trace_write_begin(struct tr_trace_writer *writer, enum tr_trace_format format, FILE *file,
			  enum tr_trace_format from);
void tr_trace_write(struct tr_trace_writer *writer, const struct tr_trace_row *row);

#endif
