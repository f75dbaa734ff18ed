/* SPDX-License-Identifier: MIT */
/*
 * serve-push: sends what all preloaded processes do to a store of profiles that
 * speaks Pyroscope's ingestion protocol: a POST to URL/ingest with the name, the
 * times and a symbolized pprof profile, one for each process and interval.
 *
 * What cannot be sent waits (serve-spool.h). It is tried again later and later,
 * up to a minute, and in order.
 */
#ifndef PROFAGENT_TOOLS_SERVE_PUSH_H
#define PROFAGENT_TOOLS_SERVE_PUSH_H

#include "tools/serve-build.h"
#include "tools/serve-feed.h"

typedef struct _Push Push;

typedef struct {
	const char *url;		/* http://host:4040, user and password
					 * in it go into Authorization */
	guint interval_s;
	gsize spool_bytes;
	const char *spool_dir;		/* kept there as well, or NULL */
	GRegex *only;			/* programs of matching names, or NULL */
	const char *labels;		/* "env=prod,zone=a", or NULL */
} PushOptions;

/* Errors say what is wrong with the URL or the directory. */
Push *push_new(Feeds *feeds, Builder *builder, const PushOptions *options,
	       GError **error);
void push_free(Push *p);

/*
 * Before push_free(), where there is a little time: ends what is being taken of
 * each process, and returns when all of it is sent or waits, in the directory if
 * there is one, or after `ms` milliseconds; says on stderr what was not ready
 * then. Runs the default main context.
 */
void push_finish(Push *p, guint ms);

typedef struct {
	guint64 sent, dropped, failed;	/* profiles; failed attempts */
	gsize spooled;			/* bytes that wait */
} PushCounters;

PushCounters push_counters(const Push *p);

#endif
