/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events from libyaml become a tree, one node each, on a stack of open maps and lists.
 *
 * Order of the gates: size, characters (UTF-8, no control characters), JSON's own grammar where the
 * text is JSON, YAML's grammar, then what this subset refuses. Each is a bound on the next, so that
 * no input costs more than its length: no alias can multiply nodes, depth and node count are
 * capped before anything is stored.
 */
#include "engine/policy/document.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "engine/base.h"
#include "engine/policy/source.h"
#include "engine/policy/inside.h"

/* A map or list that is still open. */
struct open_node {
	struct tr_node *node;
	struct tr_node *last;
	/* The key that waits for its value; maps only. */
	const char *key;
	size_t key_length;
	unsigned key_line;
	unsigned key_column;
};

struct reader {
	struct tr_document *document;
	struct tr_diagnostic *diagnostic;
	yaml_event_t *event; /* the one being read */
	struct open_node stack[TR_DOCUMENT_DEPTH_MAX];
	size_t depth;
	uint32_t documents;
};

static unsigned event_line(const struct reader *reader)
{
	return (unsigned)reader->event->start_mark.line + 1;
}

static unsigned event_column(const struct reader *reader)
{
	return (unsigned)reader->event->start_mark.column + 1;
}

static int refuse(struct reader *reader, const char *message)
{
	return tr_diagnose(reader->diagnostic, reader->document->name, event_line(reader),
			   event_column(reader), NULL, "%s", message);
}

static int out_of_memory(struct reader *reader)
{
	return tr_diagnose(reader->diagnostic, reader->document->name, 0, 0, NULL,
			   "not enough memory");
}

/* Take a scalar as the key of the innermost map. */
static int take_key(struct reader *reader)
{
	struct open_node *open = &reader->stack[reader->depth - 1];
	const char *text = (const char *)reader->event->data.scalar.value;
	size_t length = reader->event->data.scalar.length;

	if (length == 0)
		return refuse(reader, "found an empty key; expected a key");
	if (memchr(text, '\0', length))
		return refuse(reader, "found a NUL character in a key");
	open->key = tr_arena_copy(&reader->document->arena, text, length);
	if (!open->key)
		return out_of_memory(reader);
	open->key_length = length;
	open->key_line = event_line(reader);
	open->key_column = event_column(reader);
	return 0;
}

/* Make a node of the event and hang it below the innermost open one; NULL: refused. */
static struct tr_node *add_node(struct reader *reader, enum tr_node_kind kind)
{
	struct tr_document *document = reader->document;
	struct open_node *open = reader->depth ? &reader->stack[reader->depth - 1] : NULL;
	struct tr_node *node;

	if (document->nodes >= TR_DOCUMENT_NODES_MAX) {
		(void)refuse(reader, "the file has more values than can be taken");
		return NULL;
	}
	node = tr_arena_new(&document->arena, sizeof *node);
	if (!node) {
		(void)out_of_memory(reader);
		return NULL;
	}
	document->nodes++;
	node->kind = kind;
	node->line = event_line(reader);
	node->column = event_column(reader);
	node->key = "";
	node->file = document->name;
	if (!open) {
		TR_ASSERT(!document->root);
		document->root = node;
	} else {
		if (open->node->kind == TR_NODE_MAP) {
			TR_ASSERT(open->key);
			node->key = open->key;
			node->key_length = open->key_length;
			node->key_line = open->key_line;
			node->key_column = open->key_column;
			open->key = NULL;
		}
		if (open->last)
			open->last->next = node;
		else
			open->node->first = node;
		open->last = node;
		open->node->count++;
	}
	return node;
}

static int check_plain_meaning(struct reader *reader, const yaml_char_t *anchor,
			       const yaml_char_t *tag)
{
	if (anchor)
		return refuse(reader, "found an anchor; anchors and aliases are not used here");
	if (tag)
		return refuse(reader, "found a tag; tags are not used here");
	return 0;
}

static bool wants_key(const struct reader *reader)
{
	const struct open_node *open = reader->depth ? &reader->stack[reader->depth - 1] : NULL;

	return open && open->node->kind == TR_NODE_MAP && !open->key;
}

