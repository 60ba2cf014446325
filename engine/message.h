/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crosses the engine's doors: events in, actions and decision records out.
 *
 * Events and actions have a fixed size and hold no pointers, so they are written to recordings as
 * they are. Each is one list of fields (engine/field.h); the list makes the struct, the codec, the
 * printed form. Prompts and answers never come here: sizes, hashes and name hashes do.
 *
 * The numbers of the kinds and the order of the fields are the recording format: changing either
 * means a new TR_SCHEMA_VERSION.
 */
#ifndef TR_ENGINE_MESSAGE_H
#define TR_ENGINE_MESSAGE_H

#include "engine/field.h"
#include "engine/policy/policy.h"
#include "engine/reason.h"

/* Byte form of events, actions and decision records. */
#define TR_SCHEMA_VERSION 2
/* What goes into a path hash, and how. */
#define TR_PATH_VERSION 2
/* Layout of snapshots, and so of digests. */
#define TR_STATE_VERSION 2

/* ---- events ---- */

enum tr_submit_flag {
	TR_SUBMIT_ASYNC = 1 << 0,  /* hold until JOB_PERSISTED; the engine asks with JOB_PERSIST */
	TR_SUBMIT_HOLD = 1 << 1,   /* hold until JOB_RELEASE */
	TR_SUBMIT_STREAM = 1 << 2, /* the client reads tokens as they come */
	TR_SUBMIT_STRICT = 1 << 3, /* only the named model, whatever the intent says */
	TR_SUBMIT_FLAGS = (1 << 4) - 1,
};

/* Whether an endpoint is thought to hold the caches of a job's session or prefix. */
enum tr_warmth {
	TR_WARMTH_UNKNOWN, /* neither session nor prefix is known */
	TR_WARMTH_WARM,
	TR_WARMTH_COLD, /* known elsewhere, or no longer */
};

/* Chained block hashes of a prompt at depths 1, 2, 4, 8, ... and the last; see prefix_blocks. */
#define TR_PREFIX_MAX 16

/* job_id: the host's, unique among live jobs, not 0; the top 16 bits are the node's.
 * Names: 0 is "not given". deadline: absolute; 0: the intent's. tokens_out_max: 0: not declared.
 * cost_limit: micro-USD, 0: none. needs: enum tr_capability. prefix_blocks: length of the prompt in
 * blocks, 0: no hashes; prefix_count: how many of prefix00... are filled. */
#define TR_EVENT_JOB_SUBMIT_FIELDS(F)                                                              \
	F(u64, job_id)                                                                             \
	F(u64, parent_id)                                                                          \
	F(u64, group_id)                                                                           \
	F(u64, fence)                                                                              \
	F(name, tenant)                                                                            \
	F(name, session)                                                                           \
	F(name, model)                                                                             \
	F(name, intent)                                                                            \
	F(name, class_name)                                                                        \
	F(name, strategy)                                                                          \
	F(name, profile)                                                                           \
	F(hash, idempotency_key)                                                                   \
	F(hash, body_hash)                                                                         \
	F(time, deadline)                                                                          \
	F(u64, cost_limit)                                                                         \
	F(u32, tokens_in)                                                                          \
	F(u32, tokens_out_max)                                                                     \
	F(u32, needs)                                                                              \
	F(u32, prefix_blocks)                                                                      \
	F(u16, flags)                                                                              \
	F(u8, prefix_count)                                                                        \
	F(hash, prefix0)                                                                           \
	F(hash, prefix1)                                                                           \
	F(hash, prefix2)                                                                           \
	F(hash, prefix3)                                                                           \
	F(hash, prefix4)                                                                           \
	F(hash, prefix5)                                                                           \
	F(hash, prefix6)                                                                           \
	F(hash, prefix7)                                                                           \
	F(hash, prefix8)                                                                           \
	F(hash, prefix9)                                                                           \
	F(hash, prefix10)                                                                          \
	F(hash, prefix11)                                                                          \
	F(hash, prefix12)                                                                          \
	F(hash, prefix13)                                                                          \
	F(hash, prefix14)                                                                          \
	F(hash, prefix15)
