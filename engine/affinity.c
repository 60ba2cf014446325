/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Affinity: where the caches are warm.
 *
 * A server that has just read a prompt keeps its keys and values, and a later prompt that begins
 * the same way need not be read again. What is remembered of that is a guess from outside: a
 * session's endpoint, and for each endpoint the prompts that it answered, as hashes at depths 1, 2,
 * 4, ... of their blocks. The guess has a time to live and a table of fixed size, it changes which
 * endpoint is taken and never who is next, and a wrong one costs time, never an answer.
 *
 * Both are learnt at the first token. An attempt that failed has warmed nothing, and a hedge that
 * lost must not take a session with it: what answered is the one thing that is certain. The price:
 * requests with one prefix that come while its first is still being read go wherever load sends
 * them. An endpoint that is reported starting has nothing left of what it was known for.
 *
 * Sessions: a list by last use, the oldest is forgotten when the table is full. Prefixes: sets of
 * eight rows by hash, the row used longest ago is replaced; that is a cache's own organisation
 * (set-associative, LRU within the set), chosen since it is bounded in time and memory where a
 * radix tree (SGLang, arXiv:2312.07104) is in neither. Keys of both are mixed with the tenant, so
 * that nobody can learn from a quick answer what another tenant has asked.
 *
 * A prefix key has 32 bits: a hash that nobody has seen is taken for one of n in the table with
 * probability n / 2^32, 8 in a million for the default table. A session key has 64.
 */
#include "engine/affinity.h"

#include "engine/list.h"
#include "engine/random.h"
#include "engine/registry.h"
#include "engine/verify.h"

/* ---- keys ---- */

uint32_t tr_affinity_depth(uint32_t i, uint32_t count, uint32_t blocks)
{
	TR_ASSERT(i < count);
	TR_ASSERT(count <= TR_PREFIX_MAX);
	return i + 1 == count ? blocks : (uint32_t)tr_min(UINT64_C(1) << i, blocks);
}

void tr_affinity_admit(const struct tr_engine *e, struct tr_job *job,
		       const struct tr_event_job_submit *submit)
{
	uint64_t tenant = tr_mix(e->tenant[job->tenant].name);
	const uint64_t *hashes = tr_submit_prefix(submit);

	TR_ASSERT(submit->prefix_count <= TR_PREFIX_MAX);
	job->session = submit->session ? tr_max(tr_mix(tenant ^ submit->session), 1) : 0;
	job->prefix_blocks = submit->prefix_blocks;
	job->prefix_count = submit->prefix_count;
	for (uint32_t i = 0; i < submit->prefix_count; i++) {
		uint32_t depth = tr_affinity_depth(i, submit->prefix_count, submit->prefix_blocks);

		(&job->prefix0)[i] = (uint32_t)(tr_mix(tr_mix(tenant ^ depth) ^ hashes[i]) >> 32);
	}
}

/* Was it used lately enough? */
static bool fresh(const struct tr_engine *e, tr_time_ns used, tr_span_ns ttl)
{
	return tr_add_sat(used, ttl) > e->core->now;
}

/* ---- sessions ---- */

static struct tr_session *session_find(const struct tr_engine *e, uint64_t key)
{
	uint32_t row = tr_index_find(&e->session_index, key);

	return row == TR_NONE ? NULL : &e->session[row];
}

bool tr_affinity_rebuild(struct tr_engine *e)
{
	tr_index_clear(&e->session_index);
	for (uint32_t row = 0; row < e->core->session_used; row++) {
		if (!e->session[row].key)
			continue;
		if (session_find(e, e->session[row].key))
			return false;
		tr_index_insert(&e->session_index, row);
	}
	return true;
}

static uint32_t row_of_session(const struct tr_engine *e, const struct tr_session *session)
{
	return (uint32_t)(session - e->session);
}

static void list_remove(struct tr_engine *e, struct tr_session *session)
{
	struct tr_core *core = e->core;
	uint32_t row = row_of_session(e, session);

	TR_LIST_REMOVE(e->session, row, older1, newer1, core->session_oldest1,
		       core->session_newest1);
}

static void list_add(struct tr_engine *e, struct tr_session *session)
{
	struct tr_core *core = e->core;
	uint32_t row = row_of_session(e, session);

	TR_LIST_ADD(e->session, row, older1, newer1, core->session_oldest1, core->session_newest1);
}

static void session_forget(struct tr_engine *e, uint32_t row)
{
	struct tr_session *session = &e->session[row];

	TR_ASSERT(session->key != 0);
	list_remove(e, session);
	tr_index_remove(&e->session_index, row);
	*session = (struct tr_session){.older1 = e->core->session_free1};
	e->core->session_free1 = row + 1;
}

/* A row for a session that is not remembered, in no list yet. */
static struct tr_session *session_new(struct tr_engine *e, uint64_t key)
{
	struct tr_core *core = e->core;
	uint32_t row;

