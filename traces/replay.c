/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the recording beside a live engine.
 *
 * The engine is made when the first event or the snapshot to begin with comes, from the header and
 * the policies seen until then; policies are compiled from their recorded text by this build's
 * loader, and the id must come out as it was recorded. A gap takes the engine away; the next
 * snapshot gives it back. What lies between is counted as outside.
 *
 * What it refuses to judge: a file that is not whole (unless allowed), a policy that this build
 * compiles to another id, a snapshot of another state version.
 */
#include <stdlib.h>

#include "engine/policy/load.h"
#include "traces/replay.h"
#include "traces/replay_compare.h"

#define ENGINE_ALIGNMENT 64
/* Events between two calls of the progress function, a power of two. */
#define PROGRESS_EACH 4096

struct tr_replay {
	struct tr_recording *recording;
	const char *path;
	struct tr_replay_options options;
	struct tr_describer describer;
	struct tr_policy_file *policies[TR_RECORDING_SLOTS_MAX];
	bool loaded[TR_RECORDING_SLOTS_MAX]; /* as the engine should have them */
	struct tr_engine *engine;	     /* memory; used only while live */
	bool inside;			     /* a span that can be replayed */
	bool live;			     /* inside, and nothing differs so far */
	bool restoring;
	struct tr_snapshot_cursor cursor;
	uint64_t snapshots_seen;
	uint64_t jobs_live;   /* as the recording has it */
	uint64_t ended_equal; /* jobs whose end was replayed */
	struct tr_actions actions;
	struct tr_diagnostic problem;
	struct tr_replay_result result;
};

const char *tr_difference_text(enum tr_difference difference)
{
	static const char *const texts[TR_DIFFERENCE_COUNT] = {
#define X(name, text) [TR_DIFFERENCE_##name] = text,
		TR_DIFFERENCE_MAP(X)
#undef X
	};

	TR_ASSERT(difference < TR_DIFFERENCE_COUNT);
	return texts[difference];
}

static void differ(struct tr_replay *replay, enum tr_difference difference, uint64_t number)
{
	TR_ASSERT(replay->live);
	TR_ASSERT(replay->result.difference == TR_DIFFERENCE_NONE);
	replay->result.difference = difference;
	replay->result.number = number;
	replay->result.chain = tr_engine_chain(replay->engine);
	replay->result.path = tr_engine_path(replay->engine);
	replay->live = false;
}

static bool over(const struct tr_replay *replay)
{
	return replay->result.difference != TR_DIFFERENCE_NONE;
}

/* ------------------------------------------------------------------------------ making an engine
 */

static const char *find_name(void *context, tr_name name)
{
	const struct tr_replay *replay = context;
	const char *text = tr_recording_name(replay->recording, name);

	for (unsigned i = 0; !text && i < TR_RECORDING_SLOTS_MAX; i++) {
		if (replay->policies[i])
			text = tr_policy_name(replay->policies[i], name);
	}
	return text;
}

/* Put every loaded policy into its slot. Returns 0, or -1 with a diagnostic. */
static int place_policies(struct tr_replay *replay)
{
	for (uint32_t slot = 0; slot < TR_RECORDING_SLOTS_MAX; slot++) {
		int err;

		if (!replay->loaded[slot])
			continue;
		err = tr_engine_policy_place(replay->engine,
					     tr_policy_compiled(replay->policies[slot]), slot);
		if (err < 0)
			return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
					   "the policy of slot %u cannot be put there: %s", slot,
					   tr_error_text(err));
	}
	return 0;
}

static int engine_allocate(struct tr_replay *replay)
{
	const struct tr_limits *limits = &tr_recording_header(replay->recording)->limits;
	size_t size = tr_engine_size(limits);

	if (replay->engine)
		return 0;
	if (size == 0)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "the header's limits make no engine of this version");
	size = (size + ENGINE_ALIGNMENT - 1) & ~(size_t)(ENGINE_ALIGNMENT - 1);
	if (size <= TR_REPLAY_ENGINE_BYTES_MAX)
		replay->engine = aligned_alloc(ENGINE_ALIGNMENT, size);
	if (!replay->engine)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "the recorded engine takes %zu MB of memory, more than there is",
				   size >> 20);
	return 0;
}

