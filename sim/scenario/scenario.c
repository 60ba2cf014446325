/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the vocabulary to what a run needs: paths from the scenario's own folder, quantiles to
 * tables, and the checks across fields that no single range can make.
 */
#include "sim/scenario/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/message.h"
#include "sim/scenario/vocabulary.h"

#define EMPTY		 "{}"
#define SESSION_TEXT_MAX 24

static int out_of_memory(const struct tr_scenario *scenario, struct tr_diagnostic *ret_diagnostic)
{
	return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL, NULL,
				  "not enough memory");
}

static tr_name name_of(const char *text)
{
	return text ? tr_name_of(text, strlen(text)) : 0;
}

static int take_trace(struct tr_scenario *scenario, const struct tr_draft_trace *draft,
		      struct tr_diagnostic *ret_diagnostic)
{
	struct tr_diagnostic wrong;
	enum tr_trace_format format;
	const char *path;
	char prefix[32];

	if (tr_trace_spec(draft->file, &format, &path, &wrong) < 0)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->file_node,
					  "trace.file", "%s", wrong.message);
	(void)snprintf(prefix, sizeof prefix, "%s:", tr_trace_format_name(format));
	scenario->source = TR_SOURCE_TRACE;
	scenario->trace_options = draft->options;
	scenario->trace =
		strcmp(path, "-") == 0
			? draft->file
			: tr_include_path(&scenario->arena, draft->file_node->file, prefix, path);
	return scenario->trace ? 0 : out_of_memory(scenario, ret_diagnostic);
}

/* ----------------------------------------------------------------------------------- workload */

static bool has_quantiles(const struct tr_draft_sizes *draft)
{
#define X(member, share) || draft->member
	return false TR_SIZES_FIELDS_MAP(X);
#undef X
}

static int take_sizes(const struct tr_scenario *scenario, const struct tr_draft_sizes *draft,
		      const char *key, const struct tr_sizes *otherwise, struct tr_sizes *ret,
		      struct tr_diagnostic *ret_diagnostic)
{
	static const struct {
		const char *name;
		uint32_t share;
	} knots[] = {
#define X(member, share) {#member, share},
		TR_SIZES_FIELDS_MAP(X)
#undef X
	};
#define X(member, share) draft->member,
	const uint32_t values[] = {TR_SIZES_FIELDS_MAP(X)};
#undef X
	struct tr_sizes sizes = {0};
	const char *last = NULL;

	if (!draft->node) {
		*ret = *otherwise;
		return 0;
	}
	if (draft->fixed && !has_quantiles(draft)) {
		*ret = (struct tr_sizes){.count = 1, .knots = {{0, draft->fixed}}};
		return 0;
	}
	if (draft->fixed)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->node, key,
					  "found 'fixed' beside quantiles; expected one or the "
					  "other");
	if (!draft->min || !draft->max)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->node, key,
					  "the key '%s' is missing; a distribution is 'fixed', or "
					  "has 'min' and 'max' with any quantiles between",
					  draft->min ? "max" : "min");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(knots); i++) {
		if (!values[i])
			continue;
		if (last && values[i] < sizes.knots[sizes.count - 1].value)
			return tr_schema_diagnose(
				ret_diagnostic, scenario->document, draft->node, key,
				"found %s %u below %s %u; expected quantiles that do not fall",
				knots[i].name, values[i], last, sizes.knots[sizes.count - 1].value);
		sizes.knots[sizes.count].share = knots[i].share;
		sizes.knots[sizes.count++].value = values[i];
		last = knots[i].name;
	}
	*ret = sizes;
	return 0;
}

static int take_workload(struct tr_scenario *scenario, const struct tr_draft_workload *draft,
			 struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_process *process = &draft->process;

	if (process->burst_ns == 0 || process->pause_ns == 0)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->node,
					  process->burst_ns ? "workload.pause_s"
							    : "workload.burst_s",
					  "found 0; expected a length above 0");
	if (process->kind == TR_PROCESS_BURSTY && !tr_process_bursts_fit(process))
		return tr_schema_diagnose(
			ret_diagnostic, scenario->document,
			draft->burst_node ? draft->burst_node : draft->node,
			"workload.burst_factor",
			"bursts alone exceed the mean rate: expected burst_factor x burst_s / "
			"(burst_s + pause_s) of at most 1");
	if (take_sizes(scenario, &draft->tokens_in, "workload.tokens_in", &tr_sizes_in_default,
		       &scenario->tokens_in, ret_diagnostic))
		return -1;
	if (take_sizes(scenario, &draft->tokens_out, "workload.tokens_out", &tr_sizes_out_default,
		       &scenario->tokens_out, ret_diagnostic))
		return -1;
	if (scenario->requests_max == 0 && scenario->duration == 0)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->node,
					  "workload",
					  "it has no end: expected 'requests' or 'duration_s' in "
					  "the scenario");
	if (draft->prefixes.node && draft->prefixes.options.shared == 0 &&
	    draft->prefixes.options.conversation_count == 0)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->prefixes.node,
					  "workload.prefixes",
					  "it has no effect: give 'shared_prompts', "
					  "'conversations', or both");
	scenario->prompts = draft->prefixes.options;
	scenario->source = TR_SOURCE_SYNTHETIC;
	scenario->process = *process;
	return 0;
}

