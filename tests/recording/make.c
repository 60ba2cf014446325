/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes recordings for tests that need files:
 *   recording_make KIND FILE              one of the kinds below
 *   recording_make corpus FOLDER FOLDER   the corpora of the fuzz targets `recording` and `codec`:
 *                                         small real recordings, the frames of every malformed one,
 *                                         a message of every kind
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/recording/host.h"
#include "tests/recording/malformed.h"

static void write_file(const char *folder, const char *name, const void *head, size_t head_length,
		       const void *bytes, size_t length)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(head, 1, head_length, file) != head_length ||
	    fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
		fprintf(stderr, "%s: cannot be written\n", path);
		exit(1);
	}
}

/* The frames of a recording as fuzz_recording.c seals them. */
static void write_frames(const char *folder, const char *name, const uint8_t *bytes, size_t length)
{
	uint8_t *list = malloc(length);
	uint8_t *p = list;

	if (!list)
		exit(1);
	for (size_t at = 0; at + TR_FRAME_HEAD_BYTES <= length;) {
		struct tr_frame_head head;

		(void)tr_frame_head_decode(bytes + at, &head);
		at += TR_FRAME_HEAD_BYTES;
		if (head.kind == 0 || head.kind >= TR_FRAME_COUNT || head.length > UINT16_MAX ||
		    head.length > length - at)
			break;
		p = tr_put_u8(p, (uint8_t)(head.kind - 1));
		p = tr_put_u8(p, (uint8_t)head.flags);
		p = tr_put_u16(p, (uint16_t)head.items);
		p = tr_put_u16(p, (uint16_t)head.length);
		memcpy(p, bytes + at, head.length);
		p += head.length;
		at += head.length;
	}
	write_file(folder, name, "", 0, list, (size_t)(p - list));
	free(list);
}

static void write_malformed(const char *folder, const struct malformed *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct forge *forge = forge_new();

		rows[i].make(forge);
		write_frames(folder, rows[i].name, forge->bytes, forge->length);
		free(forge);
	}
}

static void write_recordings(const char *folder)
{
	static const struct {
		const char *name;
		struct host_options options;
	} rows[] = {
		{"real-short", {.seed = 1, .jobs = 3}},
		{"real-fails", {.seed = 2, .jobs = 12, .fail_percent = 50, .flush_each = 20}},
		{"real-policies", {.seed = 3, .jobs = 8, .switch_policy = 20}},
		{"real-gap", {.seed = 4, .jobs = 8, .gap_begin = 10, .gap_events = 5}},
		{"real-part", {.seed = 5, .jobs = 8, .rotate_at = 15}},
	};
	char name[64];

	for (size_t i = 0; i < TR_ARRAY_LENGTH(rows); i++) {
		struct host_recording recording;

		host_record(&rows[i].options, &recording);
		write_frames(folder, rows[i].name, recording.bytes, recording.length);
		if (i == 0) {
			snprintf(name, sizeof name, "%s.trr", rows[i].name);
			write_file(folder, name, "", 0, recording.bytes, recording.length);
		}
		free(recording.bytes);
	}
}

static void write_messages(const char *folder)
{
	uint8_t bytes[TR_RECORD_BYTES_MAX];
	char name[64];

	for (uint16_t kind = 1; kind < TR_EVENT_COUNT; kind++) {
		struct tr_event event = {.kind = kind, .time = 2, .observed = 1};

		snprintf(name, sizeof name, "event-%s", tr_event_kinds[kind].name);
		write_file(folder, name, "e", 1, bytes, tr_event_encode(&event, bytes));
	}
	for (uint16_t kind = 1; kind < TR_ACTION_COUNT; kind++) {
		struct tr_action action = {.kind = kind};

		snprintf(name, sizeof name, "action-%s", tr_action_kinds[kind].name);
		write_file(folder, name, "a", 1, bytes, tr_action_encode(&action, bytes));
	}
}

/* Real records: with several actions, with candidates that were left out. */
static void write_records(const char *folder)
{
	const struct host_options options = {.seed = 6, .jobs = 40, .fail_percent = 40};
	static uint8_t bytes[TR_RECORD_BYTES_MAX];
	struct host_recording made;
	const struct tr_recording_item *item;
	struct tr_recording *recording;
	struct tr_diagnostic diagnostic;
	FILE *stream;
	char name[64];

	host_record(&options, &made);
	stream = host_open(made.bytes, made.length);
	if (tr_recording_open_stream(stream, "made", &recording, &diagnostic) != TR_RECORDING_ITEM)
		exit(1);
	while (tr_recording_next(recording, &item, &diagnostic) == TR_RECORDING_ITEM) {
		if (item->kind != TR_FRAME_EVENTS || item->number % 11 != 0)
			continue;
		snprintf(name, sizeof name, "record-%llu", (unsigned long long)item->number);
		write_file(folder, name, "r", 1, bytes,
			   tr_record_encode(item->event, item->actions, item->chain, true, bytes));
	}
	tr_recording_close(recording);
	fclose(stream);
	free(made.bytes);
}

static const struct {
	const char *kind;
	struct host_options options;
} kinds[] = {
	{"good", {.seed = 9, .jobs = 30, .fail_percent = 20}},
	{"empty", {.seed = 9}},
	{"altered", {.seed = 9, .jobs = 30, .fail_percent = 20, .alter = 1}},
	{"altered-clock", {.seed = 9, .jobs = 30, .fail_percent = 20, .alter = 40}},
	{"torn", {.seed = 9, .jobs = 30, .fail_percent = 20, .unfinished = true}},
	{"gap", {.seed = 9, .jobs = 30, .fail_percent = 20, .gap_begin = 50, .gap_events = 10}},
	{"snapshots", {.seed = 9, .jobs = 30, .fail_percent = 20, .snapshot_each = 50}},
	{"part", {.seed = 9, .jobs = 30, .fail_percent = 20, .rotate_at = 50}},
};

static int make_corpus(const char *recording, const char *codec)
{
	write_malformed(recording, malformed_frames, malformed_frames_count);
	write_malformed(recording, malformed_events, malformed_events_count);
	write_recordings(recording);
	write_messages(codec);
	write_records(codec);
	return 0;
}

int main(int argc, char **argv)
{
	struct host_recording recording;

	if (argc == 4 && strcmp(argv[1], "corpus") == 0)
		return make_corpus(argv[2], argv[3]);
	for (size_t i = 0; argc == 3 && i < TR_ARRAY_LENGTH(kinds); i++) {
		if (strcmp(argv[1], kinds[i].kind) != 0)
			continue;
		host_record(&kinds[i].options, &recording);
		write_file(".", argv[2], "", 0, recording.bytes, recording.length);
		free(recording.bytes);
		return 0;
	}
	fprintf(stderr, "usage: %s KIND FILE | corpus FOLDER FOLDER\n", argv[0]);
	return 2;
}
