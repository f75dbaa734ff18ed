/* SPDX-License-Identifier: MIT */
/*
 * elf-plt: names for the stubs of the procedure linkage table, which have no
 * symbols: "puts@plt". A stub is named by the relocation of the very slot that
 * its jump reads; a stub that does not look as expected gets no name. x86-64.
 */
#ifndef PROFAGENT_TOOLS_ELF_PLT_H
#define PROFAGENT_TOOLS_ELF_PLT_H

#include <glib.h>
#include <libelf.h>

typedef void (*ElfPltFunc)(void *data, guint64 start, guint64 end,
			   const char *name);

/* Calls `add` for each stub; names are put into `names`. */
void elf_plt_read(Elf *elf, GStringChunk *names, ElfPltFunc add, void *data);

#endif
