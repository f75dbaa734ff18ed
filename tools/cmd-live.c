/* SPDX-License-Identifier: MIT */
/*
 * profagent live: runs a program and shows where its time goes, as it does. It
 * runs below profagent run, on a terminal of its own; what it writes is shown
 * below the rows and again, all of it, when the viewer has ended.
 */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/clock.h"
#include "tools/child.h"
#include "tools/cmd.h"
#include "tools/live-viewer.h"
#include "tools/output-log.h"
#include "tools/program.h"
#include "tools/pty.h"
#include "tools/screen.h"

static const char name[] = "live";

typedef struct {
	char *rate, *output, *clock;
	gboolean no_children;
	char **program;
	Selection selection;
} Options;

typedef struct {
	Pty pty;
	OutputLog *log;
	LiveViewer *viewer;		/* NULL: the user has left it */
	GMainLoop *loop;		/* of what comes after it */
	guint reader, child;		/* source ids */
	gboolean ended;
	int status;			/* as of waitpid() */
} LiveRun;

/* --- command line ------------------------------------------------------------ */

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "rate", 'r', 0, G_OPTION_ARG_STRING, &o->rate,
		  "Samples a second of CPU time (99)", "HZ" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Where profiles go, as of profagent run", "PATTERN" },
		{ "clock", 0, 0, G_OPTION_ARG_STRING, &o->clock,
		  "What takes the samples: " CLOCK_NAMES, "CLOCK" },
		{ "no-children", 0, 0, G_OPTION_ARG_NONE, &o->no_children,
		  "Leave programs alone that the program starts", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->program, NULL, "PROGRAM [ARGUMENT...]" },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_strict_posix(context, TRUE);
	g_option_context_set_summary(context, "Runs a program and shows on "
		"the terminal where its time goes, as it does. The exit "
		"status is the program's.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-live(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	selection_add_options(&o->selection, context, TRUE);
	return g_option_context_parse(context, argc, argv, error);
}

static gboolean check(Options *o, GError **error)
{
	const char *wrong = NULL;

	if (!o->program)
		wrong = "which program? Usage: profagent live [OPTION...] "
			"[--] PROGRAM [ARGUMENT...]";
	else if (selection_needs_moments(&o->selection))
		wrong = "--from and --to are for files only";
	if (wrong) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE, wrong);
		return FALSE;
	}
	return selection_check(&o->selection, error);
}

static void options_release(Options *o)
{
	selection_release(&o->selection);
	g_free(o->rate);
	g_free(o->output);
	g_free(o->clock);
	g_strfreev(o->program);
}

static void add_option(GPtrArray *argv, const char *option, const char *value)
{
	if (value)
		g_ptr_array_add(argv, g_strconcat(option, value, NULL));
}

/* The command line of profagent run; strings are owned. */
static GPtrArray *run_argv(const Options *o, gboolean report)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
	char *self = g_file_read_link("/proc/self/exe", NULL);
	guint i;

	g_ptr_array_add(argv, self ? self : g_strdup("profagent"));
	g_ptr_array_add(argv, g_strdup("run"));
	add_option(argv, "--rate=", o->rate);
	add_option(argv, "--output=", o->output);
	add_option(argv, "--clock=", o->clock);
	if (o->no_children)
		g_ptr_array_add(argv, g_strdup("--no-children"));
	if (report)
		g_ptr_array_add(argv, g_strdup("--report"));
	g_ptr_array_add(argv, g_strdup("--"));
	for (i = 0; o->program[i]; i++)
		g_ptr_array_add(argv, g_strdup(o->program[i]));
	g_ptr_array_add(argv, NULL);
	return argv;
}

/* --- the program ------------------------------------------------------------- */

static char *end_text(int status)
{
	if (WIFSIGNALED(status))
		return g_strdup_printf("ended by signal %d (%s)",
				       WTERMSIG(status),
				       g_strsignal(WTERMSIG(status)));
	return g_strdup_printf("ended with status %d", WEXITSTATUS(status));
}

static gboolean output(gint fd, GIOCondition condition, gpointer data)
{
	LiveRun *r = data;
	char buffer[16384];
	gssize got = read(fd, buffer, sizeof(buffer));

	(void)condition;
	if (got < 0 && errno == EINTR)
		return G_SOURCE_CONTINUE;
	if (got > 0)
		output_log_add(r->log, buffer, (gsize)got);
	if (got > 0 && !r->viewer)
		output_log_copy(r->log, STDOUT_FILENO);
	if (got > 0)
		return G_SOURCE_CONTINUE;
	r->reader = 0;
	if (r->ended && r->loop)
		g_main_loop_quit(r->loop);
	return G_SOURCE_REMOVE;
}

