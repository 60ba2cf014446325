/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GOV-1: what admission reserves of a budget covers what may be spent, and is given back whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/state.h"
#include "tests/engine/stage.h"

/* GOV-1: a dearer fallback must break neither the job's own limit nor its tenant's budget; one that
 * can never serve the job costs nothing. */
static void test_the_dearest_model_that_may_serve_is_reserved_for(void **state)
{
	enum {
		PLAIN,
		STRICT,
		NOT_ALLOWED,
		INCAPABLE,
		TOO_SHORT,
		WAYS
	};
	static struct tr_plan plan;

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		struct tr_event_job_submit submit = {.cost_limit = 300, .tokens_out_max = 50};
		struct tr_stage stage;
		uint64_t reserved, job;

		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, TR_NAME("m"), 1, 1);
		tr_plan_model(&plan, TR_NAME("dear"), 1, 1);
		plan.models[0].chain[1] = 1;
		plan.models[0].chain_count = 2;
		plan.models[1].price_in = 3 * plan.models[0].price_in;
		if (way == STRICT)
			submit.flags = TR_SUBMIT_STRICT;
		if (way == NOT_ALLOWED)
			plan.tenants[0].models.bits[0] = 1;
		plan.models[0].capabilities = plan.models[1].capabilities = TR_CAPABILITY_JSON;
		submit.needs = TR_CAPABILITY_JSON;
		if (way == INCAPABLE)
			plan.models[1].capabilities = 0;
		if (way == TOO_SHORT)
			plan.models[1].context_tokens = 149;
		tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
		job = tr_stage_submit(&stage, submit);
		if (way == PLAIN) {
			assert_int_equal(tr_stage_reject(&stage, job)->code, TR_REJECT_COST_LIMIT);
			assert_int_equal(tr_stage_reject(&stage, job)->limit, TR_NAME("dear"));
			submit.cost_limit = 400;
			job = tr_stage_submit(&stage, submit);
		}
		assert_non_null(tr_stage_accept(&stage, job));
		reserved = tr_stage_tenant(&stage, TR_NAME("default")).reserved_micro_usd;
		assert_int_equal(reserved, way == PLAIN ? 3 * 100 + 2 * 50 : 100 + 2 * 50);
		tr_stage_done(&stage);
	}
}

/* GOV-1: at the highest prices and sizes that a policy may have, too. */
static void test_reservations_of_any_size_are_given_back(void **state)
{
	static struct tr_plan plan;
	struct tr_stage stage;
	uint64_t jobs[3000];

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	plan.models[0].price_in = plan.models[0].price_out = UINT64_C(1000000000000);
	plan.models[0].context_tokens = plan.models[0].output_tokens = UINT32_MAX;
	plan.policy.limits.tokens_in = plan.policy.limits.tokens_out = UINT32_MAX;
	plan.tenants[0].tokens_in = plan.tenants[0].tokens_out = UINT32_MAX;
	plan.classes[0].queue_limit = 4000;
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
	stage.trusting = true;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(jobs); i++)
		jobs[i] = tr_stage_submit(
			&stage, (struct tr_event_job_submit){.tokens_in = UINT32_MAX - 1});
	for (size_t i = 0; i < TR_ARRAY_LENGTH(jobs); i++)
		assert_int_equal(tr_stage_cancel(&stage, jobs[i], TR_CAUSE_CANCEL_CLIENT), 0);
	assert_int_equal(tr_stage_tenant(&stage, TR_NAME("default")).reserved_micro_usd, 0);
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_dearest_model_that_may_serve_is_reserved_for),
		cmocka_unit_test(test_reservations_of_any_size_are_given_back),
	};

	return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
