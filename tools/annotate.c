/* SPDX-License-Identifier: MIT */
/* annotate: see annotate.h. Source; instructions are in annotate-asm.c. */
#include "tools/annotate.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/annotate-rows.h"
#include "tools/text.h"

#define SIMILAR_MAX 5
#define LINES_MAX 100000	/* of one function, if debug data is damaged */
#define SOURCE_MAX (64 << 20)	/* bytes of a source file */

/* --- which function ----------------------------------------------------------- */

const char *annotate_find(const Report *r, const char *wanted, char **similar)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	GString *names = g_string_new(NULL);
	const char *only = NULL;
	guint i, found = 0;

	*similar = NULL;
	for (i = 0; i < r->tree->items->len; i++) {
		const CalltreeItem *item = &g_array_index(
			r->tree->items, CalltreeItem, i);
		const char *name = profile_text(r->profile, item->name);

		if (strcmp(name, wanted) == 0) {
			g_string_free(names, TRUE);
			return name;
		}
		if (!strstr(name, wanted) ||
		    !g_hash_table_add(seen, GUINT_TO_POINTER(item->name)))
			continue;
		only = name;
		if (++found <= SIMILAR_MAX)
			g_string_append_printf(names, "%s%s",
					       found > 1 ? ", " : "", name);
	}
	if (found > SIMILAR_MAX)
		g_string_append(names, ", ...");
	*similar = g_string_free(names, FALSE);
	return found == 1 ? only : NULL;
}

/* --- rows ------------------------------------------------------------------------ */

void annotate_add_shares(const Report *r, TextTable *t,
			 const CalltreeItem *item)
{
	StatsShare self, total;

	if (!item) {
		text_table_cell(t, NULL, NULL);
		text_table_cell(t, NULL, NULL);
		return;
	}
	self = calltree_share(r->tree, item->self, item->self_square,
			      item->self_exact);
	total = calltree_share(r->tree, item->total, item->total_square,
			       item->total_exact);
	text_table_cell(t, item->self ? report_share(&self) : NULL,
			text_share_color(self.share));
	text_table_cell(t, report_share(&total),
			text_share_color(total.share));
}

/* --- source ------------------------------------------------------------------------ */

/* The lines of one function in one file: items by line number. */
typedef struct {
	ProfileString file, module;
	GHashTable *lines;		/* line -> item */
	gint32 first, last;
	gint64 self, total;
} Place;

static void place_free(gpointer data)
{
	Place *p = data;

	g_hash_table_destroy(p->lines);
	g_free(p);
}

static Place *find_place(GPtrArray *places, const CalltreeItem *item)
{
	Place *p;
	guint i;

	for (i = 0; i < places->len; i++) {
		p = places->pdata[i];
		if (p->file == item->file && p->module == item->module)
			return p;
	}
	p = g_new0(Place, 1);
	p->file = item->file;
	p->module = item->module;
	p->lines = g_hash_table_new(NULL, NULL);
	p->first = p->last = item->line;
	g_ptr_array_add(places, p);
	return p;
}

static GPtrArray *collect_places(const Annotate *a)
{
	GPtrArray *places = g_ptr_array_new_with_free_func(place_free);
	const Report *r = a->report;
	guint i;

	for (i = 0; i < r->tree->items->len; i++) {
		CalltreeItem *item = &g_array_index(r->tree->items,
						    CalltreeItem, i);
		Place *p;

		if (strcmp(profile_text(r->profile, item->name),
			   a->function) != 0)
			continue;
		p = find_place(places, item);
		g_hash_table_insert(p->lines, GINT_TO_POINTER(item->line),
				    item);
		p->first = MIN(p->first, item->line);
		p->last = MAX(p->last, item->line);
		profile_add(&p->self, item->self);
	}
	return places;
}

/* The profile names it, and may name a pipe or a device. NULL: it is none. */
static char *read_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct stat st;
	gsize size = 0;
	ssize_t got;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= SOURCE_MAX) {
		text = g_malloc((gsize)st.st_size + 1);
		while (size < (gsize)st.st_size &&
		       (got = read(fd, text + size,
				   (gsize)st.st_size - size)) > 0)
			size += (gsize)got;
		text[size] = '\0';
	}
	close(fd);
	return text;
}

