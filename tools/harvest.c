/* SPDX-License-Identifier: MIT */
/* harvest: see harvest.h. */
#include "tools/harvest.h"

#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/pprof-read.h"

#define SUFFIX ".pb.gz"

typedef struct {
	char *path;
	PprofOrigin origin;
	gint64 modified;
	gboolean taken;
} Candidate;

static void candidate_clear(gpointer data)
{
	g_free(((Candidate *)data)->path);
}

/*
 * As a glob: any text for a %-letter; and before the suffix whatever rotation
 * or a name clash put there.
 */
static char *glob_of(const char *pattern)
{
	GString *out = g_string_new(NULL);
	gsize size = strlen(pattern), i;

	if (g_str_has_suffix(pattern, SUFFIX))
		size -= strlen(SUFFIX);
	for (i = 0; i < size; i++) {
		if (pattern[i] == '%' && i + 1 < size) {
			g_string_append(out, pattern[++i] == '%' ? "%" : "*");
			continue;
		}
		if (strchr("*?[\\", pattern[i]))
			g_string_append_c(out, '\\');
		g_string_append_c(out, pattern[i]);
	}
	g_string_append(out, "*");
	if (g_str_has_suffix(pattern, SUFFIX))
		g_string_append(out, SUFFIX);
	return g_string_free(out, FALSE);
}

static void add_candidate(GArray *all, const char *path, gint64 since)
{
	Candidate c = { .path = NULL };
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_mtime < since || !pprof_read_origin(path, &c.origin))
		return;
	c.path = g_strdup(path);
	c.modified = (gint64)st.st_mtim.tv_sec * G_USEC_PER_SEC +
		     st.st_mtim.tv_nsec / 1000;
	g_array_append_val(all, c);
}

static void look_for(GArray *all, const char *expression, gint64 since)
{
	glob_t found;
	gsize i;

	if (glob(expression, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (i = 0; i < found.gl_pathc; i++)
		add_candidate(all, found.gl_pathv[i], since);
	globfree(&found);
}

/* Where the agent writes what it cannot write elsewhere. */
static void look_in_fallbacks(GArray *all, gint64 since)
{
	const char *xdg = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *first = NULL;
	g_autofree char *second = g_strdup_printf(
		"/tmp/profagent-%u/*" SUFFIX, (unsigned)geteuid());

	if (xdg && xdg[0] == '/')
		first = g_build_filename(xdg, "profagent", "*" SUFFIX, NULL);
	if (first)
		look_for(all, first, since);
	look_for(all, second, since);
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const Candidate *x = a, *y = b;

	return x->modified < y->modified ? -1 : x->modified > y->modified;
}

static gboolean belongs(const PprofOrigin *o, const char *id,
			GHashTable *known)
{
	return strcmp(o->root_run_id, id) == 0 ||
	       g_hash_table_contains(known, o->parent_run_id) ||
	       g_hash_table_contains(known, o->run_id);
}

/*
 * Takes those of the run, and those whose parent is known, until there are no
 * more: a program that came through something else (sudo, a cleaned
 * environment) may have lost the one or the other.
 */
static void follow_chain(GArray *all, const char *id, GPtrArray *files)
{
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash,
						       g_str_equal);
	gboolean more = TRUE;
	guint i;

	g_hash_table_add(known, (gpointer)(guintptr)id);
	while (more) {
		more = FALSE;
		for (i = 0; i < all->len; i++) {
			Candidate *c = &g_array_index(all, Candidate, i);

			if (c->taken || !belongs(&c->origin, id, known))
				continue;
			c->taken = more = TRUE;
			g_hash_table_add(known, c->origin.run_id);
			g_ptr_array_add(files, g_strdup(c->path));
		}
	}
}

GPtrArray *harvest_files(const char *pattern, const char *id, gint64 since)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Candidate));
	g_autofree char *expression = glob_of(pattern);
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);

	g_array_set_clear_func(all, candidate_clear);
	look_for(all, expression, since);
	look_in_fallbacks(all, since);
	g_array_sort(all, compare);
	follow_chain(all, id, files);
	return files;
}