static void ended(GPid pid, gint status, gpointer data)
{
	LiveRun *r = data;
	g_autofree char *text = end_text(status);

	(void)pid;
	r->child = 0;
	r->ended = TRUE;
	r->status = status;
	if (r->viewer) {
		live_viewer_set_state(r->viewer, text);
		live_viewer_refresh(r->viewer);
	} else if (r->loop) {
		g_main_loop_quit(r->loop);
	}
}

/* FALSE: the viewer goes on. */
static gboolean take_signal(gpointer data, int signo)
{
	LiveRun *r = data;

	if (r->ended)
		return TRUE;
	if (signo == SIGINT) {
		pty_interrupt(&r->pty);
		return FALSE;
	}
	kill(r->pty.pid, signo);
	return TRUE;
}

static GPtrArray *pane(gpointer data, guint rows)
{
	return output_log_tail(((LiveRun *)data)->log, rows);
}

/* --- with the viewer, and after it ------------------------------------------- */

static gboolean passed_on(gpointer data)
{
	LiveRun *r = data;

	pty_interrupt(&r->pty);
	return G_SOURCE_CONTINUE;
}

/* Until the program has ended: what it writes goes where it would. */
static void relay(LiveRun *r)
{
	guint sigint;

	output_log_copy(r->log, STDOUT_FILENO);
	if (!r->ended) {
		cmd_say(name, "the program still runs; Ctrl-C goes to it");
		r->loop = g_main_loop_new(NULL, FALSE);
		sigint = g_unix_signal_add(SIGINT, passed_on, r);
		g_main_loop_run(r->loop);
		g_source_remove(sigint);
		g_main_loop_unref(r->loop);
	}
	/* what its last descendants have left in the terminal */
	while (r->reader != 0 && g_main_context_pending(NULL))
		g_main_context_iteration(NULL, FALSE);
	output_log_copy(r->log, STDOUT_FILENO);
}

static gboolean watch(LiveRun *r, Options *o, GError **error)
{
	static const LiveViewerFuncs funcs = {
		.signal = take_signal, .pane = pane,
	};
	g_autofree char *title = g_path_get_basename(o->program[0]);

	if (!screen_open(error))
		return FALSE;
	r->viewer = live_viewer_new(title, &o->selection, TRUE, &funcs, r);
	live_viewer_follow(r->viewer, r->pty.pid, TRUE);
	live_viewer_run(r->viewer, error);
	g_clear_pointer(&r->viewer, live_viewer_free);
	screen_close();
	return error == NULL || *error == NULL;
}

/* Ends the process as the program ended, unless it could not be started. */
static int run(Options *o)
{
	g_autoptr(GPtrArray) argv = run_argv(o, FALSE);
	g_autoptr(GError) error = NULL;
	LiveRun r = { .ended = FALSE };
	Child child = { 0 };

	r.log = output_log_new(&error);
	if (!r.log || !pty_start(&r.pty, (char **)argv->pdata, &error))
		return cmd_fail(name, "%s", error->message);
	r.reader = g_unix_fd_add(r.pty.fd, G_IO_IN | G_IO_HUP, output, &r);
	r.child = g_child_watch_add(r.pty.pid, ended, &r);
	if (!watch(&r, o, &error))
		cmd_say(name, "%s", error->message);
	relay(&r);
	pty_release(&r.pty);
	output_log_free(r.log);
	child.pid = r.pty.pid;
	child.status = r.status;
	child_end_likewise(&child);
}

/* Where there is no terminal: the report at the end. */
static int run_with_report(const Options *o)
{
	g_autoptr(GPtrArray) argv = run_argv(o, TRUE);

	execv(argv->pdata[0], (char **)argv->pdata);
	return cmd_fail(name, "%s: %s", (char *)argv->pdata[0],
			g_strerror(errno));
}

/* That there is no such program is better said without one. */
static gboolean is_worth_a_screen(const Options *o)
{
	g_autofree char *path = program_find(o->program[0]);

	return path && screen_is_possible();
}

int cmd_live(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error) || !check(&o, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = is_worth_a_screen(&o) ? run(&o)
					       : run_with_report(&o);
	options_release(&o);
	return status;
}
