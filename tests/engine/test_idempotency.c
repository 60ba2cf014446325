/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADM-7: idempotency keys, scene by scene, and the ring against a list that forgets nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "engine/state.h"
#include "tests/engine/stage.h"

#define WINDOW (10 * TR_SECOND)
#define GUEST  TR_NAME("guest")

static struct tr_plan plan;

static void begin(struct tr_stage *stage, uint32_t keys)
{
	struct tr_limits limits = tr_stage_limits;

	limits.idempotency = keys;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), 1, 1);
	tr_plan_tenant(&plan, GUEST);
	plan.policy.admission.idempotency_ns = WINDOW;
	tr_stage_init(stage, &limits, &plan.policy);
}

/* Submit with a key and a body; the id of the new job, 0: it was refused. */
static uint64_t send(struct tr_stage *stage, uint64_t key, uint64_t body)
{
	uint64_t id = tr_stage_submit(
		stage, (struct tr_event_job_submit){.idempotency_key = key, .body_hash = body});

	return tr_stage_accept(stage, id) ? id : 0;
}

static const struct tr_action_job_reject *refusal(const struct tr_stage *stage)
{
	const struct tr_action_job_reject *reject =
		tr_stage_reject(stage, stage->event.job_submit.job_id);

	assert_non_null(reject);
	return reject;
}

static void refused_as(const struct tr_stage *stage, enum tr_reject code, uint64_t original)
{
	assert_string_equal(tr_rejects[refusal(stage)->code].name, tr_rejects[code].name);
	assert_int_equal(refusal(stage)->original, original);
}

