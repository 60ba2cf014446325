/* SPDX-License-Identifier: Apache-2.0 */
/* An output file that appears whole or not at all. */
#ifndef TR_TRACES_WHOLE_FILE_H
#define TR_TRACES_WHOLE_FILE_H

#include <stdio.h>

/* All zeroes is none. */
struct tr_whole_file {
	FILE *stream;  /* to write to */
	char *path;    /* where it ends up */
	char *partial; /* where it stands until then; NULL: written in place */
};

/* Begin a file. "-" is standard output. Returns 0, or an errno and *ret untouched. */
int tr_whole_file_open(const char *path, struct tr_whole_file *ret);

/* Everything is in it: put it on the disk and in its place, and release. Returns 0, or an errno;
 * nothing is then left behind. Of standard output only what was written so far is asked. */
int tr_whole_file_finish(struct tr_whole_file *file);

/* Give up: nothing is left behind, an older file stays. Also for one that is all zeroes. */
void tr_whole_file_cancel(struct tr_whole_file *file);

#endif
