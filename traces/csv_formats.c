/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three trace formats that are CSV, each a table of columns:
 *
 * - Azure LLM inference traces of 2023 and 2024 (github.com/Azure/AzurePublicDataset): dates, and
 *   neither tenant nor session. Those of 2024 carry "+00:00" and drop a fraction of zero.
 * - The arena traces of VTC and S-LoRA (OSDI'24, github.com/Ying1123/VTC-artifact): seconds from 0.
 * - BurstGPT 1 and 2 (github.com/HPMLL/BurstGPT): whole or decimal seconds; no response tokens
 *   mean that the request failed. The files hold failed requests of size 0 / 0: their size was
 *   never learnt, and it is read as 1.
 *
 * Elsewhere an output of 0 is a request that succeeded with nothing to say; it too cost a prefill,
 * so its output is read as 1. An input of 0 with an output cannot be, and is a bad row.
 */
#include <string.h>

#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/found.h"

#define EXPECTED_TOKENS_IN  "a whole number from 1 to 2147483647"
#define EXPECTED_TOKENS_OUT "a whole number from 0 to 2147483647"
#define EXPECTED_SECONDS    "seconds such as 12.5, from 0 to 9223372036"
#define EXPECTED_TEXT	    "at most 127 bytes of UTF-8 without control characters"
#define EXPECTED_TEXT_GIVEN "1 to 127 bytes of UTF-8 without control characters"

static bool take_clock(struct tr_source *source, const char *text, size_t length)
{
	tr_source_stamp(source, text, length);
	return tr_clock_parse(text, length, &source->row.arrival) == 0;
}

static bool take_seconds(struct tr_source *source, const char *text, size_t length)
{
	tr_source_stamp(source, text, length);
	return tr_decimal_parse(text, length, 9, TR_TRACE_TIME_MAX, &source->row.arrival, NULL) ==
	       0;
}

/* Spreadsheets write whole numbers as "472.0"; that is still whole. */
static bool take_tokens(const char *text, size_t length, uint32_t *ret)
{
	uint64_t tokens;
	bool exact;

	if (tr_decimal_parse(text, length, 0, TR_TRACE_TOKENS_MAX, &tokens, &exact) < 0 || !exact)
		return false;
	*ret = (uint32_t)tokens;
	return true;
}

static bool take_tokens_in(struct tr_source *source, const char *text, size_t length)
{
	return take_tokens(text, length, &source->row.tokens_in) && source->row.tokens_in > 0;
}

static bool take_tokens_in_maybe_0(struct tr_source *source, const char *text, size_t length)
{
	return take_tokens(text, length, &source->row.tokens_in);
}

static bool take_tokens_out(struct tr_source *source, const char *text, size_t length)
{
	if (!take_tokens(text, length, &source->row.tokens_out))
		return false;
	if (source->row.tokens_out == 0) {
		source->row.tokens_out = 1;
		source->adjusted = true;
	}
	return true;
}

static bool take_tokens_out_or_failed(struct tr_source *source, const char *text, size_t length)
{
	if (!take_tokens(text, length, &source->row.tokens_out))
		return false;
	source->row.failed = source->row.tokens_out == 0;
	return true;
}

static bool take_text(const char *text, size_t length, char ret[TR_TRACE_TEXT_MAX])
{
	if (length >= TR_TRACE_TEXT_MAX || !tr_found_is_name(text, length))
		return false;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return true;
}

static bool take_tenant(struct tr_source *source, const char *text, size_t length)
{
	return length > 0 && take_text(text, length, source->row.tenant);
}

static bool take_session(struct tr_source *source, const char *text, size_t length)
{
	return take_text(text, length, source->row.session);
}

static bool take_model(struct tr_source *source, const char *text, size_t length)
{
	return take_text(text, length, source->row.model);
}

static enum tr_source_result check_burstgpt(struct tr_source *source,
					    struct tr_diagnostic *ret_diagnostic)
{
	if (source->row.tokens_in > 0)
		return TR_SOURCE_ROW;
	if (!source->row.failed)
		return tr_source_bad(
			source, ret_diagnostic, "column 'Request tokens'",
			"found '0' with %u response tokens, expected " EXPECTED_TOKENS_IN,
			source->row.tokens_out);
	source->row.tokens_in = 1;
	source->adjusted = true;
	return TR_SOURCE_ROW;
}

static const struct tr_csv_column azure_columns[] = {
	{"TIMESTAMP", true, "a time such as 2023-11-16 18:17:03.9799600, from 1970 to 2261",
	 take_clock},
	{"ContextTokens", true, EXPECTED_TOKENS_IN, take_tokens_in},
	{"GeneratedTokens", true, EXPECTED_TOKENS_OUT, take_tokens_out},
};

static const struct tr_csv_column arena_columns[] = {
	{"arrival_s", true, EXPECTED_SECONDS, take_seconds},
	{"tenant", true, EXPECTED_TEXT_GIVEN, take_tenant},
	{"prompt_tokens", true, EXPECTED_TOKENS_IN, take_tokens_in},
	{"output_tokens", true, EXPECTED_TOKENS_OUT, take_tokens_out},
};

static const struct tr_csv_column burstgpt_columns[] = {
	{"Timestamp", true, EXPECTED_SECONDS, take_seconds},
	{"Request tokens", true, EXPECTED_TOKENS_OUT, take_tokens_in_maybe_0},
	{"Response tokens", true, EXPECTED_TOKENS_OUT, take_tokens_out_or_failed},
	{"Model", false, EXPECTED_TEXT, take_model},
	{"Session ID", false, EXPECTED_TEXT, take_session},
};

#define CSV_MAP(X)                                                                                 \
	X(azure, "column 'TIMESTAMP'", NULL)                                                       \
	X(arena, "column 'arrival_s'", NULL)                                                       \
	X(burstgpt, "column 'Timestamp'", check_burstgpt)

#define X(name, key, check_row)                                                                    \
	static int begin_##name(struct tr_source *source, struct tr_diagnostic *ret_diagnostic)    \
	{                                                                                          \
		static const struct tr_csv_format format = {                                       \
			.columns = name##_columns,                                                 \
			.column_count = TR_ARRAY_LENGTH(name##_columns),                           \
			.check = check_row,                                                        \
		};                                                                                 \
		return tr_csv_begin(source, &format, ret_diagnostic);                              \
	}                                                                                          \
	const struct tr_source_kind tr_source_##name = {                                           \
		.line_cap = TR_CSV_LINE_MAX,                                                       \
		.stamp_key = key,                                                                  \
		.begin = begin_##name,                                                             \
		.next = tr_csv_next,                                                               \
		.end = tr_csv_end,                                                                 \
	};
CSV_MAP(X)
#undef X
