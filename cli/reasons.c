/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of reasons: every code that the engine gives, in JSON, metrics, recordings and answers,
 * with what it means, written from the lists in engine/reason.h that make the codes.
 */
#include <stdio.h>

#include "cli/reasons.h"
#include "engine/policy/policy.h"
#include "engine/reason.h"

static const char *const verdicts[TR_VERDICT_COUNT] = {
	[TR_VERDICT_NEUTRAL] = "nothing",
	[TR_VERDICT_SUCCESS] = "success",
	[TR_VERDICT_FAULT] = "fault",
	[TR_VERDICT_BACKPRESSURE] = "back-pressure",
	[TR_VERDICT_CLIENT] = "the client's own",
	[TR_VERDICT_SLOW] = "slow",
};
static const char *const retries[] = {
	[TR_RETRY_NO] = "no",
	[TR_RETRY_OTHER] = "elsewhere, at once",
	[TR_RETRY_YES] = "after a back-off",
};
static const char *const hopes[] = {
	[TR_HOPE_NEVER] = "nothing, for this job",
	[TR_HOPE_HEALTH] = "the endpoint's recovery",
	[TR_HOPE_ROOM] = "time: the endpoint is fit",
};

static void cells_reject(const struct tr_reason *reason)
{
	printf("| %u | %s ", reason->http_status, reason->retriable ? "yes" : "no");
}

static void cells_cause(const struct tr_reason *reason)
{
	printf("| %s | %s ", verdicts[reason->verdict], retries[reason->retry]);
}

static void cells_filter(const struct tr_reason *reason)
{
	printf("| %s ", reason == &tr_filters[TR_FILTER_NONE] ? "" : hopes[reason->hope]);
}

/* One list: `columns` between code and meaning, and what fills them for a row. */
struct page_list {
	const char *title;
	const char *text;
	const char *columns; /* NULL: none */
	const struct tr_reason *reasons;
	unsigned count;
	void (*cells)(const struct tr_reason *reason);
};

static const struct page_list lists[] = {
	{"Rejects", "Why a job was refused at admission (`JOB_REJECT.code`).",
	 " HTTP status | worth another try |", tr_rejects, TR_REJECT_COUNT, cells_reject},
	{"Outcomes", "How a job ended (`JOB_FINISH.outcome`).", NULL, tr_outcomes, TR_OUTCOME_COUNT,
	 NULL},
	{"Causes",
	 "Why an attempt or a job ended as it did (`ATTEMPT_FAILED.cause`, `ATTEMPT_ABORT.cause`, "
	 "`JOB_FINISH.cause`): what the endpoint's health learns of it, and whether the job is "
	 "tried again.",
	 " health learns | retry |", tr_causes, TR_CAUSE_COUNT, cells_cause},
	{"Filters",
	 "Why a candidate endpoint was left out of a decision, and what would let it pass.",
	 " what would let it pass |", tr_filters, TR_FILTER_COUNT, cells_filter},
	{"Picks", "How the endpoint was found (`ATTEMPT_DISPATCH.pick`, and in decision records).",
	 NULL, tr_picks, TR_PICK_COUNT, NULL},
	{"Bypass", "Whether the strategy itself decided.", NULL, tr_bypasses, TR_BYPASS_COUNT,
	 NULL},
	{"Roles", "What an attempt is to its job.", NULL, tr_roles, TR_ROLE_COUNT, NULL},
	{"Holds", "Why a job is held before it may queue.", NULL, tr_holds, TR_HOLD_COUNT, NULL},
	{"Lifecycles", "An endpoint's life, as its host reports it.", NULL, tr_lifecycles,
	 TR_LIFECYCLE_COUNT, NULL},
	{"Breaker states", "The states of an endpoint's circuit breaker.", NULL, tr_breaker_states,
	 TR_BREAKER_COUNT, NULL},
};

static void print_list(const struct page_list *list)
{
	printf("\n## %s\n\n%s\n\n| code |%s meaning |\n|---|", list->title, list->text,
	       list->columns ? list->columns : "");
	for (const char *c = list->columns; c && *c; c++)
		if (*c == '|')
			fputs("---|", stdout);
	puts("---|");
	for (unsigned i = 0; i < list->count; i++) {
		printf("| `%s` ", list->reasons[i].name);
		if (list->cells)
			list->cells(&list->reasons[i]);
		printf("| %s |\n", list->reasons[i].text);
	}
}

static void print_words(const char *title, const char *text, const char *const (*words)[2],
			size_t count)
{
	printf("\n## %s\n\n%s\n\n| word | meaning |\n|---|---|\n", title, text);
	for (size_t i = 0; i < count; i++)
		printf("| `%s` | %s |\n", words[i][0], words[i][1]);
}

void tr_cli_print_reasons(void)
{
#define X(name, yaml, text) {yaml, text},
	static const char *const full[][2] = {TR_FULL_MAP(X)};
	static const char *const all_out[][2] = {TR_ALL_OUT_MAP(X)};
#undef X

	fputs("# Reasons\n\n"
	      "Every reason that Tailrace gives, by the code that stands in JSON, metrics and "
	      "recordings.\nThis page is generated from the lists that make the codes "
	      "(`tailrace check --reference reasons`).\n",
	      stdout);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(lists); i++)
		print_list(&lists[i]);
	print_words("Full queues",
		    "What a full queue does with one more job (`classes.NAME.full`).", full,
		    TR_ARRAY_LENGTH(full));
	print_words("All out",
		    "What happens when the breakers of all candidates are out (`breaker.all_out`).",
		    all_out, TR_ARRAY_LENGTH(all_out));
}
