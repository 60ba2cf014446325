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
	uint64_t raw[TR_TERM_COUNT];
	uint64_t measure;
};

struct tr_choosing {
	struct tr_engine *e;
	const struct tr_job *job;
	const struct tr_active *active; /* NULL: never dispatched */
	const struct tr_policy *policy;
	const struct tr_policy_strategy *strategy;
	enum tr_picker picker; /* the strategy's, unless that is bypassed */
	enum tr_bypass bypass;
	bool second_round;   /* endpoints tried before are candidates again */
	uint32_t least_bad1; /* slot + 1 of the one whose breaker is no reason; 0: none */
	uint32_t steps;	     /* of the chain that count */
	uint32_t seen;	     /* of these, looked at in the round that decided */
	struct tr_affinity affinity;
	uint32_t count;
	uint64_t worst[TR_TERM_COUNT];
	struct tr_choice eligible[TR_CHOICES_MAX];
};

#endif
