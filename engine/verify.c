/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every invariant of the state in one place: what tests ask after each step, and what a restore
 * asks before it believes a snapshot. Sums are computed again from the rows and compared with the
 * counters that the engine keeps; nothing is taken on trust, and nothing is changed.
 */
#include "engine/verify.h"

#include "engine/idempotency.h"
#include "engine/affinity.h"
#include "engine/group.h"
#include "engine/job.h"
#include "engine/limit.h"
#include "engine/queue.h"
#include "engine/router.h"
#include "engine/window.h"
#include "engine/strategy.h"
#include "engine/timer.h"
#include "engine/waiting.h"

/* Links are row + 1; 0 is none. */
static bool link_good(uint32_t row1, uint32_t rows)
{
	return row1 <= rows;
}

static const char *job_ranges(const struct tr_engine *e, const struct tr_job *job)
{
	const struct tr_core *core = e->core;

	TR_HOLDS(job->state < TR_JOB_STATES, "a job's state is none");
	TR_HOLDS(link_good(job->left1, core->job_used), "a job's left link leaves the table");
	TR_HOLDS(link_good(job->right1, core->job_used), "a job's right link leaves the table");
	TR_HOLDS(link_good(job->parent1, core->job_used), "a job's parent link leaves the table");
	TR_HOLDS(link_good(job->older1, core->job_used), "a job's older link leaves the table");
	TR_HOLDS(link_good(job->newer1, core->job_used), "a job's newer link leaves the table");
	TR_HOLDS(link_good(job->strict_older1, core->job_used), "a strict job's older link");
	TR_HOLDS(link_good(job->strict_newer1, core->job_used), "a strict job's newer link");
	TR_HOLDS(link_good(job->active1, core->active_used), "a job's active row leaves the table");
	TR_HOLDS(link_good(job->group_older1, core->job_used),
		 "a group's older link leaves the table");
	TR_HOLDS(link_good(job->group_newer1, core->job_used),
		 "a group's newer link leaves the table");
	TR_HOLDS(link_good(job->idempotency1, e->limits.idempotency),
		 "a job's idempotency row leaves the table");
	TR_HOLDS(!job->doomed || (job->doomed >= TR_CAUSE_CANCEL_CLIENT &&
				  job->doomed <= TR_CAUSE_CANCEL_OPERATOR),
		 "a job is doomed for no cause");
	if (job->state == TR_JOB_FREE)
		return NULL;
	TR_HOLDS(job->policy < e->limits.policies, "a job's policy leaves the table");

	const struct tr_policy *policy = tr_policy_of(e, job);

	TR_HOLDS(e->loaded[job->policy].id != 0, "a job's policy is not loaded");
	TR_HOLDS(job->tenant < e->limits.tenants, "a job's tenant leaves the table");
	TR_HOLDS(job->class_slot < e->limits.classes, "a job's class leaves the table");
	TR_HOLDS(job->model < e->limits.models, "a job's model leaves the table");
	TR_HOLDS(job->model_row < policy->model_count, "a job's model row leaves its policy");
	TR_HOLDS(job->strategy_row < policy->strategy_count, "a job's strategy leaves its policy");
	TR_HOLDS(job->intent_row < policy->intent_count, "a job's intent leaves its policy");
	TR_HOLDS(job->hold < TR_HOLD_COUNT, "a job's hold is none");
	TR_HOLDS(job->prefix_count <= tr_min(TR_PREFIX_MAX, job->prefix_blocks),
		 "a job has more prefix hashes than there can be");
	return NULL;
}

static const char *active_ranges(const struct tr_engine *e, const struct tr_active *active)
{
	/* Of a free row it is the next free row. */
	TR_HOLDS(link_good(active->job1, e->core->job_used) ||
			 link_good(active->job1, e->core->active_used),
		 "an active row's job leaves the table");
	TR_HOLDS(link_good(active->first_attempt1, e->core->attempt_used),
		 "an active row's attempt leaves the table");
	TR_HOLDS(link_good(active->committed1, e->core->attempt_used),
		 "an active row's committed attempt leaves the table");
	TR_HOLDS(active->last_cause < TR_CAUSE_COUNT, "an active row's cause is none");
	return NULL;
}

