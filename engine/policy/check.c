/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no single value shows: names given twice, fallbacks in a circle, floors beyond the whole,
 * pairs that contradict each other. A table of checks, run in order; each reports at the line of
 * the value that is wrong, or of its row where the value is a default.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/policy/draft.h"
#include "engine/policy/number.h"

struct checker {
	const struct tr_draft *draft;
	const struct tr_document *document;
	struct tr_diagnostic *diagnostic;
};

/* Refuse "KIND.NAME.KEY". */
static int refuse(const struct checker *checker, const char *map, const struct tr_row *row,
		  const char *key, const char *format, ...) __attribute__((format(printf, 5, 6)));

static int refuse(const struct checker *checker, const char *map, const struct tr_row *row,
		  const char *key, const char *format, ...)
{
	const struct tr_node *node =
		row ? row->node : tr_node_child(tr_document_root(checker->document), map);
	const struct tr_node *child = tr_node_child(node, key);
	char path[192], message[400];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	(void)snprintf(path, sizeof path, "%s%s%s%s%s", map, row ? "." : "", row ? row->name : "",
		       *key ? "." : "", key);
	return tr_schema_diagnose(checker->diagnostic, checker->document, child ? child : node,
				  path, "%s", message);
}

static int check_models(const struct checker *checker)
{
	const struct tr_draft_model *models = tr_draft_models(checker->draft);
	uint32_t endpoints = 0;

	for (uint32_t i = 0; i < checker->draft->models.count; i++) {
		const struct tr_policy_model *model = &models[i].compiled;

		if (model->output_tokens > model->context_tokens)
			return refuse(checker, "models", &models[i].row, "output_tokens",
				      "found %u; expected at most context_tokens, %u",
				      model->output_tokens, model->context_tokens);
		endpoints += models[i].endpoints.count;
	}
	if (endpoints > TR_POLICY_ENDPOINTS_MAX)
		return refuse(checker, "models", NULL, "",
			      "found %u endpoints in all; expected at most %u", endpoints,
			      TR_POLICY_ENDPOINTS_MAX);
	return 0;
}

/* An endpoint and the model it stands under. */
struct place {
	const struct tr_draft_model *model;
	const struct tr_draft_endpoint *endpoint;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	int order = strcmp(left->endpoint->row.name, right->endpoint->row.name);

	if (order)
		return order;
	return left->model < right->model ? -1 : left->model > right->model;
}

static bool is_later(const struct place *a, const struct place *b)
{
	const struct tr_node *left = a->endpoint->row.node, *right = b->endpoint->row.node;

	TR_ASSERT(left);
	TR_ASSERT(right);
	if (left->key_line != right->key_line)
		return left->key_line > right->key_line;
	return left->key_column > right->key_column;
}

static int refuse_twice(const struct checker *checker, const struct place *place,
			const struct place *other)
{
	const struct tr_row *row = &place->endpoint->row;
	char path[320];

	(void)snprintf(path, sizeof path, "models.%s.endpoints", place->model->row.name);
	return tr_diagnose(checker->diagnostic, tr_document_name(checker->document),
			   row->node->key_line, row->node->key_column, path,
			   "the endpoint '%s' stands already under '%s' on line %u; an endpoint's "
			   "name is unique in the whole policy",
			   row->name, other->model->row.name, other->endpoint->row.node->key_line);
}

static int check_endpoints(const struct checker *checker)
{
	const struct tr_draft_model *models = tr_draft_models(checker->draft);
	struct place places[TR_POLICY_ENDPOINTS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < checker->draft->models.count; i++) {
		const struct tr_draft_endpoint *endpoints = models[i].endpoints.items;

		for (uint32_t k = 0; k < models[i].endpoints.count; k++) {
			TR_ASSERT(count < TR_POLICY_ENDPOINTS_MAX);
			places[count++] = (struct place){&models[i], &endpoints[k]};
		}
	}
	qsort(places, count, sizeof(*places), compare_places);
	for (uint32_t i = 1; i < count; i++) {
		const struct place *first = &places[i - 1], *second = &places[i];

		if (strcmp(first->endpoint->row.name, second->endpoint->row.name) == 0)
			return is_later(first, second) ? refuse_twice(checker, first, second)
						       : refuse_twice(checker, second, first);
	}
	return 0;
}

enum colour {
	WHITE, /* not seen */
	GREY,  /* on the path that is being followed */
	BLACK, /* leads into no cycle */
};

/* Depth first; *ret_row is the entry that closes a circle, found under model *ret_model. */
static bool leads_into_cycle(const struct tr_draft *draft, uint32_t index, uint8_t *colours,
			     const struct tr_draft_choice **ret_entry, uint32_t *ret_model)
{
	const struct tr_draft_model *model = &tr_draft_models(draft)[index];
	const struct tr_draft_choice *entries = model->fallback.items;

	colours[index] = GREY;
	for (uint32_t i = 0; i < model->fallback.count; i++) {
		uint32_t next = entries[i].model;

		if (colours[next] == GREY) {
			*ret_entry = &entries[i];
			*ret_model = index;
			return true;
		}
		if (colours[next] == WHITE &&
		    leads_into_cycle(draft, next, colours, ret_entry, ret_model))
			return true;
	}
	colours[index] = BLACK;
	return false;
}

