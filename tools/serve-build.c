/* SPDX-License-Identifier: MIT */
/*
 * serve-build: see serve-build.h. One profile is made at a time: names come
 * from one Symbols, which remembers the files that it has read.
 */
#include "tools/serve-build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/live.h"
#include "tools/page-document.h"
#include "tools/pprof-write.h"
#include "tools/report.h"
#include "tools/symbols.h"

struct _Builder {
	GMutex lock;			/* of symbols */
	Symbols *symbols;
};

/* A Build that owns what it points to. */
typedef struct {
	Builder *builder;
	BuildKind kind;
	GPtrArray *feeds;
	char *title;
	GRegex *filter;
	guint limit;
	BuildDone done;
	gpointer data;
} Job;

Builder *builder_new(void)
{
	const SymbolsOptions options = { .quiet = TRUE };
	Builder *b = g_new0(Builder, 1);

	g_mutex_init(&b->lock);
	b->symbols = symbols_new(&options);
	return b;
}

void builder_free(Builder *b)
{
	symbols_free(b->symbols);
	g_mutex_clear(&b->lock);
	g_free(b);
}

static void job_free(gpointer data)
{
	Job *j = data;

	g_ptr_array_unref(j->feeds);
	g_free(j->title);
	g_clear_pointer(&j->filter, g_regex_unref);
	g_free(j);
}

/* --- columns ---------------------------------------------------------------------- */

/* Moves column `from` behind the others, where readers look first. */
static void put_last(Profile *p, guint from)
{
	guint last = p->type_count - 1, i;
	ProfileValueType type = p->type[from];

	p->type[from] = p->type[last];
	p->type[last] = type;
	for (i = 0; i < p->samples->len; i++) {
		ProfileSample *s = profile_at(p->samples, ProfileSample, i);
		gint64 value = s->value[from];

		s->value[from] = s->value[last];
		s->value[last] = value;
	}
	p->default_type = last;
}

/* Takes the last column away. */
static void drop_last(Profile *p)
{
	guint i;

	p->type_count--;
	for (i = 0; i < p->samples->len; i++)
		profile_at(p->samples, ProfileSample,
			   i)->value[p->type_count] = 0;
}

static gboolean choose_wall(Profile *p, GError **error)
{
	gint wall = profile_find_type(p, "wall"), cpu;

	if (wall < 0) {
		g_set_error_literal(error, G_IO_ERROR,
				    G_IO_ERROR_NOT_SUPPORTED,
				    "its agent does not measure wall time");
		return FALSE;
	}
	cpu = profile_find_type(p, "cpu");
	if (cpu >= 0) {
		put_last(p, (guint)cpu);
		drop_last(p);
	}
	put_last(p, (guint)profile_find_type(p, "wall"));
	return TRUE;
}

static void choose_cpu(Profile *p)
{
	gint cpu = profile_find_type(p, "cpu");

	if (cpu >= 0)
		put_last(p, (guint)cpu);
}

static void say_all_is_named(Profile *p)
{
	guint i;

	for (i = 0; i < p->mappings->len; i++)
		profile_at(p->mappings, ProfileMapping, i)->has_functions =
			TRUE;
}

/* --- results ----------------------------------------------------------------------- */

static GBytes *make_pprof(Profile *p, GError **error)
{
	g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();

	if (!pprof_write_stream(p, out, error) ||
	    !g_output_stream_close(out, NULL, error))
		return NULL;
	return g_memory_output_stream_steal_as_bytes(
		G_MEMORY_OUTPUT_STREAM(out));
}

static GBytes *make_page(const Job *j, Profile *p)
{
	const PageContent content = {
		.title = j->title, .profile = { p, NULL },
		.name = { "now", NULL }, .type = -1,
		.notes = { symbols_notes(j->builder->symbols), NULL },
	};
	GString *text = g_string_sized_new(1 << 16);

	page_document_append(text, &content);
	return g_string_free_to_bytes(text);
}

static GBytes *make_table(const Job *j, Profile *p)
{
	const CalltreeOptions options = { .type = p->default_type,
					  .flat = TRUE };
	g_autoptr(Calltree) tree = calltree_new(p, &options);
	Health health;
	const Report report = { .profile = p, .options = &options,
				.tree = tree, .health = &health,
				.sort = REPORT_BY_SELF, .filter = j->filter,
				.limit = j->limit };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	health_init(&health, p, NULL);
	if (j->kind == BUILD_TABLE_CSV)
		report_print_csv(&report, to);
	else
		report_print_json(&report, to);
	fclose(to);
	health_release(&health);
	return g_bytes_new_with_free_func(text, size, free, text);
}

static GBytes *make(const Job *j, Profile *p, GError **error)
{
	switch (j->kind) {
	case BUILD_PAGE:
		return make_page(j, p);
	case BUILD_TABLE:
	case BUILD_TABLE_CSV:
		return make_table(j, p);
	case BUILD_FILE:
		choose_cpu(p);
		return make_pprof(p, error);
	case BUILD_WALL:
		if (!choose_wall(p, error))
			return NULL;
		break;
	default:
		choose_cpu(p);
	}
	say_all_is_named(p);
	return make_pprof(p, error);
}

/* --- the thread ---------------------------------------------------------------------- */

static Profile *put_together(const Job *j, GError **error)
{
	g_autoptr(Live) live = live_new(TRUE);
	guint i, k, count = 0;

	for (i = 0; i < j->feeds->len; i++) {
		const GPtrArray *list = j->feeds->pdata[i];

		for (k = 0; k < list->len; k++, count++)
			if (!live_add(live, list->pdata[k], 1 + k, error))
				return NULL;
	}
	if (count > 0)
		return live_finish(live);
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "its agent sent nothing yet");
	return NULL;
}

static void run(GTask *task, gpointer source, gpointer data,
		GCancellable *cancel)
{
	const Job *j = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = put_together(j, &error);
	GBytes *result = NULL;

	(void)source;
	(void)cancel;
	if (p) {
		g_mutex_lock(&j->builder->lock);
		symbols_resolve(j->builder->symbols, p);
		result = make(j, p, &error);
		g_mutex_unlock(&j->builder->lock);
	}
	if (result)
		g_task_return_pointer(task, result,
				      (GDestroyNotify)g_bytes_unref);
	else
		g_task_return_error(task, g_steal_pointer(&error));
}

static void finish(GObject *source, GAsyncResult *result, gpointer data)
{
	GTask *task = G_TASK(result);
	const Job *j = g_task_get_task_data(task);
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes = g_task_propagate_pointer(task, &error);

	(void)source;
	(void)data;
	j->done(j->data, bytes, error);
}

void build(Builder *b, const Build *what, BuildDone done, gpointer data)
{
	g_autoptr(GTask) task = g_task_new(NULL, NULL, finish, NULL);
	Job *j = g_new(Job, 1);

	*j = (Job){ .builder = b, .kind = what->kind, .limit = what->limit,
		    .feeds = g_ptr_array_ref(what->feeds),
		    .title = g_strdup(what->title), .done = done,
		    .filter = what->filter ? g_regex_ref(what->filter) : NULL,
		    .data = data };
	g_task_set_task_data(task, j, job_free);
	g_task_run_in_thread(task, run);
}
