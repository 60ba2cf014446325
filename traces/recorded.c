/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as a workload: the jobs that were submitted, whatever became of them.
 *
 * How long a job's answer was is learnt from its end, so a row waits in a queue until its job has
 * ended; rows come out in the order of their submission. Where the answer was never seen whole (the
 * job was refused, failed, cancelled, expired, or the recording ends first), the row is marked
 * `unseen` and its output is the mean of those seen before, at most what the job declared. That the
 * job failed back then is no property of the workload: `failed` is never set.
 *
 * A recording keeps a prompt's prefix as chained hashes at depths 1, 2, 4, ... and the last. Blocks
 * between two depths are made from the hash of the deeper one: two prompts that agree at a depth
 * agree in every block up to it.
 *
 * The queue is bounded: a job that is still running when PENDING_MAX more have been submitted comes
 * out unseen. A torn recording gives all its rows and then counts as one bad row.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/policy/number.h"
#include "engine/random.h"
#include "traces/decimal.h"
#include "traces/found.h"
#include "traces/recording.h"
#include "traces/source.h"

#define PENDING_MAX (1u << 20)
#define PENDING_MIN 1024

struct pending {
	uint64_t number; /* of the event */
	tr_time_ns time;
	uint64_t job_id;
	tr_name tenant, session, model;
	uint32_t tokens_in;
	uint32_t tokens_out; /* 0: not seen */
	uint32_t tokens_out_max;
	uint32_t prefix_blocks;
	uint32_t prefix_count;
	bool ended;
	uint64_t prefix[TR_PREFIX_MAX];
};

struct recorded {
	struct tr_recording *recording;
	struct pending *queue; /* a ring; queue[n & mask] is the n-th job */
	uint64_t *slots;       /* job id -> n + 1 of a job that has not ended; 0: free */
	uint64_t capacity;     /* of the ring, a power of two; slots are twice as many */
	uint64_t head, tail;
	uint64_t seen, seen_tokens;
	bool drained;
	enum tr_source_result after; /* what follows when the queue is empty */
	struct tr_diagnostic diagnostic;
};

static struct pending *nth(const struct recorded *recorded, uint64_t n)
{
	TR_ASSERT(n >= recorded->head);
	TR_ASSERT(n < recorded->tail);
	return &recorded->queue[n & (recorded->capacity - 1)];
}

/* The slot of a job, or the free one where it would be. */
static uint64_t slot_of(const struct recorded *recorded, uint64_t job_id)
{
	uint64_t mask = 2 * recorded->capacity - 1, slot = tr_mix(job_id) & mask;

	while (recorded->slots[slot] && nth(recorded, recorded->slots[slot] - 1)->job_id != job_id)
		slot = (slot + 1) & mask;
	return slot;
}

/* Take a job out of the slots, and close the gap for those that were pushed behind it. */
static void forget(struct recorded *recorded, uint64_t slot)
{
	uint64_t mask = 2 * recorded->capacity - 1, hole = slot;

	TR_ASSERT(recorded->slots[slot] != 0);
	for (uint64_t at = (slot + 1) & mask; recorded->slots[at]; at = (at + 1) & mask) {
		uint64_t home = tr_mix(nth(recorded, recorded->slots[at] - 1)->job_id) & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		recorded->slots[hole] = recorded->slots[at];
		hole = at;
	}
	recorded->slots[hole] = 0;
}

static int grow(struct recorded *recorded)
{
	struct recorded larger = *recorded;

	larger.capacity = tr_max(2 * recorded->capacity, PENDING_MIN);
	larger.queue = calloc(larger.capacity, sizeof(*larger.queue));
	larger.slots = calloc(2 * larger.capacity, sizeof(*larger.slots));
	if (!larger.queue || !larger.slots) {
		free(larger.queue);
		free(larger.slots);
		return -1;
	}
	for (uint64_t n = recorded->head; n < recorded->tail; n++)
		larger.queue[n & (larger.capacity - 1)] = *nth(recorded, n);
	for (uint64_t n = recorded->head; n < recorded->tail; n++)
		if (!nth(recorded, n)->ended)
			larger.slots[slot_of(&larger, nth(recorded, n)->job_id)] = n + 1;
	free(recorded->queue);
	free(recorded->slots);
	*recorded = larger;
	return 0;
}

