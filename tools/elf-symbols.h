/* SPDX-License-Identifier: MIT */
/*
 * elf-symbols: the functions that an object's symbol tables name.
 *
 * .symtab of the object or its debug file, .gnu_debugdata, .dynsym, and on
 * x86-64 the entries of the procedure linkage table ("puts@plt"). An address
 * belongs to a symbol only if the symbol's size covers it; one without a size
 * (assembly) reaches to the next symbol of its section, never beyond.
 */
#ifndef PROFAGENT_TOOLS_ELF_SYMBOLS_H
#define PROFAGENT_TOOLS_ELF_SYMBOLS_H

#include "tools/elf-file.h"

typedef struct _ElfSymbols ElfSymbols;

/* Reads and sorts once. `f` must outlive it. Never NULL. */
ElfSymbols *elf_symbols_new(const ElfFile *f);
void elf_symbols_free(ElfSymbols *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ElfSymbols, elf_symbols_free)

/* The linkage name, owned by `s`, or NULL: no symbol covers `address`. */
const char *elf_symbols_find(const ElfSymbols *s, guint64 address);

/* Of the same symbol: its bytes are [*start, *end). FALSE: there is none. */
gboolean elf_symbols_range(const ElfSymbols *s, guint64 address,
			   guint64 *start, guint64 *end);

/* Whether the object is stripped of all names. */
gboolean elf_symbols_is_empty(const ElfSymbols *s);

#endif
