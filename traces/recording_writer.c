/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: frames out, in constant memory.
 *
 * Events gather in one payload until it has a good size; names wait beside it and go out just
 * before it, so that a reader knows them first. Anything else closes the frame of events that is
 * open. The host is never asked to look after errors: the first one is kept and the rest of the
 * calls do nothing, so a recording is either whole, or its end says that it is not.
 *
 * What it refuses: a name that is not the text of its hash (left out), a policy longer than a
 * frame, and to replace a file before the new one is whole, if the host asked for that.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traces/recording_frame.h"
#include "traces/whole_file.h"

/* Names written lately, so that they are not written again; a forgotten one does no harm. */
#define RECENT_NAMES 4096
#define NAMES_BYTES  65536

struct tr_recorder {
	FILE *stream;
	char *path;
	struct tr_whole_file file; /* if `owned`: the stream is ours to close */
	bool owned;
	bool failed;
	bool finished;
	bool decisions;
	struct tr_diagnostic error;
	uint64_t snapshot_each;

	uint64_t frame;
	uint64_t recording;
	uint64_t previous;
	uint64_t offset;

	uint64_t event_next;  /* number of the next event */
	uint64_t event_first; /* of the open frame */
	uint64_t events;      /* in this file */
	uint64_t gaps;
	uint64_t lost;
	uint32_t open_count; /* events of the open frame */
	uint32_t open_bytes;
	uint32_t name_count;
	uint32_t name_bytes;
	struct tr_index indexes[TR_INDEX_COUNT];
	tr_name recent[RECENT_NAMES];
	uint8_t names[NAMES_BYTES];
	uint8_t open[TR_EVENTS_BYTES + TR_RECORD_BYTES_MAX];
	uint8_t chunk[TR_SNAPSHOT_HEAD_BYTES + TR_SNAPSHOT_CHUNK];
};

static void fail(struct tr_recorder *recorder, const char *what, int error)
{
	if (recorder->failed)
		return;
	recorder->failed = true;
	tr_diagnose(&recorder->error, recorder->path, 0, 0, "", "cannot %s the recording: %s", what,
		    strerror(error));
}

/* ------------------------------------------------------------------------------------- frames */

static void put_bytes(struct tr_recorder *recorder, const void *bytes, size_t length)
{
	if (recorder->failed || length == 0)
		return;
	errno = 0;
	if (fwrite(bytes, 1, length, recorder->stream) != length)
		fail(recorder, "write", errno ? errno : EIO);
	recorder->offset += length;
}

static void put_frame(struct tr_recorder *recorder, enum tr_frame_kind kind, uint16_t flags,
		      uint32_t items, const uint8_t *payload, size_t length)
{
	uint8_t bytes[TR_FRAME_HEAD_BYTES];
	struct tr_frame_head head = {
		.kind = (uint16_t)kind,
		.flags = flags,
		.length = (uint32_t)length,
		.items = items,
		.number = recorder->frame,
		.recording = recorder->recording,
		.previous = recorder->previous,
		.payload_hash = tr_frame_hash(payload, length),
	};

	TR_ASSERT(length <= TR_FRAME_PAYLOAD_MAX);
	if (recorder->frame == 0) {
		TR_ASSERT(kind == TR_FRAME_HEADER);
		recorder->recording = head.payload_hash;
		head.recording = head.payload_hash;
	}
	tr_frame_head_encode(&head, bytes);
	put_bytes(recorder, bytes, sizeof bytes);
	put_bytes(recorder, payload, length);
	recorder->frame++;
	recorder->previous = head.check;
}

static void note(struct tr_recorder *recorder, enum tr_index_sort sort, uint64_t event)
{
	const struct tr_index_row row = {
		.offset = recorder->offset,
		.frame = recorder->frame,
		.event = event,
	};

	tr_index_note(&recorder->indexes[sort], &row);
}

/* Close what is open: the names first, for the events that use them. */
static void close_open(struct tr_recorder *recorder)
{
	if (recorder->name_count > 0) {
		put_frame(recorder, TR_FRAME_NAMES, 0, recorder->name_count, recorder->names,
			  recorder->name_bytes);
		recorder->name_count = 0;
		recorder->name_bytes = 0;
	}
	if (recorder->open_count > 0) {
		note(recorder, TR_INDEX_EVENTS, recorder->event_first);
		put_frame(recorder, TR_FRAME_EVENTS, 0, recorder->open_count, recorder->open,
			  recorder->open_bytes);
		recorder->open_count = 0;
		recorder->open_bytes = 0;
	}
}

/* -------------------------------------------------------------------------------------- making */

static int begin(FILE *stream, const char *path, const struct tr_recording_header *header,
		 const struct tr_recorder_options *options, struct tr_recorder **ret,
		 struct tr_diagnostic *ret_diagnostic)
{
	uint8_t payload[TR_HEADER_BYTES_MAX];
	struct tr_recorder *recorder = calloc(1, sizeof *recorder);
	char *copy = strdup(path);

