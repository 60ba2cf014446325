/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTE-3: twenty decisions, each played on the stage and printed in words and as JSON, compared with
 * the text that stands beside this file: decisions FILE. With TR_UPDATE=1 it is rewritten. Every
 * filter, every pick and every bypass must occur.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"
#include "tests/engine/stage.h"
#include "traces/describe.h"

#define A TR_NAME("a")
#define B TR_NAME("b")
#define C TR_NAME("c")

static struct tr_plan plan, next;
static struct tr_stage stage;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "decisions: %s\n", what);
	abort();
}

/* Model a of two endpoints falls back to b, which has two, and that to c, which has one. */
static void set_up(void)
{
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, A, 2, 4);
	tr_plan_model(&plan, B, 2, 4);
	tr_plan_model(&plan, C, 1, 4);
	plan.models[0].chain_count = 3;
	plan.models[0].chain[1] = 1;
	plan.models[0].chain[2] = 2;
	plan.policy.breaker.consecutive = 1;
	plan.policy.breaker.successes = 1;
	plan.policy.breaker.all_out = TR_ALL_OUT_SERVE;
	plan.policy.breaker.open_ns = plan.policy.breaker.open_ns_max = 10 * TR_SECOND;
	plan.policy.retry.attempts = 3;
	plan.policy.retry.backoff_ns = plan.policy.retry.backoff_ns_max = 1;
}

static void start(void)
{
	tr_stage_init(&stage, &tr_stage_limits, &plan.policy);
}

static tr_name a(uint32_t i)
{
	return tr_plan_endpoint_name(A, i - 1);
}

static tr_name b(uint32_t i)
{
	return tr_plan_endpoint_name(B, i - 1);
}

static tr_name c(void)
{
	return tr_plan_endpoint_name(C, 0);
}

static void set(tr_name endpoint, enum tr_lifecycle lifecycle)
{
	must(tr_stage_lifecycle(&stage, endpoint, lifecycle) == 0, "a lifecycle is refused");
}

static uint64_t submit(void)
{
	return tr_stage_submit(&stage, (struct tr_event_job_submit){0});
}

static uint64_t submit_by(enum tr_picker picker)
{
	return tr_stage_submit(&stage,
			       (struct tr_event_job_submit){.strategy = TR_PLAN_STRATEGY + picker});
}

/* A job for this endpoint alone. */
static uint64_t send_to(tr_name endpoint)
{
	const tr_name all[] = {a(1), a(2), b(1), b(2), c()};
	uint64_t job;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(all); i++)
		if (all[i] != endpoint)
			set(all[i], TR_LIFECYCLE_DOWN);
	job = submit();
	must(tr_stage_dispatch(&stage, job) != NULL, "a job went nowhere");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(all); i++)
		if (all[i] != endpoint)
			set(all[i], TR_LIFECYCLE_UP);
	return job;
}

static void fail(tr_name endpoint, enum tr_cause cause, tr_span_ns retry_after)
{
	uint64_t job = send_to(endpoint);

	must(tr_stage_fail(&stage, job, cause, retry_after) == 0, "a failure is refused");
	must(tr_stage_cancel(&stage, job, TR_CAUSE_CANCEL_CLIENT) == 0, "a cancel is refused");
}

/* ---- scenes: each ends with the step whose first decision is shown ---- */

static void only_one_is_up(void)
{
	start();
	set(a(1), TR_LIFECYCLE_DOWN);
	submit();
}

static void two_are_equal(void)
{
	start();
	submit();
}

static void the_less_loaded_wins(void)
{
	start();
	submit();
	submit();
	submit();
	submit();
}

static void round_robin_takes_turns(void)
{
	start();
	submit_by(TR_PICKER_ROUND_ROBIN);
	submit_by(TR_PICKER_ROUND_ROBIN);
}

