/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints routing decisions with everything they were made from, for picker_reference.py to make
 * them again.
 *
 *     picker_dump DECISIONS SEED
 *
 * One JSON line for each of so many decisions of each picker. They are the router's own, over rows
 * that are written anew, at random, for each decision: traffic would bring about only states that
 * the picker itself leads to. What affinity knows is made up as well (tr_affinity_find() is
 * wrapped); what health believes is asked of it, whatever it makes of the rows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/affinity.h"
#include "engine/health.h"
#include "engine/random.h"
#include "engine/registry.h"
#include "engine/router.h"
#include "tests/engine/stage.h"

#define M	  TR_NAME("m")
#define N	  TR_NAME("n")
#define LARGE	  9
#define SMALL	  3
#define ENDPOINTS (LARGE + SMALL)

void __wrap_tr_affinity_find(const struct tr_engine *e, const struct tr_job *job,
			     struct tr_affinity *ret);

static const char *const picker_names[] = {
#define X(name, yaml, text) yaml,
	TR_PICKER_MAP(X)
#undef X
};

static struct tr_plan plan;
static struct tr_engine *engine;
static struct tr_actions actions;
static struct tr_affinity made;
static uint64_t run_seed, decision_number, draws;

void __wrap_tr_affinity_find(const struct tr_engine *e, const struct tr_job *job,
			     struct tr_affinity *ret)
{
	(void)e;
	(void)job;
	*ret = made;
}

/* Uniform in 0..bound-1. */
static uint64_t draw(uint64_t bound)
{
	return tr_below(tr_draw(run_seed, decision_number, TR_PURPOSE_TEST, draws++), bound);
}

/* 0 in so many of a hundred, else a span of 1 ns to 8 s, of any order of magnitude. */
static uint64_t span_or_none(uint64_t percent)
{
	return draw(100) < percent ? 0 : 1 + draw(8 * TR_SECOND) / (1 + draw(1000) * draw(1000));
}

static uint32_t slot_of(uint32_t i)
{
	return tr_registry_find(&engine->registry[TR_REGISTRY_ENDPOINT], plan.endpoints[i].name);
}

static void start(void)
{
	static const struct tr_limits *limits = &tr_stage_limits;

	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, LARGE, 8);
	tr_plan_model(&plan, N, SMALL, 8);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	plan.models[0].quality = 900;
	plan.models[1].price_in = 300000;
	plan.policy.bypass.failures = 0;
	engine = aligned_alloc(64, tr_engine_size(limits));
	TR_ASSERT(engine);
	TR_ASSERT(tr_engine_init(engine, limits, &plan.policy, 0, 1700000000 * TR_SECOND) == 0);
	engine->out = &actions;
}

/* ---- a state ---- */

static void make_endpoint(uint32_t slot, uint32_t slots_most, uint32_t down_percent,
			  bool weightless)
{
	struct tr_endpoint *ep = &engine->endpoint[slot];

	if (draw(8) == 0)
		tr_health_first_token(engine, slot, span_or_none(0));
	if (draw(16) == 0)
		tr_health_feedback(engine, slot, (uint32_t)draw(1001));
	ep->slots = 1 + (uint32_t)draw(slots_most);
	/* Small numbers, so that ties are common. */
	ep->in_flight = (uint32_t)draw(draw(3) ? tr_min(ep->slots, 4) : ep->slots + 1);
	ep->lifecycle = draw(100) < down_percent ? TR_LIFECYCLE_DOWN : TR_LIFECYCLE_UP;
	ep->weight = weightless || draw(4) == 0 ? 0 : (uint32_t)draw(1001);
	ep->last_dispatch = draw(4) ? draw(1000000) : 0;
	ep->ttft_ewma = span_or_none(20);
	ep->tpot_ewma = span_or_none(20) / 100;
	ep->peak_latency = span_or_none(20);
	ep->peak_at = engine->core->now - draw(20 * TR_SECOND);
	ep->signal_observed = engine->core->now - draw(20 * TR_SECOND);
	ep->signal_others = draw(3) ? 0 : (uint32_t)draw(2ull * ep->slots);
	ep->signal_kv_permille = draw(3) ? 0 : (uint32_t)draw(1001);
}

static void make_policy(void)
{
	struct tr_policy *policy = &engine->loaded[0].policy;

	for (uint32_t i = 0; i < policy->strategy_count; i++) {
		struct tr_policy_strategy *strategy =
			(struct tr_policy_strategy *)(uintptr_t)&policy->strategies[i];

		strategy->hot_percent = 1 + (uint32_t)draw(100);
		strategy->bound_percent = 100 + (uint32_t)draw(draw(3) ? 100 : 901);
		for (int t = 0; t < TR_TERM_COUNT; t++)
			strategy->weights[t] = draw(2) ? 0 : (uint32_t)draw(1001);
	}
	policy->affinity.load_percent = 100 + (uint32_t)draw(draw(3) ? 100 : 901);
	policy->slo.ttft_ns = span_or_none(50);
}

static void make_affinity(void)
{
	made = (struct tr_affinity){.home = TR_NONE};
	if (draw(4) == 0)
		made.home = slot_of((uint32_t)draw(ENDPOINTS));
	while (draw(3))
		if (made.count < ENDPOINTS) {
			uint32_t slot = slot_of(made.count);

			made.seen[made.count].endpoint = slot;
			made.seen[made.count++].permille = 1 + (uint32_t)draw(1000);
		}
}

