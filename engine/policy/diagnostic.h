/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with an input file, said once: where, what was found, what would be right.
 * Every loader and reader fills one of these; only the command line prints them.
 */
#ifndef TR_POLICY_DIAGNOSTIC_H
#define TR_POLICY_DIAGNOSTIC_H

#include <stddef.h>

struct tr_diagnostic {
	char path[256];	   /* the file as the user named it; "" if there is none */
	unsigned line;	   /* from 1; 0: the whole file */
	unsigned column;   /* from 1; 0: the whole line */
	char key[192];	   /* "models.chat.quality"; "" if there is none */
	char message[512]; /* "found 'x'; expected a number from 0 to 1000" */
};

/* Fill a diagnostic; texts too long are cut. NULL is taken for an empty path or key. Returns -1, so
 * that a loader can `return tr_diagnose(...)`. */
int tr_diagnose(struct tr_diagnostic *ret, const char *path, unsigned line, unsigned column,
		const char *key, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* "FILE:LINE:COLUMN: KEY: MESSAGE", leaving out what is absent; cut to size. Returns text. */
const char *tr_diagnostic_text(const struct tr_diagnostic *diagnostic, char *text, size_t size);

#endif
