/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording, `.trr`: everything an engine was told and everything it answered, so that the run
 * can be taken up again or proved equal.
 *
 * A file is a row of frames, each with a head that is checked by itself. A file that ends inside a
 * frame, or without its END frame, is torn: a crash did that, and what stands before is good.
 * Anything else that does not add up is corrupt. The two are never confused. The byte layout is in
 * docs/recording.md.
 *
 * Writer and reader stream in constant memory, and a length found in a file is never believed
 * beyond the caps below.
 */
#ifndef TR_TRACES_RECORDING_H
#define TR_TRACES_RECORDING_H

#include <stdio.h>

#include "engine/engine.h"
#include "engine/policy/diagnostic.h"

/* What a frame holds. X(name, text) */
#define TR_FRAME_MAP(X)                                                                            \
	X(HEADER, "versions, limits, seed, environment")                                           \
	X(POLICY, "a policy's canonical text, its id and its slot")                                \
	X(NAMES, "texts of name hashes first used after this frame")                               \
	X(EVENTS, "events with their actions, chain value and decision records")                   \
	X(SNAPSHOT, "a chunk of the engine's state")                                               \
	X(GAP, "events that were lost here, counted")                                              \
	X(INDEX, "where the frames begin")                                                         \
	X(END, "totals; the file was closed")

enum tr_frame_kind {
	TR_FRAME_NONE,
#define X(name, text) TR_FRAME_##name,
	TR_FRAME_MAP(X)
#undef X
	TR_FRAME_COUNT
};

/* "EVENTS"; "?" for a number that is none. Static. */
const char *tr_frame_name(unsigned kind);

/* Longest payload of a frame, bytes; no reader believes more. */
#define TR_FRAME_PAYLOAD_MAX (4u << 20)
/* Longest policy text that can be recorded, bytes. */
#define TR_RECORDING_POLICY_MAX (TR_FRAME_PAYLOAD_MAX - 16)
/* Policies loaded at once, at most. */
#define TR_RECORDING_SLOTS_MAX 16
/* Longest text of a name kept, bytes; a longer one is known by its hash alone. */
#define TR_RECORDING_NAME_MAX 512
/* Names a reader keeps, and the bytes of their texts; further ones are known by their hash. */
#define TR_RECORDING_NAMES_MAX	    (1u << 18)
#define TR_RECORDING_NAME_BYTES_MAX (16u << 20)
/* Pairs of the environment snapshot, and the longest text in it with its NUL. */
#define TR_RECORDING_ENVIRONMENT_MAX 16
#define TR_RECORDING_TEXT_MAX	     64

/* How a recording was made: nothing secret, and the same for the same build. */
struct tr_environment {
	uint32_t count;
	struct {
		char key[TR_RECORDING_TEXT_MAX];
		char value[TR_RECORDING_TEXT_MAX];
	} pairs[TR_RECORDING_ENVIRONMENT_MAX];
};

/* Product version, compiler, machine, word size and byte order of this build. */
void tr_environment_build(struct tr_environment *ret);

/* What a recording begins with. */
struct tr_recording_header {
	uint16_t schema_version; /* TR_SCHEMA_VERSION of its writer, and so on */
	uint16_t path_version;
	uint16_t state_version;
	uint8_t decisions;    /* 1: decision records are kept */
	uint64_t part;	      /* 0: the run's first file; n: its n-th rotation */
	uint64_t first_event; /* number of the first event; 1 in part 0 */
	uint64_t seed;
	tr_time_ns start;   /* `now` of tr_engine_init() */
	uint64_t policy_id; /* active at the beginning */
	struct tr_limits limits;
	struct tr_environment environment;
};

/* Fill a header for a new run of this build. `start` and the rest as given to tr_engine_init(). */
void tr_recording_header_init(struct tr_recording_header *ret, const struct tr_limits *limits,
			      const struct tr_policy *policy, uint64_t seed, tr_time_ns start);

