/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an input file, before any grammar: read within bounds, checked to be text, and JSON
 * checked to be JSON.
 */
#ifndef TR_POLICY_SOURCE_H
#define TR_POLICY_SOURCE_H

#include <stddef.h>

#include "engine/policy/diagnostic.h"

/* Read a whole file ("-": standard input) of at most TR_DOCUMENT_BYTES_MAX bytes; *ret_text is to
 * be freed. */
int tr_source_read(const char *path, char **ret_text, size_t *ret_length,
		   struct tr_diagnostic *ret_diagnostic);

/* Check a text and copy it in the form that the YAML parser takes; positions stay as they are.
 * *ret_text is to be freed. */
int tr_source_prepare(const char *name, const char *text, size_t length, char **ret_text,
		      size_t *ret_length, struct tr_diagnostic *ret_diagnostic);

#endif
