/* SPDX-License-Identifier: MIT */
/*
 * serve-always: keeps all preloaded processes profiled, whether somebody looks
 * or not, and tells of those that come and go.
 */
#ifndef PROFAGENT_TOOLS_SERVE_ALWAYS_H
#define PROFAGENT_TOOLS_SERVE_ALWAYS_H

#include "tools/serve-feed.h"

#define ALWAYS_RESCAN_S 5	/* how soon a new process is found */

typedef struct _Always Always;

/* One process that is held. */
typedef struct {
	gint32 pid;
	char *path, *program;
	Feed *feed;
	gpointer data;			/* of who listens */
} AlwaysProcess;

typedef struct {
	void (*came)(gpointer data, AlwaysProcess *p);
	void (*went)(gpointer data, AlwaysProcess *p);
} AlwaysFuncs;

/* `only`: programs of matching names, NULL: all. `funcs` may be NULL. */
Always *always_new(Feeds *feeds, GRegex *only, const AlwaysFuncs *funcs,
		   gpointer data);
void always_free(Always *a);

#endif
