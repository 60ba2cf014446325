/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading frames: bytes in, whole and proved frames out.
 *
 * The rule that keeps torn and corrupt apart: a file is torn if it is the beginning of a good file,
 * and only then. So a frame cut short is torn if all that is left of it is as it must be (a head's
 * magic, number and links are known before it is read), and a damaged length can never pass for a
 * cut, because the head's own check is looked at before the length is believed. Every byte of a
 * file is under some check; bytes after END are refused.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "traces/recording_reader.h"

/* Where number, recording and previous stand in a head; all three are known beforehand. */
#define KNOWN_AT    16
#define KNOWN_BYTES 24

enum tr_recording_status tr_recording_problem(struct tr_recording *recording,
					      enum tr_recording_status status, const char *format,
					      ...)
{
	char text[384];
	va_list arguments;

	TR_ASSERT(status < 0);
	TR_ASSERT(recording->status == TR_RECORDING_ITEM);
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	recording->status = status;
	tr_diagnose(&recording->problem, recording->name, 0, 0, "", "%s", text);
	return status;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* The file ends too early, `got` bytes into the next frame; say where, and what is good. */
static enum tr_recording_status torn(struct tr_recording *recording, size_t got, const char *where)
{
	return tr_recording_problem(
		recording, TR_RECORDING_TORN,
		"torn: the file ends at byte %llu, %s frame %llu; %llu whole frame%s with %llu "
		"event%s before it",
		(unsigned long long)recording->next_offset + got, where,
		(unsigned long long)recording->next_frame,
		(unsigned long long)recording->next_frame, plural(recording->next_frame),
		(unsigned long long)recording->events, plural(recording->events));
}

static enum tr_recording_status corrupt_head(struct tr_recording *recording, const char *what)
{
	return tr_recording_problem(recording, TR_RECORDING_CORRUPT,
				    "corrupt: frame %llu at byte %llu: %s",
				    (unsigned long long)recording->next_frame,
				    (unsigned long long)recording->next_offset, what);
}

/* Up to `length` bytes; fewer only at the end of the file. False: the read itself failed. */
static bool read_bytes(struct tr_recording *recording, uint8_t *ret, size_t length, size_t *ret_got)
{
	errno = 0;
	*ret_got = fread(ret, 1, length, recording->stream);
	if (*ret_got == length || !ferror(recording->stream))
		return true;
	tr_recording_problem(recording, TR_RECORDING_UNREADABLE, "cannot be read: %s",
			     strerror(errno ? errno : EIO));
	return false;
}

/* ----------------------------------------------------------------------------- heads and frames */

/* What is there of a head agrees with what is known of it beforehand. */
static bool head_prefix_fits(const struct tr_recording *recording, const uint8_t *bytes, size_t got)
{
	uint8_t magic[4];
	uint8_t known[KNOWN_BYTES];
	size_t known_got = got > KNOWN_AT ? got - KNOWN_AT : 0;

	tr_put_u32(magic, TR_FRAME_MAGIC);
	if (memcmp(bytes, magic, tr_min(got, sizeof magic)) != 0)
		return false;
	if (recording->next_frame == 0)
		return true;
	tr_put_u64(tr_put_u64(tr_put_u64(known, recording->next_frame), recording->recording),
		   recording->previous);
	return memcmp(bytes + KNOWN_AT, known, tr_min(known_got, sizeof known)) == 0;
}

static enum tr_recording_status no_recording(struct tr_recording *recording, const uint8_t *bytes,
					     size_t got)
{
	char text[5] = "";

	for (size_t i = 0; i < got && i < 4; i++)
		text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
	if (got >= 4 && memcmp(bytes, "TRR", 3) == 0 && bytes[3] != '1')
		return tr_recording_problem(recording, TR_RECORDING_CORRUPT,
					    "corrupt: frame 0 at byte 0: begins with '%s', and "
					    "this program reads 'TRR1'",
					    text);
	return tr_recording_problem(recording, TR_RECORDING_CORRUPT,
				    "is no recording: frame 0 at byte 0 begins with '%s', not "
				    "with 'TRR1'",
				    text);
}

/* Why a whole head is refused, or NULL. */
static const char *head_wrong(const struct tr_recording *recording,
			      const struct tr_frame_head *head)
{
	bool first = recording->next_frame == 0;

	if (head->number != recording->next_frame)
		return "its head has another frame number: a frame is missing or moved";
	if (head->recording != (first ? head->payload_hash : recording->recording))
		return "it belongs to another recording";
	if (head->previous != recording->previous)
		return "it does not follow the frame before it: one of the two is from elsewhere";
	if (head->kind == TR_FRAME_NONE || head->kind >= TR_FRAME_COUNT)
		return "its kind is unknown";
	if (head->length > TR_FRAME_PAYLOAD_MAX)
		return "its payload is longer than any frame may be";
	return NULL;
}

static bool payload_reserve(struct tr_recording *recording, size_t length)
{
	uint8_t *payload;

	TR_ASSERT(length <= TR_FRAME_PAYLOAD_MAX);
	/* A frame may be empty; a pointer to its payload may not. */
	length = length ? length : 1;
	if (length <= recording->payload_room)
		return true;
	payload = realloc(recording->payload, length);
	if (!payload)
		return false;
	recording->payload = payload;
	recording->payload_room = length;
	return true;
}

/* Read the next head. ITEM: there is one and it fits; END: the file ends cleanly before it. */
static enum tr_recording_status read_head(struct tr_recording *recording)
{
	uint8_t bytes[TR_FRAME_HEAD_BYTES];
	const char *wrong;
	size_t got;

	if (!read_bytes(recording, bytes, sizeof bytes, &got))
		return recording->status;
	if (recording->closed)
		return got == 0 ? TR_RECORDING_END
				: corrupt_head(recording, "there are bytes after the END frame");
	if (got > 0 && !head_prefix_fits(recording, bytes, got)) {
		if (recording->next_frame == 0)
			return no_recording(recording, bytes, got);
		if (got < sizeof bytes)
			return corrupt_head(recording, "its head is damaged");
	}
	if (got == 0)
		return recording->next_frame == 0
			       ? tr_recording_problem(recording, TR_RECORDING_TORN,
						      "torn: the file is empty; there is nothing "
						      "to replay")
			       : torn(recording, got, "without END, before");
	if (got < sizeof bytes)
		return torn(recording, got, "inside the head of");
	if (!tr_frame_head_decode(bytes, &recording->head))
		return corrupt_head(recording, "its head does not have the hash it says");
	wrong = head_wrong(recording, &recording->head);
	return wrong ? corrupt_head(recording, wrong) : TR_RECORDING_ITEM;
}

/* Read the frame that stands next, head and payload. */
static enum tr_recording_status read_frame(struct tr_recording *recording)
{
	struct tr_frame_head *head = &recording->head;
	enum tr_recording_status status = read_head(recording);
	size_t got;

	if (status != TR_RECORDING_ITEM)
		return status;
	if (!payload_reserve(recording, head->length))
		return tr_recording_problem(recording, TR_RECORDING_UNREADABLE,
					    "cannot be read: no memory for frame %llu",
					    (unsigned long long)head->number);
	if (!read_bytes(recording, recording->payload, head->length, &got))
		return recording->status;
	if (got < head->length)
		return torn(recording, TR_FRAME_HEAD_BYTES + got, "inside");
	if (tr_frame_hash(recording->payload, head->length) != head->payload_hash)
		return tr_recording_problem(recording, TR_RECORDING_CORRUPT,
					    "corrupt: frame %llu (%s) at byte %llu: its payload "
					    "does not have the hash that its head says",
					    (unsigned long long)head->number,
					    tr_frame_name(head->kind),
					    (unsigned long long)recording->next_offset);
	recording->offset = recording->next_offset;
	recording->next_offset += TR_FRAME_HEAD_BYTES + head->length;
	recording->previous = head->check;
	recording->bytes.at = recording->payload;
	recording->bytes.end = recording->payload + head->length;
	recording->bytes.bad = false;
	status = tr_recording_frame_begin(recording);
	if (status < 0)
		return status;
	recording->next_frame++;
	recording->frames[head->kind]++;
	return TR_RECORDING_ITEM;
}

/* ------------------------------------------------------------------------------------ the doors */

static uint64_t stream_size(FILE *stream)
{
	struct stat status;
	int fd = fileno(stream);

	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0)
		return 0;
	return (uint64_t)status.st_size;
}

