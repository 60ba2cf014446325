/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's memory: every row of every table, and nothing else.
 *
 * Each row is one list of fields, which makes its struct, its part of a snapshot and so its part of
 * the digest. Rows refer to each other by index + 1, so zeroed memory is a valid empty engine ("1"
 * at the end of a name says so: job1, next1). What can be computed from rows (indexes by name and
 * id, heap arrays, bindings of policies to the registry) is not a row: a restore rebuilds it.
 *
 * Endpoints, tenants, classes and models live in a registry keyed by name and survive a change of
 * policy. A job keeps the policy it was admitted under: its rows there are `*_row`, registry slots
 * are plain (`tenant`, `class_slot`).
 */
#ifndef TR_ENGINE_ROW_H
#define TR_ENGINE_ROW_H

#include "engine/engine.h"

#define TR_BREAKER_BUCKETS  10
#define TR_SPENDING_BUCKETS 10
#define TR_STRATEGY_BUCKETS 10
/* 8 cells for each power of two of nanoseconds from 2^20 (1 ms) to 2^40 (18 minutes), and one below
 * and one above all. */
#define TR_LATENCY_CELLS 162
/* Cells in one row of their table, and rows of one histogram. */
#define TR_CELL_ROW	       9
#define TR_CELL_ROWS	       (TR_LATENCY_CELLS / TR_CELL_ROW)
#define TR_ENGINE_POLICIES_MAX 16
/* Room for the attempts of one job at once: the first and its hedges. */
#define TR_JOB_ATTEMPTS_MAX 4
/* Endpoints remembered as tried; of more, the oldest is forgotten. */
#define TR_TRIED_MAX 16
/* How often a job gives up its slot; after that it is left alone, so that it ends. */
#define TR_PREEMPTIONS_MAX 3
/* The most actions one unit of work (a timer, a dispatch, an event) can leave. */
#define TR_UNIT_ACTIONS_MAX 12

enum tr_job_state {
	TR_JOB_FREE,
	TR_JOB_HELD,	/* waits for something outside */
	TR_JOB_QUEUED,	/* waits for an endpoint */
	TR_JOB_RUNNING, /* has an attempt in flight */
	TR_JOB_BACKOFF, /* waits before its next attempt */
	TR_JOB_RETRY,	/* waits for an endpoint again, before all that are queued */
};

enum tr_attempt_state {
	TR_ATTEMPT_FREE,
	TR_ATTEMPT_DISPATCHED,
	TR_ATTEMPT_CONNECTED,
	TR_ATTEMPT_HEADERS,
	TR_ATTEMPT_STREAMING, /* the first token came */
};

enum tr_job_flag {
	TR_JOB_STRICT = 1 << 0,
	TR_JOB_HEDGEABLE = 1 << 1,
	TR_JOB_CANCELABLE = 1 << 2,
	TR_JOB_RELEASE_DUE = 1 << 3, /* once stored, it waits for JOB_RELEASE */
	TR_JOB_TOTAL = 1 << 4,	     /* its deadline is the policy's limit for the whole job */
	TR_JOB_STREAM = 1 << 5,	     /* its client reads tokens as they come */
	TR_JOB_PREDICTED = 1 << 6,   /* its start was predicted, not for want of measurements 0 */
};

