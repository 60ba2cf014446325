/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of values and events as a page in Markdown, from the tables that read them.
 */
#include "engine/policy/text.h"
#include "sim/scenario/assert.h"
#include "sim/scenario/assertion.h"

static const struct {
	const char *key;
	const char *text;
	uint32_t selector;
} selectors[] = {
#define X(uc, member, key, text) {key, text, TR_SELECT_##uc},
	TR_SELECTOR_NAME_MAP(X) TR_SELECTOR_REASON_MAP(X)
#undef X
};

static void add_selectors(struct tr_text *text, uint32_t bits)
{
	const char *separator = "";

	for (size_t i = 0; i < TR_ARRAY_LENGTH(selectors); i++) {
		if (!(bits & selectors[i].selector))
			continue;
		tr_text_addf(text, "%s%s", separator, selectors[i].key);
		separator = ", ";
	}
}

static void add_values(struct tr_text *text)
{
	static const char *const bases[] = {
		[TR_VALUE_SUBMITTED] = "submitted",
		[TR_VALUE_HAPPENED] = "happened",
	};

	tr_text_add(text,
		    "\n## Values\n\n"
		    "What `value` can name. A value *submitted* is of the requests that were "
		    "submitted in the window, whatever became of them and when; one *happened* is "
		    "of what happened in it. Numbers have six decimals, the rest is cut off; "
		    "percentiles are at most 1/128 above the true ones. A window is from its "
		    "beginning to just before its end.\n\n"
		    "| value | unit | window | selected by | meaning |\n|---|---|---|---|---|\n");
	for (uint32_t i = 0; i < TR_VALUE_COUNT; i++) {
		const struct tr_value *value = &tr_values[i];

		tr_text_addf(text, "| `%s` | %s | %s | ", value->name, value->unit,
			     bases[value->basis]);
		add_selectors(text, value->selectors);
		tr_text_addf(text, " | %s |\n", value->text);
	}
}

static void add_events(struct tr_text *text)
{
	tr_text_add(text, "\n## Events\n\n"
			  "What `event` can name. A meaning that begins with dots goes on from the "
			  "one above it; a `retry` is a `dispatch`, too.\n\n"
			  "| event | selected by | meaning |\n|---|---|---|\n");
	for (uint32_t i = 0; i < TR_OCCURRENCE_COUNT; i++) {
		const struct tr_occurrence_row *row = &tr_occurrence_rows[i];

		tr_text_addf(text, "| `%s` | ", row->name);
		add_selectors(text, row->selectors);
		tr_text_addf(text, " | %s |\n", row->text);
	}
	tr_text_add(text, "\nSelected by:\n\n");
	for (size_t i = 0; i < TR_ARRAY_LENGTH(selectors); i++)
		tr_text_addf(text, "* `%s`: %s\n", selectors[i].key, selectors[i].text);
	tr_text_add(text, "\nThe words of `code`, `outcome` and `cause` are in "
			  "[reasons.md](reasons.md).\n");
}

char *tr_assertions_reference(void)
{
	struct tr_text text = {0};

	add_values(&text);
	add_events(&text);
	return tr_text_take(&text, NULL);
}
