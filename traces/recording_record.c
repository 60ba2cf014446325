/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event with its answer, as bytes: the event, the chain value after it, its actions, and the
 * compact form of its decision records.
 *
 * Decision records are most of a recording if written as they stand in memory (a candidate is 56
 * bytes there); here a candidate says what it has in one byte of bits and leaves out the rest, so
 * that it takes about 14. A bit is set exactly where the value is not the one left out, and numbers
 * have only their shortest form: there is one encoding of a record, and decoding takes no other.
 */
#include "traces/recording_frame.h"

enum candidate_bit {
	CANDIDATE_MODEL = 1 << 0,  /* not the model of the candidate before it */
	CANDIDATE_STEP = 1 << 1,   /* not the chain step of the candidate before it */
	CANDIDATE_FILTER = 1 << 2, /* was left out */
	CANDIDATE_DETAIL = 1 << 3,
	CANDIDATE_MEASURE = 1 << 4,
	CANDIDATE_TERMS = 1 << 5,
	CANDIDATE_OUT = 1 << 6, /* its measure is TR_MEASURE_OUT */
};

static const struct tr_candidate candidate_none;

static bool terms_any(const struct tr_candidate *candidate)
{
	for (unsigned i = 0; i < TR_TERM_COUNT; i++) {
		if (candidate->terms[i])
			return true;
	}
	return false;
}

static unsigned candidate_bits(const struct tr_candidate *candidate,
			       const struct tr_candidate *before)
{
	return (candidate->model != before->model ? CANDIDATE_MODEL : 0u) |
	       (candidate->chain_step != before->chain_step ? CANDIDATE_STEP : 0u) |
	       (candidate->filter ? CANDIDATE_FILTER : 0u) |
	       (candidate->detail ? CANDIDATE_DETAIL : 0u) |
	       (candidate->measure == TR_MEASURE_OUT ? CANDIDATE_OUT
		: candidate->measure		     ? CANDIDATE_MEASURE
						     : 0u) |
	       (terms_any(candidate) ? CANDIDATE_TERMS : 0u);
}

static uint8_t *put_candidate(uint8_t *p, const struct tr_candidate *candidate,
			      const struct tr_candidate *before)
{
	unsigned bits = candidate_bits(candidate, before);

	p = tr_put_u8(p, (uint8_t)bits);
	p = tr_put_name(p, candidate->endpoint);
	p = tr_put_varint(p, candidate->in_flight);
	p = tr_put_varint(p, candidate->slots);
	if (bits & CANDIDATE_MODEL)
		p = tr_put_name(p, candidate->model);
	if (bits & CANDIDATE_STEP)
		p = tr_put_u8(p, candidate->chain_step);
	if (bits & CANDIDATE_FILTER)
		p = tr_put_u8(p, candidate->filter);
	if (bits & CANDIDATE_DETAIL)
		p = tr_put_varint(p, candidate->detail);
	if (bits & CANDIDATE_MEASURE)
		p = tr_put_varint(p, candidate->measure);
	for (unsigned i = 0; bits & CANDIDATE_TERMS && i < TR_TERM_COUNT; i++)
		p = tr_put_varint(p, candidate->terms[i]);
	return p;
}

/* False if the bytes are not what put_candidate() makes. */
static bool take_candidate(struct tr_bytes *bytes, const struct tr_candidate *before,
			   struct tr_candidate *ret)
{
	unsigned bits = tr_take_u8(bytes);

	memset(ret, 0, sizeof *ret);
	ret->endpoint = tr_take_u64(bytes);
	ret->in_flight = (uint32_t)tr_take_varint(bytes, UINT32_MAX);
	ret->slots = (uint32_t)tr_take_varint(bytes, UINT32_MAX);
	ret->model = bits & CANDIDATE_MODEL ? tr_take_u64(bytes) : before->model;
	ret->chain_step = bits & CANDIDATE_STEP ? tr_take_u8(bytes) : before->chain_step;
	ret->filter = bits & CANDIDATE_FILTER ? tr_take_u8(bytes) : 0;
	ret->detail = bits & CANDIDATE_DETAIL ? tr_take_varint(bytes, UINT64_MAX) : 0;
	ret->measure = bits & CANDIDATE_MEASURE ? tr_take_varint(bytes, UINT64_MAX)
		       : bits & CANDIDATE_OUT	? TR_MEASURE_OUT
						: 0;
	for (unsigned i = 0; bits & CANDIDATE_TERMS && i < TR_TERM_COUNT; i++)
		ret->terms[i] = (uint16_t)tr_take_varint(bytes, UINT16_MAX);
	return !bytes->bad && bits == candidate_bits(ret, before);
}

