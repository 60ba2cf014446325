/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reason the engine can give, each list once. A list makes the enum, the name that appears in
 * JSON and metrics, and the text a person reads; the numbers are written into recordings, so a new
 * reason goes to the end of its list and no number is ever used again.
 */
#ifndef TR_ENGINE_REASON_H
#define TR_ENGINE_REASON_H

#include "engine/base.h"

/*
 * Why a job was refused at admission.
 *   X(name, http_status, retriable, text)
 */
#define TR_REJECT_MAP(X)                                                                           \
	X(NONE, 200, 0, "not rejected")                                                            \
	X(MALFORMED, 400, 0, "the request has no input tokens")                                    \
	X(UNKNOWN_MODEL, 404, 0, "no model or alias has this name")                                \
	X(UNKNOWN_INTENT, 400, 0, "no intent has this name")                                       \
	X(UNKNOWN_CLASS, 400, 0, "no class has this name")                                         \
	X(UNKNOWN_STRATEGY, 400, 0, "no strategy has this name")                                   \
	X(MODEL_NOT_ALLOWED, 403, 0, "the tenant may not use this model")                          \
	X(CAPABILITY, 400, 0, "no model of the chain can do what the request needs")               \
	X(CONTEXT_LENGTH, 400, 0, "input and requested output exceed every context of the chain")  \
	X(TOKENS_IN, 400, 0, "the input is longer than the policy allows")                         \
	X(TOKENS_OUT, 400, 0, "the request asks for more output than the policy allows")           \
	X(COST_LIMIT, 402, 0, "the estimated cost is above the request's own limit")               \
	X(TENANT_TABLE_FULL, 429, 1,                                                               \
	  "no room for another tenant: all that are known have jobs, or something to remember")    \
	X(TENANT_REQUESTS, 429, 1, "the tenant's request rate is spent")                           \
	X(TENANT_TOKENS, 429, 1, "the tenant's token rate is spent")                               \
	X(TENANT_BUDGET, 402, 1, "the tenant's budget for the day is spent")                       \
	X(QUEUE_FULL, 429, 1, "the queue of the class or model is full")                           \
	X(JOB_TABLE_FULL, 429, 1, "the engine holds as many jobs as it can")                       \
	X(DEADLINE_UNMET, 429, 1, "the deadline leaves less time than is predicted")               \
	X(UNKNOWN_PROFILE, 400, 0, "no profile has this name")                                     \
	X(IDEMPOTENT_REPEAT, 200, 0, "a job with this idempotency key is known already")           \
	X(IDEMPOTENCY_CONFLICT, 409, 0, "this idempotency key belongs to another request body")    \
	X(IDEMPOTENCY_TABLE_FULL, 429, 1, "no room for another idempotency key in this window")

/*
 * How a job ended.
 *   X(name, text)
 */
#define TR_OUTCOME_MAP(X)                                                                          \
	X(NONE, "still in the system")                                                             \
	X(COMPLETED, "completed")                                                                  \
	X(FAILED, "failed")                                                                        \
	X(CANCELED, "canceled")                                                                    \
	X(EXPIRED, "expired")

/*
 * Why an attempt, or a job, ended as it did: what hosts report in ATTEMPT_FAILED, and what the
 * engine gives in ATTEMPT_ABORT and JOB_FINISH. X(name, verdict, retry, text) verdict: what the
 * endpoint's health learns. FAULT trips breakers; BACKPRESSURE pauses; CLIENT and NEUTRAL count for
 * nobody. retry: NO; OTHER, at another endpoint without back-off; YES.
 */
