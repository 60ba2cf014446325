/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement: each assertion reads what its watches and measures found, compares, and says what
 * was found and what was expected. All numbers are integers in millionths, so every machine judges
 * alike.
 */
#include "sim/scenario/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What one assertion is judged by. */
struct judging {
	struct tr_assertions *assertions;
	const struct tr_run *run;
	const struct tr_draft_assertion *draft;
	struct tr_finding *finding;
};

#define SAY_FOUND(judging, ...)                                                                    \
	tr_say((judging)->finding->found, sizeof(judging)->finding->found, __VA_ARGS__)
#define SAY_EXPECTED(judging, ...)                                                                 \
	tr_say((judging)->finding->expected, sizeof(judging)->finding->expected, __VA_ARGS__)

static const char *time_text(const struct judging *judging, tr_time_ns time,
			     char text[TR_NUMBER_TEXT_MAX])
{
	return tr_number_text((time - judging->assertions->start) / TR_MS, 3, text);
}

/* --------------------------------------------------------------------------------------- bounds */

enum relation {
	BELOW,
	ABOVE,
	AT_LEAST,
	AT_MOST,
	EQUAL,
};

struct bound {
	const char *words;
	uint64_t number; /* millionths; of the other value where there is one */
	enum relation relation;
};

#define BOUNDS_MAX 7

/* The bounds that are given, in the order of the vocabulary. */
static uint32_t bounds_of(const struct tr_draft_bounds *draft, struct bound ret[BOUNDS_MAX])
{
	const struct tr_draft_number *two = draft->between.items;
	const struct {
		const struct tr_node *node;
		struct bound bound;
	} all[] = {
		{draft->given.below, {"below", draft->below, BELOW}},
		{draft->given.above, {"above", draft->above, ABOVE}},
		{draft->given.at_least, {"at least", draft->at_least, AT_LEAST}},
		{draft->given.at_most, {"at most", draft->at_most, AT_MOST}},
		{draft->equals, {"just", draft->equal, EQUAL}},
	};
	uint32_t count = 0;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(all); i++)
		if (all[i].node)
			ret[count++] = all[i].bound;
	if (draft->between.count == 2) {
		ret[count++] = (struct bound){"at least", two[0].number, AT_LEAST};
		ret[count++] = (struct bound){"at most", two[1].number, AT_MOST};
	}
	return count;
}

static bool holds(uint64_t found, const struct bound *bound, uint64_t number)
{
	switch (bound->relation) {
	case BELOW:
		return found < number;
	case ABOVE:
		return found > number;
	case AT_LEAST:
		return found >= number;
	case AT_MOST:
		return found <= number;
	case EQUAL:
		return found == number;
	}
	return false;
}

/* ---------------------------------------------------------------------------------------- values
 */

static int read_value(const struct judging *judging, uint16_t value,
		      const struct tr_draft_about *about, const struct tr_draft_window *window,
		      uint64_t *ret)
{
	struct tr_selection selection = tr_assertion_selection(judging->assertions, about, window);

	return tr_measures_read(judging->assertions->measures, &tr_values[value - 1], &selection,
				ret);
}

/* "at most 1.2 x ttft_p95_ms before dies, 2198.4" */
static void expect_times(const struct judging *judging, const struct bound *bound, uint64_t number)
{
	const struct tr_draft_times *times = &judging->draft->times;
	char factor[TR_NUMBER_TEXT_MAX], product[TR_NUMBER_TEXT_MAX];

	SAY_EXPECTED(judging, "%s %s x ", bound->words, tr_number_text(bound->number, 6, factor));
	tr_subject_say(tr_values[times->value - 1].name, &times->about, &times->window,
		       judging->finding->expected, sizeof judging->finding->expected);
	SAY_EXPECTED(judging, ", which is %s", tr_number_say(number, number, product));
}

static void judge_value(const struct judging *judging)
{
	const struct tr_draft_assertion *draft = judging->draft;
	const struct tr_draft_times *times = &draft->times;
	struct bound bounds[BOUNDS_MAX];
	uint32_t count = bounds_of(&draft->bounds, bounds);
	bool known, other_known = true;
	uint64_t found = 0, other = 0, beside = 0;
	char text[TR_NUMBER_TEXT_MAX];

	known = read_value(judging, draft->value, &draft->about, &draft->window, &found) == 0;
	if (times->node)
		other_known = read_value(judging, times->value, &times->about, &times->window,
					 &other) == 0;
	judging->finding->held = known && other_known;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t number = bounds[i].number;

		if (times->node)
			number = tr_mul_div(number, other, TR_VALUE_UNIT);
		SAY_EXPECTED(judging, i ? " and " : "");
		if (times->node)
			expect_times(judging, &bounds[i], number);
		else
			SAY_EXPECTED(judging, "%s %s", bounds[i].words,
				     tr_number_text(number, 6, text));
		if (holds(found, &bounds[i], number))
			continue;
		judging->finding->held = false;
		beside = number;
	}
	if (known)
		SAY_FOUND(judging, "%s", tr_number_say(found, beside, text));
	else
		SAY_FOUND(judging, "nothing that it could be made of");
	if (!other_known)
		SAY_FOUND(judging, ", and nothing to compare it with");
}

