/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: may this job come in, and as what? */
#ifndef TR_ENGINE_GUARD_H
#define TR_ENGINE_GUARD_H

#include "engine/state.h"

/* Decide about a JOB_SUBMIT: a live job (held or queued) and JOB_ACCEPT, or JOB_REJECT and nothing
 * kept. */
void tr_guard_submit(struct tr_engine *e, const struct tr_event_job_submit *submit);

#endif
