/* SPDX-License-Identifier: MIT */
/*
 * arena: memory for the flusher, which must not call malloc.
 *
 * Chunks come from mmap and are marked MADV_DONTFORK: a forked child starts
 * with an empty flusher and must not pay for its parent's. Allocations are
 * 16-byte aligned, zeroed, and live until the arena is cleared. One thread at
 * a time.
 */
#ifndef PROFAGENT_AGENT_ARENA_H
#define PROFAGENT_AGENT_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;	/* newest first */
	size_t mapped;			/* bytes in all chunks */
};

#define ARENA_INIT { NULL, 0 }

/* NULL without memory. */
void *arena_alloc(struct arena *a, size_t size);

/* Forgets all allocations; keeps one chunk of the ordinary size. */
void arena_clear(struct arena *a);

/* Gives everything back. */
void arena_release(struct arena *a);

/*
 * A block of its own that can grow, for tables and buffers: mmap and mremap.
 * Returns NULL without memory and leaves the old block as it was.
 */
void *arena_block(void *old, size_t old_size, size_t new_size);
void arena_block_free(void *block, size_t size);

/* Bytes mapped by all arenas and blocks. Any thread. */
size_t arena_total(void);

/*
 * The most that all arenas and blocks together may map; beyond it allocations
 * fail as if the kernel had no memory. No limit at first. Any thread.
 */
void arena_set_limit(size_t bytes);

/*
 * In a forked child, where none of the parent's chunks and blocks are mapped:
 * counts from zero. Every pointer into them is to be forgotten, not freed.
 */
void arena_reset_after_fork(void);

#endif
