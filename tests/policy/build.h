/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random valid policies, each written in any order of keys and in any notation, and what every
 * policy test needs: loading with the message at hand.
 */
#ifndef TR_TESTS_POLICY_BUILD_H
#define TR_TESTS_POLICY_BUILD_H

#include "engine/policy/load.h"

enum notation {
	NOTATION_JSON,
	NOTATION_FLOW,	/* YAML on one line, words bare where they may be */
	NOTATION_BLOCK, /* YAML with indentation */
};

/* The policy of `seed`; `order` shuffles the keys of every map and the items of every set. The text
 * is to be freed. */
char *build_policy(uint64_t seed, uint64_t order, enum notation notation);

/* Load or fail the test with the message. */
struct tr_policy_file *load(const char *text);
struct tr_policy_file *load_as(const char *name, const char *text, size_t length);

/* Fail the test unless the text is refused with a message that contains `part`. */
void refuse(const char *text, const char *part);

/* Row of a name, or TR_NONE. */
uint32_t model_row(const struct tr_policy *policy, const char *name);

#endif
