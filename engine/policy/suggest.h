/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The valid name that a mistyped one most likely meant.
 */
#ifndef TR_POLICY_SUGGEST_H
#define TR_POLICY_SUGGEST_H

#include <stddef.h>

struct tr_suggest {
	const char *typed;
	const char *best; /* the nearest so far; NULL: none is near */
	size_t distance;
	size_t offered;
};

/* Start with the name as typed, then offer each valid one; among equals the first stays. */
void tr_suggest_begin(struct tr_suggest *suggest, const char *typed);
void tr_suggest_offer(struct tr_suggest *suggest, const char *candidate);

#endif