	if (!recorder || !copy) {
		free(recorder);
		free(copy);
		return tr_diagnose(ret_diagnostic, path, 0, 0, "", "no memory for a recording");
	}
	TR_ASSERT(header->first_event > 0);
	TR_ASSERT(header->schema_version == TR_SCHEMA_VERSION);
	recorder->stream = stream;
	recorder->path = copy;
	recorder->decisions = header->decisions != 0;
	recorder->snapshot_each = options ? options->snapshot_each : 0;
	recorder->event_next = header->first_event;
	put_frame(recorder, TR_FRAME_HEADER, 0, 1, payload, tr_header_encode(header, payload));
	*ret = recorder;
	return 0;
}

int tr_recorder_create_stream(FILE *stream, const char *name,
			      const struct tr_recording_header *header,
			      const struct tr_recorder_options *options, struct tr_recorder **ret,
			      struct tr_diagnostic *ret_diagnostic)
{
	return begin(stream, name, header, options, ret, ret_diagnostic);
}

int tr_recorder_create(const char *path, const struct tr_recording_header *header,
		       const struct tr_recorder_options *options, struct tr_recorder **ret,
		       struct tr_diagnostic *ret_diagnostic)
{
	struct stat status;
	struct tr_recorder *recorder = NULL;
	struct tr_whole_file file = {.stream = NULL};
	bool whole = options && options->temporary;
	int err;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return tr_diagnose(ret_diagnostic, path, 0, 0, "",
				   "is a directory; a recording needs the name of a file");
	errno = 0;
	if (!whole)
		file.stream = fopen(path, "wbe");
	else
		errno = tr_whole_file_open(path, &file);
	if (!file.stream)
		return tr_diagnose(ret_diagnostic, path, 0, 0, "",
				   "cannot create the recording: %s", strerror(errno));
	err = begin(file.stream, path, header, options, &recorder, ret_diagnostic);
	if (err < 0)
		goto err_after_open;
	TR_ASSERT(recorder != NULL);
	recorder->owned = true;
	recorder->file = file;
	*ret = recorder;
	return 0;
err_after_open:
	tr_whole_file_cancel(&file);
	if (!whole)
		unlink(path);
	TR_ASSERT(err < 0);
	return err;
}

void tr_recorder_free(struct tr_recorder *recorder)
{
	if (!recorder)
		return;
	if (!recorder->finished)
		close_open(recorder);
	tr_whole_file_cancel(&recorder->file);
	free(recorder->path);
	free(recorder);
}

/* -------------------------------------------------------------------------------------- filling */

void tr_recorder_policy(struct tr_recorder *recorder, uint32_t slot, uint64_t id, const char *text,
			size_t length)
{
	uint8_t *payload;

	if (recorder->failed)
		return;
	if (length > TR_RECORDING_POLICY_MAX) {
		recorder->failed = true;
		tr_diagnose(&recorder->error, recorder->path, 0, 0, "",
			    "the policy's canonical text has %zu bytes; a recording takes %u",
			    length, TR_RECORDING_POLICY_MAX);
		return;
	}
	payload = malloc(TR_POLICY_HEAD_BYTES + length);
	if (!payload) {
		fail(recorder, "write", ENOMEM);
		return;
	}
	tr_put_u32(tr_put_u32(tr_put_u64(payload, id), slot), 0);
	memcpy(payload + TR_POLICY_HEAD_BYTES, text, length);
	close_open(recorder);
	put_frame(recorder, TR_FRAME_POLICY, 0, 1, payload, TR_POLICY_HEAD_BYTES + length);
	free(payload);
}

void tr_recorder_name(struct tr_recorder *recorder, tr_name name, const char *text, size_t length)
{
	tr_name *recent = &recorder->recent[name % RECENT_NAMES];
	uint8_t *p;

	if (*recent == name || length == 0 || length > TR_RECORDING_NAME_MAX)
		return;
	if (tr_name_of(text, length) != name || memchr(text, '\0', length))
		return;
	*recent = name;
	if (recorder->name_bytes + TR_NAME_HEAD_BYTES + length > NAMES_BYTES)
		close_open(recorder);
	p = recorder->names + recorder->name_bytes;
	p = tr_put_u16(tr_put_name(p, name), (uint16_t)length);
	memcpy(p, text, length);
	recorder->name_bytes += (uint32_t)(TR_NAME_HEAD_BYTES + length);
	recorder->name_count++;
}

void tr_recorder_event(struct tr_recorder *recorder, const struct tr_event *event,
		       const struct tr_actions *actions, uint64_t chain)
{
	if (recorder->failed)
		return;
	TR_ASSERT(!recorder->finished);
	if (recorder->open_count == 0) {
		recorder->event_first = recorder->event_next;
		tr_put_u64(recorder->open, recorder->event_first);
		recorder->open_bytes = TR_EVENTS_HEAD_BYTES;
	}
	recorder->open_bytes += (uint32_t)tr_record_encode(
		event, actions, chain, recorder->decisions, recorder->open + recorder->open_bytes);
	recorder->open_count++;
	recorder->event_next++;
	recorder->events++;
	TR_ASSERT(recorder->open_bytes <= sizeof recorder->open);
	if (recorder->open_bytes >= TR_EVENTS_BYTES || recorder->open_count == TR_EVENTS_COUNT)
		close_open(recorder);
}

