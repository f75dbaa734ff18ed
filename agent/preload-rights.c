/* SPDX-License-Identifier: MIT */
/*
 * preload-rights: calls by which a program gives rights up or moves elsewhere.
 *
 * The flusher is a thread libc does not know: set*id would leave it with the
 * old identity, and unshare(CLONE_NEWUSER) refuses a process with two threads.
 * For the first it opens its file while it may and takes over the new
 * identity; for the second it stops and starts again.
 */
#include "agent/preload.h"

#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/flusher.h"

/* The shape of every function below that changes an identity. */
#define WITH_IDENTITY(call) \
	do { \
		int ret_, errno_; \
		agent_identity_begin(); \
		ret_ = (call); \
		errno_ = errno; \
		agent_identity_end(); \
		errno = errno_; \
		return ret_; \
	} while (0)

PRELOAD_EXPORT int setuid(uid_t uid)
{
	WITH_IDENTITY(PRELOAD_REAL(setuid)(uid));
}

PRELOAD_EXPORT int setgid(gid_t gid)
{
	WITH_IDENTITY(PRELOAD_REAL(setgid)(gid));
}

PRELOAD_EXPORT int seteuid(uid_t uid)
{
	WITH_IDENTITY(PRELOAD_REAL(seteuid)(uid));
}

PRELOAD_EXPORT int setegid(gid_t gid)
{
	WITH_IDENTITY(PRELOAD_REAL(setegid)(gid));
}

PRELOAD_EXPORT int setreuid(uid_t real, uid_t effective)
{
	WITH_IDENTITY(PRELOAD_REAL(setreuid)(real, effective));
}

PRELOAD_EXPORT int setregid(gid_t real, gid_t effective)
{
	WITH_IDENTITY(PRELOAD_REAL(setregid)(real, effective));
}

PRELOAD_EXPORT int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	WITH_IDENTITY(PRELOAD_REAL(setresuid)(real, effective, saved));
}

PRELOAD_EXPORT int setresgid(gid_t real, gid_t effective, gid_t saved)
{
	WITH_IDENTITY(PRELOAD_REAL(setresgid)(real, effective, saved));
}

PRELOAD_EXPORT int setgroups(size_t count, const gid_t *groups)
{
	WITH_IDENTITY(PRELOAD_REAL(setgroups)(count, groups));
}

PRELOAD_EXPORT int initgroups(const char *user, gid_t group)
{
	WITH_IDENTITY(PRELOAD_REAL(initgroups)(user, group));
}

PRELOAD_EXPORT int chroot(const char *path)
{
	WITH_IDENTITY(PRELOAD_REAL(chroot)(path));
}

#define WITHOUT_FLUSHER(call) \
	do { \
		int ret_, errno_; \
		agent_suspend_flusher(); \
		ret_ = (call); \
		errno_ = errno; \
		agent_resume_flusher(); \
		errno = errno_; \
		return ret_; \
	} while (0)

PRELOAD_EXPORT int unshare(int flags)
{
	WITHOUT_FLUSHER(PRELOAD_REAL(unshare)(flags));
}

PRELOAD_EXPORT int setns(int fd, int type)
{
	WITHOUT_FLUSHER(PRELOAD_REAL(setns)(fd, type));
}

/*
 * A filter may forbid what our handler and flusher need, down to killing the
 * process: before it is installed the agent leaves.
 */
PRELOAD_EXPORT int prctl(int option, ...)
{
	unsigned long arg[4];
	va_list list;
	int i;

	va_start(list, option);
	for (i = 0; i < 4; i++)
		arg[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_SECCOMP)
		agent_step_aside("the program installs a seccomp filter");
	return PRELOAD_REAL(prctl)(option, arg[0], arg[1], arg[2], arg[3]);
}
