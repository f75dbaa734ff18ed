/* SPDX-License-Identifier: MIT */
/*
 * dwarf-units: which compile unit an address belongs to.
 *
 * Made from the ranges that the units themselves state (clang writes no
 * .debug_aranges), and from .debug_aranges for units that state none.
 */
#ifndef PROFAGENT_TOOLS_DWARF_UNITS_H
#define PROFAGENT_TOOLS_DWARF_UNITS_H

#include <elfutils/libdw.h>
#include <glib.h>

#define DWARF_UNITS_NONE G_MAXUINT32

typedef struct {
	Dwarf_Die die;			/* line table, ranges */
	Dwarf_Die tree;			/* its functions: the same, or in a .dwo */
	gboolean incomplete;		/* in a .dwo that was not found */
} DwarfUnit;

typedef struct {
	GArray *units;			/* DwarfUnit */
	GArray *ranges;			/* private */
} DwarfUnits;

/* `dwarf` must outlive it. Never NULL. */
DwarfUnits *dwarf_units_new(Dwarf *dwarf);
void dwarf_units_free(DwarfUnits *u);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DwarfUnits, dwarf_units_free)

/* Index in units, or DWARF_UNITS_NONE. */
guint32 dwarf_units_find(const DwarfUnits *u, guint64 address);

#endif
