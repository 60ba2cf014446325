/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job costs in the engine.
 *
 * One life cycle is submit, dispatch, connected, first token, two progresses, done: six events. A
 * scene keeps a constant number of jobs in the system, so each cycle lets one in and one out; what
 * differs is how many wait. The host is this loop and nothing else: it asks for the deadline before
 * each event, as hosts must, and keeps the attempts in flight first in, first out.
 *
 *   bench_engine [--json] [--runs N] [SCENE]     median and spread of the runs, cost by kind
 *   bench_engine --cycles N [SCENE]              N cycles once and no clock: for callgrind
 *
 * Times are read around a whole run. The cost of a step by kind comes from a run of its own, with
 * the cost of reading the clock taken off.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>

#include "engine/random.h"
#include "tests/engine/stage.h"

#define RUNS_MAX	 64
#define RUNS_DEFAULT	 7
#define EVENTS_PER_CYCLE 6

struct scene {
	const char *name;
	const char *text;
	uint32_t endpoints, slots, tenants;
	uint32_t jobs;	 /* in the system all the time */
	uint32_t cycles; /* of one run */
	enum tr_picker picker;
};

static const struct scene scenes[] = {
	{"life-cycle", "8 endpoints, 64 tenants, 256 jobs running", 8, 64, 64, 256, 400000,
	 TR_PICKER_LEAST_OUTSTANDING},
	{"waiting", "8 endpoints, 64 tenants, 20,000 jobs waiting", 8, 8, 64, 20000 + 8 * 8, 100000,
	 TR_PICKER_LEAST_OUTSTANDING},
	{"million-waiting", "256 endpoints, 1,000 tenants, 1,000,000 jobs waiting", 256, 8, 1000,
	 1000000 + 256 * 8, 400000, TR_PICKER_LEAST_OUTSTANDING},
#define X(name, yaml, text)                                                                        \
	{"picker-" yaml,                                                                           \
	 "64 endpoints, 16 tenants, half of the slots taken",                                      \
	 64,                                                                                       \
	 8,                                                                                        \
	 16,                                                                                       \
	 256,                                                                                      \
	 100000,                                                                                   \
	 TR_PICKER_##name},
	TR_PICKER_MAP(X)
#undef X
};

struct bench {
	const struct scene *scene;
	struct tr_engine *engine;
	struct tr_event event;
	struct tr_actions actions;
	tr_time_ns now;
	uint64_t next_job_id;
	tr_attempt_handle *flying; /* a ring of attempts */
	uint32_t flying_first, flying_count, flying_room;
	bool by_kind;
	uint64_t kind_ns[TR_EVENT_COUNT], kind_count[TR_EVENT_COUNT];
};

static void die(const char *what)
{
	fprintf(stderr, "bench_engine: %s\n", what);
	exit(1);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TR_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- the host ---- */

static void step(struct bench *b)
{
	uint64_t start = b->by_kind ? clock_ns() : 0;

	b->event.time = b->now;
	b->event.observed = b->now;
	if (tr_engine_step(b->engine, &b->event, &b->actions) < 0)
		die("the engine refuses an event");
	if (b->by_kind) {
		b->kind_ns[b->event.kind] += clock_ns() - start;
		b->kind_count[b->event.kind]++;
	}
	for (uint32_t i = 0; i < b->actions.count; i++) {
		const struct tr_action *action = &b->actions.items[i];

		if (action->kind == TR_ACTION_JOB_REJECT)
			die("the engine rejects a job");
		if (action->kind != TR_ACTION_ATTEMPT_DISPATCH)
			continue;
		if (b->flying_count == b->flying_room)
			die("more attempts than slots");
		b->flying[(b->flying_first + b->flying_count++) % b->flying_room] =
			action->attempt_dispatch.attempt;
	}
}

static struct tr_event *event(struct bench *b, enum tr_event_kind kind)
{
	b->now += TR_MS / 100;
	while (tr_engine_deadline(b->engine) <= b->now) {
		tr_time_ns then = b->now;

		b->now = tr_engine_deadline(b->engine);
		b->event = (struct tr_event){.kind = TR_EVENT_CLOCK};
		step(b);
		b->now = then;
	}
	b->event = (struct tr_event){.kind = (uint16_t)kind};
	return &b->event;
}

static void submit(struct bench *b)
{
	uint64_t id = ++b->next_job_id;
	uint64_t draw = tr_draw(1, id, TR_PURPOSE_TEST, 0);
	struct tr_event_job_submit *ev = &event(b, TR_EVENT_JOB_SUBMIT)->job_submit;

	ev->job_id = id;
	ev->tenant = 1000 + tr_below(draw, b->scene->tenants);
	if (b->scene->picker == TR_PICKER_CONSISTENT_HASH)
		ev->session = 1 + tr_below(draw >> 32, 500);
	ev->tokens_in = 100 + (uint32_t)(draw & 1023);
	ev->tokens_out_max = 256;
	ev->deadline = b->now + TR_DAY + (draw & 0xffffffff);
	ev->flags = TR_SUBMIT_STREAM;
	step(b);
}

static void cycle(struct bench *b)
{
	tr_attempt_handle attempt;

	submit(b);
	attempt = b->flying[b->flying_first];
	b->flying_first = (b->flying_first + 1) % b->flying_room;
	b->flying_count--;
	event(b, TR_EVENT_ATTEMPT_CONNECTED)->attempt_connected.attempt = attempt;
	step(b);
	event(b, TR_EVENT_ATTEMPT_FIRST_TOKEN)->attempt_first_token.attempt = attempt;
	step(b);
	for (uint32_t tokens = 32; tokens <= 64; tokens += 32) {
		event(b, TR_EVENT_ATTEMPT_PROGRESS)->attempt_progress.attempt = attempt;
		b->event.attempt_progress.tokens_out = tokens;
		step(b);
	}
	event(b, TR_EVENT_ATTEMPT_DONE)->attempt_done.attempt = attempt;
	b->event.attempt_done.tokens_out = 80;
	step(b);
}

static void bench_init(struct bench *b, const struct scene *scene)
{
	static struct tr_plan plan;
	uint32_t running = scene->endpoints * scene->slots;
	struct tr_limits limits = {.jobs = (uint32_t)tr_max(scene->jobs, running) + 1,
				   .active = running,
				   .attempts = running,
				   .models = 1,
				   .endpoints = scene->endpoints,
				   .classes = 2,
				   .tenants = scene->tenants + 1,
				   .policies = 1,
				   .sessions = 1024,
				   .prefixes = 1024,
				   .idempotency = 1024};

	memset(b, 0, sizeof *b);
	b->scene = scene;
	b->now = 1700000000 * TR_SECOND;
	tr_plan_init(&plan, 1);
	tr_plan_model(&plan, TR_NAME("m"), scene->endpoints, scene->slots);
	tr_plan_class(&plan, TR_NAME("batch"), 10);
	plan.classes[0].queue_limit = plan.classes[1].queue_limit = 1u << 24;
	for (uint32_t i = 0; i < scene->tenants; i++)
		tr_plan_tenant(&plan, 1000 + i);
	plan.intents[0].strategy = scene->picker;
	plan.policy.affinity.session_ttl_ns = TR_DAY;
	plan.policy.timeouts = (struct tr_policy_timeouts){.connect_ns = TR_DAY,
							   .headers_ns = TR_DAY,
							   .first_token_ns = TR_DAY,
							   .between_tokens_ns = TR_DAY};
	b->flying_room = running;
	b->flying = calloc(running, sizeof *b->flying);
	b->engine = aligned_alloc(1u << 21, (tr_engine_size(&limits) + (1u << 21) - 1) >> 21 << 21);
	madvise(b->engine, tr_engine_size(&limits), MADV_HUGEPAGE);
	if (!b->flying || !b->engine)
		die("out of memory");
	if (tr_engine_init(b->engine, &limits, &plan.policy, 1, b->now) < 0)
		die("the engine refuses its policy");
	for (uint32_t i = 0; i < scene->jobs; i++)
		submit(b);
	/* Let queues and means settle. */
	for (uint32_t i = 0; i < running; i++)
		cycle(b);
}

static void bench_done(struct bench *b)
{
	free(b->engine);
	free(b->flying);
}

/* ---- figures ---- */

struct figures {
	uint64_t runs[RUNS_MAX]; /* cycles a second, ascending */
	uint32_t count;
	uint64_t kind_ns[TR_EVENT_COUNT]; /* a step; 0: not measured */
};

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t clock_cost(void)
{
	enum {
		READS = 200000
	};
	uint64_t start = clock_ns();

	for (int i = 0; i < READS - 1; i++)
		clock_ns();
	return (clock_ns() - start) / READS;
}

static void measure(const struct scene *scene, uint32_t runs, struct figures *ret)
{
	static struct bench bench;
	uint64_t cost = clock_cost();

	memset(ret, 0, sizeof *ret);
	bench_init(&bench, scene);
	for (uint32_t run = 0; run < runs; run++) {
		uint64_t start = clock_ns();

		for (uint32_t i = 0; i < scene->cycles; i++)
			cycle(&bench);
		ret->runs[ret->count++] =
			tr_mul_div(scene->cycles, TR_SECOND, tr_max(clock_ns() - start, 1));
	}
	qsort(ret->runs, ret->count, sizeof *ret->runs, ascending);
	bench.by_kind = true;
	for (uint32_t i = 0; i < scene->cycles; i++)
		cycle(&bench);
	for (int kind = 0; kind < TR_EVENT_COUNT; kind++)
		if (bench.kind_count[kind])
			ret->kind_ns[kind] =
				tr_sub_sat(bench.kind_ns[kind] / bench.kind_count[kind], cost);
	bench_done(&bench);
}

static void print_text(const struct scene *scene, const struct figures *f)
{
	uint64_t median = f->runs[f->count / 2];

	printf("engine %s (%s)\n", scene->name, scene->text);
	printf("  %" PRIu64 " life cycles/s, median of %u runs (%" PRIu64 "..%" PRIu64 "); %" PRIu64
	       " ns per event\n",
	       median, f->count, f->runs[0], f->runs[f->count - 1],
	       TR_SECOND / EVENTS_PER_CYCLE / tr_max(median, 1));
	for (int kind = 0; kind < TR_EVENT_COUNT; kind++)
		if (f->kind_ns[kind])
			printf("  %-20s %6" PRIu64 " ns\n", tr_event_kinds[kind].name,
			       f->kind_ns[kind]);
}

static void print_json(const struct scene *scene, const struct figures *f, bool last)
{
	const char *comma = "";

	printf("  {\"name\": \"engine %s\", \"unit\": \"life cycles/s\", \"median\": %" PRIu64
	       ", \"min\": %" PRIu64 ", \"max\": %" PRIu64 ", \"runs\": [",
	       scene->name, f->runs[f->count / 2], f->runs[0], f->runs[f->count - 1]);
	for (uint32_t i = 0; i < f->count; i++)
		printf("%s%" PRIu64, i ? ", " : "", f->runs[i]);
	printf("], \"step_ns\": {");
	for (int kind = 0; kind < TR_EVENT_COUNT; kind++)
		if (f->kind_ns[kind]) {
			printf("%s\"%s\": %" PRIu64, comma, tr_event_kinds[kind].name,
			       f->kind_ns[kind]);
			comma = ", ";
		}
	printf("}}%s\n", last ? "" : ",");
}

static uint32_t number(const char *text, uint32_t most)
{
	char *end;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	if (!text || *end || value == 0 || value > most)
		die("a number from 1 is wanted");
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	uint32_t runs = RUNS_DEFAULT, cycles = 0;
	bool json = false;
	static struct bench bench;
	struct figures figures;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--runs") == 0)
			runs = number(argv[++i], RUNS_MAX);
		else if (strcmp(argv[i], "--cycles") == 0)
			cycles = number(argv[++i], UINT32_MAX);
		else
			only = argv[i];
	}
	if (json && !cycles)
		printf("[\n");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(scenes); i++) {
		if (only && strcmp(only, scenes[i].name) != 0)
			continue;
		if (cycles) {
			bench_init(&bench, &scenes[i]);
			for (uint32_t n = 0; n < cycles; n++)
				cycle(&bench);
			bench_done(&bench);
			continue;
		}
		measure(&scenes[i], runs, &figures);
		if (json)
			print_json(&scenes[i], &figures, only || i + 1 == TR_ARRAY_LENGTH(scenes));
		else
			print_text(&scenes[i], &figures);
	}
	if (json && !cycles)
		printf("]\n");
	return 0;
}
