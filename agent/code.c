/* SPDX-License-Identifier: MIT */
/*
 * code: reads of machine code. Runs in the signal handler and in the flusher.
 */
#include "agent/code.h"

#include <string.h>

#include "agent/modules.h"

bool code_is_resident(uint64_t addr, size_t size)
{
	const struct module_table *first = modules_resident();
	const struct module *m = NULL;

	if (first != NULL)
		m = modules_find(first, addr);
	return m != NULL && m->resident && m->readable &&
	       m->end - addr >= size;
}

bool code_copy(struct memory *memory, uint64_t addr, void *buf, size_t size)
{
	if (!code_is_resident(addr, size))
		return memory_copy(memory, addr, buf, size) == size;
	memcpy(buf, (const void *)(uintptr_t)addr, size);
	return true;
}
