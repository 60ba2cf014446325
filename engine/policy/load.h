/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy files: YAML or JSON text in, a checked and compiled policy out, or a diagnostic that says
 * where, what was found, what would be right, and the nearest valid name.
 */
#ifndef TR_POLICY_LOAD_H
#define TR_POLICY_LOAD_H

#include "engine/policy/diagnostic.h"
#include "engine/policy/policy.h"

/* Longest policy file, bytes. */
#define TR_POLICY_BYTES_MAX (4u << 20)

/* The vocabulary of policy files (engine/policy/schema.h): schema, reference, canonical form. */
struct tr_document;
struct tr_schema;
extern const struct tr_schema tr_policy_schema;

/* A loaded policy: the compiled tables, the names behind the hashes, the canonical text. */
struct tr_policy_file;

/* Load from a file or from text (`name` stands for the path in diagnostics). Returns 0 and *ret, to
 * be freed; or -1 and *ret_diagnostic. */
int tr_policy_load_file(const char *path, struct tr_policy_file **ret,
			struct tr_diagnostic *ret_diagnostic);
int tr_policy_load_text(const char *name, const char *text, size_t length,
			struct tr_policy_file **ret, struct tr_diagnostic *ret_diagnostic);
/* The same from a document, which stays the caller's and is not needed afterwards. */
int tr_policy_load_document(const struct tr_document *document, struct tr_policy_file **ret,
			    struct tr_diagnostic *ret_diagnostic);
void tr_policy_free(struct tr_policy_file *file);

/* The compiled form; lives as long as the file. */
const struct tr_policy *tr_policy_compiled(const struct tr_policy_file *file);

/* The canonical form: JSON with every default filled in, keys sorted, the same for every way of
 * writing the same policy. Loading it gives the same policy id and the same canonical form. */
const char *tr_policy_canonical(const struct tr_policy_file *file, size_t *ret_length);

/* The text of a name hash: any name of the policy, else NULL. */
const char *tr_policy_name(const struct tr_policy_file *file, tr_name name);

/* The same policy with `factor` (1..100) of each endpoint: "a1", "a1~2", "a1~3", ... It is another
 * policy, with an id of its own. Fails as loading does when a cap is exceeded. */
int tr_policy_scale(const struct tr_policy_file *file, unsigned factor, struct tr_policy_file **ret,
		    struct tr_diagnostic *ret_diagnostic);

#endif
