/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/names.h"

#include <string.h>

#define PLACE_MASK (2 * TR_NAMES_MAX - 1)

_Static_assert((TR_NAMES_MAX & (TR_NAMES_MAX - 1)) == 0, "places are masked");

/* The place that holds the name, or the free one where it would be. The table is never full. */
static uint32_t place_of(const struct tr_names *names, tr_name name)
{
	uint32_t place = (uint32_t)name & PLACE_MASK;

	while (names->places[place] && names->entries[names->places[place] - 1].name != name)
		place = (place + 1) & PLACE_MASK;
	return place;
}

void tr_names_add(struct tr_names *names, tr_name name, const char *text)
{
	uint32_t place = place_of(names, name);
	size_t length;

	TR_ASSERT(name != 0);
	if (names->places[place] || names->count == TR_NAMES_MAX)
		return;
	length = strnlen(text, TR_NAMES_TEXT_MAX - 1);
	names->entries[names->count].name = name;
	memcpy(names->entries[names->count].text, text, length);
	names->entries[names->count].text[length] = '\0';
	names->places[place] = (uint16_t)++names->count;
}

const char *tr_names_text(const struct tr_names *names, tr_name name)
{
	uint32_t place = place_of(names, name);

	return names->places[place] ? names->entries[names->places[place] - 1].text : NULL;
}
