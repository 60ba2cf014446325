/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sample traces, generated: shaped like published ones, copied from none.
 */
#ifndef TR_TRACES_SAMPLE_H
#define TR_TRACES_SAMPLE_H

#include <stdint.h>
#include <stdio.h>

/* X(name, cli, text) */
#define TR_SAMPLE_MAP(X)                                                                           \
	X(AZURE_CODE, "azure-code",                                                                \
	  "bursts with silence between them, long inputs, short outputs")                          \
	X(MOONCAKE, "mooncake", "a 3 s grid of equal stamps, very long inputs")                    \
	X(ARENA, "arena", "an even stream of short questions")

enum tr_sample_shape {
#define X(name, cli, text) TR_SAMPLE_##name,
	TR_SAMPLE_MAP(X)
#undef X
	TR_SAMPLE_COUNT
};

/* Most rows of a sample. */
#define TR_SAMPLE_ROWS_MAX 100000000

/* Write `rows` rows (1..TR_SAMPLE_ROWS_MAX) in the Azure format. The same arguments write the same
 * bytes on every machine. Errors of writing stay in the file. O(rows), constant memory. */
void tr_sample_write(FILE *file, enum tr_sample_shape shape, uint64_t rows, uint64_t seed);

#endif
