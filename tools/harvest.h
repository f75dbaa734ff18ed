/* SPDX-License-Identifier: MIT */
/*
 * harvest: the profiles that one `profagent run` left behind.
 *
 * The run gives its program an id (PROFAGENT_PARENT_RUN); every process writes
 * its own id and that of the one it came from, so that the files of a run are a
 * chain that begins with the run's id.
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
