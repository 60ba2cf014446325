/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every event, action and decision record comes back from its bytes as it was, and no other bytes
 * are taken for one. RPL-1
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/random.h"
#include "traces/describe.h"
#include "traces/recording_frame.h"

#define ROUNDS 300

static uint64_t draws;

/* Small, large and edge values in turn. */
static uint64_t any(void)
{
	uint64_t bits = tr_draw(2, 2, TR_PURPOSE_TEST, draws++);

	switch (bits % 5) {
	case 0:
		return 0;
	case 1:
		return bits >> 8 & 0x7f;
	case 2:
		return UINT64_MAX;
	default:
		return bits >> (bits >> 32 & 63);
	}
}

#define ANY_u8()      ((uint8_t)any())
#define ANY_u16()     ((uint16_t)any())
#define ANY_u32()     ((uint32_t)any())
#define ANY_u64()     any()
#define ANY_time()    any()
#define ANY_span()    any()
#define ANY_name()    any()
#define ANY_hash()    any()
#define ANY_job()     ((tr_job_handle){(uint32_t)any(), (uint32_t)any()})
#define ANY_attempt() ((tr_attempt_handle){(uint32_t)any(), (uint32_t)any()})

#define FILL(tag, name) body->name = ANY_##tag();
#define X(uc, lc)                                                                                  \
	static void fill_event_##lc(struct tr_event_##lc *body)                                    \
	{                                                                                          \
		(void)body;                                                                        \
		TR_EVENT_##uc##_FIELDS(FILL)                                                       \
	}
TR_EVENT_MAP(X)
#undef X
#define X(uc, lc)                                                                                  \
	static void fill_action_##lc(struct tr_action_##lc *body)                                  \
	{                                                                                          \
		(void)body;                                                                        \
		TR_ACTION_##uc##_FIELDS(FILL)                                                      \
	}
TR_ACTION_MAP(X)
#undef X

