/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the simulator does where mathematics knows the answer, as integers for validate.py to judge.
 *
 *   truth queue SLOTS ENDPOINTS RATE_MICRO SERVICE BATCH BATCHES SEED
 *       one queue from start to end; prints the sum of the waits of each batch in ns, the first
 *       batch (which begins with an empty system) left out. SERVICE is a word of the table below.
 *   truth sampler NAME
 *       the sums of x, x^2 and x^3 of a sampler over 2^22 evenly spaced places of its 64 bits, and
 *       the unit of x: `gamma-0.5`, `sizes-out`...
 *
 * One model with one class and one tenant, so the engine has one queue, first come first served.
 * One token of answer, no prompt time, no time to connect and no store: a request takes its slot at
 * the instant at which it is sent, the slot is free at the instant of DONE, and at one instant
 * servers come before arrivals. Noise of 100% is an exponential server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define GRID_BITS   22
#define BATCHES_MAX 1000
/* Time per token of the service that is made of tokens, whose mean is then 1 s. */
#define TOKEN_NS (TR_SECOND / 80)

/* All have a mean of 1 s. */
static const struct service {
	const char *word;
	uint32_t service_permille;
	uint32_t endpoint_permille;
	struct tr_sizes tokens_out;
} services[] = {
	{"exponential", 1000, 0, {1, {{0, 1}}}},
	{"constant", 0, 0, {1, {{0, 1}}}},
	{"half", 500, 0, {1, {{0, 1}}}},
	{"product", 1000, 1000, {1, {{0, 1}}}},
	{"tokens", 0, 0, {4, {{0, 1}, {500000, 19}, {900000, 200}, {1000000, 424}}}},
};

static const char *const gammas[TR_GAMMA_COUNT] = {
#define X(name, text) [TR_GAMMA_##name] = text,
	TR_GAMMA_MAP(X)
#undef X
};

static void usage(void)
{
	fputs("usage: truth queue SLOTS ENDPOINTS RATE_MICRO SERVICE BATCH BATCHES SEED\n"
	      "       truth sampler NAME\n",
	      stderr);
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (*end || value == 0)
		usage();
	return value;
}

/* ------------------------------------------------------------------------------------ one queue */

struct batches {
	uint64_t size;
	uint64_t count; /* with the first */
	uint64_t ended;
	uint64_t sums[BATCHES_MAX];
};

static void add_wait(void *self, const struct tr_engine *engine, const struct tr_event *event,
		     const struct tr_actions *actions)
{
	struct batches *batches = self;

	(void)engine;
	(void)event;
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct tr_action_job_finish *finish = &actions->items[i].job_finish;

		if (actions->items[i].kind != TR_ACTION_JOB_FINISH)
			continue;
		TR_ASSERT(finish->outcome == TR_OUTCOME_COMPLETED);
		/* By arrival: who waits long ends late. */
		batches->sums[(finish->job_id - 1) / batches->size] += finish->queue;
		batches->ended++;
	}
}

static void make_world(struct world *world, char **arguments)
{
	uint32_t slots = (uint32_t)number(arguments[0]), endpoints = (uint32_t)number(arguments[1]);
	const struct service *service = NULL;

	if (endpoints > WORLD_ENDPOINTS_MAX)
		usage();
	for (size_t i = 0; i < TR_ARRAY_LENGTH(services); i++)
		if (strcmp(services[i].word, arguments[3]) == 0)
			service = &services[i];
	if (!service)
		usage();
	world_init(world, number(arguments[6]), endpoints, slots);
	for (uint32_t i = 0; i < endpoints; i++)
		world->servers[i].profile = (struct tr_server_profile){
			/* The prompt of one token takes 1 ns. */
			.ttft_base_ns = (service->tokens_out.count > 1 ? TOKEN_NS : TR_SECOND) - 1,
			.prefill_milli = TR_SECOND * 1000,
			.tpot_ns = TOKEN_NS,
			.service_noise_permille = service->service_permille,
			.endpoint_noise_permille = service->endpoint_permille,
		};
	world->options.process.rate_micro = number(arguments[2]);
	world->options.tokens_in = (struct tr_sizes){1, {{0, 1}}};
	world->options.tokens_out = service->tokens_out;
}

static void queue(char **arguments)
{
	static struct world world;
	static struct batches batches;
	struct tr_run_options options = {.policy = &world.policy, .servers = world.servers};
	struct tr_run *run;

	make_world(&world, arguments);
	batches.size = number(arguments[4]);
	batches.count = number(arguments[5]) + 1;
	if (batches.count > BATCHES_MAX)
		usage();
	world.options.requests_max = batches.size * batches.count;
	options.seed = world.options.seed;
	options.server_count = world.policy.endpoint_count;
	tr_run_limits(&world.policy, &options.limits);
	tr_synthetic_init(&world.synthetic, &world.options);
	options.workload = tr_synthetic_workload(&world.synthetic);
	if (tr_run_new(&options, &run, NULL) < 0)
		abort();
	tr_run_observe(run, add_wait, &batches);
	while (tr_run_advance(run, 1 << 20, NULL) == 1)
		continue;
	TR_ASSERT(batches.ended == world.options.requests_max);
	for (uint64_t i = 1; i < batches.count; i++)
		printf("%llu\n", (unsigned long long)batches.sums[i]);
	tr_run_free(run);
}

/* ----------------------------------------------------------------------------------- one sampler
 */

/* Units of 2^-24, where cubes have room. */
static uint64_t sample(const char *name, uint64_t bits)
{
	if (strncmp(name, "gamma-", 6) == 0)
		for (enum tr_gamma shape = 0; shape < TR_GAMMA_COUNT; shape++)
			if (strcmp(gammas[shape], name + 6) == 0)
				return tr_gamma_variate(shape, bits) >> 8;
	if (strcmp(name, "sizes-in") == 0)
		return tr_sizes_variate(&tr_sizes_in_default, bits);
	if (strcmp(name, "sizes-out") == 0)
		return tr_sizes_variate(&tr_sizes_out_default, bits);
	usage();
	return 0;
}

static void print_sum(tr_u128 sum)
{
	printf("%016llx%016llx\n", (unsigned long long)(sum >> 64), (unsigned long long)sum);
}

static void sampler(const char *name)
{
	tr_u128 sums[3] = {0};

	for (uint64_t i = 0; i < UINT64_C(1) << GRID_BITS; i++) {
		/* The middle of each of the equal parts. */
		uint64_t bits = i << (64 - GRID_BITS) | UINT64_C(1) << (63 - GRID_BITS);
		tr_u128 x = sample(name, bits);

		sums[0] += x;
		sums[1] += x * x;
		sums[2] += x * x * x;
	}
	printf("%u\n", 1u << GRID_BITS);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(sums); i++)
		print_sum(sums[i]);
}

int main(int count, char **arguments)
{
	if (count == 9 && strcmp(arguments[1], "queue") == 0)
		queue(arguments + 2);
	else if (count == 3 && strcmp(arguments[1], "sampler") == 0)
		sampler(arguments[2]);
	else
		usage();
	return 0;
}
