/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine and the core of the simulator in one program that needs no library, so that it can be
 * built for any machine and run under an emulator there. What it prints is the same on all of them:
 * the hashes of random worlds (events of every kind, policy changes, snapshots), of a simulated
 * overload with errors, and of one in which everything goes wrong that a timeline can have, on
 * servers of both kinds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/policy/diagnostic.h"
#include "sim/ledger.h"
#include "sim/run.h"
#include "tests/engine/policies.h"
#include "tests/engine/world.h"

static void print_hash(const char *name, uint64_t hash)
{
	printf("%s %08lx%08lx\n", name, (unsigned long)(hash >> 32),
	       (unsigned long)(hash & UINT32_MAX));
}

static uint64_t worlds(void)
{
	uint64_t sum = 0;

	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct tr_world world;

		tr_world_init(&world, seed);
		for (int i = 0; i < 1200; i++)
			tr_world_step(&world);
		sum = sum * 31 + tr_engine_chain(world.engine);
		sum = sum * 31 + tr_engine_digest(world.engine);
		tr_world_drain(&world);
		sum = sum * 31 + tr_engine_path(world.engine);
		tr_world_done(&world);
	}
	return sum;
}

/* What is simulated beside the process. */
enum scene {
	SCENE_PLAIN,
	SCENE_BATCHING, /* all servers batch, prompts have beginnings in common */
	SCENE_FAULTS,	/* every kind of fault, half of the servers batch */
};

/* Steps of awkward lengths, little memory, so that there are preemptions and evictions. */
static void make_batching(struct tr_server *server, uint32_t row)
{
	server->profile.batches = true;
	server->profile.batching = tr_batch_profile_default;
	server->profile.batching.cost =
		(struct tr_batch_cost){.step_fs = UINT64_C(23456789012345),
				       .prefill_token_fs = UINT64_C(98765432109),
				       .prefill_pair_fs = UINT64_C(12345678),
				       .sequence_fs = UINT64_C(123456789012),
				       .context_token_fs = UINT64_C(345678901),
				       .mixed_context_token_fs = UINT64_C(23456789),
				       .first_token_fs = UINT64_C(7777777777),
				       .first_tokens = 32};
	server->profile.batching.sequences = 24;
	server->profile.batching.kv_blocks = 1200;
	server->profile.batching.kv_watermark = row;
	server->profile.batching.steps_ahead = row % 2;
	server->profile.batching.order = (uint8_t)(row % TR_BATCH_ORDER_COUNT);
}

/* One fault of each kind, one after the other and overlapping, for all. */
static void make_faults(struct tr_fault *ret)
{
	for (uint32_t kind = 0; kind < TR_FAULT_COUNT; kind++)
		ret[kind] = (struct tr_fault){.name = "f",
					      .id = kind + 1,
					      .kind = (uint8_t)kind,
					      .at = (5 + 40 * kind) * TR_SECOND,
					      .end = (65 + 40 * kind) * TR_SECOND,
					      .ppm = 300000,
					      .reported = kind % 2 == 0,
					      .status = 503,
					      .speed_permille = 300,
					      .after_tokens = kind % 2 ? TR_FAULT_DRAWN : 3,
					      .requests_remaining = UINT32_MAX,
					      .tokens_remaining = UINT64_MAX,
					      .retry_after = 2 * TR_SECOND,
					      .span = 800 * TR_MS};
}

/* None has as many workers as it would like. */
static void make_worse(struct tr_run_options *options, struct tr_server *servers)
{
	static struct tr_fault faults[TR_FAULT_COUNT];

	make_faults(faults);
	options->faults = faults;
	options->fault_count = TR_FAULT_COUNT;
	options->signal = 500 * TR_MS;
	options->signal_age = 100 * TR_MS;
	for (uint32_t i = 0; i < options->server_count; i++)
		servers[i].profile.workers = 8 + i;
}

