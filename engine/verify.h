/* SPDX-License-Identifier: Apache-2.0 */
/* The laws of the state, checked. */
#ifndef TR_ENGINE_VERIFY_H
#define TR_ENGINE_VERIFY_H

#include "engine/state.h"

/* A law: where it does not hold, the function that asks returns the text. */
#define TR_HOLDS(condition, text)                                                                  \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return text;                                                               \
	} while (0)

/* NULL, or the first row whose indexes leave their tables. What may be called on bytes that nobody
 * has checked; tr_engine_verify() presumes it. */
const char *tr_verify_ranges(const struct tr_engine *e);

#endif
