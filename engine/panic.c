/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the line for a programmer's error. The engine prints nothing: a host that wants a last
 * word sets a hook, and a hook that returns is itself an error.
 */
#include "engine/base.h"

static tr_panic_hook *panic_hook;

void tr_panic_hook_set(tr_panic_hook *hook)
{
	panic_hook = hook;
}

_Noreturn void tr_panic(const char *condition, const char *file, int line)
{
	if (panic_hook)
		panic_hook(condition, file, line);
	__builtin_trap();
}
