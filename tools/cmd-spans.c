/* SPDX-License-Identifier: MIT */
/*
 * profagent spans: how long the pieces of work took that programs count with
 * profagent_span_begin() and _end(); of profiles, or of running processes.
 */
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/pprof-read.h"
#include "tools/span-list.h"
#include "tools/targets.h"
#include "tools/text.h"

static const char name[] = "spans";

typedef struct {
	char **words;
	gboolean json, csv;
} Options;

static const TextColumn columns[] = {
	{ "SPAN", FALSE, 12, 0 }, { "N", TRUE, 0, 0 },
	{ "TOTAL", TRUE, 0, 2 },  { "MEAN", TRUE, 0, 4 },
	{ "P50", TRUE, 0, 0 },	  { "P95", TRUE, 0, 3 },
	{ "P99", TRUE, 0, 0 },	  { "MAX", TRUE, 0, 1 },
};

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json, "As JSON", NULL },
		{ "csv", 0, 0, G_OPTION_ARG_NONE, &o->csv,
		  "As comma-separated values", NULL },
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
	if (o->json && o->csv) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "--json or --csv, not both");
		return FALSE;
	}
	if (o->words && o->words[0])
		return TRUE;
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "of which FILE or process?");
	return FALSE;
}

/* --- what is to be shown -------------------------------------------------------- */

static gboolean add_target(SpanList *list, Target *t, GError **error)
{
	if (t->client)
		return span_list_add_client(list, t->client, error);
	g_propagate_error(error, g_error_copy(t->error));
	return FALSE;
}

static gboolean add_word(SpanList *list, char *word, GError **error)
{
	char *words[] = { word, NULL };
	const TargetQuery query = { .words = words };
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GPtrArray) targets = NULL;
	guint i;

	if (g_file_test(word, G_FILE_TEST_EXISTS)) {
		if (!pprof_read_path(p, word, PPROF_READ_NO_MOMENTS, error))
			return FALSE;
		span_list_add(list, p);
		return TRUE;
	}
	targets = targets_find(&query, error);
	for (i = 0; targets && i < targets->len; i++)
		if (!add_target(list, targets->pdata[i], error))
			return FALSE;
	return targets != NULL;
}

/* --- showing ------------------------------------------------------------------------ */

static void print_row(TextTable *table, const ProfileSpan *s)
{
	static const double shares[] = { 0.5, 0.95, 0.99 };
	gsize i;

	text_table_row(table);
	text_table_cell(table, text_escape(s->name), NULL);
	text_table_cell(table, text_count((double)s->count), NULL);
	text_table_cell(table, text_time((double)s->sum_ns), NULL);
	text_table_cell(table, text_time((double)span_list_mean(s)), NULL);
	for (i = 0; i < G_N_ELEMENTS(shares); i++)
		text_table_cell(table, text_time((double)span_list_quantile(
						s, shares[i])), NULL);
	text_table_cell(table, text_time((double)s->max_ns), NULL);
}

static void print_table(const SpanList *list)
{
	g_autoptr(TextTable) table = text_table_new(columns,
						    G_N_ELEMENTS(columns));
	g_autoptr(GPtrArray) rows = span_list_rows(list);
	guint i;

	if (rows->len == 0) {
		cmd_say(name, "no span was counted");
		return;
	}
	for (i = 0; i < rows->len; i++)
		print_row(table, rows->pdata[i]);
	text_table_row(table);
	text_table_print(table, stdout);
}

static void show(const Options *o, const SpanList *list)
{
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut json;

	if (o->csv) {
		span_list_put_csv(list, text);
		fputs(text->str, stdout);
	} else if (o->json) {
		json_out_init(&json, text);
		span_list_put_json(list, &json);
		puts(text->str);
	} else {
		print_table(list);
	}
}

int cmd_spans(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(SpanList) list = span_list_new();
	guint i, answered = 0;
	int status = CMD_DONE;

	if (!parse(&o, &argc, &argv, &error)) {
		g_strfreev(o.words);
		return cmd_usage(name, "%s", error->message);
	}
	for (i = 0; o.words[i]; i++) {
		if (add_word(list, o.words[i], &error))
			answered++;
		else
			status = cmd_fail(name, "%s: %s", o.words[i],
					  error->message);
		g_clear_error(&error);
	}
	if (answered > 0)
		show(&o, list);
	g_strfreev(o.words);
	return status;
}
