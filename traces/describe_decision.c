/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decision records in words: who was a candidate, what left one out and for how long, what each
 * measured, who won and how.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "traces/describe.h"

static const char *const picker_names[TR_PICKER_COUNT] = {
#define X(name, yaml, text) [TR_PICKER_##name] = yaml,
	TR_PICKER_MAP(X)
#undef X
};

static const char *const term_names[TR_TERM_COUNT] = {
#define X(name, yaml, text) [TR_TERM_##name] = yaml,
	TR_TERM_MAP(X)
#undef X
};

/* A text that grows in a buffer; what does not fit is cut. */
struct words {
	char *text;
	size_t size;
	size_t length;
};

static void say(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct words *words, const char *format, ...)
{
	va_list arguments;
	int length;

	if (words->length + 1 >= words->size)
		return;
	va_start(arguments, format);
	length = vsnprintf(words->text + words->length, words->size - words->length, format,
			   arguments);
	va_end(arguments);
	if (length > 0)
		words->length += (size_t)length;
}

/* A recording may be from a version that knows more reasons. */
static const char *reason_text(const struct tr_reason *reasons, unsigned count, unsigned number)
{
	return number < count ? reasons[number].text : "a reason unknown to this version";
}

const char *tr_describe_decision(const struct tr_describer *describer,
				 const struct tr_decision *decision,
				 const struct tr_candidate *candidates, char *text, size_t size)
{
	struct words words = {.text = text, .size = size};
	char name[TR_DETAIL_TEXT_MAX];

	say(&words, "job %" PRIu64 ", attempt %u (%s), strategy %s (%s): ", decision->job_id,
	    decision->ordinal, reason_text(tr_roles, TR_ROLE_COUNT, decision->role),
	    tr_describe_name(describer, decision->strategy, name, sizeof name),
	    decision->picker < TR_PICKER_COUNT ? picker_names[decision->picker]
					       : "a picker unknown to this version");
	if (decision->winner < decision->candidate_count)
		say(&words, "%s, ",
		    tr_describe_name(describer, candidates[decision->winner].endpoint, name,
				     sizeof name));
	else if (decision->winner != TR_NONE)
		say(&words, "a candidate beyond the record, ");
	say(&words, "%s", reason_text(tr_picks, TR_PICK_COUNT, decision->pick));
	if (decision->bypass != TR_BYPASS_NONE)
		say(&words, "; %s", reason_text(tr_bypasses, TR_BYPASS_COUNT, decision->bypass));
	if (decision->omitted > 0)
		say(&words, "; %u more candidates are not in the record", decision->omitted);
	return text;
}

/* Why a candidate is out: for how long where that is known, how full where that is why. */
static void say_out(struct words *words, const struct tr_candidate *candidate)
{
	char span[32];

	say(words, "out, %s", reason_text(tr_filters, TR_FILTER_COUNT, candidate->filter));
	if (candidate->detail > 0)
		say(words, " for %s more", tr_describe_span(candidate->detail, span, sizeof span));
	if (candidate->filter == TR_FILTER_LIMIT)
		say(words, ": %u of %u slots taken", candidate->in_flight, candidate->slots);
}

/* How one that passed stands: its load, and what the picker measured if it was asked. */
static void say_in(struct words *words, const struct tr_decision *decision,
		   const struct tr_candidate *candidate, bool won)
{
	const char *separator = " (";
	char span[32];

	say(words, "%s%u of %u slots taken",
	    won				  ? "won: "
	    : decision->winner == TR_NONE ? "eligible, "
					  : "",
	    candidate->in_flight, candidate->slots);
	if (won && decision->pick == TR_PICK_LEAST_BAD && candidate->measure)
		say(words, ", breaker open for %s more",
		    tr_describe_span(candidate->measure, span, sizeof span));
	else if (won && decision->pick == TR_PICK_LEAST_BAD)
		say(words, ", breaker half-open");
	else if (candidate->measure == TR_MEASURE_OUT)
		say(words, ", passed over");
	else if (decision->winner != TR_NONE)
		say(words, ", measure %" PRIu64, candidate->measure);
	for (unsigned i = 0; i < TR_TERM_COUNT; i++) {
		if (candidate->terms[i] == 0)
			continue;
		say(words, "%s%s %u", separator, term_names[i], candidate->terms[i]);
		separator = ", ";
	}
	if (separator[0] == ',')
		say(words, ")");
}

const char *tr_describe_candidate(const struct tr_describer *describer,
				  const struct tr_decision *decision,
				  const struct tr_candidate *candidate, uint32_t index, char *text,
				  size_t size)
{
	struct words words = {.text = text, .size = size};
	char name[TR_DETAIL_TEXT_MAX];

	if (candidate->filter != TR_FILTER_NONE)
		say_out(&words, candidate);
	else
		say_in(&words, decision, candidate, index == decision->winner);
	if (candidate->chain_step > 0)
		say(&words, "; fallback %u: %s", candidate->chain_step,
		    tr_describe_name(describer, candidate->model, name, sizeof name));
	return text;
}