static struct tr_job make_job(uint32_t picker)
{
	struct tr_job job = {
		.job_id = 1 + draw(UINT64_MAX - 1),
		.state = TR_JOB_QUEUED,
		.flags = draw(4) ? 0 : TR_JOB_STRICT,
		.strategy_row = (uint16_t)picker,
		.tokens_in = 1 + (uint32_t)draw(5000),
		.tokens_predicted = (uint32_t)draw(500),
		.session = draw(3) ? draw(UINT64_MAX) : 0,
		.prefix_count = (uint8_t)draw(2),
		.prefix0 = (uint32_t)draw(UINT32_MAX),
	};

	if (draw(2)) {
		job.active1 = 1;
		engine->active[0].ordinal = (uint8_t)draw(4);
	}
	return job;
}

static void make_state(void)
{
	uint32_t slots_most = draw(2) ? 4 : 64;
	uint32_t down_percent = draw(5) ? 10 : 80;
	bool weightless = draw(10) == 0;

	engine->core->seed = draw(UINT64_MAX);
	engine->core->now += draw(TR_SECOND);
	for (uint32_t i = 0; i < ENDPOINTS; i++)
		make_endpoint(slot_of(i), slots_most, down_percent, weightless);
	make_policy();
	make_affinity();
}

/* ---- a line ---- */

static void print_candidate(uint32_t i)
{
	uint32_t slot = slot_of(i);
	const struct tr_endpoint *ep = &engine->endpoint[slot];
	const struct tr_policy_model *model = &plan.models[plan.endpoints[i].model];

	printf("%s{\"name\":%" PRIu64 ",\"step\":%u,\"up\":%u,\"slots\":%u,\"in_flight\":%u,"
	       "\"load\":%u,\"fullness\":%u,\"weight\":%u,\"last_dispatch\":%" PRIu64
	       ",\"ttft\":%" PRIu64 ",\"tpot\":%" PRIu64 ",\"peak\":%" PRIu64 ",\"tail\":%" PRIu64
	       ",\"quality\":%u,\"price_in\":%" PRIu64 ",\"price_out\":%" PRIu64 ",\"seen\":%u}",
	       i ? "," : "", ep->name, plan.endpoints[i].model, ep->lifecycle == TR_LIFECYCLE_UP,
	       ep->slots, ep->in_flight, tr_health_load(engine, slot),
	       tr_health_fullness(engine, slot), ep->weight, ep->last_dispatch, ep->ttft_ewma,
	       ep->tpot_ewma, tr_health_peak(engine, slot), tr_health_tail(engine, slot),
	       tr_health_quality(engine, slot, model->quality), model->price_in, model->price_out,
	       tr_affinity_seen(&made, slot));
}

static void print_inputs(const struct tr_job *job)
{
	const struct tr_policy *policy = &engine->loaded[0].policy;
	const struct tr_policy_strategy *strategy = &policy->strategies[job->strategy_row];

	printf("{\"picker\":\"%s\",\"seed\":%" PRIu64 ",\"job\":%" PRIu64 ",\"ordinal\":%u,"
	       "\"session\":%" PRIu64 ",\"prefixes\":%u,\"prefix\":%u,\"strict\":%u,"
	       "\"tokens_in\":%u,\"tokens_out\":%u,\"hot_percent\":%u,\"bound_percent\":%u,"
	       "\"load_percent\":%u,\"slo\":%" PRIu64 ",\"home\":%" PRIu64 ",\"weights\":{",
	       picker_names[strategy->picker], engine->core->seed, job->job_id,
	       job->active1 ? engine->active[0].ordinal : 0u, job->session, job->prefix_count,
	       job->prefix0, (job->flags & TR_JOB_STRICT) != 0, job->tokens_in,
	       job->tokens_predicted, strategy->hot_percent, strategy->bound_percent,
	       policy->affinity.load_percent, policy->slo.ttft_ns,
	       made.home == TR_NONE ? 0 : engine->endpoint[made.home].name);
#define X(name, yaml, text)                                                                        \
	printf("%s\"" yaml "\":%u", TR_TERM_##name ? "," : "", strategy->weights[TR_TERM_##name]);
	TR_TERM_MAP(X)
#undef X
	printf("},\"candidates\":[");
	for (uint32_t i = 0; i < ENDPOINTS; i++)
		print_candidate(i);
	printf("],");
}

static void decide(uint32_t picker)
{
	const struct tr_decision *decision = &actions.decisions[0];
	struct tr_route route;
	struct tr_job job;

	decision_number++;
	draws = 0;
	make_state();
	job = make_job(picker);
	actions.count = actions.decision_count = actions.candidate_count = 0;
	print_inputs(&job);
	if (tr_router_route(engine, &job, TR_ROLE_FIRST, &route) == TR_ROUTE_PLACED)
		printf("\"winner\":%" PRIu64 ",\"pick\":\"%s\",\"bypass\":\"%s\"}\n",
		       engine->endpoint[route.endpoint].name, tr_picks[decision->pick].name,
		       tr_bypasses[decision->bypass].name);
	else
		printf("\"winner\":null,\"pick\":\"NONE\",\"bypass\":\"NONE\"}\n");
}

int main(int argc, char **argv)
{
	uint64_t count;

	if (argc != 3) {
		fprintf(stderr, "usage: picker_dump DECISIONS SEED\n");
		return 2;
	}
	count = strtoull(argv[1], NULL, 10);
	run_seed = strtoull(argv[2], NULL, 10);
	start();
	for (uint32_t picker = 0; picker < TR_PICKER_COUNT; picker++)
		for (uint64_t i = 0; i < count; i++)
			decide(picker);
	free(engine);
	return fflush(stdout) || ferror(stdout) ? 4 : 0;
}
