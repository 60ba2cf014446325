/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profile files: how a machine serves a model, in numbers.
 */
#ifndef TR_SIM_SCENARIO_PROFILE_H
#define TR_SIM_SCENARIO_PROFILE_H

#include "engine/policy/schema.h"
#include "sim/server/profile.h"

struct tr_draft_profile;

extern const struct tr_schema tr_profile_schema;

struct tr_profile_file;

/* Read and check. The document becomes the file's, also on failure. Returns 0 and *ret, to be
 * freed, or -1 and *ret_diagnostic. */
int tr_profile_load(struct tr_document *document, struct tr_profile_file **ret,
		    struct tr_diagnostic *ret_diagnostic);
/* The same of a file of this machine, and of text. */
int tr_profile_load_file(const char *path, struct tr_profile_file **ret,
			 struct tr_diagnostic *ret_diagnostic);
int tr_profile_load_text(const char *name, const char *text, size_t length,
			 struct tr_profile_file **ret, struct tr_diagnostic *ret_diagnostic);
void tr_profile_free(struct tr_profile_file *file);

/* All that it says as a server has it; what it leaves out is the built-in profile's. */
void tr_profile_server(const struct tr_profile_file *file, struct tr_server_profile *ret);
/* Every key that it gives, on one line. Lives as long as the file. */
const char *tr_profile_canonical(const struct tr_profile_file *file, size_t *ret_length);

/*
 * What a layer says goes over what is there, its file first (NULL: none). Returns -1 where it says
 * something that is of no effect. `key`: the layer's own path, "" for a file.
 */
int tr_profile_lay(const struct tr_draft_profile *layer, const struct tr_profile_file *file,
		   const char *key, struct tr_server_profile *profile,
		   struct tr_diagnostic *ret_diagnostic);

/* Whether a server can be made of it; `node`: where what is wrong is reported. */
int tr_profile_check(const struct tr_server_profile *profile, const struct tr_node *node,
		     const char *key, struct tr_diagnostic *ret_diagnostic);

#endif
