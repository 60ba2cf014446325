/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a recording: what a gateway saw of one endpoint. An attempt is a row if its answer
 * came whole and its first token was seen; the others were work for the server, too, and are
 * counted, for a fit to what is left promises too much.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sim/calibrate/measured.h"
#include "traces/recording.h"

/* An attempt under way, by its handle's slot. */
struct attempt {
	uint32_t generation;
	bool open;
	tr_time_ns dispatched;
	tr_time_ns first; /* 0: not yet */
};

struct survey {
	struct tr_recording *recording;
	const char *path;
	const char *endpoint; /* as the user named it; NULL: the only one */
	tr_name chosen;	      /* 0: none yet */
	tr_name other;	      /* another one, where none was named; 0: none */
	json_t *policy;	      /* NULL: not read yet, or not to be read */
	struct attempt *attempts;
	size_t room;
	struct tr_measured *measured;
	struct tr_diagnostic *diagnostic;
};

/* Whether an endpoint is the one to be measured. */
static bool is_chosen(struct survey *survey, tr_name name)
{
	if (survey->chosen == 0)
		survey->chosen = name;
	if (survey->chosen != name && !survey->endpoint)
		survey->other = name;
	return survey->chosen == name;
}

/* An endpoint's text, from the policy that it stands in: a recording has it in its canonical form,
 * and keeps no names of endpoints beside it. */
static const char *text_of(const struct survey *survey, tr_name name)
{
	json_t *model, *endpoint;
	const char *key, *text;

	json_object_foreach(json_object_get(survey->policy, "models"), key, model)
		json_object_foreach(json_object_get(model, "endpoints"), text,
				    endpoint) if (tr_name_of(text, strlen(text)) ==
						  name) return text;
	return "?";
}

static int say_others(const struct survey *survey)
{
	return tr_diagnose(survey->diagnostic, survey->path, 0, 0, NULL,
			   "attempts at several endpoints, '%.64s' and '%.64s' among them: choose "
			   "one with --endpoint",
			   text_of(survey, survey->chosen), text_of(survey, survey->other));
}

/* The last one is as good as any: names do not change their meaning. */
static void take_policy(struct survey *survey, const struct tr_recording_item *item)
{
	json_decref(survey->policy);
	survey->policy = json_loadb((const char *)item->bytes, item->length, 0, NULL);
}

static int take_dispatch(struct survey *survey, const struct tr_recording_item *item,
			 const struct tr_action_attempt_dispatch *dispatch)
{
	size_t slot = dispatch->attempt.slot1;

	if (!is_chosen(survey, dispatch->endpoint))
		return 0;
	if (slot >= survey->room) {
		size_t room = 2 * slot + 64;
		struct attempt *larger = realloc(survey->attempts, room * sizeof *larger);

		if (!larger)
			return tr_diagnose(survey->diagnostic, survey->path, 0, 0, NULL,
					   "not enough memory");
		memset(larger + survey->room, 0, (room - survey->room) * sizeof *larger);
		survey->attempts = larger;
		survey->room = room;
	}
	survey->measured->left_out += survey->attempts[slot].open;
	survey->attempts[slot] = (struct attempt){
		.generation = dispatch->attempt.generation,
		.open = true,
		.dispatched = item->event->time,
	};
	return 0;
}

static struct attempt *find(struct survey *survey, tr_attempt_handle handle)
{
	struct attempt *attempt;

	if (handle.slot1 >= survey->room)
		return NULL;
	attempt = &survey->attempts[handle.slot1];
	return attempt->open && attempt->generation == handle.generation ? attempt : NULL;
}

static int take_done(struct survey *survey, const struct tr_recording_item *item,
		     const struct tr_event_attempt_done *done)
{
	struct attempt *attempt = find(survey, done->attempt);
	struct tr_measured_row row = {.line = item->number};

	if (!attempt)
		return 0;
	attempt->open = false;
	if (!attempt->first || done->tokens_in == 0 || done->tokens_out == 0 ||
	    (done->tokens_out > 1 && attempt->first == item->event->time)) {
		survey->measured->left_out++;
		return 0;
	}
	row.arrival = row.queued = attempt->dispatched;
	row.first = attempt->first;
	row.last = item->event->time;
	row.tokens_in = done->tokens_in;
	row.tokens_out = done->tokens_out;
	return tr_measured_add(survey->measured, &row, survey->diagnostic);
}

static int take_item(struct survey *survey, const struct tr_recording_item *item)
{
	const struct tr_event *event = item->event;
	struct attempt *attempt;
	int err = 0;

	if (event->kind == TR_EVENT_ATTEMPT_FIRST_TOKEN) {
		attempt = find(survey, event->attempt_first_token.attempt);
		if (attempt)
			attempt->first = event->time;
	} else if (event->kind == TR_EVENT_ATTEMPT_DONE) {
		err = take_done(survey, item, &event->attempt_done);
	}
	for (uint32_t i = 0; err == 0 && i < item->actions->count; i++)
		if (item->actions->items[i].kind == TR_ACTION_ATTEMPT_DISPATCH)
			err = take_dispatch(survey, item,
					    &item->actions->items[i].attempt_dispatch);
	return err;
}

static int take_items(struct survey *survey)
{
	const struct tr_recording_item *item;
	enum tr_recording_status status;
	int err = 0;

	while (err == 0 && (status = tr_recording_next(survey->recording, &item,
						       survey->diagnostic)) == TR_RECORDING_ITEM)
		if (item->kind == TR_FRAME_EVENTS)
			err = take_item(survey, item);
		else if (item->kind == TR_FRAME_POLICY)
			take_policy(survey, item);
	if (err < 0)
		return err;
	/* A torn one is whole up to where it ends. */
	return status == TR_RECORDING_END || status == TR_RECORDING_TORN ? 0 : -1;
}

int tr_measured_read_recording(FILE *stream, const char *path, const char *endpoint,
			       struct tr_measured *ret, struct tr_diagnostic *ret_diagnostic)
{
	struct survey survey = {
		.path = path, .endpoint = endpoint, .measured = ret, .diagnostic = ret_diagnostic};
	int err;

	ret->recording = true;
	if (endpoint)
		survey.chosen = tr_name_of(endpoint, strlen(endpoint));
	if (tr_recording_open_stream(stream, path, &survey.recording, ret_diagnostic) !=
	    TR_RECORDING_ITEM)
		return -1;
	err = take_items(&survey);
	for (size_t i = 0; i < survey.room; i++)
		ret->left_out += survey.attempts[i].open;
	free(survey.attempts);
	if (err == 0 && survey.other)
		err = say_others(&survey);
	json_decref(survey.policy);
	tr_recording_close(survey.recording);
	if (err == 0 && endpoint && ret->count == 0)
		err = tr_diagnose(ret_diagnostic, path, 0, 0, NULL,
				  "no attempt at an endpoint '%.64s' was answered whole", endpoint);
	return err;
}