static int on_scalar(struct reader *reader)
{
	const char *text = (const char *)reader->event->data.scalar.value;
	size_t length = reader->event->data.scalar.length;
	struct tr_node *node;

	if (check_plain_meaning(reader, reader->event->data.scalar.anchor,
				reader->event->data.scalar.tag))
		return -1;
	if (wants_key(reader))
		return take_key(reader);
	if (length && memchr(text, '\0', length))
		return refuse(reader, "found a NUL character in a text");
	node = add_node(reader, TR_NODE_SCALAR);
	if (!node)
		return -1;
	node->plain = reader->event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->length = length;
	node->text = tr_arena_copy(&reader->document->arena, text, length);
	return node->text ? 0 : out_of_memory(reader);
}

static int open_container(struct reader *reader, enum tr_node_kind kind)
{
	struct tr_node *node;

	if (wants_key(reader))
		return refuse(reader, "found a map or a list as a key; expected a plain word");
	if (reader->depth == TR_DOCUMENT_DEPTH_MAX)
		return refuse(reader, "maps and lists are nested too deeply");
	node = add_node(reader, kind);
	if (!node)
		return -1;
	reader->stack[reader->depth++] = (struct open_node){.node = node};
	return 0;
}

static int on_sequence_start(struct reader *reader)
{
	if (check_plain_meaning(reader, reader->event->data.sequence_start.anchor,
				reader->event->data.sequence_start.tag))
		return -1;
	return open_container(reader, TR_NODE_LIST);
}

static int on_mapping_start(struct reader *reader)
{
	if (check_plain_meaning(reader, reader->event->data.mapping_start.anchor,
				reader->event->data.mapping_start.tag))
		return -1;
	return open_container(reader, TR_NODE_MAP);
}

static int on_sequence_end(struct reader *reader)
{
	TR_ASSERT(reader->depth > 0);
	reader->depth--;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct tr_node *const *left = a, *const *right = b;
	int order = strcmp((*left)->key, (*right)->key);

	if (order)
		return order;
	if ((*left)->key_line != (*right)->key_line)
		return (*left)->key_line < (*right)->key_line ? -1 : 1;
	return (*left)->key_column < (*right)->key_column ? -1 : 1;
}

static int on_mapping_end(struct reader *reader)
{
	const struct tr_node *map, *twice = NULL, *before = NULL;
	const struct tr_node **sorted;
	uint32_t count = 0;

	TR_ASSERT(reader->depth > 0);
	map = reader->stack[--reader->depth].node;
	sorted = malloc(sizeof(struct tr_node *) * (map->count + (size_t)1));
	if (!sorted)
		return out_of_memory(reader);
	for (const struct tr_node *child = map->first; child; child = child->next)
		sorted[count++] = child;
	TR_ASSERT(count == map->count);
	qsort(sorted, count, sizeof(struct tr_node *), compare_keys);
	for (uint32_t i = 1; i < count; i++) {
		bool same = strcmp(sorted[i - 1]->key, sorted[i]->key) == 0;

		if (same && (!twice || sorted[i]->key_line < twice->key_line ||
			     (sorted[i]->key_line == twice->key_line &&
			      sorted[i]->key_column < twice->key_column))) {
			twice = sorted[i];
			before = sorted[i - 1];
		}
	}
	free(sorted);
	if (!twice)
		return 0;
	return tr_diagnose(reader->diagnostic, reader->document->name, twice->key_line,
			   twice->key_column, NULL, "the key '%.100s' stands already on line %u",
			   twice->key, before->key_line);
}

static int on_document_start(struct reader *reader)
{
	if (++reader->documents > 1)
		return refuse(reader, "found a second document; expected one");
	if (reader->event->data.document_start.tag_directives.start !=
	    reader->event->data.document_start.tag_directives.end)
		return refuse(reader, "found a tag directive; tags are not used here");
	return 0;
}

static int on_alias(struct reader *reader)
{
	return refuse(reader, "found an alias; anchors and aliases are not used here");
}

static int on_nothing(struct reader *reader)
{
	TR_MAYBE(reader->depth == 0);
	return 0;
}

