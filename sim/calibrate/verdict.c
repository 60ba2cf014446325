/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a number is not known. What is written in its stead does no harm to what was measured: no
 * limit where none was met, nothing where no effect was seen.
 */
#include "sim/calibrate/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct list {
	struct tr_verdict *items;
	unsigned count;
};

static void add(struct list *list, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct list *list, const char *key, const char *format, ...)
{
	struct tr_verdict *verdict = &list->items[list->count++];
	va_list arguments;

	TR_ASSERT(list->count <= TR_VERDICTS_MAX);
	verdict->key = key;
	va_start(arguments, format);
	vsnprintf(verdict->why, sizeof verdict->why, format, arguments);
	va_end(arguments);
}

static void add_limits(struct list *list, const struct tr_measured *measured,
		       const struct tr_fit_result *result)
{
	if (result->sequences == TR_KNOWN_UNKNOWN && !measured->scheduled)
		add(list, "sequences", "who ran is not in the rows; there is no limit in the fit");
	else if (result->sequences == TR_KNOWN_UNKNOWN)
		add(list, "sequences",
		    "never met: at most %" PRIu32
		    " ran at once, and %s; there is no limit in the fit",
		    result->running_max,
		    result->waited ? "who waited did not wait for a place" : "nobody waited");
	if (result->kv_blocks == TR_KNOWN_UNKNOWN)
		add(list, "kv_blocks",
		    "never met: %s; with at most %" PRIu32
		    " blocks of 16 tokens in use it is never full in the fit",
		    result->waited ? "what was waited for is explained without it"
				   : "nobody waited",
		    (uint32_t)result->blocks_max);
	if (result->batch_tokens == TR_KNOWN_UNKNOWN)
		add(list, "batch_tokens",
		    "half or twice as many explain the rows as well: hardly a step was full");
	if (result->steps_ahead == TR_KNOWN_UNKNOWN)
		add(list, "steps_ahead", "0 and 1 explain the rows equally well");
}

static void add_terms(struct list *list, const struct tr_fit_result *result)
{
	for (unsigned t = 0; t < TR_TERM_COUNT; t++) {
		double error = result->solution.error[t];
		enum tr_term other = result->solution.mistaken[t];
		const char *key = tr_term_key(t);

		if (result->terms[t] == TR_KNOWN_FITTED)
			continue;
		if (!(result->model.terms[t] > 0) || error < 0)
			add(list, key, "no effect was seen");
		else if (other < TR_TERM_COUNT)
			add(list, key,
			    "may be off by %s%u%%, for it is hardly told from %s in these rows",
			    error > 1 ? "more than " : "",
			    error > 1				? 100
			    : (unsigned)(200 * error + 1) > 100 ? 100
								: (unsigned)(200 * error + 1),
			    tr_term_key(other));
		else
			add(list, key, "may be off by more than 5%%");
	}
}

static void add_poor(struct list *list, const struct tr_fit_result *result)
{
	const struct {
		const char *key;
		enum tr_known known;
	} counts[] = {
		{"sequences", result->sequences},
		{"batch_tokens", result->batch_tokens},
		{"kv_blocks", result->kv_blocks},
		{"steps_ahead", result->steps_ahead},
	};
	static const char why[] =
		"the simulation is far from what was measured (a fifth and more): such a server is "
		"not modeled, or the rows are not of one server";

	for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++)
		if (counts[i].known == TR_KNOWN_UNKNOWN)
			add(list, counts[i].key, "%s", why);
	for (unsigned t = 0; t < TR_TERM_COUNT; t++)
		add(list, tr_term_key(t), "%s", why);
}

unsigned tr_fit_verdicts(const struct tr_measured *measured, const struct tr_fit_result *result,
			 struct tr_verdict ret[TR_VERDICTS_MAX])
{
	struct list list = {.items = ret};

	if (result->poor) {
		add_poor(&list, result);
	} else {
		add_limits(&list, measured, result);
		add_terms(&list, result);
	}
	add(&list, "block_tokens", "is not in the rows; 16, as vLLM has it");
	add(&list, "prefix_cache",
	    "what was found in a cache is not in the rows, and counts as computed, only faster");
	if (!measured->scheduled)
		add(&list, "scheduled_ts",
		    "is not in the rows: a long wait and a slow prompt look alike");
	if (measured->left_out)
		add(&list, "load",
		    "%" PRIu64 " attempts were not answered whole; what they cost the server looks "
		    "like slowness",
		    measured->left_out);
	return list.count;
}
