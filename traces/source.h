/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over one trace file: rows as they stand there, checked, in order of arrival. Spreading,
 * amplifying and repeating are built on top (traces/trace.c).
 */
#ifndef TR_TRACES_SOURCE_H
#define TR_TRACES_SOURCE_H

#include "traces/trace.h"

/* What one step of a format's reader came to. */
enum tr_source_result {
	TR_SOURCE_END = 0,
	TR_SOURCE_ROW = 1,
	TR_SOURCE_BAD = -1,    /* this row is malformed; the next can be read */
	TR_SOURCE_BROKEN = -2, /* nothing more can be read */
};

struct tr_source;

/* One format, as its reader fills it in. */
struct tr_source_kind {
	size_t line_cap;
	const char *stamp_key; /* names the stamp in a diagnostic: "column 'TIMESTAMP'" */
	/* After the first bytes were looked at: check the head. Returns 0 or -1. NULL: no head. */
	int (*begin)(struct tr_source *source, struct tr_diagnostic *ret_diagnostic);
	/* The next row into source->row, its stamp as text into source->stamp. */
	enum tr_source_result (*next)(struct tr_source *source,
				      struct tr_diagnostic *ret_diagnostic);
	void (*end)(struct tr_source *source);
	/* Bytes read so far; NULL: those of the lines. */
	uint64_t (*bytes)(const struct tr_source *source);
};

extern const struct tr_source_kind tr_source_azure, tr_source_arena, tr_source_burstgpt;
extern const struct tr_source_kind tr_source_mooncake, tr_source_tailrace, tr_source_trr;

#define TR_STAMP_MAX 48

struct tr_lines;

struct tr_source {
	const struct tr_source_kind *kind;
	const char *path; /* as the user named it */
	FILE *file;	  /* the caller's */
	struct tr_lines *lines;
	void *state;		  /* the format's own */
	struct tr_trace_row row;  /* the row being read */
	char stamp[TR_STAMP_MAX]; /* of that row, as it was written, for diagnostics */
	bool adjusted;		  /* that row had a size of 0 which was read as 1 */
	/* of the good rows so far */
	char stamp_before[TR_STAMP_MAX];
	tr_time_ns arrival_before;
	struct tr_trace_counts counts;
	bool skip_bad;
	bool ended;
};

/* Read from where `file` stands. It and `path` stay the caller's and must outlive the source.
 * Returns 0 and *ret, or -1. */
int tr_source_open(enum tr_trace_format format, const char *path, FILE *file, bool skip_bad,
		   struct tr_source **ret, struct tr_diagnostic *ret_diagnostic);
/* 1: *ret_row is the next good row, valid until the next call; 0: the end; -1: a diagnostic. */
int tr_source_next(struct tr_source *source, const struct tr_trace_row **ret_row,
		   struct tr_diagnostic *ret_diagnostic);
uint64_t tr_source_bytes(const struct tr_source *source);
void tr_source_close(struct tr_source *source);

/* For readers of formats: a diagnostic about `key` ("" for none) in the line at hand; returns
 * TR_SOURCE_BAD. */
int tr_source_bad(const struct tr_source *source, struct tr_diagnostic *ret_diagnostic,
		  const char *key, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The next line that is not blank: TR_SOURCE_ROW with the two out-parameters, or what else came of
 * it with a diagnostic. Lines too long and lines with a NUL byte are bad. */
enum tr_source_result tr_source_line(struct tr_source *source, const char **ret_text,
				     size_t *ret_length, struct tr_diagnostic *ret_diagnostic);

/* Keep the stamp as it was written; cut to size. */
void tr_source_stamp(struct tr_source *source, const char *text, size_t length);

#endif
