/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of name hashes, as a reader has seen them: open addressing over the hashes, which are
 * already mixed, and one arena of texts. Both have a cap; beyond it a name is known by its hash
 * alone, which only makes a report harder to read.
 */
#include <stdlib.h>

#include "traces/recording_frame.h"

struct name_slot {
	tr_name name; /* 0: empty */
	uint32_t at;  /* of the text in the arena */
};

struct tr_name_table {
	struct name_slot *slots;
	char *texts;
	uint32_t slot_count; /* a power of two */
	uint32_t count;
	uint32_t text_bytes;
	uint32_t text_room;
};

#define SLOTS_FIRST 256
#define TEXTS_FIRST 4096

struct tr_name_table *tr_name_table_new(void)
{
	struct tr_name_table *table = calloc(1, sizeof *table);

	if (!table)
		return NULL;
	table->slots = calloc(SLOTS_FIRST, sizeof *table->slots);
	table->texts = malloc(TEXTS_FIRST);
	table->slot_count = SLOTS_FIRST;
	table->text_room = TEXTS_FIRST;
	if (!table->slots || !table->texts) {
		tr_name_table_free(table);
		return NULL;
	}
	return table;
}

/* The slot of the name, or the empty one where it would go. */
static struct name_slot *find_slot(struct name_slot *slots, uint32_t slot_count, tr_name name)
{
	uint32_t i = (uint32_t)name & (slot_count - 1);

	while (slots[i].name != 0 && slots[i].name != name)
		i = (i + 1) & (slot_count - 1);
	return &slots[i];
}

static bool grow_slots(struct tr_name_table *table)
{
	uint32_t slot_count = table->slot_count * 2;
	struct name_slot *slots = calloc(slot_count, sizeof *slots);

	if (!slots)
		return false;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		if (table->slots[i].name)
			*find_slot(slots, slot_count, table->slots[i].name) = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	return true;
}

static bool grow_texts(struct tr_name_table *table)
{
	char *texts = realloc(table->texts, (size_t)table->text_room * 2);

	if (!texts)
		return false;
	table->texts = texts;
	table->text_room *= 2;
	return true;
}

bool tr_name_table_add(struct tr_name_table *table, tr_name name, const char *text, size_t length)
{
	struct name_slot *slot;

	TR_ASSERT(length <= TR_RECORDING_NAME_MAX);
	if (name == 0 || find_slot(table->slots, table->slot_count, name)->name == name)
		return true;
	if (table->count == TR_RECORDING_NAMES_MAX ||
	    table->text_bytes + length + 1 > TR_RECORDING_NAME_BYTES_MAX)
		return true;
	if (table->count >= table->slot_count / 2 && !grow_slots(table))
		return false;
	while (table->text_bytes + length + 1 > table->text_room) {
		if (!grow_texts(table))
			return false;
	}
	slot = find_slot(table->slots, table->slot_count, name);
	slot->name = name;
	slot->at = table->text_bytes;
	memcpy(table->texts + table->text_bytes, text, length);
	table->texts[table->text_bytes + length] = '\0';
	table->text_bytes += (uint32_t)length + 1;
	table->count++;
	return true;
}

const char *tr_name_table_find(const struct tr_name_table *table, tr_name name)
{
	const struct name_slot *slot = find_slot(table->slots, table->slot_count, name);

	return name != 0 && slot->name == name ? table->texts + slot->at : NULL;
}

uint64_t tr_name_table_count(const struct tr_name_table *table)
{
	return table->count;
}

void tr_name_table_free(struct tr_name_table *table)
{
	if (!table)
		return;
	free(table->slots);
	free(table->texts);
	free(table);
}
