/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A difference in words. Everything stands in two columns, recorded and replayed, and a line whose
 * two sides differ has a mark at its beginning, so that it can be found with the eye and with grep.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/replay_difference.h"

#define NAME_WIDTH 18
#define LEFT_WIDTH 24
/* Candidates have more to say. */
#define WORDS_WIDTH 60
#define WORDS_MAX   256
#define MARK	    "! "
#define NO_MARK	    "  "
#define NOT_THERE   "-"

static void print_wide_row(FILE *stream, const char *name, const char *left, const char *right,
			   int width)
{
	const char *mark = strcmp(left, right) != 0 ? MARK : NO_MARK;

	fprintf(stream, "%s%-*s  %-*s  %s\n", mark, NAME_WIDTH, name, width, left, right);
}

static void print_row(FILE *stream, const char *name, const char *left, const char *right)
{
	print_wide_row(stream, name, left, right, LEFT_WIDTH);
}

static void print_heads(FILE *stream, const char *title, int width)
{
	fprintf(stream, "\n  %-*s  %-*s  %s\n", NAME_WIDTH, title, width, "recorded", "replayed");
}

static void print_number(FILE *stream, const char *name, uint64_t left, uint64_t right)
{
	char left_text[24], right_text[24];

	snprintf(left_text, sizeof left_text, "%" PRIu64, left);
	snprintf(right_text, sizeof right_text, "%" PRIu64, right);
	print_row(stream, name, left_text, right_text);
}

static void print_hash(FILE *stream, const char *name, uint64_t left, uint64_t right)
{
	char left_text[24], right_text[24];

	snprintf(left_text, sizeof left_text, "%016" PRIx64, left);
	snprintf(right_text, sizeof right_text, "%016" PRIx64, right);
	print_row(stream, name, left_text, right_text);
}

/* --------------------------------------------------------------------------------------- actions
 */

static const char *detail_of(const struct tr_detail *details, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(details[i].name, name) == 0)
			return details[i].text;
	}
	return NOT_THERE;
}

/* Either may be NULL. */
static void print_action(FILE *stream, const struct tr_describer *describer, uint32_t number,
			 const struct tr_action *left, const struct tr_action *right)
{
	struct tr_detail left_details[TR_DETAILS_MAX], right_details[TR_DETAILS_MAX];
	size_t left_count = left ? tr_describe_action(describer, left, left_details) : 0;
	size_t right_count = right ? tr_describe_action(describer, right, right_details) : 0;
	char title[32];

	snprintf(title, sizeof title, "action %u", number);
	print_heads(stream, title, LEFT_WIDTH);
	print_row(stream, "kind", left ? tr_action_kinds[left->kind].name : NOT_THERE,
		  right ? tr_action_kinds[right->kind].name : NOT_THERE);
	for (size_t i = 0; i < left_count; i++)
		print_row(stream, left_details[i].name, left_details[i].text,
			  detail_of(right_details, right_count, left_details[i].name));
	for (size_t i = 0; i < right_count; i++) {
		const char *name = right_details[i].name;

		if (strcmp(detail_of(left_details, left_count, name), NOT_THERE) == 0)
			print_row(stream, name, NOT_THERE, right_details[i].text);
	}
}

static void print_actions(FILE *stream, const struct tr_describer *describer,
			  const struct tr_actions *left, const struct tr_actions *right)
{
	uint32_t count = left->count > right->count ? left->count : right->count;

	for (uint32_t i = 0; i < count; i++)
		print_action(stream, describer, i + 1, i < left->count ? &left->items[i] : NULL,
			     i < right->count ? &right->items[i] : NULL);
	if (count == 0)
		fprintf(stream, "\n  no actions, neither recorded nor replayed\n");
}

/* ------------------------------------------------------------------------------------- decisions
 */

/* A decision of one side, or none. */
struct side {
	const struct tr_decision *decision;
	const struct tr_candidate *candidates;
};

static struct side side_of(const struct tr_actions *actions, uint32_t i)
{
	struct side side = {NULL, NULL};

	if (i < actions->decision_count) {
		side.decision = &actions->decisions[i];
		side.candidates = &actions->candidates[side.decision->first_candidate];
	}
	return side;
}

static const char *candidate_words(const struct tr_describer *describer, const struct side *side,
				   tr_name endpoint, char text[WORDS_MAX])
{
	for (uint32_t i = 0; side->decision && i < side->decision->candidate_count; i++) {
		if (side->candidates[i].endpoint == endpoint)
			return tr_describe_candidate(describer, side->decision,
						     &side->candidates[i], i, text, WORDS_MAX);
	}
	return NOT_THERE;
}

