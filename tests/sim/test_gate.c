/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network side of a server that has nothing wrong with it: workers, its own limits, when it
 * says that it will answer. Times by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/server/server.h"

/* A whole number of minutes and hours, so that intervals begin with it. */
#define T0 (UINT64_C(1699999200) * TR_SECOND)

/* 1 ms to connect, 60 ms to the first token of 10, 10 ms a token. */
static const struct tr_server_profile plain = {
	.connect_ns = TR_MS,
	.ttft_base_ns = 50 * TR_MS,
	.prefill_milli = 1000000,
	.tpot_ns = 10 * TR_MS,
	.slots = 4,
};

static struct tr_fleet *fleet_of(const struct tr_server_profile *profile)
{
	struct tr_server server = {.name = 42, .slots = 1, .profile = *profile};
	struct tr_fleet *fleet = tr_fleet_new(&(struct tr_fleet_options){
		.seed = 7, .start = T0, .servers = &server, .server_count = 1, .attempts_max = 64});

	assert_non_null(fleet);
	return fleet;
}

static void start(struct tr_fleet *fleet, uint64_t ms, uint32_t slot1)
{
	tr_fleet_start(
		fleet, T0 + ms * TR_MS,
		&(struct tr_server_request){
			.attempt = {slot1, 1}, .job_id = slot1, .tokens_in = 10, .tokens_out = 2});
}

static bool next_event(struct tr_fleet *fleet, struct tr_event *ret)
{
	while (tr_fleet_next(fleet) < TR_TIME_NEVER)
		if (tr_fleet_take(fleet, ret))
			return true;
	return false;
}

struct expected {
	uint64_t ms;
	uint16_t kind;
	uint32_t slot1;
};

static void expect(struct tr_fleet *fleet, const struct expected *rows, size_t count)
{
	struct tr_event event;

	for (size_t i = 0; i < count; i++) {
		assert_true(next_event(fleet, &event));
		assert_int_equal(event.kind, rows[i].kind);
		assert_int_equal((event.time - T0) / TR_MS, rows[i].ms);
		assert_int_equal(event.attempt_connected.attempt.slot1, rows[i].slot1);
	}
}

/* Four slots, two workers: the third connection stands and is not even taken in, until a worker has
 * written the last token of another. */
static void test_connections_beyond_the_workers_stand_before_the_line(void **state)
{
	struct tr_server_profile profile = plain;
	const struct expected rows[] = {
		{1, TR_EVENT_ATTEMPT_CONNECTED, 1},	{1, TR_EVENT_ATTEMPT_CONNECTED, 2},
		{1, TR_EVENT_ATTEMPT_CONNECTED, 3},	{1, TR_EVENT_ATTEMPT_HEADERS, 1},
		{1, TR_EVENT_ATTEMPT_HEADERS, 2},	{61, TR_EVENT_ATTEMPT_FIRST_TOKEN, 1},
		{61, TR_EVENT_ATTEMPT_FIRST_TOKEN, 2},	{71, TR_EVENT_ATTEMPT_DONE, 1},
		{71, TR_EVENT_ATTEMPT_DONE, 2},		{71, TR_EVENT_ATTEMPT_HEADERS, 3},
		{131, TR_EVENT_ATTEMPT_FIRST_TOKEN, 3}, {141, TR_EVENT_ATTEMPT_DONE, 3},
	};
	uint32_t running, waiting;
	struct tr_fleet *fleet;

	(void)state;
	profile.workers = 2;
	fleet = fleet_of(&profile);
	for (uint32_t i = 1; i <= 3; i++)
		start(fleet, 0, i);
	expect(fleet, rows, 5);
	/* Its own signals know nothing of who stands before the door. */
	tr_fleet_load(fleet, 0, &running, &waiting);
	assert_int_equal(running, 2);
	assert_int_equal(waiting, 0);
	expect(fleet, rows + 5, TR_ARRAY_LENGTH(rows) - 5);
	tr_fleet_free(fleet);
}