/* ADM-7 */
static void test_a_repeat_is_told_its_job_living_or_ended(void **state)
{
	struct tr_stage stage;
	uint64_t first;

	(void)state;
	begin(&stage, 8);
	first = send(&stage, 1, 2);
	assert_int_equal(send(&stage, 1, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, first);
	tr_stage_complete(&stage, first, 9);
	assert_int_equal(send(&stage, 1, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, first);
	tr_stage_done(&stage);
}

/* ADM-7 */
static void test_another_body_under_the_same_key_is_a_conflict(void **state)
{
	struct tr_stage stage;
	uint64_t first;

	(void)state;
	begin(&stage, 8);
	first = send(&stage, 1, 2);
	assert_int_equal(send(&stage, 1, 3), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENCY_CONFLICT, first);
	/* The conflict has not taken the key over. */
	assert_int_equal(send(&stage, 1, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, first);
	tr_stage_done(&stage);
}

/* ADM-7 */
static void test_a_key_of_0_and_a_window_of_0_mean_nothing(void **state)
{
	struct tr_stage stage;

	(void)state;
	begin(&stage, 1);
	assert_int_not_equal(send(&stage, 0, 2), 0);
	assert_int_not_equal(send(&stage, 0, 2), 0);
	plan.policy.id = 2;
	plan.policy.admission.idempotency_ns = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_not_equal(send(&stage, 1, 2), 0);
	assert_int_not_equal(send(&stage, 1, 2), 0);
	tr_stage_done(&stage);
}

/* ADM-7, GOV-1 */
static void test_tenants_do_not_meet_in_a_key(void **state)
{
	struct tr_stage stage;
	struct tr_event_job_submit submit = {.idempotency_key = 1, .body_hash = 2};
	uint64_t mine, theirs;

	(void)state;
	begin(&stage, 8);
	mine = tr_stage_submit(&stage, submit);
	submit.tenant = GUEST;
	theirs = tr_stage_submit(&stage, submit);
	assert_non_null(tr_stage_accept(&stage, theirs));
	tr_stage_submit(&stage, submit);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, theirs);
	/* One that names no tenant is the default tenant's. */
	submit.tenant = TR_NAME("default");
	tr_stage_submit(&stage, submit);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, mine);
	tr_stage_done(&stage);
}

/* ADM-7: nothing was done for it, and its client is told to try again. */
static void test_a_job_that_could_not_be_stored_gives_its_key_back(void **state)
{
	struct tr_event_job_submit submit = {
		.idempotency_key = 1, .body_hash = 2, .flags = TR_SUBMIT_ASYNC};
	struct tr_stage stage;
	uint64_t lost, kept, late;

	(void)state;
	begin(&stage, 2);
	lost = tr_stage_submit(&stage, submit);
	assert_int_equal(tr_stage_persisted(&stage, lost, false), 0);
	kept = tr_stage_submit(&stage, submit);
	assert_non_null(tr_stage_accept(&stage, kept));
	assert_int_equal(tr_stage_persisted(&stage, kept, true), 0);
	assert_int_equal(send(&stage, 1, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, kept);
	/* It kept its place in the ring: that is in order of time. */
	assert_int_equal(send(&stage, 2, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENCY_TABLE_FULL, 0);
	/* What ran out, and was taken by another, is not its to give. */
	tr_stage_wait(&stage, WINDOW);
	submit.idempotency_key = 3;
	late = tr_stage_submit(&stage, submit);
	tr_stage_wait(&stage, WINDOW);
	kept = send(&stage, 3, 2);
	assert_int_not_equal(kept, 0);
	assert_int_equal(tr_stage_persisted(&stage, late, false), 0);
	assert_int_equal(send(&stage, 3, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, kept);
	tr_stage_done(&stage);
}

/* ADM-7: what was refused may be sent again. */
static void test_a_refused_job_takes_no_key(void **state)
{
	struct tr_stage stage;
	struct tr_event_job_submit submit = {.idempotency_key = 1, .body_hash = 2, .cost_limit = 1};

	(void)state;
	begin(&stage, 8);
	tr_stage_submit(&stage, submit);
	refused_as(&stage, TR_REJECT_COST_LIMIT, 0);
	assert_int_not_equal(send(&stage, 1, 2), 0);
	tr_stage_done(&stage);
}

/* ADM-7: its answer exists, whatever would become of it today. */
static void test_a_repeat_is_known_before_quota_queue_and_policy(void **state)
{
	struct tr_stage stage;
	struct tr_event_job_submit submit = {
		.tenant = GUEST, .model = TR_NAME("m"), .idempotency_key = 1, .body_hash = 2};
	uint64_t first;

	(void)state;
	begin(&stage, 8);
	first = tr_stage_submit(&stage, submit);
	plan.policy.id = 2;
	plan.tenants[1].requests_per_minute = 1;
	plan.classes[0].queue_limit = 1;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = GUEST});
	tr_stage_submit(&stage, (struct tr_event_job_submit){.tenant = GUEST});
	assert_int_equal(refusal(&stage)->code, TR_REJECT_TENANT_REQUESTS);
	tr_stage_submit(&stage, (struct tr_event_job_submit){0});
	assert_int_equal(refusal(&stage)->code, TR_REJECT_QUEUE_FULL);
	tr_stage_submit(&stage, submit);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, first);
	plan.policy.id = 3;
	plan.tenants[1].models.bits[0] = 0;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	tr_stage_submit(&stage, submit);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, first);
	tr_stage_done(&stage);
}