void tr_recorder_step(struct tr_recorder *recorder, const struct tr_engine *engine,
		      const struct tr_event *event, const struct tr_actions *actions)
{
	tr_recorder_event(recorder, event, actions, tr_engine_chain(engine));
	if (recorder->snapshot_each > 0 && recorder->events % recorder->snapshot_each == 0)
		tr_recorder_snapshot(recorder, engine);
}

void tr_recorder_snapshot(struct tr_recorder *recorder, const struct tr_engine *engine)
{
	struct tr_snapshot_cursor cursor = {0};
	struct tr_recording_state state;
	uint8_t *body = recorder->chunk + TR_SNAPSHOT_HEAD_BYTES;
	int more = 1;

	if (recorder->failed)
		return;
	tr_recording_state_of(engine, &state);
	state.event = recorder->event_next - 1;
	close_open(recorder);
	note(recorder, TR_INDEX_SNAPSHOTS, state.event);
	for (uint32_t number = 0; more == 1; number++) {
		size_t length = 0;
		unsigned flags = number == 0 ? TR_CHUNK_FIRST : 0u;

		more = tr_engine_snapshot(engine, &cursor, body, TR_SNAPSHOT_CHUNK, &length);
		TR_ASSERT(more >= 0);
		if (more == 0)
			flags |= TR_CHUNK_LAST;
		tr_put_u32(tr_state_encode(&state, recorder->chunk), number);
		put_frame(recorder, TR_FRAME_SNAPSHOT, (uint16_t)flags, 1, recorder->chunk,
			  TR_SNAPSHOT_HEAD_BYTES + length);
	}
}

void tr_recorder_gap(struct tr_recorder *recorder, uint64_t lost, tr_time_ns from, tr_time_ns to)
{
	uint8_t payload[TR_GAP_BYTES];

	TR_ASSERT(lost > 0);
	TR_ASSERT(from <= to);
	tr_put_u64(tr_put_u64(tr_put_u64(payload, lost), from), to);
	close_open(recorder);
	put_frame(recorder, TR_FRAME_GAP, 0, 1, payload, sizeof payload);
	recorder->event_next += lost;
	recorder->lost += lost;
	recorder->gaps++;
}

static void flush_stream(struct tr_recorder *recorder)
{
	errno = 0;
	if (!recorder->failed && fflush(recorder->stream) != 0)
		fail(recorder, "write", errno ? errno : EIO);
}

void tr_recorder_flush(struct tr_recorder *recorder)
{
	close_open(recorder);
	flush_stream(recorder);
}

/* ------------------------------------------------------------------------------------- closing */

static void put_end(struct tr_recorder *recorder, const struct tr_recording_state *state)
{
	uint8_t payload[TR_END_BYTES];
	struct tr_recording_state totals = *state;
	size_t length = tr_index_encode(recorder->indexes, recorder->chunk);
	uint8_t *p;

	_Static_assert(TR_INDEX_BYTES_MAX <= sizeof recorder->chunk, "the index fits a chunk");
	totals.event = recorder->event_next - 1;
	put_frame(recorder, TR_FRAME_INDEX, 0, tr_index_items(recorder->indexes), recorder->chunk,
		  length);
	p = tr_state_encode(&totals, payload);
	p = tr_put_u64(p, recorder->events);
	p = tr_put_u64(p, recorder->gaps);
	p = tr_put_u64(p, recorder->lost);
	TR_ASSERT(p == payload + sizeof payload);
	put_frame(recorder, TR_FRAME_END, 0, 1, payload, sizeof payload);
}

static void settle_file(struct tr_recorder *recorder)
{
	int error = 0;

	if (recorder->failed)
		tr_whole_file_cancel(&recorder->file);
	else
		error = tr_whole_file_finish(&recorder->file);
	recorder->stream = NULL;
	if (error)
		fail(recorder, "write", error);
}

int tr_recorder_finish(struct tr_recorder *recorder, const struct tr_recording_state *state,
		       struct tr_diagnostic *ret_diagnostic)
{
	TR_ASSERT(!recorder->finished);
	close_open(recorder);
	put_end(recorder, state);
	flush_stream(recorder);
	if (recorder->owned)
		settle_file(recorder);
	recorder->finished = true;
	if (!recorder->failed)
		return 0;
	*ret_diagnostic = recorder->error;
	return -1;
}

const struct tr_diagnostic *tr_recorder_error(const struct tr_recorder *recorder)
{
	return recorder->failed ? &recorder->error : NULL;
}

uint64_t tr_recorder_bytes(const struct tr_recorder *recorder)
{
	return recorder->offset;
}