static void fill_event(struct tr_event *event, enum tr_event_kind kind)
{
	memset(event, 0, sizeof *event);
	event->kind = (uint16_t)kind;
	event->time = any();
	event->observed = any();
#define X(uc, lc)                                                                                  \
	if (kind == TR_EVENT_##uc)                                                                 \
		fill_event_##lc(&event->lc);
	TR_EVENT_MAP(X)
#undef X
	if (kind == TR_EVENT_JOB_SUBMIT) {
		event->job_submit.prefix_count %= TR_PREFIX_MAX + 1;
		for (unsigned i = event->job_submit.prefix_count; i < TR_PREFIX_MAX; i++)
			(&event->job_submit.prefix0)[i] = 0;
	}
}

static void fill_action(struct tr_action *action, enum tr_action_kind kind)
{
	memset(action, 0, sizeof *action);
	action->kind = (uint16_t)kind;
#define X(uc, lc)                                                                                  \
	if (kind == TR_ACTION_##uc)                                                                \
		fill_action_##lc(&action->lc);
	TR_ACTION_MAP(X)
#undef X
}

static void fill_candidate(struct tr_candidate *candidate)
{
	memset(candidate, 0, sizeof *candidate);
	candidate->endpoint = any();
	candidate->model = any() & 1;
	candidate->detail = any();
	candidate->measure = any() & 1 ? any() : TR_MEASURE_OUT;
	candidate->in_flight = (uint32_t)any();
	candidate->slots = (uint32_t)any();
	for (unsigned t = 0; any() & 1 && t < TR_TERM_COUNT; t++)
		candidate->terms[t] = (uint16_t)any();
	candidate->filter = (uint8_t)any();
	candidate->chain_step = (uint8_t)any() & 1;
}

static void fill_actions(struct tr_actions *actions)
{
	memset(actions, 0, sizeof *actions);
	actions->count = (uint32_t)tr_below(tr_mix(draws++), TR_ACTIONS_MAX + 1);
	for (uint32_t i = 0; i < actions->count; i++)
		fill_action(&actions->items[i],
			    (enum tr_action_kind)(1 + any() % (TR_ACTION_COUNT - 1)));
	actions->decision_count = (uint32_t)tr_below(tr_mix(draws++), TR_DECISIONS_MAX + 1);
	for (uint32_t i = 0; i < actions->decision_count; i++) {
		struct tr_decision *decision = &actions->decisions[i];
		uint64_t room = TR_CANDIDATES_MAX - actions->candidate_count;

		decision->job_id = any();
		decision->strategy = any();
		decision->omitted = (uint32_t)any();
		decision->winner = (uint32_t)any();
		decision->picker = (uint8_t)any();
		decision->pick = (uint8_t)any();
		decision->ordinal = (uint8_t)any();
		decision->role = (uint8_t)any();
		decision->first_candidate = actions->candidate_count;
		decision->candidate_count = (uint32_t)tr_below(
			tr_mix(draws++), tr_min(room, TR_DECISION_CANDIDATES_MAX) + 1);
		for (uint32_t c = 0; c < decision->candidate_count; c++)
			fill_candidate(&actions->candidates[actions->candidate_count++]);
	}
}

/* -------------------------------------------------------------------------------------- messages
 */

static void test_every_event_comes_back(void **state)
{
	uint8_t bytes[TR_EVENT_BYTES_MAX];
	struct tr_event event, back;

	(void)state;
	for (unsigned kind = 1; kind < TR_EVENT_COUNT; kind++) {
		for (unsigned round = 0; round < ROUNDS; round++) {
			size_t length;

			fill_event(&event, (enum tr_event_kind)kind);
			length = tr_event_encode(&event, bytes);
			assert_int_equal(tr_event_decode(bytes, length, &back), length);
			assert_memory_equal(&event, &back, sizeof event);
			for (size_t cut = 0; cut < length; cut++)
				assert_int_equal(tr_event_decode(bytes, cut, &back), TR_E_SHORT);
		}
	}
}

static void test_every_action_comes_back(void **state)
{
	uint8_t bytes[TR_ACTION_BYTES_MAX];
	struct tr_action action, back;

	(void)state;
	for (unsigned kind = 1; kind < TR_ACTION_COUNT; kind++) {
		for (unsigned round = 0; round < ROUNDS; round++) {
			size_t length;

			fill_action(&action, (enum tr_action_kind)kind);
			length = tr_action_encode(&action, bytes);
			assert_int_equal(tr_action_decode(bytes, length, &back), length);
			assert_memory_equal(&action, &back, sizeof action);
			for (size_t cut = 0; cut < length; cut++)
				assert_int_equal(tr_action_decode(bytes, cut, &back), TR_E_SHORT);
		}
	}
}

static void test_unknown_kinds_are_refused_and_touch_nothing(void **state)
{
	static const uint16_t event_kinds[] = {0, TR_EVENT_COUNT, 999, UINT16_MAX};
	static const uint16_t action_kinds[] = {0, TR_ACTION_COUNT, 999, UINT16_MAX};
	uint8_t bytes[TR_EVENT_BYTES_MAX] = {0};
	struct tr_event event, event_before;
	struct tr_action action, action_before;

	(void)state;
	memset(&event, 0x5a, sizeof event);
	memset(&action, 0x5a, sizeof action);
	event_before = event;
	action_before = action;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(event_kinds); i++) {
		tr_put_u16(bytes, event_kinds[i]);
		assert_int_equal(tr_event_decode(bytes, sizeof bytes, &event), TR_E_KIND);
		tr_put_u16(bytes, action_kinds[i]);
		assert_int_equal(tr_action_decode(bytes, sizeof bytes, &action), TR_E_KIND);
	}
	assert_memory_equal(&event, &event_before, sizeof event);
	assert_memory_equal(&action, &action_before, sizeof action);
}

/* --------------------------------------------------------------------------------------- records
 */

/* Padding apart: field by field. */
static void assert_decisions_equal(const struct tr_actions *a, const struct tr_actions *b)
{
	assert_int_equal(a->decision_count, b->decision_count);
	assert_int_equal(a->candidate_count, b->candidate_count);
	for (uint32_t i = 0; i < a->decision_count; i++) {
		const struct tr_decision *x = &a->decisions[i], *y = &b->decisions[i];

		assert_true(x->job_id == y->job_id);
		assert_true(x->strategy == y->strategy);
		assert_int_equal(x->first_candidate, y->first_candidate);
		assert_int_equal(x->candidate_count, y->candidate_count);
		assert_int_equal(x->omitted, y->omitted);
		assert_int_equal(x->winner, y->winner);
		assert_int_equal(x->picker, y->picker);
		assert_int_equal(x->pick, y->pick);
		assert_int_equal(x->ordinal, y->ordinal);
		assert_int_equal(x->role, y->role);
	}
	for (uint32_t i = 0; i < a->candidate_count; i++) {
		const struct tr_candidate *x = &a->candidates[i], *y = &b->candidates[i];

		assert_true(x->endpoint == y->endpoint);
		assert_true(x->model == y->model);
		assert_true(x->detail == y->detail);
		assert_true(x->measure == y->measure);
		assert_int_equal(x->in_flight, y->in_flight);
		assert_int_equal(x->slots, y->slots);
		assert_memory_equal(x->terms, y->terms, sizeof x->terms);
		assert_int_equal(x->filter, y->filter);
		assert_int_equal(x->chain_step, y->chain_step);
	}
}

struct record {
	struct tr_event event;
	struct tr_actions actions;
	uint64_t chain;
	uint8_t bytes[TR_RECORD_BYTES_MAX];
	size_t length;
};

static void fill_record(struct record *record)
{
	fill_event(&record->event, (enum tr_event_kind)(1 + any() % (TR_EVENT_COUNT - 1)));
	fill_actions(&record->actions);
	record->chain = any();
	record->length = tr_record_encode(&record->event, &record->actions, record->chain, true,
					  record->bytes);
}

static void test_every_record_comes_back(void **state)
{
	static struct record record, back;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct tr_bytes bytes;

		fill_record(&record);
		bytes = (struct tr_bytes){record.bytes, record.bytes + record.length, false};
		assert_null(tr_record_take(&bytes, &back.event, &back.actions, &back.chain));
		assert_int_equal(tr_bytes_left(&bytes), 0);
		assert_true(record.chain == back.chain);
		assert_memory_equal(&record.event, &back.event, sizeof back.event);
		assert_int_equal(record.actions.count, back.actions.count);
		assert_memory_equal(record.actions.items, back.actions.items,
				    record.actions.count * sizeof back.actions.items[0]);
		assert_decisions_equal(&record.actions, &back.actions);
	}
}

