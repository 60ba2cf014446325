/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of cases is the order of the paths on the command line, of names within a folder, and
 * of seeds within a file; it does not depend on the file system or the locale.
 *
 * The hash of a file's inputs covers what the scenario says with everything included and put in,
 * the policy's content, the trace's bytes, the options and this program's version. So what a
 * finished case was made of can be told, here and on another machine.
 */
#include "cli/cases.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/message.h"
#include "engine/policy/suggest.h"

#define ENDING	  ".yaml"
#define DEPTH_MAX 32

static const char *const part_folders[] = {"policies", "profiles", "parts", "traces"};

struct finder {
	const struct tr_sim_values *values;
	struct tr_cases *cases;
	uint32_t file_capacity;
	uint32_t entry_capacity;
	/* The trace that was hashed last: many scenarios may share one. */
	char *trace;
	uint64_t trace_hash;
};

static int no_memory(void)
{
	return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
}

/* --------------------------------------------------------------------------------------- files */

bool tr_cases_is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_part_folder(const char *name)
{
	for (size_t i = 0; i < TR_ARRAY_LENGTH(part_folders); i++)
		if (strcmp(name, part_folders[i]) == 0)
			return true;
	return false;
}

static bool is_scenario_name(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(ENDING) && strcmp(name + length - strlen(ENDING), ENDING) == 0;
}

/* Twice named is once played. */
static int add_file(struct finder *finder, const char *path)
{
	struct tr_cases *cases = finder->cases;

	for (uint32_t i = 0; i < cases->file_count; i++)
		if (strcmp(cases->files[i].path, path) == 0)
			return TR_EXIT_OK;
	if (cases->file_count == TR_CASE_FILES_MAX)
		return tr_cli_fail(TR_EXIT_INPUT, "there are more than %d scenarios",
				   TR_CASE_FILES_MAX);
	if (cases->file_count == finder->file_capacity) {
		uint32_t capacity = finder->file_capacity ? finder->file_capacity * 2 : 64;
		void *larger = realloc(cases->files, sizeof(*cases->files) * capacity);

		if (!larger)
			return no_memory();
		cases->files = larger;
		finder->file_capacity = capacity;
	}
	path = tr_arena_copy(&cases->arena, path, strlen(path));
	if (!path)
		return no_memory();
	cases->files[cases->file_count++] = (struct tr_case_file){.path = path};
	return TR_EXIT_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct finder *finder, const char *path, unsigned depth);

static int add_found(struct finder *finder, const char *path, const char *name, unsigned depth)
{
	if (tr_cases_is_folder(path))
		return is_part_folder(name) ? TR_EXIT_OK : add_folder(finder, path, depth + 1);
	return is_scenario_name(name) ? add_file(finder, path) : TR_EXIT_OK;
}

static int add_folder(struct finder *finder, const char *path, unsigned depth)
{
	struct dirent **names = NULL;
	size_t length = strlen(path);
	int count, code = TR_EXIT_OK;

	if (depth > DEPTH_MAX)
		return tr_cli_fail(TR_EXIT_INPUT, "%s: folders are nested too deeply", path);
	count = scandir(path, &names, NULL, by_name);
	if (count < 0)
		return tr_cli_fail(TR_EXIT_INPUT, "%s: cannot be read: %s", path, strerror(errno));
	while (length > 1 && path[length - 1] == '/')
		length--;
	for (int i = 0; i < count; i++) {
		char *inner = NULL;

		if (code == TR_EXIT_OK && names[i]->d_name[0] != '.') {
			if (asprintf(&inner, "%.*s/%s", (int)length, path, names[i]->d_name) < 0)
				code = no_memory();
			else
				code = add_found(finder, inner, names[i]->d_name, depth);
			free(inner);
		}
		free(names[i]);
	}
	free((void *)names);
	return code;
}

