/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as it was read: each value checked on its own and each name found, rows sorted by name,
 * but not yet checked as a whole. The numbers already stand in the compiled form's structs.
 */
#ifndef TR_POLICY_DRAFT_H
#define TR_POLICY_DRAFT_H

#include "engine/policy/policy.h"
#include "engine/policy/schema.h"

struct tr_draft_model {
	struct tr_row row;
	struct tr_policy_model compiled;
	struct tr_rows fallback;  /* tr_draft_choice */
	struct tr_rows endpoints; /* tr_draft_endpoint */
};

/* A model named in a list or by an alias. */
struct tr_draft_choice {
	struct tr_row row;
	uint32_t model; /* row, or TR_STAR */
};

struct tr_draft_endpoint {
	struct tr_row row;
	struct tr_policy_endpoint compiled;
};

struct tr_draft_class {
	struct tr_row row;
	struct tr_policy_class compiled;
};

struct tr_draft_tenant {
	struct tr_row row;
	struct tr_policy_tenant compiled;
	struct tr_rows models; /* tr_draft_choice */
};

struct tr_draft_strategy {
	struct tr_row row;
	struct tr_policy_strategy compiled;
};

struct tr_draft_intent {
	struct tr_row row;
	struct tr_policy_intent compiled;
};

struct tr_draft_profile {
	struct tr_row row;
	struct tr_policy_profile compiled;
};

struct tr_draft {
	struct tr_rows models;
	struct tr_rows aliases; /* tr_draft_choice */
	struct tr_rows classes;
	struct tr_rows tenants;
	struct tr_rows strategies;
	struct tr_rows intents;
	struct tr_rows profiles;
	uint32_t default_model;
	struct tr_policy_admission admission;
	struct tr_policy_affinity affinity;
	struct tr_policy_bypass bypass;
	struct tr_policy_concurrency concurrency;
	struct tr_policy_health health;
	struct tr_policy_breaker breaker;
	struct tr_policy_retry retry;
	struct tr_policy_hedge hedge;
	struct tr_policy_timeouts timeouts;
	struct tr_policy_limits limits;
	struct tr_policy_slo slo;
};

/* Fill in the defaults that depend on other rows, and bring what can be written in two ways into
 * one. Runs before the canonical form is written. */
void tr_draft_complete(struct tr_draft *draft);

/* Check the whole: cycles, sums, names given twice, contradictions. Returns 0 or -1. */
int tr_draft_check(const struct tr_draft *draft, const struct tr_document *document,
		   struct tr_diagnostic *ret_diagnostic);

/* The part of it that looks for keys that can have no effect. Returns 0 or -1. */
int tr_draft_check_idle(const struct tr_draft *draft, const struct tr_document *document,
			struct tr_diagnostic *ret_diagnostic);

/* A name and its hash. */
struct tr_name_row {
	tr_name name;
	const char *text;
};

/*
 * Make the compiled form of a completed and checked draft, all in the arena, and the list of its
 * names sorted by hash. The id is left to the caller. Returns 0, or -1 when two names have the same
 * hash or memory is out.
 */
int tr_draft_compile(const struct tr_draft *draft, const struct tr_document *document,
		     struct tr_arena *arena, struct tr_policy *ret, struct tr_name_row **ret_names,
		     uint32_t *ret_name_count, struct tr_diagnostic *ret_diagnostic);

/* Sort by hash and drop what stands twice. Returns the index of a row whose hash another text has
 * too, or TR_NONE and *ret_count. */
uint32_t tr_name_rows_sort(struct tr_name_row *rows, uint32_t count, uint32_t *ret_count);

/* The chain of a model: itself, then each fallback and its own fallbacks, each model once. Returns
 * its length, TR_POLICY_CHAIN_MAX + 1 if it is longer than permitted. There must be no cycle. */
uint32_t tr_draft_chain(const struct tr_draft *draft, uint32_t model,
			uint32_t ret_chain[TR_POLICY_CHAIN_MAX]);

static inline struct tr_draft_model *tr_draft_models(const struct tr_draft *draft)
{
	return draft->models.items;
}

#endif
