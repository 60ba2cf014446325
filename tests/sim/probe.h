/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of the mixed world that is measured, written down by hand, and booked by the ledger, so
 * that the three can be compared. One at a time.
 */
#ifndef TR_TESTS_SIM_PROBE_H
#define TR_TESTS_SIM_PROBE_H

#include "sim/measure.h"
#include "tests/sim/mixed.h"

#define RECORDS_MAX 4096

struct record {
	tr_time_ns submitted;
	tr_time_ns ended;
	tr_name tenant;
	uint8_t outcome; /* 0: none */
	tr_span_ns e2e;
	uint32_t tokens_out;
};

/* A run, what was measured of it, and what was written down by hand. */
struct probe {
	struct mixed mixed;
	struct tr_occurrences *stream;
	struct tr_measures *measures;
	struct tr_result result;
	struct record records[RECORDS_MAX];
	uint32_t record_count;
	uint32_t record_of[1 << 16]; /* by slot of the handle */
	tr_name attempt_tenant[1 << 15];
	struct {
		tr_time_ns time;
		tr_name tenant;
		int step;
	} flights[8 * RECORDS_MAX];
	uint32_t flight_count;
};

extern struct probe probe;

/* A world is drawn; what is wanted of it may be said before it is played. */
void probe_begin(uint64_t seed);
void probe_want(enum tr_value_name name, struct tr_selection selection);
void probe_play(void);
void probe_end(void);

/* What a measure of it comes to; UINT64_MAX: there is nothing to make it of. */
uint64_t probe_measured(enum tr_value_name name, struct tr_selection selection);
/* The same as the ledger's result has it, of the whole run. */
uint64_t probe_said(const struct tr_result *result, enum tr_value_name name);

/* Fails the test, with the seed, where two numbers are further apart than that. */
void probe_near(const char *name, uint64_t seed, uint64_t got, uint64_t wanted, uint64_t slack);

/* In millionths: so many; part of a whole; a value of a spread of so many samples. */
uint64_t probe_count(uint64_t number);
uint64_t probe_percent(uint64_t part, uint64_t of);
uint64_t probe_some(uint64_t samples, uint64_t value);

/* All of everybody. */
struct tr_selection probe_whole(void);

#endif