static void end_job(struct recorded *recorded, uint64_t job_id, uint32_t tokens_out)
{
	uint64_t slot;
	struct pending *pending;

	if (recorded->capacity == 0)
		return;
	slot = slot_of(recorded, job_id);
	if (!recorded->slots[slot])
		return; /* submitted before this recording began, or given up */
	pending = nth(recorded, recorded->slots[slot] - 1);
	forget(recorded, slot);
	pending->ended = true;
	pending->tokens_out = tokens_out;
	if (tokens_out > 0) {
		recorded->seen++;
		recorded->seen_tokens += tokens_out;
	}
}

static void take_actions(struct recorded *recorded, const struct tr_actions *actions)
{
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct tr_action *action = &actions->items[i];
		const struct tr_action_job_finish *finish = &action->job_finish;

		if (action->kind == TR_ACTION_JOB_REJECT)
			end_job(recorded, action->job_reject.job_id, 0);
		else if (action->kind == TR_ACTION_JOB_FINISH)
			end_job(recorded, finish->job_id,
				finish->outcome == TR_OUTCOME_COMPLETED ? finish->tokens_out : 0);
	}
}

static int take_submit(struct recorded *recorded, const struct tr_recording_item *item)
{
	const struct tr_event_job_submit *submit = &item->event->job_submit;
	struct pending *pending;

	if (recorded->tail - recorded->head == recorded->capacity && grow(recorded) < 0)
		return -1;
	/* The id may come back while its first job's end was lost in a gap. */
	end_job(recorded, submit->job_id, 0);
	pending = &recorded->queue[recorded->tail++ & (recorded->capacity - 1)];
	*pending = (struct pending){
		.number = item->number,
		.time = item->event->time,
		.job_id = submit->job_id,
		.tenant = submit->tenant,
		.session = submit->session,
		.model = submit->model,
		.tokens_in = submit->tokens_in,
		.tokens_out_max = submit->tokens_out_max,
		.prefix_blocks = submit->prefix_blocks,
		.prefix_count = submit->prefix_count,
	};
	TR_ASSERT(submit->prefix_count <= TR_PREFIX_MAX);
	memcpy(pending->prefix, tr_submit_prefix(submit),
	       submit->prefix_count * sizeof(pending->prefix[0]));
	recorded->slots[slot_of(recorded, submit->job_id)] = recorded->tail;
	return 0;
}

/* Read until the first job of the queue has ended, or there is nothing more to read. */
static int fill(struct tr_source *source, struct recorded *recorded)
{
	const struct tr_recording_item *item;

	while (!recorded->drained) {
		if (recorded->head < recorded->tail &&
		    (nth(recorded, recorded->head)->ended ||
		     recorded->tail - recorded->head == PENDING_MAX))
			return 0;
		switch (tr_recording_next(recorded->recording, &item, &recorded->diagnostic)) {
		case TR_RECORDING_ITEM:
			break;
		case TR_RECORDING_END:
			recorded->drained = true;
			recorded->after = TR_SOURCE_END;
			continue;
		case TR_RECORDING_TORN:
			recorded->drained = true;
			recorded->after = TR_SOURCE_BAD;
			continue;
		case TR_RECORDING_FOREIGN:
		case TR_RECORDING_CORRUPT:
		case TR_RECORDING_UNREADABLE:
			recorded->drained = true;
			recorded->after = TR_SOURCE_BROKEN;
			recorded->head = recorded->tail;
			continue;
		}
		if (item->kind != TR_FRAME_EVENTS)
			continue;
		if (item->event->kind == TR_EVENT_JOB_SUBMIT && take_submit(recorded, item) < 0)
			return tr_diagnose(&recorded->diagnostic, source->path, 0, 0, NULL,
					   "not enough memory");
		take_actions(recorded, item->actions);
	}
	return 0;
}

/* The text of a name, or its hash. */
static void show_name(const struct recorded *recorded, tr_name name, char ret[TR_TRACE_TEXT_MAX])
{
	const char *text = name ? tr_recording_name(recorded->recording, name) : "";

	if (text && strlen(text) < TR_TRACE_TEXT_MAX && tr_found_is_name(text, strlen(text)))
		snprintf(ret, TR_TRACE_TEXT_MAX, "%s", text);
	else
		snprintf(ret, TR_TRACE_TEXT_MAX, "0x%016" PRIx64, name);
}

