/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole numbers of a model: which limits there are, and where.
 */
#include <math.h>
#include <stdlib.h>

#include "sim/calibrate/fit.h"

#define ROUNDS	       5
#define ROUNDS_SEARCH  3
#define ROUNDS_LAST    12
#define DESCENT	       150 /* plays */
#define POLISHES       4
#define WAITED_MIN     3
#define STARTS	       2
#define FIRST_MIN      8
#define FIRST_MAX      128
#define BETTER	       0.995 /* of the loss, to be better at all */
#define LIMIT_GAIN     0.9   /* of the loss, for a limit to be believed */
#define LIMIT_LEAST    0.005
#define HOPELESS       1.6
#define MATTERS	       1.05 /* of the loss, for a number to be told from another */
#define MATTERS_LEAST  0.002
#define POOR	       0.4 /* loss: rows and percentiles are off by a fifth each */
#define NEVER	       1e9
#define KV_STEP	       1.05
#define KV_LEAST       0.2  /* of what would be used, had none waited */
#define SCHEDULE_ERROR 0.3  /* of the loss: what a wrong schedule does to a term */
#define IDENTIFIED     0.02 /* twice the standard error is then within 5% */

/* What servers are usually told. */
static const uint32_t usual_tokens[] = {256,  512,  768,   1024,  1536,	 2048,	3072, 4096,
					6144, 8192, 10240, 12288, 16384, 24576, 32768};
#define USUAL ((int)(sizeof usual_tokens / sizeof usual_tokens[0]))

/* Of these, those to begin with. */
static const uint32_t first_tokens[] = {2048, 8192, 512};
#define FIRST_TOKENS (sizeof first_tokens / sizeof first_tokens[0])

struct best {
	struct tr_fit_model model;
	double loss;
};

struct search {
	struct tr_fitting fitting;
	struct best best;
	uint32_t running_max;
	uint32_t waited;
	bool places_seen;    /* requests waited while so many ran */
	double blocks_least; /* of the largest row */
	double blocks_most;  /* that all would use */
};

/* ------------------------------------------------------------------------------ what rows show */

static void count_waited(struct search *search)
{
	const struct tr_measured *measured = search->fitting.measured;

	for (uint32_t i = 0; i < search->fitting.count; i++) {
		const struct tr_measured_row *row = &measured->rows[i];
		double wait = measured->scheduled ? tr_fit_seconds(row->scheduled - row->queued)
						  : tr_fit_seconds(row->first - row->arrival);
		/* Without a schedule only a long way to the first token says anything. */
		double least = search->fitting.token * (measured->scheduled ? 0.5 : 20);

		search->waited += wait > least;
	}
}

/* How many ran right after row i was scheduled, and how many waited still. */
static void count_at(const struct tr_fitting *fitting, uint32_t at, uint32_t *ret_running,
		     uint32_t *ret_waiting)
{
	const struct tr_measured_row *rows = fitting->measured->rows;
	tr_time_ns time = rows[at].scheduled;

	*ret_running = *ret_waiting = 0;
	for (uint32_t i = 0; i < fitting->count; i++) {
		*ret_running += rows[i].scheduled <= time && rows[i].last > time;
		*ret_waiting += rows[i].queued <= time && rows[i].scheduled > time;
	}
}

/* Whether, once as many ran as ever did, it was nearly always so many while somebody waited. */
static void see_places(struct search *search)
{
	const struct tr_fitting *fitting = &search->fitting;
	const struct tr_measured_row *rows = fitting->measured->rows;
	uint32_t at = 0, after = 0, running, waiting;
	tr_time_ns reached = TR_TIME_NEVER;

	if (!fitting->measured->scheduled)
		return;
	for (uint32_t i = 0; i < fitting->count; i++) {
		count_at(fitting, i, &running, &waiting);
		if (running > search->running_max) {
			search->running_max = running;
			reached = rows[i].scheduled;
		}
	}
	for (uint32_t i = 0; i < fitting->count; i++) {
		count_at(fitting, i, &running, &waiting);
		if (rows[i].scheduled < reached || waiting == 0)
			continue;
		after++;
		at += running == search->running_max;
	}
	search->places_seen = at >= 3 && 2 * at >= after;
}

struct change {
	tr_time_ns time;
	double blocks;
};

static int by_time(const void *a, const void *b)
{
	const struct change *left = a, *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return left->blocks < right->blocks ? -1 : left->blocks > right->blocks;
}

