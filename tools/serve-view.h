/* SPDX-License-Identifier: MIT */
/*
 * serve-view: what the live page shows of a process, or a tree of them, for all
 * who look at it: their feeds, and documents of the last seconds. A view lasts
 * while somebody follows its events, and a little after a document was asked
 * for; with it goes the profiling.
 */
#ifndef PROFAGENT_TOOLS_SERVE_VIEW_H
#define PROFAGENT_TOOLS_SERVE_VIEW_H

#include "tools/serve.h"

typedef struct _View View;

Views *views_new(Feeds *feeds);
void views_free(Views *all);

/* The view of a request, with the processes that were found added to it. */
View *view_open(ServeRequest *r, const ServeTargets *targets);

/* Who follows: called whenever there is something new. */
typedef struct {
	void (*changed)(gpointer data);
} ViewFuncs;

/* Keeps the view alive until view_unfollow() with the same data. */
void view_follow(View *v, const ViewFuncs *funcs, gpointer data);
void view_unfollow(View *v, gpointer data);

/* Grows with each fragment, and with each status. */
guint64 view_generation(const View *v);
guint64 view_status_generation(const View *v);

/* A JSON array of the latest statuses; g_free() it. */
char *view_statuses(const View *v);

/* Why nothing more will come, of the last process that ended; or NULL. */
const char *view_ended(const View *v);

#endif
