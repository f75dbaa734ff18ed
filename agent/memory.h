/* SPDX-License-Identifier: MIT */
/*
 * memory: reads of this process's own memory that fail instead of faulting.
 *
 * What lies in a range known to be mapped is read directly. All else goes
 * through process_vm_readv, which takes a microsecond: a copied window makes
 * it serve several reads. One struct belongs to one walk and lives on its
 * stack. Async-signal-safe.
 *
 * Filters of some containers refuse process_vm_readv. Then the flusher, which
 * looks at what other threads may unmap meanwhile, reads /proc/self/mem. A
 * handler cannot: it has the program's descriptors. It asks the kernel whether
 * the address is readable and reads; it looks at its own thread's stack and at
 * the modules that are on it, which do not go away meanwhile.
 */
#ifndef PROFAGENT_AGENT_MEMORY_H
#define PROFAGENT_AGENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes copied at once: a frame or two; a walk has 1.5 KiB of stack. */
#define MEMORY_WINDOW 160u

#define MEMORY_PAGE 4096u

/*
 * The program's stack is read as it is; a sanitizer would take that for an
 * error of ours.
 */
#define MEMORY_NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread")))

struct memory {
	uint64_t low;		/* words at [low, low + span) are readable */
	uint64_t span;		/* their first bytes, so 7 less than bytes */
	uint64_t window;	/* address of what `copy` holds */
	uint32_t window_size;	/* bytes, 0: nothing */
	int32_t pid;		/* ours, 0 until it is needed */
	uint8_t copy[MEMORY_WINDOW];
};

/* A word anywhere, aligned or not, of any type. */
struct memory_word {
	uint64_t value;
} __attribute__((packed, may_alias));

/* [low, high) is readable as long as `m` is used; both 0: nothing is known. */
static inline void memory_init(struct memory *m, uint64_t low, uint64_t high)
{
	m->low = low;
	m->span = high > low && high - low >= 8 ? high - low - 7 : 0;
	m->window_size = 0;
	m->pid = 0;
}

/* The part of memory_read() for what is outside [low, high). */
bool memory_read_outside(struct memory *m, uint64_t addr, uint64_t *value);

MEMORY_NO_SANITIZE
static inline uint64_t memory_load(uint64_t addr)
{
	return ((const struct memory_word *)(uintptr_t)addr)->value;
}

/* True if the 8 bytes at `addr` lie in [low, high). */
static inline bool memory_is_direct(const struct memory *m, uint64_t addr)
{
	return addr - m->low < m->span;
}

/* The 8 bytes at `addr`; false if they cannot be read. */
static inline bool memory_read(struct memory *m, uint64_t addr,
			       uint64_t *value)
{
	if (!memory_is_direct(m, addr))
		return memory_read_outside(m, addr, value);
	*value = memory_load(addr);
	return true;
}

/*
 * Begin and end of a flusher, on its thread. Where process_vm_readv is refused
 * it opens a file when it first reads, in its own table of descriptors.
 */
void memory_begin_flusher(void);
void memory_end_flusher(void);

/*
 * Copies up to `size` bytes from anywhere, fault-safe; returns how many could
 * be read, from the first on.
 */
size_t memory_copy(struct memory *m, uint64_t addr, void *buf, size_t size);

/*
 * The same for small pieces that are read one after the other or again: out of
 * the window, which is moved there first if need be. Returns how many bytes.
 */
size_t memory_copy_near(struct memory *m, uint64_t addr, void *buf,
			size_t size);

#endif
