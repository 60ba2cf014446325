/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small engine against a simple reference model.
 *
 * The model is written from the promises alone (the classes by priority, a tenant's cap, earliest
 * deadline first, first come first served, fewest attempts in flight per slot, the smaller name at
 * a tie) with arrays and linear scans, and shares no code with the engine. Both get the same random
 * events; every answer must be the same, in the same order, and so must the next time something is
 * due. What the model leaves out (retries, hedges, breakers, floors, several tenants or models) is
 * switched off by the policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/random.h"
#include "tests/engine/stage.h"

#define ENDPOINTS 4
#define CLASSES	  2
#define JOBS	  64
#define EXPECTED  64
#define STEPS	  400

struct model_job {
	uint64_t id; /* 0: free */
	uint64_t order;
	tr_time_ns deadline, entered;
	uint32_t class, endpoint;
	bool running, streaming;
};

struct expected {
	enum tr_action_kind kind;
	uint64_t job_id;
	tr_name endpoint;
	uint8_t outcome; /* or a reject's code */
	uint8_t cause;
};

struct model {
	tr_time_ns now;
	uint64_t order;
	uint32_t cap;
	uint32_t slots[ENDPOINTS], busy[ENDPOINTS];
	tr_name names[ENDPOINTS];
	uint32_t priority[CLASSES], limit[CLASSES];
	tr_span_ns timeout[CLASSES];
	struct model_job jobs[JOBS];
	struct expected expected[EXPECTED + 1];
	uint32_t expected_count;
};

static void expect(struct model *m, enum tr_action_kind kind, const struct model_job *job,
		   tr_name endpoint, int outcome, int cause)
{
	assert_true(m->expected_count < EXPECTED);
	m->expected[m->expected_count++] =
		(struct expected){kind, job->id, endpoint, (uint8_t)outcome, (uint8_t)cause};
}

static uint32_t waiting(const struct model *m, uint32_t class)
{
	uint32_t n = 0;

	for (int i = 0; i < JOBS; i++)
		n += m->jobs[i].id && !m->jobs[i].running && m->jobs[i].class == class;
	return n;
}

static uint32_t running(const struct model *m)
{
	uint32_t n = 0;

	for (int i = 0; i < JOBS; i++)
		n += m->jobs[i].id && m->jobs[i].running;
	return n;
}

static void end(struct model *m, struct model_job *job, enum tr_outcome outcome,
		enum tr_cause cause, bool abort)
{
	tr_name endpoint = job->running ? m->names[job->endpoint] : 0;

	if (job->running)
		m->busy[job->endpoint]--;
	if (job->running && abort)
		expect(m, TR_ACTION_ATTEMPT_ABORT, job, endpoint, 0, (int)cause);
	expect(m, TR_ACTION_JOB_FINISH, job, endpoint, (int)outcome, (int)cause);
	*job = (struct model_job){0};
}

/* Who goes next: by class, deadline, arrival. */
static struct model_job *next_job(struct model *m)
{
	struct model_job *best = NULL;

	for (int i = 0; i < JOBS; i++) {
		struct model_job *job = &m->jobs[i];

		if (!job->id || job->running)
			continue;
		if (!best || m->priority[job->class] > m->priority[best->class] ||
		    (job->class == best->class &&
		     (job->deadline < best->deadline ||
		      (job->deadline == best->deadline && job->order < best->order))))
			best = job;
	}
	return best;
}

/* Where it goes: a smaller share of slots in use, then the smaller name; ENDPOINTS: nowhere. */
static uint32_t next_endpoint(const struct model *m)
{
	uint32_t best = ENDPOINTS;

	for (uint32_t i = 0; i < ENDPOINTS; i++) {
		uint32_t mine, bests;

		if (m->busy[i] == m->slots[i])
			continue;
		if (best == ENDPOINTS) {
			best = i;
			continue;
		}
		mine = m->busy[i] * m->slots[best];
		bests = m->busy[best] * m->slots[i];
		if (mine < bests || (mine == bests && m->names[i] < m->names[best]))
			best = i;
	}
	return best;
}

