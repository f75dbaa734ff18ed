/* SPDX-License-Identifier: MIT */
/*
 * live-viewer: the viewer of running programs: watches some processes, merges
 * what they send, and shows it as it comes. Without a screen it gathers only.
 */
#ifndef PROFAGENT_TOOLS_LIVE_VIEWER_H
#define PROFAGENT_TOOLS_LIVE_VIEWER_H

#include "tools/selection.h"
#include "tools/targets.h"
#include "tools/viewer.h"

typedef struct _LiveViewer LiveViewer;

/* What its owner adds; any may be NULL. */
typedef struct {
	/* A signal came. FALSE: it is not the end. */
	gboolean (*signal)(gpointer data, int signo);
	/* See ViewerFuncs. */
	GPtrArray *(*pane)(gpointer data, guint rows);
	/* Nothing is connected any more. */
	void (*all_lost)(gpointer data);
} LiveViewerFuncs;

/*
 * `title` is shown until a process is there. With `screen`, which is open, the
 * user sees it.
 */
LiveViewer *live_viewer_new(const char *title, Selection *selection,
			    gboolean screen, const LiveViewerFuncs *funcs,
			    gpointer data);
void live_viewer_free(LiveViewer *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LiveViewer, live_viewer_free)

/*
 * Watches a process. `again`: when it has ended, waits for the next of the same
 * program, and begins anew with that. One that is watched is not added.
 */
void live_viewer_add(LiveViewer *l, const Target *t, gboolean again);

/* Also all that come from `pid`, as they start; `first`: it has just started. */
void live_viewer_follow(LiveViewer *l, gint32 pid, gboolean first);

/* What the header says instead of "running" and the like. NULL: that. */
void live_viewer_set_state(LiveViewer *l, const char *state);

/* Shows what is there now. */
void live_viewer_refresh(LiveViewer *l);

/*
 * Until the user, a signal or live_viewer_quit() ends it. The signal, 0 for
 * none; -1: *error says what was wrong with the options.
 */
int live_viewer_run(LiveViewer *l, GError **error);
void live_viewer_quit(LiveViewer *l);

/* All that was gathered, with names; NULL: nothing. Valid until it is freed. */
Profile *live_viewer_profile(LiveViewer *l);

#endif
