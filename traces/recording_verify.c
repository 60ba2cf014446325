/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a recording without an engine: everything that can be checked is checked by the
 * reader on the way, and what was seen is counted.
 */
#include "traces/recording_reader.h"

static void count_event(struct tr_recording_survey *survey, const struct tr_recording_item *item)
{
	if (survey->events == 0)
		survey->first = item->event->time;
	survey->last = item->event->time;
	survey->events++;
	survey->event_kinds[item->event->kind]++;
	survey->actions += item->actions->count;
	survey->decisions += item->actions->decision_count;
	for (uint32_t i = 0; i < item->actions->count; i++)
		survey->action_kinds[item->actions->items[i].kind]++;
}

enum tr_recording_status tr_recording_verify(const char *path, struct tr_recording_survey *ret,
					     struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_recording_item *item;
	struct tr_recording *recording;
	enum tr_recording_status status = tr_recording_open(path, &recording, ret_diagnostic);

	memset(ret, 0, sizeof *ret);
	if (status != TR_RECORDING_ITEM)
		return status;
	for (;;) {
		status = tr_recording_next(recording, &item, ret_diagnostic);
		if (status != TR_RECORDING_ITEM)
			break;
		if (item->kind == TR_FRAME_EVENTS)
			count_event(ret, item);
		if (item->kind == TR_FRAME_SNAPSHOT && item->flags & TR_CHUNK_LAST)
			ret->snapshots++;
	}
	ret->header = recording->header;
	ret->totals = recording->totals;
	ret->bytes = recording->next_offset;
	memcpy(ret->frames, recording->frames, sizeof ret->frames);
	ret->gaps = recording->gaps;
	ret->lost = recording->lost;
	ret->names = tr_name_table_count(recording->names);
	tr_recording_close(recording);
	TR_ASSERT(status != TR_RECORDING_ITEM);
	return status;
}
