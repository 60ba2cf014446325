/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normal equations, scaled to a unit diagonal, and Cholesky's factor of each subset of them.
 */
#include "sim/calibrate/solve.h"

#include <math.h>
#include <stdlib.h>

#include "sim/calibrate/order.h"

#define N      TR_TERM_COUNT
#define ALL    ((1u << N) - 1)
#define BIT(t) (1u << TR_TERM_##t)
/* Parts that every server has. */
#define USUAL	(BIT(STEP) | BIT(PREFILL) | BIT(SEQUENCE) | BIT(CONTEXT))
#define ROUNDS	15
#define RIDGE	1e-9  /* of the unit diagonal */
#define PIVOT	1e-11 /* less is no information */
#define OFF_MIN 0.0005
#define GAIN	1.02 /* of the squared error, for a special part to stay */
#define TRIFLE	4e-8 /* squared relative error that is none */

/* Parts of special models, the most special first. */
static const unsigned special[] = {BIT(FIRST), BIT(PAIR), BIT(MIXED)};

struct normal {
	double a[N][N];
	double b[N];
	double yy;
	double scale[N];
};

struct factor {
	unsigned count;
	unsigned index[N];
	double l[N][N];
	double z[N];
	double gain; /* of the squared error */
};

static void gather(const struct tr_equation *equations, uint32_t count, struct normal *ret)
{
	*ret = (struct normal){0};
	for (uint32_t i = 0; i < count; i++) {
		const struct tr_equation *e = &equations[i];
		double weight = e->weight * e->robust / (e->time * e->time);

		ret->yy += weight * e->time * e->time;
		for (unsigned u = 0; u < N; u++) {
			ret->b[u] += weight * e->x[u] * e->time;
			for (unsigned v = 0; v < N; v++)
				ret->a[u][v] += weight * e->x[u] * e->x[v];
		}
	}
	for (unsigned u = 0; u < N; u++)
		ret->scale[u] = ret->a[u][u] > 0 ? 1 / sqrt(ret->a[u][u]) : 0;
	for (unsigned u = 0; u < N; u++) {
		ret->b[u] *= ret->scale[u];
		for (unsigned v = 0; v < N; v++)
			ret->a[u][v] *= ret->scale[u] * ret->scale[v];
		ret->a[u][u] += RIDGE;
	}
}

/* Cholesky's factor of a subset; false if its parts cannot be told apart. */
static bool factorize(const struct normal *normal, unsigned subset, struct factor *ret)
{
	ret->count = 0;
	ret->gain = 0;
	for (unsigned u = 0; u < N; u++)
		if (subset >> u & 1)
			ret->index[ret->count++] = u;
	for (unsigned i = 0; i < ret->count; i++) {
		double z = normal->b[ret->index[i]];

		for (unsigned j = 0; j <= i; j++) {
			double sum = normal->a[ret->index[i]][ret->index[j]];

			for (unsigned k = 0; k < j; k++)
				sum -= ret->l[i][k] * ret->l[j][k];
			if (i == j && sum < PIVOT)
				return false;
			ret->l[i][j] = i == j ? sqrt(sum) : sum / ret->l[j][j];
		}
		for (unsigned k = 0; k < i; k++)
			z -= ret->l[i][k] * ret->z[k];
		ret->z[i] = z / ret->l[i][i];
		ret->gain += ret->z[i] * ret->z[i];
	}
	return true;
}

/* Solve l' x = z; false if something is below 0. */
static bool substitute(const struct factor *factor, double ret[N])
{
	for (unsigned i = factor->count; i-- > 0;) {
		double x = factor->z[i];

		for (unsigned k = i + 1; k < factor->count; k++)
			x -= factor->l[k][i] * ret[k];
		ret[i] = x / factor->l[i][i];
		if (ret[i] < 0)
			return false;
	}
	return true;
}

/* The best subset of the permitted parts. Returns the squared error that is left. */
static double best_subset(const struct normal *normal, unsigned permitted, double ret[N])
{
	struct factor factor;
	double x[N], gain = 0;

	for (unsigned u = 0; u < N; u++)
		ret[u] = 0;
	for (unsigned subset = 1; subset <= ALL; subset++) {
		if ((subset & ~permitted) || !factorize(normal, subset, &factor) ||
		    factor.gain <= gain || !substitute(&factor, x))
			continue;
		gain = factor.gain;
		for (unsigned u = 0; u < N; u++)
			ret[u] = 0;
		for (unsigned i = 0; i < factor.count; i++)
			ret[factor.index[i]] = x[i] * normal->scale[factor.index[i]];
	}
	return normal->yy > gain ? normal->yy - gain : 0;
}

static void residuals(struct tr_equation *equations, uint32_t count, const double terms[N])
{
	for (uint32_t i = 0; i < count; i++) {
		double off = -equations[i].time;

		for (unsigned u = 0; u < N; u++)
			off += terms[u] * equations[i].x[u];
		equations[i].off = fabs(off) / equations[i].time;
	}
}