static char *read_source(const Annotate *a, const char *file)
{
	g_autofree char *base = g_path_get_basename(file);
	char *candidates[] = {
		a->sysroot ? g_build_filename(a->sysroot, file, NULL) : NULL,
		a->source_dir ? g_build_filename(a->source_dir, file, NULL)
			      : NULL,
		a->source_dir ? g_build_filename(a->source_dir, base, NULL)
			      : NULL,
		g_strdup(file),
	};
	char *text = NULL;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(candidates); i++) {
		if (candidates[i] && candidates[i][0] && !text)
			text = read_regular(candidates[i]);
		g_free(candidates[i]);
	}
	return text;
}

static void add_line(const Annotate *a, TextTable *t, const Place *p,
		     gint32 line, const char *text)
{
	annotate_add_shares(a->report, t,
			    g_hash_table_lookup(p->lines,
						GINT_TO_POINTER(line)));
	text_table_cell(t, line > 0 ? g_strdup_printf("%d", line)
				    : g_strdup("?"), text_dim);
	text_table_cell(t, text_escape(text ? text : ""), NULL);
}

/* Whether a line that took no time is near one that did. */
static gboolean is_near(const Annotate *a, const Place *p, gint64 line)
{
	gint64 i = MAX(line - a->context, p->first);
	gint64 end = MIN(line + a->context, p->last);

	for (; i <= end; i++)
		if (g_hash_table_contains(p->lines, GINT_TO_POINTER((gint)i)))
			return TRUE;
	return FALSE;
}

static void add_lines(const Annotate *a, TextTable *t, const Place *p,
		      char **text)
{
	gint64 line = MAX((gint64)p->first - a->context, 1);
	gint64 last = MIN((gint64)p->last + a->context, g_strv_length(text));
	gboolean gap = FALSE;

	last = MIN(last, line + LINES_MAX);
	for (; line <= last; line++) {
		g_autofree char *tabs = NULL;
		g_auto(GStrv) parts = NULL;

		if (!is_near(a, p, line)) {
			gap = TRUE;
			continue;
		}
		if (gap) {
			text_table_cell(t, g_strdup("..."), text_dim);
			text_table_row(t);
		}
		gap = FALSE;
		parts = g_strsplit(text[line - 1], "\t", -1);
		tabs = g_strjoinv("    ", parts);
		add_line(a, t, p, (gint32)line, g_strchomp(tabs));
	}
}

static gint compare_lines(gconstpointer a, gconstpointer b)
{
	return GPOINTER_TO_INT(a) - GPOINTER_TO_INT(b);
}

/* Where the source cannot be had: the numbers alone. */
static void add_numbers(const Annotate *a, TextTable *t, const Place *p)
{
	GList *lines = g_list_sort(g_hash_table_get_keys(p->lines),
				   compare_lines), *at;

	for (at = lines; at; at = at->next)
		add_line(a, t, p, GPOINTER_TO_INT(at->data), NULL);
	g_list_free(lines);
}

static void print_place(const Annotate *a, const Place *p, FILE *to)
{
	static const TextColumn columns[] = {
		{ "self %", TRUE, 0, 1 }, { "total %", TRUE, 0, 0 },
		{ "line", TRUE, 0, 0 }, { "source", FALSE, 20, 0 },
	};
	const Profile *profile = a->report->profile;
	g_autoptr(TextTable) t = text_table_new(columns,
						G_N_ELEMENTS(columns));
	const char *file = profile_text(profile, p->file);
	g_autofree char *shown = text_escape(file);
	g_autofree char *module = text_escape(profile_text(profile,
							   p->module));
	g_autofree char *name = text_escape(a->function);
	g_autofree char *text = read_source(a, file);

	fprintf(to, "%s in %s, %s\n", name, module[0] ? module : "?",
		shown[0] ? shown : "of unknown source");
	if (text) {
		g_auto(GStrv) lines = NULL;
		g_autofree char *valid = g_utf8_make_valid(text, -1);

		lines = g_strsplit(valid, "\n", -1);
		add_lines(a, t, p, lines);
	} else {
		if (file[0])
			fprintf(to, "(the source is not here; --source DIR "
				"says where it is)\n");
		add_numbers(a, t, p);
	}
	text_table_print(t, to);
	fputc('\n', to);
}

void annotate_source(const Annotate *a, FILE *to)
{
	g_autoptr(GPtrArray) places = collect_places(a);
	guint i;

	for (i = 0; i < places->len; i++)
		print_place(a, places->pdata[i], to);
}
