/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as it is played: the rows of its file, spread, amplified, repeated.
 *
 * Spreading. Many traces are stamped on a grid (BurstGPT on 1 s, Mooncake on 3 s), and a burst at
 * each tick is an artefact of the clock, not of the users. The n rows of one stamp are laid over
 * the gap g to the next stamp, row i at stamp + (i * g + a draw below g) / n: one in each n-th of
 * the gap, so their order stays and their rate is even. A row that has its stamp for itself stays
 * where it is. The last stamp has no next one: its gap is the one before, or 1 s if there was none.
 *
 * Amplification by k gives each row k copies, a fraction of one by a seeded draw; copies of a row
 * are rows of its stamp, and so are spread like those. Where spreading is off they keep the stamp.
 *
 * Repetition plays the whole again, shifted by its length and its mean gap; between two rounds that
 * mean gap is also what the last stamp is spread over, so that the rounds do not overlap.
 *
 * Draws are keyed by the row's line in the file: neither a malformed row nor the rows before it
 * change how a row is spread.
 */
#include "traces/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/policy/suggest.h"
#include "engine/random.h"
#include "traces/decimal.h"
#include "traces/found.h"
#include "traces/group.h"
#include "traces/source.h"

struct tr_trace {
	enum tr_trace_format format;
	struct tr_trace_options options;
	char *path;
	FILE *file;
	off_t begin;	/* where in the file the trace begins */
	uint64_t bytes; /* of the file, 0: not known */
	struct tr_source *source;

	uint32_t round;		       /* of options.repeat, from 0 */
	tr_span_ns shift;	       /* of this round */
	tr_span_ns mean_gap;	       /* known once the first round is read */
	struct tr_trace_counts counts; /* of the first round, once it is read */
	tr_time_ns first, last;	       /* stamps of the first round */

	const struct tr_trace_row *ahead; /* read, not yet taken up; the source's */
	tr_span_ns gap_before;		  /* between the last two stamps */

	/* the rows of one stamp, while they are handed out */
	struct tr_group group;
	tr_time_ns stamp;
	tr_span_ns gap;
	uint64_t total; /* rows to hand out, copies included */
	uint64_t next;
	bool alone;
	struct tr_trace_row row; /* whose copies are being handed out */
	uint32_t copies_left;
	uint32_t copy;

	bool over; /* and this is what every further call returns */
	int over_result;
	struct tr_diagnostic over_diagnostic;
};

static const struct tr_trace_options options_plain = {.amplify_milli = 1000, .repeat = 1};

static const char *const format_names[TR_TRACE_FORMAT_COUNT] = {
#define X(name, cli, text) [TR_TRACE_##name] = cli,
	TR_TRACE_FORMAT_MAP(X)
#undef X
};

const char *tr_trace_format_name(enum tr_trace_format format)
{
	TR_ASSERT(format < TR_TRACE_FORMAT_COUNT);
	return format_names[format];
}

int tr_trace_spec(const char *spec, enum tr_trace_format *ret_format, const char **ret_path,
		  struct tr_diagnostic *ret_diagnostic)
{
	const char *colon = strchr(spec, ':');
	size_t length = colon ? (size_t)(colon - spec) : strlen(spec);
	struct tr_suggest suggest;
	char shown[TR_FOUND_MAX], typed[32];

	snprintf(typed, sizeof(typed), "%.*s", (int)tr_min(length, sizeof(typed)), spec);
	tr_suggest_begin(&suggest, typed);
	for (unsigned i = 0; colon && i < TR_TRACE_FORMAT_COUNT; i++) {
		if (strlen(format_names[i]) != length || memcmp(format_names[i], spec, length) != 0)
			continue;
		if (colon[1] == '\0')
			return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL,
					   "trace '%s' names no file; expected %s:FILE", spec,
					   format_names[i]);
		*ret_format = (enum tr_trace_format)i;
		*ret_path = colon + 1;
		return 0;
	}
	for (unsigned i = 0; colon && i < TR_TRACE_FORMAT_COUNT; i++)
		tr_suggest_offer(&suggest, format_names[i]);
	return tr_diagnose(ret_diagnostic, NULL, 0, 0, NULL,
			   "trace %s: expected FORMAT:FILE with FORMAT one of "
			   "azure, mooncake, arena, burstgpt, tailrace, trr%s%s%s",
			   tr_found(spec, strlen(spec), shown),
			   suggest.best ? "; did you mean '" : "", suggest.best ? suggest.best : "",
			   suggest.best ? "'?" : "");
}

static int check_options(const char *path, const struct tr_trace_options *options,
			 struct tr_diagnostic *ret_diagnostic)
{
	if (options->amplify_milli < 1 || options->amplify_milli > TR_TRACE_AMPLIFY_MAX)
		return tr_diagnose(ret_diagnostic, path, 0, 0, NULL,
				   "amplified by %u thousandths; expected 1 to %u",
				   options->amplify_milli, TR_TRACE_AMPLIFY_MAX);
	if (options->repeat < 1 || options->repeat > TR_TRACE_REPEAT_MAX)
		return tr_diagnose(ret_diagnostic, path, 0, 0, NULL,
				   "repeated %u times; expected 1 to %u", options->repeat,
				   TR_TRACE_REPEAT_MAX);
	return 0;
}

