/* SPDX-License-Identifier: MIT */
/*
 * Reading a tree is what all of this costs, so it is scanned as far as needed:
 * first the unit's own children, where gcc puts its functions; if a target is
 * left without one, namespaces, where clang and rustc do; at last everything.
 * Inside a wanted function, blocks and inlined calls are followed only where
 * their ranges hold a target.
 *
 * The tree comes from a file, so it may be damaged: a sibling must lie behind
 * the entry that names it, and depth is bounded. Any number of entries may share
 * one list of ranges, and all of them hold all targets: the steps taken are
 * counted, and behind the last of them there are no functions.
 */
#include "tools/dwarf-functions.h"

#include <dwarf.h>

#include "tools/dwarf-qualify.h"
#include "tools/short-name.h"

/*
 * Inlining chains of 100 exist; blocks in blocks come on top. elfutils walks all
 * below an entry to find the next beside it, once for each level.
 */
#define BODY_DEPTH_MAX 512
#define TREE_DEPTH_MAX 128

/* Ranges and targets looked at: some seconds. 20 000 units of 1000 functions
 * need a quarter of it. */
#define STEPS_MAX 100000000

#define SCOPES_A_BLOCK 1024

struct _DwarfFunctions {
	SymbolNames *names;
	GPtrArray *scopes;		/* blocks of SCOPES_A_BLOCK, owned */
	guint scopes_used;		/* of the last block */
	GHashTable *origins;		/* entry's address: SymbolFunction * */
	GHashTable *files;		/* const char *: SymbolText */
	DwarfQualify *qualify;
	gint64 steps;			/* left */
};

/* What lies below the unit's own entry is looked into for functions. */
enum reach {
	REACH_UNIT,			/* nothing */
	REACH_NAMESPACES,
	REACH_ALL,			/* classes and functions as well */
};

struct scan {
	DwarfFunctions *functions;
	DwarfTarget *targets;
	gsize count;
	gsize open;			/* expected targets without a scope */
	Dwarf_Die *unit;
	Dwarf_Files *files;		/* of the unit, for call sites */
	gsize file_count;
	enum reach reach;
};

/* Targets [first, end). */
struct slice {
	gsize first, end;
};

DwarfFunctions *dwarf_functions_new(SymbolNames *names)
{
	DwarfFunctions *f = g_new0(DwarfFunctions, 1);

	f->names = names;
	f->scopes = g_ptr_array_new_with_free_func(g_free);
	f->origins = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	f->files = g_hash_table_new(NULL, NULL);
	f->qualify = dwarf_qualify_new();
	f->steps = STEPS_MAX;
	return f;
}

void dwarf_functions_free(DwarfFunctions *f)
{
	if (!f)
		return;
	g_ptr_array_free(f->scopes, TRUE);
	g_hash_table_destroy(f->origins);
	g_hash_table_destroy(f->files);
	dwarf_qualify_free(f->qualify);
	g_free(f);
}

/* g_free() it. NULL: `file` is absolute, or nobody knows where it is. */
static char *file_absolute(Dwarf_Die *unit, const char *file)
{
	Dwarf_Attribute attr;
	const char *directory = NULL;

	if (file[0] == '/')
		return NULL;
	if (dwarf_attr_integrate(unit, DW_AT_comp_dir, &attr))
		directory = dwarf_formstring(&attr);
	return directory ? g_build_filename(directory, file, NULL) : NULL;
}

SymbolText dwarf_functions_file(DwarfFunctions *f, Dwarf_Die *unit,
				const char *file)
{
	g_autofree char *absolute = NULL;
	gpointer known;
	SymbolText t;

	if (!file)
		return 0;
	known = g_hash_table_lookup(f->files, file);
	if (known)
		return GPOINTER_TO_UINT(known);
	absolute = file_absolute(unit, file);
	t = symbol_names_add_text(f->names, absolute ? absolute : file);
	g_hash_table_insert(f->files, (char *)file, GUINT_TO_POINTER(t));
	return t;
}

/* --- names --------------------------------------------------------------- */

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) &&
	    !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		return NULL;
	return dwarf_formstring(&attr);
}

/*
 * As dwarf_decl_file(), which in elfutils 0.188 ends the program where a unit
 * has lines but no files. File 0 is one from DWARF 5 on.
 */