static void scores_weigh_the_whole_chain(void)
{
	plan.models[0].quality = 900;
	plan.models[0].price_out = 20000000;
	plan.models[2].quality = 300;
	start();
	tr_stage_wait(&stage, TR_SECOND);
	for (uint32_t i = 1; i <= 2; i++) {
		uint64_t slow = send_to(a(i)), fast = send_to(b(i));

		tr_stage_wait(&stage, 200 * TR_MS);
		tr_stage_first_token(&stage, fast);
		tr_stage_wait(&stage, i * TR_SECOND);
		tr_stage_complete(&stage, fast, 50);
		tr_stage_first_token(&stage, slow);
	}
	submit_by(TR_PICKER_BEST_SCORE);
}

static void a_fallback_while_the_model_starts_and_drains(void)
{
	start();
	set(a(1), TR_LIFECYCLE_STARTING);
	set(a(2), TR_LIFECYCLE_DRAINING);
	submit();
}

static void a_retry_goes_elsewhere(void)
{
	start();
	tr_stage_fail(&stage, send_to(a(1)), TR_CAUSE_CREDENTIALS, 0);
}

static void a_hedge_goes_elsewhere(void)
{
	plan.intents[0].hedge = 1;
	plan.policy.hedge =
		(struct tr_policy_hedge){TR_TEST_HEDGE, .delay_ns = TR_SECOND, .attempts = 1};
	start();
	submit();
	tr_stage_wait(&stage, TR_SECOND);
}

static void a_breaker_is_open_and_another_is_probed(void)
{
	plan.policy.breaker.probes = 1;
	start();
	fail(a(1), TR_CAUSE_RESET, 0);
	tr_stage_wait(&stage, 9800 * TR_MS);
	fail(a(2), TR_CAUSE_RESET, 0);
	tr_stage_wait(&stage, 200 * TR_MS);
	send_to(a(1));
	submit();
}

static void a_pause_and_a_rate(void)
{
	plan.endpoints[1].requests_per_minute = 2;
	start();
	send_to(a(2));
	send_to(a(2));
	fail(a(1), TR_CAUSE_RATE_LIMITED, 2500 * TR_MS);
	submit();
}

static void what_a_provider_allows_and_a_limit_that_has_fallen(void)
{
	plan.policy.concurrency.adaptive = 1;
	plan.models[0].chain_count = 2;
	start();
	fail(a(2), TR_CAUSE_OVERLOADED, 1);
	tr_stage_wait(&stage, TR_SECOND);
	send_to(a(2));
	tr_stage_quota(&stage, a(1), UINT32_MAX, 120, 30 * TR_SECOND);
	submit_by(TR_PICKER_BEST_SCORE);
}

static void all_slots_of_one_are_taken(void)
{
	plan.endpoints[0].slots = 1;
	start();
	send_to(a(1));
	submit();
}

static void an_endpoint_has_gone(void)
{
	uint64_t job;

	start();
	job = tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_HOLD});
	tr_plan_copy(&next, &plan, 2);
	next.endpoints[0].name = TR_NAME("another");
	must(tr_stage_activate(&stage, &next.policy) == 0, "an activation is refused");
	tr_stage_release(&stage, job);
}

static void what_the_job_needs(void)
{
	plan.models[0].capabilities |= TR_CAPABILITY_VISION;
	plan.models[2].capabilities |= TR_CAPABILITY_VISION;
	plan.models[0].context_tokens = 1000;
	plan.models[1].chain_count = 1;
	start();
	tr_stage_submit(&stage, (struct tr_event_job_submit){.needs = TR_CAPABILITY_VISION,
							     .tokens_in = 2000});
}

static void what_the_tenant_may_use(void)
{
	plan.tenants[0].models.bits[0] = 1 << 0 | 1 << 2;
	start();
	set(a(1), TR_LIFECYCLE_DOWN);
	set(a(2), TR_LIFECYCLE_DOWN);
	submit();
}