/* The answer to JOB_PERSIST. ok: 1 stored, 0 could not be stored. */
#define TR_EVENT_JOB_PERSISTED_FIELDS(F) F(job, job) F(u8, ok)
/* What a held job waited for has come. */
#define TR_EVENT_JOB_RELEASE_FIELDS(F) F(job, job)
/* cause: TR_CAUSE_CANCEL_*. */
#define TR_EVENT_JOB_CANCEL_FIELDS(F)	     F(job, job) F(u8, cause)
#define TR_EVENT_ATTEMPT_CONNECTED_FIELDS(F) F(attempt, attempt)
#define TR_EVENT_ATTEMPT_HEADERS_FIELDS(F)   F(attempt, attempt) F(u16, status)
/* The first meaningful output token. tokens_cached: of the input, as reported, else 0. */
#define TR_EVENT_ATTEMPT_FIRST_TOKEN_FIELDS(F) F(attempt, attempt) F(u32, tokens_cached)
/* tokens_out: so far. Sent at the later of 32 tokens and 250 ms after the last report, but, once a
 * token has come, within half of the policy's timeouts.between_tokens_ms. */
#define TR_EVENT_ATTEMPT_PROGRESS_FIELDS(F) F(attempt, attempt) F(u32, tokens_out)
#define TR_EVENT_ATTEMPT_DONE_FIELDS(F)                                                            \
	F(attempt, attempt) F(u32, tokens_in) F(u32, tokens_out) F(u32, tokens_cached)
/* cause: TR_CAUSE_CONNECT..TR_CAUSE_BAD_REQUEST. retry_after: the endpoint's wish, 0: none. */
#define TR_EVENT_ATTEMPT_FAILED_FIELDS(F)                                                          \
	F(attempt, attempt) F(u8, cause) F(u16, status) F(u32, tokens_out) F(span, retry_after)
/* lifecycle: enum tr_lifecycle. */
#define TR_EVENT_ENDPOINT_STATE_FIELDS(F) F(name, endpoint) F(u8, lifecycle)
/* Load as the endpoint reports it; `observed` says when it was true. kv_permille: 0..1000. */
#define TR_EVENT_ENDPOINT_SIGNAL_FIELDS(F)                                                         \
	F(name, endpoint) F(u32, running) F(u32, waiting) F(u32, kv_permille)
/* A judgement of a finished answer. score: 0..1000, 500 is neutral. */
#define TR_EVENT_FEEDBACK_FIELDS(F) F(u64, job_id) F(name, endpoint) F(u32, score)
/* From here on this policy admits; it was put into its slot by tr_engine_policy_load(). */
#define TR_EVENT_POLICY_ACTIVATE_FIELDS(F) F(hash, policy_id) F(u8, slot)
/* Time has come this far. */
#define TR_EVENT_CLOCK_FIELDS(F)
/* Every live job with this group_id, not 0, that may be canceled is. cause: TR_CAUSE_CANCEL_*. What
 * does not fit into the step is done by the CLOCKs that are then due at once. */
#define TR_EVENT_JOB_CANCEL_GROUP_FIELDS(F) F(u64, group_id) F(u8, cause)
/* What the provider says is left of its own rate limits (x-ratelimit-*). remaining: UINT32_MAX,
 * UINT64_MAX: not said. reset: span until the allowance is whole again. */
#define TR_EVENT_ENDPOINT_QUOTA_FIELDS(F)                                                          \
	F(name, endpoint)                                                                          \
	F(u32, requests_remaining)                                                                 \
	F(span, requests_reset)                                                                    \
	F(u64, tokens_remaining)                                                                   \
	F(span, tokens_reset)

