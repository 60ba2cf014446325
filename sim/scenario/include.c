/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are folded from the first to the last, each laid over what stands before it. A file that is
 * open further up may not be included again: that is a circle. Names are compared with "." and ".."
 * resolved in the text; whoever makes a circle of symbolic links runs into the depth. The count of
 * files is bounded, too, for two files that include two files each, and so on, would be many.
 */
#include "sim/scenario/include.h"

#include <stdio.h>
#include <string.h>

#include "engine/base.h"
#include "engine/policy/compose.h"

#define KEY		"include"
#define PATH_BYTES_MAX	4000
#define EXPECTED	"a list of files, each a text of 1 to 4000 bytes"
#define PARTS_MAX	256
#define KEY_PATH_LENGTH 32

/* A file that is being read, inside another. */
struct level {
	const struct level *outer; /* NULL: the scenario itself */
	const char *path;
};

struct includer {
	const struct tr_scenario_files *files;
	struct tr_arena arena; /* of paths */
	unsigned count;
	struct tr_diagnostic *diagnostic;
};

static int load_disk(void *self, const char *path, struct tr_document **ret,
		     struct tr_diagnostic *ret_diagnostic)
{
	(void)self;
	return tr_document_load(path, ret, ret_diagnostic);
}

const struct tr_scenario_files tr_scenario_disk = {load_disk, NULL};

char *tr_include_path(struct tr_arena *arena, const char *file, const char *prefix,
		      const char *path)
{
	const char *slash = strrchr(file, '/');
	size_t folder = path[0] == '/' || !slash ? 0 : (size_t)(slash - file) + 1;
	size_t size = strlen(prefix) + folder + strlen(path) + 1;
	char *joined = tr_arena_new(arena, size);

	if (joined)
		(void)snprintf(joined, size, "%s%.*s%s", prefix, (int)folder, file, path);
	return joined;
}

/* ---------------------------------------------------------------------------------------- names */

struct part {
	const char *text;
	size_t length;
};

/* The parts of a path, "." and ".." resolved; how many. */
static size_t split(const char *path, struct part parts[PARTS_MAX])
{
	size_t count = 0;

	while (*path) {
		struct part part = {path, strcspn(path, "/")};
		bool up = part.length == 2 && memcmp(path, "..", 2) == 0;
		bool above = count && !(parts[count - 1].length == 2 &&
					memcmp(parts[count - 1].text, "..", 2) == 0);

		path += part.length + (path[part.length] == '/');
		if (part.length == 0 || (part.length == 1 && *part.text == '.'))
			continue;
		if (up && above)
			count--;
		else if (count < PARTS_MAX)
			parts[count++] = part;
	}
	return count;
}

static bool is_same_file(const char *a, const char *b)
{
	struct part left[PARTS_MAX], right[PARTS_MAX];
	size_t count = split(a, left);

	if (split(b, right) != count || (*a == '/') != (*b == '/'))
		return false;
	for (size_t i = 0; i < count; i++)
		if (left[i].length != right[i].length ||
		    memcmp(left[i].text, right[i].text, left[i].length) != 0)
			return false;
	return true;
}

/* ---------------------------------------------------------------------------------------- files */

int tr_include_load(const struct tr_scenario_files *files, const char *path,
		    const struct tr_node *node, const char *key, struct tr_document **ret,
		    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_diagnostic inner;

	if (files->load(files->self, path, ret, &inner) == 0)
		return 0;
	/* Without a line it is about the file as such, and so about who names it. */
	if (inner.line == 0)
		return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, key,
				   "'%.200s' %s", path, inner.message);
	*ret_diagnostic = inner;
	return -1;
}

static int refuse(struct includer *includer, const struct tr_node *node, const char *key,
		  const char *message)
{
	return tr_diagnose(includer->diagnostic, node->file, node->line, node->column, key, "%s",
			   message);
}

