/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADM-1: full queues. Each scene says in one line who waits, in order of entry, and who comes; then
 * what happens to whom.
 *
 * Letters are classes: b(atch), e(qual to batch, and of greater name), m(iddle), t(op). A small
 * letter waits, a capital one is held.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <ctype.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/stage.h"

#define MODEL	  TR_NAME("m")
#define NOBODY	  UINT32_MAX
#define CROWD_MAX 8
#define NO_LIMIT  4096

static struct tr_plan plan;
static struct tr_stage stage;
static uint64_t running, waiting[CROWD_MAX];

/* ---- the house ---- */

static const struct {
	char letter;
	const char *name;
	uint32_t priority;
} classes[] = {{'t', "top", 100}, {'m', "middle", 50}, {'b', "batch", 10}, {'e', "equal", 10}};

static uint32_t class_of(char letter)
{
	for (uint32_t i = 0; i < TR_ARRAY_LENGTH(classes); i++)
		if (classes[i].letter == tolower(letter))
			return i;
	fail();
	return 0;
}

/* The tie of equal priorities goes by name, and so must the test. */
static char lower_of_equals(void)
{
	return tr_name_of("batch", 5) > tr_name_of("equal", 5) ? 'b' : 'e';
}

static void set_up(enum tr_full full, uint32_t class_limit, uint32_t model_limit)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, MODEL, 1, 1);
	plan.models[0].queue_limit = model_limit;
	plan.policy.class_count = 0;
	for (uint32_t i = 0; i < TR_ARRAY_LENGTH(classes); i++) {
		uint32_t row =
			tr_plan_class(&plan, tr_name_of(classes[i].name, strlen(classes[i].name)),
				      classes[i].priority);

		plan.classes[row].full = (uint32_t)full;
		plan.classes[row].queue_limit = class_limit;
	}
	tr_plan_tenant(&plan, TR_NAME("other"));
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	running = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	assert_non_null(tr_stage_dispatch(&stage, running));
}

static uint64_t submit(char letter, uint32_t flags, tr_name tenant)
{
	tr_stage_wait(&stage, TR_MS);
	return tr_stage_submit(
		&stage,
		(struct tr_event_job_submit){
			.class_name = plan.classes[class_of(letter)].name,
			.tenant = tenant,
			.flags = (uint16_t)(flags | (isupper((unsigned char)letter) ? TR_SUBMIT_HOLD
										    : 0))});
}

/* Tenants take turns: age is that of the class. */
static void come(const char *letters)
{
	for (uint32_t i = 0; letters[i]; i++) {
		waiting[i] = submit(letters[i], 0, i % 2 ? TR_NAME("other") : 0);
		assert_non_null(tr_stage_accept(&stage, waiting[i]));
	}
}

static uint32_t ended(uint32_t count)
{
	uint32_t found = NOBODY;

	for (uint32_t i = 0; i < count; i++)
		if (tr_stage_finish(&stage, waiting[i])) {
			assert_int_equal(found, NOBODY);
			found = i;
		}
	return found;
}

/* ---- scenes ---- */

struct scene {
	enum tr_full full;
	uint32_t class_limit, model_limit;
	const char *waiting;
	char newcomer;
	uint32_t victim; /* its place in `waiting`; NOBODY: see below */
	char refused;	 /* 'c': by the class's limit, 'm': by the model's, 0: let in */
};