/* ---------------------------------------------------------------------------------------- events
 */

static void find_event(const struct judging *judging, const struct tr_watch *watch)
{
	char text[TR_NUMBER_TEXT_MAX];

	if (watch->count)
		SAY_FOUND(judging, "%" PRIu64 "%s at %s s", watch->count,
			  watch->count == 1 ? "," : ", the first",
			  time_text(judging, watch->first[0].time, text));
	else
		SAY_FOUND(judging, "0");
	if (watch->count == 0 && watch->outside)
		SAY_FOUND(judging, "; %" PRIu64 " outside the window, the nearest at %s s",
			  watch->outside, time_text(judging, watch->nearest, text));
}

static void judge_event(const struct judging *judging)
{
	const struct tr_draft_assertion *draft = judging->draft;
	const struct tr_watch *watch = tr_assertion_watch(judging->assertions, draft->event,
							  &draft->about, &draft->window);
	struct bound bounds[BOUNDS_MAX] = {{"at least", TR_VALUE_UNIT, AT_LEAST}};
	uint32_t count = bounds_of(&draft->bounds, bounds);
	char text[TR_NUMBER_TEXT_MAX];

	TR_ASSERT(watch != NULL);
	if (draft->bounds.never)
		bounds[0] = (struct bound){"just", 0, EQUAL};
	judging->finding->held = true;
	for (uint32_t i = 0; i < tr_max(count, 1); i++) {
		SAY_EXPECTED(judging, "%s%s %s", i ? " and " : "", bounds[i].words,
			     tr_number_text(bounds[i].number, 6, text));
		judging->finding->held &= holds(tr_mul_div(watch->count, TR_VALUE_UNIT, 1),
						&bounds[i], bounds[i].number);
	}
	find_event(judging, watch);
}

/* ---------------------------------------------------------------------------------------- orders
 */

static void judge_order(const struct judging *judging)
{
	const struct tr_draft_assertion *draft = judging->draft;
	const struct tr_draft_step *steps = draft->order.items;
	const struct tr_watch *watches[TR_ASSERTION_STEPS_MAX];
	uint64_t last = 0;

	judging->finding->held = true;
	for (uint32_t i = 0; i < draft->order.count; i++) {
		uint32_t nth = 0;
		uint64_t order;
		char text[TR_NUMBER_TEXT_MAX];

		watches[i] = tr_assertion_watch(judging->assertions, steps[i].event,
						&steps[i].about, &draft->window);
		TR_ASSERT(watches[i] != NULL);
		for (uint32_t k = 0; k < i; k++)
			nth += watches[k] == watches[i];
		order = tr_watch_order(watches[i], nth);
		SAY_FOUND(judging, "%s%s ", i ? ", " : "",
			  tr_occurrence_rows[steps[i].event - 1].name);
		if (order)
			SAY_FOUND(judging, "at %s s",
				  time_text(judging, watches[i]->first[nth].time, text));
		else
			SAY_FOUND(judging, nth ? "not again" : "never");
		judging->finding->held &= order > last;
		last = order ? order : last;
	}
	SAY_EXPECTED(judging, "each, in this order");
}

/* ---------------------------------------------------------------------------------------- hashes
 */

static void judge_hash(const struct judging *judging)
{
	const struct tr_engine *engine = tr_run_engine(judging->run);
	uint64_t hash = judging->draft->hash == TR_HASH_PATH ? tr_engine_path(engine)
							     : tr_engine_chain(engine);

	judging->finding->held = hash == judging->draft->bounds.equal;
	SAY_FOUND(judging, "%016" PRIx64, hash);
	SAY_EXPECTED(judging, "%016" PRIx64, judging->draft->bounds.equal);
}

/* ------------------------------------------------------------------------------- of every run */

static void judge_conservation(const struct judging *judging)
{
	struct tr_counts counts;
	uint64_t sum;

	tr_engine_counts(tr_run_engine(judging->run), &counts);
	sum = counts.rejected + counts.completed + counts.failed + counts.canceled +
	      counts.expired + counts.in_system;
	judging->finding->held = sum == counts.submitted;
	SAY_FOUND(judging, "%" PRIu64, sum);
	SAY_EXPECTED(judging, "%" PRIu64 ", as many as were submitted", counts.submitted);
}

static void judge_invariants(const struct judging *judging)
{
	const char *broken = tr_engine_verify(tr_run_engine(judging->run));

	judging->finding->held = !broken;
	SAY_FOUND(judging, "%s", broken ? broken : "each of them");
	SAY_EXPECTED(judging, "each of them");
}

