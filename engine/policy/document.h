/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML or JSON text as a tree in which every key and value knows its line and column.
 *
 * The part of YAML that is read is the part that JSON has too: maps with text keys, lists, scalars,
 * comments, one document. Anchors, aliases, tags, a second document, keys that are no scalars and
 * the same key twice are refused, so nothing can expand, and nothing means anything but what it
 * looks like. What a scalar means (a number, a name) is not decided here but by the schema that
 * reads it.
 *
 * Text is JSON where the name ends in ".json" or the first byte that is no blank is '{'. JSON is
 * first checked strictly as JSON, then read the same way.
 */
#ifndef TR_POLICY_DOCUMENT_H
#define TR_POLICY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/policy/diagnostic.h"

/* Caps of one document; beyond them it is refused. */
#define TR_DOCUMENT_BYTES_MAX (4u << 20)
#define TR_DOCUMENT_NODES_MAX (1u << 18) /* values; keys are not counted */
#define TR_DOCUMENT_DEPTH_MAX 32u	 /* maps and lists inside each other */

enum tr_node_kind {
	TR_NODE_SCALAR,
	TR_NODE_MAP,
	TR_NODE_LIST,
};

struct tr_node {
	enum tr_node_kind kind;
	bool plain;	   /* a scalar written without quotes */
	unsigned line;	   /* of the value, from 1 */
	unsigned column;   /* in characters, from 1 */
	unsigned key_line; /* of its key, when the parent is a map */
	unsigned key_column;
	const char *key; /* NUL-terminated; "" inside a list */
	size_t key_length;
	const char *text; /* of a scalar, NUL-terminated; NULL for maps and lists */
	size_t length;
	const char *file; /* the name of what it was parsed from; a document may be made of several
			   */
	uint32_t count;	  /* children */
	struct tr_node *first;
	struct tr_node *next;
};

struct tr_document;

/* Read text. `name` stands for the path in diagnostics. Returns 0 and *ret, to be freed, or -1 and
 * *ret_diagnostic. The text is not needed afterwards. */
int tr_document_parse(const char *name, const char *text, size_t length, struct tr_document **ret,
		      struct tr_diagnostic *ret_diagnostic);

/* Read a file; "-" is standard input. */
int tr_document_load(const char *path, struct tr_document **ret,
		     struct tr_diagnostic *ret_diagnostic);

/* Release a document with all its nodes; NULL is permitted. */
void tr_document_free(struct tr_document *document);

/* The name it was parsed under; lives as long as the document. Where a node is at hand, its `file`
 * is the one to name. */
const char *tr_document_name(const struct tr_document *document);

/* The root, never NULL. */
const struct tr_node *tr_document_root(const struct tr_document *document);

/* The child of a map under this key; NULL if there is none, or the node is NULL or no map. */
const struct tr_node *tr_node_child(const struct tr_node *node, const char *key);

#endif
