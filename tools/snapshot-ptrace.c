/* SPDX-License-Identifier: MIT */
/*
 * snapshot of a process that was not preloaded: libunwind-ptrace walks its
 * threads, one after the other; each is stopped for as long as that takes.
 */
#include "tools/snapshot.h"

#include <errno.h>
#include <string.h>

#include "agent/calls.h"
#include "agent/unwind.h"
#include "tools/alive.h"

#ifdef HAVE_UNWIND_PTRACE

#include <libunwind-ptrace.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define FRAMES_MOST 4096u

typedef struct {
	Profile *p;
	gint32 pid;
	guint32 process;
	unw_addr_space_t space;
} Look;

/* --- /proc ----------------------------------------------------------------------- */

static char *read_proc(gint32 pid, gint32 tid, const char *file)
{
	g_autofree char *path = tid == 0
		? g_strdup_printf("/proc/%d/%s", pid, file)
		: g_strdup_printf("/proc/%d/task/%d/%s", pid, tid, file);
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	return g_strchomp(text);
}

static ProfileString intern(Look *l, const char *text)
{
	return profile_string(l->p, text ? text : "", -1);
}

static void add_process(Look *l)
{
	g_autofree char *exe_path = g_strdup_printf("/proc/%d/exe", l->pid);
	g_autofree char *exe = g_file_read_link(exe_path, NULL);
	g_autofree char *name = read_proc(l->pid, 0, "comm");
	ProfileProcess *process;

	l->process = profile_add_process(l->p);
	process = profile_at(l->p->processes, ProfileProcess, l->process);
	process->pid = l->pid;
	process->pid_start = alive_start(l->pid);
	process->program = intern(l, name);
	process->exe = intern(l, exe);
	process->foreign = TRUE;
}

/* "start-end perms offset dev inode   path" */
static void add_mapping(Look *l, const char *line)
{
	ProfileMapping m = { .process = l->process };
	char perms[8] = "";
	int at = 0;

	if (sscanf(line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER
		   "x %7s %" G_GINT64_MODIFIER "x %*s %*s %n", &m.start,
		   &m.end, perms, &m.offset, &at) < 4 || !strchr(perms, 'x'))
		return;
	m.path = intern(l, at > 0 ? line + at : "");
	g_array_append_val(l->p->mappings, m);
}

static void add_mappings(Look *l)
{
	g_autofree char *text = read_proc(l->pid, 0, "maps");
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	guint i;

	for (i = 0; lines[i]; i++)
		add_mapping(l, lines[i]);
}

/* --- one thread -------------------------------------------------------------------- */

/* FALSE: there is no code, so the frame below it was misread. */
static gboolean add_frame(Look *l, guint64 address)
{
	ProfileLocation location = { address, PROFILE_NONE, 0, 0, FALSE };
	guint32 at = l->p->locations->len;
	guint i;

	for (i = 0; i < l->p->mappings->len; i++) {
		const ProfileMapping *m = profile_at(l->p->mappings,
						     ProfileMapping, i);

		if (address >= m->start && address < m->end)
			location.mapping = i;
	}
	if (location.mapping == PROFILE_NONE)
		return FALSE;
	g_array_append_val(l->p->locations, location);
	g_array_append_val(l->p->frames, at);
	return TRUE;
}

static void add_label(Look *l, ProfileSample *s, const char *key,
		      const char *text)
{
	ProfileLabel label = { .key = intern(l, key),
			       .text = intern(l, text) };

	g_array_append_val(l->p->labels, label);
	s->label_count++;
}

/* "running", or the number of the call that it waits in. */
static void add_state(Look *l, ProfileSample *s, const char *call)
{
	gboolean runs = !call || g_str_has_prefix(call, "running");

	s->first_label = l->p->labels->len;
	add_label(l, s, "state", runs ? "running" : "blocked");
	if (!runs)
		add_label(l, s, "call", calls_name(atoi(call)));
}

