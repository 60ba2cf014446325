/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a diagnostic shows what a file holds.
 */
#ifndef TR_TRACES_FOUND_H
#define TR_TRACES_FOUND_H

#include <stdbool.h>
#include <stddef.h>

#define TR_FOUND_MAX 64

/* The text in quotes, at most 40 bytes of it, every byte that is not printable ASCII as \xNN; for
 * an empty text "nothing". Returns shown, which has room for TR_FOUND_MAX bytes. */
const char *tr_found(const char *text, size_t length, char shown[TR_FOUND_MAX]);

/* Whether the bytes are UTF-8 (shortest forms, no surrogates) without control characters: what may
 * be kept as a name. */
bool tr_found_is_name(const char *text, size_t length);

#endif
