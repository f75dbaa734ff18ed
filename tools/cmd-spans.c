/* SPDX-License-Identifier: MIT */
/*
 * profagent spans: how long the pieces of work took that programs count with
 * profagent_span_begin() and _end(); of profiles, or of running processes.
 */
#include <string.h>

#include "tools/cmd.h"
#include "tools/json-out.h"
#include "tools/pprof-read.h"
#include "tools/targets.h"
#include "tools/text.h"

static const char name[] = "spans";

typedef struct {
	char **words;
	gboolean json;
} Options;

static const TextColumn columns[] = {
	{ "SPAN", FALSE, 12 }, { "N", TRUE, 0 },   { "MEAN", TRUE, 0 },
	{ "P50", TRUE, 0 },    { "P95", TRUE, 0 }, { "P99", TRUE, 0 },
	{ "MAX", TRUE, 0 },
};

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json, "As JSON", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->words, NULL, "FILE|PID|NAME..." },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Shows how long the spans took "
		"that a program counts (profagent(3)).");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-spans(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (o->words && o->words[0])
		return TRUE;
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "of which FILE or process?");
	return FALSE;
}

/* --- what is to be shown -------------------------------------------------------- */

/* Adds up what came from several processes. */
static void add(GHashTable *sums, const ProfileSpan *s)
{
	ProfileSpan *sum = g_hash_table_lookup(sums, s->name);
	guint i;

	if (!sum) {
		sum = g_new0(ProfileSpan, 1);
		g_strlcpy(sum->name, s->name, sizeof(sum->name));
		g_hash_table_insert(sums, sum->name, sum);
	}
	sum->count += s->count;
	sum->sum_ns += s->sum_ns;
	sum->max_ns = MAX(sum->max_ns, s->max_ns);
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->counts[i] += s->counts[i];
}

static void add_profile(GHashTable *sums, const Profile *p)
{
	guint i, k;

	for (i = 0; i < p->processes->len; i++) {
		const ProfileProcess *c = profile_at(p->processes,
						     ProfileProcess, i);

		for (k = 0; c->spans && k < c->spans->len; k++)
			add(sums, profile_at(c->spans, ProfileSpan, k));
	}
}

/* A running process: a snapshot of it holds them, and starts nothing. */
static gboolean add_target(GHashTable *sums, Target *t, GError **error)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GBytes) message = NULL;
	const guint8 *data;
	gsize size;

	if (t->client)
		message = client_ask_frame(t->client, "snapshot", error);
	else
		g_propagate_error(error, g_error_copy(t->error));
	if (!message)
		return FALSE;
	data = g_bytes_get_data(message, &size);
	if (!pprof_read_bytes(p, "spans", data, size, PPROF_READ_NO_REGION,
			      error))
		return FALSE;
	add_profile(sums, p);
	return TRUE;
}

static gboolean add_word(GHashTable *sums, char *word, GError **error)
{
	char *words[] = { word, NULL };
	const TargetQuery query = { .words = words };
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GPtrArray) targets = NULL;
	guint i;

	if (g_file_test(word, G_FILE_TEST_EXISTS)) {
		if (!pprof_read_path(p, word, PPROF_READ_NO_MOMENTS, error))
			return FALSE;
		add_profile(sums, p);
		return TRUE;
	}
	targets = targets_find(&query, error);
	for (i = 0; targets && i < targets->len; i++)
		if (!add_target(sums, targets->pdata[i], error))
			return FALSE;
	return targets != NULL;
}

static guint64 quantile(const ProfileSpan *s, double share)
{
	guint64 ns = histogram_quantile(s->counts, s->count, share);

	return MIN(ns, s->max_ns);
}

/* --- showing ------------------------------------------------------------------------ */

static gint by_time(gconstpointer a, gconstpointer b)
{
	const ProfileSpan *x = a, *y = b;

	if (x->sum_ns != y->sum_ns)
		return x->sum_ns < y->sum_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void print_table(GList *spans)
{
	g_autoptr(TextTable) table = text_table_new(columns,
						    G_N_ELEMENTS(columns));
	static const double shares[] = { 0.5, 0.95, 0.99 };
	gsize i;

	for (; spans; spans = spans->next) {
		const ProfileSpan *s = spans->data;

		text_table_row(table);
		text_table_cell(table, text_escape(s->name), NULL);
		text_table_cell(table, text_count((double)s->count), NULL);
		text_table_cell(table, text_time((double)s->sum_ns /
						 (double)s->count), NULL);
		for (i = 0; i < G_N_ELEMENTS(shares); i++)
			text_table_cell(table, text_time((double)quantile(
							s, shares[i])), NULL);
		text_table_cell(table, text_time((double)s->max_ns), NULL);
	}
	text_table_row(table);
	text_table_print(table, stdout);
}

static void put(JsonOut *json, const char *key, guint64 n)
{
	json_out_key(json, key);
	json_out_int(json, (gint64)n);
}

static void print_json(GList *spans)
{
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut json;

	json_out_init(&json, text);
	json_out_open(&json, '[');
	for (; spans; spans = spans->next) {
		const ProfileSpan *s = spans->data;

		json_out_open(&json, '{');
		json_out_key(&json, "name");
		json_out_string(&json, s->name);
		put(&json, "n", s->count);
		put(&json, "mean_ns", s->sum_ns / s->count);
		put(&json, "p50_ns", quantile(s, 0.5));
		put(&json, "p95_ns", quantile(s, 0.95));
		put(&json, "p99_ns", quantile(s, 0.99));
		put(&json, "max_ns", s->max_ns);
		json_out_close(&json, '}');
	}
	json_out_close(&json, ']');
	puts(text->str);
}

static void show(const Options *o, GHashTable *sums)
{
	g_autoptr(GList) spans = g_hash_table_get_values(sums);
	GList *at, *next;

	for (at = spans; at; at = next) {	/* a damaged file has such */
		next = at->next;
		if (((ProfileSpan *)at->data)->count == 0)
			spans = g_list_delete_link(spans, at);
	}
	spans = g_list_sort(spans, by_time);
	if (o->json)
		print_json(spans);
	else if (spans)
		print_table(spans);
	else
		cmd_say(name, "no span was counted");
}

int cmd_spans(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GHashTable) sums = g_hash_table_new_full(
		g_str_hash, g_str_equal, NULL, g_free);
	int status = CMD_DONE;
	guint i;

	if (!parse(&o, &argc, &argv, &error)) {
		g_strfreev(o.words);
		return cmd_usage(name, "%s", error->message);
	}
	for (i = 0; o.words[i]; i++) {
		if (!add_word(sums, o.words[i], &error))
			status = cmd_fail(name, "%s: %s", o.words[i],
					  error->message);
		g_clear_error(&error);
	}
	if (status == CMD_DONE || g_hash_table_size(sums) > 0)
		show(&o, sums);
	g_strfreev(o.words);
	return status;
}
