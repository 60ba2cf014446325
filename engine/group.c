/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups: jobs that somebody wants to cancel with one word (the branches of one agent's step, the
 * tasks of one session).
 *
 * The live jobs of a group stand in a circle in order of admission; an index finds the oldest of
 * each. A cancel may concern more jobs than one step has room to end, and a client must not wait
 * for the engine to find them again. So the event takes them all out of their group at once and
 * puts them into one circle of the doomed, which holds nothing else; they are ended from its front
 * as steps have room, and until it is empty the engine's deadline is now. Who is submitted into the
 * group after the event joins a new circle and is not concerned.
 *
 * A doomed job goes nowhere: it is neither dispatched, retried nor hedged, and gives no slot to
 * anybody but by its end. What hosts report of it in between is taken as of any job, so one that is
 * done before its turn is completed; JOB_FINISH is the acknowledgement, for each job its own.
 *
 * Refused: a group that spans engines, and canceling jobs that are to come.
 */
#include "engine/group.h"

#include "engine/job.h"

/* ---- circles ---- */

/* Put a job behind the newest of the circle whose oldest is *oldest1, 0: it is empty. */
static void circle_add(struct tr_engine *e, uint32_t *oldest1, struct tr_job *job)
{
	uint32_t mine1 = tr_row_of_job(e, job) + 1;

	TR_ASSERT(job->group_older1 == 0);
	if (!*oldest1) {
		*oldest1 = job->group_older1 = job->group_newer1 = mine1;
		return;
	}
	job->group_newer1 = *oldest1;
	job->group_older1 = e->job[*oldest1 - 1].group_older1;
	e->job[job->group_older1 - 1].group_newer1 = mine1;
	e->job[job->group_newer1 - 1].group_older1 = mine1;
}

static void circle_remove(struct tr_engine *e, uint32_t *oldest1, struct tr_job *job)
{
	uint32_t mine1 = tr_row_of_job(e, job) + 1;

	TR_ASSERT(job->group_older1 != 0);
	if (*oldest1 == mine1)
		*oldest1 = job->group_newer1 == mine1 ? 0 : job->group_newer1;
	e->job[job->group_older1 - 1].group_newer1 = job->group_newer1;
	e->job[job->group_newer1 - 1].group_older1 = job->group_older1;
	job->group_older1 = job->group_newer1 = 0;
}

/* ---- groups ---- */

void tr_group_join(struct tr_engine *e, struct tr_job *job)
{
	uint32_t oldest1 = tr_index_find(&e->group_index, job->group_id) + 1;

	TR_ASSERT(job->group_id != 0);
	TR_ASSERT(job->doomed == 0);
	if (!oldest1)
		tr_index_insert(&e->group_index, tr_row_of_job(e, job));
	circle_add(e, &oldest1, job);
}

static void group_remove(struct tr_engine *e, struct tr_job *job)
{
	uint32_t oldest1 = tr_index_find(&e->group_index, job->group_id) + 1;
	uint32_t before1 = oldest1;

	TR_ASSERT(oldest1 != 0);
	circle_remove(e, &oldest1, job);
	if (oldest1 == before1)
		return;
	tr_index_remove(&e->group_index, before1 - 1);
	if (oldest1)
		tr_index_insert(&e->group_index, oldest1 - 1);
}

void tr_group_leave(struct tr_engine *e, struct tr_job *job)
{
	if (!job->doomed) {
		group_remove(e, job);
		return;
	}
	TR_ASSERT(e->core->doomed_group_jobs > 0);
	e->core->doomed_group_jobs--;
	circle_remove(e, &e->core->doomed_oldest1, job);
}

/* ---- the doomed ---- */

