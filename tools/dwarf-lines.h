/* SPDX-License-Identifier: MIT */
/*
 * dwarf-lines: functions, inlined functions and lines of many addresses of one
 * object at once.
 *
 * Each compile unit that holds a wanted address is read once: its line table,
 * and of its tree of entries only the functions that are wanted.
 */
#ifndef PROFAGENT_TOOLS_DWARF_LINES_H
#define PROFAGENT_TOOLS_DWARF_LINES_H

#include "tools/elf-file.h"
#include "tools/elf-symbols.h"
#include "tools/symbol-names.h"

typedef struct {
	guint64 offset;			/* in the file: the key in SymbolNames */
	guint64 address;		/* the object's own virtual address */
} DwarfLinesWanted;

/* Called now and then by the caller's thread, with the number of addresses
 * that are done. */
typedef void (*DwarfLinesProgress)(void *data, gsize done);

/*
 * Adds every address of `wanted` to `names`, with the lines that are known;
 * names that DWARF lacks come from `symbols`. Sorts `wanted` by address. An
 * object without DWARF is named from `symbols` alone. Damaged DWARF costs
 * names, nothing else. Returns how many units have their functions and inlined
 * calls in another file (split DWARF) that was not found.
 */
guint dwarf_lines_resolve(ElfFile *f, const ElfSymbols *symbols,
			  GArray *wanted, SymbolNames *names,
			  DwarfLinesProgress progress, void *data);

#endif
