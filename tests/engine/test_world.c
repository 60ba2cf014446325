/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties that hold in every world, over seeds. The world itself checks, after each event, that
 * jobs are conserved, that its ledger and the engine's books agree, that nothing of an attempt
 * comes after its end, and that a refused event changed nothing; here stand the promises that need
 * a longer look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/engine/policies.h"
#include "engine/breaker.h"
#include "tests/engine/world.h"

#define STEPS 1200

static uint64_t seeds(uint64_t few, uint64_t many)
{
	return getenv("TR_FULL") ? many : few;
}

/* What is kept beside a world while it runs. */
struct watch {
	uint64_t cost[6]; /* by tenant, as in names[] */
	uint64_t late_refused;
	tr_time_ns tiny_accepted[512];
	uint32_t tiny_count;
};

static const char *const names[] = {"acme", "tiny", "default", "stranger", "guest", "late"};

static void fail_at(const struct tr_world *world, const char *what)
{
	fprintf(stderr, "seed %llu, step %llu: %s\n", (unsigned long long)world->seed,
		(unsigned long long)world->step, what);
	fail();
}

static void watch_costs(struct tr_world *world, void *context)
{
	struct watch *watch = context;
	for (uint32_t i = 0; i < world->actions.count; i++) {
		const struct tr_action *action = &world->actions.items[i];

		if (action->kind != TR_ACTION_JOB_FINISH)
			continue;
		for (size_t n = 0; n < TR_ARRAY_LENGTH(names); n++)
			if (action->job_finish.tenant == tr_name_of(names[n], strlen(names[n])))
				watch->cost[n] += action->job_finish.cost;
	}
}

/* GOV-1: what was reserved is settled once, and what was spent is what the jobs cost. */
static void test_every_job_is_settled_exactly_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= seeds(60, 2000); seed++) {
		struct watch watch = {0};
		struct tr_world world;

		tr_world_init(&world, seed);
		world.context = &watch;
		world.on_step = watch_costs;
		for (int i = 0; i < STEPS; i++)
			tr_world_step(&world);
		tr_world_drain(&world);
		for (size_t n = 0; n < TR_ARRAY_LENGTH(names); n++) {
			struct tr_tenant_view view;
			tr_name name = tr_name_of(names[n], strlen(names[n]));

			if (tr_engine_tenant(world.engine, name, &view) < 0)
				continue;
			if (view.reserved_micro_usd != 0)
				fail_at(&world, "a reservation outlived its job");
			if (view.running != 0 || view.waiting != 0)
				fail_at(&world, "a booking outlived its job");
			/* A tenant without a budget whose entry was given up may have forgotten. */
			if (n == 0 && view.spent_micro_usd != watch.cost[n])
				fail_at(&world, "spent differs from the sum of what jobs cost");
		}
		tr_world_done(&world);
	}
}

static void send_late(struct tr_world *world, struct watch *watch, struct tr_event *event,
		      tr_attempt_handle attempt)
{
	struct tr_actions actions;
	int err;

	event->time = event->observed = world->now;
	event->attempt_progress.attempt = attempt;
	err = tr_engine_step(world->engine, event, &actions);
	if (err != TR_E_STALE && err != TR_E_CLOCK_DUE)
		fail_at(world, "an attempt spoke after its job was canceled");
	watch->late_refused++;
}

static void watch_cancels(struct tr_world *world, void *context)
{
	struct watch *watch = context;
	struct tr_event late = {.kind = TR_EVENT_ATTEMPT_PROGRESS};

	if (world->event.kind != TR_EVENT_JOB_CANCEL &&
	    world->event.kind != TR_EVENT_JOB_CANCEL_GROUP)
		return;
	late.attempt_progress.tokens_out = 1000;
	for (uint32_t i = 0; i < world->actions.count; i++)
		if (world->actions.items[i].kind == TR_ACTION_ATTEMPT_ABORT &&
		    world->actions.items[i].attempt_abort.cause >= TR_CAUSE_CANCEL_CLIENT)
			send_late(world, watch, &late,
				  world->actions.items[i].attempt_abort.attempt);
}

/* JOB-6: no token leaves after a cancel is acknowledged. */
static void test_nothing_is_taken_of_a_canceled_job(void **state)
{
	uint64_t late = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(30, 1000); seed++) {
		struct watch watch = {0};
		struct tr_world world;

		tr_world_init(&world, 1000 + seed);
		world.context = &watch;
		world.on_step = watch_cancels;
		for (int i = 0; i < STEPS; i++)
			tr_world_step(&world);
		late += watch.late_refused;
		tr_world_done(&world);
	}
	assert_true(late > 20);
}

static void watch_caps(struct tr_world *world, void *context)
{
	struct watch *watch = context;
	const struct tr_event *event = &world->event;
	struct tr_tenant_view acme;

	if (tr_engine_tenant(world->engine, TR_NAME("acme"), &acme) == 0 && acme.running > 3)
		fail_at(world, "more of a tenant's jobs run than its cap");
	if (event->kind != TR_EVENT_JOB_SUBMIT || event->job_submit.tenant != TR_NAME("tiny"))
		return;
	for (uint32_t i = 0; i < world->actions.count; i++)
		if (world->actions.items[i].kind == TR_ACTION_JOB_ACCEPT &&
		    watch->tiny_count < TR_ARRAY_LENGTH(watch->tiny_accepted))
			watch->tiny_accepted[watch->tiny_count++] = world->now;
}

