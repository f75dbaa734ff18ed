/* SPDX-License-Identifier: MIT */
/*
 * idtable: open addressing with linear probing, at most two thirds full. Runs
 * on the flusher.
 */
#include "agent/idtable.h"

#include <string.h>

#include "agent/arena.h"

#define SLOTS_MIN 1024u

static void insert(struct idtable_slot *slots, uint32_t size, uint32_t hash,
		   uint32_t id)
{
	uint32_t at = hash & (size - 1);

	while (slots[at].id != 0)
		at = (at + 1) & (size - 1);
	slots[at].id = id;
	slots[at].hash = hash;
}

static bool grow(struct idtable *t)
{
	uint32_t size = t->size > 0 ? t->size * 2 : SLOTS_MIN, i;
	struct idtable_slot *slots = NULL;

	if (size > t->size)
		slots = arena_block(NULL, 0, size * sizeof(slots[0]));
	if (slots == NULL)
		return false;
	for (i = 0; i < t->size; i++)
		if (t->slots[i].id != 0)
			insert(slots, size, t->slots[i].hash, t->slots[i].id);
	arena_block_free(t->slots, t->size * sizeof(slots[0]));
	t->slots = slots;
	t->size = size;
	return true;
}

bool idtable_add(struct idtable *t, uint32_t hash, uint32_t id)
{
	if (t->used >= t->size / 3 * 2 && !grow(t))
		return false;
	insert(t->slots, t->size, hash, id);
	t->used++;
	return true;
}

void idtable_clear(struct idtable *t)
{
	if (t->slots != NULL)
		memset(t->slots, 0, t->size * sizeof(t->slots[0]));
	t->used = 0;
}

void idtable_release(struct idtable *t)
{
	arena_block_free(t->slots, t->size * sizeof(t->slots[0]));
	t->slots = NULL;
	t->size = t->used = 0;
}

size_t idtable_memory(const struct idtable *t)
{
	return t->size * sizeof(t->slots[0]);
}
