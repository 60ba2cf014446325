/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of faults: every kind that a scenario may name, with the keys that go with it, written
 * from the table in sim/server/fault.h that the simulator works by.
 */
#include <stdio.h>

#include "cli/faults.h"
#include "sim/server/fault.h"

static const char *const scopes[] = {
	[TR_SCOPE_TRY] = "tries",
	[TR_SCOPE_SERVER] = "servers",
	[TR_SCOPE_STORE] = "the store",
	[TR_SCOPE_HOST] = "the host",
};
static const char *const places[] = {
	[TR_PLACE_CONNECT] = "connecting",	[TR_PLACE_ANSWER] = "instead of the answer",
	[TR_PLACE_HEADERS] = "headers",		[TR_PLACE_FIRST] = "first token",
	[TR_PLACE_STREAM] = "the stream",	[TR_PLACE_BREAK] = "where the answer ends",
	[TR_PLACE_PACE] = "pace of the tokens", [TR_PLACE_NONE] = "",
};

static const char intro[] =
	"# Faults\n\n"
	"What a scenario's `faults` may say is wrong ([scenario.md](scenario.md) has the keys).\n"
	"This page is generated from the table that the simulator works by\n"
	"(`tailrace check --reference faults`).\n\n"
	"```yaml\n"
	"faults:\n"
	"  - {name: a2-dies, kind: crash, at_s: 60, for_s: 30, endpoints: [a2], start_ms: 20000}\n"
	"  - {kind: rate_limit, first: 2, all: true, retry_after_ms: 1000}\n"
	"  - {kind: reset, at_s: 10, for_s: 300, models: [chat], percent: 5, after_tokens: 20}\n"
	"```\n\n"
	"Keys in bold are needed. `at_s` and `for_s` go with all; `endpoints`, `models` or `all` "
	"with faults of\ntries and of servers; `first` and `percent` with faults of tries and of "
	"the store.\n\n"
	"* A fault of **tries** concerns each try that is sent to one of its endpoints while it "
	"holds, however long\n  that try then takes. `first: 2` are the first two tries, over all "
	"its endpoints together; `percent` is\n  drawn by seed, fault, endpoint, job and the "
	"number "
	"of the try there, so two policies meet the same world.\n"
	"* A fault of **servers** changes them from its first to its last instant, for all that "
	"they "
	"have.\n"
	"* Faults of **the store** and of **the host** concern no endpoint.\n\n"
	"## Kinds\n\n"
	"| kind | concerns | acts at | its keys | its try fails with | what happens |\n"
	"|---|---|---|---|---|---|\n";

static const char overlap[] =
	"\n## Where two overlap\n\n"
	"Each kind acts at one place in the life of a try. At different places both act, and what "
	"comes earlier is met\nfirst: who is refused at connecting meets nothing further. At the "
	"same place the fault that stands later in\nthe file holds; a counted one counts that try "
	"all the same. Latencies and delays of the store add, speeds\nmultiply, clock jumps add, "
	"and a server is down as long as any crash holds it. A server's own `error_percent` and a\n"
	"fault may both break one answer: the earlier break holds.\n\n"
	"## Errors by status\n\n"
	"| status | cause |\n|---|---|\n";

static void print_keys(const struct tr_fault_row *kind)
{
	const char *separator = "";

	for (unsigned key = 0; key < TR_FAULT_KEY_COUNT; key++) {
		const char *mark = kind->needed >> key & 1 ? "**" : "";

		if (!(kind->keys >> key & 1))
			continue;
		printf("%s%s`%s`%s", separator, mark, tr_fault_keys[key], mark);
		separator = ", ";
	}
}

static void print_cause(enum tr_cause cause)
{
	if (cause != TR_CAUSE_NONE)
		printf("[`%s`](reasons.md#causes)", tr_causes[cause].name);
}

void tr_cli_print_faults(void)
{
	static const unsigned statuses[] = {
#define S(status) status,
		TR_FAULT_STATUS_MAP(S)
#undef S
	};

	fputs(intro, stdout);
	for (unsigned i = 0; i < TR_FAULT_COUNT; i++) {
		const struct tr_fault_row *kind = &tr_faults[i];

		printf("| `%s` | %s | %s | ", kind->word, scopes[kind->scope], places[kind->place]);
		print_keys(kind);
		fputs(" | ", stdout);
		print_cause(kind->cause);
		printf(" | %s |\n", kind->text);
	}
	fputs(overlap, stdout);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(statuses); i++)
		printf("| %u | `%s` |\n", statuses[i], tr_causes[tr_fault_cause(statuses[i])].name);
}