/* SCH-4: caps and rates hold at every instant. A rate of 20 a minute lets at most 20 * (1 + t) pass
 * in any t minutes. */
static void test_caps_and_rates_hold_at_every_instant(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= seeds(40, 1000); seed++) {
		struct watch watch = {0};
		struct tr_world world;

		tr_world_init(&world, 2000 + seed);
		world.context = &watch;
		world.on_step = watch_caps;
		for (int i = 0; i < STEPS; i++)
			tr_world_step(&world);
		for (uint32_t from = 0; from < watch.tiny_count; from++)
			for (uint32_t to = from; to < watch.tiny_count; to++) {
				uint64_t span = watch.tiny_accepted[to] - watch.tiny_accepted[from];
				uint64_t most = 20 + span * 20 / TR_MINUTE + 1;

				if (to - from + 1 > most)
					fail_at(&world, "a tenant's rate was exceeded");
			}
		tr_world_done(&world);
	}
}

/* SIM-1: one seed, one result; another seed, another. */
static void test_a_seed_is_a_result(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(10, 100); seed++) {
		struct tr_world a, b;

		tr_world_init(&a, seed);
		tr_world_init(&b, seed);
		for (int i = 0; i < STEPS; i++) {
			tr_world_step(&a);
			tr_world_step(&b);
			assert_int_equal(tr_engine_chain(a.engine), tr_engine_chain(b.engine));
		}
		assert_int_equal(tr_engine_digest(a.engine), tr_engine_digest(b.engine));
		assert_int_equal(tr_engine_path(a.engine), tr_engine_path(b.engine));
		assert_int_not_equal(tr_engine_chain(a.engine), before);
		before = tr_engine_chain(a.engine);
		tr_world_done(&a);
		tr_world_done(&b);
	}
}

/* The worlds are worth something: between them they see every outcome, and refusals. */
static void test_worlds_reach_every_outcome(void **state)
{
	struct tr_counts sum = {0};
	uint64_t refused = 0, preempted = 0, doomed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct tr_counts counts;
		struct tr_world world;

		tr_world_init(&world, seed);
		for (int i = 0; i < STEPS; i++)
			tr_world_step(&world);
		tr_engine_counts(world.engine, &counts);
		sum.completed += counts.completed;
		sum.rejected += counts.rejected;
		sum.failed += counts.failed;
		sum.canceled += counts.canceled;
		sum.expired += counts.expired;
		sum.retries += counts.retries;
		sum.hedges += counts.hedges;
		sum.breaker_trips += counts.breaker_trips;
		refused += world.refused;
		preempted += world.preempted;
		doomed += world.doomed;
		tr_world_done(&world);
	}
	assert_true(sum.completed > 100);
	assert_true(sum.rejected > 100);
	assert_true(sum.failed > 50);
	assert_true(sum.canceled > 50);
	assert_true(sum.expired > 20);
	assert_true(sum.retries > 100);
	assert_true(sum.hedges > 20);
	assert_true(sum.breaker_trips > 20);
	assert_true(refused > 100);
	assert_true(preempted > 5);
	assert_true(doomed > 20);
}

/* What was believed of some endpoint at some time. */
struct beliefs {
	uint32_t limited, slow, others, allowance, judged, tail;
};

static void watch_beliefs(struct tr_world *world, void *context)
{
	struct beliefs *seen = context;
	const struct tr_engine *e = world->engine;

	for (uint32_t i = 0; i < e->limits.endpoints; i++) {
		const struct tr_endpoint *ep = &e->endpoint[i];

		seen->limited += ep->limit_milli != 0;
		seen->slow += tr_breaker_window(e, i).slow != 0;
		seen->others += ep->signal_others != 0;
		seen->allowance += ep->provider_requests_until > world->now;
		seen->judged += ep->feedback_ewma != 0;
		seen->tail += e->window[i].tail != e->window[i].tail_newer;
	}
}

/* RTE-5: they see what snapshots must bring over. */
static void test_worlds_reach_every_belief(void **state)
{
	struct beliefs seen = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct tr_world world;

		tr_world_init(&world, seed);
		world.context = &seen;
		world.on_step = watch_beliefs;
		for (int i = 0; i < STEPS; i++)
			tr_world_step(&world);
		tr_world_done(&world);
	}
	assert_true(seen.limited > 1000);
	assert_true(seen.slow > 1000);
	assert_true(seen.others > 1000);
	assert_true(seen.allowance > 100);
	assert_true(seen.judged > 1000);
	assert_true(seen.tail > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_job_is_settled_exactly_once),
		cmocka_unit_test(test_nothing_is_taken_of_a_canceled_job),
		cmocka_unit_test(test_caps_and_rates_hold_at_every_instant),
		cmocka_unit_test(test_a_seed_is_a_result),
		cmocka_unit_test(test_worlds_reach_every_outcome),
		cmocka_unit_test(test_worlds_reach_every_belief),
	};

	return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