static const char *attempt_ranges(const struct tr_engine *e, const struct tr_attempt *attempt)
{
	TR_HOLDS(attempt->state <= TR_ATTEMPT_STREAMING, "an attempt's state is none");
	TR_HOLDS(link_good(attempt->next1, e->core->attempt_used), "an attempt's link is wrong");
	TR_HOLDS(attempt->least_bad <= 1, "an attempt is more than least bad");
	TR_HOLDS(!attempt->least_bad || !attempt->probe, "an attempt is least bad and a probe");
	if (attempt->state == TR_ATTEMPT_FREE) {
		TR_HOLDS(link_good(attempt->job1, e->core->attempt_used), "a free attempt's link");
		return NULL;
	}
	TR_HOLDS(attempt->job1 && link_good(attempt->job1, e->core->job_used),
		 "an attempt's job leaves the table");
	TR_HOLDS(attempt->endpoint < e->limits.endpoints, "an attempt's endpoint leaves the table");
	TR_HOLDS(link_good(attempt->older1, e->core->attempt_used), "an attempt's older link");
	TR_HOLDS(link_good(attempt->newer1, e->core->attempt_used), "an attempt's newer link");

	const struct tr_job *job = &e->job[attempt->job1 - 1];

	TR_HOLDS(job->state == TR_JOB_RUNNING, "an attempt's job is not running");
	TR_HOLDS(attempt->model_row < tr_policy_of(e, job)->model_count,
		 "an attempt's model leaves its policy");
	return NULL;
}

/* Each free list stays in its table, comes to an end, and holds all rows that are not in use. */
static const char *free_lists(const struct tr_engine *e)
{
	const struct tr_core *core = e->core;
	uint32_t jobs = 0, actives = 0, attempts = 0, job_free = 0, active_free = 0,
		 attempt_free = 0;

	for (uint32_t i = 0; i < core->job_used; i++) {
		jobs += e->job[i].state != TR_JOB_FREE;
		actives += e->job[i].state != TR_JOB_FREE && e->job[i].active1;
	}
	for (uint32_t i = 0; i < core->attempt_used; i++)
		attempts += e->attempt[i].state != TR_ATTEMPT_FREE;
	for (uint32_t next1 = core->job_free1; next1; next1 = e->job[next1 - 1].left1)
		TR_HOLDS(next1 <= core->job_used && e->job[next1 - 1].state == TR_JOB_FREE &&
				 ++job_free <= core->job_used,
			 "the free list of jobs");
	for (uint32_t next1 = core->active_free1; next1; next1 = e->active[next1 - 1].job1)
		TR_HOLDS(next1 <= core->active_used && ++active_free <= core->active_used,
			 "the free list of active rows");
	for (uint32_t next1 = core->attempt_free1; next1; next1 = e->attempt[next1 - 1].job1)
		TR_HOLDS(next1 <= core->attempt_used &&
				 e->attempt[next1 - 1].state == TR_ATTEMPT_FREE &&
				 ++attempt_free <= core->attempt_used,
			 "the free list of attempts");
	TR_HOLDS(jobs + job_free == core->job_used, "rows of jobs are lost");
	TR_HOLDS(actives + active_free == core->active_used, "active rows are lost");
	TR_HOLDS(attempts + attempt_free == core->attempt_used, "rows of attempts are lost");
	return NULL;
}

