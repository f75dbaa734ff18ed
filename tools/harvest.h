/* SPDX-License-Identifier: MIT */
/*
 * harvest: the profiles that one `profagent run` left behind.
 *
 * The run gives its program an id (PROFAGENT_ROOT_RUN), which every process
 * below passes on and writes; beside it its own id and that of the process it
 * came from (PROFAGENT_PARENT_RUN). The chain of those alone would break at a
 * process without a sample, which leaves no file: a shell script, mostly.
 */
#ifndef PROFAGENT_TOOLS_HARVEST_H
#define PROFAGENT_TOOLS_HARVEST_H

#include <glib.h>

/*
 * Paths (char *) of the files of run `id`, oldest process first. `pattern` is
 * the absolute PROFAGENT_OUTPUT (%e, %p, %h, %t), `since` the time (Unix,
 * seconds) it began: older files are not looked at.
 */
GPtrArray *harvest_files(const char *pattern, const char *id, gint64 since);

#endif
