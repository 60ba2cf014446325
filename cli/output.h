/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard streams: sound from the start, checked at the end.
 */
#ifndef TR_CLI_OUTPUT_H
#define TR_CLI_OUTPUT_H

#include <stdbool.h>

/* Make sure that descriptors 0 to 2 are open, so that no file opened later takes their place. */
void tr_output_init(void);

/* Flush and close stdout. Returns `code`; or, if it was 0 and something printed was lost, 4, with a
 * line on stderr unless the reader simply left. */
int tr_output_done(int code);

/* Are both the same file, whatever they are called? NULL and "-" are no file. */
bool tr_output_same(const char *path, const char *other);

#endif
