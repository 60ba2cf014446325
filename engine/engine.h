/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: one pure function that decides everything that happens to an LLM request.
 *
 * A host (the simulator, the live server, a replay) turns what happens in its world into events,
 * calls tr_engine_step(), and carries out the actions that come back. The engine reads no clock,
 * does no I/O, allocates nothing after tr_engine_init() and uses no floating point; the same events
 * give the same actions on every machine.
 *
 * What a host owes the engine, and all it must know to drive one, stands in docs/host.md, rule by
 * rule (H1, H2, ...).
 */
#ifndef TR_ENGINE_ENGINE_H
#define TR_ENGINE_ENGINE_H

#include "engine/message.h"

/* Room for everything, fixed at init. Reaching a limit is back-pressure, never growth. */
struct tr_limits {
	uint32_t jobs;	    /* live jobs: held, waiting and running, 1..2^24 */
	uint32_t active;    /* jobs with an attempt or a retry to come, 1..jobs */
	uint32_t attempts;  /* attempts in flight, active..2^24 */
	uint32_t models;    /* 1..TR_POLICY_MODELS_MAX */
	uint32_t endpoints; /* 1..TR_POLICY_ENDPOINTS_MAX */
	uint32_t classes;   /* 1..TR_POLICY_CLASSES_MAX */
	uint32_t tenants;   /* 1..TR_ENGINE_TENANTS_MAX */
	uint32_t policies;  /* loaded at once, 1..16 */
	uint32_t sessions; /* remembered, 1..2^24; of more, the one used longest ago is forgotten */
	uint32_t prefixes; /* the same, rounded up to a power of two, 8..2^24 */
	uint32_t idempotency; /* keys in one window, 1..2^24 */
};

/* A comfortable set: 65,536 jobs, 8,192 active, 64 models, 256 endpoints, 8 classes, 256 tenants,
 * 4 policies, 8,192 sessions, 32,768 prefixes, 16,384 idempotency keys; about 40 MB. */
extern const struct tr_limits tr_limits_default;

struct tr_engine;

/* Bytes an engine with these limits takes, 0 if the limits are not usable. Never 0 for
 * tr_limits_default. */
size_t tr_engine_size(const struct tr_limits *limits);

/*
 * Make an engine in `memory` (of tr_engine_size() bytes, aligned to 64, the caller's, and needed as
 * long as the engine is used). `policy` is copied into policy slot 0 and active. `seed` feeds every
 * random draw. Returns 0, TR_E_LIMITS (the policy has more rows than the limits) or TR_E_INVALID
 * (an index of the policy is out of range).
 */
int tr_engine_init(struct tr_engine *memory, const struct tr_limits *limits,
		   const struct tr_policy *policy, uint64_t seed, tr_time_ns now);

/*
 * Take one event, fill `out` (cleared first). Returns 0, or why the event was refused:
 * TR_E_KIND, TR_E_INVALID, TR_E_TIME, TR_E_CLOCK_DUE, TR_E_STALE, TR_E_STATE, TR_E_DUPLICATE,
 * TR_E_ENDPOINT_UNKNOWN, TR_E_POLICY_UNKNOWN, TR_E_LIMITS; the state is then as before.
 * O(log n) in the waiting jobs, linear in the endpoints of a chain.
 */
int tr_engine_step(struct tr_engine *engine, const struct tr_event *event, struct tr_actions *out);

/* When CLOCK is due; TR_TIME_NEVER: nothing is waited for. O(1). */
tr_time_ns tr_engine_deadline(const struct tr_engine *engine);

/* Hash over every event taken and every action given so far, with times: the run hash. O(1). */
uint64_t tr_engine_chain(const struct tr_engine *engine);

/* Sum over the ended jobs of their path hashes: decisions only, no times, any order. O(1). */
uint64_t tr_engine_path(const struct tr_engine *engine);

/* Hash of the whole logical state. O(state); for snapshots and tests. */
uint64_t tr_engine_digest(const struct tr_engine *engine);

/*
 * Copy a policy into a slot, to be made active by POLICY_ACTIVATE. *ret_slot is the slot that holds
 * this policy already, else the lowest that no job and no activation uses: a load that was not
 * activated is overwritten by the next. Returns 0, TR_E_POLICY_SLOTS_FULL, TR_E_LIMITS or
 * TR_E_INVALID.
 */
int tr_engine_policy_load(struct tr_engine *engine, const struct tr_policy *policy,
			  uint32_t *ret_slot);

/*
 * The same into a given slot: before tr_engine_restore(), and to replay an activation. Returns 0,
 * TR_E_STATE (another policy is in use there), TR_E_LIMITS or TR_E_INVALID.
 */
