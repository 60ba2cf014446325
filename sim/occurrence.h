/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, with everything that is known of it.
 *
 * Events and actions say little about themselves: FIRST_TOKEN has an attempt's handle, JOB_FINISH
 * that of a job. A stream of occurrences remembers under the handle who it is about, so that each
 * occurrence can be asked for its class, tenant, session, model and endpoint, and when its request
 * came. Books (sim/ledger.h), measures (sim/measure.h) and assertions on events (sim/watch.h) are
 * all made from this one stream.
 *
 * The list below is also the vocabulary of scenario files, in lower case.
 */
#ifndef TR_SIM_OCCURRENCE_H
#define TR_SIM_OCCURRENCE_H

#include "engine/engine.h"

/* What an occurrence can be selected by. X(UPPER, member of struct tr_subject, key, text) */
#define TR_SELECTOR_NAME_MAP(X)                                                                    \
	X(CLASS, class_name, "class", "the class that the policy put it in")                       \
	X(TENANT, tenant, "tenant", "its tenant")                                                  \
	X(SESSION, session, "session", "its session")                                              \
	X(MODEL, model, "model",                                                                   \
	  "of a request: the model that it asked for; of an attempt: the one that it was sent to") \
	X(ENDPOINT, endpoint, "endpoint",                                                          \
	  "of an attempt: where it was sent; of a request: who answered it")
#define TR_SELECTOR_REASON_MAP(X)                                                                  \
	X(CODE, code, "code", "why a request was refused")                                         \
	X(OUTCOME, outcome, "outcome", "how a request ended")                                      \
	X(CAUSE, cause, "cause", "why a request or an attempt ended as it did")

enum tr_selector_bit {
#define X(uc, ...) TR_SELECTOR_BIT_##uc,
	TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X) TR_SELECTOR_BITS
#undef X
};
enum tr_selector {
#define X(uc, ...) TR_SELECT_##uc = 1 << TR_SELECTOR_BIT_##uc,
	TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X)
#undef X
};

#define TR_SELECT_NOTHING 0
#define TR_SELECT_REQUEST (TR_SELECT_CLASS | TR_SELECT_TENANT | TR_SELECT_SESSION | TR_SELECT_MODEL)
#define TR_SELECT_ATTEMPT (TR_SELECT_REQUEST | TR_SELECT_ENDPOINT)
#define TR_SELECT_SERVER  (TR_SELECT_MODEL | TR_SELECT_ENDPOINT)

