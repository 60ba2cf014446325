/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pickers. Each is a row of two functions: `narrow` passes over candidates that are not to compete
 * (none: all do), and `measure` is an integer for each that does; the smallest wins, and equal
 * measures go to the smaller name hash. A picker that passes over everybody has failed.
 *
 *   two-choices      two are drawn, the less loaded wins (Mitzenmacher 2001)
 *   peak-ewma        two are drawn, the smaller peak latency x (attempts + 1) wins; who was never
 *                    measured goes first while idle and last while busy (Finagle's P2C)
 *   prequal          who is above a quantile of the loads is hot; the fastest of the cold wins
 *                    (Wydrowski and others, NSDI 2024). Their loads are probed, ours are booked, so
 *                    there is always somebody cold
 *   consistent-hash  the first by hash of key and name (rendezvous: Thaler, Ravishankar 1998) whose
 *                    load stays in bounds with this job (Mirrokni and others, 2018)
 *
 * Load is per slot, since endpoints differ in size. A draw is keyed by job, attempt and the
 * endpoint's name, so neither the order of rows nor who else is there changes what a candidate
 * draws. A session that has a home among the candidates goes home first, unless that is crowded.
 */
#include "engine/picker.h"

#include "engine/health.h"
#include "engine/random.h"
#include "engine/score.h"

static const struct tr_endpoint *endpoint_of(const struct tr_choosing *d, const struct tr_choice *c)
{
	return &d->e->endpoint[c->endpoint];
}

static uint64_t draw(const struct tr_choosing *d, tr_name name)
{
	return tr_draw(d->e->core->seed ^ name, d->job->job_id, TR_PURPOSE_PICK,
		       d->active ? d->active->ordinal : 0);
}

/* ---- measures ---- */

static uint64_t measure_best_score(const struct tr_choosing *d, const struct tr_choice *c)
{
	uint64_t sum = 0;

	for (int t = 0; t < TR_TERM_COUNT; t++)
		sum += tr_score_penalty(d, c, t);
	return sum;
}

static uint64_t measure_load(const struct tr_choosing *d, const struct tr_choice *c)
{
	(void)d;
	return tr_mul_div(c->load, 1000000, c->slots);
}

static uint64_t measure_round_robin(const struct tr_choosing *d, const struct tr_choice *c)
{
	return endpoint_of(d, c)->last_dispatch;
}

static uint64_t measure_random(const struct tr_choosing *d, const struct tr_choice *c)
{
	return draw(d, endpoint_of(d, c)->name);
}

static uint64_t measure_peak_ewma(const struct tr_choosing *d, const struct tr_choice *c)
{
	tr_span_ns peak = tr_health_peak(d->e, c->endpoint);

	if (peak == 0 && endpoint_of(d, c)->in_flight)
		return UINT64_MAX / 2 + c->load;
	return tr_min(tr_mul_div(peak, (uint64_t)c->load + 1, 1), UINT64_MAX / 2);
}

/* Who was never measured goes before all that were, the less loaded first: a load is below 2^20
 * unless it is crowded, a latency is hardly ever. */
static uint64_t measure_prequal(const struct tr_choosing *d, const struct tr_choice *c)
{
	tr_span_ns latency = tr_score_latency(d, c);

	return latency ? latency : measure_load(d, c);
}

static uint64_t measure_hash(const struct tr_choosing *d, const struct tr_choice *c)
{
	uint64_t key = d->job->session ? d->job->session : d->job->prefix0;

	return tr_mix(tr_mix(key) ^ endpoint_of(d, c)->name);
}

/* ---- who competes ---- */

static uint64_t one(const struct tr_choosing *d, const struct tr_choice *c)
{
	(void)d;
	(void)c;
	return 1;
}

static uint64_t weight(const struct tr_choosing *d, const struct tr_choice *c)
{
	return endpoint_of(d, c)->weight;
}

/* Candidates stand on a line in the order of their measures, each as long as its share: the measure
 * at a point of that line. Found by halving the range of measures, not by sorting. */
static uint64_t measure_at(const struct tr_choosing *d, uint64_t point,
			   uint64_t (*share)(const struct tr_choosing *, const struct tr_choice *))
{
	uint64_t found = 0, rest = 0; /* the answer's upper bits; those not known yet */
	uint32_t left = d->count;     /* candidates whose upper bits are these */

	for (uint32_t i = 0; i < d->count; i++)
		rest |= d->eligible[i].measure;
	rest = rest ? UINT64_MAX >> __builtin_clzll(rest) : 0;
	while (rest && left > 1) {
		uint64_t length = 0;
		uint32_t lower = 0;

		rest >>= 1;
		for (uint32_t i = 0; i < d->count; i++) {
			if ((d->eligible[i].measure ^ found) & ~rest)
				continue;
			length += share(d, &d->eligible[i]);
			lower++;
		}
		if (point < length) {
			left = lower;
		} else {
			point -= length;
			left -= lower;
			found |= rest + 1;
		}
	}
	for (uint32_t i = 0; i < d->count; i++)
		if (((d->eligible[i].measure ^ found) & ~rest) == 0)
			return d->eligible[i].measure;
	return found;
}

/* One, drawn in proportion to the weights. */
static void narrow_weighted(struct tr_choosing *d)
{
	uint64_t sum = 0, drawn = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		sum += weight(d, &d->eligible[i]);
		d->eligible[i].measure = endpoint_of(d, &d->eligible[i])->name;
	}
	if (sum)
		drawn = measure_at(d, tr_below(draw(d, 0), sum), weight);
	for (uint32_t i = 0; i < d->count; i++)
		if (d->eligible[i].measure != drawn)
			d->eligible[i].measure = TR_MEASURE_OUT;
}