static void test_a_record_cut_short_is_refused(void **state)
{
	static struct record record, back;

	(void)state;
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		fill_record(&record);
		for (size_t cut = 0; cut < record.length; cut++) {
			struct tr_bytes bytes = {record.bytes, record.bytes + cut, false};

			assert_non_null(
				tr_record_take(&bytes, &back.event, &back.actions, &back.chain));
		}
	}
}

/* A damaged record is refused, or it is the one encoding of another record. */
static void test_no_record_has_two_encodings(void **state)
{
	static struct record record, back;
	unsigned refused = 0, taken = 0;

	(void)state;
	for (unsigned round = 0; round < 40 * ROUNDS; round++) {
		struct tr_bytes bytes;
		size_t length;

		if (round % 40 == 0)
			fill_record(&record);
		length = (size_t)(any() % record.length);
		record.bytes[length] ^= (uint8_t)(1u << (any() % 8));
		bytes = (struct tr_bytes){record.bytes, record.bytes + record.length, false};
		if (tr_record_take(&bytes, &back.event, &back.actions, &back.chain)) {
			refused++;
			continue;
		}
		taken++;
		length = tr_record_encode(&back.event, &back.actions, back.chain, true, back.bytes);
		assert_int_equal(length, record.length - tr_bytes_left(&bytes));
		assert_memory_equal(record.bytes, back.bytes, length);
	}
	assert_true(refused > 0);
	assert_true(taken > 0);
}

static void test_numbers_have_only_their_shortest_form(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t length;
		bool good;
		uint64_t value;
	} cases[] = {
		{{0x00}, 1, true, 0},
		{{0x7f}, 1, true, 127},
		{{0x80, 0x01}, 2, true, 128},
		{{0x80, 0x00}, 2, false, 0},
		{{0xff, 0x80, 0x00}, 3, false, 0},
		{{0x80}, 1, false, 0},
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		 10,
		 true,
		 UINT64_MAX},
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, 10, false, 0},
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81}, 11, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++) {
		struct tr_bytes bytes = {cases[i].bytes, cases[i].bytes + cases[i].length, false};
		uint64_t value = tr_take_varint(&bytes, UINT64_MAX);

		assert_int_equal(!bytes.bad, cases[i].good);
		assert_true(value == cases[i].value);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint8_t p[TR_VARINT_BYTES_MAX];
		uint64_t value = any();
		struct tr_bytes bytes = {p, tr_put_varint(p, value), false};

		assert_true(tr_take_varint(&bytes, UINT64_MAX) == value);
		assert_false(bytes.bad);
		assert_int_equal(tr_bytes_left(&bytes), 0);
	}
}