/* The one row of things that are one. */
#define TR_CORE_FIELDS(F)                                                                          \
	F(u64, seed)                                                                               \
	F(time, now)                                                                               \
	F(u64, chain)                                                                              \
	F(u64, path)                                                                               \
	F(u64, sequence)       /* of waiting jobs: FIFO among equals */                            \
	F(u64, timer_sequence) /* of started timers: equal times fire in start order */            \
	F(span, bucket_span)   /* of the breakers' windows */                                      \
	F(span, window_span)   /* of the latency windows */                                        \
	F(u64, dispatches)                                                                         \
	F(u64, submitted)                                                                          \
	F(u64, rejected)                                                                           \
	F(u64, completed)                                                                          \
	F(u64, failed)                                                                             \
	F(u64, canceled)                                                                           \
	F(u64, expired)                                                                            \
	F(u64, attempts)                                                                           \
	F(u64, retries)                                                                            \
	F(u64, hedges)                                                                             \
	F(u64, retries_denied) /* by a budget, as the next */                                      \
	F(u64, hedges_denied)                                                                      \
	F(u64, preemptions)                                                                        \
	F(u64, breaker_trips)                                                                      \
	F(u64, events)                                                                             \
	F(u32, live_jobs)                                                                          \
	F(u32, job_free1) /* free lists, last in first out ... */                                  \
	F(u32, job_used)  /* ... and how many rows were ever taken */                              \
	F(u32, active_free1)                                                                       \
	F(u32, active_used)                                                                        \
	F(u32, attempt_free1)                                                                      \
	F(u32, attempt_used)                                                                       \
	F(u32, dirty_models) /* how many are marked */                                             \
	F(u32, active_policy)                                                                      \
	F(u32, doomed_group_jobs) /* jobs of canceled groups that have not ended yet */            \
	F(u32, doomed_oldest1)	  /* the circular list of these, in order of their events */       \
	F(u32, session_free1)                                                                      \
	F(u32, session_used)                                                                       \
	F(u32, session_oldest1)                                                                    \
	F(u32, session_newest1)                                                                    \
	F(u32, idempotency_first) /* of the ring */                                                \
	F(u32, idempotency_count)                                                                  \
	F(u32, starved) /* a dispatch found no active or attempt row: wake all when one frees */   \
	F(u32, timer_count)

/* 256 bytes at most: a million may wait. What a walk through a queue reads stands first. */
#define TR_JOB_FIELDS(F)                                                                           \
	F(time, deadline) /* TR_TIME_NEVER: none */                                                \
	F(u64, sequence)                                                                           \
	F(time, queued) /* when it last entered its queue */                                       \
	F(u32, left1)	/* the queue's tree; next free row while free */                           \
	F(u32, right1)                                                                             \
	F(u32, parent1)                                                                            \
	F(u32, rank)   /* its place in its own subtree; 0: it is in no queue */                    \
	F(u32, older1) /* the list by entry, of its backlog or of the retries */                   \
	F(u32, newer1)                                                                             \
	F(u16, tenant)                                                                             \
	F(u16, class_slot)                                                                         \
	F(u16, model)	  /* registry: the pool it queues for */                                   \
	F(u16, model_row) /* in its policy, as the next two */                                     \
	F(u16, strategy_row)                                                                       \
	F(u16, intent_row)                                                                         \
	F(u8, state)                                                                               \
	F(u8, hold)                                                                                \
	F(u8, policy)                                                                              \
	F(u8, flags)                                                                               \
	F(u64, job_id)                                                                             \
	F(hash, path)                                                                              \
	F(time, submitted)	 /* observed */                                                    \
	F(span, predicted_start) /* from its submission; as it was told */                         \
	F(u64, reserved_micro_usd)                                                                 \
	F(u32, charged_tokens) /* of the tenant's token rate */                                    \
	F(u32, generation)                                                                         \
	F(u32, tokens_in)                                                                          \
	F(u32, tokens_out_max)                                                                     \
	F(u32, tokens_predicted)                                                                   \
	F(u32, needs)                                                                              \
	F(u32, active1)                                                                            \
	F(u32, idempotency1) /* where its key was put; another's may stand there by now */         \
	F(u64, session)	     /* mixed with the tenant; 0: none */                                  \
	F(u64, group_id) /* 0: none; the circular list of its jobs, in order of admission (of a    \
			    doomed one, that of the doomed): */                                    \
	F(u32, group_older1)                                                                       \
	F(u32, group_newer1)                                                                       \
	F(u32, strict_older1) /* the list by entry of waiting strict jobs, of policy and model */  \
	F(u32, strict_newer1)                                                                      \
	F(u32, prefix_blocks)                                                                      \
	F(u8, prefix_count)                                                                        \
	F(u8,                                                                                      \
	  doomed) /* its group was canceled: enum tr_cause, it ends as soon as there is room */    \
	F(u32, prefix0) /* of the prompt's prefix hashes, folded */                                \
	F(u32, prefix1)                                                                            \
	F(u32, prefix2)                                                                            \
	F(u32, prefix3)                                                                            \
	F(u32, prefix4)                                                                            \
	F(u32, prefix5)                                                                            \
	F(u32, prefix6)                                                                            \
	F(u32, prefix7)                                                                            \
	F(u32, prefix8)                                                                            \
	F(u32, prefix9)                                                                            \
	F(u32, prefix10)                                                                           \
	F(u32, prefix11)                                                                           \
	F(u32, prefix12)                                                                           \
	F(u32, prefix13)                                                                           \
	F(u32, prefix14)                                                                           \
	F(u32, prefix15)

