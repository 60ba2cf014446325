/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that grows while it is written. A failed allocation is remembered and reported once, by
 * tr_text_take(); writing goes on without effect. All zeroes is an empty text.
 */
#ifndef TR_POLICY_TEXT_H
#define TR_POLICY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct tr_text {
	char *bytes;
	size_t length;
	size_t capacity;
	bool failed;
};

/* Add a string, some bytes, or what printf would write. */
void tr_text_add(struct tr_text *text, const char *string);
void tr_text_addn(struct tr_text *text, const char *bytes, size_t length);
void tr_text_addf(struct tr_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes. */
void tr_text_add_json(struct tr_text *text, const char *string);

/* The text, NUL-terminated, to be freed by the caller; NULL when memory ran out. The struct is
 * empty afterwards. */
char *tr_text_take(struct tr_text *text, size_t *ret_length);

#endif
