/* SPDX-License-Identifier: MIT */
/*
 * block: an array that grows, for the constructor and the flusher.
 *
 * Memory comes from mmap; unlike that of agent/arena.h a forked child keeps it.
 * One thread at a time.
 */
#ifndef PROFAGENT_AGENT_BLOCK_H
#define PROFAGENT_AGENT_BLOCK_H

#include <stddef.h>

struct block {
	void *data;			/* moves when it grows */
	size_t size, capacity;		/* bytes */
};

/*
 * Zeroed memory of its own, never given back unless unmapped; NULL: none. A
 * forked child does not have it.
 */
void *block_map(size_t size);

/* Room for `size` more bytes at the end of `b`; NULL without memory. */
void *block_push(struct block *b, size_t size);

#endif
