/* SPDX-License-Identifier: MIT */
/*
 * page-document: see page-document.h. What samples refer to is written from the
 * tables, the samples themselves are walked for each of their columns.
 */
#include "tools/page-document.h"

#include <string.h>

#include "agent/unwind.h"
#include "tools/calltree-frames.h"
#include "tools/health.h"
#include "tools/json-out.h"
#include "tools/page-tables.h"
#include "tools/texthash.h"

/* Fine enough for a heatmap, and short in the file. */
#define MOMENT_UNIT_NS 1000000u
#define WEIGHT_UNIT_NS 1000u

/* --- writing: tables ------------------------------------------------------ */

static void write_strings(JsonOut *out, const char *key, const GPtrArray *list)
{
	json_out_key(out, key);
	json_out_open(out, '[');
	for (guint i = 0; list && i < list->len; i++)
		json_out_string(out, list->pdata[i]);
	json_out_close(out, ']');
}

static void write_modules(JsonOut *out, const PageTables *t)
{
	json_out_key(out, "modules");
	json_out_open(out, '[');
	for (guint i = 0; i < t->modules->len; i++) {
		const char *path = t->modules->pdata[i];
		const char *slash = strrchr(path, '/');

		json_out_open(out, '[');
		json_out_string(out, slash && slash[1] ? slash + 1 : path);
		json_out_string(out, path);
		json_out_close(out, ']');
	}
	json_out_close(out, ']');
}

/* One array of a table from a field of the records of a GArray. */
#define WRITE_COLUMN(out, array, Type, first, field) do { \
	json_out_key(out, #field); \
	json_out_open(out, '['); \
	for (guint row_ = (first); row_ < (array)->len; row_++) \
		json_out_int(out, g_array_index(array, Type, row_).field); \
	json_out_close(out, ']'); \
} while (0)

static void write_frames(JsonOut *out, const PageTables *t)
{
	json_out_key(out, "frames");
	json_out_open(out, '{');
	WRITE_COLUMN(out, t->frames, PageFrame, 0, name);
	WRITE_COLUMN(out, t->frames, PageFrame, 0, file);
	WRITE_COLUMN(out, t->frames, PageFrame, 0, module);
	WRITE_COLUMN(out, t->frames, PageFrame, 0, line);
	WRITE_COLUMN(out, t->frames, PageFrame, 0, flags);
	json_out_close(out, '}');
}

static void write_stacks(JsonOut *out, const PageTables *t)
{
	json_out_key(out, "stacks");
	json_out_open(out, '{');
	json_out_key(out, "parent");
	json_out_open(out, '[');
	for (guint i = 1; i < t->stacks.nodes->len; i++)
		json_out_int(out, i - stack_tree_node(&t->stacks, i)->parent);
	json_out_close(out, ']');
	WRITE_COLUMN(out, t->stacks.nodes, StackNode, 1, frame);
	json_out_close(out, '}');
}

/* --- writing: samples ----------------------------------------------------- */

/* A sample within the document: its profile and the bases of its indices. */
typedef struct {
	const Profile *profile;
	const ProfileSample *sample;
	guint set, thread_base, process_base;
} Row;

typedef void (*RowWriter)(JsonOut *out, const Row *row, gconstpointer data);

static void write_rows(JsonOut *out, const PageContent *content,
		       RowWriter write, gconstpointer data)
{
	Row row = { 0 };

	json_out_open(out, '[');
	for (row.set = 0; row.set < 2 && content->profile[row.set]; row.set++) {
		row.profile = content->profile[row.set];
		for (guint i = 0; i < row.profile->samples->len; i++) {
			row.sample = profile_at(row.profile->samples,
						ProfileSample, i);
			write(out, &row, data);
		}
		row.thread_base += row.profile->threads->len;
		row.process_base += row.profile->processes->len;
	}
	json_out_close(out, ']');
}

static void write_thread(JsonOut *out, const Row *row, gconstpointer data)
{
	guint32 thread = row->sample->thread;

	(void)data;
	json_out_int(out, thread == PROFILE_NONE ? -1 :
		     (gint64)row->thread_base + thread);
}

static void write_process(JsonOut *out, const Row *row, gconstpointer data)
{
	guint32 process = row->sample->process;

	(void)data;
	json_out_int(out, process == PROFILE_NONE ? -1 :
		     (gint64)row->process_base + process);
}

static void write_set(JsonOut *out, const Row *row, gconstpointer data)
{
	(void)data;
	json_out_int(out, row->set);
}

