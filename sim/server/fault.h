/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with the world at an instant: faults on a timeline. A fault has a kind, a time, and
 * whom it concerns; the table below says of each kind what it does and what may be said of it.
 *
 * There are four scopes. A fault of tries concerns each try that is sent to one of its endpoints
 * while it holds: all of them, the first so many, or a share that is drawn. A try meets what holds
 * when it is sent, however long it then takes. A fault of servers changes what they do from its
 * first to its last instant, for everything that they have. Faults of the store and of the host's
 * clock concern no endpoint.
 *
 * Where two faults overlap: each kind acts at one place in the life of a try (enum
 * tr_fault_place). At different places both act, and the earlier place is met first: who is refused
 * at connecting meets nothing further. At the same place the one that stands later in the file
 * holds. Latencies and delays of the store add, speeds multiply, clock jumps add.
 *
 * Draws are keyed by the seed, the fault's name, the endpoint, the job and the number of the try
 * there; adding a fault changes no draw of another.
 */
#ifndef TR_SIM_SERVER_FAULT_H
#define TR_SIM_SERVER_FAULT_H

#include "engine/reason.h"

#define TR_FAULTS_MAX 256
/* No place was given: it is drawn. */
#define TR_FAULT_DRAWN UINT32_MAX

enum tr_fault_scope {
	TR_SCOPE_TRY,
	TR_SCOPE_SERVER,
	TR_SCOPE_STORE,
	TR_SCOPE_HOST,
};

/* Where in the life of a try a fault of tries acts, the earliest first. */
enum tr_fault_place {
	TR_PLACE_CONNECT,
	TR_PLACE_ANSWER,
	TR_PLACE_HEADERS,
	TR_PLACE_FIRST,
	TR_PLACE_STREAM,
	TR_PLACE_BREAK,
	TR_PLACE_PACE,
	TR_PLACE_COUNT,
	TR_PLACE_NONE = TR_PLACE_COUNT, /* it adds to others, or is of no try */
};

/* What may be said of a fault beside its time and whom it concerns. */
#define TR_FAULT_KEY_MAP(K)                                                                        \
	K(start_ms)                                                                                \
	K(reported)                                                                                \
	K(speed_percent)                                                                           \
	K(extra_ms)                                                                                \
	K(status)                                                                                  \
	K(retry_after_ms)                                                                          \
	K(after_ms)                                                                                \
	K(requests_remaining)                                                                      \
	K(requests_reset_ms)                                                                       \
	K(tokens_remaining)                                                                        \
	K(tokens_reset_ms)                                                                         \
	K(hold_ms)                                                                                 \
	K(after_tokens)                                                                            \
	K(token_ms)                                                                                \
	K(by_ms)                                                                                   \
	K(direction)

enum tr_fault_key {
#define K(name) TR_FAULT_KEY_##name,
	TR_FAULT_KEY_MAP(K)
#undef K
	TR_FAULT_KEY_COUNT
};

/* A set of keys: TR_KEYS_2(start_ms, reported). */
#define TR_KEY(name)		    (UINT32_C(1) << TR_FAULT_KEY_##name)
#define TR_KEYS_0()		    0
#define TR_KEYS_1(a)		    TR_KEY(a)
#define TR_KEYS_2(a, b)		    (TR_KEYS_1(a) | TR_KEY(b))
#define TR_KEYS_5(a, b, c, d, e)    (TR_KEYS_2(a, b) | TR_KEYS_2(c, d) | TR_KEY(e))
#define TR_KEYS_6(a, b, c, d, e, f) (TR_KEYS_5(a, b, c, d, e) | TR_KEY(f))

/* Of tries that answer with an error, what the provider may say beside it. */
#define TR_KEYS_REFUSAL                                                                            \
	TR_KEYS_6(retry_after_ms, after_ms, requests_remaining, requests_reset_ms,                 \
		  tokens_remaining, tokens_reset_ms)

/*
 * The kinds.
 *   X(NAME, word, scope, place, cause, keys, needed, text)
 * cause: what its try fails with, NONE: what follows from the rest, or nothing. keys: what may be
 * said; needed: which of them must.
 */