static void simulate(const struct tr_process *process, enum scene scene, uint64_t *ret_run,
		     uint64_t *ret_path, uint64_t *ret_result)
{
	struct tr_conversation conversations[50];
	const struct tr_policy *policy = tr_test_policy_busy();
	struct tr_server servers[8];
	struct tr_synthetic synthetic;
	struct tr_synthetic_options workload = {.seed = 11,
						.start = TR_WORKLOAD_EPOCH,
						.process = *process,
						.tokens_in = tr_sizes_in_default,
						.tokens_out = tr_sizes_out_default,
						.requests_max = 20000};
	struct tr_run_options options = {.policy = policy,
					 .seed = 7,
					 .servers = servers,
					 .server_count = policy->endpoint_count,
					 .store_delay = TR_MS};
	struct tr_diagnostic diagnostic;
	struct tr_ledger *ledger;
	struct tr_result *result = malloc(sizeof *result);
	struct tr_run *run;
	int more;

	for (uint32_t i = 0; i < policy->endpoint_count; i++) {
		servers[i] = (struct tr_server){.name = policy->endpoints[i].name,
						.slots = policy->endpoints[i].slots,
						.profile = tr_server_profile_default};
		servers[i].profile.error_ppm = i % 2 ? 80000 : 2000;
		servers[i].profile.service_noise_permille = 400;
		if (scene == SCENE_BATCHING || (scene == SCENE_FAULTS && i % 2))
			make_batching(&servers[i], i);
	}
	if (scene == SCENE_FAULTS)
		make_worse(&options, servers);
	if (scene == SCENE_BATCHING)
		workload.prompts = (struct tr_prompts_options){.block_tokens = 100,
							       .shared = 3,
							       .shared_tokens = 700,
							       .conversation_count = 50,
							       .turns_milli = 3500,
							       .tokens_max = 12000,
							       .conversations = conversations};
	tr_synthetic_init(&synthetic, &workload);
	options.workload = tr_synthetic_workload(&synthetic);
	tr_run_limits(policy, &options.limits);
	ledger = tr_ledger_new(policy, &options.limits);
	if (!ledger || !result || tr_run_new(&options, &run, &diagnostic) < 0)
		abort();
	tr_run_observe(run, tr_ledger_step, ledger);
	do {
		more = tr_run_advance(run, 100000, &diagnostic);
	} while (more == 1);
	if (more < 0)
		abort();
	tr_ledger_result(ledger, result);
	*ret_run = tr_engine_chain(tr_run_engine(run));
	*ret_path = tr_engine_path(tr_run_engine(run));
	*ret_result = result->all.completed * 1000003 + result->all.e2e.p99 + result->all.ttft.p50 +
		      result->all.cost_micro_usd + result->events;
	tr_run_free(run);
	tr_ledger_free(ledger);
	free(result);
}

int main(void)
{
	const struct tr_process processes[] = {
		{.kind = TR_PROCESS_POISSON, .rate_micro = 2000000},
		{.kind = TR_PROCESS_POISSON, .rate_micro = 3000000},
		{.kind = TR_PROCESS_BURSTY,
		 .rate_micro = 2500000,
		 .burst_ns = 5 * TR_SECOND,
		 .pause_ns = 20 * TR_SECOND,
		 .burst_milli = 4000},
	};
	uint64_t run = 0, path = 0, result = 0;

	print_hash("worlds", worlds());
	for (size_t i = 0; i < TR_ARRAY_LENGTH(processes); i++) {
		uint64_t one_run, one_path, one_result;

		simulate(&processes[i], i == 0 ? SCENE_BATCHING : SCENE_PLAIN, &one_run, &one_path,
			 &one_result);
		run = run * 31 + one_run;
		path = path * 31 + one_path;
		result = result * 31 + one_result;
	}
	print_hash("run", run);
	print_hash("path", path);
	print_hash("result", result);
	simulate(&processes[0], SCENE_FAULTS, &run, &path, &result);
	print_hash("faults", run * 31 + path * 7 + result);
	return 0;
}