static void write_count(JsonOut *out, const Row *row, gconstpointer data)
{
	(void)data;
	json_out_int(out, row->sample->taken);
}

/* 1 when all weights are equal; they are of the default type. */
static double row_spread(const Row *row)
{
	double value = (double)
		row->sample->value[row->profile->default_type];

	if (value == 0 || row->sample->taken == 0)
		return 1;
	return row->sample->taken * row->sample->square / (value * value);
}

static void write_spread(JsonOut *out, const Row *row, gconstpointer data)
{
	(void)data;
	json_out_double(out, row_spread(row));
}

static void write_value(JsonOut *out, const Row *row, gconstpointer type)
{
	json_out_int(out, row->sample->value[GPOINTER_TO_UINT(type)]);
}

/* The labels of all samples, numbered as they are met. */
typedef struct {
	GPtrArray *names;		/* char *: "key=value" */
	GHashTable *index;		/* name -> number */
} Labels;

static void write_label(JsonOut *out, const Row *row, gconstpointer data)
{
	const Labels *labels = data;
	const Profile *p = row->profile;

	json_out_open(out, '[');
	for (guint i = 0; i < row->sample->label_count; i++) {
		const ProfileLabel *l = profile_at(p->labels, ProfileLabel,
			row->sample->first_label + i);
		g_autofree char *value = calltree_frames_label(p, l);
		char *name = g_strdup_printf("%s=%s", profile_text(p, l->key),
					     value);
		gpointer known;

		if (g_hash_table_lookup_extended(labels->index, name, NULL,
						 &known)) {
			g_free(name);
		} else {
			known = GUINT_TO_POINTER(labels->names->len);
			g_ptr_array_add(labels->names, name);
			g_hash_table_insert(labels->index, name, known);
		}
		json_out_int(out, GPOINTER_TO_UINT(known));
	}
	json_out_close(out, ']');
}

static gboolean has_labels(const PageContent *content)
{
	for (guint set = 0; set < 2 && content->profile[set]; set++) {
		const Profile *p = content->profile[set];

		for (guint i = 0; i < p->samples->len; i++)
			if (profile_at(p->samples, ProfileSample,
				       i)->label_count > 0)
				return TRUE;
	}
	return FALSE;
}

static void write_labels(JsonOut *out, const Labels *labels)
{
	json_out_key(out, "labels");
	json_out_open(out, '[');
	for (guint i = 0; i < labels->names->len; i++)
		json_out_string(out, labels->names->pdata[i]);
	json_out_close(out, ']');
}

static const struct {
	const char *key;
	RowWriter write;
	gboolean compared;	/* only in a comparison */
} sample_columns[] = {
	{ "thread", write_thread, FALSE },
	{ "process", write_process, FALSE },
	{ "set", write_set, TRUE },
	{ "count", write_count, FALSE },
	{ "spread", write_spread, FALSE },
};

static void write_values(JsonOut *out, const PageContent *content)
{
	json_out_key(out, "values");
	json_out_open(out, '[');
	for (guint type = 0; type < content->profile[0]->type_count; type++)
		write_rows(out, content, write_value, GUINT_TO_POINTER(type));
	json_out_close(out, ']');
}

static void write_samples(JsonOut *out, const PageTables *t,
			  const PageContent *content, Labels *labels)
{
	json_out_key(out, "samples");
	json_out_open(out, '{');
	json_out_key(out, "stack");
	json_out_open(out, '[');
	for (guint i = 0; i < t->ends->len; i++)
		json_out_int(out, g_array_index(t->ends, guint32, i));
	json_out_close(out, ']');
	for (gsize i = 0; i < G_N_ELEMENTS(sample_columns); i++) {
		if (sample_columns[i].compared && !content->profile[1])
			continue;
		json_out_key(out, sample_columns[i].key);
		write_rows(out, content, sample_columns[i].write, NULL);
	}
	if (has_labels(content)) {
		json_out_key(out, "labels");
		write_rows(out, content, write_label, labels);
	}
	write_values(out, content);
	json_out_close(out, '}');
}

/* --- writing: moments ----------------------------------------------------- */

static const ProfileMoment *row_moment(const Row *row, guint32 i)
{
	return profile_at(row->profile->moments, ProfileMoment,
			  row->sample->first_moment + i);
}

static void write_moment_count(JsonOut *out, const Row *row,
			       gconstpointer data)
{
	(void)data;
	json_out_int(out, row->sample->moment_count);
}