/* ADM-7 */
static void test_a_key_ends_with_its_window_and_a_full_table_says_when(void **state)
{
	struct tr_stage stage;
	uint64_t second;

	(void)state;
	begin(&stage, 2);
	send(&stage, 1, 2);
	tr_stage_wait(&stage, TR_SECOND);
	send(&stage, 2, 2);
	tr_stage_wait(&stage, WINDOW - TR_SECOND - 1);
	assert_int_equal(send(&stage, 3, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENCY_TABLE_FULL, 0);
	assert_int_equal(refusal(&stage)->retry_after, 1);
	assert_int_equal(send(&stage, 1, 2), 0);
	tr_stage_wait(&stage, 1);
	second = send(&stage, 1, 3);
	assert_int_not_equal(second, 0);
	assert_int_equal(send(&stage, 3, 2), 0);
	assert_int_equal(refusal(&stage)->retry_after, TR_SECOND);
	assert_int_equal(send(&stage, 1, 3), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, second);
	tr_stage_done(&stage);
}

/* ADM-7: the window in force holds for all keys; one that has run out does not come back. */
static void test_a_change_of_the_window_holds_for_every_key(void **state)
{
	struct tr_stage stage;
	uint64_t old, young;

	(void)state;
	begin(&stage, 8);
	old = send(&stage, 1, 2);
	assert_int_not_equal(old, 0);
	tr_stage_wait(&stage, 6 * TR_SECOND);
	young = send(&stage, 2, 2);
	tr_stage_wait(&stage, 2 * TR_SECOND);
	plan.policy.id = 2;
	plan.policy.admission.idempotency_ns = 5 * TR_SECOND;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_not_equal(send(&stage, 1, 2), 0);
	assert_int_equal(send(&stage, 2, 2), 0);
	refused_as(&stage, TR_REJECT_IDEMPOTENT_REPEAT, young);
	tr_stage_wait(&stage, 5 * TR_SECOND);
	plan.policy.id = 3;
	plan.policy.admission.idempotency_ns = TR_MINUTE;
	assert_int_equal(tr_stage_activate(&stage, &plan.policy), 0);
	assert_int_not_equal(send(&stage, 2, 2), 0);
	tr_stage_done(&stage);
}

/* ADM-7: the path says which job a repeat was one of, and that it was a repeat. */
static void test_the_path_of_a_repeat_names_its_job(void **state)
{
	uint64_t path[3];

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct tr_stage stage;

		begin(&stage, 8);
		stage.next_job_id = i == 1 ? 50 : 60;
		send(&stage, 1, 2);
		stage.next_job_id = 70;
		send(&stage, 1, i == 2 ? 3 : 2);
		path[i] = refusal(&stage)->path;
		tr_stage_done(&stage);
	}
	assert_int_not_equal(path[0], path[1]);
	assert_int_not_equal(path[0], path[2]);
}

/* ---- against a list ---- */

#define KEYS   12
#define LISTED 10000

struct listed {
	uint64_t tenant, key, body, job_id;
	tr_time_ns since;
	bool forgotten;
};

static struct listed list[LISTED];
static size_t list_count;

/* What the list says of a request: the code, the job that has the key, and when there is room. */
static enum tr_reject expected(const struct listed *asked, tr_span_ns window, uint64_t *ret_job,
			       tr_span_ns *ret_wait)
{
	tr_time_ns oldest = TR_TIME_NEVER;
	size_t kept = 0;

	*ret_job = *ret_wait = 0;
	for (size_t i = 0; i < list_count; i++) {
		const struct listed *row = &list[i];

		if (row->forgotten || row->since + window <= asked->since)
			continue;
		if (row->tenant == asked->tenant && row->key == asked->key) {
			*ret_job = row->job_id;
			return row->body == asked->body ? TR_REJECT_IDEMPOTENT_REPEAT
							: TR_REJECT_IDEMPOTENCY_CONFLICT;
		}
		kept++;
		oldest = tr_min(oldest, row->since);
	}
	if (kept < KEYS)
		return TR_REJECT_NONE;
	*ret_wait = oldest + window - asked->since;
	return TR_REJECT_IDEMPOTENCY_TABLE_FULL;
}

static void list_forget(tr_time_ns now, tr_span_ns window)
{
	size_t kept = 0;

	for (size_t i = 0; i < list_count; i++)
		if (list[i].since + window > now)
			list[kept++] = list[i];
	list_count = kept;
}

