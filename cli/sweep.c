/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many cases, each in a process of its own, and their outcomes in the order of the cases.
 *
 * Whatever ends first, a line is printed and a file written only when everything before it is
 * there; what is early waits. So the output is the same with one job and with a hundred, on one
 * machine and merged from ten. With --fail-fast the output ends behind the first case of the list
 * that fails: a later one that fails earlier only keeps more from being begun.
 *
 * A child that dies says nothing, so its parent says how it died, and the case counts as failed.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/kept.h"
#include "cli/output.h"
#include "cli/pool.h"
#include "cli/sink.h"
#include "reports/progress.h"

/* Steps of a case between two looks at what went wrong. */
#define STEPS_AT_ONCE (1u << 20)

/* A case of this run. */
struct picked {
	uint32_t entry;
	char *kept;	 /* path; NULL: finished cases are not kept */
	json_t *outcome; /* NULL: not known yet, or printed */
	uint64_t wall_ns;
	bool known;
};

struct sweep {
	const struct tr_sim_values *values;
	struct tr_cases cases;
	struct tr_shard shard;
	bool sharded;
	struct picked *picked;
	uint32_t *to_play; /* index in picked */
	uint32_t picked_count;
	uint32_t play_count;
	uint32_t next; /* of picked: what is to be printed next */
	uint32_t last; /* of picked: the last one of interest */
	struct tr_sink sink;
	struct tr_progress progress;
	uint32_t done;
	bool terminal;
};

static const struct tr_case_entry *entry_of(const struct sweep *sweep, uint32_t picked)
{
	return &sweep->cases.entries[sweep->picked[picked].entry];
}

static const struct tr_case_file *file_of(const struct sweep *sweep, uint32_t picked)
{
	return &sweep->cases.files[entry_of(sweep, picked)->file];
}

/* ---------------------------------------------------------------------------------- in a child */

static enum tr_case_status status_of(int error)
{
	return tr_sim_exit(error) == TR_EXIT_OUTPUT ? TR_STATUS_NO_OUTPUT : TR_STATUS_BAD_INPUT;
}

static json_t *play_case(const struct sweep *sweep, uint32_t picked)
{
	const struct tr_case_file *file = file_of(sweep, picked);
	const struct tr_case_entry *entry = entry_of(sweep, picked);
	struct tr_case_options options = tr_sim_case_options(sweep->values, entry->seed);
	char text[sizeof(struct tr_diagnostic) + 64];
	struct tr_case *playing = NULL;
	struct tr_diagnostic diagnostic;
	json_t *result = NULL;
	int more = tr_case_open(file->scenario, &options, &playing, &diagnostic);

	if (more == 0)
		more = 1;
	while (more == 1)
		more = tr_case_advance(playing, STEPS_AT_ONCE, &diagnostic);
	if (more == 0)
		result = tr_case_json(playing, 0);
	tr_case_free(playing);
	if (more < 0)
		return tr_outcome_new(file, entry, status_of(more),
				      tr_diagnostic_text(&diagnostic, text, sizeof text));
	if (!result)
		return tr_outcome_new(file, entry, TR_STATUS_NO_OUTPUT, "not enough memory");
	return tr_outcome_of(file, entry, result);
}

static json_t *keep(const struct sweep *sweep, uint32_t picked, json_t *outcome)
{
	const char *path = sweep->picked[picked].kept;
	int error = path && outcome ? tr_kept_save(path, outcome) : 0;
	char text[4200];

	if (!error)
		return outcome;
	json_decref(outcome);
	(void)snprintf(text, sizeof text, "%s: cannot be written: %s", path, strerror(error));
	return tr_outcome_new(file_of(sweep, picked), entry_of(sweep, picked), TR_STATUS_NO_OUTPUT,
			      text);
}

static void play(void *self, uint32_t index, FILE *answer)
{
	const struct sweep *sweep = self;
	uint32_t picked = sweep->to_play[index];
	json_t *outcome = keep(sweep, picked, play_case(sweep, picked));

	if (outcome)
		(void)tr_outcome_write(outcome, answer);
	json_decref(outcome);
}

/* ------------------------------------------------------------------------------- in this process
 */

/* "killed by signal 9 (KILL)" */
static const char *death(const struct tr_pool_answer *answer, char *text, size_t size)
{
	if (WIFSIGNALED(answer->status)) {
		int number = WTERMSIG(answer->status);
		const char *name = sigabbrev_np(number);

		(void)snprintf(text, size, "its process was ended by signal %d (SIG%s)", number,
			       name ? name : "?");
	} else {
		(void)snprintf(text, size, "its process ended with code %d and no result",
			       WEXITSTATUS(answer->status));
	}
	return text;
}