/* ----------------------------------------------------------------------------------- description
 */

static const char *name_text(void *context, tr_name name)
{
	(void)context;
	return name & 1 ? "a\033[2Jb" : "plain";
}

/* Whatever stands in a recording, its words are printable and its JSON is made. */
static void test_every_message_can_be_described(void **state)
{
	const struct tr_describer describer = {.name = name_text, .start = 5};
	static struct record record;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct tr_detail details[TR_DETAILS_MAX];
		size_t count;
		json_t *event, *actions;
		char text[128];

		fill_record(&record);
		count = tr_describe_event(&describer, &record.event, details);
		for (size_t i = 0; i < count; i++) {
			assert_true(strlen(details[i].text) > 0);
			for (const char *p = details[i].text; *p; p++)
				assert_true(*p >= ' ' && *p <= '~');
		}
		for (uint32_t i = 0; i < record.actions.count; i++)
			assert_int_equal(
				tr_describe_action(&describer, &record.actions.items[i], details),
				tr_action_kinds[record.actions.items[i].kind].field_count);
		for (uint32_t i = 0; i < record.actions.decision_count; i++) {
			const struct tr_decision *decision = &record.actions.decisions[i];
			const struct tr_candidate *candidates =
				&record.actions.candidates[decision->first_candidate];

			tr_describe_decision(&describer, decision, candidates, text, sizeof text);
			assert_true(strlen(text) > 0);
			for (uint32_t c = 0; c < decision->candidate_count; c++)
				tr_describe_candidate(&describer, decision, &candidates[c], c, text,
						      sizeof text);
		}
		event = tr_event_json(&describer, &record.event);
		actions = tr_actions_json(&describer, &record.actions);
		assert_non_null(event);
		assert_non_null(actions);
		json_decref(event);
		json_decref(actions);
	}
}

static void test_words_of_a_candidate(void **state)
{
	const struct tr_describer describer = {.name = name_text};
	struct tr_decision decision = {.candidate_count = 3, .winner = 1};
	struct tr_candidate candidate = {.filter = TR_FILTER_BREAKER, .detail = 3200 * TR_MS};
	char text[128];

	(void)state;
	assert_string_equal(
		tr_describe_candidate(&describer, &decision, &candidate, 0, text, sizeof text),
		"out, breaker open for 3.2 s more");
	candidate = (struct tr_candidate){.in_flight = 1, .slots = 8, .measure = 125};
	assert_string_equal(
		tr_describe_candidate(&describer, &decision, &candidate, 1, text, sizeof text),
		"won: 1 of 8 slots taken, measure 125");
	candidate.terms[TR_TERM_COST] = 25;
	candidate.terms[TR_TERM_LOAD] = 100;
	candidate.model = 2;
	candidate.chain_step = 1;
	assert_string_equal(
		tr_describe_candidate(&describer, &decision, &candidate, 2, text, sizeof text),
		"1 of 8 slots taken, measure 125 (cost 25, load 100); fallback 1: plain");
	candidate = (struct tr_candidate){.slots = 8, .measure = TR_MEASURE_OUT};
	assert_string_equal(
		tr_describe_candidate(&describer, &decision, &candidate, 0, text, sizeof text),
		"0 of 8 slots taken, passed over");
}

static void test_words_of_a_span(void **state)
{
	static const struct {
		tr_span_ns span;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1, "1 ns"},
		{999, "999 ns"},
		{1000, "1 us"},
		{1500, "1.5 us"},
		{1234567, "1.234 ms"},
		{60 * TR_SECOND, "60 s"},
		{UINT64_C(3436080000000), "3436.08 s"},
		{TR_TIME_NEVER, "for ever"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(cases); i++)
		assert_string_equal(tr_describe_span(cases[i].span, text, sizeof text),
				    cases[i].text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_event_comes_back),
		cmocka_unit_test(test_every_action_comes_back),
		cmocka_unit_test(test_unknown_kinds_are_refused_and_touch_nothing),
		cmocka_unit_test(test_every_record_comes_back),
		cmocka_unit_test(test_a_record_cut_short_is_refused),
		cmocka_unit_test(test_no_record_has_two_encodings),
		cmocka_unit_test(test_numbers_have_only_their_shortest_form),
		cmocka_unit_test(test_every_message_can_be_described),
		cmocka_unit_test(test_words_of_a_candidate),
		cmocka_unit_test(test_words_of_a_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
