/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Affinity: where the caches are warm.
 */
#include "engine/affinity.h"

void tr_affinity_admit(struct tr_job *job, const struct tr_event_job_submit *submit)
{
	(void)job;
	(void)submit;
}

void tr_affinity_find(const struct tr_engine *e, const struct tr_job *job, struct tr_affinity *ret)
{
	(void)e;
	(void)job;
	ret->home = TR_NONE;
	ret->known = false;
	ret->count = 0;
}

uint32_t tr_affinity_seen(const struct tr_affinity *affinity, uint32_t endpoint)
{
	for (uint32_t i = 0; i < affinity->count; i++)
		if (affinity->seen[i].endpoint == endpoint)
			return affinity->seen[i].permille;
	return 0;
}

enum tr_warmth tr_affinity_dispatched(struct tr_engine *e, const struct tr_job *job,
				      uint32_t endpoint)
{
	(void)e;
	(void)job;
	(void)endpoint;
	return TR_WARMTH_UNKNOWN;
}

void tr_affinity_endpoint_dropped(struct tr_engine *e, uint32_t endpoint)
{
	(void)e;
	(void)endpoint;
}

bool tr_affinity_rebuild(struct tr_engine *e)
{
	(void)e;
	return true;
}