static json_t *outcome_of(const struct sweep *sweep, uint32_t picked,
			  const struct tr_pool_answer *answer)
{
	bool whole = WIFEXITED(answer->status) && WEXITSTATUS(answer->status) == 0;
	json_t *outcome =
		whole && answer->length ? json_loadb(answer->text, answer->length, 0, NULL) : NULL;
	char text[128];

	if (outcome)
		return outcome;
	return tr_outcome_new(file_of(sweep, picked), entry_of(sweep, picked), TR_STATUS_DIED,
			      death(answer, text, sizeof text));
}

/* An outcome is known. With --fail-fast the first that fails is the last of interest. */
static void know(struct sweep *sweep, uint32_t picked, json_t *outcome, uint64_t wall_ns)
{
	struct picked *row = &sweep->picked[picked];

	row->outcome = outcome;
	row->wall_ns = wall_ns;
	row->known = true;
	sweep->done++;
	if (sweep->values->fail_fast && tr_outcome_status(outcome) != TR_STATUS_OK &&
	    picked < sweep->last)
		sweep->last = picked;
}

/* Print all that is known without a gap. */
static void print_known(struct sweep *sweep)
{
	while (sweep->next < sweep->picked_count && sweep->next <= sweep->last &&
	       sweep->picked[sweep->next].known) {
		struct picked *row = &sweep->picked[sweep->next++];

		tr_progress_end(&sweep->progress);
		tr_sink_take(&sweep->sink, row->outcome, sweep->terminal ? row->wall_ns : 0);
		json_decref(row->outcome);
		row->outcome = NULL;
	}
	/* A line is worth the most while the next case is played. */
	(void)fflush(stdout);
}

/* The last piece of work that is of interest: the last one up to sweep->last. */
static uint32_t last_piece(const struct sweep *sweep)
{
	uint32_t low = 0, high = sweep->play_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sweep->to_play[middle] <= sweep->last)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : 0;
}

static uint32_t take(void *self, const struct tr_pool_answer *answer)
{
	struct sweep *sweep = self;
	uint32_t picked = sweep->to_play[answer->index];

	know(sweep, picked, outcome_of(sweep, picked, answer), answer->wall_ns);
	print_known(sweep);
	return last_piece(sweep);
}

static void tick(void *self, uint32_t running)
{
	struct sweep *sweep = self;
	uint64_t permille = tr_mul_div(sweep->done, 1000, sweep->picked_count);
	char more[64];

	(void)snprintf(more, sizeof more, ", %" PRIu32 " running", running);
	if (tr_progress_due(&sweep->progress))
		tr_progress_show(&sweep->progress, sweep->done, "cases", (uint32_t)permille, more);
}

/* ----------------------------------------------------------------------------------- all of it */

static int no_memory(void)
{
	return tr_cli_fail(TR_EXIT_OUTPUT, "not enough memory");
}

/* "2/8" */
static int read_shard(struct sweep *sweep)
{
	const char *text = sweep->values->shard;
	char *slash = NULL, *end = NULL;
	unsigned long long index, of;

	sweep->shard = (struct tr_shard){0, 1};
	if (!text)
		return TR_EXIT_OK;
	index = strtoull(text, &slash, 10);
	of = *slash == '/' && text[0] >= '1' && text[0] <= '9' ? strtoull(slash + 1, &end, 10) : 0;
	if (!end || *end || slash[1] < '1' || slash[1] > '9' || index > of || of > TR_CASES_MAX)
		return tr_cli_fail(TR_EXIT_USAGE,
				   "--shard: '%.64s' is not I/N, such as 1/4, with I from 1 to N",
				   text);
	sweep->sharded = true;
	sweep->shard = (struct tr_shard){(uint32_t)index - 1, (uint32_t)of};
	return TR_EXIT_OK;
}

static int pick(struct sweep *sweep)
{
	const char *folder = sweep->values->out;

	sweep->last = UINT32_MAX;
	sweep->picked = calloc(sweep->cases.count + (size_t)1, sizeof(*sweep->picked));
	sweep->to_play = calloc(sweep->cases.count + (size_t)1, sizeof(*sweep->to_play));
	if (!sweep->picked || !sweep->to_play)
		return no_memory();
	for (uint32_t i = sweep->shard.index; i < sweep->cases.count; i += sweep->shard.of) {
		struct picked *row = &sweep->picked[sweep->picked_count++];

		row->entry = i;
		if (!folder || !sweep->cases.entries[i].seeded)
			continue;
		row->kept = tr_kept_path(folder, &sweep->cases.files[sweep->cases.entries[i].file],
					 &sweep->cases.entries[i]);
		if (!row->kept)
			return no_memory();
	}
	return TR_EXIT_OK;
}

