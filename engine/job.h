/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a job: held, queued, running, back-off, ended. */
#ifndef TR_ENGINE_JOB_H
#define TR_ENGINE_JOB_H

#include "engine/state.h"

/* What moves a job from state to state. X(name) */
#define TR_JOB_MOVE_MAP(X)                                                                         \
	X(HOLD)                                                                                    \
	X(ENQUEUE)                                                                                 \
	X(DISPATCH)                                                                                \
	X(BACK_OFF)                                                                                \
	X(RETRY)                                                                                   \
	X(PREEMPT)                                                                                 \
	X(END)

enum tr_job_move {
#define X(name) TR_JOB_MOVE_##name,
	TR_JOB_MOVE_MAP(X)
#undef X
	TR_JOB_MOVES
};

#define TR_JOB_STATES (TR_JOB_RETRY + 1)
/* [state][move] -> state, or TR_JOB_NO_MOVE: cannot happen, asserted. */
#define TR_JOB_NO_MOVE 255
extern const uint8_t tr_job_moves[TR_JOB_STATES][TR_JOB_MOVES];

/* The live job of a handle; NULL: stale or null. */
struct tr_job *tr_job_at(const struct tr_engine *e, tr_job_handle handle);
/* The live job with an id; NULL: none. O(1) expected. */
struct tr_job *tr_job_find(const struct tr_engine *e, uint64_t job_id);

/* A row for a new job, FREE and zeroed but for its generation; NULL: the table is full. It must be
 * entered (tr_job_enter) in the same step. */
struct tr_job *tr_job_new(struct tr_engine *e);
/* The filled job becomes live: counted by its tenant, class, model and policy. */
void tr_job_enter(struct tr_engine *e, struct tr_job *job);

/* From new or held, with another reason, into the queue of held jobs. */
void tr_job_hold(struct tr_engine *e, struct tr_job *job, enum tr_hold hold);
/* From new or held into its queue. */
void tr_job_enqueue(struct tr_engine *e, struct tr_job *job);
/* From the queue or from waiting for a retry: an attempt follows in the same step. */
void tr_job_run(struct tr_engine *e, struct tr_job *job);
/* From running, its last attempt gone: wait until a time, then retry. */
void tr_job_back_off(struct tr_engine *e, struct tr_job *job, tr_time_ns until);
/* From running or back-off: wait for an endpoint again. */
void tr_job_retry(struct tr_engine *e, struct tr_job *job);
/* From running, its only attempt gone to make room for a higher class: forget what was answered so
 * far, wait for an endpoint again. */
void tr_job_preempt(struct tr_engine *e, struct tr_job *job);
/* From any state: abort what runs, settle everything once, say JOB_FINISH, free the rows. */
void tr_job_end(struct tr_engine *e, struct tr_job *job, enum tr_outcome outcome,
		enum tr_cause cause);

/* Its deadline has come. */
void tr_job_expire(struct tr_engine *e, struct tr_job *job);

/* Set the timer of an active job to the first thing it waits for. */
void tr_job_timer(struct tr_engine *e, const struct tr_job *job);
/* It fired. */
void tr_job_due(struct tr_engine *e, struct tr_job *job);

/* Mix one decision into the job's path: what was decided, about whom, which one. No times. */
void tr_job_path(struct tr_job *job, uint32_t what, uint64_t whom, uint32_t which);
/* The path of a job before its first decision. */
uint64_t tr_job_path_start(uint64_t job_id);

/* Compute the index by id again. Returns false if an id stands twice. */
bool tr_job_rebuild(struct tr_engine *e);

#endif
