/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace formats that are JSON lines, each a table of fields:
 *
 * - Mooncake (github.com/kvcache-ai/Mooncake, FAST'25): milliseconds from 0; one hash id stands for
 *   512 prompt tokens, equal leading ids are a shared prefix. Unknown fields are passed over.
 * - tailrace: every field of a row, exactly. A field that we do not know is a mistake there.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "traces/decimal.h"
#include "traces/found.h"
#include "traces/json_lines.h"

#define MOONCAKE_BLOCK_TOKENS 512

#define EXPECTED_TOKENS_IN  "a whole number from 1 to 2147483647"
#define EXPECTED_TOKENS_OUT "a whole number from 0 to 2147483647"
#define EXPECTED_TEXT	    "a string of at most 127 bytes without control characters"
#define EXPECTED_FLAG	    "true or false"

static bool take_scaled(struct tr_source *source, const struct tr_json_member *member,
			unsigned scale, bool whole)
{
	char text[TR_STAMP_MAX];
	const char *at;
	size_t length;
	bool exact;

	if (!tr_json_number(member, text, &at, &length))
		return false;
	tr_source_stamp(source, at, length);
	return tr_decimal_parse(at, length, scale, TR_TRACE_TIME_MAX, &source->row.arrival,
				&exact) == 0 &&
	       (exact || !whole);
}

static bool take_milliseconds(struct tr_source *source, const struct tr_json_member *member)
{
	return take_scaled(source, member, 6, false);
}

static bool take_nanoseconds(struct tr_source *source, const struct tr_json_member *member)
{
	return take_scaled(source, member, 0, true);
}

static bool take_tokens(const struct tr_json_member *member, uint32_t *ret)
{
	char text[TR_STAMP_MAX];
	const char *at;
	size_t length;
	uint64_t tokens;
	bool exact;

	if (!tr_json_number(member, text, &at, &length) ||
	    tr_decimal_parse(at, length, 0, TR_TRACE_TOKENS_MAX, &tokens, &exact) < 0 || !exact)
		return false;
	*ret = (uint32_t)tokens;
	return true;
}

static bool take_tokens_in(struct tr_source *source, const struct tr_json_member *member)
{
	return take_tokens(member, &source->row.tokens_in) && source->row.tokens_in > 0;
}

static bool take_tokens_out(struct tr_source *source, const struct tr_json_member *member)
{
	return take_tokens(member, &source->row.tokens_out);
}

static bool take_tokens_out_at_least_1(struct tr_source *source,
				       const struct tr_json_member *member)
{
	if (!take_tokens(member, &source->row.tokens_out))
		return false;
	if (source->row.tokens_out == 0) {
		source->row.tokens_out = 1;
		source->adjusted = true;
	}
	return true;
}

static bool take_block_tokens(struct tr_source *source, const struct tr_json_member *member)
{
	return take_tokens(member, &source->row.block_tokens) && source->row.block_tokens > 0;
}

static bool take_flag(const struct tr_json_member *member, bool *ret)
{
	if (!json_is_boolean(member->value))
		return false;
	*ret = json_is_true(member->value);
	return true;
}

static bool take_failed(struct tr_source *source, const struct tr_json_member *member)
{
	return take_flag(member, &source->row.failed);
}

static bool take_unseen(struct tr_source *source, const struct tr_json_member *member)
{
	return take_flag(member, &source->row.unseen);
}

static bool take_text(const struct tr_json_member *member, char ret[TR_TRACE_TEXT_MAX])
{
	const char *text = json_string_value(member->value);
	size_t length = json_string_length(member->value);

	if (!text || length >= TR_TRACE_TEXT_MAX || !tr_found_is_name(text, length))
		return false;
	memcpy(ret, text, length + 1);
	return true;
}

static bool take_tenant(struct tr_source *source, const struct tr_json_member *member)
{
	return take_text(member, source->row.tenant);
}

static bool take_session(struct tr_source *source, const struct tr_json_member *member)
{
	return take_text(member, source->row.session);
}

static bool take_model(struct tr_source *source, const struct tr_json_member *member)
{
	return take_text(member, source->row.model);
}

/* A whole number, or "0x" and up to 16 hexadecimal digits for what JSON numbers cannot hold. */
static bool take_block(const json_t *value, uint64_t *ret)
{
	const char *text = json_string_value(value);
	char *end;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*ret = (uint64_t)json_integer_value(value);
		return true;
	}
	if (!text || strncmp(text, "0x", 2) != 0 || strlen(text) < 3 || strlen(text) > 18)
		return false;
	if (strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2))
		return false;
	*ret = strtoull(text + 2, &end, 16);
	return true;
}

