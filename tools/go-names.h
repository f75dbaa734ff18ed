/* SPDX-License-Identifier: MIT */
/*
 * go-names: functions, inlined functions and lines of a Go program, from the
 * table that Go's linker writes for Go's own tracebacks (runtime/symtab.go,
 * "pclntab"): it stays in a program that is stripped of all else.
 *
 * Read are the tables of Go 1.18 and later, little-endian, 64 bit. Nothing in
 * them is trusted.
 */
#ifndef PROFAGENT_TOOLS_GO_NAMES_H
#define PROFAGENT_TOOLS_GO_NAMES_H

#include <libelf.h>

#include "tools/symbol-names.h"

typedef struct _GoNames GoNames;

/* NULL: no such table in it. `elf` must outlive it. */
GoNames *go_names_new(Elf *elf);
void go_names_free(GoNames *g);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GoNames, go_names_free)

/*
 * Adds what is known of `address`, the object's own, under its `offset` in the
 * file. FALSE, and nothing added, if it is in no function of Go's.
 */
gboolean go_names_add(GoNames *g, guint64 address, guint64 offset,
		      SymbolNames *to);

#endif
