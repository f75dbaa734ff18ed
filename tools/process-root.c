/* SPDX-License-Identifier: MIT */
/*
 * process-root: see process-root.h.
 *
 * A profile has the number that its process has in its own name space. The
 * moment it began, in ticks since the boot, is the same in all of them: both
 * together find it here, through one look at all of /proc.
 */
#include "tools/process-root.h"

#include <gio/gio.h>
#include <string.h>

#include "tools/alive.h"

struct _ProcessRoots {
	GHashTable *found;	/* "PID START" of a profile -> prefix or "" */
	GHashTable *inner;	/* inner pid -> GArray of ours; NULL: not yet */
};

gint32 process_root_inner_pid(gint32 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
	g_autofree char *status = NULL;
	const char *line, *end;
	gint32 inner = pid;

	if (!g_file_get_contents(path, &status, NULL, NULL))
		return pid;
	line = strstr(status, "\nNSpid:");
	if (!line)
		return pid;
	end = strchr(line + 1, '\n');
	for (line += strlen("\nNSpid:"); line && line < end;
	     line = strchr(line + 1, '\t'))
		inner = (gint32)g_ascii_strtoll(line, NULL, 10);
	return inner;
}

char *process_root_prefix(gint32 pid)
{
	g_autofree char *link = g_strdup_printf("/proc/%d/ns/mnt", pid);
	g_autofree char *its = g_file_read_link(link, NULL);
	g_autofree char *ours = g_file_read_link("/proc/self/ns/mnt", NULL);

	return g_strcmp0(its, ours) == 0
		       ? g_strdup("")
		       : g_strdup_printf("/proc/%d/root", pid);
}

/* --- all of a profile -------------------------------------------------------- */

ProcessRoots *process_roots_new(void)
{
	ProcessRoots *r = g_new0(ProcessRoots, 1);

	r->found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					 g_free);
	return r;
}

void process_roots_free(ProcessRoots *r)
{
	if (!r)
		return;
	g_hash_table_unref(r->found);
	g_clear_pointer(&r->inner, g_hash_table_unref);
	g_free(r);
}

static void add_inner(GHashTable *inner, gint32 pid)
{
	gpointer key = GINT_TO_POINTER(process_root_inner_pid(pid));
	GArray *list = g_hash_table_lookup(inner, key);

	if (!list) {
		list = g_array_new(FALSE, FALSE, sizeof(gint32));
		g_hash_table_insert(inner, key, list);
	}
	g_array_append_val(list, pid);
}

static GHashTable *read_inner(void)
{
	GHashTable *inner = g_hash_table_new_full(
		NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		gint32 pid = (gint32)g_ascii_strtoll(name, NULL, 10);

		if (pid > 0)
			add_inner(inner, pid);
	}
	return inner;
}

/* 0: it is not there. */
static gint32 find_pid(ProcessRoots *r, const ProfileProcess *process)
{
	GArray *list;
	guint i;

	if (alive_pid(process->pid, process->pid_start))
		return process->pid;
	if (!r->inner)
		r->inner = read_inner();
	list = g_hash_table_lookup(r->inner, GINT_TO_POINTER(process->pid));
	for (i = 0; list && i < list->len; i++)
		if (alive_pid(g_array_index(list, gint32, i),
			      process->pid_start))
			return g_array_index(list, gint32, i);
	return 0;
}

static char *find_prefix(ProcessRoots *r, const ProfileProcess *process)
{
	gint32 pid = find_pid(r, process);

	return pid > 0 ? process_root_prefix(pid) : g_strdup("");
}

const char *process_roots_find(ProcessRoots *r, const Profile *p,
			       guint32 index)
{
	const ProfileProcess *process;
	char *key, *prefix;

	if (index >= p->processes->len)
		return NULL;
	process = profile_at(p->processes, ProfileProcess, index);
	if (process->pid <= 0 || process->pid_start == 0 ||
	    !alive_is_this_boot(profile_text(p, process->boot_id)))
		return NULL;
	key = g_strdup_printf("%d %" G_GUINT64_FORMAT, process->pid,
			      process->pid_start);
	prefix = g_hash_table_lookup(r->found, key);
	if (prefix) {
		g_free(key);
	} else {
		prefix = find_prefix(r, process);
		g_hash_table_insert(r->found, key, prefix);
	}
	return *prefix ? prefix : NULL;
}