static void place(struct model *m)
{
	for (;;) {
		struct model_job *job = next_job(m);
		uint32_t endpoint = next_endpoint(m);

		if (!job || endpoint == ENDPOINTS || running(m) >= m->cap)
			return;
		job->running = true;
		job->endpoint = endpoint;
		m->busy[endpoint]++;
		expect(m, TR_ACTION_ATTEMPT_DISPATCH, job, m->names[endpoint], 0, 0);
	}
}

static tr_time_ns due_of(const struct model *m, const struct model_job *job, enum tr_cause *ret)
{
	tr_time_ns late = TR_TIME_NEVER;

	if (!job->running && m->timeout[job->class])
		late = job->entered + m->timeout[job->class];
	*ret = job->deadline <= late ? TR_CAUSE_DEADLINE : TR_CAUSE_QUEUE_TIMEOUT;
	return job->deadline <= late ? job->deadline : late;
}

static tr_time_ns next_due(const struct model *m)
{
	tr_time_ns first = TR_TIME_NEVER;
	enum tr_cause cause;

	for (int i = 0; i < JOBS; i++)
		if (m->jobs[i].id)
			first = tr_min(first, due_of(m, &m->jobs[i], &cause));
	return first;
}

static void on_clock(struct model *m)
{
	for (int i = 0; i < JOBS; i++) {
		enum tr_cause cause;

		if (m->jobs[i].id && due_of(m, &m->jobs[i], &cause) <= m->now)
			end(m, &m->jobs[i], TR_OUTCOME_EXPIRED, cause, true);
	}
}

static void on_submit(struct model *m, uint64_t id, uint32_t class, tr_time_ns deadline)
{
	struct model_job *job = NULL;
	struct model_job refused = {.id = id};

	for (int i = 0; i < JOBS && !job; i++)
		if (!m->jobs[i].id)
			job = &m->jobs[i];
	assert_non_null(job);
	if (waiting(m, class) >= m->limit[class]) {
		expect(m, TR_ACTION_JOB_REJECT, &refused, 0, TR_REJECT_QUEUE_FULL, 0);
		return;
	}
	if (deadline && deadline <= m->now) {
		expect(m, TR_ACTION_JOB_REJECT, &refused, 0, TR_REJECT_DEADLINE_UNMET, 0);
		return;
	}
	*job = (struct model_job){.id = id,
				  .order = ++m->order,
				  .deadline = deadline ? deadline : TR_TIME_NEVER,
				  .entered = m->now,
				  .class = class};
	expect(m, TR_ACTION_JOB_ACCEPT, job, 0, 0, 0);
}

/* ---- both at once ---- */

struct pair {
	uint64_t seed, step, draws;
	struct tr_plan plan;
	struct tr_stage stage;
	struct model model;
	uint64_t seen[TR_ACTION_COUNT];
};

static uint64_t below(struct pair *p, uint64_t bound)
{
	return tr_below(tr_draw(p->seed, p->step, TR_PURPOSE_TEST, p->draws++), bound);
}

static void pair_init(struct pair *p, uint64_t seed)
{
	struct model *m = &p->model;

	memset(p, 0, sizeof *p);
	p->seed = seed;
	m->cap = 1 + (uint32_t)below(p, 8);
	tr_plan_init(&p->plan, 1);
	tr_plan_model(&p->plan, TR_NAME("m"), ENDPOINTS, 1);
	tr_plan_class(&p->plan, TR_NAME("batch"), 10);
	p->plan.tenants[0].max_concurrent = m->cap;
	for (uint32_t i = 0; i < ENDPOINTS; i++) {
		m->slots[i] = 1 + (uint32_t)below(p, 3);
		m->names[i] = p->plan.endpoints[i].name;
		p->plan.endpoints[i].slots = m->slots[i];
	}
	for (uint32_t i = 0; i < CLASSES; i++) {
		m->priority[i] = p->plan.classes[i].priority;
		m->limit[i] = p->plan.classes[i].queue_limit = 3 + (uint32_t)below(p, 20);
		m->timeout[i] = below(p, 2) * (TR_SECOND + below(p, 10 * TR_SECOND));
		p->plan.classes[i].queue_timeout_ns = m->timeout[i];
	}
	tr_stage_init(&p->stage, &tr_stage_limits, &p->plan.policy);
	p->stage.trusting = true;
	p->stage.now += 1;
	m->now = p->stage.now;
}

