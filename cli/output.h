/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where output goes. The standard streams: sound from the start, checked at the end. Files: made
 * before there is anything to write, and whole in the end or not there.
 */
#ifndef TR_CLI_OUTPUT_H
#define TR_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "traces/whole_file.h"

/* Make sure that descriptors 0 to 2 are open, so that no file opened later takes their place. */
void tr_output_init(void);

/* Flush and close stdout. Returns `code`; or, if it was 0 and something printed was lost, 4, with a
 * line on stderr unless the reader simply left. */
int tr_output_done(int code);

/* Are both the same file, whatever they are called? NULL and "-" are no file. */
bool tr_output_same(const char *path, const char *other);

/* Make a file before there is a result, so that a run of an hour does not end with a typing error.
 * "-" is standard output. Returns an enum tr_exit: 4 with a line on stderr, *ret untouched. */
int tr_output_open(const char *path, struct tr_whole_file *ret);

/* Everything is in it: move it into place, release. Returns an enum tr_exit: 4 with a line on
 * stderr, nothing is then left behind. Standard output is left to tr_output_done(). */
int tr_output_finish(struct tr_whole_file *file, const char *path);

/* Write a result into it as JSON and finish it. Returns as tr_output_finish(). */
int tr_output_finish_json(struct tr_whole_file *file, const char *path, const json_t *result);

#endif
