/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random draws keyed by meaning, not taken from a stream: the same (seed, key, purpose, n) is the
 * same number whatever else happened. So two policies over the same arrivals get the same draws,
 * and a comparison of them is paired.
 *
 * The mixer is SplitMix64's finaliser (Stafford's variant 13) applied after each word; all
 * multiplications are modulo 2^64.
 */
#ifndef TR_ENGINE_RANDOM_H
#define TR_ENGINE_RANDOM_H

#include "engine/base.h"

/* What a draw is for; the numbers are part of every result, so new ones go to the end. */
enum tr_purpose {
	TR_PURPOSE_BACKOFF = 1,
	TR_PURPOSE_BREAKER = 2,
	TR_PURPOSE_PICK = 3,
	TR_PURPOSE_ARRIVAL = 16,   /* sim: gaps between arrivals */
	TR_PURPOSE_SPREAD = 17,	   /* traces: spreading equal stamps */
	TR_PURPOSE_TOKENS_IN = 18, /* sim: request sizes */
	TR_PURPOSE_TOKENS_OUT = 19,
	TR_PURPOSE_SERVICE = 20,  /* sim: service noise */
	TR_PURPOSE_FAULT = 21,	  /* sim: errors */
	TR_PURPOSE_TENANT = 22,	  /* sim: which tenant */
	TR_PURPOSE_SAMPLE = 23,	  /* traces: the sample generator */
	TR_PURPOSE_PROFILE = 24,  /* sim: which profile */
	TR_PURPOSE_SESSION = 25,  /* sim: which session */
	TR_PURPOSE_LINE = 26,	  /* sim: a server's line in random order */
	TR_PURPOSE_INTENT = 27,	  /* sim: which intent */
	TR_PURPOSE_PROMPT = 28,	  /* sim: what prompts have in common */
	TR_PURPOSE_TIMELINE = 32, /* sim: faults on the timeline */
	TR_PURPOSE_TEST = 255,
};

static inline uint64_t tr_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* 64 uniform bits for the n-th draw of a purpose under a key. */
static inline uint64_t tr_draw(uint64_t seed, uint64_t key, enum tr_purpose purpose, uint64_t n)
{
	return tr_mix(tr_mix(tr_mix(seed ^ (uint64_t)purpose) ^ key) ^ n);
}

/* Uniform in 0..bound-1 from 64 uniform bits (Lemire's multiply-shift); 0 for bound 0. The bias is
 * at most bound/2^64. */
static inline uint64_t tr_below(uint64_t bits, uint64_t bound)
{
	return (uint64_t)(((tr_u128)bits * bound) >> 64);
}

#endif
