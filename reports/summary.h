/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page that a person reads after a run, made of its JSON result and nothing else.
 */
#ifndef TR_REPORTS_SUMMARY_H
#define TR_REPORTS_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Whatever the result lacks is left out or shown as "-". */
void tr_summary_print(const json_t *result, FILE *stream, bool colors);

#endif