static void check_submit(struct tr_stage *stage, uint64_t draw)
{
	tr_span_ns window = plan.policy.admission.idempotency_ns, wait;
	struct listed asked = {.tenant = draw % 2 ? GUEST : TR_NAME("default"),
			       .key = 1 + draw / 2 % 24,
			       .body = 1 + draw / 64 % 4 / 3,
			       .since = stage->now};
	enum tr_reject code;
	uint64_t original;

	list_forget(stage->now, window);
	code = expected(&asked, window, &original, &wait);
	asked.job_id =
		tr_stage_submit(stage, (struct tr_event_job_submit){.tenant = asked.tenant,
								    .idempotency_key = asked.key,
								    .body_hash = asked.body});
	if (code == TR_REJECT_NONE) {
		assert_non_null(tr_stage_accept(stage, asked.job_id));
		list[list_count++] = asked;
		tr_stage_cancel(stage, asked.job_id, TR_CAUSE_CANCEL_CLIENT);
		return;
	}
	refused_as(stage, code, original);
	assert_int_equal(refusal(stage)->retry_after, wait);
}

static void check_activate(struct tr_stage *stage, uint64_t draw)
{
	list_forget(stage->now, plan.policy.admission.idempotency_ns);
	plan.policy.id++;
	plan.policy.admission.idempotency_ns = tr_below(draw, 4) * 5 * TR_SECOND;
	if (plan.policy.admission.idempotency_ns == 0)
		plan.policy.admission.idempotency_ns = 1;
	assert_int_equal(tr_stage_activate(stage, &plan.policy), 0);
}

/* ADM-7 */
static void test_the_ring_answers_as_a_list_of_all_keys_does(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 20 : 1, answered[TR_REJECT_COUNT] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct tr_stage stage;

		print_message("# seed %llu\n", (unsigned long long)seed);
		begin(&stage, KEYS);
		list_count = 0;
		for (uint64_t i = 0; i < LISTED; i++) {
			uint64_t draw = tr_draw(seed, i, TR_PURPOSE_TEST, 0);

			stage.answer_count = 0;
			tr_stage_wait(&stage, tr_below(tr_mix(draw), 2) * TR_SECOND +
						      (draw % 50 == 0 ? 7 * TR_SECOND : 0));
			if (draw % 100 == 1)
				check_activate(&stage, tr_mix(draw + 1));
			check_submit(&stage, tr_mix(draw + 2));
			if (stage.answers[stage.answer_count - 1].action.kind ==
			    TR_ACTION_JOB_REJECT)
				answered[refusal(&stage)->code]++;
		}
		tr_stage_done(&stage);
	}
	/* A property that never met a case has not tested it. */
	assert_true(answered[TR_REJECT_IDEMPOTENT_REPEAT] > 100);
	assert_true(answered[TR_REJECT_IDEMPOTENCY_CONFLICT] > 100);
	assert_true(answered[TR_REJECT_IDEMPOTENCY_TABLE_FULL] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_repeat_is_told_its_job_living_or_ended),
		cmocka_unit_test(test_another_body_under_the_same_key_is_a_conflict),
		cmocka_unit_test(test_a_key_of_0_and_a_window_of_0_mean_nothing),
		cmocka_unit_test(test_tenants_do_not_meet_in_a_key),
		cmocka_unit_test(test_a_job_that_could_not_be_stored_gives_its_key_back),
		cmocka_unit_test(test_a_refused_job_takes_no_key),
		cmocka_unit_test(test_a_repeat_is_known_before_quota_queue_and_policy),
		cmocka_unit_test(test_a_key_ends_with_its_window_and_a_full_table_says_when),
		cmocka_unit_test(test_a_change_of_the_window_holds_for_every_key),
		cmocka_unit_test(test_the_path_of_a_repeat_names_its_job),
		cmocka_unit_test(test_the_ring_answers_as_a_list_of_all_keys_does),
	};

	return cmocka_run_group_tests_name("idempotency", tests, NULL, NULL);
}