static void write_deltas(JsonOut *out, const Row *row, gconstpointer data)
{
	gint64 before = 0;

	(void)data;
	for (guint32 i = 0; i < row->sample->moment_count; i++) {
		gint64 at = (gint64)(row_moment(row, i)->time_ns /
				     MOMENT_UNIT_NS);

		json_out_int(out, at - before);
		before = at;
	}
}

static void write_weights(JsonOut *out, const Row *row, gconstpointer data)
{
	(void)data;
	for (guint32 i = 0; i < row->sample->moment_count; i++)
		json_out_int(out, row_moment(row, i)->weight_ns /
			     WEIGHT_UNIT_NS);
}

static gboolean weights_differ(const Profile *p)
{
	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);
		Row row = { .profile = p, .sample = s };

		for (guint32 k = 1; k < s->moment_count; k++)
			if (row_moment(&row, k)->weight_ns !=
			    row_moment(&row, 0)->weight_ns)
				return TRUE;
	}
	return FALSE;
}

static void write_moments(JsonOut *out, const PageContent *content)
{
	json_out_key(out, "moments");
	json_out_open(out, '{');
	json_out_key(out, "unit_ns");
	json_out_int(out, MOMENT_UNIT_NS);
	json_out_key(out, "count");
	write_rows(out, content, write_moment_count, NULL);
	json_out_key(out, "delta");
	write_rows(out, content, write_deltas, NULL);
	if (weights_differ(content->profile[0]) ||
	    (content->profile[1] && weights_differ(content->profile[1]))) {
		json_out_key(out, "weight");
		write_rows(out, content, write_weights, NULL);
	}
	json_out_close(out, '}');
}

/* --- writing: threads and processes --------------------------------------- */

static void write_member_int(JsonOut *out, const char *key, gint64 n)
{
	json_out_key(out, key);
	json_out_int(out, n);
}

static void write_member_string(JsonOut *out, const char *key, const char *s)
{
	json_out_key(out, key);
	json_out_string(out, s);
}

static void write_threads(JsonOut *out, const PageContent *content)
{
	guint base = 0;

	json_out_key(out, "threads");
	json_out_open(out, '[');
	for (guint set = 0; set < 2 && content->profile[set]; set++) {
		const Profile *p = content->profile[set];

		for (guint i = 0; i < p->threads->len; i++) {
			const ProfileThread *t =
				profile_at(p->threads, ProfileThread, i);

			json_out_open(out, '{');
			write_member_int(out, "process",
					 t->process == PROFILE_NONE ? -1 :
					 (gint64)base + t->process);
			write_member_int(out, "tid", t->tid);
			write_member_string(out, "name",
					    profile_text(p, t->name));
			json_out_close(out, '}');
		}
		base += p->processes->len;
	}
	json_out_close(out, ']');
}

static void write_reasons(JsonOut *out, const char *key, const guint64 *counts,
			  guint first, const char *(*name)(guint reason))
{
	json_out_key(out, key);
	json_out_open(out, '[');
	for (guint i = first; i < HEALTH_REASONS; i++) {
		if (counts[i] == 0)
			continue;
		json_out_open(out, '[');
		json_out_string(out, name(i) ? name(i) : "other");
		json_out_int(out, (gint64)counts[i]);
		json_out_close(out, ']');
	}
	json_out_close(out, ']');
}

static void write_counters(JsonOut *out, const ProfileProcess *process)
{
	const struct {
		const char *key;
		guint64 n;
	} counters[] = {
		{ "samples", process->samples },
		{ "expirations", process->expirations },
		{ "handler_ns", process->handler_ns },
		{ "flusher_cpu_ns", process->flusher_cpu_ns },
		{ "cpu_ns", process->cpu_ns },
		{ "sampled_ns", process->sampled_ns },
		{ "memory", process->memory },
		{ "duration_ns", process->duration_ns },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(counters); i++)
		write_member_int(out, counters[i].key,
				 (gint64)counters[i].n);
	json_out_key(out, "asked_hz");
	json_out_double(out, (double)process->asked_mhz / 1000);
	write_reasons(out, "lost", process->lost, 0, health_lost_name);
	write_reasons(out, "truncated", process->truncated,
		      UNWIND_COMPLETE + 1, health_truncated_name);
}