/* NULL when memory is out. */
static struct tr_workload_share *take_shares(struct tr_scenario *scenario,
					     const struct tr_rows *draft)
{
	const struct tr_draft_share *rows = draft->items;
	struct tr_workload_share *shares =
		tr_arena_new(&scenario->arena, sizeof(*shares) * draft->count);

	for (uint32_t i = 0; shares && i < draft->count; i++)
		shares[i] = (struct tr_workload_share){.text = rows[i].row.name,
						       .name = name_of(rows[i].row.name),
						       .weight = rows[i].weight};
	return shares;
}

/* The same for sessions, which have numbers for names. */
static struct tr_workload_share *make_sessions(struct tr_scenario *scenario, uint32_t count)
{
	struct tr_workload_share *sessions =
		tr_arena_new(&scenario->arena, sizeof(*sessions) * count);
	char *texts = tr_arena_new(&scenario->arena, (size_t)SESSION_TEXT_MAX * count);

	if (!sessions || !texts)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		char *text = texts + (size_t)SESSION_TEXT_MAX * i;

		(void)snprintf(text, SESSION_TEXT_MAX, "session-%u", i + 1);
		sessions[i] = (struct tr_workload_share){text, name_of(text), 1};
	}
	return sessions;
}

static int take_labels(struct tr_scenario *scenario, const struct tr_draft_labels *draft,
		       struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_workload_share *tenants = take_shares(scenario, &draft->tenants);
	const struct tr_workload_share *profiles = take_shares(scenario, &draft->profiles);
	const struct tr_workload_share *intents = take_shares(scenario, &draft->intents);
	const struct tr_workload_share *sessions = make_sessions(scenario, draft->sessions);

	if (!tenants || !profiles || !intents || !sessions)
		return out_of_memory(scenario, ret_diagnostic);
	if (draft->intent && draft->intents.count)
		return tr_schema_diagnose(
			ret_diagnostic, scenario->document,
			((const struct tr_draft_share *)draft->intents.items)->row.node,
			"labels.intents", "found beside 'intent'; expected one of them");
	scenario->labels = (struct tr_workload_labels){
		.tenants = tenants,
		.profiles = profiles,
		.intents = intents,
		.sessions = sessions,
		.tenant_count = draft->tenants.count,
		.profile_count = draft->profiles.count,
		.intent_count = draft->intents.count,
		.session_count = draft->sessions,
		.flags = (uint16_t)((draft->stream ? TR_SUBMIT_STREAM : 0) |
				    (draft->async ? TR_SUBMIT_ASYNC : 0)),
		.model = name_of(draft->model),
		.intent = name_of(draft->intent),
		.class_name = name_of(draft->class_name),
		.model_text = draft->model,
	};
	return 0;
}

/* ---------------------------------------------------------------------------------------- head */

static bool is_requirement(const char *text)
{
	size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return letters == 3 && text[3] == '-' && text[4] >= '1' && text[4] <= '9' &&
	       text[4 + strspn(text + 4, "0123456789")] == '\0';
}

static int take_proves(struct tr_scenario *scenario, const struct tr_rows *rows,
		       struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_draft_requirement *items = rows->items;

	for (uint32_t i = 0; i < rows->count; i++) {
		if (!is_requirement(items[i].id))
			return tr_schema_diagnose(ret_diagnostic, scenario->document,
						  items[i].row.node, "proves",
						  "found '%s'; expected the ID of a requirement: "
						  "three capital letters, '-', a number, such as "
						  "SIM-5",
						  items[i].id);
		scenario->proves[scenario->proves_count++] = items[i].id;
	}
	return 0;
}

static int take_head(struct tr_scenario *scenario, struct tr_draft_scenario *draft,
		     struct tr_diagnostic *ret_diagnostic)
{
	scenario->title = draft->title;
	if (take_proves(scenario, &draft->proves, ret_diagnostic))
		return -1;
	if (tr_scenario_take_seeds(scenario, draft, ret_diagnostic))
		return -1;
	return tr_scenario_take_policy(scenario, draft->policy, ret_diagnostic);
}

/* A report is not older than the gap to the next, so that one of a server is on its way at most. */
static int take_signals(struct tr_scenario *scenario, const struct tr_scenario_fleet *fleet,
			struct tr_diagnostic *ret_diagnostic)
{
	if (fleet->signal_ns && fleet->signal_ns < TR_MS)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL,
					  "fleet.signal_ms",
					  "found less than a millisecond; expected 0, for none, or "
					  "at least 1");
	if (fleet->signal_age_ns > fleet->signal_ns)
		return tr_schema_diagnose(ret_diagnostic, scenario->document,
					  fleet->signal_age_node, "fleet.signal_age_ms",
					  "found more than 'signal_ms'; expected at most that");
	scenario->signal = fleet->signal_ns;
	scenario->signal_age = fleet->signal_age_ns;
	return 0;
}