/* What is divided by, and what a timer's owner must be. */
static const char *values(const struct tr_engine *e)
{
	TR_HOLDS(e->core->bucket_span != 0, "the breakers' windows have no length");
	TR_HOLDS(e->core->window_span != 0, "the latency windows have no length");
	for (uint32_t i = 0; i < e->limits.models; i++)
		TR_HOLDS(e->model[i].spending_number <= e->core->now / TR_SECOND,
			 "a pool's spending is ahead of time");
	for (uint32_t i = 0; i < e->limits.models * TR_SPENDING_BUCKETS; i++) {
		const struct tr_spending *row = &e->spending[i];
		bool spent = row->dispatches || row->retries || row->hedges;

		TR_HOLDS(spent || (!row->cost && !row->hedge_cost), "a cost without an attempt");
		TR_HOLDS(!spent || e->model[i / TR_SPENDING_BUCKETS].name,
			 "a pool that is gone has spent");
	}
	for (uint32_t i = 0; i < e->limits.endpoints; i++)
		TR_HOLDS(!e->endpoint[i].name || e->endpoint[i].slots, "an endpoint has no slots");
	for (uint32_t i = 0; i < e->limits.tenants; i++)
		TR_HOLDS(!e->tenant[i].name || e->tenant[i].weight_milli, "a tenant has no weight");
	for (uint32_t i = 0; i < e->limits.active; i++) {
		bool armed = e->timer[e->timer_first[TR_TIMER_ACTIVE] + i].place1 != 0;
		uint32_t job1 = i < e->core->active_used ? e->active[i].job1 : 0;

		TR_HOLDS(!armed || (job1 && job1 <= e->core->job_used &&
				    e->job[job1 - 1].active1 == i + 1),
			 "a timer of nobody's active row is armed");
	}
	for (uint32_t i = 0; i < e->limits.attempts; i++)
		TR_HOLDS(!e->timer[e->timer_first[TR_TIMER_ATTEMPT] + i].place1 ||
				 (i < e->core->attempt_used &&
				  e->attempt[i].state != TR_ATTEMPT_FREE),
			 "a timer of a free attempt is armed");
	return NULL;
}

const char *tr_verify_ranges(const struct tr_engine *e)
{
	const char *wrong = NULL;

	for (uint32_t i = 0; i < e->core->job_used && !wrong; i++)
		wrong = job_ranges(e, &e->job[i]);
	for (uint32_t i = 0; i < e->core->active_used && !wrong; i++)
		wrong = active_ranges(e, &e->active[i]);
	for (uint32_t i = 0; i < e->core->attempt_used && !wrong; i++)
		wrong = attempt_ranges(e, &e->attempt[i]);
	for (uint32_t i = 0; i < e->limits.endpoints && !wrong; i++)
		if (e->endpoint[i].model >= e->limits.models ||
		    e->endpoint[i].breaker >= TR_BREAKER_COUNT ||
		    e->endpoint[i].lifecycle >= TR_LIFECYCLE_COUNT ||
		    !link_good(e->endpoint[i].oldest_attempt1, e->core->attempt_used) ||
		    !link_good(e->endpoint[i].newest_attempt1, e->core->attempt_used))
			wrong = "an endpoint is out of range";
	for (uint32_t i = 0; i < e->queue_count && !wrong; i++)
		if (!link_good(e->queue[i].root1, e->core->job_used) ||
		    !link_good(e->queue[i].first1, e->core->job_used) ||
		    !link_good(e->queue[i].last1, e->core->job_used))
			wrong = "a queue leaves the table of jobs";
	for (uint32_t i = 0; i < e->backlog_count && !wrong; i++)
		if (!link_good(e->backlog[i].oldest1, e->core->job_used) ||
		    !link_good(e->backlog[i].newest1, e->core->job_used))
			wrong = "a class's list leaves the table of jobs";
	for (uint32_t i = 0; i < e->limits.policies * e->limits.models && !wrong; i++)
		if (!link_good(e->strict[i].oldest1, e->core->job_used) ||
		    !link_good(e->strict[i].newest1, e->core->job_used))
			wrong = "a list of strict jobs leaves the table of jobs";
	for (uint32_t i = 0; i < e->limits.models && !wrong; i++)
		if (!link_good(e->model[i].retry_oldest1, e->core->job_used) ||
		    !link_good(e->model[i].retry_newest1, e->core->job_used))
			wrong = "a list of retries leaves the table of jobs";
	if (!wrong && !link_good(e->core->doomed_oldest1, e->core->job_used))
		wrong = "the doomed leave the table of jobs";
	if (!wrong)
		wrong = free_lists(e);
	if (!wrong)
		wrong = values(e);
	return wrong;
}

/* ---- sums ---- */

