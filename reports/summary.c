/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The summary reads top down as a person asks: what ran, what became of the requests, how long they
 * took, for whom, at what price, and under which hashes it can be found again.
 */
#include "reports/summary.h"

#include <stdlib.h>
#include <string.h>

#include "reports/table.h"
#include "reports/terminal.h"

/* Tenants shown, the busiest first; all are in the JSON. */
#define TENANTS_SHOWN	12
#define ENDPOINTS_SHOWN 24
#define BOLD		"\033[1m"
#define RED		"\033[31m"
#define END		"\033[0m"

static uint64_t integer(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static double real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : -1;
}

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static void cell_integer(struct tr_report_table *table, unsigned column, uint64_t value)
{
	char text[TR_NUMBER_WIDTH_MAX];

	tr_report_table_cell(table, column, tr_number_grouped(value, text));
}

static void cell_real(struct tr_report_table *table, unsigned column, double value,
		      unsigned decimals)
{
	char text[TR_NUMBER_WIDTH_MAX];

	tr_report_table_cell(table, column, tr_number_decimal(value, decimals, text));
}

static void print_title(FILE *stream, const char *title, bool colors)
{
	fprintf(stream, "\n%s%s%s\n", colors ? BOLD : "", title, colors ? END : "");
}

/* ------------------------------------------------------------------------------------ sections */

static void print_origin(const json_t *result, FILE *stream)
{
	static const char *const keys[] = {"scenario", "policy", "trace"};
	static const char *const words[] = {"scenario", "policy  ", "trace   "};
	char text[256];

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (!json_is_string(json_object_get(result, keys[i])))
			continue;
		tr_text_tame(string(result, keys[i]), text, sizeof text);
		fprintf(stream, "%s  %s\n", words[i], text);
	}
	if (json_is_string(json_object_get(result, "arrivals")))
		fprintf(stream, "arrivals  %s\n", string(result, "arrivals"));
	fprintf(stream, "seed      %llu\n", (unsigned long long)integer(result, "seed"));
	if (integer(result, "rows_skipped"))
		fprintf(stream, "skipped   %s malformed rows\n",
			tr_number_grouped(integer(result, "rows_skipped"), text));
	if (integer(result, "rows_adjusted"))
		fprintf(stream, "adjusted  %s rows with a size of 0, read as 1\n",
			tr_number_grouped(integer(result, "rows_adjusted"), text));
}

static void print_reasons(json_t *reasons, const char *word, FILE *stream, bool colors)
{
	const char *name;
	json_t *count;
	char text[TR_NUMBER_WIDTH_MAX];

	json_object_foreach(reasons, name, count)
		fprintf(stream, "  %s%s%s: %s %s\n", colors ? RED : "", word, colors ? END : "",
			name, tr_number_grouped((uint64_t)json_integer_value(count), text));
}

static void print_outcomes(const json_t *result, FILE *stream, bool colors)
{
	static const char *const outcomes[][2] = {
		{"completed", "completed"}, {"rejected", "rejected"}, {"failed", "failed"},
		{"canceled", "canceled"},   {"expired", "expired"},   {"in_system", "in system"},
	};
	struct tr_report_table *table = calloc(1, sizeof *table);
	uint64_t submitted = integer(result, "submitted");

	if (!table)
		return;
	tr_report_table_row(table);
	tr_report_table_cell(table, 0, "submitted");
	cell_integer(table, 1, submitted);
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		uint64_t count = integer(result, outcomes[i][0]);
		char text[TR_NUMBER_WIDTH_MAX], percent[TR_NUMBER_WIDTH_MAX + 4];

		tr_report_table_row(table);
		tr_report_table_cell(table, 0, outcomes[i][1]);
		cell_integer(table, 1, count);
		if (submitted == 0)
			continue;
		tr_number_decimal(100.0 * (double)count / (double)submitted, 2, text);
		(void)snprintf(percent, sizeof percent, "%s %%", text);
		tr_report_table_cell(table, 2, percent);
	}
	print_title(stream, "Requests", colors);
	tr_report_table_print(table, stream, false, colors);
	print_reasons(json_object_get(result, "rejects"), "rejected", stream, colors);
	print_reasons(json_object_get(result, "failures"), "failed", stream, colors);
	print_reasons(json_object_get(result, "expirations"), "expired", stream, colors);
	print_reasons(json_object_get(result, "cancellations"), "canceled", stream, colors);
	free(table);
}

