/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that assertions select by: those of the policy, and those that the scenario itself gives to
 * requests. A name that nothing has would let an assertion hold of nobody.
 */
#include <stdio.h>
#include <string.h>

#include "engine/message.h"
#include "engine/policy/suggest.h"
#include "sim/scenario/assert.h"
#include "sim/scenario/assertion.h"

struct names {
	const struct tr_scenario *scenario;
	const struct tr_policy_file *policy;
	struct tr_diagnostic *diagnostic;
};

/* The names of one kind: the i-th as text; NULL behind the last. */
typedef const char *names_at(const struct names *names, uint32_t i);

static const char *class_at(const struct names *names, uint32_t i)
{
	const struct tr_policy *policy = tr_policy_compiled(names->policy);

	return i < policy->class_count ? tr_policy_name(names->policy, policy->classes[i].name)
				       : NULL;
}

static const char *model_at(const struct names *names, uint32_t i)
{
	const struct tr_policy *policy = tr_policy_compiled(names->policy);

	return i < policy->model_count ? tr_policy_name(names->policy, policy->models[i].name)
				       : NULL;
}

static const char *endpoint_at(const struct names *names, uint32_t i)
{
	const struct tr_policy *policy = tr_policy_compiled(names->policy);

	return i < policy->endpoint_count ? tr_policy_name(names->policy, policy->endpoints[i].name)
					  : NULL;
}

static const char *tenant_at(const struct names *names, uint32_t i)
{
	const struct tr_workload_labels *labels = &names->scenario->labels;

	return i < labels->tenant_count ? labels->tenants[i].text : NULL;
}

static const char *session_at(const struct names *names, uint32_t i)
{
	const struct tr_workload_labels *labels = &names->scenario->labels;

	return i < labels->session_count ? labels->sessions[i].text : NULL;
}

static int check_name(const struct names *names, const char *name, const struct tr_node *node,
		      const char *path, const char *what, names_at *at)
{
	struct tr_suggest suggest;
	const char *valid;

	if (!name)
		return 0;
	tr_suggest_begin(&suggest, name);
	for (uint32_t i = 0; (valid = at(names, i)) != NULL; i++) {
		if (strcmp(valid, name) == 0)
			return 0;
		tr_suggest_offer(&suggest, valid);
	}
	return tr_schema_diagnose(names->diagnostic, names->scenario->document, node, path,
				  "%s named '%s'%s%s%s", what, name,
				  suggest.best ? "; did you mean '" : "",
				  suggest.best ? suggest.best : "", suggest.best ? "'?" : "");
}

static int check_about(const struct names *names, const struct tr_draft_about *about,
		       const char *path)
{
	/* Who comes is known beforehand where the scenario makes the requests itself. */
	bool known = names->scenario->source == TR_SOURCE_SYNTHETIC;
	const struct {
		const char *key;
		const char *name;
		const struct tr_node *node;
		const char *what;
		names_at *at;
		bool checked;
	} all[] = {
		{"class", about->class_name, about->given.class_name, "the policy has no class",
		 class_at, true},
		{"model", about->model, about->given.model, "the policy has no model", model_at,
		 true},
		{"endpoint", about->endpoint, about->given.endpoint, "the policy has no endpoint",
		 endpoint_at, true},
		{"tenant", about->tenant, about->given.tenant,
		 "the scenario's labels have no tenant", tenant_at, known},
		{"session", about->session, about->given.session,
		 "the scenario's labels have no session", session_at, known},
	};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(all); i++) {
		char key[128];

		(void)snprintf(key, sizeof key, "%s.%s", path, all[i].key);
		if (all[i].checked &&
		    check_name(names, all[i].name, all[i].node, key, all[i].what, all[i].at))
			return -1;
	}
	return 0;
}

int tr_assertions_check(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
			struct tr_diagnostic *ret_diagnostic)
{
	const struct names names = {scenario, policy, ret_diagnostic};
	const struct tr_draft_assertion *drafts = scenario->assertions->items;

	for (uint32_t i = 0; i < scenario->assertions->count; i++) {
		const struct tr_draft_step *steps = drafts[i].order.items;
		char path[64];

		(void)snprintf(path, sizeof path, "assert[%u]", i);
		if (check_about(&names, &drafts[i].about, path))
			return -1;
		(void)snprintf(path, sizeof path, "assert[%u].times", i);
		if (check_about(&names, &drafts[i].times.about, path))
			return -1;
		for (uint32_t k = 0; k < drafts[i].order.count; k++) {
			(void)snprintf(path, sizeof path, "assert[%u].order[%u]", i, k);
			if (check_about(&names, &steps[k].about, path))
				return -1;
		}
	}
	return 0;
}