/* An engine as it was at the beginning, or as the restore of a snapshot wants it. */
static int engine_make(struct tr_replay *replay)
{
	const struct tr_recording_header *header = tr_recording_header(replay->recording);
	const struct tr_policy *policy = NULL;
	int err = engine_allocate(replay);

	if (err < 0)
		return err;
	for (uint32_t slot = TR_RECORDING_SLOTS_MAX; slot-- > 0;) {
		if (replay->loaded[slot])
			policy = tr_policy_compiled(replay->policies[slot]);
	}
	/* The reader has seen to it that a policy stands before this. */
	if (!policy)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "no policy is loaded where the replay would begin");
	err = tr_engine_init(replay->engine, &header->limits, policy, header->seed, header->start);
	if (err < 0)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "the recorded policy and limits make no engine: %s",
				   tr_error_text(err));
	return place_policies(replay);
}

static int on_policy(struct tr_replay *replay, const struct tr_recording_item *item)
{
	struct tr_policy_file *file = NULL;
	const struct tr_policy *policy;
	struct tr_diagnostic why;
	char text[400];
	int err;

	if (tr_policy_load_text(replay->path, (const char *)item->bytes, item->length, &file,
				&why) < 0) {
		why.path[0] = '\0';
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "frame %llu (POLICY): this version does not take the recorded "
				   "policy: %s",
				   (unsigned long long)item->frame,
				   tr_diagnostic_text(&why, text, sizeof text));
	}
	policy = tr_policy_compiled(file);
	if (policy->id != item->policy_id) {
		err = tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				  "frame %llu (POLICY): was recorded with id %016llx, and this "
				  "version makes %016llx of the same text: its defaults or its "
				  "canonical form have changed",
				  (unsigned long long)item->frame,
				  (unsigned long long)item->policy_id,
				  (unsigned long long)policy->id);
		tr_policy_free(file);
		return err;
	}
	tr_policy_free(replay->policies[item->slot]);
	replay->policies[item->slot] = file;
	replay->loaded[item->slot] = true;
	if (!replay->live)
		return 0;
	err = tr_engine_policy_place(replay->engine, policy, item->slot);
	if (err < 0) {
		replay->result.refusal = err;
		differ(replay, TR_DIFFERENCE_POLICY, replay->result.events);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------ comparing */

static void keep_event(struct tr_replay *replay, const struct tr_recording_item *item)
{
	replay->result.event = *item->event;
	replay->result.recorded = *item->actions;
	replay->result.replayed = replay->actions;
	replay->result.chain_recorded = item->chain;
}

/* What equal actions tell the replay itself. */
static void follow_actions(struct tr_replay *replay)
{
	for (uint32_t i = 0; i < replay->actions.count; i++) {
		const struct tr_action *action = &replay->actions.items[i];

		if (action->kind == TR_ACTION_JOB_REJECT || action->kind == TR_ACTION_JOB_FINISH)
			replay->ended_equal++;
		if (action->kind == TR_ACTION_POLICY_RELEASE &&
		    action->policy_release.slot < TR_RECORDING_SLOTS_MAX)
			replay->loaded[action->policy_release.slot] = false;
	}
}

static void step(struct tr_replay *replay, const struct tr_recording_item *item)
{
	struct tr_replay_result *result = &replay->result;
	int err;

	replay->actions.count = 0;
	replay->actions.decision_count = 0;
	replay->actions.candidate_count = 0;
	err = tr_engine_step(replay->engine, item->event, &replay->actions);
	if (err < 0) {
		keep_event(replay, item);
		result->refusal = err;
		differ(replay, TR_DIFFERENCE_REFUSED, item->number);
		return;
	}
	if (!tr_actions_equal(item->actions, &replay->actions, result->paths_compared)) {
		keep_event(replay, item);
		differ(replay, TR_DIFFERENCE_ACTIONS, item->number);
		return;
	}
	result->chain = tr_engine_chain(replay->engine);
	if (result->paths_compared && result->chain != item->chain) {
		keep_event(replay, item);
		differ(replay, TR_DIFFERENCE_CHAIN, item->number);
		return;
	}
	if (tr_recording_header(replay->recording)->decisions &&
	    !tr_decisions_equal(item->actions, &replay->actions) && result->decisions_differ++ == 0)
		result->decisions_differ_first = item->number;
	follow_actions(replay);
	result->chain_recorded = item->chain;
	result->time = item->event->time;
	result->events++;
}

/* May the replay begin at the first event? */
static bool from_start(const struct tr_replay *replay)
{
	return tr_recording_header(replay->recording)->part == 0 &&
	       replay->options.from_snapshot == 0 && replay->result.spans == 0 &&
	       replay->result.gaps == 0;
}

/* Jobs inside spans, by the recording: a job counts where it ends, or is live at the end. */
static void count_jobs(struct tr_replay *replay, const struct tr_recording_item *item)
{
	replay->jobs_live += item->event->kind == TR_EVENT_JOB_SUBMIT;
	for (uint32_t i = 0; i < item->actions->count; i++) {
		uint16_t kind = item->actions->items[i].kind;

		if (kind != TR_ACTION_JOB_REJECT && kind != TR_ACTION_JOB_FINISH)
			continue;
		replay->result.jobs++;
		replay->jobs_live = tr_sub_sat(replay->jobs_live, 1);
	}
}

/* A replay from the start has its engine from the first event on; not again once it has. */
static int start_inside(struct tr_replay *replay)
{
	if (replay->inside || !from_start(replay))
		return 0;
	if (engine_make(replay) < 0)
		return -1;
	replay->inside = true;
	replay->live = true;
	replay->result.spans = 1;
	return 0;
}

static int on_event(struct tr_replay *replay, const struct tr_recording_item *item)
{
	struct tr_replay_result *result = &replay->result;

	if (start_inside(replay) < 0)
		return -1;
	if (!replay->inside) {
		result->events_outside++;
		result->jobs_outside += item->event->kind == TR_EVENT_JOB_SUBMIT;
		return 0;
	}
	count_jobs(replay, item);
	if (replay->live)
		step(replay, item);
	return 0;
}

/* ------------------------------------------------------------------------------------ snapshots */

static bool state_equal(const struct tr_replay *replay, const struct tr_recording_state *a,
			const struct tr_recording_state *b)
{
	if (replay->result.paths_compared && (a->chain != b->chain || a->path != b->path))
		return false;
	if (replay->result.digests_compared && a->digest != b->digest)
		return false;
	return memcmp(&a->counts, &b->counts, sizeof a->counts) == 0;
}

/* Compare a recorded state with the engine's; false: they differ, and it is kept. */
static bool compare_state(struct tr_replay *replay, const struct tr_recording_state *recorded,
			  enum tr_difference difference)
{
	struct tr_recording_state state;

	memset(&state, 0, sizeof state);
	tr_recording_state_of(replay->engine, &state);
	state.event = recorded->event;
	if (state_equal(replay, recorded, &state))
		return true;
	replay->result.state_recorded = *recorded;
	replay->result.state = state;
	replay->result.chain_recorded = recorded->chain;
	differ(replay, difference, recorded->event);
	return false;
}

static int restore_begin(struct tr_replay *replay)
{
	const struct tr_recording_header *header = tr_recording_header(replay->recording);

	if (!replay->result.digests_compared)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "a snapshot of state version %u cannot be restored by this "
				   "program, whose version is %u",
				   header->state_version, TR_STATE_VERSION);
	if (engine_make(replay) < 0)
		return -1;
	memset(&replay->cursor, 0, sizeof replay->cursor);
	replay->restoring = true;
	return 0;
}

