/* SPDX-License-Identifier: MIT */
/*
 * gzip-stream: the bytes inside a sequence of gzip members, as they come.
 *
 * Input that is not gzip is handed through as it is. A member that is damaged
 * or torn is reported and the next whole one is looked for.
 */
#ifndef PROFAGENT_TOOLS_GZIP_STREAM_H
#define PROFAGENT_TOOLS_GZIP_STREAM_H

#include <gio/gio.h>

/*
 * Reads up to `size` bytes at `offset`: how many, 0 at the end, -1 with
 * `error` set.
 */
typedef gssize (*GzipStreamRead)(gpointer source, guint64 offset, guint8 *to,
				 gsize size, GError **error);

/* Memory as a source: gzip_stream_read_bytes of a GzipStreamBytes. */
typedef struct {
	const guint8 *data;
	gsize size;
} GzipStreamBytes;

gssize gzip_stream_read_bytes(gpointer source, guint64 offset, guint8 *to,
			      gsize size, GError **error);

typedef enum {
	GZIP_STREAM_DATA,
	GZIP_STREAM_DAMAGED,	/* a member is broken; a later one follows */
	GZIP_STREAM_TORN,	/* the input ends inside a member */
	GZIP_STREAM_JUNK,	/* what follows the last member is no member */
	GZIP_STREAM_END,
	GZIP_STREAM_FAILED,	/* reading failed: `error` is set */
} GzipStreamEvent;

typedef struct _GzipStream GzipStream;

GzipStream *gzip_stream_new(GzipStreamRead read, gpointer source);
void gzip_stream_free(GzipStream *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GzipStream, gzip_stream_free)

/*
 * What comes next. *size says how much room `to` has (at least 1 byte), then
 * how many bytes, maybe 0, came before the event.
 */
GzipStreamEvent gzip_stream_next(GzipStream *s, guint8 *to, gsize *size,
				 GError **error);

/* Whether the input began as gzip does. After the first event. */
gboolean gzip_stream_is_gzip(const GzipStream *s);

/* Whole members so far, and bytes of input consumed. */
guint gzip_stream_members(const GzipStream *s);
guint64 gzip_stream_consumed(const GzipStream *s);

#endif