	TR_ASSERT(e->session); /* the limits give one row at least */
	if (!core->session_free1 && core->session_used == e->limits.sessions)
		session_forget(e, core->session_oldest1 - 1);
	row = core->session_free1 ? core->session_free1 - 1 : core->session_used++;
	TR_ASSERT(row < e->limits.sessions);
	TR_ASSERT(e->session[row].key == 0);
	if (core->session_free1)
		core->session_free1 = e->session[row].older1;
	e->session[row] = (struct tr_session){.key = key};
	tr_index_insert(&e->session_index, row);
	return &e->session[row];
}

static void session_answered(struct tr_engine *e, const struct tr_job *job, tr_name endpoint)
{
	const struct tr_policy_affinity *rule = &tr_policy_of(e, job)->affinity;
	struct tr_session *session = session_find(e, job->session);
	struct tr_active *active = tr_active_of(e, job);
	bool used_up;

	if (session)
		list_remove(e, session);
	else
		session = session_new(e, job->session);
	/* A job that was interrupted after its first token answers twice, and is one turn. */
	used_up = rule->session_turns && session->turns >= rule->session_turns && !active->turn;
	if (session->endpoint != endpoint || used_up ||
	    !fresh(e, session->used, rule->session_ttl_ns))
		session->turns = 1;
	else if (!active->turn)
		session->turns += session->turns < UINT32_MAX;
	active->turn = 1;
	session->endpoint = endpoint;
	session->used = e->core->now;
	list_add(e, session);
}

/* Where a session's cache is; TR_NONE: the endpoint is gone, or has started anew since. */
static uint32_t cache_of(const struct tr_engine *e, const struct tr_session *session)
{
	uint32_t slot = tr_registry_find(&e->registry[TR_REGISTRY_ENDPOINT], session->endpoint);

	return slot != TR_NONE && session->used >= e->endpoint[slot].caches_since ? slot : TR_NONE;
}

void tr_affinity_left(struct tr_engine *e, const struct tr_job *job, uint32_t endpoint)
{
	struct tr_session *session = job->session ? session_find(e, job->session) : NULL;

	if (!session || cache_of(e, session) != endpoint)
		return;
	list_remove(e, session);
	session->used = e->core->now;
	list_add(e, session);
}

static void find_session(const struct tr_engine *e, const struct tr_job *job,
			 struct tr_affinity *ret)
{
	const struct tr_policy_affinity *rule = &tr_policy_of(e, job)->affinity;
	const struct tr_session *session = session_find(e, job->session);

	if (!session)
		return;
	ret->known = true;
	if (!fresh(e, session->used, rule->session_ttl_ns))
		return;
	ret->cached = cache_of(e, session);
	if (!rule->session_turns || session->turns < rule->session_turns)
		ret->home = ret->cached;
}

/* ---- prefixes ---- */

static struct tr_prefix *set_of(const struct tr_engine *e, uint32_t key)
{
	return &e->prefix[(key & (e->prefix_mask / TR_PREFIX_WAYS)) * TR_PREFIX_WAYS];
}

static void prefix_answered(struct tr_engine *e, uint32_t key, uint32_t endpoint)
{
	struct tr_prefix *set = set_of(e, key), *row = set;

	for (uint32_t way = 0; way < TR_PREFIX_WAYS; way++) {
		if (set[way].used && set[way].key == key && set[way].endpoint == endpoint) {
			row = &set[way];
			break;
		}
		if (set[way].used < row->used)
			row = &set[way];
	}
	/* 0 is "free". */
	row->used = tr_max(e->core->now, 1);
	row->key = key;
	row->endpoint = (uint16_t)endpoint;
}

static void seen_add(struct tr_affinity *ret, uint32_t endpoint, uint32_t permille)
{
	if (ret->count == TR_ARRAY_LENGTH(ret->seen) || tr_affinity_seen(ret, endpoint))
		return;
	ret->seen[ret->count].endpoint = endpoint;
	ret->seen[ret->count].permille = permille;
	ret->count++;
}

/* From the deepest hash up, so that the first row of an endpoint is its deepest, and what does not
 * fit is the shallowest. */
static void find_prefix(const struct tr_engine *e, const struct tr_job *job,
			struct tr_affinity *ret)
{
	tr_span_ns ttl = tr_policy_of(e, job)->affinity.prefix_ttl_ns;

