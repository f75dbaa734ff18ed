/* SPDX-License-Identifier: MIT */
/* process-tree: see process-tree.h. */
#include "tools/process-tree.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 100000	/* pids may be used again while we look */

/* State and parent: fields 3 and 4 of /proc/PID/stat, behind the name. */
static gboolean read_stat(gint32 pid, char *state, gint32 *ppid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *text = NULL;
	const char *behind;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return FALSE;
	behind = strrchr(text, ')');
	return behind && sscanf(behind + 1, " %c %d", state, ppid) == 2;
}

GHashTable *process_tree_parents(void)
{
	GHashTable *parents = g_hash_table_new(NULL, NULL);
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;
	char state;
	gint32 ppid;

	while (dir && (name = g_dir_read_name(dir))) {
		gint32 pid = (gint32)g_ascii_strtoll(name, NULL, 10);

		if (pid > 0 && read_stat(pid, &state, &ppid))
			g_hash_table_insert(parents, GINT_TO_POINTER(pid),
					    GINT_TO_POINTER(ppid));
	}
	return parents;
}

gboolean process_tree_is_below(GHashTable *parents, gint32 pid, gint32 root)
{
	int i;

	for (i = 0; pid > 0 && i < DEPTH_MAX; i++) {
		if (pid == root)
			return TRUE;
		pid = GPOINTER_TO_INT(g_hash_table_lookup(
			parents, GINT_TO_POINTER(pid)));
	}
	return FALSE;
}

gboolean process_is_stopped(gint32 pid)
{
	char state = '?';
	gint32 ppid;

	return read_stat(pid, &state, &ppid) && (state == 'T' || state == 't');
}
