/* SPDX-License-Identifier: Apache-2.0 */
/* One routing decision while it is being made. Lives for one call of the router. */
#ifndef TR_ENGINE_CHOICE_H
#define TR_ENGINE_CHOICE_H

#include "engine/affinity.h"

/* Candidates that can compete in one decision; those beyond are not looked at. */
#define TR_CHOICES_MAX 512

/* An endpoint that passed the filters. */
struct tr_choice {
	uint32_t endpoint; /* registry slot */
	uint32_t model_row;
	uint32_t load; /* tr_health_load() */
	uint32_t slots;
	uint64_t raw[TR_TERM_COUNT]; /* of the terms that have a weight */
	uint64_t measure;
};

/* A candidate of the look that decides, and what the filters said. */
struct tr_asked {
	uint64_t detail;
	uint32_t endpoint;     /* registry slot, TR_NONE: it is gone */
	uint16_t endpoint_row; /* in the job's policy */
	uint8_t chain_step;
	uint8_t filter; /* enum tr_filter */
};

struct tr_choosing {
	struct tr_engine *e;
	const struct tr_job *job;
	const struct tr_active *active; /* NULL: never dispatched */
	const struct tr_policy *policy;
	const struct tr_policy_strategy *strategy;
	enum tr_picker picker; /* the strategy's, unless that is bypassed */
	enum tr_bypass bypass;
	bool second_round;    /* endpoints tried before are candidates again */
	uint32_t least_bad1;  /* slot + 1 of the one whose breaker is no reason; 0: none */
	uint32_t steps;	      /* of the chain that count */
	uint32_t seen;	      /* of these, looked at in the round that decided */
	uint32_t asked_count; /* candidates of these steps, also those beyond a record's room */
	uint32_t count;	      /* of the eligible */
	uint64_t load;	      /* of the eligible together, as the next */
	uint64_t slots;
	const struct tr_choice *home; /* of the job's session, if it may have the job */
	uint64_t worst[TR_TERM_COUNT];
	/* From here on nothing is cleared: it is written before it is read. */
	struct tr_affinity affinity;
	struct tr_asked asked[TR_DECISION_CANDIDATES_MAX + 1]; /* the last: beyond room */
	struct tr_choice eligible[TR_CHOICES_MAX];
};

/* Clear what a decision begins with. */
static inline void tr_choosing_clear(struct tr_choosing *d)
{
	memset(d, 0, offsetof(struct tr_choosing, affinity));
}

/* The load of a candidate at which it has its share of all work, this job's included, times a
 * percentage: rounded up, so never 0, and some candidate is always below (bounded loads; Mirrokni,
 * Thorup, Zadimoghaddam, SODA 2018). */
static inline uint64_t tr_choice_bound(const struct tr_choosing *d, const struct tr_choice *c,
				       uint32_t percent)
{
	tr_u128 share = (tr_u128)(d->load + 1) * c->slots * percent;
	uint64_t whole = 100 * d->slots;

	TR_ASSERT(whole > 0);
	return (uint64_t)((share + whole - 1) / whole);
}

/* What is known of session and prompt speaks for a candidate only while its load is in bounds. */
static inline bool tr_choice_may_stick(const struct tr_choosing *d, const struct tr_choice *c)
{
	return c->load <= tr_choice_bound(d, c, d->policy->affinity.load_percent);
}

#endif
