/* SPDX-License-Identifier: MIT */
/*
 * memory: fault-safe reads. Runs in the signal handler and in the flusher;
 * its only system calls are getpid (once a walk) and process_vm_readv; where
 * that is refused gettid and rt_sigprocmask, or the flusher's pread.
 */
#include "agent/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/sys.h"

/* Saved registers lie below a return address: take some of what is below. */
#define WINDOW_BELOW 32u

/* relaxed: each word stands for itself */
static _Atomic bool refused;	/* process_vm_readv, once and for all */

/* The flusher, and its descriptor of /proc/self/mem, which it alone uses. */
static _Atomic int flusher;	/* tid; 0: none */
static int flusher_fd;		/* NOT_OPEN, or -errno: it never will be */

/* --- where process_vm_readv is refused ------------------------------------- */

#define NOT_OPEN INT_MIN
#define NO_HOW 0x7fff	/* no way to change a mask: the kernel refuses it */

/*
 * Whether the aligned 8 bytes around `addr` can be read: the kernel copies the
 * new mask (EFAULT if it cannot) before it finds that it is told nothing to do
 * with it (EINVAL).
 */
static bool is_readable(uint64_t addr)
{
	return sys_call(SYS_rt_sigprocmask, NO_HOW, addr & ~(uint64_t)7, NULL,
			8) == -EINVAL;
}

MEMORY_NO_SANITIZE
static void copy_bytes(uint8_t *to, uint64_t from, size_t size)
{
	const volatile uint8_t *at = (const uint8_t *)(uintptr_t)from;
	size_t i;

	for (i = 0; i < size; i++)
		to[i] = at[i];
}

/* Page by page, up to the first that cannot be read. */
static size_t copy_checked(uint64_t addr, uint8_t *to, size_t size)
{
	size_t done = 0, piece;

	while (done < size && addr + done >= addr && is_readable(addr + done)) {
		piece = MEMORY_PAGE - ((addr + done) & (MEMORY_PAGE - 1));
		if (piece > size - done)
			piece = size - done;
		copy_bytes(to + done, addr + done, piece);
		done += piece;
	}
	return done;
}

static size_t copy_by_file(uint64_t addr, void *buf, size_t size)
{
	ssize_t got;

	if (flusher_fd == NOT_OPEN)
		flusher_fd = sys_open("/proc/self/mem", O_RDONLY | O_CLOEXEC,
				      0);
	if (flusher_fd < 0)
		return 0;
	got = sys_pread(flusher_fd, buf, size, (int64_t)addr);
	return got < 0 ? 0 : (size_t)got;
}

static size_t copy_refused(uint64_t addr, void *buf, size_t size)
{
	int tid = atomic_load_explicit(&flusher, memory_order_relaxed);

	return tid != 0 && tid == sys_gettid() ? copy_by_file(addr, buf, size)
					       : copy_checked(addr, buf, size);
}

void memory_begin_flusher(void)
{
	flusher_fd = NOT_OPEN;
	atomic_store_explicit(&flusher, sys_gettid(), memory_order_relaxed);
}

void memory_end_flusher(void)
{
	atomic_store_explicit(&flusher, 0, memory_order_relaxed);
	if (flusher_fd >= 0)
		sys_close(flusher_fd);
}

/* --- reading ------------------------------------------------------------------ */

size_t memory_copy(struct memory *m, uint64_t addr, void *buf, size_t size)
{
	struct iovec local = { buf, size };
	struct iovec remote = { (void *)(uintptr_t)addr, size };
	ssize_t got;

	if (atomic_load_explicit(&refused, memory_order_relaxed))
		return copy_refused(addr, buf, size);
	if (m->pid == 0)
		m->pid = sys_getpid();	/* not kept: a fork changes it */
	got = sys_process_vm_readv(m->pid, &local, 1, &remote, 1);
	if (got >= 0)
		return (size_t)got;
	if (got != -EPERM && got != -ENOSYS)
		return 0;
	atomic_store_explicit(&refused, true, memory_order_relaxed);
	return copy_refused(addr, buf, size);
}

static bool window_holds(const struct memory *m, uint64_t addr)
{
	return addr - m->window < m->window_size &&
	       m->window_size - (addr - m->window) >= 8;
}

/* Copies from `below` bytes before `addr`, at most to the end of its page. */
static void window_move(struct memory *m, uint64_t addr, unsigned below)
{
	uint64_t page = addr & ~(uint64_t)(MEMORY_PAGE - 1);
	uint64_t start = addr - page < below ? page : addr - below;
	uint64_t size = page + MEMORY_PAGE - start;

	if (size > MEMORY_WINDOW)
		size = MEMORY_WINDOW;
	m->window = start;
	m->window_size = (uint32_t)memory_copy(m, start, m->copy, size);
}

bool memory_read_outside(struct memory *m, uint64_t addr, uint64_t *value)
{
	if (addr > UINT64_MAX - MEMORY_PAGE)
		return false;
	if (!window_holds(m, addr))
		window_move(m, addr, WINDOW_BELOW);
	if (window_holds(m, addr)) {
		memcpy(value, m->copy + (addr - m->window), 8);
		return true;
	}
	/* The word lies across the end of a page. */
	return memory_copy(m, addr, value, 8) == 8;
}

size_t memory_copy_near(struct memory *m, uint64_t addr, void *buf,
			size_t size)
{
	uint64_t at = addr - m->window;

	if (at >= m->window_size) {
		window_move(m, addr, 0);
		at = 0;
	}
	if (size > m->window_size - at)
		size = m->window_size - at;
	memcpy(buf, m->copy + at, size);
	return size;
}