/* The recorded candidates, or those that were only replayed. */
static void print_candidates(FILE *stream, const struct tr_describer *describer,
			     const struct side *left, const struct side *right, bool right_only)
{
	const struct side *side = right_only ? right : left;
	char name[TR_DETAIL_TEXT_MAX], left_text[WORDS_MAX], right_text[WORDS_MAX];

	for (uint32_t i = 0; side->decision && i < side->decision->candidate_count; i++) {
		tr_name endpoint = side->candidates[i].endpoint;
		const char *left_words = candidate_words(describer, left, endpoint, left_text);

		if (right_only && strcmp(left_words, NOT_THERE) != 0)
			continue;
		print_wide_row(stream, tr_describe_name(describer, endpoint, name, sizeof name),
			       left_words, candidate_words(describer, right, endpoint, right_text),
			       WORDS_WIDTH);
	}
}

static void print_headline(FILE *stream, const struct tr_describer *describer, const char *title,
			   const struct side *side)
{
	char text[WORDS_MAX];

	fprintf(stream, "    %s: %s\n", title,
		side->decision ? tr_describe_decision(describer, side->decision, side->candidates,
						      text, sizeof text)
			       : "no decision");
}

static void print_decisions(FILE *stream, const struct tr_describer *describer,
			    const struct tr_actions *left, const struct tr_actions *right)
{
	uint32_t count = left->decision_count > right->decision_count ? left->decision_count
								      : right->decision_count;

	for (uint32_t i = 0; i < count; i++) {
		struct side left_side = side_of(left, i), right_side = side_of(right, i);

		fprintf(stream, "\n  decision %u\n", i + 1);
		print_headline(stream, describer, "recorded", &left_side);
		print_headline(stream, describer, "replayed", &right_side);
		print_heads(stream, "candidates", WORDS_WIDTH);
		print_candidates(stream, describer, &left_side, &right_side, false);
		print_candidates(stream, describer, &left_side, &right_side, true);
	}
}

/* ----------------------------------------------------------------------------------------- whole
 */

static void print_event(FILE *stream, const struct tr_describer *describer, uint64_t number,
			const struct tr_event *event)
{
	struct tr_detail details[TR_DETAILS_MAX];
	size_t count = tr_describe_event(describer, event, details);
	char time[64], observed[64];

	fprintf(stream, "\n  event %" PRIu64 ", %s, at %s, observed at %s\n", number,
		tr_event_kinds[event->kind].name,
		tr_describe_time(describer, event->time, time, sizeof time),
		tr_describe_time(describer, event->observed, observed, sizeof observed));
	/* What was not given is not shown. */
	for (size_t i = 0; i < count; i++) {
		if (strcmp(details[i].text, "0") != 0 && strcmp(details[i].text, "-") != 0)
			fprintf(stream, "    %-*s  %s\n", NAME_WIDTH, details[i].name,
				details[i].text);
	}
}

static void print_states(FILE *stream, const struct tr_recording_state *left,
			 const struct tr_recording_state *right)
{
	print_heads(stream, "state", LEFT_WIDTH);
	print_hash(stream, "run hash", left->chain, right->chain);
	print_hash(stream, "path hash", left->path, right->path);
	print_hash(stream, "digest", left->digest, right->digest);
#define X(field) print_number(stream, #field, left->counts.field, right->counts.field);
	X(submitted)
	X(rejected)
	X(completed)
	X(failed)
	X(canceled)
	X(expired)
	X(in_system)
	X(attempts)
	X(retries)
	X(hedges)
	X(breaker_trips)
	X(events)
	X(retries_denied)
	X(hedges_denied)
#undef X
}

void tr_replay_print_difference(FILE *stream, const struct tr_replay *replay)
{
	const struct tr_replay_result *result = tr_replay_result(replay);
	const struct tr_describer *describer = tr_replay_describer(replay);

	switch (result->difference) {
	case TR_DIFFERENCE_REFUSED:
	case TR_DIFFERENCE_ACTIONS:
	case TR_DIFFERENCE_CHAIN:
		print_event(stream, describer, result->number, &result->event);
		if (result->difference == TR_DIFFERENCE_REFUSED)
			fprintf(stream, "\n  the engine refuses it: %s\n",
				tr_error_text(result->refusal));
		print_actions(stream, describer, &result->recorded, &result->replayed);
		print_decisions(stream, describer, &result->recorded, &result->replayed);
		print_heads(stream, "after it", LEFT_WIDTH);
		print_hash(stream, "run hash", result->chain_recorded, result->chain);
		break;
	case TR_DIFFERENCE_SNAPSHOT:
	case TR_DIFFERENCE_TOTALS:
		fprintf(stream, "\n  after event %" PRIu64 "\n", result->number);
		print_states(stream, &result->state_recorded, &result->state);
		break;
	case TR_DIFFERENCE_POLICY:
		fprintf(stream, "\n  after %" PRIu64 " events: %s\n", result->number,
			tr_error_text(result->refusal));
		break;
	case TR_DIFFERENCE_NONE:
	case TR_DIFFERENCE_COUNT:
		TR_ASSERT(false);
	}
}
