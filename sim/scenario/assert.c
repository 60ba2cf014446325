/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of occurrences feeds measures, watches and sightings; at the end each assertion reads
 * its own.
 *
 * A selection that nobody ever was in proves nothing: where names cannot be checked before the run
 * (tenants and sessions of a trace), they are looked for in it.
 */
#include "sim/scenario/assert.h"

#include <stdlib.h>
#include <string.h>

#include "sim/scenario/judge.h"

static int out_of_memory(const struct tr_scenario *scenario, struct tr_diagnostic *ret_diagnostic)
{
	return tr_schema_diagnose(ret_diagnostic, scenario->document, NULL, NULL,
				  "not enough memory");
}

/* --------------------------------------------------------------------------------------- observe
 */

static void sight(struct tr_assertions *assertions, const struct tr_subject *subject)
{
	for (uint32_t i = 0; i < assertions->sighting_count; i++) {
		struct sighting *sighting = &assertions->sightings[i];

		sighting->seen |=
			sighting->name == (sighting->session ? subject->session : subject->tenant);
	}
}

static void enter(void *self, const struct tr_occurrence *occurrence)
{
	struct tr_assertions *assertions = self;

	assertions->occurrences++;
	if (occurrence->kind == TR_OCCURRENCE_SUBMIT)
		sight(assertions, &occurrence->subject);
	tr_measures_enter(assertions->measures, occurrence);
	for (uint32_t i = 0; i < assertions->watch_count; i++)
		tr_watch_enter(&assertions->watches[i], occurrence, assertions->occurrences);
}

static void observe(void *self, const struct tr_engine *engine, const struct tr_event *event,
		    const struct tr_actions *actions)
{
	struct tr_assertions *assertions = self;

	tr_occurrences_step(assertions->stream, engine, event, actions);
}

/* ---------------------------------------------------------------------------------------- prepare
 */

struct tr_selection tr_assertion_selection(const struct tr_assertions *assertions,
					   const struct tr_draft_about *about,
					   const struct tr_draft_window *window)
{
	return (struct tr_selection){
		.subject = tr_about_subject(about),
		.from = tr_add_sat(assertions->start, window->from),
		.to = tr_add_sat(assertions->start, window->to),
	};
}

static void add_sightings(struct tr_assertions *assertions, const struct tr_draft_about *about)
{
	const tr_name names[] = {tr_about_subject(about).tenant, tr_about_subject(about).session};

	for (uint32_t session = 0; session < TR_ARRAY_LENGTH(names); session++) {
		struct sighting sighting = {.name = names[session], .session = session};

		if (sighting.name)
			assertions->sightings[assertions->sighting_count++] = sighting;
	}
}

static bool same_selection(const struct tr_selection *a, const struct tr_selection *b)
{
#define X(uc, member, ...) &&a->subject.member == b->subject.member
	return a->from == b->from && a->to == b->to TR_SELECTOR_NAME_MAP(X)
						      TR_SELECTOR_REASON_MAP(X);
#undef X
}

const struct tr_watch *tr_assertion_watch(const struct tr_assertions *assertions, uint16_t event,
					  const struct tr_draft_about *about,
					  const struct tr_draft_window *window)
{
	struct tr_selection selection = tr_assertion_selection(assertions, about, window);

	for (uint32_t i = 0; i < assertions->watch_count; i++)
		if (assertions->watches[i].kind == event - 1u &&
		    same_selection(&assertions->watches[i].selection, &selection))
			return &assertions->watches[i];
	return NULL;
}

static void add_watch(struct tr_assertions *assertions, uint16_t event,
		      const struct tr_draft_about *about, const struct tr_draft_window *window)
{
	add_sightings(assertions, about);
	if (tr_assertion_watch(assertions, event, about, window))
		return;
	assertions->watches[assertions->watch_count++] = (struct tr_watch){
		.kind = event - 1u,
		.selection = tr_assertion_selection(assertions, about, window),
	};
}

static int add_value(struct tr_assertions *assertions, uint16_t value,
		     const struct tr_draft_about *about, const struct tr_draft_window *window)
{
	struct tr_selection selection = tr_assertion_selection(assertions, about, window);

	add_sightings(assertions, about);
	return tr_measures_want(assertions->measures, &tr_values[value - 1], &selection);
}

