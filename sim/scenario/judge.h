/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the assertions of a run hold: between assert.c, which lets it fill, and judge.c, which reads
 * it.
 */
#ifndef TR_SIM_SCENARIO_JUDGE_H
#define TR_SIM_SCENARIO_JUDGE_H

#include "sim/scenario/finding.h"

/* Assertions that no file makes: they are judged of every run. */
#define TR_ALWAYS_MAX 2

/* Whether anybody of this name ever came. */
struct sighting {
	tr_name name;
	bool session; /* else a tenant */
	bool seen;
};

struct tr_assertions {
	const struct tr_scenario *scenario;
	const struct tr_draft_assertion *drafts;
	uint32_t count;
	tr_time_ns start;
	uint64_t occurrences;
	struct tr_occurrences *stream;
	struct tr_measures *measures;
	struct tr_watch *watches;
	uint32_t watch_count;
	struct sighting *sightings;
	uint32_t sighting_count;
	struct tr_finding *findings; /* those of every run first */
	uint32_t finding_count;
	uint32_t failed;
};

/* Whom and when an assertion means, in this run. */
struct tr_selection tr_assertion_selection(const struct tr_assertions *assertions,
					   const struct tr_draft_about *about,
					   const struct tr_draft_window *window);

/* The watch that was set up for it; NULL: none was. */
const struct tr_watch *tr_assertion_watch(const struct tr_assertions *assertions, uint16_t event,
					  const struct tr_draft_about *about,
					  const struct tr_draft_window *window);

#endif