/* What needs no process: files that cannot be used, and what was finished before. */
static void know_before(struct sweep *sweep)
{
	char text[sizeof(struct tr_diagnostic) + 64];

	for (uint32_t i = 0; i < sweep->picked_count; i++) {
		const struct tr_case_file *file = file_of(sweep, i);
		json_t *outcome = NULL;

		if (file->problem)
			outcome = tr_outcome_new(
				file, entry_of(sweep, i), TR_STATUS_BAD_INPUT,
				tr_diagnostic_text(file->problem, text, sizeof text));
		else if (sweep->picked[i].kept)
			outcome = tr_kept_load(sweep->picked[i].kept);
		if (outcome)
			know(sweep, i, outcome, 0);
		else
			sweep->to_play[sweep->play_count++] = i;
	}
}

static bool is_input(const struct sweep *sweep, const char *output)
{
	for (uint32_t i = 0; output && i < sweep->cases.file_count; i++)
		if (tr_sim_is_input(sweep->values, sweep->cases.files[i].scenario, output))
			return true;
	return false;
}

static int open_sink(struct sweep *sweep)
{
	const struct tr_sim_values *values = sweep->values;
	struct tr_sink_options options = {
		.json = values->json,
		.junit = values->junit,
		.shard = sweep->sharded ? &sweep->shard : NULL,
		.case_count = sweep->cases.count,
		.list_hash = sweep->cases.hash,
		.quiet = values->quiet,
	};

	if (is_input(sweep, values->json) || is_input(sweep, values->junit))
		return tr_cli_fail(TR_EXIT_USAGE,
				   "%s: is read by this run, and cannot be its output",
				   is_input(sweep, values->json) ? values->json : values->junit);
	if (values->out && tr_kept_begin(values->out) != TR_EXIT_OK)
		return TR_EXIT_OUTPUT;
	return tr_sink_open(&options, &sweep->sink);
}

static int play_all(struct sweep *sweep)
{
	struct tr_pool_work work = {
		.count = sweep->play_count,
		.jobs = sweep->values->jobs ? (unsigned)sweep->values->jobs : tr_pool_cpus(),
		.play = play,
		.take = take,
		.tick = tick,
		.self = sweep,
	};
	int error;

	know_before(sweep);
	work.count = sweep->play_count;
	sweep->terminal = isatty(STDOUT_FILENO);
	tr_progress_begin(&sweep->progress, sweep->values->quiet);
	print_known(sweep);
	if (sweep->last != UINT32_MAX)
		while (work.count && sweep->to_play[work.count - 1] > sweep->last)
			work.count--;
	error = tr_pool_run(&work);
	tr_progress_end(&sweep->progress);
	if (!error)
		return TR_EXIT_OK;
	return tr_cli_fail(TR_EXIT_OUTPUT, "no process can be made: %s", strerror(error));
}

static int list(const struct sweep *sweep)
{
	char name[4200];

	for (uint32_t i = 0; i < sweep->picked_count; i++) {
		const struct tr_case_file *file = file_of(sweep, i);
		json_t *outcome = tr_outcome_new(file, entry_of(sweep, i), TR_STATUS_OK, NULL);

		if (!outcome)
			return no_memory();
		if (!file->problem)
			puts(tr_outcome_name(outcome, name, sizeof name));
		else
			tr_cli_say_diagnostic(file->problem);
		json_decref(outcome);
	}
	for (uint32_t i = 0; i < sweep->picked_count; i++)
		if (file_of(sweep, i)->problem)
			return TR_EXIT_INPUT;
	return TR_EXIT_OK;
}

static int run(struct sweep *sweep)
{
	int code = pick(sweep);

	if (code != TR_EXIT_OK)
		return code;
	if (sweep->values->list)
		return list(sweep);
	code = open_sink(sweep);
	if (code != TR_EXIT_OK)
		return code;
	code = play_all(sweep);
	if (code != TR_EXIT_OK) {
		tr_sink_cancel(&sweep->sink);
		return code;
	}
	return tr_sink_finish(&sweep->sink, sweep->picked_count - sweep->next);
}

static void sweep_done(struct sweep *sweep)
{
	for (uint32_t i = 0; sweep->picked && i < sweep->picked_count; i++) {
		free(sweep->picked[i].kept);
		json_decref(sweep->picked[i].outcome);
	}
	free(sweep->picked);
	free(sweep->to_play);
	tr_cases_done(&sweep->cases);
}

int tr_sweep_run(const struct tr_sim_values *values, int path_count, char **paths)
{
	struct sweep sweep = {.values = values};
	int code = read_shard(&sweep);

	if (code == TR_EXIT_OK)
		code = tr_cases_make(values, path_count, paths, &sweep.cases);
	if (code == TR_EXIT_OK)
		code = run(&sweep);
	sweep_done(&sweep);
	return code;
}
