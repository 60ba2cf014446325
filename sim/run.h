/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner: virtual time, the engine in the middle, a workload on one side and simulated servers
 * on the other. It is a host like any other and keeps to the contract of engine/engine.h; it
 * decides nothing.
 *
 * Things that happen at the same instant come in this order: the engine's timers, the servers, the
 * store, arrivals. So what becomes free at an instant is free for who arrives at it.
 */
#ifndef TR_SIM_RUN_H
#define TR_SIM_RUN_H

#include "engine/engine.h"
#include "sim/server/server.h"
#include "sim/workload.h"

/* After the last arrival a run goes on until every job has ended, but not longer than this. */
#define TR_RUN_DRAIN_MAX     (UINT64_C(30) * TR_DAY)
#define TR_RUN_OBSERVERS_MAX 4

/* Limits for a run under one policy: the tables it needs, the default number of jobs, and as many
 * tenants as there can be. */
void tr_run_limits(const struct tr_policy *policy, struct tr_limits *ret);

struct tr_run_options {
	const struct tr_policy *policy; /* copied by the engine */
	struct tr_limits limits;
	uint64_t seed;
	struct tr_workload workload;	 /* the caller's, needed as long as the run */
	const struct tr_server *servers; /* copied; one for each endpoint of the policy at least */
	uint32_t server_count;
	const struct tr_fault *faults; /* copied; what they refer to is needed as long as the run */
	uint32_t fault_count;
	tr_span_ns signal;	/* between two load signals of a server, 0: there are none */
	tr_span_ns signal_age;	/* how old they are when they come, at most `signal` */
	tr_span_ns store_delay; /* from JOB_PERSIST to JOB_PERSISTED */
	/* Stop so long after the first arrival, whatever is still in the system; 0: run until all
	 * jobs have ended. */
	tr_span_ns stop_after;
};

/* Called after each step that the engine has taken. The event may be read, not changed. */
typedef void tr_step_observer(void *self, const struct tr_engine *engine,
			      const struct tr_event *event, const struct tr_actions *actions);

enum tr_run_error {
	TR_RUN_MEMORY = -1,
	TR_RUN_WORKLOAD = -2, /* the workload gave a diagnostic */
	TR_RUN_POLICY = -3,   /* the engine refused limits or policy */
};

struct tr_run;

/* Make engine and fleet and look at the first arrival. Returns 0 and *ret, or an enum
 * tr_run_error; *ret_diagnostic is filled for TR_RUN_WORKLOAD alone. */
int tr_run_new(const struct tr_run_options *options, struct tr_run **ret,
	       struct tr_diagnostic *ret_diagnostic);
void tr_run_free(struct tr_run *run);

/* To be told of every step; at most TR_RUN_OBSERVERS_MAX, in the order in which they were added. */
void tr_run_observe(struct tr_run *run, tr_step_observer *on_step, void *self);

/*
 * At most `steps` steps. Returns 1 if there is more to do, 0 when the run is over,
 * TR_RUN_WORKLOAD with a diagnostic: the run can then not go on.
 */
int tr_run_advance(struct tr_run *run, uint64_t steps, struct tr_diagnostic *ret_diagnostic);

const struct tr_engine *tr_run_engine(const struct tr_run *run);
/* `now` that the engine was made with: the first arrival's time, as the host's clock shows it. */
tr_time_ns tr_run_start(const struct tr_run *run);
/* Virtual time, as the host's clock shows it. */
tr_time_ns tr_run_now(const struct tr_run *run);
/* Requests taken from the workload so far; 0 after tr_run_new(): there are none at all. */
uint64_t tr_run_arrivals(const struct tr_run *run);

#endif