#define TR_FAULT_MAP(X)                                                                            \
	X(OUTAGE, "outage", TRY, CONNECT, CONNECT, TR_KEYS_0(), TR_KEYS_0(),                       \
	  "connections are refused; what is connected goes on")                                    \
	X(BLACKHOLE, "blackhole", TRY, CONNECT, NONE, TR_KEYS_0(), TR_KEYS_0(),                    \
	  "connections are neither refused nor answered, ever")                                    \
	X(CRASH, "crash", SERVER, NONE, RESET, TR_KEYS_2(start_ms, reported), TR_KEYS_0(),         \
	  "every connection is reset and nothing is left in memory; connections are refused to "   \
	  "the end, and for `start_ms` more")                                                      \
	X(SLOW_DOWN, "slow_down", SERVER, NONE, NONE, TR_KEYS_1(speed_percent),                    \
	  TR_KEYS_1(speed_percent),                                                                \
	  "computing goes at `speed_percent` of its speed, also for what has begun; 0 stands "     \
	  "still")                                                                                 \
	X(LATENCY_SPIKE, "latency_spike", TRY, NONE, NONE, TR_KEYS_1(extra_ms),                    \
	  TR_KEYS_1(extra_ms),                                                                     \
	  "`extra_ms` are added to connecting, and again to the head of the answer")               \
	X(ERRORS, "errors", TRY, ANSWER, NONE, TR_KEYS_1(status) | TR_KEYS_REFUSAL,                \
	  TR_KEYS_1(status),                                                                       \
	  "the answer is an error with this `status`, `after_ms` after it was "                    \
	  "taken in")                                                                              \
	X(RATE_LIMIT, "rate_limit", TRY, ANSWER, RATE_LIMITED, TR_KEYS_REFUSAL, TR_KEYS_0(),       \
	  "the answer is a 429; the provider may say what is left of its limits")                  \
	X(STALL_HEADERS, "stall_headers", TRY, HEADERS, NONE, TR_KEYS_1(hold_ms), TR_KEYS_0(),     \
	  "the head of the answer is held back for `hold_ms`, or to the fault's end")              \
	X(STALL_FIRST_TOKEN, "stall_first_token", TRY, FIRST, NONE, TR_KEYS_1(hold_ms),            \
	  TR_KEYS_0(), "the first token is held back for `hold_ms`, or to the fault's end")        \
	X(STALL_STREAM, "stall_stream", TRY, STREAM, NONE, TR_KEYS_2(hold_ms, after_tokens),       \
	  TR_KEYS_0(),                                                                             \
	  "after `after_tokens`, or a drawn number of them, the stream is held back for "          \
	  "`hold_ms`, "                                                                            \
	  "or to the fault's end")                                                                 \
	X(RESET, "reset", TRY, BREAK, RESET, TR_KEYS_1(after_tokens), TR_KEYS_0(),                 \
	  "after `after_tokens`, or a drawn number of them, the connection is reset where the "    \
	  "next "                                                                                  \
	  "was due")                                                                               \
	X(MALFORMED, "malformed", TRY, BREAK, MALFORMED_ANSWER, TR_KEYS_1(after_tokens),           \
	  TR_KEYS_0(), "after `after_tokens`, without it at the first, the answer cannot be read") \
	X(EMPTY, "empty", TRY, BREAK, EMPTY_ANSWER, TR_KEYS_0(), TR_KEYS_0(),                      \
	  "a good answer without a token in it")                                                   \
	X(ERROR_IN_STREAM, "error_in_stream", TRY, BREAK, STREAM_ERROR, TR_KEYS_1(after_tokens),   \
	  TR_KEYS_0(),                                                                             \
	  "after `after_tokens`, without it before the first, a good answer carries an error")     \
	X(TRICKLE, "trickle", TRY, PACE, NONE, TR_KEYS_1(token_ms), TR_KEYS_1(token_ms),           \
	  "tokens come no closer together than `token_ms`, whenever they were made")               \
	X(SIGNALS_FROZEN, "signals_frozen", SERVER, NONE, NONE, TR_KEYS_0(), TR_KEYS_0(),          \
	  "load signals repeat the last one before it, as if they were new")                       \
	X(SIGNALS_STALE, "signals_stale", SERVER, NONE, NONE, TR_KEYS_0(), TR_KEYS_0(),            \
	  "load signals repeat the last one before it, and say how old it is")                     \
	X(SIGNALS_LOST, "signals_lost", SERVER, NONE, NONE, TR_KEYS_0(), TR_KEYS_0(),              \
	  "no load signals come")                                                                  \
	X(CLOCK_JUMP, "clock_jump", HOST, NONE, NONE, TR_KEYS_2(by_ms, direction),                 \
	  TR_KEYS_1(by_ms),                                                                        \
	  "the host's clock jumps by `by_ms`, and back at the end; a clock behind what it has "    \
	  "shown stands still until it has caught up")                                             \
	X(STORE_DELAY, "store_delay", STORE, NONE, NONE, TR_KEYS_1(extra_ms), TR_KEYS_1(extra_ms), \
	  "storing takes `extra_ms` longer; what is stored stays in order")                        \
	X(STORE_FAILURE, "store_failure", STORE, NONE, PERSIST_FAILED, TR_KEYS_0(), TR_KEYS_0(),   \
	  "storing fails")

enum tr_fault_kind {
#define X(NAME, ...) TR_FAULT_##NAME,
	TR_FAULT_MAP(X)
#undef X
	TR_FAULT_COUNT
};

