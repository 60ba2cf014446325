/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/policies.h"

#define ALL_MODELS                                                                                 \
	{                                                                                          \
		{                                                                                  \
			UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX                             \
		}                                                                                  \
	}

static struct tr_policy_model models[3];
static struct tr_policy_endpoint endpoints[3][5];
static struct tr_policy_class classes[3][2];
static struct tr_policy_tenant tenants[2][3];
static struct tr_policy_strategy strategies[TR_PICKER_COUNT];
static struct tr_policy_intent intents[2][3];
static struct tr_policy_alias alias;

static const struct tr_policy_breaker quick_breaker = {
	TR_TEST_BREAKER,
	.window_ns = 10 * TR_SECOND,
	.open_ns = TR_SECOND,
	.open_ns_max = 8 * TR_SECOND,
	.heal_ns = 5 * TR_SECOND,
	.requests_min = 6,
	.error_percent = 50,
	.consecutive = 4,
	.probes = 1,
	.successes = 2,
	.eject_percent = 50,
	.all_out = TR_ALL_OUT_SERVE,
};

static struct tr_policy_model model(tr_name name, uint32_t first, uint32_t count, uint32_t row)
{
	struct tr_policy_model made = {
		.name = name,
		.price_in = 150000,
		.price_out = 600000,
		.context_tokens = 8192,
		.output_tokens = 64,
		.capabilities = UINT32_MAX,
		.quality = 500,
		.first_endpoint = first,
		.endpoint_count = count,
		.chain_count = 1,
		.chain = {row},
	};

	return made;
}

static struct tr_policy_endpoint endpoint(tr_name name, uint32_t in, uint32_t slots)
{
	return (struct tr_policy_endpoint){.name = name, .model = in, .slots = slots};
}

static void fill_strategies(void)
{
	for (uint32_t picker = 0; picker < TR_PICKER_COUNT; picker++)
		strategies[picker] = (struct tr_policy_strategy){
			TR_TEST_STRATEGY, .name = 1000 + picker, .picker = picker,
			.weights = {500, 300, 100, 100}};
}

const struct tr_policy *tr_test_policy_smallest(void)
{
	static struct tr_policy policy;

	fill_strategies();
	models[0] = model(TR_NAME("m"), 0, 1, 0);
	endpoints[0][0] = endpoint(TR_NAME("a"), 0, 1);
	classes[0][0] = (struct tr_policy_class){TR_TEST_CLASS, .name = TR_NAME("interactive"),
						 .priority = 100, .queue_limit = 4};
	tenants[0][0] = (struct tr_policy_tenant){TR_TEST_TENANT, .name = TR_NAME("default"),
						  .weight_milli = 1000, .strategy = TR_NONE,
						  .models = ALL_MODELS};
	intents[0][0] = (struct tr_policy_intent){.name = TR_NAME("default"), .cancelable = 1};
	policy = (struct tr_policy){
		TR_TEST_POLICY,
		.id = 1,
		.model_count = 1,
		.endpoint_count = 1,
		.class_count = 1,
		.tenant_count = 1,
		.strategy_count = 1,
		.intent_count = 1,
		.default_model = 0,
		.unknown_model = TR_NONE,
		.models = &models[0],
		.endpoints = endpoints[0],
		.classes = classes[0],
		.tenants = tenants[0],
		.strategies = strategies,
		.intents = intents[0],
		.breaker = quick_breaker,
		.retry = {TR_TEST_RETRY, .backoff_ns = 100 * TR_MS, .backoff_ns_max = TR_SECOND,
			  .retry_after_ns_max = 5 * TR_SECOND},
		.limits = {.tokens_in = 4096, .tokens_out = 4096},
	};
	return &policy;
}

