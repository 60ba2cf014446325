/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers are made of integers by one correctly rounded division, so every machine writes the same
 * decimals. Rows are sorted by name, the row of all others last.
 */
#include "sim/scenario/result_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* value / 10^3 of an integer number of thousandths. */
static json_t *milli(uint64_t thousandths)
{
	return json_real((double)thousandths / 1000.0);
}

static json_t *micro(uint64_t millionths)
{
	return milli((millionths + 500) / 1000);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)tr_min(value, INT64_MAX));
}

static json_t *milliseconds(tr_span_ns span)
{
	return milli((span + 500) / 1000);
}

static json_t *seconds(tr_span_ns span)
{
	return milli((span + TR_MS / 2) / TR_MS);
}

static json_t *hash(uint64_t value)
{
	char text[17];

	(void)snprintf(text, sizeof text, "%016" PRIx64, value);
	return json_string(text);
}

/* count per second of span, rounded down to thousandths. */
static json_t *rate(uint64_t count, tr_span_ns span)
{
	return milli(span ? tr_mul_div(count, 1000 * TR_SECOND, span) : 0);
}

static json_t *text_or_null(const char *text)
{
	json_t *string = text ? json_string(text) : json_null();

	/* A path may be no UTF-8. */
	return string ? string : json_null();
}

static json_t *spread(const struct tr_spread *spread)
{
	json_t *object = json_object();

	json_object_set_new(object, "count", number(spread->count));
	json_object_set_new(object, "mean", milliseconds(spread->mean));
	json_object_set_new(object, "p50", milliseconds(spread->p50));
	json_object_set_new(object, "p90", milliseconds(spread->p90));
	json_object_set_new(object, "p95", milliseconds(spread->p95));
	json_object_set_new(object, "p99", milliseconds(spread->p99));
	json_object_set_new(object, "max", milliseconds(spread->max));
	return object;
}

static void set_counts(json_t *object, const struct tr_result_row *row)
{
	json_object_set_new(object, "submitted", number(row->submitted));
	json_object_set_new(object, "completed", number(row->completed));
	json_object_set_new(object, "rejected", number(row->rejected));
	json_object_set_new(object, "failed", number(row->failed));
	json_object_set_new(object, "canceled", number(row->canceled));
	json_object_set_new(object, "expired", number(row->expired));
	json_object_set_new(object, "in_system", number(row->in_system));
}

static void set_measures(json_t *object, const struct tr_result *result,
			 const struct tr_result_row *row)
{
	json_object_set_new(object, "ttft_ms", spread(&row->ttft));
	json_object_set_new(object, "tpot_ms", spread(&row->tpot));
	json_object_set_new(object, "e2e_ms", spread(&row->e2e));
	json_object_set_new(object, "queue_ms", spread(&row->queue));
	json_object_set_new(object, "prediction_error_ms", spread(&row->prediction_error));
	json_object_set_new(object, "started", number(row->started));
	json_object_set_new(object, "retries", number(row->retries));
	json_object_set_new(object, "hedges", number(row->hedges));
	json_object_set_new(object, "preemptions", number(row->preemptions));
	json_object_set_new(object, "warm_attempts", number(row->warm));
	json_object_set_new(object, "cold_attempts", number(row->cold));
	json_object_set_new(object, "tokens_in", number(row->tokens_in));
	json_object_set_new(object, "tokens_out", number(row->tokens_out));
	json_object_set_new(object, "cost_micro_usd", number(row->cost_micro_usd));
	json_object_set_new(object, "good", number(row->good));
	json_object_set_new(object, "goodput", rate(row->good, result->end - result->start));
}

/* ---------------------------------------------------------------------------------------- rows */

static json_t *row_name(tr_name name, bool other, const struct tr_result_origin *origin)
{
	const char *text = NULL;
	char hex[24];
	json_t *string;

	if (other)
		return json_string("(other)");
	if (name == 0)
		return json_string("(none)");
	if (origin->name_of)
		text = origin->name_of(origin->self, name);
	string = text ? json_string(text) : NULL;
	if (string)
		return string;
	(void)snprintf(hex, sizeof hex, "#%016" PRIx64, name);
	return json_string(hex);
}

struct named_row {
	json_t *name;
	const struct tr_result_row *row;
};

static int compare_rows(const void *a, const void *b)
{
	const struct named_row *left = a, *right = b;

	if (left->row->other != right->row->other)
		return left->row->other ? 1 : -1;
	return strcmp(json_string_value(left->name), json_string_value(right->name));
}

static json_t *rows(const struct tr_result *result, const struct tr_result_row *rows,
		    uint32_t count, const struct tr_result_origin *origin)
{
	struct named_row named[TR_RESULT_TENANTS_MAX + 1];
	json_t *array = json_array();

	TR_ASSERT(count <= TR_ARRAY_LENGTH(named));
	for (uint32_t i = 0; i < count; i++) {
		named[i] =
			(struct named_row){row_name(rows[i].name, rows[i].other, origin), &rows[i]};
		if (!named[i].name)
			named[i].name = json_string("");
	}
	qsort(named, count, sizeof named[0], compare_rows);
	for (uint32_t i = 0; i < count; i++) {
		json_t *object = json_object();

		json_object_set_new(object, "name", named[i].name);
		set_counts(object, named[i].row);
		set_measures(object, result, named[i].row);
		json_array_append_new(array, object);
	}
	return array;
}

/* Reasons that occurred, by name. */
static json_t *reasons(const uint64_t *counts, uint32_t count, const struct tr_reason *names)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < count; i++)
		if (counts[i])
			json_object_set_new(object, names[i].name, number(counts[i]));
	return object;
}

