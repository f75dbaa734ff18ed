/* SPDX-License-Identifier: MIT */
/*
 * symbol-cache: results kept from one run to the next, by build id, in
 * $XDG_CACHE_HOME/profagent/symbols.
 *
 * One file an object: version, checksum, a stamp of what the names were made
 * from, and the names. Files are replaced as a whole; one that is damaged, of
 * another version or another stamp is as good as none. The oldest files go
 * when all together are larger than 256 MiB.
 */
#ifndef PROFAGENT_TOOLS_SYMBOL_CACHE_H
#define PROFAGENT_TOOLS_SYMBOL_CACHE_H

#include "tools/symbol-names.h"

/*
 * NULL: there is nothing (usable) for `build_id`, which is lower-case hex.
 * `stamp` NULL takes what is there, whatever it was made from.
 */
SymbolNames *symbol_cache_load(const char *build_id, const char *stamp);

/* Failing, say for want of space, costs the next run time and nothing else. */
void symbol_cache_store(const char *build_id, const char *stamp,
			const SymbolNames *names);

/* The same on bytes, for tests; NULL: damaged. */
SymbolNames *symbol_cache_decode(const guint8 *data, gsize size,
				 const char *stamp);
GByteArray *symbol_cache_encode(const char *stamp, const SymbolNames *names);

#endif