static void test_an_abort_before_the_door_or_behind_it_lets_the_next_in(void **state)
{
	struct tr_server_profile profile = plain;
	const struct expected before[] = {
		{1, TR_EVENT_ATTEMPT_CONNECTED, 1},
		{1, TR_EVENT_ATTEMPT_CONNECTED, 2},
		{1, TR_EVENT_ATTEMPT_CONNECTED, 3},
		{1, TR_EVENT_ATTEMPT_HEADERS, 1},
	};
	const struct expected after[] = {
		{30, TR_EVENT_ATTEMPT_HEADERS, 3},
		{90, TR_EVENT_ATTEMPT_FIRST_TOKEN, 3},
		{100, TR_EVENT_ATTEMPT_DONE, 3},
	};
	struct tr_fleet *fleet;

	(void)state;
	profile.workers = 1;
	fleet = fleet_of(&profile);
	for (uint32_t i = 1; i <= 3; i++)
		start(fleet, 0, i);
	expect(fleet, before, TR_ARRAY_LENGTH(before));
	tr_fleet_abort(fleet, T0 + 20 * TR_MS, (tr_attempt_handle){2, 1});
	tr_fleet_abort(fleet, T0 + 30 * TR_MS, (tr_attempt_handle){1, 1});
	expect(fleet, after, TR_ARRAY_LENGTH(after));
	assert_true(tr_fleet_next(fleet) == TR_TIME_NEVER);
	tr_fleet_free(fleet);
}

static void expect_refusal(struct tr_fleet *fleet, uint16_t status, tr_span_ns retry_after)
{
	struct tr_event event;

	do
		assert_true(next_event(fleet, &event));
	while (event.kind != TR_EVENT_ATTEMPT_FAILED);
	assert_int_equal(event.attempt_failed.status, status);
	assert_int_equal(event.attempt_failed.cause, tr_fault_cause(status));
	assert_true(event.attempt_failed.retry_after == retry_after);
}

static void test_a_full_server_refuses_and_takes_the_next_when_one_is_over(void **state)
{
	static const uint16_t statuses[] = {0, 429, 503, 529};

	(void)state;
	for (size_t i = 0; i < TR_ARRAY_LENGTH(statuses); i++) {
		struct tr_server_profile profile = plain;
		struct tr_fleet *fleet;
		struct tr_event event;

		profile.slots = 1;
		profile.inside_max = 2;
		profile.full_status = statuses[i];
		profile.full_retry_ns = i * TR_SECOND;
		fleet = fleet_of(&profile);
		for (uint32_t slot1 = 1; slot1 <= 3; slot1++)
			start(fleet, 0, slot1);
		expect_refusal(fleet, statuses[i] ? statuses[i] : 503, i * TR_SECOND);
		/* Over at 71 ms and 141 ms. */
		do
			assert_true(next_event(fleet, &event));
		while (event.kind != TR_EVENT_ATTEMPT_DONE);
		start(fleet, 71, 3);
		do
			assert_true(next_event(fleet, &event));
		while (event.kind != TR_EVENT_ATTEMPT_DONE);
		assert_int_equal(event.attempt_done.attempt.slot1, 2);
		do
			assert_true(next_event(fleet, &event));
		while (event.kind != TR_EVENT_ATTEMPT_DONE);
		assert_int_equal(event.attempt_done.attempt.slot1, 3);
		tr_fleet_free(fleet);
	}
}

/* Two requests in each 10 s; what is left is said with the head of each answer, before it. */
static void test_its_own_rate_limit_holds_for_an_interval_and_is_reported(void **state)
{
	struct tr_server_profile profile = plain;
	const uint32_t left[] = {1, 0, 0, 1};
	struct tr_fleet *fleet;
	struct tr_event event;

	(void)state;
	profile.limit_requests = 2;
	profile.limit_interval = 10 * TR_SECOND;
	profile.limit_reported = true;
	fleet = fleet_of(&profile);
	for (uint32_t i = 0; i < 4; i++) {
		/* The last one comes when the next interval begins. */
		uint64_t ms = i < 3 ? 1000 * i + 999 : 9999;

		start(fleet, ms, 1);
		assert_true(next_event(fleet, &event));
		assert_int_equal(event.kind, TR_EVENT_ATTEMPT_CONNECTED);
		assert_true(next_event(fleet, &event));
		assert_int_equal(event.kind, TR_EVENT_ENDPOINT_QUOTA);
		assert_int_equal(event.endpoint_quota.requests_remaining, left[i]);
		assert_true(event.endpoint_quota.requests_reset ==
			    (i < 3 ? 9000 - 1000 * i : 10000) * TR_MS);
		assert_true(event.endpoint_quota.tokens_remaining == UINT64_MAX);
		if (i == 2)
			expect_refusal(fleet, 429, 7000 * TR_MS);
		while (next_event(fleet, &event))
			assert_int_not_equal(event.kind, TR_EVENT_ATTEMPT_FAILED);
	}
	tr_fleet_free(fleet);
}

/* Whether a third request is refused, sent at so many ms, when a first is over and a second of 1000
 * ms is or is not. */
