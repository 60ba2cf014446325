/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages and decision records as JSON. Numbers that a reader with 53-bit integers would damage
 * are texts.
 */
#include <inttypes.h>
#include <stdio.h>

#include "traces/describe.h"

#define EXACT_MAX ((UINT64_C(1) << 53) - 1)

static json_t *number_json(uint64_t number)
{
	if (number <= EXACT_MAX)
		return json_integer((json_int_t)number);
	return json_sprintf("%" PRIu64, number);
}

static json_t *hash_json(uint64_t hash)
{
	return json_sprintf("%016" PRIx64, hash);
}

static json_t *name_json(const struct tr_describer *describer, tr_name name)
{
	const char *text = name ? tr_describer_text(describer, name) : NULL;

	if (name == 0)
		return json_null();
	return text ? json_string(text) : json_sprintf("0x%016" PRIx64, name);
}

/* A number of a list by its name, or as it is if this version does not know it. */
static json_t *reason_json(const struct tr_reason *reasons, unsigned count, unsigned number)
{
	return number < count ? json_string(reasons[number].name) : json_integer(number);
}

/* Times since the epoch in nanoseconds are above 2^53, and below 2^63 for two centuries more; as
 * integers they are exact in every reader that has 64 bits. */
static json_t *time_json(tr_time_ns time)
{
	if (time == TR_TIME_NEVER)
		return json_null();
	return time <= INT64_MAX ? json_integer((json_int_t)time) : number_json(time);
}

static json_t *value_json(const struct tr_describer *describer, const struct tr_value *value)
{
	if (value->reason)
		return json_string(value->reason->name);
	switch ((enum tr_field_type)value->field->type) {
	case TR_FIELD_name:
		return name_json(describer, value->number);
	case TR_FIELD_hash:
		return hash_json(value->number);
	case TR_FIELD_time:
		return time_json(value->number);
	case TR_FIELD_job:
	case TR_FIELD_attempt:
		return json_sprintf("%u/%u", (uint32_t)value->number,
				    (uint32_t)(value->number >> 32));
	case TR_FIELD_u8:
	case TR_FIELD_u16:
	case TR_FIELD_u32:
	case TR_FIELD_u64:
	case TR_FIELD_span:
	case TR_FIELD_COUNT:
		break;
	}
	return number_json(value->number);
}

/* Release the object if anything could not be put into it. */
static json_t *checked(json_t *object, int failures)
{
	if (failures == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *tr_event_json(const struct tr_describer *describer, const struct tr_event *event)
{
	struct tr_value values[TR_DETAILS_MAX];
	size_t count = tr_event_values(event, values);
	json_t *object = json_object();
	int failures = 0;

	failures |=
		json_object_set_new(object, "kind", json_string(tr_event_kinds[event->kind].name));
	failures |= json_object_set_new(object, "time", time_json(event->time));
	failures |= json_object_set_new(object, "observed", time_json(event->observed));
	for (size_t i = 0; i < count; i++)
		failures |= json_object_set_new(object, values[i].field->name,
						value_json(describer, &values[i]));
	return checked(object, failures);
}

json_t *tr_action_json(const struct tr_describer *describer, const struct tr_action *action)
{
	struct tr_value values[TR_DETAILS_MAX];
	size_t count = tr_action_values(action, values);
	json_t *object = json_object();
	int failures = 0;

	failures |= json_object_set_new(object, "kind",
					json_string(tr_action_kinds[action->kind].name));
	for (size_t i = 0; i < count; i++)
		failures |= json_object_set_new(object, values[i].field->name,
						value_json(describer, &values[i]));
	return checked(object, failures);
}

static json_t *candidate_json(const struct tr_describer *describer,
			      const struct tr_candidate *candidate)
{
	static const char *const terms[TR_TERM_COUNT] = {
#define X(name, yaml, text) [TR_TERM_##name] = yaml,
		TR_TERM_MAP(X)
#undef X
	};
	json_t *object = json_object();
	json_t *parts = json_object();
	int failures = 0;

	failures |=
		json_object_set_new(object, "endpoint", name_json(describer, candidate->endpoint));
	failures |= json_object_set_new(object, "model", name_json(describer, candidate->model));
	failures |= json_object_set_new(object, "chain_step", json_integer(candidate->chain_step));
	failures |= json_object_set_new(
		object, "filter", reason_json(tr_filters, TR_FILTER_COUNT, candidate->filter));
	failures |= json_object_set_new(object, "filter_ns", number_json(candidate->detail));
	failures |= json_object_set_new(object, "in_flight", json_integer(candidate->in_flight));
	failures |= json_object_set_new(object, "slots", json_integer(candidate->slots));
	failures |= json_object_set_new(object, "measure",
					candidate->measure == TR_MEASURE_OUT
						? json_null()
						: number_json(candidate->measure));
	for (unsigned i = 0; i < TR_TERM_COUNT; i++) {
		if (candidate->terms[i])
			failures |= json_object_set_new(parts, terms[i],
							json_integer(candidate->terms[i]));
	}
	failures |= json_object_set_new(object, "terms", parts);
	return checked(object, failures);
}

json_t *tr_decision_json(const struct tr_describer *describer, const struct tr_decision *decision,
			 const struct tr_candidate *candidates)
{
	static const char *const pickers[TR_PICKER_COUNT] = {
#define X(name, yaml, text) [TR_PICKER_##name] = yaml,
		TR_PICKER_MAP(X)
#undef X
	};
	json_t *object = json_object();
	json_t *list = json_array();
	int failures = 0;

	failures |= json_object_set_new(object, "job_id", number_json(decision->job_id));
	failures |= json_object_set_new(object, "ordinal", json_integer(decision->ordinal));
	failures |= json_object_set_new(object, "role",
					reason_json(tr_roles, TR_ROLE_COUNT, decision->role));
	failures |=
		json_object_set_new(object, "strategy", name_json(describer, decision->strategy));
	failures |= json_object_set_new(object, "picker",
					decision->picker < TR_PICKER_COUNT
						? json_string(pickers[decision->picker])
						: json_integer(decision->picker));
	failures |= json_object_set_new(object, "pick",
					reason_json(tr_picks, TR_PICK_COUNT, decision->pick));
	failures |= json_object_set_new(
		object, "bypass", reason_json(tr_bypasses, TR_BYPASS_COUNT, decision->bypass));
	failures |= json_object_set_new(
		object, "winner",
		decision->winner < decision->candidate_count
			? name_json(describer, candidates[decision->winner].endpoint)
			: json_null());
	failures |= json_object_set_new(object, "omitted", json_integer(decision->omitted));
	for (uint32_t i = 0; i < decision->candidate_count; i++)
		failures |= json_array_append_new(list, candidate_json(describer, &candidates[i]));
	failures |= json_object_set_new(object, "candidates", list);
	return checked(object, failures);
}

json_t *tr_actions_json(const struct tr_describer *describer, const struct tr_actions *actions)
{
	json_t *object = json_object();
	json_t *list = json_array();
	json_t *decisions = json_array();
	int failures = 0;

	for (uint32_t i = 0; i < actions->count; i++)
		failures |=
			json_array_append_new(list, tr_action_json(describer, &actions->items[i]));
	for (uint32_t i = 0; i < actions->decision_count; i++) {
		const struct tr_decision *decision = &actions->decisions[i];

		failures |= json_array_append_new(
			decisions,
			tr_decision_json(describer, decision,
					 &actions->candidates[decision->first_candidate]));
	}
	failures |= json_object_set_new(object, "actions", list);
	failures |= json_object_set_new(object, "decisions", decisions);
	return checked(object, failures);
}
