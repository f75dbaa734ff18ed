/* SPDX-License-Identifier: MIT */
/*
 * serve-spool: profiles that wait for being sent (serve-push.h), oldest first, of
 * bounded size: the oldest are given up first, and counted.
 *
 * They wait in memory and, where there is a directory, in a file each as well,
 * so that a server that is started again, or was killed, goes on with them:
 *
 *   DIR/NNNNNNNNNNNNNNNNNNNN.push	by number: the order in which they came
 *	"profagent-push 1 CRC32\n"	of all that follows, 8 hex digits
 *	QUERY "\n" PROFILE
 *
 * A file gets its name when it is whole. One that is not what it should be is
 * left alone. Belongs to the main loop.
 */
#ifndef PROFAGENT_TOOLS_SERVE_SPOOL_H
#define PROFAGENT_TOOLS_SERVE_SPOOL_H

#include <gio/gio.h>

typedef struct _Spool Spool;

typedef struct {
	char *query;			/* of the address it goes to */
	GBytes *profile;
	guint64 number;			/* of its file */
} Parcel;

/* `most`: bytes of profiles, beyond the first one. */
Spool *spool_new(gsize most);

/* What waits in a directory stays there. */
void spool_free(Spool *s);

/*
 * From now on there is a directory (made if it is missing), and what an earlier
 * server left in it comes first. At once, before the first spool_put(). Says
 * on stderr how many files were skipped and why. Fails, with an *error that names
 * it, if it cannot be had for this one server alone.
 */
gboolean spool_open(Spool *s, const char *dir, GError **error);

/*
 * Takes `query` over. The first one may be under way and is never given up for
 * another. Says once that no file can be written; it then waits in memory alone.
 */
void spool_put(Spool *s, char *query, GBytes *profile);

/* The oldest; NULL: none waits. It lives until it is removed. */
const Parcel *spool_first(const Spool *s);
void spool_remove_first(Spool *s);

/* Bytes of the profiles that wait. */
gsize spool_bytes(const Spool *s);

/* How many were given up for want of room. */
guint64 spool_dropped(const Spool *s);

#endif
