/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hard preemption: when a waiting job of a class with `preempt: hard` finds the endpoints of its
 * chain full, an attempt of a lower class is aborted, its job waits again, and the slot goes to the
 * preempting job in the same step. (Soft preemption only orders who waits: scheduler.c.)
 *
 * Who can be a victim:
 *  - a job of a class of strictly lower priority, so that no two can preempt each other in turn;
 *  - with one attempt in flight: of a hedged job all would have to go for one slot;
 *  - not yet heard by its client: any time if the host holds its answer back until it is whole,
 *    before the first token if its client reads along;
 *  - not preempted TR_PREEMPTIONS_MAX times already, so that it ends; and not doomed, its slot is
 *    free in a moment anyway;
 *  - whose class has its floor also without this dispatch: preemption is paid from what a class has
 *    beyond its floor, and what was dispatched for the floor's sake stays.
 * Of these the lowest class, of that the attempt dispatched last (the least work lost), then the
 * smaller name of the endpoint.
 *
 * What was preempted is no retry and nobody's fault: neither health, breaker, retry budget nor the
 * list of tried endpoints learn of it. Its tenant pays for the answer that it gets, in money, fair
 * share and token rate, and for nothing that it never saw: what was begun in vain was not reserved,
 * and would break a budget. The endpoint's own token rate counts all that was made.
 *
 * Refused: preempting for rows of the engine's own tables, for an endpoint that would still refuse
 * the job with one attempt less, and where the router would not have looked.
 */
#include "engine/preempt.h"

#include "engine/attempt.h"
#include "engine/filter.h"
#include "engine/waiting.h"

static uint32_t priority_of(const struct tr_engine *e, const struct tr_job *job)
{
	return e->class[job->class_slot].priority;
}

bool tr_preempt_may(const struct tr_engine *e, const struct tr_job *job)
{
	if (e->class[job->class_slot].preempt != TR_PREEMPT_HARD)
		return false;
	for (uint32_t c = 0; c < e->limits.classes; c++)
		if (e->class[c].running && e->class[c].priority < priority_of(e, job))
			return true;
	return false;
}

static bool is_victim(const struct tr_engine *e, const struct tr_attempt *attempt,
		      uint32_t priority)
{
	const struct tr_job *job = &e->job[attempt->job1 - 1];
	const struct tr_active *active = tr_active_of(e, job);
	uint32_t backlog = tr_backlog_of(e, job->model, job->class_slot);
	uint64_t share;

	TR_ASSERT(job->state == TR_JOB_RUNNING);
	return priority_of(e, job) < priority && !job->doomed &&
	       active->first_attempt1 == tr_row_of_attempt(e, attempt) + 1 && !attempt->next1 &&
	       (!(job->flags & TR_JOB_STREAM) || !active->first_token) &&
	       active->preempted < TR_PREEMPTIONS_MAX && active->ordinal < UINT8_MAX &&
	       !tr_waiting_is_owed(e, backlog, 1, &share);
}

/* Is the first a better victim than the second? */
static bool better(const struct tr_engine *e, const struct tr_attempt *a,
		   const struct tr_attempt *b)
{
	uint32_t of_a = priority_of(e, &e->job[a->job1 - 1]);
	uint32_t of_b = priority_of(e, &e->job[b->job1 - 1]);

	if (of_a != of_b)
		return of_a < of_b;
	if (a->dispatched != b->dispatched)
		return a->dispatched > b->dispatched;
	return e->endpoint[a->endpoint].name < e->endpoint[b->endpoint].name;
}

/* The best victim of one endpoint; NULL: none. */
static struct tr_attempt *victim_at(const struct tr_engine *e, uint32_t endpoint, uint32_t priority)
{
	uint32_t next1 = e->endpoint[endpoint].newest_attempt1;
	struct tr_attempt *best = NULL;

	for (uint32_t i = 0; next1 && i < TR_PREEMPT_LOOK; i++) {
		struct tr_attempt *attempt = &e->attempt[next1 - 1];

		next1 = attempt->older1;
		if (!is_victim(e, attempt, priority))
			continue;
		best = attempt;
		priority = priority_of(e, &e->job[attempt->job1 - 1]);
	}
	return best;
}

/* Would the endpoint take the job if it had one attempt less? */
static bool would_pass(const struct tr_choosing *d, uint32_t row, enum tr_filter of_model,
		       uint32_t slot)
{
	enum tr_filter why;
	uint64_t detail;

	if (slot == TR_NONE || !d->e->endpoint[slot].in_flight)
		return false;
	d->e->endpoint[slot].in_flight--;
	why = tr_filter(d, row, of_model, slot, &detail);
	d->e->endpoint[slot].in_flight++;
	return why == TR_FILTER_NONE;
}

bool tr_preempt_make_room(struct tr_engine *e, const struct tr_job *job,
			  const struct tr_route *route)
{
	struct tr_choosing d TR_UNINITIALIZED;
	struct tr_attempt *best = NULL;

	tr_choosing_clear(&d);
	d.e = e;
	d.job = job;
	d.active = tr_active_of(e, job);
	d.policy = tr_policy_of(e, job);
	d.second_round = route->again;
	for (uint32_t step = 0; step < route->seen; step++) {
		uint32_t row = d.policy->models[job->model_row].chain[step];
		const struct tr_policy_model *model = &d.policy->models[row];
		enum tr_filter of_model = tr_filter_model(e, job, row);

		for (uint32_t i = 0; i < model->endpoint_count; i++) {
			uint32_t slot = tr_slot_of_row(e, job->policy, TR_REGISTRY_ENDPOINT,
						       model->first_endpoint + i);
			struct tr_attempt *victim =
				would_pass(&d, row, of_model, slot)
					? victim_at(e, slot, priority_of(e, job))
					: NULL;

			if (victim && (!best || better(e, victim, best)))
				best = victim;
		}
	}
	if (!best)
		return false;
	tr_attempt_preempt(e, best);
	return true;
}
