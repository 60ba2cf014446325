/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/json_file.h"

#include <errno.h>
#include <string.h>

/* Fifteen digits give back every number of three decimals as it was written. */
#define DUMP_FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_PRESERVE_ORDER)

static int fail(const char *path, int error, struct tr_diagnostic *ret_diagnostic)
{
	return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "cannot be written: %s",
			   strerror(error));
}

int tr_json_file_open(const char *path, struct tr_whole_file *ret,
		      struct tr_diagnostic *ret_diagnostic)
{
	int error = tr_whole_file_open(path, ret);

	return error ? fail(path, error, ret_diagnostic) : 0;
}

int tr_json_file_finish(struct tr_whole_file *file, const char *path, const json_t *result,
			struct tr_diagnostic *ret_diagnostic)
{
	int error;

	errno = 0;
	if (json_dumpf(result, file->stream, DUMP_FLAGS) < 0 || fputc('\n', file->stream) == EOF) {
		error = errno ? errno : EIO;
		tr_whole_file_cancel(file);
	} else {
		error = tr_whole_file_finish(file);
	}
	return error ? fail(path, error, ret_diagnostic) : 0;
}