static int restore_chunk(struct tr_replay *replay, const struct tr_recording_item *item)
{
	int more = tr_engine_restore(replay->engine, &replay->cursor, item->bytes, item->length);
	int expected = item->flags & TR_CHUNK_LAST ? 0 : 1;

	if (more != expected)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "frame %llu (SNAPSHOT) at byte %llu: cannot be restored: %s",
				   (unsigned long long)item->frame,
				   (unsigned long long)item->offset,
				   more < 0   ? tr_error_text(more)
				   : more > 0 ? "the engine expects more"
					      : "the engine was complete before its last chunk");
	if (more > 0)
		return 0;
	replay->restoring = false;
	replay->live = true;
	replay->result.restored++;
	replay->result.chain = item->state->chain;
	replay->result.chain_recorded = item->state->chain;
	compare_state(replay, item->state, TR_DIFFERENCE_SNAPSHOT);
	return 0;
}

/* A snapshot that stands outside: a span may begin with it. */
static int on_snapshot_outside(struct tr_replay *replay, const struct tr_recording_item *item)
{
	if (from_start(replay) || replay->snapshots_seen < replay->options.from_snapshot)
		return 0;
	if (!over(replay)) {
		if (item->flags & TR_CHUNK_FIRST && restore_begin(replay) < 0)
			return -1;
		TR_ASSERT(replay->restoring);
		if (restore_chunk(replay, item) < 0)
			return -1;
	}
	if (item->flags & TR_CHUNK_LAST) {
		replay->inside = true;
		replay->result.spans++;
		replay->jobs_live = item->state->counts.in_system;
	}
	return 0;
}

