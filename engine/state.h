/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine as a whole: its tables of rows (row.h), what is derived from them, the policies that
 * are loaded, and the small words in which everything else speaks of them.
 */
#ifndef TR_ENGINE_STATE_H
#define TR_ENGINE_STATE_H

#include "engine/index.h"
#include "engine/row.h"

/* Owners of timers, in the order of their ranges. X(UPPER, lower, count) */
#define TR_TIMER_OWNER_MAP(X)                                                                      \
	X(QUEUE, queue, e->queue_count)                                                            \
	X(BACKLOG, backlog, e->backlog_count)                                                      \
	X(ACTIVE, active, e->limits.active)                                                        \
	X(ATTEMPT, attempt, e->limits.attempts)                                                    \
	X(ENDPOINT, endpoint, e->limits.endpoints)

enum tr_timer_owner {
#define X(uc, lc, count) TR_TIMER_##uc,
	TR_TIMER_OWNER_MAP(X)
#undef X
	TR_TIMER_OWNERS
};

/* What the registry knows by name. Each row begins with its name; 0 is a free slot. */
enum tr_registry_kind {
	TR_REGISTRY_MODEL,
	TR_REGISTRY_ENDPOINT,
	TR_REGISTRY_CLASS,
	TR_REGISTRY_TENANT,
	TR_REGISTRY_KINDS,
};

struct tr_registry {
	uint8_t *rows;
	size_t row_bytes;
	uint32_t limit;
	uint32_t mask;
	uint16_t *index; /* open addressing: slot + 1, 0: empty */
};

/* A loaded policy and where its rows stand in the registry. */
struct tr_loaded {
	struct tr_policy policy; /* pointing into this engine's memory */
	uint64_t id;		 /* 0: empty */
	/* By registry kind: policy row -> registry slot + 1, and back; 0: not there. */
	uint16_t *slot_of_row[TR_REGISTRY_KINDS];
	uint16_t *row_of_slot[TR_REGISTRY_KINDS];
};

struct tr_engine {
	struct tr_limits limits;
	uint32_t backlog_count;
	uint32_t queue_count; /* with the held one, the last */
	uint32_t timer_slots;
	uint32_t prefix_mask; /* rows of prefixes - 1 */
	uint32_t timer_first[TR_TIMER_OWNERS];

#define X(uc, lc, ...) struct tr_##lc *lc;
	TR_TABLE_MAP(X)
#undef X

	/* Derived. */
	uint32_t *timer_heap; /* timer numbers by (time, sequence) */
	uint32_t *ready_heap; /* per backlog: queues by (service, name of the tenant) */
	uint32_t *aside;      /* queues of one pool that were looked at in vain, for a moment */
	struct tr_index job_index;   /* live jobs by id */
	struct tr_index group_index; /* the oldest job of each group that is not doomed */
	struct tr_index idempotency_index;
	struct tr_registry registry[TR_REGISTRY_KINDS];
	struct tr_index session_index; /* sessions by key */
	struct tr_model_set *reach;    /* models whose chains, in any policy, lead to this one */
	struct tr_loaded loaded[TR_ENGINE_POLICIES_MAX];

	/* Of the step in progress. */
	const struct tr_event *event;
	struct tr_actions *out;
};

/* ---- small accessors ---- */

static inline uint32_t tr_backlog_of(const struct tr_engine *e, uint32_t model, uint32_t class_slot)
{
	return model * e->limits.classes + class_slot;
}

static inline uint32_t tr_queue_of(const struct tr_engine *e, const struct tr_job *job)
{
	if (job->state == TR_JOB_HELD)
		return e->queue_count - 1;
	return tr_backlog_of(e, job->model, job->class_slot) * e->limits.tenants + job->tenant;
}

static inline uint32_t tr_row_of_job(const struct tr_engine *e, const struct tr_job *job)
{
	return (uint32_t)(job - e->job);
}

static inline uint32_t tr_row_of_attempt(const struct tr_engine *e,
					 const struct tr_attempt *attempt)
{
	return (uint32_t)(attempt - e->attempt);
}

static inline struct tr_active *tr_active_of(const struct tr_engine *e, const struct tr_job *job)
{
	return job->active1 ? &e->active[job->active1 - 1] : NULL;
}

static inline const struct tr_policy *tr_policy_of(const struct tr_engine *e,
						   const struct tr_job *job)
{
	return &e->loaded[job->policy].policy;
}

static inline const struct tr_policy *tr_policy_active(const struct tr_engine *e)
{
	return &e->loaded[e->core->active_policy].policy;
}

/* Where a row of a job's policy stands in the registry; TR_NONE: no longer there. */
static inline uint32_t tr_slot_of_row(const struct tr_engine *e, uint32_t policy,
				      enum tr_registry_kind kind, uint32_t row)
{
	return (uint32_t)e->loaded[policy].slot_of_row[kind][row] - 1;
}

static inline tr_job_handle tr_job_handle_of(const struct tr_engine *e, const struct tr_job *job)
{
	return (tr_job_handle){tr_row_of_job(e, job) + 1, job->generation};
}

static inline tr_attempt_handle tr_attempt_handle_of(const struct tr_engine *e,
						     const struct tr_attempt *attempt)
{
	return (tr_attempt_handle){tr_row_of_attempt(e, attempt) + 1, attempt->generation};
}

static inline bool tr_model_set_has(const struct tr_model_set *set, uint32_t model)
{
	return (set->bits[model / 64] >> (model % 64)) & 1;
}

static inline void tr_model_set_add(struct tr_model_set *set, uint32_t model)
{
	set->bits[model / 64] |= UINT64_C(1) << (model % 64);
}

/* The next free action of the step, its kind set and its fields zero. */
static inline struct tr_action *tr_action_add(struct tr_engine *e, enum tr_action_kind kind)
{
	struct tr_action *action = &e->out->items[e->out->count];

	TR_ASSERT(e->out->count < TR_ACTIONS_MAX);
	e->out->count++;
	memset(action, 0, sizeof *action);
	action->kind = (uint16_t)kind;
	return action;
}

/* One more unit of work fits into the step. */
static inline bool tr_step_has_room(const struct tr_engine *e)
{
	return e->out->count + TR_UNIT_ACTIONS_MAX <= TR_ACTIONS_MAX;
}

/* An exponentially weighted mean with weight 1/8; the first sample is the mean. Never 0 afterwards.
 */
static inline uint64_t tr_ewma(uint64_t mean, uint64_t sample)
{
	if (mean == 0)
		return tr_max(sample, 1);
	return tr_max(mean - mean / 8 + sample / 8, 1);
}

#endif
