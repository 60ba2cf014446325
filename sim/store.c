/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring that grows. Jobs that ended before they were stored leave their entries behind, so the
 * engine's limits do not bound it; the delay does.
 */
#include "sim/store.h"

#include <stdlib.h>

#define PLACES_FIRST 1024

struct tr_store_entry {
	tr_time_ns time;
	tr_job_handle job;
	bool ok;
};

int tr_store_init(struct tr_store *store, tr_span_ns delay, struct tr_timeline *timeline)
{
	*store = (struct tr_store){.delay = delay, .timeline = timeline, .mask = PLACES_FIRST - 1};
	store->entries = calloc(PLACES_FIRST, sizeof *store->entries);
	return store->entries && timeline ? 0 : -1;
}

void tr_store_done(struct tr_store *store)
{
	if (!store)
		return;
	tr_timeline_free(store->timeline);
	free(store->entries);
	*store = (struct tr_store){0};
}

/* Twice the places. */
static void grow(struct tr_store *store)
{
	size_t places = 2 * (store->mask + 1);
	struct tr_store_entry *entries = calloc(places, sizeof *entries);

	TR_ASSERT(entries != NULL);
	for (size_t i = 0; i < store->count; i++)
		entries[i] = store->entries[(store->first + i) & store->mask];
	free(store->entries);
	store->entries = entries;
	store->first = 0;
	store->mask = places - 1;
}

void tr_store_add(struct tr_store *store, tr_time_ns now, uint64_t job_id, tr_job_handle job)
{
	tr_span_ns extra;
	bool ok = tr_timeline_store(store->timeline, now, job_id, &extra);

	store->last = tr_max(store->last, tr_add_sat(now, tr_add_sat(store->delay, extra)));
	if (store->count == store->mask + 1)
		grow(store);
	store->entries[(store->first + store->count++) & store->mask] =
		(struct tr_store_entry){store->last, job, ok};
}

tr_time_ns tr_store_next(const struct tr_store *store)
{
	return store->count ? store->entries[store->first & store->mask].time : TR_TIME_NEVER;
}

void tr_store_take(struct tr_store *store, struct tr_event *ret)
{
	struct tr_store_entry entry = store->entries[store->first & store->mask];

	TR_ASSERT(store->count > 0);
	store->first = (store->first + 1) & store->mask;
	store->count--;
	*ret = (struct tr_event){.time = entry.time,
				 .observed = entry.time,
				 .kind = TR_EVENT_JOB_PERSISTED,
				 .job_persisted = {.job = entry.job, .ok = entry.ok}};
}
