/* SPDX-License-Identifier: MIT */
/*
 * load: the files named on a command line, merged into one Profile with names.
 */
#ifndef PROFAGENT_TOOLS_LOAD_H
#define PROFAGENT_TOOLS_LOAD_H

#include <gio/gio.h>

#include "tools/pprof-read.h"
#include "tools/profile.h"
#include "tools/symbols.h"

/* Zeroed to begin with; filled by GOption, freed by load_release(). */
typedef struct {
	char **files;
	char *sysroot, **symbol_dirs;
	gboolean no_inlines, full_names, no_symbols, no_region;
	gboolean moments;		/* not an option: times are needed */
	gboolean rows;			/* nor this: PPROF_READ_SIEVE_LATE */
	gboolean no_system_names;	/* nor this: linkage names are not */
	Symbols *symbols;		/* private */
	GPtrArray *notes;		/* char *: what could not be named, why */
	guint failed;			/* files that could not be read */
	guint empty;			/* files without a byte of content */
} Load;

/*
 * The options that say where names come from, and the files themselves; what
 * they are called is for the context to say.
 */
void load_add_options(Load *l, GOptionContext *context);

/*
 * Whether every FILE@FROM..TO of `files`, which may be NULL, names a range. A
 * mistake of the command line, so it is looked for before anything is read.
 */
gboolean load_check_files(char *const *files, GError **error);

/*
 * Reads them all, of FILE@FROM..TO that range (tools/profile-cut.h). A file
 * that cannot be read is said so on stderr in the name of command `name` and
 * counted in `failed`; the others are shown. NULL if none could be read.
 */
Profile *load_profile(Load *l, const char *name);

/* Where no health line has a place, what was left out is still said: on stderr
 * in the name of command `name`. */
void load_say_skipped(const Profile *p, const char *name);

void load_release(Load *l);

/* Other files under the same options, whose texts stay those of `l`; and its
 * end, the files excepted. */
Load load_again(const Load *l, char **files);
void load_release_again(Load *l);

#endif