static int add_assertion(struct tr_assertions *assertions,
			 const struct tr_draft_assertion *assertion)
{
	const struct tr_draft_step *steps = assertion->order.items;
	const struct tr_draft_times *times = &assertion->times;

	if (assertion->value &&
	    add_value(assertions, assertion->value, &assertion->about, &assertion->window) < 0)
		return -1;
	if (times->node && add_value(assertions, times->value, &times->about, &times->window) < 0)
		return -1;
	if (assertion->event)
		add_watch(assertions, assertion->event, &assertion->about, &assertion->window);
	for (uint32_t i = 0; i < assertion->order.count; i++)
		add_watch(assertions, steps[i].event, &steps[i].about, &assertion->window);
	return 0;
}

/* Room for what every assertion may need. */
static int make_room(struct tr_assertions *assertions)
{
	uint32_t watches = 0, sightings = 0;

	for (uint32_t i = 0; i < assertions->count; i++) {
		const struct tr_draft_assertion *assertion = &assertions->drafts[i];

		watches += (assertion->event != 0) + assertion->order.count;
		/* A tenant and a session of each. */
		sightings += 2 * (assertion->order.count + (assertion->times.node ? 2u : 1u));
	}
	assertions->watches = calloc((size_t)watches + 1, sizeof *assertions->watches);
	assertions->sightings = calloc((size_t)sightings + 1, sizeof *assertions->sightings);
	assertions->findings =
		calloc((size_t)assertions->count + TR_ALWAYS_MAX, sizeof *assertions->findings);
	return assertions->watches && assertions->sightings && assertions->findings ? 0 : -1;
}

static bool watches_limits(const struct tr_assertions *assertions)
{
	for (uint32_t i = 0; i < assertions->watch_count; i++)
		if (assertions->watches[i].kind == TR_OCCURRENCE_LIMIT_UP ||
		    assertions->watches[i].kind == TR_OCCURRENCE_LIMIT_DOWN)
			return true;
	return false;
}

static int prepare(struct tr_assertions *assertions, const struct tr_policy *policy,
		   const struct tr_limits *limits)
{
	assertions->measures = tr_measures_new(policy);
	if (!assertions->measures || make_room(assertions) < 0)
		return -1;
	for (uint32_t i = 0; i < assertions->count; i++)
		if (add_assertion(assertions, &assertions->drafts[i]) < 0)
			return -1;
	assertions->stream =
		tr_occurrences_new(policy, limits, watches_limits(assertions), enter, assertions);
	return assertions->stream ? 0 : -1;
}

int tr_assertions_new(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
		      const struct tr_limits *limits, struct tr_run *run,
		      struct tr_assertions **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_assertions *assertions;

	if (tr_assertions_check(scenario, policy, ret_diagnostic))
		return -1;
	assertions = calloc(1, sizeof *assertions);
	if (!assertions)
		return out_of_memory(scenario, ret_diagnostic);
	assertions->scenario = scenario;
	assertions->drafts = scenario->assertions->items;
	assertions->count = scenario->assertions->count;
	assertions->start = tr_run_start(run);
	if (prepare(assertions, tr_policy_compiled(policy), limits) < 0) {
		tr_assertions_free(assertions);
		return out_of_memory(scenario, ret_diagnostic);
	}
	/* What holds of every run is asked of the engine alone. */
	if (assertions->count)
		tr_run_observe(run, observe, assertions);
	*ret = assertions;
	return 0;
}

void tr_assertions_free(struct tr_assertions *assertions)
{
	if (!assertions)
		return;
	tr_occurrences_free(assertions->stream);
	tr_measures_free(assertions->measures);
	free(assertions->watches);
	free(assertions->sightings);
	free(assertions->findings);
	free(assertions);
}

uint32_t tr_assertions_count(const struct tr_assertions *assertions)
{
	return assertions->finding_count;
}

const struct tr_finding *tr_assertions_finding(const struct tr_assertions *assertions, uint32_t i)
{
	TR_ASSERT(i < assertions->finding_count);
	return &assertions->findings[i];
}
