/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defaults that depend on other rows, and one way of writing for each meaning, so that the
 * canonical form does not tell apart what is the same.
 */
#include <string.h>

#include "engine/policy/draft.h"

static uint32_t first_class(const struct tr_draft *draft)
{
	const struct tr_draft_class *classes = draft->classes.items;
	uint32_t best = 0;

	TR_ASSERT(draft->classes.count > 0);
	for (uint32_t i = 1; i < draft->classes.count; i++) {
		if (classes[i].compiled.priority > classes[best].compiled.priority)
			best = i;
	}
	return best;
}

static void complete_default_model(struct tr_draft *draft)
{
	const struct tr_draft_choice *aliases = draft->aliases.items;

	if (draft->default_model != TR_NONE)
		return;
	if (draft->models.count == 1)
		draft->default_model = 0;
	for (uint32_t i = 0; i < draft->aliases.count && draft->default_model == TR_NONE; i++) {
		if (strcmp(aliases[i].row.name, "*") == 0)
			draft->default_model = aliases[i].model;
	}
}

/* A list of every model is "*". */
static void complete_tenant(const struct tr_draft *draft, struct tr_draft_tenant *tenant)
{
	struct tr_draft_choice *models = tenant->models.items;

	TR_ASSERT(tenant->models.count > 0);
	if (tenant->models.count < draft->models.count)
		return;
	/* A set without repetition that is as large as the whole is the whole, unless "*" is in it;
	 * that mixture is refused by the check. */
	if (tenant->models.count > 1 && models[0].model == TR_STAR)
		return;
	models[0].model = TR_STAR;
	tenant->models.count = 1;
}

void tr_draft_complete(struct tr_draft *draft)
{
	struct tr_draft_intent *intents = draft->intents.items;
	struct tr_draft_tenant *tenants = draft->tenants.items;

	for (uint32_t i = 0; i < draft->intents.count; i++) {
		if (intents[i].compiled.class_row == TR_NONE)
			intents[i].compiled.class_row = first_class(draft);
	}
	for (uint32_t i = 0; i < draft->tenants.count; i++)
		complete_tenant(draft, &tenants[i]);
	complete_default_model(draft);
}