static json_t *causes(const uint64_t *counts)
{
	return reasons(counts, TR_CAUSE_COUNT, tr_causes);
}

/* Millionths as percent. */
static json_t *percent(uint64_t ppm)
{
	return milli((ppm + 5) / 10);
}

static json_t *endpoint(const struct tr_result *result, const struct tr_result_endpoint *endpoint,
			const struct tr_result_origin *origin)
{
	uint64_t share =
		result->attempts ? tr_mul_div(endpoint->attempts, 1000000, result->attempts) : 0;
	json_t *object = json_object();

	json_object_set_new(object, "name", row_name(endpoint->name, endpoint->other, origin));
	json_object_set_new(object, "attempts", number(endpoint->attempts));
	json_object_set_new(object, "share_percent", percent(share));
	json_object_set_new(object, "answered", number(endpoint->answered));
	json_object_set_new(object, "failed", number(endpoint->failed));
	json_object_set_new(object, "aborted", number(endpoint->aborted));
	json_object_set_new(object, "in_flight", number(endpoint->in_flight));
	json_object_set_new(object, "failures", causes(endpoint->failures));
	json_object_set_new(object, "breaker_trips", number(endpoint->breaker_trips));
	json_object_set_new(object, "slots", number(endpoint->slots));
	json_object_set_new(object, "in_flight_max", number(endpoint->in_flight_max));
	json_object_set_new(object, "utilization_percent", percent(endpoint->utilization_ppm));
	json_object_set_new(object, "attempt_ttft_ms", spread(&endpoint->ttft));
	json_object_set_new(object, "attempt_time_ms", spread(&endpoint->time));
	json_object_set_new(object, "completed", number(endpoint->completed));
	json_object_set_new(object, "tokens_in", number(endpoint->tokens_in));
	json_object_set_new(object, "tokens_out", number(endpoint->tokens_out));
	json_object_set_new(object, "cost_micro_usd", number(endpoint->cost_micro_usd));
	return object;
}

/* In the order of the policy, which is by model and name. */
static json_t *endpoints(const struct tr_result *result, const struct tr_result_origin *origin)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < result->endpoint_count; i++)
		json_array_append_new(array, endpoint(result, &result->endpoints[i], origin));
	return array;
}

static void set_origin(json_t *object, const struct tr_result *result,
		       const struct tr_result_origin *origin)
{
	json_object_set_new(object, "scenario", text_or_null(origin->scenario));
	json_object_set_new(object, "policy", text_or_null(origin->policy));
	json_object_set_new(object, "policy_id", hash(result->policy_id));
	json_object_set_new(object, "trace", text_or_null(origin->trace));
	json_object_set_new(object, "arrivals", text_or_null(origin->arrivals));
	json_object_set_new(object, "rows_skipped", number(origin->rows_skipped));
	json_object_set_new(object, "rows_adjusted", number(origin->rows_adjusted));
	json_object_set_new(object, "seed", number(result->seed));
	json_object_set_new(object, "run_hash", hash(result->run_hash));
	json_object_set_new(object, "path_hash", hash(result->path_hash));
}

json_t *tr_result_json(const struct tr_result *result, const struct tr_result_origin *origin)
{
	json_t *object = json_object();

	if (!object)
		return NULL;
	set_origin(object, result, origin);
	set_counts(object, &result->all);
	set_measures(object, result, &result->all);
	json_object_set_new(object, "objectives", json_boolean(result->objectives));
	json_object_set_new(object, "attempts", number(result->attempts));
	json_object_set_new(object, "breaker_trips", number(result->breaker_trips));
	json_object_set_new(object, "retries_denied", number(result->retries_denied));
	json_object_set_new(object, "hedges_denied", number(result->hedges_denied));
	json_object_set_new(object, "attempt_ttft_ms", spread(&result->attempt_ttft));
	json_object_set_new(object, "attempt_time_ms", spread(&result->attempt_time));
	json_object_set_new(object, "in_flight_max", number(result->in_flight.max));
	json_object_set_new(object, "in_flight_mean", micro(result->in_flight.mean_micro));
	json_object_set_new(object, "waiting_max", number(result->waiting.max));
	json_object_set_new(object, "waiting_mean", micro(result->waiting.mean_micro));
	json_object_set_new(object, "in_system_max", number(result->in_system.max));
	json_object_set_new(object, "in_system_mean", micro(result->in_system.mean_micro));
	json_object_set_new(object, "utilization_percent", percent(result->utilization_ppm));
	json_object_set_new(object, "rejects",
			    reasons(result->rejects, TR_REJECT_COUNT, tr_rejects));
	json_object_set_new(object, "failures", causes(result->causes[TR_OUTCOME_FAILED]));
	json_object_set_new(object, "cancellations", causes(result->causes[TR_OUTCOME_CANCELED]));
	json_object_set_new(object, "expirations", causes(result->causes[TR_OUTCOME_EXPIRED]));
	json_object_set_new(object, "attempt_failures", causes(result->attempt_failures));
	json_object_set_new(object, "attempt_aborts", causes(result->attempt_aborts));
	json_object_set_new(object, "classes",
			    rows(result, result->classes, result->class_count, origin));
	json_object_set_new(object, "tenants",
			    rows(result, result->tenants, result->tenant_count, origin));
	json_object_set_new(object, "endpoints", endpoints(result, origin));
	json_object_set_new(object, "events", number(result->events));
	json_object_set_new(object, "virtual_seconds", seconds(result->end - result->start));
	if (origin->wall_ns) {
		json_object_set_new(object, "wall_seconds", seconds(origin->wall_ns));
		json_object_set_new(object, "events_per_second",
				    rate(result->events, origin->wall_ns));
	}
	return object;
}
