/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Malformed policies and the message each one gets. A case is a folder with `input.yaml` or
 * `input.json` and `expected`; with TR_UPDATE=1 in the environment `expected` is rewritten.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/policy/load.h"

#define CASES_MIN 24

static bool read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	if (!file)
		return false;
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	(void)fclose(file);
	return true;
}

static bool write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "wb");
	bool written;

	if (!file)
		return false;
	written = fputs(text, file) >= 0;
	return fclose(file) == 0 && written;
}

static bool run_case(const char *name)
{
	char before[4096], expected[4096] = "", got[2048];
	struct tr_policy_file *file = (struct tr_policy_file *)&before;
	const struct tr_policy_file *untouched = file;
	struct tr_diagnostic diagnostic;
	const char *input = "input.yaml";
	bool refused = false;

	if (!getcwd(before, sizeof before) || chdir(name) != 0)
		return false;
	if (access(input, R_OK) != 0)
		input = "input.json";
	if (tr_policy_load_file(input, &file, &diagnostic) == 0) {
		(void)snprintf(got, sizeof got, "loaded, though malformed\n");
		tr_policy_free(file);
	} else {
		char text[2000];

		refused = true;
		(void)snprintf(got, sizeof got, "%s\n",
			       tr_diagnostic_text(&diagnostic, text, sizeof text));
		if (file != untouched)
			(void)snprintf(got, sizeof got, "*ret was touched on failure\n");
	}
	if (refused && getenv("TR_UPDATE"))
		(void)write_text("expected", got);
	(void)read_text("expected", expected, sizeof expected);
	if (chdir(before) != 0)
		return false;
	if (refused && strcmp(expected, got) == 0)
		return true;
	printf("# expected: %s", *expected ? expected : "nothing\n");
	printf("# got:      %s", got);
	return false;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	unsigned count = 0;
	bool failed = false;
	int entry_count;

	if (argc != 2 || chdir(argv[1]) != 0 ||
	    (entry_count = scandir(".", &entries, NULL, alphasort)) < 0) {
		printf("Bail out! no folder of cases: %s\n", strerror(errno));
		return 1;
	}
	for (int i = 0; i < entry_count; i++) {
		if (entries[i]->d_name[0] != '.') {
			bool same = run_case(entries[i]->d_name);

			printf("%sok %u %s\n", same ? "" : "not ", ++count, entries[i]->d_name);
			failed = failed || !same;
		}
		free(entries[i]);
	}
	free(entries);
	if (count < CASES_MIN) {
		printf("not ok %u at least %d cases\n", ++count, CASES_MIN);
		failed = true;
	}
	printf("1..%u\n", count);
	return failed;
}
