/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest policy that the engine takes, written out by hand: tests of the simulator should not
 * fall over the policy loader.
 */
#include "tests/engine/policies.h"
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>

void world_init(struct world *world, uint64_t seed, uint32_t endpoints, uint32_t slots)
{
	static const char *const names[WORLD_ENDPOINTS_MAX] = {"e1", "e2", "e3", "e4",
							       "e5", "e6", "e7", "e8"};
	struct tr_policy *policy = &world->policy;

	TR_ASSERT(endpoints <= WORLD_ENDPOINTS_MAX);
	memset(world, 0, sizeof *world);
	world->model = (struct tr_policy_model){
		.name = tr_name_of("m", 1),
		.price_in = 1000000,
		.price_out = 2000000,
		.context_tokens = 1 << 20,
		.output_tokens = 256,
		.quality = 500,
		.endpoint_count = endpoints,
		.chain_count = 1,
	};
	for (uint32_t i = 0; i < endpoints; i++) {
		world->endpoints[i] = (struct tr_policy_endpoint){.name = tr_name_of(names[i], 2),
								  .slots = slots};
		world->servers[i] = (struct tr_server){.name = world->endpoints[i].name,
						       .slots = slots,
						       .profile = tr_server_profile_default};
		world->servers[i].profile.service_noise_permille = 0;
		world->servers[i].profile.endpoint_noise_permille = 0;
	}
	world->class = (struct tr_policy_class){TR_TEST_CLASS, .name = tr_name_of("default", 7),
						.priority = 100, .queue_limit = 1 << 16};
	world->tenant = (struct tr_policy_tenant){TR_TEST_TENANT, .name = tr_name_of("default", 7),
						  .weight_milli = 1000, .strategy = TR_NONE,
						  .models = {{1}}};
	world->strategy =
		(struct tr_policy_strategy){TR_TEST_STRATEGY, .name = tr_name_of("default", 7)};
	world->intent =
		(struct tr_policy_intent){.name = tr_name_of("default", 7), .cancelable = 1};
	*policy = (struct tr_policy){
		TR_TEST_POLICY,
		.id = 1,
		.model_count = 1,
		.endpoint_count = endpoints,
		.class_count = 1,
		.tenant_count = 1,
		.strategy_count = 1,
		.intent_count = 1,
		.default_model = 0,
		.unknown_model = TR_NONE,
		.models = &world->model,
		.endpoints = world->endpoints,
		.classes = &world->class,
		.tenants = &world->tenant,
		.strategies = &world->strategy,
		.intents = &world->intent,
		.breaker = {TR_TEST_BREAKER, .window_ns = 60 * TR_SECOND, .open_ns = 5 * TR_SECOND,
			    .open_ns_max = 60 * TR_SECOND, .heal_ns = 60 * TR_SECOND,
			    .requests_min = 20, .error_percent = 50, .consecutive = 5, .probes = 1,
			    .successes = 2, .eject_percent = 50},
		.retry = {TR_TEST_RETRY, .backoff_ns = 500 * TR_MS, .backoff_ns_max = 8 * TR_SECOND,
			  .retry_after_ns_max = 60 * TR_SECOND, .attempts = 2},
		.limits = {.tokens_in = 1 << 20, .tokens_out = 1 << 20},
	};
	world->options = (struct tr_synthetic_options){
		.seed = seed,
		.start = TR_WORKLOAD_EPOCH,
		.process = {.kind = TR_PROCESS_POISSON, .rate_micro = 10000000},
		.tokens_in = {.count = 1, .knots = {{0, 100}}},
		.tokens_out = {.count = 1, .knots = {{0, 11}}},
		.requests_max = 1000,
		.labels = {.flags = TR_SUBMIT_STREAM},
	};
	world->store_delay = TR_MS;
}

void world_run_observed(struct world *world, tr_step_observer *on_step, void *self,
			struct tr_result *ret)
{
	struct tr_run_options options = {
		.policy = &world->policy,
		.seed = world->options.seed,
		.workload = world->workload,
		.servers = world->servers,
		.server_count = world->policy.endpoint_count,
		.faults = world->faults,
		.fault_count = world->fault_count,
		.signal = world->signal,
		.signal_age = world->signal_age,
		.store_delay = world->store_delay,
		.stop_after = world->stop_after,
	};
	struct tr_ledger *ledger;
	struct tr_run *run = NULL;
	int err;

	tr_run_limits(&world->policy, &options.limits);
	if (!options.workload.next) {
		tr_synthetic_init(&world->synthetic, &world->options);
		options.workload = tr_synthetic_workload(&world->synthetic);
	}
	err = tr_run_new(&options, &run, NULL);
	TR_ASSERT(err == 0);
	ledger = tr_ledger_new(&world->policy, &options.limits);
	TR_ASSERT(ledger != NULL);
	tr_run_observe(run, tr_ledger_step, ledger);
	if (on_step)
		tr_run_observe(run, on_step, self);
	while (tr_run_advance(run, 1000, NULL) == 1)
		continue;
	tr_ledger_result(ledger, ret);
	ret->run_hash = tr_engine_chain(tr_run_engine(run));
	ret->path_hash = tr_engine_path(tr_run_engine(run));
	ret->seed = world->options.seed;
	ret->policy_id = world->policy.id;
	tr_ledger_free(ledger);
	tr_run_free(run);
}

void world_run(struct world *world, struct tr_result *ret)
{
	world_run_observed(world, NULL, NULL, ret);
}
