/* SPDX-License-Identifier: Apache-2.0 */
/* What a lab draws from its seed before it begins: a policy, and the traffic it meets. */
#include "tests/engine/lab_draw.h"

/* ---- policy ---- */

static void draw_classes(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;

	plan->policy.class_count = 0;
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t row = tr_plan_class(plan, TR_LAB_CLASS(i), 10 * (1 + i));
		struct tr_policy_class *class = &plan->classes[row];

		class->floor_percent = i < 2 ? (uint32_t)tr_lab_draw(lab, 0, (*n)++, 3) * 10 : 0;
		class->queue_limit = 5 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 60);
		class->full = (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_FULL_COUNT);
		class->preempt = i ? (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_PREEMPT_COUNT)
				   : TR_PREEMPT_NONE;
		class->queue_timeout_ns = tr_lab_draw(lab, 0, (*n)++, 3) * 5 * TR_SECOND;
		class->sojourn_target_ns = tr_lab_draw(lab, 0, (*n)++, 2) * TR_SECOND;
	}
}

static void draw_tenants(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;

	for (uint32_t i = 0; i < TR_LAB_TENANTS; i++) {
		struct tr_policy_tenant *tenant =
			&plan->tenants[tr_plan_tenant(plan, TR_LAB_TENANT(i))];

		tenant->weight_milli = 500 * (1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4));
		tenant->max_concurrent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 3;
		tenant->requests_per_minute =
			(uint32_t)tr_lab_draw(lab, 0, (*n)++, 4) == 0 ? 40 : 0;
		tenant->tokens_per_minute = tr_lab_draw(lab, 0, (*n)++, 4) == 0 ? 40000 : 0;
		tenant->budget_micro_usd_per_day = tr_lab_draw(lab, 0, (*n)++, 4) == 0 ? 60000 : 0;
	}
}

static void draw_models(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;
	uint32_t count = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 3);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t endpoints = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4);
		uint32_t slots = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4);
		uint32_t row = tr_plan_model(plan, TR_LAB_MODEL(i), endpoints, slots);

		plan->models[row].price_in = 1000000;
		plan->models[row].price_out = 3000000;
		plan->models[row].output_tokens = 100;
		plan->models[row].queue_limit = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 80;
	}
	if (count > 1 && tr_lab_draw(lab, 0, (*n)++, 2)) {
		plan->models[0].chain[1] = 1;
		plan->models[0].chain_count = 2;
	}
}

static void draw_intents(struct tr_lab *lab, uint64_t *n)
{
	struct tr_plan *plan = &lab->plan;

	plan->policy.intent_count = 0;
	for (uint32_t i = 0; i < TR_LAB_INTENTS; i++) {
		struct tr_policy_intent *intent =
			&plan->intents[tr_plan_intent(plan, TR_LAB_INTENT(i))];

		intent->strategy = (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_PICKER_COUNT);
		intent->deadline_ns = tr_lab_draw(lab, 0, (*n)++, 3) * 8 * TR_SECOND;
		intent->hedge = i == 1;
		intent->strict = i == 2;
		intent->cancelable = i != 3;
	}
}

static void draw_rules(struct tr_lab *lab, uint64_t *n)
{
	struct tr_policy *p = &lab->plan.policy;

	p->breaker.requests_min = 6;
	p->breaker.consecutive = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 5);
	p->breaker.all_out = (uint32_t)tr_lab_draw(lab, 0, (*n)++, TR_ALL_OUT_COUNT);
	p->breaker.slow_ns = tr_lab_draw(lab, 0, (*n)++, 2) * 900 * TR_MS;
	p->retry.attempts = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 4);
	p->retry.budget_percent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 3) * 20;
	p->retry.budget_per_second = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2);
	p->hedge.delay_ns = 300 * TR_MS;
	p->hedge.attempts = 1 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2);
	p->hedge.quantile_percent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 90;
	p->hedge.budget_percent = 5 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 30);
	p->hedge.cost_budget_percent = 5 + (uint32_t)tr_lab_draw(lab, 0, (*n)++, 30);
	p->timeouts.first_token_ns = 2 * TR_SECOND;
	p->timeouts.between_tokens_ns = TR_SECOND;
	p->affinity.session_ttl_ns = tr_lab_draw(lab, 0, (*n)++, 2) * 10 * TR_SECOND;
	p->affinity.prefix_ttl_ns = tr_lab_draw(lab, 0, (*n)++, 2) * 10 * TR_SECOND;
	p->concurrency.adaptive = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2);
	p->admission.feasibility_percent = (uint32_t)tr_lab_draw(lab, 0, (*n)++, 2) * 100;
	p->admission.idempotency_ns = 5 * TR_SECOND;
}

void tr_lab_draw_policy(struct tr_lab *lab)
{
	uint64_t n = DRAW_POLICY;

	tr_plan_init(&lab->plan, lab->seed | 1);
	draw_models(lab, &n);
	draw_classes(lab, &n);
	draw_tenants(lab, &n);
	draw_intents(lab, &n);
	draw_rules(lab, &n);
}

