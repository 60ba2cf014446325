/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of a scenario: a path, the policy itself, or a file with something laid over it.
 *
 * Which of the three a map is, its keys tell: `base` and `set` are no keys of policies. What is
 * laid over a file goes through the same loader as a policy file does, and each complaint names the
 * file and line where the wrong value stands.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy/compose.h"
#include "engine/policy/suggest.h"
#include "sim/scenario/vocabulary.h"

#define KEY	       "policy"
#define PATH_BYTES_MAX 4000

static int refuse(const struct tr_node *node, const char *key, const char *message,
		  struct tr_diagnostic *ret_diagnostic)
{
	return tr_diagnose(ret_diagnostic, node->file, node->line, node->column, key, "%s",
			   message);
}

static int take_path(struct tr_scenario *scenario, const struct tr_node *node, const char *key,
		     struct tr_diagnostic *ret_diagnostic)
{
	if (node->kind != TR_NODE_SCALAR || node->length == 0 || node->length > PATH_BYTES_MAX)
		return refuse(node, key, "expected the path of a policy, 1 to 4000 bytes",
			      ret_diagnostic);
	for (const char *at = node->text; *at; at++)
		if ((unsigned char)*at < 0x20)
			return refuse(node, key, "found a control character in a path",
				      ret_diagnostic);
	scenario->policy = tr_include_path(&scenario->arena, node->file, "", node->text);
	return scenario->policy ? 0 : refuse(node, key, "not enough memory", ret_diagnostic);
}

/* {base: PATH, set: {...}} */
static int take_composed(struct tr_scenario *scenario, const struct tr_node *node,
			 struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_node *base = tr_node_child(node, "base");
	const struct tr_node *set = tr_node_child(node, "set");

	for (const struct tr_node *child = node->first; child; child = child->next)
		if (child != base && child != set)
			return tr_diagnose(
				ret_diagnostic, child->file, child->key_line, child->key_column,
				KEY,
				"unknown key '%.60s'; beside 'base' only 'set' may stand "
				"here, and what it holds goes over the file",
				child->key);
	if (!base)
		return refuse(node, KEY, "the key 'base' is missing: the file that 'set' goes over",
			      ret_diagnostic);
	if (set && set->kind != TR_NODE_MAP)
		return refuse(set, KEY ".set", "expected a map of keys and values of a policy",
			      ret_diagnostic);
	return take_path(scenario, base, KEY ".base", ret_diagnostic);
}

static bool is_composed(const struct tr_node *node)
{
	return tr_node_child(node, "base") || tr_node_child(node, "set");
}

int tr_scenario_take_policy(struct tr_scenario *scenario, const struct tr_node *node,
			    struct tr_diagnostic *ret_diagnostic)
{
	scenario->policy_node = node;
	if (!node)
		return 0;
	if (node->kind != TR_NODE_MAP)
		return take_path(scenario, node, KEY, ret_diagnostic);
	if (is_composed(node))
		return take_composed(scenario, node, ret_diagnostic);
	scenario->policy = node->file;
	return 0;
}

/* ---------------------------------------------------------------------------------------- load */

static int load_base(const struct tr_scenario *scenario, struct tr_document **ret,
		     struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_node *node = scenario->policy_node;
	bool composed = is_composed(node);

	return tr_include_load(&scenario->files, scenario->policy,
			       composed ? tr_node_child(node, "base") : node,
			       composed ? KEY ".base" : KEY, ret, ret_diagnostic);
}

/* `set` over the base; without it the base as it is. */
static int compose(const struct tr_scenario *scenario, struct tr_document **ret,
		   struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_node *set = tr_node_child(scenario->policy_node, "set");
	struct tr_document *base, *document;

	if (load_base(scenario, &base, ret_diagnostic))
		return -1;
	if (!set) {
		*ret = base;
		return 0;
	}
	if (tr_document_root(base)->kind != TR_NODE_MAP) {
		(void)refuse(tr_document_root(base), NULL, "expected a map of keys and values",
			     ret_diagnostic);
		goto err;
	}
	if (tr_document_extract(set, &document, ret_diagnostic))
		goto err;
	if (tr_document_lay_under(document, tr_document_root(base), ret_diagnostic)) {
		tr_document_free(document);
		goto err;
	}
	tr_document_free(base);
	*ret = document;
	return 0;
err:
	tr_document_free(base);
	return -1;
}

int tr_scenario_policy(const struct tr_scenario *scenario, struct tr_policy_file **ret,
		       struct tr_diagnostic *ret_diagnostic)
{
	const struct tr_node *node = scenario->policy_node;
	struct tr_document *document;
	int err;

	TR_ASSERT(node);
	if (node->kind == TR_NODE_MAP && is_composed(node))
		err = compose(scenario, &document, ret_diagnostic);
	else if (node->kind == TR_NODE_MAP)
		err = tr_document_extract(node, &document, ret_diagnostic);
	else
		err = load_base(scenario, &document, ret_diagnostic);
	if (err)
		return -1;
	err = tr_policy_load_document(document, ret, ret_diagnostic);
	tr_document_free(document);
	return err;
}