static const struct scene scenes[] = {
	/* The class's own limit: only its own jobs can make room. */
	{TR_FULL_REJECT, 3, 0, "bbb", 'b', NOBODY, 'c'},
	{TR_FULL_REJECT, 3, 0, "bbb", 't', NOBODY, 0},
	{TR_FULL_DROP_LRU, 3, 0, "bbb", 'b', 0, 0},
	{TR_FULL_DROP_LRU, 3, 0, "bb", 'b', NOBODY, 0},
	{TR_FULL_DROP_LRU, 3, 0, "bbttt", 't', 2, 0},
	{TR_FULL_SHED_LOW_PRIORITY, 3, 0, "bbttt", 't', NOBODY, 'c'},
	{TR_FULL_SHED_LOW_PRIORITY, 3, 0, "bbb", 'b', NOBODY, 'c'},
	/* The model's limit: the lowest class. */
	{TR_FULL_REJECT, NO_LIMIT, 3, "bbb", 't', NOBODY, 'm'},
	{TR_FULL_REJECT, NO_LIMIT, 4, "bbb", 't', NOBODY, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 4, "tmbb", 't', 2, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 4, "tmbb", 'b', 2, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 4, "ttmm", 't', 2, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 3, "ttt", 't', 0, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 3, "ttm", 'b', NOBODY, 'm'},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 4, "bbmt", 't', 1, 0},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 4, "bbmt", 'm', 1, 0},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 4, "bbmt", 'b', NOBODY, 'm'},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 4, "ttmm", 't', 3, 0},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 4, "ttmm", 'm', NOBODY, 'm'},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 3, "ttt", 'm', NOBODY, 'm'},
	/* An equal is not lower, and may still be the one that waited longest. */
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 3, "bbb", 'e', NOBODY, 'm'},
	{TR_FULL_DROP_LRU, NO_LIMIT, 3, "bbb", 'e', 0, 0},
	/* Both at once: the class's speaks, and its job leaves a place in the model's too. */
	{TR_FULL_DROP_LRU, 3, 4, "bttt", 't', 1, 0},
	{TR_FULL_REJECT, 3, 3, "ttt", 't', NOBODY, 'c'},
	/* Held ones take a place and give up none. */
	{TR_FULL_DROP_LRU, 3, 0, "BBB", 'b', NOBODY, 'c'},
	{TR_FULL_DROP_LRU, 3, 0, "BBb", 'b', 2, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 3, "BBt", 't', 2, 0},
	{TR_FULL_DROP_LRU, NO_LIMIT, 3, "BBB", 't', NOBODY, 'm'},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 3, "bBB", 't', 0, 0},
	{TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 3, "BBB", 't', NOBODY, 'm'},
	/* A newcomer that will be held comes the same way. */
	{TR_FULL_DROP_LRU, 3, 0, "bbb", 'B', 0, 0},
	{TR_FULL_REJECT, 3, 0, "bBb", 'B', NOBODY, 'c'},
};

static void check_refused(const struct scene *scene, uint64_t newcomer)
{
	const struct tr_action_job_reject *reject = tr_stage_reject(&stage, newcomer);

	assert_non_null(reject);
	assert_int_equal(stage.actions.count, 1);
	assert_int_equal(reject->code, TR_REJECT_QUEUE_FULL);
	assert_int_equal(reject->limit, scene->refused == 'm'
						? MODEL
						: plan.classes[class_of(scene->newcomer)].name);
	assert_true(reject->retry_after >= TR_SECOND);
}

static void check_let_in(const struct scene *scene, uint64_t newcomer)
{
	uint32_t first = scene->victim == NOBODY ? 0 : 1;

	assert_int_equal(stage.actions.count, first + 1);
	assert_int_equal(stage.actions.items[first].kind, TR_ACTION_JOB_ACCEPT);
	assert_int_equal(stage.actions.items[first].job_accept.job_id, newcomer);
	if (!first)
		return;

	const struct tr_action_job_finish *finish = &stage.actions.items[0].job_finish;

	assert_int_equal(stage.actions.items[0].kind, TR_ACTION_JOB_FINISH);
	assert_int_equal(finish->job_id, waiting[scene->victim]);
	assert_int_equal(finish->outcome, TR_OUTCOME_FAILED);
	assert_int_equal(finish->cause, scene->full == TR_FULL_DROP_LRU ? TR_CAUSE_QUEUE_DROPPED
									: TR_CAUSE_QUEUE_SHED);
	assert_int_equal(finish->attempts, 0);
	assert_int_equal(finish->cost, 0);
}

