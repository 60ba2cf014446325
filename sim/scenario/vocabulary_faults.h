/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of a scenario as they are read, before they are checked.
 */
#ifndef TR_SIM_SCENARIO_VOCABULARY_FAULTS_H
#define TR_SIM_SCENARIO_VOCABULARY_FAULTS_H

#include "engine/policy/schema.h"
#include "sim/server/fault.h"

struct tr_draft_fault_name {
	struct tr_row row;
	const char *name;
};

struct tr_draft_fault {
	struct tr_row row;
	const char *name;
	uint8_t kind;
	tr_span_ns at_ns;
	tr_span_ns for_ns;
	struct tr_rows endpoints; /* struct tr_draft_fault_name */
	struct tr_rows models;	  /* the same */
	bool all;
	uint64_t first;
	uint32_t percent_ppm;
	/* Where each was given; NULL: not. */
	const struct tr_node *name_node;
	const struct tr_node *for_node;
	const struct tr_node *endpoints_node;
	const struct tr_node *models_node;
	const struct tr_node *all_node;
	const struct tr_node *first_node;
	const struct tr_node *percent_node;
	/* What kinds take, and where it was given. */
	struct {
#define K(name) const struct tr_node *name;
		TR_FAULT_KEY_MAP(K)
#undef K
	} given;
	tr_span_ns start_ms;
	bool reported;
	uint32_t speed_percent;
	tr_span_ns extra_ms;
	uint16_t status;
	tr_span_ns retry_after_ms;
	tr_span_ns after_ms;
	uint32_t requests_remaining;
	tr_span_ns requests_reset_ms;
	uint64_t tokens_remaining;
	tr_span_ns tokens_reset_ms;
	tr_span_ns hold_ms;
	uint32_t after_tokens;
	tr_span_ns token_ms;
	tr_span_ns by_ms;
	uint8_t direction; /* 1: backward */
};

extern const struct tr_table tr_scenario_fault_table;

#endif
