/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text file, line by line, in the memory of one line.
 */
#ifndef TR_TRACES_LINES_H
#define TR_TRACES_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum tr_lines_result {
	TR_LINES_END = 0,
	TR_LINES_LINE = 1,
	TR_LINES_LONG = -1,  /* longer than the cap; it has been passed over */
	TR_LINES_ERROR = -2, /* the file could not be read; errno says why */
};

struct tr_lines {
	FILE *file;	 /* the caller's */
	uint64_t number; /* of the line given last, from 1 */
	uint64_t bytes;	 /* read so far, up to the end of that line */
	char *buffer;
	size_t cap;   /* longest line, bytes without its end */
	size_t start; /* of what is not given yet */
	size_t end;
	bool drained; /* nothing more comes from the file */
	bool failed;
};

/* Returns 0, or -1 if there is no memory. */
int tr_lines_init(struct tr_lines *lines, FILE *file, size_t cap);
void tr_lines_done(struct tr_lines *lines);

/*
 * The next line without its end (LF or CRLF; the last may have none). A byte order mark before the
 * first line is dropped. *ret_text is valid until the next call and not terminated; it may hold any
 * byte but LF. Returns an enum tr_lines_result; the two out-parameters are set for
 * TR_LINES_LINE alone.
 */
int tr_lines_next(struct tr_lines *lines, const char **ret_text, size_t *ret_length);

/* The first bytes of the file, at most 8, before any line was taken: to tell what it is. */
size_t tr_lines_peek(struct tr_lines *lines, const unsigned char **ret_bytes);

#endif