/* What the rows add up to. */
struct sums {
	uint32_t live;
	uint32_t model_live[TR_POLICY_MODELS_MAX], model_waiting[TR_POLICY_MODELS_MAX];
	uint32_t model_apart[TR_POLICY_MODELS_MAX];
	uint32_t model_slots[TR_POLICY_MODELS_MAX], model_in_flight[TR_POLICY_MODELS_MAX];
	uint32_t class_live[TR_POLICY_CLASSES_MAX], class_running[TR_POLICY_CLASSES_MAX];
	uint32_t held[TR_POLICY_MODELS_MAX * TR_POLICY_CLASSES_MAX];
	uint32_t strict; /* that wait */
	uint32_t retrying[TR_POLICY_MODELS_MAX * TR_POLICY_CLASSES_MAX];
	uint32_t model_strict[TR_POLICY_MODELS_MAX];
	uint32_t tenant_live[TR_ENGINE_TENANTS_MAX];
	uint32_t tenant_running[TR_ENGINE_TENANTS_MAX];
	uint32_t tenant_waiting[TR_ENGINE_TENANTS_MAX];
	uint64_t tenant_reserved[TR_ENGINE_TENANTS_MAX];
	uint32_t policy_jobs[TR_ENGINE_POLICIES_MAX];
	uint32_t in_flight[TR_POLICY_ENDPOINTS_MAX];
	uint32_t probes[TR_POLICY_ENDPOINTS_MAX];
};

static const char *sum_attempts(const struct tr_engine *e, const struct tr_job *job,
				struct sums *sums)
{
	const struct tr_active *active = tr_active_of(e, job);
	uint32_t seen = 0;
	bool committed = active->committed1 == 0;

	for (uint32_t next1 = active->first_attempt1; next1; next1 = e->attempt[next1 - 1].next1) {
		const struct tr_attempt *attempt = &e->attempt[next1 - 1];

		TR_HOLDS(attempt->state != TR_ATTEMPT_FREE, "a job has a free attempt");
		TR_HOLDS(attempt->job1 == tr_row_of_job(e, job) + 1, "an attempt is another job's");
		TR_HOLDS(++seen <= TR_JOB_ATTEMPTS_MAX, "a job has too many attempts at once");
		committed |= next1 == active->committed1;
		sums->in_flight[attempt->endpoint]++;
		sums->probes[attempt->endpoint] +=
			attempt->probe && attempt->probe == e->endpoint[attempt->endpoint].round &&
			e->endpoint[attempt->endpoint].breaker == TR_BREAKER_HALF_OPEN;
	}
	TR_HOLDS(committed, "a committed attempt is gone and its job is not");
	TR_HOLDS(!active->committed1 || seen == 1, "a rival outlived the commit");
	TR_HOLDS((seen > 0) == (job->state == TR_JOB_RUNNING), "running and attempts differ");
	return NULL;
}

static const char *sum_jobs(const struct tr_engine *e, struct sums *sums)
{
	for (uint32_t i = 0; i < e->core->job_used; i++) {
		const struct tr_job *job = &e->job[i];
		bool active = job->state == TR_JOB_RUNNING || job->state == TR_JOB_BACKOFF ||
			      job->state == TR_JOB_RETRY;

		if (job->state == TR_JOB_FREE)
			continue;
		sums->live++;
		sums->model_live[job->model]++;
		sums->model_waiting[job->model] += job->state == TR_JOB_QUEUED;
		sums->model_apart[job->model] +=
			job->state == TR_JOB_QUEUED && tr_router_is_apart(e, job);
		sums->held[tr_backlog_of(e, job->model, job->class_slot)] +=
			job->state == TR_JOB_HELD;
		sums->strict += job->state == TR_JOB_QUEUED && (job->flags & TR_JOB_STRICT);
		sums->retrying[tr_backlog_of(e, job->model, job->class_slot)] +=
			job->state == TR_JOB_RETRY;
		sums->model_strict[job->model] +=
			job->state == TR_JOB_QUEUED && (job->flags & TR_JOB_STRICT);
		sums->class_live[job->class_slot]++;
		sums->class_running[job->class_slot] += job->state == TR_JOB_RUNNING;
		sums->tenant_live[job->tenant]++;
		sums->tenant_running[job->tenant] += active;
		sums->tenant_waiting[job->tenant] += job->state == TR_JOB_QUEUED;
		sums->tenant_reserved[job->tenant] += job->reserved_micro_usd;
		sums->policy_jobs[job->policy]++;
		TR_HOLDS(e->loaded[job->policy].row_of_slot[TR_REGISTRY_CLASS][job->class_slot],
			 "a job's class is not of its policy");
		TR_HOLDS(tr_job_find(e, job->job_id) == job, "a live job is not found by its id");
		TR_HOLDS(active == (job->active1 != 0), "an active row and a job's state differ");
		TR_HOLDS((job->state == TR_JOB_HELD) == (job->hold != TR_HOLD_NONE),
			 "held and a reason to hold differ");
		if (job->state == TR_JOB_QUEUED || job->state == TR_JOB_HELD) {
			const char *wrong = tr_queue_verify_job(e, job);

			TR_HOLDS(!wrong, wrong);
		}
		if (active) {
			const char *wrong = sum_attempts(e, job, sums);

			TR_HOLDS(tr_active_of(e, job)->job1 == i + 1, "an active row is another's");
			TR_HOLDS(!wrong, wrong);
		}
	}
	return NULL;
}