/* Order is all there is: one class that matters, one way to go, nothing that fails. */
void tr_lab_make_plain(struct tr_plan *plan)
{
	plan->policy.timeouts = (struct tr_policy_timeouts){.connect_ns = 0};
	plan->policy.concurrency.adaptive = 0;
	plan->policy.admission.feasibility_percent = 0;
	plan->models[0].chain_count = 1;
	for (uint32_t i = 0; i < plan->policy.class_count; i++) {
		plan->classes[i].full = TR_FULL_REJECT;
		plan->classes[i].preempt = TR_PREEMPT_NONE;
		plan->classes[i].sojourn_target_ns = 0;
		plan->classes[i].queue_timeout_ns = 0;
	}
	for (uint32_t i = 0; i < plan->policy.intent_count; i++)
		plan->intents[i].strategy = TR_PICKER_LEAST_OUTSTANDING;
}

/* ---- traffic ---- */

static uint32_t capacity(const struct tr_lab *lab)
{
	uint32_t slots = 0;

	for (uint32_t i = 0; i < lab->plan.policy.endpoint_count; i++)
		slots += lab->plan.endpoints[i].slots;
	return slots;
}

static void draw_job(struct tr_lab *lab, uint32_t i, const struct tr_lab_options *options)
{
	struct tr_lab_job *job = &lab->jobs[i];
	struct tr_event_job_submit *s = &job->submit;
	uint64_t id = i + 1;

	s->job_id = id;
	job->tenant = (uint32_t)tr_lab_draw(lab, id, DRAW_TENANT, TR_LAB_TENANTS);
	job->model = (uint32_t)tr_lab_draw(lab, id, DRAW_MODEL, lab->plan.policy.model_count);
	job->class = (uint32_t)tr_lab_draw(lab, id, DRAW_CLASS, 3);
	s->tenant = TR_LAB_TENANT(job->tenant);
	s->model = TR_LAB_MODEL(job->model);
	s->class_name = TR_LAB_CLASS(job->class);
	s->tokens_in = 1 + (uint32_t)tr_lab_draw(lab, id, DRAW_SIZE, 1000);
	s->tokens_out_max = 100;
	if (tr_lab_draw(lab, id, DRAW_DEADLINE, 3) == 0)
		s->deadline = job->arrival + TR_SECOND +
			      tr_lab_draw(lab, id, DRAW_DEADLINE + 50, 10 * TR_SECOND);
	if (options->plain) {
		s->flags = TR_SUBMIT_STREAM;
		s->intent = TR_LAB_INTENT(0);
		return;
	}
	s->intent = TR_LAB_INTENT(tr_lab_draw(lab, id, DRAW_INTENT, TR_LAB_INTENTS));
	s->flags = (uint16_t)(tr_lab_draw(lab, id, DRAW_FLAGS, 8) == 0 ? TR_SUBMIT_ASYNC : 0);
	s->flags |= tr_lab_draw(lab, id, DRAW_FLAGS + 50, 2) ? TR_SUBMIT_STREAM : 0;
	s->session = tr_lab_draw(lab, id, DRAW_SESSION, 12);
	s->group_id = tr_lab_draw(lab, id, DRAW_GROUP, 20);
	s->idempotency_key = tr_lab_draw(lab, id, DRAW_KEY, 10) == 0 ? 1 + id / 20 : 0;
	s->prefix_blocks = (uint32_t)tr_lab_draw(lab, id, DRAW_SESSION + 50, 3);
	s->prefix_count = (uint8_t)s->prefix_blocks;
	s->prefix0 = 77;
	s->prefix1 = 78 + s->session;
	if (tr_lab_draw(lab, id, DRAW_CANCEL, 10) == 0)
		job->cancel_at =
			job->arrival + tr_lab_draw(lab, id, DRAW_CANCEL + 50, 5 * TR_SECOND);
}

void tr_lab_draw_traffic(struct tr_lab *lab, const struct tr_lab_options *options)
{
	uint64_t load =
		options->load_percent ? options->load_percent : 50 + tr_lab_draw(lab, 0, 90, 150);
	/* An answer takes about 0.7 s. */
	tr_span_ns gap = 700 * TR_MS * 100 / load / capacity(lab);
	tr_time_ns at = TR_LAB_START;

	lab->job_count = options->jobs ? options->jobs : 300;
	for (uint32_t i = 0; i < lab->job_count; i++) {
		at += 1 + tr_lab_draw(lab, i + 1, DRAW_ARRIVAL, 2 * gap);
		lab->jobs[i].arrival = at;
		draw_job(lab, i, options);
	}
	lab->trouble_at = options->plain ? TR_TIME_NEVER : TR_LAB_START + TR_SECOND;
}
