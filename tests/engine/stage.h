/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage on which one scene at a time is played: a policy whose every row can be changed, and a
 * host that gives the events it is told to, keeps every answer with its time, and asks the engine
 * after each step whether its books are in order.
 *
 * Unlike the world of world.h nothing here is random; a scene says exactly what happens. A misuse
 * of the stage itself, or a broken law of the engine, ends the test program with a line on stderr.
 */
#ifndef TR_TESTS_STAGE_H
#define TR_TESTS_STAGE_H

#include "engine/engine.h"
#include "tests/engine/policies.h"

/* ---- a policy to be changed at will ---- */

struct tr_plan {
	struct tr_policy policy; /* its tables are the arrays below */
	struct tr_policy_model models[4];
	struct tr_policy_endpoint endpoints[TR_POLICY_ENDPOINTS_MAX];
	struct tr_policy_class classes[4];
	struct tr_policy_tenant tenants[1024];
	struct tr_policy_strategy strategies[TR_PICKER_COUNT];
	struct tr_policy_intent intents[4];
	struct tr_policy_alias aliases[2];
	struct tr_policy_profile profiles[4];
};

/* Names of a plan's strategies: the picker's number added to this. */
#define TR_PLAN_STRATEGY 1000

/* No model yet; class `interactive`, tenant `default`, intent `default` (least-outstanding, the
 * client may cancel), a strategy for each picker; no retry, hedge, time-out or limit that bites. */
void tr_plan_init(struct tr_plan *plan, uint64_t id);
/* Append a row; the result is its number. The first model is the default one. Endpoints of a model
 * are named by tr_plan_endpoint_name(). */
uint32_t tr_plan_model(struct tr_plan *plan, tr_name name, uint32_t endpoints, uint32_t slots);
uint32_t tr_plan_class(struct tr_plan *plan, tr_name name, uint32_t priority);
uint32_t tr_plan_tenant(struct tr_plan *plan, tr_name name);
uint32_t tr_plan_intent(struct tr_plan *plan, tr_name name);
/* It chooses nothing yet. */
uint32_t tr_plan_profile(struct tr_plan *plan, tr_name name);
/* The plan under another id, its rows its own: to be changed and activated. */
void tr_plan_copy(struct tr_plan *ret, const struct tr_plan *plan, uint64_t id);
/* The i-th endpoint of the model with this name. */
tr_name tr_plan_endpoint_name(tr_name model, uint32_t i);

/* ---- the stage ---- */

struct tr_answer {
	tr_time_ns time;
	struct tr_action action;
};

struct tr_stage {
	struct tr_limits limits;
	struct tr_engine *engine;
	tr_time_ns now;
	uint64_t next_job_id;
	struct tr_event event;	   /* the last given */
	struct tr_actions actions; /* of the last step */
	struct tr_answer *answers; /* of all steps */
	size_t answer_count;
	size_t answer_room;
	bool trusting;			       /* do not verify after each step: for long scenes */
	void (*watch)(struct tr_stage *stage); /* NULL, or called after each step */
};

/* Small but roomy: 4,096 jobs, 1,024 active, 4 models, 320 endpoints, 4 classes, 16 tenants, 3
 * policies. */
extern const struct tr_limits tr_stage_limits;

void tr_stage_init(struct tr_stage *stage, const struct tr_limits *limits,
		   const struct tr_policy *policy);
void tr_stage_done(struct tr_stage *stage);

/* An event of a kind, to be filled in and given. */
struct tr_event *tr_stage_event(struct tr_stage *stage, enum tr_event_kind kind);
/* Give stage->event at stage->now. Refused: the code, after a look that nothing has changed. */
int tr_stage_give(struct tr_stage *stage);
/* Give CLOCK at each deadline up to a time, then be there. */
void tr_stage_wait_until(struct tr_stage *stage, tr_time_ns until);
void tr_stage_wait(struct tr_stage *stage, tr_span_ns span);

/* Submit; a job_id of 0 gets the next number, tokens_in of 0 becomes 100. Returns the id. */
uint64_t tr_stage_submit(struct tr_stage *stage, struct tr_event_job_submit submit);
int tr_stage_persisted(struct tr_stage *stage, uint64_t job_id, bool ok);
int tr_stage_release(struct tr_stage *stage, uint64_t job_id);
int tr_stage_cancel(struct tr_stage *stage, uint64_t job_id, enum tr_cause cause);
int tr_stage_cancel_group(struct tr_stage *stage, uint64_t group_id, enum tr_cause cause);
/* About the attempt of a job that was dispatched last. One that fails while it streams has given
 * TR_STAGE_TOKENS_FAILED tokens. */
#define TR_STAGE_TOKENS_FAILED 1000
int tr_stage_connected(struct tr_stage *stage, uint64_t job_id);
int tr_stage_headers(struct tr_stage *stage, uint64_t job_id);
int tr_stage_first_token(struct tr_stage *stage, uint64_t job_id);
int tr_stage_progress(struct tr_stage *stage, uint64_t job_id, uint32_t tokens_out);
int tr_stage_complete(struct tr_stage *stage, uint64_t job_id, uint32_t tokens_out);
int tr_stage_fail(struct tr_stage *stage, uint64_t job_id, enum tr_cause cause,
		  tr_span_ns retry_after);
/* About a given attempt. */
int tr_stage_fail_attempt(struct tr_stage *stage, tr_attempt_handle attempt, enum tr_cause cause);
int tr_stage_lifecycle(struct tr_stage *stage, tr_name endpoint, enum tr_lifecycle lifecycle);
/* What the endpoint's provider says is left, and for how long; see ENDPOINT_QUOTA. */
int tr_stage_quota(struct tr_stage *stage, tr_name endpoint, uint32_t requests, uint64_t tokens,
		   tr_span_ns reset);
/* Load and activate. */
int tr_stage_activate(struct tr_stage *stage, const struct tr_policy *policy);

/* ---- what was answered: to be looked at before the next step ---- */

/* The newest answer of a kind about a job; NULL: none. */
const struct tr_action_job_accept *tr_stage_accept(const struct tr_stage *stage, uint64_t job_id);
const struct tr_action_job_reject *tr_stage_reject(const struct tr_stage *stage, uint64_t job_id);
const struct tr_action_attempt_dispatch *tr_stage_dispatch(const struct tr_stage *stage,
							   uint64_t job_id);
const struct tr_action_attempt_abort *tr_stage_abort(const struct tr_stage *stage, uint64_t job_id);
const struct tr_action_job_finish *tr_stage_finish(const struct tr_stage *stage, uint64_t job_id);
/* The newest change of an endpoint's breaker; NULL: none. */
const struct tr_action_breaker_change *tr_stage_breaker(const struct tr_stage *stage,
							tr_name endpoint);
/* Answers of a kind since the n-th answer. */
size_t tr_stage_count(const struct tr_stage *stage, enum tr_action_kind kind, size_t since);
/* How many dispatches of a job there were. */
size_t tr_stage_dispatches(const struct tr_stage *stage, uint64_t job_id);

/* The candidate with this name in the n-th decision of the last step; NULL: not there. */
const struct tr_candidate *tr_stage_candidate(const struct tr_stage *stage, uint32_t decision,
					      tr_name endpoint);
struct tr_endpoint_view tr_stage_endpoint(const struct tr_stage *stage, tr_name name);
struct tr_tenant_view tr_stage_tenant(const struct tr_stage *stage, tr_name name);
struct tr_counts tr_stage_counts(const struct tr_stage *stage);

#endif
