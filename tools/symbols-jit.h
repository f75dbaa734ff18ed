/* SPDX-License-Identifier: MIT */
/*
 * symbols-jit: names for locations that no object has, from what the
 * program's JIT compilers wrote for profilers.
 */
#ifndef PROFAGENT_TOOLS_SYMBOLS_JIT_H
#define PROFAGENT_TOOLS_SYMBOLS_JIT_H

#include "tools/process-root.h"
#include "tools/profile-functions.h"

/*
 * Names locations that still have no lines. For each process: a jitdump file
 * that it has mapped (that is how its writers announce it), and
 * /tmp/perf-PID.map; below `sysroot` if that is not NULL, else where `roots`
 * has the process. What could not be used adds a sentence to `notes`; a missing
 * map does not.
 */
void symbols_jit_resolve(Profile *p, ProfileFunctions *functions,
			 const char *sysroot, ProcessRoots *roots,
			 GPtrArray *notes);

#endif
