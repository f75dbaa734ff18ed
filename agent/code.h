/* SPDX-License-Identifier: MIT */
/*
 * code: reads of machine code. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_CODE_H
#define PROFAGENT_AGENT_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/memory.h"

/* True if [addr, addr + size) is code that is never unmapped, and readable. */
bool code_is_resident(uint64_t addr, size_t size);

/*
 * Copies `size` bytes of code; false if they cannot all be read. Takes some
 * nanoseconds for code that is never unmapped, else a microsecond.
 */
bool code_copy(struct memory *memory, uint64_t addr, void *buf, size_t size);

#endif