static int on_snapshot(struct tr_replay *replay, const struct tr_recording_item *item)
{
	if (item->flags & TR_CHUNK_FIRST)
		replay->snapshots_seen++;
	if (!replay->inside)
		return on_snapshot_outside(replay, item);
	if (replay->live && item->flags & TR_CHUNK_LAST &&
	    compare_state(replay, item->state, TR_DIFFERENCE_SNAPSHOT))
		replay->result.snapshots++;
	return 0;
}

/* Jobs that are live here count where they end, if that is inside again. */
static int on_gap(struct tr_replay *replay, const struct tr_recording_item *item)
{
	replay->result.gaps++;
	replay->result.events_lost += item->lost;
	replay->inside = false;
	replay->live = false;
	replay->jobs_live = 0;
	return 0;
}

/* ------------------------------------------------------------------------------------- the pass */

static void report_progress(const struct tr_replay *replay)
{
	uint64_t done, all;

	if (!replay->options.progress)
		return;
	tr_recording_progress(replay->recording, &done, &all);
	replay->options.progress(replay->options.context, done, all, replay->result.events);
}

static int on_item(struct tr_replay *replay, const struct tr_recording_item *item)
{
	switch (item->kind) {
	case TR_FRAME_EVENTS:
		if (item->number % PROGRESS_EACH == 0)
			report_progress(replay);
		return on_event(replay, item);
	case TR_FRAME_POLICY:
		return on_policy(replay, item);
	case TR_FRAME_SNAPSHOT:
		return on_snapshot(replay, item);
	case TR_FRAME_GAP:
		return on_gap(replay, item);
	case TR_FRAME_NONE:
	case TR_FRAME_HEADER:
	case TR_FRAME_NAMES:
	case TR_FRAME_INDEX:
	case TR_FRAME_END:
	case TR_FRAME_COUNT:
		break;
	}
	return 0;
}

/* The file has been read to its end, or as far as it is whole. */
static int settle(struct tr_replay *replay)
{
	const struct tr_recording_state *totals = tr_recording_totals(replay->recording);
	struct tr_replay_result *result = &replay->result;

	if (replay->snapshots_seen < replay->options.from_snapshot)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "has %llu whole snapshots, and the replay is to begin at number "
				   "%llu",
				   (unsigned long long)replay->snapshots_seen,
				   (unsigned long long)replay->options.from_snapshot);
	if (result->torn && result->spans == 0)
		return tr_diagnose(&replay->problem, replay->path, 0, 0, "",
				   "torn, and there is nothing whole in it to replay");
	/* A whole recording without events has an end to compare, all the same. */
	if (start_inside(replay) < 0)
		return -1;
	result->jobs += replay->jobs_live;
	if (totals && replay->live)
		result->totals = compare_state(replay, totals, TR_DIFFERENCE_TOTALS);
	if (totals)
		result->path_recorded = totals->path;
	if (replay->live) {
		result->chain = tr_engine_chain(replay->engine);
		result->path = tr_engine_path(replay->engine);
	}
	result->jobs_equal = over(replay) ? replay->ended_equal : result->jobs;
	return 0;
}

