/* SPDX-License-Identifier: MIT */
/* profagent ps, status: the preloaded processes, and how each of them does. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/control-stream.h"
#include "tools/period.h"
#include "tools/targets.h"
#include "tools/text.h"

typedef struct {
	TargetQuery query;
	gboolean json;
} Options;

static const TextColumn columns[] = {
	{ "PID", TRUE, 0, 0 },	    { "PROGRAM", FALSE, 8, 0 },
	{ "STATE", FALSE, 0, 0 },   { "RATE", TRUE, 0, 3 },
	{ "CLOCK", FALSE, 0, 5 },   { "THREADS", TRUE, 0, 6 },
	{ "SAMPLES", TRUE, 0, 1 },  { "LOST", TRUE, 0, 4 },
	{ "CPU", TRUE, 0, 0 },	    { "COST", TRUE, 0, 2 },
};

/* --- what a status says ------------------------------------------------------- */

static double number(const Target *t, const char *name)
{
	return (double)control_stream_number(t->status, name);
}

static double own_ns(const Target *t)
{
	return number(t, "handler_ns") + number(t, "flusher_cpu_ns");
}

/* What the agent has used, as a share of one core since the program began. */
static char *cost(const Target *t)
{
	double passed = (double)g_get_real_time() * 1000 -
			number(t, "start_unix_ns");

	return passed > 0 ? g_strdup_printf("%.2f%%",
					    100 * own_ns(t) / passed)
			  : g_strdup("-");
}

/* The same beside what the program used meanwhile. */
static char *own_cost(const Target *t)
{
	g_autofree char *core = cost(t);
	double cpu = number(t, "cpu_ns");

	if (cpu <= 0)
		return g_strdup_printf("%s of a core", core);
	return g_strdup_printf("%s of a core, %.2f%% of the program's CPU "
			       "time", core, 100 * own_ns(t) / cpu);
}

static char *text_of(const Target *t, const char *name)
{
	return text_escape(control_stream_text(t->status, name));
}

/* --- JSON ------------------------------------------------------------------------ */

static JsonNode *to_json(Target *t)
{
	JsonObject *object = json_object_new();
	JsonNode *node = json_node_new(JSON_NODE_OBJECT);
	GList *names, *at;

	json_object_set_int_member(object, "pid", t->pid);
	json_object_set_string_member(object, "socket", t->path);
	if (t->error)
		json_object_set_string_member(object, "error",
					      t->error->message);
	names = t->status ? json_object_get_members(t->status) : NULL;
	for (at = names; at; at = at->next)
		if (strcmp(at->data, "ok") != 0)
			json_object_set_member(
				object, at->data,
				json_object_dup_member(t->status, at->data));
	g_list_free(names);
	json_node_take_object(node, object);
	return node;
}

static void print_json(GPtrArray *targets)
{
	g_autoptr(JsonGenerator) generator = json_generator_new();
	g_autoptr(JsonNode) root = json_node_new(JSON_NODE_ARRAY);
	JsonArray *list = json_array_new();
	g_autofree char *text = NULL;
	guint i;

	for (i = 0; i < targets->len; i++)
		json_array_add_element(list, to_json(targets->pdata[i]));
	json_node_take_array(root, list);
	json_generator_set_root(generator, root);
	json_generator_set_pretty(generator, TRUE);
	text = json_generator_to_data(generator, NULL);
	puts(text);
}

/* --- ps -------------------------------------------------------------------------- */

static void add_row(TextTable *table, const Target *t)
{
	static const char *const counts[] = { "threads", "samples", "lost" };
	gsize i;

	text_table_row(table);
	text_table_cell(table, g_strdup_printf("%d", t->pid), NULL);
	text_table_cell(table, text_escape(target_program(t)), NULL);
	if (!t->status) {
		text_table_cell(table, g_strdup("no answer"), NULL);
		return;
	}
	text_table_cell(table, text_of(t, "state"), NULL);
	text_table_cell(table, period_rate((guint64)number(t, "period_ns")),
			NULL);
	text_table_cell(table, text_of(t, "clock"), NULL);
	for (i = 0; i < G_N_ELEMENTS(counts); i++)
		text_table_cell(table, text_count(number(t, counts[i])), NULL);
	text_table_cell(table, text_time(number(t, "cpu_ns")), NULL);
	text_table_cell(table, cost(t), NULL);
}

