/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each format is a row: its head, how it writes, and what it can hold. What it cannot hold is
 * counted, so that the caller can say so. Reading the written file back gives the same rows in all
 * that the format holds, to the nanosecond; readers of others may round.
 *
 * Formats that count from a zero of their own get dated rows counted from the first one.
 */
#include "traces/write.h"

#include <inttypes.h>
#include <string.h>

#include "engine/policy/number.h"
#include "traces/decimal.h"

#define MOONCAKE_BLOCK_TOKENS 512
/* Larger integers lose digits in readers that keep numbers as doubles. */
#define JSON_INTEGER_SAFE ((UINT64_C(1) << 53) - 1)

const char *const tr_loss_texts[TR_LOSS_COUNT] = {
#define X(name, text) [TR_LOSS_##name] = text,
	TR_LOSS_MAP(X)
#undef X
};

#define HOLDS(name) (1u << TR_LOSS_##name)

static uint32_t tokens_out(const struct tr_trace_row *row)
{
	return row->tokens_out > 0 ? row->tokens_out : 1;
}

/* A CSV field, in quotes where RFC 4180 asks for them. */
static void put_field(FILE *file, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, file);
		return;
	}
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', file);
		putc(*text, file);
	}
	putc('"', file);
}

/* The text is UTF-8 without control characters. */
static void put_string(FILE *file, const char *text)
{
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', file);
		putc(*text, file);
	}
	putc('"', file);
}

static void put_azure(FILE *file, const struct tr_trace_row *row, tr_time_ns time)
{
	char clock[TR_CLOCK_TEXT_MAX];

	fprintf(file, "%s,%" PRIu32 ",%" PRIu32 "\n", tr_clock_format(time, clock), row->tokens_in,
		tokens_out(row));
}

static void put_mooncake(FILE *file, const struct tr_trace_row *row, tr_time_ns time)
{
	char milliseconds[TR_NUMBER_TEXT_MAX];

	fprintf(file,
		"{\"timestamp\": %s, \"input_length\": %" PRIu32 ", \"output_length\": %" PRIu32
		", \"hash_ids\": [",
		tr_number_text(time, 6, milliseconds), row->tokens_in, tokens_out(row));
	if (row->block_tokens == MOONCAKE_BLOCK_TOKENS)
		for (uint32_t i = 0; i < row->block_count; i++)
			/* Readers take ids as signed. */
			fprintf(file, "%s%" PRIu64, i ? ", " : "", row->blocks[i] & INT64_MAX);
	fputs("]}\n", file);
}

static void put_arena(FILE *file, const struct tr_trace_row *row, tr_time_ns time)
{
	char seconds[TR_NUMBER_TEXT_MAX];

	fprintf(file, "%s,", tr_number_text(time, 9, seconds));
	put_field(file, row->tenant[0] ? row->tenant : "default");
	fprintf(file, ",%" PRIu32 ",%" PRIu32 "\n", row->tokens_in, tokens_out(row));
}

static void put_burstgpt(FILE *file, const struct tr_trace_row *row, tr_time_ns time)
{
	char seconds[TR_NUMBER_TEXT_MAX];
	uint32_t out = row->failed ? 0 : row->tokens_out;

	fprintf(file, "%s,", tr_number_text(time, 9, seconds));
	put_field(file, row->session);
	putc(',', file);
	put_field(file, row->model);
	fprintf(file, ",%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",%s\n", row->tokens_in, out,
		(uint64_t)row->tokens_in + out, row->session[0] ? "Conversation log" : "API log");
}