static void all_are_out_and_the_least_bad_serves(void)
{
	plan.models[0].chain_count = 1;
	start();
	fail(a(1), TR_CAUSE_RESET, 0);
	tr_stage_wait(&stage, TR_SECOND);
	fail(a(2), TR_CAUSE_RESET, 0);
	submit();
}

static void a_strict_route_is_closed(void)
{
	start();
	fail(a(1), TR_CAUSE_RESET, 0);
	set(a(2), TR_LIFECYCLE_DOWN);
	tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_STRICT});
}

static void a_strict_job_fails_though_another_is_eligible(void)
{
	start();
	tr_stage_submit(&stage, (struct tr_event_job_submit){.flags = TR_SUBMIT_STRICT});
	tr_stage_fail(&stage, 1, TR_CAUSE_BAD_REQUEST, 0);
}

static void a_session_comes_home_and_its_strategy_is_aside(void)
{
	struct tr_event_job_submit turn = {.session = 5};
	uint64_t first;

	plan.policy.affinity.session_ttl_ns = TR_MINUTE;
	plan.policy.bypass.failures = 2;
	start();
	submit();
	first = tr_stage_submit(&stage, turn);
	must(tr_stage_first_token(&stage, first) == 0, "a first token is refused");
	/* Without session or prefix there is nothing to hash. */
	submit_by(TR_PICKER_CONSISTENT_HASH);
	submit_by(TR_PICKER_CONSISTENT_HASH);
	turn.strategy = TR_PLAN_STRATEGY + TR_PICKER_CONSISTENT_HASH;
	tr_stage_submit(&stage, turn);
}

static void a_strategy_finds_nobody(void)
{
	start();
	submit_by(TR_PICKER_CONSISTENT_HASH);
}

static const struct {
	const char *title;
	void (*play)(void);
} scenes[] = {
	{"only one is up", only_one_is_up},
	{"two are equal", two_are_equal},
	{"the less loaded wins", the_less_loaded_wins},
	{"round-robin takes turns", round_robin_takes_turns},
	{"scores weigh the whole chain", scores_weigh_the_whole_chain},
	{"a fallback while the model starts and drains",
	 a_fallback_while_the_model_starts_and_drains},
	{"a retry goes elsewhere", a_retry_goes_elsewhere},
	{"a hedge goes elsewhere", a_hedge_goes_elsewhere},
	{"a breaker is open and another is probed", a_breaker_is_open_and_another_is_probed},
	{"a pause and a rate", a_pause_and_a_rate},
	{"what a provider allows, and a limit that has fallen",
	 what_a_provider_allows_and_a_limit_that_has_fallen},
	{"all slots of one are taken", all_slots_of_one_are_taken},
	{"an endpoint has gone", an_endpoint_has_gone},
	{"what the job needs", what_the_job_needs},
	{"what the tenant may use", what_the_tenant_may_use},
	{"all are out and the least bad serves", all_are_out_and_the_least_bad_serves},
	{"a strict route is closed", a_strict_route_is_closed},
	{"a strict job fails though another is eligible",
	 a_strict_job_fails_though_another_is_eligible},
	{"a session comes home, and its strategy is aside",
	 a_session_comes_home_and_its_strategy_is_aside},
	{"a strategy finds nobody", a_strategy_finds_nobody},
};

/* ---- print ---- */

static const char *name_text(void *context, tr_name name)
{
	static const char *const pickers[TR_PICKER_COUNT] = {
#define X(uc, yaml, text) yaml,
		TR_PICKER_MAP(X)
#undef X
	};
	static const struct {
		const char *model;
		const char *endpoints[2];
	} models[] = {{"a", {"a1", "a2"}}, {"b", {"b1", "b2"}}, {"c", {"c1", "c2"}}};

	(void)context;
	for (size_t m = 0; m < TR_ARRAY_LENGTH(models); m++) {
		tr_name model = tr_name_of(models[m].model, 1);

		if (model == name)
			return models[m].model;
		for (uint32_t i = 0; i < 2; i++)
			if (tr_plan_endpoint_name(model, i) == name)
				return models[m].endpoints[i];
	}
	if (name >= TR_PLAN_STRATEGY && name < TR_PLAN_STRATEGY + TR_PICKER_COUNT)
		return pickers[name - TR_PLAN_STRATEGY];
	return NULL;
}

