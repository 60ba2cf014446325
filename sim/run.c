/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: find what happens next, tell the engine, carry out what it answers.
 *
 * What only the simulation knows of a job (how many tokens its answer will have) stays here, under
 * the slot of the job's handle, and goes to the server with each attempt; no event carries it
 * before the server has made the tokens. Jobs are numbered 1, 2, ... in order of arrival, and every
 * draw is keyed by that number.
 */
#include "sim/run.h"

#include <stdlib.h>
#include <string.h>

#include "sim/clock.h"
#include "sim/store.h"

#define ENGINE_ALIGNMENT 64
/* Earlier servers remembered of one job, to number the tries at each. */
#define TRIED_MAX 32
/* More timers than this at one instant is an engine that does not come to rest. */
#define CLOCKS_MAX (UINT64_C(1) << 26)

struct job {
	uint32_t tokens_in;
	uint32_t tokens_out;
	bool failed;
	uint8_t tried_count;
	uint16_t tried[TRIED_MAX]; /* rows of servers, in order of dispatch */
	/* A copy of the prompt's blocks; the memory stays with the slot. */
	uint64_t *blocks;
	uint32_t blocks_max;
	uint32_t block_count;
	uint32_t block_tokens;
};

struct tr_run {
	struct tr_engine *engine;
	struct tr_fleet *fleet;
	struct tr_workload workload;
	struct job *jobs; /* by handle slot */
	struct tr_store store;
	struct tr_clock clock;
	tr_span_ns silence; /* between tokens, that the policy permits; 0: any */
	uint32_t jobs_max;
	bool arrived; /* `arrival` is the next one to come */
	struct tr_arrival arrival;
	uint64_t arrivals; /* taken from the workload */
	/* In the world's time. */
	tr_time_ns start;
	tr_time_ns world; /* now */
	tr_time_ns last_arrival;
	tr_time_ns stop;
	tr_time_ns now;	 /* as the engine was told */
	uint64_t clocks; /* at this instant */
	uint32_t observer_count;
	struct {
		tr_step_observer *on_step;
		void *self;
	} observers[TR_RUN_OBSERVERS_MAX];
	struct tr_actions actions;
};

void tr_run_limits(const struct tr_policy *policy, struct tr_limits *ret)
{
	struct tr_limits limits = tr_limits_default;
	uint64_t slots = 0;

	for (uint32_t i = 0; i < policy->endpoint_count; i++)
		slots += policy->endpoints[i].slots;
	slots = tr_min(slots + slots / 4, limits.jobs);
	limits.active = (uint32_t)tr_max(limits.active, slots);
	limits.attempts = (uint32_t)tr_max(limits.attempts, slots);
	/* One policy for the whole run: room for just what it names, and for the tenants of a
	 * trace. */
	limits.models = policy->model_count;
	limits.endpoints = policy->endpoint_count;
	limits.classes = policy->class_count;
	limits.tenants = policy->tenant_count + TR_POLICY_TENANTS_MAX;
	*ret = limits;
}

/* ------------------------------------------------------------------------------------ workload */

static int fetch_arrival(struct tr_run *run, struct tr_diagnostic *ret_diagnostic)
{
	tr_time_ns before = run->arrival.time;
	int got = run->workload.next(run->workload.self, &run->arrival, ret_diagnostic);

	if (got < 0)
		return TR_RUN_WORKLOAD;
	run->arrived = got > 0;
	if (!run->arrived)
		return 0;
	TR_ASSERT(run->arrivals == 0 || run->arrival.time >= before);
	TR_ASSERT(run->arrival.time < TR_TIME_NEVER);
	TR_ASSERT(run->arrival.tokens_out > 0);
	TR_ASSERT(run->arrival.prefix_count <= TR_PREFIX_MAX);
	run->arrivals++;
	run->last_arrival = run->arrival.time;
	return 0;
}

