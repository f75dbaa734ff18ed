/* SPDX-License-Identifier: MIT */
/*
 * dwarf-qualify: the namespaces and classes around a function.
 *
 * A function without a linkage name (static, in an anonymous namespace, a
 * lambda's) is just "operator()" to DWARF; where its entry lies says the rest.
 */
#ifndef PROFAGENT_TOOLS_DWARF_QUALIFY_H
#define PROFAGENT_TOOLS_DWARF_QUALIFY_H

#include <elfutils/libdw.h>
#include <glib.h>

typedef struct _DwarfQualify DwarfQualify;

DwarfQualify *dwarf_qualify_new(void);
void dwarf_qualify_free(DwarfQualify *q);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DwarfQualify, dwarf_qualify_free)

/*
 * "shop::(anonymous namespace)::Cart::add" for the function `die`; g_free() it.
 * NULL: it has no name, or its language has no scopes to name.
 */
char *dwarf_qualify_name(DwarfQualify *q, Dwarf_Die *die);

/* Frees what was kept of the units seen so far. */
void dwarf_qualify_forget(DwarfQualify *q);

#endif
