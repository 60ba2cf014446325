/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-1, GOV-2: whose word counts. A request's own strategy and class, its profile's, its tenant's,
 * its intent's, in every combination; and the caps that a tenant has of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/engine/scene.h"

#define GUEST TR_NAME("guest")
#define FAST  TR_NAME("fast")

static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 2, 4000);
	tr_plan_class(&plan, TR_NAME("second"), 50);
	tr_plan_class(&plan, TR_NAME("third"), 10);
	tr_plan_tenant(&plan, GUEST);
	tr_plan_profile(&plan, FAST);
	plan.intents[0].strategy = TR_PICKER_LEAST_OUTSTANDING;
}

/* The name of the strategy that decided about a job like this. */
static tr_name strategy_of(struct tr_event_job_submit submit)
{
	submit.tenant = GUEST;
	tr_stage_submit(&stage, submit);
	assert_int_equal(stage.actions.decision_count, 1);
	return stage.actions.decisions[0].strategy;
}

static tr_name class_of(struct tr_event_job_submit submit)
{
	return tr_stage_accept(&stage, tr_stage_submit(&stage, submit))->class_name;
}

enum {
	ABSENT,
	SILENT,
	SPEAKS
}; /* of a profile: not named, says nothing of this, says */

/* RTE-1: request, then profile, then tenant, then intent. */
static void test_the_strategy_is_the_requests_then_the_profiles_then_the_tenants(void **state)
{
	(void)state;
	for (int request = 0; request < 2; request++)
		for (int profile = ABSENT; profile <= SPEAKS; profile++)
			for (int tenant = 0; tenant < 2; tenant++) {
				uint32_t expected = request		? TR_PICKER_RANDOM
						    : profile == SPEAKS ? TR_PICKER_ROUND_ROBIN
						    : tenant		? TR_PICKER_BEST_SCORE
							     : TR_PICKER_LEAST_OUTSTANDING;

				set_up();
				if (profile == SPEAKS)
					plan.profiles[0].strategy = TR_PICKER_ROUND_ROBIN;
				if (tenant)
					plan.tenants[1].strategy = TR_PICKER_BEST_SCORE;
				start();
				assert_int_equal(
					strategy_of((struct tr_event_job_submit){
						.strategy = request ? TR_PLAN_STRATEGY +
									      TR_PICKER_RANDOM
								    : 0,
						.profile = profile == ABSENT ? 0 : FAST}),
					TR_PLAN_STRATEGY + expected);
				tr_stage_done(&stage);
			}
}

/* RTE-1: request, then profile, then intent. */
static void test_the_class_is_the_requests_then_the_profiles_then_the_intents(void **state)
{
	(void)state;
	for (int request = 0; request < 2; request++)
		for (int profile = ABSENT; profile <= SPEAKS; profile++) {
			tr_name expected = request	       ? TR_NAME("third")
					   : profile == SPEAKS ? TR_NAME("second")
							       : TR_NAME("interactive");

			set_up();
			if (profile == SPEAKS)
				plan.profiles[0].class_row = 1;
			start();
			assert_int_equal(class_of((struct tr_event_job_submit){
						 .class_name = request ? TR_NAME("third") : 0,
						 .profile = profile == ABSENT ? 0 : FAST}),
					 expected);
			tr_stage_done(&stage);
		}
}

/* RTE-9: a profile is the request's; the next request does not have it. */
static void test_a_profile_is_for_the_request_that_names_it(void **state)
{
	(void)state;
	set_up();
	plan.profiles[0].strategy = TR_PICKER_ROUND_ROBIN;
	plan.profiles[0].class_row = 1;
	start();
	assert_int_equal(strategy_of((struct tr_event_job_submit){.profile = FAST}),
			 TR_PLAN_STRATEGY + TR_PICKER_ROUND_ROBIN);
	assert_int_equal(strategy_of((struct tr_event_job_submit){0}),
			 TR_PLAN_STRATEGY + TR_PICKER_LEAST_OUTSTANDING);
	assert_int_equal(class_of((struct tr_event_job_submit){0}), TR_NAME("interactive"));
	tr_stage_done(&stage);
}

