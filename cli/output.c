/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full disk shows only when the buffer is written, which is after the last command has returned.
 * So stdout is closed here, last, and a lost line is an exit code of its own. A reader that leaves
 * early (`| head`) usually ends the process by SIGPIPE; where that signal is ignored, the code is
 * the same as for any lost output but nobody needs a message.
 */
#include "cli/output.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <signal.h>
#include <string.h>

#include "cli/command.h"

/* Fifteen digits give back every number of three decimals as it was written. */
#define DUMP_FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_PRESERVE_ORDER)

/* ---- standard streams ---- */

void tr_output_init(void)
{
	/* A closed stdout must fail when written to, so it is replaced by something read-only. */
	static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};

	/* A limit on the size of files is a failed write like any other. */
	(void)signal(SIGXFSZ, SIG_IGN);
	for (int descriptor = 0; descriptor <= 2; descriptor++)
		if (fcntl(descriptor, F_GETFD) < 0)
			(void)!open("/dev/null", modes[descriptor]);
}

int tr_output_done(int code)
{
	bool failed = ferror(stdout) != 0;
	bool pending = __fpending(stdout) > 0;
	int error = errno;

	if (fclose(stdout) != 0 && (pending || errno != EBADF)) {
		failed = true;
		error = errno;
	}
	if (!failed)
		return code;
	if (error != EPIPE)
		tr_cli_fail(code, "standard output could not be written: %s", strerror(error));
	return code == TR_EXIT_OK ? TR_EXIT_OUTPUT : code;
}

/* ---- files ---- */

bool tr_output_same(const char *path, const char *other)
{
	struct stat a, b;

	if (!path || !other || strcmp(path, "-") == 0 || strcmp(other, "-") == 0)
		return false;
	if (strcmp(path, other) == 0)
		return true;
	return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int fail(const char *path, int error)
{
	return tr_cli_fail(TR_EXIT_OUTPUT, "%s: cannot be written: %s", path, strerror(error));
}

int tr_output_open(const char *path, struct tr_whole_file *ret)
{
	int error = tr_whole_file_open(path, ret);

	return error ? fail(path, error) : TR_EXIT_OK;
}

int tr_output_finish(struct tr_whole_file *file, const char *path)
{
	int error;

	if (file->stream == stdout)
		return TR_EXIT_OK;
	error = tr_whole_file_finish(file);
	return error ? fail(path, error) : TR_EXIT_OK;
}

int tr_output_finish_json(struct tr_whole_file *file, const char *path, const json_t *result)
{
	int error;

	errno = 0;
	if (json_dumpf(result, file->stream, DUMP_FLAGS) == 0 && fputc('\n', file->stream) != EOF)
		return tr_output_finish(file, path);
	error = errno ? errno : EIO;
	tr_whole_file_cancel(file);
	return fail(path, error);
}
