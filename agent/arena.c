/* SPDX-License-Identifier: MIT */
/*
 * arena: memory of the flusher, straight from the kernel. Runs on the flusher
 * (and in the constructor before it exists); never calls malloc.
 *
 *   chunk: [header | allocation | allocation | ... free ... ]
 */
#define _GNU_SOURCE
#include "agent/arena.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/sys.h"

#define PAGE 4096u
#define CHUNK_BYTES (256u * 1024u) /* ordinary chunk: touched lazily */
#define ALIGN 16u

struct arena_chunk {
	struct arena_chunk *next;	/* older */
	size_t size;			/* bytes mapped, this header included */
	size_t used;			/* bytes handed out, header included */
};

#define HEADER_BYTES \
	((sizeof(struct arena_chunk) + ALIGN - 1) & ~(size_t)(ALIGN - 1))

/*
 * Bytes mapped by everything here, and the most that may be. Relaxed: a total
 * for the health counters and a cap; nothing is published through it.
 */
static _Atomic size_t total;
static _Atomic size_t limit = SIZE_MAX;

static size_t round_up(size_t size, size_t unit)
{
	return (size + unit - 1) & ~(unit - 1);
}

/* Books `more` bytes. False if that would pass the limit. */
static bool book(size_t more)
{
	size_t now = atomic_fetch_add_explicit(&total, more,
					       memory_order_relaxed);

	if (more <= SIZE_MAX - now &&
	    now + more <= atomic_load_explicit(&limit, memory_order_relaxed))
		return true;
	atomic_fetch_sub_explicit(&total, more, memory_order_relaxed);
	return false;
}

static void unbook(size_t bytes)
{
	atomic_fetch_sub_explicit(&total, bytes, memory_order_relaxed);
}

static void *map(size_t size)
{
	void *at;

	if (!book(size))
		return NULL;
	at = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == NULL) {
		unbook(size);
		return NULL;
	}
	/* A failure costs a forked child copied page tables, no more. */
	sys_madvise(at, size, MADV_DONTFORK);
	return at;
}

static void unmap(void *at, size_t size)
{
	sys_munmap(at, size);
	unbook(size);
}

static struct arena_chunk *add_chunk(struct arena *a, size_t payload)
{
	size_t size = CHUNK_BYTES;
	struct arena_chunk *c;

	if (payload > SIZE_MAX - HEADER_BYTES - PAGE)
		return NULL;
	if (payload + HEADER_BYTES > size)
		size = round_up(payload + HEADER_BYTES, PAGE);
	c = map(size);
	if (c == NULL)
		return NULL;
	c->size = size;
	c->used = HEADER_BYTES;
	c->next = a->chunks;
	a->chunks = c;
	a->mapped += size;
	return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->chunks;
	void *at;

	if (size > SIZE_MAX - ALIGN)
		return NULL;
	size = round_up(size, ALIGN);
	if (c == NULL || c->size - c->used < size)
		c = add_chunk(a, size);
	if (c == NULL)
		return NULL;
	at = (uint8_t *)c + c->used;
	c->used += size;
	return at;
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *keep = NULL, *c = a->chunks, *next;

	for (; c != NULL; c = next) {
		next = c->next;
		if (keep == NULL && c->size == CHUNK_BYTES) {
			keep = c;
			continue;
		}
		a->mapped -= c->size;
		unmap(c, c->size);
	}
	a->chunks = keep;
	if (keep == NULL)
		return;
	memset((uint8_t *)keep + HEADER_BYTES, 0, keep->used - HEADER_BYTES);
	keep->used = HEADER_BYTES;
	keep->next = NULL;
}

void arena_release(struct arena *a)
{
	struct arena_chunk *c = a->chunks, *next;

	for (; c != NULL; c = next) {
		next = c->next;
		unmap(c, c->size);
	}
	a->chunks = NULL;
	a->mapped = 0;
}

static void *resize(void *old, size_t old_size, size_t new_size)
{
	void *at;

	if (new_size > old_size && !book(new_size - old_size))
		return NULL;
	at = sys_mremap(old, old_size, new_size, MREMAP_MAYMOVE);
	if (at == NULL) {
		if (new_size > old_size)
			unbook(new_size - old_size);
		return NULL;
	}
	if (new_size < old_size)
		unbook(old_size - new_size);
	return at;
}

void *arena_block(void *old, size_t old_size, size_t new_size)
{
	if (new_size == 0 || new_size > SIZE_MAX - PAGE)
		return NULL;
	new_size = round_up(new_size, PAGE);
	if (old == NULL)
		return map(new_size);
	old_size = round_up(old_size, PAGE);
	return old_size == new_size ? old : resize(old, old_size, new_size);
}

void arena_block_free(void *block, size_t size)
{
	if (block != NULL)
		unmap(block, round_up(size, PAGE));
}

size_t arena_total(void)
{
	return atomic_load_explicit(&total, memory_order_relaxed);
}

void arena_set_limit(size_t bytes)
{
	atomic_store_explicit(&limit, bytes, memory_order_relaxed);
}

void arena_reset_after_fork(void)
{
	atomic_store_explicit(&total, 0, memory_order_relaxed);
}
