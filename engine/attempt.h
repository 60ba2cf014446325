/* SPDX-License-Identifier: Apache-2.0 */
/* One dispatch of a job to an endpoint: booked, watched, ended, retried. */
#ifndef TR_ENGINE_ATTEMPT_H
#define TR_ENGINE_ATTEMPT_H

#include "engine/router.h"
#include "engine/state.h"

/* The live attempt of a handle; NULL: stale or null. */
struct tr_attempt *tr_attempt_at(const struct tr_engine *e, tr_attempt_handle handle);

/* Are there rows for one more attempt of the job? */
bool tr_attempt_has_rows(const struct tr_engine *e, const struct tr_job *job);
/* Book the endpoint and say ATTEMPT_DISPATCH. The job is RUNNING or becomes so. */
void tr_attempt_dispatch(struct tr_engine *e, struct tr_job *job, enum tr_role role,
			 const struct tr_route *route);

/* Progress as hosts report it. */
void tr_attempt_connected(struct tr_engine *e, struct tr_attempt *attempt);
void tr_attempt_headers(struct tr_engine *e, struct tr_attempt *attempt);
void tr_attempt_first_token(struct tr_engine *e, struct tr_attempt *attempt);
void tr_attempt_progress(struct tr_engine *e, struct tr_attempt *attempt, uint32_t tokens_out);
void tr_attempt_done(struct tr_engine *e, struct tr_attempt *attempt, uint32_t tokens_in,
		     uint32_t tokens_out);
/* It failed with a cause: health learns of it, then the job retries or ends. */
void tr_attempt_failed(struct tr_engine *e, struct tr_attempt *attempt, enum tr_cause cause,
		       tr_span_ns retry_after);

/* Give back all it holds: slot, probe, row; add what it cost to its job. Says nothing. */
void tr_attempt_release(struct tr_engine *e, struct tr_attempt *attempt);
/* ATTEMPT_ABORT, then release. */
void tr_attempt_abort(struct tr_engine *e, struct tr_attempt *attempt, enum tr_cause cause);

/* Abort it, the only one of its job, in favour of a higher class: the job waits for an endpoint
 * again, this one is not held against it, and nobody's health learns of it. */
void tr_attempt_preempt(struct tr_engine *e, struct tr_attempt *attempt);

/* Its timer fired: the phase it is in took too long. */
void tr_attempt_due(struct tr_engine *e, struct tr_attempt *attempt);
/* The job's silence has lasted: send a second attempt if there is anyone to take it. */
void tr_attempt_hedge(struct tr_engine *e, struct tr_job *job);

#endif
