/* SPDX-License-Identifier: MIT */
/*
 * symbol-names: what is known about the addresses of one object.
 *
 * The result of symbol tables and DWARF, and what the cache stores: for each
 * address, which is an offset in the file, its functions innermost inline
 * first.
 */
#ifndef PROFAGENT_TOOLS_SYMBOL_NAMES_H
#define PROFAGENT_TOOLS_SYMBOL_NAMES_H

#include "tools/seqtable.h"

/* Where in SymbolNames.text a NUL-terminated string begins; 0 is "". */
typedef guint32 SymbolText;

typedef struct {
	SymbolText name;		/* for people; short, if it was mangled */
	SymbolText system_name;		/* linkage name, or "" */
	SymbolText file;		/* source file, or "" */
	gint32 start_line;		/* 0: unknown */
} SymbolFunction;

typedef struct {
	guint32 function;		/* index in functions */
	gint32 line;			/* 0: unknown */
} SymbolLine;

typedef struct {
	guint64 offset;			/* in the object's file */
	guint32 first_line;		/* in lines, innermost first */
	guint32 line_count;		/* 0: looked up, and it has no name */
	guint64 start;			/* without a name: where its function
					 * begins; SYMBOL_NO_START: unknown */
} SymbolAddress;

#define SYMBOL_NO_START G_MAXUINT64

typedef struct {
	GArray *text;			/* char */
	GArray *functions;		/* SymbolFunction */
	GArray *lines;			/* SymbolLine */
	GArray *addresses;		/* SymbolAddress, see _sort */

	/* private */
	Seqtable text_index, function_index;
	GHashTable *demangled;		/* linkage name: name, as texts */
} SymbolNames;

SymbolNames *symbol_names_new(void);
void symbol_names_free(SymbolNames *n);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SymbolNames, symbol_names_free)

/* Makes arrays that were filled from outside (the cache, a merge) ready for
 * additions. */
void symbol_names_index(SymbolNames *n);

/* Interns; NULL counts as "". */
SymbolText symbol_names_add_text(SymbolNames *n, const char *s);

/* The short form of the linkage name `system_name`, 0 if it is none. */
SymbolText symbol_names_demangle(SymbolNames *n, SymbolText system_name);
const char *symbol_names_text(const SymbolNames *n, SymbolText t);

/* Interns. */
guint32 symbol_names_add_function(SymbolNames *n, const SymbolFunction *f);

/* Starts the lines of one more address; symbol_names_add_line adds to it. */
void symbol_names_add_address(SymbolNames *n, guint64 offset);
void symbol_names_add_line(SymbolNames *n, guint32 function, gint32 line);

/*
 * Adds all that `from` has, as it lies; its addresses are not in `n`. What both
 * have is there twice then, and found when symbol_names_index was called.
 */
void symbol_names_merge(SymbolNames *n, const SymbolNames *from);

/* Orders the addresses; needed after adding, before symbol_names_find. */
void symbol_names_sort(SymbolNames *n);

/* NULL: this address was not looked up. Valid until the next addition; the
 * start of its function may be set. */
SymbolAddress *symbol_names_find(const SymbolNames *n, guint64 offset);

/* Gives an address of `n` that has no lines this one. */
void symbol_names_name_address(SymbolNames *n, SymbolAddress *a,
			       guint32 function);

#endif
