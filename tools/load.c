/* SPDX-License-Identifier: MIT */
/* load: see load.h. */
#include "tools/load.h"

#include <string.h>

#include "tools/cmd.h"
#include "tools/profile-cut.h"
#include "tools/progress.h"

void load_add_options(Load *l, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "symbols", 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &l->symbol_dirs, "Also look for symbols in DIR", "DIR" },
		{ "sysroot", 0, 0, G_OPTION_ARG_FILENAME, &l->sysroot,
		  "Look for programs and libraries below DIR", "DIR" },
		{ "no-inlines", 0, 0, G_OPTION_ARG_NONE, &l->no_inlines,
		  "Count inlined functions as part of their caller", NULL },
		{ "full-names", 0, 0, G_OPTION_ARG_NONE, &l->full_names,
		  "C++ and Rust names with their arguments", NULL },
		{ "no-symbols", 0, 0, G_OPTION_ARG_NONE, &l->no_symbols,
		  "Do not look for names that the file does not have", NULL },
		{ "no-region", 0, 0, G_OPTION_ARG_NONE, &l->no_region,
		  "Do not add what the process has not written yet", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &l->files, NULL, NULL },
		{ NULL }
	};

	g_option_context_add_main_entries(context, entries, NULL);
}

gboolean load_check_files(char *const *files, GError **error)
{
	for (; files && *files; files++) {
		g_autofree char *path = NULL;
		GError *wrong = NULL;
		ProfileCut cut;

		if (profile_cut_parse(*files, &path, &cut, &wrong) || !wrong)
			continue;
		g_propagate_error(error, wrong);
		return FALSE;
	}
	return TRUE;
}

/* A region alone adds nothing if a file told of it: so files come first. */
static gboolean is_region_name(const char *path)
{
	return g_str_has_suffix(path, ".region");
}

/* A range of one file; how long it lasts is no matter of those before it. */
static gboolean read_range(Profile *p, const char *path, const char *word,
			   const ProfileCut *cut, PprofReadFlags flags,
			   GError **error)
{
	gint64 duration = p->duration_nanos;
	guint first = p->samples->len;
	gboolean good;

	good = pprof_read_path(p, path,
			       flags & ~(PprofReadFlags)PPROF_READ_NO_MOMENTS,
			       error);
	if (good && !profile_cut(p, first, cut)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: the profile has no times", word);
		good = FALSE;
	}
	p->duration_nanos = MAX(p->duration_nanos, duration);
	return good;
}

/* One FILE, or FILE@FROM..TO. */
static gboolean read_file(Profile *p, const char *word, PprofReadFlags flags,
			  GError **error)
{
	g_autofree char *path = NULL;
	GError *local = NULL;
	ProfileCut cut;

	if (profile_cut_parse(word, &path, &cut, &local))
		return read_range(p, path, word, &cut, flags, error);
	if (!local)
		return pprof_read_path(p, word, flags, error);
	g_propagate_error(error, local);
	return FALSE;
}

/* The file that a word names; TRUE: a range of it. */
static gboolean file_of(const char *word, char **path)
{
	ProfileCut cut;

	if (profile_cut_parse(word, path, &cut, NULL))
		return TRUE;
	*path = g_strdup(word);
	return FALSE;
}

/*
 * What a file tells of a process is read once: a range of it, and the rest of it
 * or another, would not be added up.
 */
static gboolean check_ranges(const Load *l, guint at, GError **error)
{
	g_autofree char *path = NULL;
	gboolean ranged = file_of(l->files[at], &path);
	guint i;

	for (i = 0; i < at; i++) {
		g_autofree char *other = NULL;

		if (!(file_of(l->files[i], &other) || ranged) ||
		    strcmp(path, other) != 0)
			continue;
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: another range of this file is shown already; "
			    "two are compared by profagent diff",
			    l->files[at]);
		return FALSE;
	}
	return TRUE;
}

static gboolean has_ranges(const Load *l)
{
	gboolean found = FALSE;
	guint i;

	for (i = 0; l->files[i] && !found; i++) {
		g_autofree char *path = NULL;

		found = file_of(l->files[i], &path);
	}
	return found;
}

static void read_all(Load *l, Profile *p, const char *name, gboolean regions,
		     Progress *progress, guint *good)
{
	PprofReadFlags flags = (l->moments ? 0 : PPROF_READ_NO_MOMENTS) |
			       (l->no_region ? PPROF_READ_NO_REGION : 0) |
			       (l->rows ? PPROF_READ_SIEVE_LATE
					: PPROF_READ_SIEVE);
	guint n = g_strv_length(l->files), i;
	gboolean ranges = has_ranges(l);

	for (i = 0; i < n; i++) {
		g_autoptr(GError) error = NULL;

		if (is_region_name(l->files[i]) != regions)
			continue;
		progress_update(progress, i, n);
		if ((!ranges || check_ranges(l, i, &error)) &&
		    read_file(p, l->files[i], flags, &error)) {
			(*good)++;
			continue;
		}
		progress_release(progress);
		cmd_say(name, "%s", error->message);
		/* as a process leaves it that was killed before it wrote */
		if (g_error_matches(error, PPROF_READ_ERROR,
				    PPROF_READ_ERROR_EMPTY))
			l->empty++;
		else
			l->failed++;
	}
}

static void resolve(Load *l, Profile *p)
{
	const SymbolsOptions options = {
		.sysroot = l->sysroot, .symbol_dirs = l->symbol_dirs,
		.no_inlines = l->no_inlines, .full_names = l->full_names,
		.no_system_names = l->no_system_names,
	};
	GPtrArray *notes;
	guint i;

	/* It goes on storing what it found; load_release() waits for that. */
	g_clear_pointer(&l->symbols, symbols_free);
	l->symbols = symbols_new(&options);
	symbols_resolve(l->symbols, p);
	notes = symbols_notes(l->symbols);
	for (i = 0; i < notes->len; i++)
		g_ptr_array_add(l->notes, g_strdup(notes->pdata[i]));
}

Profile *load_profile(Load *l, const char *name)
{
	g_autoptr(Profile) p = profile_new();
	Progress progress;
	guint good = 0;

	l->notes = g_ptr_array_new_with_free_func(g_free);
	progress_init(&progress, "reading", FALSE);
	read_all(l, p, name, FALSE, &progress, &good);
	read_all(l, p, name, TRUE, &progress, &good);
	progress_release(&progress);
	if (good == 0) {
		l->failed += l->empty;
		return NULL;
	}
	if (!l->no_symbols)
		resolve(l, p);
	return g_steal_pointer(&p);
}

void load_say_skipped(const Profile *p, const char *name)
{
	guint i, k;

	for (i = 0; i < p->processes->len; i++) {
		const GPtrArray *skipped = profile_at(
			p->processes, ProfileProcess, i)->skipped;

		for (k = 0; k < skipped->len; k++)
			cmd_say(name, "%s", (const char *)skipped->pdata[k]);
	}
}

Load load_again(const Load *l, char **files)
{
	Load again = *l;

	again.files = files;
	again.failed = again.empty = 0;
	again.notes = NULL;
	again.symbols = NULL;
	return again;
}

void load_release_again(Load *l)
{
	g_clear_pointer(&l->notes, g_ptr_array_unref);
	g_clear_pointer(&l->symbols, symbols_free);
}

void load_release(Load *l)
{
	g_strfreev(l->files);
	g_strfreev(l->symbol_dirs);
	g_free(l->sysroot);
	load_release_again(l);
}
