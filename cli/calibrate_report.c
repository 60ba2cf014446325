/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailrace calibrate: the fit, how far off it is, and what is not known.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/calibrate.h"
#include "engine/policy/number.h"

#define PERCENT_MAX 9999

static const char *const part_titles[TR_CALIBRATION_PARTS] = {
	[TR_CALIBRATION_FITTED] = "fitted to",
	[TR_CALIBRATION_UNSEEN] = "not looked at for the fit",
};
static const char *const part_names[TR_CALIBRATION_PARTS] = {
	[TR_CALIBRATION_FITTED] = "fitted",
	[TR_CALIBRATION_UNSEEN] = "unseen",
};

static const char *const known_names[] = {
#define X(NAME, json) [TR_KNOWN_##NAME] = json,
	TR_KNOWN_MAP(X)
#undef X
};

/* A whole number of the model, by its key. X(key) */
#define COUNT_MAP(X) X(sequences) X(batch_tokens) X(kv_blocks) X(steps_ahead)

static int64_t nearest(double value)
{
	return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/* ---------------------------------------------------------------------------------------- text */

static const char *note(enum tr_known known)
{
	return known == TR_KNOWN_FITTED	 ? ""
	       : known == TR_KNOWN_GIVEN ? "  as given"
					 : "  not known";
}

static void print_count(const char *key, uint64_t value, enum tr_known known)
{
	printf("  %-24s %12" PRIu64 "%s\n", key, value, note(known));
}

static void print_fit(const struct tr_fit_result *fit)
{
	struct tr_batch_profile profile;
	char number[TR_NUMBER_TEXT_MAX];

	tr_fit_profile(&fit->model, &profile);
#define X(key) print_count(#key, profile.key, fit->key);
	COUNT_MAP(X)
#undef X
	for (unsigned t = 0; t < TR_TERM_COUNT; t++) {
		double error = fit->solution.error[t];

		if (!(fit->model.terms[t] > 0))
			continue;
		printf("  %-24s %12s", tr_term_key(t), tr_term_text(&fit->model, t, number));
		if (error >= 0 && error < 0.5)
			printf("  +- %.1f%%", 200 * error);
		printf("%s\n", note(fit->terms[t]));
	}
}

/* Seconds with three digits behind the point, or four that count. */
static void print_time(double seconds)
{
	if (seconds < 1)
		printf(" %9.5f", seconds);
	else
		printf(" %9.3f", seconds);
}

static void print_part(const struct tr_calibration_part *part, const char *title)
{
	if (part->from == part->to)
		return;
	printf("\nRequests %" PRIu32 " to %" PRIu32 ", %s, in seconds:\n", part->from + 1, part->to,
	       title);
	printf("  %-22s %29s   %29s   %23s\n", "", "measured p50 p90 p99", "simulated p50 p90 p99",
	       "off by");
	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++) {
		const struct tr_score *score = &part->scores[m];

		if (score->count == 0)
			continue;
		printf("  %-22s", tr_measure_kinds[m].text);
		for (unsigned q = 0; q < TR_SCORE_QUANTILES; q++)
			print_time(score->measured[q]);
		printf("  ");
		for (unsigned q = 0; q < TR_SCORE_QUANTILES; q++)
			print_time(score->simulated[q]);
		printf("  ");
		for (unsigned q = 0; q < TR_SCORE_QUANTILES; q++) {
			double percent = 100 * score->error[q];

			printf(" %+7.1f%%", percent < PERCENT_MAX ? percent : PERCENT_MAX);
		}
		printf("\n");
	}
	if (part->impossible)
		printf("  %" PRIu32 " requests never fit into the KV memory that was found\n",
		       part->impossible);
}