static int begin_round(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	return tr_source_open(trace->format, trace->path, trace->file, trace->options.skip_bad,
			      &trace->source, ret_diagnostic);
}

static int look_at_file(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	int descriptor = fileno(trace->file); /* -1: a stream in memory */
	struct stat status;

	trace->begin = ftello(trace->file);
	if (trace->options.repeat > 1 && trace->begin < 0)
		return tr_diagnose(ret_diagnostic, trace->path, 0, 0, NULL,
				   "cannot be read twice; repeating needs a file, not a pipe");
	if (descriptor < 0 || fstat(descriptor, &status) < 0)
		return 0;
	if (S_ISDIR(status.st_mode))
		return tr_diagnose(ret_diagnostic, trace->path, 0, 0, NULL, "is a directory");
	if (S_ISREG(status.st_mode) && status.st_size > 0)
		trace->bytes = (uint64_t)status.st_size;
	return 0;
}

int tr_trace_open_stream(enum tr_trace_format format, const char *name, FILE *stream,
			 const struct tr_trace_options *options, struct tr_trace **ret,
			 struct tr_diagnostic *ret_diagnostic)
{
	struct tr_trace *trace = calloc(1, sizeof(*trace));

	if (!options)
		options = &options_plain;
	if (trace)
		trace->path = strdup(name);
	if (!trace || !trace->path) {
		free(trace);
		fclose(stream);
		return tr_diagnose(ret_diagnostic, name, 0, 0, NULL, "not enough memory");
	}
	trace->format = format;
	trace->options = *options;
	trace->file = stream;
	if (check_options(name, options, ret_diagnostic) < 0 ||
	    look_at_file(trace, ret_diagnostic) < 0 || begin_round(trace, ret_diagnostic) < 0) {
		tr_trace_close(trace);
		return -1;
	}
	*ret = trace;
	return 0;
}

int tr_trace_open(enum tr_trace_format format, const char *path,
		  const struct tr_trace_options *options, struct tr_trace **ret,
		  struct tr_diagnostic *ret_diagnostic)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "rbe");

	if (!file)
		return tr_diagnose(ret_diagnostic, path, 0, 0, NULL, "cannot be opened: %s",
				   strerror(errno));
	return tr_trace_open_stream(format, is_stdin ? "stdin" : path, file, options, ret,
				    ret_diagnostic);
}

void tr_trace_close(struct tr_trace *trace)
{
	if (!trace)
		return;
	tr_source_close(trace->source);
	tr_group_done(&trace->group);
	fclose(trace->file);
	free(trace->path);
	free(trace);
}

/* The first round has been read to its end. */
static void take_measure(struct tr_trace *trace)
{
	tr_span_ns length = trace->last - trace->first;

	trace->counts = trace->source->counts;
	TR_ASSERT(trace->counts.rows > 0);
	trace->mean_gap = trace->counts.rows > 1 ? length / (trace->counts.rows - 1) : 0;
	if (trace->mean_gap == 0)
		trace->mean_gap = length > 0 ? 1 : TR_SECOND;
}

static int next_round(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	tr_span_ns step = trace->last - trace->first + trace->mean_gap;

	if (step > TR_TRACE_TIME_MAX - trace->last ||
	    trace->shift > TR_TRACE_TIME_MAX - trace->last - step)
		return tr_diagnose(ret_diagnostic, trace->path, 0, 0, NULL,
				   "round %u of %u would end after the year 2262", trace->round + 2,
				   trace->options.repeat);
	tr_source_close(trace->source);
	trace->source = NULL;
	trace->round++;
	trace->shift += step;
	rewind(trace->file);
	if (fseeko(trace->file, trace->begin, SEEK_SET) < 0)
		return tr_diagnose(ret_diagnostic, trace->path, 0, 0, NULL,
				   "cannot be read again: %s", strerror(errno));
	return begin_round(trace, ret_diagnostic);
}

/* Look one row ahead: 1 and trace->ahead, 0 at the end of the round, -1. */
static int look_ahead(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	int got;

	trace->ahead = NULL;
	got = tr_source_next(trace->source, &trace->ahead, ret_diagnostic);
	if (got > 0 && trace->round == 0) {
		if (trace->source->counts.rows == 1)
			trace->first = trace->ahead->arrival;
		trace->last = trace->ahead->arrival;
	}
	if (got == 0 && trace->round == 0)
		take_measure(trace);
	return got;
}

/* Look ahead, into the next round where this one is over. */
static int look_further(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	int got = look_ahead(trace, ret_diagnostic);

	if (got != 0 || trace->round + 1 == trace->options.repeat)
		return got;
	if (next_round(trace, ret_diagnostic) < 0)
		return -1;
	return look_ahead(trace, ret_diagnostic);
}