/* The two smallest draws. */
static void narrow_two(struct tr_choosing *d)
{
	uint64_t first = UINT64_MAX, second = UINT64_MAX;

	for (uint32_t i = 0; i < d->count; i++) {
		uint64_t drawn = measure_random(d, &d->eligible[i]);

		second = tr_min(second, tr_max(first, drawn));
		first = tr_min(first, drawn);
		d->eligible[i].measure = drawn;
	}
	for (uint32_t i = 0; i < d->count; i++)
		if (d->eligible[i].measure > second)
			d->eligible[i].measure = TR_MEASURE_OUT;
}

/* Those whose load is not above the quantile: of N candidates the (N x hot_percent / 100)-th,
 * rounded down but not to none, so that also the busiest of few can be hot. */
static void narrow_prequal(struct tr_choosing *d)
{
	uint64_t rank = tr_max((uint64_t)d->count * d->strategy->hot_percent / 100, 1);
	uint64_t quantile;

	for (uint32_t i = 0; i < d->count; i++)
		d->eligible[i].measure = measure_load(d, &d->eligible[i]);
	quantile = measure_at(d, rank - 1, one);
	for (uint32_t i = 0; i < d->count; i++)
		if (d->eligible[i].measure > quantile)
			d->eligible[i].measure = TR_MEASURE_OUT;
}

static void narrow_consistent_hash(struct tr_choosing *d)
{
	bool key = d->job->session || d->job->prefix_count;

	for (uint32_t i = 0; i < d->count; i++) {
		struct tr_choice *c = &d->eligible[i];
		uint64_t bound = tr_choice_bound(d, c, d->strategy->bound_percent);

		c->measure = key && c->load < bound ? 0 : TR_MEASURE_OUT;
	}
}

/* ---- picking ---- */

static const struct picker {
	void (*narrow)(struct tr_choosing *); /* NULL: all compete */
	uint64_t (*measure)(const struct tr_choosing *, const struct tr_choice *);
	bool whole_chain; /* weighs every step of the chain at once */
} pickers[TR_PICKER_COUNT] = {
	[TR_PICKER_LEAST_OUTSTANDING] = {NULL, measure_load, false},
	[TR_PICKER_BEST_SCORE] = {NULL, measure_best_score, true},
	[TR_PICKER_ROUND_ROBIN] = {NULL, measure_round_robin, false},
	[TR_PICKER_RANDOM] = {NULL, measure_random, false},
	[TR_PICKER_WEIGHTED] = {narrow_weighted, measure_random, false},
	[TR_PICKER_TWO_CHOICES] = {narrow_two, measure_load, false},
	[TR_PICKER_PEAK_EWMA] = {narrow_two, measure_peak_ewma, false},
	[TR_PICKER_PREQUAL] = {narrow_prequal, measure_prequal, false},
	[TR_PICKER_CONSISTENT_HASH] = {narrow_consistent_hash, measure_hash, false},
};

bool tr_picker_is_wide(enum tr_picker picker)
{
	return pickers[picker].whole_chain;
}

/* The home of the job's session, if it may have the job. Everybody's load is what was compared. */
static const struct tr_choice *pick_home(struct tr_choosing *d)
{
	if (!d->home || tr_picker_is_wide(d->picker))
		return NULL;
	for (uint32_t i = 0; i < d->count; i++)
		d->eligible[i].measure = measure_load(d, &d->eligible[i]);
	return d->home;
}

const struct tr_choice *tr_picker_pick(struct tr_choosing *d, enum tr_pick *ret_pick)
{
	const struct picker *picker = &pickers[d->picker];
	const struct tr_choice *best = pick_home(d);
	bool tie = false;

	if (best) {
		*ret_pick = TR_PICK_SESSION;
		return best;
	}
	for (uint32_t i = 0; i < d->count; i++)
		d->eligible[i].measure = 0;
	if (picker->narrow)
		picker->narrow(d);
	for (uint32_t i = 0; i < d->count; i++) {
		struct tr_choice *c = &d->eligible[i];

		if (c->measure == TR_MEASURE_OUT)
			continue;
		c->measure = tr_min(picker->measure(d, c), TR_MEASURE_OUT - 1);
		if (!best || c->measure < best->measure) {
			best = c;
			tie = false;
		} else if (c->measure == best->measure) {
			tie = true;
			if (d->e->endpoint[c->endpoint].name < d->e->endpoint[best->endpoint].name)
				best = c;
		}
	}
	*ret_pick = !best	    ? TR_PICK_NONE
		    : d->count == 1 ? TR_PICK_ONLY
		    : tie	    ? TR_PICK_TIE
				    : TR_PICK_BEST;
	return best;
}
