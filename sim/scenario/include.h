/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenario files made of several: `include`.
 *
 * Maps are merged key by key, at every depth; a list or a single value is replaced as a whole.
 * Later files of the list win over earlier ones, and the file itself over all it includes. Paths
 * are taken from the folder of the file that names them.
 */
#ifndef TR_SIM_SCENARIO_INCLUDE_H
#define TR_SIM_SCENARIO_INCLUDE_H

#include "engine/policy/arena.h"
#include "engine/policy/document.h"

/* Files inside each other, and files in all, of one scenario. */
#define TR_INCLUDE_DEPTH_MAX 16
#define TR_INCLUDE_FILES_MAX 64

/* Where the files come from that a scenario names. */
struct tr_scenario_files {
	/* As tr_document_load(). */
	int (*load)(void *self, const char *path, struct tr_document **ret,
		    struct tr_diagnostic *ret_diagnostic);
	void *self;
};

/* The files of this machine. */
extern const struct tr_scenario_files tr_scenario_disk;

/* Lay under a document all that it includes, and take the key `include` out. Returns 0, or -1 and
 * *ret_diagnostic; the document is then only to be freed. */
int tr_include_resolve(struct tr_document *document, const struct tr_scenario_files *files,
		       struct tr_diagnostic *ret_diagnostic);

/* `path`, where it is relative taken from the folder that `file` stands in, behind a prefix. NULL
 * when memory is out. */
char *tr_include_path(struct tr_arena *arena, const char *file, const char *prefix,
		      const char *path);

/* Load a file that is named at a node. One that cannot be opened is reported there, under `key`. */
int tr_include_load(const struct tr_scenario_files *files, const char *path,
		    const struct tr_node *node, const char *key, struct tr_document **ret,
		    struct tr_diagnostic *ret_diagnostic);

#endif
