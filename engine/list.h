/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists through rows of a table, in order of entry: two links in each row (row + 1, 0: none), and
 * the oldest and the newest in the row that owns the list. Any number of lists may go through the
 * same table by the same links, a row being in one of them at most.
 */
#ifndef TR_ENGINE_LIST_H
#define TR_ENGINE_LIST_H

#include "engine/base.h"

/* Put rows[at], which is in no list, at the newest end. older, newer: its links' names;
 * oldest1, newest1: the owner's, to be written. */
#define TR_LIST_ADD(rows, at, older, newer, oldest1, newest1)                                      \
	do {                                                                                       \
		TR_ASSERT((rows)[at].older == 0);                                                  \
		TR_ASSERT((rows)[at].newer == 0);                                                  \
		(rows)[at].older = (newest1);                                                      \
		if (newest1)                                                                       \
			(rows)[(newest1)-1].newer = (at) + 1;                                      \
		else                                                                               \
			(oldest1) = (at) + 1;                                                      \
		(newest1) = (at) + 1;                                                              \
	} while (0)

/* Take rows[at] out, wherever it stands; its links are 0 again. */
#define TR_LIST_REMOVE(rows, at, older, newer, oldest1, newest1)                                   \
	do {                                                                                       \
		uint32_t older_row1 = (rows)[at].older, newer_row1 = (rows)[at].newer;             \
                                                                                                   \
		if (older_row1)                                                                    \
			(rows)[older_row1 - 1].newer = newer_row1;                                 \
		else                                                                               \
			(oldest1) = newer_row1;                                                    \
		if (newer_row1)                                                                    \
			(rows)[newer_row1 - 1].older = older_row1;                                 \
		else                                                                               \
			(newest1) = older_row1;                                                    \
		(rows)[at].older = (rows)[at].newer = 0;                                           \
	} while (0)

#endif