/* KV blocks that are used at most, if each row has all of its own from its schedule to its end. */
static int see_blocks(struct search *search)
{
	const struct tr_fitting *fitting = &search->fitting;
	size_t count = 2 * (size_t)fitting->count;
	struct change *changes = malloc(count * sizeof *changes);
	double used = 0;

	if (!changes)
		return -1;
	for (uint32_t i = 0; i < fitting->count; i++) {
		const struct tr_measured_row *row = &fitting->measured->rows[i];
		double blocks = (row->tokens_in + row->tokens_out) / TR_FIT_BLOCK_TOKENS + 1;

		changes[2 * i] =
			(struct change){row->scheduled ? row->scheduled : row->queued, blocks};
		changes[2 * i + 1] = (struct change){row->last, -blocks};
		search->blocks_least = fmax(search->blocks_least, blocks);
	}
	qsort(changes, count, sizeof *changes, by_time);
	for (size_t i = 0; i < count; i++) {
		used += changes[i].blocks;
		search->blocks_most = fmax(search->blocks_most, used);
	}
	free(changes);
	return 0;
}

/* ------------------------------------------------------------------------------------- one try */

static bool try(struct search *search, struct best *best, struct tr_fit_model model,
		unsigned rounds, bool afresh)
{
	double hopeless = best->loss < NEVER ? HOPELESS * best->loss : NEVER;
	double loss = tr_fitting_terms(&search->fitting, &model, rounds, afresh, hopeless);

	if (loss >= BETTER * best->loss)
		return false;
	*best = (struct best){model, loss};
	return true;
}

/* From the terms that it has, and afresh: what is best nearby is not always what is best. */
static bool try_both(struct search *search, struct best *best, struct tr_fit_model model)
{
	return try(search, best, model, ROUNDS - 1, false);
}

static struct tr_fit_model first_guess(const struct search *search)
{
	const struct tr_fit_given *given = &search->fitting.given;

	return (struct tr_fit_model){
		.sequences = given->sequences ? given->sequences : TR_FIT_OPEN,
		.batch_tokens = given->batch_tokens ? given->batch_tokens : 2048,
		.kv_blocks = given->kv_blocks,
		.steps_ahead = 1,
		.first_tokens = TR_FIT_FIRST_TOKENS,
		.terms = {[TR_TERM_STEP] = 0.7 * search->fitting.token,
			  [TR_TERM_PREFILL] = 0.0014 * search->fitting.token},
	};
}

/* Up and down the usual numbers, as long as one of the next two is better. */
static bool climb_tokens(struct search *search, struct best *best)
{
	bool any = false;

	for (int way = -1; way <= 1; way += 2) {
		int at = 0, missed = 0;

		while (at + 1 < USUAL && usual_tokens[at + 1] <= best->model.batch_tokens)
			at++;
		for (at += way; at >= 0 && at < USUAL && missed < 2; at += way) {
			struct tr_fit_model model = best->model;

			model.batch_tokens = usual_tokens[at];
			missed = try_both(search, best, model) ? 0 : missed + 1;
			any |= missed == 0;
		}
	}
	return any;
}

static bool refine_blocks(struct search *search, struct best *best)
{
	static const double steps[] = {0.03, 0.01, 0.004, 0.0015};
	bool any = false;

	for (unsigned s = 0; s < sizeof steps / sizeof steps[0]; s++) {
		uint32_t middle = best->model.kv_blocks;

		for (int k = -3; k <= 3; k++)
			if (k != 0) {
				struct tr_fit_model model = best->model;

				model.kv_blocks = (uint32_t)(middle * (1 + steps[s] * k) + 0.5);
				any |= try_both(search, best, model);
			}
	}
	for (uint32_t k = 0; k < 4; k++) {
		struct tr_fit_model model = best->model;

		/* One or two blocks more or less. */
		model.kv_blocks += k < 2 ? k + 1 : 1 - k;
		any |= try_both(search, best, model);
	}
	return any;
}

/* How many tokens touch new weights, where it matters. */
static bool climb_first(struct search *search, struct best *best)
{
	bool any = false;

	for (uint32_t first = FIRST_MIN; first <= FIRST_MAX; first *= 2) {
		struct tr_fit_model model = best->model;

		model.first_tokens = first;
		if (best->model.terms[TR_TERM_FIRST] > 0 && first != best->model.first_tokens)
			any |= try(search, best, model, ROUNDS, false);
	}
	return any;
}