/* What only a job that was dispatched needs. */
#define TR_ACTIVE_FIELDS(F)                                                                        \
	F(time, first_dispatch)                                                                    \
	F(time, first_token) /* observed; 0: none yet */                                           \
	F(time, backoff_until)                                                                     \
	F(time, hedge_at) /* 0: no hedge to come */                                                \
	F(u64, cost_micro_usd)                                                                     \
	F(u64, service_charged) /* to the fair share at dispatch, as weighted then */              \
	F(name, endpoint)	/* of the attempt that answered last */                            \
	F(name, model)                                                                             \
	F(u32, job1) /* next free row while free */                                                \
	F(u32, first_attempt1)                                                                     \
	F(u32, committed1)                                                                         \
	F(u32, tokens_out)                                                                         \
	F(u8, ordinal) /* of the next attempt */                                                   \
	F(u8, retries)                                                                             \
	F(u8, hedges)                                                                              \
	F(u8, last_cause)                                                                          \
	F(u8, preempted) /* times */                                                               \
	F(u8, warmth)	 /* of the attempt that answered last: enum tr_warmth */                   \
	F(u8, turn)	 /* its session has counted it */                                          \
	F(u8, tried_count)                                                                         \
	F(u16, tried0)                                                                             \
	F(u16, tried1)                                                                             \
	F(u16, tried2)                                                                             \
	F(u16, tried3)                                                                             \
	F(u16, tried4)                                                                             \
	F(u16, tried5)                                                                             \
	F(u16, tried6)                                                                             \
	F(u16, tried7)                                                                             \
	F(u16, tried8)                                                                             \
	F(u16, tried9)                                                                             \
	F(u16, tried10)                                                                            \
	F(u16, tried11)                                                                            \
	F(u16, tried12)                                                                            \
	F(u16, tried13)                                                                            \
	F(u16, tried14)                                                                            \
	F(u16, tried15)

#define TR_ATTEMPT_FIELDS(F)                                                                       \
	F(time, dispatched)                                                                        \
	F(time, phase)	     /* when its present state began */                                    \
	F(time, first_token) /* observed */                                                        \
	F(u32, generation)                                                                         \
	F(u32, job1)  /* next free row while free */                                               \
	F(u32, next1) /* of the same job */                                                        \
	F(u32, tokens_out)                                                                         \
	F(u32, tokens_booked) /* of the endpoint's token rate */                                   \
	F(u32, older1)	      /* of the same endpoint, by dispatch */                              \
	F(u32, newer1)                                                                             \
	F(u16, endpoint)                                                                           \
	F(u16, model_row)                                                                          \
	F(u8, state)                                                                               \
	F(u8, ordinal)                                                                             \
	F(u8, role)                                                                                \
	F(u8, probe) /* taken by a half-open breaker: number of its round, 0: not a probe */       \
	F(u8, warmth)                                                                              \
	F(u8, least_bad) /* sent through an open breaker */