/* ADM-1 */
static void test_a_full_queue_does_as_its_class_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(scenes); i++) {
		const struct scene *scene = &scenes[i];
		struct tr_counts before, after;
		uint64_t newcomer;

		print_message("# scene %zu: %s and %c\n", i, scene->waiting, scene->newcomer);
		set_up(scene->full, scene->class_limit, scene->model_limit);
		start();
		come(scene->waiting);
		before = tr_stage_counts(&stage);
		newcomer = submit(scene->newcomer, 0, 0);
		after = tr_stage_counts(&stage);
		if (scene->refused)
			check_refused(scene, newcomer);
		else
			check_let_in(scene, newcomer);
		assert_int_equal(ended((uint32_t)strlen(scene->waiting)), scene->victim);
		assert_int_equal(after.rejected, before.rejected + (scene->refused != 0));
		assert_int_equal(after.failed, before.failed + (scene->victim != NOBODY));
		tr_stage_done(&stage);
	}
}

/* ADM-1: of classes of equal priority the one that is served last gives way first. */
static void test_equal_classes_give_way_by_name(void **state)
{
	uint32_t victim = lower_of_equals() == 'b' ? 0 : 1;

	(void)state;
	set_up(TR_FULL_DROP_LRU, NO_LIMIT, 3);
	start();
	come("bet");
	submit('t', 0, 0);
	assert_int_equal(ended(3), victim);
	/* The scheduler's order, from the other end. */
	tr_stage_complete(&stage, running, 1);
	tr_stage_complete(&stage, waiting[2], 1);
	tr_stage_complete(&stage, stage.next_job_id - 1, 1);
	assert_non_null(tr_stage_dispatch(&stage, waiting[1 - victim]));
	tr_stage_done(&stage);
}

/* ADM-1, SCH-1: a floor of 20% is 1.6 of eight places, so two. */
static void test_a_floor_keeps_its_places_of_a_model(void **state)
{
	(void)state;
	for (int drop = 0; drop < 2; drop++) {
		set_up(drop ? TR_FULL_DROP_LRU : TR_FULL_SHED_LOW_PRIORITY, NO_LIMIT, 8);
		plan.classes[class_of('b')].floor_percent = 20;
		start();
		come("bbbttttt");
		submit('t', 0, 0);
		assert_int_equal(ended(8), drop ? 0 : 2);
		/* The next is of its own class, or refused. */
		submit('t', 0, 0);
		assert_int_equal(tr_stage_counts(&stage).failed, drop ? 2 : 1);
		assert_int_equal(tr_stage_counts(&stage).rejected, drop ? 0 : 1);
		if (drop)
			assert_non_null(tr_stage_finish(&stage, waiting[3]));
		/* Its own newcomers take its own places. */
		submit('b', 0, 0);
		assert_int_equal(tr_stage_counts(&stage).failed, drop ? 3 : 1);
		if (drop)
			assert_non_null(tr_stage_finish(&stage, waiting[1]));
		tr_stage_done(&stage);
	}
}

/* ---- books ---- */

/* ADM-1, GOV-1 */
static void test_who_gives_up_its_place_is_settled_once(void **state)
{
	struct tr_tenant_view view;

	(void)state;
	set_up(TR_FULL_DROP_LRU, 2, 0);
	plan.tenants[1].tokens_per_minute = 1000;
	start();
	for (int i = 0; i < 20; i++)
		submit('b', 0, TR_NAME("other"));
	/* 150 tokens each: what was dropped gave its own back, or the rate had refused them. */
	assert_int_equal(tr_stage_counts(&stage).rejected, 0);
	assert_int_equal(tr_stage_counts(&stage).failed, 18);
	view = tr_stage_tenant(&stage, TR_NAME("other"));
	assert_int_equal(view.waiting, 2);
	assert_int_equal(view.reserved_micro_usd, 2 * 200);
	assert_int_equal(view.spent_micro_usd, 0);
	tr_stage_done(&stage);
}

