/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording reader against any bytes.
 *
 * Input that begins with TRR1 is read as it is; little of it gets past the hashes. Any other input
 * is a list of frames to be sealed with right hashes first, so that what lies behind them is
 * reached: u8 kind, u8 flags, u16 items, u16 length, the payload; and so on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/describe.h"
#include "traces/recording_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define FRAMES_MAX 64

/* Seal the frames listed in the input. Returns the length, at most `length` + FRAMES_MAX heads. */
static size_t seal(const uint8_t *bytes, size_t length, uint8_t *ret)
{
	struct tr_bytes left = {bytes, bytes + length, false};
	struct tr_frame_head head = {.number = 0};
	uint8_t *p = ret;

	while (tr_bytes_left(&left) >= 6 && head.number < FRAMES_MAX) {
		const uint8_t *payload;

		/* Kinds that there are, for the encoder asserts them. */
		head.kind = (uint16_t)(1 + tr_take_u8(&left) % (TR_FRAME_COUNT - 1));
		head.flags = tr_take_u8(&left);
		head.items = tr_take_u16(&left);
		head.length = (uint32_t)tr_min(tr_take_u16(&left), tr_bytes_left(&left));
		payload = tr_take(&left, head.length);
		head.payload_hash = tr_frame_hash(payload, head.length);
		if (head.number == 0)
			head.recording = head.payload_hash;
		tr_frame_head_encode(&head, p);
		memcpy(p + TR_FRAME_HEAD_BYTES, payload, head.length);
		p += TR_FRAME_HEAD_BYTES + head.length;
		head.previous = head.check;
		head.number++;
	}
	return (size_t)(p - ret);
}

static const char *find_name(void *context, tr_name name)
{
	return tr_recording_name(context, name);
}

static void use_item(const struct tr_describer *describer, const struct tr_recording_item *item)
{
	struct tr_detail details[TR_DETAILS_MAX];

	if (item->kind != TR_FRAME_EVENTS)
		return;
	tr_describe_event(describer, item->event, details);
	json_decref(tr_event_json(describer, item->event));
	json_decref(tr_actions_json(describer, item->actions));
}

static enum tr_recording_status read_all(uint8_t *bytes, size_t length, uint64_t *ret_events)
{
	FILE *stream = fmemopen(bytes, length, "rb");
	struct tr_recording *recording = NULL;
	const struct tr_recording_item *item;
	struct tr_describer describer = {.name = find_name};
	struct tr_diagnostic diagnostic = {.message = ""};
	enum tr_recording_status status;

	*ret_events = 0;
	if (!stream)
		return TR_RECORDING_UNREADABLE;
	status = tr_recording_open_stream(stream, "fuzz", &recording, &diagnostic);
	describer.context = recording;
	while (status == TR_RECORDING_ITEM) {
		status = tr_recording_next(recording, &item, &diagnostic);
		if (status == TR_RECORDING_ITEM)
			use_item(&describer, item);
		*ret_events += status == TR_RECORDING_ITEM && item->kind == TR_FRAME_EVENTS;
	}
	TR_ASSERT(status == TR_RECORDING_END || diagnostic.message[0] != '\0');
	TR_ASSERT(!recording || (status == TR_RECORDING_END) == !!tr_recording_totals(recording));
	tr_recording_close(recording);
	fclose(stream);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	bool raw = length >= 4 && memcmp(bytes, "TRR1", 4) == 0;
	uint8_t *file = malloc(length + FRAMES_MAX * TR_FRAME_HEAD_BYTES + 1);
	enum tr_recording_status status;
	uint64_t events, events_cut;

	if (!file)
		return 0;
	if (raw)
		memcpy(file, bytes, length);
	else
		length = seal(bytes, length, file);
	if (length == 0) {
		free(file);
		return 0;
	}
	status = read_all(file, length, &events);
	/* What is good stays good when the end is missing: cut, it is torn. */
	if (status == TR_RECORDING_END || status == TR_RECORDING_TORN) {
		status = length > 1 ? read_all(file, length - 1, &events_cut) : status;
		TR_ASSERT(length == 1 || status == TR_RECORDING_TORN);
		TR_ASSERT(length == 1 || events_cut <= events);
	}
	free(file);
	return 0;
}
