/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `seeds`: FIRST..LAST, or a list. Each is a case of its own. The order is the file's, and a seed
 * that is given twice is a slip.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/policy/number.h"
#include "sim/scenario/vocabulary.h"

#define KEY	 "seeds"
#define EXPECTED "FIRST..LAST, such as 1..50, or a list of integers, at most 65536 of them"

static int refuse(const struct tr_node *node, const char *message,
		  struct tr_diagnostic *ret_diagnostic)
{
	return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, KEY, "%s",
			   message);
}

static bool parse(const char *text, size_t length, uint64_t *ret)
{
	return tr_number_parse(text, length, 0, ret) == TR_NUMBER_OK && *ret <= INT64_MAX;
}

static int take_range(struct tr_scenario *scenario, const struct tr_node *node,
		      struct tr_diagnostic *ret_diagnostic)
{
	const char *dots = strstr(node->text, "..");
	uint64_t first = 0, last = 0;

	if (!dots || !parse(node->text, (size_t)(dots - node->text), &first) ||
	    !parse(dots + 2, strlen(dots + 2), &last))
		return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, KEY,
				   "found '%.60s'; expected " EXPECTED, node->text);
	if (last < first)
		return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, KEY,
				   "found '%.60s'; the last seed is below the first", node->text);
	if (last - first >= TR_SCENARIO_SEEDS_MAX)
		return refuse(node, "found too many seeds; expected " EXPECTED, ret_diagnostic);
	scenario->seed = first;
	scenario->seed_count = (uint32_t)(last - first) + 1;
	return 0;
}

static int compare_seeds(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static int check_twice(const struct tr_scenario *scenario, const struct tr_node *node,
		       struct tr_diagnostic *ret_diagnostic)
{
	uint64_t *sorted = malloc(sizeof(uint64_t) * (scenario->seed_count + (size_t)1));
	bool twice = false;

	if (!sorted)
		return refuse(node, "not enough memory", ret_diagnostic);
	memcpy(sorted, scenario->seed_list, sizeof(uint64_t) * scenario->seed_count);
	qsort(sorted, scenario->seed_count, sizeof(uint64_t), compare_seeds);
	for (uint32_t i = 1; i < scenario->seed_count; i++)
		twice |= sorted[i - 1] == sorted[i];
	free(sorted);
	return twice ? refuse(node, "a seed stands in the list twice", ret_diagnostic) : 0;
}

static int take_list(struct tr_scenario *scenario, const struct tr_node *node,
		     struct tr_diagnostic *ret_diagnostic)
{
	uint64_t *list;
	uint32_t count = 0;

	if (node->count == 0 || node->count > TR_SCENARIO_SEEDS_MAX)
		return refuse(node,
			      node->count ? "found too many seeds; expected " EXPECTED
					  : "found an empty list; expected " EXPECTED,
			      ret_diagnostic);
	list = tr_arena_new(&scenario->arena, sizeof(*list) * node->count);
	if (!list)
		return refuse(node, "not enough memory", ret_diagnostic);
	for (const struct tr_node *item = node->first; item; item = item->next) {
		if (item->kind != TR_NODE_SCALAR || !item->plain ||
		    !parse(item->text, item->length, &list[count++]))
			return refuse(item, "expected an integer from 0 to 9223372036854775807",
				      ret_diagnostic);
	}
	scenario->seed = list[0];
	scenario->seed_count = count;
	scenario->seed_list = list;
	return check_twice(scenario, node, ret_diagnostic);
}

int tr_scenario_take_seeds(struct tr_scenario *scenario, struct tr_draft_scenario *draft,
			   struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_node *node = draft->seeds;

	scenario->seed = draft->seed;
	scenario->seed_count = 1;
	scenario->seeds_given = node != NULL;
	if (!node)
		return 0;
	if (draft->seed_node)
		return refuse(node, "found beside 'seed'; expected one of them", ret_diagnostic);
	draft->seed = TR_DRAFT_SEED_NONE;
	if (node->kind == TR_NODE_LIST)
		return take_list(scenario, node, ret_diagnostic);
	return take_range(scenario, node, ret_diagnostic);
}

uint64_t tr_scenario_seed(const struct tr_scenario *scenario, uint32_t index)
{
	TR_ASSERT(index < scenario->seed_count);
	return scenario->seed_list ? scenario->seed_list[index] : scenario->seed + index;
}
