/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as a person would write it, with what is not known said beside it.
 */
#include <inttypes.h>

#include "engine/policy/number.h"
#include "sim/calibrate/verdict.h"

struct term_text {
	const char *key;
	unsigned digits; /* of a femtosecond in the key's unit */
};

static const struct term_text term_texts[TR_TERM_COUNT] = {
	[TR_TERM_STEP] = {"base_us", 9},
	[TR_TERM_PREFILL] = {"prefill_token_ns", 6},
	[TR_TERM_SEQUENCE] = {"sequence_ns", 6},
	[TR_TERM_CONTEXT] = {"context_token_ps", 3},
	[TR_TERM_MIXED] = {"mixed_context_token_ps", 3},
	[TR_TERM_PAIR] = {"prefill_pair_ps", 3},
	[TR_TERM_FIRST] = {"first_token_ns", 6},
};

const char *tr_term_key(enum tr_term term)
{
	return term_texts[term].key;
}

static uint64_t femtoseconds(const struct tr_fit_model *model, enum tr_term term)
{
	struct tr_batch_profile profile;
	const struct tr_batch_cost *cost = &profile.cost;

	tr_fit_profile(model, &profile);
	const uint64_t all[] = {
#define X(NAME, work, field, text) [TR_TERM_##NAME] = cost->field,
		TR_TERM_MAP(X)
#undef X
	};
	return all[term];
}

const char *tr_term_text(const struct tr_fit_model *model, enum tr_term term, char *text)
{
	return tr_number_text(femtoseconds(model, term), term_texts[term].digits, text);
}

/* A YAML double-quoted text: a JSON string is one. */
static void add_line(struct tr_text *text, const char *key, const char *value)
{
	tr_text_addf(text, "%s: ", key);
	tr_text_add_json(text, value);
	tr_text_add(text, "\n");
}

static void add_verdicts(struct tr_text *text, const struct tr_verdict *verdicts, unsigned count)
{
	if (count > 0)
		tr_text_add(text, "#\n# Not known:\n");
	for (unsigned i = 0; i < count; i++)
		tr_text_addf(text, "#   %s: %s\n", verdicts[i].key, verdicts[i].why);
}

void tr_fit_profile_text(const struct tr_fit_result *result, const char *title, const char *source,
			 const struct tr_verdict *verdicts, unsigned verdict_count,
			 struct tr_text *text)
{
	struct tr_batch_profile profile;
	char number[TR_NUMBER_TEXT_MAX];

	tr_fit_profile(&result->model, &profile);
	tr_text_add(text, "# SPDX-License-Identifier: Apache-2.0\n#\n# Written by `tailrace "
			  "calibrate`.\n");
	add_verdicts(text, verdicts, verdict_count);
	tr_text_add(text, "\n");
	add_line(text, "title", title);
	add_line(text, "source", source);
	tr_text_addf(text,
		     "\nbatching:\n  sequences: %" PRIu32 "\n  batch_tokens: %" PRIu32
		     "\n  kv_blocks: %" PRIu32 "\n  block_tokens: %" PRIu32
		     "\n  prefix_cache: %s\n  steps_ahead: %u\n  step:\n",
		     profile.sequences, profile.batch_tokens, profile.kv_blocks,
		     profile.block_tokens, profile.prefix_cache ? "true" : "false",
		     profile.steps_ahead);
	for (unsigned t = 0; t < TR_TERM_COUNT; t++)
		if (femtoseconds(&result->model, t) > 0)
			tr_text_addf(text, "    %s: %s\n", term_texts[t].key,
				     tr_term_text(&result->model, t, number));
	if (femtoseconds(&result->model, TR_TERM_FIRST) > 0)
		tr_text_addf(text, "    first_tokens: %" PRIu32 "\n", profile.cost.first_tokens);
}
