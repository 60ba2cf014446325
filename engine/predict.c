/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prediction: two sums and three means per model, looked at in constant time.
 *
 * Start. With a slot left after all that are before the job, at once. Else it is the n-th to get a
 * slot, n counting from the first that has to wait, and a pool of k slots, each of which takes a
 * time S for a job, frees one every S/k (the departures of a busy M/G/k): n * S / k. With constant
 * times and first come first served this is wrong by less than S, since the jobs that run have
 * between 0 and S to go. Before it stand all that wait in classes of its priority or above.
 *
 * Finish. The start, the pool's mean time to the first token, and its mean time per token for each
 * token after that; so a job that asks for a short answer is done sooner. The number of tokens is
 * what admission reserves for: `output_tokens` of the model, or the request's own maximum where
 * that is less. A policy that overstates `output_tokens` overstates the finish.
 *
 * The error of each prediction is taken at the job's first dispatch and kept as a mean of absolute
 * values per model, so that nobody has to believe any of this.
 *
 * Left out, each because it would cost a walk or a guess: endpoints that are down, paused or behind
 * a breaker (their slots count, those of endpoints that the policy no longer has do not); adaptive
 * limits, rates, tenants' caps; floors and fair shares (they let others pass); earlier deadlines
 * within the class; held jobs and those that wait for a retry; jobs of other pools that fall back
 * here; hedges; the length of the prompt.
 */
#include "engine/predict.h"

/* Jobs of a pool that wait and go before one of this class. */
static uint64_t waiting_before(const struct tr_engine *e, uint32_t model, uint32_t class_slot)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < e->limits.classes; c++)
		if (e->class[c].priority >= e->class[class_slot].priority)
			sum += e->backlog[tr_backlog_of(e, model, c)].waiting;
	return sum;
}

struct tr_prediction tr_predict(const struct tr_engine *e, const uint16_t *models, uint32_t count,
				uint32_t class_slot, uint32_t tokens_out)
{
	const struct tr_model *first = &e->model[models[0]];
	uint64_t slots = 0, before = 0;
	struct tr_prediction seen = {0};

	TR_ASSERT(count > 0);
	for (uint32_t i = 0; i < count; i++) {
		slots += e->model[models[i]].slots;
		before += e->model[models[i]].in_flight + waiting_before(e, models[i], class_slot);
	}
	TR_ASSERT(slots > 0);
	if (before >= slots)
		seen.start = tr_mul_div(before - slots + 1, first->service_ewma, slots);
	seen.idle = before == 0;
	seen.known = before < slots || first->service_ewma;
	if (first->service_ewma) {
		uint64_t more = tr_sub_sat(tokens_out, 1);

		TR_ASSERT(first->ttft_ewma > 0);
		seen.finish = tr_add_sat(seen.start, first->ttft_ewma);
		seen.finish = tr_add_sat(seen.finish, tr_mul_div(more, first->tpot_ewma, 1));
	}
	return seen;
}

/* ---- what is measured ---- */

void tr_predict_started(struct tr_engine *e, const struct tr_job *job)
{
	tr_span_ns waited = tr_sub_sat(e->core->now, job->submitted);
	struct tr_model *model = &e->model[job->model];

	if (!(job->flags & TR_JOB_PREDICTED))
		return;
	model->prediction_error =
		tr_ewma(model->prediction_error, tr_max(waited, job->predicted_start) -
							 tr_min(waited, job->predicted_start));
}

void tr_predict_first_token(struct tr_engine *e, const struct tr_job *job, tr_span_ns ttft)
{
	struct tr_model *model = &e->model[job->model];

	model->ttft_ewma = tr_ewma(model->ttft_ewma, ttft);
}

void tr_predict_served(struct tr_engine *e, const struct tr_job *job, tr_span_ns service,
		       tr_span_ns tpot)
{
	struct tr_model *model = &e->model[job->model];

	TR_ASSERT(model->ttft_ewma > 0);
	model->service_ewma = tr_ewma(model->service_ewma, service);
	if (tpot)
		model->tpot_ewma = tr_ewma(model->tpot_ewma, tpot);
}

/* ---- sums ---- */

void tr_predict_policy_changed(struct tr_engine *e)
{
	for (uint32_t m = 0; m < e->limits.models; m++)
		e->model[m].slots = e->model[m].in_flight = 0;
	for (uint32_t i = 0; i < e->limits.endpoints; i++) {
		const struct tr_endpoint *ep = &e->endpoint[i];

		if (!ep->name || ep->removed)
			continue;
		e->model[ep->model].slots += ep->slots;
		e->model[ep->model].in_flight += ep->in_flight;
	}
}
