/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents made of others: a part as a whole, one laid under another, scalars written anew. Every
 * node keeps the file, line and column it was read at, so what is wrong in the end is said of the
 * place where it stands.
 */
#ifndef TR_POLICY_COMPOSE_H
#define TR_POLICY_COMPOSE_H

#include "engine/policy/document.h"

/* The subtree at `root` as a document of its own, a copy named after the subtree's file. Returns 0
 * and *ret, to be freed, or -1 and *ret_diagnostic. */
int tr_document_extract(const struct tr_node *root, struct tr_document **ret,
			struct tr_diagnostic *ret_diagnostic);

/* Lay copies of what `base` has under a document: maps are merged key by key, at every depth;
 * where both have a key and one value is no map, the document's own stays. Returns 0, or -1 and
 * *ret_diagnostic where the document became too large; it is then not to be used. O(n log n). */
int tr_document_lay_under(struct tr_document *document, const struct tr_node *base,
			  struct tr_diagnostic *ret_diagnostic);

/* Take the root's child of this key, if there is one, out of the tree. */
void tr_document_drop(struct tr_document *document, const char *key);

/* What a scalar is to be instead. */
struct tr_scalar_text {
	const char *text; /* copied */
	size_t length;
	bool plain;
};

/* Called for a scalar, with its path ("fleet.models"). Returns 1 and *ret, 0 to leave it as it is,
 * or -1 and *ret_diagnostic. */
typedef int tr_scalar_rewriter(void *self, const struct tr_node *node, const char *path,
			       struct tr_scalar_text *ret, struct tr_diagnostic *ret_diagnostic);

/* Offer every scalar to the rewriter, in order. Returns 0, or -1 and *ret_diagnostic. */
int tr_document_rewrite(struct tr_document *document, tr_scalar_rewriter *rewriter, void *self,
			struct tr_diagnostic *ret_diagnostic);

#endif
