/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/engine/policies.h"
#include "tests/sim/world.h"

static void assert_conserved(const struct tr_result_row *row)
{
	assert_int_equal(row->submitted, row->rejected + row->completed + row->failed +
						 row->canceled + row->expired + row->in_system);
}

/* SIM-1 */
static void test_the_same_seed_gives_the_same_hash_and_another_another(void **state)
{
	static struct world world;
	static struct tr_result first, again, other;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		world_init(&world, seed, 4, 2);
		world.servers[1].profile.error_ppm = 200000;
		world_run(&world, &first);
		world_run(&world, &again);
		assert_memory_equal(&first, &again, sizeof first);
		world.options.seed = seed + 100;
		world_run(&world, &other);
		assert_true(first.run_hash != other.run_hash);
	}
}

/* Every burst of load and fault, with the books asserted after each event by the ledger. */
static void test_every_request_ends_in_exactly_one_column(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_init(&world, seed, 1 + (uint32_t)(seed % 4), 1 + (uint32_t)(seed % 3));
		world.options.requests_max = 2000;
		world.options.process.rate_micro = 5000000 + seed * 10000000;
		world.servers[0].profile.error_ppm = (uint32_t)seed * 20000;
		world.class.queue_limit = 50;
		world.class.queue_timeout_ns = 5 * TR_SECOND;
		world.intent.deadline_ns = seed % 2 ? 8 * TR_SECOND : 0;
		world.policy.hedge = (struct tr_policy_hedge){
			TR_TEST_HEDGE, .delay_ns = seed % 3 ? 300 * TR_MS : 0, .attempts = 1};
		world.intent.hedge = 1;
		world_run(&world, &result);
		assert_int_equal(result.all.submitted, 2000);
		assert_int_equal(result.all.in_system, 0);
		assert_conserved(&result.all);
	}
}

struct watch {
	uint64_t last_job;
	tr_time_ns last_time;
	uint64_t steps;
	uint64_t persists;
	tr_time_ns persist_asked;
	tr_span_ns persist_delay;
	bool outputs_hidden;
};

static void watch_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
		       const struct tr_actions *actions)
{
	struct watch *watch = self;

	(void)engine;
	watch->steps++;
	assert_true(event->time >= watch->last_time);
	assert_true(event->observed <= event->time);
	watch->last_time = event->time;
	if (event->kind == TR_EVENT_JOB_SUBMIT) {
		assert_int_equal(event->job_submit.job_id, watch->last_job + 1);
		assert_int_equal(event->job_submit.tokens_out_max, 0);
		watch->last_job++;
	}
	if (event->kind == TR_EVENT_JOB_PERSISTED && watch->persists++ == 0)
		watch->persist_delay = event->time - watch->persist_asked;
	for (uint32_t i = 0; i < actions->count; i++)
		if (actions->items[i].kind == TR_ACTION_JOB_PERSIST && watch->persist_asked == 0)
			watch->persist_asked = event->time;
}

static void test_jobs_are_numbered_as_they_arrive_and_time_never_goes_back(void **state)
{
	static struct world world;
	static struct tr_result result;
	struct watch watch = {0};

	(void)state;
	world_init(&world, 3, 2, 2);
	world.servers[0].profile.error_ppm = 100000;
	world_run_observed(&world, watch_step, &watch, &result);
	assert_int_equal(watch.last_job, 1000);
	assert_int_equal(watch.steps, result.events);
	assert_int_equal(watch.persists, 0);
}

static void test_asynchronous_jobs_wait_for_the_store(void **state)
{
	static struct world world;
	static struct tr_result result;
	struct watch watch = {0};

	(void)state;
	world_init(&world, 3, 2, 2);
	world.options.labels.flags = TR_SUBMIT_ASYNC;
	world.store_delay = 7 * TR_MS;
	world_run_observed(&world, watch_step, &watch, &result);
	assert_int_equal(watch.persists, 1000);
	assert_true(watch.persist_delay == 7 * TR_MS);
	assert_int_equal(result.all.completed, 1000);
	assert_true(result.all.queue.max >= 7 * TR_MS);
}

static void test_a_stop_leaves_jobs_in_the_system(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	world_init(&world, 3, 1, 1);
	world.options.process.rate_micro = 100000000;
	world.stop_after = 5 * TR_SECOND;
	world_run(&world, &result);
	assert_true(result.all.in_system > 0);
	assert_true(result.end <= result.start + 5 * TR_SECOND);
	assert_conserved(&result.all);
}