/* ADM-1: a newcomer that anything else refuses displaces nobody. */
static void test_a_refused_newcomer_displaces_nobody(void **state)
{
	uint64_t late;

	(void)state;
	set_up(TR_FULL_DROP_LRU, 3, 0);
	start();
	come("bbb");
	late = tr_stage_submit(&stage, (struct tr_event_job_submit){.class_name = TR_NAME("batch"),
								    .deadline = stage.now});
	assert_int_equal(tr_stage_reject(&stage, late)->code, TR_REJECT_DEADLINE_UNMET);
	assert_int_equal(ended(3), NOBODY);
	tr_stage_done(&stage);
}

/* ADM-1: a table of jobs that is full as well has the place that was given up. */
static void test_the_place_given_up_is_also_a_row(void **state)
{
	struct tr_limits limits = tr_stage_limits;

	(void)state;
	limits.jobs = 4;
	limits.active = limits.attempts = 2;
	set_up(TR_FULL_DROP_LRU, 3, 0);
	tr_stage_init(&stage, &limits, &plan.policy);
	running = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	come("bbb");
	assert_int_equal(tr_stage_reject(&stage, submit('t', 0, 0))->code,
			 TR_REJECT_JOB_TABLE_FULL);
	assert_non_null(tr_stage_accept(&stage, submit('b', 0, 0)));
	assert_int_equal(ended(3), 0);
	tr_stage_done(&stage);
}

/* ADM-1: a queue found above a limit that was lowered neither grows nor is cut. */
static void test_above_a_lowered_limit_one_goes_for_one_that_comes(void **state)
{
	static struct tr_plan tight;

	(void)state;
	set_up(TR_FULL_DROP_LRU, NO_LIMIT, 0);
	start();
	come("bbbbb");
	set_up(TR_FULL_DROP_LRU, NO_LIMIT, 2);
	tight = plan;
	tight.policy.id = 2;
	assert_int_equal(tr_stage_activate(&stage, &tight.policy), 0);
	assert_int_equal(ended(5), NOBODY);
	submit('t', 0, 0);
	assert_int_equal(ended(5), 0);
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).waiting +
				 tr_stage_tenant(&stage, TR_NAME("other")).waiting,
			 5);
	/* The limit of the model is gone again with the policy that had it. */
	plan.policy.id = 3;
	plan.models[0].queue_limit = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	submit('t', 0, 0);
	assert_int_equal(tr_stage_counts(&stage).failed, 1);
	tr_stage_done(&stage);
}

/* ---- any order of anything ---- */

#define ACTORS 64

struct actor {
	uint64_t id; /* 0: nobody */
	uint32_t class;
	uint32_t entry;
	bool runs, held;
};

static struct actor actors[ACTORS];
static uint32_t entries;

static uint32_t count(uint32_t class)
{
	uint32_t n = 0;

	for (int i = 0; i < ACTORS; i++)
		n += actors[i].id && !actors[i].runs &&
		     (class == NOBODY || actors[i].class == class);
	return n;
}

static struct actor *actor_with(uint64_t id)
{
	for (int i = 0; i < ACTORS; i++)
		if (actors[i].id == id)
			return &actors[i];
	return NULL;
}

/* Nobody would have had to go before the victim. */
static void check_victim(const struct actor *victim, const struct actor *newcomer,
			 enum tr_full full)
{
	uint32_t priority = classes[victim->class].priority;

	assert_non_null(newcomer);
	assert_false(victim->held || victim->runs);
	assert_true(priority < classes[newcomer->class].priority ||
		    (full == TR_FULL_DROP_LRU && priority == classes[newcomer->class].priority));
	for (int i = 0; i < ACTORS; i++) {
		const struct actor *a = &actors[i];

		if (!a->id || a->runs || a->held || a == victim || a == newcomer)
			continue;
		/* Where the newcomer's own class is full, the others are not looked at. */
		if (victim->class != newcomer->class)
			assert_true(classes[a->class].priority >= priority);
		if (a->class == victim->class)
			assert_true((full == TR_FULL_DROP_LRU) == (a->entry > victim->entry));
	}
}