static int add_path(struct finder *finder, const char *path)
{
	uint32_t before = finder->cases->file_count;
	int code;

	if (strcmp(path, "-") == 0)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "standard input can be one scenario of one seed, alone");
	if (!tr_cases_is_folder(path))
		return add_file(finder, path);
	code = add_folder(finder, path, 0);
	if (code == TR_EXIT_OK && finder->cases->file_count == before)
		return tr_cli_fail(TR_EXIT_INPUT, "%s: there is no scenario (*" ENDING ") below it",
				   path);
	return code;
}

/* ------------------------------------------------------------------------------------ settings */

int tr_cases_settings(const struct tr_sim_values *values,
		      struct tr_scenario_setting ret[TR_TEXTS_MAX])
{
	static char names[TR_TEXTS_MAX][TR_NAME_BYTES_MAX + 1];

	for (unsigned i = 0; i < values->set.count; i++) {
		const char *item = values->set.items[i];
		const char *equals = strchr(item, '=');
		size_t length = equals ? (size_t)(equals - item) : 0;

		if (!equals || !tr_name_valid(item, length))
			return tr_cli_fail(TR_EXIT_USAGE,
					   "--set: '%.64s' is not NAME=VALUE, with the name of a "
					   "parameter",
					   item);
		(void)snprintf(names[i], sizeof names[i], "%.*s", (int)length, item);
		ret[i] = (struct tr_scenario_setting){names[i], equals + 1};
	}
	return TR_EXIT_OK;
}

int tr_cases_check_settings(const struct tr_sim_values *values,
			    const struct tr_scenario *const *scenarios, uint32_t count)
{
	struct tr_scenario_setting settings[TR_TEXTS_MAX] = {{0}};
	int code = tr_cases_settings(values, settings);

	for (unsigned i = 0; i < values->set.count && code == TR_EXIT_OK; i++) {
		struct tr_suggest suggest;
		bool found = false;

		tr_suggest_begin(&suggest, settings[i].name);
		for (uint32_t k = 0; k < count && !found; k++) {
			const struct tr_parameters *parameters =
				scenarios[k] ? scenarios[k]->parameters : NULL;

			for (uint32_t n = 0; parameters && n < parameters->count; n++) {
				found |= strcmp(parameters->rows[n].name, settings[i].name) == 0;
				tr_suggest_offer(&suggest, parameters->rows[n].name);
			}
		}
		if (!found && suggest.best)
			code = tr_cli_fail(TR_EXIT_USAGE,
					   "--set: no scenario has a parameter '%s'; did you mean "
					   "'%s'?",
					   settings[i].name, suggest.best);
		else if (!found)
			code = tr_cli_fail(TR_EXIT_USAGE, "--set: no scenario has a parameter '%s'",
					   settings[i].name);
	}
	return code;
}

/* -------------------------------------------------------------------------------------- hashes */

static uint64_t mix(uint64_t hash, uint64_t more)
{
	const uint64_t both[2] = {hash, more};

	return tr_name_of((const char *)both, sizeof both);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return mix(hash, text ? tr_name_of(text, strlen(text)) : 0);
}

/* 0 where it cannot be read: the case will say why. */
static uint64_t hash_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	char block[1 << 16];
	uint64_t hash = 0;
	size_t got;

	while (file && (got = fread(block, 1, sizeof block, file)) > 0)
		hash = mix(hash, tr_name_of(block, got));
	if (file)
		(void)fclose(file);
	return hash;
}

static uint64_t hash_trace(struct finder *finder, const char *spec)
{
	const char *colon = spec ? strchr(spec, ':') : NULL;

	if (!colon || strcmp(colon + 1, "-") == 0)
		return 0;
	if (!finder->trace || strcmp(finder->trace, spec) != 0) {
		free(finder->trace);
		finder->trace = strdup(spec);
		finder->trace_hash = mix_text(hash_file(colon + 1), spec);
	}
	return finder->trace_hash;
}