/* OPS-5: a job keeps what its policy's profile said, and a profile that is gone is unknown. */
static void test_a_profile_is_that_of_the_policy_that_admits(void **state)
{
	static struct tr_plan next;
	struct tr_event_job_submit submit = {.profile = FAST, .flags = TR_SUBMIT_HOLD};
	uint64_t early, late;

	(void)state;
	set_up();
	plan.profiles[0].strategy = TR_PICKER_ROUND_ROBIN;
	start();
	early = tr_stage_submit(&stage, submit);
	tr_plan_copy(&next, &plan, 2);
	next.profiles[0].strategy = TR_PICKER_RANDOM;
	assert_int_equal(tr_stage_activate(&stage, &next.policy), 0);
	late = tr_stage_submit(&stage, submit);
	tr_stage_release(&stage, late);
	assert_int_equal(stage.actions.decisions[0].strategy, TR_PLAN_STRATEGY + TR_PICKER_RANDOM);
	tr_stage_release(&stage, early);
	assert_int_equal(stage.actions.decisions[0].strategy,
			 TR_PLAN_STRATEGY + TR_PICKER_ROUND_ROBIN);
	tr_plan_copy(&plan, &next, 3);
	plan.policy.profile_count = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	late = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_reject(&stage, late)->code, TR_REJECT_UNKNOWN_PROFILE);
	tr_stage_done(&stage);
}

/* GOV-2, ADM-3 */
static void test_a_tenants_own_caps_hold_besides_the_policys(void **state)
{
	static const struct {
		bool guest;
		uint32_t in, out;
		enum tr_reject code;
		bool tenants; /* the cap that spoke is the tenant's */
	} rows[] = {
		{true, 200, 20, TR_REJECT_NONE, false},
		{true, 201, 20, TR_REJECT_TOKENS_IN, true},
		{true, 200, 21, TR_REJECT_TOKENS_OUT, true},
		{true, 200, 0, TR_REJECT_NONE, false},
		{true, 1001, 21, TR_REJECT_TOKENS_IN, false},
		{true, 201, 101, TR_REJECT_TOKENS_OUT, false},
		{false, 1000, 100, TR_REJECT_NONE, false},
		{false, 1001, 100, TR_REJECT_TOKENS_IN, false},
		{false, 1000, 101, TR_REJECT_TOKENS_OUT, false},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		const struct tr_action_job_reject *reject;

		set_up();
		plan.policy.limits.tokens_in = 1000;
		plan.policy.limits.tokens_out = 100;
		plan.tenants[1].tokens_in = 200;
		plan.tenants[1].tokens_out = 20;
		start();
		reject = tr_stage_reject(
			&stage, tr_stage_submit(&stage, (struct tr_event_job_submit){
								.tenant = rows[i].guest ? GUEST : 0,
								.tokens_in = rows[i].in,
								.tokens_out_max = rows[i].out}));
		assert_int_equal(reject ? reject->code : TR_REJECT_NONE, rows[i].code);
		if (reject)
			assert_int_equal(reject->limit, rows[i].tenants ? GUEST : TR_NAME("m"));
		tr_stage_done(&stage);
	}
}

/* GOV-2: who has no row of his own has the default's caps, under his own name. */
static void test_a_stranger_has_the_caps_of_the_default_tenant(void **state)
{
	uint64_t job;

	(void)state;
	set_up();
	plan.tenants[0].tokens_in = 200;
	start();
	job = tr_stage_submit(
		&stage, (struct tr_event_job_submit){.tenant = TR_NAME("who"), .tokens_in = 201});
	assert_int_equal(tr_stage_reject(&stage, job)->code, TR_REJECT_TOKENS_IN);
	assert_int_equal(tr_stage_reject(&stage, job)->limit, TR_NAME("who"));
	job = tr_stage_submit(&stage, (struct tr_event_job_submit){.tokens_in = 201});
	assert_int_equal(tr_stage_reject(&stage, job)->limit, TR_NAME("default"));
	tr_stage_done(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_strategy_is_the_requests_then_the_profiles_then_the_tenants),
		cmocka_unit_test(test_the_class_is_the_requests_then_the_profiles_then_the_intents),
		cmocka_unit_test(test_a_profile_is_for_the_request_that_names_it),
		cmocka_unit_test(test_a_profile_is_that_of_the_policy_that_admits),
		cmocka_unit_test(test_a_tenants_own_caps_hold_besides_the_policys),
		cmocka_unit_test(test_a_stranger_has_the_caps_of_the_default_tenant),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
