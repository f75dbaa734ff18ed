/* SPDX-License-Identifier: MIT */
/* view-process: see view.h. */
#include <glib-unix.h>

#include "tools/cmd.h"
#include "tools/live-viewer.h"
#include "tools/screen.h"
#include "tools/text.h"
#include "tools/view.h"
#include "tools/viewer-text.h"

static const char name[] = "view";

static void end_gathering(gpointer data)
{
	live_viewer_quit(*(LiveViewer **)data);
}

static gboolean time_is_up(gpointer data)
{
	live_viewer_quit(data);
	return G_SOURCE_CONTINUE;
}

/* Until the time is up, it ends, or Ctrl-C; then the text. */
static int print(View *view, LiveViewer *l)
{
	guint timer = g_timeout_add((guint)(view->duration_ns / 1000000),
				    time_is_up, l);
	guint sigint = g_unix_signal_add(SIGINT, time_is_up, l);
	g_autoptr(GError) error = NULL;
	Profile *p;

	live_viewer_run(l, NULL);
	g_source_remove(timer);
	g_source_remove(sigint);
	p = live_viewer_profile(l);
	if (!p)
		return cmd_fail(name, "no sample: the program used no CPU "
				"time meanwhile");
	if (!selection_apply(&view->selection, p, &error))
		return cmd_usage(name, "%s", error->message);
	viewer_text_print(p, &view->selection.options, NULL);
	return CMD_DONE;
}

static int show(LiveViewer *l)
{
	g_autoptr(GError) error = NULL;
	int signo = live_viewer_run(l, &error);

	live_viewer_free(l);
	if (signo >= 0)
		return view_end(signo);
	screen_close();
	return cmd_usage(name, "%s", error->message);
}

static void add_targets(const View *view, LiveViewer *l, GPtrArray *targets)
{
	guint i;

	for (i = 0; i < targets->len; i++) {
		const Target *t = targets->pdata[i];

		if (!t->client)
			cmd_say(name, "%d: %s", t->pid, t->error->message);
		live_viewer_add(l, t, !view->tree);
	}
	if (view->tree)
		live_viewer_follow(l, ((Target *)targets->pdata[0])->pid,
				   FALSE);
}

int view_processes(View *view, GPtrArray *targets)
{
	static const LiveViewerFuncs gathering = { .all_lost = end_gathering };
	const Target *first = targets->pdata[0];
	gboolean screen = screen_is_possible();
	g_autoptr(GError) error = NULL;
	LiveViewer *l = NULL;
	int status;

	if (targets->len == 1 && !first->client)
		return cmd_fail(name, "%d: %s", first->pid,
				first->error->message);
	if (screen && !screen_open(&error))
		return cmd_fail(name, "%s", error->message);
	l = live_viewer_new(target_program(first), &view->selection, screen,
			    screen ? NULL : &gathering, &l);
	add_targets(view, l, targets);
	if (screen)
		return show(l);
	status = print(view, l);
	live_viewer_free(l);
	return status;
}
