/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state as bytes.
 *
 *   u32 magic, u32 state version, the limits,
 *   for each table: (u32 row number, fields)... in rising order, u32 TR_NONE,
 *   u64 digest of everything before.
 *
 * Rows that are all zero are left out, so a snapshot is as large as what is in use. The digest is a
 * hash chained row by row, so it does not depend on how the bytes are cut into chunks; it is also
 * what tr_engine_digest() gives. Derived tables are not written: a restore computes them again and
 * then checks every invariant, so damaged bytes that escaped the checksums of a recording end here.
 */
#include "engine/idempotency.h"
#include "engine/affinity.h"
#include "engine/group.h"
#include "engine/job.h"
#include "engine/ready.h"
#include "engine/registry.h"
#include "engine/state.h"
#include "engine/timer.h"
#include "engine/verify.h"

#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

#define MAGIC	      UINT32_C(0x53525431) /* "1TRS" */
#define LIMIT_COUNT   11
#define HEAD_BYTES    (8 + 4 * LIMIT_COUNT)
#define ROW_BYTES_MAX 512
/* Chunks of a cursor's `table`: the head, then each table, then the digest. */
enum {
	PART_HEAD,
#define X(uc, lc, capacity, used) PART_##uc,
	TR_TABLE_MAP(X)
#undef X
	PART_DIGEST,
	PART_END,
};

#define ADD(tag, name)		  +(int)sizeof(tr_field_##tag)
#define X(uc, lc, capacity, used) _Static_assert(4 TR_##uc##_FIELDS(ADD) <= ROW_BYTES_MAX, "row");
TR_TABLE_MAP(X)
#undef X
#undef ADD

