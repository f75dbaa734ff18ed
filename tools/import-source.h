/* SPDX-License-Identifier: MIT */
/*
 * import-source: the bytes or lines of a file that may be compressed.
 *
 * Reads through gzip-stream, so that a compressed text is as good as a plain
 * one. A line is at most IMPORT_LINE_MAX bytes; what is behind that is cut off
 * and counted.
 */
#ifndef PROFAGENT_TOOLS_IMPORT_SOURCE_H
#define PROFAGENT_TOOLS_IMPORT_SOURCE_H

#include <gio/gio.h>

#include "tools/gzip-stream.h"

/* The longest stack of FlameGraph's own tests is some KiB. */
#define IMPORT_LINE_MAX (16u << 20)

/* Called now and then with the bytes read: FALSE with an error ends it. */
typedef gboolean (*ImportCheck)(gpointer data, guint64 bytes, GError **error);

typedef struct {
	GzipStream *stream;		/* not owned */
	ImportCheck check;		/* or NULL */
	gpointer check_data;
	guint8 *data;			/* [begin, end) is held */
	gsize begin, end, room;
	guint64 bytes;			/* inflated, so far */
	guint64 cut;			/* lines that were too long */
	gboolean at_end, torn, cutting;
} ImportSource;

void import_source_init(ImportSource *s, GzipStream *stream);
void import_source_release(ImportSource *s);

/*
 * The next line without its end, NUL-terminated, valid until the next call;
 * *size is its length, as it may hold NUL bytes. NULL at the end, or with
 * `error` set.
 */
char *import_source_line(ImportSource *s, gsize *size, GError **error);

/* Exactly `size` bytes (at most IMPORT_LINE_MAX), or NULL as above if there are
 * fewer: those then stay for import_source_line(). */
const guint8 *import_source_bytes(ImportSource *s, gsize size,
				  GError **error);

#endif
