/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for tests: a policy made by hand (one model, some endpoints), its fleet, and a
 * synthetic workload. Everything may be changed between world_init() and world_run().
 */
#ifndef TR_TESTS_SIM_WORLD_H
#define TR_TESTS_SIM_WORLD_H

#include "sim/ledger.h"
#include "sim/run.h"

#define WORLD_ENDPOINTS_MAX 8

struct world {
	struct tr_policy policy;
	struct tr_policy_model model;
	struct tr_policy_endpoint endpoints[WORLD_ENDPOINTS_MAX];
	struct tr_policy_class class;
	struct tr_policy_tenant tenant;
	struct tr_policy_strategy strategy;
	struct tr_policy_intent intent;
	struct tr_server servers[WORLD_ENDPOINTS_MAX];
	struct tr_synthetic_options options;
	struct tr_synthetic synthetic;
	struct tr_workload workload;   /* the synthetic one unless replaced */
	const struct tr_fault *faults; /* the test's */
	uint32_t fault_count;
	tr_span_ns signal;
	tr_span_ns signal_age;
	tr_span_ns store_delay;
	tr_span_ns stop_after;
};

/* `endpoints` endpoints of `slots` slots without noise and faults, 1,000 Poisson requests at 10/s
 * of 100 tokens in, 11 out. */
void world_init(struct world *world, uint64_t seed, uint32_t endpoints, uint32_t slots);

/* Run to the end; hashes are filled. Fails the test when something is refused. */
void world_run(struct world *world, struct tr_result *ret);

/* The same with an observer of one's own. */
void world_run_observed(struct world *world, tr_step_observer *on_step, void *self,
			struct tr_result *ret);

#endif
