/* SPDX-License-Identifier: Apache-2.0 */
/* When a job will start and finish, as far as the means of its pool tell. */
#ifndef TR_ENGINE_PREDICT_H
#define TR_ENGINE_PREDICT_H

#include "engine/state.h"

struct tr_prediction {
	tr_span_ns start;  /* from now; 0: at once, or nothing is known */
	tr_span_ns finish; /* from now; 0: nothing has been measured */
	bool known;	   /* of start: a slot is free, or the time that jobs take is known */
	bool idle;	   /* nothing is in flight there, and nothing waits before it */
};

/*
 * What would become of one more job that waits now. models: the registry slots of the pools whose
 * slots it may take, 1..TR_POLICY_CHAIN_MAX; the first is the one whose means count. tokens_out:
 * predicted of the job. O(classes) for each pool.
 */
struct tr_prediction tr_predict(const struct tr_engine *e, const uint16_t *models, uint32_t count,
				uint32_t class_slot, uint32_t tokens_out);

/* The job goes to its first attempt now: how wrong was what it was told? */
void tr_predict_started(struct tr_engine *e, const struct tr_job *job);
/* An attempt of the job gave its first token after `ttft` from its dispatch. */
void tr_predict_first_token(struct tr_engine *e, const struct tr_job *job, tr_span_ns ttft);
/* The job was answered: `service` from the dispatch to the last token, `tpot` between two tokens,
 * 0: there was only one. */
void tr_predict_served(struct tr_engine *e, const struct tr_job *job, tr_span_ns service,
		       tr_span_ns tpot);

/* The endpoints' places in the policy changed: sum up slots and bookings of every model again.
 * O(endpoints + models). */
void tr_predict_policy_changed(struct tr_engine *e);

#endif