static const char *declaration_file(Dwarf_Die *die)
{
	Dwarf_Half version = 0;
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	Dwarf_Word index;
	Dwarf_Die unit;
	size_t count;

	if (!dwarf_attr_integrate(die, DW_AT_decl_file, &attr) ||
	    dwarf_formudata(&attr, &index) != 0 ||
	    !dwarf_cu_die(attr.cu, &unit, &version, NULL, NULL, NULL, NULL,
			  NULL) ||
	    (index == 0 && version < 5) ||
	    dwarf_getsrcfiles(&unit, &files, &count) != 0)
		return NULL;
	return dwarf_filesrc(files, index, NULL, NULL);
}

static void function_describe(DwarfFunctions *f, Dwarf_Die *die,
			      SymbolFunction *to)
{
	g_autofree char *qualified = NULL, *brief = NULL;
	Dwarf_Die unit;
	int line = 0;

	dwarf_diecu(die, &unit, NULL, NULL);
	to->system_name = symbol_names_add_text(f->names, linkage_name(die));
	to->name = symbol_names_demangle(f->names, to->system_name);
	if (!to->system_name)
		qualified = dwarf_qualify_name(f->qualify, die);
	if (qualified) {
		brief = short_name(qualified);
		to->name = symbol_names_add_text(f->names, brief);
		/* the long one, as there is no other */
		to->system_name = symbol_names_add_text(f->names, qualified);
	}
	if (!to->name)
		to->name = symbol_names_add_text(f->names, dwarf_diename(die));
	to->file = dwarf_functions_file(f, &unit, declaration_file(die));
	to->start_line = dwarf_decl_line(die, &line) == 0 ? line : 0;
}

/* What is inlined in many places is described once, at its origin. */
static void scope_describe(DwarfFunctions *f, Dwarf_Die *die, SymbolFunction *to)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;
	SymbolFunction *known;

	if (!dwarf_attr(die, DW_AT_abstract_origin, &attr) ||
	    !dwarf_formref_die(&attr, &origin)) {
		function_describe(f, die, to);
		return;
	}
	known = g_hash_table_lookup(f->origins, origin.addr);
	if (!known) {
		known = g_new0(SymbolFunction, 1);
		function_describe(f, &origin, known);
		g_hash_table_insert(f->origins, origin.addr, known);
	}
	*to = *known;
	/* A constructor's clones share an origin, not a linkage name. */
	if (dwarf_hasattr(die, DW_AT_linkage_name)) {
		to->system_name = symbol_names_add_text(f->names,
							linkage_name(die));
		to->name = symbol_names_demangle(f->names, to->system_name);
	}
}

static gint32 call_attribute(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attr) ||
	    dwarf_formudata(&attr, &value) != 0 || value > G_MAXINT32)
		return 0;
	return value;
}

static DwarfScope *scope_alloc(DwarfFunctions *f)
{
	DwarfScope *block;

	if (f->scopes->len == 0 || f->scopes_used == SCOPES_A_BLOCK) {
		g_ptr_array_add(f->scopes, g_new0(DwarfScope, SCOPES_A_BLOCK));
		f->scopes_used = 0;
	}
	block = f->scopes->pdata[f->scopes->len - 1];
	return &block[f->scopes_used++];
}

static DwarfScope *scope_new(struct scan *s, Dwarf_Die *die,
			     const DwarfScope *parent)
{
	DwarfScope *scope = scope_alloc(s->functions);
	gint32 file;

	scope->parent = parent;
	scope->root = parent ? parent->root : scope;
	scope_describe(s->functions, die, &scope->function);
	if (!parent)
		return scope;
	scope->call_line = call_attribute(die, DW_AT_call_line);
	file = call_attribute(die, DW_AT_call_file);
	if (s->files && (gsize)file < s->file_count)
		scope->call_file = dwarf_functions_file(s->functions,
				s->unit, dwarf_filesrc(s->files, file, NULL, NULL));
	return scope;
}

/* --- ranges -------------------------------------------------------------- */

