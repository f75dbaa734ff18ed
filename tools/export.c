/* SPDX-License-Identifier: MIT */
#include "tools/export.h"

#include <string.h>

#include "tools/pprof-write.h"

const Exporter exporters[] = {
	{ "pprof", ".pb.gz", "go tool pprof, Pyroscope, Parca", TRUE,
	  export_pprof, TRUE },
	{ "speedscope", ".speedscope.json", "speedscope.app", TRUE,
	  export_speedscope, FALSE },
	{ "firefox", ".firefox.json", "profiler.firefox.com", TRUE,
	  export_firefox, FALSE },
	{ "json", ".json", "everything, as profagent-export(1) says", TRUE,
	  export_json, TRUE },
	{ "folded", ".folded", "FlameGraph's stacks, one a line", FALSE,
	  export_folded, FALSE },
	{ "callgrind", ".callgrind", "KCachegrind, callgrind_annotate", FALSE,
	  export_callgrind, FALSE },
	{ "otlp", ".otlp", "OpenTelemetry's profiles, v1development", TRUE,
	  export_otlp, FALSE },
	{ "perf", ".perf", "text like that of perf script", TRUE,
	  export_perf, FALSE },
};

const guint exporter_count = G_N_ELEMENTS(exporters);

const Exporter *exporter_find(const char *name)
{
	for (guint i = 0; i < exporter_count; i++)
		if (strcmp(exporters[i].name, name) == 0)
			return &exporters[i];
	return NULL;
}

const Exporter *exporter_find_by_file(const char *file)
{
	const Exporter *best = NULL;

	for (guint i = 0; i < exporter_count; i++) {
		const Exporter *e = &exporters[i];

		if (g_str_has_suffix(file, e->extension) &&
		    (!best || strlen(e->extension) > strlen(best->extension)))
			best = e;
	}
	return best;
}

gboolean export_pprof(const ExportInput *in, GOutputStream *to,
		      GError **error)
{
	return pprof_write_stream(in->profile, to, error);
}
