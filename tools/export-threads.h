/* SPDX-License-Identifier: MIT */
/*
 * export-threads: what happened in each thread, in the order in which it
 * happened where that is known.
 */
#ifndef PROFAGENT_TOOLS_EXPORT_THREADS_H
#define PROFAGENT_TOOLS_EXPORT_THREADS_H

#include "tools/profile.h"

typedef struct {
	guint64 time_ns;		/* since the profile began */
	gint64 value;			/* of the sample type asked for */
	guint32 sample;			/* index */
} ExportEvent;

typedef struct {
	guint32 process, thread;	/* indices, or PROFILE_NONE */
	gint32 pid, tid;		/* 0: unknown */
	char *name;			/* "worker", "main", never NULL */
	char *program;			/* of its process, "" if unknown */
	gboolean timed;			/* else times are made of the values: one
					 * event after the other, without pause */
	GArray *events;			/* ExportEvent, by time */
	gint64 total;			/* of the values */
} ExportThread;

/*
 * All threads that have samples of type `type`, the most busy first. Times are
 * real for the default type of a profile that has them (and was read with
 * them), if all samples of the thread do. Owned by the caller, items by it.
 */
GPtrArray *export_threads_new(const Profile *p, guint type);

/* Nanoseconds that one unit of type `type` is: 1 for times, else 10^6, so
 * that viewers which know only time show something. */
gint64 export_threads_unit_ns(const Profile *p, guint type);

#endif
