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
#include "sim/scenario/vocabulary.h"

/* What `draft` gives goes over what is there. */
static void lay_over(struct tr_server_profile *profile, const struct tr_draft_profile *draft)
{
	if (!draft)
		return;
#define X(field)                                                                                   \
	if (draft->given.field)                                                                    \
		profile->field = draft->profile.field;
	TR_PROFILE_FIELDS_MAP(X)
#undef X
}

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
	return check_label(scenario, policy, labels->class_name, "labels.class", "class", class_at,
			   compiled->class_count, ret_diagnostic);
}

int tr_scenario_servers(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
			struct tr_server **ret, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);
	const struct tr_scenario_fleet *fleet = scenario->fleet;
	struct tr_server *servers;

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
	for (uint32_t i = 0; i < compiled->endpoint_count; i++) {
		const struct tr_policy_endpoint *endpoint = &compiled->endpoints[i];
		const char *model = tr_policy_name(policy, compiled->models[endpoint->model].name);

		servers[i] = (struct tr_server){.name = endpoint->name,
						.slots = endpoint->slots,
						.profile = tr_server_profile_default};
		lay_over(&servers[i].profile, &fleet->all);
		lay_over(&servers[i].profile, find(&fleet->models, model, strlen(model)));
		lay_over(&servers[i].profile,
			 find_endpoint(&fleet->endpoints, tr_policy_name(policy, endpoint->name)));
	}
	*ret = servers;
	return 0;
}
