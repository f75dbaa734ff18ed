/* SPDX-License-Identifier: MIT */
/*
 * preload-exec: all nine names of exec, and syscall() with its numbers.
 *
 * POSIX timers do not survive exec, an interval timer and pending signals do,
 * and would kill a program that has no handler yet. So our clocks
 * stop before and start again if it fails. What was sampled is written.
 *
 * posix_spawn execs inside libc, from a child that timers and pending signals
 * do not reach: what is left to do is that it inherits the mask that the program
 * believes to have.
 */
#include "agent/preload.h"

#include <alloca.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/signals.h"
#include "agent/sys.h"

/* Number of arguments up to the NULL, which `list` then is behind. */
static size_t count_args(va_list *list)
{
	size_t n = 0;

	while (va_arg(*list, char *))
		n++;
	return n;
}

/* first, then the arguments of `list`, then NULL. */
static void collect_args(char **argv, const char *first, va_list *list)
{
	*argv++ = (char *)(uintptr_t)first;
	while (first && (*argv++ = va_arg(*list, char *)))
		;
}

#define EXEC_AND_RETURN(call) \
	do { \
		struct agent_exec exec_; \
		int ret_, errno_; \
		agent_exec_begin(&exec_); \
		ret_ = (call); \
		errno_ = errno; \
		agent_exec_failed(&exec_); \
		errno = errno_; \
		return ret_; \
	} while (0)

PRELOAD_EXPORT int execve(const char *path, char *const argv[],
			  char *const envp[])
{
	EXEC_AND_RETURN(PRELOAD_REAL(execve)(path, argv, envp));
}

PRELOAD_EXPORT int execv(const char *path, char *const argv[])
{
	EXEC_AND_RETURN(PRELOAD_REAL(execv)(path, argv));
}

PRELOAD_EXPORT int execvp(const char *file, char *const argv[])
{
	EXEC_AND_RETURN(PRELOAD_REAL(execvp)(file, argv));
}

PRELOAD_EXPORT int execvpe(const char *file, char *const argv[],
			   char *const envp[])
{
	EXEC_AND_RETURN(PRELOAD_REAL(execvpe)(file, argv, envp));
}

PRELOAD_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	EXEC_AND_RETURN(PRELOAD_REAL(fexecve)(fd, argv, envp));
}

/* Since glibc 2.34: on an older one there is nothing to call. */
PRELOAD_EXPORT int execveat(int dir, const char *path, char *const argv[],
			    char *const envp[], int flags)
{
	EXEC_AND_RETURN(PRELOAD_REAL(execveat)(dir, path, argv, envp, flags));
}

PRELOAD_EXPORT int execl(const char *path, const char *arg, ...)
{
	va_list list;
	char **argv;

	va_start(list, arg);
	argv = alloca((count_args(&list) + 2) * sizeof(*argv));
	va_end(list);
	va_start(list, arg);
	collect_args(argv, arg, &list);
	va_end(list);
	return execv(path, argv);
}

PRELOAD_EXPORT int execlp(const char *file, const char *arg, ...)
{
	va_list list;
	char **argv;

	va_start(list, arg);
	argv = alloca((count_args(&list) + 2) * sizeof(*argv));
	va_end(list);
	va_start(list, arg);
	collect_args(argv, arg, &list);
	va_end(list);
	return execvp(file, argv);
}

PRELOAD_EXPORT int execle(const char *path, const char *arg, ...)
{
	va_list list;
	char **argv, *const *envp;

	va_start(list, arg);
	argv = alloca((count_args(&list) + 2) * sizeof(*argv));
	va_end(list);
	va_start(list, arg);
	collect_args(argv, arg, &list);
	envp = va_arg(list, char *const *);
	va_end(list);
	return execve(path, argv, envp);
}

/* What syscall() jumps to: its stub is in preload-blocking.c. */
__attribute__((used, visibility("hidden"))) long
exec_by_number(long number, long a, long b, long c, long d, long e);

static int exec_raw(long number, long a, long b, long c, long d, long e)
{
	long ret = sys_call(number, a, b, c, d, e);

	if (ret < 0)
		errno = (int)-ret;
	return ret < 0 ? -1 : 0;
}

_Static_assert(SYS_execve == 59 && SYS_execveat == 322,
	       "the stub of syscall() compares with these");

long exec_by_number(long number, long a, long b, long c, long d, long e)
{
	EXEC_AND_RETURN(exec_raw(number, a, b, c, d, e));
}

#define SPAWN_AND_RETURN(call) \
	do { \
		signals_set old_; \
		int ret_; \
		if (!agent_is_ours()) \
			return (call); \
		old_ = signals_expose(); \
		ret_ = (call); \
		signals_restore(old_); \
		return ret_; \
	} while (0)

PRELOAD_EXPORT int posix_spawn(pid_t *pid, const char *path,
			       const posix_spawn_file_actions_t *actions,
			       const posix_spawnattr_t *attr,
			       char *const argv[], char *const envp[])
{
	SPAWN_AND_RETURN(PRELOAD_REAL(posix_spawn)(pid, path, actions, attr,
						   argv, envp));
}

PRELOAD_EXPORT int posix_spawnp(pid_t *pid, const char *file,
				const posix_spawn_file_actions_t *actions,
				const posix_spawnattr_t *attr,
				char *const argv[], char *const envp[])
{
	SPAWN_AND_RETURN(PRELOAD_REAL(posix_spawnp)(pid, file, actions, attr,
						    argv, envp));
}
