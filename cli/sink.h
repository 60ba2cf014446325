/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the outcomes of many cases go, in order: a line each on standard output, an array in a JSON
 * file, a JUnit file, and the sum of it all. The same for a run and for merged shards, and so the
 * same bytes.
 *
 * A shard's JSON file is an object around the array: which shard of how many, how many cases there
 * are in all, and the hash of their list.
 */
#ifndef TR_CLI_SINK_H
#define TR_CLI_SINK_H

#include "cli/outcome.h"
#include "reports/junit.h"
#include "traces/whole_file.h"

#define TR_SHARD_FORMAT	 "tailrace shard"
#define TR_SHARD_VERSION 1

struct tr_sink_options {
	const char *json;  /* path; "-": standard output, instead of the lines; NULL: none */
	const char *junit; /* the same */
	const struct tr_shard *shard; /* NULL: the JSON file is the array alone */
	uint32_t case_count;	      /* of a shard: of all cases */
	uint64_t list_hash;	      /* the same */
	bool quiet;		      /* no lines */
};

struct tr_sink {
	struct tr_sink_options options;
	struct tr_whole_file json;
	struct tr_whole_file junit_file;
	struct tr_junit *junit;
	bool lines;
	uint32_t count;
	uint32_t statuses[TR_STATUS_COUNT];
	int error; /* errno of the first write that failed */
};

/* Make the files. Returns an enum tr_exit, with a line on stderr; nothing is left behind then. */
int tr_sink_open(const struct tr_sink_options *options, struct tr_sink *ret);
/* Take the next outcome, which is not needed afterwards. wall_ns as tr_outcome_print() has it. */
void tr_sink_take(struct tr_sink *sink, const json_t *outcome, uint64_t wall_ns);
/* Print the counts, with those that were not played, and put the files in place. Returns the exit
 * code of it all: the gravest of the cases, or 4. */
int tr_sink_finish(struct tr_sink *sink, uint32_t not_run);
/* Give up: nothing is left behind. */
void tr_sink_cancel(struct tr_sink *sink);

#endif