#define TR_CAUSE_MAP(X)                                                                            \
	X(NONE, NEUTRAL, NO, "no cause")                                                           \
	X(CONNECT, FAULT, YES, "the connection failed")                                            \
	X(RESET, FAULT, YES, "the connection was reset")                                           \
	X(SERVER_ERROR, FAULT, YES, "the endpoint answered with a server error")                   \
	X(MALFORMED_ANSWER, FAULT, YES, "the answer could not be read")                            \
	X(EMPTY_ANSWER, FAULT, YES, "the answer was empty")                                        \
	X(STREAM_ERROR, FAULT, YES, "the stream carried an error")                                 \
	X(RATE_LIMITED, BACKPRESSURE, YES, "the endpoint's rate limit was reached (429)")          \
	X(OVERLOADED, BACKPRESSURE, YES, "the endpoint is overloaded (503, 529)")                  \
	X(CREDENTIALS, CLIENT, OTHER, "the endpoint refused our credentials (401, 402, 403)")      \
	X(BAD_REQUEST, CLIENT, NO, "the endpoint refused the request (other 4xx)")                 \
	X(TIMEOUT_CONNECT, FAULT, YES, "no connection in time")                                    \
	X(TIMEOUT_HEADERS, FAULT, YES, "no headers in time")                                       \
	X(TIMEOUT_FIRST_TOKEN, FAULT, YES, "no first token in time")                               \
	X(TIMEOUT_BETWEEN_TOKENS, FAULT, YES, "too long between two tokens")                       \
	X(TIMEOUT_TOTAL, NEUTRAL, NO, "the job took longer than the policy allows")                \
	X(DEADLINE, NEUTRAL, NO, "the deadline passed")                                            \
	X(QUEUE_TIMEOUT, NEUTRAL, NO, "waited in the queue longer than the class allows")          \
	X(CANCEL_CLIENT, NEUTRAL, NO, "canceled by the client")                                    \
	X(CANCEL_DISCONNECT, NEUTRAL, NO, "the client went away")                                  \
	X(CANCEL_OPERATOR, NEUTRAL, NO, "canceled by an operator")                                 \
	X(HEDGE_LOST, NEUTRAL, NO, "another attempt of the job answered first")                    \
	X(NO_ENDPOINT, NEUTRAL, NO, "no endpoint can ever take the job")                           \
	X(PERSIST_FAILED, NEUTRAL, NO, "the job could not be stored")                              \
	X(QUEUE_DROPPED, NEUTRAL, NO, "gave its place in a full queue to a newer job")             \
	X(QUEUE_SHED, NEUTRAL, NO, "gave its place in a full queue to a job of a higher class")    \
	X(SOJOURN_SHED, NEUTRAL, NO, "shed: its queue has been too slow for too long")             \
	X(PREEMPTED, NEUTRAL, YES, "gave its slot to a job of a higher class")                     \
	X(ROUTE_CLOSED, NEUTRAL, NO, "no endpoint of its strict route is fit to serve")

/* What would let a filtered endpoint pass. */
enum tr_hope {
	TR_HOPE_NEVER,
	TR_HOPE_HEALTH,
	TR_HOPE_ROOM,
};

/* What the end of an attempt says of its endpoint. No cause is SLOW: it is a success that took too
 * long to begin. */
enum tr_verdict {
	TR_VERDICT_NEUTRAL,
	TR_VERDICT_SUCCESS,
	TR_VERDICT_FAULT,
	TR_VERDICT_BACKPRESSURE,
	TR_VERDICT_CLIENT,
	TR_VERDICT_SLOW,
	TR_VERDICT_COUNT,
};

enum tr_retry_rule {
	TR_RETRY_NO,
	TR_RETRY_OTHER,
	TR_RETRY_YES,
};

/*
 * Why a candidate endpoint was left out; router.c says in which order filters look.
 *   X(name, hope, text)
 * hope: what would let it pass. NEVER: nothing, for this job. HEALTH: the endpoint's recovery.
 * ROOM: only time, the endpoint is fit. A job waits for the last two.
 */
#define TR_FILTER_MAP(X)                                                                           \
	X(NONE, NEVER, "eligible")                                                                 \
	X(REMOVED, NEVER, "no longer in the policy")                                               \
	X(CAPABILITY, NEVER, "lacks a capability the request needs")                               \
	X(CONTEXT, NEVER, "context too short")                                                     \
	X(TENANT, NEVER, "the tenant may not use this model")                                      \
	X(DOWN, HEALTH, "reported down")                                                           \
	X(STARTING, HEALTH, "still starting")                                                      \
	X(DRAINING, HEALTH, "draining")                                                            \
	X(TRIED, NEVER, "already tried for this job")                                              \
	X(BREAKER, HEALTH, "breaker open")                                                         \
	X(PROBES, HEALTH, "breaker half-open and its probes are out")                              \
	X(PAUSED, ROOM, "paused by its own back-pressure")                                         \
	X(RATE, ROOM, "our rate limit for it is spent")                                            \
	X(BUSY, ROOM, "every slot is taken")                                                       \
	X(LIMIT, ROOM, "its adaptive concurrency limit is reached")                                \
	X(PROVIDER, ROOM, "the allowance that its provider reports is spent")

/* How the winner was found. X(name, text) */
#define TR_PICK_MAP(X)                                                                             \
	X(NONE, "nobody was picked")                                                               \
	X(ONLY, "the only candidate")                                                              \
	X(BEST, "the best by the picker's measure")                                                \
	X(TIE, "equal to another; the smaller name hash won")                                      \
	X(SESSION, "the session's endpoint")                                                       \
	X(LEAST_BAD, "every breaker is out; this one is due back first")