int tr_engine_policy_place(struct tr_engine *engine, const struct tr_policy *policy, uint32_t slot);

/* Where a snapshot or a restore stands. Zeroed to begin. */
struct tr_snapshot_cursor {
	uint64_t chain;	 /* of the engine when it began; it must not step in between */
	uint64_t digest; /* of the bytes so far */
	uint32_t table;
	uint32_t row;
};

/* No chunk is smaller than this, so that every row fits. */
#define TR_SNAPSHOT_CHUNK_MIN 4096

/*
 * Write the next chunk of at most `capacity` bytes (>= TR_SNAPSHOT_CHUNK_MIN). Returns 1 while more
 * is to come, 0 when this was the last, TR_E_STATE if the engine has stepped since the first chunk.
 * Policies are not part of it: the host stores their texts and loads them into the same slots
 * first.
 */
int tr_engine_snapshot(const struct tr_engine *engine, struct tr_snapshot_cursor *cursor,
		       uint8_t *ret_bytes, size_t capacity, size_t *ret_length);

/*
 * Take back one chunk, whole and in order, into an engine made by tr_engine_init() with the same
 * limits and with the same policies loaded. Returns 1 while more is expected, 0 when the engine is
 * complete and checked, TR_E_SNAPSHOT (damaged, other version, other limits) or
 * TR_E_POLICY_UNKNOWN. After an error the engine must be made anew.
 */
int tr_engine_restore(struct tr_engine *engine, struct tr_snapshot_cursor *cursor,
		      const uint8_t *bytes, size_t length);

/* Counters that are part of the state. submitted = rejected + completed + failed + canceled +
 * expired + in_system, at every instant. */
struct tr_counts {
	uint64_t submitted;
	uint64_t rejected;
	uint64_t completed;
	uint64_t failed;
	uint64_t canceled;
	uint64_t expired;
	uint64_t in_system;
	uint64_t attempts;
	uint64_t retries;
	uint64_t hedges;
	uint64_t breaker_trips;
	uint64_t events;
	uint64_t retries_denied; /* jobs that ended because the pool's retry budget was spent */
	uint64_t hedges_denied;	 /* hedges that were due and not sent, by their budgets */
};

/* The counters now. O(1). */
void tr_engine_counts(const struct tr_engine *engine, struct tr_counts *ret);

/*
 * Check every invariant of the state (indexes in range, heaps ordered, bookings equal to what is
 * running, counts conserved). Returns NULL, or the first broken one's text. O(state log state); for
 * tests and after a restore.
 */
const char *tr_engine_verify(const struct tr_engine *engine);

/* What the engine believes of one endpoint or tenant now; for tests, metrics and reports. */
struct tr_endpoint_view {
	uint32_t in_flight;
	uint32_t slots;
	uint8_t breaker;   /* enum tr_breaker_state */
	uint8_t lifecycle; /* enum tr_lifecycle */
	uint8_t removed;
	tr_span_ns ttft_ewma_ns; /* per attempt */
	tr_span_ns tpot_ewma_ns; /* per output token */
	uint32_t limit;		 /* attempts at once now; slots unless concurrency is adaptive */
	tr_span_ns tail_ns;	 /* the policy's tail quantile of its times to the first token */
};

/* What the engine believes of one model's pool. */
struct tr_model_view {
	uint32_t waiting;
	uint32_t in_flight;
	tr_span_ns service_ewma_ns;	     /* dispatch to end of a job */
	tr_span_ns prediction_error_ewma_ns; /* of the predicted start, absolute */
};

struct tr_tenant_view {
	uint32_t running;
	uint32_t waiting;
	uint64_t reserved_micro_usd; /* of jobs not settled yet */
	uint64_t spent_micro_usd;    /* settled today */
};

/* How a strategy of the active policy does, over all its pools; aside_until: the latest. */
struct tr_strategy_view {
	uint64_t picks;		/* decisions it made */
	uint64_t failures;	/* decisions it failed to make, ever */
	uint32_t failures_now;	/* of these, in the policy's window */
	tr_time_ns aside_until; /* put aside until then; 0: it is asked */
};

/* Return 0, or TR_E_ENDPOINT_UNKNOWN / TR_E_INVALID if the name is not in the registry; of
 * a strategy, in the active policy. */
int tr_engine_endpoint(const struct tr_engine *engine, tr_name name, struct tr_endpoint_view *ret);
int tr_engine_tenant(const struct tr_engine *engine, tr_name name, struct tr_tenant_view *ret);
int tr_engine_model(const struct tr_engine *engine, tr_name name, struct tr_model_view *ret);
int tr_engine_strategy(const struct tr_engine *engine, tr_name name, struct tr_strategy_view *ret);

#endif