/* X(UPPER, lower, what it can be selected by, text) */
#define TR_OCCURRENCE_MAP(X)                                                                       \
	X(SUBMIT, submit, TR_SELECT_REQUEST, "a request came")                                     \
	X(ACCEPT, accept, TR_SELECT_REQUEST, "a request was let in")                               \
	X(REJECT, reject, TR_SELECT_REQUEST | TR_SELECT_CODE, "a request was refused")             \
	X(START, start, TR_SELECT_REQUEST, "a request was sent to an endpoint for the first time") \
	X(JOB_END, job_end, TR_SELECT_ATTEMPT | TR_SELECT_OUTCOME | TR_SELECT_CAUSE,               \
	  "a request that had been let in ended")                                                  \
	X(DISPATCH, dispatch, TR_SELECT_ATTEMPT, "an attempt was sent to an endpoint")             \
	X(RETRY, retry, TR_SELECT_ATTEMPT, "... and it was a retry")                               \
	X(HEDGE, hedge, TR_SELECT_ATTEMPT, "... and it was a hedge")                               \
	X(RESUME, resume, TR_SELECT_ATTEMPT, "... of a request that had given up its slot")        \
	X(FIRST_TOKEN, first_token, TR_SELECT_ATTEMPT, "an attempt's first token came")            \
	X(STREAM_COMMIT, stream_commit, TR_SELECT_ATTEMPT,                                         \
	  "from here on an attempt's tokens went to the client")                                   \
	X(ATTEMPT_DONE, attempt_done, TR_SELECT_ATTEMPT, "an attempt was answered whole")          \
	X(ATTEMPT_FAILURE, attempt_failure, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,                   \
	  "an attempt failed: its endpoint said so, or it was given up after a time-out")          \
	X(ATTEMPT_ABORT, attempt_abort, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,                       \
	  "an attempt was given up that had not failed")                                           \
	X(PREEMPTION, preemption, TR_SELECT_ATTEMPT, "... to leave its slot to a higher class")    \
	X(RETRY_DENIED, retry_denied, TR_SELECT_NOTHING,                                           \
	  "a request ended for want of a retry budget")                                            \
	X(HEDGE_DENIED, hedge_denied, TR_SELECT_NOTHING,                                           \
	  "a hedge was due and not sent, for want of budget")                                      \
	X(BREAKER_OPEN, breaker_open, TR_SELECT_SERVER, "an endpoint's breaker opened")            \
	X(BREAKER_HALF_OPEN, breaker_half_open, TR_SELECT_SERVER, "... let probes through")        \
	X(BREAKER_CLOSE, breaker_close, TR_SELECT_SERVER, "... closed")                            \
	X(ENDPOINT_UP, endpoint_up, TR_SELECT_SERVER, "an endpoint was reported up")               \
	X(ENDPOINT_STARTING, endpoint_starting, TR_SELECT_SERVER, "... starting")                  \
	X(ENDPOINT_DRAINING, endpoint_draining, TR_SELECT_SERVER, "... draining")                  \
	X(ENDPOINT_DOWN, endpoint_down, TR_SELECT_SERVER, "... down")                              \
	X(SIGNAL, signal, TR_SELECT_SERVER, "an endpoint reported its load")                       \
	X(QUOTA, quota, TR_SELECT_SERVER, "a provider reported what is left of its limits")        \
	X(LIMIT_UP, limit_up, TR_SELECT_SERVER, "an endpoint's adaptive limit rose")               \
	X(LIMIT_DOWN, limit_down, TR_SELECT_SERVER, "... fell")                                    \
	X(STRATEGY_ASIDE, strategy_aside, TR_SELECT_MODEL, "a strategy was put aside for a model") \
	X(STRATEGY_BACK, strategy_back, TR_SELECT_MODEL, "... is asked again")                     \
	X(POLICY_ACTIVATE, policy_activate, TR_SELECT_NOTHING, "another policy became active")     \
	X(POLICY_RELEASE, policy_release, TR_SELECT_NOTHING,                                       \
	  "the last job of a replaced policy was gone")

enum tr_occurrence_kind {
#define X(uc, ...) TR_OCCURRENCE_##uc,
	TR_OCCURRENCE_MAP(X) TR_OCCURRENCE_COUNT
#undef X
};

struct tr_occurrence_row {
	const char *name; /* "breaker_open" */
	uint32_t selectors;
	const char *text;
};
extern const struct tr_occurrence_row tr_occurrence_rows[TR_OCCURRENCE_COUNT];

/* Who it is about. 0: nobody, or not known; what cannot be selected by is not filled. */
struct tr_subject {
	tr_name class_name;
	tr_name tenant;
	tr_name session;
	tr_name model;
	tr_name endpoint;
	uint8_t code;	 /* enum tr_reject */
	uint8_t outcome; /* enum tr_outcome */
	uint8_t cause;	 /* enum tr_cause */
};

struct tr_occurrence {
	enum tr_occurrence_kind kind;
	tr_time_ns time;
	tr_time_ns submitted; /* when its request came; `time` where it is about none */
	struct tr_subject subject;
	tr_span_ns since_dispatch; /* FIRST_TOKEN, ATTEMPT_DONE */
	uint8_t warmth;		   /* DISPATCH: enum tr_warmth */
	bool first;		   /* DISPATCH: of its request */
	bool good; /* JOB_END: completed, within every objective of the policy, if it has any */
	const struct tr_action_job_finish *finish; /* JOB_END, else NULL */
};

/* Called for each occurrence of a step, in their order. */
typedef void tr_occurrence_sink(void *self, const struct tr_occurrence *occurrence);

struct tr_occurrences;

/*
 * The policy is needed as long as the stream; limits are the engine's. `limits_watched`: LIMIT_UP
 * and LIMIT_DOWN are wanted, which cost a look at an endpoint now and then. NULL if there is no
 * memory.
 */
struct tr_occurrences *tr_occurrences_new(const struct tr_policy *policy,
					  const struct tr_limits *limits, bool limits_watched,
					  tr_occurrence_sink *sink, void *self);
void tr_occurrences_free(struct tr_occurrences *stream);

/* Tell the sink what one step did. A step observer: `self` is the stream. O(actions). */
void tr_occurrences_step(void *self, const struct tr_engine *engine, const struct tr_event *event,
			 const struct tr_actions *actions);

#endif
