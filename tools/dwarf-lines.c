/* SPDX-License-Identifier: MIT */
/*
 * Addresses are grouped by unit; a unit's line table and functions then answer
 * all of its addresses in one go. Units are independent of each other, so
 * threads share them out among themselves.
 */
#include "tools/dwarf-lines.h"

#include <string.h>

#include "tools/demangle.h"
#include "tools/dwarf-functions.h"
#include "tools/dwarf-units.h"

/* Fewer addresses than this are not worth another thread. */
#define ALONE_MAX 4000

/* Each thread has the object open for itself; more gain little. */
#define WORKERS_MAX 4

/* An index of `wanted` with the unit it falls into. */
struct place {
	guint32 unit, wanted;
};

/* The places [first, end), all of one unit. */
struct group {
	gsize first, end;
	guint32 unit;
};

/*
 * What all workers share. Read-only while they run, but for `next`: the first
 * group that nobody has taken, `done`, for the progress bar, and `incomplete`;
 * they are counters that order nothing else.
 */
struct crew {
	const ElfSymbols *symbols;
	const GArray *wanted;		/* DwarfLinesWanted, by address */
	GArray *places;			/* struct place, by unit and address */
	GArray *groups;			/* struct group */
	gint next, done;
	gint incomplete;		/* units */
	DwarfLinesProgress progress;	/* called by the first worker only */
	void *data;
};

/* One thread's own; elfutils' handles are not shared. */
struct job {
	struct crew *crew;
	ElfFile *file;			/* the first has the caller's */
	const ElfSymbols *symbols;
	SymbolNames *names;
	guint64 bias;			/* ours - DWARF's */
	DwarfUnits *units;		/* NULL: no DWARF */
	DwarfFunctions *functions;
	GArray *targets;		/* DwarfTarget, of one unit */
	gboolean helps;			/* runs in a thread of its own: */
	GThread *thread;
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
	const char *dot = strchr(symbol, '.');
	g_autofree char *stem = dot ? g_strndup(symbol, dot - symbol) : NULL;

