/* SPDX-License-Identifier: MIT */
/*
 * Locations are gathered by object, each object is opened once and answers
 * all its addresses together, and what it answers is put into the Profile.
 * Objects go one after the other: at most one of them is in memory.
 */
#include "tools/symbols.h"

#include <string.h>

#include "tools/demangle.h"
#include "tools/dwarf-lines.h"
#include "tools/elf-cancel.h"
#include "tools/elf-file.h"
#include "tools/elf-frames.h"
#include "tools/go-names.h"
#include "tools/elf-symbols.h"
#include "tools/process-root.h"
#include "tools/profile-functions.h"
#include "tools/progress.h"
#include "tools/symbol-cache.h"
#include "tools/symbol-names.h"
#include "tools/symbols-jit.h"
#include "tools/texthash.h"

#define NOTES_MAX 64	/* of one resolution */

/* Storing is writing, and nothing waits for it but the next object. */
struct storing {
	char *build_id, *stamp;
	SymbolNames *names;
	GThread *thread;		/* NULL: nothing is stored */
};

struct _Symbols {
	ElfFileSearch search;
	ProcessRoots *roots;		/* while symbols_resolve() runs */
	gboolean no_inlines, no_cache, quiet, full_names, no_system_names;
	char *sysroot;
	char **symbol_dirs;
	GPtrArray *notes;		/* char *, */
	guint unsaid;			/* and how many more there were */
	Progress progress;
	guint64 done, total;		/* addresses, for the progress bar */
	struct storing storing;
};

/* A location of the profile, and where it is in the object's file. */
struct place {
	guint64 offset;
	guint32 location;
};

/* One object of the profile, and which locations are in it. */
struct object {
	const char *path, *build_id;	/* the profile's */
	ElfFileSearch search;
	gint64 not_after;		/* Unix seconds, 0: unknown */
	GArray *places;			/* struct place, by offset */
};

Symbols *symbols_new(const SymbolsOptions *options)
{
	static const SymbolsOptions defaults;
	const SymbolsOptions *o = options ? options : &defaults;
	Symbols *s = g_new0(Symbols, 1);

	s->sysroot = g_strdup(o->sysroot);
	s->symbol_dirs = g_strdupv(o->symbol_dirs);
	s->search.sysroot = s->sysroot;
	s->search.symbol_dirs = s->symbol_dirs;
	s->no_inlines = o->no_inlines;
	s->no_cache = o->no_cache;
	s->quiet = o->quiet;
	s->full_names = o->full_names;
	s->no_system_names = o->no_system_names;
	s->notes = g_ptr_array_new_with_free_func(g_free);
	return s;
}

/* A profile may name any number of files. Takes `text`. */
static void note_add(Symbols *s, char *text)
{
	if (s->notes->len < NOTES_MAX) {
		g_ptr_array_add(s->notes, text);
		return;
	}
	g_free(text);
	s->unsaid++;
}

static void storing_finish(struct storing *w)
{
	g_clear_pointer(&w->thread, g_thread_join);
	g_clear_pointer(&w->names, symbol_names_free);
	g_clear_pointer(&w->stamp, g_free);
	g_clear_pointer(&w->build_id, g_free);
}

void symbols_free(Symbols *s)
{
	if (!s)
		return;
	storing_finish(&s->storing);
	g_free(s->sysroot);
	g_strfreev(s->symbol_dirs);
	g_ptr_array_free(s->notes, TRUE);
	g_free(s);
}

GPtrArray *symbols_notes(Symbols *s)
{
	return s->notes;
}

/* --- gathering ----------------------------------------------------------- */

static void object_free(gpointer data)
{
	struct object *o = data;

	g_array_free(o->places, TRUE);
	g_free(o);
}

/* The moment after which a file without build id cannot be the one profiled. */
static gint64 mapping_not_after(const Profile *p, const ProfileMapping *m)
{
	const ProfileProcess *process;

	if (m->process >= p->processes->len)
		return 0;
	process = profile_at(p->processes, ProfileProcess, m->process);
	if (process->foreign || process->start_unix_ns <= 0)
		return 0;
	return (process->start_unix_ns + (gint64)process->duration_ns) /
	       (gint64)G_TIME_SPAN_SECOND / 1000;
}

static struct object *object_new(Symbols *s, const char *path, const char *id)
{
	struct object *o = g_new0(struct object, 1);

