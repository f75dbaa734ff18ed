/* SPDX-License-Identifier: MIT */
/* A library that dlopen-loop loads and unloads again and again. */
#include "tests/programs/truth.h"

__attribute__((visibility("default"))) uint64_t plugin_burn(uint64_t ns);

__attribute__((visibility("default"), noinline)) uint64_t
plugin_burn(uint64_t ns)
{
	uint64_t used = truth_burn(ns);

	__asm__ volatile("" : "+r"(used));
	return used;
}
