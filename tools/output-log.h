/* SPDX-License-Identifier: MIT */
/*
 * output-log: what a program writes while a viewer has the terminal: all of it in
 * a file without a name, and the last lines at hand.
 */
#ifndef PROFAGENT_TOOLS_OUTPUT_LOG_H
#define PROFAGENT_TOOLS_OUTPUT_LOG_H

#include <gio/gio.h>

typedef struct _OutputLog OutputLog;

OutputLog *output_log_new(GError **error);
void output_log_free(OutputLog *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputLog, output_log_free)

void output_log_add(OutputLog *l, const char *data, gsize size);

/*
 * The last lines, at most `rows`: char *, safe for a terminal (tools/text.h).
 * Colours and what moves the cursor are left out; of a line that was written
 * over, its last state.
 */
GPtrArray *output_log_tail(const OutputLog *l, guint rows);

/* Writes to `fd` what was not yet written by an earlier call. 0 or an errno. */
int output_log_copy(OutputLog *l, int fd);

#endif
