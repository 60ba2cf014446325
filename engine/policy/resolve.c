/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names become rows, when every map is complete: so a name may be used before it stands in the
 * file. The order is that in which the names were read.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy/suggest.h"
#include "engine/policy/walk.h"

static const char *row_name(const struct tr_rows *rows, size_t size, uint32_t index)
{
	struct tr_row head;

	memcpy(&head, (const char *)rows->items + size * index, sizeof head);
	return head.name;
}

static int refuse_dangling(struct tr_walk *walk, const struct tr_pending *pending,
			   const struct tr_rows *rows)
{
	const struct tr_table *table = pending->field->reference->table;
	struct tr_suggest suggest;
	char message[400];
	size_t length;

	tr_suggest_begin(&suggest, pending->name);
	for (uint32_t i = 0; i < rows->count; i++)
		tr_suggest_offer(&suggest, row_name(rows, table->size, i));
	length = (size_t)snprintf(message, sizeof message, "no %s is named '%.100s'", table->name,
				  pending->name);
	if (suggest.best)
		(void)snprintf(message + length, sizeof message - length, "; did you mean '%s'?",
			       suggest.best);
	else if (rows->count <= 8)
		for (uint32_t i = 0; i < rows->count && length < sizeof message; i++)
			length +=
				(size_t)snprintf(message + length, sizeof message - length, "%s%s",
						 i		    ? ", "
						 : rows->count == 1 ? "; there is "
								    : "; there are ",
						 row_name(rows, table->size, i));
	return tr_diagnose(walk->diagnostic,
			   pending->node ? pending->node->file : tr_document_name(walk->document),
			   pending->node ? pending->node->line : 0,
			   pending->node ? pending->node->column : 0, pending->path, "%s", message);
}

int tr_walk_resolve(struct tr_walk *walk, const void *root)
{
	for (const struct tr_pending *pending = walk->pending; pending; pending = pending->next) {
		const struct tr_reference *reference = pending->field->reference;
		uint32_t low = 0, high;
		struct tr_rows rows;

		memcpy(&rows, (const char *)root + reference->offset, sizeof rows);
		high = rows.count;
		while (low < high) {
			uint32_t middle = low + (high - low) / 2;

			if (strcmp(row_name(&rows, reference->table->size, middle), pending->name) <
			    0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == rows.count ||
		    strcmp(row_name(&rows, reference->table->size, low), pending->name) != 0)
			return refuse_dangling(walk, pending, &rows);
		tr_member_store(pending->member, pending->field->width, low);
	}
	return 0;
}