/* ---------------------------------------------------------------------------------------- load */

static int take(struct tr_scenario *scenario, struct tr_draft_scenario *draft,
		struct tr_diagnostic *ret_diagnostic)
{
	scenario->requests_max = draft->requests;
	scenario->duration = draft->duration_ns;
	scenario->store_delay = draft->store_ns;
	scenario->stop_after = draft->stop_ns;
	scenario->fleet = &draft->fleet;
	scenario->profiles = &draft->labels.profiles;
	scenario->intents = &draft->labels.intents;
	scenario->assertions = &draft->assertions;
	if (draft->trace.node && draft->workload.node)
		return tr_schema_diagnose(ret_diagnostic, scenario->document, draft->workload.node,
					  "workload", "found beside 'trace'; expected one of them");
	if (take_head(scenario, draft, ret_diagnostic))
		return -1;
	if (draft->trace.node && take_trace(scenario, &draft->trace, ret_diagnostic))
		return -1;
	if (draft->workload.node && take_workload(scenario, &draft->workload, ret_diagnostic))
		return -1;
	if (take_signals(scenario, &draft->fleet, ret_diagnostic) ||
	    tr_scenario_take_faults(scenario, &draft->faults, ret_diagnostic) ||
	    take_labels(scenario, &draft->labels, ret_diagnostic))
		return -1;
	return tr_assertions_take(scenario->document, &draft->assertions, scenario->faults,
				  scenario->fault_count, ret_diagnostic);
}

static int read_document(struct tr_scenario *scenario, const struct tr_scenario_reading *reading,
			 struct tr_diagnostic *ret_diagnostic)
{
	struct tr_draft_scenario *draft = tr_arena_new(&scenario->arena, sizeof *draft);
	size_t nodes;

	if (!draft)
		return out_of_memory(scenario, ret_diagnostic);
	if (tr_include_resolve(scenario->document, &scenario->files, ret_diagnostic))
		return -1;
	if (tr_parameters_resolve(scenario->document, reading->settings, reading->setting_count,
				  &scenario->arena, &scenario->parameters, ret_diagnostic))
		return -1;
	if (tr_schema_read(&tr_scenario_schema, scenario->document, &scenario->arena, draft,
			   ret_diagnostic))
		return -1;
	if (take(scenario, draft, ret_diagnostic))
		return -1;
	scenario->canonical = tr_schema_canonical(&tr_scenario_schema, draft,
						  &scenario->canonical_length, &nodes);
	scenario->canonical =
		tr_parameters_escape(scenario->canonical, &scenario->canonical_length);
	return scenario->canonical ? 0 : out_of_memory(scenario, ret_diagnostic);
}

/* The document becomes the scenario's, also on failure. */
static int load_document(struct tr_document *document, const struct tr_scenario_reading *reading,
			 struct tr_scenario **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_scenario *scenario = calloc(1, sizeof *scenario);

	if (!scenario) {
		tr_diagnose(ret_diagnostic, tr_document_name(document), 0, 0, NULL,
			    "not enough memory");
		tr_document_free(document);
		return -1;
	}
	scenario->document = document;
	scenario->path = tr_document_name(document);
	scenario->files = reading->files ? *reading->files : tr_scenario_disk;
	if (read_document(scenario, reading, ret_diagnostic)) {
		tr_scenario_free(scenario);
		return -1;
	}
	*ret = scenario;
	return 0;
}

int tr_scenario_load(const char *path, const struct tr_scenario_reading *reading,
		     struct tr_scenario **ret, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_scenario_files *files = reading->files ? reading->files : &tr_scenario_disk;
	struct tr_document *document;

	if (files->load(files->self, path, &document, ret_diagnostic))
		return -1;
	return load_document(document, reading, ret, ret_diagnostic);
}

int tr_scenario_load_file(const char *path, struct tr_scenario **ret,
			  struct tr_diagnostic *ret_diagnostic)
{
	return tr_scenario_load(path, &(struct tr_scenario_reading){0}, ret, ret_diagnostic);
}

int tr_scenario_load_text(const char *name, const char *text, size_t length,
			  struct tr_scenario **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;

	if (tr_document_parse(name, text, length, &document, ret_diagnostic))
		return -1;
	return load_document(document, &(struct tr_scenario_reading){0}, ret, ret_diagnostic);
}

struct tr_scenario *tr_scenario_default(void)
{
	struct tr_diagnostic ignored;
	struct tr_scenario *scenario;

	if (tr_scenario_load_text("default", EMPTY, strlen(EMPTY), &scenario, &ignored))
		return NULL;
	scenario->path = NULL;
	return scenario;
}

void tr_scenario_free(struct tr_scenario *scenario)
{
	if (!scenario)
		return;
	free(scenario->canonical);
	tr_document_free(scenario->document);
	tr_arena_done(&scenario->arena);
	free(scenario);
}