void tr_calibration_print(const struct tr_calibration *calibration)
{
	printf("%s: %" PRIu32 " requests, fitted to the first %" PRIu32 "\n\n", calibration->path,
	       calibration->measured->count, calibration->parts[TR_CALIBRATION_FITTED].to);
	print_fit(&calibration->fit);
	for (unsigned p = 0; p < TR_CALIBRATION_PARTS; p++)
		print_part(&calibration->parts[p], part_titles[p]);
	printf("\nNot known:\n");
	for (unsigned v = 0; v < calibration->verdict_count; v++)
		printf("  %-24s %s\n", calibration->verdicts[v].key, calibration->verdicts[v].why);
}

/* ---------------------------------------------------------------------------------------- JSON */

static json_t *quantiles_json(const double values[TR_SCORE_QUANTILES], double scale)
{
	json_t *array = json_array();

	for (unsigned q = 0; q < TR_SCORE_QUANTILES; q++)
		json_array_append_new(array, json_integer(nearest(scale * values[q])));
	return array;
}

static json_t *part_json(const struct tr_calibration_part *part)
{
	json_t *measures = json_object();

	for (unsigned m = 0; m < TR_MEASURE_COUNT; m++) {
		const struct tr_score *score = &part->scores[m];

		if (score->count > 0)
			json_object_set_new(
				measures, tr_measure_kinds[m].json,
				json_pack("{s:I,s:o,s:o,s:o}", "requests", (json_int_t)score->count,
					  "measured_us", quantiles_json(score->measured, 1e6),
					  "simulated_us", quantiles_json(score->simulated, 1e6),
					  "error_ppm", quantiles_json(score->error, 1e6)));
	}
	return json_pack("{s:I,s:I,s:I,s:o}", "from", (json_int_t)part->from + 1, "to",
			 (json_int_t)part->to, "impossible", (json_int_t)part->impossible,
			 "measures", measures);
}

/* {"value": ..., "known": "fitted", "error_ppm": ...}: the error is twice the standard error. */
static json_t *known_json(json_t *value, enum tr_known known, double error)
{
	json_t *object = json_pack("{s:o,s:s}", "value", value, "known", known_names[known]);

	if (error >= 0)
		json_object_set_new(object, "error_ppm",
				    json_integer(nearest(error < 1000 ? 2e6 * error : 2e9)));
	return object;
}

static json_t *profile_json(const struct tr_fit_result *fit)
{
	json_t *object = json_object();
	struct tr_batch_profile profile;
	char number[TR_NUMBER_TEXT_MAX];

	tr_fit_profile(&fit->model, &profile);
#define X(key)                                                                                     \
	json_object_set_new(object, #key,                                                          \
			    known_json(json_integer((json_int_t)profile.key), fit->key, -1));
	COUNT_MAP(X)
#undef X
	for (unsigned t = 0; t < TR_TERM_COUNT; t++)
		json_object_set_new(object, tr_term_key(t),
				    known_json(json_string(tr_term_text(&fit->model, t, number)),
					       fit->terms[t], fit->solution.error[t]));
	return object;
}

json_t *tr_calibration_json(const struct tr_calibration *calibration)
{
	const struct tr_fit_result *fit = &calibration->fit;
	json_t *parts = json_object(), *verdicts = json_object();

	for (unsigned p = 0; p < TR_CALIBRATION_PARTS; p++)
		if (calibration->parts[p].from < calibration->parts[p].to)
			json_object_set_new(parts, part_names[p],
					    part_json(&calibration->parts[p]));
	for (unsigned v = 0; v < calibration->verdict_count; v++)
		json_object_set_new(verdicts, calibration->verdicts[v].key,
				    json_string(calibration->verdicts[v].why));
	return json_pack("{s:s,s:I,s:o,s:I,s:o,s:o}", "requests_file", calibration->path,
			 "requests", (json_int_t)calibration->measured->count, "batching",
			 profile_json(fit), "loss_ppm", (json_int_t)nearest(1e6 * fit->loss),
			 "residuals", parts, "not_known", verdicts);
}
