/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full queue, and one more job.
 *
 * Two limits bound what waits: that of the class, for each pool, and that of the model, over all
 * classes. The newcomer's class says what happens at either:
 *
 *   reject             it is refused
 *   drop-lru           the oldest waiting job of the lowest class goes
 *   shed-low-priority  the newest waiting job of a lower class goes, if there is one
 *
 * Where the class's own limit is reached, only a job of that class would make room, so the second
 * drops from the class itself and the third refuses. Where the model's is, the lowest class that
 * has waiting jobs is looked at (of equal priorities the one the scheduler serves last: the greater
 * name), and never one above the newcomer's. The oldest goes where a newer question replaces an
 * older one (a caller that asked long ago has most likely gone); the newest goes where the wait
 * already spent is worth keeping.
 *
 * A floor is a share of dispatches for those who wait, so it would be worth nothing to a class
 * whose jobs may not wait: of the model's limit, other classes leave each class as many waiting
 * jobs as its floor is of the whole (rounded up). They leave it no more than that; a free place is
 * for whoever comes first.
 *
 * One goes for one that comes. A queue that is above its limit because the limit was lowered does
 * not grow, and is emptied by being served, not by this rule.
 *
 * What is not looked at: tenants. drop-lru goes by age alone, so a tenant that floods a class also
 * displaces the others' jobs there; a tenant's own rate is what bounds it. Held jobs count, because
 * they will wait later, but are never displaced: they wait for something that others have begun
 * (a commit, an approval). Jobs that were dispatched already, and wait to be retried, are in no
 * queue.
 */
#include "engine/shed.h"

#include "engine/job.h"
#include "engine/queue.h"

/* What each policy lets go. */
static const struct rule {
	enum tr_cause cause; /* NONE: nobody */
	bool newest;	     /* else the oldest */
	bool peers;	     /* also of a class that is not lower than the newcomer's */
} rules[TR_FULL_COUNT] = {
	[TR_FULL_REJECT] = {TR_CAUSE_NONE, false, false},
	[TR_FULL_DROP_LRU] = {TR_CAUSE_QUEUE_DROPPED, false, true},
	[TR_FULL_SHED_LOW_PRIORITY] = {TR_CAUSE_QUEUE_SHED, true, false},
};

/* Jobs that wait, or will, in all classes of a pool. */
static uint64_t crowd(const struct tr_engine *e, uint32_t model)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < e->limits.classes; c++) {
		const struct tr_backlog *backlog = &e->backlog[tr_backlog_of(e, model, c)];

		sum += backlog->waiting + backlog->held;
	}
	return sum;
}

/* Waiting jobs of a class that others may not displace. */
static uint64_t floor_places(const struct tr_engine *e, uint32_t model, uint32_t class_slot)
{
	return ((uint64_t)e->model[model].queue_limit * e->class[class_slot].floor_percent + 99) /
	       100;
}

/* The lowest class of a pool that has waiting jobs to give up for the newcomer's; TR_NONE: none
 * has. */
static uint32_t lowest(const struct tr_engine *e, uint32_t model, uint32_t newcomer)
{
	uint32_t low = TR_NONE;

	for (uint32_t c = 0; c < e->limits.classes; c++) {
		const struct tr_class *class = &e->class[c];
		uint32_t waiting = e->backlog[tr_backlog_of(e, model, c)].waiting;

		if (waiting == 0 || (c != newcomer && waiting <= floor_places(e, model, c)))
			continue;
		if (low == TR_NONE || class->priority < e->class[low].priority ||
		    (class->priority == e->class[low].priority && class->name > e->class[low].name))
			low = c;
	}
	return low;
}

/* The job of a class that makes room for one of another, or the same. */
static bool displace(const struct tr_engine *e, uint32_t model, uint32_t loser, uint32_t newcomer,
		     struct tr_shed *ret)
{
	const struct rule *rule = &rules[e->class[newcomer].full];
	const struct tr_backlog *backlog = &e->backlog[tr_backlog_of(e, model, loser)];
	uint32_t priority = e->class[loser].priority, above = e->class[newcomer].priority;

	if (rule->cause == TR_CAUSE_NONE || priority > above || (priority == above && !rule->peers))
		return false;
	ret->victim = rule->newest ? tr_backlog_newest(e, backlog) : tr_backlog_oldest(e, backlog);
	ret->cause = rule->cause;
	return ret->victim != NULL;
}

bool tr_shed_find(const struct tr_engine *e, uint32_t model, uint32_t class_slot,
		  struct tr_shed *ret)
{
	const struct tr_class *class = &e->class[class_slot];
	const struct tr_backlog *backlog = &e->backlog[tr_backlog_of(e, model, class_slot)];
	uint32_t most = e->model[model].queue_limit, loser;

	TR_ASSERT(class->full < TR_FULL_COUNT);
	*ret = (struct tr_shed){0};
	if (backlog->waiting + backlog->held >= class->queue_limit) {
		ret->limit = class->name;
		return displace(e, model, class_slot, class_slot, ret);
	}
	if (!most || crowd(e, model) < most)
		return true;
	ret->limit = e->model[model].name;
	loser = lowest(e, model, class_slot);
	return loser != TR_NONE && displace(e, model, loser, class_slot, ret);
}

void tr_shed_make_room(struct tr_engine *e, const struct tr_shed *shed)
{
	struct tr_job *victim = shed->victim;

	if (!victim)
		return;
	TR_ASSERT(victim->state == TR_JOB_QUEUED);
	/* One whose group was canceled only goes a moment sooner. */
	if (victim->doomed)
		tr_job_end(e, victim, TR_OUTCOME_CANCELED, (enum tr_cause)victim->doomed);
	else
		tr_job_end(e, victim, TR_OUTCOME_FAILED, shed->cause);
}