static void print_times(const json_t *result, FILE *stream, bool colors)
{
	static const char *const measures[][2] = {
		{"ttft_ms", "time to first token"},
		{"tpot_ms", "time per output token"},
		{"e2e_ms", "end to end"},
		{"queue_ms", "queue wait"},
	};
	static const char *const columns[] = {"p50", "p95", "p99", "max"};
	struct tr_report_table *table = calloc(1, sizeof *table);

	if (!table)
		return;
	tr_report_table_row(table);
	tr_report_table_cell(table, 0, "ms");
	for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++)
		tr_report_table_cell(table, i + 1, columns[i]);
	for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
		const json_t *measure = json_object_get(result, measures[i][0]);

		tr_report_table_row(table);
		tr_report_table_cell(table, 0, measures[i][1]);
		for (unsigned j = 0; j < sizeof columns / sizeof columns[0]; j++)
			cell_real(table, j + 1,
				  integer(measure, "count") ? real(measure, columns[j]) : -1, 1);
	}
	print_title(stream, "Times", colors);
	tr_report_table_print(table, stream, true, colors);
	free(table);
}

/* The 95th percentile of a measure, or nothing. */
static void cell_p95(struct tr_report_table *table, unsigned column, const json_t *row,
		     const char *key)
{
	const json_t *measure = json_object_get(row, key);

	cell_real(table, column, integer(measure, "count") ? real(measure, "p95") : -1, 1);
}

static void fill_row(struct tr_report_table *table, const json_t *row)
{
	static const char *const counts[] = {"submitted", "completed", "rejected",
					     "failed",	  "canceled",  "expired"};
	static const char *const measures[] = {"ttft_ms", "e2e_ms", "queue_ms"};
	unsigned column = 0;

	tr_report_table_row(table);
	tr_report_table_cell(table, column++, string(row, "name"));
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		cell_integer(table, column++, integer(row, counts[i]));
	for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++)
		cell_p95(table, column++, row, measures[i]);
	cell_integer(table, column++, integer(row, "tokens_out"));
	cell_real(table, column++, (double)integer(row, "cost_micro_usd") / 1e6, 2);
}

static void fill_endpoint(struct tr_report_table *table, const json_t *row)
{
	unsigned column = 0;

	tr_report_table_row(table);
	tr_report_table_cell(table, column++, string(row, "name"));
	cell_integer(table, column++, integer(row, "attempts"));
	cell_real(table, column++, real(row, "share_percent"), 1);
	cell_integer(table, column++, integer(row, "failed"));
	cell_integer(table, column++, integer(row, "aborted"));
	cell_integer(table, column++, integer(row, "breaker_trips"));
	cell_p95(table, column++, row, "attempt_ttft_ms");
	cell_p95(table, column++, row, "attempt_time_ms");
	cell_integer(table, column++, integer(row, "slots"));
	cell_integer(table, column++, integer(row, "in_flight_max"));
	cell_real(table, column++, real(row, "utilization_percent"), 1);
}

struct row {
	const json_t *json;
};

static int by_submitted(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	uint64_t more = integer(left->json, "submitted"), less = integer(right->json, "submitted");

	if (more != less)
		return more > less ? -1 : 1;
	return strcmp(string(left->json, "name"), string(right->json, "name"));
}

/* A table by class or tenant; nothing where one row would repeat the whole. */
static void print_rows(const json_t *rows, const char *title, FILE *stream, bool colors)
{
	static const char *const heads[] = {"",	       "submitted", "completed",  "rejected",
					    "failed",  "canceled",  "expired",	  "TTFT p95",
					    "E2E p95", "queue p95", "tokens out", "USD"};
	size_t count = json_array_size(rows);
	size_t shown = count < TENANTS_SHOWN ? count : TENANTS_SHOWN;
	struct tr_report_table *table;
	struct row *sorted;

	if (count < 2)
		return;
	table = calloc(1, sizeof *table);
	sorted = calloc(count, sizeof *sorted);
	if (table && sorted) {
		for (size_t i = 0; i < count; i++)
			sorted[i].json = json_array_get(rows, i);
		qsort(sorted, count, sizeof *sorted, by_submitted);
		tr_report_table_row(table);
		for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++)
			tr_report_table_cell(table, i, heads[i]);
		for (size_t i = 0; i < shown; i++)
			fill_row(table, sorted[i].json);
		print_title(stream, title, colors);
		tr_report_table_print(table, stream, true, colors);
		if (shown < count)
			fprintf(stream, "  and %zu more, in the JSON result\n", count - shown);
	}
	free(sorted);
	free(table);
}

