/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of events, actions and records: what is taken for one is written again as the same
 * bytes, and can be put in words. The first byte says which of the three it is.
 */
#include <stdint.h>
#include <string.h>

#include "traces/describe.h"
#include "traces/recording_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const struct tr_describer describer;

static void check_event(const uint8_t *bytes, size_t length)
{
	struct tr_detail details[TR_DETAILS_MAX];
	uint8_t again[TR_EVENT_BYTES_MAX];
	struct tr_event event;
	int taken = tr_event_decode(bytes, length, &event);

	if (taken < 0)
		return;
	TR_ASSERT((size_t)taken <= length);
	TR_ASSERT(tr_event_encode(&event, again) == (size_t)taken);
	TR_ASSERT(memcmp(bytes, again, (size_t)taken) == 0);
	tr_describe_event(&describer, &event, details);
}

static void check_action(const uint8_t *bytes, size_t length)
{
	struct tr_detail details[TR_DETAILS_MAX];
	uint8_t again[TR_ACTION_BYTES_MAX];
	struct tr_action action;
	int taken = tr_action_decode(bytes, length, &action);

	if (taken < 0)
		return;
	TR_ASSERT((size_t)taken <= length);
	TR_ASSERT(tr_action_encode(&action, again) == (size_t)taken);
	TR_ASSERT(memcmp(bytes, again, (size_t)taken) == 0);
	tr_describe_action(&describer, &action, details);
}

static void check_record(const uint8_t *bytes, size_t length)
{
	static uint8_t again[TR_RECORD_BYTES_MAX];
	static struct tr_actions actions;
	struct tr_bytes left = {bytes, bytes + length, false};
	struct tr_event event;
	uint64_t chain;
	size_t taken;

	if (tr_record_take(&left, &event, &actions, &chain))
		return;
	taken = length - tr_bytes_left(&left);
	TR_ASSERT(tr_record_encode(&event, &actions, chain, true, again) == taken);
	TR_ASSERT(memcmp(bytes, again, taken) == 0);
	for (uint32_t i = 0; i < actions.decision_count; i++) {
		const struct tr_decision *decision = &actions.decisions[i];
		const struct tr_candidate *candidates =
			&actions.candidates[decision->first_candidate];
		char text[200];

		tr_describe_decision(&describer, decision, candidates, text, sizeof text);
		for (uint32_t c = 0; c < decision->candidate_count; c++)
			tr_describe_candidate(&describer, decision, &candidates[c], c, text,
					      sizeof text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return 0;
	if (bytes[0] == 'e')
		check_event(bytes + 1, length - 1);
	else if (bytes[0] == 'a')
		check_action(bytes + 1, length - 1);
	else
		check_record(bytes + 1, length - 1);
	return 0;
}
