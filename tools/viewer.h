/* SPDX-License-Identifier: MIT */
/*
 * viewer: profiles on a terminal, with keys: rows of a ViewerModel below a
 * header, drawn by tools/screen.h. Its owner gives it data, as often as there
 * are new ones.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_H
#define PROFAGENT_TOOLS_VIEWER_H

#include "tools/viewer-header.h"
#include "tools/viewer-model.h"

typedef struct _Viewer Viewer;

/* What the rows' head shows by its colour. */
typedef enum { VIEWER_ACTIVE, VIEWER_INACTIVE } ViewerState;

/* Any may be NULL but `quit`. */
typedef struct {
	/* It is to end; `signo` 0: the user said so. The screen is closed by
	 * the owner. */
	void (*quit)(gpointer data, int signo);
	/* While it is paused, what was given must not change. */
	void (*paused)(gpointer data, gboolean paused);
	/* The next span of time is wanted. */
	void (*window)(gpointer data);
	/* Rows of text below the table, not more than `rows`: char *. */
	GPtrArray *(*pane)(gpointer data, guint rows);
} ViewerFuncs;

/* The screen is open. */
Viewer *viewer_new(const ViewerFuncs *funcs, gpointer data);
void viewer_free(Viewer *v);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Viewer, viewer_free)

/* See viewer_model_update(). */
void viewer_set_profile(Viewer *v, Profile *p, const CalltreeOptions *options);

/* To be filled in by the owner; shown by the next viewer_draw(). */
ViewerInfo *viewer_info(Viewer *v);
void viewer_set_state(Viewer *v, ViewerState state);
gboolean viewer_is_paused(const Viewer *v);

/* A line at the foot, until the next key. */
void viewer_say(Viewer *v, const char *text);

void viewer_draw(Viewer *v);

#endif
