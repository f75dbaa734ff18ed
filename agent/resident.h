/* SPDX-License-Identifier: MIT */
/*
 * resident: the objects that stay mapped as long as the process lives.
 *
 * These are the program and what it was linked to, directly or not; we (linked
 * with -z nodelete) and what we were linked to. The loader never unloads them.
 * Any other object may be gone at the next instruction, whatever list it is in.
 */
#ifndef PROFAGENT_AGENT_RESIDENT_H
#define PROFAGENT_AGENT_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>

/* Finds them in the loader's list. Constructor only: nobody loads meanwhile. */
void resident_init(void);

/*
 * True if the object with this load bias (address - p_vaddr) is one of them.
 * False at worst: then its tables are read with care. Any context.
 */
bool resident_has(uint64_t bias);

#endif
