/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reason lists of reason.h as tables, and the texts of refusals. No list is written twice.
 */
#include "engine/reason.h"

#define X(id, status, again, words)                                                                \
	[TR_REJECT_##id] = {.name = #id, .text = words, .http_status = status, .retriable = again},
const struct tr_reason tr_rejects[TR_REJECT_COUNT] = {TR_REJECT_MAP(X)};
#undef X

#define X(id, judged, again, words)                                                                \
	[TR_CAUSE_##id] = {.name = #id,                                                            \
			   .text = words,                                                          \
			   .verdict = TR_VERDICT_##judged,                                         \
			   .retry = TR_RETRY_##again},
const struct tr_reason tr_causes[TR_CAUSE_COUNT] = {TR_CAUSE_MAP(X)};
#undef X

#define X(id, what, words) [TR_FILTER_##id] = {.name = #id, .text = words, .hope = TR_HOPE_##what},
const struct tr_reason tr_filters[TR_FILTER_COUNT] = {TR_FILTER_MAP(X)};
#undef X

#define X(id, words) [TR_OUTCOME_##id] = {.name = #id, .text = words},
const struct tr_reason tr_outcomes[TR_OUTCOME_COUNT] = {TR_OUTCOME_MAP(X)};
#undef X

#define X(id, words) [TR_PICK_##id] = {.name = #id, .text = words},
const struct tr_reason tr_picks[TR_PICK_COUNT] = {TR_PICK_MAP(X)};
#undef X

#define X(id, words) [TR_BYPASS_##id] = {.name = #id, .text = words},
const struct tr_reason tr_bypasses[TR_BYPASS_COUNT] = {TR_BYPASS_MAP(X)};
#undef X

#define X(id, words) [TR_ROLE_##id] = {.name = #id, .text = words},
const struct tr_reason tr_roles[TR_ROLE_COUNT] = {TR_ROLE_MAP(X)};
#undef X

#define X(id, words) [TR_HOLD_##id] = {.name = #id, .text = words},
const struct tr_reason tr_holds[TR_HOLD_COUNT] = {TR_HOLD_MAP(X)};
#undef X

#define X(id, words) [TR_LIFECYCLE_##id] = {.name = #id, .text = words},
const struct tr_reason tr_lifecycles[TR_LIFECYCLE_COUNT] = {TR_LIFECYCLE_MAP(X)};
#undef X

#define X(id, words) [TR_BREAKER_##id] = {.name = #id, .text = words},
const struct tr_reason tr_breaker_states[TR_BREAKER_COUNT] = {TR_BREAKER_MAP(X)};
#undef X

const char *tr_error_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} errors[] = {{0, "ok"},
#define X(id, value, words) {value, words},
		      TR_ERROR_MAP(X)
#undef X
	};

	for (size_t i = 0; i < TR_ARRAY_LENGTH(errors); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return "unknown error";
}