/* A hand-computed request: 1 ms + 50 ms + 100/7000 s to the first token, then ten of 45 ms. */
static void test_a_lone_request_takes_the_time_worked_out_by_hand(void **state)
{
	static struct world world;
	static struct tr_result result;
	const tr_span_ns ttft = 51 * TR_MS + 14285714;

	(void)state;
	world_init(&world, 3, 1, 1);
	world.options.requests_max = 1;
	world_run(&world, &result);
	assert_int_equal(result.all.completed, 1);
	assert_true(result.all.ttft.max == ttft);
	assert_true(result.all.e2e.max == ttft + 450 * TR_MS);
	assert_true(result.all.tpot.max == 45 * TR_MS);
	assert_true(result.all.queue.max == 0);
	assert_int_equal(result.all.tokens_in, 100);
	assert_int_equal(result.all.tokens_out, 11);
	assert_int_equal(result.all.cost_micro_usd, 122);
}

/* SIM-7: two policies meet the same requests and the same servers. */
static void test_policies_are_compared_over_the_same_world(void **state)
{
	static struct world world;
	static struct tr_result roomy, tight;

	(void)state;
	world_init(&world, 9, 4, 8);
	for (uint32_t i = 0; i < 4; i++)
		world.servers[i].profile.service_noise_permille = 500;
	world_run(&world, &roomy);
	world.strategy.picker = TR_PICKER_RANDOM;
	world_run(&world, &tight);
	assert_true(roomy.path_hash != tight.path_hash);
	/* Without endpoint noise, waits or faults the work is the requests' own. */
	assert_int_equal(roomy.all.completed, 1000);
	assert_true(roomy.all.tpot.p50 == tight.all.tpot.p50);
	assert_true(roomy.all.tpot.max == tight.all.tpot.max);
}

/* A retry at the same endpoint is another try with a draw of its own, or it would fail for ever. */
static void test_a_retry_at_the_same_server_has_its_own_luck(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	world_init(&world, 9, 1, 64);
	world.servers[0].profile.error_ppm = 300000;
	world.policy.breaker.requests_min = 1000000;
	world.policy.breaker.consecutive = 0;
	world.policy.retry.attempts = 4;
	world_run(&world, &result);
	/* Only what breaks in mid-stream, a tenth and a little more, cannot be tried again. */
	assert_in_range(result.all.completed, 830, 910);
	assert_in_range(result.all.failed - result.causes[TR_OUTCOME_FAILED][TR_CAUSE_RESET], 0, 5);
}

static int next_failed(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_workload inner = tr_synthetic_workload(self);
	int got = inner.next(inner.self, ret, ret_diagnostic);

	ret->failed = got > 0;
	return got;
}

static void test_a_request_its_source_saw_fail_fails_at_first(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	world_init(&world, 9, 4, 8);
	tr_synthetic_init(&world.synthetic, &world.options);
	world.workload = (struct tr_workload){.next = next_failed, .self = &world.synthetic};
	world_run(&world, &result);
	assert_int_equal(result.all.submitted, 1000);
	assert_int_equal(result.attempt_failures[TR_CAUSE_SERVER_ERROR], result.all.retries);
	assert_true(result.all.retries > 0);
}

static int nothing(void *self, struct tr_arrival *ret, struct tr_diagnostic *ret_diagnostic)
{
	(void)self;
	(void)ret;
	(void)ret_diagnostic;
	return 0;
}

static void test_no_requests_are_a_run_without_events(void **state)
{
	static struct world world;
	static struct tr_result result;

	(void)state;
	world_init(&world, 9, 1, 1);
	world.workload = (struct tr_workload){.next = nothing};
	world_run(&world, &result);
	assert_int_equal(result.all.submitted, 0);
	assert_int_equal(result.events, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_seed_gives_the_same_hash_and_another_another),
		cmocka_unit_test(test_every_request_ends_in_exactly_one_column),
		cmocka_unit_test(test_jobs_are_numbered_as_they_arrive_and_time_never_goes_back),
		cmocka_unit_test(test_asynchronous_jobs_wait_for_the_store),
		cmocka_unit_test(test_a_stop_leaves_jobs_in_the_system),
		cmocka_unit_test(test_a_lone_request_takes_the_time_worked_out_by_hand),
		cmocka_unit_test(test_policies_are_compared_over_the_same_world),
		cmocka_unit_test(test_a_retry_at_the_same_server_has_its_own_luck),
		cmocka_unit_test(test_a_request_its_source_saw_fail_fails_at_first),
		cmocka_unit_test(test_no_requests_are_a_run_without_events),
	};

	return cmocka_run_group_tests_name("sim run", tests, NULL, NULL);
}