/* What scenarios name is read through here, and so is in the hash, whatever it is. */
static int load_hashed(void *self, const char *path, struct tr_document **ret,
		       struct tr_diagnostic *ret_diagnostic)
{
	struct tr_cases *cases = self;

	cases->read = mix(cases->read, hash_file(path));
	return tr_document_load(path, ret, ret_diagnostic);
}

/* The policy, and what the fleet is made of. */
static uint64_t hash_policy(const struct tr_sim_values *values, const struct tr_scenario *scenario)
{
	const char *path = values->policy ? values->policy : scenario->policy;
	struct tr_server *servers = NULL;
	struct tr_policy_file *policy;
	struct tr_diagnostic ignored;
	uint64_t hash;
	int err;

	TR_ASSERT(path);
	err = values->policy ? tr_policy_load_file(path, &policy, &ignored)
			     : tr_scenario_policy(scenario, &policy, &ignored);
	if (err)
		return 0;
	(void)tr_scenario_servers(scenario, policy, &servers, &ignored);
	hash = mix_text(tr_policy_compiled(policy)->id, path);
	free(servers);
	tr_policy_free(policy);
	return hash;
}

static uint64_t hash_inputs(struct finder *finder, const struct tr_case_file *file)
{
	const struct tr_sim_values *values = finder->values;
	const struct tr_scenario *scenario = file->scenario;
	uint64_t hash = mix_text(0, TR_VERSION);

	hash = mix_text(hash, file->path);
	if (!scenario)
		return hash;
	hash = mix_text(hash, scenario->canonical);
	hash = mix(hash, hash_policy(values, scenario));
	hash = mix(hash, finder->cases->read);
	hash = mix(hash, hash_trace(finder, values->trace ? values->trace : scenario->trace));
	hash = mix(hash, values->amplify_milli);
	hash = mix(hash, values->repeat);
	hash = mix(hash, values->scale);
	hash = mix(hash, values->limit);
	hash = mix(hash, values->spread);
	return mix(hash, values->skip_bad);
}

/* --------------------------------------------------------------------------------------- cases */

static int note_problem(struct tr_cases *cases, struct tr_case_file *file,
			const struct tr_diagnostic *problem)
{
	file->problem = tr_arena_new(&cases->arena, sizeof *problem);
	if (!file->problem)
		return no_memory();
	*file->problem = *problem;
	if (!*problem->path)
		(void)snprintf(file->problem->path, sizeof file->problem->path, "%s", file->path);
	tr_scenario_free(file->scenario);
	file->scenario = NULL;
	return TR_EXIT_OK;
}

static int load_file(struct finder *finder, struct tr_case_file *file,
		     const struct tr_scenario_reading *reading)
{
	struct tr_diagnostic problem;
	int code = TR_EXIT_OK;

	finder->cases->read = 0;
	if (tr_scenario_load(file->path, reading, &file->scenario, &problem) ||
	    tr_sim_check(finder->values, file->scenario, &problem))
		code = note_problem(finder->cases, file, &problem);
	if (code == TR_EXIT_OK)
		file->inputs = hash_inputs(finder, file);
	return code;
}

static int add_entry(struct finder *finder, struct tr_case_entry entry)
{
	struct tr_cases *cases = finder->cases;

	if (cases->count == TR_CASES_MAX)
		return tr_cli_fail(TR_EXIT_INPUT, "there are more than %u cases", TR_CASES_MAX);
	if (cases->count == finder->entry_capacity) {
		uint32_t capacity = finder->entry_capacity ? finder->entry_capacity * 2 : 256;
		void *larger = realloc(cases->entries, sizeof(*cases->entries) * capacity);

		if (!larger)
			return no_memory();
		cases->entries = larger;
		finder->entry_capacity = capacity;
	}
	cases->entries[cases->count++] = entry;
	cases->hash = mix(cases->hash, cases->files[entry.file].inputs);
	cases->hash = mix(cases->hash, entry.seeded ? entry.seed : UINT64_MAX);
	return TR_EXIT_OK;
}

