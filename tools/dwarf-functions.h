/* SPDX-License-Identifier: MIT */
/*
 * dwarf-functions: the function, and the functions inlined there, of many
 * addresses of one compile unit.
 */
#ifndef PROFAGENT_TOOLS_DWARF_FUNCTIONS_H
#define PROFAGENT_TOOLS_DWARF_FUNCTIONS_H

#include "tools/dwarf-units.h"
#include "tools/symbol-names.h"

typedef struct _DwarfScope DwarfScope;

/* A function, or one inlined into `parent` by a call at the place given. */
struct _DwarfScope {
	const DwarfScope *parent;	/* NULL: not inlined */
	const DwarfScope *root;		/* the function it is all inlined into */
	SymbolFunction function;	/* file: where it is declared */
	SymbolText call_file;
	gint32 call_line;
};

typedef struct {
	guint64 address;		/* as DWARF counts */
	const char *symbol;		/* linkage name there, or NULL */
	const DwarfScope *scope;	/* innermost; NULL: in no function */
	gboolean expected;		/* a function is expected to be there */
} DwarfTarget;

typedef struct _DwarfFunctions DwarfFunctions;

/* Texts go into `names`. Scopes live as long as the object. */
DwarfFunctions *dwarf_functions_new(SymbolNames *names);
void dwarf_functions_free(DwarfFunctions *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DwarfFunctions, dwarf_functions_free)

/*
 * Fills the scopes of `count` targets of `unit`, which are sorted by address.
 * Looks as deep into the unit as it takes to find those that are expected.
 */
void dwarf_functions_scan(DwarfFunctions *f, const DwarfUnit *unit,
			  DwarfTarget *targets, gsize count);

/*
 * The text of a file name that elfutils owns, made absolute by the directory
 * that `unit`, the first entry of a unit, was compiled in.
 */
SymbolText dwarf_functions_file(DwarfFunctions *f, Dwarf_Die *unit,
				const char *file);

#endif
