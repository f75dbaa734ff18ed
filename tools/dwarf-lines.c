/* SPDX-License-Identifier: MIT */
/*
 * Addresses are grouped by unit; a unit's line table and functions then answer
 * all of its addresses in one go.
 */
#include "tools/dwarf-lines.h"

#include <string.h>

#include "tools/demangle.h"
#include "tools/dwarf-functions.h"
#include "tools/dwarf-units.h"

/* An index of `wanted` with the unit it falls into. */
struct place {
	guint32 unit, wanted;
};

struct job {
	const ElfSymbols *symbols;
	const GArray *wanted;
	SymbolNames *names;
	guint64 bias;			/* ours - DWARF's */
	DwarfUnits *units;		/* NULL: no DWARF */
	DwarfFunctions *functions;
	GArray *places;			/* struct place, by unit and address */
	GArray *targets;		/* DwarfTarget, of one unit */
};

static gint wanted_compare(gconstpointer a, gconstpointer b)
{
	const DwarfLinesWanted *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static gint place_compare(gconstpointer a, gconstpointer b)
{
	const struct place *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->wanted > y->wanted) - (x->wanted < y->wanted);
}

/* A linkage name without what the compiler appends to parts: ".cold". */
static SymbolText linkage_add(SymbolNames *names, const char *symbol)
{
	g_autofree char *stem = g_strndup(symbol, strcspn(symbol, "."));

	return symbol_names_add_text(names, stem);
}

/*
 * DWARF has no linkage name for what is static or in an anonymous namespace;
 * the symbol there tells which class or namespace it is in.
 */
static void function_qualify(struct job *j, SymbolFunction *f,
			     const char *symbol)
{
	if (f->system_name)
		return;
	if (symbol && demangle_is_mangled(symbol))
		f->system_name = linkage_add(j->names, symbol);
	else if (symbol && !f->name)
		f->system_name = symbol_names_add_text(j->names, symbol);
}

static void scope_emit(struct job *j, const DwarfTarget *t, SymbolText file,
		       gint32 line)
{
	for (const DwarfScope *scope = t->scope; scope; scope = scope->parent) {
		SymbolFunction f = scope->function;

		if (!scope->parent)
			function_qualify(j, &f, t->symbol);
		if (file && file != f.file) {
			/* Included code: the start is in another file. */
			f.start_line = 0;
			f.file = file;
		}
		symbol_names_add_line(j->names,
			symbol_names_add_function(j->names, &f), line);
		file = scope->call_file;
		line = scope->call_line;
	}
}

static void symbol_emit(struct job *j, const char *symbol, SymbolText file,
			gint32 line)
{
	SymbolFunction f = { 0 };

	if (!symbol)
		return;
	f.system_name = symbol_names_add_text(j->names, symbol);
	f.file = file;
	symbol_names_add_line(j->names,
			      symbol_names_add_function(j->names, &f), line);
}

static void target_emit(struct job *j, DwarfUnit *unit,
			const DwarfLinesWanted *w, const DwarfTarget *t)
{
	Dwarf_Line *row = dwarf_getsrc_die(&unit->die, t->address);
	SymbolText file = 0;
	int line = 0;

	if (row) {
		file = dwarf_functions_file(j->functions, &unit->die,
					    dwarf_linesrc(row, NULL, NULL));
		if (dwarf_lineno(row, &line) != 0)
			line = 0;
	}
	symbol_names_add_address(j->names, w->offset);
	if (t->scope)
		scope_emit(j, t, file, line);
	else
		symbol_emit(j, t->symbol, file, line);
}

static const DwarfLinesWanted *place_wanted(const struct job *j, gsize i)
{
	return &g_array_index(j->wanted, DwarfLinesWanted,
		g_array_index(j->places, struct place, i).wanted);
}

/* What compilers make up to adjust `this` or a result is not in DWARF. */
static gboolean symbol_is_thunk(const char *symbol)
{
	return g_str_has_prefix(symbol, "_ZTh") ||
	       g_str_has_prefix(symbol, "_ZTv") ||
	       g_str_has_prefix(symbol, "_ZTc");
}

/* Where symbols are known, a place without one is padding. */
static void target_init(const struct job *j, DwarfTarget *t,
			const DwarfLinesWanted *w)
{
	t->address = w->address - j->bias;
	t->scope = NULL;
	t->symbol = elf_symbols_find(j->symbols, w->address);
	t->expected = t->symbol ? !symbol_is_thunk(t->symbol) :
				  elf_symbols_is_empty(j->symbols);
}

/* The places [first, end) are of one unit. */
static void unit_resolve(struct job *j, guint32 index, gsize first, gsize end)
{
	DwarfUnit *unit = &g_array_index(j->units->units, DwarfUnit, index);
	DwarfTarget *targets;

	g_array_set_size(j->targets, end - first);
	targets = (DwarfTarget *)(void *)j->targets->data;
	for (gsize i = first; i < end; i++)
		target_init(j, &targets[i - first], place_wanted(j, i));
	dwarf_functions_scan(j->functions, unit, targets, end - first);
	for (gsize i = first; i < end; i++)
		target_emit(j, unit, place_wanted(j, i), &targets[i - first]);
}

static void unitless_resolve(struct job *j, gsize first, gsize end)
{
	for (gsize i = first; i < end; i++) {
		const DwarfLinesWanted *w = place_wanted(j, i);

		symbol_names_add_address(j->names, w->offset);
		symbol_emit(j, elf_symbols_find(j->symbols, w->address), 0, 0);
	}
}

static void places_fill(struct job *j)
{
	for (guint i = 0; i < j->wanted->len; i++) {
		const DwarfLinesWanted *w = &g_array_index(j->wanted,
						DwarfLinesWanted, i);
		struct place p = { DWARF_UNITS_NONE, i };

		if (j->units)
			p.unit = dwarf_units_find(j->units,
						  w->address - j->bias);
		g_array_append_val(j->places, p);
	}
	g_array_sort(j->places, place_compare);
}

static void job_run(struct job *j, DwarfLinesProgress progress, void *data)
{
	gsize first = 0;

	while (first < j->places->len) {
		guint32 unit = g_array_index(j->places, struct place,
					     first).unit;
		gsize end = first + 1;

		while (end < j->places->len &&
		       g_array_index(j->places, struct place, end).unit == unit)
			end++;
		if (unit == DWARF_UNITS_NONE)
			unitless_resolve(j, first, end);
		else
			unit_resolve(j, unit, first, end);
		if (progress)
			progress(data, end);
		first = end;
	}
}

void dwarf_lines_resolve(const ElfFile *f, const ElfSymbols *symbols,
			 GArray *wanted, SymbolNames *names,
			 DwarfLinesProgress progress, void *data)
{
	struct job j = { 0 };
	Dwarf *dwarf = elf_file_dwarf(f, &j.bias);

	g_array_sort(wanted, wanted_compare);
	j.symbols = symbols;
	j.wanted = wanted;
	j.names = names;
	j.functions = dwarf_functions_new(names);
	j.units = dwarf ? dwarf_units_new(dwarf) : NULL;
	j.places = g_array_new(FALSE, FALSE, sizeof(struct place));
	j.targets = g_array_new(FALSE, FALSE, sizeof(DwarfTarget));
	places_fill(&j);
	job_run(&j, progress, data);
	g_array_free(j.places, TRUE);
	g_array_free(j.targets, TRUE);
	dwarf_functions_free(j.functions);
	dwarf_units_free(j.units);
	symbol_names_sort(names);
}
