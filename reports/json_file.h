/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A result as a JSON file: written beside its place and moved there when it is whole, so that no
 * reader ever sees half of it and a failure leaves the old one.
 */
#ifndef TR_REPORTS_JSON_FILE_H
#define TR_REPORTS_JSON_FILE_H

#include <jansson.h>
#include <stdio.h>

#include "engine/policy/diagnostic.h"

struct tr_json_file {
	FILE *stream;
	char *path;
	char *partial; /* NULL: written in place (standard output, a device, a pipe) */
};

/* Make the file before there is a result, so that a run of an hour does not end with a typing
 * error. "-" is standard output. Returns 0, or -1 and a diagnostic. */
int tr_json_file_open(const char *path, struct tr_json_file *ret,
		      struct tr_diagnostic *ret_diagnostic);

/* Write, move into place, release. Returns 0, or -1 and a diagnostic; nothing is then left behind.
 */
int tr_json_file_finish(struct tr_json_file *file, const json_t *result,
			struct tr_diagnostic *ret_diagnostic);

/* Give up: nothing is left behind. Also for a zeroed one. */
void tr_json_file_cancel(struct tr_json_file *file);

#endif