static void put_tailrace(FILE *file, const struct tr_trace_row *row, tr_time_ns time)
{
	const struct {
		const char *name;
		const char *text;
	} texts[] = {{"tenant", row->tenant}, {"session", row->session}, {"model", row->model}};

	fprintf(file,
		"{\"arrival_ns\":%" PRIu64 ",\"tokens_in\":%" PRIu32 ",\"tokens_out\":%" PRIu32,
		time, row->tokens_in, row->tokens_out);
	if (row->failed)
		fputs(",\"failed\":true", file);
	if (row->unseen)
		fputs(",\"unseen\":true", file);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(texts); i++) {
		if (!texts[i].text[0])
			continue;
		fprintf(file, ",\"%s\":", texts[i].name);
		put_string(file, texts[i].text);
	}
	if (row->block_tokens > 0)
		fprintf(file, ",\"block_tokens\":%" PRIu32 ",\"blocks\":[", row->block_tokens);
	for (uint32_t i = 0; i < row->block_count; i++)
		fprintf(file,
			row->blocks[i] <= JSON_INTEGER_SAFE ? "%s%" PRIu64
							    : "%s\"0x%016" PRIx64 "\"",
			i ? "," : "", row->blocks[i]);
	fputs(row->block_tokens > 0 ? "]}\n" : "}\n", file);
}

static const struct {
	const char *head;
	void (*put)(FILE *file, const struct tr_trace_row *row, tr_time_ns time);
	unsigned holds; /* bits of enum tr_loss */
} formats[TR_TRACE_FORMAT_COUNT] = {
	[TR_TRACE_AZURE] = {"TIMESTAMP,ContextTokens,GeneratedTokens\n", put_azure, HOLDS(DATE)},
	[TR_TRACE_MOONCAKE] = {"", put_mooncake, HOLDS(BLOCKS)},
	[TR_TRACE_ARENA] = {"arrival_s,tenant,prompt_tokens,output_tokens\n", put_arena,
			    HOLDS(TENANT)},
	[TR_TRACE_BURSTGPT] = {"Timestamp,Session ID,Model,Request tokens,Response tokens,"
			       "Total tokens,Log Type\n",
			       put_burstgpt, HOLDS(SESSION) | HOLDS(MODEL) | HOLDS(FAILED)},
	[TR_TRACE_TAILRACE] = {"", put_tailrace, (1u << TR_LOSS_COUNT) - 1},
};

bool tr_trace_format_dated(enum tr_trace_format format)
{
	return format == TR_TRACE_AZURE || format == TR_TRACE_TRR;
}

bool tr_trace_format_written(enum tr_trace_format format)
{
	TR_ASSERT(format < TR_TRACE_FORMAT_COUNT);
	return formats[format].put != NULL;
}

void tr_trace_write_begin(struct tr_trace_writer *writer, enum tr_trace_format format, FILE *file,
			  enum tr_trace_format from)
{
	TR_ASSERT(tr_trace_format_written(format));
	*writer = (struct tr_trace_writer){
		.format = format, .file = file, .dated = tr_trace_format_dated(from)};
	fputs(formats[format].head, file);
}

/* Which of the things that a format may lose this row has. */
static unsigned has(const struct tr_trace_writer *writer, const struct tr_trace_row *row)
{
	unsigned bits = 0;

	bits |= row->tenant[0] ? HOLDS(TENANT) : 0;
	bits |= row->session[0] ? HOLDS(SESSION) : 0;
	bits |= row->model[0] ? HOLDS(MODEL) : 0;
	bits |= row->failed ? HOLDS(FAILED) : 0;
	bits |= row->unseen ? HOLDS(UNSEEN) : 0;
	bits |= row->block_count > 0 ? HOLDS(BLOCKS) : 0;
	bits |= writer->dated ? HOLDS(DATE) : 0;
	return bits;
}

void tr_trace_write(struct tr_trace_writer *writer, const struct tr_trace_row *row)
{
	unsigned holds = formats[writer->format].holds, lost;

	if (writer->format == TR_TRACE_MOONCAKE && row->block_tokens != MOONCAKE_BLOCK_TOKENS)
		holds &= ~HOLDS(BLOCKS);
	lost = has(writer, row) & ~holds;
	if (writer->rows++ == 0 && (lost & HOLDS(DATE)))
		writer->zero = row->arrival;
	for (unsigned i = 0; i < TR_LOSS_COUNT; i++)
		writer->losses[i] += lost >> i & 1;
	formats[writer->format].put(writer->file, row, row->arrival - writer->zero);
}