/* X(UPPER, lower): numbered from 1 in this order. */
#define TR_EVENT_MAP(X)                                                                            \
	X(JOB_SUBMIT, job_submit)                                                                  \
	X(JOB_PERSISTED, job_persisted)                                                            \
	X(JOB_RELEASE, job_release)                                                                \
	X(JOB_CANCEL, job_cancel)                                                                  \
	X(ATTEMPT_CONNECTED, attempt_connected)                                                    \
	X(ATTEMPT_HEADERS, attempt_headers)                                                        \
	X(ATTEMPT_FIRST_TOKEN, attempt_first_token)                                                \
	X(ATTEMPT_PROGRESS, attempt_progress)                                                      \
	X(ATTEMPT_DONE, attempt_done)                                                              \
	X(ATTEMPT_FAILED, attempt_failed)                                                          \
	X(ENDPOINT_STATE, endpoint_state)                                                          \
	X(ENDPOINT_SIGNAL, endpoint_signal)                                                        \
	X(FEEDBACK, feedback)                                                                      \
	X(POLICY_ACTIVATE, policy_activate)                                                        \
	X(CLOCK, clock)                                                                            \
	X(JOB_CANCEL_GROUP, job_cancel_group)                                                      \
	X(ENDPOINT_QUOTA, endpoint_quota)

/* ---- actions ---- */

/* The job is in. hold: enum tr_hold. queue_position: 1 is next, 0: not in a queue yet.
 * predicted_start, predicted_finish: spans from now, as if one to be stored were stored already; 0
 * while nothing is known, or it is to be released first. */
#define TR_ACTION_JOB_ACCEPT_FIELDS(F)                                                             \
	F(u64, job_id)                                                                             \
	F(job, job)                                                                                \
	F(hash, policy_id)                                                                         \
	F(name, class_name)                                                                        \
	F(span, predicted_start)                                                                   \
	F(span, predicted_finish)                                                                  \
	F(u32, queue_position)                                                                     \
	F(u8, hold)
/* The job is refused and the engine keeps nothing of it. code: enum tr_reject. limit: the name of
 * the model, class or tenant whose limit spoke. path: the job's path hash. original: the job that
 * has the idempotency key, 0: none. */
#define TR_ACTION_JOB_REJECT_FIELDS(F)                                                             \
	F(u64, job_id)                                                                             \
	F(hash, policy_id)                                                                         \
	F(name, limit)                                                                             \
	F(span, retry_after)                                                                       \
	F(hash, path)                                                                              \
	F(u64, original)                                                                           \
	F(u8, code)                                                                                \
	F(u8, retriable)
/* Store the job, then answer with JOB_PERSISTED. */
#define TR_ACTION_JOB_PERSIST_FIELDS(F) F(u64, job_id) F(job, job)
/* Send the request to the endpoint. ordinal: 0, 1, ... of the job. role: enum tr_role. deadline:
 * absolute, TR_TIME_NEVER: none. warmth: enum tr_warmth. pick: enum tr_pick. */
#define TR_ACTION_ATTEMPT_DISPATCH_FIELDS(F)                                                       \
	F(u64, job_id)                                                                             \
	F(job, job)                                                                                \
	F(attempt, attempt)                                                                        \
	F(name, endpoint)                                                                          \
	F(name, model)                                                                             \
	F(time, deadline)                                                                          \
	F(u8, ordinal)                                                                             \
	F(u8, role)                                                                                \
	F(u8, warmth)                                                                              \
	F(u8, pick)
/* Close the connection; nothing more of this attempt may reach the client. cause: enum tr_cause. */
#define TR_ACTION_ATTEMPT_ABORT_FIELDS(F)                                                          \
	F(u64, job_id) F(attempt, attempt) F(name, endpoint) F(u8, ordinal) F(u8, cause)
/* This attempt's tokens go to the client from here on. */
#define TR_ACTION_STREAM_COMMIT_FIELDS(F)                                                          \
	F(u64, job_id) F(job, job) F(attempt, attempt) F(u8, ordinal)
/* The job is over and its handle stale. queue: from admission to the first dispatch; ttft: from
 * submission to the first token, 0: there was none; e2e: from submission to the end; as
 * `observed`, but for the dispatch, which is the engine's own. tokens and cost: as settled, 0 for a
 * job that was not served. endpoint: of the attempt that answered.
 * predicted_start: as it was said at admission; queue beside it is how it came. preempted: how
 * often it gave up its slot. warmth: of the attempt that answered. */
