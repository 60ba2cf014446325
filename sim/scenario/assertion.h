/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions as they are read: what vocabulary_assert.c fills, assertion.c checks and assert.c
 * finds out and judges.
 */
#ifndef TR_SIM_SCENARIO_ASSERTION_H
#define TR_SIM_SCENARIO_ASSERTION_H

#include "engine/policy/schema.h"
#include "sim/server/fault.h"
#include "sim/value.h"
#include "sim/watch.h"

/* Of one scenario. */
#define TR_ASSERTIONS_MAX 512
/* Events in one order. */
#define TR_ASSERTION_STEPS_MAX TR_WATCH_FIRST_MAX

/* Whom it is about. */
struct tr_draft_about {
	const char *class_name; /* NULL: not given, for each */
	const char *tenant;
	const char *session;
	const char *model;
	const char *endpoint;
	uint8_t code; /* 0: not given, for each */
	uint8_t outcome;
	uint8_t cause;
	struct {
#define X(uc, member, ...) const struct tr_node *member;
		TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X)
#undef X
	} given;
};

/* Keys of a window. X(key) */
#define TR_WINDOW_KEY_MAP(X)                                                                       \
	X(from_s)                                                                                  \
	X(to_s)                                                                                    \
	X(within_s)                                                                                \
	X(after)                                                                                   \
	X(after_end)                                                                               \
	X(during)                                                                                  \
	X(before)

struct tr_draft_window {
	tr_span_ns from_s; /* in ns, for these three */
	tr_span_ns to_s;
	tr_span_ns within_s;
	const char *after; /* a fault's name, for these four */
	const char *after_end;
	const char *during;
	const char *before;
	struct {
#define X(key) const struct tr_node *key;
		TR_WINDOW_KEY_MAP(X)
#undef X
	} given;
	/* What it comes to: spans from the start of the run, [from, to). Filled when checked. */
	tr_span_ns from;
	tr_span_ns to; /* TR_TIME_NEVER: to the end of the run */
};

/* Comparisons with one number, in millionths; X(key, words) */
#define TR_BOUND_MAP(X)                                                                            \
	X(below, "below")                                                                          \
	X(above, "above")                                                                          \
	X(at_least, "at least")                                                                    \
	X(at_most, "at most")

struct tr_draft_number {
	struct tr_row row;
	uint64_t number;
};

struct tr_draft_bounds {
#define X(key, words) uint64_t key;
	TR_BOUND_MAP(X)
#undef X
	const struct tr_node *equals; /* a number, or a hash; NULL: not given */
	uint64_t equal;		      /* what it comes to. Filled when checked. */
	struct tr_rows between;	      /* struct tr_draft_number, two or none */
	bool never;
	struct {
#define X(key, words) const struct tr_node *key;
		TR_BOUND_MAP(X)
#undef X
		const struct tr_node *between;
	} given;
};

/* A value of a part of the run. */
struct tr_draft_times {
	const struct tr_node *node; /* NULL: not given */
	uint16_t value;		    /* enum tr_value_name + 1 */
	struct tr_draft_about about;
	struct tr_draft_window window;
};

/* An event in an order. */
struct tr_draft_step {
	struct tr_row row;
	uint16_t event; /* enum tr_occurrence_kind + 1 */
	struct tr_draft_about about;
};

enum tr_hash_kind {
	TR_HASH_NONE,
	TR_HASH_PATH,
	TR_HASH_RUN,
};

struct tr_draft_assertion {
	struct tr_row row;
	const char *name;
	uint16_t value;	      /* enum tr_value_name + 1; 0: none, for each */
	uint16_t event;	      /* enum tr_occurrence_kind + 1 */
	uint8_t hash;	      /* enum tr_hash_kind */
	struct tr_rows order; /* struct tr_draft_step */
	struct tr_draft_about about;
	struct tr_draft_window window;
	struct tr_draft_bounds bounds;
	struct tr_draft_times times;
};

extern const struct tr_table tr_assertion_table;

/* Check rows of struct tr_draft_assertion, and fill in what they come to. Faults, by name and time,
 * are needed for the call alone. Returns 0, or -1 and *ret_diagnostic. */
int tr_assertions_take(const struct tr_document *document, struct tr_rows *rows,
		       const struct tr_fault *faults, uint32_t fault_count,
		       struct tr_diagnostic *ret_diagnostic);

/* Bits of enum tr_selector that are given; the names as hashes. */
uint32_t tr_about_given(const struct tr_draft_about *about);
struct tr_subject tr_about_subject(const struct tr_draft_about *about);

#endif