static void make_submit(const struct tr_run *run, struct tr_event *ret)
{
	const struct tr_arrival *arrival = &run->arrival;
	uint64_t *prefix;

	*ret = (struct tr_event){.time = arrival->time,
				 .observed = arrival->time,
				 .kind = TR_EVENT_JOB_SUBMIT,
				 .job_submit = {
					 .job_id = run->arrivals,
					 .tenant = arrival->tenant,
					 .session = arrival->session,
					 .model = arrival->model,
					 .intent = arrival->intent,
					 .class_name = arrival->class_name,
					 .profile = arrival->profile,
					 .tokens_in = arrival->tokens_in,
					 .prefix_blocks = arrival->prefix_blocks,
					 .prefix_count = arrival->prefix_count,
					 .flags = arrival->flags,
				 }};
	prefix = &ret->job_submit.prefix0;
	for (uint32_t i = 0; i < arrival->prefix_count; i++)
		prefix[i] = arrival->prefix[i];
}

/* ------------------------------------------------------------------------------------- actions */

static struct job *job_of(struct tr_run *run, tr_job_handle handle)
{
	TR_ASSERT(handle.slot1 > 0);
	TR_ASSERT(handle.slot1 <= run->jobs_max);
	return &run->jobs[handle.slot1 - 1];
}

static void keep_blocks(struct job *job, const struct tr_prompt *prompt)
{
	job->block_count = prompt->block_count;
	job->block_tokens = prompt->block_tokens;
	if (prompt->block_count == 0)
		return;
	if (prompt->block_count > job->blocks_max) {
		free(job->blocks);
		job->blocks = calloc(prompt->block_count, sizeof *job->blocks);
		TR_ASSERT(job->blocks != NULL);
		job->blocks_max = prompt->block_count;
	}
	memcpy(job->blocks, prompt->blocks, prompt->block_count * sizeof *job->blocks);
}

static void do_accept(struct tr_run *run, const struct tr_action *action)
{
	const struct tr_arrival *arrival = &run->arrival;
	struct job *job = job_of(run, action->job_accept.job);

	TR_ASSERT(action->job_accept.job_id == run->arrivals);
	job->tokens_in = arrival->tokens_in;
	job->tokens_out = arrival->tokens_out;
	job->failed = arrival->failed;
	job->tried_count = 0;
	keep_blocks(job, &arrival->prompt);
}

static void do_persist(struct tr_run *run, const struct tr_action *action)
{
	tr_store_add(&run->store, run->world, action->job_persist.job_id, action->job_persist.job);
}

static void do_dispatch(struct tr_run *run, const struct tr_action *action)
{
	const struct tr_action_attempt_dispatch *dispatch = &action->attempt_dispatch;
	struct job *job = job_of(run, dispatch->job);
	uint32_t row = tr_fleet_row(run->fleet, dispatch->endpoint);
	struct tr_server_request request = {
		.attempt = dispatch->attempt,
		.job_id = dispatch->job_id,
		.server = row,
		.tokens_in = job->tokens_in,
		.tokens_out = job->tokens_out,
		.silence_ns = run->silence,
		.fails = job->failed && dispatch->ordinal == 0,
		.prompt = {job->blocks, job->block_count, job->block_tokens},
	};

	TR_ASSERT(row != TR_NONE);
	for (uint32_t i = 0; i < job->tried_count; i++)
		request.tries += job->tried[i] == row;
	if (job->tried_count < TRIED_MAX)
		job->tried[job->tried_count++] = (uint16_t)row;
	tr_fleet_start(run->fleet, run->world, &request);
}

static void do_abort(struct tr_run *run, const struct tr_action *action)
{
	tr_fleet_abort(run->fleet, run->world, action->attempt_abort.attempt);
}

