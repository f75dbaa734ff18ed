/* SPDX-License-Identifier: MIT */
/*
 * watch: subscribes to one process, in the main context, and comes back when it
 * does.
 */
#ifndef PROFAGENT_TOOLS_WATCH_H
#define PROFAGENT_TOOLS_WATCH_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

typedef struct _Watch Watch;

typedef struct {
	/* A connection is there, and what it says of itself. May be NULL, like
	 * all of these. */
	void (*connected)(gpointer data, JsonObject *status);
	/* The samples since the last one; `missed` were lost before it. */
	void (*fragment)(gpointer data, GBytes *fragment, guint64 missed);
	/* The answer to watch_ask(), in the order of asking. */
	void (*answer)(gpointer data, JsonObject *answer);
	/* It is gone: `why` is a clause. It is looked for again, once a second,
	 * if `find` was given. */
	void (*lost)(gpointer data, const char *why);
} WatchFuncs;

/* The path of its socket, g_free() it; NULL: there is none now. */
typedef char *(*WatchFind)(gpointer data);

/*
 * `path` is that of the first connection, made in the main loop. Nothing is
 * called before it runs.
 */
Watch *watch_new(const char *path, WatchFind find, const WatchFuncs *funcs,
		 gpointer data);
void watch_free(Watch *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Watch, watch_free)

/* Sends a request if there is a connection. */
void watch_ask(Watch *w, const char *request);

gboolean watch_is_connected(const Watch *w);

#endif
