/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADM-3: every reason to refuse a job, one row each.
 *
 * Each scene sets up one stage, submits, and says what the refusal must name and when it says to
 * come back. A code of the engine's list for which nobody has written a scene fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/state.h"
#include "tests/engine/stage.h"

struct scene {
	struct tr_plan plan;
	struct tr_limits limits;
	struct tr_event_job_submit before[4]; /* submitted first, and to be accepted */
	uint32_t before_count;
	struct tr_event_job_submit submit;
	/* What the refusal must say. */
	tr_name limit;
	tr_span_ns retry_after;
	uint64_t original;
	bool retriable;
};

#define GUEST TR_NAME("guest")
#define OTHER TR_NAME("other")

static void ask_none(struct scene *scene)
{
	scene->submit.model = TR_NAME("m");
}

static void ask_malformed(struct scene *scene)
{
	scene->submit.tokens_in = 0;
}

static void ask_unknown_model(struct scene *scene)
{
	scene->submit.model = TR_NAME("nobody");
	scene->limit = TR_NAME("nobody");
}

static void ask_unknown_intent(struct scene *scene)
{
	scene->submit.intent = TR_NAME("whim");
	scene->limit = TR_NAME("whim");
}

static void ask_unknown_class(struct scene *scene)
{
	scene->submit.class_name = TR_NAME("royal");
	scene->limit = TR_NAME("royal");
}

static void ask_unknown_strategy(struct scene *scene)
{
	scene->submit.strategy = TR_NAME("luck");
	scene->limit = TR_NAME("luck");
}

static void ask_unknown_profile(struct scene *scene)
{
	scene->submit.profile = TR_NAME("whom");
	scene->limit = TR_NAME("whom");
}

static void ask_model_not_allowed(struct scene *scene)
{
	scene->plan.tenants[1].models.bits[0] = 0;
	scene->submit.tenant = GUEST;
	scene->limit = TR_NAME("m");
}

static void ask_capability(struct scene *scene)
{
	scene->submit.needs = TR_CAPABILITY_JSON | TR_CAPABILITY_VISION;
	scene->limit = TR_NAME("m");
}

static void ask_context_length(struct scene *scene)
{
	scene->plan.models[0].context_tokens = 1000;
	scene->submit.tokens_in = 900;
	scene->submit.tokens_out_max = 101;
	scene->limit = TR_NAME("m");
}

static void ask_tokens_in(struct scene *scene)
{
	scene->plan.policy.limits.tokens_in = 99;
	scene->limit = TR_NAME("m");
}

static void ask_tokens_out(struct scene *scene)
{
	scene->plan.policy.limits.tokens_out = 50;
	scene->submit.tokens_out_max = 51;
	scene->limit = TR_NAME("m");
}

static void ask_cost_limit(struct scene *scene)
{
	/* 100 tokens in at 1 micro-USD, 50 predicted out at 2. */
	scene->submit.cost_limit = 199;
	scene->limit = TR_NAME("m");
}

static void ask_tenant_table_full(struct scene *scene)
{
	scene->limits.tenants = 2;
	scene->submit.tenant = OTHER;
	scene->limit = OTHER;
	/* Both that are known are the policy's own. */
	scene->retry_after = TR_MINUTE;
	scene->retriable = true;
}

static void ask_tenant_requests(struct scene *scene)
{
	scene->plan.tenants[1].requests_per_minute = 2;
	scene->before[0].tenant = scene->before[1].tenant = scene->submit.tenant = GUEST;
	scene->before_count = 2;
	scene->limit = GUEST;
	scene->retriable = true;
	scene->retry_after = 30 * TR_SECOND;
}

static void ask_tenant_tokens(struct scene *scene)
{
	/* Each takes 100 + 20 of 200 tokens: the second lacks 40, 12 seconds' worth. */
	scene->plan.tenants[1].tokens_per_minute = 200;
	scene->before[0].tenant = scene->submit.tenant = GUEST;
	scene->before[0].tokens_out_max = scene->submit.tokens_out_max = 20;
	scene->before_count = 1;
	scene->limit = GUEST;
	scene->retriable = true;
	scene->retry_after = 12 * TR_SECOND;
}

