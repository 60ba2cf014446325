/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batching server from what was measured of one.
 *
 * A step's time is linear in the work of the step, so with the schedule known its parts are a
 * matter of least squares. The schedule is not measured, but simulated: the requests are sent to
 * the simulated server when they were scheduled, and the work between a request's schedule, its
 * first and its last token are the regressors of the two times. The simulated schedule depends on
 * the parts in turn, so this is repeated a few times; the first time the server does not compute
 * at all, but goes at the pace that was measured, so that a bad first guess cannot lead astray.
 *
 * The whole numbers (sequences, tokens of a step, KV blocks, steps ahead) are tried: for each the
 * parts are fitted, the requests are sent when they came, and what the simulation says is compared
 * with what was measured. A limit is believed only if the
 * simulation is off by a tenth less with it, and a limit of sequences only if requests waited again
 * and again while exactly so many ran.
 *
 * Only rows 0..count - 1 are looked at. Requests that came later had their part in what happened to
 * these: who came later waits behind them, so what happened before the last of them was scheduled
 * did not depend on them. What came after is given the less weight the more of it was after, and
 * for the later requests the same ones stand in once more, moved by the time in which they came.
 */
#ifndef TR_SIM_CALIBRATE_FIT_H
#define TR_SIM_CALIBRATE_FIT_H

#include "sim/calibrate/score.h"
#include "sim/calibrate/solve.h"

/* Fewer say nothing; more say nothing more, and each is played hundreds of times. */
#define TR_FIT_ROWS_MIN 20
#define TR_FIT_ROWS_MAX 2000

/* What is known of the server; 0: find out. */
struct tr_fit_given {
	uint32_t sequences;
	uint32_t batch_tokens;
	uint32_t kv_blocks;
};

/* How it is known. X(NAME, json) */
#define TR_KNOWN_MAP(X)                                                                            \
	X(FITTED, "fitted")                                                                        \
	X(GIVEN, "given")                                                                          \
	X(UNKNOWN, "unknown")

enum tr_known {
#define X(NAME, json) TR_KNOWN_##NAME,
	TR_KNOWN_MAP(X)
#undef X
};

struct tr_fit_result {
	struct tr_fit_model model; /* of what is not known, what does no harm */
	double loss;
	bool poor;		     /* the simulation is so far off that nothing of it is known */
	struct tr_solution solution; /* of the model's terms */
	enum tr_known sequences, batch_tokens, kv_blocks, steps_ahead, terms[TR_TERM_COUNT];
	uint32_t running_max; /* at once, as measured */
	uint32_t waited;      /* rows that waited longer than half a token */
	uint64_t preemptions; /* in the simulation of the fitted rows */
	double blocks_max;    /* KV blocks that the rows would have used at most, had none waited */
	uint32_t plays;
};

/* Fit to the first `count` rows (TR_FIT_ROWS_MIN..TR_FIT_ROWS_MAX), which are aligned. Returns 0
 * and *ret, or -1: there is no memory, or nothing can be told from the rows. */
int tr_fit(const struct tr_measured *measured, uint32_t count, const struct tr_fit_given *given,
	   struct tr_fit_result *ret);

/* ----------------------------------------------------------- for search.c: one model tried, fit.c
 */

struct tr_fitting {
	const struct tr_measured *measured;
	uint32_t count; /* rows */
	uint32_t total; /* with those that stand in */
	struct tr_fit_given given;
	tr_time_ns end;		      /* from here on unknown requests had their part */
	bool late;		      /* so few ended before that the others must do */
	struct tr_play_entry *free;   /* when they came */
	struct tr_play_entry *forced; /* when they were scheduled */
	struct tr_played *played;
	struct tr_equation *equations;
	struct tr_paces paces;
	struct tr_scorer *scorer;
	double token; /* median time per output token */
	uint32_t plays;
	bool failed; /* no memory */
};

int tr_fitting_init(struct tr_fitting *fitting, const struct tr_measured *measured, uint32_t count,
		    const struct tr_fit_given *given);
void tr_fitting_done(struct tr_fitting *fitting);

/* Play all entries into fitting->played. */
void tr_fitting_play(struct tr_fitting *fitting, const struct tr_fit_model *model,
		     const struct tr_play_entry *entries, const struct tr_paces *paces);
/* The equations of what was played when it was scheduled; returns how many. */
uint32_t tr_fitting_gather(struct tr_fitting *fitting);
/* The loss of a model as it is, which a fit makes small: how far rows and percentiles are off
 * where requests are sent when they came. */
double tr_fitting_loss(struct tr_fitting *fitting, const struct tr_fit_model *model);
/* Fit the terms, in at most so many rounds; given up early where nothing near `hopeless` comes of
 * it. `afresh`: they are a guess, and are not to lead astray. Returns the loss. */
double tr_fitting_terms(struct tr_fitting *fitting, struct tr_fit_model *model, unsigned rounds,
			bool afresh, double hopeless);
/* Move the terms downhill, in about so many plays. Returns the loss. */
double tr_fitting_descend(struct tr_fitting *fitting, struct tr_fit_model *model, unsigned plays);
/* How well the equations know a model's terms. Returns 0 or -1. */
int tr_fitting_judge(struct tr_fitting *fitting, const struct tr_fit_model *model,
		     struct tr_solution *ret);

#endif
