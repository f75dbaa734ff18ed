/* SPDX-License-Identifier: MIT */
/* alive: see alive.h. */
#include "tools/alive.h"

#include <stdio.h>
#include <string.h>

gboolean alive_is_this_boot(const char *boot_id)
{
	g_autofree char *boot = NULL;

	if (boot_id[0] == '\0' ||
	    !g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot,
				 NULL, NULL))
		return TRUE;
	return strcmp(g_strstrip(boot), boot_id) == 0;
}

/* FALSE: it is not there, or a zombie. */
static gboolean read_start(gint32 pid, guint64 *start)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *stat = NULL;
	char *at, state;

	if (pid <= 0 || !g_file_get_contents(path, &stat, NULL, NULL))
		return FALSE;
	/* the name, in brackets, may hold anything */
	at = strrchr(stat, ')');
	if (!at || sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			  "%*s %*s %*s %*s %*s %*s %*s %*s %" G_GUINT64_FORMAT,
			  &state, start) != 2)
		return FALSE;
	return state != 'Z' && state != 'X';
}

guint64 alive_start(gint32 pid)
{
	guint64 start = 0;

	return read_start(pid, &start) ? start : 0;
}

gboolean alive_pid(gint32 pid, guint64 start)
{
	guint64 begun;

	return read_start(pid, &begun) && begun == start;
}

gboolean alive_process(const Profile *p, const ProfileProcess *process)
{
	return alive_is_this_boot(profile_text(p, process->boot_id)) &&
	       alive_pid(process->pid, process->pid_start);
}
