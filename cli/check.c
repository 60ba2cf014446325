/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace check: is this file what it should be, and what is in it.
 *
 * What kind of file it is, its keys tell: the kind whose schema knows most of them. Each kind is a
 * row of the table below; a new kind of input file is a new row. The same rows print what is
 * generated from the schemas.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/reasons.h"
#include "engine/message.h"
#include "engine/policy/load.h"
#include "engine/policy/schema.h"
#include "engine/policy/source.h"
#include "engine/policy/suggest.h"
#include "engine/policy/text.h"
#include "sim/scenario/assert.h"
#include "sim/scenario/profile.h"
#include "sim/scenario/scenario.h"

/* What a file contains, to be printed. */
struct content {
	uint64_t id; /* 0: none */
	char *canonical;
	struct {
		const char *noun;
		uint32_t count;
	} counts[8]; /* ends with a NULL noun */
};

struct kind {
	const struct tr_schema *schema;
	int (*load)(const char *name, const char *text, size_t length, struct content *ret,
		    struct tr_diagnostic *ret_diagnostic);
	char *(*appendix)(void); /* of its reference, what is no key; NULL: none */
};

static int load_policy(const char *name, const char *text, size_t length, struct content *ret,
		       struct tr_diagnostic *ret_diagnostic)
{
	struct tr_policy_file *file;
	const struct tr_policy *policy;

	if (tr_policy_load_text(name, text, length, &file, ret_diagnostic))
		return -1;
	policy = tr_policy_compiled(file);
	*ret = (struct content){
		.id = policy->id,
		.canonical = strdup(tr_policy_canonical(file, NULL)),
		.counts = {{"model", policy->model_count},
			   {"endpoint", policy->endpoint_count},
			   {"class", policy->class_count},
			   {"tenant", policy->tenant_count},
			   {"strategy", policy->strategy_count},
			   {"intent", policy->intent_count}},
	};
	tr_policy_free(file);
	return 0;
}

/* A scenario, with the policy it names: only together do its servers' names mean something. */
static int load_scenario(const char *name, const char *text, size_t length, struct content *ret,
			 struct tr_diagnostic *ret_diagnostic)
{
	struct tr_scenario *scenario;
	struct tr_policy_file *policy = NULL;
	struct tr_server *servers = NULL;
	struct tr_fault *faults = NULL;
	int err;

	if (tr_scenario_load_text(name, text, length, &scenario, ret_diagnostic))
		return -1;
	err = scenario->policy ? tr_scenario_policy(scenario, &policy, ret_diagnostic) : 0;
	if (!err && policy)
		err = tr_scenario_servers(scenario, policy, &servers, ret_diagnostic);
	if (!err && policy)
		err = tr_scenario_faults(scenario, policy, &faults, ret_diagnostic);
	if (!err && policy)
		err = tr_assertions_check(scenario, policy, ret_diagnostic);
	if (!err)
		*ret = (struct content){
			.id = tr_name_of(scenario->canonical, scenario->canonical_length),
			.canonical = strdup(scenario->canonical),
		};
	free(faults);
	free(servers);
	tr_policy_free(policy);
	tr_scenario_free(scenario);
	return err;
}

static int load_profile(const char *name, const char *text, size_t length, struct content *ret,
			struct tr_diagnostic *ret_diagnostic)
{
	struct tr_profile_file *file;
	const char *canonical;

	if (tr_profile_load_text(name, text, length, &file, ret_diagnostic))
		return -1;
	canonical = tr_profile_canonical(file, &length);
	*ret = (struct content){.id = tr_name_of(canonical, length),
				.canonical = strdup(canonical)};
	tr_profile_free(file);
	return 0;
}

static const struct kind kinds[] = {
	{&tr_policy_schema, load_policy, NULL},
	{&tr_scenario_schema, load_scenario, tr_assertions_reference},
	{&tr_profile_schema, load_profile, NULL},
};

struct check_values {
	bool json;
	bool canonical;
	const char *schema;
	const char *reference;
};