/* Other numbers around the best, and other terms, as long as something gets better. */
static void polish(struct search *search, struct best *best)
{
	const struct tr_fit_given *given = &search->fitting.given;

	for (unsigned round = 0; round < POLISHES; round++) {
		struct tr_fit_model model = best->model;
		bool any = given->batch_tokens == 0 && climb_tokens(search, best);

		model = best->model;
		model.steps_ahead = 1 - model.steps_ahead;
		any |= try_both(search, best, model);
		if (best->model.kv_blocks && !given->kv_blocks)
			any |= refine_blocks(search, best);
		any |= climb_first(search, best);
		if (!any && round > 0)
			break;
		try(search, best, best->model, ROUNDS_LAST, false);
		best->loss = tr_fitting_descend(&search->fitting, &best->model, DESCENT);
	}
}

/* ---------------------------------------------------------------------------------- hypotheses */

/* A hypothesis without a limit of memory. */
static void fit_places(struct search *search, struct best *best, uint32_t sequences)
{
	const struct tr_fit_given *given = &search->fitting.given;

	best->loss = NEVER;
	for (uint32_t ahead = 2; ahead-- > 0;)
		for (unsigned i = 0; i < FIRST_TOKENS; i++) {
			struct tr_fit_model model = first_guess(search);

			model.sequences = sequences;
			model.steps_ahead = ahead;
			if (!given->batch_tokens)
				model.batch_tokens = first_tokens[i];
			if (i == 0 || !given->batch_tokens)
				try(search, best, model, ROUNDS, true);
		}
	polish(search, best);
}

/* Without memory's part in it, a step's tokens may have come out wrong: those are open again. */
static void scan_memory(struct search *search, struct best *best, struct tr_fit_model model)
{
	double least = fmax(search->blocks_least, KV_LEAST * search->blocks_most);

	for (double blocks = least; blocks <= search->blocks_most * KV_STEP; blocks *= KV_STEP) {
		model.kv_blocks = (uint32_t)blocks;
		try(search, best, model, ROUNDS_SEARCH, true);
	}
}

/* Take into a short list, the best first. */
static void enlist(struct best list[STARTS], const struct best *candidate)
{
	struct best moved = *candidate;

	for (unsigned i = 0; i < STARTS; i++)
		if (moved.loss < list[i].loss) {
			struct best other = list[i];

			list[i] = moved;
			moved = other;
		}
}

/* With little memory, a block more or less moves who is preempted, and the loss is rugged. So
 * several places are gone down from, one for each way to compose steps. */
static void fit_memory(struct search *search, struct best *best, const struct best *without)
{
	struct best starts[STARTS];

	for (unsigned i = 0; i < STARTS; i++)
		starts[i].loss = NEVER;
	for (uint32_t ahead = 2; ahead-- > 0;)
		for (unsigned i = 0; i < FIRST_TOKENS; i++) {
			struct tr_fit_model model = without->model;
			struct best candidate = {.loss = NEVER};

			model.steps_ahead = ahead;
			if (!search->fitting.given.batch_tokens)
				model.batch_tokens = first_tokens[i];
			if (i == 0 || !search->fitting.given.batch_tokens)
				scan_memory(search, &candidate, model);
			enlist(starts, &candidate);
		}
	best->loss = NEVER;
	for (unsigned i = 0; i < STARTS && starts[i].loss < NEVER; i++) {
		polish(search, &starts[i]);
		if (starts[i].loss < best->loss)
			*best = starts[i];
	}
}

static bool believed(const struct best *limited, const struct best *best)
{
	return limited->loss < LIMIT_GAIN * best->loss - LIMIT_LEAST;
}

/* The simplest hypothesis that no other beats by much: no limit, of places, of memory, of both. */
static struct best choose(struct search *search, enum tr_known *ret_places,
			  enum tr_known *ret_memory)
{
	const struct tr_fit_given *given = &search->fitting.given;
	struct best limited;

	*ret_places = given->sequences ? TR_KNOWN_GIVEN : TR_KNOWN_UNKNOWN;
	*ret_memory = given->kv_blocks ? TR_KNOWN_GIVEN : TR_KNOWN_UNKNOWN;
	fit_places(search, &search->best, first_guess(search).sequences);
	if (search->places_seen && !given->sequences) {
		fit_places(search, &limited, search->running_max);
		if (believed(&limited, &search->best)) {
			search->best = limited;
			*ret_places = TR_KNOWN_FITTED;
		}
	}
	if (search->waited >= WAITED_MIN && !given->kv_blocks) {
		fit_memory(search, &limited, &search->best);
		if (believed(&limited, &search->best)) {
			search->best = limited;
			*ret_memory = TR_KNOWN_FITTED;
		}
	}
	return search->best;
}

