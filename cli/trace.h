/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands on traces share.
 */
#ifndef TR_CLI_TRACE_H
#define TR_CLI_TRACE_H

#include "traces/trace.h"

/* Rows that were skipped or adjusted, on stderr; nothing where there were none. */
void tr_trace_print_counts(const char *spec, struct tr_trace_counts counts);

#endif