/* What the filters ask of each candidate stands first. */
#define TR_ENDPOINT_FIELDS(F)                                                                      \
	F(name, name) /* 0: free slot */                                                           \
	F(u16, model)                                                                              \
	F(u8, removed)                                                                             \
	F(u8, lifecycle)                                                                           \
	F(u8, breaker)                                                                             \
	F(u8, round)		/* of half-open, 1..255, begins again after that */                \
	F(u16, ttft_long_count) /* first tokens in the slow mean; at most its length */            \
	F(u32, in_flight)                                                                          \
	F(u32, slots)                                                                              \
	F(u32, limit_milli) /* adaptive concurrency, below slots; 0: all slots */                  \
	F(u32, requests_per_minute)                                                                \
	F(u64, tokens_per_minute)                                                                  \
	F(time, paused_until)                                                                      \
	F(time, provider_requests_until) /* the allowance its provider reported, and its end */    \
	F(time, provider_tokens_until)                                                             \
	F(u64, provider_tokens)                                                                    \
	F(u32, provider_requests)                                                                  \
	F(u32, probes_out)                                                                         \
	F(time, open_until)                                                                        \
	F(time, requests_tat) /* theoretical arrival times of its two rate limits */               \
	F(time, tokens_tat)                                                                        \
	F(time, wake_at) /* a filter asked to be looked at again; 0: none */                       \
	F(u64, last_dispatch)                                                                      \
	F(time, signal_observed)                                                                   \
	F(u32, signal_others) /* of its report, not ours */                                        \
	F(u32, signal_running)                                                                     \
	F(u32, signal_waiting)                                                                     \
	F(u32, signal_kv_permille)                                                                 \
	F(span, ttft_ewma) /* 0: nothing measured, as the next */                                  \
	F(span, tpot_ewma)                                                                         \
	F(time, closed_since)                                                                      \
	F(u64, bucket_number) /* of the newest bucket: time / bucket length */                     \
	F(u32, consecutive)                                                                        \
	F(u32, trips_ever)                                                                         \
	F(u32, trips) /* in a row */                                                               \
	F(u32, probe_successes)                                                                    \
	F(u32, weight)                                                                             \
	F(u32, feedback_ewma) /* 1..1000 as of feedback_at, 0: none; it fades to 500 */            \
	F(time, feedback_at)                                                                       \
	F(span, peak_latency) /* to the first token, as of peak_at; it decays */                   \
	F(time, peak_at)                                                                           \
	F(span, ttft_long) /* a slow mean, what the adaptive limit compares with */                \
	F(time, limit_cut) /* when back-pressure last cut the limit */                             \
	F(u32, oldest_attempt1)                                                                    \
	F(u32, newest_attempt1)                                                                    \
	F(time, caches_since) /* what it was known for before is gone: it started anew */

/* TR_BREAKER_BUCKETS for each endpoint. */
#define TR_BUCKET_FIELDS(F) F(u32, requests) F(u32, faults) F(u32, slow)

/* A window of latencies, for each endpoint and after them for each model: two histograms that take
 * turns, the older one whole, the newer one filling. */
#define TR_WINDOW_FIELDS(F)                                                                        \
	F(u64, turn)	    /* of the newer: time / window; odd turns fill the second histogram */ \
	F(span, tail)	    /* the policy's tail quantile of both, 0: none ... */                  \
	F(span, tail_newer) /* ... and of the newer alone, as of the sample before `unseen` */     \
	F(u32, count0)                                                                             \
	F(u32, count1)                                                                             \
	F(u32, unseen) /* samples since the quantiles were computed */

/* TR_CELL_ROWS rows of counts for each of the two histograms of each window, read as one array. */
#define TR_CELL_FIELDS(F)                                                                          \
	F(u32, count0)                                                                             \
	F(u32, count1)                                                                             \
	F(u32, count2)                                                                             \
	F(u32, count3)                                                                             \
	F(u32, count4)                                                                             \
	F(u32, count5)                                                                             \
	F(u32, count6)                                                                             \
	F(u32, count7)                                                                             \
	F(u32, count8)

/* What a model's pool did in one second, TR_SPENDING_BUCKETS for each model: what retries and
 * hedges are allowed is a share of it. */
#define TR_SPENDING_FIELDS(F)                                                                      \
	F(u64, cost) /* predicted, micro-USD, of first attempts */                                 \
	F(u64, hedge_cost)                                                                         \
	F(u32, dispatches) /* first attempts */                                                    \
	F(u32, retries)	   /* decided */                                                           \
	F(u32, hedges)

/* A strategy of a loaded policy in one of its pools, TR_POLICY_STRATEGIES_MAX for each policy slot
 * and as many models for each of them. */
#define TR_STRATEGY_FIELDS(F)                                                                      \
	F(time, aside_until)  /* 0: it is asked, or has not been since */                          \
	F(u64, bucket_number) /* of the newest bucket: time / bucket length */                     \
	F(u64, picks)                                                                              \
	F(u64, failures_ever)                                                                      \
	F(u32, failures0) /* in each bucket of the window */                                       \
	F(u32, failures1)                                                                          \
	F(u32, failures2)                                                                          \
	F(u32, failures3)                                                                          \
	F(u32, failures4)                                                                          \
	F(u32, failures5)                                                                          \
	F(u32, failures6)                                                                          \
	F(u32, failures7)                                                                          \
	F(u32, failures8)                                                                          \
	F(u32, failures9)

