/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot is the whole state: an engine restored from it goes on exactly as the first would
 * have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/policies.h"
#include "tests/engine/world.h"

#define STEPS  900
#define CHUNKS 64

struct snapshot {
	uint8_t *chunks[CHUNKS];
	size_t lengths[CHUNKS];
	uint32_t count;
};

static void snapshot_take(const struct tr_engine *engine, size_t capacity, struct snapshot *ret)
{
	struct tr_snapshot_cursor cursor = {0};
	int more = 1;

	memset(ret, 0, sizeof *ret);
	while (more) {
		assert_true(ret->count < CHUNKS);
		ret->chunks[ret->count] = malloc(capacity);
		more = tr_engine_snapshot(engine, &cursor, ret->chunks[ret->count], capacity,
					  &ret->lengths[ret->count]);
		assert_true(more == 0 || more == 1);
		ret->count++;
	}
}

static void snapshot_free(struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->count; i++)
		free(snapshot->chunks[i]);
}

static int snapshot_restore(struct tr_engine *engine, const struct snapshot *snapshot)
{
	struct tr_snapshot_cursor cursor = {0};
	int more = 1;

	for (uint32_t i = 0; i < snapshot->count && more == 1; i++)
		more = tr_engine_restore(engine, &cursor, snapshot->chunks[i],
					 snapshot->lengths[i]);
	return more;
}

/* A fresh engine with the policies of the world's in the same slots. */
static struct tr_engine *twin_new(const struct tr_world *world)
{
	const struct tr_policy *policies[] = {tr_test_policy_busy(), tr_test_policy_edited()};
	struct tr_engine *twin = aligned_alloc(64, tr_engine_size(&world->limits));

	/* With another seed and time: the snapshot brings its own. */
	assert_int_equal(tr_engine_init(twin, &world->limits, policies[0], 4711, 1), 0);
	return twin;
}

static struct tr_engine *twin_restored(const struct tr_world *world, const struct snapshot *from)
{
	const struct tr_policy *policies[] = {tr_test_policy_busy(), tr_test_policy_edited()};

	/* The world does not say which policy is in which slot: one of the ways must fit. */
	for (int way = 0; way < 3; way++) {
		struct tr_engine *twin = twin_new(world);
		int err = way == 2 ? tr_engine_init(twin, &world->limits, policies[1], 1, 1) : 0;

		assert_int_equal(err, 0);
		if (way > 0)
			assert_int_equal(tr_engine_policy_place(twin, policies[way == 1], 1), 0);
		err = snapshot_restore(twin, from);
		if (err == 0)
			return twin;
		assert_int_equal(err, TR_E_POLICY_UNKNOWN);
		free(twin);
	}
	fail_msg("seed %llu: no way to restore", (unsigned long long)world->seed);
	return NULL;
}

static void follow(struct tr_world *world, void *context)
{
	struct tr_engine *twin = context;
	struct tr_actions actions;
	int err;

	if (world->event.kind == TR_EVENT_POLICY_ACTIVATE) {
		const struct tr_policy *policy = tr_test_policy_busy();

		if (policy->id != world->event.policy_activate.policy_id)
			policy = tr_test_policy_edited();
		err = tr_engine_policy_place(twin, policy, world->event.policy_activate.slot);
		assert_int_equal(err, 0);
	}
	err = tr_engine_step(twin, &world->event, &actions);
	assert_int_equal(err, 0);
	assert_int_equal(tr_engine_chain(twin), tr_engine_chain(world->engine));
	assert_int_equal(actions.count, world->actions.count);
}