static void make_blocks(const struct pending *pending, struct tr_trace_row *row)
{
	uint32_t count = (uint32_t)tr_min(pending->prefix_blocks, TR_TRACE_BLOCKS_MAX);
	uint32_t known = 0; /* the hash of the first depth that is not above block i */

	if (count == 0 || pending->prefix_count == 0)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (i >= (UINT32_C(1) << known) && known + 1 < pending->prefix_count)
			known++;
		row->blocks[i] = tr_mix(pending->prefix[known] ^ tr_mix(i));
	}
	row->block_count = count;
	row->block_tokens = (uint32_t)(((uint64_t)row->tokens_in + pending->prefix_blocks - 1) /
				       pending->prefix_blocks);
}

static void make_row(struct tr_source *source, const struct recorded *recorded,
		     const struct pending *pending)
{
	struct tr_trace_row *row = &source->row;

	row->line = pending->number;
	row->arrival = tr_min(pending->time, TR_TRACE_TIME_MAX);
	row->tokens_in = (uint32_t)tr_min(tr_max(pending->tokens_in, 1), TR_TRACE_TOKENS_MAX);
	tr_number_text(row->arrival, 9, source->stamp);
	source->adjusted = pending->tokens_in == 0;
	row->tokens_out = (uint32_t)tr_min(pending->tokens_out, TR_TRACE_TOKENS_MAX);
	if (row->tokens_out == 0) {
		uint64_t mean = recorded->seen ? recorded->seen_tokens / recorded->seen : 1;
		uint64_t most = pending->tokens_out_max ? pending->tokens_out_max : UINT64_MAX;

		row->unseen = true;
		row->tokens_out = (uint32_t)tr_max(tr_min(mean, most), 1);
	}
	show_name(recorded, pending->tenant, row->tenant);
	show_name(recorded, pending->session, row->session);
	show_name(recorded, pending->model, row->model);
	make_blocks(pending, row);
}

static enum tr_source_result next_recorded(struct tr_source *source,
					   struct tr_diagnostic *ret_diagnostic)
{
	struct recorded *recorded = source->state;
	enum tr_source_result after;

	if (fill(source, recorded) < 0) {
		*ret_diagnostic = recorded->diagnostic;
		return TR_SOURCE_BROKEN;
	}
	if (recorded->head < recorded->tail) {
		struct pending *pending = nth(recorded, recorded->head);

		if (!pending->ended)
			forget(recorded, slot_of(recorded, pending->job_id));
		make_row(source, recorded, pending);
		recorded->head++;
		return TR_SOURCE_ROW;
	}
	after = recorded->after;
	recorded->after = TR_SOURCE_END;
	if (after != TR_SOURCE_END)
		*ret_diagnostic = recorded->diagnostic;
	return after;
}

static int begin_recorded(struct tr_source *source, struct tr_diagnostic *ret_diagnostic)
{
	struct recorded *recorded = calloc(1, sizeof(*recorded));

	if (!recorded)
		return tr_diagnose(ret_diagnostic, source->path, 0, 0, NULL, "not enough memory");
	source->state = recorded;
	if (tr_recording_open_stream(source->file, source->path, &recorded->recording,
				     ret_diagnostic) != TR_RECORDING_ITEM)
		return -1;
	return 0;
}

static void end_recorded(struct tr_source *source)
{
	struct recorded *recorded = source->state;

	if (!recorded)
		return;
	tr_recording_close(recorded->recording);
	free(recorded->queue);
	free(recorded->slots);
	free(recorded);
}

static uint64_t bytes_of(const struct tr_source *source)
{
	const struct recorded *recorded = source->state;
	uint64_t done, all;

	if (!recorded || !recorded->recording)
		return 0;
	tr_recording_progress(recorded->recording, &done, &all);
	return done;
}

const struct tr_source_kind tr_source_trr = {
	.stamp_key = "time",
	.begin = begin_recorded,
	.next = next_recorded,
	.end = end_recorded,
	.bytes = bytes_of,
};