#define PUT(tag, name) p = tr_put_##tag(p, row->name);
#define GET(tag, name)                                                                             \
	if (end - p < (ptrdiff_t)sizeof(tr_field_##tag))                                           \
		return NULL;                                                                       \
	p = tr_get_##tag(p, &row->name);
#define X(uc, lc, capacity, used)                                                                  \
	static uint8_t *put_##lc(const struct tr_engine *e, uint32_t i, uint8_t *p)                \
	{                                                                                          \
		const struct tr_##lc *row = &e->lc[i];                                             \
                                                                                                   \
		TR_##uc##_FIELDS(PUT) return p;                                                    \
	}                                                                                          \
	static const uint8_t *get_##lc(struct tr_engine *e, uint32_t i, const uint8_t *p,          \
				       const uint8_t *end)                                         \
	{                                                                                          \
		struct tr_##lc *row = &e->lc[i];                                                   \
                                                                                                   \
		TR_##uc##_FIELDS(GET) return p;                                                    \
	}                                                                                          \
	static uint32_t rows_##lc(const struct tr_engine *e)                                       \
	{                                                                                          \
		(void)e;                                                                           \
		return (used);                                                                     \
	}                                                                                          \
	static uint32_t room_##lc(const struct tr_engine *e)                                       \
	{                                                                                          \
		(void)e;                                                                           \
		return (capacity);                                                                 \
	}
TR_TABLE_MAP(X)
#undef X

static const struct table {
	uint8_t *(*put)(const struct tr_engine *e, uint32_t i, uint8_t *p);
	const uint8_t *(*get)(struct tr_engine *e, uint32_t i, const uint8_t *p,
			      const uint8_t *end);
	uint32_t (*rows)(const struct tr_engine *e);
	uint32_t (*room)(const struct tr_engine *e);
} tables[PART_END] = {
#define X(uc, lc, capacity, used) [PART_##uc] = {put_##lc, get_##lc, rows_##lc, room_##lc},
	TR_TABLE_MAP(X)
#undef X
};

static uint64_t digest_add(uint64_t digest, const uint8_t *bytes, size_t length)
{
	uint8_t both[8 + ROW_BYTES_MAX];

	TR_ASSERT(length <= ROW_BYTES_MAX);
	tr_put_u64(both, digest);
	memcpy(both + 8, bytes, length);
	return XXH3_64bits(both, 8 + length);
}

static size_t put_head(const struct tr_engine *e, uint8_t *bytes)
{
	const uint32_t words[] = {
		MAGIC,
		TR_STATE_VERSION,
		e->limits.jobs,
		e->limits.active,
		e->limits.attempts,
		e->limits.models,
		e->limits.endpoints,
		e->limits.classes,
		e->limits.tenants,
		e->limits.policies,
		e->limits.sessions,
		e->limits.prefixes,
		e->limits.idempotency,
	};
	uint8_t *p = bytes;

	for (size_t i = 0; i < TR_ARRAY_LENGTH(words); i++)
		p = tr_put_u32(p, words[i]);
	TR_ASSERT((size_t)(p - bytes) == HEAD_BYTES);
	return HEAD_BYTES;
}

/* The next piece (head, row, end of table) at the cursor, which moves on; 0: a row of zeroes. */
static size_t put_piece(const struct tr_engine *e, struct tr_snapshot_cursor *cursor,
			uint8_t *bytes)
{
	const struct table *table = &tables[cursor->table];
	uint8_t zeroes[ROW_BYTES_MAX] = {0};
	size_t length;

	if (cursor->table == PART_HEAD) {
		cursor->table++;
		return put_head(e, bytes);
	}
	if (cursor->row >= table->rows(e)) {
		cursor->table++;
		cursor->row = 0;
		return (size_t)(tr_put_u32(bytes, TR_NONE) - bytes);
	}
	length = (size_t)(table->put(e, cursor->row, tr_put_u32(bytes, cursor->row)) - bytes);
	cursor->row++;
	return memcmp(bytes + 4, zeroes, length - 4) == 0 ? 0 : length;
}

uint64_t tr_engine_digest(const struct tr_engine *e)
{
	struct tr_snapshot_cursor cursor = {0};
	uint8_t piece[ROW_BYTES_MAX];

	while (cursor.table != PART_DIGEST) {
		size_t length = put_piece(e, &cursor, piece);

		if (length)
			cursor.digest = digest_add(cursor.digest, piece, length);
	}
	return cursor.digest;
}

int tr_engine_snapshot(const struct tr_engine *e, struct tr_snapshot_cursor *cursor,
		       uint8_t *ret_bytes, size_t capacity, size_t *ret_length)
{
	size_t used = 0;

	TR_ASSERT(capacity >= TR_SNAPSHOT_CHUNK_MIN);
	TR_ASSERT(cursor->table != PART_END);
	if (cursor->table == PART_HEAD)
		cursor->chain = e->core->chain;
	if (cursor->chain != e->core->chain)
		return TR_E_STATE;
	while (cursor->table != PART_DIGEST && used + ROW_BYTES_MAX <= capacity) {
		size_t length = put_piece(e, cursor, ret_bytes + used);

		if (length)
			cursor->digest = digest_add(cursor->digest, ret_bytes + used, length);
		used += length;
	}
	if (cursor->table == PART_DIGEST && used + 8 <= capacity) {
		tr_put_u64(ret_bytes + used, cursor->digest);
		used += 8;
		cursor->table = PART_END;
	}
	*ret_length = used;
	return cursor->table != PART_END;
}

/* ---- restore ---- */

static const uint8_t *get_head(const struct tr_engine *e, const uint8_t *p, const uint8_t *end)
{
	uint8_t mine[HEAD_BYTES];

	put_head(e, mine);
	if (end - p < HEAD_BYTES || memcmp(mine, p, HEAD_BYTES) != 0)
		return NULL;
	return p + HEAD_BYTES;
}

/* Forget everything but limits, layout and loaded policies. */
static void empty_tables(struct tr_engine *e)
{
#define X(uc, lc, capacity, used) memset(e->lc, 0, (size_t)(capacity) * sizeof *e->lc);
	TR_TABLE_MAP(X)
#undef X
}

static bool core_good(const struct tr_engine *e)
{
	const struct tr_core *core = e->core;

	return core->job_used <= e->limits.jobs && core->active_used <= e->limits.active &&
	       core->attempt_used <= e->limits.attempts &&
	       core->session_used <= e->limits.sessions && core->active_policy < e->limits.policies;
}

/* One row, or the end of a table; the cursor moves on. NULL: the bytes are wrong. */
static const uint8_t *get_piece(struct tr_engine *e, struct tr_snapshot_cursor *cursor,
				const uint8_t *p, const uint8_t *end)
{
	const struct table *table = &tables[cursor->table];
	uint32_t row;

	if (cursor->table == PART_HEAD) {
		cursor->table++;
		empty_tables(e);
		return get_head(e, p, end);
	}
	if (end - p < 4)
		return NULL;
	p = tr_get_u32(p, &row);
	if (row == TR_NONE) {
		if (cursor->table == PART_CORE && !core_good(e))
			return NULL;
		cursor->table++;
		cursor->row = 0;
		return p;
	}
	/* Rows rise: `row` of the cursor is the first that may still come. */
	if (row < cursor->row || row >= table->room(e) ||
	    (cursor->table != PART_CORE && row >= table->rows(e)))
		return NULL;
	cursor->row = row + 1;
	return table->get(e, row, p, end);
}

static int complete(struct tr_engine *e)
{
	for (uint32_t i = 0; i < e->limits.policies; i++) {
		bool in_use = e->slot[i].active || e->slot[i].jobs;

		if (in_use && (e->loaded[i].id == 0 || e->loaded[i].id != e->slot[i].policy_id))
			return TR_E_POLICY_UNKNOWN;
	}
	if (!e->slot[e->core->active_policy].active)
		return TR_E_SNAPSHOT;
	if (tr_verify_ranges(e) || !tr_registry_rebuild(e) || !tr_job_rebuild(e) ||
	    !tr_idempotency_rebuild(e) || !tr_group_rebuild(e) || !tr_timer_rebuild(e) ||
	    !tr_ready_rebuild(e) || !tr_affinity_rebuild(e))
		return TR_E_SNAPSHOT;
	return tr_engine_verify(e) ? TR_E_SNAPSHOT : 0;
}

int tr_engine_restore(struct tr_engine *e, struct tr_snapshot_cursor *cursor, const uint8_t *bytes,
		      size_t length)
{
	const uint8_t *p = bytes, *end = bytes + length;
	uint64_t digest;

	if (cursor->table == PART_END)
		return TR_E_SNAPSHOT;
	while (cursor->table != PART_DIGEST && p < end) {
		const uint8_t *piece = p;

		p = get_piece(e, cursor, p, end);
		if (!p)
			return TR_E_SNAPSHOT;
		cursor->digest = digest_add(cursor->digest, piece, (size_t)(p - piece));
	}
	if (p == end)
		return 1;
	if (end - p != 8)
		return TR_E_SNAPSHOT;
	tr_get_u64(p, &digest);
	cursor->table = PART_END;
	return digest == cursor->digest ? complete(e) : TR_E_SNAPSHOT;
}
