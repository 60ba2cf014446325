/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which machine stands behind which endpoint. What a scenario says comes in layers, the nearest
 * last; a name that the policy does not have is an error, for it would silently do nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/message.h"
#include "engine/policy/suggest.h"
#include "sim/scenario/profile.h"
#include "sim/scenario/vocabulary.h"

/* Rows are sorted by name. */
static const struct tr_draft_profile *find(const struct tr_rows *rows, const char *name,
					   size_t length)
{
	const struct tr_draft_profile *items = rows->items;
	uint32_t low = 0, high = rows->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strncmp(items[middle].row.name, name, length);

		if (order == 0 && items[middle].row.name[length] == '\0')
			return &items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* "a1~2" is a copy of "a1", unless the scenario speaks of "a1~2" itself. */
static const struct tr_draft_profile *find_endpoint(const struct tr_rows *rows, const char *name)
{
	const struct tr_draft_profile *found = find(rows, name, strlen(name));
	const char *mark = strrchr(name, '~');

	if (found || !mark || mark[1] == '\0' || mark[1 + strspn(mark + 1, "0123456789")] != '\0')
		return found;
	return find(rows, name, (size_t)(mark - name));
}

/* Refuse the first row, of so many bytes, whose name nothing has. `name_at` gives the names that
 * there are. */
static int check_rows(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
		      const struct tr_rows *rows, size_t size, const char *key, const char *noun,
		      tr_name (*name_at)(const struct tr_policy *, uint32_t), uint32_t count,
		      struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);

	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tr_row *row = (const void *)((const char *)rows->items + size * i);
		const char *typed = row->name;
		tr_name wanted = tr_name_of(typed, strlen(typed));
		struct tr_suggest suggest;
		char path[192];
		uint32_t j = 0;

		while (j < count && name_at(compiled, j) != wanted)
			j++;
		if (j < count)
			continue;
		tr_suggest_begin(&suggest, typed);
		for (j = 0; j < count; j++)
			tr_suggest_offer(&suggest, tr_policy_name(policy, name_at(compiled, j)));
		(void)snprintf(path, sizeof path, "%s.%s", key, typed);
		return tr_schema_diagnose(ret_diagnostic, scenario->document, row->node, path,
					  "the policy has no %s named '%s'%s%s%s", noun, typed,
					  suggest.best ? "; did you mean '" : "",
					  suggest.best ? suggest.best : "",
					  suggest.best ? "'?" : "");
	}
	return 0;
}

static tr_name model_at(const struct tr_policy *policy, uint32_t row)
{
	return policy->models[row].name;
}

static tr_name endpoint_at(const struct tr_policy *policy, uint32_t row)
{
	return policy->endpoints[row].name;
}

static tr_name intent_at(const struct tr_policy *policy, uint32_t row)
{
	return policy->intents[row].name;
}

static tr_name profile_at(const struct tr_policy *policy, uint32_t row)
{
	return policy->profiles[row].name;
}

static tr_name class_at(const struct tr_policy *policy, uint32_t row)
{
	return policy->classes[row].name;
}

/* A label that every request carries must be a name of the policy, or every request is refused. */
static int check_label(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
		       tr_name label, const char *key, const char *noun,
		       tr_name (*name_at)(const struct tr_policy *, uint32_t), uint32_t count,
		       struct tr_diagnostic *ret_diagnostic)
{
	char names[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		const char *text = tr_policy_name(policy, name_at(tr_policy_compiled(policy), i));

		if (!label || label == name_at(tr_policy_compiled(policy), i))
			return 0;
		if (used + strlen(text) + 3 < sizeof names)
			used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
						 used ? ", " : "", text);
	}
	return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL, key,
				  "the policy has no %s of this name; it has %s", noun, names);
}

static int check_labels(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
			struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);
	const struct tr_workload_labels *labels = &scenario->labels;
	bool aliased = compiled->unknown_model != TR_NONE;

	for (uint32_t i = 0; i < compiled->alias_count; i++)
		aliased |= compiled->aliases[i].name == labels->model;
	if (!aliased && check_label(scenario, policy, labels->model, "labels.model", "model",
				    model_at, compiled->model_count, ret_diagnostic))
		return -1;
	if (check_label(scenario, policy, labels->intent, "labels.intent", "intent", intent_at,
			compiled->intent_count, ret_diagnostic))
		return -1;
	if (check_rows(scenario, policy, scenario->profiles, sizeof(struct tr_draft_share),
		       "labels.profiles", "profile", profile_at, compiled->profile_count,
		       ret_diagnostic))
		return -1;
	if (check_rows(scenario, policy, scenario->intents, sizeof(struct tr_draft_share),
		       "labels.intents", "intent", intent_at, compiled->intent_count,
		       ret_diagnostic))
		return -1;
	return check_label(scenario, policy, labels->class_name, "labels.class", "class", class_at,
			   compiled->class_count, ret_diagnostic);
}