void tr_group_cancel(struct tr_engine *e, uint64_t group_id, enum tr_cause cause)
{
	uint32_t next1 = tr_index_find(&e->group_index, group_id) + 1;
	uint32_t newest1 = next1 ? e->job[next1 - 1].group_older1 : 0;
	bool more = next1 != 0;

	while (more) {
		struct tr_job *job = &e->job[next1 - 1];

		more = next1 != newest1;
		next1 = job->group_newer1;
		if (!(job->flags & TR_JOB_CANCELABLE) && cause != TR_CAUSE_CANCEL_OPERATOR)
			continue;
		group_remove(e, job);
		job->doomed = (uint8_t)cause;
		circle_add(e, &e->core->doomed_oldest1, job);
		e->core->doomed_group_jobs++;
	}
}

void tr_group_end_doomed(struct tr_engine *e)
{
	while (e->core->doomed_oldest1 && tr_step_has_room(e)) {
		struct tr_job *job = &e->job[e->core->doomed_oldest1 - 1];

		tr_job_end(e, job, TR_OUTCOME_CANCELED, (enum tr_cause)job->doomed);
	}
}

/* ---- books ---- */

bool tr_group_rebuild(struct tr_engine *e)
{
	tr_index_clear(&e->group_index);
	for (uint32_t row = 0; row < e->core->job_used; row++) {
		const struct tr_job *job = &e->job[row];

		if (job->state == TR_JOB_FREE || !job->group_id || job->doomed)
			continue;
		if (!job->group_older1 || !job->group_newer1)
			return false;
		/* The oldest is the one behind which its group's newest stands. */
		if (e->job[job->group_older1 - 1].sequence < job->sequence)
			continue;
		if (tr_index_find(&e->group_index, job->group_id) != TR_NONE)
			return false;
		tr_index_insert(&e->group_index, row);
	}
	return true;
}

/* Walk one circle and count it. */
static const char *circle_verify(const struct tr_engine *e, uint32_t oldest1, uint32_t *count)
{
	uint64_t group = e->job[oldest1 - 1].group_id;
	bool doomed = e->job[oldest1 - 1].doomed != 0;
	uint32_t next1 = oldest1;

	do {
		const struct tr_job *job = &e->job[next1 - 1];
		uint32_t newer1 = job->group_newer1;

		if (job->state == TR_JOB_FREE || !newer1)
			return "a group holds a job that is gone";
		if ((job->doomed != 0) != doomed || (!doomed && job->group_id != group))
			return "a job is in another's group";
		if (e->job[newer1 - 1].group_older1 != next1)
			return "a group's circle is torn";
		if (!doomed && newer1 != oldest1 && e->job[newer1 - 1].sequence <= job->sequence)
			return "a group is not in order of admission";
		if (++*count > e->core->live_jobs)
			return "a group's circle does not close";
		next1 = newer1;
	} while (next1 != oldest1);
	return NULL;
}

const char *tr_group_verify(const struct tr_engine *e)
{
	uint32_t grouped = 0, seen = 0, groups = 0, doomed = 0, doomed_seen = 0;
	const char *wrong = NULL;

	for (uint32_t row = 0; row < e->core->job_used && !wrong; row++) {
		const struct tr_job *job = &e->job[row];

		if (job->state == TR_JOB_FREE)
			continue;
		doomed += job->doomed != 0;
		grouped += job->group_id && !job->doomed;
		if ((job->group_id != 0) != (job->group_older1 != 0) ||
		    (job->group_id != 0) != (job->group_newer1 != 0))
			return "a job's group and its links differ";
		if (job->doomed && !job->group_id)
			return "a job without a group is doomed";
		if (job->group_id && !job->doomed &&
		    tr_index_find(&e->group_index, job->group_id) == row) {
			groups++;
			wrong = circle_verify(e, row + 1, &seen);
		}
	}
	if (!wrong && e->core->doomed_oldest1)
		wrong = circle_verify(e, e->core->doomed_oldest1, &doomed_seen);
	if (!wrong && (grouped != seen || groups != e->group_index.count))
		wrong = "a job of a group is not found by it";
	if (!wrong && (doomed != doomed_seen || doomed != e->core->doomed_group_jobs))
		wrong = "doomed jobs are counted wrongly";
	return wrong;
}