static bool seen_filter[TR_FILTER_COUNT], seen_pick[TR_PICK_COUNT], seen_bypass[TR_BYPASS_COUNT];

static void print_scene(FILE *file, size_t number)
{
	const struct tr_describer describer = {.name = name_text};
	const struct tr_decision *decision = &stage.actions.decisions[0];
	const struct tr_candidate *candidates =
		&stage.actions.candidates[decision->first_candidate];
	char text[512], name[64];
	json_t *json;
	char *line;

	must(stage.actions.decision_count > 0, scenes[number].title);
	json = tr_decision_json(&describer, decision, candidates);
	line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	must(line != NULL, "not enough memory");
	fprintf(file, "%s%zu. %s\n\n%s\n", number ? "\n" : "", number + 1, scenes[number].title,
		tr_describe_decision(&describer, decision, candidates, text, sizeof text));
	seen_pick[decision->pick] = seen_bypass[decision->bypass] = true;
	for (uint32_t i = 0; i < decision->candidate_count; i++) {
		seen_filter[candidates[i].filter] = true;
		fprintf(file, "  %s: %s\n",
			tr_describe_name(&describer, candidates[i].endpoint, name, sizeof name),
			tr_describe_candidate(&describer, decision, &candidates[i], i, text,
					      sizeof text));
	}
	fprintf(file, "%s\n", line);
	free(line);
	json_decref(json);
}

static bool all_seen(const bool *seen, uint32_t count, const struct tr_reason *reasons)
{
	bool all = true;

	for (uint32_t i = 0; i < count; i++)
		if (!seen[i]) {
			printf("# no decision shows %s\n", reasons[i].name);
			all = false;
		}
	return all;
}

static bool same_as(const char *path, const char *text, size_t length)
{
	char *kept = calloc(1, length + 2);
	FILE *file = fopen(path, "rb");
	bool same = false;

	must(kept != NULL, "not enough memory");
	if (file) {
		size_t got = fread(kept, 1, length + 1, file);
		size_t at = 0;

		while (at < got && at < length && kept[at] == text[at])
			at++;
		same = got == length && at == length;
		if (!same)
			printf("# differs from byte %zu\n", at);
		(void)fclose(file);
	}
	free(kept);
	return same;
}

static bool rewrite(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "wb");

	return file && fwrite(text, 1, length, file) == length && fclose(file) == 0;
}

int main(int argument_count, char **arguments)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	bool same, all;

	must(argument_count == 2, "give the FILE to compare with");
	must(file != NULL, "not enough memory");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(scenes); i++) {
		set_up();
		scenes[i].play();
		print_scene(file, i);
		tr_stage_done(&stage);
	}
	must(fclose(file) == 0, "not enough memory");
	if (getenv("TR_UPDATE"))
		must(rewrite(arguments[1], text, length), strerror(errno));
	same = same_as(arguments[1], text, length);
	all = all_seen(seen_filter, TR_FILTER_COUNT, tr_filters);
	all = all_seen(seen_pick, TR_PICK_COUNT, tr_picks) && all;
	all = all_seen(seen_bypass, TR_BYPASS_COUNT, tr_bypasses) && all;
	printf("1..2\n%s 1 %zu decisions read as they did\n", same ? "ok" : "not ok",
	       TR_ARRAY_LENGTH(scenes));
	printf("%s 2 every filter, pick and bypass occurs\n", all ? "ok" : "not ok");
	free(text);
	return !(same && all);
}
