/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case that died or could not be played is not finished: it is played again.
 */
#include "cli/kept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "traces/whole_file.h"

int tr_kept_begin(const char *folder)
{
	struct stat status;

	if (mkdir(folder, 0777) == 0)
		return TR_EXIT_OK;
	if (errno == EEXIST && stat(folder, &status) == 0 && S_ISDIR(status.st_mode))
		return TR_EXIT_OK;
	return tr_cli_fail(TR_EXIT_OUTPUT, "%s: cannot be made: %s", folder, strerror(errno));
}

char *tr_kept_path(const char *folder, const struct tr_case_file *file,
		   const struct tr_case_entry *entry)
{
	const char *slash = strrchr(file->path, '/');
	const char *base = slash ? slash + 1 : file->path;
	char *path;

	if (asprintf(&path, "%s/%.*s-seed-%" PRIu64 "-%016" PRIx64 ".json", folder,
		     (int)strcspn(base, "."), base, entry->seed, file->inputs) < 0)
		return NULL;
	return path;
}

json_t *tr_kept_load(const char *path)
{
	json_t *outcome = json_load_file(path, 0, NULL);

	if (outcome && json_is_object(outcome) && json_object_get(outcome, "status"))
		return outcome;
	json_decref(outcome);
	return NULL;
}

int tr_kept_save(const char *path, const json_t *outcome)
{
	enum tr_case_status status = tr_outcome_status(outcome);
	struct tr_whole_file file;
	int error;

	if (status != TR_STATUS_OK && status != TR_STATUS_FAILED)
		return 0;
	error = tr_whole_file_open(path, &file);
	if (error)
		return error;
	error = tr_outcome_write(outcome, file.stream);
	if (error) {
		tr_whole_file_cancel(&file);
		return error;
	}
	(void)fputc('\n', file.stream);
	return tr_whole_file_finish(&file);
}