static void print_table(GPtrArray *targets)
{
	g_autoptr(TextTable) table = text_table_new(columns,
						    G_N_ELEMENTS(columns));
	guint i;

	for (i = 0; i < targets->len; i++)
		add_row(table, targets->pdata[i]);
	text_table_row(table);
	text_table_print(table, stdout);
}

/* --- status ----------------------------------------------------------------------- */

static void print_line(const char *what, char *value)
{
	printf("  %-12s %s\n", what, value);
	g_free(value);
}

static char *lost(const Target *t)
{
	g_autofree char *all = text_count(number(t, "samples"));
	g_autofree char *less = text_count(number(t, "lost"));
	g_autofree char *cut = text_count(number(t, "truncated"));

	return g_strdup_printf("%s taken, %s lost, %s cut short", all, less,
			       cut);
}

static char *rate(const Target *t)
{
	g_autofree char *asked = period_rate((guint64)number(t, "period_ns"));
	double cpu = number(t, "cpu_ns");

	if (cpu <= 0)
		return g_strdup_printf("%s asked", asked);
	return g_strdup_printf("%s asked, %.1f Hz of CPU time achieved", asked,
			       1e9 * number(t, "expirations") / cpu);
}

static char *cpu_time(const Target *t)
{
	g_autofree char *cpu = text_time(number(t, "cpu_ns"));
	g_autofree char *sampled = text_time(number(t, "sampled_ns"));

	return g_strdup_printf("%s while profiled, %s in samples", cpu,
			       sampled);
}

static void print_status(const Target *t)
{
	g_autofree char *name = target_name(t);
	g_autofree char *shown = text_escape(name);
	gint64 watchers = control_stream_number(t->status, "subscribers");
	g_autofree char *output = text_of(t, "output");

	printf("%s: %s\n", shown, control_stream_text(t->status, "state"));
	print_line("rate", rate(t));
	print_line("clock", text_of(t, "clock"));
	print_line("stacks", text_of(t, "unwind"));
	print_line("signal", g_strdup_printf("%.0f", number(t, "signal")));
	print_line("threads", text_count(number(t, "threads")));
	print_line("samples", lost(t));
	print_line("CPU time", cpu_time(t));
	print_line("own cost", own_cost(t));
	print_line("memory", text_value(number(t, "memory"), "bytes"));
	print_line("output", g_strdup(output[0] ? output
						: "none yet: no sample"));
	if (watchers > 0)
		print_line("watched by",
			   g_strdup_printf("%" G_GINT64_FORMAT, watchers));
}

static int print_all(GPtrArray *targets)
{
	int status = CMD_DONE;
	guint i;

	for (i = 0; i < targets->len; i++) {
		const Target *t = targets->pdata[i];

		if (t->status) {
			print_status(t);
			continue;
		}
		cmd_say("status", "%d: %s", t->pid, t->error->message);
		status = CMD_FAILED;
	}
	return status;
}

/* --- both --------------------------------------------------------------------------- */

static gboolean parse(Options *o, const char *summary, gboolean words,
		      int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json,
		  "As JSON", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context,
		"Read more in the manual page profagent-ps(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	if (words)
		target_query_add_options(&o->query, context);
	return g_option_context_parse(context, argc, argv, error);
}

int cmd_ps(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = NULL;

	if (!parse(&o, "Lists the preloaded processes of this user; for root, "
		   "of all users.", FALSE, &argc, &argv, &error))
		return cmd_usage("ps", "%s", error->message);
	if (argc > 1)
		return cmd_usage("ps", "'%s' is too much: it lists all",
				 argv[1]);
	targets = targets_list();
	if (o.json)
		print_json(targets);
	else if (targets->len > 0)
		print_table(targets);
	else
		cmd_say("ps", "there is no preloaded process");
	return CMD_DONE;
}

int cmd_status(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = NULL;
	int status = CMD_DONE;

	if (!parse(&o, "Shows how the agent of a process does.", TRUE, &argc,
		   &argv, &error) ||
	    !target_query_check(&o.query, &error)) {
		status = cmd_usage("status", "%s", error->message);
	} else if (!(targets = targets_find(&o.query, &error))) {
		status = cmd_fail("status", "%s", error->message);
	} else if (o.json) {
		print_json(targets);
	} else {
		status = print_all(targets);
	}
	target_query_release(&o.query);
	return status;
}