	o->path = path;
	o->build_id = id;
	o->search = s->search;
	o->places = g_array_new(FALSE, FALSE, sizeof(struct place));
	return o;
}

/*
 * The object of `m`; `all` owns it, `by_key` finds it again. Files of the same
 * path in several containers are the same only if their build id says so.
 */
static struct object *object_get(Symbols *s, GPtrArray *all,
				 GHashTable *by_key, const Profile *p,
				 const ProfileMapping *m)
{
	const char *path = profile_text(p, m->path);
	const char *id = profile_text(p, m->build_id);
	const char *root = process_roots_find(s->roots, p, m->process);
	char *key = g_strdup_printf("%s\n%s\n%s", path, id,
				    root && !*id ? root : "");
	struct object *o = g_hash_table_lookup(by_key, key);

	if (o) {
		g_free(key);
		if (!o->search.root)
			o->search.root = root;
		return o;
	}
	o = object_new(s, path, id);
	o->search.root = root;
	o->not_after = mapping_not_after(p, m);
	g_ptr_array_add(all, o);
	g_hash_table_insert(by_key, key, o);
	return o;
}

/* What has names keeps them; what has no mapping can have none. */
static gboolean location_is_open(const Profile *p, const ProfileLocation *l)
{
	const ProfileMapping *m;

	if (l->tried || l->line_count > 0 || l->mapping >= p->mappings->len)
		return FALSE;
	m = profile_at(p->mappings, ProfileMapping, l->mapping);
	return !m->has_functions && l->address >= m->start;
}

static guint64 location_offset(const Profile *p, const ProfileLocation *l)
{
	const ProfileMapping *m = profile_at(p->mappings, ProfileMapping,
					     l->mapping);

	return l->address - m->start + m->offset;
}

