/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay: the events of a recording through this build's engine, and each answer compared with the
 * one that was recorded.
 *
 * Nothing is simulated and no clock is read: a recording holds every event, CLOCK too. If the
 * engine decides anything differently, the first such event is kept with both answers, and from
 * there on the file is only read to its end, because handles and state have parted.
 */
#ifndef TR_TRACES_REPLAY_H
#define TR_TRACES_REPLAY_H

#include "traces/describe.h"
#include "traces/recording.h"

/* Engines larger than this are not made for a file. */
#define TR_REPLAY_ENGINE_BYTES_MAX (UINT64_C(16) << 30)

/* X(name, text) */
#define TR_DIFFERENCE_MAP(X)                                                                       \
	X(NONE, "nothing differs")                                                                 \
	X(REFUSED, "the engine refuses the event")                                                 \
	X(ACTIONS, "the actions differ")                                                           \
	X(CHAIN, "the actions are equal and the run hash differs")                                 \
	X(POLICY, "a policy cannot be put where it stood")                                         \
	X(SNAPSHOT, "the state is not that of the recorded snapshot")                              \
	X(TOTALS, "the totals differ")

enum tr_difference {
#define X(name, text) TR_DIFFERENCE_##name,
	TR_DIFFERENCE_MAP(X)
#undef X
	TR_DIFFERENCE_COUNT
};

/* Its clause. Static. */
const char *tr_difference_text(enum tr_difference difference);

struct tr_replay_options {
	bool allow_torn;	/* replay what is whole of a torn file, and compare that */
	uint64_t from_snapshot; /* restore the n-th snapshot and begin there; 0: from the start */
	/* Called now and then; NULL: not at all. bytes_all is 0 if it is not known. */
	void (*progress)(void *context, uint64_t bytes, uint64_t bytes_all, uint64_t events);
	void *context;
};

enum tr_replay_verdict {
	TR_REPLAY_EQUAL,
	TR_REPLAY_DIFFERS,
	TR_REPLAY_BAD,	   /* the input cannot be replayed: the diagnostic says why */
	TR_REPLAY_FOREIGN, /* the same: it is of another schema version, nothing was compared */
};

struct tr_replay_result {
	/* What was compared. */
	bool paths_compared;   /* false: another path_version; then chains are not, either */
	bool digests_compared; /* false: another state_version */
	bool torn;	       /* the file ends too early */
	bool totals;	       /* END was there and was compared */
	struct tr_diagnostic torn_diagnostic;
	uint64_t events;     /* replayed and equal */
	uint64_t jobs;	     /* that ended in a span that can be replayed, or live at the end */
	uint64_t jobs_equal; /* of them: all, or those that ended before the difference */
	uint64_t spans;	     /* 1 without gaps */
	uint64_t gaps;
	uint64_t events_outside; /* after a gap, or before the snapshot to begin with */
	uint64_t events_lost;	 /* in gaps: not in the file */
	uint64_t jobs_outside;	 /* submitted there */
	uint64_t snapshots;	 /* whose state was compared */
	uint64_t restored;	 /* snapshots that were restored */
	/* Decision records are no part of parity: another measure may give the same choice. */
	uint64_t decisions_differ; /* events whose records differ though the actions are equal */
	uint64_t decisions_differ_first;
	tr_time_ns time; /* of the last event compared */

	/* As recorded and as replayed, after the last event compared. */
	uint64_t chain_recorded, chain;
	uint64_t path_recorded, path; /* path_recorded only with END */

	/* The first difference. */
	enum tr_difference difference;
	uint64_t number; /* of the event; of the last one for SNAPSHOT, TOTALS and POLICY */
	int refusal;	 /* REFUSED: enum tr_error_code; POLICY: the same */
	struct tr_event event;
	struct tr_actions recorded;
	struct tr_actions replayed;
	struct tr_recording_state state_recorded; /* SNAPSHOT, TOTALS */
	struct tr_recording_state state;
};

struct tr_replay;

/* Replay a file. *ret is made unless memory is out or the file has no header, whatever the verdict;
 * else it is NULL and the verdict BAD. */
enum tr_replay_verdict tr_replay_run(const char *path, const struct tr_replay_options *options,
				     struct tr_replay **ret, struct tr_diagnostic *ret_diagnostic);
/* The same from a stream, which stays the caller's. */
enum tr_replay_verdict tr_replay_run_stream(FILE *stream, const char *name,
					    const struct tr_replay_options *options,
					    struct tr_replay **ret,
					    struct tr_diagnostic *ret_diagnostic);
const struct tr_replay_result *tr_replay_result(const struct tr_replay *replay);
const struct tr_recording_header *tr_replay_header(const struct tr_replay *replay);
/* Names from the recording and from its policies. Lives as long as the replay. */
const struct tr_describer *tr_replay_describer(const struct tr_replay *replay);
void tr_replay_free(struct tr_replay *replay);

#endif