static void ask_tenant_budget(struct scene *scene)
{
	/* Each is estimated at 200; the day at the stage's start has 6,400 seconds to go. */
	scene->plan.tenants[1].budget_micro_usd_per_day = 399;
	scene->before[0].tenant = scene->submit.tenant = GUEST;
	scene->before_count = 1;
	scene->limit = GUEST;
	scene->retriable = true;
	scene->retry_after = 6400 * TR_SECOND;
}

static void ask_queue_full(struct scene *scene)
{
	/* One runs, two wait; nothing is known of how long a job takes. */
	scene->plan.classes[0].queue_limit = 2;
	scene->before_count = 3;
	scene->limit = TR_NAME("interactive");
	scene->retriable = true;
	scene->retry_after = TR_SECOND;
}

static void ask_job_table_full(struct scene *scene)
{
	scene->limits.jobs = scene->limits.active = scene->limits.attempts = 2;
	scene->before_count = 2;
	scene->retriable = true;
	scene->retry_after = TR_SECOND;
}

static void ask_deadline_unmet(struct scene *scene)
{
	scene->submit.deadline = 1700000000 * TR_SECOND;
	scene->limit = TR_NAME("default");
	scene->retriable = true;
	scene->retry_after = TR_MS;
}

static void ask_idempotent_repeat(struct scene *scene)
{
	scene->plan.policy.admission.idempotency_ns = TR_MINUTE;
	scene->before[0].job_id = 5;
	scene->before[0].idempotency_key = scene->submit.idempotency_key = 6;
	scene->before[0].body_hash = scene->submit.body_hash = 7;
	scene->before_count = 1;
	scene->limit = TR_NAME("default");
	scene->original = 5;
}

static void ask_idempotency_conflict(struct scene *scene)
{
	ask_idempotent_repeat(scene);
	scene->submit.body_hash = 8;
}

static void ask_idempotency_table_full(struct scene *scene)
{
	ask_idempotent_repeat(scene);
	scene->limits.idempotency = 1;
	scene->submit.idempotency_key = 9;
	scene->limit = 0;
	scene->original = 0;
	scene->retriable = true;
	scene->retry_after = TR_MINUTE;
}

#define SCENES(X)                                                                                  \
	X(NONE, none)                                                                              \
	X(MALFORMED, malformed)                                                                    \
	X(UNKNOWN_MODEL, unknown_model)                                                            \
	X(UNKNOWN_INTENT, unknown_intent)                                                          \
	X(UNKNOWN_CLASS, unknown_class)                                                            \
	X(UNKNOWN_STRATEGY, unknown_strategy)                                                      \
	X(MODEL_NOT_ALLOWED, model_not_allowed)                                                    \
	X(CAPABILITY, capability)                                                                  \
	X(CONTEXT_LENGTH, context_length)                                                          \
	X(TOKENS_IN, tokens_in)                                                                    \
	X(TOKENS_OUT, tokens_out)                                                                  \
	X(COST_LIMIT, cost_limit)                                                                  \
	X(TENANT_TABLE_FULL, tenant_table_full)                                                    \
	X(TENANT_REQUESTS, tenant_requests)                                                        \
	X(TENANT_TOKENS, tenant_tokens)                                                            \
	X(TENANT_BUDGET, tenant_budget)                                                            \
	X(QUEUE_FULL, queue_full)                                                                  \
	X(JOB_TABLE_FULL, job_table_full)                                                          \
	X(DEADLINE_UNMET, deadline_unmet)                                                          \
	X(IDEMPOTENT_REPEAT, idempotent_repeat)                                                    \
	X(IDEMPOTENCY_CONFLICT, idempotency_conflict)                                              \
	X(IDEMPOTENCY_TABLE_FULL, idempotency_table_full)                                          \
	X(UNKNOWN_PROFILE, unknown_profile)

static void (*const scenes[TR_REJECT_COUNT])(struct scene *) = {
#define X(code, name) [TR_REJECT_##code] = ask_##name,
	SCENES(X)
#undef X
};

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){.limits = tr_stage_limits};
	tr_plan_init(&scene->plan, 1);
	tr_plan_model(&scene->plan, TR_NAME("m"), 1, 1);
	tr_plan_tenant(&scene->plan, GUEST);
	scene->submit.job_id = 77;
	scene->submit.tokens_in = 100;
}