static void listen(const struct actor *newcomer, enum tr_full full)
{
	for (uint32_t i = 0; i < stage.actions.count; i++) {
		const struct tr_action *action = &stage.actions.items[i];

		if (action->kind == TR_ACTION_ATTEMPT_DISPATCH)
			actor_with(action->attempt_dispatch.job_id)->runs = true;
		if (action->kind != TR_ACTION_JOB_FINISH)
			continue;

		struct actor *a = actor_with(action->job_finish.job_id);

		if (action->job_finish.cause != TR_CAUSE_NONE)
			check_victim(a, newcomer, full);
		*a = (struct actor){0};
	}
}

static void arrive(uint64_t draw, enum tr_full full)
{
	struct actor *a = actor_with(0);
	uint32_t class = (uint32_t)tr_below(draw << 8, TR_ARRAY_LENGTH(classes));
	bool held = tr_below(draw << 16, 5) == 0;
	struct tr_event_job_submit *ev = &tr_stage_event(&stage, TR_EVENT_JOB_SUBMIT)->job_submit;

	assert_non_null(a);
	*a = (struct actor){
		.id = stage.next_job_id++, .class = class, .entry = ++entries, .held = held};
	ev->job_id = a->id;
	ev->class_name = plan.classes[class].name;
	ev->tokens_in = 1;
	ev->flags = held ? TR_SUBMIT_HOLD : 0;
	assert_int_equal(tr_stage_give(&stage), 0);
	if (tr_stage_reject(&stage, a->id))
		*a = (struct actor){0};
	listen(a, full);
}

static void random_step(uint64_t draw, enum tr_full full)
{
	struct actor *a = &actors[tr_below(draw << 24, ACTORS)];

	tr_stage_wait(&stage, tr_below(draw << 32, TR_MS));
	if (tr_below(draw, 3) < 2) {
		arrive(draw, full);
		return;
	}
	if (!a->id || (!a->runs && !a->held))
		return;
	if (a->held) {
		a->held = false;
		a->entry = ++entries;
		assert_int_equal(tr_stage_release(&stage, a->id), 0);
	} else {
		assert_int_equal(tr_stage_complete(&stage, a->id, 1), 0);
	}
	listen(NULL, full);
}

/* ADM-1 */
static void test_queues_never_pass_their_limits(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 200 : 10;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		enum tr_full full = (enum tr_full)(seed % TR_FULL_COUNT);
		uint32_t of_class = 3 + (uint32_t)(seed % 5);
		uint32_t of_model = 2 * of_class + (uint32_t)(seed % 4);

		print_message("# seed %llu\n", (unsigned long long)seed);
		set_up(full, of_class, of_model);
		tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
		memset(actors, 0, sizeof actors);
		for (uint64_t step = 0; step < 1500; step++) {
			random_step(tr_draw(seed, step, TR_PURPOSE_TEST, 0), full);
			assert_true(count(NOBODY) <= of_model);
			for (uint32_t c = 0; c < TR_ARRAY_LENGTH(classes); c++)
				assert_true(count(c) <= of_class);
		}
		assert_true(tr_stage_counts(&stage).rejected > 0);
		assert_true((tr_stage_counts(&stage).failed > 0) == (full != TR_FULL_REJECT));
		tr_stage_done(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_queue_does_as_its_class_says),
		cmocka_unit_test(test_equal_classes_give_way_by_name),
		cmocka_unit_test(test_a_floor_keeps_its_places_of_a_model),
		cmocka_unit_test(test_who_gives_up_its_place_is_settled_once),
		cmocka_unit_test(test_a_refused_newcomer_displaces_nobody),
		cmocka_unit_test(test_the_place_given_up_is_also_a_row),
		cmocka_unit_test(test_above_a_lowered_limit_one_goes_for_one_that_comes),
		cmocka_unit_test(test_queues_never_pass_their_limits),
	};

	return cmocka_run_group_tests_name("shed", tests, NULL, NULL);
}