static void fill_busy_tables(void)
{
	static struct tr_policy_class busy_classes[2];

	fill_strategies();
	models[1] = model(TR_NAME("large"), 0, 3, 0);
	models[1].quality = 900;
	models[1].queue_limit = 4;
	models[1].chain_count = 2;
	models[1].chain[1] = 1;
	models[2] = model(TR_NAME("small"), 3, 2, 1);
	models[2].context_tokens = 4096;
	models[2].price_in = 50000;
	models[2].capabilities = TR_CAPABILITY_JSON;
	endpoints[1][0] = endpoint(TR_NAME("l1"), 0, 3);
	endpoints[1][1] = endpoint(TR_NAME("l2"), 0, 2);
	endpoints[1][2] = endpoint(TR_NAME("l3"), 0, 1);
	endpoints[1][2].requests_per_minute = 30;
	endpoints[1][3] = endpoint(TR_NAME("s1"), 1, 2);
	endpoints[1][4] = endpoint(TR_NAME("s2"), 1, 2);
	endpoints[1][4].tokens_per_minute = 60000;
	busy_classes[0] = (struct tr_policy_class){
		TR_TEST_CLASS,	     .name = TR_NAME("batch"), .priority = 10,
		.floor_percent = 10, .queue_limit = 40,	       .queue_timeout_ns = 6 * TR_SECOND};
	busy_classes[0].full = TR_FULL_DROP_LRU;
	busy_classes[1] = (struct tr_policy_class){TR_TEST_CLASS, .name = TR_NAME("interactive"),
						   .priority = 100, .queue_limit = 30,
						   .preempt = TR_PREEMPT_SOFT};
	busy_classes[1].full = TR_FULL_SHED_LOW_PRIORITY;
	for (int i = 0; i < 2; i++) {
		busy_classes[i].sojourn_target_ns = 100 * TR_MS;
		busy_classes[i].sojourn_interval_ns = 200 * TR_MS;
	}
	memcpy(classes[1], busy_classes, sizeof busy_classes);
	tenants[1][0] = (struct tr_policy_tenant){
		TR_TEST_TENANT,	     .name = TR_NAME("acme"), .weight_milli = 2000,
		.max_concurrent = 3, .strategy = TR_NONE,     .budget_micro_usd_per_day = 200000,
		.models = ALL_MODELS};
	tenants[1][1] = (struct tr_policy_tenant){TR_TEST_TENANT, .name = TR_NAME("default"),
						  .weight_milli = 1000, .strategy = TR_NONE,
						  .models = ALL_MODELS};
	tenants[1][2] = (struct tr_policy_tenant){TR_TEST_TENANT,
						  .name = TR_NAME("tiny"),
						  .weight_milli = 500,
						  .requests_per_minute = 20,
						  .tokens_per_minute = 20000,
						  .strategy = TR_PICKER_ROUND_ROBIN,
						  .models = {{2, 0, 0, 0}}};
	intents[1][0] = (struct tr_policy_intent){.name = TR_NAME("batch"),
						  .class_row = 0,
						  .strategy = TR_PICKER_BEST_SCORE,
						  .cancelable = 0};
	intents[1][1] = (struct tr_policy_intent){.name = TR_NAME("chat"),
						  .deadline_ns = 8 * TR_SECOND,
						  .deadline_ns_max = 10 * TR_SECOND,
						  .class_row = 1,
						  .strategy = TR_PICKER_LEAST_OUTSTANDING,
						  .cancelable = 1,
						  .hedge = 1};
	intents[1][2] = (struct tr_policy_intent){.name = TR_NAME("strict"),
						  .class_row = 1,
						  .strategy = TR_PICKER_RANDOM,
						  .cancelable = 1,
						  .strict = 1};
	alias = (struct tr_policy_alias){.name = TR_NAME("gpt"), .model = 0};
}

const struct tr_policy *tr_test_policy_busy(void)
{
	static struct tr_policy policy;

	fill_busy_tables();
	policy = (struct tr_policy){
		TR_TEST_POLICY,
		.id = 2,
		.model_count = 2,
		.endpoint_count = 5,
		.class_count = 2,
		.tenant_count = 3,
		.strategy_count = TR_PICKER_COUNT,
		.intent_count = 3,
		.alias_count = 1,
		.default_tenant = 1,
		.default_intent = 1,
		.default_model = 0,
		.unknown_model = TR_NONE,
		.models = &models[1],
		.endpoints = endpoints[1],
		.classes = classes[1],
		.tenants = tenants[1],
		.strategies = strategies,
		.intents = intents[1],
		.aliases = &alias,
		.admission = {.feasibility_percent = 100, .idempotency_ns = 3 * TR_SECOND},
		.breaker = quick_breaker,
		.retry = {TR_TEST_RETRY, .backoff_ns = 200 * TR_MS, .backoff_ns_max = TR_SECOND,
			  .retry_after_ns_max = 2 * TR_SECOND, .attempts = 2},
		.hedge = {TR_TEST_HEDGE, .delay_ns = 400 * TR_MS, .attempts = 1},
		.timeouts = {.connect_ns = TR_SECOND,
			     .headers_ns = TR_SECOND,
			     .first_token_ns = 2 * TR_SECOND,
			     .between_tokens_ns = 2 * TR_SECOND,
			     .total_ns = 12 * TR_SECOND},
		.limits = {.tokens_in = 6000, .tokens_out = 2000},
		.slo = {.ttft_ns = 2 * TR_SECOND},
	};
	policy.breaker.slow_ns = 500 * TR_MS;
	policy.concurrency.adaptive = 1;
	policy.health.window_ns = 5 * TR_SECOND;
	policy.affinity.session_ttl_ns = 4 * TR_SECOND;
	policy.affinity.session_turns = 5;
	policy.affinity.prefix_ttl_ns = 3 * TR_SECOND;
	return &policy;
}

const struct tr_policy *tr_test_policy_edited(void)
{
	static struct tr_policy policy;

	policy = *tr_test_policy_busy();
	memcpy(endpoints[2], endpoints[1], sizeof endpoints[2]);
	endpoints[2][1] = endpoint(TR_NAME("l9"), 0, 1);
	memcpy(classes[2], classes[1], sizeof classes[2]);
	classes[2][1].queue_limit = 10;
	classes[2][1].preempt = TR_PREEMPT_HARD;
	policy.id = 3;
	policy.endpoints = endpoints[2];
	policy.classes = classes[2];
	policy.concurrency.least = 2;
	policy.health.window_ns = 8 * TR_SECOND;
	policy.admission.idempotency_ns = 500 * TR_MS;
	return &policy;
}