/* Give the scene's submit as it stands: tokens_in may be 0. */
static void submit(struct tr_stage *stage, const struct tr_event_job_submit *what)
{
	tr_stage_event(stage, TR_EVENT_JOB_SUBMIT)->job_submit = *what;
	assert_int_equal(tr_stage_give(stage), 0);
}

/* The engine's whole memory, to be compared with what it is after the next step. */
static uint8_t *memory_of(const struct tr_stage *stage)
{
	size_t size = tr_engine_size(&stage->limits);
	uint8_t *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, stage->engine, size);
	return copy;
}

/* Nothing has changed since but time, hashes and counts. */
static void only_counted(const struct tr_stage *stage, uint8_t *copy)
{
	const struct tr_core *now = stage->engine->core;
	struct tr_core *then =
		(struct tr_core *)(void *)(copy + ((uint8_t *)now - (uint8_t *)stage->engine));

	then->now = now->now;
	then->chain = now->chain;
	then->path = now->path;
	then->events = now->events;
	then->submitted = now->submitted;
	then->rejected = now->rejected;
	assert_memory_equal(copy, stage->engine, tr_engine_size(&stage->limits));
	free(copy);
}

static uint64_t reserved(const struct tr_stage *stage)
{
	struct tr_tenant_view view;
	uint64_t sum = tr_stage_tenant(stage, TR_NAME("default")).reserved_micro_usd;

	if (tr_engine_tenant(stage->engine, GUEST, &view) == 0)
		sum += view.reserved_micro_usd;
	return sum;
}

static void play(enum tr_reject code)
{
	static struct scene scene;
	struct tr_stage stage;
	const struct tr_action_job_reject *reject;
	struct tr_counts before, after;
	uint64_t booked;
	uint8_t *memory;

	scene_init(&scene);
	scenes[code](&scene);
	tr_stage_init(&stage, &scene.limits, &scene.plan.policy);
	for (uint32_t i = 0; i < scene.before_count; i++)
		assert_non_null(tr_stage_accept(&stage, tr_stage_submit(&stage, scene.before[i])));
	booked = reserved(&stage);
	before = tr_stage_counts(&stage);
	memory = memory_of(&stage);
	submit(&stage, &scene.submit);
	after = tr_stage_counts(&stage);
	reject = tr_stage_reject(&stage, 77);
	if (code == TR_REJECT_NONE) {
		assert_null(reject);
		assert_non_null(tr_stage_accept(&stage, 77));
		free(memory);
	} else {
		assert_non_null(reject);
		assert_string_equal(tr_rejects[reject->code].name, tr_rejects[code].name);
		assert_int_equal(stage.actions.count, 1);
		assert_int_equal(reject->policy_id, 1);
		assert_int_equal(reject->limit, scene.limit);
		assert_int_equal(reject->retry_after, scene.retry_after);
		assert_int_equal(reject->original, scene.original);
		assert_int_equal(reject->retriable, scene.retriable);
		assert_int_equal(reject->retriable, tr_rejects[code].retriable);
		/* It has left a count and nothing else. */
		assert_int_equal(after.submitted, before.submitted + 1);
		assert_int_equal(after.rejected, before.rejected + 1);
		assert_int_equal(after.in_system, before.in_system);
		assert_int_equal(after.attempts, before.attempts);
		assert_int_equal(reserved(&stage), booked);
		only_counted(&stage, memory);
	}
	tr_stage_done(&stage);
}

/* ADM-3 */
static void test_every_reason_to_refuse_has_its_scene(void **state)
{
	(void)state;
	for (int code = 0; code < TR_REJECT_COUNT; code++) {
		if (!scenes[code])
			fail_msg("nobody provokes %s", tr_rejects[code].name);
		play((enum tr_reject)code);
	}
}

