/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting jobs: each queue in deadline order, and in order of entry. */
#ifndef TR_ENGINE_QUEUE_H
#define TR_ENGINE_QUEUE_H

#include "engine/state.h"

/* Put a job (state HELD or QUEUED, not in a queue) into the queue its state and names give.
 * O(log n) expected. */
void tr_queue_push(struct tr_engine *e, struct tr_job *job);
/* Take a job out, wherever it stands. O(log n) expected. */
void tr_queue_remove(struct tr_engine *e, struct tr_job *job);

/* The job with the earliest (deadline, sequence); NULL if the queue is empty. */
struct tr_job *tr_queue_first(const struct tr_engine *e, const struct tr_queue *queue);
/* The job after this one in that order; NULL: it is the last. O(log n) expected. */
struct tr_job *tr_queue_next(const struct tr_engine *e, const struct tr_job *job);
/* The job that entered first. */
struct tr_job *tr_queue_oldest(const struct tr_engine *e, const struct tr_queue *queue);
/* 1 for the first, 2 for the next, ... O(log n) expected. */
uint32_t tr_queue_position(const struct tr_engine *e, const struct tr_job *job);
/* Jobs in the queue. */
uint32_t tr_queue_length(const struct tr_engine *e, const struct tr_queue *queue);

/* NULL, or the first broken invariant of the queue's tree and list. */
const char *tr_queue_verify(const struct tr_engine *e, uint32_t queue);

#endif
