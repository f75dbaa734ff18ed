/* SPDX-License-Identifier: MIT */
/*
 * profagent record: watches running processes for a while and writes what they
 * did meanwhile as one finished profile.
 */
#include <glib-unix.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/control-stream.h"
#include "tools/live.h"
#include "tools/number.h"
#include "tools/period.h"
#include "tools/pprof-write.h"
#include "tools/selection.h"
#include "tools/symbols.h"
#include "tools/targets.h"
#include "tools/text.h"
#include "tools/watch.h"

static const char name[] = "record";

#define LAST_WORDS_MS 3000	/* that processes get for their last flush */

typedef struct {
	TargetQuery query;
	char *duration, *output, *interval, *count_text;
	gint64 count;
	gboolean quiet, no_symbols;
	guint64 duration_ns, interval_ns;
} Options;

typedef struct _Record Record;

/* One process that is watched. */
typedef struct {
	Record *record;
	Watch *watch;
	char *name;			/* "PID program" */
	guint64 period_ns;		/* before we changed it */
	GBytes *last;			/* fragment, NULL: none yet */
	gboolean over;			/* nothing more will come */
} Source;

struct _Record {
	const Options *o;
	GMainLoop *loop;
	GPtrArray *sources;
	Live *live;
	gint64 begun_us;
	guint64 missed;			/* fragments */
	gboolean ending, shown;
};

/* --- command line ------------------------------------------------------------- */

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "duration", 'd', 0, G_OPTION_ARG_STRING, &o->duration,
		  "Stop after TIME: 10s, 500ms, 2m", "TIME" },
		{ "count", 'n', 0, G_OPTION_ARG_STRING, &o->count_text,
		  "Stop after N samples", "N" },
		{ "interval", 'i', 0, G_OPTION_ARG_STRING, &o->interval,
		  "Meanwhile take samples that often: 5ms, 200Hz",
		  "INTERVAL" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Where to write (PROGRAM.PID.record.pb.gz)", "FILE" },
		{ "no-symbols", 0, 0, G_OPTION_ARG_NONE, &o->no_symbols,
		  "Leave addresses as they are", NULL },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
		  "Say nothing unless it fails", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Profiles running processes "
		"until Ctrl-C, or as long as is said, and writes a profile.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-record(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	target_query_add_options(&o->query, context);
	return g_option_context_parse(context, argc, argv, error);
}

static gboolean check(Options *o, GError **error)
{
	if (o->duration &&
	    !selection_take_length("--duration", o->duration, &o->duration_ns,
				   error))
		return FALSE;
	if (!number_take("--count", o->count_text, 0, G_MAXINT64,
			 "of samples; 0 for no end", &o->count, error))
		return FALSE;
	if (o->interval &&
	    !period_parse(o->interval, &o->interval_ns, error)) {
		g_prefix_error(error, "--interval: ");
		return FALSE;
	}
	return target_query_check(&o->query, error);
}

static void options_release(Options *o)
{
	target_query_release(&o->query);
	g_free(o->duration);
	g_free(o->output);
	g_free(o->interval);
	g_free(o->count_text);
}

/* --- ending --------------------------------------------------------------------- */

static gboolean give_up(gpointer data)
{
	Record *r = data;

	g_main_loop_quit(r->loop);
	return G_SOURCE_REMOVE;
}

static void quit_when_over(Record *r)
{
	guint i;

	for (i = 0; i < r->sources->len; i++)
		if (!((Source *)r->sources->pdata[i])->over)
			return;
	g_main_loop_quit(r->loop);
}

static void restore_interval(Source *s)
{
	g_autofree char *line = NULL;

	if (s->record->o->interval_ns == 0 || s->period_ns == 0)
		return;
	line = g_strdup_printf("interval %" G_GUINT64_FORMAT, s->period_ns);
	watch_ask(s->watch, line);
}

