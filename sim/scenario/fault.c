/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults from the vocabulary to what a run needs. What a single range cannot say is checked here:
 * which keys go with which kind, whom a fault may concern, and whether the policy has those names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/message.h"
#include "engine/policy/suggest.h"
#include "sim/scenario/vocabulary.h"

#define PATH_MAX_BYTES 96
#define PPM	       1000000

/* One fault while it is read. */
struct reading {
	const struct tr_scenario *scenario;
	const struct tr_draft_fault *draft;
	const struct tr_fault_row *kind;
	uint32_t index;
	struct tr_diagnostic *diagnostic;
};

static int refuse(const struct reading *reading, const struct tr_node *node, const char *key,
		  const char *message)
{
	char path[PATH_MAX_BYTES];

	(void)snprintf(path, sizeof path, "faults[%u]%s%s", reading->index, *key ? "." : "", key);
	return tr_schema_diagnose(reading->diagnostic, reading->scenario->document, node, path,
				  "%s", message);
}

/* ---------------------------------------------------------------------------- keys of its kind */

static const struct tr_node *given(const struct tr_draft_fault *draft, enum tr_fault_key key)
{
#define K(name) draft->given.name,
	const struct tr_node *const nodes[] = {TR_FAULT_KEY_MAP(K)};
#undef K

	return nodes[key];
}

/* "a, b, c" of a set of keys. */
static const char *list_keys(uint32_t keys, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t key = 0; key < TR_FAULT_KEY_COUNT; key++)
		if (keys >> key & 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 tr_fault_keys[key]);
	return text;
}

static int check_keys(const struct reading *reading)
{
	const struct tr_fault_row *kind = reading->kind;
	char message[400], keys[300];

	for (uint32_t key = 0; key < TR_FAULT_KEY_COUNT; key++) {
		const struct tr_node *node = given(reading->draft, (enum tr_fault_key)key);

		if (node && !(kind->keys >> key & 1)) {
			(void)snprintf(message, sizeof message,
				       "it means nothing to '%s', which %s%s", kind->word,
				       kind->keys ? "takes " : "takes no key of its own",
				       list_keys(kind->keys, keys, sizeof keys));
			return refuse(reading, node, tr_fault_keys[key], message);
		}
		if (!node && kind->needed >> key & 1) {
			(void)snprintf(message, sizeof message,
				       "the key '%s' is missing; '%s' needs it", tr_fault_keys[key],
				       kind->word);
			return refuse(reading, reading->draft->row.node, "", message);
		}
	}
	return 0;
}

/* What is left is of no use without when it is whole again, and the other way round. */
static int check_quota(const struct reading *reading)
{
	const struct tr_draft_fault *draft = reading->draft;

	if (!draft->given.requests_remaining != !draft->given.requests_reset_ms)
		return refuse(reading, draft->row.node, "",
			      "found one of 'requests_remaining' and 'requests_reset_ms'; expected "
			      "both or none");
	if (!draft->given.tokens_remaining != !draft->given.tokens_reset_ms)
		return refuse(
			reading, draft->row.node, "",
			"found one of 'tokens_remaining' and 'tokens_reset_ms'; expected both "
			"or none");
	return 0;
}

/* --------------------------------------------------------------------------- whom it concerns */

static int check_target(const struct reading *reading)
{
	const struct tr_draft_fault *draft = reading->draft;
	const struct {
		const struct tr_node *node;
		const char *key;
	} targets[] = {
		{draft->endpoints_node, "endpoints"},
		{draft->models_node, "models"},
		{draft->all ? draft->all_node : NULL, "all"},
	};
	bool of_servers =
		reading->kind->scope == TR_SCOPE_TRY || reading->kind->scope == TR_SCOPE_SERVER;
	const char *found = NULL;
	char message[160];

	for (size_t i = 0; i < TR_ARRAY_LENGTH(targets); i++) {
		if (!targets[i].node)
			continue;
		(void)snprintf(message, sizeof message,
			       of_servers ? "found beside '%s'; expected one of 'endpoints', "
					    "'models', 'all'"
					  : "it means nothing to '%s', which concerns no endpoint",
			       of_servers ? found : reading->kind->word);
		if (found || !of_servers)
			return refuse(reading, targets[i].node, targets[i].key, message);
		found = targets[i].key;
	}
	if (!found && of_servers)
		return refuse(reading, draft->row.node, "",
			      "it concerns nobody; expected one of 'endpoints', 'models', 'all: "
			      "true'");
	return 0;
}