#define TR_ACTION_JOB_FINISH_FIELDS(F)                                                             \
	F(u64, job_id)                                                                             \
	F(job, job)                                                                                \
	F(hash, path)                                                                              \
	F(hash, policy_id)                                                                         \
	F(name, endpoint)                                                                          \
	F(name, model)                                                                             \
	F(name, tenant)                                                                            \
	F(name, class_name)                                                                        \
	F(span, queue)                                                                             \
	F(span, ttft)                                                                              \
	F(span, e2e)                                                                               \
	F(span, predicted_start)                                                                   \
	F(u64, cost)                                                                               \
	F(u32, tokens_in)                                                                          \
	F(u32, tokens_out)                                                                         \
	F(u8, outcome)                                                                             \
	F(u8, cause)                                                                               \
	F(u8, attempts)                                                                            \
	F(u8, hedges)                                                                              \
	F(u8, slo_met)                                                                             \
	F(u8, preempted)                                                                           \
	F(u8, warmth)
/* from, to: enum tr_breaker_state. until: end of the cool-down when it opens, else 0. */
#define TR_ACTION_BREAKER_CHANGE_FIELDS(F) F(name, endpoint) F(time, until) F(u8, from) F(u8, to)
/* from, to: enum tr_lifecycle. */
#define TR_ACTION_HEALTH_CHANGE_FIELDS(F) F(name, endpoint) F(u8, from) F(u8, to)
/* The last job admitted under a replaced policy is gone; its slot is free. */
#define TR_ACTION_POLICY_RELEASE_FIELDS(F) F(hash, policy_id) F(u8, slot)
/* A strategy of a policy was put aside for requests of a model until a time, or is asked again
 * (until 0). */
#define TR_ACTION_STRATEGY_CHANGE_FIELDS(F)                                                        \
	F(hash, policy_id) F(name, strategy) F(name, model) F(time, until)

#define TR_ACTION_MAP(X)                                                                           \
	X(JOB_ACCEPT, job_accept)                                                                  \
	X(JOB_REJECT, job_reject)                                                                  \
	X(JOB_PERSIST, job_persist)                                                                \
	X(ATTEMPT_DISPATCH, attempt_dispatch)                                                      \
	X(ATTEMPT_ABORT, attempt_abort)                                                            \
	X(STREAM_COMMIT, stream_commit)                                                            \
	X(JOB_FINISH, job_finish)                                                                  \
	X(BREAKER_CHANGE, breaker_change)                                                          \
	X(HEALTH_CHANGE, health_change)                                                            \
	X(POLICY_RELEASE, policy_release)                                                          \
	X(STRATEGY_CHANGE, strategy_change)

/* ---- their structs ---- */

enum tr_event_kind {
	TR_EVENT_NONE,
#define X(uc, lc) TR_EVENT_##uc,
	TR_EVENT_MAP(X)
#undef X
	TR_EVENT_COUNT
};

enum tr_action_kind {
	TR_ACTION_NONE,
#define X(uc, lc) TR_ACTION_##uc,
	TR_ACTION_MAP(X)
#undef X
	TR_ACTION_COUNT
};

/* A list may be empty (CLOCK), a C struct may not: each ends with a spare byte, never written. */
#define X(uc, lc)                                                                                  \
	struct tr_event_##lc {                                                                     \
		TR_EVENT_##uc##_FIELDS(TR_FIELD_DECLARE) uint8_t spare;                            \
	};
TR_EVENT_MAP(X)
#undef X
#define X(uc, lc)                                                                                  \
	struct tr_action_##lc {                                                                    \
		TR_ACTION_##uc##_FIELDS(TR_FIELD_DECLARE) uint8_t spare;                           \
	};
TR_ACTION_MAP(X)
#undef X

struct tr_event {
	tr_time_ns time;     /* when it is decided; never earlier than the event before */
	tr_time_ns observed; /* when I/O saw it; <= time */
	uint16_t kind;	     /* enum tr_event_kind */
	union {
#define X(uc, lc) struct tr_event_##lc lc;
		TR_EVENT_MAP(X)
#undef X
	};
};

struct tr_action {
	uint16_t kind; /* enum tr_action_kind */
	union {
#define X(uc, lc) struct tr_action_##lc lc;
		TR_ACTION_MAP(X)
#undef X
	};
};

/* The prompt's prefix hashes as an array of prefix_count. */
static inline const uint64_t *tr_submit_prefix(const struct tr_event_job_submit *submit)
{
	return &submit->prefix0;
}

