/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting jobs: each queue in order of deadline, each backlog in order of entry. */
#ifndef TR_ENGINE_QUEUE_H
#define TR_ENGINE_QUEUE_H

#include "engine/state.h"

/* Put a job (state HELD or QUEUED, not in a queue) into the queue its state and names give; one
 * that is QUEUED also becomes the newest of its backlog. O(log n) expected, O(1) if it goes last.
 */
void tr_queue_push(struct tr_engine *e, struct tr_job *job);
/* Take a job out, wherever it stands. O(log n) expected. */
void tr_queue_remove(struct tr_engine *e, struct tr_job *job);

/* The job with the earliest (deadline, sequence); NULL if the queue is empty. */
struct tr_job *tr_queue_first(const struct tr_engine *e, const struct tr_queue *queue);
/* The job after this one in that order; NULL: it is the last. O(log n) expected. */
struct tr_job *tr_queue_next(const struct tr_engine *e, const struct tr_job *job);
/* 1 for the first, 2 for the next, ... O(log n) expected, O(1) for the last. */
uint32_t tr_queue_position(const struct tr_engine *e, const struct tr_job *job);

/* Of the waiting jobs of all tenants the one that entered first, or last; NULL: nobody waits. */
struct tr_job *tr_backlog_oldest(const struct tr_engine *e, const struct tr_backlog *backlog);
struct tr_job *tr_backlog_newest(const struct tr_engine *e, const struct tr_backlog *backlog);

/* NULL, or what is wrong with a waiting job's place in its tree. */
const char *tr_queue_verify_job(const struct tr_engine *e, const struct tr_job *job);
/* NULL, or the first broken invariant of a queue, once the place of each of its jobs is right. */
const char *tr_queue_verify(const struct tr_engine *e, uint32_t queue);
/* NULL, or the first broken invariant of a backlog's list. */
const char *tr_backlog_verify(const struct tr_engine *e, uint32_t backlog);

#endif
