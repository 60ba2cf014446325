/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape in time of what servers tell: two servers, 42 and 43, some tries, and the events that
 * are expected of them, one by one.
 */
#ifndef TR_TESTS_SIM_SHAPE_H
#define TR_TESTS_SIM_SHAPE_H

#include "sim/server/server.h"

#define T0   (UINT64_C(1700000000) * TR_SECOND)
#define ALL  1000000
#define LATE UINT64_C(100000)

/* 1 ms to connect; 50 ms and 1 ms for each prompt token to the first token; 10 ms a token. A
 * request of 10 tokens has its first token after 61 ms, five tokens after 101 ms. */
extern const struct tr_server_profile plain;

/* A fault from 1 s to 3 s, for all. */
struct tr_fault window(enum tr_fault_kind kind);

struct tr_fleet *fleet_of(const struct tr_server_profile *profile, const struct tr_fault *faults,
			  uint32_t count);

/* A try of 10 tokens is sent; nothing is told before that. */
void start_at(struct tr_fleet *fleet, uint64_t ms, uint32_t server, uint32_t slot1,
	      uint32_t tokens_out);

/* The next event up to a time; false: there is none. */
bool next_event(struct tr_fleet *fleet, uint64_t ms, struct tr_event *ret);

/* kind, when, whose (slot + 1; 0: of a server), and a number: tokens, or the cause of a failure. */
struct expected {
	uint64_t ms;
	uint16_t kind;
	uint32_t slot1;
	uint32_t tokens;
	uint8_t cause;
};

#define CONNECTED(ms_, slot_)                                                                      \
	{                                                                                          \
		(ms_), TR_EVENT_ATTEMPT_CONNECTED, (slot_), 0, 0                                   \
	}
#define HEADERS(ms_, slot_)                                                                        \
	{                                                                                          \
		(ms_), TR_EVENT_ATTEMPT_HEADERS, (slot_), 0, 0                                     \
	}
#define FIRST(ms_, slot_)                                                                          \
	{                                                                                          \
		(ms_), TR_EVENT_ATTEMPT_FIRST_TOKEN, (slot_), 0, 0                                 \
	}
#define PROGRESS(ms_, slot_, tokens_)                                                              \
	{                                                                                          \
		(ms_), TR_EVENT_ATTEMPT_PROGRESS, (slot_), (tokens_), 0                            \
	}
#define DONE(ms_, slot_, tokens_)                                                                  \
	{                                                                                          \
		(ms_), TR_EVENT_ATTEMPT_DONE, (slot_), (tokens_), 0                                \
	}
#define FAILED(ms_, slot_, tokens_, cause_)                                                        \
	{                                                                                          \
		(ms_), TR_EVENT_ATTEMPT_FAILED, (slot_), (tokens_), TR_CAUSE_##cause_              \
	}

/* Just these events come up to a time. */
void expect(struct tr_fleet *fleet, uint64_t until_ms, const struct expected *rows, size_t count);
/* The same of one try of five tokens sent at 1000 ms, and no other. */
void expect_one(const struct tr_fault *fault, const struct expected *rows, size_t count);

#define EXPECT(fleet, until_ms, ...)                                                               \
	do {                                                                                       \
		const struct expected rows_[] = {__VA_ARGS__};                                     \
		expect((fleet), (until_ms), rows_, TR_ARRAY_LENGTH(rows_));                        \
	} while (0)
#define EXPECT_ONE(fault, ...)                                                                     \
	do {                                                                                       \
		const struct expected rows_[] = {__VA_ARGS__};                                     \
		expect_one((fault), rows_, TR_ARRAY_LENGTH(rows_));                                \
	} while (0)

#endif
