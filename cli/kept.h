/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finished cases in a folder, `--out DIR`: each a file of its own that is there whole or not at
 * all, named after the scenario and a hash of all that the case is made of. So whoever comes later
 * finds what is finished, and nothing that is out of date.
 */
#ifndef TR_CLI_KEPT_H
#define TR_CLI_KEPT_H

#include "cli/outcome.h"

/* Make the folder, if it is not there. Returns an enum tr_exit, with a line on stderr. */
int tr_kept_begin(const char *folder);

/* The path of a case's file, to be freed; NULL when memory is out. */
char *tr_kept_path(const char *folder, const struct tr_case_file *file,
		   const struct tr_case_entry *entry);

/* The outcome in this file, a new reference; NULL if there is none. */
json_t *tr_kept_load(const char *path);

/* Keep an outcome that would be the same if the case were played again. Returns 0, or an errno. */
int tr_kept_save(const char *path, const json_t *outcome);

#endif
