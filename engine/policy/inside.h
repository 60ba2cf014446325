/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a document is inside: for document.c, which makes it of text, and compose.c, which makes it
 * of others.
 */
#ifndef TR_POLICY_INSIDE_H
#define TR_POLICY_INSIDE_H

#include "engine/policy/arena.h"
#include "engine/policy/document.h"

struct tr_document {
	struct tr_arena arena;
	char *name;
	struct tr_node *root;
	uint32_t nodes;
};

#endif