/* Rows of small weight say little of what is usual. */
static double usual(const struct tr_equation *equations, uint32_t count, double *values)
{
	uint32_t found = 0;
	double median;

	for (uint32_t i = 0; i < count; i++)
		if (equations[i].weight > 0.3)
			values[found++] = equations[i].off;
	if (found < N)
		return 0.02;
	median = tr_fit_median(values, found);
	return median > OFF_MIN ? median : OFF_MIN;
}

/* Standard errors, and what goes with what, from the inverse of the permitted parts. */
static void judge(const struct normal *normal, unsigned permitted, double squared, uint32_t count,
		  struct tr_solution *ret)
{
	struct factor factor;
	double inverse[N][N] = {{0}}, variance;

	if (!factorize(normal, permitted, &factor) || count <= factor.count)
		return;
	variance = squared / (count - factor.count);
	variance = variance > TRIFLE ? variance : TRIFLE;
	for (unsigned c = 0; c < factor.count; c++) {
		double y[N];

		for (unsigned i = 0; i < factor.count; i++) {
			y[i] = i == c;
			for (unsigned k = 0; k < i; k++)
				y[i] -= factor.l[i][k] * y[k];
			y[i] /= factor.l[i][i];
		}
		for (unsigned i = factor.count; i-- > 0;) {
			inverse[i][c] = y[i];
			for (unsigned k = i + 1; k < factor.count; k++)
				inverse[i][c] -= factor.l[k][i] * inverse[k][c];
			inverse[i][c] /= factor.l[i][i];
		}
	}
	for (unsigned i = 0; i < factor.count; i++) {
		unsigned term = factor.index[i];
		double most = 0;

		if (ret->terms[term] > 0)
			ret->error[term] = sqrt(inverse[i][i] * variance) * normal->scale[term] /
					   ret->terms[term];
		for (unsigned k = 0; k < factor.count; k++) {
			double likeness = inverse[i][k] * inverse[i][k] / inverse[k][k];

			if (k == i || likeness <= most)
				continue;
			most = likeness;
			ret->mistaken[term] = (enum tr_term)factor.index[k];
		}
	}
}

/* Which parts stay. */
static unsigned eliminate(const struct normal *normal, double weights)
{
	unsigned permitted = ALL;
	double terms[N], with = best_subset(normal, permitted, terms);

	for (unsigned i = 0; i < sizeof special / sizeof special[0]; i++) {
		double without = best_subset(normal, permitted & ~special[i], terms);

		if (without > GAIN * with + TRIFLE * weights)
			continue;
		permitted &= ~special[i];
		with = without;
	}
	return permitted;
}

static void begin(struct tr_solution *ret)
{
	*ret = (struct tr_solution){0};
	for (unsigned u = 0; u < N; u++) {
		ret->error[u] = -1;
		ret->mistaken[u] = TR_TERM_COUNT;
	}
}

/* Weights of least absolute errors. */
static void reweight(struct tr_equation *equations, uint32_t count, double *values,
		     struct tr_solution *solution)
{
	residuals(equations, count, solution->terms);
	solution->off = usual(equations, count, values);
	for (uint32_t i = 0; i < count; i++)
		equations[i].robust =
			equations[i].off > solution->off ? solution->off / equations[i].off : 1;
}

int tr_solve(struct tr_equation *equations, uint32_t count, struct tr_solution *ret)
{
	double *values = malloc((count ? count : 1) * sizeof *values);
	unsigned permitted = ALL;
	struct normal normal;

	if (!values || count < N) {
		free(values);
		return -1;
	}
	begin(ret);
	for (uint32_t i = 0; i < count; i++)
		equations[i].robust = 1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		gather(equations, count, &normal);
		/* Decided anew while weights still move. */
		if (round < ROUNDS / 2)
			permitted = eliminate(&normal, normal.yy);
		best_subset(&normal, permitted, ret->terms);
		reweight(equations, count, values, ret);
	}
	free(values);
	return 0;
}

int tr_solve_judge(struct tr_equation *equations, uint32_t count, const double terms[TR_TERM_COUNT],
		   struct tr_solution *ret)
{
	double *values = malloc((count ? count : 1) * sizeof *values), squared = 0;
	unsigned permitted = USUAL;
	struct normal normal;

	if (!values || count < N) {
		free(values);
		return -1;
	}
	begin(ret);
	for (unsigned u = 0; u < N; u++) {
		ret->terms[u] = terms[u];
		if (terms[u] > 0)
			permitted |= 1u << u;
	}
	reweight(equations, count, values, ret);
	for (uint32_t i = 0; i < count; i++)
		squared += equations[i].weight * equations[i].robust * equations[i].off *
			   equations[i].off;
	gather(equations, count, &normal);
	judge(&normal, permitted, squared, count, ret);
	free(values);
	return 0;
}