/* After the attempts: an endpoint's bookings count for the model that the active policy put it
 * under, those of a removed endpoint for none, since its slots count for none. */
static void sum_models(const struct tr_engine *e, struct sums *sums)
{
	for (uint32_t i = 0; i < e->limits.endpoints; i++) {
		const struct tr_endpoint *ep = &e->endpoint[i];

		if (!ep->name || ep->removed)
			continue;
		sums->model_slots[ep->model] += ep->slots;
		sums->model_in_flight[ep->model] += sums->in_flight[i];
	}
}

static const char *compare(const struct tr_engine *e, const struct sums *sums)
{
	const struct tr_core *core = e->core;
	uint32_t dirty = 0;

	TR_HOLDS(sums->live == core->live_jobs, "live jobs are counted wrongly");
	TR_HOLDS(e->job_index.count == core->live_jobs, "the index of jobs holds one that is gone");
	TR_HOLDS(core->submitted == core->rejected + core->completed + core->failed +
					    core->canceled + core->expired + core->live_jobs,
		 "submitted jobs are not conserved");
	for (uint32_t i = 0; i < e->limits.models; i++) {
		dirty += e->model[i].dirty;
		TR_HOLDS(e->model[i].live == sums->model_live[i], "a model's live jobs");
		TR_HOLDS(e->model[i].waiting == sums->model_waiting[i], "a model's waiting jobs");
		TR_HOLDS(e->model[i].waiting_apart == sums->model_apart[i], "a model's jobs apart");
		TR_HOLDS(e->model[i].slots == sums->model_slots[i], "a model's slots");
		TR_HOLDS(e->model[i].in_flight == sums->model_in_flight[i], "a model's bookings");
		TR_HOLDS(!e->model[i].service_ewma || e->model[i].ttft_ewma,
			 "a model's jobs ended before they began");
		TR_HOLDS(e->model[i].waiting_strict == sums->model_strict[i],
			 "a model's strict jobs");
	}
	TR_HOLDS(dirty == core->dirty_models, "marked models are counted wrongly");
	for (uint32_t i = 0; i < e->backlog_count; i++) {
		TR_HOLDS(e->backlog[i].held == sums->held[i], "a class's held jobs in a pool");
		TR_HOLDS(e->backlog[i].retrying == sums->retrying[i],
			 "a class's retries in a pool");
	}
	for (uint32_t i = 0; i < e->limits.classes; i++) {
		TR_HOLDS(e->class[i].live == sums->class_live[i], "a class's live jobs");
		TR_HOLDS(e->class[i].running == sums->class_running[i], "a class's running jobs");
	}
	for (uint32_t i = 0; i < e->limits.tenants; i++) {
		TR_HOLDS(e->tenant[i].live == sums->tenant_live[i], "a tenant's live jobs");
		TR_HOLDS(e->tenant[i].running == sums->tenant_running[i],
			 "a tenant's running jobs");
		TR_HOLDS(e->tenant[i].waiting == sums->tenant_waiting[i],
			 "a tenant's waiting jobs");
		TR_HOLDS(e->tenant[i].reserved_micro_usd == sums->tenant_reserved[i],
			 "a tenant's reservations");
	}
	for (uint32_t i = 0; i < e->limits.policies; i++)
		TR_HOLDS(e->slot[i].jobs == sums->policy_jobs[i], "a policy's jobs");
	for (uint32_t i = 0; i < e->limits.endpoints; i++) {
		TR_HOLDS(e->endpoint[i].in_flight == sums->in_flight[i], "an endpoint's bookings");
		TR_HOLDS(e->endpoint[i].probes_out == sums->probes[i], "an endpoint's probes");
	}
	return NULL;
}

