/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-2: every picker against a reference of a few lines, on states that random traffic brings
 * about. The reference knows the endpoints only as the engine's views and its health show them.
 * States that no traffic brings about, sessions and prefixes are picker_reference.py's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/health.h"
#include "engine/random.h"
#include "engine/registry.h"
#include "tests/engine/scene.h"

#define M TR_NAME("m")
#define N TR_NAME("n")

/* One candidate as the reference sees it. */
struct rival {
	const struct tr_policy_endpoint *row;
	struct tr_endpoint_view view;
	uint32_t load;
	tr_span_ns peak;
	uint64_t last; /* the dispatch before it was its own; 0: none */
	uint64_t measure;
};

#define RIVALS 7

static uint64_t dispatches, last_dispatch[RIVALS];

static uint64_t latency_of(const struct rival *r)
{
	uint64_t alone = r->view.ttft_ewma_ns + r->view.tpot_ewma_ns * 50;

	return alone + (uint64_t)((tr_u128)alone * r->view.in_flight / r->view.slots);
}

static uint64_t term_of(const struct rival *r, int term)
{
	const struct tr_policy_model *model = &plan.models[r->row->model];

	switch (term) {
	case TR_TERM_LATENCY:
		return latency_of(r);
	case TR_TERM_COST:
		return (model->price_in * 100 + model->price_out * 50 + 999999) / 1000000;
	case TR_TERM_QUALITY:
		return 1000 - model->quality;
	default:
		return r->view.in_flight * UINT64_C(1000) / r->view.slots;
	}
}

static uint64_t penalty_of(const struct rival *r, int term, const struct rival *all, uint32_t count)
{
	uint64_t worst = 0;

	for (uint32_t i = 0; i < count; i++)
		worst = tr_max(worst, term_of(&all[i], term));
	if (!worst)
		return 0;
	return (uint64_t)((tr_u128)term_of(r, term) * 1000 / worst) *
	       plan.strategies[TR_PICKER_BEST_SCORE].weights[term] / 1000;
}

static uint64_t load_of(const struct rival *r)
{
	return r->load * UINT64_C(1000000) / r->view.slots;
}

static uint64_t measure_of(const struct rival *r, const struct rival *all, uint32_t count,
			   enum tr_picker picker, uint64_t job)
{
	uint64_t sum = 0;

	if (picker == TR_PICKER_ROUND_ROBIN)
		return r->last;
	if (picker == TR_PICKER_RANDOM)
		return tr_draw(7 ^ r->row->name, job, TR_PURPOSE_PICK, 0);
	if (picker == TR_PICKER_PREQUAL)
		return latency_of(r) ? latency_of(r) : load_of(r);
	if (picker == TR_PICKER_PEAK_EWMA)
		return r->peak		   ? r->peak * (r->load + 1)
		       : r->view.in_flight ? (UINT64_C(1) << 62) + r->load
					   : 0;
	if (picker != TR_PICKER_BEST_SCORE)
		return load_of(r);
	for (int term = 0; term < TR_TERM_COUNT; term++)
		sum += penalty_of(r, term, all, count);
	return sum;
}

/* How many of all are before this one in some order. */
static uint32_t drawn_before(const struct rival *r, const struct rival *all, uint32_t count,
			     uint64_t job)
{
	uint64_t mine = measure_of(r, all, count, TR_PICKER_RANDOM, job);
	uint32_t before = 0;

	for (uint32_t i = 0; i < count; i++)
		before += measure_of(&all[i], all, count, TR_PICKER_RANDOM, job) < mine;
	return before;
}

static uint32_t less_loaded(const struct rival *r, const struct rival *all, uint32_t count)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < count; i++)
		before += load_of(&all[i]) < load_of(r);
	return before;
}

static bool is_drawn_by_weight(const struct rival *r, const struct rival *all, uint32_t count,
			       uint64_t job)
{
	uint64_t from = 0, sum = 0, point;

	for (uint32_t i = 0; i < count; i++) {
		sum += all[i].row->weight;
		from += all[i].row->name < r->row->name ? all[i].row->weight : 0;
	}
	point = tr_below(tr_draw(7, job, TR_PURPOSE_PICK, 0), sum);
	return from <= point && point < from + r->row->weight;
}