/* RTE-5, RPL-2: at 200 random points. */
static void test_restored_engine_goes_on_as_the_first(void **state)
{
	uint64_t points = getenv("TR_FULL") ? 2000 : 200;

	(void)state;
	for (uint64_t seed = 1; seed <= points; seed++) {
		struct tr_world world;
		struct snapshot snapshot;
		struct tr_engine *twin;
		uint64_t point = tr_below(tr_draw(seed, 0, TR_PURPOSE_TEST, 0), STEPS);
		size_t capacity = TR_SNAPSHOT_CHUNK_MIN + (size_t)seed * 97 % 9000;

		tr_world_init(&world, seed);
		for (uint64_t i = 0; i < point; i++)
			tr_world_step(&world);
		snapshot_take(world.engine, capacity, &snapshot);
		twin = twin_restored(&world, &snapshot);
		assert_int_equal(tr_engine_digest(twin), tr_engine_digest(world.engine));
		assert_int_equal(tr_engine_deadline(twin), tr_engine_deadline(world.engine));
		world.on_step = follow;
		world.context = twin;
		for (uint64_t i = point; i < STEPS; i++)
			tr_world_step(&world);
		tr_world_drain(&world);
		assert_int_equal(tr_engine_chain(twin), tr_engine_chain(world.engine));
		assert_int_equal(tr_engine_path(twin), tr_engine_path(world.engine));
		assert_int_equal(tr_engine_digest(twin), tr_engine_digest(world.engine));
		snapshot_free(&snapshot);
		free(twin);
		tr_world_done(&world);
	}
}

static void test_damaged_snapshot_is_refused(void **state)
{
	struct tr_world world;
	struct snapshot snapshot;
	struct tr_engine *twin;

	(void)state;
	tr_world_init(&world, 42);
	for (int i = 0; i < 300; i++)
		tr_world_step(&world);
	snapshot_take(world.engine, 16384, &snapshot);
	twin = aligned_alloc(64, tr_engine_size(&world.limits));
	for (uint64_t i = 0; i < 3000; i++) {
		uint32_t chunk =
			(uint32_t)tr_below(tr_draw(i, 1, TR_PURPOSE_TEST, 0), snapshot.count);
		uint64_t byte =
			tr_below(tr_draw(i, 2, TR_PURPOSE_TEST, 0), snapshot.lengths[chunk]);
		uint8_t flip = (uint8_t)(1u << (i % 8));

		assert_int_equal(tr_engine_init(twin, &world.limits, tr_test_policy_busy(), 1, 1),
				 0);
		tr_engine_policy_place(twin, tr_test_policy_edited(), 1);
		snapshot.chunks[chunk][byte] ^= flip;
		assert_true(snapshot_restore(twin, &snapshot) != 0);
		snapshot.chunks[chunk][byte] ^= flip;
	}
	free(twin);
	snapshot_free(&snapshot);
	tr_world_done(&world);
}

static void test_snapshot_for_other_limits_is_refused(void **state)
{
	struct tr_world world;
	struct snapshot snapshot;
	struct tr_engine *twin;

	(void)state;
	tr_world_init(&world, 7);
	snapshot_take(world.engine, 8192, &snapshot);
	world.limits.jobs++;
	twin = twin_new(&world);
	assert_int_equal(snapshot_restore(twin, &snapshot), TR_E_SNAPSHOT);
	free(twin);
	snapshot_free(&snapshot);
	tr_world_done(&world);
}

static void test_snapshot_of_a_moving_engine_is_refused(void **state)
{
	struct tr_snapshot_cursor cursor = {0};
	uint8_t chunk[TR_SNAPSHOT_CHUNK_MIN];
	struct tr_world world;
	size_t length;

	(void)state;
	tr_world_init(&world, 3);
	/* Until it takes more than one chunk. */
	do {
		tr_world_step(&world);
		cursor = (struct tr_snapshot_cursor){0};
	} while (tr_engine_snapshot(world.engine, &cursor, chunk, sizeof chunk, &length) == 0);

	uint64_t chain = tr_engine_chain(world.engine);
	while (tr_engine_chain(world.engine) == chain)
		tr_world_step(&world);
	assert_int_equal(tr_engine_snapshot(world.engine, &cursor, chunk, sizeof chunk, &length),
			 TR_E_STATE);
	tr_world_done(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restored_engine_goes_on_as_the_first),
		cmocka_unit_test(test_damaged_snapshot_is_refused),
		cmocka_unit_test(test_snapshot_for_other_limits_is_refused),
		cmocka_unit_test(test_snapshot_of_a_moving_engine_is_refused),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
