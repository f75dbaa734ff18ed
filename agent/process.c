/* SPDX-License-Identifier: MIT */
/* process: see process.h. */
#include "agent/process.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "agent/agent.h"
#include "agent/format.h"
#include "agent/sys.h"

#define PAGE 4096u
#define LIBRARY "libprofagent.so"
#define PARENT_RUN "PROFAGENT_PARENT_RUN="
#define RUN_ID_DIGITS 16u

/* When RLIMIT_STACK is unlimited: more than any program's main stack. */
#define STACK_UNLIMITED (1ull << 30)

static char runtime_dir[PATH_MAX];
static char fallback_dir[PATH_MAX];
static char *parent_run_variable;	/* its value, in the environment */

static const char *environment(char **envp, const char *name)
{
	size_t len = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
			return *envp + len + 1;
	return NULL;
}

static void copy(char *to, size_t size, const char *from)
{
	struct format f;

	format_init(&f, to, size);
	format_string(&f, from);
}

/* A small file of /proc into `text`, without its last newline. */
static size_t read_file(const char *path, char *text, size_t size)
{
	int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	size_t used = 0;
	ssize_t got;

	while (fd >= 0 && used < size - 1 &&
	       (got = sys_read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	if (fd >= 0)
		sys_close(fd);
	if (used > 0 && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return used;
}

/* The path of /proc/self/exe changes only by exec. */
static void read_exe(char *exe, size_t size)
{
	long got = sys_call(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", exe,
			    size - 1);

	exe[got > 0 ? got : 0] = '\0';
}

/* Field 22 of /proc/PID/stat: ticks since boot, tells a pid from its reuse. */
static uint64_t read_start(void)
{
	char text[1024];
	const char *at;
	uint64_t start = 0;
	int field;

	read_file("/proc/self/stat", text, sizeof(text));
	at = strrchr(text, ')');
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	for (at = at ? at + 1 : ""; *at >= '0' && *at <= '9'; at++)
		start = start * 10 + (uint64_t)(*at - '0');
	return start;
}

/* 64 random bits; without them clocks and pid, which differ between runs. */
static void make_run_id(char *id)
{
	uint64_t bits = 0;
	struct format f;

	if (sys_call(SYS_getrandom, &bits, sizeof(bits), 1 /* NONBLOCK */) !=
	    (long)sizeof(bits))
		bits = (sys_clock_ns(CLOCK_REALTIME) ^
			(uint64_t)sys_getpid() << 40) *
		       0x9e3779b97f4a7c15ull;
	format_init(&f, id, RUN_ID_DIGITS + 1);
	format_hex(&f, bits, RUN_ID_DIGITS);
}

/*
 * The name the program was started by: not the one behind a symbolic link
 * (redis-server is one), a script's own and not its interpreter's. What
 * fexecve() started has a descriptor's number for that: then the file's name.
 */
static void name_program(char *name, size_t size, char *exe, size_t exe_size)
{
	static const char by_fd[] = "/dev/fd/";
	const char *path = (const char *)getauxval(AT_EXECFN);
	const char *slash;

	if (path && strlen(path) > sizeof(by_fd) - 1 &&
	    memcmp(path, by_fd, sizeof(by_fd) - 1) == 0) {
		read_exe(exe, exe_size);
		path = exe;
	}
	slash = path ? strrchr(path, '/') : NULL;

	copy(name, size, slash ? slash + 1 : path ? path : "");
	if (name[0] == '\0')
		read_file("/proc/self/comm", name, size);
}

static void find_dirs(char **envp)
{
	const char *xdg = environment(envp, "XDG_RUNTIME_DIR");
	struct format f;

	copy(runtime_dir, sizeof(runtime_dir), xdg ? xdg : "");
	format_init(&f, fallback_dir, sizeof(fallback_dir));
	if (xdg && xdg[0] == '/')
		format_printf(&f, "%s/profagent", xdg);
	else
		format_printf(&f, "/tmp/profagent-%u",
			      (unsigned)sys_call(SYS_geteuid));
}

static void read_times(void)
{
	struct agent_process *p = &agent_process;

	p->start_mono_ns = sys_clock_ns(CLOCK_MONOTONIC);
	p->start_unix_ns = sys_clock_ns(CLOCK_REALTIME);
}

/* The arguments with the NUL behind each, as in /proc/self/cmdline. */
static void copy_command(struct agent_process *p, char **argv)
{
	struct format f;

	format_init(&f, p->command, sizeof(p->command));
	for (; argv && *argv && !f.cut; argv++)
		format_bytes(&f, *argv, strlen(*argv) + 1);
	p->command_size = (uint32_t)f.used;
}

void process_describe(char **argv, char **envp, const char *parent_run,
		      const char *root_run)
{
	struct agent_process *p = &agent_process;
	struct utsname names;

	p->pid = sys_getpid();
	p->ppid = (int)sys_call(SYS_getppid);
	make_run_id(p->run_id);
	copy(p->parent_run_id, sizeof(p->parent_run_id), parent_run);
	copy(p->root_run_id, sizeof(p->root_run_id), root_run);
	name_program(p->program, sizeof(p->program), p->exe, sizeof(p->exe));
	if (sys_call(SYS_uname, &names) == 0)
		copy(p->host, sizeof(p->host), names.nodename);
	if (sys_call(SYS_getcwd, p->cwd, sizeof(p->cwd)) < 0)
		copy(p->cwd, sizeof(p->cwd), "/");
	copy_command(p, argv);
	find_dirs(envp);
	parent_run_variable =
		(char *)(uintptr_t)environment(envp, "PROFAGENT_PARENT_RUN");
	read_times();
}

void process_describe_rest(void)
{
	struct agent_process *p = &agent_process;

	if (p->exe[0] == '\0')
		read_exe(p->exe, sizeof(p->exe));
	if (p->boot_id[0] == '\0')
		read_file("/proc/sys/kernel/random/boot_id", p->boot_id,
			  sizeof(p->boot_id));
	p->pid_start = read_start();
}

void process_describe_child(void)
{
	struct agent_process *p = &agent_process;

	memcpy(p->parent_run_id, p->run_id, sizeof(p->run_id));
	make_run_id(p->run_id);
	p->ppid = (int)sys_call(SYS_getppid);
	read_times();
	p->cpu_before_ns = 0;
	process_pass_run_id(p->run_id);
}

/* A program may have written its title over its environment. */
static bool is_variable(const char *value)
{
	const size_t name = sizeof(PARENT_RUN) - 1;

	return memcmp(value - name, PARENT_RUN, name) == 0 &&
	       strlen(value) == RUN_ID_DIGITS;
}

void process_pass_run_id(const char *run_id)
{
	if (parent_run_variable && is_variable(parent_run_variable))
		memcpy(parent_run_variable, run_id, RUN_ID_DIGITS);
}

/* --- LD_PRELOAD ------------------------------------------------------------- */

static bool is_ours(const char *path, size_t len)
{
	size_t own = sizeof(LIBRARY) - 1;

	return len >= own && memcmp(path + len - own, LIBRARY, own) == 0 &&
	       (len == own || path[len - own - 1] == '/');
}

/* Entries are separated by colons or spaces (ld.so(8)). */
static void remove_entry(char *list)
{
	char *from = list, *to = list;

	while (*from) {
		size_t len = strcspn(from, ": ");

		if (!is_ours(from, len) && len > 0) {
			if (to != list)
				*to++ = ':';
			memmove(to, from, len);
			to += len;
		}
		from += len;
		if (*from)
			from++;
	}
	*to = '\0';
}

void process_hide_preload(char **envp)
{
	char *list = (char *)(uintptr_t)environment(envp, "LD_PRELOAD");
	char **e;

	if (!list)
		return;
	remove_entry(list);
	if (*list)
		return;
	for (e = envp; *e && *e + sizeof("LD_PRELOAD=") - 1 != list; e++)
		;
	for (; *e; e++)
		e[0] = e[1];
}

/* --- places -------------------------------------------------------------- */

const char *process_runtime_dir(void)
{
	return runtime_dir[0] ? runtime_dir : NULL;
}

const char *process_fallback_dir(void)
{
	return fallback_dir;
}

/* The kernel puts the program's file name at the top of the main stack. */
uint64_t process_main_stack_high(void)
{
	uint64_t top = getauxval(AT_EXECFN);

	return (top + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

uint64_t process_main_stack_low(void)
{
	struct rlimit limit = { 0, 0 };
	uint64_t size = STACK_UNLIMITED;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &limit) == 0 &&
	    limit.rlim_cur < STACK_UNLIMITED)
		size = limit.rlim_cur;
	return process_main_stack_high() - size;
}
