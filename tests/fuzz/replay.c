/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over its corpus in the ordinary test run: every file named on the command
 * line, and every file below every folder named there, in order of name. It speaks TAP, one line
 * per file. A target that finds something wrong aborts, which fails the run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static unsigned count;
static int failed;

static void complain(const char *path)
{
	printf("not ok %u %s cannot be read\n", ++count, path);
	failed = 1;
}

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t length = 0, capacity = 4096, got;
	uint8_t *bytes = malloc(capacity);

	while (file && bytes && (got = fread(bytes + length, 1, capacity - length, file)) > 0) {
		length += got;
		if (length == capacity) {
			uint8_t *larger = realloc(bytes, capacity *= 2);

			if (!larger)
				break;
			bytes = larger;
		}
	}
	if (!file || !bytes || ferror(file) || !feof(file)) {
		complain(path);
	} else {
		/* An exact copy, so that reading past the end is seen by a sanitizer. */
		uint8_t *exact = malloc(length ? length : 1);

		if (exact) {
			memcpy(exact, bytes, length);
			(void)LLVMFuzzerTestOneInput(exact, length);
			printf("ok %u %s\n", ++count, path);
			(void)fflush(stdout);
		}
		free(exact);
	}
	free(bytes);
	if (file)
		(void)fclose(file);
}

static void run(const char *path)
{
	struct dirent **entries;
	struct stat status;
	int entry_count;

	if (stat(path, &status) != 0) {
		complain(path);
		return;
	}
	if (!S_ISDIR(status.st_mode)) {
		run_file(path);
		return;
	}
	entry_count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < entry_count; i++) {
		char inner[4096];

		if (entries[i]->d_name[0] != '.') {
			(void)snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
			run(inner);
		}
		free(entries[i]);
	}
	if (entry_count >= 0)
		free(entries);
	else
		complain(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("1..%u\n", count);
	return failed || count == 0;
}
