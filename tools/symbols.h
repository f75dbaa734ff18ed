/* SPDX-License-Identifier: MIT */
/*
 * symbols: gives every location of a Profile its functions and lines.
 *
 * elfutils reads .symtab, .dynsym, .gnu_debugdata, separate debug files (by
 * build id, by .gnu_debuglink, from debuginfod when DEBUGINFOD_URLS is set) and
 * DWARF; libiberty demangles. Go programs without either have Go's own table.
 * Inlined functions become lines of their own.
 * Names are never guessed: an address outside every symbol stays
 * module+0xoffset, and a binary whose build id differs from the recorded one
 * is not used at all.
 */
#ifndef PROFAGENT_TOOLS_SYMBOLS_H
#define PROFAGENT_TOOLS_SYMBOLS_H

#include "tools/profile.h"

typedef struct _Symbols Symbols;

typedef struct {
	const char *sysroot;		/* prefix of every path, or NULL */
	char **symbol_dirs;		/* searched by build id and name, or NULL */
	gboolean no_inlines;
	gboolean no_cache;		/* do not use $XDG_CACHE_HOME/profagent */
	gboolean quiet;			/* no progress on stderr */
	gboolean full_names;		/* C++/Rust with argument types */
	gboolean no_system_names;	/* linkage names are not needed */
} SymbolsOptions;

Symbols *symbols_new(const SymbolsOptions *options); /* NULL: defaults */
void symbols_free(Symbols *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Symbols, symbols_free)

/*
 * Fills first_line/line_count of all locations not yet tried. Never fails: what
 * cannot be named stays unnamed, and symbols_notes() says why, a sentence per
 * module ("libfoo.so: build id differs from the file on disk").
 */
void symbols_resolve(Symbols *s, Profile *p);

/* char *, owned by `s`. */
GPtrArray *symbols_notes(Symbols *s);

/*
 * Demangles a C++ or Rust (legacy and v0) linkage name; g_free() it. A name
 * that is none is returned as it is. Short form: no arguments, no hash, no long
 * template arguments (tools/short-name.h).
 */
char *symbols_demangle(const char *name, gboolean full);

/* What a location is called without symbols: "libfoo.so+0x1234", "0x1234";
 * g_free() it. */
char *symbols_unknown_name(const Profile *p, const ProfileLocation *l);

/*
 * What its function is called: the same with the function's first address, if
 * unwind tables told it; all places of one function have one name then.
 */
char *symbols_unknown_function(const Profile *p, const ProfileLocation *l);

#endif