static int check_share(const struct reading *reading)
{
	const struct tr_draft_fault *draft = reading->draft;
	const struct tr_node *node = draft->first_node ? draft->first_node : draft->percent_node;
	const char *key = draft->first_node ? "first" : "percent";
	char message[160];

	if (draft->first_node && draft->percent_node)
		return refuse(reading, draft->percent_node, "percent",
			      "found beside 'first'; expected one of them");
	if (!node || reading->kind->scope == TR_SCOPE_TRY || reading->kind->scope == TR_SCOPE_STORE)
		return 0;
	(void)snprintf(message, sizeof message,
		       "it means nothing to '%s', which is no matter of single tries",
		       reading->kind->word);
	return refuse(reading, node, key, message);
}

/* --------------------------------------------------------------------------------------- taking */

/* The one span that its kind takes. A crash's is behind its end, which it moves. */
static tr_span_ns span_of(const struct tr_draft_fault *draft)
{
	return draft->start_ms + draft->extra_ms + draft->after_ms + draft->hold_ms +
	       draft->token_ms + draft->by_ms;
}

static uint32_t after_tokens(const struct tr_draft_fault *draft)
{
	if (draft->given.after_tokens)
		return draft->after_tokens;
	return draft->kind == TR_FAULT_RESET || draft->kind == TR_FAULT_STALL_STREAM
		       ? TR_FAULT_DRAWN
		       : 0;
}

static void convert(const struct tr_draft_fault *draft, const char *name, struct tr_fault *ret)
{
	tr_span_ns end = draft->for_node ? draft->at_ns + draft->for_ns : TR_TIME_NEVER;

	*ret = (struct tr_fault){
		.name = name,
		.id = tr_name_of(name, strlen(name)),
		.kind = draft->kind,
		.at = draft->at_ns,
		.end = tr_add_sat(end, draft->start_ms),
		.first = draft->first,
		.ppm = draft->percent_node ? draft->percent_ppm : PPM,
		.reported = draft->reported,
		.backward = draft->direction,
		.status = draft->kind == TR_FAULT_RATE_LIMIT ? 429 : draft->status,
		.speed_permille = draft->speed_percent,
		.after_tokens = after_tokens(draft),
		.requests_remaining =
			draft->given.requests_remaining ? draft->requests_remaining : UINT32_MAX,
		.tokens_remaining =
			draft->given.tokens_remaining ? draft->tokens_remaining : UINT64_MAX,
		.requests_reset = draft->requests_reset_ms,
		.tokens_reset = draft->tokens_reset_ms,
		.retry_after = draft->retry_after_ms,
		.span = span_of(draft),
	};
}

static const char *name_fault(struct tr_scenario *scenario, const struct tr_draft_fault *draft,
			      uint32_t index)
{
	char *name;

	if (draft->name)
		return draft->name;
	name = tr_arena_new(&scenario->arena, sizeof "fault-4294967295");
	if (name)
		(void)snprintf(name, sizeof "fault-4294967295", "fault-%u", index + 1);
	return name;
}

static int check_name(const struct reading *reading, const struct tr_fault *faults,
		      const char *name)
{
	char message[160];

	for (uint32_t i = 0; i < reading->index; i++) {
		if (strcmp(faults[i].name, name) != 0)
			continue;
		(void)snprintf(message, sizeof message,
			       "'%s' is the name of faults[%u] already; expected another", name, i);
		return refuse(reading,
			      reading->draft->name_node ? reading->draft->name_node
							: reading->draft->row.node,
			      "name", message);
	}
	return 0;
}

int tr_scenario_take_faults(struct tr_scenario *scenario, const struct tr_rows *drafts,
			    struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_draft_fault *items = drafts->items;
	struct tr_fault *faults = tr_arena_new(&scenario->arena, sizeof *faults * drafts->count);

	if (!faults)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL, "faults",
					  "not enough memory");
	for (uint32_t i = 0; i < drafts->count; i++) {
		const struct reading reading = {scenario, &items[i], &tr_faults[items[i].kind], i,
						ret_diagnostic};
		const char *name = name_fault(scenario, &items[i], i);

		if (!name)
			return refuse(&reading, NULL, "", "not enough memory");
		if (check_keys(&reading) || check_quota(&reading) || check_target(&reading) ||
		    check_share(&reading) || check_name(&reading, faults, name))
			return -1;
		convert(&items[i], name, &faults[i]);
	}
	scenario->faults = faults;
	scenario->fault_count = drafts->count;
	scenario->fault_drafts = drafts;
	return 0;
}

