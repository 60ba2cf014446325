/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is written beside its place, under a name of our own, and renamed when it is whole: no
 * reader ever sees half of it, and a failure leaves the old one. The partial file stands in the
 * same folder, because a file can only be renamed within one file system; behind a symbolic link
 * the file is replaced and the link stays. Its bytes are on the disk before the name is theirs.
 *
 * A device or a pipe cannot be renamed over, so it is written in place.
 */
#include "traces/whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void release(struct tr_whole_file *file)
{
	free(file->path);
	free(file->partial);
	*file = (struct tr_whole_file){.stream = NULL};
}

/* The real place of a path, through links and not over them; its own where there is nothing yet. */
static char *place_of(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : strdup(path);
}

/* Another run's, or a user's file, is never written over. */
static char *partial_of(const char *path)
{
	char *partial;

	return asprintf(&partial, "%s.%ld.partial", path, (long)getpid()) < 0 ? NULL : partial;
}

int tr_whole_file_open(const char *path, struct tr_whole_file *ret)
{
	struct tr_whole_file file = {.stream = NULL};
	struct stat status;
	int error = ENOMEM;

	if (strcmp(path, "-") == 0) {
		*ret = (struct tr_whole_file){.stream = stdout};
		return 0;
	}
	if (stat(path, &status) < 0 || S_ISREG(status.st_mode)) {
		file.path = place_of(path);
		file.partial = file.path ? partial_of(file.path) : NULL;
		if (!file.partial)
			goto err;
	}
	file.stream = fopen(file.partial ? file.partial : path, file.partial ? "wbxe" : "wbe");
	if (!file.stream) {
		error = errno;
		goto err;
	}
	*ret = file;
	return 0;
err:
	release(&file);
	return error;
}

int tr_whole_file_finish(struct tr_whole_file *file)
{
	int error = 0;

	errno = 0;
	if (ferror(file->stream) || fflush(file->stream) != 0 ||
	    (file->partial && fsync(fileno(file->stream)) != 0))
		error = errno ? errno : EIO;
	/* Whether all of standard output arrived is asked when the program ends. */
	if (file->stream != stdout && fclose(file->stream) != 0 && !error)
		error = errno;
	file->stream = NULL;
	if (!error && file->partial && rename(file->partial, file->path) != 0)
		error = errno;
	if (error)
		tr_whole_file_cancel(file);
	release(file);
	return error;
}

void tr_whole_file_cancel(struct tr_whole_file *file)
{
	if (file->stream && file->stream != stdout)
		(void)fclose(file->stream);
	if (file->partial)
		(void)unlink(file->partial);
	release(file);
}