static struct expected seen_of(const struct tr_action *a)
{
	switch (a->kind) {
	case TR_ACTION_JOB_ACCEPT:
		return (struct expected){TR_ACTION_JOB_ACCEPT, a->job_accept.job_id, 0, 0, 0};
	case TR_ACTION_JOB_REJECT:
		return (struct expected){TR_ACTION_JOB_REJECT, a->job_reject.job_id, 0,
					 a->job_reject.code, 0};
	case TR_ACTION_ATTEMPT_DISPATCH:
		return (struct expected){TR_ACTION_ATTEMPT_DISPATCH, a->attempt_dispatch.job_id,
					 a->attempt_dispatch.endpoint, 0, 0};
	case TR_ACTION_ATTEMPT_ABORT:
		return (struct expected){TR_ACTION_ATTEMPT_ABORT, a->attempt_abort.job_id,
					 a->attempt_abort.endpoint, 0, a->attempt_abort.cause};
	case TR_ACTION_STREAM_COMMIT:
		return (struct expected){TR_ACTION_STREAM_COMMIT, a->stream_commit.job_id, 0, 0, 0};
	case TR_ACTION_JOB_FINISH:
		return (struct expected){TR_ACTION_JOB_FINISH, a->job_finish.job_id,
					 a->job_finish.endpoint, a->job_finish.outcome,
					 a->job_finish.cause};
	default:
		return (struct expected){(enum tr_action_kind)a->kind, 0, 0, 0, 0};
	}
}

static bool equal(const struct expected *a, const struct expected *b)
{
	return a->kind == b->kind && a->job_id == b->job_id && a->endpoint == b->endpoint &&
	       a->outcome == b->outcome && a->cause == b->cause;
}

/* Jobs that end at the same instant do so in the order in which their timers were started, of which
 * the model knows nothing: what ends by the clock is compared in the order of ids. */
static void sort_endings(struct expected *list, uint32_t count)
{
	for (uint32_t i = 1; i < count && list[i].kind != TR_ACTION_ATTEMPT_DISPATCH; i++)
		for (uint32_t k = i; k > 0 && list[k].job_id < list[k - 1].job_id; k--) {
			struct expected moved = list[k];

			list[k] = list[k - 1];
			list[k - 1] = moved;
		}
}

static const char *name_of(enum tr_action_kind kind)
{
	return kind == TR_ACTION_NONE ? "nothing" : tr_action_kinds[kind].name;
}

static void compare(struct pair *p)
{
	const struct tr_actions *out = &p->stage.actions;
	struct model *m = &p->model;
	struct expected seen[EXPECTED + 1] = {0};

	assert_true(out->count <= EXPECTED);
	for (uint32_t i = 0; i < out->count; i++)
		seen[i] = seen_of(&out->items[i]);
	if (p->stage.event.kind == TR_EVENT_CLOCK) {
		sort_endings(seen, out->count);
		sort_endings(m->expected, m->expected_count);
	}
	m->expected[m->expected_count] = (struct expected){0};
	for (uint32_t i = 0; i <= out->count; i++) {
		const struct expected *wanted = &m->expected[tr_min(i, m->expected_count)];

		p->seen[seen[i].kind]++;
		if (!equal(&seen[i], wanted))
			fail_msg("seed %llu, step %llu, answer %u: the engine gives %s of job %llu "
				 "(%u, %u), the model %s of job %llu (%u, %u)",
				 (unsigned long long)p->seed, (unsigned long long)p->step, i,
				 name_of(seen[i].kind), (unsigned long long)seen[i].job_id,
				 seen[i].outcome, seen[i].cause, name_of(wanted->kind),
				 (unsigned long long)wanted->job_id, wanted->outcome,
				 wanted->cause);
	}
	if (tr_engine_deadline(p->stage.engine) != next_due(m))
		fail_msg("seed %llu, step %llu: due at %llu, in the model at %llu",
			 (unsigned long long)p->seed, (unsigned long long)p->step,
			 (unsigned long long)tr_engine_deadline(p->stage.engine),
			 (unsigned long long)next_due(m));
	m->expected_count = 0;
}

static struct model_job *some_job(struct pair *p, bool only_running)
{
	uint64_t from = below(p, JOBS);