/* --------------------------------------------------------------------- the names of the policy */

/* The endpoint "a1~2" goes by "a1", too. */
static bool goes_by(const char *name, const char *wanted, bool model)
{
	size_t length = strlen(wanted);

	if (strncmp(name, wanted, length) != 0)
		return false;
	if (name[length] == '\0')
		return true;
	return !model && name[length] == '~' && name[length + 1] != '\0' &&
	       name[length + 1 + strspn(name + length + 1, "0123456789")] == '\0';
}

static const char *name_at(const struct tr_policy_file *policy, bool models, uint32_t i)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);

	return tr_policy_name(policy,
			      models ? compiled->models[i].name : compiled->endpoints[i].name);
}

/* A name that nothing has. */
static int refuse_name(const struct reading *reading, const struct tr_policy_file *policy,
		       bool models, const struct tr_draft_fault_name *name)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);
	uint32_t count = models ? compiled->model_count : compiled->endpoint_count;
	struct tr_suggest suggest;
	char message[400];

	tr_suggest_begin(&suggest, name->name);
	for (uint32_t i = 0; i < count; i++)
		tr_suggest_offer(&suggest, name_at(policy, models, i));
	(void)snprintf(message, sizeof message, "the policy has no %s named '%s'%s%s%s",
		       models ? "model" : "endpoint", name->name,
		       suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
		       suggest.best ? "'?" : "");
	return refuse(reading, name->row.node, models ? "models" : "endpoints", message);
}

/* Writes the rows concerned, each once and in order, and returns how many; -1 for a name that the
 * policy does not have. */
static int64_t resolve(const struct reading *reading, const struct tr_policy_file *policy,
		       uint32_t *ret_rows)
{
	const struct tr_policy *compiled = tr_policy_compiled(policy);
	bool models = reading->draft->models_node != NULL;
	const struct tr_rows *names = models ? &reading->draft->models : &reading->draft->endpoints;
	const struct tr_draft_fault_name *items = names->items;
	int64_t count = 0;

	for (uint32_t i = 0; i < names->count; i++) {
		bool found = false;

		for (uint32_t row = 0; row < compiled->endpoint_count && !found; row++) {
			uint32_t at = models ? compiled->endpoints[row].model : row;

			found = goes_by(name_at(policy, models, at), items[i].name, models);
		}
		if (!found)
			return refuse_name(reading, policy, models, &items[i]);
	}
	for (uint32_t row = 0; row < compiled->endpoint_count; row++) {
		uint32_t at = models ? compiled->endpoints[row].model : row;
		bool concerned = false;

		for (uint32_t i = 0; i < names->count && !concerned; i++)
			concerned = goes_by(name_at(policy, models, at), items[i].name, models);
		if (concerned)
			ret_rows[count++] = row;
	}
	return count;
}

int tr_scenario_faults(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
		       struct tr_fault **ret, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_draft_fault *drafts = scenario->fault_drafts->items;
	uint32_t count = scenario->fault_count;
	uint32_t endpoints = tr_policy_compiled(policy)->endpoint_count;
	size_t rows_at = sizeof(struct tr_fault) * count;
	struct tr_fault *faults = malloc(rows_at + sizeof(uint32_t) * endpoints * count + 1);
	uint32_t *rows = faults ? (uint32_t *)(void *)((char *)faults + rows_at) : NULL;

	if (!faults)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL, "faults",
					  "not enough memory");
	for (uint32_t i = 0; i < count; i++) {
		const struct reading reading = {scenario, &drafts[i], &tr_faults[drafts[i].kind], i,
						ret_diagnostic};
		int64_t concerned;

		faults[i] = scenario->faults[i];
		if (!drafts[i].endpoints_node && !drafts[i].models_node)
			continue;
		concerned = resolve(&reading, policy, rows);
		if (concerned < 0) {
			free(faults);
			return -1;
		}
		faults[i].rows = rows;
		faults[i].row_count = (uint32_t)concerned;
		rows += concerned;
	}
	*ret = faults;
	return 0;
}
