/* SPDX-License-Identifier: MIT */
/*
 * preload-daemon: daemon(3).
 *
 * Its parent ends inside libc, by an _exit() that cannot be interposed: what
 * it had not written would stay behind in its region. So we do what the manual
 * says that the function does, and end the parent as _exit() ends.
 */
#include "agent/preload.h"

#include <fcntl.h>
#include <paths.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/sys.h"

/* What the kernel calls /dev/null, see null(4). */
#define NULL_MAJOR 1
#define NULL_MINOR 3

static bool is_dev_null(int fd)
{
	struct stat st;

	/* libc's function has a symbol version newer than we ask for */
	return sys_call(SYS_fstat, fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(NULL_MAJOR, NULL_MINOR);
}

static int redirect_to_null(void)
{
	int fd = open(_PATH_DEVNULL, O_RDWR), i;

	if (fd < 0)
		return -1;
	if (!is_dev_null(fd)) {
		close(fd);
		errno = ENODEV;
		return -1;
	}
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

PRELOAD_EXPORT int daemon(int nochdir, int noclose)
{
	pid_t pid;

	if (!agent_is_ours())
		return PRELOAD_REAL(daemon)(nochdir, noclose);
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0)
		_exit(0);
	if (setsid() < 0)
		return -1;
	/* as libc: a failure of this one is not told */
	if (!nochdir && chdir("/") != 0)
		errno = 0;
	return noclose ? 0 : redirect_to_null();
}