size_t tr_decision_encode(const struct tr_decision *decision, const struct tr_candidate *candidates,
			  uint8_t *ret)
{
	const struct tr_candidate *before = &candidate_none;
	uint8_t *p = ret;

	TR_ASSERT(decision->candidate_count <= TR_DECISION_CANDIDATES_MAX);
	p = tr_put_u64(p, decision->job_id);
	p = tr_put_name(p, decision->strategy);
	p = tr_put_u8(p, decision->picker);
	p = tr_put_u8(p, decision->pick);
	p = tr_put_u8(p, decision->bypass);
	p = tr_put_u8(p, decision->ordinal);
	p = tr_put_u8(p, decision->role);
	/* TR_NONE is the largest number; one more makes nobody the shortest. */
	p = tr_put_varint(p, (uint32_t)(decision->winner + 1));
	p = tr_put_varint(p, decision->omitted);
	p = tr_put_varint(p, decision->candidate_count);
	for (uint32_t i = 0; i < decision->candidate_count; i++) {
		p = put_candidate(p, &candidates[i], before);
		before = &candidates[i];
	}
	TR_ASSERT((size_t)(p - ret) <= TR_DECISION_BYTES_MAX);
	return (size_t)(p - ret);
}

const char *tr_decision_take(struct tr_bytes *bytes, struct tr_actions *actions)
{
	struct tr_decision *decision = &actions->decisions[actions->decision_count];
	const struct tr_candidate *before = &candidate_none;

	if (actions->decision_count == TR_DECISIONS_MAX)
		return "more decision records than an event can have";
	memset(decision, 0, sizeof *decision);
	decision->job_id = tr_take_u64(bytes);
	decision->strategy = tr_take_u64(bytes);
	decision->picker = tr_take_u8(bytes);
	decision->pick = tr_take_u8(bytes);
	decision->bypass = tr_take_u8(bytes);
	decision->ordinal = tr_take_u8(bytes);
	decision->role = tr_take_u8(bytes);
	decision->winner = (uint32_t)tr_take_varint(bytes, UINT32_MAX) - 1;
	decision->omitted = (uint32_t)tr_take_varint(bytes, UINT32_MAX);
	decision->first_candidate = actions->candidate_count;
	decision->candidate_count = (uint32_t)tr_take_varint(bytes, TR_DECISION_CANDIDATES_MAX);
	if (bytes->bad)
		return "a decision record that is cut short or out of its range";
	if (decision->candidate_count > TR_CANDIDATES_MAX - actions->candidate_count)
		return "more candidates than an event can have";
	for (uint32_t i = 0; i < decision->candidate_count; i++) {
		struct tr_candidate *into = &actions->candidates[actions->candidate_count + i];

		if (!take_candidate(bytes, before, into))
			return "a candidate that is cut short or not in its one form";
		before = into;
	}
	actions->candidate_count += decision->candidate_count;
	actions->decision_count++;
	return NULL;
}

size_t tr_record_encode(const struct tr_event *event, const struct tr_actions *actions,
			uint64_t chain, bool decisions, uint8_t *ret)
{
	uint32_t decision_count = decisions ? actions->decision_count : 0;
	uint8_t *p = ret + tr_event_encode(event, ret);

	TR_ASSERT(actions->count <= TR_ACTIONS_MAX);
	TR_ASSERT(actions->decision_count <= TR_DECISIONS_MAX);
	TR_ASSERT(actions->candidate_count <= TR_CANDIDATES_MAX);
	p = tr_put_u64(p, chain);
	p = tr_put_u8(p, (uint8_t)actions->count);
	p = tr_put_u8(p, (uint8_t)decision_count);
	for (uint32_t i = 0; i < actions->count; i++)
		p += tr_action_encode(&actions->items[i], p);
	for (uint32_t i = 0; i < decision_count; i++) {
		const struct tr_decision *decision = &actions->decisions[i];

		TR_ASSERT(decision->first_candidate <= actions->candidate_count);
		TR_ASSERT(decision->candidate_count <=
			  actions->candidate_count - decision->first_candidate);
		p += tr_decision_encode(decision, &actions->candidates[decision->first_candidate],
					p);
	}
	TR_ASSERT((size_t)(p - ret) <= TR_RECORD_BYTES_MAX);
	return (size_t)(p - ret);
}

const char *tr_record_take(struct tr_bytes *bytes, struct tr_event *ret_event,
			   struct tr_actions *ret_actions, uint64_t *ret_chain)
{
	int length = tr_event_decode(bytes->at, tr_bytes_left(bytes), ret_event);

	if (length < 0)
		return length == TR_E_KIND ? "an event of unknown kind"
		       : length == TR_E_SHORT
			       ? "an event that is cut short"
			       : "an event with more prefix hashes than there can be";
	tr_take(bytes, (size_t)length);
	*ret_chain = tr_take_u64(bytes);

	uint32_t count = tr_take_u8(bytes);
	uint32_t decision_count = tr_take_u8(bytes);

	ret_actions->count = 0;
	ret_actions->decision_count = 0;
	ret_actions->candidate_count = 0;
	if (bytes->bad)
		return "an event without its answer";
	if (count > TR_ACTIONS_MAX)
		return "more actions than an event can have";
	for (; ret_actions->count < count; ret_actions->count++) {
		length = tr_action_decode(bytes->at, tr_bytes_left(bytes),
					  &ret_actions->items[ret_actions->count]);
		if (length < 0)
			return length == TR_E_KIND ? "an action of unknown kind"
						   : "an action that is cut short";
		tr_take(bytes, (size_t)length);
	}
	while (ret_actions->decision_count < decision_count) {
		const char *wrong = tr_decision_take(bytes, ret_actions);

		if (wrong)
			return wrong;
	}
	return NULL;
}
