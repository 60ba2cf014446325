/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A laboratory: a random policy, random traffic, and servers that answer, stall or fail, all drawn
 * from a seed and keyed by job, so that other traffic does not change a job's luck.
 *
 * Unlike the world of world.h the lab behaves: it only sends what a good host sends, so that laws
 * about whole runs can be asked of it, and it is fast enough for many seeds. It keeps a ledger from
 * events and actions alone; laws.h reads the ledger after every event.
 */
#ifndef TR_TESTS_LAB_H
#define TR_TESTS_LAB_H

#include "tests/engine/stage.h"

#define TR_LAB_JOBS	   2048
#define TR_LAB_ATTEMPTS	   512
#define TR_LAB_TENANTS	   5
#define TR_LAB_TENANT(i)   (5000 + (tr_name)(i))
#define TR_LAB_CLASS(i)	   (6000 + (tr_name)(i))
#define TR_LAB_MODEL(i)	   (7000 + 1000 * (tr_name)(i))
#define TR_LAB_INTENT(i)   (4000 + (tr_name)(i))
#define TR_LAB_INTENTS	   4 /* default, hedged, strict, not cancelable */
#define TR_LAB_START	   (1700000000 * TR_SECOND)
#define TR_LAB_RETRIES_MAX 64

enum tr_lab_state {
	TR_LAB_NEW,	/* to come */
	TR_LAB_HELD,	/* accepted, waits to be stored or released */
	TR_LAB_WAITING, /* in its queue */
	TR_LAB_RUNNING, /* an attempt is in flight */
	TR_LAB_BETWEEN, /* dispatched before, no attempt in flight */
	TR_LAB_ENDED,
	TR_LAB_REJECTED,
};

struct tr_lab_job {
	uint8_t state; /* enum tr_lab_state */
	struct tr_event_job_submit submit;
	tr_time_ns arrival;
	tr_job_handle handle;
	uint32_t model, class, tenant; /* rows of the plan */
	uint64_t entered;	       /* order of entry into its queue */
	tr_time_ns deadline;	       /* TR_TIME_NEVER: none known */
	tr_time_ns first_dispatch;
	uint32_t in_flight;
	uint32_t dispatches;
	bool committed;
	bool stream;
	uint8_t outcome;
	uint64_t cost;
	uint64_t path;
	tr_time_ns cancel_at; /* 0: never */
};

struct tr_lab_attempt {
	tr_attempt_handle handle; /* slot1 0: free */
	uint32_t job;		  /* index */
	tr_name endpoint;
	uint8_t role;
	uint8_t stage;
	uint32_t tokens, tokens_all;
	tr_time_ns next_at;
	bool fails;
};

struct tr_lab {
	uint64_t seed;
	struct tr_plan plan;
	struct tr_limits limits;
	struct tr_engine *engine;
	tr_time_ns now;
	struct tr_event event;
	struct tr_actions actions;
	uint32_t job_count; /* planned */
	uint32_t next_job;
	uint64_t entries;
	struct tr_lab_job jobs[TR_LAB_JOBS];
	struct tr_lab_attempt attempts[TR_LAB_ATTEMPTS];
	tr_time_ns trouble_at; /* the next word about an endpoint or a group */
	uint64_t troubles;
	/* What a law wants to see: called after every event that was taken. */
	void (*watch)(struct tr_lab *lab, void *context);
	void *context;
};

/* What the lab is about; zeroes are a plain mixture of everything. */
struct tr_lab_options {
	uint32_t jobs;		/* 0: 300 */
	uint32_t load_percent;	/* of capacity, 0: drawn */
	bool plain;		/* no job is special, nothing fails: order is all there is */
	uint32_t silent_tenant; /* + 1: this tenant's jobs do not come */
	void (*edit)(struct tr_lab *lab); /* the last word on plan and jobs; may be NULL */
};

/* Draw policy and traffic. tr_lab_done() frees. */
void tr_lab_init(struct tr_lab *lab, uint64_t seed, const struct tr_lab_options *options);
void tr_lab_done(struct tr_lab *lab);
/* Until every job has ended. Prints the seed and aborts if that does not come about. */
void tr_lab_run(struct tr_lab *lab);

/* A uniform number below bound by (seed, job or other key, what it is for). */
uint64_t tr_lab_draw(const struct tr_lab *lab, uint64_t key, uint64_t what, uint64_t bound);
/* The law is broken: say where, and stop. */
_Noreturn void tr_lab_broken(const struct tr_lab *lab, const char *law);

#define TR_LAB_LAW(lab, condition, law)                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			tr_lab_broken(lab, law);                                                   \
	} while (0)

#endif
