/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run came to, as plain numbers. Nothing here depends on a wall clock, a library or an
 * order of memory: two runs with the same inputs have equal results.
 */
#ifndef TR_SIM_RESULT_H
#define TR_SIM_RESULT_H

#include "engine/message.h"

/* Rows kept apart; what comes later is added up in one row more, with name 0 and `other` set. */
#define TR_RESULT_CLASSES_MAX	TR_POLICY_CLASSES_MAX
#define TR_RESULT_TENANTS_MAX	128
#define TR_RESULT_ENDPOINTS_MAX TR_POLICY_ENDPOINTS_MAX

/* Of one measure, in ns; off by at most 1/128 of a value, the largest exact. */
struct tr_spread {
	uint64_t count;
	uint64_t mean; /* exact, rounded down */
	uint64_t p50;
	uint64_t p90;
	uint64_t p95;
	uint64_t p99;
	uint64_t max;
};

/* How many at once. */
struct tr_result_level {
	uint64_t max;
	uint64_t mean_micro; /* over time, millionths */
};

/* Of the whole run, of a class or of a tenant. submitted is the sum of the six behind it. */
struct tr_result_row {
	tr_name name; /* 0: requests that named none, or the row of all others */
	bool other;
	uint64_t submitted;
	uint64_t rejected;
	uint64_t completed;
	uint64_t failed;
	uint64_t canceled;
	uint64_t expired;
	uint64_t in_system;
	uint64_t good;	  /* completed within every objective of the policy; it may have none */
	uint64_t started; /* sent to an endpoint, be it once or more */
	uint64_t retries;
	uint64_t hedges;
	uint64_t preemptions; /* attempts given up for a job of a higher class */
	uint64_t warm;	      /* attempts sent to where session or prefix is thought to be cached */
	uint64_t cold;	      /* ... and to where it is not, though it is known */
	uint64_t tokens_in;   /* of ended jobs, as settled, for these three */
	uint64_t tokens_out;
	uint64_t cost_micro_usd;
	struct tr_spread ttft;		   /* completed jobs: submission to first token */
	struct tr_spread tpot;		   /* completed jobs of two tokens and more */
	struct tr_spread e2e;		   /* completed jobs: submission to end */
	struct tr_spread queue;		   /* dispatched jobs: admission to first dispatch */
	struct tr_spread prediction_error; /* of that, against what was predicted at admission */
};

/* Of one endpoint of the policy. attempts is the sum of the four behind it. */
struct tr_result_endpoint {
	tr_name name; /* 0: of all others */
	bool other;
	uint64_t attempts;
	uint64_t answered;
	uint64_t failed;    /* as it said itself, or given up after a time-out */
	uint64_t aborted;   /* given up without fault */
	uint64_t in_flight; /* now */
	uint64_t in_flight_max;
	uint64_t slots;		  /* of the policy, 0: not in it */
	uint64_t utilization_ppm; /* of them, on average over the run, 10^6: all, always */
	uint64_t breaker_trips;
	uint64_t failures[TR_CAUSE_COUNT];
	uint64_t completed; /* requests that it answered, and what they took */
	uint64_t tokens_in;
	uint64_t tokens_out;
	uint64_t cost_micro_usd;
	struct tr_spread ttft; /* of attempts: dispatch to first token */
	struct tr_spread time; /* ... to the end of the answer */
};

struct tr_result {
	uint64_t run_hash;
	uint64_t path_hash;
	uint64_t policy_id;
	uint64_t seed;
	tr_time_ns start; /* of the first arrival, and of the last event */
	tr_time_ns end;
	uint64_t events;
	uint64_t attempts;
	uint64_t breaker_trips;
	uint64_t retries_denied; /* requests that ended for want of a retry budget */
	uint64_t hedges_denied;	 /* hedges that were due and not sent, for want of budget */
	struct tr_result_level in_flight; /* attempts */
	struct tr_result_level waiting;	  /* requests let in and not yet sent */
	struct tr_result_level in_system; /* requests let in and not yet ended */
	uint64_t utilization_ppm;	  /* of all slots of the policy */
	struct tr_spread attempt_ttft;	  /* attempts: dispatch to first token */
	struct tr_spread attempt_time;	  /* ... to the end of the answer */
	bool objectives;		  /* the policy has any */
	uint64_t rejects[TR_REJECT_COUNT];
	uint64_t causes[TR_OUTCOME_COUNT][TR_CAUSE_COUNT]; /* of ended jobs that did not complete */
	uint64_t attempt_failures[TR_CAUSE_COUNT]; /* as servers reported them, and time-outs */
	uint64_t attempt_aborts[TR_CAUSE_COUNT];   /* attempts given up without fault */
	struct tr_result_row all;
	uint32_t class_count;
	uint32_t tenant_count;
	uint32_t endpoint_count;
	struct tr_result_row classes[TR_RESULT_CLASSES_MAX + 1]; /* in order of appearance */
	struct tr_result_row tenants[TR_RESULT_TENANTS_MAX + 1];
	struct tr_result_endpoint
		endpoints[TR_RESULT_ENDPOINTS_MAX + 1]; /* in the policy's order */
};

#endif