static int check_fallback(const struct checker *checker)
{
	const struct tr_draft_model *models = tr_draft_models(checker->draft);
	uint8_t colours[TR_POLICY_MODELS_MAX] = {WHITE};
	const struct tr_draft_choice *entry = NULL;
	uint32_t chain[TR_POLICY_CHAIN_MAX];
	uint32_t at = 0;

	for (uint32_t i = 0; i < checker->draft->models.count; i++) {
		if (colours[i] == WHITE &&
		    leads_into_cycle(checker->draft, i, colours, &entry, &at)) {
			char path[192];

			(void)snprintf(path, sizeof path, "models.%s.fallback",
				       models[at].row.name);
			return tr_schema_diagnose(
				checker->diagnostic, checker->document, entry->row.node, path,
				"fallbacks go in a circle: '%s' leads back to '%s'",
				models[entry->model].row.name, models[at].row.name);
		}
	}
	for (uint32_t i = 0; i < checker->draft->models.count; i++) {
		if (tr_draft_chain(checker->draft, i, chain) > TR_POLICY_CHAIN_MAX)
			return refuse(checker, "models", &models[i].row, "fallback",
				      "the chain with the fallbacks' own fallbacks has more than "
				      "%d models",
				      TR_POLICY_CHAIN_MAX);
	}
	return 0;
}

static int check_aliases(const struct checker *checker)
{
	const struct tr_draft_choice *aliases = checker->draft->aliases.items;
	const struct tr_draft_model *models = tr_draft_models(checker->draft);

	for (uint32_t i = 0; i < checker->draft->aliases.count; i++) {
		for (uint32_t k = 0; k < checker->draft->models.count; k++) {
			if (strcmp(aliases[i].row.name, models[k].row.name) == 0)
				return refuse(checker, "aliases", &aliases[i].row, "",
					      "a model has the name '%s' too", aliases[i].row.name);
		}
	}
	return 0;
}

/* Shed is who waited twice the target, unless the time-out of the queue has ended it by then. */
static int check_sojourn(const struct checker *checker, const struct tr_draft_class *class)
{
	tr_span_ns target = class->compiled.sojourn_target_ns;
	tr_span_ns timeout = class->compiled.queue_timeout_ns;
	char most[TR_NUMBER_TEXT_MAX];

	if (timeout == 0 || target < timeout / 2)
		return 0;
	return refuse(checker, "classes", &class->row, "sojourn_target_ms",
		      "it has no effect: who waits twice as long has met queue_timeout_ms, %s",
		      tr_number_text(timeout, 6, most));
}

static int check_classes(const struct checker *checker)
{
	const struct tr_draft_class *classes = checker->draft->classes.items;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < checker->draft->classes.count; i++) {
		sum += classes[i].compiled.floor_percent;
		if (sum > 100)
			return refuse(
				checker, "classes", &classes[i].row, "floor_percent",
				"the floors of all classes up to '%s' (by name) add up to %u; "
				"expected at most 100",
				classes[i].row.name, sum);
		if (check_sojourn(checker, &classes[i]))
			return -1;
	}
	return 0;
}

/* What is above the limit of all tenants is no limit, unless it is the default, which is none. */
static int check_tokens(const struct checker *checker, const struct tr_draft_tenant *tenant,
			const char *key, uint32_t tokens, uint32_t most)
{
	if (tokens <= most || tokens == INT32_MAX)
		return 0;
	return refuse(checker, "tenants", &tenant->row, key,
		      "found %u; expected at most limits.%s, %u", tokens, key, most);
}

static int check_tenants(const struct checker *checker)
{
	const struct tr_draft_tenant *tenants = checker->draft->tenants.items;
	const struct tr_policy_limits *limits = &checker->draft->limits;

	for (uint32_t i = 0; i < checker->draft->tenants.count; i++) {
		const struct tr_draft_choice *models = tenants[i].models.items;

		for (uint32_t k = 0; k < tenants[i].models.count; k++) {
			if (models[k].model == TR_STAR && tenants[i].models.count > 1)
				return refuse(checker, "tenants", &tenants[i].row, "models",
					      "\"*\" is every model; expected it alone");
		}
		if (check_tokens(checker, &tenants[i], "tokens_in", tenants[i].compiled.tokens_in,
				 limits->tokens_in) ||
		    check_tokens(checker, &tenants[i], "tokens_out", tenants[i].compiled.tokens_out,
				 limits->tokens_out))
			return -1;
	}
	return 0;
}