static void write_process_names(JsonOut *out, const Profile *p,
				const ProfileProcess *process)
{
	const struct {
		const char *key;
		ProfileString text;
	} names[] = {
		{ "program", process->program },
		{ "command", process->command },
		{ "host", process->host },
		{ "path", process->path },
		{ "clock", process->clock },
		{ "unwind", process->unwind },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		write_member_string(out, names[i].key,
				    profile_text(p, names[i].text));
}

static void write_process_record(JsonOut *out, const Profile *p,
				 const ProfileProcess *process, guint set)
{
	json_out_open(out, '{');
	write_member_int(out, "set", set);
	write_member_int(out, "pid", process->pid);
	write_member_int(out, "ppid", process->ppid);
	write_process_names(out, p, process);
	write_counters(out, process);
	json_out_key(out, "done");
	json_out_bool(out, process->done);
	json_out_key(out, "foreign");
	json_out_bool(out, process->foreign);
	json_out_key(out, "salvaged");
	json_out_bool(out, process->salvaged);
	write_strings(out, "notes", process->notes);
	write_strings(out, "skipped", process->skipped);
	json_out_close(out, '}');
}

static void write_processes(JsonOut *out, const PageContent *content)
{
	json_out_key(out, "processes");
	json_out_open(out, '[');
	for (guint set = 0; set < 2 && content->profile[set]; set++) {
		const Profile *p = content->profile[set];

		for (guint i = 0; i < p->processes->len; i++)
			write_process_record(out, p,
					     profile_at(p->processes,
							ProfileProcess, i),
					     set);
	}
	json_out_close(out, ']');
}

/* --- the document --------------------------------------------------------- */

static void write_types(JsonOut *out, const PageContent *content)
{
	const Profile *p = content->profile[0];

	json_out_key(out, "types");
	json_out_open(out, '[');
	for (guint i = 0; i < p->type_count; i++) {
		json_out_open(out, '[');
		json_out_string(out, profile_text(p, p->type[i].type));
		json_out_string(out, profile_text(p, p->type[i].unit));
		json_out_close(out, ']');
	}
	json_out_close(out, ']');
	write_member_int(out, "default_type", content->type < 0 ?
			 (gint64)p->default_type : content->type);
}

static void write_sets(JsonOut *out, const PageContent *content)
{
	json_out_key(out, "sets");
	json_out_open(out, '[');
	for (guint set = 0; set < 2 && content->profile[set]; set++)
		json_out_string(out, content->name[set]);
	json_out_close(out, ']');
}

static void write_folded(JsonOut *out, const PageTables *t)
{
	g_autofree char *text = g_strdup_printf("small branches of the tree "
		"are " PROFILE_SMALL_STACKS ": those of %" G_GUINT64_FORMAT
		" of %u stacks", t->folded, t->ends->len);

	if (t->folded > 0)
		json_out_string(out, text);
}

static void write_notes(JsonOut *out, const PageTables *t,
			const PageContent *content)
{
	json_out_key(out, "notes");
	json_out_open(out, '[');
	for (guint set = 0; set < 2; set++)
		for (guint i = 0; content->notes[set] &&
		     i < content->notes[set]->len; i++)
			json_out_string(out, content->notes[set]->pdata[i]);
	write_folded(out, t);
	json_out_close(out, ']');
}

const char *page_content_check(const PageContent *content)
{
	const Profile *a = content->profile[0], *b = content->profile[1];

	if (!b)
		return NULL;
	if (a->type_count != b->type_count)
		return "they measured different things";
	for (guint i = 0; i < a->type_count; i++) {
		if (strcmp(profile_text(a, a->type[i].type),
			   profile_text(b, b->type[i].type)) != 0)
			return "they measured different things";
		if (strcmp(profile_text(a, a->type[i].unit),
			   profile_text(b, b->type[i].unit)) != 0)
			return "they measured in different units";
	}
	return NULL;
}

void page_document_append(GString *text, const PageContent *content)
{
	page_document_append_within(text, content, PAGE_NODES);
}

void page_document_append_within(GString *text, const PageContent *content,
				 guint nodes)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GHashTable) index = g_hash_table_new(texthash,
						       g_str_equal);
	Labels labels = { names, index };
	JsonOut out;
	PageTables t;

	page_tables_init(&t);
	page_tables_add(&t, content->profile, content->no_inlines, nodes);

	json_out_init(&out, text);
	json_out_open(&out, '{');
	write_member_int(&out, "version", 1);
	write_member_string(&out, "title", content->title);
	write_types(&out, content);
	write_sets(&out, content);
	write_strings(&out, "strings", t.strings);
	write_modules(&out, &t);
	write_frames(&out, &t);
	write_stacks(&out, &t);
	write_samples(&out, &t, content, &labels);
	write_labels(&out, &labels);
	write_moments(&out, content);
	write_threads(&out, content);
	write_processes(&out, content);
	write_notes(&out, &t, content);
	json_out_close(&out, '}');
	page_tables_release(&t);
}
