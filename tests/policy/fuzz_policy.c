/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a policy: refused with a message, or loaded; and what is loaded has a canonical form
 * that loads to the same id and the same canonical form. Text that begins with '{' is JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/policy/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct tr_policy_file *file = NULL, *again = NULL, *scaled = NULL;
	struct tr_diagnostic diagnostic;
	const char *text, *text_again;
	size_t size, size_again;

	if (tr_policy_load_text("fuzz", (const char *)bytes, length, &file, &diagnostic)) {
		require(!file);
		require(diagnostic.message[0] != '\0');
		require(strlen(diagnostic.message) < sizeof diagnostic.message);
		return 0;
	}
	text = tr_policy_canonical(file, &size);
	require(tr_policy_load_text("again", text, size, &again, &diagnostic) == 0);
	text_again = tr_policy_canonical(again, &size_again);
	require(size == size_again);
	require(memcmp(text, text_again, size) == 0);
	require(tr_policy_compiled(file)->id == tr_policy_compiled(again)->id);
	if (tr_policy_scale(file, 2, &scaled, &diagnostic) == 0)
		require(tr_policy_compiled(scaled)->endpoint_count ==
			2 * tr_policy_compiled(file)->endpoint_count);
	tr_policy_free(scaled);
	tr_policy_free(again);
	tr_policy_free(file);
	return 0;
}
