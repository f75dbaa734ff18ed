/* SPDX-License-Identifier: MIT */
/*
 * progress: a bar on stderr for work that takes longer than a second.
 *
 * Nothing is written before that, and nothing at all unless stderr is a
 * terminal. The line is wiped at the end.
 */
#ifndef PROFAGENT_TOOLS_PROGRESS_H
#define PROFAGENT_TOOLS_PROGRESS_H

#include <glib.h>

typedef struct {
	const char *what;		/* "symbols"; not owned */
	gint64 begun, shown;		/* monotonic us; shown 0: never */
	gboolean off;
} Progress;

void progress_init(Progress *p, const char *what, gboolean off);

/* Cheap to call often: draws ten times a second at most. */
void progress_update(Progress *p, guint64 done, guint64 total);

/* Wipes the bar if there is one. */
void progress_release(Progress *p);

#endif