/* --------------------------------------------------------------------------------------- servers
 */

/* Profile files of a fleet, each read once. */
struct shelf {
	const struct tr_scenario *scenario;
	struct tr_arena arena;
	struct shelved {
		struct shelved *next;
		const char *path;
		struct tr_profile_file *file;
	} * first;
};

static void shelf_done(struct shelf *shelf)
{
	for (struct shelved *row = shelf->first; row; row = row->next)
		tr_profile_free(row->file);
	tr_arena_done(&shelf->arena);
}

/* The file that a layer names; NULL: none. Returns 0, or -1. */
static int shelf_get(struct shelf *shelf, const struct tr_draft_profile *layer, const char *key,
		     const struct tr_profile_file **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;
	struct shelved *row;
	const char *path;

	*ret = NULL;
	if (!layer->path)
		return 0;
	path = tr_include_path(&shelf->arena, layer->path_node->file, "", layer->path);
	row = tr_arena_new(&shelf->arena, sizeof *row);
	if (!path || !row)
		return tr_schema_diagnose(ret_diagnostic, shelf->scenario->document, NULL, NULL,
					  "not enough memory");
	for (const struct shelved *other = shelf->first; other; other = other->next)
		if (strcmp(other->path, path) == 0) {
			*ret = other->file;
			return 0;
		}
	if (tr_include_load(&shelf->scenario->files, path, layer->path_node, key, &document,
			    ret_diagnostic))
		return -1;
	*row = (struct shelved){.next = shelf->first, .path = path};
	if (tr_profile_load(document, &row->file, ret_diagnostic))
		return -1;
	shelf->first = row;
	*ret = row->file;
	return 0;
}

/* One layer over the profile. */
static int lay_over(struct shelf *shelf, const struct tr_draft_profile *layer, const char *key,
		    struct tr_server_profile *profile, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_profile_file *file;
	const struct tr_node *node;
	const char *name = layer && layer->row.name ? layer->row.name : "";
	char path[192], file_path[208];

	if (!layer)
		return 0;
	(void)snprintf(path, sizeof path, "%s%s%s", key, name[0] ? "." : "", name);
	(void)snprintf(file_path, sizeof file_path, "%s.profile", path);
	if (shelf_get(shelf, layer, file_path, &file, ret_diagnostic))
		return -1;
	if (tr_profile_lay(layer, file, path, profile, ret_diagnostic))
		return -1;
	node = layer->batching.node ? layer->batching.node : layer->path_node;
	return node ? tr_profile_check(profile, node, path, ret_diagnostic) : 0;
}

static int take_server(struct shelf *shelf, const struct tr_policy_file *policy, uint32_t row,
		       struct tr_server *ret, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);
	const struct tr_policy_endpoint *endpoint = &compiled->endpoints[row];
	const char *model = tr_policy_name(policy, compiled->models[endpoint->model].name);
	const char *name = tr_policy_name(policy, endpoint->name);
	const struct tr_scenario_fleet *fleet = shelf->scenario->fleet;

	*ret = (struct tr_server){.name = endpoint->name,
				  .slots = endpoint->slots,
				  .profile = tr_server_profile_default};
	if (lay_over(shelf, &fleet->all, "fleet.default", &ret->profile, ret_diagnostic))
		return -1;
	if (lay_over(shelf, find(&fleet->models, model, strlen(model)), "fleet.models",
		     &ret->profile, ret_diagnostic))
		return -1;
	return lay_over(shelf, find_endpoint(&fleet->endpoints, name), "fleet.endpoints",
			&ret->profile, ret_diagnostic);
}

int tr_scenario_servers(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
			struct tr_server **ret, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);
	const struct tr_scenario_fleet *fleet = scenario->fleet;
	struct shelf shelf = {.scenario = scenario};
	struct tr_server *servers;
	int err = 0;

	if (check_rows(scenario, policy, &fleet->models, sizeof(struct tr_draft_profile),
		       "fleet.models", "model", model_at, compiled->model_count, ret_diagnostic))
		return -1;
	if (check_rows(scenario, policy, &fleet->endpoints, sizeof(struct tr_draft_profile),
		       "fleet.endpoints", "endpoint", endpoint_at, compiled->endpoint_count,
		       ret_diagnostic))
		return -1;
	if (check_labels(scenario, policy, ret_diagnostic))
		return -1;
	servers = calloc(compiled->endpoint_count, sizeof *servers);
	if (!servers)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL, NULL,
					  "not enough memory");
	for (uint32_t i = 0; i < compiled->endpoint_count && !err; i++)
		err = take_server(&shelf, policy, i, &servers[i], ret_diagnostic);
	shelf_done(&shelf);
	if (err) {
		free(servers);
		return -1;
	}
	*ret = servers;
	return 0;
}
