/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nearness is the number of single-character slips: one missing, one too many, one wrong, two
 * swapped (Damerau-Levenshtein without overlapping swaps), upper and lower case alike. A name with
 * more slips than a third of its length is another name, and suggesting it would mislead; but who
 * leaves words out at the beginning or the end (`quantile` for `quantile_percent`) means it.
 */
#include "engine/policy/suggest.h"

#include <string.h>

#include "engine/base.h"

/* Longer names are not compared: no valid name is longer. */
#define LENGTH_MAX 127
/* Shorter words stand in too many names. */
#define WORDS_MIN 4

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t slips(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned char rows[3][LENGTH_MAX + 1];
	unsigned char *before = rows[0], *last = rows[1], *row = rows[2];

	TR_ASSERT(a_length <= LENGTH_MAX);
	TR_ASSERT(b_length <= LENGTH_MAX);
	memset(rows, 0, sizeof rows);
	for (size_t j = 0; j <= b_length; j++)
		row[j] = (unsigned char)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned char *spare = before;

		before = last;
		last = row;
		row = spare;
		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= b_length; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			size_t cost = tr_min(last[j - 1] + !same, tr_min((uint64_t)last[j] + 1,
									 (uint64_t)row[j - 1] + 1));

			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]))
				cost = tr_min(cost, (uint64_t)before[j - 2] + 1);
			row[j] = (unsigned char)cost;
		}
	}
	return row[b_length];
}

static bool is_same(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

/* Whether what was typed is the candidate's first words, or its last. */
static bool has_words(const char *candidate, size_t length, const char *typed, size_t typed_length)
{
	size_t rest = length - typed_length;

	if (length <= typed_length || typed_length < WORDS_MIN)
		return false;
	if (candidate[typed_length] == '_' && is_same(candidate, typed, typed_length))
		return true;
	return candidate[rest - 1] == '_' && is_same(candidate + rest, typed, typed_length);
}

void tr_suggest_begin(struct tr_suggest *suggest, const char *typed)
{
	*suggest = (struct tr_suggest){.typed = typed};
}

void tr_suggest_offer(struct tr_suggest *suggest, const char *candidate)
{
	size_t typed_length = strlen(suggest->typed);
	size_t length = strlen(candidate);
	size_t longer = tr_max(typed_length, length);
	size_t distance;

	suggest->offered++;
	if (typed_length == 0 || longer > LENGTH_MAX)
		return;
	distance = slips(suggest->typed, typed_length, candidate, length);
	if (has_words(candidate, length, suggest->typed, typed_length))
		distance = tr_min(distance, tr_max(1, longer / 3));
	if (distance > tr_max(1, longer / 3) || distance >= longer)
		return;
	if (suggest->best && distance >= suggest->distance)
		return;
	suggest->best = candidate;
	suggest->distance = distance;
}