/* Where a session is at home. Free rows are chained by older1. */
#define TR_SESSION_FIELDS(F)                                                                       \
	F(u64, key) /* session and tenant, mixed; 0: free */                                       \
	F(name, endpoint)                                                                          \
	F(time, used)                                                                              \
	F(u32, turns)                                                                              \
	F(u32, older1) /* all of them, by last use */                                              \
	F(u32, newer1)

/* A prefix that an endpoint has seen. */
#define TR_PREFIX_FIELDS(F)                                                                        \
	F(time, used) /* 0: free */                                                                \
	F(u32, key)                                                                                \
	F(u16, endpoint)

/* An idempotency key of this window; the rows are a ring in order of time. */
#define TR_IDEMPOTENCY_FIELDS(F)                                                                   \
	F(u64, key) /* mixed with the tenant */                                                    \
	F(hash, body)                                                                              \
	F(u64, job_id) /* 0: its key was taken anew, or given back (key 0) */                      \
	F(time, since)

#define TR_TENANT_FIELDS(F)                                                                        \
	F(name, name)                                                                              \
	F(time, requests_tat)                                                                      \
	F(time, tokens_tat)                                                                        \
	F(u64, reserved_micro_usd)                                                                 \
	F(u64, spent_micro_usd)                                                                    \
	F(u64, day) /* of spent */                                                                 \
	F(u64, budget_micro_usd_per_day)                                                           \
	F(u64, tokens_per_minute)                                                                  \
	F(u32, requests_per_minute)                                                                \
	F(u32, max_concurrent)                                                                     \
	F(u32, weight_milli)                                                                       \
	F(u32, running) /* jobs with an attempt or in back-off */                                  \
	F(u32, waiting) /* jobs in queues */                                                       \
	F(u32, live)	/* jobs in the system, as below */

#define TR_CLASS_FIELDS(F)                                                                         \
	F(name, name)                                                                              \
	F(span, queue_timeout)                                                                     \
	F(u32, priority)                                                                           \
	F(u32, floor_percent)                                                                      \
	F(u32, queue_limit)                                                                        \
	F(u32, full)                                                                               \
	F(u32, preempt)                                                                            \
	F(span, sojourn_target)                                                                    \
	F(span, sojourn_interval)                                                                  \
	F(u32, live)                                                                               \
	F(u32, running) /* jobs with an attempt in flight */

#define TR_MODEL_FIELDS(F)                                                                         \
	F(name, name)                                                                              \
	F(span, service_ewma) /* dispatch to end of its jobs, wherever they were served */         \
	F(span, ttft_ewma)    /* the same of first tokens, and between tokens */                   \
	F(span, tpot_ewma)                                                                         \
	F(u32, waiting)                                                                            \
	F(u32, live)                                                                               \
	F(u32, waiting_apart)  /* of the waiting, those whose ways differ: tr_router_is_apart() */ \
	F(u32, waiting_strict) /* of the waiting */                                                \
	F(u32, retry_oldest1)  /* jobs in state RETRY, first come first served */                  \
	F(u32, retry_newest1)                                                                      \
	F(u32, queue_limit)	  /* 0: only its classes' */                                       \
	F(u32, slots)		  /* of the endpoints that the active policy gives it ... */       \
	F(u32, in_flight)	  /* ... and at these; at a removed one nothing counts */          \
	F(span, prediction_error) /* of predicted starts, a mean of absolute values */             \
	F(u64, spending_number)	  /* of the newest bucket of spending: time / bucket length */     \
	F(u8, dirty)		  /* something changed: its queues must be looked at */

/* A class within a model's pool. */
#define TR_BACKLOG_FIELDS(F)                                                                       \
	F(u64, virtual_service) /* of the tenant served last: where idle tenants come back */      \
	F(u64, emptied)		/* the event at which its last job left */                         \
	F(u32, oldest1)		/* its waiting jobs by entry, all tenants' */                      \
	F(u32, newest1)                                                                            \
	F(u32, waiting)                                                                            \
	F(u32, held)  /* not waiting yet, but it will: it takes its place in the queue's limit */  \
	F(u32, ready) /* length of its heap */                                                     \
	F(u32, dispatched)                                                                         \
	F(u32, retrying)      /* its jobs in the pool's list of retries */                         \
	F(time, interval_end) /* of the sojourn rule; 0: no wait measured yet */                   \
	F(span, wait_min)     /* in this interval */                                               \
	F(u8, too_slow)	      /* the shortest wait of the last interval was above the target */

