/* SPDX-License-Identifier: MIT */
/*
 * profagent start, stop, pause, resume, interval, flush, reset: one request to
 * each of some processes, from a table.
 */
#include <string.h>

#include "tools/cmd.h"
#include "tools/control-stream.h"
#include "tools/period.h"
#include "tools/targets.h"
#include "tools/text.h"

typedef struct {
	const char *name, *summary;
	gboolean takes_interval;
	/* What is said of a process when it is done; NULL: its state. */
	const char *done;
} Steer;

static const Steer steers[] = {
	{ "start",
	  "Begins to profile, or goes on with it.", FALSE, NULL },
	{ "resume",
	  "Goes on with profiling, or begins it.", FALSE, NULL },
	{ "stop", "Stops profiling. What there is is kept, and written.",
	  FALSE, NULL },
	{ "pause", "Pauses profiling. What there is is kept, and written.",
	  FALSE, NULL },
	{ "interval", "Changes how often samples are taken. INTERVAL: 5ms, "
	  "250us, 99Hz.", TRUE, NULL },
	{ "flush", "Has the samples taken so far written to the file.",
	  FALSE, "written to" },
	{ "reset", "Begins a new file; the old one is kept as "
	  "NAME.old.pb.gz.", FALSE, "a new file follows" },
};

typedef struct {
	const Steer *steer;
	TargetQuery query;
	gboolean quiet;
	guint64 interval_ns;
} Options;

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
		  "Say nothing unless it fails", NULL },
		{ NULL }
	};
	/* what the query takes comes before it */
	g_autoptr(GOptionContext) context = g_option_context_new(
		o->steer->takes_interval ? "INTERVAL" : NULL);

	g_option_context_set_summary(context, o->steer->summary);
	g_option_context_set_description(context,
		"Read more in the manual page profagent-start(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	target_query_add_options(&o->query, context);
	return g_option_context_parse(context, argc, argv, error);
}

/* The last word is the interval. */
static gboolean take_interval(Options *o, GError **error)
{
	guint n = o->query.words ? g_strv_length(o->query.words) : 0;
	g_autofree char *last = NULL;

	if (n == 0) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "which interval? Usage: profagent interval "
				    "PID|NAME... INTERVAL");
		return FALSE;
	}
	last = g_steal_pointer(&o->query.words[n - 1]);
	return period_parse(last, &o->interval_ns, error);
}

static char *request(const Options *o)
{
	if (o->steer->takes_interval)
		return g_strdup_printf("interval %" G_GUINT64_FORMAT,
				       o->interval_ns);
	return g_strdup(o->steer->name);
}

static void say_done(const Options *o, const Target *t, JsonObject *status)
{
	g_autofree char *rate = period_rate(
		(guint64)control_stream_number(status, "period_ns"));
	g_autofree char *name = target_name(t);
	g_autofree char *text = text_escape(name);
	g_autofree char *output = text_escape(
		control_stream_text(status, "output"));

	if (!o->steer->done)
		printf("%s: %s at %s\n", text,
		       control_stream_text(status, "state"), rate);
	else if (strcmp(o->steer->name, "flush") == 0 && !output[0])
		printf("%s: no sample yet, so no file\n", text);
	else if (strcmp(o->steer->name, "flush") == 0)
		printf("%s: %s %s\n", text, o->steer->done, output);
	else
		printf("%s: %s\n", text, o->steer->done);
}

static gboolean steer_one(const Options *o, Target *t)
{
	g_autofree char *line = request(o);
	g_autofree char *name = target_name(t);
	g_autoptr(GError) error = NULL;
	g_autoptr(JsonObject) answer = NULL, status = NULL;

	if (t->client)
		answer = client_ask(t->client, line, &error);
	else
		error = g_error_copy(t->error);
	if (answer)
		status = client_ask(t->client, "status", &error);
	if (!status) {
		cmd_say(o->steer->name, "%s: %s", name, error->message);
		return FALSE;
	}
	if (!o->quiet)
		say_done(o, t, status);
	return TRUE;
}

static int steer_all(const Options *o)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = targets_find(&o->query, &error);
	int status = CMD_DONE;
	guint i;

	if (!targets)
		return cmd_fail(o->steer->name, "%s", error->message);
	for (i = 0; i < targets->len; i++)
		if (!steer_one(o, targets->pdata[i]))
			status = CMD_FAILED;
	return status;
}

int cmd_steer(int argc, char **argv)
{
	Options o = { .steer = steers };
	g_autoptr(GError) error = NULL;
	int status;

	/* argv[0] is "profagent NAME" */
	while (!g_str_has_suffix(argv[0], o.steer->name))
		o.steer++;
	if (!parse(&o, &argc, &argv, &error) ||
	    (o.steer->takes_interval && !take_interval(&o, &error)) ||
	    !target_query_check(&o.query, &error))
		status = cmd_usage(o.steer->name, "%s", error->message);
	else
		status = steer_all(&o);
	target_query_release(&o.query);
	return status;
}
