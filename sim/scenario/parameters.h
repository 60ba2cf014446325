/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of a scenario: `parameters` gives them names and values, `${name}` stands for the
 * value in any scalar.
 *
 * A scalar that is nothing but `${name}` becomes what the parameter is: a number where its value is
 * a number, a text where it is a text; so in JSON and between braces it is written in quotes.
 * Inside a longer scalar the value's text is put in, and what the whole then is, its look says as
 * ever.
 * `$${` is a plain `${`. A value refers to no other parameter, and keys are no scalars.
 */
#ifndef TR_SIM_SCENARIO_PARAMETERS_H
#define TR_SIM_SCENARIO_PARAMETERS_H

#include "engine/policy/arena.h"
#include "engine/policy/document.h"

#define TR_PARAMETERS_MAX 64

/* What goes before a parameter's own value: --set NAME=VALUE. It is a text where the scenario's
 * value is written in quotes, and else what it looks like. */
struct tr_scenario_setting {
	const char *name;
	const char *value;
};

struct tr_parameter {
	const char *name;
	const char *value;
	size_t length;
	bool plain;
	bool set; /* by a setting */
	bool used;
	const struct tr_node *node;
};

struct tr_parameters {
	uint32_t count;
	struct tr_parameter rows[TR_PARAMETERS_MAX];
};

/*
 * Put parameters in everywhere, and take the key `parameters` out. Settings of names that the
 * scenario does not have are not looked at: they may be meant for another file.
 *
 * Refused: a name that is not there, and a parameter without effect: one that nothing uses and that
 * is set, or that the scenario's own file declares. Returns 0 and *ret, which lives in the arena,
 * or -1 and *ret_diagnostic; the document is then only to be freed.
 */
int tr_parameters_resolve(struct tr_document *document, const struct tr_scenario_setting *settings,
			  uint32_t setting_count, struct tr_arena *arena,
			  const struct tr_parameters **ret, struct tr_diagnostic *ret_diagnostic);

/* A text that stands for itself where parameters are put in: each `${` as `$${`. Takes what was
 * allocated with malloc() over and gives it, or another, back; NULL when memory is out. */
char *tr_parameters_escape(char *text, size_t *length);

#endif