static bool is_third_refused(uint64_t limit, uint64_t ms)
{
	struct tr_server_profile profile = plain;
	struct tr_fleet *fleet;
	struct tr_event event = {.kind = 0};
	bool refused;

	profile.limit_tokens = limit;
	fleet = fleet_of(&profile);
	start(fleet, 0, 1);
	while (next_event(fleet, &event))
		continue;
	start(fleet, 1000, 2);
	while (tr_fleet_next(fleet) < T0 + ms * TR_MS)
		(void)tr_fleet_take(fleet, &event);
	start(fleet, ms, 3);
	do
		assert_true(next_event(fleet, &event));
	while (event.attempt_connected.attempt.slot1 != 3 ||
	       event.kind == TR_EVENT_ATTEMPT_CONNECTED);
	refused = event.kind == TR_EVENT_ATTEMPT_FAILED;
	tr_fleet_free(fleet);
	return refused;
}

/* 10 in, 2 out: 22 tokens while the second is served, 24 when it is over. */
static void test_tokens_count_when_they_are_known(void **state)
{
	(void)state;
	assert_true(is_third_refused(22, 1010));
	assert_false(is_third_refused(23, 1010));
	assert_true(is_third_refused(24, 2000));
	assert_false(is_third_refused(25, 2000));
}

/* A second request waits for the only slot from 1 to 71 ms. */
static void test_headers_come_when_the_profile_says(void **state)
{
	static const struct {
		uint64_t first_ms;
		uint64_t second_ms;
	} rows[TR_HEADERS_COUNT] = {
		[TR_HEADERS_SLOT] = {1, 71},
		[TR_HEADERS_ACCEPT] = {1, 1},
		[TR_HEADERS_FIRST_TOKEN] = {61, 131},
	};

	(void)state;
	for (uint32_t when = 0; when < TR_HEADERS_COUNT; when++) {
		struct tr_server_profile profile = plain;
		uint64_t headers_ms[2] = {0}, first_ms[2] = {0};
		struct tr_fleet *fleet;
		struct tr_event event;

		profile.slots = 1;
		profile.headers = (uint8_t)when;
		fleet = fleet_of(&profile);
		start(fleet, 0, 1);
		start(fleet, 0, 2);
		while (next_event(fleet, &event)) {
			uint32_t who = event.attempt_connected.attempt.slot1 - 1;

			if (event.kind == TR_EVENT_ATTEMPT_HEADERS)
				headers_ms[who] = (event.time - T0) / TR_MS;
			if (event.kind == TR_EVENT_ATTEMPT_FIRST_TOKEN) {
				assert_true(headers_ms[who] > 0);
				first_ms[who] = (event.time - T0) / TR_MS;
			}
		}
		assert_int_equal(headers_ms[0], rows[when].first_ms);
		assert_int_equal(headers_ms[1], rows[when].second_ms);
		assert_int_equal(first_ms[0], 61);
		assert_int_equal(first_ms[1], 131);
		tr_fleet_free(fleet);
	}
}

/* An answer that has begun can no longer be a 500. */
static void test_an_error_behind_the_headers_is_an_error_in_the_stream(void **state)
{
	struct tr_server_profile profile = plain;
	uint32_t seen = 0;

	(void)state;
	profile.error_ppm = 1000000;
	profile.headers = TR_HEADERS_ACCEPT;
	for (uint32_t job = 1; job <= 50; job++) {
		struct tr_fleet *fleet = fleet_of(&profile);
		struct tr_event event;
		bool headers = false;

		start(fleet, 0, 1 + job % 60);
		while (next_event(fleet, &event)) {
			headers |= event.kind == TR_EVENT_ATTEMPT_HEADERS;
			if (event.kind != TR_EVENT_ATTEMPT_FAILED)
				continue;
			assert_int_not_equal(event.attempt_failed.cause, TR_CAUSE_SERVER_ERROR);
			if (event.attempt_failed.cause == TR_CAUSE_STREAM_ERROR) {
				assert_true(headers);
				assert_int_equal(event.attempt_failed.status, 0);
				seen++;
			}
		}
		tr_fleet_free(fleet);
	}
	assert_true(seen > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_beyond_the_workers_stand_before_the_line),
		cmocka_unit_test(test_an_abort_before_the_door_or_behind_it_lets_the_next_in),
		cmocka_unit_test(test_a_full_server_refuses_and_takes_the_next_when_one_is_over),
		cmocka_unit_test(test_its_own_rate_limit_holds_for_an_interval_and_is_reported),
		cmocka_unit_test(test_tokens_count_when_they_are_known),
		cmocka_unit_test(test_headers_come_when_the_profile_says),
		cmocka_unit_test(test_an_error_behind_the_headers_is_an_error_in_the_stream),
	};

	return cmocka_run_group_tests_name("sim gate", tests, NULL, NULL);
}
