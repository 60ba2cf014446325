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
