/* SPDX-License-Identifier: MIT */
/*
 * elf-debug: the separate file with the debug information of an object.
 *
 * Looked for in --symbols directories, below the system's and the process's
 * root, beside the object and where distributions put such files: by build id,
 * by .gnu_debuglink, by name. libdwfl's own search would open whatever has the
 * right name; it is asked only for what it alone finds: supplements, by their
 * build id, and what servers have.
 */
#ifndef PROFAGENT_TOOLS_ELF_DEBUG_H
#define PROFAGENT_TOOLS_ELF_DEBUG_H

#include <gelf.h>

#include "tools/elf-file.h"

#define ELF_DEBUG_ROOT "/usr/lib/debug"

/* The object; all is its owner's. */
typedef struct {
	const ElfFileSearch *search;
	const char *path;		/* of the file opened */
	const char *recorded;		/* as the profile has it */
	const char *build_id;		/* NULL: it has none */
	Elf *elf;
} ElfDebug;

/*
 * A descriptor of the debug file, which is the caller's; *found is its path,
 * free() it. `link`, `crc`: its .gnu_debuglink, NULL and 0 without. -1: there is
 * none.
 */
int elf_debug_find(const ElfDebug *d, const char *link, GElf_Word crc,
		   char **found);

/* Whether libdwfl may go on looking, and could find something. */
gboolean elf_debug_may_ask(const ElfDebug *d, const char *link, GElf_Word crc);

/* Adds DIR/.build-id/xx/yy.debug and DIR/xx/yy.debug, with another suffix or
 * none. `id` NULL adds nothing. */
void elf_debug_add_id(GPtrArray *paths, const char *dir, const char *id,
		      const char *suffix);

gboolean elf_debug_has_section(Elf *elf, const char *name);

#endif
