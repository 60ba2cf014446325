/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrival processes in integers. Every kind is made of one move: wait an exponential (or gamma, or
 * constant) gap at some rate; what differs is what may interrupt or veto it.
 */
#include "sim/arrival.h"

#include "engine/random.h"

#define FRACTION_BITS 16
/* 10^15 / rate_micro is the mean gap in ns. */
#define GAP_NUMERATOR UINT64_C(1000000000000000)
/* Key of the draws that belong to the process and not to an arrival. */
#define KEY_PROCESS UINT64_MAX

const char *const tr_process_words[TR_PROCESS_COUNT] = {
#define X(NAME, word, text) [TR_PROCESS_##NAME] = word,
	TR_PROCESS_MAP(X)
#undef X
};

/* Mean gap in 2^-16 ns; the rate is not 0. */
static uint64_t mean_gap(uint64_t rate_micro)
{
	tr_u128 gap = ((tr_u128)GAP_NUMERATOR << FRACTION_BITS) / rate_micro;

	return gap > UINT64_MAX ? UINT64_MAX : (uint64_t)gap;
}

/* clock->now + gap, with the part of a nanosecond kept. */
static void advance(struct tr_process_clock *clock, uint64_t gap)
{
	uint64_t sum = tr_add_sat(gap, clock->fraction);

	clock->now = tr_add_sat(clock->now, sum >> FRACTION_BITS);
	clock->fraction = (uint32_t)(sum & ((1u << FRACTION_BITS) - 1));
}

static uint64_t draw(const struct tr_process_clock *clock, uint64_t key, uint64_t n)
{
	return tr_draw(clock->seed, key, TR_PURPOSE_ARRIVAL, n);
}

static void next_constant(struct tr_process_clock *clock, uint64_t key)
{
	(void)key;
	advance(clock, mean_gap(clock->process.rate_micro));
}

static void next_gamma(struct tr_process_clock *clock, uint64_t key)
{
	uint64_t variate = tr_gamma_variate(clock->process.shape, draw(clock, key, 0));

	advance(clock, tr_variate_scale(mean_gap(clock->process.rate_micro), variate));
}

static void next_poisson(struct tr_process_clock *clock, uint64_t key)
{
	uint64_t variate = tr_exponential_variate(draw(clock, key, 0));

	advance(clock, tr_variate_scale(mean_gap(clock->process.rate_micro), variate));
}

bool tr_process_bursts_fit(const struct tr_process *process)
{
	tr_u128 whole = ((tr_u128)process->burst_ns + process->pause_ns) * 1000;

	return (tr_u128)process->burst_ns * process->burst_milli <= whole;
}

/* Rate in the state the clock is in. The pauses' is what the bursts leave of the mean. */
static uint64_t bursty_rate(const struct tr_process_clock *clock)
{
	const struct tr_process *p = &clock->process;
	tr_u128 cycle = (tr_u128)p->burst_ns + p->pause_ns;
	tr_u128 rate = (tr_u128)p->rate_micro * p->burst_milli / 1000;

	if (!clock->burst)
		rate = ((tr_u128)p->rate_micro * cycle - rate * p->burst_ns) / p->pause_ns;
	return (uint64_t)rate;
}

static void bursty_turn(struct tr_process_clock *clock, bool burst, uint64_t bits)
{
	tr_span_ns mean = burst ? clock->process.burst_ns : clock->process.pause_ns;

	clock->burst = burst;
	clock->turn =
		tr_add_sat(clock->now, 1 + tr_variate_scale(mean, tr_exponential_variate(bits)));
}

/* Exponential gaps forget: at a turn the rest of a gap may be drawn anew at the new rate. */
static void next_bursty(struct tr_process_clock *clock, uint64_t key)
{
	for (uint64_t n = 0; clock->now != TR_TIME_NEVER; n += 2) {
		uint64_t rate = bursty_rate(clock);

		if (rate > 0) {
			uint64_t variate = tr_exponential_variate(draw(clock, key, n));
			uint64_t gap = tr_variate_scale(mean_gap(rate), variate);

			if (tr_add_sat(clock->now, gap >> FRACTION_BITS) < clock->turn) {
				advance(clock, gap);
				return;
			}
		}
		clock->now = clock->turn;
		clock->fraction = 0;
		bursty_turn(clock, !clock->burst, draw(clock, key, n + 1));
	}
}

/* Bhaskara's sine of a place in the period: -10^6..10^6. */
static int64_t wave(tr_span_ns since, tr_span_ns period)
{
	/* x in [0, 2 x 10^6): 10^6 is half a turn. */
	uint64_t x = tr_mul_div(since % period, 2000000, period);
	bool below = x >= 1000000;
	uint64_t product, sine;

	x -= below ? 1000000 : 0;
	product = x * (1000000 - x);
	/* 16 x (1 - x) / (5 - 4 x (1 - x)) with x in half turns. */
	sine = tr_mul_div(16 * product, 1000000, UINT64_C(5000000000000) - 4 * product);
	return below ? -(int64_t)sine : (int64_t)sine;
}

static void next_diurnal(struct tr_process_clock *clock, uint64_t key)
{
	const struct tr_process *p = &clock->process;
	uint64_t top = UINT64_C(1000000) * (1000 + p->swing_permille);
	uint64_t gap = mean_gap(tr_mul_div(p->rate_micro, 1000 + p->swing_permille, 1000));

	for (uint64_t n = 0; clock->now != TR_TIME_NEVER; n += 2) {
		int64_t height;

		advance(clock, tr_variate_scale(gap, tr_exponential_variate(draw(clock, key, n))));
		height = INT64_C(1000000000) +
			 (int64_t)p->swing_permille * wave(clock->now - clock->start, p->period_ns);
		if (tr_below(draw(clock, key, n + 1), top) < (uint64_t)height)
			return;
	}
}

void tr_process_start(struct tr_process_clock *ret, const struct tr_process *process, uint64_t seed,
		      tr_time_ns start)
{
	TR_ASSERT((unsigned)process->kind < TR_PROCESS_COUNT);
	TR_ASSERT(process->rate_micro >= TR_RATE_MICRO_MIN);
	TR_ASSERT(process->rate_micro <= TR_RATE_MICRO_MAX);
	*ret = (struct tr_process_clock){
		.process = *process, .seed = seed, .start = start, .now = start};
	if (process->kind == TR_PROCESS_BURSTY) {
		TR_ASSERT(process->burst_ns > 0);
		TR_ASSERT(process->pause_ns > 0);
		TR_ASSERT(tr_process_bursts_fit(process));
		/* Begin in the long run's mix, or the first seconds would be special. */
		bursty_turn(ret,
			    tr_below(draw(ret, KEY_PROCESS, 0),
				     tr_add_sat(process->burst_ns, process->pause_ns)) <
				    process->burst_ns,
			    draw(ret, KEY_PROCESS, 1));
	}
	if (process->kind == TR_PROCESS_DIURNAL) {
		TR_ASSERT(process->period_ns > 0);
		TR_ASSERT(process->swing_permille <= 1000);
	}
}

tr_time_ns tr_process_next(struct tr_process_clock *clock, uint64_t key)
{
	static void (*const nexts[])(struct tr_process_clock *, uint64_t) = {
		[TR_PROCESS_CONSTANT] = next_constant, [TR_PROCESS_POISSON] = next_poisson,
		[TR_PROCESS_GAMMA] = next_gamma,       [TR_PROCESS_BURSTY] = next_bursty,
		[TR_PROCESS_DIURNAL] = next_diurnal,
	};

	nexts[clock->process.kind](clock, key);
	return clock->now;
}
