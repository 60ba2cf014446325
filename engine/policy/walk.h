/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a document by a table: what its parts share. schema.c has the fields, rows.c maps and
 * lists, scalar.c single values, tree.c what is kept whole, expected.c the words for what is wrong,
 * resolve.c references.
 */
#ifndef TR_POLICY_WALK_H
#define TR_POLICY_WALK_H

#include "engine/policy/schema.h"
#include "engine/policy/text.h"

/* A name that was read and is looked up when every map is complete. */
struct tr_pending {
	struct tr_pending *next;
	const struct tr_schema_field *field;
	const struct tr_node *node; /* NULL: a default */
	const char *path;
	const char *name;
	void *member; /* uint32_t */
};

struct tr_walk {
	const struct tr_document *document;
	struct tr_arena *arena;
	struct tr_diagnostic *diagnostic;
	struct tr_pending *pending; /* in order of the file */
	struct tr_pending **pending_end;
	bool builtin; /* inside a default: its nodes are not remembered */
	size_t path_length;
	char path[160]; /* "models.chat.quality" */
};

/* A scalar to be read: of the file, or a default. */
struct tr_scalar {
	const char *text;
	size_t length;
	bool plain; /* may be a number, a truth value or nothing, as its text says */
	const struct tr_node *node;
};

/* Refuse what stands at the node. Returns -1. */
int tr_walk_refuse(struct tr_walk *walk, const struct tr_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int tr_walk_out_of_memory(struct tr_walk *walk);

/* Refuse the key under which the node stands. Returns -1. */
int tr_walk_refuse_key(struct tr_walk *walk, const struct tr_node *node, const char *message);

/* "found X; expected Y", with Y from the field. Returns -1. */
int tr_walk_wrong(struct tr_walk *walk, const struct tr_schema_field *field,
		  const struct tr_node *node);

/* What a field takes, in words; returns text. */
const char *tr_field_expected(const struct tr_schema_field *field, char *text, size_t size);

/* "a model", "an endpoint". Static text for the article. */
const char *tr_article(const char *noun);

/* Lengthen the path by ".KEY", or by "[INDEX]" where the key is ""; returns what takes it back. */
size_t tr_walk_enter(struct tr_walk *walk, const char *key, uint32_t index);
void tr_walk_leave(struct tr_walk *walk, size_t before);

/* Read one field into the struct at `base`; node NULL: it is not given and takes its default. */
int tr_walk_value(struct tr_walk *walk, const struct tr_schema_field *field,
		  const struct tr_node *node, void *base);

/* Read the fields of a table into the struct at `base`; node NULL: nothing is given. */
int tr_walk_fields(struct tr_walk *walk, const struct tr_table *table, const struct tr_node *node,
		   void *base);

/* Read a map or a list, with the rows of `builtin` (or NULL) added that it does not have. */
int tr_walk_rows(struct tr_walk *walk, const struct tr_schema_field *field,
		 const struct tr_node *node, const struct tr_node *builtin, struct tr_rows *ret);

/* Look up every pending name in the root struct's maps. */
int tr_walk_resolve(struct tr_walk *walk, const void *root);

/* Whether YAML or JSON may take a bare word for a number; whether a bare scalar stands for
 * something that is no text: a number, a truth value, nothing. */
bool tr_looks_like_number(const char *text);
bool tr_means_something_else(const struct tr_scalar *scalar);

/* Read one scalar into its member; the kind is not FLAGS, OBJECT, MAP, LIST or TREE. */
int tr_scalar_read(struct tr_walk *walk, const struct tr_schema_field *field,
		   const struct tr_scalar *scalar, void *member);

/* Keep a node as it is in its member, if it has a shape that the field takes. */
int tr_tree_read(struct tr_walk *walk, const struct tr_schema_field *field,
		 const struct tr_node *node, void *member);

/* Write a node and all below it as JSON on one line, keys sorted; returns how many values that are.
 */
size_t tr_tree_write(struct tr_text *text, const struct tr_node *node);

/* The words for a TREE's shapes, as JSON Schema has them ("string") and as a reader has them ("a
 * text"); ends with a shape of 0. */
struct tr_shape_words {
	unsigned shape;
	const char *json;
	const char *noun;
};
extern const struct tr_shape_words tr_shapes[];

/* Store and fetch an unsigned member of `width` bytes. */
void tr_member_store(void *member, unsigned width, uint64_t value);
uint64_t tr_member_fetch(const void *member, unsigned width);

/* The word with this text, or with this value; NULL if there is none. */
const struct tr_word *tr_word_named(const struct tr_word *words, const char *text);
const struct tr_word *tr_word_valued(const struct tr_word *words, uint64_t value);

#endif