	for (uint64_t i = 0; i < JOBS; i++) {
		struct model_job *job = &p->model.jobs[(from + i) % JOBS];

		if (job->id && (job->running || !only_running))
			return job;
	}
	return NULL;
}

static void step_submit(struct pair *p)
{
	uint32_t class = (uint32_t)below(p, CLASSES);
	struct tr_event_job_submit submit = {.job_id = ++p->stage.next_job_id};

	submit.class_name = p->plan.classes[class].name;
	if (below(p, 2))
		submit.deadline = p->model.now - TR_SECOND + below(p, 8 * TR_SECOND);
	if (below(p, 8) == 0)
		submit.deadline = (p->model.now / TR_SECOND + 3) * TR_SECOND;
	on_submit(&p->model, submit.job_id, class, submit.deadline);
	place(&p->model);
	tr_stage_submit(&p->stage, submit);
}

static void step_attempt(struct pair *p, struct model_job *job)
{
	static const uint8_t causes[] = {TR_CAUSE_CONNECT, TR_CAUSE_SERVER_ERROR,
					 TR_CAUSE_STREAM_ERROR, TR_CAUSE_CREDENTIALS,
					 TR_CAUSE_BAD_REQUEST};
	enum tr_cause cause = causes[below(p, sizeof causes)];
	uint64_t id = job->id, what = below(p, 10);

	if (what < 3 && !job->streaming) {
		job->streaming = true;
		expect(&p->model, TR_ACTION_STREAM_COMMIT, job, 0, 0, 0);
		assert_int_equal(tr_stage_first_token(&p->stage, id), 0);
	} else if (what < 8) {
		end(&p->model, job, TR_OUTCOME_COMPLETED, TR_CAUSE_NONE, false);
		place(&p->model);
		assert_int_equal(tr_stage_complete(&p->stage, id, 10), 0);
	} else {
		end(&p->model, job, TR_OUTCOME_FAILED, cause, false);
		place(&p->model);
		assert_int_equal(tr_stage_fail(&p->stage, id, cause, 0), 0);
	}
}

static void step_cancel(struct pair *p, struct model_job *job)
{
	uint64_t id = job->id;

	end(&p->model, job, TR_OUTCOME_CANCELED, TR_CAUSE_CANCEL_CLIENT, true);
	place(&p->model);
	assert_int_equal(tr_stage_cancel(&p->stage, id, TR_CAUSE_CANCEL_CLIENT), 0);
}

static void step(struct pair *p)
{
	struct model *m = &p->model;
	tr_time_ns next = m->now + 1 + below(p, 400 * TR_MS);
	struct model_job *job;
	uint64_t roll;

	p->step++;
	p->draws = 0;
	if (next_due(m) <= next) {
		m->now = p->stage.now = next_due(m);
		on_clock(m);
		place(m);
		tr_stage_event(&p->stage, TR_EVENT_CLOCK);
		assert_int_equal(tr_stage_give(&p->stage), 0);
		compare(p);
		return;
	}
	m->now = p->stage.now = next;
	roll = below(p, 100);
	job = some_job(p, roll < 92);
	if (roll < 55 || !job)
		step_submit(p);
	else if (roll < 92)
		step_attempt(p, job);
	else
		step_cancel(p, job);
	compare(p);
}

/* SCH-1, SCH-3, SCH-4, ADM-1, JOB-1 */
static void test_every_answer_is_that_of_the_reference_model(void **state)
{
	uint64_t seeds = getenv("TR_FULL") ? 5000 : 200;
	static struct pair pair;
	uint64_t seen[TR_ACTION_COUNT] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		pair_init(&pair, seed);
		for (int i = 0; i < STEPS; i++)
			step(&pair);
		assert_null(tr_engine_verify(pair.stage.engine));
		for (int kind = 0; kind < TR_ACTION_COUNT; kind++)
			seen[kind] += pair.seen[kind];
		tr_stage_done(&pair.stage);
	}
	/* The worlds were worth comparing. */
	assert_true(seen[TR_ACTION_JOB_REJECT] > seeds);
	assert_true(seen[TR_ACTION_ATTEMPT_ABORT] > seeds);
	assert_true(seen[TR_ACTION_STREAM_COMMIT] > seeds);
	assert_true(seen[TR_ACTION_JOB_FINISH] > 50 * seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_answer_is_that_of_the_reference_model),
	};

	return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