static uint32_t copies_of(const struct tr_trace *trace, uint64_t line)
{
	uint32_t whole = trace->options.amplify_milli / 1000;
	uint32_t milli = trace->options.amplify_milli % 1000;
	uint64_t bits;

	if (milli == 0)
		return whole;
	bits = tr_draw(trace->options.seed, line, TR_PURPOSE_SPREAD, 0);
	return whole + (tr_below(bits, 1000) < milli);
}

static int take_up(struct tr_trace *trace, uint64_t rows, struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_trace_row *row = trace->ahead;
	uint32_t copies = copies_of(trace, row->line);

	if (rows == TR_TRACE_GROUP_ROWS_MAX)
		return tr_diagnose(ret_diagnostic, trace->path,
				   row->line > UINT32_MAX ? UINT32_MAX : (unsigned)row->line, 0,
				   NULL,
				   "more than %u rows share one stamp; play it with its "
				   "stamps as they are (--spread none)",
				   TR_TRACE_GROUP_ROWS_MAX);
	trace->total += copies;
	if (copies == 0 || tr_group_add(&trace->group, row) == 0)
		return 0;
	return tr_diagnose(ret_diagnostic, trace->path,
			   row->line > UINT32_MAX ? UINT32_MAX : (unsigned)row->line, 0, NULL,
			   "the rows that share one stamp take more than %u MiB; play it with its "
			   "stamps as they are (--spread none)",
			   TR_TRACE_GROUP_BYTES_MAX >> 20);
}

/* Gather the rows of the next stamp. 1; 0: the trace is over; -1. */
static int gather(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	uint64_t rows = 0;
	uint32_t round;
	int got = 1;

	if (!trace->ahead)
		got = look_further(trace, ret_diagnostic);
	if (got <= 0)
		return got;
	tr_group_clear(&trace->group);
	trace->total = trace->next = 0;
	round = trace->round;
	trace->stamp = trace->ahead->arrival + trace->shift;
	do {
		if (take_up(trace, rows++, ret_diagnostic) < 0)
			return -1;
		trace->ahead = NULL;
		if (!trace->options.spread)
			break;
		got = look_further(trace, ret_diagnostic);
		if (got < 0)
			return -1;
	} while (got > 0 && trace->round == round &&
		 trace->ahead->arrival + trace->shift == trace->stamp);
	trace->alone = rows == 1 && trace->total == 1;
	if (trace->ahead && trace->ahead->arrival + trace->shift < trace->stamp)
		return tr_diagnose(ret_diagnostic, trace->path, 0, 0, NULL,
				   "the file has changed since it was read the first time");
	if (trace->ahead)
		trace->gap = trace->gap_before =
			trace->ahead->arrival + trace->shift - trace->stamp;
	else
		trace->gap = trace->gap_before > 0 ? trace->gap_before : TR_SECOND;
	return 1;
}

static tr_time_ns place(struct tr_trace *trace)
{
	uint64_t draw;
	tr_u128 sum;

	if (!trace->options.spread || trace->alone)
		return trace->stamp;
	draw = tr_below(tr_draw(trace->options.seed, trace->row.line, TR_PURPOSE_SPREAD,
				1 + (uint64_t)trace->copy),
			trace->gap);
	sum = (tr_u128)trace->next * trace->gap + draw;
	return tr_min(trace->stamp + (uint64_t)(sum / trace->total), TR_TRACE_TIME_MAX);
}

/* Make a row with copies left the one at hand. 1; 0: the trace is over; -1. */
static int advance(struct tr_trace *trace, struct tr_diagnostic *ret_diagnostic)
{
	while (trace->copies_left == 0) {
		int got;

		if (trace->next < trace->total && tr_group_take(&trace->group, &trace->row)) {
			trace->copies_left = copies_of(trace, trace->row.line);
			trace->copy = 0;
			continue;
		}
		TR_ASSERT(trace->next == trace->total);
		got = gather(trace, ret_diagnostic);
		if (got <= 0)
			return got;
	}
	return 1;
}

int tr_trace_next(struct tr_trace *trace, struct tr_trace_row *ret,
		  struct tr_diagnostic *ret_diagnostic)
{
	if (!trace->over) {
		trace->over_result = advance(trace, &trace->over_diagnostic);
		trace->over = trace->over_result <= 0;
	}
	if (trace->over) {
		if (trace->over_result < 0)
			*ret_diagnostic = trace->over_diagnostic;
		return trace->over_result;
	}
	tr_trace_row_copy(ret, &trace->row);
	ret->arrival = place(trace);
	trace->copies_left--;
	trace->copy++;
	trace->next++;
	return 1;
}

struct tr_trace_counts tr_trace_counts(const struct tr_trace *trace)
{
	return trace->round == 0 ? trace->source->counts : trace->counts;
}

uint64_t tr_trace_skipped(const struct tr_trace *trace)
{
	return tr_trace_counts(trace).skipped;
}

void tr_trace_progress(const struct tr_trace *trace, uint64_t *ret_done, uint64_t *ret_all)
{
	uint64_t done = trace->source ? tr_source_bytes(trace->source) : 0;

	*ret_done = trace->round * trace->bytes + done;
	*ret_all = trace->bytes * trace->options.repeat;
}