/* Asks for what there is; the answer to that ends it. */
static void end(Record *r)
{
	guint i;

	if (r->ending)
		return;
	r->ending = TRUE;
	for (i = 0; i < r->sources->len; i++) {
		Source *s = r->sources->pdata[i];

		if (!watch_is_connected(s->watch))
			s->over = TRUE;
		restore_interval(s);
		watch_ask(s->watch, "flush");
	}
	g_timeout_add(LAST_WORDS_MS, give_up, r);
	quit_when_over(r);
}

static gboolean time_is_up(gpointer data)
{
	end(data);
	return G_SOURCE_REMOVE;
}

/* A second Ctrl-C does not wait for the last words. */
static gboolean interrupted(gpointer data)
{
	Record *r = data;

	if (r->ending)
		g_main_loop_quit(r->loop);
	end(r);
	return G_SOURCE_CONTINUE;
}

/* --- what is said meanwhile --------------------------------------------------------- */

static void wipe(Record *r)
{
	if (r->shown)
		fputs("\r\033[K", stderr);
	r->shown = FALSE;
}

static gboolean show(gpointer data)
{
	Record *r = data;
	g_autofree char *passed = text_time(
		(double)(g_get_monotonic_time() - r->begun_us) * 1e3);
	g_autofree char *count = text_count((double)live_samples(r->live));

	fprintf(stderr, "\r\033[Krecording: %s, %s samples%s", passed, count,
		r->o->duration || r->o->count ? "" : "; Ctrl-C ends it");
	r->shown = TRUE;
	return G_SOURCE_CONTINUE;
}

/* --- watching ------------------------------------------------------------------------ */

static void connected(gpointer data, JsonObject *status)
{
	Source *s = data;
	g_autofree char *line = NULL;

	s->period_ns = (guint64)control_stream_number(status, "period_ns");
	if (s->record->o->interval_ns == 0)
		return;
	line = g_strdup_printf("interval %" G_GUINT64_FORMAT,
			       s->record->o->interval_ns);
	watch_ask(s->watch, line);
}

static void fragment(gpointer data, GBytes *bytes, guint64 missed)
{
	Source *s = data;
	Record *r = s->record;
	g_autoptr(GError) error = NULL;

	r->missed += missed;
	g_clear_pointer(&s->last, g_bytes_unref);
	s->last = g_bytes_ref(bytes);
	if (!live_add(r->live, bytes, g_get_monotonic_time(), &error)) {
		wipe(r);
		cmd_say(name, "%s: %s", s->name, error->message);
	}
	if (r->o->count > 0 && live_samples(r->live) >= (guint64)r->o->count)
		end(r);
}

/* In the order of asking: the last one is to the last flush. */
static void answer(gpointer data, JsonObject *object)
{
	Source *s = data;

	(void)object;
	if (!s->record->ending)
		return;
	if (s->record->o->interval_ns != 0 && s->period_ns != 0) {
		s->period_ns = 0;	/* that was to the interval */
		return;
	}
	s->over = TRUE;
	quit_when_over(s->record);
}

static void lost(gpointer data, const char *why)
{
	Source *s = data;
	Record *r = s->record;

	wipe(r);
	/* killed: what it had not sent yet is in its region */
	if (s->last && !s->over)
		live_add_rest(r->live, s->last, g_get_monotonic_time());
	if (!r->ending && !r->o->quiet)
		cmd_say(name, "%s: %s", s->name, why);
	s->over = TRUE;
	quit_when_over(r);
}

static const WatchFuncs funcs = { connected, fragment, answer, lost };

static void source_free(gpointer data)
{
	Source *s = data;

	watch_free(s->watch);
	g_clear_pointer(&s->last, g_bytes_unref);
	g_free(s->name);
	g_free(s);
}

