/* SPDX-License-Identifier: MIT */
/*
 * sys: system calls without libc.
 *
 * libc's wrappers write errno, which lives in TLS, and some take locks or are
 * cancellation points. The handler, the flusher and the interposers must touch
 * none of that, so they call the kernel directly. Every function returns what
 * the kernel returns: a result, or -errno. All are async-signal-safe.
 *
 * memcpy, memset, memmove, memcmp, strlen and strchr of libc may be used
 * beside these everywhere: they touch neither TLS nor locks, and the library
 * is linked -z now, so that no call of them enters the loader.
 */
#ifndef PROFAGENT_AGENT_SYS_H
#define PROFAGENT_AGENT_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct stat;

#if !defined(__x86_64__)
#error "sys.h knows x86-64 only; another machine needs its own sys_call6()"
#endif

static inline long sys_call6(long nr, long a, long b, long c, long d, long e,
			     long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define SYS_ARG_(n, a, b, c, d, e, f, ...) \
	sys_call6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
		  (long)(f))
/* sys_call(number, up to six arguments) -> result or -errno */
#define sys_call(...) SYS_ARG_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static inline int sys_open(const char *path, int flags, unsigned mode)
{
	return (int)sys_call(SYS_openat, -100 /* AT_FDCWD */, path, flags,
			     mode);
}

static inline int sys_openat(int dir, const char *path, int flags,
			     unsigned mode)
{
	return (int)sys_call(SYS_openat, dir, path, flags, mode);
}

static inline int sys_close(int fd)
{
	return (int)sys_call(SYS_close, fd);
}

static inline ssize_t sys_read(int fd, void *buf, size_t size)
{
	return sys_call(SYS_read, fd, buf, size);
}

static inline ssize_t sys_pread(int fd, void *buf, size_t size, off_t at)
{
	return sys_call(SYS_pread64, fd, buf, size, at);
}

static inline ssize_t sys_write(int fd, const void *buf, size_t size)
{
	return sys_call(SYS_write, fd, buf, size);
}

static inline int sys_ftruncate(int fd, off_t size)
{
	return (int)sys_call(SYS_ftruncate, fd, size);
}

/* On x86-64 libc's struct stat is the kernel's. */
static inline int sys_fstat(int fd, struct stat *st)
{
	return (int)sys_call(SYS_fstat, fd, st);
}

/* Of a symbolic link itself. */
static inline int sys_lstat(const char *path, struct stat *st)
{
	return (int)sys_call(SYS_lstat, path, st);
}

static inline int sys_mkdir(const char *path, unsigned mode)
{
	return (int)sys_call(SYS_mkdir, path, mode);
}

static inline int sys_rename(const char *from, const char *to)
{
	return (int)sys_call(SYS_rename, from, to);
}

static inline int sys_unlink(const char *path)
{
	return (int)sys_call(SYS_unlink, path);
}

static inline unsigned sys_geteuid(void)
{
	return (unsigned)sys_call(SYS_geteuid);
}

/* NULL on failure: the reason never changes what we do. */
static inline void *sys_mmap(void *at, size_t size, int prot, int flags, int fd,
			     off_t offset)
{
	long ret = sys_call(SYS_mmap, at, size, prot, flags, fd, offset);

	return ret < 0 && ret > -4096 ? NULL : (void *)ret;
}

/* NULL on failure, the old mapping is then as it was. */
static inline void *sys_mremap(void *old, size_t old_size, size_t new_size,
			       int flags)
{
	long ret = sys_call(SYS_mremap, old, old_size, new_size, flags);

	return ret < 0 && ret > -4096 ? NULL : (void *)ret;
}

static inline int sys_munmap(void *at, size_t size)
{
	return (int)sys_call(SYS_munmap, at, size);
}

static inline int sys_madvise(void *at, size_t size, int advice)
{
	return (int)sys_call(SYS_madvise, at, size, advice);
}

static inline int sys_getpid(void)
{
	return (int)sys_call(SYS_getpid);
}

static inline int sys_gettid(void)
{
	return (int)sys_call(SYS_gettid);
}

static inline int sys_tgkill(int pid, int tid, int sig)
{
	return (int)sys_call(SYS_tgkill, pid, tid, sig);
}

static inline long sys_futex(uint32_t *word, int op, uint32_t value,
			     const struct timespec *timeout)
{
	return sys_call(SYS_futex, word, op, value, timeout);
}

static inline int sys_clock_gettime(clockid_t clock, struct timespec *ts)
{
	return (int)sys_call(SYS_clock_gettime, clock, ts);
}

/* The clock in ns, 0 if the kernel refuses it (a thread that is gone). */
static inline uint64_t sys_clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (sys_clock_gettime(clock, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* CPU clock of a thread of this process, from clock ids of posix-timers. */
static inline clockid_t sys_thread_clock(int tid)
{
	return (clockid_t)((~(unsigned)tid << 3) | 6u);
}

static inline ssize_t sys_process_vm_readv(int pid, const struct iovec *local,
					   unsigned long nlocal,
					   const struct iovec *remote,
					   unsigned long nremote)
{
	return sys_call(SYS_process_vm_readv, pid, local, nlocal, remote,
			nremote, 0);
}

#endif
