/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool is what waits for one model. When something gets better for it (a job came, a slot is
 * free, a pause is over) it is marked, and the scheduler looks at every marked pool before the step
 * ends, or, where the step has no room left, in the CLOCK that is then due at once. Nothing else
 * makes a waiting job move.
 *
 * An endpoint serves more pools than its own: those whose chains lead to its model, in any policy
 * that is in use (`reach`).
 */
#include "engine/pool.h"

void tr_pool_mark(struct tr_engine *e, uint32_t model)
{
	e->core->dirty_models += !e->model[model].dirty;
	e->model[model].dirty = 1;
}

void tr_pool_unmark(struct tr_engine *e, uint32_t model)
{
	TR_ASSERT(e->model[model].dirty);
	e->core->dirty_models--;
	e->model[model].dirty = 0;
}

bool tr_pool_wanted(const struct tr_model *model)
{
	return model->waiting || model->retry_oldest1;
}

void tr_pool_endpoint_freed(struct tr_engine *e, uint32_t endpoint)
{
	const struct tr_model_set *reach = &e->reach[e->endpoint[endpoint].model];

	for (uint32_t word = 0; word < TR_ARRAY_LENGTH(reach->bits); word++)
		for (uint64_t bits = reach->bits[word]; bits; bits &= bits - 1) {
			uint32_t m = word * 64 + (uint32_t)__builtin_ctzll(bits);

			if (tr_pool_wanted(&e->model[m]))
				tr_pool_mark(e, m);
		}
}

void tr_pool_mark_all(struct tr_engine *e)
{
	for (uint32_t m = 0; m < e->limits.models; m++)
		if (tr_pool_wanted(&e->model[m]))
			tr_pool_mark(e, m);
}

void tr_pool_row_freed(struct tr_engine *e)
{
	if (!e->core->starved)
		return;
	e->core->starved = 0;
	tr_pool_mark_all(e);
}

uint32_t tr_pool_next(const struct tr_engine *e)
{
	uint32_t next = TR_NONE;

	for (uint32_t m = 0; m < e->limits.models && e->core->dirty_models; m++)
		if (e->model[m].dirty &&
		    (next == TR_NONE || e->model[m].name < e->model[next].name))
			next = m;
	return next;
}
