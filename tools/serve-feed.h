/* SPDX-License-Identifier: MIT */
/*
 * serve-feed: what comes from one process, for as many as want it.
 *
 * All who look at a process share one subscription to its agent, which profiles
 * while there is one: the first reference begins it, the last one ends it. The
 * fragments of the last minutes are kept. All of it belongs to the main loop.
 */
#ifndef PROFAGENT_TOOLS_SERVE_FEED_H
#define PROFAGENT_TOOLS_SERVE_FEED_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* The longest stretch that feed_since() can go back, and bytes kept at most. */
#define FEED_SECONDS 300
#define FEED_BYTES (64u << 20)

typedef struct _Feeds Feeds;
typedef struct _Feed Feed;

Feeds *feeds_new(void);
void feeds_free(Feeds *all);	/* once no Feed is left */

/* How many processes are watched now. */
guint feeds_count(const Feeds *all);

/* A new reference to the feed of `pid`, whose socket is at `path`. */
Feed *feed_open(Feeds *all, gint32 pid, const char *path);
void feed_close(Feed *f);

gint32 feed_pid(const Feed *f);

/* NULL while it goes on; then why it ended, a clause. */
const char *feed_ended(const Feed *f);

typedef struct {
	/* Samples came; `fragment` is as the agent sent it. May be NULL. */
	void (*fragment)(gpointer data, GBytes *fragment);
	/* Nothing more will come. May be NULL. */
	void (*ended)(gpointer data);
	/* The answer to feed_ask_status(), for everybody. May be NULL. */
	void (*status)(gpointer data, JsonObject *status);
} FeedFuncs;

/* Until feed_unlisten() with the same `data`; the feed must be open. */
void feed_listen(Feed *f, const FeedFuncs *funcs, gpointer data);
void feed_unlisten(Feed *f, gpointer data);

void feed_ask_status(Feed *f);

/*
 * Has the agent send what it has. `done` is called once, after the listeners
 * got it, or when the feed ended; not before this returns. The caller keeps the
 * feed open until then.
 */
void feed_flush(Feed *f, void (*done)(gpointer data), gpointer data);

/*
 * The fragments that came since `from_us` (g_get_monotonic_time), before them
 * the one that says what was counted till then. GBytes; the caller's.
 */
GPtrArray *feed_since(Feed *f, gint64 from_us);

/* Fragments that were lost before they could be read, since the beginning. */
guint64 feed_missed(const Feed *f);

#endif
