/* SPDX-License-Identifier: MIT */
/*
 * serve-take: what some processes do during some seconds, taken from their
 * feeds. Belongs to the main loop.
 */
#ifndef PROFAGENT_TOOLS_SERVE_TAKE_H
#define PROFAGENT_TOOLS_SERVE_TAKE_H

#include "tools/serve-feed.h"

#define TAKE_SECONDS_MAX 3600
#define TAKE_BYTES_MAX (256u << 20)	/* of all fragments together */

typedef struct _Take Take;

/*
 * Opens the feeds of `count` processes. `done` gets what came, as Build.feeds
 * wants it, when the time is up or all processes have ended; it must call
 * take_free(). Not before this returns.
 */
Take *take_new(Feeds *feeds, const gint32 *pids, char *const *paths,
	       guint count, guint seconds,
	       void (*done)(gpointer data, GPtrArray *result), gpointer data);

/* Now, not when the time is up: the processes are asked for what they have. */
void take_end(Take *t);

/* At any time: `done` is not called any more. */
void take_free(Take *t);

/* Why the processes gave nothing, a clause; NULL if one of them did. */
const char *take_failed(const Take *t);

/* It was too much, and ended before its time. */
gboolean take_is_cut(const Take *t);

#endif
