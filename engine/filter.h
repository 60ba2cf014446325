/* SPDX-License-Identifier: Apache-2.0 */
/* Why an endpoint cannot have a job now. */
#ifndef TR_ENGINE_FILTER_H
#define TR_ENGINE_FILTER_H

#include "engine/choice.h"

/* What is wrong with a model for a job, whichever endpoint serves it. */
enum tr_filter tr_filter_model(const struct tr_engine *e, const struct tr_job *job,
			       uint32_t model_row);

/* The first reason of all against an endpoint, given what is wrong with its model. slot TR_NONE: it
 * is gone. *ret_detail: ns for which the reason will hold, where that is known, else 0. */
enum tr_filter tr_filter(const struct tr_choosing *d, uint32_t row, enum tr_filter of_model,
			 uint32_t slot, uint64_t *ret_detail);

#endif
