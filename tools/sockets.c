/* SPDX-License-Identifier: MIT */
/* sockets: see sockets.h. */
#include "tools/sockets.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/process-root.h"

#define SUFFIX ".sock"
#define REGION ".region"
#define SAME_NAME 16	/* PID.sock, PID.1.sock, ...: agent/control.c */

void socket_free(Socket *s)
{
	g_free(s->path);
	g_free(s);
}

static Socket *socket_new(gint32 pid, const char *path)
{
	Socket *s = g_new(Socket, 1);

	s->pid = pid;
	s->path = g_strdup(path);
	return s;
}

/* --- is somebody there? ------------------------------------------------------ */

/*
 * ECONNREFUSED, and nothing else, says that nobody will ever answer: it is then
 * removed, which succeeds where it is ours.
 */
static gboolean is_alive(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return FALSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return TRUE;
	memcpy(address.sun_path, path, strlen(path));
	err = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0
		      ? 0
		      : errno;
	close(fd);
	if (err == ECONNREFUSED)
		unlink(path);
	return err != ECONNREFUSED && err != ENOENT;
}

/* --- known directories --------------------------------------------------------- */

/*
 * A directory that others may write to could hold anybody's sockets: one that
 * passes belongs to us, or to whom root looks at.
 */
static gboolean is_private(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	       (st.st_mode & 022) == 0 &&
	       (st.st_uid == geteuid() || geteuid() == 0);
}

static void add_directory(GPtrArray *dirs, char *dir)
{
	if (is_private(dir) &&
	    !g_ptr_array_find_with_equal_func(dirs, dir, g_str_equal, NULL))
		g_ptr_array_add(dirs, dir);
	else
		g_free(dir);
}

/* Those below `base` that begin with `prefix`; `below` is put behind. */
static void add_matching(GPtrArray *dirs, const char *base,
			 const char *prefix, const char *below)
{
	g_autoptr(GDir) dir = g_dir_open(base, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, prefix))
			add_directory(dirs, g_build_filename(base, name, below,
							     NULL));
}

static GPtrArray *directories(void)
{
	GPtrArray *dirs = g_ptr_array_new_with_free_func(g_free);
	const char *runtime = g_getenv("XDG_RUNTIME_DIR");
	gboolean all = geteuid() == 0;
	g_autofree char *user = g_strdup_printf("%u", (unsigned)geteuid());
	g_autofree char *own = g_strdup_printf("profagent-%s", user);

	if (runtime && runtime[0])
		add_directory(dirs, g_build_filename(runtime, "profagent",
						     NULL));
	add_matching(dirs, "/run/user", all ? "" : user, "profagent");
	add_matching(dirs, "/dev/shm", all ? "profagent-" : own, NULL);
	add_matching(dirs, "/tmp", all ? "profagent-" : own, NULL);
	return dirs;
}

/* "PID.sock" or "PID.N.sock" -> PID, 0 if it is neither. */
static gint32 pid_of_name(const char *name)
{
	char *end;
	guint64 pid = g_ascii_strtoull(name, &end, 10);

	if (end == name || pid == 0 || pid > G_MAXINT32 ||
	    !g_str_has_suffix(name, SUFFIX))
		return 0;
	return (gint32)pid;
}

/*
 * Containers that share a directory have it mounted each: one socket has many
 * paths. g_free() it.
 */
static char *key_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return g_strdup(path);
	return g_strdup_printf("%ju %ju", (uintmax_t)st.st_dev,
			       (uintmax_t)st.st_ino);
}

static void list_directory(GHashTable *found, const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *at = g_build_filename(path, name, NULL);
		g_autofree char *key = key_of(at);
		gint32 pid = pid_of_name(name);

		if (pid != 0 && !g_hash_table_contains(found, key) &&
		    is_alive(at))
			g_hash_table_insert(found, g_steal_pointer(&key),
					    socket_new(pid, at));
	}
}

/* --- by the map of a process ------------------------------------------------------ */

