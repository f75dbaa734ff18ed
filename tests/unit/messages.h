/* SPDX-License-Identifier: MIT */
/*
 * messages: pprof files put together by hand, for the tests of readers.
 */
#ifndef PROFAGENT_TESTS_MESSAGES_H
#define PROFAGENT_TESTS_MESSAGES_H

#include <glib.h>

#include "tools/profile.pb-c.h"

/* Fields appended one by one, packed by protobuf-c. */
typedef struct {
	GByteArray *bytes;
	GPtrArray *strings;		/* of the table so far, owned */
	gboolean later;			/* strings are kept for messages_strings() */
} Messages;

void messages_init(Messages *m);
void messages_release(Messages *m);

/* Number of a string in the table, added if it is new. */
gint64 messages_string(Messages *m, const char *s);

/* Appends the table, if `later` was set: as most writers do. */
void messages_strings(Messages *m);

void messages_add(Messages *m, guint field, const void *message);
void messages_number(Messages *m, guint field, guint64 value);

/* The usual head: samples/count, cpu/nanoseconds, period 10 ms. */
void messages_head(Messages *m);
void messages_type(Messages *m, const char *type, const char *unit);
void messages_process(Messages *m, const char *run_id, guint32 part);
void messages_mapping(Messages *m, guint64 id, guint64 start, guint64 end,
		      const char *path);
void messages_function(Messages *m, guint64 id, const char *name);

/* A location of one line per function, innermost first; 0 ends them. */
void messages_location(Messages *m, guint64 id, guint64 mapping,
		       guint64 address, const guint64 *functions);

/* A sample of the locations, leaf first, 0 ends them; thread NULL: no labels. */
void messages_sample(Messages *m, const guint64 *locations, gint64 count,
		     gint64 cpu_ns, const char *thread, gint64 tid);

/* As a gzip member; g_byte_array_unref() it. */
GByteArray *messages_gzip(const guint8 *data, gsize size);

/* What was appended since, as a member, and appending begins anew. */
GByteArray *messages_take_member(Messages *m);

/*
 * A small profile: main > work 3 samples of thread "one", main > idle 1 of
 * "two", 10 ms each.
 */
void messages_small(Messages *m);

#endif
