/* SPDX-License-Identifier: MIT */
/*
 * process-tree: who came from whom, as /proc says now.
 */
#ifndef PROFAGENT_TOOLS_PROCESS_TREE_H
#define PROFAGENT_TOOLS_PROCESS_TREE_H

#include <glib.h>

/* pid -> ppid, of all processes; g_hash_table_unref() it. */
GHashTable *process_tree_parents(void);

/* Whether `pid` is `root` or came from it. */
gboolean process_tree_is_below(GHashTable *parents, gint32 pid, gint32 root);

/* Whether it was stopped by a signal or a debugger. */
gboolean process_is_stopped(gint32 pid);

#endif