	for (uint32_t i = job->prefix_count; i-- > 0;) {
		uint32_t key = (&job->prefix0)[i];
		uint32_t depth = tr_affinity_depth(i, job->prefix_count, job->prefix_blocks);
		uint64_t permille = (uint64_t)depth * 1000 / job->prefix_blocks;
		const struct tr_prefix *set = set_of(e, key);

		for (uint32_t way = 0; way < TR_PREFIX_WAYS; way++)
			if (set[way].used && set[way].key == key && fresh(e, set[way].used, ttl) &&
			    set[way].used >= e->endpoint[set[way].endpoint].caches_since)
				seen_add(ret, set[way].endpoint, (uint32_t)tr_max(permille, 1));
	}
	ret->known |= ret->count && ret->seen[0].permille >= TR_AFFINITY_WARM_PERMILLE;
}

void tr_affinity_endpoints_dropped(struct tr_engine *e)
{
	for (uint32_t i = 0; i <= e->prefix_mask; i++)
		if (e->prefix[i].used && !e->endpoint[e->prefix[i].endpoint].name)
			e->prefix[i] = (struct tr_prefix){0};
}

/* ---- both ---- */

void tr_affinity_find(const struct tr_engine *e, const struct tr_job *job, struct tr_affinity *ret)
{
	const struct tr_policy_affinity *rule = &tr_policy_of(e, job)->affinity;

	ret->home = ret->cached = TR_NONE;
	ret->known = false;
	ret->count = 0;
	if (job->session && rule->session_ttl_ns)
		find_session(e, job, ret);
	if (job->prefix_count && rule->prefix_ttl_ns)
		find_prefix(e, job, ret);
}

uint32_t tr_affinity_seen(const struct tr_affinity *affinity, uint32_t endpoint)
{
	for (uint32_t i = 0; i < affinity->count; i++)
		if (affinity->seen[i].endpoint == endpoint)
			return affinity->seen[i].permille;
	return 0;
}

enum tr_warmth tr_affinity_warmth(const struct tr_affinity *affinity, uint32_t endpoint)
{
	if (!affinity->known)
		return TR_WARMTH_UNKNOWN;
	if (affinity->cached == endpoint ||
	    tr_affinity_seen(affinity, endpoint) >= TR_AFFINITY_WARM_PERMILLE)
		return TR_WARMTH_WARM;
	return TR_WARMTH_COLD;
}

void tr_affinity_answered(struct tr_engine *e, const struct tr_job *job, uint32_t endpoint)
{
	const struct tr_policy_affinity *rule = &tr_policy_of(e, job)->affinity;

	TR_ASSERT(e->endpoint[endpoint].name != 0);
	if (job->session && rule->session_ttl_ns)
		session_answered(e, job, e->endpoint[endpoint].name);
	for (uint32_t i = 0; rule->prefix_ttl_ns && i < job->prefix_count; i++)
		prefix_answered(e, (&job->prefix0)[i], endpoint);
}

/* ---- invariants ---- */

static const char *verify_sessions(const struct tr_engine *e)
{
	const struct tr_core *core = e->core;
	uint32_t listed = 0, vacant = 0, before1 = 0;
	tr_time_ns used = 0;

	for (uint32_t next1 = core->session_oldest1; next1;) {
		TR_HOLDS(next1 <= core->session_used, "the list of sessions leaves the table");

		const struct tr_session *session = &e->session[next1 - 1];

		TR_HOLDS(++listed <= core->session_used, "the list of sessions has a circle");
		TR_HOLDS(session->key != 0, "a vacant session is in the list");
		TR_HOLDS(session->endpoint != 0, "a session has no endpoint");
		TR_HOLDS(session->turns != 0, "a session has had no turn");
		TR_HOLDS(session->used >= used && session->used <= core->now,
			 "the sessions are out of order");
		TR_HOLDS(session->older1 == before1, "the list of sessions is torn");
		TR_HOLDS(session_find(e, session->key) == session, "a session is not in the index");
		used = session->used;
		before1 = next1;
		next1 = session->newer1;
	}
	TR_HOLDS(core->session_newest1 == before1, "the list of sessions has another end");
	for (uint32_t next1 = core->session_free1; next1; next1 = e->session[next1 - 1].older1)
		TR_HOLDS(next1 <= core->session_used && e->session[next1 - 1].key == 0 &&
				 ++vacant <= core->session_used,
			 "the list of vacant sessions");
	TR_HOLDS(listed + vacant == core->session_used, "rows of sessions are lost");
	return NULL;
}

const char *tr_affinity_verify(const struct tr_engine *e)
{
	const char *wrong = verify_sessions(e);

	for (uint32_t i = 0; i <= e->prefix_mask && !wrong; i++) {
		const struct tr_prefix *row = &e->prefix[i];

		if (!row->used)
			continue;
		if (row->endpoint >= e->limits.endpoints || !e->endpoint[row->endpoint].name)
			wrong = "a prefix is known of no endpoint";
		else if (set_of(e, row->key) != &e->prefix[i - i % TR_PREFIX_WAYS])
			wrong = "a prefix stands in another's set";
		else if (row->used > tr_max(e->core->now, 1))
			wrong = "a prefix is of the future";
	}
	return wrong;
}
