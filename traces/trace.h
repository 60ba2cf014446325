/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workload traces: who asked for how much, when. Readers stream; a trace of ten million rows needs
 * the memory of one.
 */
#ifndef TR_TRACES_TRACE_H
#define TR_TRACES_TRACE_H

#include <stdio.h>

#include "engine/base.h"
#include "engine/policy/diagnostic.h"

/* Longest tenant, session or model text kept of a row, with its NUL. A longer one is a bad row. */
#define TR_TRACE_TEXT_MAX 128
/* Most tokens in or out of one row. More is a bad row. */
#define TR_TRACE_TOKENS_MAX INT32_MAX
/* Most rows, and most bytes of rows, that may share one stamp where stamps are spread: the group is
 * held in memory until its end is seen. */
#define TR_TRACE_GROUP_ROWS_MAX	 65536
#define TR_TRACE_GROUP_BYTES_MAX (64u << 20)
#define TR_TRACE_AMPLIFY_MAX	 1000000
#define TR_TRACE_REPEAT_MAX	 1000000
/* Most prefix blocks of one row. More is a bad row. */
#define TR_TRACE_BLOCKS_MAX 4096

/* X(name, cli, text) */
#define TR_TRACE_FORMAT_MAP(X)                                                                     \
	X(AZURE, "azure", "Azure LLM inference CSV: TIMESTAMP, ContextTokens, GeneratedTokens")    \
	X(MOONCAKE, "mooncake",                                                                    \
	  "Mooncake JSONL: timestamp, input_length, output_length, hash_ids")                      \
	X(ARENA, "arena", "arena CSV: arrival_s, tenant, prompt_tokens, output_tokens")            \
	X(BURSTGPT, "burstgpt", "BurstGPT CSV: Timestamp, Model, Request tokens, Response tokens") \
	X(TAILRACE, "tailrace", "our own JSONL: one object a row, every field of a row")           \
	X(TRR, "trr", "a recording: its submitted jobs, with the outputs that were seen")

enum tr_trace_format {
#define X(name, cli, text) TR_TRACE_##name,
	TR_TRACE_FORMAT_MAP(X)
#undef X
	TR_TRACE_FORMAT_COUNT
};

struct tr_trace_row {
	uint64_t line;	     /* in the file, from 1; for .trr the event's number */
	tr_time_ns arrival;  /* since the epoch if the trace has dates, else since its own zero */
	uint32_t tokens_in;  /* >= 1 */
	uint32_t tokens_out; /* the true output; >= 1 unless failed */
	bool failed;	     /* the trace says that the request failed */
	bool unseen;	     /* a recording never saw this job's output: tokens_out is a stand-in */
	uint32_t block_tokens; /* prompt tokens per prefix block, 0: no blocks */
	uint32_t block_count;
	char tenant[TR_TRACE_TEXT_MAX]; /* "": not given, for each */
	char session[TR_TRACE_TEXT_MAX];
	char model[TR_TRACE_TEXT_MAX];
	uint64_t blocks[TR_TRACE_BLOCKS_MAX]; /* block ids: equal leading ids are a shared prefix */
};

struct tr_trace_options {
	bool skip_bad; /* count malformed rows and go on, instead of stopping at the first */
	bool spread;   /* rows that share a stamp are spread over the gap to the next stamp */
	uint64_t seed; /* of the spreading and of fractional amplification */
	/* Thousandths: 1000 as it is, 2500: two and a half times the rows; up to
	 * TR_TRACE_AMPLIFY_MAX. */
	uint32_t amplify_milli;
	/* Times the whole trace is played, one after the other, 1..TR_TRACE_REPEAT_MAX. */
	uint32_t repeat;
};

/* What a file held, each line of it counted once however often the trace is repeated. */
struct tr_trace_counts {
	uint64_t rows;	   /* good ones */
	uint64_t skipped;  /* malformed ones (skip_bad) */
	uint64_t adjusted; /* good ones with a size of 0 that was read as 1 */
};

struct tr_trace;

/* "azure:FILE" -> format and path (a pointer into spec). Returns 0, or -1 with the formats named.
 */
int tr_trace_spec(const char *spec, enum tr_trace_format *ret_format, const char **ret_path,
		  struct tr_diagnostic *ret_diagnostic);

/* The name of a format: "azure". */
const char *tr_trace_format_name(enum tr_trace_format format);

/* Open; the head is checked here. "-" is the standard input, which cannot be repeated. NULL options
 * are every row once, as it stands in the file. Returns 0 and *ret, or -1. */
int tr_trace_open(enum tr_trace_format format, const char *path,
		  const struct tr_trace_options *options, struct tr_trace **ret,
		  struct tr_diagnostic *ret_diagnostic);
/* The next row, in order of arrival. Returns 1 and *ret, 0 at the end, -1 with a diagnostic. */
int tr_trace_next(struct tr_trace *trace, struct tr_trace_row *ret,
		  struct tr_diagnostic *ret_diagnostic);
/* The same from an open stream, which is taken over, also on failure; `name` stands for the path.
 * A stream that cannot be rewound cannot be repeated. */
int tr_trace_open_stream(enum tr_trace_format format, const char *name, FILE *stream,
			 const struct tr_trace_options *options, struct tr_trace **ret,
			 struct tr_diagnostic *ret_diagnostic);
/* What was read so far, and of it the malformed rows. */
struct tr_trace_counts tr_trace_counts(const struct tr_trace *trace);
uint64_t tr_trace_skipped(const struct tr_trace *trace);
/* Bytes read so far and in all (0: not known), for progress. */
void tr_trace_progress(const struct tr_trace *trace, uint64_t *ret_done, uint64_t *ret_all);
void tr_trace_close(struct tr_trace *trace);

/* Copy what of a row is filled; a whole struct is 33 KB. */
void tr_trace_row_copy(struct tr_trace_row *ret, const struct tr_trace_row *row);

#endif