/* ------------------------------------------------------------------------------ what is known */

/* Whether another model does as well. */
static bool matters(struct search *search, const struct best *best, struct tr_fit_model model)
{
	double loss = tr_fitting_terms(&search->fitting, &model, ROUNDS, false, NEVER);

	return loss > MATTERS * best->loss + MATTERS_LEAST;
}

static enum tr_known judge_tokens(struct search *search, const struct best *best)
{
	struct tr_fit_model more = best->model, less = best->model;

	if (search->fitting.given.batch_tokens)
		return TR_KNOWN_GIVEN;
	more.batch_tokens *= 2;
	less.batch_tokens /= 2;
	return matters(search, best, more) && matters(search, best, less) ? TR_KNOWN_FITTED
									  : TR_KNOWN_UNKNOWN;
}

static enum tr_known judge_ahead(struct search *search, const struct best *best)
{
	struct tr_fit_model other = best->model;

	other.steps_ahead = 1 - other.steps_ahead;
	return matters(search, best, other) ? TR_KNOWN_FITTED : TR_KNOWN_UNKNOWN;
}

/* A wrong model has its best numbers, too. */
static void forget(struct tr_fit_result *result)
{
	enum tr_known *counts[] = {&result->sequences, &result->batch_tokens, &result->kv_blocks,
				   &result->steps_ahead};

	for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++)
		if (*counts[i] == TR_KNOWN_FITTED)
			*counts[i] = TR_KNOWN_UNKNOWN;
	for (unsigned i = 0; i < TR_TERM_COUNT; i++)
		result->terms[i] = TR_KNOWN_UNKNOWN;
}

static int conclude(struct search *search, struct best *best, struct tr_fit_result *ret)
{
	tr_fitting_loss(&search->fitting, &best->model);
	ret->model = best->model;
	ret->loss = best->loss;
	if (tr_fitting_judge(&search->fitting, &best->model, &ret->solution) < 0)
		return -1;
	ret->running_max = search->running_max;
	ret->waited = search->waited;
	ret->blocks_max = search->blocks_most;
	for (unsigned i = 0; i < TR_TERM_COUNT; i++)
		if (ret->solution.error[i] >= 0)
			ret->solution.error[i] =
				sqrt(ret->solution.error[i] * ret->solution.error[i] +
				     SCHEDULE_ERROR * best->loss * SCHEDULE_ERROR * best->loss);
	for (unsigned i = 0; i < TR_TERM_COUNT; i++)
		ret->terms[i] = ret->solution.error[i] >= 0 && ret->solution.error[i] < IDENTIFIED
					? TR_KNOWN_FITTED
					: TR_KNOWN_UNKNOWN;
	ret->batch_tokens = judge_tokens(search, best);
	ret->steps_ahead = judge_ahead(search, best);
	ret->poor = best->loss > POOR;
	if (ret->poor)
		forget(ret);
	return 0;
}

static int run(struct search *search, struct tr_fit_result *ret)
{
	struct best best;

	if (see_blocks(search) < 0)
		return -1;
	count_waited(search);
	see_places(search);
	best = choose(search, &ret->sequences, &ret->kv_blocks);
	try(search, &best, best.model, ROUNDS_LAST, false);
	best.loss = tr_fitting_descend(&search->fitting, &best.model, DESCENT);
	if (search->fitting.failed || best.loss >= NEVER)
		return -1;
	if (conclude(search, &best, ret) < 0)
		return -1;
	ret->plays = search->fitting.plays;
	return 0;
}

int tr_fit(const struct tr_measured *measured, uint32_t count, const struct tr_fit_given *given,
	   struct tr_fit_result *ret)
{
	struct search search = {0};
	struct tr_fit_result result = {0};
	int err;

	TR_ASSERT(count >= TR_FIT_ROWS_MIN);
	TR_ASSERT(count <= TR_FIT_ROWS_MAX);
	TR_ASSERT(count <= measured->count);
	if (tr_fitting_init(&search.fitting, measured, count, given) < 0)
		return -1;
	err = run(&search, &result);
	tr_fitting_done(&search.fitting);
	if (err == 0)
		*ret = result;
	return err;
}
