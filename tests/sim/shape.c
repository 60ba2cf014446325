/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/sim/shape.h"

const struct tr_server_profile plain = {
	.connect_ns = TR_MS,
	.ttft_base_ns = 50 * TR_MS,
	.prefill_milli = 1000000,
	.tpot_ns = 10 * TR_MS,
	.slots = 4,
};

struct tr_fault window(enum tr_fault_kind kind)
{
	return (struct tr_fault){
		.name = "f",
		.id = 77,
		.kind = (uint8_t)kind,
		.at = TR_SECOND,
		.end = 3 * TR_SECOND,
		.ppm = ALL,
		.requests_remaining = UINT32_MAX,
		.tokens_remaining = UINT64_MAX,
	};
}

struct tr_fleet *fleet_of(const struct tr_server_profile *profile, const struct tr_fault *faults,
			  uint32_t count)
{
	struct tr_server servers[2] = {
		{.name = 42, .slots = 4, .profile = *profile},
		{.name = 43, .slots = 4, .profile = *profile},
	};
	struct tr_fleet *fleet = tr_fleet_new(&(struct tr_fleet_options){.seed = 7,
									 .start = T0,
									 .servers = servers,
									 .server_count = 2,
									 .attempts_max = 64,
									 .faults = faults,
									 .fault_count = count});

	assert_non_null(fleet);
	return fleet;
}

void start_at(struct tr_fleet *fleet, uint64_t ms, uint32_t server, uint32_t slot1,
	      uint32_t tokens_out)
{
	struct tr_event event;

	while (tr_fleet_next(fleet) < T0 + ms * TR_MS)
		assert_false(tr_fleet_take(fleet, &event));
	tr_fleet_start(fleet, T0 + ms * TR_MS,
		       &(struct tr_server_request){.attempt = {slot1, 1},
						   .job_id = slot1,
						   .server = server,
						   .tokens_in = 10,
						   .tokens_out = tokens_out});
}

bool next_event(struct tr_fleet *fleet, uint64_t ms, struct tr_event *ret)
{
	while (tr_fleet_next(fleet) <= T0 + ms * TR_MS)
		if (tr_fleet_take(fleet, ret))
			return true;
	return false;
}

static uint32_t tokens_of(const struct tr_event *event)
{
	switch (event->kind) {
	case TR_EVENT_ATTEMPT_PROGRESS:
		return event->attempt_progress.tokens_out;
	case TR_EVENT_ATTEMPT_DONE:
		return event->attempt_done.tokens_out;
	case TR_EVENT_ATTEMPT_FAILED:
		return event->attempt_failed.tokens_out;
	default:
		return 0;
	}
}

void expect(struct tr_fleet *fleet, uint64_t until_ms, const struct expected *rows, size_t count)
{
	struct tr_event event;

	for (size_t i = 0; i < count; i++) {
		assert_true(next_event(fleet, until_ms, &event));
		assert_int_equal(event.kind, rows[i].kind);
		assert_int_equal((event.time - T0) / TR_MS, rows[i].ms);
		assert_int_equal((event.time - T0) % TR_MS, 0);
		assert_true(event.observed == event.time);
		assert_int_equal(event.attempt_connected.attempt.slot1, rows[i].slot1);
		assert_int_equal(tokens_of(&event), rows[i].tokens);
		if (event.kind == TR_EVENT_ATTEMPT_FAILED)
			assert_int_equal(event.attempt_failed.cause, rows[i].cause);
	}
	assert_false(next_event(fleet, until_ms, &event));
}

void expect_one(const struct tr_fault *fault, const struct expected *rows, size_t count)
{
	struct tr_fleet *fleet = fleet_of(&plain, fault, 1);

	expect(fleet, 999, NULL, 0);
	start_at(fleet, 1000, 0, 1, 5);
	expect(fleet, LATE, rows, count);
	assert_true(tr_fleet_next(fleet) == TR_TIME_NEVER);
	tr_fleet_free(fleet);
}