static enum tr_recording_status open_stream(FILE *stream, bool owned, const char *name,
					    struct tr_recording **ret,
					    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_recording *recording = calloc(1, sizeof *recording);
	enum tr_recording_status status = TR_RECORDING_UNREADABLE;

	if (!recording) {
		tr_diagnose(ret_diagnostic, name, 0, 0, "", "no memory to read a recording");
		if (owned)
			fclose(stream);
		return status;
	}
	recording->stream = stream;
	recording->owned = owned;
	recording->name = strdup(name);
	recording->names = tr_name_table_new();
	recording->status = TR_RECORDING_ITEM;
	recording->size = stream_size(stream);
	if (!recording->name || !recording->names) {
		tr_diagnose(ret_diagnostic, name, 0, 0, "", "no memory to read a recording");
		tr_recording_close(recording);
		return status;
	}
	status = read_frame(recording);
	TR_ASSERT(status != TR_RECORDING_END);
	if (status != TR_RECORDING_ITEM) {
		*ret_diagnostic = recording->problem;
		tr_recording_close(recording);
		return status;
	}
	*ret = recording;
	return status;
}

enum tr_recording_status tr_recording_open_stream(FILE *stream, const char *name,
						  struct tr_recording **ret,
						  struct tr_diagnostic *ret_diagnostic)
{
	return open_stream(stream, false, name, ret, ret_diagnostic);
}