static const char *verify_strict(const struct tr_engine *e, uint32_t waiting)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < e->limits.policies * e->limits.models; i++) {
		uint32_t before1 = 0;

		for (uint32_t next1 = e->strict[i].oldest1; next1;) {
			const struct tr_job *job = &e->job[next1 - 1];

			TR_HOLDS(job->state == TR_JOB_QUEUED && (job->flags & TR_JOB_STRICT),
				 "a job in a list of strict ones is not one that waits");
			TR_HOLDS(job->policy * e->limits.models + job->model == i,
				 "a job is in another route's list of strict ones");
			TR_HOLDS(job->strict_older1 == before1, "a list of strict jobs is torn");
			TR_HOLDS(++seen <= waiting, "a list of strict jobs has a circle");
			before1 = next1;
			next1 = job->strict_newer1;
		}
		TR_HOLDS(e->strict[i].newest1 == before1, "a list of strict jobs has another end");
	}
	TR_HOLDS(seen == waiting, "a strict job waits in no list");
	return NULL;
}

static const char *verify_sums(const struct tr_engine *e)
{
	struct sums sums;
	const char *wrong;

	memset(&sums, 0, sizeof sums);
	wrong = sum_jobs(e, &sums);
	if (wrong)
		return wrong;
	sum_models(e, &sums);
	wrong = compare(e, &sums);
	return wrong ? wrong : verify_strict(e, sums.strict);
}

static const char *verify_retries(const struct tr_engine *e)
{
	for (uint32_t m = 0; m < e->limits.models; m++) {
		uint32_t seen = 0, before1 = 0;

		for (uint32_t next1 = e->model[m].retry_oldest1; next1;) {
			const struct tr_job *job = &e->job[next1 - 1];

			TR_HOLDS(job->state == TR_JOB_RETRY,
				 "a job in a list of retries is not one");
			TR_HOLDS(job->model == m, "a job is in another model's list of retries");
			TR_HOLDS(job->older1 == before1, "a list of retries is torn");
			TR_HOLDS(++seen <= e->core->live_jobs, "a list of retries has a circle");
			before1 = next1;
			next1 = job->newer1;
		}
		TR_HOLDS(e->model[m].retry_newest1 == before1, "a list of retries has another end");
	}
	return NULL;
}

static const char *verify_queue(const struct tr_engine *e, uint32_t q)
{
	const char *wrong = tr_queue_verify(e, q);
	const struct tr_job *first = wrong ? NULL : tr_queue_first(e, &e->queue[q]);

	TR_HOLDS(!wrong, wrong);
	TR_HOLDS(tr_timer_of(e, TR_TIMER_QUEUE, q) == (first ? first->deadline : TR_TIME_NEVER),
		 "a queue's timer is not its first deadline");
	return NULL;
}

static const char *verify_backlog(const struct tr_engine *e, uint32_t b)
{
	const struct tr_backlog *backlog = &e->backlog[b];
	const char *wrong = tr_backlog_verify(e, b);
	bool measured = backlog->interval_end || backlog->wait_min || backlog->too_slow;

	TR_HOLDS(!wrong, wrong);
	TR_HOLDS(!measured || backlog->waiting, "an empty class of a pool remembers waits");
	TR_HOLDS(!measured || e->class[b % e->limits.classes].sojourn_target,
		 "a class without a target remembers waits");
	TR_HOLDS(tr_timer_of(e, TR_TIMER_BACKLOG, b) == tr_waiting_backlog_due(e, b),
		 "a class's timer in a pool is not its oldest job's");
	return NULL;
}

