/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that wait together: those that share one stamp, until the next stamp is known.
 */
#ifndef TR_TRACES_GROUP_H
#define TR_TRACES_GROUP_H

#include "traces/trace.h"

/* All zeroes is an empty group. */
struct tr_group {
	unsigned char *bytes; /* the rows one behind the other, without their unused blocks */
	size_t used;
	size_t capacity;
	size_t taken;
};

/* Returns 0, or -1: the group would be larger than TR_TRACE_GROUP_BYTES_MAX, or no memory. */
int tr_group_add(struct tr_group *group, const struct tr_trace_row *row);
/* The rows in the order in which they were added; false when all were taken. */
bool tr_group_take(struct tr_group *group, struct tr_trace_row *ret);
/* Empty it, keep its memory. */
void tr_group_clear(struct tr_group *group);
void tr_group_done(struct tr_group *group);

#endif
