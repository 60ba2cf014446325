/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency keys.
 *
 * A client that got no answer sends its request again with the same key, and must not be served
 * (and charged) twice. The one rule: within a window from a job's admission its key belongs to it,
 * whatever has become of it. A second request with the same body is told which job that was, one
 * with another body that the key is taken (the draft "The Idempotency-Key HTTP Header Field" of the
 * IETF's httpapi group). A request that was refused takes nothing and may come again, and one that
 * could not be stored gives its key back: nothing was done for it, and its client is to try again.
 *
 * Rows are a ring in order of admission, with an index by key beside it. What a row holds is when
 * the key was taken, not when it ends: so the oldest row always ends first, also after a policy has
 * made the window longer or shorter, and the present policy's window holds for all keys alike. It
 * does not bring back what had run out by the window before it (tr_idempotency_forget()).
 *
 * Rows that have run out are let go from the old end, two for each that comes, so that no step has
 * many to do; until then they are looked over. One whose key is taken anew before that, or given
 * back, loses its place in the index (`job_id` 0) and keeps its place in the ring.
 *
 * Refused: forgetting a key before its time. With every row in use by a key of this window no other
 * key is taken, and the job that brings one is refused: better late than twice.
 */
#include "engine/idempotency.h"

#include "engine/random.h"

uint64_t tr_idempotency_key(const struct tr_engine *e, tr_name tenant, uint64_t key)
{
	/* With the seed, so that nobody can choose keys that crowd together in the index. */
	return tr_max(tr_mix(tr_mix(e->core->seed ^ tenant) ^ key), 1);
}

/* The n-th row of the ring, the oldest first. */
static uint32_t ring_row(const struct tr_engine *e, uint32_t n)
{
	return (uint32_t)(((uint64_t)e->core->idempotency_first + n) % e->limits.idempotency);
}

static tr_time_ns end_of(const struct tr_engine *e, uint32_t row)
{
	return tr_add_sat(e->idempotency[row].since, tr_policy_active(e)->admission.idempotency_ns);
}

static bool oldest_over(const struct tr_engine *e)
{
	return e->core->idempotency_count && end_of(e, e->core->idempotency_first) <= e->core->now;
}

const struct tr_idempotency *tr_idempotency_find(const struct tr_engine *e, uint64_t key)
{
	uint32_t row = tr_index_find(&e->idempotency_index, key);

	return row != TR_NONE && end_of(e, row) > e->core->now ? &e->idempotency[row] : NULL;
}

tr_span_ns tr_idempotency_wait(const struct tr_engine *e)
{
	if (e->core->idempotency_count < e->limits.idempotency)
		return 0;
	return tr_sub_sat(end_of(e, e->core->idempotency_first), e->core->now);
}

static void drop_oldest(struct tr_engine *e)
{
	uint32_t row = e->core->idempotency_first;

	TR_ASSERT(e->core->idempotency_count > 0);
	if (e->idempotency[row].job_id)
		tr_index_remove(&e->idempotency_index, row);
	e->idempotency[row] = (struct tr_idempotency){0};
	e->core->idempotency_first = ring_row(e, 1);
	e->core->idempotency_count--;
}

void tr_idempotency_take(struct tr_engine *e, uint64_t key, uint64_t body, struct tr_job *job)
{
	uint32_t before, row;

	TR_ASSERT(job->job_id != 0);
	TR_ASSERT(tr_idempotency_wait(e) == 0);
	for (int i = 0; i < 2 && oldest_over(e); i++)
		drop_oldest(e);
	before = tr_index_find(&e->idempotency_index, key);
	if (before != TR_NONE) {
		TR_ASSERT(end_of(e, before) <= e->core->now);
		tr_index_remove(&e->idempotency_index, before);
		e->idempotency[before].job_id = 0;
	}
	row = ring_row(e, e->core->idempotency_count);
	e->idempotency[row] = (struct tr_idempotency){
		.key = key, .body = body, .job_id = job->job_id, .since = e->core->now};
	e->core->idempotency_count++;
	tr_index_insert(&e->idempotency_index, row);
	job->idempotency1 = row + 1;
}

void tr_idempotency_give_back(struct tr_engine *e, const struct tr_job *job)
{
	struct tr_idempotency *row =
		job->idempotency1 ? &e->idempotency[job->idempotency1 - 1] : NULL;

	/* It may have run out, and the row be another's. */
	if (!row || row->job_id != job->job_id)
		return;
	tr_index_remove(&e->idempotency_index, job->idempotency1 - 1);
	*row = (struct tr_idempotency){.since = row->since};
}

void tr_idempotency_forget(struct tr_engine *e)
{
	while (oldest_over(e))
		drop_oldest(e);
}

/* ---- after a restore ---- */

bool tr_idempotency_rebuild(struct tr_engine *e)
{
	const struct tr_core *core = e->core;

	tr_index_clear(&e->idempotency_index);
	if (core->idempotency_first >= e->limits.idempotency ||
	    core->idempotency_count > e->limits.idempotency)
		return false;
	for (uint32_t n = 0; n < core->idempotency_count; n++) {
		uint32_t row = ring_row(e, n);

		if (!e->idempotency[row].job_id)
			continue;
		if (tr_index_find(&e->idempotency_index, e->idempotency[row].key) != TR_NONE)
			return false;
		tr_index_insert(&e->idempotency_index, row);
	}
	return true;
}

const char *tr_idempotency_verify(const struct tr_engine *e)
{
	static const struct tr_idempotency nothing;
	const struct tr_core *core = e->core;
	tr_time_ns since = 0;
	uint32_t kept = 0;

	if (core->idempotency_first >= e->limits.idempotency ||
	    core->idempotency_count > e->limits.idempotency)
		return "the ring of idempotency keys leaves its table";
	for (uint32_t n = 0; n < e->limits.idempotency; n++) {
		const struct tr_idempotency *row = &e->idempotency[ring_row(e, n)];

		if (n >= core->idempotency_count) {
			if (memcmp(row, &nothing, sizeof nothing) != 0)
				return "an idempotency key stands outside its ring";
			continue;
		}
		if (row->since < since || row->since > core->now)
			return "the ring of idempotency keys is not in order of time";
		since = row->since;
		kept += row->job_id != 0;
		if (row->job_id && tr_index_find(&e->idempotency_index, row->key) != ring_row(e, n))
			return "an idempotency key is not found";
		if (!row->job_id && row->key && end_of(e, ring_row(e, n)) > core->now)
			return "an idempotency key lost its job before its time";
	}
	return kept == e->idempotency_index.count ? NULL : "the index of idempotency keys";
}