/* One event into the engine, its answer carried out. */
static void step(struct tr_run *run, const struct tr_event *event)
{
	static void (*const handlers[TR_ACTION_COUNT])(struct tr_run *,
						       const struct tr_action *) = {
		[TR_ACTION_JOB_ACCEPT] = do_accept,
		[TR_ACTION_JOB_PERSIST] = do_persist,
		[TR_ACTION_ATTEMPT_DISPATCH] = do_dispatch,
		[TR_ACTION_ATTEMPT_ABORT] = do_abort,
	};
	int err;

	TR_ASSERT(event->time >= run->now);
	if (event->time > run->now)
		run->clocks = 0;
	run->now = event->time;
	err = tr_engine_step(run->engine, event, &run->actions);
	/* A job may end while it is being stored; nothing else here can lose a race. */
	if (err == TR_E_STALE && event->kind == TR_EVENT_JOB_PERSISTED)
		return;
	TR_ASSERT(err == 0);
	for (uint32_t i = 0; i < run->observer_count; i++)
		run->observers[i].on_step(run->observers[i].self, run->engine, event,
					  &run->actions);
	for (uint32_t i = 0; i < run->actions.count; i++) {
		const struct tr_action *action = &run->actions.items[i];

		if (handlers[action->kind])
			handlers[action->kind](run, action);
	}
}

/* ---------------------------------------------------------------------------------------- loop */

static bool is_over(const struct tr_run *run, tr_time_ns next)
{
	struct tr_counts counts;

	if (next == TR_TIME_NEVER || next > run->stop)
		return true;
	if (run->arrived)
		return false;
	if (next > tr_add_sat(run->last_arrival, TR_RUN_DRAIN_MAX))
		return true;
	tr_engine_counts(run->engine, &counts);
	return counts.in_system == 0;
}

/* When the engine's timer rings, in the world's time. */
static tr_time_ns timer_due(const struct tr_run *run)
{
	tr_time_ns deadline = tr_engine_deadline(run->engine);

	return deadline <= run->now ? run->world : tr_clock_due(&run->clock, run->world, deadline);
}

static void make_clock(struct tr_run *run, struct tr_event *ret)
{
	run->clocks++;
	TR_ASSERT(run->clocks < CLOCKS_MAX);
	*ret = (struct tr_event){.time = tr_max(tr_engine_deadline(run->engine), run->now),
				 .kind = TR_EVENT_CLOCK};
	ret->observed = ret->time;
}

/* What came at a time of the world, as the host's clock has it. */
static void read_clock(const struct tr_run *run, struct tr_event *event)
{
	event->time = tr_max(run->now, tr_clock_read(&run->clock, event->time));
	event->observed = tr_min(event->time, tr_clock_read(&run->clock, event->observed));
}

/* The next thing to happen. Returns 1, 0 when the run is over, or TR_RUN_WORKLOAD. */
static int advance_once(struct tr_run *run, struct tr_diagnostic *ret_diagnostic)
{
	tr_time_ns timer = timer_due(run);
	tr_time_ns server = tr_fleet_next(run->fleet), store = tr_store_next(&run->store);
	tr_time_ns arrival = run->arrived ? run->arrival.time : TR_TIME_NEVER;
	tr_time_ns next = tr_min(tr_min(timer, server), tr_min(store, arrival));
	TR_UNINITIALIZED struct tr_event event;

	if (is_over(run, next))
		return 0;
	TR_ASSERT(next >= run->world);
	run->world = next;
	if (next == timer) {
		make_clock(run, &event);
	} else {
		if (next == server) {
			if (!tr_fleet_take(run->fleet, &event))
				return 1;
		} else if (next == store) {
			tr_store_take(&run->store, &event);
		} else {
			make_submit(run, &event);
		}
		read_clock(run, &event);
	}
	step(run, &event);
	if (event.kind == TR_EVENT_JOB_SUBMIT && fetch_arrival(run, ret_diagnostic) < 0)
		return TR_RUN_WORKLOAD;
	return 1;
}

int tr_run_advance(struct tr_run *run, uint64_t steps, struct tr_diagnostic *ret_diagnostic)
{
	int more = 1;

	while (steps-- > 0 && more == 1)
		more = advance_once(run, ret_diagnostic);
	return more;
}

