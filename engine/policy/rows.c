/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps and lists: many rows of one table.
 *
 * Rows of maps and items of sets are laid down sorted by name, whatever their order in the file;
 * but they are read in the order of the file, so that its first error is found first. Therefore
 * each child learns its row before the first is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/policy/walk.h"

/* One row of a map or a list. */
static int read_row(struct tr_walk *walk, const struct tr_schema_field *field,
		    const struct tr_node *node, void *row)
{
	const struct tr_table *table = field->table;
	struct tr_row head = {.node = walk->builtin ? NULL : node};

	if (field->kind == TR_KIND_MAP) {
		head.name = tr_arena_copy(walk->arena, node->key, node->key_length);
		if (!head.name)
			return tr_walk_out_of_memory(walk);
	}
	memcpy(row, &head, sizeof head);
	if (table->scalar)
		return tr_walk_value(walk, &table->fields[0], node, row);
	if (node->kind != TR_NODE_MAP) {
		struct tr_schema_field object = {.kind = TR_KIND_OBJECT, .table = table};

		return tr_walk_wrong(walk, &object, node);
	}
	return tr_walk_fields(walk, table, node, row);
}

/* A child on its way to its row. */
struct item {
	const struct tr_node *node;
	const char *sort; /* its name, or its text in a set */
	uint32_t order;	  /* in the file, built-in ones behind it */
	bool builtin;
};

static int compare_items(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	int order = left->sort && right->sort ? strcmp(left->sort, right->sort) : 0;

	if (order)
		return order;
	return left->order < right->order ? -1 : left->order > right->order;
}

static int check_item(struct tr_walk *walk, const struct tr_schema_field *field,
		      const struct tr_node *child)
{
	if (field->kind != TR_KIND_MAP)
		return 0;
	if (tr_name_valid(child->key, child->key_length))
		return 0;
	if (field->star && strcmp(child->key, "*") == 0)
		return 0;
	{
		struct tr_schema_field name = {.kind = TR_KIND_NAME};
		char message[320], expected[160];

		(void)snprintf(message, sizeof message, "found the name '%.60s'; expected %s",
			       child->key, tr_field_expected(&name, expected, sizeof expected));
		return tr_walk_refuse_key(walk, child, message);
	}
}

/* The same item twice in a set. */
static int check_set(struct tr_walk *walk, const struct item *items, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		const struct tr_node *node = items[i].node;

		if (strcmp(items[i - 1].sort, items[i].sort) == 0)
			return tr_walk_refuse(walk, node, "'%.60s' stands already on line %u",
					      items[i].sort, items[i - 1].node->line);
	}
	return 0;
}

/* Gather the children of a map or list, and of the built-in map where its rows are added. */
static int gather(struct tr_walk *walk, const struct tr_schema_field *field,
		  const struct tr_node *node, const struct tr_node *builtin, struct item *items,
		  uint32_t *ret_count)
{
	bool set = field->kind == TR_KIND_LIST && field->set;
	uint32_t count = 0;

	for (const struct tr_node *child = node ? node->first : NULL; child; child = child->next) {
		struct item item = {.node = child, .order = count};

		if (check_item(walk, field, child))
			return -1;
		if (set && child->kind != TR_NODE_SCALAR)
			return tr_walk_wrong(walk, &field->table->fields[0], child);
		item.sort = field->kind == TR_KIND_MAP ? child->key : set ? child->text : NULL;
		items[count++] = item;
	}
	for (const struct tr_node *child = builtin ? builtin->first : NULL; child;
	     child = child->next) {
		if (tr_node_child(node, child->key))
			continue;
		items[count] = (struct item){
			.node = child, .sort = child->key, .order = count, .builtin = true};
		count++;
	}
	qsort(items, count, sizeof(*items), compare_items);
	*ret_count = count;
	return set ? check_set(walk, items, count) : 0;
}

static int check_count(struct tr_walk *walk, const struct tr_schema_field *field,
		       const struct tr_node *node, uint32_t count)
{
	if (count < field->min)
		return tr_walk_refuse(walk, node, "found %u entries; expected at least %u", count,
				      (unsigned)field->min);
	if (count > field->max)
		return tr_walk_refuse(walk, node, "found %u entries; expected at most %u", count,
				      (unsigned)field->max);
	return 0;
}

static int read_items(struct tr_walk *walk, const struct tr_schema_field *field,
		      const struct item *items, uint32_t count, struct tr_rows *ret)
{
	size_t size = field->table->size;
	struct tr_rows rows = {.count = count};
	uint32_t *row_of = tr_arena_new(walk->arena, sizeof(*row_of) * count);
	bool outer = walk->builtin;

	rows.items = tr_arena_new(walk->arena, size * count);
	if (!rows.items || !row_of)
		return tr_walk_out_of_memory(walk);
	for (uint32_t i = 0; i < count; i++)
		row_of[items[i].order] = i;
	for (uint32_t i = 0; i < count; i++) {
		const struct item *item = &items[row_of[i]];
		size_t before;
		int err;

		walk->builtin = outer || item->builtin;
		before = tr_walk_enter(walk, field->kind == TR_KIND_MAP ? item->node->key : "",
				       item->order);
		err = read_row(walk, field, item->node, (char *)rows.items + size * row_of[i]);
		walk->builtin = outer;
		if (err)
			return -1;
		tr_walk_leave(walk, before);
	}
	*ret = rows;
	return 0;
}

int tr_walk_rows(struct tr_walk *walk, const struct tr_schema_field *field,
		 const struct tr_node *node, const struct tr_node *builtin, struct tr_rows *ret)
{
	enum tr_node_kind wanted = field->kind == TR_KIND_MAP ? TR_NODE_MAP : TR_NODE_LIST;
	size_t most = (node ? node->count : 0) + (builtin ? builtin->count : 0);
	struct item *items;
	uint32_t count = 0;
	int err;

	if (node && node->kind != wanted)
		return tr_walk_wrong(walk, field, node);
	if (node && check_count(walk, field, node, node->count))
		return -1;
	items = malloc(sizeof(*items) * (most + 1));
	if (!items)
		return tr_walk_out_of_memory(walk);
	err = gather(walk, field, node, builtin, items, &count);
	if (!err && node)
		err = check_count(walk, field, node, count);
	if (!err)
		err = read_items(walk, field, items, count, ret);
	free(items);
	return err;
}