static int check_item(struct includer *includer, const struct tr_node *item, const char *key)
{
	if (item->kind != TR_NODE_SCALAR)
		return refuse(includer, item, key,
			      item->kind == TR_NODE_MAP ? "found a map; expected a file"
							: "found a list; expected a file");
	if (item->length == 0 || item->length > PATH_BYTES_MAX)
		return refuse(includer, item, key, "expected a file, a text of 1 to 4000 bytes");
	if (strcmp(item->text, "-") == 0)
		return refuse(includer, item, key,
			      "found '-'; expected a file, not standard input");
	if (strstr(item->text, "${"))
		return refuse(includer, item, key,
			      "found a parameter; files are included before parameters are known");
	return 0;
}

static int check_circle(struct includer *includer, const struct level *level, const char *path,
			const struct tr_node *item, const char *key)
{
	unsigned depth = 0;

	for (const struct level *at = level; at; at = at->outer, depth++) {
		if (is_same_file(at->path, path))
			return tr_diagnose(
				includer->diagnostic, item->file, item->line, item->column, key,
				"files include each other in a circle: '%.200s' leads back to "
				"itself",
				path);
	}
	if (depth >= TR_INCLUDE_DEPTH_MAX)
		return refuse(includer, item, key, "files include each other too deeply");
	if (++includer->count > TR_INCLUDE_FILES_MAX)
		return refuse(includer, item, key, "more files are included than can be taken");
	return 0;
}

static int resolve(struct includer *includer, const struct level *level,
		   struct tr_document *document);

/* One included file, with all that it includes itself. */
static int open_item(struct includer *includer, const struct level *outer,
		     const struct tr_node *item, const char *key, struct tr_document **ret)
{
	struct level level = {.outer = outer};
	struct tr_document *document;

	if (check_item(includer, item, key))
		return -1;
	level.path = tr_include_path(&includer->arena, item->file, "", item->text);
	if (!level.path)
		return refuse(includer, item, key, "not enough memory");
	if (check_circle(includer, outer, level.path, item, key))
		return -1;
	if (tr_include_load(includer->files, level.path, item, key, &document,
			    includer->diagnostic))
		return -1;
	if (resolve(includer, &level, document)) {
		tr_document_free(document);
		return -1;
	}
	*ret = document;
	return 0;
}

/* All items as one document, each over those before it; *ret is NULL if there are none. */
static int fold(struct includer *includer, const struct level *level, const struct tr_node *list,
		struct tr_document **ret)
{
	struct tr_document *below = NULL;
	uint32_t index = 0;

	for (const struct tr_node *item = list->first; item; item = item->next) {
		struct tr_document *above = NULL;
		char key[KEY_PATH_LENGTH];
		int err = 0;

		(void)snprintf(key, sizeof key, KEY "[%u]", index++);
		if (open_item(includer, level, item, key, &above)) {
			tr_document_free(below);
			return -1;
		}
		if (below)
			err = tr_document_lay_under(above, tr_document_root(below),
						    includer->diagnostic);
		tr_document_free(below);
		below = above;
		if (err) {
			tr_document_free(below);
			return -1;
		}
	}
	*ret = below;
	return 0;
}

static int resolve(struct includer *includer, const struct level *level,
		   struct tr_document *document)
{
	const struct tr_node *root = tr_document_root(document);
	const struct tr_node *list = tr_node_child(root, KEY);
	struct tr_document *below = NULL;
	int err = 0;

	if (root->kind != TR_NODE_MAP && level->outer)
		return refuse(includer, root, NULL,
			      root->kind == TR_NODE_LIST
				      ? "found a list; expected a map of keys and values"
				      : "found a single value; expected a map of keys and values");
	if (!list)
		return 0;
	if (list->kind != TR_NODE_LIST)
		return refuse(includer, list, KEY, "expected " EXPECTED);
	if (fold(includer, level, list, &below))
		return -1;
	tr_document_drop(document, KEY);
	if (below)
		err = tr_document_lay_under(document, tr_document_root(below),
					    includer->diagnostic);
	tr_document_free(below);
	return err;
}

int tr_include_resolve(struct tr_document *document, const struct tr_scenario_files *files,
		       struct tr_diagnostic *ret_diagnostic)
{
	struct includer includer = {.files = files, .diagnostic = ret_diagnostic};
	const struct level level = {.path = tr_document_name(document)};
	int err = resolve(&includer, &level, document);

	tr_arena_done(&includer.arena);
	return err;
}
