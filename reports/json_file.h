/* SPDX-License-Identifier: Apache-2.0 */
/* A result as a JSON file. */
#ifndef TR_REPORTS_JSON_FILE_H
#define TR_REPORTS_JSON_FILE_H

#include <jansson.h>

#include "engine/policy/diagnostic.h"
#include "traces/whole_file.h"

/* Make the file before there is a result, so that a run of an hour does not end with a typing
 * error. "-" is standard output. Returns 0, or -1 and a diagnostic. */
int tr_json_file_open(const char *path, struct tr_whole_file *ret,
		      struct tr_diagnostic *ret_diagnostic);

/* Write, move into place, release. Returns 0, or -1 and a diagnostic; nothing is then left behind.
 */
int tr_json_file_finish(struct tr_whole_file *file, const char *path, const json_t *result,
			struct tr_diagnostic *ret_diagnostic);

#endif