static int add_cases(struct finder *finder, uint32_t index)
{
	const struct tr_case_file *file = &finder->cases->files[index];
	struct tr_case_entry entry = {.file = index, .seeded = true, .seed = finder->values->seed};
	int code = TR_EXIT_OK;

	if (!file->scenario)
		return add_entry(finder, (struct tr_case_entry){.file = index});
	if (finder->values->seed != TR_CASE_NOT_GIVEN)
		return add_entry(finder, entry);
	for (uint32_t i = 0; i < file->scenario->seed_count && code == TR_EXIT_OK; i++) {
		entry.seed = tr_scenario_seed(file->scenario, i);
		code = add_entry(finder, entry);
	}
	return code;
}

static int check_settings(const struct finder *finder)
{
	const struct tr_cases *cases = finder->cases;
	const struct tr_scenario **scenarios;
	bool bad = false;
	int code;

	if (finder->values->set.count == 0)
		return TR_EXIT_OK;
	scenarios = calloc(cases->file_count + (size_t)1, sizeof(struct tr_scenario *));
	if (!scenarios)
		return no_memory();
	for (uint32_t i = 0; i < cases->file_count; i++) {
		scenarios[i] = cases->files[i].scenario;
		bad |= !scenarios[i];
	}
	/* One that cannot be used may have the parameter. */
	code = bad ? TR_EXIT_OK
		   : tr_cases_check_settings(finder->values, scenarios, cases->file_count);
	free((void *)scenarios);
	return code;
}

static int load_all(struct finder *finder)
{
	struct tr_scenario_setting settings[TR_TEXTS_MAX];
	const struct tr_scenario_files files = {load_hashed, finder->cases};
	struct tr_scenario_reading reading = {
		.settings = settings, .setting_count = finder->values->set.count, .files = &files};
	int code = tr_cases_settings(finder->values, settings);

	for (uint32_t i = 0; i < finder->cases->file_count && code == TR_EXIT_OK; i++)
		code = load_file(finder, &finder->cases->files[i], &reading);
	if (code == TR_EXIT_OK)
		code = check_settings(finder);
	for (uint32_t i = 0; i < finder->cases->file_count && code == TR_EXIT_OK; i++)
		code = add_cases(finder, i);
	return code;
}

/* Keep the files whose path has the text in it. */
static int filter(struct finder *finder)
{
	struct tr_cases *cases = finder->cases;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cases->file_count; i++)
		if (!finder->values->filter || strstr(cases->files[i].path, finder->values->filter))
			cases->files[kept++] = cases->files[i];
	cases->file_count = kept;
	if (kept == 0)
		return tr_cli_fail(TR_EXIT_INPUT, "no scenario has '%s' in its path",
				   finder->values->filter);
	return TR_EXIT_OK;
}

int tr_cases_make(const struct tr_sim_values *values, int path_count, char **paths,
		  struct tr_cases *ret)
{
	struct finder finder = {.values = values, .cases = ret};
	int code = TR_EXIT_OK;

	*ret = (struct tr_cases){0};
	for (int i = 0; i < path_count && code == TR_EXIT_OK; i++)
		code = add_path(&finder, paths[i]);
	if (code == TR_EXIT_OK)
		code = filter(&finder);
	if (code == TR_EXIT_OK)
		code = load_all(&finder);
	free(finder.trace);
	if (code != TR_EXIT_OK)
		tr_cases_done(ret);
	return code;
}

void tr_cases_done(struct tr_cases *cases)
{
	for (uint32_t i = 0; i < cases->file_count; i++)
		tr_scenario_free(cases->files[i].scenario);
	free(cases->files);
	free(cases->entries);
	tr_arena_done(&cases->arena);
	*cases = (struct tr_cases){0};
}
