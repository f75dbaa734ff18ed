/* SPDX-License-Identifier: MIT */
/*
 * view: what profagent view, live and top share: options, and the end.
 */
#ifndef PROFAGENT_TOOLS_VIEW_H
#define PROFAGENT_TOOLS_VIEW_H

#include "tools/load.h"
#include "tools/remote.h"
#include "tools/selection.h"

typedef struct {
	Load load;			/* its files are all the words */
	Selection selection;
	gboolean tree;			/* with all that came from them */
	char *duration;			/* how long there is gathered for text, */
	guint64 duration_ns;		/* the same */
	char *token;			/* for a server */
} View;

/* A profile that is all there, until the user has enough: exit status. */
int view_file_show(View *view, Profile *p);

/* Running processes (Target, at least one): exit status. */
int view_processes(View *view, GPtrArray *targets);

/* A process that a profagent serve has: exit status. */
int view_remote(View *view, Remote *remote);

/*
 * Closes the screen. A signal that asked for the end ends the process, but for
 * SIGINT, which is a way to say so; else the exit status.
 */
int view_end(int signo);

#endif