/* --------------------------------------------------------------------------------- life of a run
 */

/* The world around the engine, from the first instant on. Returns 0, or -1 if there is no memory.
 */
static int make_world(struct tr_run *run, const struct tr_run_options *options)
{
	run->fleet = tr_fleet_new(&(struct tr_fleet_options){
		.seed = options->seed,
		.start = run->start,
		.servers = options->servers,
		.server_count = options->server_count,
		.attempts_max = options->limits.attempts,
		.faults = options->faults,
		.fault_count = options->fault_count,
		.signal = options->signal,
		.signal_age = options->signal_age,
	});
	tr_clock_init(&run->clock, run->start, options->faults, options->fault_count);
	if (!run->fleet)
		return -1;
	return tr_store_init(&run->store, options->store_delay,
			     tr_timeline_new(options->seed, run->start, options->faults,
					     options->fault_count, options->server_count));
}

static int run_init(struct tr_run *run, const struct tr_run_options *options,
		    struct tr_diagnostic *ret_diagnostic)
{
	size_t bytes = tr_engine_size(&options->limits);
	int err;

	if (bytes == 0)
		return TR_RUN_POLICY;
	run->workload = options->workload;
	run->silence = options->policy->timeouts.between_tokens_ns;
	run->jobs_max = options->limits.jobs;
	run->jobs = calloc(run->jobs_max, sizeof *run->jobs);
	run->engine = aligned_alloc(ENGINE_ALIGNMENT, (bytes + ENGINE_ALIGNMENT - 1) /
							      ENGINE_ALIGNMENT * ENGINE_ALIGNMENT);
	if (!run->jobs || !run->engine)
		return TR_RUN_MEMORY;
	err = fetch_arrival(run, ret_diagnostic);
	if (err < 0)
		return err;
	run->start = run->arrived ? run->arrival.time : TR_WORKLOAD_EPOCH;
	run->world = run->start;
	run->stop =
		options->stop_after ? tr_add_sat(run->start, options->stop_after) : TR_TIME_NEVER;
	if (make_world(run, options) < 0)
		return TR_RUN_MEMORY;
	run->now = tr_clock_read(&run->clock, run->start);
	if (tr_engine_init(run->engine, &options->limits, options->policy, options->seed,
			   run->now) < 0)
		return TR_RUN_POLICY;
	return 0;
}

int tr_run_new(const struct tr_run_options *options, struct tr_run **ret,
	       struct tr_diagnostic *ret_diagnostic)
{
	struct tr_run *run = calloc(1, sizeof *run);
	int err = run ? run_init(run, options, ret_diagnostic) : TR_RUN_MEMORY;

	if (err < 0) {
		tr_run_free(run);
		return err;
	}
	*ret = run;
	return 0;
}

void tr_run_free(struct tr_run *run)
{
	if (!run)
		return;
	tr_fleet_free(run->fleet);
	for (uint32_t slot = 0; run->jobs && slot < run->jobs_max; slot++)
		free(run->jobs[slot].blocks);
	tr_store_done(&run->store);
	free(run->engine);
	free(run->jobs);
	free(run);
}

void tr_run_observe(struct tr_run *run, tr_step_observer *on_step, void *self)
{
	TR_ASSERT(run->observer_count < TR_RUN_OBSERVERS_MAX);
	run->observers[run->observer_count].on_step = on_step;
	run->observers[run->observer_count++].self = self;
}

const struct tr_engine *tr_run_engine(const struct tr_run *run)
{
	return run->engine;
}

tr_time_ns tr_run_start(const struct tr_run *run)
{
	return tr_clock_read(&run->clock, run->start);
}

tr_time_ns tr_run_now(const struct tr_run *run)
{
	return tr_max(run->now, tr_clock_read(&run->clock, run->world));
}

uint64_t tr_run_arrivals(const struct tr_run *run)
{
	return run->arrivals;
}