/* Is it one of those among whom the picker decides? */
static bool competes(const struct rival *r, const struct rival *all, uint32_t count,
		     enum tr_picker picker, uint64_t job)
{
	if (picker == TR_PICKER_WEIGHTED)
		return is_drawn_by_weight(r, all, count, job);
	if (picker == TR_PICKER_TWO_CHOICES || picker == TR_PICKER_PEAK_EWMA)
		return drawn_before(r, all, count, job) < 2;
	if (picker == TR_PICKER_PREQUAL)
		return less_loaded(r, all, count) < tr_max(count * 84 / 100, 1);
	return true;
}

/* Whom the reference picks for the next job; 0: nobody has a free slot. */
static tr_name reference(enum tr_picker picker, uint64_t job)
{
	struct rival rivals[RIVALS];
	const struct rival *best = NULL;
	uint32_t count = 0;
	/* Only best-score looks beyond the first model. */
	uint32_t reach = picker == TR_PICKER_BEST_SCORE ? RIVALS : plan.models[0].endpoint_count;

	/* What fades does so as of the engine's last event. */
	tr_stage_event(&stage, TR_EVENT_CLOCK);
	assert_int_equal(tr_stage_give(&stage), 0);
	for (uint32_t i = 0; i < reach; i++) {
		const struct tr_policy_endpoint *row = &plan.endpoints[i];
		struct tr_endpoint_view view = tr_stage_endpoint(&stage, row->name);
		uint32_t slot =
			tr_registry_find(&stage.engine->registry[TR_REGISTRY_ENDPOINT], row->name);

		if (view.in_flight < view.slots)
			rivals[count++] = (struct rival){row,
							 view,
							 tr_health_load(stage.engine, slot),
							 tr_health_peak(stage.engine, slot),
							 last_dispatch[i],
							 0};
	}
	for (uint32_t i = 0; i < count; i++) {
		struct rival *r = &rivals[i];

		if (!competes(r, rivals, count, picker, job))
			continue;
		r->measure = measure_of(r, rivals, count, picker, job);
		if (!best || r->measure < best->measure ||
		    (r->measure == best->measure && r->row->name < best->row->name))
			best = r;
	}
	return best ? best->row->name : 0;
}

static uint64_t draw(uint64_t round, uint64_t bound)
{
	return tr_below(tr_draw(1, round, TR_PURPOSE_TEST, bound), bound);
}

static void note_dispatch(tr_name endpoint)
{
	for (uint32_t i = 0; i < RIVALS; i++)
		if (plan.endpoints[i].name == endpoint)
			last_dispatch[i] = ++dispatches;
}

static void play_picker(enum tr_picker picker)
{
	uint64_t running[64];
	uint32_t running_count = 0, compared = 0;

	dispatches = 0;
	memset(last_dispatch, 0, sizeof last_dispatch);
	for (uint64_t round = 0; round < 600; round++) {
		uint64_t job = stage.next_job_id;
		tr_name wanted = reference(picker, job);

		if (wanted && draw(round, 5) < 3) {
			tr_stage_submit(&stage, (struct tr_event_job_submit){
							.strategy = TR_PLAN_STRATEGY + picker});
			assert_int_equal(tr_stage_dispatch(&stage, job)->endpoint, wanted);
			assert_int_equal(stage.actions.decisions[0].picker,
					 picker == TR_PICKER_CONSISTENT_HASH
						 ? TR_PICKER_LEAST_OUTSTANDING
						 : picker);
			note_dispatch(wanted);
			running[running_count++] = job;
			compared++;
		} else if (running_count) {
			uint32_t which = (uint32_t)draw(round, running_count);

			tr_stage_wait(&stage, draw(round, 300) * TR_MS);
			tr_stage_first_token(&stage, running[which]);
			tr_stage_wait(&stage, draw(round, 500) * TR_MS);
			tr_stage_complete(&stage, running[which], 2 + (uint32_t)draw(round, 90));
			running[which] = running[--running_count];
		}
	}
	assert_true(compared > 200);
}

/* RTE-2 */
static void test_each_picker_picks_as_its_reference(void **state)
{
	(void)state;
	for (int picker = 0; picker < TR_PICKER_COUNT; picker++) {
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, M, 5, 1);
		tr_plan_model(&plan, N, 2, 3);
		for (uint32_t i = 0; i < 5; i++) {
			plan.endpoints[i].slots = 1 + i;
			plan.endpoints[i].weight = 100 * i;
		}
		plan.endpoints[0].weight = 1;
		/* Nothing to hash: consistent-hash always fails, and least-outstanding decides. */
		plan.policy.bypass.failures = 0;
		plan.models[0].quality = 900;
		plan.models[1].price_out = 500000;
		plan.models[0].chain_count = 2;
		plan.models[0].chain[1] = 1;
		start();
		stage.trusting = true;
		play_picker((enum tr_picker)picker);
		tr_stage_done(&stage);
	}
}