/* ADM-3 */
static void test_a_refused_rate_comes_back_when_it_said(void **state)
{
	static struct scene scene;
	struct tr_stage stage;

	(void)state;
	scene_init(&scene);
	ask_tenant_tokens(&scene);
	tr_stage_init(&stage, &scene.limits, &scene.plan.policy);
	tr_stage_submit(&stage, scene.before[0]);
	tr_stage_wait(&stage, 12 * TR_SECOND - 1);
	submit(&stage, &scene.submit);
	assert_non_null(tr_stage_reject(&stage, 77));
	assert_int_equal(tr_stage_reject(&stage, 77)->retry_after, 1);
	tr_stage_wait(&stage, 1);
	submit(&stage, &scene.submit);
	assert_non_null(tr_stage_accept(&stage, 77));
	tr_stage_done(&stage);
}

/* ADM-3: the most lasting reason is the one that is given. */
static void test_the_request_is_judged_before_the_house(void **state)
{
	static struct scene scene;
	struct tr_stage stage;

	(void)state;
	scene_init(&scene);
	ask_queue_full(&scene);
	ask_capability(&scene);
	ask_deadline_unmet(&scene);
	tr_stage_init(&stage, &scene.limits, &scene.plan.policy);
	for (uint32_t i = 0; i < scene.before_count; i++)
		tr_stage_submit(&stage, scene.before[i]);
	submit(&stage, &scene.submit);
	assert_int_equal(tr_stage_reject(&stage, 77)->code, TR_REJECT_CAPABILITY);
	scene.submit.needs = 0;
	submit(&stage, &scene.submit);
	assert_int_equal(tr_stage_reject(&stage, 77)->code, TR_REJECT_QUEUE_FULL);
	tr_stage_done(&stage);
}

/* GOV-1: what a job reserved is corrected to what it cost, once, on every way out. */
static void test_a_budget_is_reserved_and_settled_exactly_once(void **state)
{
	static struct tr_plan plan;
	struct tr_stage stage;
	uint64_t done, failed, canceled;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 3);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	done = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	failed = tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_out_max = 10});
	canceled = tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_out_max = 80});
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).reserved_micro_usd,
			 (100 + 2 * 50) + (100 + 2 * 10) + (100 + 2 * 80));
	assert_int_equal(tr_stage_fail(&stage, failed, TR_CAUSE_BAD_REQUEST, 0), 0);
	assert_int_equal(tr_stage_first_token(&stage, canceled), 0);
	assert_int_equal(tr_stage_progress(&stage, canceled, 5), 0);
	assert_int_equal(tr_stage_cancel(&stage, canceled, TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(tr_stage_complete(&stage, done, 7), 0);
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).reserved_micro_usd, 0);
	/* The failed one gave no token and costs nothing; the canceled one what it gave. */
	assert_int_equal(tr_stage_finish(&stage, failed)->cost, 0);
	assert_int_equal(tr_stage_finish(&stage, canceled)->cost, 110);
	assert_int_equal(tr_stage_finish(&stage, done)->cost, 114);
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).spent_micro_usd, 224);
	tr_stage_done(&stage);
}

/* GOV-1: a new name must not cost a place in the table before it is let in. */
static void test_a_refused_stranger_takes_no_place_in_the_table(void **state)
{
	static struct scene scene;
	struct tr_stage stage;
	struct tr_tenant_view view;

	(void)state;
	scene_init(&scene);
	ask_deadline_unmet(&scene);
	tr_stage_init(&stage, &scene.limits, &scene.plan.policy);
	scene.submit.tenant = OTHER;
	submit(&stage, &scene.submit);
	assert_int_equal(tr_stage_reject(&stage, 77)->code, TR_REJECT_DEADLINE_UNMET);
	assert_int_equal(tr_engine_tenant(stage.engine, OTHER, &view), TR_E_INVALID);
	tr_stage_done(&stage);
}

