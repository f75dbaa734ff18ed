/* SPDX-License-Identifier: MIT */
/*
 * demangle: linkage names of C++ and Rust (legacy and v0) as people write them.
 *
 * symbols_demangle() is declared in tools/symbols.h; this header has what the
 * resolver needs besides.
 */
#ifndef PROFAGENT_TOOLS_DEMANGLE_H
#define PROFAGENT_TOOLS_DEMANGLE_H

#include <glib.h>

/* Whether `name` starts like a linkage name that can be demangled. */
gboolean demangle_is_mangled(const char *name);

/*
 * As symbols_demangle(), but NULL when `name` is no linkage name or cannot be
 * read. g_free() it. Any bytes are safe; a name whose readable form would be
 * longer than 256 KiB is not demangled. Not safe in several threads at once
 * only in so far as libiberty is not; it keeps no state.
 */
char *demangle_name(const char *name, gboolean full);

#endif
