/* SPDX-License-Identifier: MIT */
/*
 * profagent query: which functions the samples of running processes were in,
 * from their beginning until now. The agents count; nothing is started.
 */
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/function-list.h"
#include "tools/json-out.h"
#include "tools/number.h"
#include "tools/targets.h"
#include "tools/text.h"

static const char name[] = "query";

#define MOST 10		/* rows, unless told otherwise */

typedef struct {
	TargetQuery query;
	char *filter;
	char *most_text;
	gint most;
	gboolean json, full;
} Options;

static const TextColumn columns[] = {
	{ "FUNCTION", FALSE, 16, 0 }, { "OWN", TRUE, 0, 1 },
	{ "%", TRUE, 0, 0 }, { "DEEP", TRUE, 0, 2 }, { "%", TRUE, 0, 0 },
	{ "OBJECT", FALSE, 12, 3 },
};

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "filter", 'f', 0, G_OPTION_ARG_STRING, &o->filter,
		  "Only functions whose name, or OBJECT:NAME, the regular "
		  "expression matches anywhere", "RE" },
		{ "max", 'n', 0, G_OPTION_ARG_STRING, &o->most_text,
		  "So many functions at most (10; 0: all)", "N" },
		{ "full-names", 0, 0, G_OPTION_ARG_NONE, &o->full,
		  "Names with argument types", NULL },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json, "As JSON", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Shows which functions running "
		"processes spent their time in since they began, as their "
		"agents count it.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-query(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	target_query_add_options(&o->query, context);
	if (!g_option_context_parse(context, argc, argv, error) ||
	    !target_query_check(&o->query, error))
		return FALSE;
	return number_take_int("--max", o->most_text, 0, G_MAXINT,
			       "0 for all", &o->most, error);
}

/* NULL: *error, or no filter. */
static GRegex *compile(const char *filter, GError **error)
{
	g_autoptr(GError) problem = NULL;
	GRegex *regex;

	if (!filter)
		return NULL;
	regex = g_regex_new(filter, G_REGEX_OPTIMIZE, 0, &problem);
	if (!regex)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--filter: %s", problem->message);
	return regex;
}

static gboolean add(FunctionList *list, const Target *t, GError **error)
{
	g_autoptr(GBytes) frame = NULL;
	const char *text;
	gsize size;

	if (t->client)
		frame = client_ask_frame(t->client, "functions", error);
	else
		g_propagate_error(error, g_error_copy(t->error));
	if (!frame)
		return FALSE;
	text = g_bytes_get_data(frame, &size);
	function_list_add(list, text, size);
	return TRUE;
}

/* --- showing ------------------------------------------------------------------ */

static char *percent(guint64 n, guint64 of)
{
	return g_strdup_printf("%.1f", of ? 100.0 * (double)n / (double)of
					  : 0.0);
}

static void print_row(TextTable *table, const FunctionCount *c, guint64 all)
{
	text_table_row(table);
	text_table_cell(table, text_escape(c->name), NULL);
	text_table_cell(table, text_count((double)c->self), NULL);
	text_table_cell(table, percent(c->self, all),
			text_share_color(all ? (double)c->self / (double)all
					     : 0));
	text_table_cell(table, text_count((double)c->total), NULL);
	text_table_cell(table, percent(c->total, all), NULL);
	text_table_cell(table, text_escape(c->object), NULL);
}

static void print_table(const GPtrArray *rows, guint most, guint64 all)
{
	g_autoptr(TextTable) table = text_table_new(columns,
						    G_N_ELEMENTS(columns));
	guint i;

	for (i = 0; i < rows->len && i < most; i++)
		print_row(table, rows->pdata[i], all);
	text_table_row(table);
	text_table_print(table, stdout);
	printf("top %u of %u functions, %" G_GUINT64_FORMAT " samples\n", i,
	       rows->len, all);
}

static void put_row(JsonOut *json, const FunctionCount *c)
{
	json_out_open(json, '{');
	json_out_key(json, "name");
	json_out_string(json, c->name);
	json_out_key(json, "object");
	json_out_string(json, c->object);
	json_out_count(json, "self", c->self);
	json_out_count(json, "total", c->total);
	json_out_count(json, "self_ns", c->self_ns);
	json_out_count(json, "total_ns", c->total_ns);
	json_out_close(json, '}');
}

static void print_json(const GPtrArray *rows, guint most, guint64 all)
{
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut json;
	guint i;

	json_out_init(&json, text);
	json_out_open(&json, '{');
	json_out_count(&json, "samples", all);
	json_out_count(&json, "functions", rows->len);
	json_out_key(&json, "rows");
	json_out_open(&json, '[');
	for (i = 0; i < rows->len && i < most; i++)
		put_row(&json, rows->pdata[i]);
	json_out_close(&json, ']');
	json_out_close(&json, '}');
	puts(text->str);
}

static int query(const Options *o, GPtrArray *targets, GRegex *filter)
{
	g_autoptr(FunctionList) list = function_list_new(o->full);
	g_autoptr(GPtrArray) rows = NULL;
	guint i, most = o->most ? (guint)o->most : G_MAXUINT, answered = 0;
	int status = CMD_DONE;

	for (i = 0; i < targets->len; i++) {
		g_autofree char *who = target_name(targets->pdata[i]);
		g_autoptr(GError) error = NULL;

		if (add(list, targets->pdata[i], &error))
			answered++;
		else
			status = cmd_fail(name, "%s: %s", who, error->message);
	}
	rows = function_list_select(list, filter);
	if (o->json && answered > 0)
		print_json(rows, most, function_list_samples(list));
	else if (rows->len > 0)
		print_table(rows, most, function_list_samples(list));
	else if (answered > 0)
		cmd_say(name, "%s", function_list_samples(list) ?
			"no function matches" : "nothing was sampled");
	return status;
}

int cmd_query(int argc, char **argv)
{
	Options o = { .most = MOST };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = NULL;
	g_autoptr(GRegex) filter = NULL;
	int status;

	if (parse(&o, &argc, &argv, &error))
		filter = compile(o.filter, &error);
	if (error) {
		status = cmd_usage(name, "%s", error->message);
	} else {
		targets = targets_find(&o.query, &error);
		status = targets ? query(&o, targets, filter)
				 : cmd_fail(name, "%s", error->message);
	}
	target_query_release(&o.query);
	g_free(o.filter);
	g_free(o.most_text);
	return status;
}
