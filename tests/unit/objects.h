/* SPDX-License-Identifier: MIT */
/*
 * objects: programs that tests of the symbol reader build when they run.
 *
 * Sources put labels where a test wants to look; a label is a nop whose
 * function, inlining and line are known from the source text itself.
 */
#ifndef PROFAGENT_TESTS_UNIT_OBJECTS_H
#define PROFAGENT_TESTS_UNIT_OBJECTS_H

#include "tools/elf-file.h"
#include "tools/profile.h"
#include "tools/symbols.h"

/* A new directory with cart.cc, plain.c and trade.rs in it; g_free() it. */
char *objects_directory(void);
void objects_remove(const char *directory);

/* Runs a shell command in `directory`; FALSE if it fails. */
G_GNUC_PRINTF(2, 3)
gboolean objects_run(const char *directory, const char *format, ...);

/* Whether a program is on the PATH. */
gboolean objects_have(const char *program);

/* The offset in `file` of the byte that its symbol `label` is at; fails the
 * test if it has no such symbol. */
guint64 objects_offset(const char *directory, const char *file,
		       const char *label);

/* That file, found without debug files elsewhere; fails the test if it cannot
 * be opened. */
ElfFile *objects_open(const char *directory, const char *file);

/* Where `label` of the file "full" is in `f`, another form of that object. */
guint64 objects_address(const char *directory, const ElfFile *f,
			const char *label);

/* Lower-case hex, g_free() it; NULL: it has none. */
char *objects_build_id(const char *directory, const char *file);

/*
 * A profile with one location, at `offset` of the file at `path` as it would
 * be mapped, and its names by `options`. `notes` may be NULL.
 */
Profile *objects_resolve(const char *path, const char *build_id,
			 guint64 offset, const SymbolsOptions *options,
			 char **notes);

/* "inner file.c:3 < outer file.c:9": all lines of location 0; g_free() it. */
char *objects_describe(const Profile *p);

#endif