/* Whether the strategy itself decided. X(name, text) */
#define TR_BYPASS_MAP(X)                                                                           \
	X(NONE, "the strategy decided")                                                            \
	X(FAILED, "the strategy found nobody; least-outstanding decided")                          \
	X(ASIDE, "the strategy has been put aside; least-outstanding decided")

/* What an attempt is to its job. X(name, text) */
#define TR_ROLE_MAP(X)                                                                             \
	X(FIRST, "first attempt")                                                                  \
	X(RETRY, "retry")                                                                          \
	X(HEDGE, "hedge")                                                                          \
	X(AGAIN, "again, after it gave up its slot")

/* Why a job is held before it may queue. X(name, text) */
#define TR_HOLD_MAP(X)                                                                             \
	X(NONE, "not held")                                                                        \
	X(PERSIST, "until it is stored")                                                           \
	X(RELEASE, "until it is released")

/* An endpoint's life as its host reports it. X(name, text) */
#define TR_LIFECYCLE_MAP(X)                                                                        \
	X(UP, "up")                                                                                \
	X(STARTING, "starting")                                                                    \
	X(DRAINING, "draining")                                                                    \
	X(DOWN, "down")

/* The breaker's states. X(name, text) */
#define TR_BREAKER_MAP(X)                                                                          \
	X(CLOSED, "closed")                                                                        \
	X(OPEN, "open")                                                                            \
	X(HALF_OPEN, "half-open")

#define X(name, ...) TR_REJECT_##name,
enum tr_reject {
	TR_REJECT_MAP(X) TR_REJECT_COUNT
};
#undef X
#define X(name, ...) TR_OUTCOME_##name,
enum tr_outcome {
	TR_OUTCOME_MAP(X) TR_OUTCOME_COUNT
};
#undef X
#define X(name, ...) TR_CAUSE_##name,
enum tr_cause {
	TR_CAUSE_MAP(X) TR_CAUSE_COUNT
};
#undef X
#define X(name, ...) TR_FILTER_##name,
enum tr_filter {
	TR_FILTER_MAP(X) TR_FILTER_COUNT
};
#undef X
#define X(name, ...) TR_PICK_##name,
enum tr_pick {
	TR_PICK_MAP(X) TR_PICK_COUNT
};
#undef X
#define X(name, ...) TR_BYPASS_##name,
enum tr_bypass {
	TR_BYPASS_MAP(X) TR_BYPASS_COUNT
};
#undef X
#define X(name, ...) TR_ROLE_##name,
enum tr_role {
	TR_ROLE_MAP(X) TR_ROLE_COUNT
};
#undef X
#define X(name, ...) TR_HOLD_##name,
enum tr_hold {
	TR_HOLD_MAP(X) TR_HOLD_COUNT
};
#undef X
#define X(name, ...) TR_LIFECYCLE_##name,
enum tr_lifecycle {
	TR_LIFECYCLE_MAP(X) TR_LIFECYCLE_COUNT
};
#undef X
#define X(name, ...) TR_BREAKER_##name,
enum tr_breaker_state {
	TR_BREAKER_MAP(X) TR_BREAKER_COUNT
};
#undef X

/* One row of a reason list, for reports and for the engine's own look-ups. */
struct tr_reason {
	const char *name;     /* "QUEUE_FULL" */
	const char *text;     /* one clause, no full stop */
	uint16_t http_status; /* rejects only */
	uint8_t retriable;    /* rejects only */
	uint8_t verdict;      /* causes only: enum tr_verdict */
	uint8_t retry;	      /* causes only: enum tr_retry_rule */
	uint8_t hope;	      /* filters only: enum tr_hope */
};

extern const struct tr_reason tr_rejects[TR_REJECT_COUNT];
extern const struct tr_reason tr_outcomes[TR_OUTCOME_COUNT];
extern const struct tr_reason tr_causes[TR_CAUSE_COUNT];
extern const struct tr_reason tr_filters[TR_FILTER_COUNT];
extern const struct tr_reason tr_picks[TR_PICK_COUNT];
extern const struct tr_reason tr_bypasses[TR_BYPASS_COUNT];
extern const struct tr_reason tr_roles[TR_ROLE_COUNT];
extern const struct tr_reason tr_holds[TR_HOLD_COUNT];
extern const struct tr_reason tr_lifecycles[TR_LIFECYCLE_COUNT];
extern const struct tr_reason tr_breaker_states[TR_BREAKER_COUNT];

#endif
