/* SPDX-License-Identifier: MIT */
/*
 * memory: fault-safe reads. Runs in the signal handler and in the flusher;
 * its only system calls are getpid (once a walk) and process_vm_readv.
 */
#include "agent/memory.h"

#include <string.h>

#include "agent/sys.h"

/* Saved registers lie below a return address: take some of what is below. */
#define WINDOW_BELOW 32u

size_t memory_copy(struct memory *m, uint64_t addr, void *buf, size_t size)
{
	struct iovec local = { buf, size };
	struct iovec remote = { (void *)(uintptr_t)addr, size };
	ssize_t got;

	if (m->pid == 0)
		m->pid = sys_getpid();	/* not kept: a fork changes it */
	got = sys_process_vm_readv(m->pid, &local, 1, &remote, 1);
	return got < 0 ? 0 : (size_t)got;
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
