/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of name hashes, for reports. Fixed memory: the names that come first are kept, which are
 * the ones that reports have rows for.
 */
#ifndef TR_SIM_NAMES_H
#define TR_SIM_NAMES_H

#include "engine/base.h"

#define TR_NAMES_MAX	  512
#define TR_NAMES_TEXT_MAX 128 /* with its NUL; longer ones are cut */

struct tr_names {
	uint32_t count;
	uint16_t places[2 * TR_NAMES_MAX]; /* entry + 1 by name, open addressing */
	struct {
		tr_name name;
		char text[TR_NAMES_TEXT_MAX];
	} entries[TR_NAMES_MAX];
};

/* Remember a name; not 0. Cheap for one that is known. */
void tr_names_add(struct tr_names *names, tr_name name, const char *text);
/* Its text, or NULL. */
const char *tr_names_text(const struct tr_names *names, tr_name name);

#endif