/* The endpoint of each of so many jobs, one after the other, some of which end on the way. */
static void play_order(bool reversed, enum tr_picker picker, tr_name *ret_endpoints, uint32_t jobs)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 6, 4);
	for (uint32_t i = 0; i < 6; i++) {
		plan.endpoints[i].name = tr_plan_endpoint_name(M, reversed ? 5 - i : i);
		plan.endpoints[i].weight = (uint32_t)(plan.endpoints[i].name % 1000);
	}
	start();
	for (uint32_t i = 0; i < jobs; i++) {
		uint64_t job = tr_stage_submit(
			&stage, (struct tr_event_job_submit){.strategy = TR_PLAN_STRATEGY + picker,
							     .session = 1 + i % 5});

		ret_endpoints[i] = tr_stage_dispatch(&stage, job)->endpoint;
		tr_stage_wait(&stage, draw(i, 100) * TR_MS);
		if (i % 3 > 0) {
			tr_stage_first_token(&stage, job);
			assert_int_equal(tr_stage_complete(&stage, job, 2 + (uint32_t)draw(i, 9)),
					 0);
		}
	}
	tr_stage_done(&stage);
}

static void test_the_order_of_rows_changes_no_pick(void **state)
{
	(void)state;
	for (int picker = 0; picker < TR_PICKER_COUNT; picker++) {
		tr_name one[60], other[60];

		play_order(false, (enum tr_picker)picker, one, 60);
		play_order(true, (enum tr_picker)picker, other, 60);
		assert_memory_equal(one, other, sizeof one);
	}
}

/* RTE-3: the parts of a best score are its terms. */
static void test_the_terms_of_a_score_add_up_to_its_measure(void **state)
{
	const struct tr_decision *decision = &stage.actions.decisions[0];

	(void)state;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, M, 3, 4);
	tr_plan_model(&plan, N, 2, 4);
	plan.models[0].chain_count = 2;
	plan.models[0].chain[1] = 1;
	plan.models[0].quality = 900;
	start();
	for (int i = 0; i < 5; i++) {
		tr_stage_submit(&stage,
				(struct tr_event_job_submit){.strategy = TR_PLAN_STRATEGY +
									 TR_PICKER_BEST_SCORE});
		assert_int_equal(stage.actions.decision_count, 1);
		for (uint32_t k = 0; k < decision->candidate_count; k++) {
			const struct tr_candidate *c = &stage.actions.candidates[k];
			uint64_t sum = 0;

			for (int term = 0; term < TR_TERM_COUNT; term++)
				sum += c->terms[term];
			assert_int_equal(sum, c->measure);
			assert_true(stage.actions.candidates[decision->winner].measure <=
				    c->measure);
		}
	}
	tr_stage_done(&stage);
}

/* Select and book in one step: a burst spreads, whatever the picker. */
static void test_a_burst_does_not_herd(void **state)
{
	static const int pickers[] = {TR_PICKER_LEAST_OUTSTANDING, TR_PICKER_ROUND_ROBIN,
				      TR_PICKER_BEST_SCORE, TR_PICKER_PREQUAL};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(pickers); i++) {
		tr_plan_init(&plan, 1);
		tr_plan_model(&plan, M, 8, 10);
		plan.intents[0].strategy = (uint32_t)pickers[i];
		start();
		for (int k = 0; k < 40; k++)
			tr_stage_submit(&stage, (struct tr_event_job_submit){0});
		for (uint32_t k = 0; k < 8; k++)
			assert_int_equal(
				tr_stage_endpoint(&stage, tr_plan_endpoint_name(M, k)).in_flight,
				5);
		tr_stage_done(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_picker_picks_as_its_reference),
		cmocka_unit_test(test_the_order_of_rows_changes_no_pick),
		cmocka_unit_test(test_the_terms_of_a_score_add_up_to_its_measure),
		cmocka_unit_test(test_a_burst_does_not_herd),
	};

	return cmocka_run_group_tests_name("picker", tests, NULL, NULL);
}