static int (*const on_event[])(struct reader *) = {
	[YAML_NO_EVENT] = on_nothing,
	[YAML_STREAM_START_EVENT] = on_nothing,
	[YAML_STREAM_END_EVENT] = on_nothing,
	[YAML_DOCUMENT_START_EVENT] = on_document_start,
	[YAML_DOCUMENT_END_EVENT] = on_nothing,
	[YAML_ALIAS_EVENT] = on_alias,
	[YAML_SCALAR_EVENT] = on_scalar,
	[YAML_SEQUENCE_START_EVENT] = on_sequence_start,
	[YAML_SEQUENCE_END_EVENT] = on_sequence_end,
	[YAML_MAPPING_START_EVENT] = on_mapping_start,
	[YAML_MAPPING_END_EVENT] = on_mapping_end,
};

/* What libyaml could not parse, in its words, at its place. */
static int diagnose_yaml(struct reader *reader, const yaml_parser_t *parser, const char *text,
			 size_t length)
{
	unsigned line = (unsigned)parser->problem_mark.line + 1;
	unsigned column = (unsigned)parser->problem_mark.column + 1;
	size_t at = parser->problem_mark.index;

	if (parser->error == YAML_MEMORY_ERROR)
		return out_of_memory(reader);
	if (parser->error == YAML_READER_ERROR)
		return tr_diagnose(reader->diagnostic, reader->document->name, 0, 0, NULL,
				   "not valid text: %s at byte %zu", parser->problem,
				   parser->problem_offset);
	if (at < length && text[at] == '\t')
		return tr_diagnose(reader->diagnostic, reader->document->name, line, column, NULL,
				   "found a tab; YAML is indented with spaces");
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		return tr_diagnose(reader->diagnostic, reader->document->name, line, column, NULL,
				   "not valid YAML: %s %s that begins on line %zu", parser->problem,
				   parser->context, parser->context_mark.line + 1);
	return tr_diagnose(reader->diagnostic, reader->document->name, line, column, NULL,
			   "not valid YAML: %s%s%s", parser->problem, parser->context ? " " : "",
			   parser->context ? parser->context : "");
}

static int read_events(struct reader *reader, const char *text, size_t length)
{
	yaml_parser_t parser;
	bool more = true;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return out_of_memory(reader);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	while (more && err == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			err = diagnose_yaml(reader, &parser, text, length);
			break;
		}
		reader->event = &event;
		more = event.type != YAML_STREAM_END_EVENT;
		TR_ASSERT((size_t)event.type < TR_ARRAY_LENGTH(on_event));
		err = on_event[event.type](reader);
		yaml_event_delete(&event);
	}
	reader->event = NULL;
	yaml_parser_delete(&parser);
	return err;
}

int tr_document_parse(const char *name, const char *text, size_t length, struct tr_document **ret,
		      struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document = calloc(1, sizeof *document);
	struct reader reader = {.document = document, .diagnostic = ret_diagnostic};
	char *prepared = NULL;
	int err = -1;

	if (!document || !(document->name = tr_arena_copy(&document->arena, name, strlen(name)))) {
		tr_diagnose(ret_diagnostic, name, 0, 0, NULL, "not enough memory");
		goto out;
	}
	if (tr_source_prepare(name, text, length, &prepared, &length, ret_diagnostic))
		goto out;
	if (read_events(&reader, prepared, length))
		goto out;
	if (!document->root) {
		tr_diagnose(ret_diagnostic, name, 0, 0, NULL,
			    "the file is empty; expected keys and values");
		goto out;
	}
	*ret = document;
	document = NULL;
	err = 0;
out:
	free(prepared);
	tr_document_free(document);
	return err;
}

int tr_document_load(const char *path, struct tr_document **ret,
		     struct tr_diagnostic *ret_diagnostic)
{
	size_t length = 0;
	char *text = NULL;
	int err;

	if (tr_source_read(path, &text, &length, ret_diagnostic))
		return -1;
	err = tr_document_parse(path, text, length, ret, ret_diagnostic);
	free(text);
	return err;
}

void tr_document_free(struct tr_document *document)
{
	if (!document)
		return;
	tr_arena_done(&document->arena);
	free(document);
}

const char *tr_document_name(const struct tr_document *document)
{
	return document->name;
}

const struct tr_node *tr_document_root(const struct tr_document *document)
{
	TR_ASSERT(document->root);
	return document->root;
}

const struct tr_node *tr_node_child(const struct tr_node *node, const char *key)
{
	if (!node || node->kind != TR_NODE_MAP)
		return NULL;
	for (const struct tr_node *child = node->first; child; child = child->next) {
		if (strcmp(child->key, key) == 0)
			return child;
	}
	return NULL;
}
