/* SPDX-License-Identifier: MIT */
/*
 * code-parts: where the code of a function lies.
 *
 * A compiler may put what is seldom run far from the rest (foo.cold): such a
 * function lies in several parts. Debug information has all of them; without, a
 * symbol has one, and where there is none an entry of the unwind tables.
 */
#ifndef PROFAGENT_TOOLS_CODE_PARTS_H
#define PROFAGENT_TOOLS_CODE_PARTS_H

#include "tools/elf-file.h"

/* As many of a function are found at most. */
#define CODE_PARTS_MAX 64
#define CODE_PARTS_NONE G_MAXUINT

typedef struct {
	guint64 start, end;		/* as elf_file_address() counts */
} CodePart;

typedef struct _CodeParts CodeParts;

/* `f` must outlive it. Never NULL. */
CodeParts *code_parts_new(const ElfFile *f);
void code_parts_free(CodeParts *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CodeParts, code_parts_free)

/*
 * Appends to `parts` (CodePart) those of the function that has code at
 * `address`, the one with its beginning first as far as that is known. FALSE:
 * nothing is known of that address, or there are too many.
 */
gboolean code_parts_add(CodeParts *c, guint64 address, GArray *parts);

/* The part that holds `address`, index in `parts`; CODE_PARTS_NONE: none. */
guint code_parts_find(const GArray *parts, guint64 address);

/* The symbol there, "foo.cold"; NULL: none. Owned by `c`. */
const char *code_parts_symbol(const CodeParts *c, guint64 address);

#endif