/* ADM-3: whoever finds the table full is told when a place may be free, and finds one then. */
static void test_a_full_tenant_table_says_when_to_come_back(void **state)
{
	struct tr_limits limits = tr_stage_limits;
	static struct tr_plan plan;
	struct tr_stage stage;
	uint64_t first, again;

	(void)state;
	limits.tenants = 2;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	plan.tenants[0].requests_per_minute = 6;
	tr_stage_init(&stage, &limits, &plan.policy);
	first = tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = GUEST});
	again = tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = OTHER});
	assert_int_equal(tr_stage_reject(&stage, again)->code, TR_REJECT_TENANT_TABLE_FULL);
	assert_int_equal(tr_stage_reject(&stage, again)->retry_after, TR_SECOND);
	tr_stage_wait(&stage, TR_SECOND);
	tr_stage_complete(&stage, first, 9);
	/* Of its rate a sixth of a minute is spent. */
	again = tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = OTHER});
	assert_int_equal(tr_stage_reject(&stage, again)->retry_after, 9 * TR_SECOND);
	tr_stage_wait(&stage, 9 * TR_SECOND);
	again = tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = OTHER});
	assert_non_null(tr_stage_accept(&stage, again));
	tr_stage_done(&stage);
}

/* ADM-6 */
static void test_an_accepted_job_is_told_its_place_and_time(void **state)
{
	static struct tr_plan plan;
	struct tr_stage stage;
	uint64_t first;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	first = tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	tr_stage_wait(&stage, 3 * TR_SECOND);
	tr_stage_complete(&stage, first, 9);
	/* A job takes three seconds on the only slot. */
	tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	for (uint32_t ahead = 0; ahead < 4; ahead++) {
		uint64_t id = tr_stage_submit(&stage, (struct tr_event_job_submit){0});

		assert_int_equal(tr_stage_accept(&stage, id)->queue_position, ahead + 1);
		assert_int_equal(tr_stage_accept(&stage, id)->predicted_start,
				 (ahead + 1) * 3 * TR_SECOND);
	}
	tr_stage_done(&stage);
}

/* JOB-5: what the request leaves open is the intent's, and no request may have more time. */
static void test_an_intent_gives_class_deadline_and_whether_it_may_be_canceled(void **state)
{
	static struct tr_plan plan;
	struct tr_stage stage;
	uint64_t given, longer;

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 2);
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	tr_plan_intent(&plan, TR_NAME("nightly"));
	plan.intents[1].class_row = 1;
	plan.intents[1].deadline_ns = 5 * TR_SECOND;
	plan.intents[1].deadline_ns_max = 8 * TR_SECOND;
	plan.intents[1].cancelable = 0;
	plan.policy.slo.ttft_ns = TR_SECOND;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	given = tr_stage_submit(&stage, (struct tr_event_job_submit){.intent = TR_NAME("nightly")});
	longer = tr_stage_submit(&stage,
				 (struct tr_event_job_submit){.intent = TR_NAME("nightly"),
							      .deadline = stage.now + TR_MINUTE});
	assert_int_equal(tr_stage_accept(&stage, given)->class_name, TR_NAME("batch"));
	assert_int_equal(tr_stage_dispatch(&stage, given)->deadline, stage.now + 5 * TR_SECOND);
	assert_int_equal(tr_stage_dispatch(&stage, longer)->deadline, stage.now + 8 * TR_SECOND);
	assert_int_equal(tr_stage_cancel(&stage, given, TR_CAUSE_CANCEL_CLIENT), TR_E_STATE);
	/* A breach is said: by the end of the one, by the objective of the other. */
	tr_stage_wait(&stage, 5 * TR_SECOND);
	assert_int_equal(tr_stage_finish(&stage, given)->outcome, TR_OUTCOME_EXPIRED);
	assert_int_equal(tr_stage_finish(&stage, given)->cause, TR_CAUSE_DEADLINE);
	tr_stage_complete(&stage, longer, 5);
	assert_int_equal(tr_stage_finish(&stage, longer)->outcome, TR_OUTCOME_COMPLETED);
	assert_int_equal(tr_stage_finish(&stage, longer)->slo_met, 0);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_to_refuse_has_its_scene),
		cmocka_unit_test(test_a_refused_rate_comes_back_when_it_said),
		cmocka_unit_test(test_the_request_is_judged_before_the_house),
		cmocka_unit_test(test_a_budget_is_reserved_and_settled_exactly_once),
		cmocka_unit_test(test_a_full_tenant_table_says_when_to_come_back),
		cmocka_unit_test(test_a_refused_stranger_takes_no_place_in_the_table),
		cmocka_unit_test(test_an_accepted_job_is_told_its_place_and_time),
		cmocka_unit_test(
			test_an_intent_gives_class_deadline_and_whether_it_may_be_canceled),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
