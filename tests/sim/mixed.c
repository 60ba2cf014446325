/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/mixed.h"

#include "engine/random.h"
#include "tests/engine/policies.h"

static uint64_t draw(const struct mixed *mixed, uint64_t what, uint64_t below)
{
	return tr_below(tr_draw(mixed->seed, mixed->number, TR_PURPOSE_TEST, what), below);
}

static int next(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	const tr_name tenants[] = {TR_NAME("acme"), TR_NAME("tiny"), TR_NAME("zed"), 0};
	const tr_name models[] = {0, TR_NAME("large"), TR_NAME("small"), TR_NAME("gpt"), 4711};
	const tr_name sessions[] = {0, TR_NAME("session-1"), TR_NAME("session-2")};
	const tr_name intents[] = {0, TR_NAME("batch"), TR_NAME("chat"), TR_NAME("strict"), 4712};
	struct mixed *mixed = self;
	struct tr_workload inner = tr_synthetic_workload(&mixed->world.synthetic);
	int got = inner.next(inner.self, ret, ret_diagnostic);

	mixed->number++;
	ret->tenant = tenants[draw(mixed, 1, TR_ARRAY_LENGTH(tenants))];
	ret->session = sessions[draw(mixed, 2, TR_ARRAY_LENGTH(sessions))];
	/* What nobody has is asked for now and then. */
	ret->model = models[draw(mixed, 3, draw(mixed, 4, 10) ? 4 : 5)];
	ret->intent = intents[draw(mixed, 5, draw(mixed, 6, 10) ? 4 : 5)];
	if (draw(mixed, 7, 3) == 0)
		ret->class_name = TR_NAME("batch");
	return got;
}

void mixed_init(struct mixed *mixed, uint64_t seed)
{
	struct world *world = &mixed->world;

	world_init(world, seed, 5, 2);
	mixed->seed = seed;
	mixed->number = 0;
	world->policy = seed % 2 ? *tr_test_policy_busy() : *tr_test_policy_edited();
	for (uint32_t i = 0; i < world->policy.endpoint_count; i++) {
		struct tr_server *server = &world->servers[i];

		server->name = world->policy.endpoints[i].name;
		server->slots = world->policy.endpoints[i].slots;
		server->profile = tr_server_profile_default;
		server->profile.tpot_ns = 10 * TR_MS;
		server->profile.error_ppm = (uint32_t)draw(mixed, 10 + i, 5) * 100000;
	}
	world->options.requests_max = 600;
	world->options.process.rate_micro = 2000000 + 1000000 * draw(mixed, 20, 20);
	world->options.tokens_in =
		(struct tr_sizes){.count = 2, .knots = {{0, 10}, {1000000, 5000}}};
	world->options.tokens_out =
		(struct tr_sizes){.count = 2, .knots = {{0, 1}, {1000000, 120}}};
	/* Some runs are cut off in the middle. */
	if (seed % 3 == 0)
		world->stop_after = 20 * TR_SECOND;
	tr_synthetic_init(&world->synthetic, &world->options);
	world->workload = (struct tr_workload){.next = next, .self = mixed};
}
