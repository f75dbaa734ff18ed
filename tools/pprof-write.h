/* SPDX-License-Identifier: MIT */
/*
 * pprof-write: a Profile as one pprof file.
 *
 * One compressed gzip member with everything that the Profile knows: functions
 * and lines, and our extension fields (agent/pprof.h) where its processes are
 * ours; of several, what belongs to one follows it, and for other readers their
 * samples have labels "pid" and "program". Names come before what uses them, so
 * that a torn copy can still be read.
 */
#ifndef PROFAGENT_TOOLS_PPROF_WRITE_H
#define PROFAGENT_TOOLS_PPROF_WRITE_H

#include <gio/gio.h>

#include "tools/profile.h"

/* Writes it all to `out`, which stays open. Interns strings in `p`. */
gboolean pprof_write_stream(Profile *p, GOutputStream *out,
			    GError **error);

/*
 * The same into a new file beside `path`, which then takes its place. The file
 * gets the mode, and where we may the owner, that `path` had; a new one 0600.
 */
gboolean pprof_write_file(Profile *p, const char *path, GError **error);

#endif
