/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/world.h"

#define TENANTS (TR_RESULT_TENANTS_MAX + 40)

static struct tr_workload_share tenants[TENANTS];
static char texts[TENANTS][24];

static void name_tenants(struct world *world, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "tenant-%u", i);
		tenants[i] = (struct tr_workload_share){
			texts[i], tr_name_of(texts[i], strlen(texts[i])), 1 + i % 5};
	}
	world->options.labels.tenants = tenants;
	world->options.labels.tenant_count = count;
}

/* What the rows say adds up to what the whole says. */
static void assert_adds_up(const struct tr_result_row *all, const struct tr_result_row *rows,
			   uint32_t count)
{
	struct tr_result_row sum = {0};

	for (uint32_t i = 0; i < count; i++) {
		sum.submitted += rows[i].submitted;
		sum.rejected += rows[i].rejected;
		sum.completed += rows[i].completed;
		sum.failed += rows[i].failed;
		sum.expired += rows[i].expired;
		sum.good += rows[i].good;
		sum.retries += rows[i].retries;
		sum.tokens_in += rows[i].tokens_in;
		sum.tokens_out += rows[i].tokens_out;
		sum.cost_micro_usd += rows[i].cost_micro_usd;
		sum.e2e.count += rows[i].e2e.count;
		sum.queue.count += rows[i].queue.count;
		assert_true(rows[i].e2e.max <= all->e2e.max);
	}
	assert_int_equal(sum.submitted, all->submitted);
	assert_int_equal(sum.rejected, all->rejected);
	assert_int_equal(sum.completed, all->completed);
	assert_int_equal(sum.failed, all->failed);
	assert_int_equal(sum.expired, all->expired);
	assert_int_equal(sum.good, all->good);
	assert_int_equal(sum.retries, all->retries);
	assert_int_equal(sum.tokens_in, all->tokens_in);
	assert_int_equal(sum.tokens_out, all->tokens_out);
	assert_int_equal(sum.cost_micro_usd, all->cost_micro_usd);
	assert_int_equal(sum.e2e.count, all->e2e.count);
	assert_int_equal(sum.queue.count, all->queue.count);
}

static void test_classes_and_tenants_add_up_to_the_whole(void **state)
{
	static struct world world;
	static struct tr_result result;
	uint64_t rejects = 0, failures = 0;

	(void)state;
	world_init(&world, 4, 2, 2);
	name_tenants(&world, 7);
	world.servers[0].profile.error_ppm = 300000;
	world.class.queue_limit = 20;
	world.options.process.rate_micro = 40000000;
	world_run(&world, &result);
	assert_int_equal(result.class_count, 1);
	assert_int_equal(result.tenant_count, 7);
	assert_true(result.all.rejected > 0);
	assert_true(result.all.failed > 0);
	assert_adds_up(&result.all, result.classes, result.class_count);
	assert_adds_up(&result.all, result.tenants, result.tenant_count);
	for (int i = 0; i < TR_REJECT_COUNT; i++)
		rejects += result.rejects[i];
	for (int i = 0; i < TR_CAUSE_COUNT; i++)
		failures += result.causes[TR_OUTCOME_FAILED][i];
	assert_int_equal(rejects, result.all.rejected);
	assert_int_equal(rejects, result.rejects[TR_REJECT_QUEUE_FULL]);
	assert_int_equal(failures, result.all.failed);
}

static void test_tenants_beyond_the_cap_share_one_row(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	world_init(&world, 4, 4, 8);
	name_tenants(&world, TENANTS);
	world.options.requests_max = 5000;
	world_run(&world, &result);
	assert_int_equal(result.tenant_count, TR_RESULT_TENANTS_MAX + 1);
	for (uint32_t i = 0; i < TR_RESULT_TENANTS_MAX; i++)
		assert_false(result.tenants[i].other);
	assert_true(result.tenants[TR_RESULT_TENANTS_MAX].other);
	assert_true(result.tenants[TR_RESULT_TENANTS_MAX].submitted > 0);
	assert_adds_up(&result.all, result.tenants, result.tenant_count);
}

static void test_goodput_counts_what_meets_every_objective(void **state)
{
	static struct world world;
	static struct tr_result all, some, none;

	(void)state;
	world_init(&world, 4, 1, 4);
	world.options.process.rate_micro = 7000000;
	world_run(&world, &all);
	assert_false(all.objectives);
	assert_int_equal(all.all.good, all.all.completed);
	world.policy.slo.ttft_ns = 100 * TR_MS;
	world_run(&world, &some);
	assert_true(some.objectives);
	assert_in_range(some.all.good, 1, some.all.completed - 1);
	world.policy.slo.e2e_ns = 1 * TR_MS;
	world_run(&world, &none);
	assert_int_equal(none.all.good, 0);
	assert_true(none.run_hash != 0);
}

static void test_refused_requests_stand_in_the_class_they_asked_for(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	world_init(&world, 4, 1, 4);
	world.options.labels.model = 12345;
	world_run(&world, &result);
	assert_int_equal(result.all.rejected, 1000);
	assert_int_equal(result.rejects[TR_REJECT_UNKNOWN_MODEL], 1000);
	assert_int_equal(result.class_count, 1);
	assert_true(result.classes[0].name == world.class.name);
	world.options.labels.model = 0;
	world.options.labels.class_name = 999;
	world_run(&world, &result);
	assert_int_equal(result.rejects[TR_REJECT_UNKNOWN_CLASS], 1000);
	assert_int_equal(result.class_count, 1);
	assert_true(result.classes[0].other);
}

static void test_a_refused_request_stands_in_its_profiles_class(void **state)
{
	static struct world world;
	static struct tr_result result;
	static struct tr_policy_class classes[2];
	const struct tr_policy_profile profile = {.name = 33, .strategy = TR_NONE, .class_row = 1};
	const struct tr_workload_share share = {"fast", 33, 1};

	(void)state;
	world_init(&world, 4, 1, 4);
	classes[0] = classes[1] = world.class;
	classes[1].name = classes[0].name + 1;
	world.policy.classes = classes;
	world.policy.class_count = 2;
	world.policy.profiles = &profile;
	world.policy.profile_count = 1;
	world.options.labels.model = 12345;
	world.options.labels.profiles = &share;
	world.options.labels.profile_count = 1;
	world_run(&world, &result);
	assert_int_equal(result.rejects[TR_REJECT_UNKNOWN_MODEL], 1000);
	assert_int_equal(result.class_count, 1);
	assert_true(result.classes[0].name == classes[1].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes_and_tenants_add_up_to_the_whole),
		cmocka_unit_test(test_tenants_beyond_the_cap_share_one_row),
		cmocka_unit_test(test_goodput_counts_what_meets_every_objective),
		cmocka_unit_test(test_refused_requests_stand_in_the_class_they_asked_for),
		cmocka_unit_test(test_a_refused_request_stands_in_its_profiles_class),
	};

	return cmocka_run_group_tests_name("sim ledger", tests, NULL, NULL);
}
