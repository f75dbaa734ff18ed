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
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/flusher.h"
#include "agent/sampler.h"

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
 * process: before it is installed the agent leaves, or, if it shall stay, opens
 * what it needs. Without a program the call only asks whether there are filters.
 */
static void before_filter(unsigned long program)
{
	if (program && strcmp(agent_config.seccomp, "stay") == 0)
		agent_has_flusher();
	else if (program)
		agent_step_aside("the program installed a seccomp filter: it was "
				 "profiled up to then (PROFAGENT_SECCOMP)");
}

static void before_prctl(int option, unsigned long mode, unsigned long program)
{
	if (option == PR_SET_SECCOMP)
		before_filter(mode == SECCOMP_MODE_STRICT ? 1 : program);
	if (option == PR_SET_TSC && mode != PR_TSC_ENABLE)
		sampler_forbid_ticks();
}

PRELOAD_EXPORT int prctl(int option, ...)
{
	unsigned long arg[4];
	va_list list;
	int i;

	va_start(list, option);
	for (i = 0; i < 4; i++)
		arg[i] = va_arg(list, unsigned long);
	va_end(list);
	before_prctl(option, arg[0], arg[1]);
	return PRELOAD_REAL(prctl)(option, arg[0], arg[1], arg[2], arg[3]);
}

/*
 * The same by syscall(), which libseccomp uses, and an end of the process that
 * is no _exit(). The stub of syscall() is in preload-blocking.c.
 */
__attribute__((used)) static void before_number(long number, unsigned long a,
						unsigned long b,
						unsigned long c)
{
	int errno_ = errno;

	if (number == SYS_exit_group)
		agent_end();
	else if (number == SYS_prctl)
		before_prctl((int)a, b, c);
	else if (a == SECCOMP_SET_MODE_STRICT)
		before_filter(1);
	else if (a == SECCOMP_SET_MODE_FILTER)
		before_filter(c);
	errno = errno_;
}

_Static_assert(SYS_prctl == 157 && SYS_exit_group == 231 && SYS_seccomp == 317,
	       "the stub of syscall() compares with these");

/* The registers that hold arguments are kept; the stack becomes aligned. */
__asm__(".pushsection .text\n"
	".globl syscall_by_number\n"
	".hidden syscall_by_number\n"
	".type syscall_by_number, @function\n"
	"syscall_by_number:\n"
	"	.cfi_startproc\n"
	"	push %rdi\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rsi\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rdx\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rcx\n	.cfi_adjust_cfa_offset 8\n"
	"	push %r8\n	.cfi_adjust_cfa_offset 8\n"
	"	push %r9\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rax\n	.cfi_adjust_cfa_offset 8\n"
	"	call before_number\n"
	"	pop %rax\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %r9\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %r8\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rcx\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rdx\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rsi\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rdi\n	.cfi_adjust_cfa_offset -8\n"
	"	jmp syscall_goes_on\n"
	"	.cfi_endproc\n"
	".size syscall_by_number, . - syscall_by_number\n"
	".popsection\n");