static bool take_blocks(struct tr_source *source, const struct tr_json_member *member)
{
	size_t count = json_array_size(member->value);

	if (!json_is_array(member->value) || count > TR_TRACE_BLOCKS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_block(json_array_get(member->value, i), &source->row.blocks[i]))
			return false;
	source->row.block_count = (uint32_t)count;
	return true;
}

static bool take_hash_ids(struct tr_source *source, const struct tr_json_member *member)
{
	if (!take_blocks(source, member))
		return false;
	source->row.block_tokens = source->row.block_count > 0 ? MOONCAKE_BLOCK_TOKENS : 0;
	return true;
}

static enum tr_source_result check_tailrace(struct tr_source *source,
					    struct tr_diagnostic *ret_diagnostic)
{
	struct tr_trace_row *row = &source->row;

	if (row->tokens_out == 0 && !row->failed)
		return tr_source_bad(source, ret_diagnostic, "field 'tokens_out'",
				     "found 0 or nothing, expected at least 1, or \"failed\":true");
	if (row->block_count > 0 && row->block_tokens == 0)
		return tr_source_bad(source, ret_diagnostic, "field 'blocks'",
				     "found without 'block_tokens', expected both or neither");
	return TR_SOURCE_ROW;
}

#define EXPECTED_BLOCKS                                                                            \
	"an array of at most 4096 block ids, each a whole number or \"0x\" with hexadecimal "      \
	"digits"

static const struct tr_json_field mooncake_fields[] = {
	{"timestamp", true, "milliseconds such as 27 or 27.5, from 0 to 9223372036854",
	 take_milliseconds},
	{"input_length", true, EXPECTED_TOKENS_IN, take_tokens_in},
	{"output_length", true, EXPECTED_TOKENS_OUT, take_tokens_out_at_least_1},
	{"hash_ids", false, EXPECTED_BLOCKS, take_hash_ids},
};

static const struct tr_json_field tailrace_fields[] = {
	{"arrival_ns", true, "whole nanoseconds from 0 to 9223372036854775807", take_nanoseconds},
	{"tokens_in", true, EXPECTED_TOKENS_IN, take_tokens_in},
	{"tokens_out", false, EXPECTED_TOKENS_OUT, take_tokens_out},
	{"failed", false, EXPECTED_FLAG, take_failed},
	{"unseen", false, EXPECTED_FLAG, take_unseen},
	{"tenant", false, EXPECTED_TEXT, take_tenant},
	{"session", false, EXPECTED_TEXT, take_session},
	{"model", false, EXPECTED_TEXT, take_model},
	{"block_tokens", false, "a whole number from 1 to 2147483647", take_block_tokens},
	{"blocks", false, EXPECTED_BLOCKS, take_blocks},
};

#define JSON_MAP(X)                                                                                \
	X(mooncake, "field 'timestamp'", false, NULL)                                              \
	X(tailrace, "field 'arrival_ns'", true, check_tailrace)

#define X(name, key, is_closed, check_row)                                                         \
	static enum tr_source_result next_##name(struct tr_source *source,                         \
						 struct tr_diagnostic *ret_diagnostic)             \
	{                                                                                          \
		static const struct tr_json_format format = {                                      \
			.fields = name##_fields,                                                   \
			.field_count = TR_ARRAY_LENGTH(name##_fields),                             \
			.closed = is_closed,                                                       \
			.check = check_row,                                                        \
		};                                                                                 \
		return tr_json_next(source, &format, ret_diagnostic);                              \
	}                                                                                          \
	const struct tr_source_kind tr_source_##name = {                                           \
		.line_cap = TR_JSON_LINE_MAX,                                                      \
		.stamp_key = key,                                                                  \
		.next = next_##name,                                                               \
	};
JSON_MAP(X)
#undef X
