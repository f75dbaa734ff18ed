/* SPDX-License-Identifier: MIT */
/*
 * export: a Profile in the formats of other tools. A new one is a file
 * export-NAME.c with a function of this shape, and one line in export.c.
 */
#ifndef PROFAGENT_TOOLS_EXPORT_H
#define PROFAGENT_TOOLS_EXPORT_H

#include <gio/gio.h>

#include "tools/profile.h"

typedef struct {
	Profile *profile;		/* with names; strings may be added */
	guint type;			/* sample type that has the weights */
	const char *title;		/* of the whole: "redis-server (4711)" */
} ExportInput;

typedef struct {
	const char *name, *extension;	/* extension with its dot(s) */
	const char *summary;
	gboolean moments;		/* uses the times of samples */

	/* Writes it all to `to`, which is buffered and stays open. */
	gboolean (*write)(const ExportInput *in, GOutputStream *to,
			  GError **error);
	gboolean by_row;		/* rows of the Profile, as they lie: it
					 * takes no memory of its own */
} Exporter;

extern const Exporter exporters[];
extern const guint exporter_count;

/* By its name; NULL if there is none. */
const Exporter *exporter_find(const char *name);

/* By the end of a file's name, the longest extension that fits; NULL: none. */
const Exporter *exporter_find_by_file(const char *file);

gboolean export_callgrind(const ExportInput *in, GOutputStream *to,
			  GError **error);
gboolean export_firefox(const ExportInput *in, GOutputStream *to,
			GError **error);
gboolean export_folded(const ExportInput *in, GOutputStream *to,
		       GError **error);
gboolean export_json(const ExportInput *in, GOutputStream *to,
		     GError **error);
gboolean export_otlp(const ExportInput *in, GOutputStream *to,
		     GError **error);
gboolean export_perf(const ExportInput *in, GOutputStream *to,
		     GError **error);
gboolean export_pprof(const ExportInput *in, GOutputStream *to,
		      GError **error);
gboolean export_speedscope(const ExportInput *in, GOutputStream *to,
			   GError **error);

#endif
