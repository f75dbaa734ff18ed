/* SPDX-License-Identifier: MIT */
/*
 * import: profiles that other tools wrote, told by what is in them.
 *
 * Each format is an Importer: it reads an ImportSource and hands what it finds
 * to an ImportFeed, which makes it fields of a pprof profile, so that merging,
 * checks and limits are those of pprof-decode. pprof itself, of whoever wrote
 * it, is no import: pprof-read reads it as it is.
 */
#ifndef PROFAGENT_TOOLS_IMPORT_H
#define PROFAGENT_TOOLS_IMPORT_H

#include <gio/gio.h>

#include "tools/import-feed.h"
#include "tools/import-source.h"

/* Bytes of a file that are enough to tell what it is. */
#define IMPORT_HEAD 65536u

typedef struct {
	const char *name;		/* "perf script" */

	/* Whether a file that begins so is one. */
	gboolean (*detect)(const guint8 *head, gsize size);

	/* All of it; FALSE with `error` set only where reading failed. What
	 * is not understood is counted in the feed and left out. */
	gboolean (*read)(ImportSource *from, ImportFeed *to, GError **error);
} Importer;

/* The format of a file that begins with `head`; NULL: none of these. */
const Importer *import_detect(const guint8 *head, gsize size);

/*
 * What else a file is that begins so, with what to do about it, for a message;
 * NULL: nothing is known about it.
 */
const char *import_advise(const guint8 *head, gsize size);

/* Whether `head` can be text: no control characters but white space, ESC. */
gboolean import_is_text(const guint8 *head, gsize size);

gboolean import_folded_detect(const guint8 *head, gsize size);
gboolean import_folded_read(ImportSource *from, ImportFeed *to,
			    GError **error);
gboolean import_gperftools_detect(const guint8 *head, gsize size);
gboolean import_gperftools_read(ImportSource *from, ImportFeed *to,
				GError **error);
gboolean import_perf_detect(const guint8 *head, gsize size);
gboolean import_perf_read(ImportSource *from, ImportFeed *to, GError **error);

#endif
