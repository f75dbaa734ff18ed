/* SPDX-License-Identifier: MIT */
/*
 * log: one line, one write. Runs on any thread, in handlers too; never blocks,
 * never raises SIGPIPE in the program, never writes where stderr is not.
 */
#define _GNU_SOURCE
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/fork.h"
#include "agent/format.h"
#include "agent/sys.h"

#define STDERR 2
#define SIGPIPE_BIT (1ull << (13 - 1))	/* SIGPIPE in the kernel's signal set */
#define SIG_BLOCK_ 0			/* of the kernel's sigprocmask */
#define SIG_SETMASK_ 2

static enum { TO_STDERR, TO_FILE, TO_NOBODY } destination = TO_STDERR;
static const char *file;	/* if TO_FILE */

/* Which file stderr was at the start; known once log_init() ran. */
static bool stderr_known;
static dev_t stderr_device;
static ino_t stderr_inode;

/* Relaxed: a line said in the moment of a change may be lost, no more. */
static FORK_DATA _Atomic int flusher_tid;

void log_init(const char *to)
{
	struct stat st;

	if (strcmp(to, "off") == 0) {
		destination = TO_NOBODY;
	} else if (strcmp(to, "stderr") != 0) {
		file = to;
		destination = TO_FILE;
	} else if (sys_fstat(STDERR, &st) == 0) {
		stderr_device = st.st_dev;
		stderr_inode = st.st_ino;
		stderr_known = true;
		destination = TO_STDERR;
	} else {
		destination = TO_NOBODY; /* started without one */
	}
}

FORK_CODE void log_set_flusher(int tid)
{
	atomic_store_explicit(&flusher_tid, tid, memory_order_relaxed);
}

static bool is_stderr(int fd)
{
	struct stat st;

	if (sys_fstat(fd, &st) != 0)
		return false;
	return !stderr_known || (st.st_dev == stderr_device &&
				 st.st_ino == stderr_inode);
}

/* Descriptor 2 of the process as seen from the flusher's own table. */
static int borrow_stderr(void)
{
	int pidfd = (int)sys_call(SYS_pidfd_open, sys_getpid(), 0), fd;

	if (pidfd >= 0) {
		fd = (int)sys_call(SYS_pidfd_getfd, pidfd, STDERR, 0);
		sys_close(pidfd);
		if (fd >= 0)
			return fd;
	}
	/* Before Linux 5.6. A pipe or terminal can be opened once more. */
	return sys_open("/proc/self/fd/2",
			O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY |
			O_NONBLOCK, 0);
}

static bool would_block(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return sys_call(SYS_poll, &p, 1, 0) != 1;
}

static uint64_t pending(void)
{
	uint64_t set = 0;

	sys_call(SYS_rt_sigpending, &set, sizeof(set));
	return set;
}

/*
 * A reader that went away makes write() raise SIGPIPE in this thread. All
 * signals are held back meanwhile and a SIGPIPE that was not there before is
 * taken away.
 */
static void write_quietly(int fd, const char *line, size_t size)
{
	static const struct timespec now;
	uint64_t all = ~0ull, old = 0, pipe = SIGPIPE_BIT;
	bool was_pending;

	sys_call(SYS_rt_sigprocmask, SIG_BLOCK_, &all, &old, sizeof(all));
	was_pending = pending() & SIGPIPE_BIT;
	if (sys_write(fd, line, size) == -EPIPE && !was_pending)
		sys_call(SYS_rt_sigtimedwait, &pipe, NULL, &now, sizeof(pipe));
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK_, &old, NULL, sizeof(old));
}

static void write_to_stderr(const char *line, size_t size)
{
	int tid = atomic_load_explicit(&flusher_tid, memory_order_relaxed);
	bool borrowed = tid != 0 && tid == sys_gettid();
	int fd = borrowed ? borrow_stderr() : STDERR;

	if (fd < 0)
		return;
	if (is_stderr(fd) && !would_block(fd))
		write_quietly(fd, line, size);
	if (borrowed)
		sys_close(fd);
}

static void write_to_file(const char *line, size_t size)
{
	int fd = sys_open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
			  O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0)
		return;
	write_quietly(fd, line, size);
	sys_close(fd);
}

static void say(enum log_level level, const char *format, va_list args)
{
	char line[LOG_LINE_MAX];
	struct format f;

	if (destination == TO_NOBODY ||
	    (destination == TO_STDERR && level > LOG_WARNING))
		return;
	format_init(&f, line, sizeof(line) - 1); /* room for the newline */
	format_string(&f, "profagent: ");
	format_args(&f, format, args);
	line[f.used] = '\n';
	if (destination == TO_STDERR)
		write_to_stderr(line, f.used + 1);
	else
		write_to_file(line, f.used + 1);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(level, format, args);
	va_end(args);
}

void log_once(unsigned char *said, enum log_level level, const char *format,
	      ...)
{
	va_list args;

	/* Two threads at once: one of them sets it. Nothing is published. */
	if (__atomic_exchange_n(said, 1, __ATOMIC_RELAXED) != 0)
		return;
	va_start(args, format);
	say(level, format, args);
	va_end(args);
}