static gint place_compare(gconstpointer a, gconstpointer b)
{
	const struct place *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* In the order in which the profile names them. */
static GPtrArray *objects_gather(Symbols *s, Profile *p)
{
	GPtrArray *objects = g_ptr_array_new_with_free_func(object_free);
	g_autoptr(GHashTable) by_key = g_hash_table_new_full(texthash,
						g_str_equal, g_free, NULL);
	g_autofree struct object **by_mapping =
		g_new0(struct object *, p->mappings->len + 1);

	for (guint32 i = 0; i < p->locations->len; i++) {
		ProfileLocation *l = profile_at(p->locations, ProfileLocation,
						i);
		gboolean open = location_is_open(p, l);
		struct place place = { 0, i };

		l->tried = TRUE;
		if (!open)
			continue;
		if (!by_mapping[l->mapping])
			by_mapping[l->mapping] = object_get(s, objects,
				by_key, p, profile_at(p->mappings,
					ProfileMapping, l->mapping));
		place.offset = location_offset(p, l);
		g_array_append_val(by_mapping[l->mapping]->places, place);
		s->total++;
	}
	for (guint i = 0; i < objects->len; i++)
		g_array_sort(((struct object *)objects->pdata[i])->places,
			     place_compare);
	return objects;
}

/* --- resolving ----------------------------------------------------------- */

static void progress_units(void *data, gsize done)
{
	Symbols *s = data;

	progress_update(&s->progress, s->done + done, s->total);
}

static const struct place *place_at(const struct object *o, guint i)
{
	return &g_array_index(o->places, struct place, i);
}

/*
 * What is known about `offset`, NULL: nothing. Both sides are in order, so
 * *at, 0 to begin with, only moves on while offsets grow.
 */
static SymbolAddress *names_seek(const SymbolNames *n, guint *at,
				 guint64 offset)
{
	SymbolAddress *a = (SymbolAddress *)(void *)n->addresses->data;

	while (*at < n->addresses->len && a[*at].offset < offset)
		++*at;
	return *at < n->addresses->len && a[*at].offset == offset ? &a[*at]
								  : NULL;
}

/* What `names` does not know yet, each offset once. */
static GArray *wanted_new(const ElfFile *f, const struct object *o,
			  const SymbolNames *names)
{
	GArray *wanted = g_array_new(FALSE, FALSE, sizeof(DwarfLinesWanted));
	guint at = 0;

	for (guint i = 0; i < o->places->len; i++) {
		DwarfLinesWanted w = { place_at(o, i)->offset, 0 };

		if ((i > 0 && place_at(o, i - 1)->offset == w.offset) ||
		    names_seek(names, &at, w.offset))
			continue;
		if (elf_file_address(f, w.offset, &w.address))
			g_array_append_val(wanted, w);
	}
	return wanted;
}

/* The name of a function that is known by its code. */
static gboolean name_by_code(const ElfFile *f, const ElfFrames *frames,
			     guint64 start, SymbolNames *names,
			     SymbolAddress *a)
{
	const char *name = elf_cancel_name(f, frames, start);
	SymbolFunction function = { 0 };

	if (!name)
		return FALSE;
	function.system_name = symbol_names_add_text(names, name);
	function.name = function.system_name;
	symbol_names_name_address(names, a,
			symbol_names_add_function(names, &function));
	return TRUE;
}

/* Unwind tables say at least where the functions without a name begin. */
static void starts_resolve(const ElfFile *f, const GArray *wanted,
			   SymbolNames *names)
{
	g_autoptr(ElfFrames) frames = NULL;
	guint at = 0;

	for (guint i = 0; i < wanted->len; i++) {
		const DwarfLinesWanted *w = &g_array_index(wanted,
						DwarfLinesWanted, i);
		SymbolAddress *a;
		guint64 start;

		/* by address, which need not be the order in the file */
		if (i > 0 && w->offset < w[-1].offset)
			at = 0;
		a = names_seek(names, &at, w->offset);
		if (!a || a->line_count > 0)
			continue;
		if (!frames)
			frames = elf_frames_new(f);
		if (elf_frames_find(frames, w->address, &start) &&
		    w->address - start <= w->offset &&
		    !name_by_code(f, frames, start, names, a))
			a->start = w->offset - (w->address - start);
	}
}

/* From 0.191 on; releases are numbered 0.N. */
static gboolean packages_are_read(void)
{
	const char *version = dwfl_version(NULL), *dot = strchr(version, '.');

	return version[0] != '0' ||
	       (dot && g_ascii_strtoull(dot + 1, NULL, 10) >= 191);
}

/* A Go program without debug information still knows itself: what that names
 * is not wanted any more. */
static void go_resolve(const ElfFile *f, GArray *wanted, SymbolNames *names)
{
	g_autoptr(GoNames) go = NULL;
	guint64 bias;
	guint kept = 0;

	if (elf_file_dwarf(f, &bias) || !(go = go_names_new(elf_file_elf(f))))
		return;
	for (guint i = 0; i < wanted->len; i++) {
		DwarfLinesWanted w = g_array_index(wanted, DwarfLinesWanted,
						   i);

		if (!go_names_add(go, w.address, w.offset, names))
			g_array_index(wanted, DwarfLinesWanted, kept++) = w;
	}
	g_array_set_size(wanted, kept);
}

/* Where the rest of `units` compile units is, or should be. */
static char *incomplete_say(const ElfFile *f, guint units)
{
	g_autofree char *package = g_strconcat(elf_file_path(f), ".dwp", NULL);
	const char *path = elf_file_path(f), *s = units == 1 ? "" : "s";

	if (!g_file_test(package, G_FILE_TEST_EXISTS))
		return g_strdup_printf("%s: without inlined calls of %u source "
			"file%s: the .dwo files are gone", path, units, s);
	if (!packages_are_read())
		return g_strdup_printf("%s: without inlined calls: they are in "
			"%s, and elfutils %s reads no such file (0.191 does)",
			path, package, dwfl_version(NULL));
	/* What dwp of binutils makes of DWARF 5 is an empty package. */
	return g_strdup_printf("%s: without inlined calls of %u source file%s: "
		"neither %s nor .dwo files have them", path, units, s,
		package);
}

/* Returns whether `names` were added to, and are all that can be known. */
static gboolean file_resolve(Symbols *s, ElfFile *f, const struct object *o,
			     SymbolNames *names)
{
	g_autoptr(GArray) wanted = wanted_new(f, o, names);
	g_autoptr(ElfSymbols) symbols = NULL;
	guint incomplete;

	if (wanted->len == 0)
		return FALSE;
	symbol_names_index(names);
	go_resolve(f, wanted, names);
	symbols = elf_symbols_new(f);
	incomplete = dwarf_lines_resolve(f, symbols, wanted, names,
					 progress_units, s);
	starts_resolve(f, wanted, names);
	if (incomplete > 0)
		note_add(s, incomplete_say(f, incomplete));
	return incomplete == 0;
}

static SymbolNames *names_load(const Symbols *s, const struct object *o,
			       ElfFile *f)
{
	SymbolNames *names = NULL;

	if (!s->no_cache && *o->build_id)
		names = symbol_cache_load(o->build_id,
					  f ? elf_file_stamp(f) : NULL);
	return names ? names : symbol_names_new();
}

/* --- into the profile ---------------------------------------------------- */

static ProfileString function_name(const Symbols *s, Profile *p,
				   const SymbolNames *n,
				   const SymbolFunction *f)
{
	const char *system = symbol_names_text(n, f->system_name);
	g_autofree char *full = NULL;

	if (s->full_names)
		full = demangle_name(system, TRUE);
	if (full)
		return profile_string(p, full, -1);
	if (s->full_names && *system)
		return profile_string_kept(p, system);
	return profile_string_kept(p, f->name ? symbol_names_text(n, f->name) :
				   system);
}

/* What one object's names become in the Profile. */
struct taker {
	const Symbols *symbols;
	Profile *profile;
	const SymbolNames *names;
	ProfileFunctions *functions;
	guint32 *taken;			/* by ours; PROFILE_NONE: not yet */
	GHashTable *files;		/* SymbolText: ProfileString */
};

/* Thousands of functions share a file. */
static ProfileString file_take(struct taker *t, SymbolText file)
{
	gpointer key = GUINT_TO_POINTER(file), known;
	ProfileString taken;

	if (!file)
		return 0;
	known = g_hash_table_lookup(t->files, key);
	if (known)
		return GPOINTER_TO_UINT(known);
	taken = profile_string_kept(t->profile,
				    symbol_names_text(t->names, file));
	g_hash_table_insert(t->files, key, GUINT_TO_POINTER(taken));
	return taken;
}

static guint32 function_add(struct taker *t, const SymbolFunction *from)
{
	ProfileFunction f = { 0 };
	SymbolText system = from->system_name ? from->system_name : from->name;

	f.name = function_name(t->symbols, t->profile, t->names, from);
	if (!t->symbols->no_system_names)
		f.system_name = profile_string_kept(t->profile,
			symbol_names_text(t->names, system));
	f.file = file_take(t, from->file);
	f.start_line = from->start_line;
	return profile_functions_add(t->functions, &f);
}

static guint32 function_take(struct taker *t, guint32 ours)
{
	if (t->taken[ours] == PROFILE_NONE)
		t->taken[ours] = function_add(t, &g_array_index(
			t->names->functions, SymbolFunction, ours));
	return t->taken[ours];
}

static void location_fill(struct taker *t, ProfileLocation *l,
			  const SymbolAddress *a)
{
	GArray *lines = t->profile->lines;
	guint32 count = MIN(a->line_count, G_MAXUINT16);
	guint32 skip = t->symbols->no_inlines && count ? count - 1 : 0;

	l->first_line = lines->len;
	l->line_count = count - skip;
	if (count == 0 && a->start <= a->offset)
		l->start = l->address - (a->offset - a->start);
	for (guint32 i = skip; i < count; i++) {
		const SymbolLine *from = &g_array_index(t->names->lines,
					SymbolLine, a->first_line + i);
		ProfileLine line = { function_take(t, from->function),
				     from->line };

		g_array_append_val(lines, line);
	}
}

static void profile_take(const Symbols *s, Profile *p, const struct object *o,
			 const SymbolNames *n,
			 ProfileFunctions *functions)
{
	g_autofree guint32 *taken = g_new(guint32, n->functions->len + 1);
	g_autoptr(GHashTable) files = g_hash_table_new(NULL, NULL);
	struct taker t = { s, p, n, functions, taken, files };
	guint at = 0;

	profile_keep(p, n->text);
	for (guint i = 0; i < n->functions->len; i++)
		taken[i] = PROFILE_NONE;
	for (guint i = 0; i < o->places->len; i++) {
		const struct place *place = place_at(o, i);
		const SymbolAddress *a = names_seek(n, &at, place->offset);

		if (a)
			location_fill(&t, profile_at(p->locations,
				ProfileLocation, place->location), a);
	}
}

/* --- the cache ----------------------------------------------------------- */

static gpointer storing_run(gpointer data)
{
	const struct storing *w = data;

	symbol_cache_store(w->build_id, w->stamp, w->names);
	return NULL;
}

/* Until storing_finish `names` are only read, by whomever. */
static void storing_start(struct storing *w, const struct object *o,
			  ElfFile *f, SymbolNames *names)
{
	w->build_id = g_strdup(o->build_id);
	w->stamp = g_strdup(elf_file_stamp(f));
	w->names = names;
	w->thread = g_thread_try_new("cache", storing_run, w, NULL);
	if (!w->thread)
		storing_run(w);
}

/* --- one object ---------------------------------------------------------- */

/* Memory that no file backs has no names to miss. */
static gboolean object_is_file(const struct object *o)
{
	static const char *const memory[] = { "//", "/memfd:", "/dev/",
					      "/SYSV", "/anon_hugepage" };

	for (guint i = 0; i < G_N_ELEMENTS(memory); i++)
		if (g_str_has_prefix(o->path, memory[i]))
			return FALSE;
	return o->path[0] == '/' || strcmp(o->path, "[vdso]") == 0;
}

static gboolean names_have_all(const SymbolNames *names,
			       const struct object *o)
{
	guint at = 0;

	for (guint i = 0; i < o->places->len; i++) {
		const SymbolAddress *a = names_seek(names, &at,
						    place_at(o, i)->offset);

		if (!a || a->line_count == 0)
			return FALSE;
	}
	return TRUE;
}

/*
 * A file that is gone may still be in the cache; what is known about some of
 * its addresses does not make the others known, nor what has no name, which
 * another copy may tell: so the note stays.
 */
static void object_resolve(Symbols *s, Profile *p, const struct object *o,
			   ProfileFunctions *functions)
{
	g_autoptr(SymbolNames) names = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(ElfFile) f = NULL;
	gboolean is_new;

	if (!object_is_file(o))
		return;
	f = elf_file_open(&o->search, o->path, o->build_id, o->not_after,
			  &error);
	names = names_load(s, o, f);
	if (!f && !names_have_all(names, o))
		note_add(s, g_strdup(error->message));
	is_new = f && file_resolve(s, f, o, names) && !s->no_cache &&
		 *o->build_id;
	storing_finish(&s->storing);
	if (is_new)
		storing_start(&s->storing, o, f, names);
	profile_take(s, p, o, names, functions);
	if (is_new)
		g_steal_pointer(&names);
}

void symbols_resolve(Symbols *s, Profile *p)
{
	g_autoptr(ProfileFunctions) functions = profile_functions_new(p);
	g_autoptr(ProcessRoots) roots = process_roots_new();
	g_autoptr(GPtrArray) objects = NULL;

	s->roots = roots;
	s->done = s->total = s->unsaid = 0;
	progress_init(&s->progress, "names", s->quiet);
	objects = objects_gather(s, p);
	for (guint i = 0; i < objects->len; i++) {
		struct object *o = objects->pdata[i];

		object_resolve(s, p, o, functions);
		s->done += o->places->len;
		progress_update(&s->progress, s->done, s->total);
	}
	progress_release(&s->progress);
	symbols_jit_resolve(p, functions, s->sysroot, roots, s->notes);
	if (s->unsaid > 0)
		g_ptr_array_add(s->notes, g_strdup_printf(
			"names are missing of %u more files", s->unsaid));
	s->roots = NULL;
}

static char *place_name(const Profile *p, const ProfileLocation *l,
			guint64 address)
{
	const ProfileMapping *m;
	const char *path;
	g_autofree char *base = NULL;

	if (l->mapping >= p->mappings->len)
		return g_strdup_printf("0x%" G_GINT64_MODIFIER "x", address);
	m = profile_at(p->mappings, ProfileMapping, l->mapping);
	path = profile_text(p, m->path);
	if (!*path || address < m->start)
		return g_strdup_printf("0x%" G_GINT64_MODIFIER "x", address);
	base = g_path_get_basename(path);
	if (g_str_has_suffix(base, " (deleted)"))
		base[strlen(base) - strlen(" (deleted)")] = '\0';
	return g_strdup_printf("%s+0x%" G_GINT64_MODIFIER "x", base,
			       address - m->start + m->offset);
}

char *symbols_unknown_name(const Profile *p, const ProfileLocation *l)
{
	return place_name(p, l, l->address);
}

char *symbols_unknown_function(const Profile *p, const ProfileLocation *l)
{
	return place_name(p, l, l->start ? l->start : l->address);
}