static int run(struct tr_replay *replay)
{
	const struct tr_recording_item *item;
	enum tr_recording_status status;

	for (;;) {
		status = tr_recording_next(replay->recording, &item, &replay->problem);
		if (status != TR_RECORDING_ITEM)
			break;
		if (on_item(replay, item) < 0)
			return -1;
	}
	report_progress(replay);
	if (status == TR_RECORDING_TORN) {
		replay->result.torn = true;
		replay->result.torn_diagnostic = replay->problem;
	}
	if (status == TR_RECORDING_END || (replay->result.torn && replay->options.allow_torn))
		return settle(replay);
	return -1;
}

static enum tr_replay_verdict begin(enum tr_recording_status status, struct tr_recording *recording,
				    const char *path, const struct tr_replay_options *options,
				    struct tr_replay **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_replay *replay;
	const struct tr_recording_header *header;

	*ret = NULL;
	if (status != TR_RECORDING_ITEM)
		return status == TR_RECORDING_FOREIGN ? TR_REPLAY_FOREIGN : TR_REPLAY_BAD;
	replay = calloc(1, sizeof *replay);
	if (!replay) {
		tr_recording_close(recording);
		tr_diagnose(ret_diagnostic, path, 0, 0, "", "no memory for a replay");
		return TR_REPLAY_BAD;
	}
	header = tr_recording_header(recording);
	replay->recording = recording;
	replay->path = path;
	replay->options = *options;
	replay->describer.name = find_name;
	replay->describer.context = replay;
	replay->describer.start = header->start;
	replay->result.paths_compared = header->path_version == TR_PATH_VERSION;
	replay->result.digests_compared = header->state_version == TR_STATE_VERSION;
	*ret = replay;
	if (run(replay) < 0) {
		*ret_diagnostic = replay->problem;
		return TR_REPLAY_BAD;
	}
	return over(replay) ? TR_REPLAY_DIFFERS : TR_REPLAY_EQUAL;
}

enum tr_replay_verdict tr_replay_run(const char *path, const struct tr_replay_options *options,
				     struct tr_replay **ret, struct tr_diagnostic *ret_diagnostic)
{
	struct tr_recording *recording = NULL;
	enum tr_recording_status status = tr_recording_open(path, &recording, ret_diagnostic);

	return begin(status, recording, path, options, ret, ret_diagnostic);
}

enum tr_replay_verdict tr_replay_run_stream(FILE *stream, const char *name,
					    const struct tr_replay_options *options,
					    struct tr_replay **ret,
					    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_recording *recording = NULL;
	enum tr_recording_status status =
		tr_recording_open_stream(stream, name, &recording, ret_diagnostic);

	return begin(status, recording, name, options, ret, ret_diagnostic);
}

const struct tr_replay_result *tr_replay_result(const struct tr_replay *replay)
{
	return &replay->result;
}

const struct tr_recording_header *tr_replay_header(const struct tr_replay *replay)
{
	return tr_recording_header(replay->recording);
}

const struct tr_describer *tr_replay_describer(const struct tr_replay *replay)
{
	return &replay->describer;
}

void tr_replay_free(struct tr_replay *replay)
{
	if (!replay)
		return;
	for (unsigned i = 0; i < TR_RECORDING_SLOTS_MAX; i++)
		tr_policy_free(replay->policies[i]);
	free(replay->engine);
	tr_recording_close(replay->recording);
	free(replay);
}