static const struct {
	const char *name;
	const char *subject;
	void (*judge)(const struct judging *judging);
} always[TR_ALWAYS_MAX] = {
	{"conservation", "requests that ended in one way, or are in the system",
	 judge_conservation},
	{"invariants", "invariants of the engine's state", judge_invariants},
};

/* ----------------------------------------------------------------------------------------- judge
 */

static void say_subject(const struct judging *judging)
{
	static const char *const hashes[] = {"", "path hash", "run hash"};
	const struct tr_draft_assertion *draft = judging->draft;
	const struct tr_draft_step *steps = draft->order.items;
	char *text = judging->finding->subject;
	size_t size = sizeof judging->finding->subject;

	if (draft->value)
		tr_subject_say(tr_values[draft->value - 1].name, &draft->about, &draft->window,
			       text, size);
	if (draft->event)
		tr_subject_say(tr_occurrence_rows[draft->event - 1].name, &draft->about,
			       &draft->window, text, size);
	if (draft->hash)
		tr_say(text, size, "%s", hashes[draft->hash]);
	for (uint32_t i = 0; i < draft->order.count; i++) {
		tr_say(text, size, i ? ", then " : "");
		tr_subject_say(tr_occurrence_rows[steps[i].event - 1].name, &steps[i].about, NULL,
			       text, size);
	}
	if (draft->order.count)
		tr_subject_say("", NULL, &draft->window, text, size);
}

static bool is_seen(const struct tr_assertions *assertions, tr_name name, bool session)
{
	for (uint32_t i = 0; i < assertions->sighting_count; i++)
		if (assertions->sightings[i].name == name &&
		    assertions->sightings[i].session == session)
			return assertions->sightings[i].seen;
	return true;
}

/* Somebody of whom nothing ever came. */
static const char *unseen(const struct tr_assertions *assertions,
			  const struct tr_draft_about *about)
{
	struct tr_subject subject = tr_about_subject(about);

	if (!is_seen(assertions, subject.tenant, false))
		return about->tenant;
	return is_seen(assertions, subject.session, true) ? NULL : about->session;
}

static const char *anybody_unseen(const struct judging *judging)
{
	const struct tr_draft_assertion *draft = judging->draft;
	const struct tr_draft_step *steps = draft->order.items;
	const char *name = unseen(judging->assertions, &draft->about);

	if (!name && draft->times.node)
		name = unseen(judging->assertions, &draft->times.about);
	for (uint32_t i = 0; i < draft->order.count && !name; i++)
		name = unseen(judging->assertions, &steps[i].about);
	return name;
}

/* What makes an assertion void: nobody it speaks of, or a window that the run never reached. */
static void judge_meaning(const struct judging *judging)
{
	tr_time_ns end = tr_run_now(judging->run), start = judging->assertions->start;
	const struct tr_draft_assertion *draft = judging->draft;
	const char *name = anybody_unseen(judging);
	tr_span_ns from = draft->window.from;
	char text[TR_NUMBER_TEXT_MAX];

	if (draft->times.node)
		from = tr_max(from, draft->times.window.from);
	if (name)
		SAY_FOUND(judging, "; no request of '%s' came", name);
	if (from > end - start)
		SAY_FOUND(judging, "; the run ended at %s s, before the window",
			  time_text(judging, end, text));
	if (name || from > end - start)
		judging->finding->held = false;
}

static void judge_one(struct judging *judging)
{
	const struct tr_draft_assertion *draft = judging->draft;

	*judging->finding = (struct tr_finding){
		.file = draft->row.node->file, .line = draft->row.node->line, .name = draft->name};
	say_subject(judging);
	if (draft->value)
		judge_value(judging);
	else if (draft->event)
		judge_event(judging);
	else if (draft->hash)
		judge_hash(judging);
	else
		judge_order(judging);
	judge_meaning(judging);
}

static void judge_always(struct judging *judging, uint32_t i)
{
	*judging->finding = (struct tr_finding){
		.file = tr_document_name(judging->assertions->scenario->document),
		.name = always[i].name};
	tr_say(judging->finding->subject, sizeof judging->finding->subject, "%s",
	       always[i].subject);
	always[i].judge(judging);
}

uint32_t tr_assertions_judge(struct tr_assertions *assertions, const struct tr_run *run)
{
	uint32_t failed = 0;

	if (assertions->finding_count > 0)
		return assertions->failed;
	tr_measures_close(assertions->measures, assertions->start, tr_run_now(run));
	for (uint32_t i = 0; i < TR_ALWAYS_MAX + assertions->count; i++) {
		struct judging judging = {
			.assertions = assertions, .run = run, .finding = &assertions->findings[i]};

		if (i < TR_ALWAYS_MAX) {
			judge_always(&judging, i);
		} else {
			judging.draft = &assertions->drafts[i - TR_ALWAYS_MAX];
			judge_one(&judging);
		}
		failed += !judging.finding->held;
	}
	assertions->finding_count = TR_ALWAYS_MAX + assertions->count;
	assertions->failed = failed;
	return failed;
}