static gsize targets_from(const struct scan *s, guint64 address)
{
	gsize low = 0, high = s->count;

	while (low < high) {
		gsize middle = low + (high - low) / 2;

		if (s->targets[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct slice targets_in(const struct scan *s, guint64 start,
			       guint64 end)
{
	struct slice slice = { targets_from(s, start), 0 };

	slice.end = slice.first;
	while (slice.end < s->count && s->targets[slice.end].address < end)
		slice.end++;
	s->functions->steps -= 1 + (gint64)(slice.end - slice.first);
	return slice;
}

/*
 * As dwarf_ranges(), which keeps in *base what later ranges are relative to;
 * the end is reached as well when steps are used up.
 */
static ptrdiff_t next_range(const struct scan *s, Dwarf_Die *die, ptrdiff_t at,
			    Dwarf_Addr *base, Dwarf_Addr *start,
			    Dwarf_Addr *end)
{
	return s->functions->steps > 0 ?
		dwarf_ranges(die, at, base, start, end) : 0;
}

/* --- inside a function --------------------------------------------------- */

static void body_scan(struct scan *s, Dwarf_Die *parent,
		      const DwarfScope *scope, int depth);

/*
 * Gives the targets inside `die` to a new scope. Returns NULL if it holds none
 * that are the surrounding function's.
 */
static const DwarfScope *inlined_claim(struct scan *s, Dwarf_Die *die,
				       const DwarfScope *parent)
{
	DwarfScope *scope = NULL;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = next_range(s, die, at, &base, &start, &end)) > 0) {
		struct slice slice = targets_in(s, start, end);

		for (gsize i = slice.first; i < slice.end; i++) {
			DwarfTarget *t = &s->targets[i];

			if (!t->scope || t->scope->root != parent->root)
				continue;
			if (!scope)
				scope = scope_new(s, die, parent);
			t->scope = scope;
		}
	}
	return scope;
}

/* A block without ranges may hold anything. */
static gboolean block_is_wanted(struct scan *s, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	gboolean stated = FALSE;
	ptrdiff_t at = 0;

	while ((at = next_range(s, die, at, &base, &start, &end)) > 0) {
		struct slice slice = targets_in(s, start, end);

		if (slice.end > slice.first)
			return TRUE;
		stated = TRUE;
	}
	return !stated;
}

static void body_entry_scan(struct scan *s, Dwarf_Die *die,
			    const DwarfScope *scope, int depth)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_inlined_subroutine:
		scope = inlined_claim(s, die, scope);
		if (scope)
			body_scan(s, die, scope, depth + 1);
		break;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
		if (block_is_wanted(s, die))
			body_scan(s, die, scope, depth + 1);
		break;
	}
}

/* FALSE at the last one. */
static gboolean die_next(Dwarf_Die *die)
{
	const void *here = die->addr;
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) != 0 || next.addr <= here)
		return FALSE;
	*die = next;
	return TRUE;
}

static void body_scan(struct scan *s, Dwarf_Die *parent,
		      const DwarfScope *scope, int depth)
{
	Dwarf_Die die;

	if (depth > BODY_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do
		body_entry_scan(s, &die, scope, depth);
	while (die_next(&die));
}

/* --- outside ------------------------------------------------------------- */

static void function_scan(struct scan *s, Dwarf_Die *die)
{
	DwarfScope *scope = NULL;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = next_range(s, die, at, &base, &start, &end)) > 0) {
		struct slice slice = targets_in(s, start, end);

		for (gsize i = slice.first; i < slice.end; i++) {
			if (s->targets[i].scope)
				continue;
			if (!scope)
				scope = scope_new(s, die, NULL);
			s->targets[i].scope = scope;
			s->open -= s->targets[i].expected;
		}
	}
	if (scope)
		body_scan(s, die, scope, 0);
}

static void tree_scan(struct scan *s, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;

	if (depth > TREE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram)
			function_scan(s, &die);
		if (s->reach == REACH_ALL ||
		    (s->reach == REACH_NAMESPACES &&
		     (tag == DW_TAG_namespace || tag == DW_TAG_module)))
			tree_scan(s, &die, depth + 1);
	} while (s->open > 0 && die_next(&die));
}

void dwarf_functions_scan(DwarfFunctions *f, const DwarfUnit *unit,
			  DwarfTarget *targets, gsize count)
{
	struct scan s = { 0 };
	Dwarf_Die tree = unit->tree;

	s.functions = f;
	s.unit = &tree;
	s.targets = targets;
	s.count = count;
	if (dwarf_getsrcfiles(&tree, &s.files, &s.file_count) != 0)
		s.files = NULL;
	for (gsize i = 0; i < count; i++)
		s.open += targets[i].expected;
	tree_scan(&s, &tree, 0);
	for (s.reach++; s.reach <= REACH_ALL && s.open > 0; s.reach++)
		tree_scan(&s, &tree, 0);
	dwarf_qualify_forget(f->qualify);
}
