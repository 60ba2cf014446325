/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partial file stands in the same folder, because a file can only be moved within one file
 * system. What is no regular file cannot be moved to, so it is written in place.
 */
#include "reports/json_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fifteen digits give back every number of three decimals as it was written. */
#define DUMP_FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_PRESERVE_ORDER)

static int fail(const char *path, int error, struct tr_diagnostic *ret_diagnostic)
{
	return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "cannot be written: %s",
			   strerror(error));
}

static void release(struct tr_json_file *file)
{
	free(file->path);
	free(file->partial);
	*file = (struct tr_json_file){0};
}

/* The real place of a path, through links and not over them; its own where there is nothing yet. */
static char *place_of(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : strdup(path);
}

/* A name of our own beside the file: another run's, or a user's file, is never written over. */
static char *partial_of(const char *path)
{
	char *partial;

	return asprintf(&partial, "%s.%ld.partial", path, (long)getpid()) < 0 ? NULL : partial;
}

int tr_json_file_open(const char *path, struct tr_json_file *ret,
		      struct tr_diagnostic *ret_diagnostic)
{
	struct tr_json_file file = {0};
	struct stat status;
	int error = ENOMEM;

	if (strcmp(path, "-") == 0) {
		*ret = (struct tr_json_file){.stream = stdout};
		return 0;
	}
	file.path = place_of(path);
	if (!file.path)
		goto err;
	if (stat(path, &status) < 0 || S_ISREG(status.st_mode)) {
		file.partial = partial_of(file.path);
		if (!file.partial)
			goto err;
	}
	file.stream = fopen(file.partial ? file.partial : file.path, file.partial ? "wxe" : "we");
	if (!file.stream) {
		error = errno;
		goto err;
	}
	*ret = file;
	return 0;
err:
	release(&file);
	return fail(path, error, ret_diagnostic);
}

int tr_json_file_finish(struct tr_json_file *file, const json_t *result,
			struct tr_diagnostic *ret_diagnostic)
{
	int error = 0;

	errno = 0;
	if (json_dumpf(result, file->stream, DUMP_FLAGS) < 0 || fputc('\n', file->stream) == EOF)
		error = errno ? errno : EIO;
	if (file->stream == stdout) {
		/* Whether it arrived is asked when the program ends. */
		release(file);
		return 0;
	}
	if (fclose(file->stream) != 0 && !error)
		error = errno;
	file->stream = NULL;
	if (!error && file->partial && rename(file->partial, file->path) < 0)
		error = errno;
	if (error) {
		fail(file->path, error, ret_diagnostic);
		tr_json_file_cancel(file);
		return -1;
	}
	release(file);
	return 0;
}

void tr_json_file_cancel(struct tr_json_file *file)
{
	if (file->stream && file->stream != stdout)
		(void)fclose(file->stream);
	if (file->partial)
		(void)unlink(file->partial);
	release(file);
}