enum tr_recording_status tr_recording_open(const char *path, struct tr_recording **ret,
					   struct tr_diagnostic *ret_diagnostic)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *stream = standard ? stdin : fopen(path, "rbe");

	if (!stream) {
		tr_diagnose(ret_diagnostic, path, 0, 0, "", "cannot be opened: %s",
			    strerror(errno));
		return TR_RECORDING_UNREADABLE;
	}
	return open_stream(stream, !standard, standard ? "standard input" : path, ret,
			   ret_diagnostic);
}

/* Whether the frame that was read last has something to give out by itself. */
static bool gives_item(const struct tr_recording *recording)
{
	return recording->item.kind != TR_FRAME_NONE;
}

enum tr_recording_status tr_recording_next(struct tr_recording *recording,
					   const struct tr_recording_item **ret,
					   struct tr_diagnostic *ret_diagnostic)
{
	enum tr_recording_status status = recording->status;

	while (status == TR_RECORDING_ITEM) {
		if (recording->items_left > 0) {
			status = tr_recording_frame_event(recording);
			break;
		}
		recording->item.kind = TR_FRAME_NONE;
		status = read_frame(recording);
		if (status == TR_RECORDING_ITEM && gives_item(recording))
			break;
	}
	recording->status = status;
	if (status < 0)
		*ret_diagnostic = recording->problem;
	if (status == TR_RECORDING_ITEM)
		*ret = &recording->item;
	return status;
}

void tr_recording_close(struct tr_recording *recording)
{
	if (!recording)
		return;
	if (recording->owned)
		fclose(recording->stream);
	tr_name_table_free(recording->names);
	free(recording->payload);
	free(recording->name);
	free(recording);
}

const struct tr_recording_header *tr_recording_header(const struct tr_recording *recording)
{
	return &recording->header;
}

const struct tr_recording_state *tr_recording_totals(const struct tr_recording *recording)
{
	return recording->status == TR_RECORDING_END ? &recording->totals : NULL;
}

const char *tr_recording_name(const struct tr_recording *recording, tr_name name)
{
	return tr_name_table_find(recording->names, name);
}

void tr_recording_progress(const struct tr_recording *recording, uint64_t *ret_done,
			   uint64_t *ret_all)
{
	*ret_done = recording->next_offset;
	*ret_all = recording->size;
}
