/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downhill in the loss itself: Nelder and Mead's simplex (1965), with its usual coefficients. The
 * equations know each step, but not what comes of a schedule as a whole; where they can hardly tell
 * parts apart, the loss can.
 */
#include "sim/calibrate/fit.h"

#define SIMPLEX_SIZE   0.05 /* of a step's time */
#define SIMPLEX_TRIFLE 0.01 /* of that */

struct simplex {
	struct tr_fitting *fitting;
	struct tr_fit_model model; /* whose terms are tried */
	unsigned count;		   /* of terms that move */
	enum tr_term terms[TR_TERM_COUNT];
	double size[TR_TERM_COUNT];
	double at[TR_TERM_COUNT + 1][TR_TERM_COUNT];
	double loss[TR_TERM_COUNT + 1];
};

/* Places are in sizes, from the model's terms. */
static double loss_at(struct simplex *simplex, const double place[TR_TERM_COUNT])
{
	struct tr_fit_model model = simplex->model;

	for (unsigned i = 0; i < simplex->count; i++) {
		double *term = &model.terms[simplex->terms[i]];

		*term += place[i] * simplex->size[i];
		*term = *term > 0 ? *term : 0;
	}
	return tr_fitting_loss(simplex->fitting, &model);
}

static void order(struct simplex *simplex)
{
	for (unsigned i = 1; i <= simplex->count; i++)
		for (unsigned k = i; k > 0 && simplex->loss[k] < simplex->loss[k - 1]; k--) {
			double loss = simplex->loss[k];

			simplex->loss[k] = simplex->loss[k - 1];
			simplex->loss[k - 1] = loss;
			for (unsigned t = 0; t < simplex->count; t++) {
				double at = simplex->at[k][t];

				simplex->at[k][t] = simplex->at[k - 1][t];
				simplex->at[k - 1][t] = at;
			}
		}
}

/* Try the worst, moved through the middle of the others; keep it if it is better than `limit`. */
static bool move_worst(struct simplex *simplex, double factor, double limit)
{
	unsigned worst = simplex->count;
	double place[TR_TERM_COUNT], loss;

	for (unsigned t = 0; t < simplex->count; t++) {
		double middle = 0;

		for (unsigned i = 0; i < worst; i++)
			middle += simplex->at[i][t] / worst;
		place[t] = middle + factor * (simplex->at[worst][t] - middle);
	}
	loss = loss_at(simplex, place);
	if (loss >= limit)
		return false;
	simplex->loss[worst] = loss;
	for (unsigned t = 0; t < simplex->count; t++)
		simplex->at[worst][t] = place[t];
	return true;
}

static void shrink(struct simplex *simplex)
{
	for (unsigned i = 1; i <= simplex->count; i++) {
		for (unsigned t = 0; t < simplex->count; t++)
			simplex->at[i][t] = (simplex->at[i][t] + simplex->at[0][t]) / 2;
		simplex->loss[i] = loss_at(simplex, simplex->at[i]);
	}
}

static void step(struct simplex *simplex)
{
	double *loss = simplex->loss;
	unsigned worst = simplex->count;
	bool moved;

	order(simplex);
	moved = move_worst(simplex, -1, loss[worst]);
	if (moved && loss[worst] < loss[0])
		move_worst(simplex, 2, loss[worst]);
	else if (!moved || loss[worst] >= loss[worst - 1])
		if (!move_worst(simplex, 0.5, loss[worst]) && !moved)
			shrink(simplex);
}

double tr_fitting_descend(struct tr_fitting *fitting, struct tr_fit_model *model, unsigned plays)
{
	struct simplex simplex = {.fitting = fitting, .model = *model};
	uint32_t until = fitting->plays + plays;
	double work[TR_TERM_COUNT] = {0};

	tr_fitting_play(fitting, model, fitting->forced, NULL);
	if (fitting->failed)
		return 0;
	for (uint32_t i = tr_fitting_gather(fitting); i-- > 0;)
		for (unsigned t = 0; t < TR_TERM_COUNT; t++)
			work[t] += fitting->equations[i].x[t];
	for (unsigned t = 0; t < TR_TERM_COUNT; t++) {
		if (work[t] <= 0 || (model->terms[t] <= 0 && t > TR_TERM_CONTEXT))
			continue;
		simplex.terms[simplex.count] = (enum tr_term)t;
		simplex.size[simplex.count++] =
			SIMPLEX_SIZE * fitting->token * work[TR_TERM_STEP] / work[t];
	}
	for (unsigned i = 0; i <= simplex.count; i++) {
		if (i > 0)
			simplex.at[i][i - 1] = 1;
		simplex.loss[i] = loss_at(&simplex, simplex.at[i]);
	}
	while (fitting->plays < until && !fitting->failed)
		step(&simplex);
	order(&simplex);
	for (unsigned i = 0; i < simplex.count; i++) {
		double *term = &model->terms[simplex.terms[i]];

		*term += simplex.at[0][i] * simplex.size[i];
		/* What nobody could see is better not there. */
		*term = *term > SIMPLEX_TRIFLE * simplex.size[i] ? *term : 0;
	}
	return tr_fitting_loss(fitting, model);
}
