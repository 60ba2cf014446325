/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HEADER payload, the environment snapshot, and the engine's state as SNAPSHOT and END carry
 * it.
 *
 * The snapshot of the environment says how the program was built, never where or when it ran: the
 * same build of the same run makes the same file, byte for byte.
 */
#include "traces/recording_frame.h"

#define TR_LIMITS_FIELDS(X)                                                                        \
	X(jobs)                                                                                    \
	X(active)                                                                                  \
	X(attempts)                                                                                \
	X(models)                                                                                  \
	X(endpoints) X(classes) X(tenants) X(policies) X(sessions) X(prefixes) X(idempotency)

#define TR_COUNTS_FIELDS(X)                                                                        \
	X(submitted)                                                                               \
	X(rejected)                                                                                \
	X(completed)                                                                               \
	X(failed)                                                                                  \
	X(canceled)                                                                                \
	X(expired)                                                                                 \
	X(in_system)                                                                               \
	X(attempts)                                                                                \
	X(retries)                                                                                 \
	X(hedges)                                                                                  \
	X(breaker_trips)                                                                           \
	X(events)                                                                                  \
	X(retries_denied)                                                                          \
	X(hedges_denied)

#define ADD(field) +1
_Static_assert(sizeof(struct tr_counts) == (0 TR_COUNTS_FIELDS(ADD)) * sizeof(uint64_t),
	       "a counter is missing in TR_COUNTS_FIELDS: new recordings would lose it");
_Static_assert(sizeof(struct tr_limits) == (0 TR_LIMITS_FIELDS(ADD)) * sizeof(uint32_t),
	       "a limit is missing in TR_LIMITS_FIELDS: replays would not have it");
#undef ADD

/* --------------------------------------------------------------------------------- environment */

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#elif defined(__s390x__)
#define MACHINE "s390x"
#elif defined(__riscv)
#define MACHINE "riscv"
#else
#define MACHINE "other"
#endif

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#ifndef TR_VERSION
#define TR_VERSION "unversioned"
#endif

/* Printable ASCII that fits, the rest cut: so that every reader can show it. */
static void copy_text(char *ret, const char *text)
{
	size_t i = 0;

	for (; text[i] && i < TR_RECORDING_TEXT_MAX - 1; i++)
		ret[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	memset(ret + i, 0, TR_RECORDING_TEXT_MAX - i);
}

void tr_environment_build(struct tr_environment *ret)
{
	static const struct {
		const char *key;
		const char *value;
	} pairs[] = {
		{"product", "tailrace " TR_VERSION},
		{"compiler", COMPILER},
		{"machine", MACHINE},
		{"word_bits", sizeof(void *) == 8 ? "64" : "32"},
		{"byte_order",
		 __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "little-endian" : "big-endian"},
	};

	_Static_assert(TR_ARRAY_LENGTH(pairs) <= TR_RECORDING_ENVIRONMENT_MAX, "too many pairs");
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < TR_ARRAY_LENGTH(pairs); i++) {
		copy_text(ret->pairs[i].key, pairs[i].key);
		copy_text(ret->pairs[i].value, pairs[i].value);
	}
	ret->count = TR_ARRAY_LENGTH(pairs);
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
	size_t length = strlen(text);

	TR_ASSERT(length < TR_RECORDING_TEXT_MAX);
	p = tr_put_u8(p, (uint8_t)length);
	memcpy(p, text, length);
	return p + length;
}