/* A tenant within a backlog; the last queue of all is that of held jobs. */
#define TR_QUEUE_FIELDS(F)                                                                         \
	F(u64, service) /* weighted tokens, the virtual counter */                                 \
	F(u32, root1)                                                                              \
	F(u32, first1) /* the job that is to go first ... */                                       \
	F(u32, last1)  /* ... and last */                                                          \
	F(u32, length)                                                                             \
	F(u32, ready1) /* place in the backlog's heap */

/* The waiting strict jobs of a policy (the greater part of the row's number) and a model. */
#define TR_STRICT_FIELDS(F) F(u32, oldest1) F(u32, newest1)

#define TR_TIMER_FIELDS(F) F(time, time) F(u64, sequence) F(u32, place1)

/* A policy slot as events see it. */
#define TR_SLOT_FIELDS(F) F(hash, policy_id) F(u32, jobs) F(u8, active)

/* X(UPPER, lower, rows there are, rows ever used): every table, in the order of a snapshot. */
#define TR_TABLE_MAP(X)                                                                            \
	X(CORE, core, 1, 1)                                                                        \
	X(SLOT, slot, e->limits.policies, e->limits.policies)                                      \
	X(MODEL, model, e->limits.models, e->limits.models)                                        \
	X(ENDPOINT, endpoint, e->limits.endpoints, e->limits.endpoints)                            \
	X(BUCKET, bucket, e->limits.endpoints *TR_BREAKER_BUCKETS,                                 \
	  e->limits.endpoints *TR_BREAKER_BUCKETS)                                                 \
	X(TENANT, tenant, e->limits.tenants, e->limits.tenants)                                    \
	X(CLASS, class, e->limits.classes, e->limits.classes)                                      \
	X(WINDOW, window, e->limits.endpoints + e->limits.models,                                  \
	  e->limits.endpoints + e->limits.models)                                                  \
	X(CELL, cell, (e->limits.endpoints + e->limits.models) * 2 * TR_CELL_ROWS,                 \
	  (e->limits.endpoints + e->limits.models) * 2 * TR_CELL_ROWS)                             \
	X(SPENDING, spending, e->limits.models *TR_SPENDING_BUCKETS,                               \
	  e->limits.models *TR_SPENDING_BUCKETS)                                                   \
	X(STRATEGY, strategy, e->limits.policies *TR_POLICY_STRATEGIES_MAX * e->limits.models,     \
	  e->limits.policies * TR_POLICY_STRATEGIES_MAX * e->limits.models)                        \
	X(SESSION, session, e->limits.sessions, e->core->session_used)                             \
	X(PREFIX, prefix, e->prefix_mask + 1, e->prefix_mask + 1)                                  \
	X(IDEMPOTENCY, idempotency, e->limits.idempotency, e->limits.idempotency)                  \
	X(BACKLOG, backlog, e->backlog_count, e->backlog_count)                                    \
	X(QUEUE, queue, e->queue_count, e->queue_count)                                            \
	X(STRICT, strict, e->limits.policies * e->limits.models,                                   \
	  e->limits.policies * e->limits.models)                                                   \
	X(JOB, job, e->limits.jobs, e->core->job_used)                                             \
	X(ACTIVE, active, e->limits.active, e->core->active_used)                                  \
	X(ATTEMPT, attempt, e->limits.attempts, e->core->attempt_used)                             \
	X(TIMER, timer, e->timer_slots, e->timer_slots)

#define X(uc, lc, ...)                                                                             \
	struct tr_##lc {                                                                           \
		TR_##uc##_FIELDS(TR_FIELD_DECLARE)                                                 \
	};
TR_TABLE_MAP(X)
#undef X

_Static_assert(sizeof(struct tr_job) <= 256, "a waiting job takes at most 256 bytes");
_Static_assert(sizeof(struct tr_cell) == TR_CELL_ROW * sizeof(uint32_t), "rows of cells touch");

#endif
