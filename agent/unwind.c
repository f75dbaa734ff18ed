/* SPDX-License-Identifier: MIT */
/*
 * unwind: the table of walkers and the words for why a stack ended.
 */
#include "agent/unwind.h"

#include <stddef.h>
#include <string.h>

const char *const unwind_end_names[UNWIND_ENDS] = {
	[UNWIND_COMPLETE] = "complete",
	[UNWIND_DEPTH] = "depth",
	[UNWIND_NO_ROOM] = "no-room",
	[UNWIND_NO_MODULE] = "no-module",
	[UNWIND_NO_TABLE] = "no-table",
	[UNWIND_NO_RULE] = "no-rule",
	[UNWIND_BAD_RULE] = "bad-rule",
	[UNWIND_BAD_STACK] = "bad-stack",
	[UNWIND_NO_PROGRESS] = "no-progress",
	[UNWIND_NO_RBP] = "no-rbp",
	[UNWIND_JIT] = "jit",
};

static const struct unwind_backend *const backends[] = {
	&unwind_cfi,
	&unwind_fp,
};

const struct unwind_backend *unwind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}