/* Endpoints in order of the policy; all of them, up to a screen. */
static void print_endpoints(const json_t *rows, FILE *stream, bool colors)
{
	static const char *const heads[] = {"",	       "attempts", "share %",  "failed",
					    "aborted", "trips",	   "TTFT p95", "time p95",
					    "slots",   "most",	   "in use %"};
	size_t count = json_array_size(rows);
	size_t shown = count < ENDPOINTS_SHOWN ? count : ENDPOINTS_SHOWN;
	struct tr_report_table *table = count > 1 ? calloc(1, sizeof *table) : NULL;

	if (!table)
		return;
	tr_report_table_row(table);
	for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++)
		tr_report_table_cell(table, i, heads[i]);
	for (size_t i = 0; i < shown; i++)
		fill_endpoint(table, json_array_get(rows, i));
	print_title(stream, "By endpoint", colors);
	tr_report_table_print(table, stream, true, colors);
	if (shown < count)
		fprintf(stream, "  and %zu more, in the JSON result\n", count - shown);
	free(table);
}

/* Those that do not hold, in full; of the others how many there are. */
static void print_assertions(const json_t *findings, FILE *stream, bool colors)
{
	size_t count = json_array_size(findings), held = 0, own = 0;

	/* What is asked of every run is worth a word when it does not hold. */
	for (size_t i = 0; i < count; i++) {
		held += json_is_true(json_object_get(json_array_get(findings, i), "held"));
		own += integer(json_array_get(findings, i), "line") > 0;
	}
	if (own == 0 && held == count)
		return;
	print_title(stream, "Assertions", colors);
	for (size_t i = 0; i < count; i++) {
		const json_t *finding = json_array_get(findings, i);
		char text[1024];

		if (json_is_true(json_object_get(finding, "held")))
			continue;
		tr_text_tame(string(finding, "text"), text, sizeof text);
		fprintf(stream, "  %s%s%s\n", colors ? RED : "", text, colors ? END : "");
	}
	fprintf(stream, "  %zu of %zu hold\n", held, count);
}

/* ", 1 retry" or ", 3 retries". */
static void print_count(const json_t *result, const char *key, const char *one, const char *more,
			FILE *stream)
{
	char text[TR_NUMBER_WIDTH_MAX];
	uint64_t count = integer(result, key);

	fprintf(stream, ", %s %s", tr_number_grouped(count, text), count == 1 ? one : more);
}

static void print_totals(const json_t *result, FILE *stream, bool colors)
{
	char text[TR_NUMBER_WIDTH_MAX], more[TR_NUMBER_WIDTH_MAX];

	print_title(stream, "Totals", colors);
	fprintf(stream, "  goodput        %s requests/s %s\n",
		tr_number_decimal(real(result, "goodput"), 3, text),
		json_is_true(json_object_get(result, "objectives"))
			? "within every objective"
			: "completed (the policy has no objectives)");
	fprintf(stream, "  tokens         %s in, %s out\n",
		tr_number_grouped(integer(result, "tokens_in"), text),
		tr_number_grouped(integer(result, "tokens_out"), more));
	fprintf(stream, "  cost           %s USD\n",
		tr_number_decimal((double)integer(result, "cost_micro_usd") / 1e6, 6, text));
	fprintf(stream, "  attempts       %s",
		tr_number_grouped(integer(result, "attempts"), text));
	print_count(result, "retries", "retry", "retries", stream);
	print_count(result, "hedges", "hedge", "hedges", stream);
	print_count(result, "breaker_trips", "breaker trip", "breaker trips", stream);
	fprintf(stream, "\n");
	fprintf(stream, "  virtual time   %s s in %s s of wall time\n",
		tr_number_decimal(real(result, "virtual_seconds"), 3, text),
		tr_number_decimal(real(result, "wall_seconds"), 3, more));
	fprintf(stream, "  events         %s, %s/s\n",
		tr_number_grouped(integer(result, "events"), text),
		tr_number_decimal(real(result, "events_per_second"), 0, more));
	fprintf(stream, "  policy id      %s\n", string(result, "policy_id"));
	fprintf(stream, "  run hash       %s\n", string(result, "run_hash"));
	fprintf(stream, "  path hash      %s\n", string(result, "path_hash"));
}

void tr_summary_print(const json_t *result, FILE *stream, bool colors)
{
	print_origin(result, stream);
	print_outcomes(result, stream, colors);
	print_times(result, stream, colors);
	print_rows(json_object_get(result, "classes"), "By class", stream, colors);
	print_rows(json_object_get(result, "tenants"), "By tenant", stream, colors);
	print_endpoints(json_object_get(result, "endpoints"), stream, colors);
	print_totals(result, stream, colors);
	print_assertions(json_object_get(result, "assertions"), stream, colors);
}