/* The path of its region, g_free() it; NULL: it has none. */
static char *find_region(gint32 pid, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/maps", pid);
	g_autofree char *maps = NULL;
	char *end, *start;

	if (!g_file_get_contents(path, &maps, NULL, error))
		return NULL;
	for (end = strstr(maps, REGION "\n"); end;
	     end = strstr(end + 1, REGION "\n")) {
		end[strlen(REGION)] = '\0';
		start = strrchr(maps, '\n');
		start = strchr(start ? start : maps, '/');
		if (start)
			return g_strdup(start);
		end[strlen(REGION)] = '\n';
	}
	return NULL;
}

static Socket *socket_beside(gint32 pid, const char *region)
{
	g_autofree char *dir = g_path_get_dirname(region);
	gint32 inner = process_root_inner_pid(pid);
	g_autofree char *root = process_root_prefix(pid);
	int i;

	for (i = 0; i < SAME_NAME; i++) {
		g_autofree char *name = i == 0
			? g_strdup_printf("%d" SUFFIX, inner)
			: g_strdup_printf("%d.%d" SUFFIX, inner, i);
		g_autofree char *path = g_strconcat(root, dir, "/", name,
						    NULL);

		if (g_file_test(path, G_FILE_TEST_EXISTS) && is_alive(path))
			return socket_new(pid, path);
	}
	return NULL;
}

static Socket *find_by_map(gint32 pid)
{
	g_autofree char *region = find_region(pid, NULL);

	return region ? socket_beside(pid, region) : NULL;
}

/* We, where everything is preloaded, are not what is looked at. */
static void leave_out(GHashTable *found, Socket *s)
{
	g_autofree char *key = key_of(s->path);

	g_hash_table_remove(found, key);
	socket_free(s);
}

static void list_by_maps(GHashTable *found)
{
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		gint32 pid = (gint32)g_ascii_strtoll(name, NULL, 10);
		Socket *s = pid > 0 ? find_by_map(pid) : NULL;

		if (s && pid == getpid())
			leave_out(found, s);
		else if (s)
			/* what a map says is surer than a file's name */
			g_hash_table_replace(found, key_of(s->path), s);
	}
}

/* --- both ---------------------------------------------------------------------------- */

static gint compare_pids(gconstpointer a, gconstpointer b)
{
	const Socket *x = *(Socket *const *)a, *y = *(Socket *const *)b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static GPtrArray *sorted(GHashTable *found)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(
		(GDestroyNotify)socket_free);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, found);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		g_hash_table_iter_steal(&iter);
		g_free(key);
		g_ptr_array_add(list, value);
	}
	g_ptr_array_sort(list, compare_pids);
	return list;
}

GPtrArray *sockets_list(void)
{
	g_autoptr(GHashTable) found = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)socket_free);
	g_autoptr(GPtrArray) dirs = directories();
	guint i;

	for (i = 0; i < dirs->len; i++)
		list_directory(found, dirs->pdata[i]);
	list_by_maps(found);
	return sorted(found);
}

/* Its map cannot be read, or it has just begun: by its number. */
static Socket *find_by_name(gint32 pid)
{
	g_autoptr(GPtrArray) dirs = directories();
	g_autofree char *name = g_strdup_printf("%d" SUFFIX, pid);
	guint i;

	for (i = 0; i < dirs->len; i++) {
		g_autofree char *path = g_build_filename(dirs->pdata[i], name,
							 NULL);

		if (is_alive(path))
			return socket_new(pid, path);
	}
	return NULL;
}

Socket *sockets_find(gint32 pid, GError **error)
{
	g_autofree char *proc = g_strdup_printf("/proc/%d", pid);
	g_autoptr(GError) local = NULL;
	Socket *s = find_by_map(pid);
	g_autofree char *region = NULL;

	if (!s)
		s = find_by_name(pid);
	if (s)
		return s;
	if (!g_file_test(proc, G_FILE_TEST_IS_DIR)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "there is no process %d", pid);
		return NULL;
	}
	region = find_region(pid, &local);
	if (local)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
			    "process %d: %s", pid,
			    g_error_matches(local, G_FILE_ERROR,
					    G_FILE_ERROR_ACCES)
				    ? "it belongs to another user, or may "
					      "not be looked at"
				    : "it is ending");
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "process %d runs without the agent; start it with "
			    "'profagent run', or LD_PRELOAD", pid);
	return NULL;
}