static void watch_all(Record *r, GPtrArray *targets)
{
	guint i;

	for (i = 0; i < targets->len; i++) {
		const Target *t = targets->pdata[i];
		Source *s;

		if (!t->client) {
			cmd_say(name, "%d: %s", t->pid, t->error->message);
			continue;
		}
		s = g_new0(Source, 1);
		s->record = r;
		s->name = target_name(t);
		s->watch = watch_new(t->path, NULL, &funcs, s);
		g_ptr_array_add(r->sources, s);
	}
}

/* --- the file --------------------------------------------------------------------------- */

/* A name that is not there yet. */
static char *choose_output(const Options *o, GPtrArray *targets)
{
	const Target *t = targets->pdata[0];
	g_autofree char *base = NULL;
	char *path;
	int i;

	if (o->output)
		return g_strdup(o->output);
	base = targets->len == 1
		       ? g_strdup_printf("%s.%d.record", target_program(t),
					 t->pid)
		       : g_strdup("profagent.record");
	g_strdelimit(base, "/", '_');
	path = g_strconcat(base, ".pb.gz", NULL);
	for (i = 1; g_file_test(path, G_FILE_TEST_EXISTS); i++) {
		g_free(path);
		path = g_strdup_printf("%s.%d.pb.gz", base, i);
	}
	return path;
}

static void put_names(const Options *o, Profile *p)
{
	const SymbolsOptions options = { .quiet = o->quiet };
	g_autoptr(Symbols) symbols = NULL;

	if (o->no_symbols)
		return;
	symbols = symbols_new(&options);
	symbols_resolve(symbols, p);
}

static int write_file(Record *r, const char *path)
{
	guint64 count = live_samples(r->live);
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = NULL;

	if (count == 0)
		return cmd_fail(name, "no sample, so no file: the program used "
				"no CPU time meanwhile");
	p = live_finish(r->live);
	put_names(r->o, p);
	if (!pprof_write_file(p, path, &error))
		return cmd_fail(name, "%s", error->message);
	if (r->missed > 0)
		cmd_say(name, "%" G_GUINT64_FORMAT " parts were lost with "
			"their samples: this machine is too busy to take "
			"them in time", r->missed);
	if (r->o->quiet)
		return CMD_DONE;
	cmd_say(name, "profile: %s, %" G_GUINT64_FORMAT " sample%s", path,
		count, count == 1 ? "" : "s");
	cmd_say(name, "next: profagent report %s", path);
	return CMD_DONE;
}

/* --- all of it ----------------------------------------------------------------------------- */

static void run_loop(Record *r)
{
	guint sigint = g_unix_signal_add(SIGINT, interrupted, r);
	guint sigterm = g_unix_signal_add(SIGTERM, interrupted, r);
	guint shows = 0;

	r->begun_us = g_get_monotonic_time();
	if (r->o->duration_ns > 0)
		g_timeout_add((guint)MIN(r->o->duration_ns / 1000000,
					 G_MAXUINT), time_is_up, r);
	if (!r->o->quiet && text_is_terminal(stderr))
		shows = g_timeout_add(250, show, r);
	g_main_loop_run(r->loop);
	if (shows != 0)
		g_source_remove(shows);
	g_source_remove(sigint);
	g_source_remove(sigterm);
	wipe(r);
}

static int record(const Options *o)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = targets_find(&o->query, &error);
	g_autofree char *path = NULL;
	Record r = { .o = o };
	int status;

	if (!targets)
		return cmd_fail(name, "%s", error->message);
	r.loop = g_main_loop_new(NULL, FALSE);
	r.sources = g_ptr_array_new_with_free_func(source_free);
	r.live = live_new(TRUE);
	path = choose_output(o, targets);
	watch_all(&r, targets);
	if (r.sources->len > 0)
		run_loop(&r);
	status = r.sources->len > 0 ? write_file(&r, path) : CMD_FAILED;
	g_ptr_array_unref(r.sources);
	live_free(r.live);
	g_main_loop_unref(r.loop);
	return status;
}

int cmd_record(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error) || !check(&o, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = record(&o);
	options_release(&o);
	return status;
}