/* ---- decision records ---- */

/* The measure of an eligible endpoint that its picker passed over: not drawn, hot, too loaded. */
#define TR_MEASURE_OUT UINT64_MAX

/* One endpoint as one routing decision saw it. */
struct tr_candidate {
	tr_name endpoint;
	tr_name model;
	uint64_t detail;  /* filter BREAKER, PAUSED, RATE, PROVIDER: ns until it may pass; else 0 */
	uint64_t measure; /* the picker's, smaller is better; TR_MEASURE_OUT; 0 if filtered; of a
			   * winner that is the least bad: ns until its breaker is due */
	uint32_t in_flight;
	uint32_t slots;
	uint16_t terms[TR_TERM_COUNT]; /* weighted parts of measure for best-score, else 0 */
	uint8_t filter;		       /* enum tr_filter */
	uint8_t chain_step;	       /* 0: the asked model, 1: its first fallback, ... */
};

/* One routing decision: why this endpoint, or why none. A strict job that fails or expires has one
 * beside its JOB_FINISH: what its next attempt would have found. */
struct tr_decision {
	uint64_t job_id;
	tr_name strategy;
	uint32_t first_candidate; /* into tr_actions.candidates */
	uint32_t candidate_count;
	uint32_t omitted; /* candidates looked at but beyond the record's cap */
	uint32_t winner;  /* index among this decision's candidates, TR_NONE: nobody */
	uint8_t picker;	  /* enum tr_picker */
	uint8_t pick;	  /* enum tr_pick */
	uint8_t bypass;	  /* enum tr_bypass */
	uint8_t ordinal;  /* of the attempt that was or would have been dispatched */
	uint8_t role;	  /* enum tr_role */
};

/* The caller's, filled by one step. A step never needs more than this: what does not fit is done by
 * the next CLOCK, which is due at once. */
#define TR_ACTIONS_MAX	  64
#define TR_DECISIONS_MAX  16
#define TR_CANDIDATES_MAX 128
/* Candidates kept of one decision. */
#define TR_DECISION_CANDIDATES_MAX 64

struct tr_actions {
	uint32_t count;
	uint32_t decision_count;
	uint32_t candidate_count;
	struct tr_action items[TR_ACTIONS_MAX];
	struct tr_decision decisions[TR_DECISIONS_MAX];
	struct tr_candidate candidates[TR_CANDIDATES_MAX];
};

/* ---- codec ---- */

/* A kind of message as data. */
struct tr_message_kind {
	const char *name; /* "JOB_SUBMIT" */
	const struct tr_field *fields;
	uint16_t field_count;
	uint16_t bytes; /* encoded, with head; JOB_SUBMIT: with all prefix hashes */
};

extern const struct tr_message_kind tr_event_kinds[TR_EVENT_COUNT];
extern const struct tr_message_kind tr_action_kinds[TR_ACTION_COUNT];

/* No encoded event or action is longer. */
#define TR_EVENT_BYTES_MAX  320
#define TR_ACTION_BYTES_MAX 160

/*
 * Write the byte form (u16 kind, for events u64 time and u64 observed, the fields in order, all
 * little-endian) and return the number of bytes. Unfilled prefix hashes are left out. `kind` must
 * be one of its list. ret has room for TR_EVENT_BYTES_MAX or TR_ACTION_BYTES_MAX.
 */
size_t tr_event_encode(const struct tr_event *event, uint8_t *ret);
size_t tr_action_encode(const struct tr_action *action, uint8_t *ret);

/*
 * Read one message from `length` bytes. Returns the bytes consumed, or TR_E_SHORT, TR_E_KIND or
 * TR_E_INVALID (more prefix hashes than there can be). On failure *ret is untouched; on success
 * every byte of it is defined, unused ones 0.
 */
int tr_event_decode(const uint8_t *bytes, size_t length, struct tr_event *ret);
int tr_action_decode(const uint8_t *bytes, size_t length, struct tr_action *ret);

/* The name hash of a text: XXH3-64 of its bytes, with 0 moved to 1 for a text that is not empty. */
tr_name tr_name_of(const char *text, size_t length);

#endif
