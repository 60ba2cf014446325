/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When requests come: arrival processes over virtual time.
 *
 *   constant  one every 1/rate
 *   poisson   independent gaps, exponential
 *   gamma     independent gaps, gamma with a shape of the committed set; shape 1 is poisson, below
 *             1 is burstier (coefficient of variation 1/sqrt(shape))
 *   bursty    Markov-modulated Poisson process with two states: bursts of rate x burst factor and
 *             pauses between them, both of exponential length; the pauses' rate follows, so that
 *             the mean is `rate` (Fischer and Meier-Hellstern 1993)
 *   diurnal   Poisson whose rate swings once a period around its mean by `swing`, by thinning
 *             (Lewis and Shedler 1979); the wave is Bhaskara's rational sine, within 0.2% of one
 *
 * Draws are keyed by the number of the arrival, so request 1000 is the same whatever a policy did
 * to the first 999. Time is kept in 2^-16 ns, so that rounding does not bend the rate.
 */
#ifndef TR_SIM_ARRIVAL_H
#define TR_SIM_ARRIVAL_H

#include "sim/quantile.h"

/* X(NAME, word, text) */
#define TR_PROCESS_MAP(X)                                                                          \
	X(CONSTANT, "constant", "one request every 1/rate")                                        \
	X(POISSON, "poisson", "independent exponential gaps")                                      \
	X(GAMMA, "gamma", "independent gamma gaps with the given shape")                           \
	X(BURSTY, "bursty", "bursts and pauses of exponential length")                             \
	X(DIURNAL, "diurnal", "a Poisson rate that swings once a period")

enum tr_process_kind {
#define X(NAME, word, text) TR_PROCESS_##NAME,
	TR_PROCESS_MAP(X)
#undef X
	TR_PROCESS_COUNT
};

/* "poisson", by kind. */
extern const char *const tr_process_words[TR_PROCESS_COUNT];

/* Requests per second, in millionths. */
#define TR_RATE_MICRO_MIN UINT64_C(1000)
#define TR_RATE_MICRO_MAX UINT64_C(1000000000000)

struct tr_process {
	enum tr_process_kind kind;
	enum tr_gamma shape;  /* GAMMA */
	uint64_t rate_micro;  /* mean, TR_RATE_MICRO_MIN..TR_RATE_MICRO_MAX */
	tr_span_ns burst_ns;  /* BURSTY: mean length of a burst, > 0 */
	tr_span_ns pause_ns;  /* BURSTY: mean length of a pause, > 0 */
	uint32_t burst_milli; /* BURSTY: rate in a burst over the mean rate, thousandths, 1000.. */
	uint32_t swing_permille; /* DIURNAL: 0..1000 */
	tr_span_ns period_ns;	 /* DIURNAL: > 0 */
};

/* Whether bursts of this factor leave the pauses a rate of at least 0: factor x share <= 1. */
bool tr_process_bursts_fit(const struct tr_process *process);

/* One process as it runs. */
struct tr_process_clock {
	struct tr_process process;
	uint64_t seed;
	tr_time_ns start;
	tr_time_ns now;	   /* of the last arrival */
	uint32_t fraction; /* of a nanosecond, 2^-16 */
	bool burst;
	tr_time_ns turn; /* when the burst or pause ends */
};

void tr_process_start(struct tr_process_clock *ret, const struct tr_process *process, uint64_t seed,
		      tr_time_ns start);

/* The time of the next arrival, whose number is `key`. Saturates at TR_TIME_NEVER. */
tr_time_ns tr_process_next(struct tr_process_clock *clock, uint64_t key);

#endif