/* False unless the text fits and is printable ASCII. */
static bool take_text(struct tr_bytes *bytes, char ret[TR_RECORDING_TEXT_MAX])
{
	size_t length = tr_take_u8(bytes);
	const uint8_t *text = tr_take(bytes, length);

	if (!text || length >= TR_RECORDING_TEXT_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	memset(ret, 0, TR_RECORDING_TEXT_MAX);
	memcpy(ret, text, length);
	return true;
}

/* -------------------------------------------------------------------------------------- header */

void tr_recording_header_init(struct tr_recording_header *ret, const struct tr_limits *limits,
			      const struct tr_policy *policy, uint64_t seed, tr_time_ns start)
{
	memset(ret, 0, sizeof *ret);
	ret->schema_version = TR_SCHEMA_VERSION;
	ret->path_version = TR_PATH_VERSION;
	ret->state_version = TR_STATE_VERSION;
	ret->decisions = 1;
	ret->first_event = 1;
	ret->seed = seed;
	ret->start = start;
	ret->policy_id = policy->id;
	ret->limits = *limits;
	tr_environment_build(&ret->environment);
}

size_t tr_header_encode(const struct tr_recording_header *header, uint8_t *ret)
{
	uint8_t *p = ret;

	TR_ASSERT(header->environment.count <= TR_RECORDING_ENVIRONMENT_MAX);
	p = tr_put_u16(p, header->schema_version);
	p = tr_put_u16(p, header->path_version);
	p = tr_put_u16(p, header->state_version);
	p = tr_put_u8(p, header->decisions);
	p = tr_put_u8(p, (uint8_t)header->environment.count);
	p = tr_put_u64(p, header->part);
	p = tr_put_u64(p, header->first_event);
	p = tr_put_u64(p, header->seed);
	p = tr_put_u64(p, header->start);
	p = tr_put_u64(p, header->policy_id);
#define X(field) p = tr_put_u32(p, header->limits.field);
	TR_LIMITS_FIELDS(X)
#undef X
	for (uint32_t i = 0; i < header->environment.count; i++) {
		p = put_text(p, header->environment.pairs[i].key);
		p = put_text(p, header->environment.pairs[i].value);
	}
	TR_ASSERT((size_t)(p - ret) <= TR_HEADER_BYTES_MAX);
	return (size_t)(p - ret);
}

const char *tr_header_decode(const uint8_t *payload, size_t length, struct tr_recording_header *ret)
{
	struct tr_bytes bytes = {.at = payload, .end = payload + length};
	struct tr_recording_header header;

	memset(&header, 0, sizeof header);
	header.schema_version = tr_take_u16(&bytes);
	header.path_version = tr_take_u16(&bytes);
	header.state_version = tr_take_u16(&bytes);
	if (!bytes.bad && header.schema_version != TR_SCHEMA_VERSION) {
		*ret = header;
		return NULL;
	}
	header.decisions = tr_take_u8(&bytes);
	header.environment.count = tr_take_u8(&bytes);
	header.part = tr_take_u64(&bytes);
	header.first_event = tr_take_u64(&bytes);
	header.seed = tr_take_u64(&bytes);
	header.start = tr_take_u64(&bytes);
	header.policy_id = tr_take_u64(&bytes);
#define X(field) header.limits.field = tr_take_u32(&bytes);
	TR_LIMITS_FIELDS(X)
#undef X
	if (bytes.bad)
		return "the header ends too early";
	if (header.decisions > 1)
		return "the header's flag for decision records is neither 0 nor 1";
	if (header.first_event == 0 || (header.part == 0 && header.first_event != 1))
		return "the header's first event is not where its part begins";
	if (header.environment.count > TR_RECORDING_ENVIRONMENT_MAX)
		return "the header's environment has too many pairs";
	for (uint32_t i = 0; i < header.environment.count; i++) {
		if (!take_text(&bytes, header.environment.pairs[i].key) ||
		    !take_text(&bytes, header.environment.pairs[i].value))
			return "the header's environment is not short printable text";
	}
	if (tr_bytes_left(&bytes) > 0)
		return "the header has bytes after its end";
	*ret = header;
	return NULL;
}

/* --------------------------------------------------------------------------------------- state */

void tr_recording_state_of(const struct tr_engine *engine, struct tr_recording_state *ret)
{
	ret->chain = tr_engine_chain(engine);
	ret->path = tr_engine_path(engine);
	ret->digest = tr_engine_digest(engine);
	tr_engine_counts(engine, &ret->counts);
}

uint8_t *tr_state_encode(const struct tr_recording_state *state, uint8_t *p)
{
	const uint8_t *begin = p;

	p = tr_put_u64(p, state->event);
	p = tr_put_u64(p, state->chain);
	p = tr_put_u64(p, state->path);
	p = tr_put_u64(p, state->digest);
#define X(field) p = tr_put_u64(p, state->counts.field);
	TR_COUNTS_FIELDS(X)
#undef X
	TR_ASSERT(p == begin + TR_STATE_BYTES);
	return p;
}

void tr_state_take(struct tr_bytes *bytes, struct tr_recording_state *ret)
{
	ret->event = tr_take_u64(bytes);
	ret->chain = tr_take_u64(bytes);
	ret->path = tr_take_u64(bytes);
	ret->digest = tr_take_u64(bytes);
#define X(field) ret->counts.field = tr_take_u64(bytes);
	TR_COUNTS_FIELDS(X)
#undef X
}
