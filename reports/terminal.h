/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How numbers and texts look to a person: thousands in groups, one width per column, colour only
 * where somebody sees it. Independent of the locale, so that two machines print the same page.
 */
#ifndef TR_REPORTS_TERMINAL_H
#define TR_REPORTS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Whether to colour what goes to this stream: a terminal, no NO_COLOR in the environment
 * (https://no-color.org), TERM not "dumb". */
bool tr_terminal_colors(FILE *stream);

#define TR_NUMBER_WIDTH_MAX 48

/* 1234567 -> "1,234,567". Returns text. */
const char *tr_number_grouped(uint64_t value, char text[TR_NUMBER_WIDTH_MAX]);
/* 1234.5678 with 1 decimal -> "1,234.6". At most 6 decimals; negative values and what is no number
 * are "-". */
const char *tr_number_decimal(double value, unsigned decimals, char text[TR_NUMBER_WIDTH_MAX]);

/* Columns of a terminal that a UTF-8 text takes, one for each character. */
size_t tr_text_columns(const char *text);
/* Copy a text that somebody else chose: control characters become '?', what is too long is cut at
 * a character. */
void tr_text_tame(const char *text, char *ret, size_t size);

#endif