/* Each endpoint's list holds its attempts, in order of dispatch. */
static const char *verify_attempts(const struct tr_engine *e)
{
	for (uint32_t i = 0; i < e->limits.endpoints; i++) {
		uint32_t seen = 0, before1 = 0;

		for (uint32_t next1 = e->endpoint[i].oldest_attempt1; next1;) {
			const struct tr_attempt *attempt = &e->attempt[next1 - 1];

			TR_HOLDS(attempt->state != TR_ATTEMPT_FREE && attempt->endpoint == i,
				 "an endpoint's list holds an attempt that is not there");
			TR_HOLDS(attempt->older1 == before1,
				 "an endpoint's list of attempts is torn");
			TR_HOLDS(!before1 ||
					 e->attempt[before1 - 1].dispatched <= attempt->dispatched,
				 "an endpoint's attempts are out of order");
			TR_HOLDS(++seen <= e->endpoint[i].in_flight,
				 "an endpoint's list has too many attempts");
			before1 = next1;
			next1 = attempt->newer1;
		}
		TR_HOLDS(e->endpoint[i].newest_attempt1 == before1,
			 "an endpoint's list of attempts has another end");
		TR_HOLDS(seen == e->endpoint[i].in_flight,
			 "an attempt is not in its endpoint's list");
	}
	return NULL;
}

static const char *verify_queues(const struct tr_engine *e)
{
	for (uint32_t b = 0; b < e->backlog_count; b++) {
		uint32_t waiting = 0, ready = 0;
		const char *torn = verify_backlog(e, b);

		TR_HOLDS(!torn, torn);
		for (uint32_t t = 0; t < e->limits.tenants; t++) {
			uint32_t q = b * e->limits.tenants + t;
			const struct tr_queue *queue = &e->queue[q];
			const struct tr_tenant *tenant = &e->tenant[t];
			bool capped =
				tenant->max_concurrent && tenant->running >= tenant->max_concurrent;
			const char *wrong = verify_queue(e, q);

			TR_HOLDS(!wrong, wrong);
			TR_HOLDS((queue->ready1 != 0) == (queue->root1 && !capped),
				 "a queue races though it may not, or does not though it may");
			waiting += queue->length;
			ready += queue->ready1 != 0;
		}
		TR_HOLDS(e->backlog[b].waiting == waiting, "a class's waiting jobs in a pool");
		TR_HOLDS(e->backlog[b].ready == ready, "a class's ready tenants in a pool");
	}
	return verify_queue(e, e->queue_count - 1);
}

static const char *verify_health(const struct tr_engine *e)
{
	const char *wrong = NULL;

	for (uint32_t i = 0; i < e->limits.endpoints && !wrong; i++) {
		wrong = tr_limit_verify(e, i);
		TR_HOLDS(e->endpoint[i].name || !e->window[i].turn,
			 "nobody's endpoint has a window");
	}
	for (uint32_t i = 0; i < e->limits.models && !wrong; i++)
		TR_HOLDS(e->model[i].name || !e->window[tr_window_of_model(e, i)].turn,
			 "nobody's model has a window");
	for (uint32_t i = 0; i < e->limits.endpoints + e->limits.models && !wrong; i++)
		wrong = tr_window_verify(e, i);
	return wrong;
}

static const char *verify_timers(const struct tr_engine *e)
{
	for (uint32_t i = 0; i < e->core->timer_count; i++) {
		const struct tr_timer *timer = &e->timer[e->timer_heap[i]];
		const struct tr_timer *parent = &e->timer[e->timer_heap[i ? (i - 1) / 4 : 0]];

		TR_HOLDS(timer->place1 == i + 1, "a timer does not know its place");
		TR_HOLDS(timer->time > parent->time || (timer->time == parent->time &&
							timer->sequence >= parent->sequence),
			 "the timers are out of order");
	}
	return NULL;
}

const char *tr_engine_verify(const struct tr_engine *e)
{
	static const char *(*const parts[])(const struct tr_engine *) = {
		tr_verify_ranges,   verify_sums,	verify_queues,	 verify_retries,
		verify_attempts,    verify_health,	verify_timers,	 tr_idempotency_verify,
		tr_strategy_verify, tr_affinity_verify, tr_group_verify,
	};
	const char *wrong = NULL;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(parts) && !wrong; i++)
		wrong = parts[i](e);
	return wrong;
}