/* The state of an engine between two events, as SNAPSHOT and END frames carry it. */
struct tr_recording_state {
	uint64_t event; /* number of the last event taken, 0: none */
	uint64_t chain;
	uint64_t path;
	uint64_t digest;
	struct tr_counts counts;
};

/* Everything but `event`. O(state), because of the digest. */
void tr_recording_state_of(const struct tr_engine *engine, struct tr_recording_state *ret);

/* -------------------------------------------------------------------------------------- writer */

/*
 * The caller numbers nothing and checks nothing after each call: an error is kept, further calls do
 * nothing, and tr_recording_finish() returns it. Order: policies loaded at the beginning, then (in
 * a rotated file) a snapshot, then events as they happen.
 */
struct tr_recorder;

struct tr_recorder_options {
	bool temporary;		/* write PATH.PID.partial, renamed to PATH when finished well */
	uint64_t snapshot_each; /* events between two snapshots, 0: none on their own */
};

/* Make the file; nothing is there yet but the header. The header is copied. Returns 0 and *ret, or
 * -1 with the path in the diagnostic. */
int tr_recorder_create(const char *path, const struct tr_recording_header *header,
		       const struct tr_recorder_options *options, struct tr_recorder **ret,
		       struct tr_diagnostic *ret_diagnostic);
/* The same into a stream that stays the caller's. `name` stands for the path. */
int tr_recorder_create_stream(FILE *stream, const char *name,
			      const struct tr_recording_header *header,
			      const struct tr_recorder_options *options, struct tr_recorder **ret,
			      struct tr_diagnostic *ret_diagnostic);

/* A policy that now stands in a slot; before any event that is decided by it. The text must load to
 * the policy with this id: tr_policy_canonical(). */
void tr_recorder_policy(struct tr_recorder *recorder, uint32_t slot, uint64_t id, const char *text,
			size_t length);

/* The text of a name hash, before the first event that uses it. Cheap to call again for one that
 * was written. A text that does not hash to `name` or is too long is left out. */
void tr_recorder_name(struct tr_recorder *recorder, tr_name name, const char *text, size_t length);

/* An event that tr_engine_step() has just taken, with its answer. */
void tr_recorder_step(struct tr_recorder *recorder, const struct tr_engine *engine,
		      const struct tr_event *event, const struct tr_actions *actions);
/* The same with the chain value given, for hosts that copy it to another thread. No snapshots. */
void tr_recorder_event(struct tr_recorder *recorder, const struct tr_event *event,
		       const struct tr_actions *actions, uint64_t chain);

/* The engine's whole state, as it is after the last event given. */
void tr_recorder_snapshot(struct tr_recorder *recorder, const struct tr_engine *engine);

/* `lost` events between these times could not be kept. A snapshot must follow for the rest of the
 * file to be of use to a replay. */
void tr_recorder_gap(struct tr_recorder *recorder, uint64_t lost, tr_time_ns from, tr_time_ns to);

/* Write what is buffered as a frame, so that a crash does not lose it. */
void tr_recorder_flush(struct tr_recorder *recorder);

/* Close with totals (state.event is filled here), rename if temporary. Returns 0, or -1 with the
 * first error there was; a temporary file is then removed and PATH is as it was before. */
int tr_recorder_finish(struct tr_recorder *recorder, const struct tr_recording_state *state,
		       struct tr_diagnostic *ret_diagnostic);
/* The first error so far, or NULL. */
const struct tr_diagnostic *tr_recorder_error(const struct tr_recorder *recorder);
uint64_t tr_recorder_bytes(const struct tr_recorder *recorder);
/* Release. A recording that was not finished stays as it is, torn; a temporary one is removed. */
void tr_recorder_free(struct tr_recorder *recorder);

/* -------------------------------------------------------------------------------------- reader */

enum tr_recording_status {
	TR_RECORDING_ITEM = 1,	      /* there is one */
	TR_RECORDING_END = 0,	      /* the whole file was read and is good */
	TR_RECORDING_CORRUPT = -1,    /* something does not add up */
	TR_RECORDING_TORN = -2,	      /* the file ends too early; all of it that is there is good */
	TR_RECORDING_UNREADABLE = -3, /* the operating system refused */
	TR_RECORDING_FOREIGN = -4,    /* a recording of another schema_version */
};

