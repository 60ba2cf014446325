/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/watch.h"

void tr_watch_enter(struct tr_watch *watch, const struct tr_occurrence *occurrence, uint64_t order)
{
	const struct tr_selection *selection = &watch->selection;

	if (occurrence->kind != watch->kind)
		return;
	if (!tr_selection_is(selection, occurrence))
		return;
	if (occurrence->time < selection->from || occurrence->time >= selection->to) {
		watch->outside++;
		if (watch->nearest < selection->to)
			watch->nearest = occurrence->time;
		return;
	}
	if (watch->count < TR_WATCH_FIRST_MAX) {
		watch->first[watch->count].time = occurrence->time;
		watch->first[watch->count].order = order;
	}
	watch->count++;
}

uint64_t tr_watch_order(const struct tr_watch *watch, uint32_t n)
{
	TR_ASSERT(n < TR_WATCH_FIRST_MAX);
	return n < watch->count ? watch->first[n].order : 0;
}
