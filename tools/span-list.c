/* SPDX-License-Identifier: MIT */
/* span-list: see span-list.h. */
#include "tools/span-list.h"

#include <string.h>

#include "tools/csv.h"
#include "tools/pprof-read.h"

struct _SpanList {
	GHashTable *sums;		/* ProfileSpan * by name */
};

SpanList *span_list_new(void)
{
	SpanList *l = g_new0(SpanList, 1);

	l->sums = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	return l;
}

void span_list_free(SpanList *l)
{
	if (!l)
		return;
	g_hash_table_unref(l->sums);
	g_free(l);
}

/* --- adding ------------------------------------------------------------------ */

static void add(SpanList *l, const ProfileSpan *s)
{
	ProfileSpan *sum = g_hash_table_lookup(l->sums, s->name);
	guint i;

	if (!sum) {
		sum = g_new0(ProfileSpan, 1);
		g_strlcpy(sum->name, s->name, sizeof(sum->name));
		g_hash_table_insert(l->sums, sum->name, sum);
	}
	sum->count += s->count;
	sum->sum_ns += s->sum_ns;
	sum->max_ns = MAX(sum->max_ns, s->max_ns);
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->counts[i] += s->counts[i];
}

void span_list_add(SpanList *l, const Profile *p)
{
	guint i, k;

	for (i = 0; i < p->processes->len; i++) {
		const ProfileProcess *c = profile_at(p->processes,
						     ProfileProcess, i);

		for (k = 0; c->spans && k < c->spans->len; k++)
			add(l, profile_at(c->spans, ProfileSpan, k));
	}
}

gboolean span_list_add_client(SpanList *l, Client *c, GError **error)
{
	g_autoptr(GBytes) message = client_ask_frame(c, "span-counts", error);
	g_autoptr(Profile) p = profile_new();
	const guint8 *data;
	gsize size;

	if (!message)
		return FALSE;
	data = g_bytes_get_data(message, &size);
	if (!pprof_read_bytes(p, "spans", data, size, PPROF_READ_NO_REGION,
			      error))
		return FALSE;
	span_list_add(l, p);
	return TRUE;
}

/* --- what it says ------------------------------------------------------------ */

static gint by_time(gconstpointer a, gconstpointer b)
{
	const ProfileSpan *x = *(const ProfileSpan *const *)a;
	const ProfileSpan *y = *(const ProfileSpan *const *)b;

	if (x->sum_ns != y->sum_ns)
		return x->sum_ns < y->sum_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

GPtrArray *span_list_rows(const SpanList *l)
{
	GPtrArray *rows = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, l->sums);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (((const ProfileSpan *)value)->count > 0)
			g_ptr_array_add(rows, value);
	/* a damaged file has such that were never counted */
	g_ptr_array_sort(rows, by_time);
	return rows;
}

guint64 span_list_mean(const ProfileSpan *s)
{
	return s->count ? s->sum_ns / s->count : 0;
}

guint64 span_list_quantile(const ProfileSpan *s, double share)
{
	guint64 ns = histogram_quantile(s->counts, s->count, share);

	return MIN(ns, s->max_ns);
}

static void put_row(JsonOut *json, const ProfileSpan *s)
{
	json_out_open(json, '{');
	json_out_key(json, "name");
	json_out_string(json, s->name);
	json_out_count(json, "n", s->count);
	json_out_count(json, "total_ns", s->sum_ns);
	json_out_count(json, "mean_ns", span_list_mean(s));
	json_out_count(json, "p50_ns", span_list_quantile(s, 0.5));
	json_out_count(json, "p95_ns", span_list_quantile(s, 0.95));
	json_out_count(json, "p99_ns", span_list_quantile(s, 0.99));
	json_out_count(json, "max_ns", s->max_ns);
	json_out_close(json, '}');
}

void span_list_put_json(const SpanList *l, JsonOut *out)
{
	g_autoptr(GPtrArray) rows = span_list_rows(l);
	guint i;

	json_out_open(out, '[');
	for (i = 0; i < rows->len; i++)
		put_row(out, rows->pdata[i]);
	json_out_close(out, ']');
}

void span_list_put_csv(const SpanList *l, GString *text)
{
	static const char *const titles[] = {
		"name", "n", "total_ns", "mean_ns", "p50_ns", "p95_ns",
		"p99_ns", "max_ns", NULL
	};
	g_autoptr(GPtrArray) rows = span_list_rows(l);
	Csv csv;
	guint i;

	csv_init(&csv, text);
	csv_titles(&csv, titles);
	for (i = 0; i < rows->len; i++) {
		const ProfileSpan *s = rows->pdata[i];

		csv_text(&csv, s->name);
		csv_int(&csv, s->count);
		csv_int(&csv, s->sum_ns);
		csv_int(&csv, span_list_mean(s));
		csv_int(&csv, span_list_quantile(s, 0.5));
		csv_int(&csv, span_list_quantile(s, 0.95));
		csv_int(&csv, span_list_quantile(s, 0.99));
		csv_int(&csv, s->max_ns);
		csv_end_row(&csv);
	}
}