	return symbol_names_add_text(names, stem ? stem : symbol);
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
	if (symbol && demangle_is_mangled(symbol)) {
		f->system_name = linkage_add(j->names, symbol);
		f->name = symbol_names_demangle(j->names, f->system_name);
	} else if (symbol && !f->name) {
		f->system_name = symbol_names_add_text(j->names, symbol);
	}
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
	f.name = symbol_names_demangle(j->names, f.system_name);
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

static const DwarfLinesWanted *place_wanted(const struct crew *c, gsize i)
{
	return &g_array_index(c->wanted, DwarfLinesWanted,
		g_array_index(c->places, struct place, i).wanted);
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

static void unit_resolve(struct job *j, const struct group *g)
{
	DwarfUnit *unit = &g_array_index(j->units->units, DwarfUnit, g->unit);
	gsize count = g->end - g->first;
	DwarfTarget *targets;

	g_array_set_size(j->targets, count);
	targets = (DwarfTarget *)(void *)j->targets->data;
	for (gsize i = 0; i < count; i++)
		target_init(j, &targets[i], place_wanted(j->crew,
							 g->first + i));
	if (unit->incomplete)
		g_atomic_int_inc(&j->crew->incomplete);
	dwarf_functions_scan(j->functions, unit, targets, count);
	for (gsize i = 0; i < count; i++)
		target_emit(j, unit, place_wanted(j->crew, g->first + i),
			    &targets[i]);
}

static void unitless_resolve(struct job *j, const struct group *g)
{
	for (gsize i = g->first; i < g->end; i++) {
		const DwarfLinesWanted *w = place_wanted(j->crew, i);

		symbol_names_add_address(j->names, w->offset);
		symbol_emit(j, elf_symbols_find(j->symbols, w->address), 0, 0);
	}
}

static gpointer job_run(gpointer data)
{
	struct job *j = data;
	struct crew *c = j->crew;
	guint taken;

	while ((taken = g_atomic_int_add(&c->next, 1)) < c->groups->len) {
		const struct group *g = &g_array_index(c->groups,
						struct group, taken);
		gint done;

		if (g->unit == DWARF_UNITS_NONE)
			unitless_resolve(j, g);
		else
			unit_resolve(j, g);
		done = g_atomic_int_add(&c->done, g->end - g->first);
		if (!j->helps && c->progress)
			c->progress(c->data, done + (g->end - g->first));
	}
	return NULL;
}

/* --- the crew ------------------------------------------------------------ */

static void job_init(struct job *j, struct crew *c, ElfFile *file,
		     SymbolNames *names)
{
	Dwarf *dwarf = elf_file_dwarf(file, &j->bias);

	j->crew = c;
	j->file = file;
	j->symbols = c->symbols;
	j->names = names;
	j->functions = dwarf_functions_new(names);
	j->units = dwarf ? dwarf_units_new(dwarf) : NULL;
	j->targets = g_array_new(FALSE, FALSE, sizeof(DwarfTarget));
}

static void job_release(struct job *j)
{
	g_array_free(j->targets, TRUE);
	dwarf_functions_free(j->functions);
	dwarf_units_free(j->units);
}

static void places_fill(struct crew *c, const struct job *j)
{
	for (guint i = 0; i < c->wanted->len; i++) {
		const DwarfLinesWanted *w = &g_array_index(c->wanted,
						DwarfLinesWanted, i);
		struct place p = { DWARF_UNITS_NONE, i };

		if (j->units)
			p.unit = dwarf_units_find(j->units,
						  w->address - j->bias);
		g_array_append_val(c->places, p);
	}
	g_array_sort(c->places, place_compare);
}

static void groups_fill(struct crew *c)
{
	for (gsize i = 0; i < c->places->len; i++) {
		guint32 unit = g_array_index(c->places, struct place, i).unit;
		struct group g = { i, i + 1, unit }, *last = NULL;

		if (c->groups->len > 0)
			last = &g_array_index(c->groups, struct group,
					      c->groups->len - 1);
		if (last && last->unit == unit)
			last->end = i + 1;
		else
			g_array_append_val(c->groups, g);
	}
}

/*
 * Another thread, if the object can be opened again and looks the same; it is
 * opened here, as finding files is not for several threads at once.
 */
static gboolean helper_start(struct job *j, struct crew *c, const ElfFile *f,
			     const struct job *first)
{
	ElfFile *file = elf_file_reopen(f);

	if (!file)
		return FALSE;
	job_init(j, c, file, symbol_names_new());
	if (j->units && j->units->units->len == first->units->units->len) {
		j->helps = TRUE;
		j->thread = g_thread_new("names", job_run, j);
		return TRUE;
	}
	job_release(j);
	symbol_names_free(j->names);
	elf_file_free(file);
	return FALSE;
}

static void helper_finish(struct job *j, SymbolNames *names)
{
	g_thread_join(j->thread);
	symbol_names_merge(names, j->names);
	job_release(j);
	symbol_names_free(j->names);
	elf_file_free(j->file);
}

static guint helpers_wanted(const struct crew *c, const struct job *first)
{
	guint workers = MIN(g_get_num_processors(), WORKERS_MAX);

	if (!first->units || c->wanted->len <= ALONE_MAX)
		return 0;
	return MIN(workers, c->groups->len) - 1;
}

static void crew_run(struct crew *c, ElfFile *f, SymbolNames *names)
{
	struct job first = { 0 }, helpers[WORKERS_MAX] = { 0 };
	guint wanted, started = 0;

	job_init(&first, c, f, names);
	places_fill(c, &first);
	groups_fill(c);
	wanted = helpers_wanted(c, &first);
	while (started < wanted &&
	       helper_start(&helpers[started], c, f, &first))
		started++;
	job_run(&first);
	for (guint i = 0; i < started; i++)
		helper_finish(&helpers[i], names);
	if (c->progress)
		c->progress(c->data, c->wanted->len);
	job_release(&first);
}

guint dwarf_lines_resolve(ElfFile *f, const ElfSymbols *symbols,
			  GArray *wanted, SymbolNames *names,
			  DwarfLinesProgress progress, void *data)
{
	struct crew c = { .symbols = symbols, .wanted = wanted,
			  .progress = progress, .data = data };

	g_array_sort(wanted, wanted_compare);
	c.places = g_array_new(FALSE, FALSE, sizeof(struct place));
	c.groups = g_array_new(FALSE, FALSE, sizeof(struct group));
	crew_run(&c, f, names);
	g_array_free(c.places, TRUE);
	g_array_free(c.groups, TRUE);
	symbol_names_sort(names);
	return c.incomplete;
}