static void walk(Look *l, gint32 tid, ProfileSample *s)
{
	void *upt = _UPT_create(tid);
	unw_cursor_t cursor;
	unw_word_t ip;
	gboolean exact = TRUE;		/* not behind a call */
	int more = upt ? unw_init_remote(&cursor, l->space, upt) : -1;

	s->end = more < 0 ? UNWIND_BAD_STACK : UNWIND_COMPLETE;
	for (more = more < 0 ? 0 : 1; more > 0; more = unw_step(&cursor)) {
		if (unw_get_reg(&cursor, UNW_REG_IP, &ip) < 0 || ip == 0)
			break;
		if (s->frame_count == FRAMES_MOST) {
			s->end = UNWIND_DEPTH;
			break;
		}
		if (!add_frame(l, exact ? ip : ip - 1)) {
			s->end = UNWIND_NO_MODULE;
			break;
		}
		s->frame_count++;
		exact = unw_is_signal_frame(&cursor) > 0;
	}
	if (more < 0)
		s->end = UNWIND_NO_RULE;
	if (upt)
		_UPT_destroy(upt);
}

static void add_thread(Look *l, gint32 tid, ProfileSample *s)
{
	g_autofree char *name = read_proc(l->pid, tid, "comm");
	ProfileThread t = { .process = l->process, .tid = tid,
			    .name = intern(l, name) };

	g_array_append_val(l->p->threads, t);
	s->thread = l->p->threads->len - 1;
}

/* 0, or what ptrace said. A thread that has ended meanwhile is no error. */
static int look_at(Look *l, gint32 tid)
{
	g_autofree char *call = read_proc(l->pid, tid, "syscall");
	ProfileSample s = { .process = l->process, .value = { 1 },
			    .first_frame = l->p->frames->len };
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return errno == ESRCH ? 0 : errno;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 &&
	    waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status)) {
		add_thread(l, tid, &s);
		add_state(l, &s, call);
		walk(l, tid, &s);
		g_array_append_val(l->p->samples, s);
		/* a signal that came first is not lost */
		ptrace(PTRACE_DETACH, tid, NULL,
		       (void *)(status >> 16 ? 0L : (long)WSTOPSIG(status)));
	} else {
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	}
	return 0;
}

/* --- all of it ------------------------------------------------------------------------ */

static void explain(GError **error, gint32 pid, int err)
{
	g_autofree char *status = read_proc(pid, 0, "status");
	g_autofree char *scope = read_proc(0, 0, "../sys/kernel/yama/"
						 "ptrace_scope");
	const char *tracer = status ? strstr(status, "\nTracerPid:\t") : NULL;

	if (tracer && atoi(tracer + 12) > 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
			    "it runs without the agent, and process %d "
			    "debugs it", atoi(tracer + 12));
	else if (err == EPERM)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
			    "it runs without the agent, and ptrace is "
			    "forbidden here%s; root may, or CAP_SYS_PTRACE",
			    scope && atoi(scope) > 0
				    ? " (kernel.yama.ptrace_scope)" : "");
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "it runs without the agent, and ptrace failed: %s",
			    g_strerror(err));
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	gint32 x = *(const gint32 *)a, y = *(const gint32 *)b;

	return x < y ? -1 : x > y;
}

static GArray *list_threads(gint32 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task", pid);
	GArray *tids = g_array_new(FALSE, FALSE, sizeof(gint32));
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		gint32 tid = atoi(name);

		g_array_append_val(tids, tid);
	}
	if (dir)
		g_dir_close(dir);
	g_array_sort(tids, by_number);
	return tids;
}

static int look_at_all(Look *l)
{
	g_autoptr(GArray) tids = list_threads(l->pid);
	int err = tids->len == 0 ? ESRCH : 0;
	guint i;

	for (i = 0; i < tids->len && err == 0; i++)
		err = look_at(l, g_array_index(tids, gint32, i));
	return err;
}

Profile *snapshot_of_stranger(gint32 pid, GError **error)
{
	g_autoptr(Profile) p = profile_new();
	Look l = { .p = p, .pid = pid };
	int err;

	l.space = unw_create_addr_space(&_UPT_accessors, 0);
	unw_set_caching_policy(l.space, UNW_CACHE_GLOBAL);
	p->type[0] = (ProfileValueType){ intern(&l, "samples"),
					 intern(&l, "count") };
	p->type_count = 1;
	add_process(&l);
	add_mappings(&l);
	err = look_at_all(&l);
	unw_destroy_addr_space(l.space);
	if (err == 0 && p->samples->len == 0)
		err = ESRCH;
	if (err == 0)
		return g_steal_pointer(&p);
	explain(error, pid, err);
	return NULL;
}

#else

Profile *snapshot_of_stranger(gint32 pid, GError **error)
{
	(void)pid;
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "it runs without the agent, and this profagent "
			    "was built without libunwind-ptrace");
	return NULL;
}

#endif