static const struct kind *kind_named(const char *name)
{
	for (size_t i = 0; i < TR_ARRAY_LENGTH(kinds); i++) {
		if (strcmp(kinds[i].schema->name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* Pages that no schema makes. */
static const struct {
	const char *name;
	void (*print)(void);
} pages[] = {
	{"reasons", tr_cli_print_reasons},
	{"faults", tr_cli_print_faults},
};

/* Whether it is one of them, which is then printed. */
static bool print_page(const char *name)
{
	for (size_t i = 0; i < TR_ARRAY_LENGTH(pages); i++) {
		if (strcmp(pages[i].name, name) == 0) {
			pages[i].print();
			return true;
		}
	}
	return false;
}

static int print_generated(const char *name, char *(*generate)(const struct tr_schema *))
{
	const struct kind *kind = kind_named(name);
	struct tr_suggest suggest;
	char *text, *appendix = NULL;

	if (!kind) {
		tr_suggest_begin(&suggest, name);
		for (size_t i = 0; i < TR_ARRAY_LENGTH(kinds); i++)
			tr_suggest_offer(&suggest, kinds[i].schema->name);
		for (size_t i = 0; generate == tr_schema_reference && i < TR_ARRAY_LENGTH(pages);
		     i++)
			tr_suggest_offer(&suggest, pages[i].name);
		return tr_cli_fail(TR_EXIT_USAGE,
				   "no kind of file is named '%s'; did you mean '%s'?", name,
				   suggest.best ? suggest.best : kinds[0].schema->name);
	}
	text = generate(kind->schema);
	if (text && kind->appendix && generate == tr_schema_reference)
		appendix = kind->appendix();
	if (text)
		printf("%s%s", text, appendix ? appendix : "");
	free(text);
	free(appendix);
	return text ? TR_EXIT_OK : tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
}

static const char *plural(const char *noun, uint32_t count, char *text, size_t size)
{
	size_t length = strlen(noun);

	if (count == 1)
		(void)snprintf(text, size, "%s", noun);
	else if (noun[length - 1] == 'y')
		(void)snprintf(text, size, "%.*sies", (int)length - 1, noun);
	else
		(void)snprintf(text, size, "%s%s", noun, noun[length - 1] == 's' ? "es" : "s");
	return text;
}

static void print_content(const char *path, const struct kind *kind, const struct content *content)
{
	printf("%s: %s, id %016" PRIx64, path, kind->schema->name, content->id);
	for (size_t i = 0; content->counts[i].noun; i++) {
		char noun[32];

		printf(", %" PRIu32 " %s", content->counts[i].count,
		       plural(content->counts[i].noun, content->counts[i].count, noun,
			      sizeof noun));
	}
	putchar('\n');
}

static void print_json(struct tr_text *text)
{
	char *line = tr_text_take(text, NULL);

	if (line)
		puts(line);
	free(line);
}

static void print_content_json(const char *path, const struct kind *kind,
			       const struct content *content)
{
	struct tr_text text = {0};

	tr_text_add(&text, "{\"file\": ");
	tr_text_add_json(&text, path);
	tr_text_addf(&text, ", \"ok\": true, \"kind\": \"%s\", \"id\": \"%016" PRIx64 "\"",
		     kind->schema->name, content->id);
	for (size_t i = 0; content->counts[i].noun; i++) {
		char noun[32];

		tr_text_addf(&text, ", \"%s\": %" PRIu32,
			     plural(content->counts[i].noun, 2, noun, sizeof noun),
			     content->counts[i].count);
	}
	tr_text_add(&text, "}");
	print_json(&text);
}

static void print_diagnostic_json(const char *path, const struct tr_diagnostic *diagnostic)
{
	struct tr_text text = {0};

	tr_text_add(&text, "{\"file\": ");
	tr_text_add_json(&text, path);
	tr_text_addf(&text,
		     ", \"ok\": false, \"line\": %u, \"column\": %u, \"key\": ", diagnostic->line,
		     diagnostic->column);
	tr_text_add_json(&text, diagnostic->key);
	tr_text_add(&text, ", \"message\": ");
	tr_text_add_json(&text, diagnostic->message);
	tr_text_add(&text, "}");
	print_json(&text);
}

/* The kind whose keys these are, and the loaded content. */
static int load_any(const char *path, const struct kind **ret_kind, struct content *ret,
		    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_document *document;
	const struct kind *best = &kinds[0];
	size_t length = 0;
	char *text = NULL;
	int err;

	if (tr_source_read(path, &text, &length, ret_diagnostic))
		return -1;
	err = tr_document_parse(path, text, length, &document, ret_diagnostic);
	if (err)
		goto out;
	for (size_t i = 1; i < TR_ARRAY_LENGTH(kinds); i++) {
		if (tr_schema_match(kinds[i].schema, document) >
		    tr_schema_match(best->schema, document))
			best = &kinds[i];
	}
	tr_document_free(document);
	*ret_kind = best;
	err = best->load(path, text, length, ret, ret_diagnostic);
out:
	free(text);
	return err;
}

static int check_file(const struct check_values *values, const char *path)
{
	struct content content = {0};
	struct tr_diagnostic diagnostic;
	const struct kind *kind = NULL;

	if (load_any(path, &kind, &content, &diagnostic)) {
		if (values->json)
			print_diagnostic_json(path, &diagnostic);
		else
			(void)tr_cli_fail_diagnostic(TR_EXIT_INPUT, &diagnostic);
		return TR_EXIT_INPUT;
	}
	if (values->canonical)
		puts(content.canonical ? content.canonical : "");
	else if (values->json)
		print_content_json(path, kind, &content);
	else
		print_content(path, kind, &content);
	free(content.canonical);
	return TR_EXIT_OK;
}

static int run_check(const void *values_, int argument_count, char **arguments)
{
	const struct check_values *values = values_;
	int code = TR_EXIT_OK;

	if (values->schema && values->reference)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "--schema and --reference are two outputs; give one");
	if ((values->schema || values->reference) && argument_count > 0)
		return tr_cli_fail(TR_EXIT_USAGE, "--schema and --reference take no FILE");
	if (values->schema)
		return print_generated(values->schema, tr_schema_json);
	if (values->reference && print_page(values->reference))
		return TR_EXIT_OK;
	if (values->reference)
		return print_generated(values->reference, tr_schema_reference);
	if (argument_count == 0)
		return tr_cli_fail(TR_EXIT_USAGE, "check needs a FILE; see tailrace check --help");
	if (values->json && values->canonical)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "--json and --canonical are two outputs; give one");
	/* Every file is looked at, so that one run shows all that is wrong. */
	for (int i = 0; i < argument_count; i++) {
		int this_code = check_file(values, arguments[i]);

		if (this_code != TR_EXIT_OK)
			code = this_code;
	}
	return code;
}

static const struct tr_option check_options[] = {
	{.name = "json",
	 .text = "one JSON object per file",
	 .offset = offsetof(struct check_values, json)},
	{.name = "canonical",
	 .text = "print the canonical form: every default filled in, keys sorted",
	 .offset = offsetof(struct check_values, canonical)},
	{.name = "schema",
	 .argument = "KIND",
	 .text = "print the JSON Schema of a kind of file: policy, scenario, profile",
	 .kind = TR_OPTION_TEXT,
	 .offset = offsetof(struct check_values, schema)},
	{.name = "reference",
	 .argument = "KIND",
	 .text = "print the reference page of a kind of file, or of all reasons or faults, in "
		 "Markdown",
	 .kind = TR_OPTION_TEXT,
	 .offset = offsetof(struct check_values, reference)},
};

static const struct check_values check_defaults = {0};

const struct tr_command tr_command_check = {
	.name = "check",
	.summary = "check input files and say what is in them",
	.usage = "FILE... [OPTION...]",
	.example = "tailrace check scenarios/policies/demo.yaml",
	.details =
		"The kind of a file is told by its keys; \"-\" is standard input. A file that is\n"
		"wrong is reported with line, column, what was found and what would be right.",
	.options = check_options,
	.option_count = TR_ARRAY_LENGTH(check_options),
	.values_size = sizeof(struct check_values),
	.defaults = &check_defaults,
	.arguments_max = 10000,
	.run = run_check,
};
