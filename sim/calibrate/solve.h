/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a step's time from measured times and the work that was done in them: least squares
 * of relative errors, robust against rows that something else delayed or shortened (iteratively
 * reweighted to least absolute errors, Huber 1964), no part below 0 (of all subsets of the parts
 * the best whose solution has none, Lawson and Hanson's problem, which for seven parts is solved by
 * trying).
 *
 * A part that is there for special models alone stays out unless it explains something: unless the
 * squared error without it is more than 2% larger.
 */
#ifndef TR_SIM_CALIBRATE_SOLVE_H
#define TR_SIM_CALIBRATE_SOLVE_H

#include "sim/calibrate/model.h"

/* time = sum of x[i] terms[i] */
struct tr_equation {
	double x[TR_TERM_COUNT];
	double time;   /* seconds, > 0 */
	double weight; /* > 0 */
	double robust; /* tr_solve()'s own */
	double off;    /* out: relative residual, not negative */
};

struct tr_solution {
	double terms[TR_TERM_COUNT];
	/* Standard error relative to the part; < 0: the part is 0 or was left out. */
	double error[TR_TERM_COUNT];
	/* The other part that it is most easily mistaken for; TR_TERM_COUNT: none. */
	enum tr_term mistaken[TR_TERM_COUNT];
	double off; /* median relative residual */
};

/* Returns 0 and *ret, or -1: there are fewer equations than parts, or no memory. */
int tr_solve(struct tr_equation *equations, uint32_t count, struct tr_solution *ret);

/* Errors of given terms, which solve the equations nearly. The same. */
int tr_solve_judge(struct tr_equation *equations, uint32_t count, const double terms[TR_TERM_COUNT],
		   struct tr_solution *ret);

#endif