static int check_strategies(const struct checker *checker)
{
	const struct tr_draft_strategy *strategies = checker->draft->strategies.items;

	for (uint32_t i = 0; i < checker->draft->strategies.count; i++) {
		const struct tr_policy_strategy *strategy = &strategies[i].compiled;
		uint32_t sum = 0;

		for (uint32_t term = 0; term < TR_TERM_COUNT; term++)
			sum += strategy->weights[term];
		if (strategy->picker == TR_PICKER_BEST_SCORE && sum == 0)
			return refuse(checker, "strategies", &strategies[i].row, "weights",
				      "the picker best-score needs a weight above 0");
		if (strategy->picker != TR_PICKER_BEST_SCORE && sum > 0)
			return refuse(checker, "strategies", &strategies[i].row, "weights",
				      "weights have no effect: only the picker best-score reads "
				      "them");
	}
	return 0;
}

/* Two spans of which one bounds the other. */
static int check_pair(const struct checker *checker, const char *map, const struct tr_row *row,
		      const char *key, tr_span_ns span, const char *key_max, tr_span_ns span_max)
{
	char found[TR_NUMBER_TEXT_MAX], most[TR_NUMBER_TEXT_MAX];

	if (span <= span_max)
		return 0;
	return refuse(checker, map, row, key, "found %s; expected at most %s, %s",
		      tr_number_text(span, 6, found), key_max, tr_number_text(span_max, 6, most));
}

/* An intent that wants hedges, and a policy that can have none. */
static int check_hedge(const struct checker *checker, const struct tr_draft_intent *intent)
{
	const struct tr_policy_hedge *hedge = &checker->draft->hedge;
	tr_span_ns most = checker->draft->timeouts.first_token_ns;
	const char *why = NULL;

	if (hedge->delay_ns == 0 && hedge->quantile_percent == 0)
		why = "nothing says when: expected hedge.delay_ms or hedge.quantile_percent "
		      "above 0";
	else if (hedge->attempts == 0)
		why = "hedge.attempts is 0";
	else if (hedge->budget_percent == 0)
		why = "hedge.budget_percent is 0";
	else if (most && hedge->delay_ns >= most)
		why = "hedge.delay_ms is not below timeouts.first_token_ms, which ends the silence";
	if (!why)
		return 0;
	return refuse(checker, "intents", &intent->row, "hedge", "%s", why);
}

static int check_intents(const struct checker *checker)
{
	const struct tr_draft_intent *intents = checker->draft->intents.items;

	for (uint32_t i = 0; i < checker->draft->intents.count; i++) {
		const struct tr_policy_intent *intent = &intents[i].compiled;

		if (intent->hedge && check_hedge(checker, &intents[i]))
			return -1;
		if (intent->deadline_ns_max == 0)
			continue;
		if (check_pair(checker, "intents", &intents[i].row, "deadline_ms",
			       intent->deadline_ns, "max_deadline_ms", intent->deadline_ns_max))
			return -1;
	}
	return 0;
}

static int check_spans(const struct checker *checker)
{
	const struct tr_draft *draft = checker->draft;

	if (check_pair(checker, "breaker", NULL, "open_ms", draft->breaker.open_ns, "max_open_ms",
		       draft->breaker.open_ns_max))
		return -1;
	if (draft->timeouts.first_token_ns && draft->breaker.slow_ns &&
	    check_pair(checker, "breaker", NULL, "slow_ms", draft->breaker.slow_ns,
		       "timeouts.first_token_ms", draft->timeouts.first_token_ns))
		return -1;
	return check_pair(checker, "retry", NULL, "backoff_ms", draft->retry.backoff_ns,
			  "max_backoff_ms", draft->retry.backoff_ns_max);
}

/* A limit between `min` and the slots needs room between them somewhere. */
static int check_concurrency(const struct checker *checker)
{
	const struct tr_policy_concurrency *concurrency = &checker->draft->concurrency;
	const struct tr_draft_model *models = tr_draft_models(checker->draft);
	uint32_t most = 0;

	for (uint32_t i = 0; i < checker->draft->models.count; i++) {
		const struct tr_draft_endpoint *endpoints = models[i].endpoints.items;

		for (uint32_t k = 0; k < models[i].endpoints.count; k++)
			most = (uint32_t)tr_max(most, endpoints[k].compiled.slots);
	}
	if (!concurrency->adaptive || concurrency->least <= most)
		return 0;
	return refuse(checker, "concurrency", NULL, "min",
		      "found %u; expected at most the slots of the largest endpoint, %u",
		      concurrency->least, most);
}

int tr_draft_check(const struct tr_draft *draft, const struct tr_document *document,
		   struct tr_diagnostic *ret_diagnostic)
{
	static int (*const checks[])(const struct checker *) = {
		check_models,  check_endpoints,	 check_fallback, check_aliases, check_classes,
		check_tenants, check_strategies, check_intents,	 check_spans,	check_concurrency,
	};
	const struct checker checker = {draft, document, ret_diagnostic};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(checks); i++) {
		if (checks[i](&checker))
			return -1;
	}
	return tr_draft_check_idle(draft, document, ret_diagnostic);
}