struct tr_fault_row {
	const char *word; /* "outage" */
	const char *text; /* one clause */
	enum tr_fault_scope scope;
	enum tr_fault_place place;
	enum tr_cause cause;
	uint32_t keys; /* set of 1 << enum tr_fault_key */
	uint32_t needed;
};

extern const struct tr_fault_row tr_faults[TR_FAULT_COUNT];
/* "start_ms", by enum tr_fault_key. */
extern const char *const tr_fault_keys[TR_FAULT_KEY_COUNT];

/* One fault. Times are spans from the first instant of a run. */
struct tr_fault {
	const char *name; /* as assertions call it */
	tr_name id;	  /* its hash */
	uint8_t kind;	  /* enum tr_fault_kind */
	tr_span_ns at;
	tr_span_ns end; /* no longer holds then; TR_TIME_NEVER: holds to the end of the run */
	/* Of tries, servers: whom it concerns. Rows of the fleet; NULL: all. The maker's. */
	const uint32_t *rows;
	uint32_t row_count;
	/* Of tries and the store. */
	uint64_t first; /* only the first so many, 0: any number */
	uint32_t ppm;	/* of them, drawn; 1000000: all */
	/* What its kind takes. */
	bool reported; /* the host hears of it: ENDPOINT_STATE */
	bool backward;
	uint16_t status; /* HTTP */
	uint32_t speed_permille;
	uint32_t after_tokens;	     /* or TR_FAULT_DRAWN */
	uint32_t requests_remaining; /* all ones: not said */
	uint64_t tokens_remaining;   /* the same */
	tr_span_ns requests_reset;
	tr_span_ns tokens_reset;
	tr_span_ns retry_after;
	tr_span_ns
		span; /* start_ms, extra_ms, after_ms, hold_ms (0: to its end), token_ms, by_ms */
};

/* Statuses that a server may answer with. S(status) */
#define TR_FAULT_STATUS_MAP(S)                                                                     \
	S(400)                                                                                     \
	S(401)                                                                                     \
	S(402)                                                                                     \
	S(403)                                                                                     \
	S(404)                                                                                     \
	S(408)                                                                                     \
	S(409)                                                                                     \
	S(413)                                                                                     \
	S(422)                                                                                     \
	S(429)                                                                                     \
	S(500)                                                                                     \
	S(502)                                                                                     \
	S(503)                                                                                     \
	S(504)                                                                                     \
	S(529)

/* What a host says of an answer with this status, 400 and above: the typed cause, as the texts of
 * engine/reason.h have it. */
enum tr_cause tr_fault_cause(uint32_t status);

/* The faults that one try meets. */
struct tr_meeting {
	uint16_t at[TR_PLACE_COUNT]; /* row of the timeline + 1, 0: none */
	tr_span_ns latency;	     /* added up */
	uint32_t break_after;	     /* tokens, where there is one in TR_PLACE_BREAK */
	uint32_t stall_after;	     /* the same for TR_PLACE_STREAM */
};

struct tr_timeline;

/* Faults are copied, their times become those of a run that begins at `start`; `server_count` rows
 * in the fleet. At most TR_FAULTS_MAX. NULL: there is no memory. */
struct tr_timeline *tr_timeline_new(uint64_t seed, tr_time_ns start, const struct tr_fault *faults,
				    uint32_t fault_count, uint32_t server_count);
void tr_timeline_free(struct tr_timeline *timeline);

/* Row `i`, with `at` and `end` as times. */
uint32_t tr_timeline_count(const struct tr_timeline *timeline);
const struct tr_fault *tr_timeline_at(const struct tr_timeline *timeline, uint32_t i);
/* Whether it concerns the server in this row. */
bool tr_timeline_concerns(const struct tr_timeline *timeline, uint32_t i, uint32_t row);

/* One that is tried, and where. */
struct tr_trial {
	tr_name server;
	uint32_t row;
	uint32_t tries; /* of the job there before */
	uint64_t job_id;
	uint32_t tokens_out;
};

/* What a try that is sent now meets; it counts where faults are counted. O(faults). */
void tr_timeline_meet(struct tr_timeline *timeline, tr_time_ns now, const struct tr_trial *trial,
		      struct tr_meeting *ret);
/* The same for a job that is stored now: what the store takes longer, and whether it fails. */
bool tr_timeline_store(struct tr_timeline *timeline, tr_time_ns now, uint64_t job_id,
		       tr_span_ns *ret_extra);

/* Whether a fault of this kind holds of the server. A crash holds until it has started again. */
bool tr_timeline_holds(const struct tr_timeline *timeline, tr_time_ns now, uint32_t row,
		       enum tr_fault_kind kind);
/* How fast it computes, thousandths. */
uint32_t tr_timeline_speed(const struct tr_timeline *timeline, tr_time_ns now, uint32_t row);

#endif
