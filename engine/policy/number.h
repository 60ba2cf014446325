/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal text to fixed point and back, without floating point on the way, so that 0.15 is the same
 * number on every machine.
 */
#ifndef TR_POLICY_NUMBER_H
#define TR_POLICY_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum tr_number_error {
	TR_NUMBER_OK,
	TR_NUMBER_NOT,	     /* no number in plain digits: "ten", "1e3", "0x10", "007", "1_000" */
	TR_NUMBER_NEGATIVE,  /* a number below 0 */
	TR_NUMBER_FRACTION,  /* more digits behind the point than the scale has */
	TR_NUMBER_TOO_LARGE, /* beyond 2^64-1 units */
};

/* Longest text that tr_number_text() makes, with its NUL. */
#define TR_NUMBER_TEXT_MAX 32

/* "2.5" with scale 3 is 2500. Zeros at the end of the fraction are permitted. *ret is untouched on
 * failure. scale is 0..9. */
enum tr_number_error tr_number_parse(const char *text, size_t length, unsigned scale,
				     uint64_t *ret);

/* The shortest decimal text: 2500 with scale 3 is "2.5". Returns text. */
const char *tr_number_text(uint64_t value, unsigned scale, char text[TR_NUMBER_TEXT_MAX]);

#endif
