/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every value that can be asked of a run, once: the vocabulary of scenario files, the way each is
 * read, and the reference page follow this list.
 *
 *	X(name, unit, basis, selectors, text, read, ...)
 *
 * basis: SUBMITTED, of the requests that were submitted in the window, or HAPPENED, of what
 *happened in it. read: how it is made of a column of the books (sim/value.c); behind it, what that
 *takes.
 */
#ifndef TR_SIM_VALUE_H
#define TR_SIM_VALUE_H

#include "sim/tally.h"

/* Members of a column, and counts of occurrences in it. */
#define TR_VALUE_AT(member)  offsetof(struct tr_tally, member)
#define TR_VALUE_COUNTED(uc) offsetof(struct tr_tally, counts[TR_OCCURRENCE_##uc])

/* Six values of a spread. */
#define TR_VALUE_SPREAD(X, lc, uc, basis, selectors, text)                                         \
	X(lc##_p50_ms, "ms", basis, selectors, text ": median", quantile, .kind = TR_SPREAD_##uc,  \
	  .permyriad = 5000, .spreads = 1u << TR_SPREAD_##uc)                                      \
	X(lc##_p90_ms, "ms", basis, selectors, text ": 90th percentile", quantile,                 \
	  .kind = TR_SPREAD_##uc, .permyriad = 9000, .spreads = 1u << TR_SPREAD_##uc)              \
	X(lc##_p95_ms, "ms", basis, selectors, text ": 95th percentile", quantile,                 \
	  .kind = TR_SPREAD_##uc, .permyriad = 9500, .spreads = 1u << TR_SPREAD_##uc)              \
	X(lc##_p99_ms, "ms", basis, selectors, text ": 99th percentile", quantile,                 \
	  .kind = TR_SPREAD_##uc, .permyriad = 9900, .spreads = 1u << TR_SPREAD_##uc)              \
	X(lc##_max_ms, "ms", basis, selectors, text ": largest", max, .kind = TR_SPREAD_##uc,      \
	  .spreads = 1u << TR_SPREAD_##uc)                                                         \
	X(lc##_mean_ms, "ms", basis, selectors, text ": mean", mean, .kind = TR_SPREAD_##uc,       \
	  .spreads = 1u << TR_SPREAD_##uc)

/* Two values of a level. */
#define TR_VALUE_LEVEL(X, lc, uc, unit, selectors, text)                                           \
	X(lc##_max, unit, HAPPENED, selectors, text ", most at once", level_max,                   \
	  .kind = TR_LEVEL_##uc, .levels = 1u << TR_LEVEL_##uc)                                    \
	X(lc##_mean, unit, HAPPENED, selectors, text ", mean over time", level_mean,               \
	  .kind = TR_LEVEL_##uc, .levels = 1u << TR_LEVEL_##uc)

#define TR_VALUE_MAP(X)                                                                            \
	X(submitted, "requests", SUBMITTED, TR_SELECT_REQUEST, "requests that came", count,        \
	  .part = TR_VALUE_AT(submitted))                                                          \
	X(completed, "requests", SUBMITTED, TR_SELECT_ATTEMPT, "requests answered whole", count,   \
	  .part = TR_VALUE_AT(completed))                                                          \
	X(rejected, "requests", SUBMITTED, TR_SELECT_REQUEST | TR_SELECT_CODE, "requests refused", \
	  rejects)                                                                                 \
	X(failed, "requests", SUBMITTED, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,                      \
	  "requests that failed", ends, .outcome = TR_OUTCOME_FAILED)                              \
	X(canceled, "requests", SUBMITTED, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,                    \
	  "requests canceled", ends, .outcome = TR_OUTCOME_CANCELED)                               \
	X(expired, "requests", SUBMITTED, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,                     \
	  "requests out of time", ends, .outcome = TR_OUTCOME_EXPIRED)                             \
	X(in_system, "requests", SUBMITTED, TR_SELECT_REQUEST,                                     \
	  "requests let in that had not ended when the run did", count,                            \
	  .part = TR_VALUE_AT(in_system))                                                          \
	X(good, "requests", SUBMITTED, TR_SELECT_ATTEMPT,                                          \
	  "requests completed within every objective of the policy", count,                        \
	  .part = TR_VALUE_AT(good))                                                               \
	X(completed_percent, "percent", SUBMITTED, TR_SELECT_REQUEST,                              \
	  "requests answered whole, of those that came", percent, .part = TR_VALUE_AT(completed),  \
	  .whole = TR_VALUE_AT(submitted))                                                         \
	X(rejected_percent, "percent", SUBMITTED, TR_SELECT_REQUEST,                               \
	  "requests refused, of those that came", percent, .part = TR_VALUE_AT(rejected),          \
	  .whole = TR_VALUE_AT(submitted))                                                         \
	X(failed_percent, "percent", SUBMITTED, TR_SELECT_REQUEST,                                 \
	  "requests that failed, of those that came", percent, .part = TR_VALUE_AT(failed),        \
	  .whole = TR_VALUE_AT(submitted))                                                         \
	X(canceled_percent, "percent", SUBMITTED, TR_SELECT_REQUEST,                               \
	  "requests canceled, of those that came", percent, .part = TR_VALUE_AT(canceled),         \
	  .whole = TR_VALUE_AT(submitted))                                                         \
	X(expired_percent, "percent", SUBMITTED, TR_SELECT_REQUEST,                                \
	  "requests out of time, of those that came", percent, .part = TR_VALUE_AT(expired),       \
	  .whole = TR_VALUE_AT(submitted))                                                         \
	X(good_percent, "percent", SUBMITTED, TR_SELECT_REQUEST,                                   \
	  "requests completed within every objective of the policy, of those that came", percent,  \
	  .part = TR_VALUE_AT(good), .whole = TR_VALUE_AT(submitted))                              \
	TR_VALUE_SPREAD(X, ttft, TTFT, SUBMITTED, TR_SELECT_ATTEMPT,                               \
			"completed requests, submission to first token")                           \
	TR_VALUE_SPREAD(                                                                           \
		X, tpot, TPOT, SUBMITTED, TR_SELECT_ATTEMPT,                                       \
		"completed requests of two tokens and more, time per token after the first")       \
	TR_VALUE_SPREAD(X, e2e, E2E, SUBMITTED, TR_SELECT_ATTEMPT,                                 \
			"completed requests, submission to end")                                   \
	TR_VALUE_SPREAD(X, queue, QUEUE, SUBMITTED, TR_SELECT_REQUEST,                             \
			"requests that were sent, admission to first dispatch")                    \
	TR_VALUE_SPREAD(X, prediction_error, PREDICTION_ERROR, SUBMITTED, TR_SELECT_REQUEST,       \
			"how far that wait was from what was predicted at admission")              \
	X(attempts, "attempts", HAPPENED, TR_SELECT_ATTEMPT, "attempts sent", count,               \
	  .part = TR_VALUE_COUNTED(DISPATCH))                                                      \
	X(retries, "attempts", HAPPENED, TR_SELECT_ATTEMPT, "attempts that were retries", count,   \
	  .part = TR_VALUE_COUNTED(RETRY))                                                         \
	X(hedges, "attempts", HAPPENED, TR_SELECT_ATTEMPT, "attempts that were hedges", count,     \
	  .part = TR_VALUE_COUNTED(HEDGE))                                                         \
	X(retry_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT, "retries, of the attempts sent",  \
	  percent, .part = TR_VALUE_COUNTED(RETRY), .whole = TR_VALUE_COUNTED(DISPATCH))           \
	X(hedge_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT, "hedges, of the attempts sent",   \
	  percent, .part = TR_VALUE_COUNTED(HEDGE), .whole = TR_VALUE_COUNTED(DISPATCH))           \
	X(attempts_per_request, "attempts", HAPPENED,                                              \
	  TR_SELECT_CLASS | TR_SELECT_TENANT | TR_SELECT_SESSION,                                  \
	  "attempts sent, over requests sent for the first time", ratio,                           \
	  .part = TR_VALUE_COUNTED(DISPATCH), .whole = TR_VALUE_COUNTED(START))                    \
	X(attempts_answered, "attempts", HAPPENED, TR_SELECT_ATTEMPT, "attempts answered whole",   \
	  count, .part = TR_VALUE_COUNTED(ATTEMPT_DONE))                                           \
	X(attempt_failures, "attempts", HAPPENED, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,             \
	  "attempts that failed: their endpoint said so, or a time-out passed", failures)          \
	X(attempt_failure_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                         \
	  "failures of attempts, over attempts sent", percent,                                     \
	  .part = TR_VALUE_COUNTED(ATTEMPT_FAILURE), .whole = TR_VALUE_COUNTED(DISPATCH))          \
	X(attempt_aborts, "attempts", HAPPENED, TR_SELECT_ATTEMPT | TR_SELECT_CAUSE,               \
	  "attempts given up that had not failed", aborts)                                         \
	X(preemptions, "attempts", HAPPENED, TR_SELECT_ATTEMPT,                                    \
	  "attempts given up for a job of a higher class", count,                                  \
	  .part = TR_VALUE_COUNTED(PREEMPTION))                                                    \
	X(retries_denied, "requests", HAPPENED, TR_SELECT_NOTHING,                                 \
	  "requests that ended for want of a retry budget", count,                                 \
	  .part = TR_VALUE_COUNTED(RETRY_DENIED))                                                  \
	X(hedges_denied, "attempts", HAPPENED, TR_SELECT_NOTHING,                                  \
	  "hedges that were due and not sent, for want of budget", count,                          \
	  .part = TR_VALUE_COUNTED(HEDGE_DENIED))                                                  \
	X(warm_attempts, "attempts", HAPPENED, TR_SELECT_ATTEMPT,                                  \
	  "attempts sent to where session or prefix is thought to be cached", count,               \
	  .part = TR_VALUE_AT(warm))                                                               \
	X(cold_attempts, "attempts", HAPPENED, TR_SELECT_ATTEMPT,                                  \
	  "attempts sent to where it is not, though it is known", count,                           \
	  .part = TR_VALUE_AT(cold))                                                               \
	X(warm_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                                    \
	  "warm attempts, of those of which it is known", warmth)                                  \
	X(breaker_trips, "times", HAPPENED, TR_SELECT_SERVER, "openings of breakers", count,       \
	  .part = TR_VALUE_COUNTED(BREAKER_OPEN))                                                  \
	TR_VALUE_SPREAD(X, attempt_ttft, ATTEMPT_TTFT, HAPPENED, TR_SELECT_ATTEMPT,                \
			"attempts, dispatch to first token")                                       \
	TR_VALUE_SPREAD(X, attempt_time, ATTEMPT_TIME, HAPPENED, TR_SELECT_ATTEMPT,                \
			"attempts answered whole, dispatch to end")                                \
	X(tokens_in, "tokens", HAPPENED, TR_SELECT_ATTEMPT, "input tokens of requests that ended", \
	  count, .part = TR_VALUE_AT(tokens_in))                                                   \
	X(tokens_out, "tokens", HAPPENED, TR_SELECT_ATTEMPT,                                       \
	  "output tokens of requests that ended", count, .part = TR_VALUE_AT(tokens_out))          \
	X(cost_usd, "USD", HAPPENED, TR_SELECT_ATTEMPT, "cost of requests that ended", micro,      \
	  .part = TR_VALUE_AT(cost_micro_usd))                                                     \
	X(goodput, "requests/s", HAPPENED, TR_SELECT_ATTEMPT,                                      \
	  "requests completed within every objective", rate, .part = TR_VALUE_AT(goods))           \
	X(completed_per_second, "requests/s", HAPPENED, TR_SELECT_ATTEMPT,                         \
	  "requests answered whole", rate, .part = TR_VALUE_AT(completions))                       \
	X(submitted_per_second, "requests/s", HAPPENED, TR_SELECT_REQUEST, "requests that came",   \
	  rate, .part = TR_VALUE_COUNTED(SUBMIT))                                                  \
	X(attempts_per_second, "attempts/s", HAPPENED, TR_SELECT_ATTEMPT, "attempts sent", rate,   \
	  .part = TR_VALUE_COUNTED(DISPATCH))                                                      \
	X(tokens_out_per_second, "tokens/s", HAPPENED, TR_SELECT_ATTEMPT,                          \
	  "output tokens of requests that ended", rate, .part = TR_VALUE_AT(tokens_out))           \
	X(submitted_share_percent, "percent", HAPPENED, TR_SELECT_REQUEST,                         \
	  "requests that came, of those of all in the window", share,                              \
	  .part = TR_VALUE_COUNTED(SUBMIT), .shared = true)                                        \
	X(completed_share_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                         \
	  "requests answered whole, of those of all in the window", share,                         \
	  .part = TR_VALUE_AT(completions), .shared = true)                                        \
	X(attempts_share_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                          \
	  "attempts sent, of those of all in the window", share,                                   \
	  .part = TR_VALUE_COUNTED(DISPATCH), .shared = true)                                      \
	X(tokens_in_share_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                         \
	  "input tokens of requests that ended, of those of all in the window", share,             \
	  .part = TR_VALUE_AT(tokens_in), .shared = true)                                          \
	X(tokens_out_share_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                        \
	  "output tokens of requests that ended, of those of all in the window", share,            \
	  .part = TR_VALUE_AT(tokens_out), .shared = true)                                         \
	X(cost_share_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                              \
	  "cost of requests that ended, of those of all in the window", share,                     \
	  .part = TR_VALUE_AT(cost_micro_usd), .shared = true)                                     \
	TR_VALUE_LEVEL(X, in_flight, IN_FLIGHT, "attempts", TR_SELECT_ATTEMPT,                     \
		       "attempts in flight")                                                       \
	TR_VALUE_LEVEL(X, waiting, WAITING, "requests", TR_SELECT_REQUEST,                         \
		       "requests let in and not yet sent")                                         \
	TR_VALUE_LEVEL(X, in_system, IN_SYSTEM, "requests", TR_SELECT_REQUEST,                     \
		       "requests let in and not yet ended")                                        \
	X(utilization_percent, "percent", HAPPENED, TR_SELECT_ATTEMPT,                             \
	  "slots in use, of the endpoint's, of the model's, or of all", utilization,               \
	  .kind = TR_LEVEL_IN_FLIGHT, .levels = 1u << TR_LEVEL_IN_FLIGHT)                          \
	X(virtual_seconds, "s", HAPPENED, TR_SELECT_NOTHING, "virtual time that passed", seconds)

enum tr_value_name {
#define X(name, ...) TR_VALUE_##name,
	TR_VALUE_MAP(X) TR_VALUE_COUNT
#undef X
};

enum tr_value_basis {
	TR_VALUE_SUBMITTED,
	TR_VALUE_HAPPENED,
};

struct tr_reading;

struct tr_value {
	const char *name; /* "ttft_p95_ms" */
	const char *unit; /* "ms" */
	const char *text;
	uint32_t selectors; /* bits of enum tr_selector */
	enum tr_value_basis basis;
	/* 0 and *ret in millionths of the unit, or -1 where there is nothing to make it of. */
	int (*read)(const struct tr_reading *reading, const struct tr_value *value, uint64_t *ret);
	size_t part; /* offsets in struct tr_tally */
	size_t whole;
	uint32_t kind;	    /* enum tr_spread_kind or enum tr_level_kind */
	uint32_t permyriad; /* quantile of a spread */
	uint32_t outcome;
	uint32_t spreads; /* what its column must keep: bits */
	uint32_t levels;
	bool shared; /* against everybody in the window */
};

extern const struct tr_value tr_values[TR_VALUE_COUNT];

/* Millionths in a unit. */
#define TR_VALUE_UNIT UINT64_C(1000000)

/* What a value is read from. */
struct tr_reading {
	const struct tr_tally *tally;
	const struct tr_tally *everybody; /* of the same window; for shares */
	const struct tr_subject *subject; /* reasons that are asked for */
	uint64_t slots;			  /* of the endpoints that are meant */
	tr_span_ns span;		  /* of the window that the run has covered */
};

#endif