/* Flags of a SNAPSHOT frame. */
enum tr_chunk_flag {
	TR_CHUNK_FIRST = 1 << 0,
	TR_CHUNK_LAST = 1 << 1,
};

/* One thing read: an event, or a frame of another kind. Lives until the next call. */
struct tr_recording_item {
	enum tr_frame_kind kind; /* NAMES, INDEX and END are taken in by the reader and not given */
	uint64_t frame;		 /* number of its frame, from 0 */
	uint64_t offset;	 /* of the frame in the file */
	/* EVENTS */
	uint64_t number; /* of the event in the run, from 1 */
	uint64_t chain;	 /* after it */
	const struct tr_event *event;
	const struct tr_actions *actions;
	/* POLICY */
	uint32_t slot;
	uint64_t policy_id;
	/* POLICY: the text; SNAPSHOT: the chunk. */
	const uint8_t *bytes;
	size_t length;
	/* SNAPSHOT */
	uint16_t flags; /* enum tr_chunk_flag */
	const struct tr_recording_state *state;
	/* GAP */
	uint64_t lost;
	tr_time_ns from, to;
};

struct tr_recording;

/* Open and read the header; "-" is standard input. Returns TR_RECORDING_ITEM and *ret, or one of
 * the other codes with a diagnostic: TORN means here that not even the header is whole. */
enum tr_recording_status tr_recording_open(const char *path, struct tr_recording **ret,
					   struct tr_diagnostic *ret_diagnostic);
/* The same from a stream, which stays the caller's; `name` stands for the path. */
enum tr_recording_status tr_recording_open_stream(FILE *stream, const char *name,
						  struct tr_recording **ret,
						  struct tr_diagnostic *ret_diagnostic);
/* The next event, policy, snapshot chunk or gap. After anything but ITEM, the same again. */
enum tr_recording_status tr_recording_next(struct tr_recording *recording,
					   const struct tr_recording_item **ret,
					   struct tr_diagnostic *ret_diagnostic);
void tr_recording_close(struct tr_recording *recording);

const struct tr_recording_header *tr_recording_header(const struct tr_recording *recording);
/* The totals: NULL before tr_recording_next() returned END. */
const struct tr_recording_state *tr_recording_totals(const struct tr_recording *recording);
/* The text of a name hash seen so far in NAMES frames, NUL-terminated; else NULL. O(1). */
const char *tr_recording_name(const struct tr_recording *recording, tr_name name);
/* Bytes read so far and in all (0: not known), for progress. */
void tr_recording_progress(const struct tr_recording *recording, uint64_t *ret_done,
			   uint64_t *ret_all);

/* What a whole pass over a file found. */
struct tr_recording_survey {
	struct tr_recording_header header; /* valid if frames[HEADER] is not 0 */
	struct tr_recording_state totals;  /* valid if frames[END] is not 0 */
	uint64_t bytes;			   /* of whole frames */
	uint64_t frames[TR_FRAME_COUNT];   /* whole ones of each kind */
	uint64_t events;		   /* in the file */
	uint64_t event_kinds[TR_EVENT_COUNT];
	uint64_t actions;
	uint64_t action_kinds[TR_ACTION_COUNT];
	uint64_t decisions;
	uint64_t snapshots; /* whole ones */
	uint64_t gaps;
	uint64_t lost;	  /* events lost in gaps */
	uint64_t names;	  /* different ones */
	tr_time_ns first; /* times of the first and the last event, 0: there is none */
	tr_time_ns last;
};

/* Read all of a file and check all that can be checked without an engine: `tailrace trace verify`,
 * `trace info`. *ret is filled as far as the file is good, whatever is returned. Returns END,
 * CORRUPT, TORN or UNREADABLE, for all but END with a diagnostic. */
enum tr_recording_status tr_recording_verify(const char *path, struct tr_recording_survey *ret,
					     struct tr_diagnostic *ret_diagnostic);

#endif
