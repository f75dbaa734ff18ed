/* SPDX-License-Identifier: MIT */
/* bump: see bump.h. */
#include "tools/bump.h"

#define BLOCK_LEAST (64u * 1024u)
#define ALIGNMENT 16u

struct _BumpBlock {
	BumpBlock *next;
	gsize size;			/* of data */
	_Alignas(ALIGNMENT) guint8 data[];
};

static gboolean add_block(Bump *b, gsize size)
{
	BumpBlock *block;

	size = MAX(size, BLOCK_LEAST);
	if (b->blocks && b->total > 0)
		size = MAX(size, MIN(b->total, b->limit / 4));
	if (size > b->limit - b->total)
		return FALSE;
	block = g_try_malloc(sizeof(*block) + size);
	if (!block)
		return FALSE;
	block->size = size;
	block->next = b->blocks;
	b->blocks = block;
	b->used = 0;
	b->total += size;
	return TRUE;
}

static void *take(void *data, size_t size)
{
	Bump *b = data;
	void *at;

	if (size > b->limit)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if ((!b->blocks || b->blocks->size - b->used < size) &&
	    !add_block(b, size))
		return NULL;
	at = b->blocks->data + b->used;
	b->used += size;
	return at;
}

static void leave(void *data, void *pointer)
{
	(void)data;
	(void)pointer;
}

void bump_init(Bump *b, gsize limit)
{
	*b = (Bump){ .allocator = { take, leave, b }, .limit = limit };
}

/* Frees all blocks but the last of the list. */
static void free_blocks(Bump *b, BumpBlock *kept)
{
	BumpBlock *next;

	for (; b->blocks != kept; b->blocks = next) {
		next = b->blocks->next;
		b->total -= b->blocks->size;
		g_free(b->blocks);
	}
}

void bump_release(Bump *b)
{
	free_blocks(b, NULL);
}

void bump_clear(Bump *b)
{
	BumpBlock *first = b->blocks;

	while (first && first->next)
		first = first->next;
	free_blocks(b, first);
	b->used = 0;
}
